"""`match` against SciPy on more than ten thousand problems, and against exact integers."""

import isogram as ig
import numpy as np
import pytest
from assignments import (
    FAMILIES,
    check_against_scipy,
    half_dead,
    rank_one,
    smooth_tokens,
    tied_integers,
    uniform,
)
from cases.match import *  # noqa: F403
from cases.match import RECTANGULAR, SHAPES, SQUARE, certified
from exact import optimum
from hypothesis import given
from hypothesis import strategies as st
from isogram._arrays import as_input
from isogram._entries import widened


def test_more_than_ten_thousand_problems():
    per_family = sum(SQUARE.values()) + sum(RECTANGULAR.values())
    assert len(FAMILIES) * 2 * per_family >= 10_000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_for_any_number_of_threads(simd_level, dtype):
    problems = smooth_tokens(np.random.default_rng(9), 23, 49, 49).astype(dtype)
    one, *more = (ig.match(problems, num_threads=t) for t in (1, 2, 3, 5))
    for other in more:
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large(simd_level, dtype):
    problem = smooth_tokens(np.random.default_rng(10), 1, 500, 500).astype(dtype)
    check_against_scipy(problem, ig.match(problem))


# Costs that are far apart --------------------------------------------------------------------


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_masks_of_huge_numbers(simd_level, shape, dtype, maximize):
    """Half of the pairs are filled with what nobody would pay, in some rows and columns all."""
    rng = np.random.default_rng([11, *shape])
    largest = float(np.finfo(dtype).max) / (1 if dtype == "float32" else 1e4)
    for fill in (1e15, 1e18, 1e27, 1e30, largest):
        for is_padded in (False, True):
            masked = rng.random(shape) < 0.5
            if is_padded:
                masked[shape[0] - shape[0] // 3 :] = masked[:, shape[1] - shape[1] // 4 :] = True
            costs = np.where(masked, fill, rng.random(shape)).astype(dtype)
            problem = -costs if maximize else costs
            assert certified(problem, ig.match(problem, maximize=maximize), maximize) < 1e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gates_upon_gates(simd_level, dtype):
    """Several values, of which each is above any sum of those below, are lowered step by step."""
    rng = np.random.default_rng(18)
    gates = np.array([1e4, 1e12, 1e22, 1e35] if dtype == "float32" else [1e5, 1e60, 1e150, 1e300])
    for shape in SHAPES:
        for share in (0.6, 0.97):
            chosen = gates[rng.integers(0, len(gates), shape)]
            problem = np.where(rng.random(shape) < share, chosen, rng.random(shape)).astype(dtype)
            for maximize, costs in ((False, problem), (True, -problem)):
                certified(costs, ig.match(costs, maximize=maximize), maximize)
            best, found = optimum(problem, maximize=False), ig.match(problem, maximize=False)
            ours, theirs = (
                np.sort(problem[m.columns >= 0, m.columns[m.columns >= 0]]) for m in (found, best)
            )
            assert np.array_equal(ours[ours >= 1e4], theirs[theirs >= 1e4])
            assert abs(ours[ours < 1e4].sum() - theirs[theirs < 1e4].sum()) < 2e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_gap_covers_what_the_total_misses(simd_level, family, dtype):
    for s, t in [(5, 5), (17, 17), (20, 33), (33, 20)]:
        for problem in family(np.random.default_rng([14, s, t]), 3, s, t).astype(dtype):
            for maximize in (True, False):
                certified(problem, ig.match(problem, maximize=maximize), maximize)


# Other types and shapes ----------------------------------------------------------------------


def test_lists_of_integers_and_half_empty_types():
    assert ig.match([[1, 2], [3, 5]]).total == 6
    with pytest.raises(TypeError, match=r"^match: `similarity` must be of .*, got complex128"):
        ig.match([[1j]])


def test_pairs_that_a_sparse_matrix_does_not_store_are_forbidden():
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(17)
    for kind in (sparse.csr_array, sparse.csc_matrix, sparse.coo_array, sparse.lil_array):
        for dtype in (np.float32, np.float64, np.int32, np.bool_):
            dense = rng.integers(1, 5, (20, 30)).astype(dtype)
            allowed = rng.random((20, 30)) < 0.3
            allowed[range(20), range(20)] = True
            costs = kind(np.where(allowed, dense, 0).astype(dtype))
            best = optimum(dense, maximize=False, allowed=allowed)
            assert ig.match(costs, maximize=False).total == best.total
    zeros = sparse.coo_array(([0.0, 0.0, 2.0, 3.0], ([0, 1, 1, 1], [0, 1, 0, 0])), (2, 2))
    found = ig.match(zeros)  # a stored 0 is a pair like others; what is stored twice is summed
    assert (found.columns.tolist(), found.total) == ([0, 1], 0)
    with pytest.raises(ValueError, match=r"must have a matching that takes no forbidden pair"):
        ig.match(sparse.csr_array((3, 3)))
    with pytest.raises(MemoryError, match=r"^match: "):
        ig.match(sparse.csr_array((2_000_000, 2_000_000)))
    with pytest.raises(TypeError, match="a sparse matrix alone, got a list of sparse matrices"):
        ig.match([zeros, zeros])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int64, np.float32])
