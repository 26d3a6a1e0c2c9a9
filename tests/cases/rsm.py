"""Cases of `semantic_rsm` along principal axes that every place is to pass, host and GPU, against
SciPy.
"""

import re

import isogram as ig
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from support import DTYPES, RSM_KERNELS, assert_close, grid_data, oracle, result_dtype

NARROW = ("bfloat16", "int8")
PRECISIONS = ("float32", *NARROW)


def correlated(n, s, c, seed=0):
    """Tokens like neighbours in a feature map, shifted and turned from input to input."""
    rng = np.random.default_rng([n, s, c, seed])
    tokens = np.cumsum(rng.standard_normal((n, s, c)), axis=1) + 3 * rng.standard_normal((s, c))
    return tokens.astype(np.float32)


def expanded(n, s, c, dimensions, seed=0):
    """Tokens whose channels are linearly dependent."""
    expansion = np.random.default_rng([seed, c]).standard_normal((dimensions, c))
    return (correlated(n, s, dimensions, seed) @ expansion).astype(np.float32)


def put(place, tokens):
    """Copy an array or a list of them there."""
    return [*map(place.put, tokens)] if isinstance(tokens, list) else place.put(tokens)


def entries_of(place, *tokens, **options):
    """Return the RSM computed there, as an array of the host."""
    return place.get(ig.semantic_rsm(*(put(place, side) for side in tokens), **options))


def ranked(place, *tokens, **options):
    """Return the linear RSM and its `loss`."""
    dtype = result_dtype(*(part.dtype for side in tokens for part in side))
    loss = place.put(np.full((len(tokens[0]), len(tokens[-1])), np.nan, dtype))
    return entries_of(place, *tokens, kernel="linear", loss=loss, **options), place.get(loss)


def shortfall(tokens, other, linear):
    """How far entries lie below SciPy's optimum of float64 affinities, over the norms' product."""
    rows, cols = list(oracle.samples(tokens)), list(oracle.samples(other))
    below = np.empty((len(rows), len(cols)))
    for i, a in enumerate(rows):
        for j, b in enumerate(cols):
            affinity = a @ b.T
            norms = np.sqrt((a**2).sum() * (b**2).sum())
            best = affinity[linear_sum_assignment(affinity, maximize=True)].sum()
            below[i, j] = (best - linear[i, j]) / norms if norms > 0 else 0
    return below


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("rank", [1, 3, 8, 29, 30, 31, 1000])
def test_loss_of_a_rank_is_bounded(place, rank, precision):
    tokens, other = correlated(5, 20, 30), correlated(4, 13, 30, 1)
    several = [sample[: 7 + 2 * i] for i, sample in enumerate(tokens)]
    for arguments in ((tokens,), (tokens, other), (several,), (several, list(other))):
        entries, loss = ranked(place, *arguments, rank=rank, precision=precision)
        below = shortfall(arguments[0], arguments[-1], entries)
        assert (below >= -2e-6).all()
        assert (below <= loss + 2e-6).all()
        assert (loss >= 0).all()
        if rank >= 30 and precision == "float32":
            assert not loss.any()


def test_loss_of_a_rank_in_float64(place):
    for tokens in (correlated(5, 20, 30), correlated(3, 40, 30)):
        wide = tokens.astype(np.float64)
        for rank in (1, 7, 20):
            entries, loss = ranked(place, wide, rank=rank)
            below = shortfall(wide, wide, entries)
            assert (below >= -1e-13).all()
            assert (below <= loss + 1e-13).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channels", [90, 200])  # all axes are found, or the leading ones alone
def test_dependent_channels_can_be_left_out_without_any_loss(place, dtype, channels):
    tokens = expanded(6, 25, channels, 12).astype(dtype)
    for arguments in ((tokens,), ([s[: 9 + 3 * i] for i, s in enumerate(tokens)],)):
        entries, loss = ranked(place, *arguments, rank=12)
        assert np.abs(shortfall(arguments[0], arguments[0], entries)).max() <= 2e-6
        assert loss.max() <= 1e-4
        of_rank = entries_of(place, *arguments, rank=12)
        assert_close(of_rank, ig.semantic_rsm(*arguments), 2e-6)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_tokens_near_the_span_of_the_axes_are_scored_as_any(place, precision):
    """Whether what lies off the axes is none, less than the rounding of float32, or more.

    The best matching of an input with itself in another order is that order, which scores 1.
    """
    noise = np.array([0, 2e-4, 1e-2, 1e-4])[:, None, None]
    tokens = expanded(4, 25, 90, 12).astype(np.float64)
    off = np.random.default_rng(0).standard_normal(tokens.shape)
    size = np.linalg.norm(tokens, axis=(1, 2)) / np.linalg.norm(off, axis=(1, 2))
    tokens = (tokens + noise * size[:, None, None] * off).astype(np.float32)
    other = tokens[:, np.random.default_rng(1).permutation(25)]
    entries, loss = ranked(place, tokens, other, rank=12, precision=precision)
    below = shortfall(tokens, other, entries)
    assert np.abs(below.diagonal()).max() <= 1e-6
    assert (below >= -1e-6).all()
    assert (below <= loss + 1e-6).all()


