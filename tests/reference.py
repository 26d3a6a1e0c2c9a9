"""The oracle: every operation of isogram in float64 NumPy and SciPy, slow and obvious.

Written straight from the definitions and sharing no code with the package, which it must not
import. Inputs of any type are widened to float64 first, so that the rounding of an input to
float16 is never counted as an error of the package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations, product

import numpy as np
from scipy import stats
from scipy.linalg import orthogonal_procrustes, subspace_angles
from scipy.optimize import linear_sum_assignment


def widen(x):
    """Return a C-ordered float64 copy of any array, bfloat16 included."""
    return np.array(np.asarray(x).astype(np.float64), order="C")


# Gram matrices ------------------------------------------------------------------------------


def squared_distances(x, y):
    """Squared Euclidean distances by direct differences, (n, m)."""
    x, y = widen(x), widen(y)
    return np.stack([((row - y) ** 2).sum(axis=1) for row in x])


def manhattan_distances(x, y):
    """Manhattan distances, (n, m)."""
    x, y = widen(x), widen(y)
    return np.stack([np.abs(row - y).sum(axis=1) for row in x])


def off_diagonal(matrix):
    """Entries above the diagonal, row by row."""
    return matrix[np.triu_indices(len(matrix), 1)]


def bandwidth_of(x, rule="median"):
    """Root of the median or the mean of the squared distances of all pairs."""
    pairs = off_diagonal(squared_distances(x, x))
    return float(np.sqrt(np.median(pairs) if rule == "median" else np.mean(pairs)))


def unit_rows(x):
    """Divide every row by its norm; a zero row stays zero."""
    x = widen(x)
    largest = np.abs(x).max(axis=1, keepdims=True)
    # Dividing by the largest entry first keeps the squares of rows near 1e±200 representable.
    x = np.divide(x, largest, out=np.zeros_like(x), where=largest > 0)
    norms = np.sqrt((x**2).sum(axis=1, keepdims=True))
    return np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)


def centred_rows(x):
    """Subtract every row's own mean; a constant row becomes exactly zero."""
    x = widen(x)
    constant = (x == x[:, :1]).all(axis=1, keepdims=True)
    return np.where(constant, 0.0, x - x.mean(axis=1, keepdims=True))


def gram(x, y=None, *, kernel="linear", bandwidth="median", gamma=None, degree=3, coef0=1.0):
    """Gram matrix of one of the kernels."""
    x = widen(x)
    y = x if y is None else widen(y)
    if kernel == "linear":
        return x @ y.T
    if kernel == "cosine":
        return unit_rows(x) @ unit_rows(y).T
    if kernel == "correlation":
        return unit_rows(centred_rows(x)) @ unit_rows(centred_rows(y)).T
    if kernel == "polynomial":
        gamma = 1 / x.shape[1] if gamma is None else gamma
        return (gamma * (x @ y.T) + coef0) ** degree
    if bandwidth == "median":
        bandwidth = bandwidth_of(x)
    if kernel == "rbf":
        return np.exp(-squared_distances(x, y) / (2 * bandwidth**2))
    if kernel == "laplacian":
        return np.exp(-manhattan_distances(x, y) / bandwidth)
    if kernel == "laplacian_l2":
        return np.exp(-np.sqrt(squared_distances(x, y)) / bandwidth)
    raise ValueError(kernel)


def center(k, *, estimator="biased"):
    """Centre a Gram matrix: H K H with explicit matrices, or the U-centring entry by entry."""
    k = widen(k)
    n = len(k)
    if estimator == "biased":
        h = np.eye(n) - np.ones((n, n)) / n
        return h @ k @ h
    k = without_diagonal(k)
    rows, columns, total = k.sum(axis=1), k.sum(axis=0), k.sum()
    u = k - rows[:, None] / (n - 2) - columns[None, :] / (n - 2) + total / ((n - 1) * (n - 2))
    return without_diagonal(u)


def without_diagonal(k):
    """Return a copy with a zero diagonal."""
    return k - np.diag(np.diag(k))


# HSIC and CKA -------------------------------------------------------------------------------


def hsic_of_grams(k, l, estimator):  # noqa: E741  (K and L are the names in the literature)
    """HSIC of two Gram matrices: Gretton et al. 2005 (biased), Song et al. 2012 (debiased)."""
    # Less the mean of what counts: both estimators ignore constants, and sums lose fewer digits.
    n = len(k)
    counts = np.ones((n, n), bool) if estimator == "biased" else ~np.eye(n, dtype=bool)
    k, l = (np.where(counts, widen(m) - widen(m)[counts].mean(), 0) for m in (k, l))  # noqa: E741
    if estimator == "biased":
        h = np.eye(n) - np.ones((n, n)) / n
        return float(np.trace(k @ h @ l @ h) / (n - 1) ** 2)
    ones = np.ones(n)
    value = np.trace(k @ l.T)
    value += (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2))
    value -= 2 / (n - 2) * (ones @ k @ l @ ones)
    return float(value / (n * (n - 3)))


def centred_columns(x):
    """Subtract the column means; a constant column becomes exactly zero."""
    x = widen(x)
    constant = (x == x[:1]).all(axis=0, keepdims=True)
    return np.where(constant, 0.0, x - x.mean(axis=0))


