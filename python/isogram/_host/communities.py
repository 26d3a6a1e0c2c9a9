"""Modularity and motifs of k-NN cosine graphs on the host."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._types import Array


def modularity(x: Array, classes: NDArray[np.int64], k: int, num_threads: int) -> float:
    """See `Place`."""
    return _core.modularity(x, classes, k=k, num_threads=num_threads)


def motifs(x: Array, classes: NDArray[np.int64], k: int, num_threads: int) -> tuple[int, int, int]:
    """See `Place`."""
    return _core.motifs(x, classes, k=k, num_threads=num_threads)