def test_matched_pairs_are_scored_on_all_channels(place):
    """Along the only axis the identity is best, which says nothing of the other channels."""
    tokens = np.zeros((2, 3, 8))
    tokens[:, :, 0] = 100, 0, -100
    tokens[0, :, 3], tokens[1, :, 3] = (1, 2, -3), (2, -4, 2)
    entries = entries_of(place, tokens, kernel="linear", rank=1)
    assert_close(entries[0, 1], (tokens[0] * tokens[1]).sum(), 1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rank", [1, 3, 10])
def test_the_matching_sees_coordinates_along_the_leading_axes(place, rank, dtype):
    """Against SciPy's matching along axes of a singular value decomposition of all tokens."""
    tokens = correlated(6, 15, 24, 5).astype(dtype)
    wide = tokens.astype(np.float64)
    centered = wide - wide.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(wide, axis=(1, 2))
    _, _, axes = np.linalg.svd((centered / norms[:, None, None]).reshape(-1, 24))
    seen = centered @ axes[:rank].T
    expected = np.diag(norms**2)
    for i in range(6):
        for j in range(i):
            rows, columns = linear_sum_assignment(seen[i] @ seen[j].T, maximize=True)
            expected[i, j] = expected[j, i] = (wide[i][rows] * wide[j][columns]).sum()
    scale = np.outer(norms, norms)
    entries = entries_of(place, tokens, kernel="linear", rank=rank)
    assert_close(entries / scale, expected / scale, 1e-6 if dtype == "float32" else 1e-13)
    assert rank == 10 or (entries < ig.semantic_rsm(tokens, kernel="linear") - 1e-4 * scale).any()


@pytest.mark.parametrize("kernel", RSM_KERNELS)
def test_every_kernel_of_a_rank(place, kernel):
    tokens = expanded(5, 16, 40, 6)
    options = {"kernel": kernel, "bandwidth": 30.0} if kernel == "rbf" else {"kernel": kernel}
    norms = np.sqrt((tokens.astype(float) ** 2).sum((1, 2)))
    scale = np.outer(norms, norms) if kernel == "linear" else 1
    actual = entries_of(place, tokens, rank=6, **options)
    assert_close(actual, oracle.semantic_rsm(tokens, **options), 1e-5 * scale)


def test_rank_of_every_scale(place):
    tokens = correlated(5, 20, 12)
    scales = np.float32([1, 1e-15, 1e15, 1e-18, 1e17])[:, None, None]
    expected = entries_of(place, tokens, rank=3)
    assert_close(entries_of(place, tokens * scales, rank=3), expected, 1e-5)
    wide = tokens.astype(np.float64)
    for scale in (1e-150, 1e150, 1e290):
        scaled = entries_of(place, wide * scale, rank=3)
        assert_close(scaled, expected, 1e-5, f"scale {scale}")


def test_rank_of_tokens_that_are_zero_or_equal(place):
    tokens = correlated(5, 12, 7)
    tokens[1] = 0
    tokens[2, 3:] = 0
    tokens[3] = tokens[3, 0]
    entries, loss = ranked(place, tokens, rank=2)
    assert (shortfall(tokens, tokens, entries) <= loss + 2e-6).all()
    assert not entries[1].any()
    assert not loss[1].any()
    assert not entries_of(place, np.zeros((3, 4, 5)), rank=2).any()


def test_fewer_tokens_than_the_rank(place):
    for shape in ((2, 1, 9), (2, 3, 40), (1, 2, 9)):
        tokens = correlated(*shape)
        actual = entries_of(place, tokens, rank=8)
        assert_close(actual, oracle.semantic_rsm(tokens), 1e-5, str(shape))


@pytest.mark.parametrize("layout", ["nsc", "nhwc", "nchw"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rank_of_every_type_and_layout(place, dtype, layout):
    shape = {"nsc": (4, 12, 5), "nhwc": (4, 3, 4, 5), "nchw": (4, 5, 3, 4)}[layout]
    tokens = grid_data(shape, dtype)
    options = {"layout": layout, "lengths": [12, 5, 7, 1]}
    actual = entries_of(place, tokens, rank=4, **options)
    best = ig.semantic_rsm(tokens, **options)
    assert actual.dtype == result_dtype(dtype)
    assert (actual <= best + 1e-5).all()
    assert actual.mean() >= 0.9 * best.mean()


def test_rank_of_many_tokens(place):
    """Each input a group of its own."""
    tokens = expanded(3, place.choose(450, 90), 20, 5)
    assert_close(entries_of(place, tokens, rank=5), ig.semantic_rsm(tokens), 2e-6)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_rank_auto_takes_what_loses_little(place, precision):
    tokens = expanded(40, 20, 90, 12)
    plan = ig.plan("semantic_rsm", tokens, rank="auto", precision=precision)
    assert plan.rank == 16
    assert 0 <= plan.mean_loss <= (1e-6 if precision == "float32" else 1e-4)
    auto, fixed = (
        entries_of(place, tokens, rank=rank, precision=precision) for rank in ("auto", 16)
    )
    assert np.array_equal(auto, fixed)


@pytest.mark.parametrize(("count", "rank"), [(20, 16), (60, 8)])
def test_rank_auto_spans_the_tokens_where_that_is_faster(place, count, rank):
    """The last dimensions are too small to cost a matching much, and too large for rounding."""
    small = np.where(np.arange(12) < 8, 1, 1e-3)
    expansion = np.random.default_rng(0).standard_normal((12, 90)) * small[:, None]
    tokens = (correlated(40, count, 12) @ expansion).astype(np.float32)
    plan = ig.plan("semantic_rsm", tokens, rank="auto", mean_loss=1e-5)
    assert plan.rank == rank
    assert plan.mean_loss <= 1e-5
    assert_close(entries_of(place, tokens, rank="auto"), ig.semantic_rsm(tokens), 1e-4)


def test_rank_auto_keeps_its_bound(place):
    tokens, other = correlated(60, 20, 90), correlated(30, 20, 90, 1)
    exact = ig.semantic_rsm(tokens, other)
    ranks = []
    for bound in (1e-2, 1e-3, 1e-4, 1e-5):
        plan = ig.plan("semantic_rsm", tokens, other, rank="auto", mean_loss=bound)
        below = exact - entries_of(place, tokens, other, rank="auto", mean_loss=bound)
        assert plan.mean_loss <= bound
        assert below.mean() <= 3 * bound
        ranks.append(90 if plan.rank is None else plan.rank)
    assert ranks == sorted(ranks)
    assert ranks[0] < 40


def test_rank_auto_of_channels_that_all_count(place):
    tokens = np.random.default_rng(0).standard_normal((30, 9, 16))
    loss = place.put(np.full((30, 30), np.nan))
    auto = entries_of(place, tokens, rank="auto", loss=loss)
    assert np.array_equal(auto, entries_of(place, tokens))
    assert not place.get(loss).any()
    assert ig.plan("semantic_rsm", tokens, rank="auto").rank is None
    assert ig.plan("semantic_rsm", tokens[:1], rank="auto").rank is None


@pytest.mark.parametrize("rank", [2, "auto"])
def test_rank_names_what_is_not_finite(place, rank):
    tokens = correlated(40, 5, 16)
    tokens[33, 2, 1] = np.nan
    tokens[35, 2, 1] = np.inf
    with pytest.raises(ValueError, match=r"^semantic_rsm: `tokens` must be finite, got nan .*33"):
        ig.semantic_rsm(place.put(tokens), rank=rank)


RANKS_REFUSED = [
    ({"rank": 0}, ValueError, "`rank` must be an integer of at least 1, got 0"),
    ({"rank": 1.5}, TypeError, "`rank` must be an integer of at least 1, got 1.5"),
    ({"rank": True}, TypeError, "`rank` must be an integer of at least 1, got True"),
    ({"rank": "full"}, ValueError, "`rank` must be one of 'auto', got 'full'"),
    (
        {"rank": 2, "matching": "greedy"},
        ValueError,
        "`rank` must be None unless `matching` is 'exact', got 2 with `matching` 'greedy'",
    ),
    (
        {"rank": 2, "mean_loss": 1e-3},
        ValueError,
        "`mean_loss` must be None unless `rank` is 'auto', got 0.001 with `rank` 2",
    ),
    (
        {"rank": "auto", "mean_loss": 0},
        ValueError,
        "`mean_loss` must be None or a positive finite number, got 0",
    ),
    (
        {"rank": "auto", "mean_loss": "little"},
        TypeError,
        "`mean_loss` must be None or a positive finite number, got 'little'",
    ),
]


@pytest.mark.parametrize(("options", "error", "message"), RANKS_REFUSED, ids=str)
def test_ranks_that_are_refused(place, options, error, message):
    with pytest.raises(error, match=f"^semantic_rsm: {re.escape(message)}$"):
        ig.semantic_rsm(place.put(correlated(3, 4, 5)), **options)