def hsic_gram(x, kernel, **parameters):
    """Gram matrix of HSIC: the linear one of centred columns, which HSIC cannot tell apart."""
    return gram(centred_columns(x) if kernel == "linear" else x, kernel=kernel, **parameters)


def hsic(x, y, *, kernel="linear", estimator="debiased", **parameters):
    """HSIC of two representations."""
    k, l = hsic_gram(x, kernel, **parameters), hsic_gram(y, kernel, **parameters)  # noqa: E741
    return hsic_of_grams(k, l, estimator)


def cka_of_grams(k, l, estimator="debiased"):  # noqa: E741
    """CKA of two Gram matrices, the same estimator in the numerator and the denominator."""
    norms = hsic_of_grams(k, k, estimator) * hsic_of_grams(l, l, estimator)
    return float(hsic_of_grams(k, l, estimator) / np.sqrt(norms))


def cka(x, y, *, kernel="linear", estimator="debiased", **parameters):
    """CKA of two representations."""
    k, l = hsic_gram(x, kernel, **parameters), hsic_gram(y, kernel, **parameters)  # noqa: E741
    return cka_of_grams(k, l, estimator)


def partial_cka(x, y, given, *, kernel="linear", estimator="debiased", **parameters):
    """CKA of what least squares on the Gram matrices of `given` leaves of two Gram matrices."""

    def centred(a):
        k = np.array(widen(hsic_gram(a, kernel, **parameters)))
        n = len(k)
        if estimator == "biased":
            h = np.eye(n) - np.ones((n, n)) / n
            return (h @ k @ h).ravel()
        np.fill_diagonal(k, 0)
        sums = k.sum(axis=0) / (n - 2)
        k += k.sum() / ((n - 1) * (n - 2)) - sums[:, None] - sums
        return k[~np.eye(n, dtype=bool)]

    others = np.stack([centred(a) for a in given], axis=1)
    k, l = (centred(a) for a in (x, y))  # noqa: E741
    k, l = (v - others @ np.linalg.lstsq(others, v)[0] for v in (k, l))  # noqa: E741
    return float(k @ l / np.sqrt((k @ k) * (l @ l)))


def cka_matrix(layers, other=None, **parameters):
    """CKA of every pair of layers, (L1, L2)."""
    other = layers if other is None else other
    return np.array([[cka(x, y, **parameters) for y in other] for x in layers])


def cka_by_rows(x, y, *, kernel="linear", estimator="debiased"):
    """CKA of the linear kernel, of cosines or of correlations, in long doubles.

    Rows (of unit norm) are shifted by their columns' medians, which HSIC cannot tell apart and a
    far row does not move, and the Gram matrices are centred before they are multiplied.
    """
    centred = [_centred_rows_gram(a, kernel, estimator) for a in (x, y)]
    xy, xx, yy = ((centred[i] * centred[j]).sum() for i, j in ((0, 1), (0, 0), (1, 1)))
    return float(xy / np.sqrt(xx) / np.sqrt(yy))


def _centred_rows_gram(x, kernel, estimator):
    rows = widen(x).astype(np.longdouble)
    if kernel == "correlation":
        rows = rows - rows.mean(axis=1, keepdims=True)
    if kernel != "linear":
        rows = rows / np.maximum(np.abs(rows).max(axis=1, keepdims=True), np.finfo(float).tiny)
        norms = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
        rows = rows / np.where(norms == 0, 1, norms)
    rows = rows / np.abs(rows).max()
    rows = rows - np.median(rows, axis=0)
    k = rows @ rows.T
    k = k / np.abs(k).max()
    if estimator == "biased":
        k = k - k.mean(axis=0)
        k = k - k.mean(axis=1, keepdims=True)
        return k / np.abs(k).max()
    n = len(k)
    k = without_diagonal(k)
    sums = k.sum(axis=1) / (n - 2)
    k = without_diagonal(k - sums[:, None] - sums + k.sum() / ((n - 1) * (n - 2)))
    return k / np.abs(k).max()


def cka_in_decimals(x, y, *, kernel):
    """Debiased CKA of cosines or correlations, in decimals of 80 digits; slow."""

    def dot(a, b):
        return sum(p * q for p, q in zip(a, b, strict=True))

    def unit(row):
        row = [Decimal(float(value)) for value in row]
        if kernel == "correlation":
            row = [value - sum(row) / len(row) for value in row]
        norm = dot(row, row).sqrt()
        return [value / norm if norm else value for value in row]

    def centred(a):
        rows, n = [unit(row) for row in a], len(a)
        k = [[dot(p, q) if p is not q else Decimal(0) for q in rows] for p in rows]
        sums = [sum(row) / (n - 2) for row in k]
        total = sum(sums) / (n - 1)
        return [k[i][j] - sums[i] - sums[j] + total for i in range(n) for j in range(n) if i != j]

    with localcontext() as context:
        context.prec = 80
        a, b = centred(x), centred(y)
        return float(dot(a, b) / (dot(a, a) * dot(b, b)).sqrt())


