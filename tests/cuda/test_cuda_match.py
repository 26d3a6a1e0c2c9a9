"""Exact assignment on a GPU, against SciPy."""

import re

import isogram as ig
import numpy as np
import pytest
from assignments import FAMILIES, check_against_scipy
from support import DTYPES, LAYOUTS, data, oracle

SHAPES = [(1, 1), (1, 5), (5, 1), (16, 17), (17, 16), (33, 33), (49, 49), (64, 64), (65, 65)]


def check(gpu, problems, maximize=True):
    """Match a batch on the GPU and hold every problem against SciPy."""
    columns, totals, gaps = map(gpu.get, ig.match(gpu.put(problems), maximize=maximize))
    assert columns.dtype == np.int32
    assert totals.dtype == gaps.dtype == np.float64
    check_against_scipy(problems, (columns, totals, gaps), maximize)


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_match(gpu, dtype, shape, maximize):
    check(gpu, data((3, *shape), dtype), maximize)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_families(gpu, family, dtype):
    squares = [(size, size) for size in (1, 2, 16, 17, 31, 32, 33, 49, 52, 53, 64, 65)]
    for s, t in [*squares, (64, 65), (100, 30)]:
        rng = np.random.default_rng([s, t])
        check(gpu, family(rng, gpu.few_problems, s, t).astype(dtype))


@pytest.mark.parametrize("size", [196, 241, 242, 300])
@pytest.mark.parametrize("family", FAMILIES)
def test_large_families(gpu, family, size):
    check(gpu, family(np.random.default_rng(size), 1, size, size).astype(np.float32))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_order(gpu, layout):
    problem = LAYOUTS[layout](data((20, 23), "float32"))
    found = ig.match(gpu.put(problem))
    assert isinstance(found.total, float)
    assert isinstance(found.gap, float)
    assert found.total == pytest.approx(oracle.match(problem).total, rel=1e-6)
    assert gpu.get(found.columns).shape == (20,)


def test_ties(gpu):
    check(gpu, np.zeros((2, 49, 49), np.float32))
    check(gpu, np.random.default_rng(0).integers(0, 3, (4, 40, 40)).astype(np.float32))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale(gpu, scale):
    check(gpu, (data((3, 30, 30), "float64") * scale).astype(np.float32))


def test_a_batch_of_none(gpu):
    found = ig.match(gpu.put(np.zeros((0, 4, 5), np.float32)))
    assert gpu.get(found.columns).shape == (0, 4)


def check_as_on_the_host(gpu, problems, maximize=True):
    """Assert totals within the sums of both gaps, which are certificates."""
    expected = ig.match(problems, maximize=maximize)
    found = ig.match(gpu.put(problems), maximize=maximize)
    columns, totals, gaps = map(gpu.get, found)
    assert (np.abs(totals - expected.total) <= gaps + expected.gap).all()
    for problem, chosen, total in zip(problems, columns, totals, strict=True):
        rows = np.flatnonzero(chosen >= 0)
        assert len(set(chosen[rows])) == len(rows) == min(problem.shape)
        assert total == pytest.approx(problem[rows, chosen[rows]].astype(float).sum(), rel=1e-12)
    return columns, totals, gaps


def refused_as_on_the_host(gpu, problems, message, **options):
    with pytest.raises(ValueError, match=message) as on_host:
        ig.match(problems, **options)
    with pytest.raises(ValueError, match=f"^{re.escape(str(on_host.value))}$"):
        ig.match(gpu.put(problems), **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(gpu, dtype, value):
    problems = data((3, 12, 13), dtype)
    problems[1, 4, 7] = problems[1, 5, 2] = problems[2, 0, 0] = value
    for case in (problems, problems[1], problems.swapaxes(1, 2)):
        refused_as_on_the_host(gpu, case, "finite", maximize=value != -np.inf)


@pytest.mark.parametrize("dtype", DTYPES)
def test_infinity_forbids_a_pair(gpu, dtype):
    problems = np.abs(data((4, 30, 40), dtype, seed=1))
    problems[1:, :, 5:] = np.where(
        np.random.default_rng(2).random((3, 30, 35)) < 0.7, -np.inf, problems[1:, :, 5:]
    )
    check_as_on_the_host(gpu, problems)
    problems[2, 3] = problems[3, 4] = -np.inf
    for case in (problems, problems[2], problems.swapaxes(1, 2)):
        refused_as_on_the_host(gpu, case, "matching that takes no forbidden pair")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 5), (20, 20), (49, 49), (70, 70), (30, 45), (260, 260)])
