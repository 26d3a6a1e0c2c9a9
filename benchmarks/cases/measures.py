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

# layers, inputs, features: the search takes most of the time of the first, the products of the last
MATCHED_LAYERS = {"wide": (8, 300, 1024), "long": (12, 1000, 512)}
QUICK = (3, 60, 24)
SCIPY = "NumPy and SciPy, pair by pair"


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    n, d = settings.size(2000, 100), settings.size(256, 24)
    pairs = [
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
    return pairs + [matched_layers(name, settings) for name in MATCHED_LAYERS]


def matched_layers(name: str, settings: Settings) -> Case:
    """Return the case of the correlation match of all pairs of layers."""
    count, n, d = QUICK if settings.quick else MATCHED_LAYERS[name]
    return Case(
        f"correlation-match-{name}",
        "measures",
        "correlation match of all pairs of layers",
        {"layers": count, "n": n, "d": d},
        lambda _: all_matches(count, n, d),
        data="correlated",
        levels=False,
    )


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


def all_matches(count: int, n: int, d: int) -> Workload:
    """Return the correlation match of all pairs of layers."""
    layers = data.layers(count, n, d)
    doubles = [layer.astype(np.float64) for layer in layers[:3]]
    pairs = count * (count - 1) // 2
    return Workload(
        compute=lambda *layers, threads: ig.similarity_matrix(
            layers, measure="correlation_match", num_threads=threads
        ),
        inputs=layers,
        rivals={
            SCIPY: lambda: baseline.correlation_matches(layers),
            "NumPy and SciPy, features standardized once": lambda: (
                baseline.correlation_matches_of_standardized(layers)
            ),
        },
        error=errors.of_corner(lambda: baseline.correlation_matches(doubles)),
        work={"fma32": 2.0 * pairs * n * d * d},
    )
