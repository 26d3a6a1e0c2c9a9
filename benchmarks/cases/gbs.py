"""Graph-based similarity, modularity and motifs."""

from __future__ import annotations

from typing import Any

import isogram as ig
import numpy as np

from benchmarks import data, errors
from benchmarks.baselines import graph as baseline
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

LONG_FEATURES = ((16, 500_000), (300, 20_000))


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    n, d = settings.size(4000, 300), settings.size(512, 48)
    small = settings.size(500, 60)
    return [
        Case(
            "gbs-full",
            "gbs",
            "GBS over full graphs",
            {"n": n, "d": d},
            lambda _: full(*data.layers(2, n, d)),
            data="correlated",
            measure_memory=True,
        ),
        *(centred_features(n, settings.size(d, 6000)) for n, d in LONG_FEATURES),
        Case(
            "gbs-networkx",
            "gbs",
            "GBS over full graphs, few samples",
            {"n": small, "d": d},
            lambda _: few(*data.layers(2, small, d)),
            data="correlated",
            levels=False,
        ),
        Case(
            "modularity",
            "gbs",
            "modularity of classes in the 3-NN graph",
            {"n": small, "d": d},
            lambda _: modularity(data.layers(1, small, d)[0]),
            data="correlated",
            levels=False,
        ),
        Case(
            "motifs",
            "gbs",
            "triangles of the 5-NN graph by classes",
            {"n": small, "d": d},
            lambda _: motifs(data.layers(1, small, d)[0]),
            data="correlated",
            levels=False,
        ),
    ]


def centred_features(n: int, d: int) -> Case:
    """Return the case of n samples with long features."""
    return Case(
        f"gbs-centred-n{n}",
        "gbs",
        "GBS over full graphs of centred features, few samples with long features",
        {"n": n, "d": d},
        lambda _: centred(data.normal(n, d), data.normal(n, d, 1)),
    )


def full(x: Any, y: Any) -> Workload:
    """Return GBS against NumPy."""
    return Workload(
        compute=lambda x, y, threads: ig.gbs(x, y, num_threads=threads),
        inputs=(x, y),
        rivals={"NumPy": lambda: baseline.gbs(x, y)},
        error=errors.of_scalar(lambda: baseline.gbs(x.astype(np.float64), y.astype(np.float64))),
        work={"fma32": 2 * len(x) * (len(x) + 1.0) * x.shape[1]},
    )


def centred(x: Any, y: Any) -> Workload:
    """Return GBS of features less their means."""

    def truth(x: Any, y: Any) -> float:
        return baseline.gbs(x - x.mean(axis=0), y - y.mean(axis=0))

    return Workload(
        compute=lambda x, y, threads: ig.gbs(x, y, center=True, num_threads=threads),
        inputs=(x, y),
        rivals={"NumPy": lambda: truth(x, y)},
        error=errors.of_scalar(lambda: truth(x.astype(np.float64), y.astype(np.float64))),
        work={"fma32": 2 * len(x) * (len(x) + 1.0) * x.shape[1]},
    )


def few(x: Any, y: Any) -> Workload:
    """Return GBS against networkx too."""
    workload = full(x, y)
    workload.add_rival("networkx", "networkx", lambda module: lambda: module.gbs(x, y))
    return workload


def classes(n: int) -> Any:
    """Return labels."""
    return np.random.default_rng(9).integers(0, 5, n)


def modularity(x: Any) -> Workload:
    """Return the modularity of random classes."""
    labels = classes(len(x))
    weights = baseline.knn_graph(x.astype(np.float64), 3)
    same = labels[:, None] == labels
    degrees, total = weights.sum(axis=1), weights.sum()
    truth = float((same * (weights / total - np.outer(degrees, degrees) / total**2)).sum())
    workload = Workload(
        compute=lambda x, threads: ig.modularity(x, labels, k=3, num_threads=threads),
        inputs=(x,),
        rivals={},
        error=errors.of_scalar(lambda: truth),
    )
    workload.add_rival(
        "networkx", "networkx", lambda module: lambda: module.modularity(x, labels, 3)
    )
    return workload


def motifs(x: Any) -> Workload:
    """Return the triangles by classes."""
    labels = classes(len(x))
    return Workload(
        compute=lambda x, threads: ig.motifs(x, labels, k=5, num_threads=threads),
        inputs=(x,),
        rivals={"Python loops": lambda: baseline.motifs(x, labels, 5)},
        error=errors.of_corner(lambda: baseline.motifs(x.astype(np.float64), labels, 5)),
    )