def cka_in_fractions(x, y, *, kernel="linear"):
    """Debiased CKA of the linear or the cubic kernel, exact but for the last root."""
    n = len(x)

    def hollow_gram(a):
        unit = 2**1074 if kernel == "linear" else 1  # makes integers of all floats
        rows = [[Fraction(float(v)) * unit for v in row] for row in a]
        rows = [[int(v) for v in row] for row in rows] if kernel == "linear" else rows
        gamma = Fraction(1 / a.shape[1])

        def entry(p, q):
            product = sum(u * v for u, v in zip(p, q, strict=True))
            return product if kernel == "linear" else (gamma * product + 1) ** 3

        return [[entry(p, q) if p is not q else 0 for q in rows] for p in rows]

    def inner(k, l):  # noqa: E741
        of_k, of_l = [sum(row) for row in k], [sum(row) for row in l]
        products = sum(k[i][j] * l[i][j] for i in range(n) for j in range(n))
        rows = sum(u * v for u, v in zip(of_k, of_l, strict=True))
        totals = Fraction(sum(of_k) * sum(of_l), (n - 1) * (n - 2))
        return products + totals - Fraction(2 * rows, n - 2)

    k, l = hollow_gram(x), hollow_gram(y)  # noqa: E741
    cross = inner(k, l)
    squared = float(cross**2 / (inner(k, k) * inner(l, l)))
    return math.sqrt(squared) if cross > 0 else -math.sqrt(squared)


# Graphs -------------------------------------------------------------------------------------


def dense_graph(x, *, center=False):
    """Cosine matrix with a zero diagonal."""
    return without_diagonal(gram(centred_columns(x) if center else x, kernel="cosine"))


def neighbours(x, k, *, center=False):
    """Indices of the k largest off-diagonal cosines of each row; ties to the smaller index."""
    cosines = gram(centred_columns(x) if center else x, kernel="cosine")
    chosen = []
    for i, row in enumerate(cosines):
        order = np.argsort(-row, kind="stable")  # stable: equal cosines keep their order
        chosen.append(order[order != i][:k])
    return np.array(chosen)


def distance_graph(x, *, k, symmetrize=True):
    """Dense adjacency of the k-NN graph by Euclidean distance, whose edges weigh it."""
    x = np.asarray(x, np.float64)
    directed = np.zeros((len(x), len(x)))
    for i, row in enumerate(x):
        distances = np.array([np.sqrt(((row - other) ** 2).sum()) for other in x])
        order = np.argsort(distances, kind="stable")
        chosen = order[order != i][:k]
        directed[i, chosen] = distances[chosen]
    return np.maximum(directed, directed.T) if symmetrize else directed


def graph(x, *, k=None, metric="cosine", center=False, symmetrize=True):
    """Dense adjacency of the full or the k-NN graph of cosines or correlations."""
    if metric == "correlation":
        x = centred_columns(x) if center else np.asarray(x, np.float64)
        x, center = x - x.mean(axis=1, keepdims=True), False
    full = dense_graph(x, center=center)
    if k is None:
        return full
    directed = np.zeros_like(full)
    for i, chosen in enumerate(neighbours(x, k, center=center)):
        directed[i, chosen] = full[i, chosen]
    return (directed + directed.T) / 2 if symmetrize else directed


def mean_row_cosine(a, b):
    """Mean over rows of the cosine of two matrices' rows; a zero row gives 0."""
    return float(np.mean(np.sum(unit_rows(a) * unit_rows(b), axis=1)))


def gbs(x, y, *, k=None, center=False):
    """Graph-based similarity of two representations."""
    return mean_row_cosine(graph(x, k=k, center=center), graph(y, k=k, center=center))


def gbs_matrix(layers, other=None, **parameters):
    """GBS of every pair of layers, (L1, L2)."""
    other = layers if other is None else other
    return np.array([[gbs(x, y, **parameters) for y in other] for x in layers])


def modularity(x, labels, *, k=3):
    """Newman's weighted modularity of the symmetrised k-NN graph by class."""
    return modularity_of_graph(graph(x, k=k), labels)


def modularity_of_graph(weights, labels, resolution=1.0):
    """Reichardt & Bornholdt 2006: Σ (A_ij - γ k_i k_j / 2m) δ(c_i, c_j) / 2m."""
    labels, degrees, total = np.asarray(labels), weights.sum(axis=1), weights.sum()
    expected = resolution * np.outer(degrees, degrees) / total
    is_inside = labels[:, None] == labels
    return float(((weights - expected) * is_inside).sum() / total)


def motifs(x, labels, *, k=5):
    """Triangles of the undirected union k-NN graph that touch 1, 2 and 3 classes."""
    n, labels = len(x), np.asarray(labels)
    linked = np.zeros((n, n), dtype=bool)
    for i, chosen in enumerate(neighbours(x, k)):
        linked[i, chosen] = linked[chosen, i] = True
    counts = {1: 0, 2: 0, 3: 0}
    for a, b, c in combinations(range(n), 3):
        if linked[a, b] and linked[a, c] and linked[b, c]:
            counts[len({labels[a], labels[b], labels[c]})] += 1
    return counts[1], counts[2], counts[3]


# Matching -----------------------------------------------------------------------------------


