"""Semantic and spatial RSMs on a GPU, against those of the host, whose tests hold them against the
oracle.
"""

import re

import isogram as ig
import numpy as np
import pytest
from cases.rsm import *  # noqa: F403
from cases.rsm import NARROW, PRECISIONS, correlated, put
from isogram import _place
from isogram._device import rsm as on_gpu
from support import (
    DTYPES,
    LAYOUTS,
    RSM_KERNELS,
    RSM_MATCHINGS,
    SCALES,
    TOKENS_APART,
    assert_close,
    beside_a_register,
    data,
    fewer_near_tokens,
    grid_data,
    oracle,
    register_cases,
    tokens_apart,
)
from test_cuda_errors import on_second_gpu

# A rank below the number of channels, alone and with a narrow precision.
RANKS = {f"rank, {precision}": {"rank": 3, "precision": precision} for precision in PRECISIONS}
SEEN_NARROW = {precision: {"precision": precision} for precision in NARROW} | RANKS


def arguments_of(matching):
    """Return a matching and what it needs."""
    return {"matching": matching, **RSM_MATCHINGS[matching]}


def norms(tokens):
    """Return the norms of whole inputs."""
    return np.array([np.linalg.norm(sample) for sample in oracle.samples(tokens)])


def host_rounds(precision):
    """Whether the host's processor matches rounded tokens, as GPUs always do."""
    loss = np.empty((2, 2), np.float32)
    ig.semantic_rsm(correlated(2, 9, 5), precision=precision, loss=loss)
    return loss.any()


def check(gpu, tokens, other=None, *, tolerance=None, precision="float32", **parameters):
    """Hold all kernels' entries against the host's; linear ones are relative to norms."""
    parameters = {"kernel": RSM_KERNELS, "precision": precision} | parameters
    if precision != "float32" and not host_rounds(precision):
        tolerance = 1e-3
    expected = ig.semantic_rsm(tokens, other, **parameters)
    sides = [put(gpu, side) for side in (tokens, other) if side is not None]
    actual = ig.semantic_rsm(*sides, **parameters)
    assert list(actual) == list(expected)
    for kernel, matrix in expected.items():
        found = gpu.get(actual[kernel])
        assert found.dtype == matrix.dtype
        allowed = tolerance or (1e-12 if matrix.dtype == np.float64 else 1e-6)
        if kernel == "linear":
            scale = np.outer(norms(tokens), norms(tokens if other is None else other))
            allowed = allowed * np.maximum(scale, np.finfo(matrix.dtype).tiny)
        assert_close(found, matrix, allowed, f"{kernel}, {parameters}")
        if other is None:
            assert np.array_equal(found, found.T)


# Every matching, type and shape -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_one_set(gpu, matching, dtype):
    for shape in [(2, 1, 1), (5, 2, 3), (7, 16, 7), (3, 17, 33), (3, 49, 20)]:
        check(gpu, grid_data(shape, dtype), **arguments_of(matching))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_two_sets(gpu, matching, dtype):
    for n, m, s, t, c in [(1, 2, 1, 1, 3), (4, 3, 16, 16, 5), (3, 5, 10, 21, 8), (1, 9, 21, 9, 8)]:
        tokens, other = grid_data((n, s, c), dtype, 1), grid_data((m, t, c), dtype, 2)
        check(gpu, tokens, other, **arguments_of(matching))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tokens_that_are_alike(gpu, dtype):
    """Smooth from token to token, as in a real network."""
    for n, s, c in [(3, 49, 160), (2, 64, 30), (2, 65, 30), (2, 242, 9), (20, 4, 257)]:
        rng = np.random.default_rng([n, s, c])
        tokens = np.cumsum(rng.standard_normal((n, s, c)), axis=1).astype(dtype)
        check(gpu, tokens, bandwidth=300.0)
        check(gpu, tokens, bandwidth=300.0, matching="greedy")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_ragged(gpu, matching, dtype):
    tokens = [grid_data((s, 6), dtype, s) for s in (1, 3, 4, 5, 9, 17, 2)]
    other = [grid_data((s, 6), dtype, s + 50) for s in (6, 1, 20)]
    check(gpu, tokens, **arguments_of(matching))
    check(gpu, tokens, other, **arguments_of(matching))


def test_ragged_of_mixed_types_and_orders(gpu):
    wide = [grid_data((s, 5), "float64", s) for s in (3, 7, 4, 6)]
    narrow = [LAYOUTS["negative"](wide[0].astype(np.float16)), np.asfortranarray(wide[1], "f4")]
    check(gpu, [*narrow, *wide[2:]])
    check(gpu, [*narrow, wide[2].astype(np.float32)])


