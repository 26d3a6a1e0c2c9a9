"""Cross products as a value, what they cost, and singular values that keep their digits."""

import tracemalloc

import isogram as ig
import numpy as np
import pytest
from isogram._place import HOST
from isogram._statistics import cross_products as statistic
from isogram._statistics import layer_pairs
from isogram._statistics.cross_products import CrossProducts
from isogram._statistics.layer_pairs import LayerPairs
from isogram._types import Layers
from support import assert_close, data, oracle


def pairs_of(*layers):
    names = [str(i) for i in range(len(layers))]
    pairs = LayerPairs("similarity", HOST, Layers(names, list(layers)), None, names, 1, None)
    return statistic.cross_products(pairs)[0]


def procrustes(x, y):
    return ig.similarity(x, y, measure="procrustes")


def singular_values(x):
    return np.linalg.svd(x, compute_uv=False)


def with_spectrum(n, d, smallest, seed):
    """Centred features whose singular values fall from 1."""
    x = data((n, d), "float64", seed=seed)
    u, _, v = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    count = min(n - 1, d)
    return u[:, :count] * np.logspace(0, smallest, count) @ v[:count]


WIDTHS = [(30, 5, 8), (30, 40, 8), (30, 40, 100)]


@pytest.mark.parametrize(("n", "d1", "d2"), WIDTHS)
def test_of_the_whole(n, d1, d2):
    x, y = (data((n, d), "float64", seed=d) for d in (d1, d2))
    of_pair = pairs_of(x, y).products(0, 1)
    x, y = (a - a.mean(axis=0) for a in (x, y))
    assert of_pair.products.shape == (min(n, d1), min(n, d2))
    # In units that are powers of two.
    unit_x, unit_y = (
        np.sqrt(square / (a * a).sum())
        for a, square in ((x, of_pair.square_x), (y, of_pair.square_y))
    )
    for unit in (unit_x, unit_y):
        assert_close(np.log2(unit), np.round(np.log2(unit)), 1e-12)
    expected = singular_values(x.T @ y)[: min(of_pair.products.shape)] * unit_x * unit_y
    assert_close(singular_values(of_pair.products), expected, 1e-13 * expected[0])


@pytest.mark.parametrize(("n", "d1", "d2"), WIDTHS)
def test_parts_add_up(monkeypatch, n, d1, d2):
    """Computed in any order and merged in that of the samples, they have the bits of the whole."""
    monkeypatch.setattr(statistic, "_ROWS", 7)
    pairs = pairs_of(*(data((n, d), "float64", seed=d) for d in (d1, d2)))
    whole = pairs.products(0, 1)
    order = np.random.default_rng(0).permutation(len(pairs.parts))
    computed = {int(k): pairs.part_of(0, 1)(pairs.parts[k]) for k in order}
    merged = computed[0]
    for k in range(1, len(order)):
        merged = merged.merge(computed[k])
    for a, b in zip(merged, whole, strict=True):
        assert np.array_equal(a, b)
    shuffled = computed[int(order[0])]
    for k in order[1:]:
        shuffled = shuffled.merge(computed[int(k)])
    for a, b in zip(shuffled, whole, strict=True):
        assert_close(a, b, 1e-13)
    monkeypatch.setattr(statistic, "_ROWS", 1000)
    for a, b in zip(pairs_of(*pairs._pairs.layers.arrays).products(0, 1), whole, strict=True):
        assert_close(a, b, 1e-12)


def test_merge_keeps_whose_they_are():
    ones = np.ones((2, 2))
    for is_of_one in (True, False):
        merged = CrossProducts(is_of_one, ones, 1.0, 2.0).merge(
            CrossProducts(is_of_one, ones, 3.0, 4.0)
        )
        assert merged.is_of_one is is_of_one
        assert (merged.products == 2).all()
        assert (merged.square_x, merged.square_y) == (4.0, 6.0)


