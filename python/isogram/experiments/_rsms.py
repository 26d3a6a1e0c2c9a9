"""Spatial, pooled and semantic RSMs of one layer, with three kernels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.typing import RsmKernelName

Way: TypeAlias = Literal["spatial", "pooled", "semantic"]
WAYS: tuple[Way, ...] = get_args(Way)
KERNELS: tuple[RsmKernelName, ...] = get_args(RsmKernelName)
Rsm = NDArray[Any]


def rsms(
    tokens: NDArray[Any], kernels: Iterable[RsmKernelName] = KERNELS
) -> dict[tuple[Way, RsmKernelName], Rsm]:
    """Return the RSMs of inputs (n, s, c): in place, of the tokens' means, and matched.

    A permutation keeps norms, so that one matching is the best for all kernels: the entries of the
    others follow from those of the linear one.
    """
    linear: dict[Way, Rsm] = {
        "spatial": ig.spatial_rsm(tokens, kernel="linear"),
        "pooled": ig.gram(tokens.mean(axis=1), kernel="linear"),
        "semantic": ig.semantic_rsm(tokens, kernel="linear"),
    }
    return {(way, kernel): _entries(linear[way], kernel) for kernel in kernels for way in WAYS}


def _entries(linear: Rsm, kernel: RsmKernelName) -> Rsm:
    """Return the RSM of a kernel, from that of the linear one."""
    inner = linear.astype(np.float64)
    squares = np.diag(inner)
    if kernel == "linear":
        return inner
    if kernel == "cosine":
        lengths = np.sqrt(squares)
        return np.asarray(inner / np.outer(lengths, lengths))
    distances = np.add.outer(squares, squares) - 2 * inner
    between = distances[np.triu_indices_from(distances, 1)]
    return np.asarray(np.exp(-distances / (2 * np.median(between))))
