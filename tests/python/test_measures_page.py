"""docs/measures.md and README's table say what the registry does."""

import math
import re
import sys
from pathlib import Path

import isogram as ig
from isogram._measures import INVARIANCES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "measures.md").read_text()
README = (ROOT / "README.md").read_text()


def number(value):
    return {math.pi / 2: "π/2", math.pi: "π"}.get(value, f"{value:g}")


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def declarations():
    """Return the page's first table."""
    rows = []
    for name, measure in ig.measures().items():
        names = ", ".join(f"`{n}`" for n in (name, *measure.aliases))
        kind = measure.kind + (", a metric" if measure.metric else "")
        kind += "" if measure.symmetric else ", not symmetric"
        interval = " to ".join(map(number, measure.range))
        options = ", ".join(f"`{option}`" for option in measure.options) or "none"
        fewest = str(measure.fewest)
        rows.append([names, measure.summary, kind, interval, fewest, measure.cost, options])
    header = ["measure", "what it is", "kind", "range", "fewest samples", "cost", "options"]
    return table(header, rows)


def invariances():
    """Return the page's second table."""
    rows = []
    for name, measure in ig.measures().items():
        marks = ["yes" if family in measure.invariances else "" for family in INVARIANCES]
        rows.append([f"`{name}`", *marks, measure.source])
    return table(["measure", *INVARIANCES, "source"], rows)


def test_the_page_has_what_measures_declare():
    for part in (declarations(), invariances()):
        assert part in PAGE, f"docs/measures.md lacks this table:\n\n{part}"


def test_readme_names_every_measure():
    section = README.partition("## Which measure when")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", section))
    assert set(ig.measures()) <= named
    functions = {name for name in named - set(ig.measures()) if hasattr(ig, name)}
    assert named == set(ig.measures()) | functions


def test_readme_is_a_page():
    assert len(README.splitlines()) <= 200


def test_the_example_runs():
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = sys.modules["isogram._measures"]._BY_NAME
    before = dict(names)
    try:
        exec(compile(example, "docs/measures.md", "exec"), {})
        assert "squared_cka" in ig.measures()
    finally:
        names.clear()
        names.update(before)
