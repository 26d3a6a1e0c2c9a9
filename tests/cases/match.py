"""Cases of `match` that every place is to pass, host and GPU, against SciPy and exact integers."""

from fractions import Fraction

import isogram as ig
import numpy as np
import pytest
from assignments import FAMILIES, check_against_scipy, heavy_tails, smooth_tokens, uniform
from exact import exact_sum, optimum
from support import DTYPES, LAYOUTS, OFFERED_LEVELS, data

# Size: how many problems of it over all levels (per family and type).
SQUARE = {1: 12, 2: 30, 3: 60, 5: 60, 8: 90, 15: 60, 16: 60, 17: 60, 31: 30, 33: 30, 49: 60,
          64: 30, 65: 15, 97: 12, 128: 9, 129: 9, 196: 6, 200: 6}  # fmt: skip
RECTANGULAR = {(1, 7): 12, (7, 1): 12, (3, 20): 30, (20, 3): 30, (16, 17): 30, (31, 49): 30,
               (49, 31): 30, (48, 196): 9, (196, 48): 9, (150, 151): 6}  # fmt: skip
SMALL = [(1, 1), (1, 5), (5, 1), (16, 17), (17, 16), (33, 33), (49, 49), (64, 64), (65, 65)]


def matched(place, problems, **options):
    """Match there, and return what was found as arrays of the host."""
    found = ig.match(place.put(problems), **options)
    return ig.Matching(*(x if isinstance(x, float) else place.get(x) for x in found))


def check(place, problems, maximize=True):
    """Match a batch there and hold every problem against SciPy."""
    found = matched(place, problems, maximize=maximize)
    assert found.columns.dtype == np.int32
    assert found.total.dtype == found.gap.dtype == np.float64
    check_against_scipy(problems, found, maximize)


