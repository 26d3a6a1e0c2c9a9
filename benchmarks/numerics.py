"""How far isogram's numbers are from the exact ones of the same inputs, and what is promised.

    python -m benchmarks.numerics            # prints the tables
    python -m benchmarks.numerics --write    # puts them into docs/numerics.md

Exact: NumPy's long doubles straight from the definitions, or SciPy's assignment of differences in
float64 whose sum is formed in long doubles. Shares no code with the package.
"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import isogram as ig
import numpy as np
from isogram.typing import (
    BandwidthLike,
    EstimatorName,
    KernelName,
    MatchingName,
    RsmKernelName,
    RsmMethodName,
)
from scipy import stats
from scipy.optimize import linear_sum_assignment

from benchmarks.settings import ROOT

Array = Any

PAGE = ROOT / "docs" / "numerics.md"
DTYPES = ("float32", "float64")
SEEDS = 3
SAMPLES, FEATURES = 96, 40
INPUTS, TOKENS, CHANNELS = 12, 16, 24
NEIGHBORS = 10


# Families of inputs ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Family:
    """A change to ordinary features, and to tokens; `scale` multiplies everything."""

    change: Callable[[Array], Array] = lambda x: x
    scale: dict[str, float] = field(default_factory=lambda: {"float32": 1.0, "float64": 1.0})


def massive_channel(x: Array) -> Array:
    return x + 3000 * (np.arange(x.shape[-1]) == 3)


def far_row(x: Array) -> Array:
    return np.where(np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1)) == 5, 1e6 * x, x)


def register_token(x: Array) -> Array:
    if x.ndim == 2:
        return x
    token = 1000 * np.cos(np.arange(x.shape[-1]))
    return np.where(np.arange(x.shape[1])[:, np.newaxis] == 2, token, x)


def two_clusters(x: Array) -> Array:
    return x + 1e4 * (np.arange(len(x)) < len(x) // 2).reshape(-1, *[1] * (x.ndim - 1))


HUGE = {"float32": 1e15, "float64": 1e60}
TINY = {"float32": 1e-15, "float64": 1e-60}
FAMILIES = {
    "ordinary": Family(),
    "offset of 1e4": Family(lambda x: x + 1e4),
    "one channel + 3000": Family(massive_channel),
    "one row × 1e6": Family(far_row),
    "clusters 1e4 apart": Family(two_clusters),
    "one token × 1000 in all": Family(register_token),
    "huge": Family(scale=HUGE),
    "tiny": Family(scale=TINY),
}


class Inputs:
    """Two layers, tokens and the exact numbers that several operations need."""

    def __init__(self, family: str, dtype: str, seed: int) -> None:
        """Draw them, and round them to the type."""
        rng = np.random.default_rng(seed)
        latent = rng.standard_normal((SAMPLES, 6))
        self.dtype, self.change = dtype, FAMILIES[family]
        plain = [self.mixed(rng, latent) for _ in range(2)]
        self.x, self.y = (self.changed(layer) for layer in plain)
        tokens = rng.standard_normal((INPUTS, 1, CHANNELS)) + rng.standard_normal(
            (INPUTS, TOKENS, CHANNELS)
        )
        self.tokens = self.changed(tokens)
        self.labels = rng.integers(0, 4, SAMPLES)
        scale = self.change.scale[dtype]
        self.bandwidth = float(np.median(distances(plain[0]))) ** 0.5 * scale
        self.reach = float(np.median(manhattan(plain[0]))) * scale
        self.token_bandwidth = float(np.sqrt(TOKENS * CHANNELS)) * scale

    def mixed(self, rng: np.random.Generator, latent: Array) -> Array:
        mixing = rng.standard_normal((latent.shape[1], FEATURES)) / 2
        return latent @ mixing + 0.5 * rng.standard_normal((len(latent), FEATURES))

    def changed(self, x: Array) -> Array:
        return (self.change.change(x) * self.change.scale[self.dtype]).astype(self.dtype)

    @cached_property
    def wide(self) -> tuple[Array, Array]:
        return self.x.astype(np.longdouble), self.y.astype(np.longdouble)

    def parameters(self, kernel: str) -> dict[str, Any]:
        """Return what both sides are told about a kernel."""
        if kernel == "rbf":
            return {"bandwidth": self.bandwidth}
        return {"bandwidth": self.reach} if kernel == "laplacian" else {}


# Exact numbers --------------------------------------------------------------------------------


def distances(x: Array) -> Array:
    return ((x[:, np.newaxis] - x[np.newaxis]) ** 2).sum(-1)


def manhattan(x: Array) -> Array:
    return np.abs(x[:, np.newaxis] - x[np.newaxis]).sum(-1)


def cosines(x: Array) -> Array:
    x = x / np.abs(x).max(axis=1, keepdims=True)
    x = x / np.sqrt((x * x).sum(axis=1, keepdims=True))
    return x @ x.T


def gram(x: Array, kernel: str, bandwidth: float = 1.0) -> Array:
    """Return a Gram matrix straight from its definition."""
    if kernel == "cosine":
        return cosines(x)
    if kernel == "correlation":
        return cosines(x - x.mean(axis=1, keepdims=True))
    if kernel == "rbf":
        return np.exp(-distances(x) / (2 * np.longdouble(bandwidth) ** 2))
    if kernel == "laplacian":
        return np.exp(-manhattan(x) / bandwidth)
    if kernel == "polynomial":
        return (x @ x.T / x.shape[1] + 1) ** 3
    return x @ x.T


def centered(k: Array, estimator: str) -> Array:
    n = len(k)
    if estimator == "biased":
        return k - k.mean(axis=0) - k.mean(axis=1)[:, np.newaxis] + k.mean()
    k = k - np.diag(np.diag(k))
    rows = k.sum(axis=1) / (n - 2)
    k = k - rows - rows[:, np.newaxis] + k.sum() / ((n - 1) * (n - 2))
    return k - np.diag(np.diag(k))


def hsic_gram(inputs: Inputs, x: Array, kernel: str) -> Array:
    """Less the median, which HSIC of a linear kernel does not see, so that nothing cancels."""
    x = x - np.median(x, axis=0) if kernel == "linear" else x
    return gram(x, kernel, **inputs.parameters(kernel))


def cka_of(k: Array, l: Array, estimator: str) -> Array:  # noqa: E741
    a, b = centered(k, estimator), centered(l, estimator)
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def full_graph(x: Array) -> Array:
    graph = cosines(x)
    np.fill_diagonal(graph, 0)
    return graph


def neighbor_graph(x: Array) -> Array:
    """Return the symmetrised graph of the nearest neighbours by cosine."""
    graph = full_graph(x)
    np.fill_diagonal(graph, -np.inf)
    chosen = np.argsort(-graph, axis=1, kind="stable")[:, :NEIGHBORS]
    directed = np.zeros_like(graph)
    np.put_along_axis(directed, chosen, np.take_along_axis(graph, chosen, axis=1), axis=1)
    return (directed + directed.T) / 2


def mean_row_cosine(a: Array, b: Array) -> Array:
    norms = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return ((a * b).sum(axis=1) / norms).mean()


def modularity_of(graph: Array, labels: Array) -> Array:
    total, degrees = graph.sum(), graph.sum(axis=1)
    same = labels[:, np.newaxis] == labels
    return ((graph - np.outer(degrees, degrees) / total) * same).sum() / total


def matched_distance(a: Array, b: Array, is_matched: bool) -> Array:
    """Squared distance of two inputs whose tokens are matched at best, or as they stand."""
    pairs = ((a[:, np.newaxis] - b[np.newaxis]) ** 2).sum(-1)
    if not is_matched:
        return np.trace(pairs)
    scaled = (pairs / pairs.max()).astype(np.float64) if pairs.max() > 0 else pairs
    return pairs[linear_sum_assignment(scaled.astype(np.float64))].sum()


def rsm(inputs: Inputs, kernel: str, is_matched: bool) -> tuple[Array, Array]:
    """Return the exact RSM, and what an error is relative to."""
    z = inputs.tokens.astype(np.longdouble)
    pairs = [[matched_distance(a, b, is_matched and a is not b) for b in z] for a in z]
    squares, norms = np.array(pairs), np.sqrt((z**2).sum(axis=(1, 2)))
    if kernel == "rbf":
        entries = np.exp(-squares / (2 * np.longdouble(inputs.token_bandwidth) ** 2))
        return entries, np.longdouble(1)
    linear = (np.add.outer(norms**2, norms**2) - squares) / 2
    products = np.outer(norms, norms)
    return (linear / products, np.longdouble(1)) if kernel == "cosine" else (linear, products)


def entropy(p: Array) -> Array:
    return -(p * np.log2(np.where(p > 0, p, 1))).sum(axis=-1)


def jensen_shannon(p: Array) -> Array:
    p = p / p.sum(axis=1, keepdims=True)
    of_middle = entropy((p[:, np.newaxis] + p[np.newaxis]) / 2)
    return of_middle - np.add.outer(entropy(p), entropy(p)) / 2


# Operations -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """An error to measure, and the largest that is promised in float32 and in float64."""

    error: Callable[[Inputs], Array]
    float32: float
    float64: float
    without: tuple[str, ...] = ()  # families whose results do not fit their type

    def promise(self, dtype: str) -> float:
        return self.float32 if dtype == "float32" else self.float64


def worst(found: Array, expected: Array, scale: Array | float = 1.0) -> Array:
    return (np.abs(np.asarray(found, np.longdouble) - expected) / scale).max()


def gram_error(kernel: KernelName) -> Callable[[Inputs], Array]:
    def error(inputs: Inputs) -> Array:
        parameters = inputs.parameters(kernel)
        found = ig.gram(inputs.x, kernel=kernel, **parameters)
        x = inputs.wide[0]
        products = np.abs(x) @ np.abs(x).T
        scales = {"linear": products, "polynomial": (products / x.shape[1] + 1) ** 3}
        return worst(found, gram(x, kernel, **parameters), scales.get(kernel, 1.0))

    return error


def center_error(estimator: EstimatorName) -> Callable[[Inputs], Array]:
    def error(inputs: Inputs) -> Array:
        k = gram(inputs.wide[0], "linear").astype(inputs.dtype)
        found = ig.center(k, estimator=estimator)
        return worst(found, centered(k.astype(np.longdouble), estimator), np.abs(k).max())

    return error


def cka_error(kernel: KernelName, estimator: EstimatorName) -> Callable[[Inputs], Array]:
    def error(inputs: Inputs) -> Array:
        parameters = inputs.parameters(kernel)
        found = ig.cka(inputs.x, inputs.y, kernel=kernel, estimator=estimator, **parameters)
        k, l = (hsic_gram(inputs, x, kernel) for x in inputs.wide)  # noqa: E741
        return worst(found, cka_of(k, l, estimator))

    return error


def hsic_error(inputs: Inputs) -> Array:
    k, l = (centered(hsic_gram(inputs, x, "linear"), "debiased") for x in inputs.wide)  # noqa: E741
    parts = len(k) * (len(k) - 3)
    scale = np.sqrt((k * k).sum() * (l * l).sum()) / parts
    return worst(ig.hsic(inputs.x, inputs.y), (k * l).sum() / parts, scale)


def neighbor_error(inputs: Inputs) -> Array:
    """Measure how far the cosine of a chosen neighbour is below the k-th largest."""
    exact = full_graph(inputs.wide[0])
    np.fill_diagonal(exact, -np.inf)
    found = ig.graph(inputs.x, k=NEIGHBORS, symmetrize=False)
    rows = np.repeat(np.arange(SAMPLES), np.diff(found.indptr))
    kth = np.sort(exact, axis=1)[:, -NEIGHBORS]
    return np.maximum(kth[rows] - exact[rows, found.indices], 0).max()


def gbs_error(k: int | None) -> Callable[[Inputs], Array]:
    def error(inputs: Inputs) -> Array:
        graph = full_graph if k is None else neighbor_graph
        a, b = (graph(x) for x in inputs.wide)
        return worst(ig.gbs(inputs.x, inputs.y, k=k), mean_row_cosine(a, b))

    return error


def neighbors_of(x: Array) -> Array:
    """Return whether a sample is among the nearest of another, by cosine."""
    graph = full_graph(x)
    np.fill_diagonal(graph, -np.inf)
    are_near = np.zeros(graph.shape, bool)
    chosen = np.argsort(-graph, axis=1, kind="stable")[:, :NEIGHBORS]
    np.put_along_axis(are_near, chosen, True, axis=1)
    return are_near


def overlap_error(inputs: Inputs) -> Array:
    shared = np.logical_and(*map(neighbors_of, inputs.wide)).sum()
    found = ig.similarity(inputs.x, inputs.y, measure="mutual_knn", k=NEIGHBORS)
    return worst(found, shared / (SAMPLES * NEIGHBORS))


def second_order_error(inputs: Inputs) -> Array:
    are_near = np.logical_or(*map(neighbors_of, inputs.wide))
    a, b = (np.where(are_near, full_graph(x), 0) for x in inputs.wide)
    found = ig.similarity(inputs.x, inputs.y, measure="second_order_cosine", k=NEIGHBORS)
    return worst(found, mean_row_cosine(a, b))


def distance_correlation_error(measure: str, estimator: str) -> Callable[[Inputs], Array]:
    def error(inputs: Inputs) -> Array:
        a, b = (np.sqrt(distances(x)) for x in inputs.wide)
        expected = cka_of(a, b, estimator)
        expected = np.sqrt(np.maximum(expected, 0)) if estimator == "biased" else expected
        return worst(ig.similarity(inputs.x, inputs.y, measure=measure), expected)

    return error


def nuclear_norm(x: Array) -> Array:
    """Return the sum of singular values, by Jacobi's rotations of pairs of columns."""
    x = x.copy()
    for _ in range(15):
        for i in range(x.shape[1]):
            for j in range(i):
                a, b = x[:, i], x[:, j]
                angle = np.arctan2(2 * (a @ b), a @ a - b @ b) / 2
                cosine, sine = np.cos(angle), np.sin(angle)
                x[:, i], x[:, j] = cosine * a + sine * b, cosine * b - sine * a
    return np.sqrt((x * x).sum(axis=0)).sum()


