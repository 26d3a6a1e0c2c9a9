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
    # By position: keywords would take a tenth of the time of a small table.
    return GbsTable._make(
        _core.gbs_table(
            x.arrays,
            None if y is None else y.arrays,
            x.names,
            [] if y is None else y.names,
            k,
            center,
            num_threads,
            progress,
        )
    )
