"""How RSMs of a layer tell the divergences of predicted classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._result import Estimate
from isogram.experiments._rsms import KERNELS, WAYS, Rsm, Way
from isogram.typing import RsmKernelName

CORRELATIONS = {"Pearson": "rsa_pearson", "Spearman": "rsa_spearman"}
_MODEL = "divergence"


def of_divergences(
    rsms: Mapping[tuple[Way, RsmKernelName], Rsm], divergences: Rsm, groups: NDArray[np.intp]
) -> dict[tuple[str, RsmKernelName], list[Estimate]]:
    """Return the columns of each correlation and kernel: of the ways, and their differences.

    Intervals are of the jackknife, which leaves out a group of pictures at a time.
    """
    found = {}
    for kernel in KERNELS:
        for name, measure in CORRELATIONS.items():
            left_out = ig.jackknife(
                {way: rsms[way, kernel] for way in WAYS},
                {_MODEL: divergences},
                measure=measure,
                kernel="precomputed",
                groups=groups,
            )
            found[name, kernel] = _columns(left_out)
    return found


def _columns(found: ig.Jackknife) -> list[Estimate]:
    ends = [np.asarray(each)[:, 0] for each in (found.value, found.low, found.high)]
    less = [found.difference(("semantic", _MODEL), (way, _MODEL)) for way in ("spatial", "pooled")]
    return [
        *(
            Estimate(float(value), float(low), float(high))
            for value, low, high in zip(*ends, strict=True)
        ),
        *(Estimate(float(each.value), each.low, each.high) for each in less),
    ]
