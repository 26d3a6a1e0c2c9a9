"""docs/measures.md: its measured tables are those of benchmarks/invariances.py, and keep to what
measures declare.
"""

import re
import sys
from pathlib import Path

import isogram as ig
import numpy as np
import pytest
from isogram._measures import INVARIANCES

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks/ is no installed package

from benchmarks import invariances

PAGE = invariances.PAGE.read_text()


def on_page(name):
    return PAGE.partition(f"<!-- {name} -->\n")[2].partition("<!-- end -->")[0].strip()


@pytest.fixture(scope="module")
def measured():
    return invariances.tables()


def agree(written, now):
    """Whether two cells say the same, but for a last digit."""
    if written in ("", "—", "0") or now in ("", "—", "0"):
        return written == now
    one, other = float(written), float(now)
    return abs(one - other) <= max(0.011, 0.5 * abs(one)) if one * other >= 0 else one == other


@pytest.mark.parametrize("name", ["features", "positions", "widths", "neighbours"])
def test_the_page_has_what_is_measured(measured, name):
    written, now = (list(invariances.cells_of(text)) for text in (on_page(name), measured[name]))
    assert [cell[:2] for cell in written] == [cell[:2] for cell in now]
    for (row, column, one), (_, _, other) in zip(written, now, strict=True):
        assert agree(one, other), f"{row}, {column}: {one} is written, {other} measured"


def test_advice_quotes_what_is_measured():
    advice = PAGE.partition("\n## Which when\n")[2].partition("\n## ")[0]
    tables = "".join(map(on_page, ["features", "positions", "widths", "neighbours"]))
    numbers = set(re.findall(r"(?<![\d.])[01]\.\d\d(?!\d)", advice)) - {"1.57"}  # π/2
    assert len(numbers) > 9
    for number in numbers:
        assert re.search(rf"(?<![\d.]){number}(?!\d)", tables), number


def test_what_is_declared_to_change_nothing_changes_nothing():
    cells = {(row, column): cell for row, column, cell in invariances.cells_of(on_page("features"))}
    assert set(INVARIANCES) <= set(invariances.CHANGES)
    for name, measure in ig.measures().items():
        for family in INVARIANCES:
            # Others may change nothing here: of neighbours at k = 10, all cycles close already.
            assert cells[f"`{name}`", family] == "0" or family not in measure.invariances, family


def test_a_change_is_seen(monkeypatch):
    """Of a measure that is not what it was, and that of a change which is none."""
    right = ig.similarity
    monkeypatch.setattr(ig, "similarity", lambda *layers, **options: right(*layers, **options) / 2)
    monkeypatch.setattr(invariances, "CHANGES", {"none": lambda y, _: y})
    found = invariances.changes_of_features()
    assert {values["none"] for values in found.values()} == {0}
    x, y = (a.mean(axis=(1, 2)) for a in invariances.layers("mean"))
    assert found["`cka`"]["value"] == ig.cka(x, y) / 2


def test_changes_are_what_their_names_say():
    y = np.random.default_rng(0).standard_normal((30, 2, 3, 4)) + 2
    changed = {
        name: change(y, np.random.default_rng(1)) for name, change in invariances.CHANGES.items()
    }
    flat = {name: a.reshape(-1, 4).astype(float) for name, a in changed.items()}
    plain = y.reshape(-1, 4)
    np.testing.assert_allclose(flat["orthogonal"] @ flat["orthogonal"].T, plain @ plain.T)
    assert np.array_equal(np.sort(flat["permutation of features"]), np.sort(plain))
    mixing = np.linalg.lstsq(plain, flat["invertible linear"], rcond=None)[0]
    assert np.isclose(np.linalg.cond(mixing), 100)
    assert np.ptp(flat["translation"] - plain, axis=0).max() < 1e-12
    assert (flat["one massive feature"] != plain).any(axis=0).sum() == 1
    moved = invariances.shuffled_positions(y, np.random.default_rng(0))
    assert not np.array_equal(moved, y)
    assert np.array_equal(
        np.sort(moved.reshape(30, 6, 4), axis=1), np.sort(y.reshape(30, 6, 4), axis=1)
    )
