"""GBS of all pairs of layers, computed in one walk, and the warning about isolated samples."""

from __future__ import annotations

from typing import Any

from isogram._arguments import GRAPH_KERNELS, choice, flag, integer, precision_of
from isogram._errors import errors_of
from isogram._statistics.layer_pairs import (
    LayerPairs,
    LayerTable,
    Remarks,
    samples_for_neighbours,
    without_edges,
)
from isogram._types import GbsTable

COUNT_0 = ", so these count 0"


def gbs_table(
    pairs: LayerPairs,
    *,
    k: int | None,
    center: bool = False,
    kernel: str = "cosine",
    precision: str = "float32",
) -> tuple[LayerTable, Remarks]:
    """Return the table of `gbs_matrix`; for layers on a GPU wait for it."""
    neighbours = 0 if k is None else integer(pairs.function, "k", k, 1)
    return table_of(pairs, neighbours, center, kernel, precision, wait=True)


def table_of(
    pairs: LayerPairs, neighbours: int, center: bool, kernel: str, precision: str, *, wait: bool
) -> tuple[LayerTable, Remarks]:
    """Return the table; 0 neighbours: of full graphs.

    Without `wait`, a GPU counts no isolated samples, unless of matrices that are given.
    """
    table = graphs_of(pairs, neighbours or None, center, kernel, precision, wait=wait)
    isolated = [*table.isolated_x, *(table.isolated_y if pairs.y else [])]

    def remarks(_: Any) -> list[str]:
        counts = pairs.by_name(isolated) if any(isolated) else {}
        return without_edges(pairs.function, pairs.x.samples, counts, COUNT_0)

    return LayerTable(table.gbs), remarks


def graphs_of(
    pairs: LayerPairs, k: int | None, center: bool, kernel: str, precision: str, *, wait: bool
) -> GbsTable:
    """Return the similarities of all pairs of graphs, and how many nodes of each have no edges."""
    flag(pairs.function, "center", center)
    choice(pairs.function, "kernel", kernel, GRAPH_KERNELS)
    precision = precision_of(pairs.function, precision, pairs.place, pairs.arrays)
    pairs.require(samples_for_neighbours(k=k))
    with errors_of(pairs.function):
        if kernel == "precomputed":
            return pairs.place.gbs_table_of_grams(pairs, k or 0, center)
        return pairs.place.gbs_table(
            pairs.x,
            pairs.y,
            k or 0,
            center,
            precision,
            pairs.num_threads,
            pairs.report,
            wait=wait,
        )
