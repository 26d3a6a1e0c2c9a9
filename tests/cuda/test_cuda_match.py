"""`match` on a GPU, against SciPy and the host."""

import re

import isogram as ig
import numpy as np
import pytest
from assignments import FAMILIES
from cases.match import *  # noqa: F403
from cases.match import check
from support import DTYPES, data, oracle


@pytest.mark.parametrize("size", [196, 241, 242, 300])
@pytest.mark.parametrize("family", FAMILIES)
def test_large_families(gpu, family, size):
    check(gpu, family(np.random.default_rng(size), 1, size, size).astype(np.float32))


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
def test_forbidden_pairs_are_those_of_the_host(gpu, dtype):
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


def test_too_large(gpu):
    with pytest.raises(ValueError, match=r"^match: `similarity` must have at most 4096 rows and"):
        ig.match(gpu.put(np.zeros((1, 4097), np.float32)))