def procrustes_error(inputs: Inputs) -> Array:
    x, y = (layer - layer.mean(axis=0) for layer in inputs.wide)
    expected = nuclear_norm(x.T @ y) / np.sqrt((x * x).sum() * (y * y).sum())
    return worst(np.cos(ig.similarity(inputs.x, inputs.y, measure="procrustes")), expected)


def rsa_error(method: str, kernel: str) -> Callable[[Inputs], Array]:
    def error(inputs: Inputs) -> Array:
        u, v = (gram(x, kernel)[np.triu_indices(SAMPLES, 1)] for x in inputs.wide)
        u, v = u / np.abs(u).max(), v / np.abs(v).max()
        if method == "spearman":
            u, v = (stats.rankdata(values).astype(np.longdouble) for values in (u, v))
        if method != "cosine":
            u, v = u - u.mean(), v - v.mean()
        expected = (u * v).sum() / np.sqrt((u * u).sum() * (v * v).sum())
        return worst(ig.similarity(inputs.x, inputs.y, measure=f"rsa_{method}"), expected)

    return error


def modularity_error(inputs: Inputs) -> Array:
    expected = modularity_of(neighbor_graph(inputs.wide[0]), inputs.labels)
    return worst(ig.modularity(inputs.x, inputs.labels, k=NEIGHBORS), expected)


