"""`semantic_rsm` and `spatial_rsm` against the oracle."""

import re

import isogram as ig
import numpy as np
import pytest
from cases.rsm import *  # noqa: F403
from cases.rsm import NARROW, PRECISIONS, RANKS_REFUSED, correlated, ranked
from hypothesis import given
from hypothesis import strategies as st
from isogram._host import rsm as on_host
from scipy.optimize import linear_sum_assignment
from scipy.stats import ortho_group
from support import (
    DTYPES,
    LAYOUTS,
    RSM_KERNELS,
    RSM_MATCHINGS,
    SCALES,
    TOKENS_APART,
    assert_close,
    data,
    eps,
    fewer_near_tokens,
    grid_data,
    oracle,
    quietly,
    register_cases,
    result_dtype,
    rsm_tolerance,
    tokens_apart,
)


def tolerance(kernel, dtype, tokens, other=None):
    """Linear entries are relative to the samples' norms; the two others have scale 1."""
    if kernel != "linear":
        return rsm_tolerance(dtype)
    rows, columns = (
        [np.sqrt((s**2).sum()) for s in oracle.samples(t)]
        for t in (tokens, tokens if other is None else other)
    )
    return rsm_tolerance(dtype) * np.outer(rows, columns)


def check(actual, tokens, other=None, *, dtype, kernel, context="", **parameters):
    """One RSM's type, values and symmetry."""
    assert actual.dtype == result_dtype(dtype)
    expected = oracle.semantic_rsm(tokens, other, kernel=kernel, **parameters)
    assert_close(actual, expected, tolerance(kernel, dtype, tokens, other), context)
    if other is None:
        assert np.array_equal(actual, actual.T)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
@pytest.mark.parametrize("kernel", RSM_KERNELS)
def test_one_set(simd_level, kernel, matching, dtype):
    parameters = {"matching": matching, **RSM_MATCHINGS[matching]}
    for n, s, c in [(2, 1, 1), (5, 2, 3), (7, 16, 7), (4, 17, 64), (5, 49, 33)]:
        tokens = grid_data((n, s, c), dtype)
        actual = ig.semantic_rsm(tokens, kernel=kernel, **parameters)
        check(actual, tokens, dtype=dtype, kernel=kernel, context=f"{n}, {s}, {c}", **parameters)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
@pytest.mark.parametrize("kernel", RSM_KERNELS)
def test_two_sets(simd_level, kernel, matching, dtype):
    parameters = {"kernel": kernel, "matching": matching, **RSM_MATCHINGS[matching]}
    for n, m, s, t, c in [(1, 2, 1, 1, 3), (4, 3, 16, 16, 5), (3, 5, 10, 21, 8), (3, 2, 21, 9, 8)]:
        tokens, other = grid_data((n, s, c), dtype, 1), grid_data((m, t, c), dtype, 2)
        actual = ig.semantic_rsm(tokens, other, **parameters)
        assert actual.shape == (n, m)
        context = f"{s} to {t} tokens"
        check(actual, tokens, other, dtype=dtype, context=context, **parameters)


def with_huge_tokens(dtype, power, places, seed=5, shape=(5, 20, 8)):
    """Return inputs of which all have the same few tokens of huge norm."""
    tokens = grid_data(shape, dtype, seed)
    for s in places:
        tokens[:, s] = tokens[0, s] * tokens.dtype.type(2.0**power)
    return tokens


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_rbf_of_inputs_that_share_tokens_of_huge_norm(simd_level, matching, dtype):
    """As transformers have them: what the inputs share is no part of their distance."""
    parameters = {"matching": matching, **RSM_MATCHINGS[matching]}
    block = parameters.get("window", parameters.get("topk"))
    for power in (3, 5, 8, 12) if dtype == "float32" else (3, 8, 16, 18):
        for places in ([0], [3, 11], [1, 2, 4, 19]):
            tokens = with_huge_tokens(dtype, power, places)
            ragged = [tokens[0], tokens[1][:13], tokens[2][:7], tokens[3], tokens[4][:16]]
            for inputs in (tokens, ragged):
                distances = oracle.matched_distances(inputs, matching, block)
                width = float(np.sqrt(np.median(distances[np.triu_indices(5, 1)])))
                for bandwidth in (width, "median"):
                    actual = ig.semantic_rsm(
                        inputs, kernel="rbf", bandwidth=bandwidth, **parameters
                    )
                    expected = np.exp(-distances / (2 * width**2))
                    allowed = 1e-5 if dtype == "float32" else 1e-12
                    assert_close(actual, expected, allowed, f"2**{power}, {places}")
                    assert np.array_equal(actual, actual.T)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", TOKENS_APART)
def test_rbf_of_inputs_whose_tokens_lie_in_groups_far_apart(simd_level, kind, dtype):
    """Affinities have lost the digits by which near tokens are told apart: not the matching."""
    allowed = 2e-6 if dtype == "float32" else 1e-13
    for seed, (s, c) in enumerate([(24, 10), (36, 3), (12, 80), (30, 1)]):
        tokens = tokens_apart(dtype, kind, seed, s=s, c=c)
        for matching in ({}, {"matching": "window", "window": 9}):
            distances = oracle.smallest_distances(tokens, matching.get("window"))
            width = float(np.sqrt(np.median(distances[np.triu_indices(5, 1)])))
            expected = np.exp(-distances / (2 * width**2)).astype(float)
            actual = ig.semantic_rsm(tokens, kernel="rbf", **matching)
            assert_close(actual, expected, allowed, f"{s}, {c}, {matching}")
            assert np.array_equal(actual, actual.T)
            two = ig.semantic_rsm(
                tokens[:3], tokens[3:], kernel="rbf", bandwidth=width, num_threads=2, **matching
            )
            assert_close(two, expected[:3, 3:], allowed, f"two sets, {s}, {c}, {matching}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", TOKENS_APART)
