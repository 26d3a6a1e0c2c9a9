"""Cases of `compare_rsms_matrix` that every place is to pass, host and GPU."""

import re

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, assert_close, oracle

from cases.compare import ENTRY_METHODS, METHODS, OF_ALL_PAIRS, rsm, tolerance

ALL_METHODS = (*METHODS, "kendall_b", *OF_ALL_PAIRS)


def several(count, n, dtype, seed=0, decimals=None):
    """Return symmetric matrices, with ties if they are rounded."""
    found = [rsm(n, "float64", [seed, i]) for i in range(count)]
    return [(k if decimals is None else k.round(decimals)).astype(DTYPES[dtype]) for k in found]


def expected_table(rows, cols, method):
    """Compare pair by pair."""
    return np.array([[oracle.compare(a, b, method=method) for b in cols] for a in rows])


def table(place, rsms, other=None, **parameters):
    """Compare lists of RSMs there."""
    there = None if other is None else [place.put(a) for a in other]
    return place.get(ig.compare_rsms_matrix([place.put(a) for a in rsms], there, **parameters))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ALL_METHODS)
def test_every_pair(place, method, dtype):
    for n in place.choose((5, 17, 40), (5, 17)):
        for decimals in (None, 1):
            rows = several(3, n, dtype, 1, decimals)
            cols = several(2, n, dtype, 2, decimals)
            expected = expected_table(rows, cols, method)
            slack = tolerance(method, dtype) if method in METHODS else 1e-12
            assert_close(table(place, rows, cols, method=method), expected, slack, f"n = {n}")
            one_set = table(place, rows, method=method)
            assert_close(one_set, expected_table(rows, rows, method), slack, f"n = {n}")
            assert np.array_equal(one_set, one_set.T)
            if method not in OF_ALL_PAIRS:
                assert np.array_equal(np.diag(one_set), np.ones(3))


@pytest.mark.parametrize("method", ALL_METHODS)
def test_square_and_condensed_in_any_container(place, method):
    rows, cols = several(3, 9, "float32", 1), several(2, 9, "float32", 2)
    for k in (*rows, *cols):
        np.fill_diagonal(k, 0)
    expected = table(place, rows, cols, method=method)
    above = np.triu_indices(9, 1)
    condensed = [k[above] for k in rows]
    for stack in (rows, condensed):
        there = place.put(np.stack(stack))
        other = {"a": place.put(cols[0]), "b": place.put(cols[1][above])}
        actual = ig.compare_rsms_matrix(there, other, method=method)
        assert np.array_equal(place.get(actual), expected)


def test_a_stack_as_high_as_wide_is_a_stack(place):
    """Six RSMs of four samples, each of six entries, are not an RSM of six samples."""
    condensed = np.random.default_rng(0).random((6, 6))
    actual = place.get(ig.compare_rsms_matrix(place.put(condensed)))
    assert_close(actual, np.corrcoef(condensed), 1e-12)


@pytest.mark.parametrize("method", ENTRY_METHODS)
def test_pairs_that_are_nan_in_all_are_left_out(place, method):
    rows, cols = several(3, 9, "float32", 1, 1), several(2, 9, "float32", 2, 0)
    for k in (*rows, *cols):
        k[1, 2] = k[0, 8] = np.nan
    actual = table(place, rows, cols, method=method)
    assert_close(actual, expected_table(rows, cols, method), 1e-12)
    cols[1][3, 4] = np.nan
    said = "`other[1]` must be finite, got nan at index (3, 4), where `rsms[0]` is a number: pairs"
    with pytest.raises(ValueError, match=re.escape("compare_rsms_matrix: " + said)):
        table(place, rows, cols, method=method)
    rows[2][3, 4] = np.inf
    with pytest.raises(ValueError, match=r"`rsms\[2\]` must be finite, got inf at index \(3, 4\)$"):
        table(place, rows, cols, method=method)
    with pytest.raises(ValueError, match=r"`rsms\[0\]` must have at least 3 pairs that are"):
        table(place, [np.full((3, 3), np.nan)], method=method)


@pytest.mark.parametrize("method", ["cka", "gbs"])
def test_nan_is_refused_by_methods_of_rows(place, method):
    rows = several(3, 9, "float32")
    rows[1][7, 2] = np.nan
    with pytest.raises(ValueError, match=r"`rsms\[1\]` must be finite, got nan at index \(7, 2\)$"):
        table(place, rows, method=method)


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall", "kendall_b", "cosine", "cka"])
def test_constant_rsms_are_named(place, method):
    rows = several(3, 9, "float64")
    rows[1][...] = 0 if method == "cosine" else 0.1
    said = rf"compare_rsms_matrix: {method} is NaN, because `rsms\[1\]` is"
    with pytest.warns(RuntimeWarning, match=said):
        actual = table(place, rows, method=method)
    is_nan = np.isnan(actual)
    assert is_nan[1].all()
    assert is_nan[:, 1].all()
    assert is_nan.sum() == 5


def test_zero_rows_are_said(place):
    rows = several(2, 9, "float64")
    rows[1][4] = 0
    with pytest.warns(RuntimeWarning, match=r"^compare_rsms_matrix: of the 9 rows, 1 of `rsms\[1"):
        table(place, rows, method="gbs")


def test_kinds(place, recwarn):
    similar = [np.corrcoef(np.random.default_rng(s).random((9, 5))) for s in range(2)]
    distant = [1 - k for k in similar]
    for k in distant:
        np.fill_diagonal(k, 0)
    actual = table(place, similar, distant, kinds=("similarity", "distance"))
    assert not recwarn.list
    assert_close(actual, table(place, similar), 1e-12)
    with pytest.warns(RuntimeWarning, match=r"`rsms\[0\]` looks like s.*, `other\[0\]` like dist"):
        table(place, similar, distant)
    with pytest.raises(ValueError, match="`kinds` must be the same for one set of RSMs"):
        table(place, similar, kinds=("similarity", "distance"))