@dataclass
class Match:
    """An optimal assignment: its total and the sum of the absolute matched entries."""

    columns: np.ndarray
    total: float
    magnitude: float


def match(similarity, *, maximize=True):
    """Exact assignment of one problem by SciPy."""
    similarity = widen(similarity)
    rows, columns = linear_sum_assignment(similarity, maximize=maximize)
    full = np.full(len(similarity), -1)
    full[rows] = columns
    chosen = similarity[rows, columns]
    return Match(full, float(chosen.sum()), float(np.abs(chosen).sum()))


def by_norm(tokens):
    """Token indices by falling norm, ties to the smaller index."""
    norms = (tokens**2).sum(axis=1)
    return np.array(sorted(range(len(tokens)), key=lambda s: (-norms[s], s)))


def exact_pairs(affinity, rows, columns):
    """Exact matching of some rows to some columns, as pairs."""
    r, c = linear_sum_assignment(affinity[np.ix_(rows, columns)], maximize=True)
    return [(int(rows[i]), int(columns[j])) for i, j in zip(r, c, strict=True)]


def greedy_pairs(affinity, rows, columns):
    """Largest affinity first; of equal ones the earlier row, then the earlier column."""
    # sorted() is stable: equal affinities keep the order in which the tokens are given.
    order = sorted(product(rows, columns), key=lambda pair: -affinity[pair])
    free_rows, free_columns, pairs = set(rows), set(columns), []
    for r, c in order:
        if r in free_rows and c in free_columns:
            pairs.append((int(r), int(c)))
            free_rows.remove(r)
            free_columns.remove(c)
    return pairs


def matched_pairs(a, b, matching, block):
    """Pairs of token indices that one of the five matchings finds for two samples."""
    affinity = a @ b.T
    if matching == "none":
        return [(s, s) for s in range(min(len(a), len(b)))]
    if matching == "exact":
        return exact_pairs(affinity, np.arange(len(a)), np.arange(len(b)))
    if matching == "greedy":
        return greedy_pairs(affinity, range(len(a)), range(len(b)))
    rows, columns = by_norm(a), by_norm(b)
    if matching == "topk":
        pairs = exact_pairs(affinity, rows[:block], columns[:block])
        used_rows, used_columns = ({p[i] for p in pairs} for i in (0, 1))
        rest_rows = [int(r) for r in rows if r not in used_rows]
        rest_columns = [int(c) for c in columns if c not in used_columns]
        return pairs + greedy_pairs(affinity, rest_rows, rest_columns)
    pairs = []
    for start in range(0, min(len(a), len(b)), block):
        window = slice(start, start + block)
        pairs += exact_pairs(affinity, rows[window], columns[window])
    return pairs


def matched_sum(a, b, matching="exact", block=None):
    """Sum of the inner products of the matched tokens of two samples."""
    pairs = matched_pairs(a, b, matching, block)
    return float(sum(a[r] @ b[c] for r, c in pairs))


# Semantic RSMs ------------------------------------------------------------------------------


def matched_distances(tokens, matching="exact", block=None):
    """Squared distances of inputs, by differences of the tokens that are matched."""
    inputs = samples(tokens)
    distances = np.zeros((len(inputs), len(inputs)))
    for (i, a), (j, b) in combinations(enumerate(inputs), 2):
        rows, columns = map(list, zip(*matched_pairs(a, b, matching, block), strict=True))
        squares = ((a[rows] - b[columns]) ** 2).sum()
        squares += (np.delete(a, rows, axis=0) ** 2).sum()
        squares += (np.delete(b, columns, axis=0) ** 2).sum()
        distances[i, j] = distances[j, i] = squares
    return distances


def smallest_distances(tokens, window=None):
    """Squared distances of inputs, with the matching that makes each the smallest.

    In long doubles: no inner product, which far tokens take the digits of near ones from. With a
    window, tokens by descending norm are matched window by window. A token without a partner is as
    far as from a token of zeros.
    """
    inputs = samples(tokens)
    if window is not None:
        inputs = [sample[by_norm(sample)] for sample in inputs]
    inputs = [sample.astype(np.longdouble) for sample in inputs]
    distances = np.zeros((len(inputs), len(inputs)), np.longdouble)
    for (i, a), (j, b) in combinations(enumerate(inputs), 2):
        tokens = max(len(a), len(b))
        for first in range(0, tokens, window or tokens):
            part = slice(first, first + (window or tokens))
            distances[i, j] += smallest_distance(a[part], b[part])
        distances[j, i] = distances[i, j]
    return distances


def smallest_distance(a, b):
    """Of two inputs; costs beyond what is known to suffice are cut off, for SciPy's float64."""
    tokens = max(len(a), len(b))
    a, b = (np.pad(sample, [(0, tokens - len(sample)), (0, 0)]) for sample in (a, b))
    costs = ((a[:, np.newaxis] - b[np.newaxis]) ** 2).sum(axis=-1)
    found = np.inf
    while True:
        pairs = linear_sum_assignment(np.minimum(costs, found).astype(np.float64))
        total = costs[pairs].sum()
        if total >= found:
            return found
        found = total


