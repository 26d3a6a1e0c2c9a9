"""GBS of all pairs of layers, computed in one walk, and the warning about isolated samples."""

from __future__ import annotations

import warnings

from isogram._arguments import flag, integer, precision_of
from isogram._statistics.layer_pairs import (
    LayerPairs,
    LayerTable,
    Remarks,
    samples_for_neighbours,
    without_edges,
)
from isogram._types import GbsTable, Layers


def gbs_table(
    pairs: LayerPairs, *, k: int | None, center: bool = False, precision: str = "float32"
) -> tuple[LayerTable, Remarks]:
    """Return the table of `gbs_matrix`, with its bits."""
    function, place = pairs.function, pairs.place
    flag(function, "center", center)
    neighbours = 0 if k is None else integer(function, "k", k, 1)
    precision = precision_of(function, precision, place, pairs.layers.arrays)
    pairs.require(samples_for_neighbours(k=k))
    table = place.gbs_table(
        pairs.x,
        pairs.y,
        neighbours,
        center,
        precision,
        pairs.num_threads,
        pairs.report,
        wait=True,
    )
    isolated = [*table.isolated_x, *(table.isolated_y if pairs.y else [])]
    return LayerTable(table.gbs), lambda _: without_edges(pairs, isolated)


def warn_of_isolated(function: str, x: Layers, y: Layers | None, table: GbsTable) -> None:
    """Warn the caller's caller of samples without edges, if there are any."""
    names_y = [] if y is None else y.names
    warn_of_isolated_in(function, x.names, names_y, x.samples, table, stacklevel=4)


def warn_of_isolated_in(
    function: str,
    names_x: list[str],
    names_y: list[str],
    samples: int,
    table: GbsTable,
    *,
    stacklevel: int = 3,
) -> None:
    """Warn of samples without edges; `names_y` is empty where layers of x are compared."""
    counts = [*zip(names_x, table.isolated_x, strict=False)]
    if names_y:
        counts += zip(names_y, table.isolated_y, strict=False)
    listed = ", ".join(f"{count} of `{name}`" for name, count in dict(counts).items() if count)
    if not listed:
        return
    message = (
        f"{function}: of the {samples} samples, {listed} have no edges of weight other than 0, "
        "so these count 0: they are rows of zeros, or equal to the mean that is subtracted, or "
        "orthogonal to all that they are joined to"
    )
    warnings.warn(message, RuntimeWarning, stacklevel=stacklevel)
