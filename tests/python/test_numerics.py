"""The numerical traps measured in other libraries, and a few of our own.

Every row of the table is tried for `cka` and `cka_matrix`, with both estimators, where feature
space is the cheaper one (500 samples of 64 and 96 features) and where Gram space is (the same data
with zero features added, which change nothing).
"""

import warnings
from functools import cache

import isogram as ig
import numpy as np
import pytest
from support import (
    COMMON_PARTS,
    DTYPES,
    ESTIMATORS,
    FAR_ROWS,
    TRAPS,
    assert_close,
    data,
    far_offset,
    massive_channel_but_one,
    much_alike,
    numerics_data,
    one_row,
    oracle,
    quietly,
)

TRUTH = {"biased": 0.68544, "debiased": 0.68251}


def changed(trap):
    """Both representations of a row of the table."""
    change, dtype, _ = TRAPS[trap]
    return tuple(change(x).astype(DTYPES[dtype]) for x in numerics_data())


@cache
def exact(estimator):
    """True CKA of the unrounded data."""
    return oracle.cka(*numerics_data(), estimator=estimator)


@cache
def rounded(trap, estimator):
    """Oracle's CKA of the rounded data."""
    return oracle.cka(*changed(trap), estimator=estimator)


def padded(x):
    """Enough zero features to make Gram space the cheaper one."""
    return np.concatenate([x, np.zeros((len(x), 1200), x.dtype)], axis=1)


SPACES = {"feature space": lambda x: x, "Gram space": padded}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_truth(estimator):
    assert exact(estimator) == pytest.approx(TRUTH[estimator], abs=1e-5)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("trap", TRAPS)
def test_traps(simd_level, trap, estimator, space):
    x, y = (SPACES[space](a) for a in changed(trap))
    single = ig.cka(x, y, estimator=estimator)
    matrix = ig.cka_matrix([x, y], estimator=estimator)
    for actual in (single, matrix[0, 1], matrix[1, 0]):
        assert_close(actual, rounded(trap, estimator), 1e-5, "oracle on the rounded data")
        assert_close(actual, exact(estimator), TRAPS[trap][2], "unrounded truth")
    assert_close(np.diag(matrix), [1, 1], 1e-6)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("value", [0.0, 0.1, 1500.0])
def test_constant_y(simd_level, value, estimator, space):
    x = SPACES[space](numerics_data()[0].astype(np.float32))
    y = np.full((500, 96), value, np.float32)
    with pytest.warns(RuntimeWarning, match=r"cka: `y` .*constant"):
        assert np.isnan(ig.cka(x, y, estimator=estimator))
    assert ig.hsic(x, y, estimator=estimator) == 0.0
    with pytest.warns(RuntimeWarning, match=r"cka_matrix: .*1.*constant|constant.*1"):
        matrix = ig.cka_matrix([x, y], estimator=estimator)
    assert np.isnan(matrix).tolist() == [[False, True], [True, True]]


def test_constant_up_to_rounding_of_the_mean(simd_level):
    """Values whose float64 mean is inexact: still constant, still NaN."""
    y = np.full((7, 3), 0.1)
    for estimator in ESTIMATORS:
        with pytest.warns(RuntimeWarning, match="constant"):
            assert np.isnan(ig.cka(data((7, 4), "float64"), y, estimator=estimator))


def test_independent_data_of_many_features(simd_level):
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2, 60, 8000), dtype=np.float32)
    assert ig.cka(x, y, estimator="biased") == pytest.approx(0.993, abs=2e-3)
    assert abs(ig.cka(x, y)) < 0.06
    for estimator in ESTIMATORS:
        expected = oracle.cka(x, y, estimator=estimator)
        assert_close(ig.cka(x, y, estimator=estimator), expected, 1e-5, estimator)


@cache
def many_samples():
    """5000 samples, and their exact CKA by feature space in float64."""
    rng = np.random.default_rng(3)
    z = rng.standard_normal((5000, 4))
    x = (z @ rng.standard_normal((4, 16)) + rng.standard_normal((5000, 16))).astype(np.float32)
    y = (z @ rng.standard_normal((4, 12)) + rng.standard_normal((5000, 12))).astype(np.float32)
    a, b = oracle.centred_columns(x), oracle.centred_columns(y)
    inner = [np.sum((p.T @ q) ** 2) for p, q in ((a, b), (a, a), (b, b))]
    return x, y, inner[0] / np.sqrt(inner[1] * inner[2])