@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_lengths(gpu, matching):
    """What lies beyond an input's length plays no part, were it NaN."""
    tokens, other = grid_data((5, 9, 4), "float32", 3), grid_data((3, 12, 4), "float32", 4)
    lengths, other_lengths = np.array([8, 1, 4, 7, 5]), [12, 2, 6]
    for array, valid in ((tokens, lengths), (other, other_lengths)):
        for sample, length in zip(array, valid, strict=True):
            sample[length:] = np.nan
    on_gpu, other_on_gpu = gpu.put(tokens), gpu.put(other)
    for arguments, places, counts in [
        ((tokens,), (on_gpu,), {"lengths": lengths}),
        (
            (tokens, other),
            (on_gpu, other_on_gpu),
            {"lengths": lengths, "other_lengths": other_lengths},
        ),
    ]:
        expected = ig.semantic_rsm(*arguments, **counts, **arguments_of(matching))
        actual = ig.semantic_rsm(*places, **counts, **arguments_of(matching))
        assert_close(gpu.get(actual), expected, 1e-6)


@pytest.mark.parametrize("arrangement", LAYOUTS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("layout", ["nsc", "nhwc", "nchw"])
def test_layouts_and_memory_orders(gpu, layout, dtype, arrangement):
    shape = (4, 6, 5) if layout == "nsc" else (4, 2, 3, 5)
    tokens = LAYOUTS[arrangement](grid_data(shape, dtype, 7))
    counts = [6, 1, 5, 3] if layout != "nchw" else [15, 4, 1, 9]
    for parameters in ({}, {"lengths": counts}, {"matching": "none"}):
        expected = ig.semantic_rsm(tokens, layout=layout, **parameters)
        actual = ig.semantic_rsm(gpu.put(tokens), layout=layout, **parameters)
        assert_close(gpu.get(actual), expected, 1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_out(gpu, dtype, layout):
    tokens, other = (gpu.put(grid_data((n, 5, 4), dtype, n)) for n in (6, 3))
    for function, kernel in [(ig.semantic_rsm, "cosine"), (ig.spatial_rsm, "rbf")]:
        for arguments in ((tokens,), (tokens, other)):
            expected = gpu.get(function(*arguments, kernel=kernel))
            out = gpu.put(LAYOUTS[layout](np.zeros_like(expected)))
            assert function(*arguments, kernel=kernel, out=out) is out
            assert np.array_equal(gpu.get(out), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_spatial(gpu, dtype):
    """Deep enough for several panels of depth, and inputs enough for several blocks."""
    for shape in [(2, 1, 1), (9, 7, 5), (50, 4, 40), (3, 300, 8)]:
        tokens, other = data(shape, dtype, 14), data((3, *shape[1:]), dtype, 15)
        for arguments in ((tokens,), (tokens, other)):
            expected = ig.spatial_rsm(*arguments, kernel=RSM_KERNELS)
            actual = ig.spatial_rsm(*(gpu.put(a) for a in arguments), kernel=RSM_KERNELS)
            scale = np.outer(norms(arguments[0]), norms(arguments[-1]))
            for kernel, matrix in expected.items():
                tolerance = 1e-12 if dtype == "float64" else 1e-6
                tolerance = tolerance * (scale if kernel == "linear" else 1)
                assert_close(gpu.get(actual[kernel]), matrix, tolerance, f"{shape}, {kernel}")


# Awkward tokens -----------------------------------------------------------------------------------


@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_the_diagonal(gpu, matching):
    tokens = data((6, 12, 9), "float32", 16)
    actual = ig.semantic_rsm(gpu.put(tokens), kernel=RSM_KERNELS, **arguments_of(matching))
    diagonals = {kernel: np.diag(gpu.get(rsm)) for kernel, rsm in actual.items()}
    squares = (tokens.astype(np.float64) ** 2).sum(axis=(1, 2))
    assert_close(diagonals["linear"] / squares, np.ones(6), 1e-6)
    assert (diagonals["cosine"] == 1).all()
    assert (diagonals["rbf"] == 1).all()


@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_zero_inputs_and_tokens(gpu, matching):
    tokens = grid_data((6, 9, 4), "float32", 17)
    tokens[2] = 0
    tokens[4, ::2] = 0
    check(gpu, tokens, **arguments_of(matching))
    check(gpu, np.zeros((3, 6, 3), np.float32), kernel=("linear", "cosine"))


@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_ties(gpu, matching):
    tokens = np.maximum(np.round(grid_data((5, 25, 3), "float32", 18) - 1), 0)
    check(gpu, tokens, **arguments_of(matching))
    constant = np.ones((4, 20, 3), np.float32) * np.arange(1, 5, dtype=np.float32)[:, None, None]
    check(gpu, constant, **arguments_of(matching))


@pytest.mark.parametrize("dtype", SCALES)
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_scale_does_not_matter(gpu, matching, dtype):
    tokens, other = grid_data((5, 12, 6), dtype, 19), grid_data((4, 12, 6), dtype, 20)
    for scale in SCALES[dtype]:
        check(gpu, tokens * scale, kernel=("cosine", "rbf"), **arguments_of(matching))
        parameters = {"kernel": ("rbf", "cosine"), **arguments_of(matching)}
        check(gpu, tokens * scale, other * scale, bandwidth=9.0 * scale, **parameters)


def test_linear_entries_beside_squared_distances_of_extreme_tokens(gpu):
    tokens = grid_data((4, 9, 5), "float32", 21) * np.float32(2.0**-45)
    check(gpu, tokens, kernel=("linear", "rbf"))
    check(gpu, tokens * np.float32(2.0**90), kernel=("linear", "rbf"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_rbf_of_inputs_that_share_tokens_of_huge_norm(gpu, matching, dtype):
    """Against differences of the matched tokens, for one set, two, and different numbers."""
    parameters = arguments_of(matching)
    block = parameters.get("window", parameters.get("topk"))
    for power in (3, 5, 8) if dtype == "float32" else (3, 8, 16):
        for places in ([0], [3, 11], [1, 2, 4, 19]):
            tokens = grid_data((5, 20, 8), dtype, 5)
            for s in places:
                tokens[:, s] = tokens[0, s] * tokens.dtype.type(2.0**power)
            ragged = [tokens[0], tokens[1][:13], tokens[2][:7], tokens[3], tokens[4][:16]]
            for inputs in (tokens, ragged):
                distances = oracle.matched_distances(inputs, matching, block)
                width = float(np.sqrt(np.median(distances[np.triu_indices(5, 1)])))
                expected = np.exp(-distances / (2 * width**2))
                allowed = 2e-5 if dtype == "float32" else 1e-12
                with_itself = ig.semantic_rsm(
                    put(gpu, inputs), kernel=("rbf", "linear"), bandwidth=width, **parameters
                )
                context = f"2**{power}, {places}"
                assert_close(gpu.get(with_itself["rbf"]), expected, allowed, context)
                two = ig.semantic_rsm(
                    put(gpu, inputs),
                    put(gpu, inputs[2:]),
                    kernel="rbf",
                    bandwidth=width,
                    **parameters,
                )
                # Rows belong to the first set: of one set, to the first of the two inputs.
                for i in range(5):
                    for j in range(max(i, 2), 5):
                        assert abs(gpu.get(two)[i, j - 2] - expected[i, j]) <= allowed, context


@pytest.mark.parametrize("matching", ["exact", "window"])
def test_what_a_token_of_huge_norm_leaves_of_the_others(gpu, matching):
    """It pulls the mean away from all others, whose affinities would be of that shift."""
    for offset in (0, 64):
        for power in (12, 16):
            tokens = grid_data((5, 20, 8), "float32", 5) + np.float32(offset)
            tokens[:, 7] = tokens[0, 7] * np.float32(2.0**power)
            distances = oracle.matched_distances(tokens, matching, 4)
            expected = np.exp(-distances / (2 * 20.0**2))
            actual = ig.semantic_rsm(
                gpu.put(tokens), kernel="rbf", bandwidth=20.0, **arguments_of(matching)
            )
            assert_close(gpu.get(actual), expected, 1e-5, f"{offset}, 2**{power}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", TOKENS_APART)
def test_rbf_of_inputs_whose_tokens_lie_in_groups_far_apart(gpu, kind, dtype):
    """Pairs that affinities may have mismatched are marked, and matched again on the host."""
    allowed = 2e-6 if dtype == "float32" else 1e-12
    for seed, (s, c) in enumerate([(24, 10), (12, 80), (30, 1)]):
        tokens = tokens_apart(dtype, kind, seed, s=s, c=c)
        fewer = fewer_near_tokens(tokens)
        for inputs, window in ((tokens, None), (tokens, 9), (fewer, None), (fewer, 9)):
            matching = {"matching": "window", "window": 9} if window else {}
            distances = oracle.smallest_distances(inputs, window)
            width = float(np.sqrt(np.median(distances[np.triu_indices(5, 1)])))
            expected = np.exp(-distances / (2 * width**2)).astype(float)
            context = f"{s}, {c}, {len(inputs[4])} tokens, {matching}"
            actual = ig.semantic_rsm(put(gpu, inputs), kernel="rbf", **matching)
            assert_close(gpu.get(actual), expected, allowed, context)
            from_host = ig.semantic_rsm(inputs, kernel="rbf", gpus=0, **matching)
            assert_close(from_host, expected, allowed, context)
            assert np.array_equal(from_host, from_host.T)
            two = ig.semantic_rsm(
                put(gpu, inputs[:3]),
                put(gpu, inputs[3:]),
                kernel=("rbf", "linear"),
                bandwidth=width,
                **matching,
            )
            assert_close(gpu.get(two["rbf"]), expected[:3, 3:], allowed, context)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rbf_beside_one_register_of_any_norm(gpu, dtype):
    """Matchings that a GPU could not prove are the host's."""
    allowed = 1e-6 if dtype == "float32" else 1e-13
    for tokens, matching, expected, context in register_cases(dtype):
        actual = ig.semantic_rsm(gpu.put(tokens), kernel="rbf", bandwidth=2.0, **matching)
        assert_close(gpu.get(actual), expected, allowed, context)


def test_two_sets_beside_one_register_of_any_norm(gpu):
    for power in range(30, 60, 2):
        tokens = beside_a_register("float64", power, power, n=5, s=8 + power % 3 * 12, c=4)
        check(gpu, tokens[:3], tokens[3:], bandwidth=30.0)
        check(gpu, tokens, bandwidth=30.0, **arguments_of("topk"))


@pytest.mark.parametrize("kind", ["two clusters", "many clusters", "some registers", "1e4"])
@pytest.mark.parametrize("matching", ["topk", "greedy"])
def test_greedy_choices_among_float32_tokens_far_apart(gpu, matching, kind):
    """The host's take the places of those that inner products of float32 have lost."""
    tokens = tokens_apart("float32", kind, 1)
    distances = oracle.matched_distances(tokens, matching, RSM_MATCHINGS[matching].get("topk"))
    width = float(np.sqrt(np.median(distances[np.triu_indices(5, 1)])))
    parameters = arguments_of(matching)
    actual = ig.semantic_rsm(gpu.put(tokens), kernel="rbf", bandwidth=width, **parameters)
    assert_close(gpu.get(actual), np.exp(-distances / (2 * width**2)), 1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [-120, 100])
def test_only_some_pairs_are_of_near_copies(gpu, dtype, scale):
    """They are the ones to be matched again, at any scale; all others stay as they are."""
    scale = scale if dtype == "float32" else 8 * scale
    tokens = data((9, 20, 8), dtype, 3) * data((9, 20, 8), dtype, 3).dtype.type(2.0**scale)
    spread = 2.0**-5 if dtype == "float32" else 2.0**-20
    tokens[5] = tokens[2] + spread * tokens[4][::-1]
    tokens[8] = tokens[1]
    distances = oracle.smallest_distances(tokens * 1.0 / 2.0**scale)
    expected = np.exp(-distances / (2 * spread**2 * 100)).astype(float)
    width = spread * 10 * 2.0**scale
    actual = gpu.get(ig.semantic_rsm(gpu.put(tokens), kernel="rbf", bandwidth=width))
    assert expected[2, 5] > 0.1
    assert_close(actual, expected, 1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("precision", NARROW)
def test_rbf_of_rounded_tokens_beside_one_of_huge_norm(gpu, precision):
    tokens = grid_data((4, 20, 8), "float32", 5)
    tokens[:, 3] = 8 * tokens[0, 3]
    check(gpu, tokens, kernel=("rbf",), bandwidth=30.0, precision=precision)


def test_a_scale_of_each_input(gpu):
    scales = (2.0 ** np.array([-60, -20, 0, 5, 30, 60])).astype(np.float32)
    check(gpu, grid_data((6, 12, 6), "float32", 21) * scales[:, None, None], kernel=("cosine",))


def test_a_common_offset(gpu):
    tokens = data((5, 20, 8), "float32", 22) + np.float32(1e4)
    for matching in ("exact", "window", "none"):
        check(gpu, tokens, kernel=("linear", "cosine"), **arguments_of(matching))


def test_half_precision_does_not_overflow(gpu):
    tokens = np.full((3, 49, 100), 60000, np.float16)
    tokens[1] *= -1
    tokens[2, ::2] = 1
    check(gpu, tokens, kernel=("linear", "cosine"))


@pytest.mark.parametrize("bandwidth", [1e-300, 0.5, 40.0, 1e300])
def test_bandwidth(gpu, bandwidth):
    check(gpu, 0.3 * data((6, 9, 5), "float64", 22), bandwidth=bandwidth)
    check(gpu, data((5, 9, 5), "float32", 22), data((2, 9, 5), "float32"), bandwidth=bandwidth)
    check(gpu, data((1, 9, 5), "float32", 22), bandwidth=bandwidth)


def test_a_median_of_zero(gpu):
    """An error on the host; a GPU is not waited for to learn of it."""
    actual = gpu.get(ig.semantic_rsm(gpu.put(np.ones((4, 3, 2), np.float32)), kernel="rbf"))
    assert np.isnan(actual).all()
    with pytest.raises(ValueError, match=r"^semantic_rsm: .*bandwidth.* 'median', which is 0"):
        ig.semantic_rsm(np.ones((4, 3, 2), np.float32), kernel="rbf", gpus=0)


# Narrow tokens ------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", NARROW)
def test_narrow_tokens(gpu, precision):
    for n, s, c in [(3, 2, 1), (4, 16, 6), (2, 33, 130), (2, 49, 257), (3, 70, 24)]:
        tokens, other = correlated(n, s, c), correlated(2, s - s // 3, c, 1)
        check(gpu, tokens, precision=precision)
        check(gpu, tokens, other, precision=precision, bandwidth=100.0)
        check(gpu, list(tokens[:2]), [x[: i + 1] for i, x in enumerate(other)], precision=precision)


@pytest.mark.parametrize("precision", NARROW)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_inputs_of_half_precision(gpu, dtype, precision):
    check(gpu, correlated(4, 16, 20).astype(DTYPES[dtype]), precision=precision)


@pytest.mark.parametrize("precision", NARROW)
def test_loss(gpu, precision):
    tokens, other = correlated(5, 30, 40), correlated(4, 21, 40, 1)
    for arguments in ((tokens,), (tokens, other), (list(tokens), [s[:20] for s in other])):
        exact = ig.semantic_rsm(*arguments).astype(np.float64)
        expected = np.empty(exact.shape, np.float32)
        ig.semantic_rsm(*arguments, precision=precision, loss=expected)
        loss = gpu.put(np.full(exact.shape, np.nan, np.float32))
        on_gpu = [put(gpu, tokens) for tokens in arguments]
        narrow = gpu.get(ig.semantic_rsm(*on_gpu, precision=precision, loss=loss))
        # Duals differ, where several are optimal.
        if host_rounds(precision):
            assert_close(gpu.get(loss), expected, 1e-5)
        assert (exact - narrow <= gpu.get(loss) + 1e-6).all()


@pytest.mark.parametrize("precision", NARROW)
def test_narrow_tokens_that_are_zero_or_equal(gpu, precision):
    tokens = correlated(5, 12, 7)
    tokens[1] = 0
    tokens[2, 3:] = 0
    tokens[3] = tokens[3, 0]
    check(gpu, tokens, precision=precision, tolerance=1e-3)
    loss = gpu.put(np.empty((5, 5), np.float32))
    rsm = gpu.get(ig.semantic_rsm(gpu.put(tokens), precision=precision, loss=loss))
    assert not rsm[1].any()
    assert not gpu.get(loss)[1].any()


# Principal axes: beside the cases of tests/cases/rsm.py ------------------------------------------


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("rank", [5, 29, "auto"])  # one axis has ties
def test_a_rank_is_that_of_the_host(gpu, rank, precision):
    tokens, other = correlated(6, 20, 30), correlated(4, 13, 30, 1)
    options = {"rank": rank, "mean_loss": 1e-3 if rank == "auto" else None, "precision": precision}
    for arguments in ((tokens,), (tokens, other), ([s[: 9 + i] for i, s in enumerate(tokens)],)):
        shape = len(arguments[0]), len(arguments[-1])
        expected, found = np.empty(shape, np.float32), gpu.put(np.empty(shape, np.float32))
        of_host = ig.semantic_rsm(*arguments, loss=expected, **options)
        of_gpu = ig.semantic_rsm(*(put(gpu, side) for side in arguments), loss=found, **options)
        rounds = precision == "float32" or host_rounds(precision)
        assert_close(gpu.get(of_gpu), of_host, 1e-6 if rounds else 1e-3)
        if rounds:
            assert_close(gpu.get(found), expected, 1e-5)
    check(gpu, tokens, rank=rank, mean_loss=options["mean_loss"], precision=precision)
    check(gpu, tokens.astype(np.float64), other, rank=rank, mean_loss=options["mean_loss"])


def test_a_rank_of_all_channels_loses_nothing(gpu):
    tokens = gpu.put(TOKENS)
    loss = gpu.put(np.ones((len(TOKENS), len(TOKENS)), np.float32))
    all_channels = ig.semantic_rsm(tokens, rank=TOKENS.shape[-1], loss=loss)
    assert np.array_equal(gpu.get(all_channels), gpu.get(ig.semantic_rsm(tokens)))
    assert not gpu.get(loss).any()


# Where it is computed -----------------------------------------------------------------------------


def gpu_sets(gpu):
    """Return GPUs to try for tokens of the host and of the first GPU, several where there are."""
    try:
        on_second_gpu(gpu, np.zeros(1, np.float32))
    except pytest.skip.Exception:
        return [(0, [0])]
    return [(0, 1), ([1, 0], (0, 1))]


@pytest.mark.parametrize("matching", [*RSM_MATCHINGS, *SEEN_NARROW])
def test_the_same_bits_wherever(gpu, matching):
    parameters = SEEN_NARROW[matching] if matching in SEEN_NARROW else arguments_of(matching)
    parameters = {"kernel": ("linear", "cosine"), **parameters}
    tokens, other = data((6, 9, 7), "float32", 1), data((3, 10, 7), "float32", 2)
    for arguments in ((tokens,), (tokens, other)):
        on_gpu = [gpu.put(a) for a in arguments]
        expected = ig.semantic_rsm(*on_gpu, **parameters)
        for for_host, for_gpu in gpu_sets(gpu):
            from_host = ig.semantic_rsm(*arguments, gpus=for_host, **parameters)
            from_gpu = ig.semantic_rsm(*on_gpu, gpus=for_gpu, **parameters)
            for kernel, rsm in expected.items():
                assert isinstance(from_host[kernel], np.ndarray)
                assert np.array_equal(from_host[kernel], gpu.get(rsm))
                assert np.array_equal(gpu.get(from_gpu[kernel]), gpu.get(rsm))


@pytest.mark.parametrize("gpus", [0, [0, 1]], ids=str)
@pytest.mark.parametrize("rank", [None, 7])
@pytest.mark.parametrize("arguments", ["one set", "two sets", "ragged", "on the GPU"])
def test_tokens_that_do_not_fit(gpu, monkeypatch, arguments, rank, gpus):
    """The less memory may be taken, the more bands there are; the entries stay as they are."""
    if gpus != 0:
        on_second_gpu(gpu, np.zeros(1, np.float32))
    monkeypatch.setattr(_place._load(), "cache", 512)  # for blocks of 2 x 2 inputs
    tokens, other = data((9, 11, 30), "float32", 1), data((7, 11, 30), "float32", 2)
    sets = {"one set": (tokens,), "two sets": (tokens, other), "ragged": ([*tokens, other[0, :4]],)}
    chosen = sets.get(arguments, (gpu.put(tokens),))
    parameters = {"gpus": gpus, "kernel": ("linear", "cosine"), "rank": rank}
    expected = ig.semantic_rsm(*chosen, **parameters)
    shapes = []
    bands_of = on_gpu.bands_of

    def noted(plan):
        bands = bands_of(plan)
        shapes.append(bands[1:])
        return bands

    monkeypatch.setattr(on_gpu, "bands_of", noted)
    with pytest.raises(MemoryError, match=r"^semantic_rsm: .*`memory_limit`"):  # noqa: PT012
        for power in range(40):
            limit = int(200_000 * 0.8**power)
            actual = ig.semantic_rsm(*chosen, **parameters, memory_limit=limit)
            for kernel, rsm in expected.items():
                assert np.array_equal(as_numpy(gpu, actual[kernel]), as_numpy(gpu, rsm))
    assert len(set(shapes)) > (gpus == 0)


def as_numpy(gpu, x):
    """Return an array as one of the host."""
    return x if isinstance(x, np.ndarray) else gpu.get(x)


@pytest.mark.parametrize("kernel", RSM_KERNELS)
def test_tokens_on_the_host(gpu, kernel):
    """Extreme ones too, by way of the host's own scaling and median."""
    for scale in (1, np.float32(2.0**-70)):
        tokens, other = data((6, 9, 5), "float32") * scale, data((3, 8, 5), "float32", 1) * scale
        out = np.empty((6, 6), np.float32).T
        assert ig.semantic_rsm(tokens, kernel=kernel, gpus=0, out=out) is out
        expected = ig.semantic_rsm(tokens, kernel=kernel)
        assert_close(out, expected, 1e-6 * max(1, np.abs(expected).max()))
        actual = ig.spatial_rsm(tokens, other, kernel=kernel, gpus=0)
        expected = ig.spatial_rsm(tokens, other, kernel=kernel)
        assert_close(actual, expected, 1e-6 * max(1, np.abs(expected).max()))


def test_repeats(gpu):
    tokens = gpu.put(data((4, 12, 9), "float32"))
    for parameters in [*map(arguments_of, RSM_MATCHINGS), *SEEN_NARROW.values()]:
        first, second = (gpu.get(ig.semantic_rsm(tokens, **parameters)) for _ in range(2))
        assert np.array_equal(first, second)


def test_progress(gpu):
    tokens, other = gpu.put(data((6, 9, 5), "float32")), gpu.put(data((4, 9, 5), "float32"))
    for arguments, pairs in [((tokens,), 15), ((tokens, other), 24)]:
        told = []
        ig.semantic_rsm(*arguments, progress=lambda *pair, told=told: told.append(pair))
        assert told == sorted(told)
        assert told[-1] == (pairs, pairs)


def test_a_progress_that_fails(gpu):
    def fail(done, total):
        raise KeyboardInterrupt

    tokens = gpu.put(data((6, 9, 5), "float32"))
    expected = gpu.get(ig.semantic_rsm(tokens))
    with pytest.raises(KeyboardInterrupt):
        ig.semantic_rsm(tokens, progress=fail)
    assert np.array_equal(gpu.get(ig.semantic_rsm(tokens)), expected)


# What is refused ----------------------------------------------------------------------------------


def with_a_bad_entry(shape, index, value=np.nan):
    """Return tokens with one entry that is not finite, and a later one."""
    tokens = data(shape, "float32")
    tokens[index] = value
    tokens[-1].flat[-1] = np.inf
    return tokens


BAD = {
    "nsc": lambda p: ig.semantic_rsm(p(with_a_bad_entry((5, 4, 3), (2, 3, 1)))),
    "nhwc": lambda p: ig.semantic_rsm(
        p(with_a_bad_entry((5, 2, 2, 3), (3, 1, 0, 2))), layout="nhwc"
    ),
    "nchw": lambda p: ig.semantic_rsm(
        p(with_a_bad_entry((5, 3, 2, 2), (1, 2, 0, 1), -np.inf)), layout="nchw"
    ),
    "other": lambda p: ig.semantic_rsm(
        p(data((5, 4, 3), "float32")), p(with_a_bad_entry((5, 4, 3), (2, 3, 1)))
    ),
    "both": lambda p: ig.semantic_rsm(
        p(with_a_bad_entry((5, 4, 3), (2, 3, 1))), p(with_a_bad_entry((5, 4, 3), (1, 3, 1)))
    ),
    "ragged": lambda p: ig.semantic_rsm(
        [p(data((2, 3), "float32")), p(with_a_bad_entry((4, 3), (2, 1)))]
    ),
    "lengths": lambda p: ig.semantic_rsm(
        p(with_a_bad_entry((3, 4, 3), (0, 3, 0))), lengths=[3, 4, 4]
    ),
    "bfloat16": lambda p: ig.semantic_rsm(
        p(with_a_bad_entry((3, 4, 3), (0, 3, 0)).astype(DTYPES["bfloat16"]))
    ),
    "rbf": lambda p: ig.semantic_rsm(p(with_a_bad_entry((5, 4, 3), (2, 3, 1))), kernel="rbf"),
    "int8": lambda p: ig.semantic_rsm(p(with_a_bad_entry((5, 4, 3), (2, 3, 1))), precision="int8"),
    "spatial": lambda p: ig.spatial_rsm(p(with_a_bad_entry((5, 4, 3), (2, 3, 1)))),
}


@pytest.mark.parametrize("case", BAD)
def test_not_finite(gpu, case):
    with pytest.raises(ValueError, match=r"must be finite, got .* at index") as on_host:
        BAD[case](np.array)
    with pytest.raises(ValueError, match=r"must be finite") as on_gpu:
        BAD[case](gpu.put)
    assert str(on_gpu.value) == str(on_host.value)


def test_not_finite_on_the_host(gpu):
    tokens = with_a_bad_entry((5, 4, 3), (2, 3, 1))
    for kernel in RSM_KERNELS:
        with pytest.raises(ValueError, match=r"^semantic_rsm: `tokens` .*nan at index \(2, 3, 1\)"):
            ig.semantic_rsm(tokens, kernel=kernel, gpus=0)


TOKENS = data((5, 4, 3), "float32")


@pytest.mark.parametrize(
    ("error", "parameters", "message"),
    [
        (TypeError, {"gpus": "0"}, "`gpus` must be an integer"),
        (TypeError, {"gpus": 0.0}, "`gpus` must be an integer"),
        (TypeError, {"gpus": True}, "`gpus` must be an integer"),
        (TypeError, {"gpus": [0, None]}, "`gpus` must be an integer"),
        (ValueError, {"gpus": -1}, "`gpus` must be an integer from 0 to"),
        (ValueError, {"gpus": 99}, "`gpus` must be an integer from 0 to"),
        (ValueError, {"gpus": []}, "`gpus` must be .* at least one, or None, got \\[\\]"),
        (ValueError, {"gpus": range(0)}, "`gpus` must be .* at least one, or None, got range"),
        (ValueError, {"gpus": [0, 0]}, "`gpus` must be different numbers of GPUs, got"),
        (TypeError, {"memory_limit": 1e9}, "`memory_limit` must be an integer"),
        (ValueError, {"memory_limit": 0}, "`memory_limit` must be an integer of at least 1"),
        (MemoryError, {"memory_limit": 1000}, "`memory_limit`"),
    ],
)
def test_refused(gpu, error, parameters, message):
    for function in (ig.semantic_rsm, ig.spatial_rsm):
        with pytest.raises(error, match=rf"^{function.__name__}: .*{message}"):
            function(gpu.put(TOKENS), **parameters)


def test_too_many_tokens(gpu):
    tokens = np.zeros((2, 4097, 1), np.float32)
    for parameters in ({}, {"matching": "greedy"}, {"matching": "window", "window": 4097}):
        with pytest.raises(ValueError, match=r"`tokens` must have at most 4096 tokens an input to"):
            ig.semantic_rsm(gpu.put(tokens), **parameters)
        with pytest.raises(ValueError, match=r"`other` must have at most 4096 tokens an input to"):
            ig.semantic_rsm(gpu.put(tokens[:, :2]), gpu.put(tokens), **parameters)


def test_too_many_channels(gpu):
    tokens = np.zeros((1, 1, (1 << 17) + 1), np.float32)
    with pytest.raises(ValueError, match=r"^semantic_rsm: `precision` must not be 'int8' for more"):
        ig.semantic_rsm(gpu.put(tokens), precision="int8")


def test_too_many_axes(gpu, monkeypatch):
    """Channels beyond the axes are not summed in integers."""
    kernels = _place._load()(0).kernels
    monkeypatch.setattr(kernels, "most_byte_channels", lambda: 5, raising=False)
    tokens = gpu.put(correlated(3, 4, 9))
    ig.semantic_rsm(tokens, precision="int8", rank=5)
    message = r"^semantic_rsm: `precision` must not be 'int8' for more than 5 axes on a GPU, got 6"
    with pytest.raises(ValueError, match=message):
        ig.semantic_rsm(tokens, precision="int8", rank=6)


def test_tokens_in_different_memory(gpu):
    with pytest.raises(ValueError, match=r"`other` must lie where `tokens` does"):
        ig.semantic_rsm(gpu.put(TOKENS), TOKENS)
    with pytest.raises(ValueError, match=r"`tokens\[1\]` must lie where `tokens\[0\]` does"):
        ig.semantic_rsm([gpu.put(TOKENS[0]), TOKENS[1]])
    with pytest.raises(ValueError, match=r"`out` must lie where `tokens` does"):
        ig.semantic_rsm(gpu.put(TOKENS), out=np.empty((5, 5), np.float32))


# Without a GPU: these run everywhere --------------------------------------------------------------


def test_gpus_without_one():
    if _place.why_no_gpu() is None:
        pytest.skip("there is one")
    with pytest.raises(ValueError, match=r"^semantic_rsm: `gpus` must be None here, got 0: "):
        ig.semantic_rsm(TOKENS, gpus=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matching", ["exact", "window", "greedy"])
def test_masks_and_tokens_of_norm_one(gpu, matching, dtype):
    tokens, other = data((4, 11, 6), dtype, 1), data((3, 8, 6), dtype, 2)
    tokens[1, 4] = 0
    mask = np.random.default_rng(0).random((4, 11)) < 0.6
    mask[:, 2] = True
    options = {"bandwidth": 2.0, "tolerance": None if dtype == "float64" else 3e-6}
    options |= arguments_of(matching)
    for normalize in ("input",) if matching == "window" else ("input", "token"):
        check(gpu, tokens, other, mask=mask, normalize=normalize, **options)
        check(gpu, tokens, mask=mask, normalize=normalize, **options)
        check(gpu, tokens, normalize=normalize, **options)
        check(gpu, list(tokens), list(other), normalize=normalize, **options)


@pytest.mark.parametrize("normalize", ["input", "token"])
def test_masked_tokens_of_the_host_by_a_gpu(gpu, normalize):
    tokens = data((6, 9, 5), "float16", 1)
    mask = np.random.default_rng(0).random((6, 9)) < 0.6
    mask[:, 2] = True
    options = {"mask": mask, "normalize": normalize}
    found = ig.semantic_rsm(tokens, gpus=0, **options)
    assert isinstance(found, np.ndarray)
    assert_close(found, ig.semantic_rsm(tokens, **options), 3e-6)
    tokens[4, np.flatnonzero(mask[4])[1], 3] = np.nan
    index = (4, int(np.flatnonzero(mask[4])[1]), 3)
    with pytest.raises(ValueError, match=f"got nan at index {re.escape(str(index))}$"):
        ig.semantic_rsm(tokens, gpus=0, **options)
    with pytest.raises(ValueError, match=f"got nan at index {re.escape(str(index))}$"):
        ig.semantic_rsm(gpu.put(tokens), **options)


def test_listed_pairs_are_those_of_the_host(gpu):
    tokens, other = data((6, 9, 5), "float32", 1), data((4, 7, 5), "float32", 2)
    mask = np.random.default_rng(0).random((6, 9)) < 0.6
    mask[:, 2] = True
    i, j = np.random.default_rng(1).integers(0, 4, (2, 20))
    options = {"kernel": RSM_KERNELS, "bandwidth": 2.0, "pairs": (i, j)}
    on_gpu = options | {"pairs": (gpu.put(i), gpu.put(j))}
    for inputs, more in (((tokens,), {"mask": mask}), ((tokens, other), {"rank": 3})):
        expected = ig.semantic_rsm(*inputs, **more, **options)
        found = ig.semantic_rsm(*map(gpu.put, inputs), **more, **on_gpu)
        for kernel, entries in expected.items():
            tolerance = 1e-6 if kernel == "rbf" else 0  # the GPU's exponential
            assert_close(gpu.get(found[kernel]), entries, tolerance, kernel)
    spatial = ig.spatial_rsm(tokens, pairs=(i, j))
    assert np.array_equal(gpu.get(ig.spatial_rsm(gpu.put(tokens), pairs=(i, j))), spatial)
    out = gpu.put(np.zeros((20, 2), np.float32))
    assert ig.semantic_rsm(gpu.put(tokens), pairs=(i, j), out=out[:, 1]) is not None
    assert np.array_equal(gpu.get(out)[:, 1], ig.semantic_rsm(tokens, pairs=(i, j)))


def test_a_list_of_pairs_names_the_token_that_is_not_finite(gpu):
    tokens = data((3, 4, 2), "float32")
    tokens[1, 2, 1] = np.nan
    message = r"^semantic_rsm: `tokens` must be finite, got nan at index \(1, 2, 1\)$"
    with pytest.raises(ValueError, match=message):
        ig.semantic_rsm(gpu.put(tokens), pairs=([0], [1]))
