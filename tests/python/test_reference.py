"""The oracle itself, against hand-computed values, SciPy, scikit-learn and published facts."""

import ast
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
import reference
from scipy.spatial import distance
from sklearn.metrics import pairwise
from sklearn.preprocessing import KernelCenterer
from support import numerics_data


def test_imports_nothing_of_the_package():
    tree = ast.parse(Path(reference.__file__).read_text())
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    assert not [name for name in imported if name.partition(".")[0] == "isogram"]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("linear", lambda x, y: x @ y.T),
        ("cosine", pairwise.cosine_similarity),
        ("correlation", lambda x, y: 1 - distance.cdist(x, y, "correlation")),
        ("rbf", lambda x, y: pairwise.rbf_kernel(x, y, gamma=1 / (2 * 1.7**2))),
        ("laplacian", lambda x, y: pairwise.laplacian_kernel(x, y, gamma=1 / 1.7)),
        ("polynomial", pairwise.polynomial_kernel),
    ],
)
def test_gram_is_that_of_scikit_learn(kernel, expected, rng):
    x, y = rng.standard_normal((9, 5)), rng.standard_normal((6, 5))
    actual = reference.gram(x, y, kernel=kernel, bandwidth=1.7)
    np.testing.assert_allclose(actual, expected(x, y), rtol=1e-12, atol=1e-13)


def test_gram_by_hand():
    x = np.array([[3.0, 4.0], [0.0, 0.0], [1.0, 1.0]])
    cosine = 7 / (5 * np.sqrt(2))
    np.testing.assert_allclose(
        reference.gram(x, kernel="cosine"),
        [[1, 0, cosine], [0, 0, 0], [cosine, 0, 1]],
        rtol=1e-15,
    )
    np.testing.assert_allclose(
        reference.gram(x, kernel="correlation"), [[1, 0, 0], [0, 0, 0], [0, 0, 0]], rtol=1e-15
    )
    assert reference.bandwidth_of(x) == np.sqrt(13)
    assert reference.bandwidth_of(x, "mean") == np.sqrt((25 + 13 + 2) / 3)


def test_biased_centring_is_that_of_scikit_learn(rng):
    k = rng.standard_normal((7, 7))
    k = k + k.T
    np.testing.assert_allclose(reference.center(k), KernelCenterer().fit_transform(k), atol=1e-14)


def test_u_centring_has_zero_sums_and_gives_debiased_hsic(rng):
    n = 9
    k, l = (x @ x.T for x in rng.standard_normal((2, n, 4)))  # noqa: E741
    u, v = (reference.center(m, estimator="debiased") for m in (k, l))
    np.testing.assert_allclose(u.sum(axis=0), 0, atol=1e-13)
    product = (u * v).sum() / (n * (n - 3))
    assert product == pytest.approx(reference.hsic_of_grams(k, l, "debiased"), rel=1e-12)


def test_debiased_hsic_is_the_mean_over_distinct_quadruples(rng):
    """The definition of the U-statistic, over every 4 distinct samples of 6."""
    n = 6
    k, l = (x @ x.T for x in rng.standard_normal((2, n, 3)))  # noqa: E741
    terms = [
        k[i, j] * (l[i, j] + l[q, r] - 2 * l[i, q]) for i, j, q, r in permutations(range(n), 4)
    ]
    assert reference.hsic_of_grams(k, l, "debiased") == pytest.approx(np.mean(terms), rel=1e-12)


def test_biased_hsic_is_the_squared_covariance(rng):
    x, y = rng.standard_normal((11, 3)), rng.standard_normal((11, 4))
    covariance = np.cov(x, y, rowvar=False)[:3, 3:]
    actual = reference.hsic(x, y, estimator="biased")
    assert actual == pytest.approx((covariance**2).sum(), rel=1e-12)


def test_published_cka_values():
    x, y = numerics_data()
    assert reference.cka(x, y, estimator="biased") == pytest.approx(0.6854, abs=5e-5)
    assert reference.cka(x, y, estimator="debiased") == pytest.approx(0.6825, abs=5e-5)


def test_published_saturation_of_gbs(rng):
    x, y = (rng.standard_normal((2, 300, 64)) + 1).astype(np.float64)
    assert reference.gbs(x, y) == pytest.approx(0.979, abs=0.01)
    assert reference.gbs(x, y, center=True) == pytest.approx(0.0076, abs=0.02)
    assert reference.gbs(x, y, k=5) == pytest.approx(0.019, abs=0.02)