def test_different_numbers_of_tokens_in_groups_far_apart(simd_level, kind, dtype):
    """A few near tokens are missing: the far ones, which lead by norm, are matched all the same."""
    allowed = 2e-6 if dtype == "float32" else 1e-13
    for seed, (s, c) in enumerate([(24, 10), (36, 3), (12, 80)]):
        tokens = tokens_apart(dtype, kind, seed, s=s, c=c)
        fewer = fewer_near_tokens(tokens)
        for matching in ({}, {"matching": "window", "window": 9}):
            distances = oracle.smallest_distances(fewer, matching.get("window"))
            width = float(np.sqrt(np.median(distances[np.triu_indices(5, 1)])))
            expected = np.exp(-distances / (2 * width**2)).astype(float)
            actual = ig.semantic_rsm(fewer, kernel="rbf", **matching)
            assert_close(actual, expected, allowed, f"{s}, {c}, {matching}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rbf_beside_one_register_of_any_norm(simd_level, dtype):
    """Neither the mean nor the duals may take the digits of the others."""
    allowed = 1e-6 if dtype == "float32" else 1e-13
    for tokens, matching, expected, context in register_cases(dtype):
        actual = ig.semantic_rsm(tokens, kernel="rbf", bandwidth=2.0, **matching)
        assert_close(actual, expected, allowed, context)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_few_tokens_in_two_groups(simd_level, dtype):
    """One pair of tokens may then be as far apart as a whole matching that is better."""
    allowed = 2e-6 if dtype == "float32" else 1e-13
    rng = np.random.default_rng(0)
    for _ in range(200):
        s, c = rng.integers(1, 5), rng.integers(1, 4)
        apart = 10.0 ** rng.integers(0, 7 if dtype == "float32" else 12)
        shared = rng.standard_normal((s, c)) + apart * (np.arange(s) % 2)[:, np.newaxis]
        spread = 10.0 ** rng.integers(-3, 1)
        tokens = [
            (shared + spread * rng.standard_normal((s, c)))[: max(1, s - missing)].astype(dtype)
            for missing in rng.integers(0, 2, 4)
        ]
        distances = oracle.smallest_distances(tokens)
        width = float(np.sqrt(np.median(distances[np.triu_indices(4, 1)])))
        if width == 0:
            continue
        actual = ig.semantic_rsm(tokens, kernel="rbf", bandwidth=width)
        expected = np.exp(-distances / (2 * width**2)).astype(float)
        assert_close(actual, expected, allowed, f"{s}, {c}, {apart}, {spread}")


@pytest.mark.parametrize("scale", [2.0**-300, 2.0**300])
def test_tokens_in_groups_far_apart_at_any_scale(simd_level, scale):
    tokens = tokens_apart("float64", "1e10")
    actual = ig.semantic_rsm(tokens * scale, kernel="rbf")
    assert_close(actual, ig.semantic_rsm(tokens, kernel="rbf"), 1e-15)


@pytest.mark.parametrize("near", [1e-3, 1e-150, 1e-300])
@pytest.mark.parametrize("far", [1.0, 1e100, 1e307])
def test_near_tokens_whose_squared_distances_vanish_beside_those_of_far_ones(near, far):
    tokens = np.full((4, 6, 3), far)
    tokens[:, :3] = near * np.random.default_rng(1).standard_normal((4, 3, 3))
    expected = ig.semantic_rsm(tokens[:, :3] / near, kernel="rbf")
    assert_close(ig.semantic_rsm(tokens, kernel="rbf"), expected, 1e-14)


@pytest.mark.parametrize("kind", ["two clusters", "many clusters", "some registers", "1e4"])
@pytest.mark.parametrize("matching", ["topk", "greedy"])
def test_greedy_choices_among_float32_tokens_far_apart(simd_level, matching, kind):
    """Inner products of float64 stand for those of float32 that have lost too much."""
    block = RSM_MATCHINGS[matching].get("topk")
    for seed in range(3):
        tokens = tokens_apart("float32", kind, seed)
        fewer = [tokens[0], tokens[1], tokens[2], np.delete(tokens[3], [0, 9], axis=0), tokens[4]]
        for inputs in (tokens, fewer):
            distances = oracle.matched_distances(inputs, matching, block)
            width = float(np.sqrt(np.median(distances[np.triu_indices(5, 1)])))
            actual = ig.semantic_rsm(
                inputs, kernel="rbf", bandwidth=width, matching=matching, **RSM_MATCHINGS[matching]
            )
            assert_close(actual, np.exp(-distances / (2 * width**2)), 1e-5, f"{seed}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_an_input_far_off_costs_the_others_nothing(simd_level, matching, dtype):
    parameters = {"matching": matching, **RSM_MATCHINGS[matching], "bandwidth": 8.0}
    powers = (30, 60, 80, 100, 120) if dtype == "float32" else (100, 400, 520, 800, 1000)
    for sign in (1, -1):
        for power in powers:
            tokens = grid_data((6, 12, 7), dtype, 6)
            tokens[2] *= tokens.dtype.type(2.0 ** (sign * power))
            others = np.delete(tokens, 2, axis=0)
            # The linear entry of the far input with itself is infinite.
            actual = quietly(ig.semantic_rsm, tokens, kernel=RSM_KERNELS, **parameters)
            expected = ig.semantic_rsm(others, kernel=RSM_KERNELS, **parameters)
            for kernel in RSM_KERNELS:
                near = np.delete(np.delete(actual[kernel], 2, axis=0), 2, axis=1)
                assert_close(near, expected[kernel], 0, f"{kernel}, 2**{sign * power}")
            if sign == 1:
                assert not np.delete(actual["rbf"][2], 2).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_the_median_beside_an_input_far_off(simd_level, matching, dtype):
    """Whether most pairs are of near inputs or of far ones."""
    parameters = {"matching": matching, **RSM_MATCHINGS[matching]}
    block = parameters.get("window", parameters.get("topk"))
    for count in (1, 3):
        for power in (-120, -60, 60, 120) if dtype == "float32" else (-450, -120, 120, 450):
            tokens = grid_data((6, 12, 7), dtype, 6)
            tokens[:count] *= tokens.dtype.type(2.0**power)
            distances = oracle.matched_distances(tokens, matching, block)
            width = np.sqrt(np.median(distances[np.triu_indices(6, 1)]))
            allowed = 1e-5 if dtype == "float32" else 1e-12
            expected = np.exp(-distances / (2 * width**2))
            actual = ig.semantic_rsm(tokens, kernel="rbf", **parameters)
            assert_close(actual, expected, allowed, f"{count}, 2**{power}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_beyond_the_type_are_infinite_and_said_to_be(simd_level, dtype):
    tokens = np.ones((3, 4, 2), dtype)
    tokens[1] *= 1e25 if dtype == "float32" else 1e200
    infinite = np.zeros((3, 3), bool)
    infinite[1, 1] = True
    for function in (ig.semantic_rsm, ig.spatial_rsm):
        for other in (None, tokens.copy()):
            for kernel in ("linear", ("linear", "rbf")):
                message = f"{function.__name__}: .* beyond the range of {dtype}"
                with pytest.warns(RuntimeWarning, match=message):
                    result = function(tokens, other, kernel=kernel, bandwidth=1.0)
                linear = result if kernel == "linear" else result["linear"]
                assert np.array_equal(np.isinf(linear), infinite)
                assert not np.isnan(linear).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_of_real_networks(simd_level, dtype):
    """Deep channels, correlated tokens."""
    for n, s, c in [(3, 49, 1280), (2, 196, 112), (2, 64, 600), (30, 4, 257)]:
        rng = np.random.default_rng([n, s, c])
        tokens = np.cumsum(rng.standard_normal((n, s, c)), axis=1).astype(dtype)
        for kernel in RSM_KERNELS:
            parameters = {"bandwidth": 300.0} if kernel == "rbf" and n == 2 else {}
            actual = ig.semantic_rsm(tokens, kernel=kernel, **parameters)
            check(actual, tokens, dtype=dtype, kernel=kernel, **parameters)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_ragged(simd_level, matching, dtype):
    parameters = {"matching": matching, **RSM_MATCHINGS[matching]}
    tokens = [grid_data((s, 6), dtype, s) for s in (1, 3, 4, 5, 9, 17, 2)]
    other = [grid_data((s, 6), dtype, s + 50) for s in (6, 1, 20)]
    for kernel in RSM_KERNELS:
        actual = ig.semantic_rsm(tokens, kernel=kernel, **parameters)
        check(actual, tokens, dtype=dtype, kernel=kernel, **parameters)
        actual = ig.semantic_rsm(tokens, other, kernel=kernel, **parameters)
        check(actual, tokens, other, dtype=dtype, kernel=kernel, **parameters)
    assert np.array_equal(
        ig.semantic_rsm(tuple(tokens), **parameters), ig.semantic_rsm(tokens, **parameters)
    )


@pytest.mark.parametrize("kernel", RSM_KERNELS)
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_lengths_are_ragged_lists(simd_level, matching, kernel):
    """What lies beyond a sample's length plays no part."""
    parameters = {"matching": matching, "kernel": kernel, **RSM_MATCHINGS[matching]}
    tokens, other = grid_data((5, 9, 4), "float32", 3), grid_data((3, 12, 4), "float32", 4)
    lengths, other_lengths = np.array([9, 1, 4, 7, 5]), [12, 2, 6]
    for array, valid in ((tokens, lengths), (other, other_lengths)):
        for sample, length in zip(array, valid, strict=True):
            sample[length:] = 1e6
    ragged = [sample[:length] for sample, length in zip(tokens, lengths, strict=True)]
    ragged_other = [sample[:length] for sample, length in zip(other, other_lengths, strict=True)]
    actual = ig.semantic_rsm(tokens, lengths=lengths, **parameters)
    assert np.array_equal(actual, ig.semantic_rsm(ragged, **parameters))
    actual = ig.semantic_rsm(
        tokens, other, lengths=lengths, other_lengths=other_lengths, **parameters
    )
    assert np.array_equal(actual, ig.semantic_rsm(ragged, ragged_other, **parameters))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
def test_picture_layouts(simd_level, matching, dtype):
    parameters = {"matching": matching, **RSM_MATCHINGS[matching]}
    nhwc, other = grid_data((4, 3, 5, 7), dtype, 5), grid_data((2, 2, 4, 7), dtype, 6)
    expected = ig.semantic_rsm(nhwc.reshape(4, 15, 7), **parameters)
    cross = ig.semantic_rsm(nhwc.reshape(4, 15, 7), other.reshape(2, 8, 7), **parameters)
    check(expected, nhwc.reshape(4, 15, 7), dtype=dtype, kernel="cosine", **parameters)
    nchw, other_nchw = (np.ascontiguousarray(np.moveaxis(a, -1, 1)) for a in (nhwc, other))
    for layout, a, b in [("nhwc", nhwc, other), ("nchw", nchw, other_nchw)]:
        assert np.array_equal(ig.semantic_rsm(a, layout=layout, **parameters), expected)
        assert np.array_equal(ig.semantic_rsm(a, b, layout=layout, **parameters), cross)
    lengths = [15, 3, 8, 1]
    assert np.array_equal(
        ig.semantic_rsm(nchw, layout="nchw", lengths=lengths, **parameters),
        ig.semantic_rsm(nhwc.reshape(4, 15, 7), lengths=lengths, **parameters),
    )


@pytest.mark.parametrize("arrangement", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["nsc", "nhwc", "nchw"])
def test_memory_order(simd_level, layout, dtype, arrangement):
    arrange = LAYOUTS[arrangement]
    tokens = grid_data((4, 6, 5) if layout == "nsc" else (4, 2, 3, 5), dtype, 7)
    other = grid_data((3, 6, 5) if layout == "nsc" else (3, 2, 3, 5), dtype, 8)
    expected = oracle.semantic_rsm(tokens, layout=layout)
    assert_close(ig.semantic_rsm(arrange(tokens), layout=layout), expected, rsm_tolerance(dtype))
    expected = oracle.semantic_rsm(tokens, other, layout=layout)
    actual = ig.semantic_rsm(arrange(tokens), arrange(other), layout=layout)
    assert_close(actual, expected, rsm_tolerance(dtype))


def test_ragged_samples_of_mixed_types_and_orders(simd_level):
    wide = [grid_data((s, 5), "float64", s) for s in (3, 7, 4, 6)]
    mixed = [
        wide[0].astype(np.float16),
        np.asfortranarray(wide[1].astype(np.float32)),
        LAYOUTS["negative"](wide[2].astype(DTYPES["bfloat16"])),
        wide[3],
    ]
    actual = ig.semantic_rsm(mixed)
    assert actual.dtype == np.float64
    assert_close(actual, oracle.semantic_rsm(wide), rsm_tolerance("float64"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_out(simd_level, dtype, layout):
    tokens, other = grid_data((6, 5, 4), dtype, 9), grid_data((3, 5, 4), dtype, 10)
    for function in (ig.semantic_rsm, ig.spatial_rsm):
        for kernel in RSM_KERNELS:
            for arguments in ((tokens,), (tokens, other)):
                expected = function(*arguments, kernel=kernel)
                out = LAYOUTS[layout](np.zeros_like(expected))
                assert function(*arguments, kernel=kernel, out=out) is out
                assert np.array_equal(out, expected)


def test_several_kernels_from_one_matching(simd_level):
    tokens, other = grid_data((6, 9, 4), "float32", 11), grid_data((3, 9, 4), "float32", 12)
    for arguments in ((tokens,), (tokens, other)):
        several = ig.semantic_rsm(*arguments, kernel=("rbf", "linear", "cosine"))
        assert list(several) == ["rbf", "linear", "cosine"]
        for kernel, rsm in several.items():
            assert np.array_equal(rsm, ig.semantic_rsm(*arguments, kernel=kernel))
    one = ig.spatial_rsm(tokens, kernel=("linear",))
    assert list(one) == ["linear"]
    assert np.array_equal(one["linear"], ig.spatial_rsm(tokens, kernel="linear"))


def test_defaults_are_cosine_and_exact():
    tokens = grid_data((6, 9, 4), "float64", 13)
    expected = ig.semantic_rsm(tokens, kernel="cosine", matching="exact")
    assert np.array_equal(ig.semantic_rsm(tokens), expected)


@pytest.mark.parametrize("kernel", RSM_KERNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_spatial(simd_level, dtype, kernel):
    for shape in [(2, 1, 1), (9, 7, 5), (50, 4, 40)]:
        tokens, other = data(shape, dtype, 14), data((3, *shape[1:]), dtype, 15)
        actual = ig.spatial_rsm(tokens, kernel=kernel)
        check(actual, tokens, dtype=dtype, kernel=kernel, matching="none")
        none = ig.semantic_rsm(tokens, kernel=kernel, matching="none")
        assert np.array_equal(actual, none)
        actual = ig.spatial_rsm(tokens, other, kernel=kernel)
        check(actual, tokens, other, dtype=dtype, kernel=kernel, matching="none")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("scale", [1, 1e-3, 3e4])
def test_spatial_of_long_maps(simd_level, dtype, scale):
    """Maps with more entries than there are inputs are multiplied panel by panel: the bits stay."""
    rng = np.random.default_rng(0)
    tokens = ((rng.standard_normal((20, 9, 500)) + 2) * (scale / 4)).astype(dtype)
    for z in (tokens, tokens.transpose(2, 1, 0).copy().transpose(2, 1, 0)):
        actual = ig.spatial_rsm(z)
        check(actual, z, dtype=dtype, kernel="cosine", matching="none")
        for threads in (1, 2):
            assert np.array_equal(actual, ig.spatial_rsm(z, num_threads=threads))
        rows, columns = np.triu_indices(len(z), 1)
        assert np.array_equal(actual[rows, columns], ig.spatial_rsm(z, pairs=(rows, columns)))
    between = ig.spatial_rsm(tokens[:12], tokens[12:])
    assert np.array_equal(between, ig.spatial_rsm(tokens)[:12, 12:])


@pytest.mark.parametrize("dtype", DTYPES)
def test_diagonal_is_the_identity_matching(simd_level, dtype):
    tokens = data((8, 20, 30), dtype, 16)
    squares = (oracle.widen(tokens) ** 2).sum(axis=(1, 2))
    for matching, parameters in RSM_MATCHINGS.items():
        rsms = ig.semantic_rsm(tokens, kernel=RSM_KERNELS, matching=matching, **parameters)
        linear = np.diag(rsms["linear"]).astype(np.float64)
        assert_close(linear / squares, np.ones(8), 4 * eps(dtype))
        assert (np.diag(rsms["cosine"]) == 1).all()
        assert (np.diag(rsms["rbf"]) == 1).all()


def test_zero_samples_and_tokens(simd_level):
    tokens = grid_data((6, 9, 4), "float32", 17)
    tokens[2] = 0
    tokens[4, ::2] = 0
    for matching, parameters in RSM_MATCHINGS.items():
        rsms = ig.semantic_rsm(tokens, kernel=RSM_KERNELS, matching=matching, **parameters)
        for kernel, rsm in rsms.items():
            check(rsm, tokens, dtype="float32", kernel=kernel, matching=matching, **parameters)
        assert (rsms["cosine"][2] == 0).all()


def test_all_samples_zero(simd_level):
    tokens = np.zeros((4, 6, 3), np.float32)
    for kernel in ("linear", "cosine"):
        assert (ig.semantic_rsm(tokens, kernel=kernel) == 0).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rectified_tokens_with_many_ties(simd_level, dtype):
    tokens = np.maximum(np.round(grid_data((6, 25, 3), dtype, 18) - 1), 0)
    for matching, parameters in RSM_MATCHINGS.items():
        actual = ig.semantic_rsm(tokens, kernel="linear", matching=matching, **parameters)
        check(actual, tokens, dtype=dtype, kernel="linear", matching=matching, **parameters)


@pytest.mark.parametrize("dtype", SCALES)
@pytest.mark.parametrize("matching", RSM_MATCHINGS)
@pytest.mark.parametrize("kernel", ["cosine", "rbf"])
def test_scale_does_not_matter(simd_level, kernel, matching, dtype):
    parameters = {"kernel": kernel, "matching": matching, **RSM_MATCHINGS[matching]}
    tokens, other = grid_data((5, 12, 6), dtype, 19), grid_data((4, 12, 6), dtype, 20)
    for arguments in ((tokens,), (tokens, other)):
        expected = oracle.semantic_rsm(*arguments, **parameters)
        for scale in SCALES[dtype]:
            actual = ig.semantic_rsm(*(a * scale for a in arguments), **parameters)
            assert_close(actual, expected, rsm_tolerance(dtype), f"scale {scale}")


def test_a_scale_of_each_sample(simd_level):
    tokens = grid_data((6, 12, 6), "float32", 21)
    expected = oracle.semantic_rsm(tokens)
    scales = (2.0 ** np.array([-60, -20, 0, 5, 30, 60])).astype(np.float32)
    actual = ig.semantic_rsm(tokens * scales[:, None, None])
    assert_close(actual, expected, rsm_tolerance("float32"))


def test_half_precision_does_not_overflow(simd_level):
    tokens = np.full((3, 49, 100), 60000, np.float16)
    tokens[1] *= -1
    tokens[2, ::2] = 1
    assert_close(ig.semantic_rsm(tokens), oracle.semantic_rsm(tokens), rsm_tolerance("float16"))


@pytest.mark.parametrize("bandwidth", [0.5, 3.0, 40.0])
def test_rbf_bandwidth(simd_level, bandwidth):
    tokens = 0.3 * data((6, 9, 5), "float64", 22)
    actual = ig.semantic_rsm(tokens, kernel="rbf", bandwidth=bandwidth)
    check(actual, tokens, dtype="float64", kernel="rbf", bandwidth=bandwidth)
    one = ig.semantic_rsm(tokens[:1], kernel="rbf", bandwidth=bandwidth)
    assert one.tolist() == [[1.0]]


def test_median_bandwidth_counts_zero_distances(simd_level):
    """Two equal samples: their distance is one of the three whose median is taken."""
    tokens = grid_data((3, 4, 5), "float64", 23)
    tokens[1] = tokens[0][::-1]
    actual = ig.semantic_rsm(tokens, kernel="rbf")
    check(actual, tokens, dtype="float64", kernel="rbf")
    assert_close(actual[0, 1], 1.0, 1e-12)


@pytest.mark.parametrize("matching", RSM_MATCHINGS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_for_any_number_of_threads(simd_level, dtype, matching):
    parameters = {"kernel": RSM_KERNELS, "matching": matching, **RSM_MATCHINGS[matching]}
    tokens, other = data((13, 20, 33), dtype, 24), data((7, 20, 33), dtype, 25)
    for arguments in ((tokens,), (tokens, other)):
        one, *more = (
            ig.semantic_rsm(*arguments, num_threads=t, **parameters) for t in (1, 2, 3, 5)
        )
        for other_run in more:
            assert all(np.array_equal(one[k], other_run[k]) for k in RSM_KERNELS)


# Properties ---------------------------------------------------------------------------------

shapes = st.tuples(st.integers(2, 6), st.integers(1, 20), st.integers(1, 12))
seeds = st.integers(0, 2**31)


def drawn(shape, seed):
    """Float64 tokens and the generator that made them."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape), rng


def every_kernel(tokens, **parameters):
    """All three RSMs with a fixed bandwidth."""
    return quietly(ig.semantic_rsm, tokens, kernel=RSM_KERNELS, bandwidth=4.0, **parameters)


def assert_same(left, right, tokens):
    """Three RSMs equal up to float64 rounding."""
    scale = max(1.0, (tokens**2).sum(axis=(1, 2)).max())
    for kernel in RSM_KERNELS:
        assert_close(left[kernel], right[kernel], 1e-12 * scale, kernel)


@given(shape=shapes, seed=seeds)
def test_token_permutations_change_nothing(shape, seed):
    tokens, rng = drawn(shape, seed)
    shuffled = np.stack([sample[rng.permutation(shape[1])] for sample in tokens])
    for matching in ("exact", "greedy", "window", "topk"):
        parameters = {"matching": matching, **RSM_MATCHINGS[matching]}
        before, after = every_kernel(tokens, **parameters), every_kernel(shuffled, **parameters)
        assert_same(before, after, tokens)


@given(shape=shapes, seed=seeds)
def test_a_common_orthogonal_map_of_channels_changes_nothing(shape, seed):
    tokens, rng = drawn(shape, seed)
    q = ortho_group.rvs(shape[2], random_state=rng) if shape[2] > 1 else -np.eye(1)
    assert_same(every_kernel(tokens), every_kernel(tokens @ q), tokens)


@given(shape=shapes, seed=seeds)
def test_cosine_ignores_a_positive_scale_of_each_input(shape, seed):
    tokens, rng = drawn(shape, seed)
    scales = 10 ** rng.uniform(-5, 5, (shape[0], 1, 1))
    for matching, parameters in RSM_MATCHINGS.items():
        before, after = (
            ig.semantic_rsm(t, matching=matching, **parameters) for t in (tokens, scales * tokens)
        )
        assert_close(after, before, 1e-12, matching)


@given(shape=shapes, seed=seeds)
def test_exact_is_at_least_every_other_matching(shape, seed):
    tokens, _ = drawn(shape, seed)
    exact = ig.semantic_rsm(tokens, kernel="linear")
    slack = 1e-12 * np.abs(exact).max()
    for matching, parameters in RSM_MATCHINGS.items():
        other = ig.semantic_rsm(tokens, kernel="linear", matching=matching, **parameters)
        assert (exact >= other - slack).all(), matching
        assert_close(np.diag(exact), np.diag(other), slack, matching)


@given(shape=shapes, seed=seeds)
def test_blocks_that_hold_every_token_are_exact(shape, seed):
    tokens, _ = drawn(shape, seed)
    exact = every_kernel(tokens)
    for block in (shape[1], shape[1] + 7):
        assert_same(every_kernel(tokens, matching="window", window=block), exact, tokens)
        assert_same(every_kernel(tokens, matching="topk", topk=block), exact, tokens)


@given(shape=shapes, seed=seeds)
def test_a_window_of_one_pairs_the_sorted_tokens(shape, seed):
    tokens, _ = drawn(shape, seed)
    order = np.argsort(-(tokens**2).sum(axis=2), axis=1, kind="stable")
    in_order = np.take_along_axis(tokens, order[:, :, None], axis=1)
    window = every_kernel(tokens, matching="window", window=1)
    assert_same(window, every_kernel(in_order, matching="none"), tokens)


@given(shape=shapes, seed=seeds)
def test_one_set_against_itself_is_the_set(shape, seed):
    tokens, _ = drawn(shape, seed)
    one = ig.semantic_rsm(tokens, kernel="linear")
    two = ig.semantic_rsm(tokens, tokens.copy(), kernel="linear")
    assert_close(two, one, 1e-12 * np.abs(one).max())


# Narrow tokens ----------------------------------------------------------------------------------


def is_rounded(precision):
    """Whether this processor matches rounded tokens at the level in use."""
    loss = np.empty((2, 2), np.float32)
    ig.semantic_rsm(correlated(2, 9, 5), precision=precision, loss=loss)
    return loss.any()


def rounded(tokens, precision):
    """Tokens less their mean as a narrow matching sees them, in float64."""
    centred = (tokens - tokens.mean(axis=0)).astype(np.float32)
    if not is_rounded(precision):
        return centred.astype(np.float64)
    if precision == "bfloat16":
        bits = centred.view(np.uint32)
        bits = (bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)
        return bits.view(np.float32).astype(np.float64)
    scale = np.abs(centred).max(axis=1, keepdims=True).astype(np.float64) / 127
    return np.rint(centred / np.where(scale > 0, scale, 1)) * scale


@pytest.mark.parametrize("precision", NARROW)
def test_narrow_matching_is_scored_with_the_tokens_themselves(simd_level, precision):
    for n, s, c in [(3, 2, 1), (4, 16, 6), (3, 33, 130), (3, 49, 257), (9, 50, 24)]:
        tokens = correlated(n, s, c)
        actual = ig.semantic_rsm(tokens, kernel="linear", precision=precision)
        wide = tokens.astype(np.float64)
        seen = [rounded(sample, precision) for sample in wide]
        scale = np.sqrt((wide**2).sum((1, 2)))
        for i in range(n):
            for j in range(i):
                pairs = oracle.matched_pairs(seen[i], seen[j], "exact", None)
                want = sum(wide[i][r] @ wide[j][t] for r, t in pairs)
                assert abs(actual[i, j] - want) <= 2e-6 * scale[i] * scale[j], (n, s, c, i, j)


def test_what_gains_nothing_is_not_rounded(simd_level):
    assert is_rounded("int8")
    assert simd_level == "avx512" or not is_rounded("bfloat16")
    if is_rounded("bfloat16"):
        return
    for tokens in (correlated(12, 49, 70), correlated(3, 450, 8)):
        loss = np.full((len(tokens),) * 2, np.nan, np.float32)
        actual = ig.semantic_rsm(tokens, kernel=RSM_KERNELS, precision="bfloat16", loss=loss)
        expected = ig.semantic_rsm(tokens, kernel=RSM_KERNELS)
        for kernel in RSM_KERNELS:
            assert np.array_equal(actual[kernel], expected[kernel])
        assert not loss.any()


@pytest.mark.parametrize("precision", NARROW)
@pytest.mark.parametrize("kernel", RSM_KERNELS)
def test_loss_of_a_narrow_matching_is_bounded(simd_level, kernel, precision):
    tokens, other = correlated(5, 40, 90), correlated(4, 31, 90, 1)
    for arguments in ((tokens,), (tokens, other), (list(tokens), [s[:20] for s in other])):
        exact = ig.semantic_rsm(*arguments, kernel="cosine").astype(np.float64)
        loss = np.full(exact.shape, np.nan, np.float32)
        kernels = {"cosine", kernel}
        narrow = ig.semantic_rsm(*arguments, kernel=(*kernels,), precision=precision, loss=loss)
        below = exact - narrow["cosine"]
        assert (below >= -1e-6).all()
        assert (below <= loss + 1e-6).all()
        assert (loss >= 0).all()
        assert loss.max() < (0.1 if precision == "int8" else 0.02)
        assert below.max() < 1e-3
        if len(arguments) == 1:
            assert np.array_equal(loss, loss.T)
            assert not loss.diagonal().any()


@pytest.mark.parametrize("precision", NARROW)
def test_narrow_tokens_of_every_scale(simd_level, precision):
    tokens = correlated(5, 20, 12)
    expected = ig.semantic_rsm(tokens, precision=precision)
    for scale in (2.0**-100, 1e-20, 1e20, 2.0**100):
        actual = ig.semantic_rsm(tokens * np.float32(scale), precision=precision)
        assert_close(actual, expected, 1e-5, f"scale {scale}")


@pytest.mark.parametrize("precision", NARROW)
def test_narrow_tokens_that_are_zero_or_equal(simd_level, precision):
    tokens = correlated(5, 12, 7)
    tokens[1] = 0
    tokens[2, 3:] = 0
    tokens[3] = tokens[3, 0]
    loss = np.empty((5, 5), np.float32)
    actual = ig.semantic_rsm(tokens, precision=precision, loss=loss)
    assert_close(actual, oracle.semantic_rsm(tokens), 1e-3)
    assert not actual[1].any()
    assert not loss[1].any()


@pytest.mark.parametrize("precision", NARROW)
def test_narrow_tokens_of_every_number_of_channels(simd_level, precision):
    """Four bytes make a word; the last is not always full."""
    for c in (1, 2, 3, 4, 5, 63, 64, 65, 513):
        tokens = correlated(4, 9, c)
        assert_close(
            ig.semantic_rsm(tokens, precision=precision), oracle.semantic_rsm(tokens), 2e-3, str(c)
        )


@pytest.mark.parametrize("precision", NARROW)
def test_narrow_matching_has_the_same_bits_for_any_number_of_threads(simd_level, precision):
    tokens = correlated(40, 25, 33)
    losses = [np.empty((40, 40), np.float32) for _ in range(2)]
    results = [
        ig.semantic_rsm(tokens, precision=precision, num_threads=t, loss=loss)
        for t, loss in zip((1, 2), losses, strict=True)
    ]
    assert np.array_equal(*results)
    assert np.array_equal(*losses)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_narrow_inputs_of_half_precision(simd_level, dtype):
    tokens = correlated(6, 16, 20).astype(dtype)
    actual = ig.semantic_rsm(tokens, precision="int8")
    assert actual.dtype == np.float32
    assert_close(actual, oracle.semantic_rsm(tokens), 1e-3)


# Principal axes -----------------------------------------------------------------------------------


def test_leading_axes_are_principal(monkeypatch):
    """Those of all inputs keep as much of Σ z zᵀ as any axes could."""
    tokens = correlated(30, 20, 150).astype(np.float64)
    kept, channels = 5, tokens.shape[-1]
    axes = leading_axes(monkeypatch, tokens, kept)
    centered = tokens - tokens.mean(axis=1, keepdims=True)
    z = (centered / np.linalg.norm(tokens, axis=(1, 2))[:, None, None]).reshape(-1, channels)
    most = (np.linalg.svd(z, compute_uv=False)[:kept] ** 2).sum()
    assert_close(axes @ axes.T, np.eye(kept), 1e-13)
    assert_close(((z @ axes.T) ** 2).sum() / most, 1.0, 1e-3)


def leading_axes(monkeypatch, tokens, rank):
    """The axes that a call matches along."""
    matchings = []
    entries = on_host.entries

    def recorded(job, *arguments):
        matchings.append(job.matching)
        return entries(job, *arguments)

    monkeypatch.setattr(on_host, "entries", recorded)
    ig.semantic_rsm(tokens, rank=rank)
    return matchings[-1].axes


@pytest.mark.parametrize("precision", PRECISIONS)
def test_rank_has_the_same_bits_for_any_number_of_threads(place, precision):
    tokens = correlated(40, 25, 33)
    one, two = (ranked(place, tokens, rank=7, precision=precision, num_threads=t) for t in (1, 2))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])


def test_rank_within_a_limit_of_memory(simd_level):
    tokens = correlated(200, 16, 30)
    limited = ig.semantic_rsm(tokens, rank=5, memory_limit=1_100_000, num_threads=1)
    assert np.array_equal(limited, ig.semantic_rsm(tokens, rank=5, num_threads=1))


@pytest.mark.parametrize(("options", "error", "message"), RANKS_REFUSED, ids=str)
def test_plans_of_ranks_that_are_refused(options, error, message):
    with pytest.raises(error, match=f"^semantic_rsm: {re.escape(message)}$"):
        ig.plan("semantic_rsm", correlated(3, 4, 5), **options)


# Masks, and tokens of norm 1 ----------------------------------------------------------------------


def masked(tokens, mask):
    """Return the tokens that a mask keeps, input by input."""
    return [sample[kept] for sample, kept in zip(tokens, mask, strict=True)]


def holes(n, s, seed=0):
    """Return a mask of no particular pattern, of which each input keeps a token."""
    mask = np.random.default_rng(seed).random((n, s)) < 0.6
    mask[np.arange(n), np.arange(n) % s] = True
    return mask


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matching", ["exact", "window", "topk", "greedy"])
def test_masks_leave_tokens_out(simd_level, matching, dtype):
    parameters = {"kernel": "cosine", "matching": matching, **RSM_MATCHINGS[matching]}
    tokens, other = grid_data((5, 14, 6), dtype, 3), grid_data((3, 9, 6), dtype, 4)
    mask, other_mask = holes(5, 14), holes(3, 9, 1)
    kept, other_kept = masked(tokens, mask), masked(other, other_mask)
    tokens[~mask], other[~other_mask] = np.nan, np.nan
    one = ig.semantic_rsm(tokens, mask=mask, **parameters)
    check(one, kept, dtype=dtype, **parameters)
    two = ig.semantic_rsm(tokens, other, mask=mask, other_mask=other_mask * 1, **parameters)
    check(two, kept, other_kept, dtype=dtype, **parameters)
    assert np.array_equal(two, ig.semantic_rsm(kept, other_kept, **parameters))


def test_a_mask_of_leading_tokens_is_lengths(simd_level):
    tokens, lengths = data((4, 9, 5), "float32"), np.array([9, 1, 4, 7])
    mask = np.arange(9) < lengths[:, None]
    expected = ig.semantic_rsm(tokens, lengths=lengths)
    assert np.array_equal(ig.semantic_rsm(tokens, mask=mask), expected)
    at_the_end = np.where(mask[..., None], tokens, 0)[:, ::-1]
    actual = ig.semantic_rsm(at_the_end, mask=mask[:, ::-1])
    assert_close(actual, expected, rsm_tolerance("float32"))
    assert np.array_equal(ig.semantic_rsm(tokens, matching="none", mask=mask),
                          ig.spatial_rsm(tokens, lengths=lengths))  # fmt: skip


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_masks_of_pictures(simd_level, layout):
    pictures, mask = data((4, 3, 5, 6), "float32"), holes(4, 15)
    expected = ig.semantic_rsm(pictures.reshape(4, 15, 6), mask=mask)
    given = pictures if layout == "nhwc" else np.moveaxis(pictures, 3, 1)
    for shape in ((4, 15), (4, 3, 5)):
        actual = ig.semantic_rsm(given, layout=layout, mask=mask.reshape(shape))
        assert np.array_equal(actual, expected)


def of_norm_one(tokens):
    """Return float64 tokens of norm 1; zeros stay."""
    units = []
    for sample in oracle.samples(tokens):
        norms = np.sqrt((sample**2).sum(axis=1, keepdims=True))
        units.append(np.divide(sample, norms, out=np.zeros_like(sample), where=norms > 0))
    return units


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", RSM_KERNELS)
def test_tokens_of_norm_one(simd_level, kernel, dtype):
    tokens, other = data((5, 12, 7), dtype, 1), data((4, 16, 7), dtype, 2)
    tokens[1, 3], other[2, 0] = 0, 0
    for inputs in ((tokens,), (tokens, other)):
        actual = ig.semantic_rsm(*inputs, kernel=kernel, normalize="token", bandwidth=2.0)
        units = map(of_norm_one, inputs)
        check(actual, *units, dtype=dtype, kernel=kernel, bandwidth=2.0)
    mean = np.mean(np.diag(of_norm_one(tokens)[0] @ of_norm_one(tokens)[2].T))
    if kernel == "cosine":
        spatial = ig.spatial_rsm(tokens, normalize="token")
        assert spatial[0, 2] == pytest.approx(mean, abs=rsm_tolerance(dtype))


def test_mean_cosine_of_matched_tokens(simd_level):
    """Of inputs with as many tokens; of others the geometric mean over either's tokens."""
    a, b = data((8, 5), "float64", 1), data((8, 5), "float64", 2)
    cosines = of_norm_one([a])[0] @ of_norm_one([b])[0].T
    best = cosines[linear_sum_assignment(cosines, maximize=True)]
    actual = ig.semantic_rsm([a], [b], normalize="token")
    assert actual[0, 0] == pytest.approx(best.mean(), abs=1e-13)
    fewer = cosines[:3]
    best = fewer[linear_sum_assignment(fewer, maximize=True)].sum()
    actual = ig.semantic_rsm([a[:3]], [b], normalize="token")
    assert actual[0, 0] == pytest.approx(np.sqrt(best / 3 * best / 8), abs=1e-13)


@pytest.mark.parametrize("options", [{"precision": "int8"}, {"rank": 4}, {"matching": "greedy"}])
def test_tokens_of_norm_one_compose(simd_level, options):
    tokens, mask = data((5, 12, 7), "float32"), holes(5, 12)
    scaled = tokens * np.random.default_rng(0).uniform(0.1, 9, (5, 12, 1)).astype(np.float32)
    plain = ig.semantic_rsm(tokens, normalize="token", mask=mask, **options)
    assert_close(ig.semantic_rsm(scaled, normalize="token", mask=mask, **options), plain, 1e-3)
    units = [unit.astype(np.float32) for unit in of_norm_one(masked(tokens, mask))]
    assert_close(plain, ig.semantic_rsm(units, **options), 1e-3)


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e30])
def test_tokens_of_norm_one_at_any_scale(simd_level, scale):
    tokens = data((4, 6, 5), "float64")
    expected = ig.semantic_rsm(tokens, normalize="token")
    scaled = (tokens * scale).astype(np.float32)
    assert_close(ig.semantic_rsm(scaled, normalize="token"), expected, 1e-4)


def test_scaled_and_masked_tokens_within_a_limit_of_memory(simd_level):
    tokens, mask = data((40, 12, 64), "float32"), holes(40, 12)
    options = {"normalize": "token", "mask": mask, "kernel": ("linear", "cosine")}
    whole = ig.semantic_rsm(tokens, **options)
    in_bands = ig.semantic_rsm(tokens, memory_limit=1_150_000, num_threads=1, **options)
    for kernel, rsm in whole.items():
        assert np.array_equal(in_bands[kernel], rsm)


@pytest.mark.parametrize("normalize", ["input", "token"])
def test_a_value_that_is_not_finite_is_named_as_the_caller_would(normalize):
    tokens, mask = data((3, 6, 4), "float32"), holes(3, 6)
    tokens[2, np.flatnonzero(mask[2])[-1], 3] = -np.inf
    index = (2, int(np.flatnonzero(mask[2])[-1]), 3)
    message = f"`tokens` must be finite, got -inf at index {index}"
    with pytest.raises(ValueError, match=f"^semantic_rsm: {re.escape(message)}"):
        ig.semantic_rsm(tokens, mask=mask, normalize=normalize)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalize": "tokens"}, "`normalize` must be one of 'input', 'token', got 'tokens'"),
        ({"mask": np.ones((2, 4)) > 0}, "`mask` must be of shape (3, 4), with an entry for each"),
        (
            {"mask": [[0, 1, 1, 1]] * 3, "matching": "none"},
            "`mask` must keep the first tokens of every input with `matching` 'none'",
        ),
        (
            {"normalize": "token", "matching": "window", "window": 2},
            "`normalize` must be 'input' with `matching` 'window', which sorts tokens by norm",
        ),
        (
            {"normalize": "token", "matching": "topk", "topk": 2},
            "`normalize` must be 'input' with `matching` 'topk', which sorts tokens by norm",
        ),
        ({"mask": [[1] * 4] * 3, "lengths": [4] * 3}, "`mask` must be None with `lengths`, got bo"),
        ({"other_mask": [[1] * 4] * 3}, "`other_mask` must be None without `other`, got a mask"),
    ],
)
def test_masks_that_are_refused(options, message):
    with pytest.raises(ValueError, match=f"^semantic_rsm: {re.escape(message)}"):
        ig.semantic_rsm(data((3, 4, 2), "float32"), **options)


# Lists of pairs -----------------------------------------------------------------------------------

# Every way to match, with what a list of pairs has to leave as it is.
LISTED = {
    "exact": {},
    "greedy": {"matching": "greedy"},
    "none": {"matching": "none"},
    "window": {"matching": "window", "window": 5},
    "topk": {"matching": "topk", "topk": 3},
    "bfloat16": {"precision": "bfloat16"},
    "int8": {"precision": "int8"},
    "rank": {"rank": 3},
    "auto": {"rank": "auto", "mean_loss": 1e-2},
    "int8 along axes": {"precision": "int8", "rank": 3},
    "tokens of norm 1": {"normalize": "token"},
}


def drawn_pairs(count, n, m, seed=0):
    """Return pairs in no order, turned and repeated."""
    random = np.random.default_rng(seed)
    return random.integers(0, n, count), random.integers(0, m, count)


@pytest.mark.parametrize("way", LISTED)
@pytest.mark.parametrize("memory_limit", [None, 2**30])
def test_listed_pairs_have_the_bits_of_the_whole(simd_level, monkeypatch, way, memory_limit):
    monkeypatch.setattr(on_host, "_edge", lambda job: 33)  # inputs of a band, within a limit
    options = LISTED[way] | {"kernel": RSM_KERNELS, "bandwidth": 3.0, "num_threads": 2}
    tokens, other = data((70, 12, 60), "float32", 1), data((30, 12, 60), "float32", 2)
    for inputs in ((tokens,), (tokens, other), ([*list(tokens[:, :9]), tokens[0]],)):
        whole = ig.semantic_rsm(*inputs, **options)
        i, j = drawn_pairs(200, len(inputs[0]), len(inputs[-1]))
        listed = ig.semantic_rsm(*inputs, pairs=(i, j), memory_limit=memory_limit, **options)
        for kernel, rsm in whole.items():
            assert listed[kernel].dtype == rsm.dtype
            assert np.array_equal(listed[kernel], rsm[i, j]), kernel


@pytest.mark.parametrize("dtype", DTYPES)
def test_listed_pairs_against_the_oracle(simd_level, dtype):
    tokens, mask = data((6, 10, 4), dtype), holes(6, 10)
    i, j = drawn_pairs(20, 6, 6)
    expected = oracle.semantic_rsm(masked(tokens, mask))[i, j]
    for threads in (1, 3):
        actual = ig.semantic_rsm(tokens, mask=mask, pairs=(i, j), num_threads=threads)
        assert actual.shape == (20,)
        assert_close(actual, expected, rsm_tolerance(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_listed_pairs_of_inputs_of_a_panel_and_a_few_tokens(simd_level, dtype):
    rng = np.random.default_rng(3)
    tokens = [rng.standard_normal((s, 20)).astype(dtype) for s in (49, 48, 3, 50, 97, 53, 13, 49)]
    i, j = drawn_pairs(60, 8, 8)
    whole = ig.semantic_rsm(tokens)
    assert np.array_equal(ig.semantic_rsm(tokens, pairs=(i, j), num_threads=2), whole[i, j])
    expected = oracle.semantic_rsm(tokens)[i, j]
    assert_close(ig.semantic_rsm(tokens, pairs=(i, j)), expected, rsm_tolerance(dtype))


def test_listed_pairs_with_others_that_are_packed_in_bands(simd_level):
    tokens, other = data((5, 12, 60), "float32", 1), data((6400, 12, 60), "float32", 2)
    i, j = drawn_pairs(500, len(tokens), len(other))
    whole = ig.semantic_rsm(tokens, other, matching="greedy")
    listed = ig.semantic_rsm(tokens, other, matching="greedy", pairs=(i, j), num_threads=2)
    assert np.array_equal(listed, whole[i, j])
    for input in (6001, 4999):
        other[input, 3, 7] = np.nan
        with pytest.raises(ValueError, match=rf"`other`.* got nan at index \({input}, 3, 7\)"):
            ig.semantic_rsm(tokens, other, pairs=([0] * 6400, range(6400)))


def test_listed_pairs_of_many_tokens(simd_level):
    tokens = data((4, 230, 5), "float32")
    i, j = drawn_pairs(12, 4, 4)
    for options in ({}, {"matching": "topk", "topk": 20}, {"kernel": "rbf", "bandwidth": 20.0}):
        whole = ig.semantic_rsm(tokens, **options)
        assert np.array_equal(ig.semantic_rsm(tokens, pairs=(i, j), **options), whole[i, j])


def test_losses_of_listed_pairs(simd_level):
    tokens, (i, j) = correlated(8, 12, 20), drawn_pairs(30, 8, 8)
    for options in ({"precision": "int8"}, {"rank": 4}, {"rank": 20}):
        whole, listed = np.full((8, 8), -1, np.float32), np.full(30, -1, np.float32)
        ig.semantic_rsm(tokens, loss=whole, **options)
        ig.semantic_rsm(tokens, loss=listed, pairs=(i, j), **options)
        assert np.array_equal(listed, whole[i, j])


def test_out_of_listed_pairs(simd_level):
    tokens, pairs = data((5, 9, 4), "float32"), drawn_pairs(11, 5, 5)
    expected = ig.semantic_rsm(tokens, pairs=pairs)
    for out in (np.empty(11, np.float32), np.empty((11, 3), np.float32)[::-1, 1]):
        assert ig.semantic_rsm(tokens, pairs=pairs, out=out) is out
        assert np.array_equal(out, expected)


def test_no_listed_pairs(simd_level):
    tokens = data((5, 9, 4), "float32")
    for kernel in RSM_KERNELS:
        for limit in (None, 10_000_000):
            found = ig.semantic_rsm(
                tokens, pairs=([], []), kernel=kernel, bandwidth=1.0, memory_limit=limit
            )
            assert found.shape == (0,)
            assert found.dtype == np.float32


def test_progress_of_listed_pairs():
    reports = []
    ig.semantic_rsm(
        data((9, 5, 2), "float32"),
        pairs=drawn_pairs(40, 9, 9),
        progress=lambda done, total: reports.append((done, total)),
    )
    assert reports[-1] == (40, 40)
    assert all(total == 40 for _, total in reports)


def test_inputs_in_no_pair_are_not_read(simd_level):
    tokens = data((4, 9, 3), "float32")
    tokens[2, 3, 1] = np.inf
    assert np.isfinite(ig.semantic_rsm(tokens, pairs=([3, 0], [1, 3]))).all()
    message = re.escape("semantic_rsm: `tokens` must be finite, got inf at index (2, 3, 1)")
    for memory_limit in (None, 5_000_000):
        with pytest.raises(ValueError, match=f"^{message}"):
            ig.semantic_rsm(tokens, pairs=([3, 0], [1, 2]), memory_limit=memory_limit)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"pairs": np.zeros((2, 3), int)}, TypeError, "`pairs` must be a tuple (i, j) of two arra"),
        ({"pairs": ([0], [1, 2])}, ValueError, "`pairs` must be as many i as j, got 1 and 2"),
        ({"pairs": ([0, -1], [1, 2])}, ValueError, "`pairs[0]` must be from 0 to 2, got -1 at ind"),
        ({"pairs": ([0, 1], [1, 3])}, ValueError, "`pairs[1]` must be from 0 to 2, got 3 at index"),
        ({"pairs": ([0.5], [1])}, TypeError, "`pairs[0]` must be of integers, got float64"),
        ({"pairs": (0, 1)}, ValueError, "`pairs[0]` must be 1-D, got shape ()"),
        ({"kernel": "rbf"}, ValueError, "`bandwidth` must be a number with `pairs`"),
        ({"gpus": 0}, ValueError, "`gpus` must be None with `pairs`, which the host computes"),
        ({"out": np.empty(3, np.float32)}, ValueError, "`out` must be of shape (2,), got (3,)"),
        ({"out": np.empty(2)}, TypeError, "`out` must be of float32, got float64"),
        (
            {"out": np.lib.stride_tricks.as_strided(np.empty(1, np.float32), (2,), (0,))},
            ValueError,
            "`out` must not overlap itself",
        ),
    ],
)
@pytest.mark.parametrize("function", [ig.semantic_rsm, ig.spatial_rsm])
def test_lists_that_are_refused(function, options, error, message):
    with pytest.raises(error, match=f"^{function.__name__}: {re.escape(message)}"):
        function(data((3, 4, 2), "float32"), **({"pairs": ([0, 1], [1, 2])} | options))


@pytest.mark.parametrize("dtype", DTYPES)
def test_listed_pairs_of_positions_against_the_oracle(simd_level, dtype):
    tokens, lengths = data((6, 10, 40), dtype), np.array([10, 3, 10, 7, 1, 10])
    other, i, j = data((5, 8, 40), dtype, 2), *drawn_pairs(20, 6, 5)
    kept = [input[:count] for input, count in zip(tokens, lengths, strict=True)]
    for arguments, inputs, options in (
        ((tokens,), (tokens,), {}),
        ((tokens,), (kept,), {"lengths": lengths}),
        ((tokens, other), (kept, other), {"lengths": lengths, "num_threads": 3}),
    ):
        expected = oracle.spatial_rsm(*inputs)[i, j]
        actual = ig.spatial_rsm(*arguments, pairs=(i, j), **options)
        assert_close(actual, expected, rsm_tolerance(dtype))
