"""Modularity and motifs of k-NN cosine graphs on the host."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._types import Array


def modularity(
    x: Array, classes: NDArray[np.int64], k: int, resolution: float, num_threads: int
) -> float:
    """See `Place`."""
    return _core.modularity(x, classes, k=k, resolution=resolution, num_threads=num_threads)


def modularity_of_graph(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    data: Array,
    classes: NDArray[np.int64],
    resolution: float,
) -> float:
    """Return the modularity of classes on a symmetric graph of compressed rows, or NaN."""
    return _core.modularity_of_graph(indptr, indices, data, classes, resolution=resolution)


def motifs(x: Array, classes: NDArray[np.int64], k: int, num_threads: int) -> tuple[int, int, int]:
    """See `Place`."""
    return _core.motifs(x, classes, k=k, num_threads=num_threads)
