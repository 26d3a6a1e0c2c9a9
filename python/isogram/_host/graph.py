"""Cosine graphs on the host."""

from __future__ import annotations

from isogram import _core
from isogram._types import Array


def dense_graph(x: Array, center: bool, out: Array, precision: str, num_threads: int) -> None:
    """See `Place`."""
    _core.dense_graph(x, center=center, out=out, num_threads=num_threads)


def knn_graph(
    x: Array, k: int, center: bool, symmetrize: bool, precision: str, num_threads: int
) -> tuple[Array, Array, Array]:
    """See `Place`."""
    return _core.knn_graph(x, k=k, center=center, symmetrize=symmetrize, num_threads=num_threads)
