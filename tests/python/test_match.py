"""`match` against SciPy on more than ten thousand problems."""

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
from hypothesis import given
from hypothesis import strategies as st
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