def match_error(inputs: Inputs) -> Array:
    with np.errstate(over="ignore"):
        similarity = (inputs.wide[0] @ inputs.wide[1].T).astype(inputs.dtype)
    wide = similarity.astype(np.float64)
    scaled = wide / np.abs(wide).max()
    chosen = similarity[linear_sum_assignment(scaled, maximize=True)].astype(np.longdouble)
    return worst(ig.match(similarity).total, chosen.sum(), np.abs(chosen).sum())


def rsm_error(kernel: RsmKernelName, matching: MatchingName) -> Callable[[Inputs], Array]:
    def error(inputs: Inputs) -> Array:
        bandwidth: BandwidthLike = inputs.token_bandwidth if kernel == "rbf" else "median"
        found = ig.semantic_rsm(
            inputs.tokens, kernel=kernel, matching=matching, bandwidth=bandwidth
        )
        return worst(found, *rsm(inputs, kernel, matching == "exact"))

    return error


def compare_error(method: RsmMethodName) -> Callable[[Inputs], Array]:
    def error(inputs: Inputs) -> Array:
        a, b = (gram(x, "linear").astype(inputs.dtype) for x in inputs.wide)
        upper = np.triu_indices(SAMPLES, 1)
        u, v = (k[upper].astype(np.longdouble) for k in (a, b))
        u, v = u / np.abs(u).max(), v / np.abs(v).max()
        if method == "pearson":
            u, v = u - u.mean(), v - v.mean()
        if method in ("spearman", "kendall"):
            statistic = {"spearman": stats.spearmanr, "kendall": stats.kendalltau}[method]
            expected = statistic(a[upper], b[upper]).statistic
        else:
            expected = (u * v).sum() / np.sqrt((u * u).sum() * (v * v).sum())
        return worst(ig.compare_rsms(a, b, method=method), expected)

    return error