def test_neighbours_and_ties_by_hand():
    x = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert reference.neighbours(x, 1).tolist() == [[1], [0], [0], [0]]
    directed = reference.graph(x, k=1, symmetrize=False)
    assert directed.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    both = reference.graph(x, k=1)
    assert both.tolist() == [[0, 1, 0.5, 0], [1, 0, 0, 0], [0.5, 0, 0, 0], [0, 0, 0, 0]]


def test_modularity_by_hand():
    """Two separate edges: as two classes Q = 1/2, as one class Q = 0."""
    x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert reference.modularity(x, [0, 0, 1, 1], k=1) == pytest.approx(0.5)
    assert reference.modularity(x, [5, 5, 5, 5], k=1) == pytest.approx(0.0)


def test_motifs_by_hand():
    """Two cliques of three, each a triangle."""
    angles = np.radians([0, 1, 2, 90, 91, 92])
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert reference.motifs(x, [0, 0, 0, 1, 2, 3], k=2) == (1, 0, 1)
    assert reference.motifs(x, [0, 0, 1, 2, 2, 2], k=2) == (1, 1, 0)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 5), (5, 3)])
@pytest.mark.parametrize("maximize", [True, False])
def test_match_by_enumeration(shape, maximize, rng):
    a = rng.standard_normal(shape)
    small = a if shape[0] <= shape[1] else a.T
    choices = permutations(range(max(shape)), min(shape))
    totals = [small[range(min(shape)), choice].sum() for choice in choices]
    best = reference.match(a, maximize=maximize)
    assert best.total == pytest.approx(max(totals) if maximize else min(totals))
    assert (best.columns >= 0).sum() == min(shape)


def test_matchings_by_hand():
    a = np.array([[3.0, 0.0], [0.0, 2.0], [1.0, 0.0]])
    b = np.array([[0.0, 1.0], [2.0, 0.0], [3.0, 3.0]])
    # Affinities: [[0, 6, 9], [2, 0, 6], [0, 2, 3]]; norms fall as 0, 1, 2 and as 2, 1, 0.
    assert reference.matched_sum(a, b, "none") == 0 + 0 + 3
    assert reference.matched_sum(a, b, "exact") == 9 + 2 + 2
    assert reference.matched_pairs(a, b, "greedy", None) == [(0, 2), (1, 0), (2, 1)]
    assert reference.matched_sum(a, b, "window", 1) == 9 + 0 + 0
    assert reference.matched_sum(a, b, "window", 2) == max(9 + 0, 6 + 6) + 0
    assert reference.matched_sum(a, b, "topk", 1) == 9 + 2 + 2
    assert reference.matched_sum(a[:2], b, "exact") == 6 + 6


def test_semantic_rsm_against_all_permutations(rng):
    tokens = rng.standard_normal((4, 4, 3))
    rsm = reference.semantic_rsm(tokens, kernel="linear")
    for i, j in combinations(range(4), 2):
        sums = [(tokens[i] * tokens[j][list(p)]).sum() for p in permutations(range(4))]
        assert rsm[i, j] == pytest.approx(max(sums))


def test_spatial_rsm_is_a_gram_of_flattened_samples(rng):
    tokens = rng.standard_normal((5, 2, 3, 4))
    flat = tokens.transpose(0, 2, 3, 1).reshape(5, -1)
    for kernel in ("linear", "cosine", "rbf"):
        expected = reference.gram(flat, kernel=kernel)
        actual = reference.spatial_rsm(tokens, kernel=kernel, layout="nchw")
        np.testing.assert_allclose(actual, expected, rtol=1e-12)


def test_jsd_is_that_of_scipy(rng):
    p = rng.dirichlet(np.full(10, 0.2), size=6)
    p[0], p[1] = np.eye(10)[0], np.eye(10)[1]
    expected = [[distance.jensenshannon(a, b, base=2) ** 2 for b in p] for a in p]
    np.testing.assert_allclose(reference.jsd(p), expected, atol=1e-12)
    assert reference.jsd(p)[0, 1] == 1.0


def test_compare_by_hand():
    a = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    b = np.array([[7, 1, 3], [1, 7, 2], [3, 2, 7]])
    assert reference.compare(a, b, method="pearson") == pytest.approx(0.5)
    assert reference.compare(a, b, method="spearman") == pytest.approx(0.5)
    assert reference.compare(a, b, method="kendall") == pytest.approx(1 / 3)
    assert reference.compare(a, b, method="cosine") == pytest.approx(13 / 14)
