"""Graphs of cosines and of correlations on the host."""

from __future__ import annotations

from isogram import _core
from isogram._types import Array


def dense_graph(
    x: Array, kernel: str, center: bool, out: Array, precision: str, num_threads: int
) -> None:
    """See `Place`."""
    _core.dense_graph(x, kernel=kernel, center=center, out=out, num_threads=num_threads)


def knn_graph(
    x: Array,
    k: int,
    kernel: str,
    center: bool,
    symmetrize: bool,
    precision: str,
    num_threads: int,
) -> tuple[Array, Array, Array]:
    """See `Place`."""
    return _core.knn_graph(
        x, k=k, kernel=kernel, center=center, symmetrize=symmetrize, num_threads=num_threads
    )
