"""Tests by permutations and null calibration, against packages and plain NumPy."""

from __future__ import annotations

from functools import partial
from typing import Any

import isogram as ig
import numpy as np
from isogram.typing import RsmMethodName

from benchmarks import data, errors
from benchmarks.baselines import measures, significance
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

ONE_CKA = "one call of cka"
ONE_TABLE = "one cka_matrix"

# ours → rsatoolbox's
RSMS: dict[RsmMethodName, str] = {"pearson": "corr", "cosine": "cosine", "spearman": "spearman"}


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    n, d = settings.size(1000, 60), settings.size(512, 24)
    drawn, count = settings.size(1000, 20), settings.size(24, 3)
    sizes = {"n": n, "d": d, "permutations": drawn}
    return [
        Case(
            "permutation-cka",
            "significance",
            "permutation test of debiased linear CKA",
            sizes,
            lambda _: cka(n, d, drawn),
            data="correlated",
            levels=False,
        ),
        Case(
            "permutation-distance-correlation",
            "significance",
            "permutation test of distance correlation",
            sizes,
            lambda _: distance_correlation(n, d, drawn),
            data="correlated",
            levels=False,
        ),
        Case(
            "permutation-layers",
            "significance",
            "permutation test of debiased linear CKA of all pairs of layers of two sets",
            {"layers": count, **sizes},
            lambda _: all_pairs(count, n, d, drawn),
            data="correlated",
            levels=False,
        ),
        Case(
            "permutation-layers-of-one-set",
            "significance",
            "permutation test of debiased linear CKA of all pairs of layers of one set",
            {"layers": count, **sizes},
            lambda _: pairs_of_one_set(count, n, d, drawn),
            data="correlated",
            levels=False,
        ),
        Case(
            "calibrated-cka",
            "significance",
            "calibrated score of biased linear CKA",
            sizes,
            lambda _: calibrated(n, d, drawn),
            data="correlated",
            levels=False,
        ),
        *(
            Case(
                f"bootstrap-rsms-{method}",
                "significance",
                f"bootstrap of {method} of 10 models and 20 subjects, over conditions",
                {"models": 10, "subjects": 20, "n": settings.size(92, 20), "resamples": drawn},
                partial(rsms, method, settings.size(92, 20), drawn),
                dtype="float64",
                levels=False,
            )
            for method in RSMS
        ),
    ]


def cka(n: int, d: int, drawn: int) -> Workload:
    """Return the test of one pair; the value is compared, as null values are drawn at random."""
    x, y = data.layers(2, n, d)
    workload = Workload(
        compute=lambda x, y, threads: (
            ig.permutation_test(x, y, n_permutations=drawn, num_threads=threads).value
        ),
        inputs=(x, y),
        rivals={"NumPy": lambda: significance.permutation_test(x, y, drawn)},
        error=errors.of_scalar(
            lambda: significance.permutation_test(x.astype(np.float64), y.astype(np.float64), 0)
        ),
        variants={
            "by moments": lambda threads: (
                ig.permutation_test(x, y, method="moments", num_threads=threads).value
            ),
            ONE_CKA: lambda threads: ig.cka(x, y, num_threads=threads),
        },
    )
    workload.add_rival("hyppo", "hyppo", lambda module: lambda: module.linear_test(x, y, drawn))
    return workload


def distance_correlation(n: int, d: int, drawn: int) -> Workload:
    """Return the test of one pair."""
    x, y = data.layers(2, n, d)
    workload = Workload(
        compute=lambda x, y, threads: (
            ig.permutation_test(
                x, y, measure="distance_correlation", n_permutations=drawn, num_threads=threads
            ).value
        ),
        inputs=(x, y),
        rivals={},
        error=errors.of_scalar(
            lambda: measures.distance_correlation(x.astype(np.float64), y.astype(np.float64))
        ),
    )
    workload.add_rival("dcor", "dcor", lambda module: lambda: module.distance_test(x, y, drawn))
    return workload


def all_pairs(count: int, n: int, d: int, drawn: int) -> Workload:
    """Return the test of all pairs, beside one table of the same pairs."""
    layers = data.layers(2 * count, n, d)
    x, y = layers[:count], layers[count:]
    return Workload(
        compute=lambda *layers, threads: (
            ig.permutation_test(
                layers[:count], layers[count:], n_permutations=drawn, num_threads=threads
            ).value
        ),
        inputs=tuple(layers),
        rivals={},
        error=errors.of_corner(
            lambda: ig.cka_matrix(*([a.astype(np.float64) for a in side] for side in (x, y)))
        ),
        variants={ONE_TABLE: lambda threads: ig.cka_matrix(x, y, num_threads=threads)},
    )


def pairs_of_one_set(count: int, n: int, d: int, drawn: int) -> Workload:
    """Return the test of all pairs of one set, beside one table of the same pairs."""
    layers = data.layers(count, n, d)
    return Workload(
        compute=lambda *layers, threads: (
            ig.permutation_test(layers, n_permutations=drawn, num_threads=threads).value
        ),
        inputs=layers,
        rivals={},
        error=errors.of_corner(lambda: ig.cka_matrix([a.astype(np.float64) for a in layers])),
        variants={ONE_TABLE: lambda threads: ig.cka_matrix(layers, num_threads=threads)},
    )


def calibrated(n: int, d: int, drawn: int) -> Workload:
    """Return the calibrated score of one pair; the package has other permutations."""
    x, y = data.layers(2, n, d)
    rng = np.random.default_rng(0)
    orders = rng.permuted(np.tile(np.arange(n), (drawn, 1)), axis=1)

    def score(x: Any, y: Any, threads: int = 1) -> float:
        found = ig.calibrate(x, y, measure="cka_biased", n_permutations=drawn, num_threads=threads)
        return float(found.score)

    workload = Workload(
        compute=score,
        inputs=(x, y),
        rivals={},
        error=errors.of_scalar(lambda: score(x.astype(np.float64), y.astype(np.float64))),
        right=0.05,
    )
    workload.add_rival(
        "calibrated-similarity",
        "calibrated_similarity",
        lambda module: lambda: module.calibrated_cka(x, y, orders),
    )
    return workload


def rsms(method: RsmMethodName, n: int, drawn: int, _: Settings) -> Workload:
    """Return the bootstrap of all pairs, by percentiles; their values are compared."""
    rng = np.random.default_rng(0)
    models, subjects = (rng.random((count, n * (n - 1) // 2)) for count in (10, 20))
    squares = [[square(rsm, n) for rsm in side] for side in (models, subjects)]

    def one_by_one() -> Any:
        pairs = [[ig.compare_rsms(a, b, method=method) for b in squares[1]] for a in squares[0]]
        return np.array(pairs)

    workload = Workload(
        compute=lambda a, b, threads: (
            ig.bootstrap(
                list(a),
                list(b),
                measure=f"rsa_{method}",
                kernel="precomputed",
                n_resamples=drawn,
                interval="percentile",
                num_threads=threads,
            ).value
        ),
        inputs=tuple(map(np.array, squares)),
        rivals={},
        error=errors.of_corner(one_by_one),
    )
    workload.add_rival(
        "rsatoolbox",
        "rsatoolbox",
        lambda module: lambda: module.bootstrap(models, subjects, RSMS[method], drawn),
    )
    return workload


def square(condensed: Any, n: int) -> Any:
    """Return a condensed RSM as a matrix."""
    rsm = np.zeros((n, n))
    rsm[np.triu_indices(n, 1)] = condensed
    return rsm + rsm.T