@pytest.mark.parametrize("shape", [(30, 12), (30, 29), (30, 45), (30, 200)])
def test_small_singular_values_keep_their_digits(shape):
    """Roots of those of a product would be noise of 1e-8 where these are 1e-12."""
    x = with_spectrum(*shape, -12, seed=1)
    y = with_spectrum(30, 300, -12, seed=2)
    for other in (y, data((30, 9), "float64"), x + 1e-3 * np.roll(x, 1, 1)):
        for a, b in ((x, other), (other, x)):
            expected = np.cos(oracle.measure("procrustes", a, b))
            assert_close(np.cos(procrustes(a, b)), expected, 2e-15)
    reduced = pairs_of(y, x)._features(0)(slice(0, 30))
    found = singular_values(reduced)
    assert_close(found / found[0], singular_values(y)[:30], 1e-14)


def test_features_come_in_parts():
    """More than 2n features, of which the last part has hardly any."""
    for d in (31, 60, 61, 120, 121):
        x, y = data((30, d), "float64", seed=d), data((30, 7), "float64")
        assert_close(procrustes(x, y), oracle.measure("procrustes", x, y), 1e-13)


def test_memory_is_that_of_samples():
    n, d = 20, 10_000
    x, y = (data((n, d), "float64", seed=seed) for seed in (0, 1))
    tracemalloc.start()
    try:
        found = procrustes(x, y)
        assert tracemalloc.get_traced_memory()[1] < 12 * x.nbytes < d * d
    finally:
        tracemalloc.stop()
    assert np.isfinite(found)


def test_layers_are_reduced_again_where_they_are_not_kept(monkeypatch):
    layers = [data((20, d), "float64", seed=d) for d in (30, 5, 50)]
    kept = ig.similarity_matrix(layers, measure="procrustes")
    monkeypatch.setattr(layer_pairs, "_KEPT_BYTES", 0)
    assert np.array_equal(ig.similarity_matrix(layers, measure="procrustes"), kept)


def test_what_cannot_fit_is_refused():
    x = np.broadcast_to(np.float32(1), (1 << 22, 1 << 22))
    with pytest.raises(MemoryError, match=r"similarity: 2 results of shape .* use fewer samples"):
        procrustes(x, x[:, 1:])


@pytest.mark.parametrize("constant", [1.0, 1e8, 1e200, 1e-300])
def test_constant_features_do_not_count(constant):
    """Whatever their size, beside features that vary."""
    x, y = data((40, 5), "float64"), data((40, 6), "float64", seed=1)
    beside = np.concatenate([x, np.full((40, 2), constant) / 3], axis=1)
    assert_close(procrustes(beside, y), procrustes(x, y), 1e-14)


@pytest.mark.parametrize("offset", [1e3, 1e8, 1e12])
def test_offsets_cost_no_digits(offset):
    x, y = (np.round(data((40, d), "float64", seed=d) * 256) / 256 for d in (5, 60))
    assert_close(procrustes(x + offset, y - offset), procrustes(x, y), 1e-14)


def test_extreme_magnitudes():
    x, y = data((40, 5), "float64"), data((40, 60), "float64", seed=1)
    expected = procrustes(x, y)
    for exponent in (-1060, -1020, -600, 600, 1000, 1020):
        # Subnormal entries have lost digits before.
        tolerance = 1e-4 if exponent < -1022 else 1e-7 if exponent < -1010 else 1e-14
        assert_close(procrustes(np.ldexp(x, exponent), y), expected, tolerance)


def test_rotation_reflection_and_the_angle():
    x = data((40, 5), "float64")
    q = np.linalg.qr(data((5, 5), "float64", seed=3))[0]
    for turned in (x @ q, x @ q[:, ::-1], -x, np.pad(x, ((0, 0), (0, 60)))):
        assert_close(procrustes(x, turned), 0, 1e-7)
    # In orthogonal subspaces of the samples.
    a, b = np.eye(8)[:, :2] - np.eye(8)[:, 2:4], np.eye(8)[:, 4:6] - np.eye(8)[:, 6:8]
    assert_close(procrustes(a, b), np.pi / 2, 1e-15)
    assert_close(procrustes(a[:, :1], a), np.pi / 4, 1e-15)
