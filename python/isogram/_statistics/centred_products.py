"""Products of centred RSMs: what RSA and distance correlation are formulas on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from isogram._arguments import KERNELS, choice, kernel_of
from isogram._arithmetic import usual_arithmetic
from isogram._bandwidth import resolved_bandwidth, zero_median
from isogram._statistics.centring import shifts
from isogram._statistics.cosines import cosines
from isogram._statistics.layer_pairs import LayerPairs, Remarks, degenerate
from isogram._types import Array, Kernel, Layers, RsmTiles
from isogram._walk.tiles import Tile, upper_tiles

# What is taken off a symmetric matrix K of which the diagonal does not count, or is 0:
#   none     nothing
#   mean     the mean of the entries off the diagonal
#   double   means of rows and of columns, and their mean is added: H K H
#   debiased U-centring (Székely & Rizzo 2014)
_FEWEST = {"none": 2, "mean": 3, "double": 2, "debiased": 4}

# A centred matrix whose entries are so many roundings of the matrix's, or fewer, is constant.
_ROUNDINGS = 64

# Tiles of all layers are kept between the two passes where they take so many bytes at most.
_KEPT_BYTES = 1 << 28


class CentredProducts(NamedTuple):
    """Σ A∘B of centred RSMs, in a unit per layer; the diagonal counts for "double" only."""

    products: Array  # (L1, L2)
    squares_x: Array  # (L1,), Σ A∘A; 0 where the centred matrix vanishes
    squares_y: Array  # (L2,)


def cosine(xp: Any, s: CentredProducts) -> Array:
    """Σ A∘B / √(Σ A∘A · Σ B∘B): NaN where one vanishes."""
    return cosines(xp, s.products, s.squares_x[:, None], s.squares_y, undefined=np.nan)


def centred_products(
    pairs: LayerPairs,
    *,
    kernel: str = "linear",
    bandwidth: float | str = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    centring: str,
) -> tuple[CentredProducts, Remarks]:
    """Walk over the tiles of all layers' RSMs: for their means, and then for their products."""
    options = rsm_kernel(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    pairs.require(samples_for_centring(centring=centring))
    pairs.place.require_finite(pairs.layers)
    with usual_arithmetic():
        statistic, overflowed = _walk(pairs, rsm_tiles(pairs, pairs.layers, options), centring)
    return statistic, lambda _: _remarks(pairs, statistic, overflowed)


def samples_for_centring(*, centring: str, **_: Any) -> int:
    """Return how many samples a centring needs."""
    return _FEWEST[centring]


def rsm_kernel(
    function: str, kernel: object, bandwidth: object, gamma: object, degree: Any, coef0: object
) -> Kernel:
    """Check a kernel's name and parameters; besides those of `gram`, "distance" is Euclidean."""
    choice(function, "kernel", kernel, (*KERNELS, "distance"))
    checked = kernel_of(
        function, "linear" if kernel == "distance" else kernel, bandwidth, gamma, degree, coef0
    )
    return checked._replace(name=str(kernel))


def rsm_tiles(pairs: LayerPairs, layers: Layers, kernel: Kernel) -> RsmTiles:
    """Return what computes the RSMs of layers, each in a unit of its own."""
    bandwidths = []
    for name, x in layers.named.items():
        bandwidth = resolved_bandwidth(
            pairs.place, pairs.function, name, x, kernel, pairs.num_threads, allow_constant=True
        )
        if kernel.needs_median and np.isnan(pairs.place.to_host(bandwidth)).any():
            raise zero_median(pairs.function, f"pairs of rows of `{name}`")
        bandwidths.append(bandwidth)
    return pairs.place.rsm_tiles(layers, kernel, bandwidths, pairs.num_threads)


def _remarks(pairs: LayerPairs, statistic: CentredProducts, overflowed: Array) -> list[str]:
    to_host = pairs.place.to_host
    vanish = [to_host(s) == 0 for s in (statistic.squares_x, statistic.squares_y)]
    of_layers = vanish[0] if pairs.y is None else np.concatenate(vanish)
    beyond = to_host(overflowed)
    remarks = degenerate(pairs, of_layers & ~beyond)
    if beyond.any():
        names = [f"`{name}`" for name, is_beyond in pairs.by_name(beyond).items() if is_beyond]
        remarks.append(
            f"{pairs.function}: the RSM of {', '.join(names)} leaves the range of float64: the "
            "result is NaN; scale the features or choose another `gamma` or `degree`"
        )
    return remarks


def _walk(pairs: LayerPairs, rsms: RsmTiles, centring: str) -> tuple[CentredProducts, Array]:
    """Return the products, and which layers' RSMs leave the range of float64."""
    xp, n, count = pairs.place.xp, pairs.x.samples, len(pairs.layers.names)
    tiles = list(upper_tiles(n, rsms.edge))
    is_kept = count * n * (n + rsms.edge) * 4 <= _KEPT_BYTES
    blocks = _Blocks(rsms, centring == "double", {} if is_kept else None)

    def steps(begun: int) -> Iterator[tuple[Tile, Array, float]]:
        for done, tile in enumerate(tiles, begun + 1):
            yield tile, blocks.compute(tile), 2.0 if tile.is_mirrored else 1.0
            if pairs.report is not None:
                pairs.report(done * count, 2 * len(tiles) * count)

    sums, largest = xp.zeros((count, n)), xp.zeros(count)
    for tile, block, _ in steps(0):
        largest = xp.maximum(largest, xp.abs(block).max(axis=(1, 2)))
        sums[:, tile.rows] += block.sum(axis=2)
        if tile.is_mirrored:
            sums[:, tile.cols] += block.sum(axis=1)
    # In units of the largest entry, no square leaves the range of float64.
    unit = -xp.frexp(largest)[1][:, None, None]
    centre = _centre(sums, centring)
    products, own, squares = xp.zeros(pairs.shape), xp.zeros((count, 1)), xp.zeros(count)
    for tile, block, weight in steps(len(tiles)):
        centred = xp.ldexp(blocks.centred(tile, centre(tile, block)), unit)
        squares += weight * (xp.ldexp(block, unit) ** 2).sum(axis=(1, 2))
        rsms.add_products(*pairs.sides(centred), weight, products)
        for layer in range(count if pairs.y else 0):
            one = slice(layer, layer + 1)
            rsms.add_products(centred[one], centred[one], weight, own[one])
    own = own[:, 0] if pairs.y else products.diagonal()
    eps = float(np.finfo(np.float64).eps)
    overflowed = ~xp.isfinite(own)
    vanishes = own <= (_ROUNDINGS * eps) ** 2 * squares
    own = xp.where(vanishes | overflowed, 0.0, own)
    return CentredProducts(products, *pairs.sides(own)), overflowed


class _Blocks:
    """Tiles of all layers, without the diagonal where that does not count."""

    def __init__(self, rsms: RsmTiles, has_diagonal: bool, kept: dict[Tile, Array] | None) -> None:
        self._rsms, self._has_diagonal, self._kept = rsms, has_diagonal, kept

    def compute(self, tile: Tile) -> Array:
        """Return a tile of the matrices, with a diagonal of 0."""
        if self._kept is not None and tile in self._kept:
            return self._kept[tile]
        block = self._rsms.compute(tile)
        _clear_diagonal(tile, block)
        if self._kept is not None:
            self._kept[tile] = block
        return block

    def centred(self, tile: Tile, block: Array) -> Array:
        """Return a tile of the centred matrices, with the diagonal that counts."""
        if not self._has_diagonal:
            _clear_diagonal(tile, block)
        return block


def _clear_diagonal(tile: Tile, block: Array) -> None:
    if not tile.is_mirrored:
        size = block.shape[1]
        block.reshape(len(block), -1)[:, :: size + 1] = 0


def _centre(sums: Array, centring: str) -> Callable[[Tile, Array], Array]:
    """Return what centres a tile; `sums` are those of the rows."""
    n = sums.shape[1]
    if centring == "none":
        return lambda tile, block: block.copy()
    if centring == "mean":
        total = sums.sum(axis=1)[:, None, None]
        return lambda tile, block: block - total / (n * (n - 1))
    taken = shifts(sums, hollow=centring == "debiased")

    def centre(tile: Tile, block: Array) -> Array:
        return block - taken[:, tile.rows, None] - taken[:, None, tile.cols]

    return centre
