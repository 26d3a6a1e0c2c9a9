"""HSIC and CKA on a GPU, against the oracle and through the table of numerical traps."""

import isogram as ig
import numpy as np
import pytest
from cases.cka import *  # noqa: F403
from support import (
    COMMON_PARTS,
    DTYPES,
    ESTIMATORS,
    FAR_ROWS,
    KERNELS,
    MEDIAN_KERNELS,
    TRAPS,
    assert_close,
    cka_tolerance,
    data,
    far_offset,
    massive_channel_but_one,
    much_alike,
    numerics_data,
    one_row,
    oracle,
    quietly,
)

# Few samples of many features take Gram space, many of few feature space.
SPACES = {"Gram space": (50, 60, 70), "feature space": (70, 6, 9)}


def pair(dtype, space="Gram space"):
    """Two representations that have something in common."""
    n, d1, d2 = SPACES[space]
    z = np.random.default_rng([n, d1]).standard_normal((n, 4))
    x, y = (
        z @ np.random.default_rng(seed).standard_normal((4, d))
        + np.random.default_rng(seed + 9).standard_normal((n, d))
        for seed, d in [(1, d1), (2, d2)]
    )
    return x.astype(DTYPES[dtype]), y.astype(DTYPES[dtype])


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_linear(gpu, dtype, estimator, space):
    x, y = pair(dtype, space)
    expected = oracle.cka(x, y, estimator=estimator)
    actual = ig.cka(gpu.put(x), gpu.put(y), estimator=estimator)
    assert isinstance(actual, float)
    assert_close(actual, expected, cka_tolerance(dtype))
    hsic = ig.hsic(gpu.put(x), gpu.put(y), estimator=estimator)
    expected = oracle.hsic(x, y, estimator=estimator)
    assert hsic == pytest.approx(expected, rel=10 * cka_tolerance(dtype))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels(gpu, dtype, kernel, estimator):
    x, y = pair(dtype)
    expected = oracle.cka(x, y, kernel=kernel, estimator=estimator)
    actual = ig.cka(gpu.put(x), gpu.put(y), kernel=kernel, estimator=estimator)
    assert_close(actual, expected, cka_tolerance(dtype))
    hsic = ig.hsic(gpu.put(x), gpu.put(y), kernel=kernel, estimator=estimator)
    expected = oracle.hsic(x, y, kernel=kernel, estimator=estimator)
    assert hsic == pytest.approx(expected, rel=20 * cka_tolerance(dtype))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_matrix(gpu, kernel, estimator, space):
    layers = [*pair("float32", space), pair("float16", space)[0], pair("float32", space)[1][:, :3]]
    on_gpu = [gpu.put(x) for x in layers]
    one = ig.cka_matrix(dict(enumerate(on_gpu)), kernel=kernel, estimator=estimator)
    two = ig.cka_matrix(on_gpu[:1], on_gpu[1:], kernel=kernel, estimator=estimator)
    expected = oracle.cka_matrix(layers, kernel=kernel, estimator=estimator)
    assert_close(gpu.get(one), expected, 1e-5)
    assert np.array_equal(gpu.get(one), gpu.get(one).T)
    assert_close(gpu.get(two), expected[:1, 1:], 1e-5)


