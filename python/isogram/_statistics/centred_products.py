"""Products of centred RSMs, on which RSA and distance correlation are formulas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import starmap
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import LAYER_KERNELS, choice, kernel_of
from isogram._arithmetic import ROUNDING, usual_arithmetic
from isogram._bandwidth import bandwidths, zero_median
from isogram._statistics.centring import shifts
from isogram._statistics.cosines import cosines
from isogram._statistics.given_grams import of_grams
from isogram._statistics.layer_pairs import LayerPairs, Remarks, degenerate
from isogram._types import Array, Kernel
from isogram._walk.tiles import Tile, upper_tiles
from isogram.typing import BandwidthsLike

if TYPE_CHECKING:
    from isogram._protocols import RsmTiles

# The centrings of a symmetric matrix K whose diagonal does not count, or is 0, and their terms:
#   none     nothing
#   mean     the mean of the entries off the diagonal
#   double   means of rows and of columns, and their mean is added: H K H
#   debiased U-centring (Székely & Rizzo 2014)
_FEWEST = {"none": 2, "mean": 3, "double": 2, "debiased": 4}

# Tiles of all layers are kept between the two passes where they take at most this many bytes.
_KEPT_BYTES = 1 << 28


class CentredProducts(NamedTuple):
    """Σ A∘B of centred RSMs, in a unit per layer; those of parts of the entries add up.

    The diagonal counts for "double" only.
    """

    products: Array  # (L1, L2)
    squares_x: Array  # Σ A∘A, (L1,)
    squares_y: Array
    rounding_x: Array  # Σ A∘A of at most this may be 0, (L1,)
    rounding_y: Array

    def merge(self, other: CentredProducts) -> CentredProducts:
        """Return the sums over the entries of both, in the same units."""
        return CentredProducts(*(a + b for a, b in zip(self, other, strict=True)))


def known_squares(xp: Any, s: CentredProducts) -> tuple[Array, Array]:
    """Σ A∘A of both sides: 0 where that may be rounding, or has left the range of float64."""
    of_x, of_y = (
        xp.where(xp.isfinite(squares) & (squares > rounding), squares, 0.0)
        for squares, rounding in ((s.squares_x, s.rounding_x), (s.squares_y, s.rounding_y))
    )
    return of_x, of_y


def cosine(xp: Any, s: CentredProducts) -> Array:
    """Σ A∘B / √(Σ A∘A · Σ B∘B): NaN where one vanishes."""
    of_x, of_y = known_squares(xp, s)
    return cosines(xp, s.products, of_x[:, None], of_y, undefined=np.nan)


def centred_products(
    pairs: LayerPairs,
    *,
    kernel: str = "linear",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    centring: str,
) -> tuple[CentredProducts, Remarks]:
    """Walk over the tiles of all layers' RSMs: for their means, and then for their products."""
    options = rsm_kernel(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    pairs.require(samples_for_centring(centring=centring))
    pairs = of_finite_entries(pairs, options)
    with usual_arithmetic():
        statistic = centred_rsms(pairs, options, centring).products()
    return statistic, lambda _: _remarks(pairs, statistic)


def of_finite_entries(pairs: LayerPairs, kernel: Kernel) -> LayerPairs:
    """Return the pairs as a kernel takes them, of layers whose entries are all finite."""
    pairs = pairs.with_sides(kernel)
    if kernel.name == "precomputed":
        return of_grams(pairs)
    pairs.place.require_finite(pairs.layers)
    return pairs


def centred_rsms(pairs: LayerPairs, kernel: Kernel, centring: str) -> CentredRsms:
    """Return the tiles of the RSMs of layers whose entries are all finite, centred."""
    bandwidths = rsm_bandwidths(pairs, kernel)
    rsms = pairs.place.rsm_tiles(pairs.layers, kernel, bandwidths, pairs.num_threads)
    # Tiles that are given are as quickly read again.
    return CentredRsms(pairs, rsms, centring, may_keep=kernel.name != "precomputed")


def samples_for_centring(*, centring: str, **_: Any) -> int:
    """Return how many samples a centring needs."""
    return _FEWEST[centring]


def rsm_kernel(
    function: str, kernel: object, bandwidth: object, gamma: object, degree: Any, coef0: object
) -> Kernel:
    """Check a kernel's name and parameters; besides those of `cka`, "distance" is Euclidean."""
    choice(function, "kernel", kernel, (*LAYER_KERNELS, "distance"))
    checked = kernel_of(
        function, "linear" if kernel == "distance" else kernel, bandwidth, gamma, degree, coef0
    )
    return checked._replace(name=str(kernel))


def rsm_bandwidths(pairs: LayerPairs, kernel: Kernel) -> list[Any]:
    """Return the bandwidth of each layer, those of `x` first; wait for medians."""
    place, function = pairs.place, pairs.function
    of_x, of_y = bandwidths(place, function, pairs.x, pairs.y, kernel, pairs.num_threads)
    found = of_x + of_y
    for name, bandwidth in zip(pairs.layers.names, found, strict=True):
        is_known = isinstance(bandwidth, float)  # on a GPU a median may be NaN, which stands for 0
        if not is_known and np.isnan(place.to_host(bandwidth)).any():
            raise zero_median(function, f"pairs of rows of `{name}`")
    return found


def _remarks(pairs: LayerPairs, statistic: CentredProducts) -> list[str]:
    known = _per_layer(pairs, *known_squares(pairs.place.xp, statistic))
    beyond = ~np.isfinite(_per_layer(pairs, statistic.squares_x, statistic.squares_y))
    remarks = degenerate(pairs, (known == 0) & ~beyond)
    if beyond.any():
        names = [f"`{name}`" for name, is_beyond in pairs.by_name(beyond).items() if is_beyond]
        remarks.append(
            f"{pairs.function}: the RSM of {', '.join(names)} leaves the range of float64: the "
            "result is NaN; scale the features or choose another `gamma` or `degree`"
        )
    return remarks


def _per_layer(pairs: LayerPairs, of_x: Array, of_y: Array) -> NDArray[Any]:
    """Return values, one for each layer, in host memory."""
    sides = [of_x] if pairs.y is None else [of_x, of_y]
    return np.concatenate([pairs.place.to_host(side) for side in sides])


class CentredRsms:
    """The tiles of all layers' RSMs, centred, each layer in the unit of its largest entry."""

    def __init__(
        self, pairs: LayerPairs, rsms: RsmTiles, centring: str, *, may_keep: bool = True
    ) -> None:
        """Walk over all tiles, for their largest entries and the sums of their rows."""
        xp, n, count = pairs.place.xp, pairs.x.samples, len(pairs.layers.names)
        self._pairs, self._rsms = pairs, rsms
        self.tiles = list(upper_tiles(n, rsms.edge))
        is_kept = may_keep and count * n * (n + rsms.edge) * 4 <= _KEPT_BYTES
        self._has_diagonal = centring == "double"
        scratch, self._scratch = xp.empty((2, count, min(n, rsms.edge) ** 2))
        self._blocks = _Blocks(rsms, None if is_kept else scratch, has_diagonal=self._has_diagonal)
        sums, largest = xp.zeros((count, n)), xp.zeros(count)
        for done, tile in enumerate(self.tiles, 1):
            block = self._blocks.compute(tile)
            # Without a temporary for |block|.
            reach = xp.maximum(block.max(axis=(1, 2)), -block.min(axis=(1, 2)))
            largest = xp.maximum(largest, reach)
            sums[:, tile.rows] += block.sum(axis=2)
            if tile.is_mirrored:
                sums[:, tile.cols] += block.sum(axis=1)
            self._report(done)
        self._taken_off = _taken_off(sums, centring)
        # In units of 2^exponent no square leaves the range of float64. A product with a power of 2
        # is as exact as ldexp, and quicker.
        self.exponents = xp.maximum(xp.frexp(largest)[1], -1023)
        self._unit = xp.ldexp(xp.ones(count), -self.exponents)[:, None, None]

    def products(self) -> CentredProducts:
        """Return the products, merged tile after tile."""

        def part(done: int, tile: Tile) -> CentredProducts:
            products = self.part(tile)
            self._report(len(self.tiles) + done)
            return products

        return reduce(CentredProducts.merge, starmap(part, enumerate(self.tiles, 1)))

    def part(self, tile: Tile) -> CentredProducts:
        """Return the products of one tile, and of its mirror image."""
        xp, pairs, rsms = self._pairs.place.xp, self._pairs, self._rsms
        values, rounding = self.centred(tile)
        products = rsms.products(*pairs.sides(values))
        own = products.diagonal()
        if pairs.y is not None:
            own = xp.concatenate([rsms.products(a, a)[0] for a in values[:, None]])
        weight = 2.0 if tile.is_mirrored else 1.0
        sums = (products, *pairs.sides(own), *pairs.sides(rounding))
        return CentredProducts(*(weight * of_tile for of_tile in sums))

    def centred(self, tile: Tile) -> tuple[Array, Array]:
        """Return a tile of all layers, until the next call, and what rounding may make of 0.

        The latter is a bound of the squares, (layers,).
        """
        xp, block = self._pairs.place.xp, self._blocks.compute(tile)
        values = _blocks_in(self._scratch, tile)
        xp.multiply(block, self._unit, out=values)
        values *= values
        rounding = ROUNDING**2 * values.sum(axis=(1, 2))
        values[...] = block
        for taken in self._taken_off(tile):
            values -= taken
        if not self._has_diagonal:
            clear_diagonal(tile, values)
        values *= self._unit
        return values, rounding

    def _report(self, done: int) -> None:
        count = len(self._pairs.layers.names)
        if self._pairs.report is not None:
            self._pairs.report(done * count, 2 * len(self.tiles) * count)


def _blocks_in(scratch: Array, tile: Tile) -> Array:
    """Return the first entries of scratch memory (layers, entries) as the blocks of a tile."""
    rows, cols = tile.shape
    return scratch.ravel()[: len(scratch) * rows * cols].reshape(len(scratch), rows, cols)


class _Blocks:
    """Tiles of the RSMs of all layers, kept if there is room, else each in scratch memory."""

    def __init__(self, rsms: RsmTiles, scratch: Array | None, *, has_diagonal: bool) -> None:
        self._rsms, self._scratch, self._has_diagonal = rsms, scratch, has_diagonal
        self._kept: dict[Tile, Array] = {}

    def compute(self, tile: Tile) -> Array:
        """Return a tile of the matrices, with a diagonal of 0 if that does not count."""
        if tile in self._kept:
            return self._kept[tile]
        out = None if self._scratch is None else _blocks_in(self._scratch, tile)
        block = self._rsms.compute(tile, out)
        if not self._has_diagonal:
            clear_diagonal(tile, block)
        if out is None:
            self._kept[tile] = block
        return block


def clear_diagonal(tile: Tile, block: Array) -> None:
    """Set the diagonals of the matrices to 0 in a tile of all layers."""
    if not tile.is_mirrored:
        size = block.shape[1]
        block.reshape(len(block), -1)[:, :: size + 1] = 0


def _taken_off(sums: Array, centring: str) -> Callable[[Tile], Sequence[Array]]:
    """Return a function from a tile to the arrays that come off it; `sums` are those of rows."""
    n = sums.shape[1]
    if centring == "none":
        return lambda tile: ()
    if centring == "mean":
        means = sums.sum(axis=1)[:, None, None] / (n * (n - 1))
        return lambda tile: (means,)
    of_rows = shifts(sums, hollow=centring == "debiased")
    return lambda tile: (of_rows[:, tile.rows, None], of_rows[:, None, tile.cols])
