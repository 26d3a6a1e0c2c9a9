"""Measures of layers by their names, CKA and GBS excepted, which have groups of their own."""

from __future__ import annotations

from functools import partial

import isogram as ig
import numpy as np

from benchmarks import data, errors
from benchmarks.baselines import measures as baseline
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

MEASURES = (
    "distance_correlation",
    "rsa_pearson",
    "rsa_spearman",
    "mutual_knn",
    "procrustes",
    "cca",
    "correlation_match",
)


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    n, d = settings.size(2000, 100), settings.size(256, 24)
    return [
        Case(
            f"measure-{name}".replace("_", "-"),
            "measures",
            f"{name} of two layers",
            {"n": n, "d": d},
            partial(pair, name, n, d),
            data="correlated",
            levels=False,
        )
        for name in MEASURES
    ]


def pair(name: str, n: int, d: int, _: Settings) -> Workload:
    """Return a measure of two layers."""
    x, y = data.layers(2, n, d)
    plain = getattr(baseline, name)
    workload = Workload(
        compute=lambda x, y, threads: ig.similarity(x, y, measure=name, num_threads=threads),
        inputs=(x, y),
        rivals={"NumPy and SciPy": lambda: plain(x, y)},
        error=errors.of_scalar(lambda: plain(x.astype(np.float64), y.astype(np.float64))),
    )
    if name == "procrustes":
        # netrep is on no package index.
        workload.rivals["netrep's steps in NumPy"] = lambda: baseline.procrustes_as_netrep(x, y)
    if name == "distance_correlation":
        workload.add_rival("dcor", "dcor", lambda module: lambda: module.distance_correlation(x, y))
    return workload
