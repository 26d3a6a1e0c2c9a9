"""Comparisons of RSMs, and divergences of predictions."""

from __future__ import annotations

from functools import partial
from typing import Any

import isogram as ig
import numpy as np
from isogram.typing import RsmMethodName

from benchmarks import data, errors
from benchmarks.baselines import compare as baseline
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

METHODS: dict[RsmMethodName, str] = {  # ours → rsatoolbox's
    "pearson": "corr",
    "spearman": "spearman",
    "kendall": "kendall",
    "cosine": "cosine",
}

TABLES: dict[RsmMethodName, str] = {
    "pearson": "corr",
    "cosine": "cosine",
    "rho_a": "rho-a",
    "kendall_a": "tau-a",
    "whitened_cosine": "cosine_cov",
}


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    n, rows, classes = settings.size(2000, 80), settings.size(1000, 60), settings.size(1000, 50)
    result = [
        Case(
            f"compare-{method}",
            "compare",
            f"{method} of two RSMs",
            {"n": n},
            partial(rsms, method, n),
            data="correlated",
            levels=False,
        )
        for method in METHODS
    ]
    tables = [
        Case(
            f"compare-table-{method}",
            "compare",
            f"{method} of 10 models and 20 subjects",
            {"rows": 10, "cols": 20, "n": settings.size(92, 20)},
            partial(rsm_table, method, settings.size(92, 20)),
            dtype="float64",
            levels=False,
        )
        for method in TABLES
    ]
    divergences = Case(
        "jsd",
        "compare",
        "Jensen–Shannon divergences",
        {"n": rows, "classes": classes},
        lambda _: jsd(data.probabilities(rows, classes)),
    )
    return [*result, *tables, divergences]


def rsms(method: RsmMethodName, n: int, _: Settings) -> Workload:
    """Return one comparison."""
    x, y = data.layers(2, n, 64)
    a, b = ig.gram(x, kernel="cosine"), ig.gram(y, kernel="cosine")
    plain = getattr(baseline, method)
    workload = Workload(
        compute=lambda a, b, threads: ig.compare_rsms(a, b, method=method, num_threads=threads),
        inputs=(a, b),
        rivals={"NumPy and SciPy": lambda: plain(a, b)},
        error=errors.of_scalar(lambda: plain(a.astype(np.float64), b.astype(np.float64))),
    )
    workload.add_rival(
        "rsatoolbox",
        "rsatoolbox",
        lambda module: lambda: module.compare(a, b, METHODS[method]),
    )
    return workload


def rsm_table(method: RsmMethodName, n: int, _: Settings) -> Workload:
    """Return the comparison of condensed RSMs with others, each with each."""
    models, subjects = (np.random.default_rng(i).random((k, n * (n - 1) // 2))
                        for i, k in enumerate((10, 20)))  # fmt: skip

    def one_by_one() -> Any:
        pairs = [[ig.compare_rsms(a, b, method=method) for b in subjects] for a in models]
        return np.array(pairs)

    workload = Workload(
        compute=lambda a, b, threads: ig.compare_rsms_matrix(
            a, b, method=method, num_threads=threads
        ),
        inputs=(models, subjects),
        rivals={"compare_rsms, pair by pair": one_by_one},
        error=errors.of_corner(one_by_one),
    )
    workload.add_rival(
        "rsatoolbox",
        "rsatoolbox",
        lambda module: lambda: module.compare_many(models, subjects, TABLES[method]),
    )
    return workload


def jsd(p: Any) -> Workload:
    """Return all pairs' divergences."""
    exact = p.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    return Workload(
        compute=lambda p, threads: ig.jsd(p, num_threads=threads),
        inputs=(p,),
        rivals={"NumPy": lambda: baseline.jsd(p)},
        error=errors.of_corner(lambda: baseline.jsd(exact)),
    )
