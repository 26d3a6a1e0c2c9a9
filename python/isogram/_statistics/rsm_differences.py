"""Norms of the differences of RSMs of all pairs of layers, in one walk over tiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._statistics.centred_products import (
    clear_diagonal,
    of_finite_entries,
    rsm_bandwidths,
    rsm_kernel,
)
from isogram._statistics.layer_pairs import LayerPairs, LayerTable, Remarks
from isogram._types import Array
from isogram._walk.tiles import upper_tiles
from isogram.typing import BandwidthsLike


def rsm_differences(
    pairs: LayerPairs,
    *,
    kernel: str = "distance",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
) -> tuple[LayerTable, Remarks]:
    """Return the root of the sum of (K_ij - L_ij)² over i ≠ j for all pairs of layers."""
    options = rsm_kernel(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    pairs.require(samples_for_pairs())
    pairs = of_finite_entries(pairs, options)
    with usual_arithmetic(), np.errstate(invalid="ignore", over="ignore"):
        norms = _norms(pairs, rsm_bandwidths(pairs, options), options)
    return LayerTable(norms), lambda values: _remarks(pairs, values)


def samples_for_pairs(**_: Any) -> int:
    """Return how many samples are a pair."""
    return 2


def _norms(pairs: LayerPairs, widths: list[Any], kernel: Any) -> Array:
    xp = pairs.place.xp
    rsms = pairs.place.rsm_tiles(pairs.layers, kernel, widths, pairs.num_threads)
    tiles = list(upper_tiles(pairs.x.samples, rsms.edge))
    of_x, of_y = pairs.sides(xp.stack([xp.asarray(e) for e in rsms.exponents]).ravel())
    unit = xp.maximum(of_x[:, None], of_y)
    sums = xp.zeros(pairs.shape)
    for done, tile in enumerate(tiles, 1):
        blocks = rsms.compute(tile)
        clear_diagonal(tile, blocks)
        x, y = pairs.sides(blocks)
        for row, block in enumerate(x):
            # Of one set the other order of two has the same sum.
            cols = slice(row + 1 if pairs.y is None else 0, len(y))
            apart = in_unit(xp, block, of_x[row], unit[row, cols])
            apart = apart - in_unit(xp, y[cols], of_y[cols], unit[row, cols])
            weight = 2.0 if tile.is_mirrored else 1.0
            sums[row, cols] += weight * xp.einsum("lij,lij->l", apart, apart)
        if pairs.report is not None:
            pairs.report(done, len(tiles))
    if pairs.y is None:
        sums += sums.T
    return xp.ldexp(xp.sqrt(sums), unit)


def in_unit(xp: Any, entries: Array, exponents: Array, units: Array) -> Array:
    """Return entries times 2^exponent in larger units, 2^unit; one unit for each matrix."""
    return entries * xp.ldexp(1.0, exponents - units)[:, None, None]


def _remarks(pairs: LayerPairs, values: NDArray[np.float64]) -> list[str]:
    if np.isfinite(values).all():
        return []
    return [
        f"{pairs.function}: an RSM, or the norm of a difference, leaves the range of float64: the "
        "result is not finite there; scale the features or choose another `gamma` or `degree`"
    ]