def samples(tokens, layout="nsc", lengths=None):
    """Turn any layout into a list of float64 (s_i, c) arrays."""
    if isinstance(tokens, (list, tuple)):
        return [widen(sample) for sample in tokens]
    if layout == "nchw":
        tokens = np.moveaxis(np.asarray(tokens), 1, -1)
    tokens = widen(tokens)
    tokens = tokens.reshape(len(tokens), -1, tokens.shape[-1])
    lengths = [tokens.shape[1]] * len(tokens) if lengths is None else lengths
    return [sample[:length] for sample, length in zip(tokens, lengths, strict=True)]


def semantic_rsm(
    tokens,
    other=None,
    *,
    kernel="cosine",
    matching="exact",
    window=None,
    topk=None,
    layout="nsc",
    lengths=None,
    other_lengths=None,
    bandwidth="median",
):
    """Semantic RSM of one set or between two sets of token inputs."""
    rows = samples(tokens, layout, lengths)
    columns = rows if other is None else samples(other, layout, other_lengths)
    block = window if matching == "window" else topk
    linear = np.empty((len(rows), len(columns)))
    for i, a in enumerate(rows):
        for j, b in enumerate(columns):
            if other is None and j <= i:
                # One set: only i < j is matched, and the diagonal is the identity matching.
                linear[i, j] = linear[j, i] if j < i else (a**2).sum()
            else:
                linear[i, j] = matched_sum(a, b, matching, block)
    if kernel == "linear":
        return linear
    row_norms = np.array([np.sqrt((a**2).sum()) for a in rows])
    column_norms = np.array([np.sqrt((b**2).sum()) for b in columns])
    if kernel == "cosine":
        scale = np.outer(row_norms, column_norms)
        return np.divide(linear, scale, out=np.zeros_like(linear), where=scale > 0)
    distances = row_norms[:, None] ** 2 + column_norms[None, :] ** 2 - 2 * linear
    if other is None:
        np.fill_diagonal(distances, 0.0)
    if bandwidth == "median":
        computed = off_diagonal(distances) if other is None else distances
        bandwidth = np.sqrt(np.median(computed))
    return np.exp(-distances / (2 * bandwidth**2))


def spatial_rsm(tokens, other=None, **parameters):
    """RSM with the identity matching."""
    return semantic_rsm(tokens, other, matching="none", **parameters)


# Comparing ----------------------------------------------------------------------------------


def compare(rsm_a, rsm_b, *, method="pearson", sigma_k=None):
    """Compare two RSMs on the same inputs, condensed or square; NaN in both is missing."""
    a, b = widen(rsm_a), widen(rsm_b)
    if method == "cka":
        return cka_of_grams(a, b, "debiased")
    if method == "gbs":
        return mean_row_cosine(without_diagonal(a), without_diagonal(b))
    a, b = (k if k.ndim == 1 else off_diagonal(k) for k in (a, b))
    if method.startswith("whitened"):
        return whitened_cosine(*((a, b) if method == "whitened_cosine" else
                                 (a - a.mean(), b - b.mean())), sigma_k)  # fmt: skip
    a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    if method == "cosine":
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))
    if method == "kendall_a":
        return kendall_a(a, b)
    if method == "rho_a":
        m, ranks = len(a), stats.rankdata(a) @ stats.rankdata(b)
        return float(12 * ranks / (m**3 - m) - 3 * (m + 1) / (m - 1))
    test = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}
    return float(test.get(method, stats.kendalltau)(a, b).statistic)


def whitened_cosine(a, b, sigma_k=None):
    """Diedrichsen et al. 2021, with the whole covariance of the entries."""
    n = (1 + int(np.sqrt(1 + 8 * len(a)))) // 2
    rows, cols = np.triu_indices(n, 1)
    contrasts = np.eye(n)[rows] - np.eye(n)[cols]
    sigma = np.eye(n) if sigma_k is None else np.diag(sigma_k) if sigma_k.ndim == 1 else sigma_k
    inverse = np.linalg.inv((contrasts @ sigma @ contrasts.T) ** 2)
    return float(a @ inverse @ b / np.sqrt((a @ inverse @ a) * (b @ inverse @ b)))


def kendall_a(a, b):
    """Kendall 1938: concordant less discordant pairs, over all pairs."""
    signs = (np.sign(x[:, None] - x)[np.triu_indices(len(x), 1)] for x in (a, b))
    return float(np.mean(np.multiply(*signs)))


def jsd(probabilities, other=None):
    """Jensen-Shannon divergences in bits of the renormalised rows."""
    p = widen(probabilities)
    q = p if other is None else widen(other)
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    return np.array([[divergence(a, b) for b in q] for a in p])


def divergence(a, b):
    """Jensen-Shannon divergence of two distributions, base 2."""
    middle = (a + b) / 2
    return (relative_entropy(a, middle) + relative_entropy(b, middle)) / 2


def relative_entropy(a, b):
    """Kullback-Leibler divergence in bits, 0 log 0 = 0."""
    positive = a > 0
    return float(np.sum(a[positive] * np.log2(a[positive] / b[positive])))


# Measures by name ---------------------------------------------------------------------------


def distances(x):
    """Euclidean distances of all pairs of rows, by differences in long doubles."""
    x = widen(x).astype(np.longdouble)
    return np.sqrt(np.stack([((row - x) ** 2).sum(axis=1) for row in x]))


