"""Products of the centred ranks of RSMs' entries, on which RSA by ranks is a formula."""

from __future__ import annotations

from typing import Any

import numpy as np

from isogram._memory import FEWER_SAMPLES, check_memory
from isogram._statistics.centred_products import (
    CentredProducts,
    rsm_bandwidths,
    rsm_kernel,
)
from isogram._statistics.given_grams import of_grams
from isogram._statistics.layer_pairs import Kept, LayerPairs, Remarks, degenerate
from isogram._types import Array, Kernel, Layers
from isogram._walk.tiles import Tile, spans
from isogram.typing import BandwidthsLike

_FEWEST = 3
_PART = 1 << 22  # entries that are multiplied at a time, before Ctrl-C is heard


def rank_products(
    pairs: LayerPairs,
    *,
    kernel: str = "linear",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
) -> tuple[CentredProducts, Remarks]:
    """Rank the entries of whole RSMs, one at a time; ties are those of `compare_rsms`."""
    options = rsm_kernel(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    n, xp = pairs.x.samples, pairs.place.xp
    pairs.require(samples_for_ranks())
    pairs = pairs.with_sides(options)
    if options.name == "precomputed":
        pairs = of_grams(pairs)
    else:
        pairs.place.require_finite(pairs.layers)
    check_memory(pairs.function, (4 * n, n), np.dtype(np.float64), FEWER_SAMPLES)
    widths = rsm_bandwidths(pairs, options)
    ranks = Kept(lambda layer: _ranks(pairs, options, widths, layer))
    products, squares = xp.zeros(pairs.shape), xp.zeros(len(pairs.layers.names))
    of_x, of_y = pairs.sides(range(len(squares)))
    for i, x in enumerate(of_x):
        a = ranks.of(x)
        squares[x] = _dot(xp, a, a)
        for j, y in enumerate(of_y):
            if x == y:
                products[i, j] = squares[x]
            elif pairs.y is None and j < i:
                products[i, j] = products[j, i]
            else:
                b = ranks.of(y)
                products[i, j] = _dot(xp, a, b)
                if i == 0 and pairs.y is not None:
                    squares[y] = _dot(xp, b, b)
            if pairs.report is not None:
                pairs.report(i * len(of_y) + j + 1, products.size)
    rounding = xp.zeros(squares.shape)  # ranks and their mean are exact
    statistic = CentredProducts(products, *pairs.sides(squares), *pairs.sides(rounding))
    return statistic, lambda _: degenerate(pairs, pairs.place.to_host(squares) == 0)


def samples_for_ranks(**_: Any) -> int:
    """Return how many samples have pairs whose ranks can differ."""
    return _FEWEST


def _ranks(pairs: LayerPairs, kernel: Kernel, bandwidths: list[Any], layer: int) -> Array:
    """Return the ranks of a layer's RSM less their mean: of 1 to m, that is (m + 1) / 2."""
    whole = slice(0, pairs.x.samples)
    one = Layers([pairs.layers.names[layer]], [pairs.layers.arrays[layer]])
    width = bandwidths[layer : layer + 1]
    tiles = pairs.place.rsm_tiles(one, kernel, width, pairs.num_threads)
    rsm = tiles.compute(Tile(whole, whole))[0]
    ranks = pairs.place.rank_entries(rsm, pairs.num_threads)
    ranks -= (len(ranks) + 1) / 2
    return ranks


def _dot(xp: Any, a: Array, b: Array) -> Array:
    """Return ⟨a, b⟩, summed part by part."""
    total = xp.zeros(())
    for part in spans(len(a), _PART):
        total = total + xp.einsum("k,k->", a[part], b[part])
    return total