def problems_of(place, family, shape, count):
    """Return a batch for this place, other problems for each SIMD level."""
    rng = np.random.default_rng([OFFERED_LEVELS.index(ig.simd.level()), *shape])
    return family(rng, place.share(count), *shape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_square(place, family, dtype):
    for size in place.choose(SQUARE, (1, 2, 16, 17, 31, 32, 33, 49, 52, 53, 64, 65)):
        check(place, problems_of(place, family, (size, size), SQUARE.get(size, 1)).astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_rectangular(place, family, dtype):
    for shape in place.choose(RECTANGULAR, ((3, 20), (31, 49), (64, 65), (100, 30))):
        check(place, problems_of(place, family, shape, RECTANGULAR.get(shape, 1)).astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_minimize(place, family, dtype):
    for s, t in place.choose([(1, 1), (16, 16), (31, 17), (17, 31), (49, 49)], [(17, 31)]):
        problems = family(np.random.default_rng([s, t]), 4, s, t).astype(dtype)
        check(place, problems, maximize=False)


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("shape", SMALL)
@pytest.mark.parametrize("dtype", DTYPES)
def test_types_and_shapes(place, dtype, shape, maximize):
    check(place, data((3, *shape), dtype), maximize=maximize)


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [("float32", 1e-20), ("float32", 1e20), ("float64", 1e-200), ("float64", 1e200)],
)
@pytest.mark.parametrize("family", [uniform, smooth_tokens, heavy_tails])
def test_extreme_scales(place, family, dtype, scale):
    problems = scale * family(np.random.default_rng(3), 6, 30, 30)
    check(place, problems.astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_that_overflow_the_type(place, dtype):
    """Finite entries near the largest number: the total of float32 still fits a float64."""
    largest = np.finfo(dtype).max / (1 if dtype == "float32" else 1e3)
    problems = (largest * np.random.default_rng(4).uniform(-1, 1, (5, 20, 20))).astype(dtype)
    check(place, problems)


def test_mixed_magnitudes_of_rows(place):
    """Rows of very different scale, where a shared float32 dual drowns the small ones."""
    rng, count = np.random.default_rng(5), place.choose(20, 4)
    problems = rng.random((count, 40, 40)) * 10.0 ** rng.uniform(-6, 6, (count, 40, 1))
    for dtype in ("float32", "float64"):
        check(place, problems.astype(dtype))


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_is_widened(place, half):
    problems = smooth_tokens(np.random.default_rng(6), 6, 33, 33).astype(DTYPES[half])
    found, wide = matched(place, problems), matched(place, problems.astype(np.float32))
    for ours, theirs in zip(found, wide, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_order(place, dtype, layout):
    problems = data((5, 18, 25), dtype, seed=7)
    for case in (problems, problems[0]):
        found = matched(place, LAYOUTS[layout](case))
        for ours, theirs in zip(found, matched(place, case), strict=True):
            assert np.array_equal(ours, theirs)


def test_result_of_one_problem_and_of_a_batch(place):
    problem = data((4, 3), "float32", seed=8)
    one = matched(place, problem)
    assert isinstance(one, ig.Matching)
    assert one.columns.shape == (4,)
    assert one.columns.dtype == np.int32
    assert type(one.total) is float
    assert type(one.gap) is float
    batch = matched(place, np.stack([problem, -problem]))
    assert batch.columns.shape == (2, 4)
    assert (batch.total.shape, batch.total.dtype) == ((2,), np.float64)
    assert (batch.gap.shape, batch.gap.dtype) == ((2,), np.float64)
    assert np.array_equal(batch.columns[0], one.columns)
    assert batch.total[0] == one.total


def test_an_empty_batch_is_an_empty_result(place):
    found = matched(place, np.empty((0, 3, 5), np.float32))
    assert found.columns.shape == (0, 3)
    assert found.total.shape == found.gap.shape == (0,)


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_gates_that_cannot_be_avoided(place, shape, dtype):
    """What is matched beside the gates is the best there is, to digits of its own."""
    rng = np.random.default_rng([12, *shape])
    for gate in place.choose((1e3, 1e5, 1e6, 1e8), (1e3, 1e8)):
        for share in place.choose((0.9, 0.97, 0.999), (0.97,)):
            for costs in (rng.random(shape), rng.integers(0, 3, shape)):
                problem = np.where(rng.random(shape) < share, gate, costs).astype(dtype)
                lost = certified(problem, matched(place, problem, maximize=False), False)
                assert lost < (2e-5 if dtype == "float32" else 1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_costs_that_no_type_holds_together(place, dtype):
    rng = np.random.default_rng(13)
    for values in ([0, 1, 1e-20], [0, 1, 2, 2.0**53], [1e-30, 1, 1e30], [0, 1e-38, 1]):
        for shape in place.choose(SHAPES, SHAPES[:3]):
            problem = rng.choice(np.array(values, dtype), shape)
            for maximize in (True, False):
                found = matched(place, problem, maximize=maximize)
                lost = certified(problem, found, maximize)
                assert lost <= Fraction(1e-12) * Fraction(float(abs(found.total)))
    for tiny in (1e-3, 1e-8, 1e-17, 1e-20, 1e-38):
        problem = np.array([[1, 1, 0, 1], [tiny, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 1]], dtype)
        found = matched(place, problem, maximize=False)
        assert (found.total, found.gap) == (0, 0)


def test_a_total_beyond_float64_is_said(place):
    most = np.finfo(np.float64).max
    problems = np.array([[[1.0, 0], [0, 1]], [[most, 0], [0, most]]])
    with pytest.warns(RuntimeWarning, match=r"^match: the total of problem 1 is beyond float64"):
        found = matched(place, problems)
    assert found.total.tolist() == [2, np.inf]
    assert found.gap[1] == np.inf
    assert found.columns.tolist() == [[0, 1], [0, 1]]
    with pytest.warns(RuntimeWarning, match=r"^match: the total is beyond float64"):
        assert matched(place, -problems[1], maximize=False).total == -np.inf


# Forbidden pairs -----------------------------------------------------------------------------


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_infinity_forbids_a_pair(place, dtype, maximize):
    rng = np.random.default_rng(15)
    feasible = 0
    shapes = [(1, 1), (4, 4), (20, 20), (49, 49), (70, 70), (30, 40), (40, 30)]
    for s, t in place.choose(shapes, shapes[1:]):
        for share in (0.3, 0.8, 0.95):
            allowed = rng.random((s, t)) > share
            costs = rng.random((s, t)).astype(DTYPES[dtype])
            problem = np.where(allowed, costs, costs.dtype.type(-np.inf if maximize else np.inf))
            best = optimum(costs.astype(np.float64), maximize=maximize, allowed=allowed)
            if best is None:
                with pytest.raises(ValueError, match=r"^match: `similarity` must have a matching"):
                    matched(place, problem, maximize=maximize)
                continue
            feasible += 1
            found = matched(place, problem, maximize=maximize)
            assert abs(found.total - float(best.total)) <= 1e-6 * float(best.magnitude)
            assert abs(best.total - exact_sum([found.total])) <= Fraction(found.gap)
    assert feasible >= 7


def test_a_problem_without_a_matching_is_named(place):
    problems = np.ones((9, 3, 4), np.float32)
    problems[5, :2] = [[-np.inf, -np.inf, 1, -np.inf]]
    problems[7] = -np.inf
    advice = "give such pairs a finite value, or leave out rows or columns"
    with pytest.raises(ValueError, match=rf"\(-inf\), got none in problem 5: {advice}$"):
        matched(place, problems)
    with pytest.raises(ValueError, match=rf"\(-inf\), got none: {advice}$"):
        matched(place, problems[5])
    with pytest.raises(ValueError, match=r"\(inf\), got none in problem 5"):
        matched(place, -problems, maximize=False)
    with pytest.raises(ValueError, match=r"must be finite, got -inf at index \(5, 0, 0\)"):
        matched(place, problems, maximize=False)


# Other types and shapes ----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (5, 0, 3), (5, 3, 0), (0, 0, 0)])
def test_a_problem_without_rows_or_columns_matches_nothing(place, shape):
    found = matched(place, np.empty(shape))
    assert found.columns.shape == shape[:-1]
    assert np.all(found.columns == -1)
    assert np.shape(found.total) == np.shape(found.gap) == shape[:-2]
    assert np.all(found.total == 0)
    assert np.all(found.gap == 0)


INTEGERS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_and_booleans_are_taken_exactly(place, dtype):
    rng = np.random.default_rng(16)
    info = np.iinfo(dtype) if dtype != "bool" else None
    least, most = (0, 1) if info is None else (max(info.min, -(2**53)), min(info.max, 2**53))
    for shape in [(12, 12), (12, 20)]:
        problem = rng.integers(least, most, shape, endpoint=True, dtype=np.int64).astype(dtype)
        problem.flat[:2] = least, most
        for maximize in (True, False):
            found = matched(place, problem, maximize=maximize)
            assert certified(problem.astype(np.float64), found, maximize) == 0


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, np.iinfo(np.int64).max])
def test_integers_beyond_float64_are_refused(place, value):
    problem = np.array([[0, 1], [value, 2]])
    with pytest.raises(ValueError, match=rf"^match: `similarity` must .*2\^53.*, got {value}"):
        matched(place, problem)