def rsm_difference(x, y):
    """Frobenius norm of the difference of two matrices of distances."""
    return float(np.sqrt(((distances(x) - distances(y)) ** 2).sum()))


def distance_correlation(x, y):
    """Székely, Rizzo & Bakirov 2007, definitions 4 and 5: the V-statistics of the sample."""

    def centred(a):
        a = distances(a)
        return a - a.mean(axis=1, keepdims=True) - a.mean(axis=0, keepdims=True) + a.mean()

    a, b = centred(x), centred(y)
    covariance, of_x, of_y = (a * b).mean(), (a * a).mean(), (b * b).mean()
    return float(np.sqrt(np.maximum(covariance, 0) / np.sqrt(of_x * of_y)))


def distance_correlation_debiased(x, y):
    """Székely & Rizzo 2014, section 3: inner products of U-centred distance matrices."""

    def centred(a):
        a, n = distances(a), len(a)
        u = a - a.sum(axis=1, keepdims=True) / (n - 2) - a.sum(axis=0, keepdims=True) / (n - 2)
        return without_diagonal(u + a.sum() / ((n - 1) * (n - 2)))

    a, b = centred(x), centred(y)
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def angular_cka(x, y):
    """Angle between the centred Gram matrices as vectors, as in Williams et al. 2021."""
    k, l = (center(x0 @ x0.T).ravel() for x0 in (centred_columns(x), centred_columns(y)))  # noqa: E741
    k, l = k / np.linalg.norm(k), l / np.linalg.norm(l)  # noqa: E741
    return float(2 * np.arctan2(np.linalg.norm(k - l), np.linalg.norm(k + l)))


def aligned(x, y):
    """Both of norm 1 and of one width, the second turned and mirrored to lie nearest."""
    width = max(x.shape[1], y.shape[1])
    x, y = (np.pad(a, ((0, 0), (0, width - a.shape[1]))) / np.linalg.norm(a) for a in (x, y))
    return x, y @ orthogonal_procrustes(y, x)[0]


def angle_of(x, y):
    """Angle between matrices of norm 1."""
    return float(2 * np.arctan2(np.linalg.norm(x - y), np.linalg.norm(x + y)))


def cka_feature_debiased(x, y):
    """Chun et al. 2025: HSIC of layers with themselves over pairs of different features alone.

    Features of x and of y are different ones unless they are one array.
    """
    if x is y:
        return 1.0

    def mean_hsic(a, b):
        a, b = ([np.outer(v, v) for v in centred_columns(m).T] for m in (a, b))
        return np.mean([hsic_of_grams(*pair, "debiased") for pair in product(a, b)])

    def own(a):
        grams = [np.outer(v, v) for v in centred_columns(a).T]
        pairs = combinations(range(len(grams)), 2)
        return np.mean([hsic_of_grams(grams[i], grams[j], "debiased") for i, j in pairs])

    return float(mean_hsic(x, y) / np.sqrt(own(x) * own(y)))


def procrustes(x, y):
    """Angle to the nearest of all turned and mirrored, as in Williams et al. 2021, section 2."""
    return angle_of(*aligned(*(centred_columns(a) for a in (x, y))))


def procrustes_distance(x, y):
    """Ding et al. 2021: the squared distance to the nearest."""
    x, y = aligned(*(centred_columns(a) for a in (x, y)))
    return float(((x - y) ** 2).sum())


def bures(x, y):
    """Harvey et al. 2023: tr √(K^½ L K^½) / √(tr K · tr L) of centred Gram matrices."""
    x, y = centred_columns(x), centred_columns(y)
    rank = np.linalg.matrix_rank(x.T @ y)
    values, vectors = np.linalg.eigh(x @ x.T)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    fidelity = np.sqrt(np.linalg.eigvalsh(root @ y @ y.T @ root)[-rank:]).sum()
    return float(fidelity / np.sqrt(np.trace(x @ x.T) * np.trace(y @ y.T)))


def shape_metric(x, y, alpha=0.0):
    """Williams et al. 2021: Procrustes of X (αI + (1 - α) (XᵀX)^-½), X centred."""

    def whitened(a):
        a = centred_columns(a)
        values, vectors = np.linalg.eigh(a.T @ a)
        roots = np.sqrt(np.where(values > 1e-12 * values[-1], values, np.inf))
        return alpha * a + (1 - alpha) * a @ (vectors / roots) @ vectors.T

    return angle_of(*aligned(whitened(x), whitened(y)))


def correlations(x, y):
    """Canonical correlations: cosines of the principal angles between what features span."""
    return np.cos(subspace_angles(x, y))


def cca(x, y):
    """Raghu et al. 2017: mean canonical correlation."""
    return float(correlations(centred_columns(x), centred_columns(y)).mean())


def cca_squared(x, y):
    """Kornblith et al. 2019, table 1: R² of CCA."""
    return float((correlations(centred_columns(x), centred_columns(y)) ** 2).mean())


