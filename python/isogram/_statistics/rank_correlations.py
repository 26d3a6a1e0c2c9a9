"""Rank correlations of RSMs: they need whole RSMs, of two layers at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isogram._memory import FEWER_SAMPLES, check_memory
from isogram._statistics.centred_products import rsm_kernel, rsm_tiles
from isogram._statistics.layer_pairs import LayerPairs, LayerTable, Remarks, degenerate, too_few
from isogram._types import Array, Kernel, Layers
from isogram._walk.tiles import Tile

_FEWEST = 3


def rank_correlations(
    pairs: LayerPairs,
    *,
    kernel: str = "linear",
    bandwidth: float | str = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
) -> tuple[LayerTable, Remarks]:
    """Rank the entries of two RSMs at a time; ties are what `compare_rsms` takes for ties."""
    options = rsm_kernel(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    n, (rows, cols), xp = pairs.x.samples, pairs.shape, pairs.place.xp
    if n < _FEWEST:
        undefined = LayerTable(xp.full((rows, cols), np.nan))
        return undefined, lambda _: [too_few(pairs.function, _FEWEST, n)]
    pairs.place.require_finite(pairs.layers)
    check_memory(pairs.function, (2 * n, n), np.dtype(np.float64), FEWER_SAMPLES)
    table = np.empty((rows, cols))
    of_x, of_y = pairs.sides(range(len(pairs.layers.names)))
    for i, x in enumerate(of_x):
        rsm = _rsm(pairs, x, options)
        for j, y in enumerate(of_y):
            if pairs.y is None and j < i:
                table[i, j] = table[j, i]
            else:
                table[i, j] = _rho(pairs, rsm, rsm if x == y else _rsm(pairs, y, options))
            if pairs.report is not None:
                pairs.report(i * cols + j + 1, rows * cols)

    def remarks(values: NDArray[np.float64]) -> list[str]:
        if not np.isnan(values).any():
            return []
        rsms = (_rsm(pairs, layer, options) for layer in range(len(pairs.layers.names)))
        return degenerate(pairs, [bool(np.isnan(_rho(pairs, rsm, rsm))) for rsm in rsms])

    return LayerTable(xp.asarray(table)), remarks


def _rsm(pairs: LayerPairs, layer: int, kernel: Kernel) -> Array:
    whole = slice(0, pairs.x.samples)
    one = Layers([pairs.layers.names[layer]], [pairs.layers.arrays[layer]])
    return rsm_tiles(pairs, one, kernel).compute(Tile(whole, whole))[0]


def _rho(pairs: LayerPairs, a: Array, b: Array) -> float:
    return pairs.place.compare_rsms(a, b, "spearman", pairs.num_threads)