def test_what_a_sparse_matrix_stores_twice_is_summed(dtype):
    """In floats: the sum of two numbers of a small type may not be one of it."""
    sparse = pytest.importorskip("scipy.sparse")
    most = 2**52 if dtype == np.int64 else np.iinfo(dtype).max if dtype != np.float32 else 2.0**100
    values = np.array([most, most, 1, 1], dtype)
    twice = sparse.coo_array((values, ([0, 0, 1, 1], [0, 0, 1, 0])), (2, 2))
    for kind in (twice, twice * 1):
        found = ig.match(kind)
        assert (found.columns.tolist(), found.total) == ([0, 1], 2.0 * float(most) + 1)
    assert twice.nnz == 4  # the caller's own is as it was
    many = sparse.coo_array((np.full(300, 65535, np.uint16), ([0] * 300, [0] * 300)), (1, 1))
    assert ig.match(many).total == 300 * 65535


@pytest.mark.parametrize("shape", [(3000, 3000), (1, 2500, 2500), (4500, 40, 41), (0, 3, 3)])
def test_conversions_in_parts(shape):
    """Long enough for several parts; of any order of memory."""
    small = np.random.default_rng(5).integers(-99, 99, shape, dtype=np.int8)
    for dtype in (np.int8, np.int64, np.float16, ">f8"):
        for order in "CF":
            costs = as_input("match", "c", np.asarray(small, dtype, order), 2, 3)
            assert costs.dtype.isnative
            assert np.array_equal(widened(costs), small)
    bits = (small.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    assert np.array_equal(widened(bits), small)


# Properties ---------------------------------------------------------------------------------

matrices = st.builds(
    lambda s, t, seed, family: family(np.random.default_rng(seed), 1, s, t)[0],
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 2**31),
    st.sampled_from([uniform, smooth_tokens, tied_integers, half_dead, rank_one]),
)


def close(actual, expected, *problems):
    """Totals equal up to float64 rounding at the problems' scale."""
    scale = max(np.abs(p).max() * min(p.shape) for p in problems)
    return abs(actual - expected) <= 1e-12 * scale


@given(a=matrices, seed=st.integers(0, 2**31))
def test_constants_on_rows_and_columns_shift_the_total(a, seed):
    """On the smaller side any constants; on the larger side one common constant."""
    rng = np.random.default_rng(seed)
    s, t = a.shape
    rows = rng.standard_normal((s, 1)) if s <= t else rng.standard_normal()
    columns = rng.standard_normal((1, t)) if t <= s else rng.standard_normal()
    added = np.broadcast_to(rows, (s, 1)).mean() + np.broadcast_to(columns, (1, t)).mean()
    shifted = a + rows + columns
    expected = ig.match(a).total + min(s, t) * added
    assert close(ig.match(shifted).total, expected, a, shifted)


@given(a=matrices)
def test_transposing_keeps_the_total(a):
    assert close(ig.match(a.T).total, ig.match(a).total, a)


@given(a=matrices, seed=st.integers(0, 2**31))
def test_permuting_rows_and_columns_keeps_the_total(a, seed):
    rng = np.random.default_rng(seed)
    shuffled = a[rng.permutation(len(a))][:, rng.permutation(a.shape[1])]
    assert close(ig.match(shuffled).total, ig.match(a).total, a)


@given(a=matrices)
def test_minimizing_is_maximizing_the_negative(a):
    assert close(ig.match(a, maximize=False).total, -ig.match(-a).total, a)


@given(a=matrices, seed=st.integers(0, 2**31))
def test_no_other_matching_is_better(a, seed):
    size = min(a.shape)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(a.shape[0])[:size], rng.permutation(a.shape[1])[:size]
    assert ig.match(a).total >= a[rows, columns].sum() - 1e-12 * size * np.abs(a).max()
