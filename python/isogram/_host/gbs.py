"""Similarity of cosine graphs on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isogram import _core
from isogram._types import GbsTable, Layers, Report

if TYPE_CHECKING:
    from isogram._statistics.layer_pairs import LayerPairs


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


def gbs_table_of_grams(pairs: LayerPairs, k: int, center: bool) -> GbsTable:
    """See `Place`."""
    return GbsTable._make(
        _core.gbs_table_of_grams(
            **pairs.x.for_core(pairs.y),
            k=k,
            center=center,
            num_threads=pairs.num_threads,
            progress=pairs.report,
        )
    )
