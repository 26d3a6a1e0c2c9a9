"""Layers of more axes as samples by features: what becomes of positions."""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from isogram.typing import LayerReductionName, ReductionName

REDUCTIONS: tuple[ReductionName, ...] = get_args(ReductionName)
LAYER_REDUCTIONS: tuple[LayerReductionName, ...] = (*REDUCTIONS, "positions", "positions_nchw")


def kept_axes(reduce: str, rank: int) -> tuple[int, ...]:
    """Return the axes over which no mean is taken, besides that of the samples."""
    axes = range(1, rank)
    if reduce == "mean":
        return tuple(axes[-1:])
    return tuple(axes[:1] if reduce == "mean_nchw" else axes)


def reduced(rows: NDArray[Any], reduce: str) -> NDArray[Any]:
    """Return an array of NumPy or on a GPU, samples first, as samples by features.

    Sums of means are float64, means float32, or float64 of float64.
    """
    if reduce == "positions_nchw":
        rows = rows.transpose(0, *range(2, rows.ndim), 1)
    if are_positions(reduce):
        return rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1])
    kept = kept_axes(reduce, rows.ndim)
    if others := tuple(axis for axis in range(1, rows.ndim) if axis not in kept):
        dtype = np.float32 if rows.dtype.itemsize < 8 else rows.dtype
        rows = rows.mean(axis=others, dtype=np.float64).astype(dtype)
    return rows.reshape(len(rows), math.prod(rows.shape[1:]))


def are_positions(reduce: str) -> bool:
    """Whether every position of every sample becomes a row."""
    return reduce in ("positions", "positions_nchw")


def samples_and_positions(shape: tuple[int, ...], reduce: str) -> tuple[int, int]:
    """Return how many samples a layer has, and positions of each, whose rows are positions."""
    samples, *axes = shape
    positions = axes[1:] if reduce == "positions_nchw" else axes[:-1]
    return samples, math.prod(positions)