def test_masks_and_gates(gpu, shape, dtype):
    rng = np.random.default_rng([3, *shape])
    for gate in (1e3, 1e6, 1e8, 1e18, 1e30, 3e38):
        for share in (0.5, 0.97):
            batch = 1 if max(shape) > 100 else 3
            costs = rng.random((batch, *shape))
            is_gate = rng.random(costs.shape) < share
            problems = np.where(is_gate, gate, costs).astype(dtype)
            columns, _, _ = check_as_on_the_host(gpu, problems, maximize=False)
            small = np.where(is_gate, 1e3, costs)
            for problem, chosen in zip(small, columns, strict=True):
                rows = np.flatnonzero(chosen >= 0)
                best = oracle.match(problem, maximize=False).total
                assert problem[rows, chosen[rows]].sum() == pytest.approx(best, abs=2e-5)


@pytest.mark.parametrize("size", [8, 16, 32, 64, 100, 260])
def test_one_row_and_column_far_above_the_others(gpu, size):
    """As of a register token: what is left is below the numbers that float32 sweeps can take."""
    for power in range(36, 47) if size < 100 else (38, 41, 44):
        rng = np.random.default_rng([size, power])
        problems = 10.0**-power * rng.standard_normal((2, size, size))
        for problem in problems:
            row, column = rng.integers(size, size=2)
            problem[row] = problem[:, column] = rng.standard_normal(size) * 10.0 ** (-power / 2)
            problem[row, column] = rng.standard_normal()
        check_as_on_the_host(gpu, problems)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_costs_that_no_type_holds_together(gpu, dtype):
    for tiny in (1e-3, 1e-8, 1e-17, 1e-20, 1e-38):
        problem = np.array([[1, 1, 0, 1], [tiny, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 1]], dtype)
        found = ig.match(gpu.put(problem), maximize=False)
        assert (found.total, found.gap) == (0, 0)


def test_integers_booleans_and_nothing(gpu):
    rng = np.random.default_rng(4)
    for dtype in ("bool", "int8", "uint16", "int32", "int64"):
        problems = rng.integers(0, 2 if dtype == "bool" else 100, (3, 20, 20)).astype(dtype)
        check_as_on_the_host(gpu, problems)
    refused_as_on_the_host(gpu, np.array([[2**53 + 1, 1]]), "2\\^53")
    for shape in ((0, 3), (3, 0), (2, 0, 3), (2, 3, 0)):
        found = ig.match(gpu.put(np.zeros(shape, np.float32)))
        assert gpu.get(found.columns).shape == shape[:-1]
        assert np.all(gpu.get(found.columns) == -1)
        assert np.shape(found.total) == shape[:-2]


def test_a_total_beyond_float64_is_said(gpu):
    most = np.finfo(np.float64).max
    problems = np.array([[[1.0, 0], [0, 1]], [[most, 0], [0, most]]])
    with pytest.warns(RuntimeWarning, match=r"^match: the total of problem 1 is beyond float64"):
        found = ig.match(gpu.put(problems))
    assert gpu.get(found.total).tolist() == [2, np.inf]
    assert gpu.get(found.gap)[1] == np.inf


def test_too_large(gpu):
    with pytest.raises(ValueError, match=r"^match: `similarity` must have at most 4096 rows and"):
        ig.match(gpu.put(np.zeros((1, 4097), np.float32)))
