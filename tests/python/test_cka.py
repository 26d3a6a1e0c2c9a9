"""`hsic`, `cka` and `cka_matrix` against the oracle."""

from functools import cache

import isogram as ig
import numpy as np
import pytest
from cases.cka import *  # noqa: F403
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group
from support import (
    DTYPES,
    ESTIMATORS,
    KERNELS,
    LAYOUTS,
    MEDIAN_KERNELS,
    SCALES,
    assert_close,
    cka_tolerance,
    data,
    oracle,
)

# n, d of x, d of y: Gram space and feature space are both the cheaper one somewhere.
SHAPES = [
    (5, 1, 3),
    (5, 7, 300),
    (47, 49, 48),
    (49, 257, 1),
    (97, 64, 600),
    (193, 2, 7),
    (193, 96, 255),
]


def related(n, d1, d2, dtype, seed=0):
    """Two representations with something in common."""
    rng = np.random.default_rng([seed, n, d1, d2])
    z = rng.standard_normal((n, 4))
    pair = (z @ rng.standard_normal((4, d)) + rng.standard_normal((n, d)) for d in (d1, d2))
    return tuple(x.astype(DTYPES[dtype]) for x in pair)


@cache
def expected_hsic(shape, dtype, kernel, estimator):
    """HSIC of (x, y), (x, x) and (y, y), and the scale of their rounding errors."""
    x, y = related(*shape, dtype)
    k, l = (oracle.hsic_gram(a, kernel) for a in (x, y))  # noqa: E741
    pairs = ((k, l), (k, k), (l, l))
    values = [oracle.hsic_of_grams(*pair, estimator) for pair in pairs]
    biased = [oracle.hsic_of_grams(*pair, "biased") for pair in pairs[1:]]
    return values, float(np.sqrt(biased[0] * biased[1]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_hsic_and_cka(simd_level, kernel, estimator, dtype):
    for shape in SHAPES:
        if kernel == "correlation" and min(shape) == 1:
            continue  # one feature: every row is constant, see the degenerate cases
        x, y = related(*shape, dtype)
        (xy, xx, yy), scale = expected_hsic(shape, dtype, kernel, estimator)
        hsic = ig.hsic(x, y, kernel=kernel, estimator=estimator)
        cka = ig.cka(x, y, kernel=kernel, estimator=estimator)
        assert type(hsic) is float
        assert type(cka) is float
        assert_close(hsic / scale, xy / scale, cka_tolerance(dtype), f"hsic of {shape}")
        # Debiasing subtracts: CKA is worse conditioned by the ratio of the denominators.
        condition = max(1.0, scale / np.sqrt(xx * yy))
        expected = xy / np.sqrt(xx * yy)
        assert_close(cka, expected, condition**2 * cka_tolerance(dtype), f"cka of {shape}")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_memory_order(simd_level, kernel, dtype, layout):
    arrange = LAYOUTS[layout]
    for shape in [(60, 20, 9), (30, 90, 50)]:
        x, y = related(*shape, dtype)
        actual = ig.cka(arrange(x), arrange(y), kernel=kernel)
        assert_close(actual, oracle.cka(x, y, kernel=kernel), cka_tolerance(dtype))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_feature_space_and_gram_space_agree(simd_level, dtype, estimator):
    """Zero features change nothing but the cheaper space."""
    for n in (64, 150):
        x, y = related(n, 12, 7, dtype)
        narrow = ig.cka(x, y, estimator=estimator)
        padded = [np.concatenate([a, np.zeros((n, 900), a.dtype)], axis=1) for a in (x, y)]
        for a, b in [padded, (x, padded[1]), (padded[0], y)]:
            assert_close(ig.cka(a, b, estimator=estimator), narrow, cka_tolerance(dtype))
        assert_close(narrow, oracle.cka(x, y, estimator=estimator), cka_tolerance(dtype))


@pytest.mark.parametrize("dtype", SCALES)
@pytest.mark.parametrize("kernel", ["linear", "cosine", *MEDIAN_KERNELS])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_scale_does_not_matter(simd_level, estimator, kernel, dtype):
    for shape in [(60, 9, 12), (30, 90, 50)]:
        x, y = related(*shape, dtype)
        expected = oracle.cka(x, y, kernel=kernel, estimator=estimator)
        small, large = SCALES[dtype]
        for a, b in [(x * small, y * small), (x * large, y * large), (x * small, y * large)]:
            actual = ig.cka(a, b, kernel=kernel, estimator=estimator)
            assert_close(actual, expected, cka_tolerance(dtype), f"{shape}")


@pytest.mark.parametrize(
    ("kernel", "parameters"),
    [
        ("rbf", {"bandwidth": 3.0}),
        ("laplacian", {"bandwidth": 20.0}),
        ("laplacian_l2", {"bandwidth": 3.0}),
        ("polynomial", {"degree": 2, "gamma": 0.05, "coef0": 0.5}),
    ],
)
def test_kernel_parameters(simd_level, kernel, parameters):
    x, y = related(50, 11, 13, "float64")
    for estimator in ESTIMATORS:
        for ours, theirs in [(ig.hsic, oracle.hsic), (ig.cka, oracle.cka)]:
            actual = ours(x, y, kernel=kernel, estimator=estimator, **parameters)
            expected = theirs(x, y, kernel=kernel, estimator=estimator, **parameters)
            assert actual == pytest.approx(expected, rel=1e-10)


def test_defaults_are_linear_and_debiased():
    x, y = related(40, 10, 12, "float64")
    assert ig.cka(x, y) == ig.cka(x, y, kernel="linear", estimator="debiased")
    assert ig.hsic(x, y) == ig.hsic(x, y, kernel="linear", estimator="debiased")


def test_debiased_may_be_negative(simd_level):
    values = [ig.cka(data((30, 200), "float32", s), data((30, 150), "float32", s + 50))
              for s in range(20)]  # fmt: skip
    assert min(values) < 0 < max(values)


# Many layers --------------------------------------------------------------------------------


def layer_stack(dtype, n=60):
    """Layers of many widths, alike to different degrees."""
    rng = np.random.default_rng([5, n])
    z = rng.standard_normal((n, 6))
    widths = (3, 17, 64, 130, 300)
    layers = (z @ rng.standard_normal((6, d)) + rng.standard_normal((n, d)) for d in widths)
    return [layer.astype(DTYPES[dtype]) for layer in layers]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", ["linear", "rbf", "cosine"])
def test_cka_matrix(simd_level, kernel, estimator, dtype):
    layers = layer_stack(dtype)
    parameters = {"kernel": kernel, "estimator": estimator}
    expected = oracle.cka_matrix(layers, **parameters)
    actual = ig.cka_matrix(layers, **parameters)
    assert actual.dtype == np.float64
    assert_close(actual, expected, cka_tolerance(dtype))
    assert np.array_equal(actual, actual.T)
    cross = ig.cka_matrix(layers[:2], layers[1:], **parameters)
    assert_close(cross, expected[:2, 1:], cka_tolerance(dtype))


def test_cka_matrix_crosses_tile_edges(simd_level):
    """More samples than any tile holds."""
    rng = np.random.default_rng(7)
    layers = [rng.standard_normal((300, d)).astype(np.float32) for d in (5, 40, 800)]
    layers.append(np.tanh(layers[1] @ rng.standard_normal((40, 64), dtype=np.float32)))
    expected = oracle.cka_matrix(layers)
    assert_close(ig.cka_matrix(layers), expected, cka_tolerance("float32"))
    assert_close(ig.cka(layers[1], layers[3]), expected[1, 3], cka_tolerance("float32"))


def test_cka_matrix_takes_mappings_tuples_and_mixed_types(simd_level):
    layers = layer_stack("float32")
    plain = ig.cka_matrix(layers)
    named = {f"layer{i}": layer for i, layer in enumerate(layers)}
    assert np.array_equal(ig.cka_matrix(named), plain)
    assert np.array_equal(ig.cka_matrix(tuple(layers)), plain)
    mixed = [layer.astype(np.float64) if i % 2 else layer for i, layer in enumerate(layers)]
    assert_close(ig.cka_matrix(mixed), plain, cka_tolerance("float32"))


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_same_bits_for_any_number_of_threads(simd_level, kernel):
    layers = layer_stack("float32", n=193)
    one, *more = (ig.cka_matrix(layers, kernel=kernel, num_threads=t) for t in (1, 2, 3, 5))
    assert all(np.array_equal(one, other) for other in more)
    for function in (ig.hsic, ig.cka):
        for x, y in [(layers[0], layers[1]), (layers[3], layers[4])]:
            values = {function(x, y, kernel=kernel, num_threads=t) for t in (1, 2, 3, 5)}
            assert len(values) == 1


# Rows far apart -----------------------------------------------------------------------------


# Degenerate input ---------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", ["linear", "rbf", "cosine", "laplacian", "laplacian_l2"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
def test_constant_input(simd_level, value, kernel, estimator):
    """Equal rows, whose features differ."""
    x = data((40, 9), "float32")
    constant = np.tile(value * data((1, 6), "float32", seed=1), (40, 1))
    parameters = {"kernel": kernel, "estimator": estimator}
    assert ig.hsic(x, constant, **parameters) == 0.0
    assert ig.hsic(constant, x, **parameters) == 0.0
    with pytest.warns(RuntimeWarning, match=r"cka: `y` .*constant"):
        assert np.isnan(ig.cka(x, constant, **parameters))
    with pytest.warns(RuntimeWarning, match=r"cka: `x` .*constant"):
        assert np.isnan(ig.cka(constant, x, **parameters))


def test_overflow_is_nan_and_a_warning():
    x, huge = data((20, 5), "float64"), 1e120 * data((20, 4), "float64", seed=1)
    for function in (ig.hsic, ig.cka):
        with pytest.warns(RuntimeWarning, match=r"`y` leaves the range of float64"):
            assert np.isnan(function(x, huge, kernel="polynomial"))
    with pytest.warns(RuntimeWarning, match=r"`layers\[1\]` leaves the range of float64"):
        actual = ig.cka_matrix([x, huge, x], kernel="polynomial")
    assert np.isnan(actual[1]).all()
    assert np.isfinite(actual[np.ix_([0, 2], [0, 2])]).all()


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_cka_matrix_names_its_constant_layers(simd_level, kernel):
    layers = layer_stack("float32")
    layers[2] = np.full((60, 4), 3.25, np.float32)
    healthy = [0, 1, 3, 4]
    with pytest.warns(RuntimeWarning, match=r"cka_matrix: .*\b2\b.*constant|constant.*\b2\b"):
        actual = ig.cka_matrix(layers, kernel=kernel)
    assert np.isnan(actual[2]).all()
    assert np.isnan(actual[:, 2]).all()
    expected = oracle.cka_matrix([layers[i] for i in healthy], kernel=kernel)
    assert_close(actual[np.ix_(healthy, healthy)], expected, cka_tolerance("float32"))
    named = dict(zip(["stem", "conv1", "dead", "conv2", "head"], layers, strict=True))
    with pytest.warns(RuntimeWarning, match="dead"):
        ig.cka_matrix(named, kernel=kernel)
    with pytest.warns(RuntimeWarning, match="dead"):
        cross = ig.cka_matrix({"stem": layers[0]}, named, kernel=kernel)
    assert np.isnan(cross).tolist() == [[False, False, True, False, False]]


@pytest.mark.parametrize(("estimator", "enough"), [("biased", 2), ("debiased", 4)])
@pytest.mark.parametrize("function", ["hsic", "cka"])
def test_too_few_samples(simd_level, function, estimator, enough):
    call = getattr(ig, function)
    for n in range(1, enough):
        x, y = data((n, 3), "float64"), data((n, 4), "float64")
        with pytest.warns(RuntimeWarning, match=rf"{function}: .*{enough}"):
            assert np.isnan(call(x, y, estimator=estimator))
    x, y = data((enough, 3), "float64"), data((enough, 4), "float64")
    expected = getattr(oracle, function)(x, y, estimator=estimator)
    assert call(x, y, estimator=estimator) == pytest.approx(expected, rel=1e-9)


def test_cka_matrix_of_too_few_samples(simd_level):
    with pytest.warns(RuntimeWarning, match=r"cka_matrix: .*4"):
        assert np.isnan(ig.cka_matrix([np.ones((3, 2)), data((3, 5), "float64")])).all()


# Properties ---------------------------------------------------------------------------------

settings = {
    "n": st.integers(5, 60),
    "d": st.integers(2, 60),
    "estimator": st.sampled_from(ESTIMATORS),
    "seed": st.integers(0, 2**31),
}


def drawn(n, d, seed):
    """Two representations and the generator that made them."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, 3))
    x, y = (z @ rng.standard_normal((3, w)) + rng.standard_normal((n, w)) for w in (d, d + 3))
    return x, y, rng


def tolerance_for(x, y, kernel, estimator):
    """Float64 tolerance with the conditioning of a small debiased denominator."""
    wide = [oracle.hsic(a, a, kernel=kernel, estimator="biased") for a in (x, y)]
    narrow = [oracle.hsic(a, a, kernel=kernel, estimator=estimator) for a in (x, y)]
    return cka_tolerance("float64") * max(1.0, np.prod(wide) / np.prod(narrow))


@given(**settings)
def test_cka_ignores_orthogonal_maps(n, d, estimator, seed):
    x, y, rng = drawn(n, d, seed)
    turned = x @ ortho_group.rvs(d, random_state=rng)
    for kernel in ("linear", "rbf", "cosine", "polynomial"):
        before, after = (
            ig.cka(a, y, kernel=kernel, estimator=estimator, bandwidth=5.0) for a in (x, turned)
        )
        assert_close(after, before, 10 * tolerance_for(x, y, kernel, estimator), kernel)


@given(scale=st.floats(1e-6, 1e6), **settings)
def test_cka_ignores_isotropic_scaling(n, d, estimator, seed, scale):
    x, y, _ = drawn(n, d, seed)
    for kernel in ("linear", "rbf", "cosine", "laplacian"):
        before, after = (ig.cka(a, y, kernel=kernel, estimator=estimator) for a in (x, scale * x))
        assert_close(after, before, tolerance_for(x, y, kernel, estimator), kernel)


@given(offset=st.floats(-1e3, 1e3), **settings)
def test_cka_ignores_translation(n, d, estimator, seed, offset):
    x, y, rng = drawn(n, d, seed)
    shift = offset * rng.standard_normal(d)
    # Adding the offset rounds x itself by eps·offset.
    rounding = 100 * np.finfo(np.float64).eps * abs(offset)
    for kernel in ("linear", "rbf", "laplacian"):
        before, after = (
            ig.cka(a, y, kernel=kernel, estimator=estimator, bandwidth=9.0) for a in (x, x + shift)
        )
        tolerance = tolerance_for(x, y, kernel, estimator)
        assert_close(after, before, tolerance * (1 + rounding / 1e-12), kernel)


@given(**settings)
def test_cka_ignores_a_joint_permutation(n, d, estimator, seed):
    x, y, rng = drawn(n, d, seed)
    order = rng.permutation(n)
    for kernel in ("linear", "rbf", "correlation"):
        before = ig.cka(x, y, kernel=kernel, estimator=estimator)
        after = ig.cka(x[order], y[order], kernel=kernel, estimator=estimator)
        assert_close(after, before, tolerance_for(x, y, kernel, estimator), kernel)


@given(**settings)
def test_cka_is_symmetric_and_one_with_itself(n, d, estimator, seed):
    x, y, _ = drawn(n, d, seed)
    tolerance = tolerance_for(x, y, "linear", estimator)
    there, back = ig.cka(x, y, estimator=estimator), ig.cka(y, x, estimator=estimator)
    assert_close(there, back, tolerance)
    assert_close(ig.cka(x, x, estimator=estimator), 1.0, tolerance)


@given(**settings)
def test_biased_cka_lies_between_zero_and_one(n, d, estimator, seed):
    x, y, _ = drawn(n, d, seed)
    assert -1e-12 <= ig.cka(x, y, estimator="biased") <= 1 + 1e-12
    assert -1 - 1e-9 <= ig.cka(x, y, estimator=estimator) <= 1 + 1e-9


@given(n=st.integers(5, 40), seed=st.integers(0, 2**31))
def test_hsic_is_the_inner_product_of_centred_grams(n, seed):
    x, y, _ = drawn(n, 6, seed)
    k, l = ig.gram(x), ig.gram(y)  # noqa: E741
    for estimator, count in [("biased", (n - 1) ** 2), ("debiased", n * (n - 3))]:
        centred = (ig.center(m, estimator=estimator) for m in (k, l))
        expected = np.multiply(*centred).sum() / count
        actual = ig.hsic(x, y, estimator=estimator)
        assert_close(actual, expected, 1e-11 * ig.hsic(x, x, estimator="biased"))


@pytest.mark.parametrize(("dtype", "apart"), [(np.float32, 1e-4), (np.float64, 1e-9)])
def test_what_given_layers_differ_by_below_rounding_is_not_regressed_out(dtype, apart):
    """Its products would be noise, and the result with them."""
    rng = np.random.default_rng(0)
    x, y, z = (rng.standard_normal((60, d)).astype(dtype) for d in (5, 6, 4))
    nearly = (z + apart * y[:, :4]).astype(dtype)
    with pytest.warns(RuntimeWarning, match="Gram matrices of `given` depend on each other"):
        found = ig.cka(x, y, given=[z, nearly])
    np.testing.assert_allclose(found, ig.cka(x, y, given=[z]), atol=30 * apart)


@pytest.mark.parametrize(
    ("samples", "estimator", "count"), [(4, "debiased", 1), (3, "biased", 2), (5, "debiased", 4)]
)
def test_partial_cka_warns_where_one_direction_is_left(rng, samples, estimator, count):
    """Of centred Gram matrices of few samples, which are a space of few dimensions."""
    x, y, *given = rng.standard_normal((2 + count, samples, 6))
    with pytest.warns(RuntimeWarning, match=f"{samples} samples have so few degrees of freedom"):
        found = ig.cka(x, y, given=given, estimator=estimator)
    assert abs(abs(found) - 1) < 1e-9
    x, y, *given = rng.standard_normal((2 + count, samples + 1, 6))
    assert abs(ig.cka(x, y, given=given, estimator=estimator)) < 1 - 1e-6  # without a warning


def test_layers_that_share_their_inputs_alone_are_not_alike_given_these():
    rng = np.random.default_rng(3)
    inputs, own = 2 * rng.standard_normal((300, 5)), rng.standard_normal((2, 300, 5))
    x, y = (np.concatenate([inputs, noise], axis=1) for noise in own)
    assert ig.cka(x, y) > 0.8
    assert abs(ig.cka(x, y, given=[inputs])) < 0.1
