"""Cases of `semantic_matching` that every place is to pass, host and GPU, against SciPy."""

import re

import isogram as ig
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from support import DTYPES, data, oracle, rsm_tolerance

KERNELS = ("linear", "cosine")


def put(place, value):
    """Copy an array, a sequence of them, or None there."""
    if isinstance(value, list):
        return [place.put(item) for item in value]
    return None if value is None else place.put(np.asarray(value))


def matched(place, tokens, other=None, **options):
    """Match there, and return what was found as arrays of the host."""
    for name in ("mask", "other_mask"):
        if name in options and not isinstance(options[name], list):
            options[name] = put(place, options[name])
    found = ig.semantic_matching(put(place, tokens), put(place, other), **options)
    return ig.SemanticMatching(*(x if isinstance(x, float) else place.get(x) for x in found))


def unit(tokens):
    """Tokens of norm 1, and zeros as they are."""
    norms = np.sqrt((tokens**2).sum(axis=1, keepdims=True))
    return np.divide(tokens, norms, out=np.zeros_like(tokens), where=norms > 0)


def check_pair(found, a, b, kernel, *, kept_a=None, kept_b=None, tolerance=1e-12, size=None):
    """Hold the matching of two float64 inputs, of which some tokens count, against SciPy."""
    columns, contributions, total, gap = found
    kept_a = np.arange(len(a)) if kept_a is None else np.flatnonzero(kept_a)
    kept_b = np.arange(len(b)) if kept_b is None else np.flatnonzero(kept_b)
    affinity = a[kept_a] @ b[kept_b].T
    norms = np.linalg.norm(a[kept_a]) * np.linalg.norm(b[kept_b])
    scale = (1 / norms if norms > 0 else 0) if kernel == "cosine" else 1
    optimum = affinity[linear_sum_assignment(affinity, maximize=True)].sum() * scale
    allowed = tolerance * (norms * scale + np.finfo(float).tiny)
    assert columns.dtype == np.int32
    assert contributions.dtype == np.float64
    assert len(columns) == len(contributions) == (size or len(a))
    rows = np.flatnonzero(columns >= 0)
    assert len(rows) == min(affinity.shape) == len(set(columns[rows]))
    assert set(rows) <= set(kept_a)
    assert set(columns[rows]) <= set(kept_b)
    assert (columns[np.setdiff1d(np.arange(len(columns)), rows)] == -1).all()
    assert (contributions[columns < 0] == 0).all()
    expected = (a[rows] * b[columns[rows]]).sum(axis=1) * scale
    np.testing.assert_allclose(contributions[rows], expected, rtol=0, atol=allowed)
    assert abs(contributions.sum() - total) <= allowed
    assert abs(optimum - total) <= allowed
    assert -1e-15 * norms * scale <= gap <= allowed
    assert optimum - total <= gap + 1e-14 * norms * scale  # SciPy's sum is rounded as well


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_two_inputs(place, kernel, dtype):
    for s, t, c in [(1, 1, 1), (1, 4, 3), (5, 1, 2), (16, 16, 7), (9, 30, 4), (30, 9, 4)]:
        a, b = data((s, c), dtype, 1), data((t, c), dtype, 2)
        found = matched(place, a, b, kernel=kernel)
        assert isinstance(found.total, float)
        assert isinstance(found.gap, float)
        check_pair(found, oracle.widen(a), oracle.widen(b), kernel)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_sum_is_the_entry_of_the_rsm(place, kernel):
    tokens, other = data((4, 16, 5), "float32", 3), data((3, 12, 5), "float32", 4)
    rows, cols = np.divmod(np.arange(12), 3)
    found = matched(place, tokens, other, pairs=(rows, cols), kernel=kernel)
    rsm = ig.semantic_rsm(tokens, other, kernel=kernel)[rows, cols]
    assert found.columns.shape == found.contributions.shape == (12, 16)
    np.testing.assert_allclose(found.contributions.sum(axis=1), rsm, rtol=1e-5)
    np.testing.assert_allclose(found.total, rsm, rtol=1e-5)
    for k in range(12):
        a, b = oracle.widen(tokens[rows[k]]), oracle.widen(other[cols[k]])
        check_pair([of_pair[k] for of_pair in found], a, b, kernel)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_pairs_of_ragged_inputs(place, dtype):
    tokens = [data((s, 4), dtype, s) for s in (5, 1, 9, 5)]
    pairs = ([0, 1, 2, 3, 0, 2, 2], [1, 0, 2, 0, 3, 3, 3])
    found = matched(place, tokens, pairs=pairs, kernel="linear")
    assert found.columns.shape == (7, 9)
    for k, (i, j) in enumerate(zip(*pairs, strict=True)):
        a, b = oracle.widen(tokens[i]), oracle.widen(tokens[j])
        check_pair([of_pair[k] for of_pair in found], a, b, "linear", size=9)


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_pictures(place, layout):
    tokens = data((3, 4, 5, 6), "float32", 8)  # (n, h, w, c)
    nsc = oracle.widen(tokens.reshape(3, 20, 6))
    given = tokens if layout == "nhwc" else np.moveaxis(tokens, 3, 1)
    check_pair(matched(place, given[0], given[1], layout=layout), nsc[0], nsc[1], "cosine")
    found = matched(place, given, pairs=([2, 1], [0, 1]), layout=layout)
    check_pair([of_pair[0] for of_pair in found], nsc[2], nsc[0], "cosine")
    assert (found.columns[1] == np.arange(20)).all()
    kept = np.random.default_rng(0).random((3, 4, 5)) < 0.5
    found = matched(place, given, pairs=([2], [0]), layout=layout, mask=kept)
    flat = kept.reshape(3, 20)
    check_pair([x[0] for x in found], nsc[2], nsc[0], "cosine", kept_a=flat[2], kept_b=flat[0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_masks_and_lengths(place, dtype):
    """Tokens that do not count may be anything, and keep their place in the result."""
    tokens, other = data((3, 9, 4), dtype, 5), data((2, 7, 4), dtype, 6)
    random = np.random.default_rng(1)
    mask, other_mask = random.random((3, 9)) < 0.6, np.arange(7) < [[3], [7]]
    tokens[~mask], other[~other_mask] = np.nan, np.inf
    pairs = ([0, 1, 2, 2], [0, 1, 0, 1])
    as_masks = matched(place, tokens, other, pairs=pairs, mask=mask, other_mask=other_mask)
    as_lengths = matched(place, tokens, other, pairs=pairs, mask=mask, other_lengths=[3, 7])
    as_integers = matched(
        place, tokens, other, pairs=pairs, mask=mask.astype(np.int64), other_mask=other_mask
    )
    for found in (as_masks, as_lengths, as_integers):
        for k, (i, j) in enumerate(zip(*pairs, strict=True)):
            of_pair = [x[k] for x in found]
            a, b = (np.nan_to_num(oracle.widen(x), posinf=0) for x in (tokens[i], other[j]))
            check_pair(of_pair, a, b, "cosine", kept_a=mask[i], kept_b=other_mask[j])
    single = matched(place, tokens[0], other[0], mask=mask[0], other_mask=other_mask[0])
    assert all(np.array_equal(a, b[0]) for a, b in zip(single, as_masks, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
def test_tokens_of_norm_one(place, dtype):
    a, b = data((8, 5), dtype, 1), data((11, 5), dtype, 2)
    a[3], b[0] = 0, 0
    a *= np.float64(100 if dtype == "float16" else 1e30).astype(a.dtype)
    found = matched(place, a, b, normalize="token")
    of_a, of_b = unit(oracle.widen(a)), unit(oracle.widen(b))
    check_pair(found, of_a, of_b, "cosine", tolerance=rsm_tolerance(dtype) / 10)
    cosines = np.delete(of_a @ of_b.T, 3, axis=0)
    best = cosines[linear_sum_assignment(cosines, maximize=True)].sum() / np.sqrt(7 * 10)
    assert found.total == pytest.approx(best, abs=rsm_tolerance(dtype))


@pytest.mark.parametrize("kernel", KERNELS)
def test_awkward_inputs(place, kernel):
    zeros, x = np.zeros((4, 3)), data((4, 3), "float64", 7)
    check_pair(matched(place, zeros, x, kernel=kernel), zeros, x, kernel)
    equal = np.ones((5, 3))
    check_pair(matched(place, equal, equal, kernel=kernel), equal, equal, kernel)
    offset = x + 1e8
    check_pair(matched(place, offset, offset[::-1], kernel=kernel), offset, offset[::-1], kernel)
    for scale in (1e-150, 1e150, 1e-300):
        found = matched(place, x * scale, x[::-1] / scale, kernel=kernel)
        check_pair(found, x, x[::-1], kernel)


def test_totals_beyond_the_range_are_said(place):
    x = np.full((3, 2), 1e200)
    with pytest.warns(RuntimeWarning, match="^semantic_matching: some entries are beyond the ran"):
        found = matched(place, x, x, kernel="linear")
    assert found.total == np.inf
    assert (np.sort(found.columns) == np.arange(3)).all()
    assert matched(place, x, x).total == pytest.approx(1)


def test_no_pairs(place):
    found = matched(place, data((3, 5, 2), "float32"), pairs=([], []))
    assert found.columns.shape == found.contributions.shape == (0, 5)
    assert found.total.shape == found.gap.shape == (0,)


def test_inputs_in_no_pair_are_not_read(place):
    tokens = data((3, 5, 2), "float32")
    tokens[1] = np.nan
    assert np.isfinite(matched(place, tokens, pairs=([0], [2])).total).all()


X = data((3, 4, 2), "float32")
MASK = np.ones((3, 4), bool)
NO_TOKENS = MASK.copy()
NO_TOKENS[1] = False
TWICE = MASK.astype(int)
TWICE[2, 3] = 2
NAN = X.copy()
NAN[1, 2, 1] = np.nan
SOME = np.array([[True, False, True, True]] * 3)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((X[0],), {}, ValueError, "`other` must be an input without `pairs`, got None"),
        ((X[0], X), {}, ValueError, "`other` must be 2-D, got 3-D of shape (3, 4, 2)"),
        ((X[0], X[1, :, :1]), {}, ValueError, "`other` must have as many channels as the first"),
        ((X[0], X[1]), {"lengths": [3]}, ValueError, "`lengths` must be None without `pairs`"),
        ((X[0], X[1]), {"other_lengths": [3]}, ValueError, "`other_lengths` must be None withou"),
        ((X[0], X[1]), {"kernel": "rbf"}, ValueError, "`kernel` must be one of 'linear', 'cosin"),
        ((X[0], X[1]), {"normalize": "yes"}, ValueError, "`normalize` must be one of 'input', "),
        ((X[0], X[1]), {"layout": "hwc"}, ValueError, "`layout` must be one of 'nsc', 'nhwc', "),
        ((X[0], X[1]), {"num_threads": 0}, ValueError, "`num_threads` must be an integer from "),
        ((X[0], X[1]), {"progress": 1}, TypeError, "`progress` must be True, False or a callab"),
        ((X[0], X[1]), {"mask": MASK}, ValueError, "`mask` must be of shape (4,), with an entry"),
        ((X[0], NAN[1]), {}, ValueError, "`other` must be finite, got nan at index (2, 1)"),
        ((NAN,), {"pairs": ([1], [0])}, ValueError, "`tokens` must be finite, got nan at index ("),
        (
            (NAN,),
            {"pairs": ([1], [0]), "mask": SOME},
            ValueError,
            "`tokens` must be finite, got nan at index (1, 2, 1)",
        ),
        ((X,), {"pairs": 3}, TypeError, "`pairs` must be a tuple (i, j) of two arrays of indices"),
        ((X,), {"pairs": [(0, 1), (2, 0)]}, TypeError, "`pairs` must be a tuple (i, j) of two "),
        ((X,), {"pairs": ([0], [1], [2])}, TypeError, "`pairs` must be a tuple (i, j) of two "),
        ((X,), {"pairs": ([0, 1], [1])}, ValueError, "`pairs` must be as many i as j, got 2 and 1"),
        ((X,), {"pairs": ([0], [3])}, ValueError, "`pairs[1]` must be from 0 to 2, got 3 at ind"),
        ((X,), {"pairs": ([0, -1], [0, 1])}, ValueError, "`pairs[0]` must be from 0 to 2, got -1"),
        ((X,), {"pairs": ([0.0], [1])}, TypeError, "`pairs[0]` must be of integers, got float64"),
        ((X,), {"pairs": ([[0]], [1])}, ValueError, "`pairs[0]` must be 1-D, got shape (1, 1)"),
        ((X,), {"pairs": ([True], [1])}, TypeError, "`pairs[0]` must be of integers, got bool"),
        (
            (X,),
            {"pairs": ([0], [1]), "mask": MASK, "lengths": [4, 4, 4]},
            ValueError,
            "`mask` must be None with `lengths`, got both",
        ),
        (
            (X, X),
            {"pairs": ([0], [1]), "other_mask": MASK, "other_lengths": [4, 4, 4]},
            ValueError,
            "`other_mask` must be None with `other_lengths`, got both",
        ),
        (
            (X,),
            {"pairs": ([0], [1]), "other_mask": MASK},
            ValueError,
            "`other_mask` must be None without `other`, got a mask",
        ),
        (
            (list(X),),
            {"pairs": ([0], [1]), "mask": MASK},
            ValueError,
            "`mask` must be None for a sequence of arrays, got a mask",
        ),
        (
            (X,),
            {"pairs": ([0], [1]), "mask": MASK[:2]},
            ValueError,
            "`mask` must be of shape (3, 4), with an entry for each token, got shape (2, 4)",
        ),
        (
            (X,),
            {"pairs": ([0], [1]), "mask": MASK.astype(float)},
            TypeError,
            "`mask` must be of booleans, or of the integers 0 and 1, got float64: mask == 1 of a",
        ),
        (
            (X,),
            {"pairs": ([0], [1]), "mask": [[1, 0], [1]]},
            ValueError,
            "`mask` must be an array, got nested sequences of different lengths",
        ),
        (
            (X,),
            {"pairs": ([0], [1]), "mask": TWICE},
            ValueError,
            "`mask` must be of booleans, or of the integers 0 and 1, got 2 at index (2, 3)",
        ),
        (
            (X,),
            {"pairs": ([0], [1]), "mask": NO_TOKENS},
            ValueError,
            "`mask` must keep at least one token of every input, got none at index 1",
        ),
    ],
)
def test_refused(place, arguments, options, error, message):
    tokens, other = (*arguments, None)[:2]
    with pytest.raises(error, match=f"^semantic_matching: {re.escape(message)}"):
        matched(place, tokens, other, **options)