def svcca(x, y, variance=0.99):
    """Raghu et al. 2017: CCA of the directions that explain 99 % of the variance."""

    def leading(a):
        a = centred_columns(a)
        values, vectors = np.linalg.eigh(a.T @ a)
        shares = np.cumsum(values[::-1]) / values.sum()
        return a @ vectors[:, ::-1][:, : 1 + np.count_nonzero(shares < variance)]

    return cca(leading(x), leading(y))


def pwcca(x, y):
    """Morcos et al. 2018, section 2: Σ αᵢρᵢ / Σ αᵢ, where αᵢ = Σⱼ |⟨hᵢ, xⱼ⟩|."""
    x, y = centred_columns(x), centred_columns(y)
    of_x, of_y = (a @ np.linalg.pinv(a) for a in (x, y))  # projections on what features span
    squares, variates = np.linalg.eigh(of_x @ of_y @ of_x)
    count = min(len(x) - 1, x.shape[1], y.shape[1])
    correlations = np.sqrt(np.maximum(squares[-count:], 0))
    weights = np.abs(variates[:, -count:].T @ x).sum(axis=1)
    return float((weights * correlations).sum() / weights.sum())


def linear_regression(x, y):
    """Kornblith et al. 2019, table 1: 1 - ‖X - YB‖² / ‖X‖² of the best B."""
    x, y = centred_columns(x), centred_columns(y)
    rest = x - y @ np.linalg.lstsq(y, x)[0]
    return float(1 - (rest**2).sum() / (x**2).sum())


def eigenspace_overlap(x, y):
    """May et al. 2019, definition 1: ‖UᵀV‖² / max(d, k)."""
    x, y = widen(x), widen(y)
    shared = (correlations(x, y) ** 2).sum()
    return float(shared / max(np.linalg.matrix_rank(x), np.linalg.matrix_rank(y)))


def feature_correlations(x, y):
    """Pearson's correlations of the features that vary, by SciPy."""
    x, y = ([a for a in widen(layer).T if np.ptp(a) > 0] for layer in (x, y))
    return np.array([[stats.pearsonr(a, b).statistic for b in y] for a in x])


def correlation_match(x, y):
    """Li et al. 2016, section 3.1: the best one-to-one matching of features."""
    correlations = feature_correlations(x, y)
    return float(correlations[linear_sum_assignment(correlations, maximize=True)].mean())


def soft_correlation_match(x, y):
    """Li et al. 2016, section 3.1: each feature of x with the one of y that it is most like."""
    return float(np.mean([max(row) for row in feature_correlations(x, y)]))


def permuted(x, y):
    """Both centred, of norm 1 and filled up with zeros, the second ordered to lie nearest."""
    width = x.shape[1] + y.shape[1]
    x, y = (a / np.linalg.norm(a) for a in (centred_columns(x), centred_columns(y)))
    x, y = (np.pad(a, ((0, 0), (0, width - a.shape[1]))) for a in (x, y))
    squares = np.array([((a[:, np.newaxis] - y) ** 2).sum(axis=0) for a in x.T])
    return x, y[:, linear_sum_assignment(squares)[1]]


def permutation_procrustes(x, y):
    """Williams et al. 2021: min over permutations of ‖X - YP‖, of matrices of norm 1."""
    x, y = permuted(x, y)
    return float(np.linalg.norm(x - y))


def permutation_angle(x, y):
    """Williams et al. 2021: the angle for the same permutation."""
    return angle_of(*permuted(x, y))


def permutation_cosine(x, y):
    """Cosine for the same permutation."""
    x, y = permuted(x, y)
    return float((x * y).sum())


def mutual_knn(x, y, k=10):
    """Huh et al. 2024: the neighbours in common, as a share of k."""
    near = (neighbours(x, k), neighbours(y, k))
    shared = [len(set(a) & set(b)) for a, b in zip(*near, strict=True)]
    return float(np.mean(shared)) / k


def cycle_knn(x, y, k=10):
    """Huh et al. 2024: share of samples i near, in x, to a sample near i in y."""
    near_x, near_y = neighbours(x, k), neighbours(y, k)
    return float(np.mean([any(i in near_x[j] for j in near_y[i]) for i in range(len(near_x))]))


def jaccard_knn(x, y, k=10):
    """Wang et al. 2020: Jaccard similarity of the sets of neighbours."""
    near = zip(map(set, neighbours(x, k)), map(set, neighbours(y, k)), strict=True)
    return float(np.mean([len(a & b) / len(a | b) for a, b in near]))


def rank_similarity(x, y, k=10):
    """Wang et al. 2020: weights of the ranks in both, by the largest that their sum can be."""
    values = []
    for a, b in zip(neighbours(x, k).tolist(), neighbours(y, k).tolist(), strict=True):
        total, count = 0.0, 0
        for j in set(a) & set(b):
            r, s = a.index(j) + 1, b.index(j) + 1
            total += 2 / ((1 + abs(r - s)) * (r + s))
            count += 1
        values.append(total / sum(1 / m for m in range(1, count + 1)) if count else 0.0)
    return float(np.mean(values))


def longest_common_subsequence(a, b):
    """Its length, by the first items of both."""
    lengths = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, j in product(range(len(a)), range(len(b))):
        longer = max(lengths[i, j + 1], lengths[i + 1, j])
        lengths[i + 1, j + 1] = lengths[i, j] + 1 if a[i] == b[j] else longer
    return int(lengths[-1, -1])


