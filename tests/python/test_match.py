"""`match` against SciPy on more than ten thousand problems, and against exact integers."""

from fractions import Fraction

import isogram as ig
import numpy as np
import pytest
from assignments import (
    FAMILIES,
    check_against_scipy,
    half_dead,
    heavy_tails,
    rank_one,
    smooth_tokens,
    tied_integers,
    uniform,
)
from exact import exact_sum, optimum
from hypothesis import given
from hypothesis import strategies as st
from isogram._arrays import as_input
from isogram._entries import widened
from support import DTYPES, LAYOUTS, OFFERED_LEVELS, data

# Size: how many problems of it over all levels (per family and type).
SQUARE = {1: 12, 2: 30, 3: 60, 5: 60, 8: 90, 15: 60, 16: 60, 17: 60, 31: 30, 33: 30, 49: 60,
          64: 30, 65: 15, 97: 12, 128: 9, 129: 9, 196: 6, 200: 6}  # fmt: skip
RECTANGULAR = {(1, 7): 12, (7, 1): 12, (3, 20): 30, (20, 3): 30, (16, 17): 30, (31, 49): 30,
               (49, 31): 30, (48, 196): 9, (196, 48): 9, (150, 151): 6}  # fmt: skip


def share(count, level):
    """Part of the problems that this level solves: the bulk is spread over the levels."""
    return -(-count // len(OFFERED_LEVELS)), OFFERED_LEVELS.index(level)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_square(simd_level, family, dtype):
    for size, count in SQUARE.items():
        batch, index = share(count, simd_level)
        rng = np.random.default_rng([index, size])
        problems = family(rng, batch, size, size).astype(dtype)
        check_against_scipy(problems, ig.match(problems))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_rectangular(simd_level, family, dtype):
    for (s, t), count in RECTANGULAR.items():
        batch, index = share(count, simd_level)
        rng = np.random.default_rng([index, s, t])
        problems = family(rng, batch, s, t).astype(dtype)
        check_against_scipy(problems, ig.match(problems))


def test_more_than_ten_thousand_problems():
    per_family = sum(SQUARE.values()) + sum(RECTANGULAR.values())
    assert len(FAMILIES) * 2 * per_family >= 10_000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_minimize(simd_level, family, dtype):
    for s, t in [(1, 1), (16, 16), (31, 17), (17, 31), (49, 49)]:
        problems = family(np.random.default_rng([s, t]), 4, s, t).astype(dtype)
        check_against_scipy(problems, ig.match(problems, maximize=False), maximize=False)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
@pytest.mark.parametrize("family", [uniform, smooth_tokens, heavy_tails])
def test_float64_at_extreme_scales(simd_level, family, scale):
    problems = scale * family(np.random.default_rng(3), 6, 30, 30)
    check_against_scipy(problems, ig.match(problems))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_that_overflow_the_type(simd_level, dtype):
    """Finite entries near the largest number: the total of float32 still fits a float64."""
    largest = np.finfo(dtype).max / (1 if dtype == "float32" else 1e3)
    problems = (largest * np.random.default_rng(4).uniform(-1, 1, (5, 20, 20))).astype(dtype)
    check_against_scipy(problems, ig.match(problems))


def test_mixed_magnitudes_of_rows(simd_level):
    """Rows of very different scale, where a shared float32 dual drowns the small ones."""
    rng = np.random.default_rng(5)
    problems = rng.random((20, 40, 40)) * 10.0 ** rng.uniform(-6, 6, (20, 40, 1))
    for dtype in ("float32", "float64"):
        check_against_scipy(problems.astype(dtype), ig.match(problems.astype(dtype)))


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_is_widened(simd_level, half):
    problems = smooth_tokens(np.random.default_rng(6), 6, 33, 33).astype(DTYPES[half])
    found, wide = ig.match(problems), ig.match(problems.astype(np.float32))
    for ours, theirs in zip(found, wide, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_order(simd_level, dtype, layout):
    problems = data((5, 18, 25), dtype, seed=7)
    found = ig.match(LAYOUTS[layout](problems))
    for ours, theirs in zip(found, ig.match(problems), strict=True):
        assert np.array_equal(ours, theirs)


def test_result_of_one_problem_and_of_a_batch(simd_level):
    problem = data((4, 3), "float32", seed=8)
    one = ig.match(problem)
    assert isinstance(one, ig.Matching)
    assert one.columns.shape == (4,)
    assert one.columns.dtype == np.int32
    assert type(one.total) is float
    assert type(one.gap) is float
    batch = ig.match(np.stack([problem, -problem]))
    assert batch.columns.shape == (2, 4)
    assert (batch.total.shape, batch.total.dtype) == ((2,), np.float64)
    assert (batch.gap.shape, batch.gap.dtype) == ((2,), np.float64)
    assert np.array_equal(batch.columns[0], one.columns)
    assert batch.total[0] == one.total


def test_an_empty_batch_is_an_empty_result(simd_level):
    found = ig.match(np.empty((0, 3, 5), np.float32))
    assert found.columns.shape == (0, 3)
    assert found.total.shape == found.gap.shape == (0,)


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


def certified(problem, found, maximize):
    """Assert that the gap covers what the total misses, exactly; return what the columns miss."""
    best = optimum(problem, maximize=maximize)
    rows = np.flatnonzero(found.columns >= 0)
    matched = problem[rows, found.columns[rows]].astype(np.float64)
    assert len(set(found.columns[rows])) == len(rows) == min(problem.shape)
    assert abs(best.total - exact_sum([found.total])) <= Fraction(found.gap)
    return abs(best.total - exact_sum(matched))


SHAPES = [(3, 3), (20, 20), (49, 49), (80, 80), (30, 45), (45, 30)]


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
@pytest.mark.parametrize("shape", SHAPES)
def test_gates_that_cannot_be_avoided(simd_level, shape, dtype):
    """What is matched beside the gates is the best there is, to digits of its own."""
    rng = np.random.default_rng([12, *shape])
    for gate in (1e3, 1e5, 1e6, 1e8):
        for share in (0.9, 0.97, 0.999):
            for costs in (rng.random(shape), rng.integers(0, 3, shape)):
                problem = np.where(rng.random(shape) < share, gate, costs).astype(dtype)
                lost = certified(problem, ig.match(problem, maximize=False), False)
                assert lost < (2e-5 if dtype == "float32" else 1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_costs_that_no_type_holds_together(simd_level, dtype):
    rng = np.random.default_rng(13)
    for values in ([0, 1, 1e-20], [0, 1, 2, 2.0**53], [1e-30, 1, 1e30], [0, 1e-38, 1]):
        for shape in SHAPES:
            problem = rng.choice(np.array(values, dtype), shape)
            for maximize in (True, False):
                found = ig.match(problem, maximize=maximize)
                lost = certified(problem, found, maximize)
                assert lost <= Fraction(1e-12) * Fraction(float(abs(found.total)))


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


def test_a_total_beyond_float64_is_said():
    most = np.finfo(np.float64).max
    problems = np.array([[[1.0, 0], [0, 1]], [[most, 0], [0, most]]])
    with pytest.warns(RuntimeWarning, match=r"^match: the total of problem 1 is beyond float64"):
        found = ig.match(problems)
    assert found.total.tolist() == [2, np.inf]
    assert found.gap[1] == np.inf
    assert found.columns.tolist() == [[0, 1], [0, 1]]
    with pytest.warns(RuntimeWarning, match=r"^match: the total is beyond float64"):
        assert ig.match(-problems[1], maximize=False).total == -np.inf


# Forbidden pairs -----------------------------------------------------------------------------


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_infinity_forbids_a_pair(simd_level, dtype, maximize):
    rng = np.random.default_rng(15)
    feasible = 0
    for s, t in [(1, 1), (4, 4), (20, 20), (49, 49), (70, 70), (30, 40), (40, 30)]:
        for share in (0.3, 0.8, 0.95):
            allowed = rng.random((s, t)) > share
            costs = rng.random((s, t)).astype(DTYPES[dtype])
            problem = np.where(allowed, costs, costs.dtype.type(-np.inf if maximize else np.inf))
            best = optimum(costs.astype(np.float64), maximize=maximize, allowed=allowed)
            if best is None:
                with pytest.raises(ValueError, match=r"^match: `similarity` must have a matching"):
                    ig.match(problem, maximize=maximize)
                continue
            feasible += 1
            found = ig.match(problem, maximize=maximize)
            assert abs(found.total - float(best.total)) <= 1e-6 * float(best.magnitude)
            assert abs(best.total - exact_sum([found.total])) <= Fraction(found.gap)
    assert feasible >= 7


def test_a_problem_without_a_matching_is_named():
    problems = np.ones((9, 3, 4), np.float32)
    problems[5, :2] = [[-np.inf, -np.inf, 1, -np.inf]]
    problems[7] = -np.inf
    advice = "give such pairs a finite value, or leave out rows or columns"
    with pytest.raises(ValueError, match=rf"\(-inf\), got none in problem 5: {advice}$"):
        ig.match(problems)
    with pytest.raises(ValueError, match=rf"\(-inf\), got none: {advice}$"):
        ig.match(problems[5])
    with pytest.raises(ValueError, match=r"\(inf\), got none in problem 5"):
        ig.match(-problems, maximize=False)
    with pytest.raises(ValueError, match=r"must be finite, got -inf at index \(5, 0, 0\)"):
        ig.match(problems, maximize=False)


# Other types and shapes ----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (5, 0, 3), (5, 3, 0), (0, 0, 0)])
def test_a_problem_without_rows_or_columns_matches_nothing(shape):
    found = ig.match(np.empty(shape))
    assert found.columns.shape == shape[:-1]
    assert np.all(found.columns == -1)
    assert np.shape(found.total) == np.shape(found.gap) == shape[:-2]
    assert np.all(found.total == 0)
    assert np.all(found.gap == 0)


INTEGERS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_and_booleans_are_taken_exactly(dtype):
    rng = np.random.default_rng(16)
    info = np.iinfo(dtype) if dtype != "bool" else None
    least, most = (0, 1) if info is None else (max(info.min, -(2**53)), min(info.max, 2**53))
    for shape in [(12, 12), (12, 20)]:
        problem = rng.integers(least, most, shape, endpoint=True, dtype=np.int64).astype(dtype)
        problem.flat[:2] = least, most
        for maximize in (True, False):
            found = ig.match(problem, maximize=maximize)
            assert certified(problem.astype(np.float64), found, maximize) == 0


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, np.iinfo(np.int64).max])
def test_integers_beyond_float64_are_refused(value):
    problem = np.array([[0, 1], [value, 2]])
    with pytest.raises(ValueError, match=rf"^match: `similarity` must .*2\^53.*, got {value}"):
        ig.match(problem)


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
            costs = as_input("match", "c", np.asarray(small, dtype, order), 2, 3, or_integers=True)
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
