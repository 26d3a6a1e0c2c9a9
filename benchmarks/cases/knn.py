"""k-NN graphs by cosine, exact."""

from __future__ import annotations

from functools import cache
from typing import Any

import isogram as ig
import numpy as np

from benchmarks import data
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

NEIGHBOURS = 10


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    n, d = settings.size(10_000, 400), settings.size(256, 32)
    return [
        Case(
            "knn-graph",
            "knn",
            f"{NEIGHBOURS}-NN graph by cosine",
            {"n": n, "d": d, "k": NEIGHBOURS},
            lambda s: knn_graph(data.layers(1, n, d)[0], s.threads),
            data="correlated",
            measure_memory=True,
        )
    ]


def knn_graph(x: Any, threads: int) -> Workload:
    """Return the directed graph against scikit-learn and faiss."""
    best = cache(lambda: sums_of_best(x))

    def error(cosines: Any) -> float:
        sums = np.asarray(cosines, dtype=np.float64).reshape(len(x), NEIGHBOURS).sum(axis=1)
        return float(np.abs(sums[: len(best())] - best()).max() / NEIGHBOURS)

    workload = Workload(
        compute=lambda x, threads: (
            ig.graph(x, k=NEIGHBOURS, symmetrize=False, num_threads=threads).data
        ),
        inputs=(x,),
        rivals={},
        error=error,
        work={"fma32": len(x) * (len(x) + 1.0) * x.shape[1]},
    )
    workload.add_rival(
        "scikit-learn, brute",
        "scikit_learn",
        lambda module: lambda: 1 - module.knn_graph(x, NEIGHBOURS).data,
    )
    workload.add_rival(
        "faiss, flat",
        "faiss",
        lambda module: lambda: module.neighbours(x, NEIGHBOURS, threads)[0],
    )
    return workload


def sums_of_best(x: Any) -> Any:
    """Return the float64 sums of the largest cosines of the first rows."""
    rows = 200
    x = x.astype(np.float64)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = unit[:rows] @ unit.T
    cosines[np.arange(min(rows, len(x))), np.arange(min(rows, len(x)))] = -np.inf
    return np.sort(cosines, axis=1)[:, -NEIGHBOURS:].sum(axis=1)