def lcs_knn(x, y, k=10):
    """Huh et al. 2024, whose code does not divide by k."""
    near = zip(neighbours(x, k), neighbours(y, k), strict=True)
    return float(np.mean([longest_common_subsequence(a, b) for a, b in near])) / k


def edit_distance(a, b):
    """Levenshtein's, by its recursion."""
    known = {}

    def of(i, j):
        if (i, j) not in known:
            if i == 0 or j == 0:
                known[i, j] = i + j
            else:
                changed = of(i - 1, j - 1) + (a[i - 1] != b[j - 1])
                known[i, j] = min(changed, of(i - 1, j) + 1, of(i, j - 1) + 1)
        return known[i, j]

    return of(len(a), len(b))


def edit_knn(x, y, k=10):
    """Huh et al. 2024: edit_distance_knn."""
    near = zip(neighbours(x, k), neighbours(y, k), strict=True)
    return 1 - float(np.mean([edit_distance(a, b) for a, b in near])) / k


def cknna(x, y, k=10, estimator="debiased"):
    """Huh et al. 2024, as in their code: HSIC of cosines masked by the neighbours in both.

    Masked matrices are not symmetric; with the biased estimator a sample is its own neighbour.
    """
    n, is_debiased = len(x), estimator == "debiased"
    cosines, masks = [gram(a, kernel="cosine") for a in (x, y)], []
    for a in (x, y):
        mask = np.zeros((n, n))
        for i, near in enumerate(neighbours(a, k if is_debiased else k - 1)):
            mask[i, near if is_debiased else [*near, i]] = 1
        masks.append(mask)

    def hsic_of(a, b):
        mask = masks[a] * masks[b]
        p, q, ones = cosines[a] * mask, cosines[b] * mask, np.ones(n)
        if not is_debiased:
            h = np.eye(n) - 1 / n
            return np.trace(p @ h @ q @ h)
        value = np.trace(p @ q) + p.sum() * q.sum() / ((n - 1) * (n - 2))
        return (value - 2 * ones @ p @ q @ ones / (n - 2)) / (n * (n - 3))

    return float(hsic_of(0, 1) / np.sqrt(hsic_of(0, 0) * hsic_of(1, 1)))


def second_order_cosine(x, y, k=10):
    """Hamilton et al. 2016: cosine of the similarities to all neighbours in either."""
    cosines = [gram(a, kernel="cosine") for a in (x, y)]
    values = []
    for i, (of_x, of_y) in enumerate(zip(neighbours(x, k), neighbours(y, k), strict=True)):
        near = sorted(set(of_x) | set(of_y))
        a, b = (c[i, near] for c in cosines)
        norms = np.linalg.norm(a) * np.linalg.norm(b)
        values.append(a @ b / norms if norms > 0 else 0.0)
    return float(np.mean(values))


def rsa(x, y, method, kernel="correlation"):
    """Kriegeskorte et al. 2008: RSMs compared above their diagonals."""
    return compare(gram(x, kernel=kernel), gram(y, kernel=kernel), method=method)


# Every measure of the registry has its oracle here, of its options by default.
MEASURES = {
    "angular_cka": angular_cka,
    "bures": bures,
    "cca": cca,
    "cca_squared": cca_squared,
    "cka": cka,
    "cka_biased": lambda x, y: cka(x, y, estimator="biased"),
    "cka_cosine": lambda x, y: cka(x, y, kernel="cosine"),
    "cka_feature_debiased": cka_feature_debiased,
    "cka_rbf": lambda x, y: cka(x, y, kernel="rbf"),
    "cknna": cknna,
    "correlation_match": correlation_match,
    "cycle_knn": cycle_knn,
    "distance_correlation": distance_correlation,
    "distance_correlation_debiased": distance_correlation_debiased,
    "edit_knn": edit_knn,
    "eigenspace_overlap": eigenspace_overlap,
    "gbs": gbs,
    "gbs_centered": lambda x, y: gbs(x, y, center=True),
    "gbs_knn": lambda x, y: gbs(x, y, k=10),
    "jaccard_knn": jaccard_knn,
    "lcs_knn": lcs_knn,
    "linear_regression": linear_regression,
    "mutual_knn": mutual_knn,
    "permutation_angle": permutation_angle,
    "permutation_cosine": permutation_cosine,
    "permutation_procrustes": permutation_procrustes,
    "procrustes": procrustes,
    "procrustes_distance": procrustes_distance,
    "pwcca": pwcca,
    "rank_similarity": rank_similarity,
    "rsa_cosine": lambda x, y: rsa(x, y, "cosine", kernel="linear"),
    "rsa_pearson": lambda x, y: rsa(x, y, "pearson"),
    "rsa_spearman": lambda x, y: rsa(x, y, "spearman"),
    "rsm_difference": rsm_difference,
    "second_order_cosine": second_order_cosine,
    "shape_metric": shape_metric,
    "soft_correlation_match": soft_correlation_match,
    "svcca": svcca,
}


def measure(name, x, y):
    """Value of a measure of two representations."""
    return MEASURES[name](x, y)
