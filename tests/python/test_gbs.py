"""`gbs` and `gbs_matrix` against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.gbs import *  # noqa: F403
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group
from support import (
    DTYPES,
    LAYOUTS,
    SCALES,
    assert_close,
    cosine_tolerance,
    data,
    oracle,
    separated,
    signs,
)


@pytest.mark.parametrize("k", [None, 4])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gbs_matrix(simd_level, dtype, center, k):
    ks = (k or 50,)
    layers = [separated(50, d, dtype, ks, center) for d in (3, 17, 64, 300)]
    expected = oracle.gbs_matrix(layers, k=k, center=center)
    actual = ig.gbs_matrix(layers, k=k, center=center)
    assert actual.dtype == np.float64
    assert_close(actual, expected, 2 * cosine_tolerance(300, dtype))
    assert np.array_equal(actual, actual.T)
    cross = ig.gbs_matrix(layers[1:], layers[:2], k=k, center=center)
    assert_close(cross, expected[1:, :2], 2 * cosine_tolerance(300, dtype))
    named = {f"layer{i}": layer for i, layer in enumerate(layers)}
    assert np.array_equal(ig.gbs_matrix(named, k=k, center=center), actual)


def test_gbs_crosses_tile_edges(simd_level):
    layers = [data((300, d), "float32") for d in (5, 40, 600)]
    tolerance = 4 * cosine_tolerance(600, "float32")
    assert_close(ig.gbs_matrix(layers), oracle.gbs_matrix(layers), tolerance)
    # Not separated: a swapped near-tie changes a row's cosine by no more than 1.
    both = ig.gbs_matrix(layers, k=10), oracle.gbs_matrix(layers, k=10)
    assert_close(*both, 3 / 300 + tolerance)


def test_gbs_with_ties(simd_level):
    x, y = signs(97), signs(97, seed=1)
    for k in (1, 6, 96):
        assert_close(ig.gbs(x, y, k=k), oracle.gbs(x, y, k=k), cosine_tolerance(64, "float64"))


@pytest.mark.parametrize("k", [None, 3])
def test_zero_rows_of_a_graph_count_as_zero(simd_level, k):
    x, y = data((40, 8), "float64"), data((40, 12), "float64")
    x[[3, 30]] = 0
    with pytest.warns(RuntimeWarning, match="gbs: of the 40 samples, 2 of `x` have no edges"):
        actual = ig.gbs(x, y, k=k)
    assert_close(actual, oracle.gbs(x, y, k=k), cosine_tolerance(12, "float64"))
    with pytest.warns(RuntimeWarning, match="of the 5 samples, 5 of `x` have no edges"):
        assert ig.gbs(np.zeros((5, 3)), data((5, 3), "float64"), k=k) == 0.0


DEGENERATE = {  # representations, whether centred, and samples without edges
    "a dead sample": (
        np.where(np.arange(10)[:, None] == 3, 0.0, data((10, 4), "float64")),
        False,
        1,
    ),
    "one-hot": (np.eye(7), False, 7),
    "one-hot, some alike": (np.eye(7)[[0, 1, 1, 2, 3, 3, 3]], False, 2),
    "constant": (np.ones((5, 3)), True, 5),
    "zeros": (np.zeros((6, 2)), False, 6),
    "a sample at the mean": (np.array([[1.0, 2], [2, 1], [-3, -2], [0, -1], [0, 0]]), True, 1),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_samples_without_edges_are_said(simd_level, name):
    x, center, isolated = DEGENERATE[name]
    n = len(x)
    for dtype in ("float32", "float64"):
        for k in (None, 1, n - 1):
            a = x.astype(dtype)
            said = f"of the {n} samples, {isolated} of `x`, {isolated} of `y` have no edges"
            with pytest.warns(RuntimeWarning, match=f"gbs: {said}"):
                value = ig.gbs(a, a, k=k, center=center)
            assert_close(value, 1 - isolated / n, 1e-12)
            fine = data((n, 3), dtype)
            layers = {"fine": fine, "odd": a}
            said = rf"of the {n} samples, {isolated} of `layers\['odd'\]` have no edges"
            with pytest.warns(RuntimeWarning, match=f"gbs_matrix: {said}"):
                matrix = ig.gbs_matrix(layers, k=k, center=center)
            assert_close(np.diag(matrix), [1, 1 - isolated / n], 1e-12)


def test_gbs_is_at_most_one(simd_level):
    for seed in range(40):
        x, y, rng = drawn(30, 5, seed)
        turned = x @ ortho_group.rvs(5, random_state=rng)
        for k in (None, 1, 4):
            assert ig.gbs(x, turned, k=k) <= 1
            assert ig.gbs(x, x, k=k) == 1
            assert (ig.gbs_matrix([x, turned, y], k=k) <= 1).all()


def papers_graph(x, k):
    """The k largest of every row of cosines whose diagonal is 0, symmetrised."""
    cosines = oracle.dense_graph(x)
    chosen = np.zeros_like(cosines)
    for i, row in enumerate(cosines):
        largest = np.argsort(-row, kind="stable")[:k]
        chosen[i, largest] = row[largest]
    return (chosen + chosen.T) / 2


def test_the_papers_graph(simd_level):
    """The recipe of the docstring of `gbs`."""
    for n, d, k in [(8, 3, 5), (12, 2, 6), (30, 4, 20), (25, 6, 24), (40, 30, 3)]:
        x, y = separated(n, d, "float64", (k,)), data((n, d + 1), "float64", seed=1)
        graphs = []
        for a in (x, y):
            edges = ig.graph(a, k=k, symmetrize=False).toarray()
            edges[np.arange(n), edges.argmin(axis=1)] = 0
            graphs.append((edges + edges.T) / 2)
            assert_close(graphs[-1], papers_graph(a, k), 1e-12)
        expected = oracle.mean_row_cosine(papers_graph(x, k), papers_graph(y, k))
        assert_close(ig.compare_rsms(*graphs, method="gbs"), expected, 1e-12)


@pytest.mark.parametrize("dtype", SCALES)
def test_scale_does_not_matter(simd_level, dtype):
    """A tiny row is scaled like any other, not clamped."""
    x, y = separated(40, 9, dtype, (3,)), separated(40, 12, dtype, (3,))
    for k in (None, 3):
        expected = oracle.gbs(x, y, k=k)
        for scale in SCALES[dtype]:
            actual = ig.gbs(x * scale, y / scale, k=k)
            assert_close(actual, expected, 2 * cosine_tolerance(12, dtype), f"scale {scale}")


@pytest.mark.parametrize("k", [None, 5])
def test_same_bits_for_any_number_of_threads(simd_level, k):
    layers = [data((193, d), "float32") for d in (7, 64, 257)]
    one, *more = (ig.gbs_matrix(layers, k=k, num_threads=t) for t in (1, 2, 3, 5))
    assert all(np.array_equal(one, other) for other in more)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_order(simd_level, dtype, layout):
    arrange = LAYOUTS[layout]
    x, y = signs(40), signs(40, seed=1)
    a, b = (arrange(m.astype(DTYPES[dtype])) for m in (x, y))
    for k in (None, 4):
        assert_close(ig.gbs(a, b, k=k), oracle.gbs(x, y, k=k), cosine_tolerance(64, dtype))


# Properties ---------------------------------------------------------------------------------

settings = {
    "n": st.integers(6, 50),
    "d": st.integers(2, 40),
    "k": st.sampled_from([None, 1, 3]),
    "seed": st.integers(0, 2**31),
}


def drawn(n, d, seed):
    """Two float64 representations and the generator that made them."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((n, d + 2)), rng


