"""`match` against SciPy on more than ten thousand problems."""

import isogram as ig
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import DTYPES, LAYOUTS, OFFERED_LEVELS, data, match_tolerance, oracle

# Size: how many problems of it over all levels (per family and type).
SQUARE = {1: 12, 2: 30, 3: 60, 5: 60, 8: 90, 15: 60, 16: 60, 17: 60, 31: 30, 33: 30, 49: 60,
          64: 30, 65: 15, 97: 12, 128: 9, 129: 9, 196: 6, 200: 6}  # fmt: skip
RECTANGULAR = {(1, 7): 12, (7, 1): 12, (3, 20): 30, (20, 3): 30, (16, 17): 30, (31, 49): 30,
               (49, 31): 30, (48, 196): 9, (196, 48): 9, (150, 151): 6}  # fmt: skip


# Families of problems. Each takes a generator and a shape (b, s, t).


def uniform(rng, b, s, t):
    """Random numbers, what libraries are usually tuned on."""
    return rng.random((b, s, t))


def smooth_tokens(rng, b, s, t, channels=12):
    """Affinities of correlated tokens: neighbours are near-duplicates."""

    def tokens(size):
        steps = rng.standard_normal((b, size, channels)) / np.sqrt(size)
        return rng.standard_normal((b, 1, channels)) + np.cumsum(steps, axis=1)

    return tokens(s) @ tokens(t).transpose(0, 2, 1)


def tied_integers(rng, b, s, t):
    """Few distinct values."""
    return rng.integers(0, 4, (b, s, t)).astype(float)


def all_zero(rng, b, s, t):
    """Every assignment is optimal."""
    return np.zeros((b, s, t))


def half_dead(rng, b, s, t):
    """Rectified tokens of which half are dead."""
    a, c = (np.maximum(rng.standard_normal((b, size, 8)), 0) for size in (s, t))
    a[:, rng.random(s) < 0.5] = 0
    c[:, rng.random(t) < 0.5] = 0
    return a @ c.transpose(0, 2, 1)


def rank_one(rng, b, s, t):
    """Outer products: the price wars of classic Jonker-Volgenant."""
    return rng.standard_normal((b, s, 1)) * rng.standard_normal((b, 1, t))


def heavy_tails(rng, b, s, t):
    """Entries over twenty orders of magnitude."""
    return np.exp(8 * rng.standard_normal((b, s, t)))


def huge(rng, b, s, t):
    """Smooth tokens near 1e30."""
    return 1e30 * smooth_tokens(rng, b, s, t)


def tiny(rng, b, s, t):
    """Smooth tokens near 1e-30."""
    return 1e-30 * smooth_tokens(rng, b, s, t)


def offset(rng, b, s, t):
    """Small differences on a large mean."""
    return 1e4 + rng.standard_normal((b, s, t))


FAMILIES = [uniform, smooth_tokens, tied_integers, all_zero, half_dead, rank_one, heavy_tails,
            huge, tiny, offset]  # fmt: skip


def share(count, level):
    """Part of the problems that this level solves: the bulk is spread over the levels."""
    return -(-count // len(OFFERED_LEVELS)), OFFERED_LEVELS.index(level)


def check_against_scipy(problems, found, maximize=True):
    """Every problem's total, gap and columns."""
    s, t = problems.shape[1:]
    tolerance = match_tolerance(problems.dtype.name)
    for problem, columns, total, gap in zip(problems, *found, strict=True):
        best = oracle.match(problem, maximize=maximize)
        assert abs(total - best.total) <= tolerance * best.magnitude
        assert -tolerance * best.magnitude <= gap <= 2 * tolerance * best.magnitude
        matched = columns >= 0
        assert matched.sum() == min(s, t)
        assert (columns[~matched] == -1).all()
        assert columns.max() < t
        assert len(set(columns[matched])) == matched.sum()
        rows = np.flatnonzero(matched)
        chosen = problem[rows, columns[rows]].astype(np.float64)
        assert abs(total - chosen.sum()) <= 1e-14 * np.abs(chosen).sum() * np.sqrt(s)


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
