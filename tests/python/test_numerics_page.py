"""docs/numerics.md: its tables are those of benchmarks/numerics.py, and a fault shows in them."""

import sys
from pathlib import Path

import isogram as ig
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks/ is no installed package

from benchmarks import numerics


@pytest.mark.parametrize("dtype", numerics.DTYPES)
def test_the_page_has_every_operation_family_and_promise(dtype):
    page = numerics.PAGE.read_text()
    written = page.partition(f"<!-- {dtype} -->")[2].partition("<!-- end -->")[0]
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in written.strip().split("\n")
    ]
    assert header == [dtype, "promised", *numerics.FAMILIES]
    promises = [
        [name, numerics.written(operation.promise(dtype))]
        for name, operation in numerics.OPERATIONS.items()
    ]
    assert [row[:2] for row in rows] == promises


def test_a_fault_is_seen(monkeypatch):
    right = ig.cka
    monkeypatch.setattr(ig, "cka", lambda *layers, **options: right(*layers, **options) + 1e-4)
    kept = {"`cka` RBF": numerics.OPERATIONS["`cka` RBF"]}
    monkeypatch.setattr(numerics, "OPERATIONS", kept)
    monkeypatch.setattr(numerics, "FAMILIES", {"ordinary": numerics.FAMILIES["ordinary"]})
    errors = numerics.measured("float32", seeds=1)
    assert numerics.broken("float32", errors) == [
        "`cka` RBF, ordinary, float32: 1.0e-04, promised 1e-05"
    ]
    assert "**1e-4**" in numerics.table("float32", errors)


@pytest.mark.parametrize("dtype", numerics.DTYPES)
def test_every_promise_is_kept(dtype):
    assert numerics.broken(dtype, numerics.measured(dtype, seeds=1)) == []
