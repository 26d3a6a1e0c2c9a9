"""Features matched with features: which count, layers of any widths, and how they are batched."""

import isogram as ig
import numpy as np
import pytest
from isogram._statistics import feature_facts
from isogram._statistics import matched_features as statistic
from support import assert_close, data, oracle

OF_CORRELATIONS = ("correlation_match", "soft_correlation_match")
OF_PERMUTATIONS = ("permutation_procrustes", "permutation_angle", "permutation_cosine")
NAMES = (*OF_CORRELATIONS, *OF_PERMUTATIONS)


def layers(n=50, d=6):
    x = data((n, d), "float64")
    return x, x[:, ::-1] + data((n, d), "float64", seed=1) / 2


def best(name):
    return 0.0 if ig.measures()[name].kind == "distance" else 1.0


@pytest.mark.parametrize("name", NAMES)
def test_another_order_of_features(name):
    x, _ = layers(200, 40)
    shuffled = 3 * x[:, np.random.default_rng(0).permutation(40)] - 1
    assert_close(ig.similarity(x, shuffled, measure=name), best(name), 1e-7)


@pytest.mark.parametrize(("d1", "d2"), [(4, 9), (9, 4), (1, 7), (1, 1)])
def test_correlations_of_layers_of_different_widths(d1, d2):
    """The mean is over the features of the narrower, or over those of `x`."""
    x, y = data((40, d1), "float64", seed=d1), data((40, d2), "float64", seed=10 + d2)
    for name in OF_CORRELATIONS:
        expected = oracle.measure(name, x, y)
        assert_close(ig.similarity(x, y, measure=name), expected, 1e-13)
    same = np.concatenate([y, x], axis=1)
    assert_close(ig.similarity(x, same, measure="correlation_match"), 1, 1e-13)
    assert_close(ig.similarity(x, same, measure="soft_correlation_match"), 1, 1e-13)


@pytest.mark.parametrize("name", OF_PERMUTATIONS)
def test_layers_are_filled_up_with_zeros(name):
    x, y = data((20, 3), "float64"), data((20, 5), "float64", seed=1)
    value = ig.similarity(x, y, measure=name)
    for filled in (np.pad(x, ((0, 0), (0, 2))), np.pad(x, ((0, 0), (4, 9)))):
        assert_close(ig.similarity(filled, y, measure=name), value, 1e-14)
        assert_close(ig.similarity(filled, x, measure=name), best(name), 1e-7)


@pytest.mark.parametrize("name", OF_PERMUTATIONS[:2])
def test_triangles_of_layers_of_any_widths(name):
    a = data((30, 1), "float64")
    for of_three in (
        [a, -a, np.hstack([a, -a])],
        [data((30, d), "float64", seed=d) for d in (1, 2, 5)],
        [a, a + data((30, 2), "float64", seed=3), np.hstack([-a, a, a])],
    ):
        distances = ig.similarity_matrix(of_three, measure=name)
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            assert distances[i, k] <= distances[i, j] + distances[j, k] + 1e-12


def test_one_permutation_makes_distance_angle_and_cosine():
    x, y = layers()
    distance, angle, cosine = (ig.similarity(x, y, measure=name) for name in OF_PERMUTATIONS)
    assert_close(np.cos(angle), cosine, 1e-14)
    assert_close(2 * np.sin(angle / 2), distance, 1e-14)
    assert angle >= ig.similarity(x, y, measure="procrustes")


def test_features_of_opposite_sign():
    x = data((30, 1), "float64")
    assert_close(ig.similarity(x, -x, measure="permutation_angle"), np.pi / 2, 1e-15)
    for name in OF_CORRELATIONS:
        assert_close(ig.similarity(x, -x, measure=name), -1, 1e-13)


@pytest.mark.parametrize("name", OF_CORRELATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_features_are_left_out(name, dtype):
    x, y = (a.astype(dtype) for a in layers())
    with_constants = np.concatenate([np.full((50, 2), 1e6 / 3), x, np.zeros((50, 1))], axis=1)
    for a, b in ((with_constants, y), (y, with_constants), (with_constants, with_constants + 1)):
        expected = oracle.measure(name, *(layer[:, np.ptp(layer, axis=0) > 0] for layer in (a, b)))
        actual = ig.similarity(a.astype(dtype), b.astype(dtype), measure=name)
        assert_close(actual, expected, 1e-12 if dtype == "float64" else 1e-5)
    assert ig.similarity(with_constants.astype(dtype), measure=name, y=x) <= 1


@pytest.mark.parametrize("name", OF_CORRELATIONS)
def test_features_of_any_magnitude(name):
    x, y = layers()
    expected = ig.similarity(x, y, measure=name)
    scaled = x * np.logspace(-250, 250, 6)
    assert_close(ig.similarity(scaled, y + 1e6, measure=name), expected, 1e-9)
    narrow = ig.similarity((x * np.logspace(-20, 20, 6)).astype("f4"), y.astype("f4"), measure=name)
    assert_close(narrow, expected, 1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", [1, 60, 1 << 16])
def test_samples_unlike_those_that_are_looked_at_first(monkeypatch, name, part):
    """The survey starts from the mean of parts of the samples: here of 1, 10, or all."""
    monkeypatch.setattr(feature_facts, "_PART", part)
    x, y = layers(100)
    x[::10] = 0
    y[[3, 57]] *= 1000
    for a, b in ((x, y), (x + 1e4, y), (np.sort(x, axis=0), y)):
        assert_close(ig.similarity(a, b, measure=name), oracle.measure(name, a, b), 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_batches_and_parts_have_the_same_values(monkeypatch, name):
    rng = np.random.default_rng(0)
    of_all = [rng.standard_normal((50, d)) for d in (6, 3, 6, 4)]
    expected = ig.similarity_matrix(of_all, measure=name)
    for i, x in enumerate(of_all):
        for j, y in enumerate(of_all):
            near = 1e-13 if i != j else 1e-7
            assert_close(expected[i, j], oracle.measure(name, x, y), near)
    monkeypatch.setattr(statistic, "_BATCH_BYTES", 1)
    assert np.array_equal(ig.similarity_matrix(of_all, measure=name), expected)
    monkeypatch.setattr(statistic, "_LAYER_BYTES", 0)
    monkeypatch.setattr(statistic, "_ROWS", 7)
    assert_close(ig.similarity_matrix(of_all, measure=name), expected, 1e-12)


def test_equal_shapes_are_one_batch(monkeypatch):
    from isogram._place import HOST

    shapes, match = [], type(HOST).match

    def watched(problems, *others):
        shapes.append(problems.shape)
        return match(problems, *others)

    monkeypatch.setattr(type(HOST), "match", staticmethod(watched))
    of_all = [data((20, d), "float64", seed=k) for k, d in enumerate((3, 5, 3, 5))]
    ig.similarity_matrix(of_all, measure="correlation_match")
    assert sorted(shapes) == [(1, 3, 3), (1, 5, 5), (4, 3, 5)]


def test_what_cannot_fit_is_refused():
    x = np.broadcast_to(np.float32(1), (2, 1 << 24))
    with pytest.raises(MemoryError, match=r"similarity: 2 results of shape .* use fewer features"):
        ig.similarity(x, x[:, 1:], measure="correlation_match")
