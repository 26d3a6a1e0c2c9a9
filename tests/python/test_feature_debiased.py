"""CKA of layers whose features are a sample: against its oracle, and on average."""

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, SCALES, assert_close, oracle

NAME = "cka_feature_debiased"


def layers_of(n, *widths, seed=0, dtype="float64"):
    """Features that are random mixtures of three, and some noise."""
    rng = np.random.default_rng([n, seed])
    common = rng.standard_normal((n, 3))
    return [
        (common @ rng.standard_normal((3, d)) + rng.standard_normal((n, d)) / 2).astype(
            DTYPES[dtype]
        )
        for d in widths
    ]


def similarity(x, y):
    return ig.similarity(x, y, measure=NAME)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values(simd_level, dtype):
    for n, d1, d2 in [(4, 6, 5), (12, 5, 9), (49, 20, 7), (97, 6, 10)]:
        x, y = layers_of(n, d1, d2, dtype=dtype)
        assert_close(similarity(x, y), oracle.measure(NAME, x, y), 1e-11, f"{n}, {d1}, {d2}")
    layers = layers_of(40, 6, 9, 12, dtype=dtype)
    matrix = ig.similarity_matrix(layers, measure=NAME)
    expected = [[oracle.measure(NAME, x, y) for y in layers] for x in layers]
    assert_close(matrix, expected, 1e-11)
    assert np.array_equal(matrix, matrix.T)
    assert (np.diag(matrix) == 1).all()
    cross = ig.similarity_matrix(layers[:2], layers[1:], measure=NAME)
    # Arrays of two sets are taken for samples of features of their own.
    alone = oracle.measure(NAME, layers[1], layers[1].copy())
    assert_close(cross, [expected[0][1:], [alone, expected[1][2]]], 1e-11)


@pytest.mark.parametrize("dtype", SCALES)
def test_offsets_and_scales(dtype):
    x, y = layers_of(40, 6, 9, dtype=dtype)
    expected = similarity(x, y)
    for scale in SCALES[dtype]:
        actual = similarity(x * x.dtype.type(scale), y / y.dtype.type(scale))
        assert_close(actual, expected, 1e-11 if dtype == "float64" else 1e-5, f"scale {scale}")
    x, y = (np.round(a * 1024) / 1024 for a in layers_of(40, 6, 9))
    assert_close(similarity(x + 1e8, y - 1e6), similarity(x, y), 1e-11)


def test_it_does_not_depend_on_how_many_features_are_seen():
    """The mean over samples of features is that of all of them, which debiased CKA is far from."""
    rng = np.random.default_rng(1)
    a = np.diag(np.arange(1, 31.0) ** -0.5)
    turned = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    b = 0.7 * a + 0.3 * turned @ a @ turned.T
    # Of features z·w with w of covariance C², HSIC is tr(C_x² C_y²).
    a, b = a @ a, b @ b
    expected = np.trace(a @ b) / np.sqrt(np.trace(a @ a) * np.trace(b @ b))
    roots = [np.linalg.cholesky(c) for c in (a, b)]
    found, seen = [], []
    for _ in range(100):
        z = rng.standard_normal((150, 30))
        x, y = (z @ root @ rng.standard_normal((30, 40)) for root in roots)
        found.append(similarity(x, y))
        seen.append(ig.cka(x, y))
    deviation = np.std(found) / len(found) ** 0.5
    assert abs(np.mean(found) - expected) < 4 * deviation + 0.01
    assert np.mean(seen) < expected - 0.15


def test_the_estimate_of_a_layer_with_itself_is_unbiased():
    """HSIC(x, x) times its share of pairs of different features, of few samples and features."""
    from isogram._statistics.layer_pairs import LayerPairs
    from isogram._statistics.sampled_features import sampled_features
    from isogram._types import Layers

    rng = np.random.default_rng(2)
    root = np.diag([3.0, 1.0, 0.5])
    estimates, uncorrected = [], []
    for _ in range(2000):
        x = rng.standard_normal((12, 3)) @ root @ rng.standard_normal((3, 4)) / 2  # by √d
        own = ig.hsic(x, x)
        pairs = LayerPairs.of("test", Layers(["x"], [x]), None, 1, None)
        share = float(sampled_features(pairs)[0].shares_x[0])
        # A share that is not positive is NaN, which is rare for x and x.
        estimates.append(own * share if np.isfinite(share) else 0.0)
        uncorrected.append(own)
    expected = np.trace(root**4)
    deviation = np.std(estimates) / len(estimates) ** 0.5
    assert abs(np.mean(estimates) - expected) < 4 * deviation
    assert np.mean(uncorrected) > expected + 10 * deviation


def test_what_it_is_invariant_to():
    x, y = layers_of(40, 6, 9)
    rng = np.random.default_rng(5)
    expected = similarity(x, y)
    moved = 3 * x[:, rng.permutation(6)] + rng.standard_normal(6)
    assert_close(similarity(moved, y), expected, 1e-12)
    turned = x @ np.linalg.qr(rng.standard_normal((6, 6)))[0]
    assert abs(similarity(turned, y) - expected) > 1e-3
    assert similarity(x, y) == similarity(y, x)


def test_layers_without_a_value():
    x, constant = layers_of(30, 6)[0], np.ones((30, 4))
    rng = np.random.default_rng(7)
    nothing_in_common = np.linalg.qr(rng.standard_normal((30, 9)))[0]
    for y, message in (
        (constant, "similarity: `y` is constant"),
        (x[:, :1], "similarity: the features of `y` have too little in common"),
        (nothing_in_common, "similarity: the features of `y` have too little in common"),
    ):
        with pytest.warns(RuntimeWarning, match=message) as said:
            assert np.isnan(similarity(x, y))
        assert len(said) == 1
    with pytest.warns(RuntimeWarning, match="needs at least 4 samples, got 3"):
        assert np.isnan(similarity(x[:3], x[:3]))
    with pytest.raises(ValueError, match=r"`y` must be finite, got nan at index \(0, 0\)"):
        similarity(x, np.full((30, 2), np.nan))
    with pytest.raises(TypeError, match="does not take `kernel`: it takes no options"):
        ig.similarity(x, x, measure=NAME, kernel="rbf")


def test_same_bits_for_any_number_of_threads():
    layers = layers_of(300, 7, 64, 100, dtype="float32")
    one, *more = (ig.similarity_matrix(layers, measure=NAME, num_threads=t) for t in (1, 2, 5))
    assert all(np.array_equal(one, other) for other in more)
