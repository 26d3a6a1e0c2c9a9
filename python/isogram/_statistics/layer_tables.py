"""Tables of CKA and of GBS, which the core makes of all pairs of layers in one walk."""

from __future__ import annotations

from typing import Any

from isogram._arguments import ESTIMATORS, choice, flag, integer, kernel_of, precision_of
from isogram._statistics.cka_table import FEWEST
from isogram._statistics.cka_table import cka_table as table_of
from isogram._statistics.cka_table import remarks as remarks_of
from isogram._statistics.layer_pairs import (
    LayerPairs,
    LayerTable,
    Remarks,
    samples_for_neighbours,
    without_edges,
)


def cka_table(
    pairs: LayerPairs,
    *,
    kernel: str,
    estimator: str,
    precision: str = "float32",
    bandwidth: float | str = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
) -> tuple[LayerTable, Remarks]:
    """Return what `cka_matrix` does, bit for bit."""
    function, place = pairs.function, pairs.place
    options = kernel_of(function, kernel, bandwidth, gamma, degree, coef0)
    choice(function, "estimator", estimator, ESTIMATORS)
    precision = precision_of(function, precision, place, pairs.layers.arrays)
    pairs.require(samples_for_estimator(estimator=estimator))
    table = table_of(
        place,
        function,
        pairs.x,
        pairs.y,
        options,
        estimator,
        precision,
        pairs.num_threads,
        pairs.report,
    )._replace(names_y=pairs.names_y)
    return LayerTable(table.result), lambda _: remarks_of(function, table)


def samples_for_estimator(*, estimator: str, **_: Any) -> int:
    """Return how many samples an estimator needs."""
    return FEWEST[estimator]


def gbs_table(
    pairs: LayerPairs, *, k: int | None, center: bool = False, precision: str = "float32"
) -> tuple[LayerTable, Remarks]:
    """Return what `gbs_matrix` does, bit for bit."""
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