def jsd_error(inputs: Inputs) -> Array:
    x = inputs.x.astype(np.float64)
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p = (p / p.sum(axis=1, keepdims=True)).astype(inputs.dtype)
    return worst(ig.jsd(p), jensen_shannon(p.astype(np.longdouble)))


OPERATIONS = {
    "`gram` linear": Operation(gram_error("linear"), 1e-5, 2e-14),
    "`gram` polynomial": Operation(gram_error("polynomial"), 1e-5, 2e-14, ("huge",)),
    "`gram` cosine": Operation(gram_error("cosine"), 1e-5, 2e-14),
    "`gram` correlation": Operation(gram_error("correlation"), 1e-5, 2e-14),
    "`gram` RBF": Operation(gram_error("rbf"), 2e-5, 3e-14),
    "`gram` Laplacian": Operation(gram_error("laplacian"), 1e-5, 2e-14),
    "`center` biased": Operation(center_error("biased"), 1e-6, 1e-14),
    "`center` debiased": Operation(center_error("debiased"), 1e-6, 1e-14),
    "`hsic` linear": Operation(hsic_error, 1e-5, 1e-12),
    "`cka` linear": Operation(cka_error("linear", "debiased"), 1e-5, 1e-12),
    "`cka` linear, biased": Operation(cka_error("linear", "biased"), 1e-5, 1e-12),
    "`cka` RBF": Operation(cka_error("rbf", "debiased"), 1e-5, 1e-12),
    "`cka` Laplacian": Operation(cka_error("laplacian", "debiased"), 1e-5, 1e-12),
    "`cka` cosine": Operation(cka_error("cosine", "debiased"), 1e-5, 1e-12),
    "`cka` correlation": Operation(cka_error("correlation", "debiased"), 1e-5, 1e-12),
    "`graph` neighbours": Operation(neighbor_error, 1e-12, 1e-12),
    "`gbs` full": Operation(gbs_error(None), 1e-5, 1e-12),
    "`gbs` k = 10": Operation(gbs_error(NEIGHBORS), 1e-5, 1e-12),
    "distance correlation": Operation(
        distance_correlation_error("distance_correlation", "biased"), 1e-11, 1e-11
    ),
    "distance correlation, debiased": Operation(
        distance_correlation_error("distance_correlation_debiased", "debiased"), 1e-11, 1e-11
    ),
    "Procrustes, cosine": Operation(procrustes_error, 1e-12, 1e-12),
    "mutual k-NN": Operation(overlap_error, 1e-12, 1e-12),
    "second-order cosine": Operation(second_order_error, 1e-12, 1e-12),
    "RSA, Pearson": Operation(rsa_error("pearson", "correlation"), 1e-10, 1e-10),
    "RSA, Spearman": Operation(rsa_error("spearman", "correlation"), 1e-12, 1e-12),
    "RSA, cosine": Operation(rsa_error("cosine", "linear"), 1e-12, 1e-12),
    "`modularity`": Operation(modularity_error, 1e-5, 1e-12),
    "`match`": Operation(match_error, 5e-7, 1e-13),
    "`semantic_rsm` linear": Operation(rsm_error("linear", "exact"), 1e-5, 1e-13),
    "`semantic_rsm` cosine": Operation(rsm_error("cosine", "exact"), 1e-5, 1e-13),
    "`semantic_rsm` RBF": Operation(rsm_error("rbf", "exact"), 1e-5, 1e-13),
    "`spatial_rsm` cosine": Operation(rsm_error("cosine", "none"), 1e-5, 1e-13),
    "`spatial_rsm` RBF": Operation(rsm_error("rbf", "none"), 1e-5, 1e-13),
    "`compare_rsms` Pearson": Operation(compare_error("pearson"), 1e-13, 1e-13),
    "`compare_rsms` Spearman": Operation(compare_error("spearman"), 1e-5, 1e-13),
    "`compare_rsms` Kendall": Operation(compare_error("kendall"), 1e-5, 1e-13),
    "`compare_rsms` cosine": Operation(compare_error("cosine"), 1e-13, 1e-13),
    "`jsd`": Operation(jsd_error, 1e-6, 1e-14),
}


