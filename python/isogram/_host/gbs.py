"""Similarity of cosine graphs on the host."""

from __future__ import annotations

from isogram import _core
from isogram._types import GbsTable, Layers, Report


def gbs_table(
    x: Layers,
    y: Layers | None,
    k: int,
    center: bool,
    precision: str,
    num_threads: int,
    progress: Report,
    wait: bool,
) -> GbsTable:
    """See `Place`."""
    return GbsTable._make(
        _core.gbs_table(
            **x.for_core(y),
            k=k,
            center=center,
            num_threads=num_threads,
            progress=progress,
        )
    )
