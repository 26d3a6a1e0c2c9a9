"""`gram` and `center` on a GPU, against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.center import *  # noqa: F403
from cases.gram import *  # noqa: F403
from support import (
    DTYPES,
    ESTIMATORS,
    KERNELS,
    LAYOUTS,
    MEDIAN_KERNELS,
    assert_close,
    center_tolerance,
    data,
    gram_tolerance,
    oracle,
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_order(gpu, layout, dtype):
    if (layout, dtype) == ("negative", "bfloat16"):
        return  # CuPy has no bfloat16, and PyTorch no negative strides
    x, y = data((27, 33), dtype, seed=3), data((26, 33), dtype, seed=4)
    k = gpu.get(ig.gram(*(put_as(gpu, layout, a) for a in (x, y)), kernel="cosine"))
    assert_close(k, oracle.gram(x, y, kernel="cosine"), gram_tolerance(x, y, dtype, "cosine"))


def put_as(gpu, layout, x):
    """Copy to the GPU and view it in a memory order."""
    rows, cols = x.shape

    def zeros(*shape):
        return gpu.put(np.zeros(shape, x.dtype))

    place = {
        "C": lambda: zeros(rows, cols + 1)[:, :cols],
        "F": lambda: zeros(cols, rows).T,
        "strided": lambda: zeros(2 * rows + 1, 2 * cols + 1)[1::2, 1::2],
        "negative": lambda: zeros(rows, cols)[::-1, ::-1],
        "transposed": lambda: zeros(cols, rows + 3)[:, :rows].T,
    }[layout]()
    place[...] = gpu.put(x)
    return place


def test_memory_orders_are_those_of_the_host():
    assert set(LAYOUTS) == {"C", "F", "strided", "negative", "transposed"}


@pytest.mark.parametrize("kernel", MEDIAN_KERNELS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_median_bandwidth(gpu, kernel, dtype):
    x = data((37, 5), dtype)
    with gpu.without_waiting():
        result = ig.gram(gpu.put(x), kernel=kernel)
    tolerance = gram_tolerance(x, x, dtype, kernel, oracle.bandwidth_of(x))
    assert_close(gpu.get(result), oracle.gram(x, kernel=kernel), tolerance)


@pytest.mark.parametrize("kernel", MEDIAN_KERNELS)
def test_median_of_zero_is_nan(gpu, kernel):
    equal = np.ones((6, 4), np.float32)
    assert np.isnan(gpu.get(ig.gram(gpu.put(equal), kernel=kernel))).all()
    assert ig.bandwidth(gpu.put(equal)) == 0


@pytest.mark.parametrize("kernel", KERNELS)
def test_not_finite_is_nan_in_its_rows_and_columns(gpu, kernel):
    x = data((30, 4), "float32")
    x[17, 2] = np.nan
    actual = gpu.get(ig.gram(gpu.put(x), kernel=kernel, bandwidth=2.0))
    assert np.isnan(actual[17]).all()
    assert np.isnan(actual[:, 17]).all()
    if kernel not in MEDIAN_KERNELS:  # which subtract the mean of all rows
        assert not np.isnan(np.delete(np.delete(actual, 17, 0), 17, 1)).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_scale(gpu, kernel, dtype):
    """Powers of two change nothing but the unit."""
    x = data((29, 6), dtype)
    scale = 2.0**40 if dtype == "float32" else 2.0**300
    for factor in (1 / scale, scale):
        parameters = {"kernel": kernel, "bandwidth": factor * 3.0, "coef0": 0.0, "degree": 1}
        actual = gpu.get(ig.gram(gpu.put((factor * x).astype(dtype)), **parameters))
        unit = factor * factor if kernel in ("linear", "polynomial") else 1.0
        expected = oracle.gram(x, **(parameters | {"bandwidth": 3.0}))
        tolerance = gram_tolerance(x, x, dtype, kernel, 3.0, degree=1, coef0=0.0)
        assert_close(actual / unit, expected, tolerance)


def test_rbf_of_near_duplicates_far_from_the_origin(gpu):
    x = np.repeat(data((9, 5), "float32"), 3, axis=0) + 1000
    x[1::3] += np.float32(1e-3)
    expected = oracle.gram(x, kernel="rbf", bandwidth=1e-3)
    actual = gpu.get(ig.gram(gpu.put(x), kernel="rbf", bandwidth=1e-3))
    assert_close(actual, expected, 1e-4)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
@pytest.mark.parametrize("kernel", ["linear", "cosine"])
def test_precision(gpu, kernel, precision):
    x = data((30, 64), "float32")
    exact = oracle.gram(x, kernel=kernel)
    actual = gpu.get(ig.gram(gpu.put(x), kernel=kernel, precision=precision))
    rounding = {"tf32": 2.0**-11, "bfloat16": 2.0**-8}[precision]
    scale = 1.0 if kernel == "cosine" else np.outer(*2 * [np.sqrt((x**2).sum(1))])
    assert_close(actual, exact, 4 * rounding * scale)
    assert np.abs(actual - exact).max() > 1e-6, "nothing was rounded"


@pytest.mark.parametrize("kind", ["rows", "strided", "columns", "negative"])
def test_out(gpu, kind):
    x = data((30, 5), "float32")
    wide = gpu.put(np.full((61, 61), 7.0, np.float32))
    out = {
        "rows": wide[1:31, 2:32],
        "strided": wide[1::2, 1::2],
        "columns": wide[1:31, 2:32].T,
        "negative": wide[30:0:-1, 1:31],
    }[kind]
    assert ig.gram(gpu.put(x), out=out) is out
    assert_close(gpu.get(out), oracle.gram(x), gram_tolerance(x, x, "float32", "linear"))
    outside = np.full((61, 61), 7.0)
    assert np.sum(gpu.get(wide) == outside) == 61 * 61 - 900


# Centring -----------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_center_in_place(gpu, dtype, estimator):
    k = data((41, 41), dtype)
    on_gpu = gpu.put(k)
    assert ig.center(on_gpu, estimator=estimator, out=on_gpu) is on_gpu
    expected = oracle.center(k, estimator=estimator)
    assert_close(gpu.get(on_gpu), expected, center_tolerance(k, dtype))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_center_is_symmetric(gpu, estimator):
    k = data((50, 50), "float32")
    centred = gpu.get(ig.center(gpu.put(k + k.T), estimator=estimator))
    assert np.array_equal(centred, centred.T)
