"""Spatial, pooled and semantic RSMs of one layer, with three kernels."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from numpy.typing import NDArray

import isogram as ig
from isogram.typing import RsmKernelName

Way: TypeAlias = Literal["spatial", "pooled", "semantic"]
WAYS: tuple[Way, ...] = get_args(Way)
COLUMNS = (*WAYS, "semantic less spatial", "semantic less pooled")
KERNELS: tuple[RsmKernelName, ...] = get_args(RsmKernelName)
Rsm = NDArray[Any]


def rsms(tokens: NDArray[Any]) -> dict[tuple[Way, RsmKernelName], Rsm]:
    """Return the RSMs of inputs (n, s, c): in place, of the tokens' means, and matched."""
    means = tokens.mean(axis=1, keepdims=True)
    found = {
        "spatial": ig.spatial_rsm(tokens, kernel=KERNELS),
        "pooled": ig.spatial_rsm(means, kernel=KERNELS),
        "semantic": ig.semantic_rsm(tokens, kernel=KERNELS),  # matched once
    }
    return {(way, kernel): found[way][kernel] for kernel in KERNELS for way in WAYS}