@pytest.mark.parametrize("kernel", ["linear", "polynomial"])
def test_five_thousand_samples(simd_level, kernel):
    """A polynomial of degree 1 has the linear CKA and always takes Gram space."""
    x, y, expected = many_samples()
    actual = ig.cka(x, y, kernel=kernel, estimator="biased", degree=1, gamma=1.0, coef0=0.0)
    assert_close(actual, expected, 1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", ["rbf", "laplacian", "correlation"])
@pytest.mark.parametrize("offset", [20, 1500])
def test_kernels_with_an_offset(simd_level, kernel, estimator, offset):
    x, y = ((a[:120] + offset).astype(np.float32) for a in numerics_data())
    expected = oracle.cka(x, y, kernel=kernel, estimator=estimator)
    assert_close(ig.cka(x, y, kernel=kernel, estimator=estimator), expected, 1e-5)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", ["cosine", "polynomial"])
def test_kernels_that_do_not_ignore_an_offset(simd_level, kernel, estimator):
    """Their entries crowd together: float64 still tells them apart."""
    x, y = (a[:120] + 1500 for a in numerics_data())
    expected = oracle.cka(x, y, kernel=kernel, estimator=estimator)
    assert_close(ig.cka(x, y, kernel=kernel, estimator=estimator), expected, 1e-6)


# Rows far from the others, and common parts of all rows ----------------------------------------


SIZES = {"float32": (1e2, 1e3, 1e4, 1e5, 1e6, 1e8), "float64": (1e2, 1e4, 1e5, 1e6, 1e7)}


def assert_right(x, y, tolerance, **parameters):
    """Assert CKA of a pair, and of the pair as layers, against long doubles."""
    expected = oracle.cka_by_rows(x, y, **parameters)
    assert_close(ig.cka(x, y, **parameters), expected, tolerance, f"{parameters}")
    matrix = ig.cka_matrix([x, y], **parameters)
    assert_close(matrix, [[1, expected], [expected, 1]], tolerance, f"{parameters}")
    assert np.array_equal(np.diag(matrix), [1, 1])


# Few features, where feature space is the cheaper one, many, and few samples.
@pytest.mark.parametrize("shape", [(300, 8), (40, 60), (7, 5)], ids=str)
@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("change", [*FAR_ROWS, *COMMON_PARTS])
def test_far_rows_and_common_parts(simd_level, change, estimator, dtype, shape):
    for seed, size in enumerate(SIZES[dtype]):
        if dtype == "float32" and change is far_offset and size > 1e4:
            continue  # float32 rounds the features themselves to a few values
        x, y = much_alike(*shape, seed)
        x = change(x, size).astype(dtype)
        tolerance = 1e-5 if dtype == "float32" else 1e-12 * max(1, size / 1e5)
        assert_right(x, y.astype(dtype), tolerance, estimator=estimator)
        y = change(y, size).astype(dtype)
        assert_right(x, y, tolerance, estimator=estimator)


@pytest.mark.parametrize("shape", [(300, 8), (40, 60), (7, 5)], ids=str)
@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", ["cosine", "correlation"])
@pytest.mark.parametrize("change", [one_row, *COMMON_PARTS])
def test_common_parts_of_rows_of_unit_norm(simd_level, change, kernel, estimator, dtype, shape):
    for seed, size in enumerate(SIZES[dtype]):
        if dtype == "float32" and change is far_offset and size > 1e4:
            continue  # float32 rounds the features themselves to a few values
        x, y = (change(a, size).astype(dtype) for a in much_alike(*shape, seed))
        tolerance = 5e-6 if dtype == "float32" else 1e-11
        if change is massive_channel_but_one and size > 1e4:
            continue  # long doubles do not tell what zero has to do with rows of unit norm
        assert_right(x, y, tolerance, kernel=kernel, estimator=estimator)


@pytest.mark.parametrize("size", [1e2, 1e4, 1e6, 1e8])
@pytest.mark.parametrize("kernel", ["cosine", "correlation"])
def test_massive_channel_beside_a_row_of_zeros(simd_level, kernel, size):
    """In decimals of 80 digits."""
    for seed in range(3):
        x, y = (massive_channel_but_one(a, size) for a in much_alike(7, 5, seed))
        expected = oracle.cka_in_decimals(x, y, kernel=kernel)
        assert_close(ig.cka(x, y, kernel=kernel), expected, 1e-8)
        x, y = x.astype(np.float32), y.astype(np.float32)
        expected = oracle.cka_in_decimals(x, y, kernel=kernel)
        assert_close(ig.cka(x, y, kernel=kernel), expected, 5e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", ["linear", "cosine", "correlation"])
@pytest.mark.parametrize("shape", [(300, 8), (40, 60)], ids=str)
def test_at_the_largest_numbers(simd_level, shape, kernel, estimator):
    """Neither sums nor differences overflow."""
    for seed, dtype in enumerate(("float32", "float64")):
        x, y = much_alike(*shape, seed)
        scale = np.finfo(dtype).max / np.abs(x).max() * 0.999
        x, y = (x * scale).astype(dtype), y.astype(dtype)
        assert_right(
            x, y, 5e-6 if dtype == "float32" else 1e-12, kernel=kernel, estimator=estimator
        )
        with pytest.warns(RuntimeWarning, match="hsic: HSIC leaves the range of float64"):
            assert ig.hsic(1e200 * y.astype("f8"), y, estimator=estimator) == np.inf


def test_multiples_of_one_row_are_constant_for_cosines(simd_level):
    """Rounding of the rows of unit norm is no information."""
    rng = np.random.default_rng(5)
    for dtype in ("float32", "float64"):
        x = data((40, 9), dtype)
        for center in (0, 1e4):
            row = np.round(center + 64 * rng.standard_normal(9))
            y = np.outer(rng.integers(1, 99, 40), row).astype(dtype)  # exact
            with pytest.warns(RuntimeWarning, match=r"cka: `y` .*constant"):
                assert np.isnan(ig.cka(x, y, kernel="cosine"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_one_direction_are_constant_for_cosines(simd_level, dtype):
    """Those of one positive feature, of multiples of integers, and correlations of two features."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(4, 60))
        fine = data((n, 5), dtype, seed=seed)
        one = np.abs(rng.standard_normal((n, 1))) + 1e-2
        features = int(rng.integers(3, 8))
        multiples = rng.integers(1, 12, (n, 1)) * rng.permutation(np.arange(1, 1 + features))
        low = rng.standard_normal((n, 1))
        rising = np.hstack([low, low + 0.1 + rng.random((n, 1))])
        for x, kernel in (
            (one, "cosine"),
            (multiples, "cosine"),
            (multiples, "correlation"),
            (rising, "correlation"),
        ):
            x = x.astype(DTYPES[dtype])
            for estimator in ("biased", "debiased"):
                with pytest.warns(RuntimeWarning, match=r"cka: `y` .*constant"):
                    assert np.isnan(ig.cka(fine, x, kernel=kernel, estimator=estimator))


@pytest.mark.parametrize("bandwidth", [1e4, 1e5])
def test_rbf_of_a_large_bandwidth(simd_level, bandwidth):
    """Entries that float32 cannot tell from 1."""
    x, y = ((a[:80]).astype(np.float32) for a in numerics_data())
    actual = ig.cka(x, y, kernel="rbf", bandwidth=bandwidth)
    assert_close(actual, oracle.cka_by_rows(x, y), 1e-4)  # the limit of wide kernels


def test_nothing_is_above_one(simd_level):
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((int(rng.integers(5, 40)), int(rng.integers(2, 9))))
        x = x.astype(rng.choice(["float32", "float64"]))
        for kernel in ("linear", "rbf", "cosine"):
            for estimator in ESTIMATORS:
                parameters = {"kernel": kernel, "estimator": estimator}
                assert ig.cka(x, x, **parameters) == 1
                others = [x.copy(), -x, x * 2, x + x[0]]
                assert ig.cka_matrix([x], others, **parameters).max() <= 1
                assert (np.diag(ig.cka_matrix(others, **parameters)) == 1).all()


def right_or_nan_with_a_warning(x, y, expected, **parameters):
    """Assert that a result is never silently wrong."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        actual = ig.cka(x, y, **parameters)
    if np.isnan(actual):
        assert any(issubclass(warning.category, RuntimeWarning) for warning in caught)
    else:
        assert_close(actual, expected, 1e-5)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("parameters", "scale", "offset"),
    [
        ({"kernel": "cosine"}, 1, 1500),
        ({"kernel": "polynomial"}, 1, 1500),
        ({"kernel": "polynomial"}, 1e8, 0),
        ({"kernel": "polynomial", "degree": 40}, 1, 0),
        ({"kernel": "rbf", "bandwidth": 1e-3}, 1, 0),
        ({"kernel": "rbf", "bandwidth": 1e4}, 1, 0),
        ({"kernel": "laplacian", "bandwidth": 1e-3}, 1, 0),
    ],
    ids=str,
)
def test_at_the_edge_of_float32(simd_level, parameters, scale, offset, estimator):
    """Right to 1e-5, or NaN with a warning: never a silent wrong number."""
    x, y = ((scale * a[:80] + offset).astype(np.float32) for a in numerics_data())
    expected = quietly(oracle.cka, x, y, estimator=estimator, **parameters)
    right_or_nan_with_a_warning(x, y, expected, estimator=estimator, **parameters)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_hsic_with_an_offset(simd_level, estimator):
    x, y = ((a + 1000).astype(np.float32) for a in numerics_data())
    expected = oracle.hsic(x, y, estimator=estimator)
    assert ig.hsic(x, y, estimator=estimator) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("matching", ["exact", "window", "none"])
@pytest.mark.parametrize("kernel", ["cosine", "linear", "rbf"])
def test_rsm_of_one_massive_channel(simd_level, kernel, matching):
    """The other channels decide on the matching, and on distances.

    Greedy choices are made on the affinities as they are, of which float32 has rounded those away.
    """
    parameters = {"kernel": kernel, "matching": matching}
    parameters |= {"window": 4} if matching == "window" else {}
    tokens = data((8, 16, 32), "float32")
    tokens[..., 5] += 1500
    expected = oracle.semantic_rsm(tokens, **parameters)
    actual = ig.semantic_rsm(tokens, **parameters).astype(np.float64)
    assert_close(actual, expected, 1e-5 * np.abs(expected).max())