# Tables ---------------------------------------------------------------------------------------

Errors = dict[tuple[str, str], float]  # by operation and family


def measured(dtype: str, seeds: int = SEEDS) -> Errors:
    """Return the largest error over the seeds; infinite where a result is not finite."""
    errors: Errors = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for family in FAMILIES:
            inputs = [Inputs(family, dtype, seed) for seed in range(seeds)]
            for name, operation in OPERATIONS.items():
                if family not in operation.without:
                    found = [float(operation.error(one)) for one in inputs]
                    errors[name, family] = float(max(np.nan_to_num(found, nan=np.inf)))
    return errors


def broken(dtype: str, errors: Errors) -> list[str]:
    """Return a line for everything that is off by more than is promised."""
    return [
        f"{name}, {family}, {dtype}: {error:.1e}, promised {OPERATIONS[name].promise(dtype):.0e}"
        for (name, family), error in errors.items()
        if error > OPERATIONS[name].promise(dtype)
    ]


def table(dtype: str, errors: Errors) -> str:
    """Return the errors of every operation on every family, in Markdown."""
    lines = [row([dtype, "promised", *FAMILIES]), "|---" * (len(FAMILIES) + 2) + "|"]
    for name, operation in OPERATIONS.items():
        promised = operation.promise(dtype)
        cells = [written(errors.get((name, family)), promised) for family in FAMILIES]
        lines.append(row([name, written(promised), *cells]))
    return "\n".join(lines)


def row(cells: Iterable[str]) -> str:
    """Return a row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def written(error: float | None, promised: float = np.inf) -> str:
    """Return one digit of an error; bold, if it is more than is promised."""
    if error is None:
        return "—"
    digits = "0" if error == 0 else f"{error:.0e}".replace("e-0", "e-")
    return digits if error <= promised else f"**{digits}**"


def with_tables(page: str, tables: dict[str, str]) -> str:
    """Return the page with the text between the marks of every table replaced."""
    for name, text in tables.items():
        marks = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        page, count = re.subn(marks, rf"\g<1>\n{text}\n\n\g<2>", page, flags=re.DOTALL)
        assert count == 1, f"no marks for {name}"
    return page


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.numerics")
    parser.add_argument("--write", action="store_true", help="into docs/numerics.md")
    options = parser.parse_args()
    errors = {dtype: measured(dtype) for dtype in DTYPES}
    tables = {dtype: table(dtype, errors[dtype]) for dtype in DTYPES}
    faults = [line for dtype in DTYPES for line in broken(dtype, errors[dtype])]
    if options.write:
        PAGE.write_text(with_tables(PAGE.read_text(), tables))
    else:
        print(*tables.values(), sep="\n\n")
    sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
