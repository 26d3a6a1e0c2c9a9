"""Cases of partial correlations of RSMs that every place is to pass, host and GPU."""

import isogram as ig
import numpy as np
import pytest
from scipy import stats
from support import DTYPES, assert_close

from cases.compare import rsm

PARTIAL = ("pearson", "spearman")


def partial(a, b, given, method):
    """By the residuals of two regressions with a constant."""
    entries = [k.astype(np.float64)[np.triu_indices(len(k), 1)] for k in (a, b, *given)]
    entries = [values[~np.isnan(values)] for values in entries]
    if method == "spearman":
        entries = [stats.rankdata(values) for values in entries]
    design = np.column_stack([np.ones_like(entries[0]), *entries[2:]])
    left = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in entries[:2]]
    return float(left[0] @ left[1] / np.sqrt((left[0] @ left[0]) * (left[1] @ left[1])))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", PARTIAL)
def test_partial_correlations(place, method, dtype):
    for n in place.choose((5, 12, 30), (12,)):
        a, b, first, second = (rsm(n, dtype, seed) for seed in range(4))
        a = (a + 2 * first).astype(a.dtype)
        for given in ([first], [first, second], [first, second, 3 * first + 0.5]):
            given = [k.astype(a.dtype) for k in given]
            if len(given) == 3 and (dtype != "float64" or method == "spearman"):
                continue  # which rounding makes independent
            there = [place.put(k) for k in given]
            actual = ig.compare_rsms(place.put(a), place.put(b), method=method, given=there)
            assert_close(actual, partial(a, b, given, method), 1e-10, f"n = {n}, {len(given)}")


@pytest.mark.parametrize("method", PARTIAL)
def test_partial_tables(place, method):
    rows, cols = ([rsm(9, "float64", s) for s in seeds] for seeds in ((1, 2, 3), (4, 5)))
    given = {"control": rsm(9, "float64", 6), "other": rsm(9, "float64", 7)}
    there = [[place.put(k) for k in side] for side in (rows, cols)]
    controls = {name: place.put(k) for name, k in given.items()}
    table = place.get(ig.compare_rsms_matrix(*there, method=method, given=controls))
    expected = [[partial(a, b, given.values(), method) for b in cols] for a in rows]
    assert_close(table, np.array(expected), 1e-12)
    one_set = place.get(ig.compare_rsms_matrix(there[0], method=method, given=controls))
    assert np.array_equal(one_set, one_set.T)
    assert np.array_equal(np.diag(one_set), np.ones(3))


def test_pairs_that_are_missing_in_all_and_given(place):
    a, b, given = (rsm(9, "float64", s) for s in (1, 2, 3))
    for k in (a, b, given):
        k[1, 2] = np.nan
    there = [place.put(k) for k in (a, b, given)]
    actual = ig.compare_rsms(*there[:2], given=there[2:])
    assert_close(actual, partial(a, b, [given], "pearson"), 1e-12)
    with pytest.raises(ValueError, match="`rsm_a` must have no NaN for method 'spearman' with"):
        ig.compare_rsms(*there[:2], given=there[2:], method="spearman")
    given[1, 2] = 0.5
    said = r"`rsm_a` must be finite, got nan at index \(1, 2\), where `given\[0\]` is a number"
    with pytest.raises(ValueError, match=said):
        ig.compare_rsms(*there[:2], given=[place.put(given)])


@pytest.mark.parametrize("method", PARTIAL)
def test_what_given_rsms_explain_has_no_rest(place, method):
    a, b = rsm(9, "float64", 1), rsm(9, "float64", 2)
    said = f"compare_rsms: {method} is NaN, because `rsm_a` is the sum of a constant and multiples"
    explained, other, given = map(place.put, (3 * a + 1, b, a))
    with pytest.warns(RuntimeWarning, match=said):
        assert np.isnan(ig.compare_rsms(explained, other, method=method, given=[given]))
