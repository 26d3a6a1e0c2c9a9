"""The tables of docs/experiments_graphs.md have the numbers of the runs in docs/experiments."""

import json
import re
from pathlib import Path

import pytest
from isogram._tables import fixed

DOCS = Path(__file__).parents[2] / "docs"
SECTIONS = {
    re.search(r"`isogram experiment (\w+)`", section)[1]: section
    for section in (DOCS / "experiments_graphs.md").read_text().split("\n## ")[1:]
}


def shown(cell):
    """The ways in which the page may write a cell of a result."""
    if isinstance(cell, list):
        value, low, high = (fixed(number, 3) for number in cell)
        return {f"{value} [{low}, {high}]", *shown(cell[0])}
    return {fixed(cell, 2), fixed(cell, 3)} if isinstance(cell, float) else {str(cell)}


@pytest.mark.parametrize("name", SECTIONS)
def test_tables_have_the_numbers_of_the_run(name):
    result = json.loads((DOCS / "experiments" / f"{name}.json").read_text())
    found = {}
    for table in result["findings"]["tables"]:
        for row in table["rows"]:
            found.setdefault(row[0], set()).update(*map(shown, row))
    rows = re.findall(r"^\| (.*) \|$", SECTIONS[name], re.MULTILINE)
    cells = [row.split(" | ") for row in rows if re.search(r"\d\.\d\d", row)]
    assert len(cells) > 10
    for label, *numbers in cells:
        assert {number.strip() for number in numbers} <= found[label] | {""}, label
