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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(gpu, dtype, value):
    problems = data((3, 12, 13), dtype)
    problems[1, 4, 7] = problems[1, 5, 2] = problems[2, 0, 0] = value
    for case in (problems, problems[1], problems.swapaxes(1, 2)):
        with pytest.raises(ValueError, match="finite") as on_host:
            ig.match(case)
        with pytest.raises(ValueError, match=f"^{re.escape(str(on_host.value))}$"):
            ig.match(gpu.put(case))


def test_too_large(gpu):
    with pytest.raises(ValueError, match=r"^match: `similarity` must have at most 4096 rows and"):
        ig.match(gpu.put(np.zeros((1, 4097), np.float32)))
