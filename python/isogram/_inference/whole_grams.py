"""Whole Gram matrices of layers on the host, once for all resamples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._host.features import doubles
from isogram._memory import FEWER_SAMPLES, check_memory
from isogram._statistics.centred_products import rsm_bandwidths, rsm_kernel
from isogram._statistics.centring import shifts
from isogram._statistics.given_grams import of_grams
from isogram._statistics.layer_pairs import LayerPairs
from isogram._statistics.rsm_entries import of_about_1
from isogram._types import Array, Layers
from isogram._walk.tiles import Tile
from isogram.typing import BandwidthsLike

Doubles = NDArray[np.float64]
Cosines = Callable[[Array], Doubles]  # of a layer's samples, by how often each is drawn


class WholeGrams(NamedTuple):
    """Gram matrices of layers, each times 2^-exponent."""

    pairs: LayerPairs
    grams: list[Doubles]
    exponents: NDArray[np.int64]

    def without_overflow(self) -> WholeGrams:
        """Return them in units in which no product overflows; 0 where entries already did."""
        for k in self.grams:
            if not np.isfinite(k).all():
                k[:] = 0  # as a constant one, it has no value
        exponents = self.exponents.copy()
        for layer, k in enumerate(self.grams):
            k[:], unit = of_about_1(np, k)
            exponents[layer] += unit.item()
        return self._replace(exponents=exponents)


def grams_of(
    pairs: LayerPairs,
    *,
    is_centred: bool,
    kernel: str = "linear",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
) -> WholeGrams:
    """Return the Gram matrix of each layer, and pairs for the kernel.

    `is_centred`: the mean of the features does not matter, and is taken off for a linear kernel.
    """
    options = rsm_kernel(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    pairs = pairs.with_sides(options)
    layers = pairs.layers
    exponents = np.zeros(len(layers.names), np.int64)
    _check_memory(pairs)
    if options.name == "precomputed":
        pairs = of_grams(pairs)
        layers = pairs.layers
    pairs.place.require_finite(layers)
    if options.name == "linear" and is_centred:
        rows, units = zip(*map(centred, layers.arrays), strict=True)
        exponents += 2 * np.array(units, np.int64)  # of products of two features
        layers = Layers(layers.names, list(rows))
    tiles = pairs.place.rsm_tiles(
        layers, options, rsm_bandwidths(pairs, options), pairs.num_threads
    )
    exponents += np.asarray(tiles.exponents, np.int64)
    whole = slice(0, pairs.x.samples)
    return WholeGrams(pairs, list(tiles.compute(Tile(whole, whole))), exponents)


def cosines_of(pairs: LayerPairs, *, center: bool, is_given: bool = False) -> list[Cosines]:
    """Return functions from draws to the cosines of each layer's samples, with a diagonal of 0.

    `center`: of samples less their mean, that of the resample.
    """
    if is_given:
        pairs, grams, _ = grams_of(pairs, kernel="precomputed", is_centred=False)
    elif center:
        pairs, grams, _ = grams_of(pairs, is_centred=True)
    else:
        pairs, grams, _ = grams_of(pairs, kernel="cosine", is_centred=False)
        return [partial(_as_it_is, _hollow(k)) for k in grams]
    if center:
        return [partial(_cosines_about_mean, _about_whole_mean(k)) for k in grams]
    return [partial(_as_it_is, _cosines(k, k.diagonal())) for k in grams]


def unit_cosines(products: Doubles, squares_x: Doubles, squares_y: Doubles) -> Doubles:
    """Return products over roots of squares, 0 where a square is 0."""
    norms = np.sqrt(squares_x) * np.sqrt(squares_y)
    cosines: Doubles = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
    return cosines


def _as_it_is(cosines: Doubles, _: Array) -> Doubles:
    return cosines


def _about_whole_mean(k: Doubles) -> Doubles:
    taken = shifts(k.sum(axis=1), hollow=False)
    k -= taken[:, None]
    k -= taken
    return k


def _cosines_about_mean(k: Doubles, w: Array) -> Doubles:
    """Return the cosines of samples less the mean of a resample; `k` is about the whole's mean.

    In a sample's product with the mean, that with itself has the share that it has in the whole. So
    its square is that of its distance to the mean of the others.
    """
    n, own, sums = w.sum(), k.diagonal(), np.einsum("ij,j->i", k, w)
    others = sums - w * own  # Σ of products with different inputs
    means = ((n - 1) / (n - w) * others + own) / n
    pairs = n * n - np.einsum("i,i->", w, w)
    of_mean = n * (n - 1) / pairs * np.einsum("i,i->", w, others) + np.einsum("i,i->", w, own)
    products = k - means[:, None] - means + of_mean / n**2
    of_others = (np.einsum("i,i->", w, sums) - 2 * w * sums + w * w * own) / (n - w) ** 2
    squares = (1 - 1 / n) ** 2 * (own - 2 * others / (n - w) + of_others)
    return _cosines(products, squares)


def _cosines(products: Doubles, squares: Doubles) -> Doubles:
    # A centred sample of this square or less may be the mean, but for rounding.
    squares = np.where(squares > 64 * np.finfo(np.float64).eps * squares.max(), squares, 0.0)
    return _hollow(unit_cosines(products, squares[:, None], squares))


def _hollow(cosines: Doubles) -> Doubles:
    np.fill_diagonal(cosines, 0)
    return cosines


@usual_arithmetic()
def centred(x: Array) -> tuple[Doubles, int]:
    """Return features less their means, in a unit of their own, 2^exponent, and the exponent."""
    rows, exponent = of_about_1(np, doubles(x))
    for _ in range(2):  # the second time for the mean's rounding
        rows -= rows.mean(axis=0)
    return rows, exponent.item()


def _check_memory(pairs: LayerPairs) -> None:
    n = pairs.x.samples
    check_memory(
        pairs.function,
        (len(pairs.layers.names) * n, n),
        np.dtype(np.float64),
        FEWER_SAMPLES,
        3,
        pairs.place.memory,
    )