# With d = 2, cosines of neighbours are 1 - angle²/2 and their differences suffer from rounding.
@given(**settings)
def test_gbs_ignores_orthogonal_maps(n, d, k, seed):
    x, y, rng = drawn(n, d, seed)
    turned = x @ ortho_group.rvs(d, random_state=rng)
    assert_close(ig.gbs(turned, y, k=k), ig.gbs(x, y, k=k), 1e-10)


@given(scale=st.floats(1e-9, 1e9), **settings)
def test_gbs_ignores_isotropic_scaling(n, d, k, seed, scale):
    x, y, _ = drawn(n, d, seed)
    assert_close(ig.gbs(scale * x, y, k=k), ig.gbs(x, y, k=k), 1e-10)
    actual = ig.gbs(scale * x, y, k=k, center=True)
    assert_close(actual, ig.gbs(x, y, k=k, center=True), 1e-10)


@given(**settings)
def test_gbs_ignores_a_positive_scale_of_each_sample(n, d, k, seed):
    x, y, rng = drawn(n, d, seed)
    scales = 10 ** rng.uniform(-6, 6, (n, 1))
    assert_close(ig.gbs(scales * x, y, k=k), ig.gbs(x, y, k=k), 1e-10)


@given(**settings)
def test_gbs_ignores_a_joint_permutation(n, d, k, seed):
    x, y, rng = drawn(n, d, seed)
    order = rng.permutation(n)
    for center in (False, True):
        before = ig.gbs(x, y, k=k, center=center)
        assert_close(ig.gbs(x[order], y[order], k=k, center=center), before, 1e-10)


@given(**settings)
def test_gbs_ignores_translation_only_when_centred(n, d, k, seed):
    x, y, rng = drawn(n, d, seed)
    moved = x + 3 * rng.standard_normal(d)
    before, after = (ig.gbs(a, y, k=k, center=True) for a in (x, moved))
    assert_close(after, before, 1e-10)


def test_gbs_depends_on_translation():
    x, y, _ = drawn(100, 20, 3)
    assert abs(ig.gbs(x, y) - ig.gbs(x + 1, y)) > 0.01
    assert ig.gbs(x + 5, y + 5) > 0.95


@given(**settings)
def test_gbs_is_symmetric_and_one_with_itself(n, d, k, seed):
    x, y, _ = drawn(n, d, seed)
    assert_close(ig.gbs(x, y, k=k), ig.gbs(y, x, k=k), 1e-14)
    assert_close(ig.gbs(x, x, k=k), 1.0, 1e-14)
