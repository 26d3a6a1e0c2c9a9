"""Comparison of RSMs on the host."""

from __future__ import annotations

from isogram import _core
from isogram._types import Array


def compare_rsms(rsm_a: Array, rsm_b: Array, method: str, num_threads: int) -> float:
    """See `Place`."""
    return _core.compare(rsm_a, rsm_b, method=method, num_threads=num_threads)


def rank_entries(rsm: Array, num_threads: int) -> Array:
    """See `Place`."""
    return _core.rank_entries(rsm, num_threads=num_threads)
