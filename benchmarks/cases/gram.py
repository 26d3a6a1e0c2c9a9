"""Gram matrices against NumPy, scikit-learn and PyTorch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import isogram as ig
import numpy as np
from scipy.spatial.distance import cdist

from benchmarks import data, errors
from benchmarks.baselines import gram as baseline
from benchmarks.baselines.rivals import Unavailable, load
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

FORCED = "NumPy, OpenBLAS forced to AVX-512"


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    n = settings.size(4000, 300)
    wide, narrow = settings.size(1024, 64), settings.size(256, 32)
    flattened = settings.size(7 * 7 * 1024, 500)
    return [
        Case(
            "gram-linear",
            "gram",
            "linear Gram matrix",
            {"n": n, "d": wide},
            lambda s: linear(data.normal(n, wide), s),
        ),
        Case(
            "gram-linear-deep",
            "gram",
            "linear Gram matrix of flattened feature maps",
            {"n": n // 4, "d": flattened},
            lambda s: linear(data.normal(n // 4, flattened), s),
        ),
        Case(
            "gram-linear-n16",
            "gram",
            "linear Gram matrix of few samples with long features",
            {"n": 16, "d": settings.size(500_000, 6000)},
            lambda s: linear(data.normal(16, s.size(500_000, 6000)), s),
        ),
        Case(
            "gram-linear-float64",
            "gram",
            "linear Gram matrix in float64",
            {"n": n, "d": narrow},
            lambda _: linear_float64(data.normal(n, narrow).astype(np.float64)),
            dtype="float64",
        ),
        Case(
            "gram-rbf",
            "gram",
            "RBF Gram matrix",
            {"n": n, "d": narrow},
            lambda _: rbf(data.layers(1, n, narrow)[0]),
            data="correlated",
        ),
        Case(
            "gram-laplacian",
            "gram",
            "Laplacian Gram matrix",
            {"n": n // 2, "d": narrow},
            lambda _: laplacian(data.layers(1, n // 2, narrow)[0]),
            data="correlated",
        ),
        Case(
            "bandwidth-median",
            "gram",
            "median distance of all pairs of rows",
            {"n": n // 4, "d": 2 * narrow},
            lambda _: median_bandwidth(data.layers(1, n // 4, 2 * narrow)[0]),
            data="correlated",
        ),
    ]


def first_rows(x: Any) -> Any:
    """Return a few rows in float64, for references."""
    return x[: errors.SAMPLED_ROWS].astype(np.float64)


def triangle_flops(n: int, d: int) -> float:
    """Return the flops of the distinct entries of x xᵀ."""
    return n * (n + 1) * d


def linear(x: Any, settings: Settings) -> Workload:
    """Return x xᵀ."""
    n, d = x.shape
    workload = Workload(
        compute=lambda x, threads: ig.gram(x, num_threads=threads),
        inputs=(x,),
        rivals={"NumPy": lambda: baseline.linear(x)},
        error=errors.of_corner(lambda: first_rows(x) @ x.T.astype(np.float64)),
        work={"fma32": triangle_flops(n, d)},
    )
    workload.add_rival("PyTorch", "torch", lambda adapter: lambda: adapter.linear_gram(x))
    add_forced_openblas(workload, x, settings)
    return workload


def add_forced_openblas(workload: Workload, x: Any, settings: Settings) -> None:
    """Add NumPy in a process whose OpenBLAS was told which kernels to take."""
    adapter = load("openblas")
    assert not isinstance(adapter, Unavailable)  # it needs NumPy only
    if not adapter.supported():
        workload.missing[FORCED] = "this processor has no AVX-512"
        return
    folder = tempfile.TemporaryDirectory()
    forced = adapter.LinearGram(x, settings.threads, settings.clock, Path(folder.name))

    def close() -> None:
        forced.close()
        folder.cleanup()

    workload.stopwatches[FORCED] = forced.ask
    workload.close = close


def linear_float64(x: Any) -> Workload:
    """Return x xᵀ in float64."""
    n, d = x.shape
    return Workload(
        compute=lambda x, threads: ig.gram(x, num_threads=threads),
        inputs=(x,),
        rivals={"NumPy": lambda: baseline.linear(x)},
        error=errors.of_corner(lambda: first_rows(x) @ x.T),
        work={"fma64": triangle_flops(n, d)},
    )


def rbf(x: Any) -> Workload:
    """Return exp(-‖a - b‖² / (2 bandwidth²)), with the same bandwidth for all."""
    bandwidth = ig.bandwidth(x)
    squared = cdist(first_rows(x), x.astype(np.float64), "sqeuclidean")
    workload = Workload(
        compute=lambda x, threads: ig.gram(
            x, kernel="rbf", bandwidth=bandwidth, num_threads=threads
        ),
        inputs=(x,),
        rivals={"NumPy": lambda: baseline.rbf(x, bandwidth)},
        error=errors.of_corner(lambda: np.exp(squared / (-2 * bandwidth**2))),
        work={"fma32": triangle_flops(*x.shape), "fresh": 4.0 * len(x) ** 2},
    )
    workload.add_rival(
        "scikit-learn", "scikit_learn", lambda adapter: lambda: adapter.rbf(x, bandwidth)
    )
    return workload


def laplacian(x: Any) -> Workload:
    """Return exp(-‖a - b‖₁ / bandwidth), with the same bandwidth for all."""
    distances = cdist(first_rows(x), x.astype(np.float64), "cityblock")
    bandwidth = float(np.median(distances))
    workload = Workload(
        compute=lambda x, threads: ig.gram(
            x, kernel="laplacian", bandwidth=bandwidth, num_threads=threads
        ),
        inputs=(x,),
        rivals={},
        error=errors.of_corner(lambda: np.exp(-distances / bandwidth)),
    )
    workload.add_rival(
        "scikit-learn", "scikit_learn", lambda adapter: lambda: adapter.laplacian(x, bandwidth)
    )
    return workload


def median_bandwidth(x: Any) -> Workload:
    """Return the median distance of all pairs of rows."""
    return Workload(
        compute=lambda x, threads: ig.bandwidth(x, num_threads=threads),
        inputs=(x,),
        rivals={
            "SciPy": lambda: baseline.median_bandwidth(x),
            "NumPy, by products": lambda: baseline.median_bandwidth_by_products(x),
        },
        error=errors.of_scalar(lambda: baseline.median_bandwidth(x.astype(np.float64))),
        work={"fma32": 2 * triangle_flops(*x.shape)},  # a difference takes as long as its square
    )