@pytest.mark.parametrize("space", ["Gram space", "feature space"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("trap", TRAPS)
def test_traps(gpu, trap, estimator, space):
    """Of fewer samples than on the host: the emulator takes its time."""
    change, dtype, _ = TRAPS[trap]
    columns = slice(None) if space == "Gram space" else slice(12)
    x, y = (change(a[:100, columns]).astype(DTYPES[dtype]) for a in numerics_data())
    expected = oracle.cka(x, y, estimator=estimator)
    assert_close(ig.cka(gpu.put(x), gpu.put(y), estimator=estimator), expected, 1e-5)
    matrix = gpu.get(ig.cka_matrix([gpu.put(x), gpu.put(y)], estimator=estimator))
    assert_close(matrix, [[1, expected], [expected, 1]], 1e-5)


def assert_right(gpu, x, y, tolerance, **parameters):
    """Assert CKA of a pair, and of the pair as layers, against long doubles."""
    expected = oracle.cka_by_rows(x, y, **parameters)
    x, y = gpu.put(x), gpu.put(y)
    assert_close(ig.cka(x, y, **parameters), expected, tolerance, f"{parameters}")
    matrix = gpu.get(ig.cka_matrix([x, y], **parameters))
    assert_close(matrix, [[1, expected], [expected, 1]], tolerance, f"{parameters}")
    assert np.array_equal(np.diag(matrix), [1, 1])
    assert ig.cka(x, x, **parameters) == 1


@pytest.mark.parametrize("space", [(90, 6), (40, 60)], ids=["feature space", "Gram space"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("change", [*FAR_ROWS, *COMMON_PARTS])
def test_far_rows_and_common_parts(gpu, change, estimator, space):
    for seed, (dtype, size) in enumerate(
        [("float32", 1e2), ("float32", 1e4), ("float32", 1e6), ("float64", 1e4), ("float64", 1e7)]
    ):
        if dtype == "float32" and change is far_offset and size > 1e4:
            continue  # float32 rounds the features themselves to a few values
        x, y = much_alike(*space, seed)
        x = change(x, size).astype(dtype)
        tolerance = 1e-5 if dtype == "float32" else 1e-12 * max(1, size / 1e5)
        assert_right(gpu, x, y.astype(dtype), tolerance, estimator=estimator)
        assert_right(gpu, x, change(y, size).astype(dtype), tolerance, estimator=estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", ["cosine", "correlation"])
@pytest.mark.parametrize("change", [one_row, *COMMON_PARTS])
def test_common_parts_of_rows_of_unit_norm(gpu, change, kernel, estimator):
    for seed, (dtype, size) in enumerate(
        [("float32", 1e2), ("float32", 3e3), ("float32", 1e4), ("float64", 1e4), ("float64", 1e7)]
    ):
        if change is massive_channel_but_one and size > 1e4:
            continue  # long doubles do not tell what zero has to do with rows of unit norm
        x, y = (change(a, size).astype(dtype) for a in much_alike(40, 9, seed))
        tolerance = 2e-5 if dtype == "float32" else 1e-11
        assert_right(gpu, x, y, tolerance, kernel=kernel, estimator=estimator)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e2, 1e4, 1e6, 1e8])
@pytest.mark.parametrize("kernel", ["cosine", "correlation"])
def test_massive_channel_beside_a_row_of_zeros(gpu, kernel, size, dtype):
    """In decimals of 80 digits."""
    x, y = (massive_channel_but_one(a, size).astype(dtype) for a in much_alike(7, 5, 0))
    expected = oracle.cka_in_decimals(x, y, kernel=kernel)
    tolerance = 1e-6 if dtype == "float32" else 1e-9
    x, y = gpu.put(x), gpu.put(y)
    assert_close(ig.cka(x, y, kernel=kernel), expected, tolerance)
    matrix = gpu.get(ig.cka_matrix([x, y], kernel=kernel))
    assert_close(matrix, [[1, expected], [expected, 1]], tolerance)


@pytest.mark.parametrize("bandwidth", [1e4, 1e5])
def test_rbf_of_a_large_bandwidth(gpu, bandwidth):
    """Entries that float32 cannot tell from 1."""
    x, y = (a[:60].astype(np.float32) for a in numerics_data())
    expected = oracle.cka_by_rows(x, y)  # the limit of wide kernels
    x, y = gpu.put(x), gpu.put(y)
    assert_close(ig.cka(x, y, kernel="rbf", bandwidth=bandwidth), expected, 1e-4)
    matrix = gpu.get(ig.cka_matrix([x, y], kernel="rbf", bandwidth=bandwidth))
    assert_close(matrix, [[1, expected], [expected, 1]], 1e-4)


def test_multiples_of_one_row_are_constant_for_cosines(gpu):
    x = data((40, 9), "float32")
    for dtype in ("float32", "float64"):
        y = np.outer(np.arange(1, 41), np.arange(3, 12)).astype(dtype)
        with pytest.warns(RuntimeWarning, match=r"cka: `y` .*constant"):
            assert np.isnan(ig.cka(gpu.put(x), gpu.put(y), kernel="cosine"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_one_direction_are_constant(gpu, dtype):
    """Those of one positive feature, and correlations of multiples and of two features."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        low, fine = rng.standard_normal((23, 1)), data((23, 5), dtype, seed=seed)
        for y, kernel in (
            (np.abs(low) + 0.01, "cosine"),
            (np.hstack([low, low + 0.1 + rng.random((23, 1))]), "correlation"),
            (rng.integers(1, 12, (23, 1)) * rng.permutation(np.arange(1, 6)), "correlation"),
        ):
            with pytest.warns(RuntimeWarning, match=r"cka: `y` .*constant"):
                assert np.isnan(ig.cka(gpu.put(fine), gpu.put(y.astype(dtype)), kernel=kernel))


@pytest.mark.parametrize("kernel", ["linear", "cosine", "correlation"])
@pytest.mark.parametrize("space", [(90, 6), (40, 60)], ids=["feature space", "Gram space"])
def test_at_the_largest_numbers(gpu, space, kernel):
    for seed, dtype in enumerate(("float32", "float64")):
        x, y = much_alike(*space, seed)
        x = x * (np.finfo(dtype).max / np.abs(x).max() * 0.999)
        tolerance = 1e-5 if dtype == "float32" else 1e-12
        assert_right(gpu, x.astype(dtype), y.astype(dtype), tolerance, kernel=kernel)


@pytest.mark.parametrize("features", [5, 90])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("value", [0.0, 0.1, 1500.0])
def test_constant(gpu, value, estimator, features):
    x = data((60, features), "float32")
    y = np.full((60, features), value, np.float32)
    with pytest.warns(RuntimeWarning, match=r"cka: `y` .*constant"):
        assert np.isnan(ig.cka(gpu.put(x), gpu.put(y), estimator=estimator))
    assert ig.hsic(gpu.put(x), gpu.put(y), estimator=estimator) == 0.0
    with pytest.warns(RuntimeWarning, match=r"cka_matrix: `layers\['head'\]` is constant"):
        matrix = ig.cka_matrix({"conv": gpu.put(x), "head": gpu.put(y)}, estimator=estimator)
    assert np.isnan(gpu.get(matrix)).tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_constant_with_every_kernel(gpu, kernel, estimator):
    x, y = data((40, 8), "float32"), np.full((40, 8), 0.1, np.float32)
    with pytest.warns(RuntimeWarning, match=r"cka: `y` .*constant"):
        assert np.isnan(ig.cka(gpu.put(x), gpu.put(y), kernel=kernel, estimator=estimator))


def test_orthogonal_samples(gpu):
    """All lies on the diagonal: debiased, they are all equally alike."""
    x = np.eye(40, 41, dtype=np.float32)
    with pytest.warns(RuntimeWarning, match=r"cka: `x`, `y` are constant"):
        assert np.isnan(ig.cka(gpu.put(x), gpu.put(x)))
    assert quietly(ig.cka, gpu.put(x), gpu.put(x), estimator="biased") == pytest.approx(1)


def test_independent_data_of_many_features(gpu):
    x, y = np.random.default_rng(2).standard_normal((2, 60, 2000), dtype=np.float32)
    for estimator in ESTIMATORS:
        expected = oracle.cka(x, y, estimator=estimator)
        actual = ig.cka(gpu.put(x), gpu.put(y), estimator=estimator)
        assert_close(actual, expected, 1e-5, estimator)


@pytest.mark.parametrize("kernel", [*MEDIAN_KERNELS, "correlation"])
@pytest.mark.parametrize("offset", [20, 1500])
def test_kernels_with_an_offset(gpu, kernel, offset):
    x, y = ((a[:60] + offset).astype(np.float32) for a in numerics_data())
    expected = oracle.cka(x, y, kernel=kernel)
    assert_close(ig.cka(gpu.put(x), gpu.put(y), kernel=kernel), expected, 1e-5)


@pytest.mark.parametrize("kernel", ["cosine", "polynomial"])
def test_kernels_that_do_not_ignore_an_offset(gpu, kernel):
    x, y = (a[:60] + 1500 for a in numerics_data())
    expected = oracle.cka(x, y, kernel=kernel)
    assert_close(ig.cka(gpu.put(x), gpu.put(y), kernel=kernel), expected, 1e-6)


def test_too_few_samples(gpu):
    x = gpu.put(data((3, 4), "float32"))
    with pytest.warns(RuntimeWarning, match=r"cka: the debiased estimator needs at least 4"):
        assert np.isnan(ig.cka(x, x))
    with pytest.warns(RuntimeWarning, match=r"cka_matrix: the debiased estimator needs"):
        matrix = ig.cka_matrix([x, x], [x])
    assert np.isnan(gpu.get(matrix)).tolist() == [[True], [True]]


def test_not_finite_layer_of_a_matrix(gpu):
    x, y = pair("float32")
    y[3, 1] = np.inf
    for kernel in ("linear", "rbf"):
        with pytest.raises(ValueError, match=r"`layers\['head'\]` must be finite, got inf"):
            ig.cka_matrix({"conv": gpu.put(x), "head": gpu.put(y)}, kernel=kernel)


def test_median_of_zero(gpu):
    x = data((20, 4), "float32")
    y = np.repeat(x[:1], 20, axis=0)
    y[0] = 3
    with pytest.raises(ValueError, match=r"^cka: `bandwidth` must be .* pairs of rows of `y`"):
        ig.cka(gpu.put(x), gpu.put(y), kernel="rbf")
    with pytest.raises(ValueError, match=r"^cka_matrix: `bandwidth` .* rows of `layers\[1\]`"):
        ig.cka_matrix([gpu.put(x), gpu.put(y)], kernel="rbf")


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_precision(gpu, precision):
    x, y = pair("float32")
    actual = ig.cka(gpu.put(x), gpu.put(y), precision=precision)
    assert_close(actual, oracle.cka(x, y), 1e-2)


def test_repeats_bit_for_bit(gpu):
    layers = [gpu.put(a) for a in pair("float32")]
    first, second = (gpu.get(ig.cka_matrix(layers, kernel="rbf")) for _ in range(2))
    assert np.array_equal(first, second)
