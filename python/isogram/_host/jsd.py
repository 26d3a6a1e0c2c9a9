"""Divergences of predictions on the host."""

from __future__ import annotations

from isogram import _core
from isogram._types import Array, Report


def jsd(p: Array, q: Array | None, out: Array, num_threads: int, progress: Report) -> None:
    """See `Place`."""
    _core.jsd(p, q, out=out, num_threads=num_threads, progress=progress)


def require_distributions(x: Array, name: str, num_threads: int) -> None:
    """Raise the error for the first row that is no distribution."""
    _core.require_distributions(x, name=name, num_threads=num_threads)
