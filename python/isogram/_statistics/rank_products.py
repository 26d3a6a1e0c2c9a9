"""Products of the centred ranks of RSMs' entries: what RSA by ranks is a formula on."""

from __future__ import annotations

from typing import Any

import numpy as np

from isogram._memory import FEWER_SAMPLES, check_memory
from isogram._statistics.centred_products import CentredProducts, rsm_kernel, rsm_tiles
from isogram._statistics.layer_pairs import LayerPairs, Remarks, degenerate
from isogram._types import Array, Kernel, Layers
from isogram._walk.tiles import Tile, spans

_FEWEST = 3

# Ranks of layers are kept for later pairs where they take so many bytes at most, all together.
_KEPT_BYTES = 1 << 30
_PART = 1 << 22  # entries that are multiplied at a time: Ctrl-C waits for so many


def rank_products(
    pairs: LayerPairs,
    *,
    kernel: str = "linear",
    bandwidth: float | str = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
) -> tuple[CentredProducts, Remarks]:
    """Rank the entries of whole RSMs, one at a time; ties are those of `compare_rsms`."""
    options = rsm_kernel(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    n, xp = pairs.x.samples, pairs.place.xp
    pairs.require(samples_for_ranks())
    pairs.place.require_finite(pairs.layers)
    check_memory(pairs.function, (4 * n, n), np.dtype(np.float64), FEWER_SAMPLES)
    ranks = _Ranks(pairs, options)
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
                squares[y] = _dot(xp, b, b)
            if pairs.report is not None:
                pairs.report(i * len(of_y) + j + 1, products.size)
    return CentredProducts(products, *pairs.sides(squares)), lambda _: degenerate(
        pairs, pairs.place.to_host(squares) == 0
    )


def samples_for_ranks(**_: Any) -> int:
    """Return how many samples have pairs whose ranks can differ."""
    return _FEWEST


class _Ranks:
    """The ranks of layers' RSMs less their mean, kept as far as memory is meant for that."""

    def __init__(self, pairs: LayerPairs, kernel: Kernel) -> None:
        self._pairs, self._kernel = pairs, kernel
        self._kept: dict[int, Array] = {}

    def of(self, layer: int) -> Array:
        """Return those of one layer; the mean of ranks from 1 to m is (m + 1) / 2."""
        if layer in self._kept:
            return self._kept[layer]
        pairs, whole = self._pairs, slice(0, self._pairs.x.samples)
        one = Layers([pairs.layers.names[layer]], [pairs.layers.arrays[layer]])
        rsm = rsm_tiles(pairs, one, self._kernel).compute(Tile(whole, whole))[0]
        ranks = pairs.place.rank_entries(rsm, pairs.num_threads)
        ranks -= (len(ranks) + 1) / 2
        if (len(self._kept) + 1) * ranks.nbytes <= _KEPT_BYTES:
            self._kept[layer] = ranks
        return ranks


def _dot(xp: Any, a: Array, b: Array) -> Array:
    """Return ⟨a, b⟩, summed part by part."""
    total = xp.zeros(())
    for part in spans(len(a), _PART):
        total = total + xp.einsum("k,k->", a[part], b[part])
    return total
