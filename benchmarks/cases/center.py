"""Centring of Gram matrices in place."""

from __future__ import annotations

from typing import Any

import isogram as ig
import numpy as np

from benchmarks import data, errors
from benchmarks.baselines import center as baseline
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    n = settings.size(4000, 400)
    return [
        Case(
            "center-biased",
            "center",
            "H K H in place",
            {"n": n},
            lambda _: biased(n),
            measure_memory=True,
        ),
        Case("center-debiased", "center", "U-centring in place", {"n": n}, lambda _: debiased(n)),
    ]


def gram_matrix(n: int) -> Any:
    """Return a symmetric float32 matrix."""
    x = data.normal(n, 64)
    return x @ x.T


def least_bytes(n: int) -> dict[str, float]:
    """Return what centring in place must move: a reading pass for the means, an updating one."""
    size = 4.0 * n * n
    return {"read": size, "update": 2 * size}


def biased(n: int) -> Workload:
    """Return H K H. Every contender has a matrix of its own, which stays centred."""
    k = gram_matrix(n)
    own, package = k.copy(), k.copy()
    workload = Workload(
        compute=lambda k, threads: ig.center(k, out=k, num_threads=threads),
        inputs=(own,),
        rivals={"NumPy (not in place)": lambda: baseline.biased(k)},
        error=errors.of_corner(lambda: baseline.biased(k.astype(np.float64))),
        work=least_bytes(n),
    )
    workload.add_rival(
        "scikit-learn", "scikit_learn", lambda adapter: lambda: adapter.center_in_place(package)
    )
    return workload


def debiased(n: int) -> Workload:
    """Return K U-centred."""
    k = gram_matrix(n)
    own = k.copy()
    return Workload(
        compute=lambda k, threads: ig.center(k, estimator="debiased", out=k, num_threads=threads),
        inputs=(own,),
        rivals={"NumPy (not in place)": lambda: baseline.debiased(k)},
        error=errors.of_corner(lambda: baseline.debiased(k.astype(np.float64))),
        work=least_bytes(n),
    )
