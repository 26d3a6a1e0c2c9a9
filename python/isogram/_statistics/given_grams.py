"""Gram matrices that are given in place of features: checked, and made exactly symmetric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from isogram._arithmetic import usual_arithmetic
from isogram._entries import BFLOAT16_BITS, result_dtype
from isogram._errors import errors_of
from isogram._memory import FEWER_SAMPLES, check_memory
from isogram._statistics.layer_pairs import LayerPairs
from isogram._types import Array, Layers
from isogram._walk.tiles import Tile, spans, upper_tiles

if TYPE_CHECKING:
    from isogram._protocols import Place

# Columns of a larger tile evict each other from a processor's cache, which makes it 8 times slower.
_EDGE = 128
_AS_THEY_ARE = (np.float32, np.float64)


def of_grams(pairs: LayerPairs) -> LayerPairs:
    """Return pairs of Gram matrices, exactly symmetric; raise ValueError for what is none.

    A matrix that is so but for rounding is replaced by a copy, of the means of both entries.
    """
    layers = list(zip(pairs.layers.names, pairs.layers.arrays, strict=True))
    for name, k in layers:
        if k.shape[0] != k.shape[1]:
            raise ValueError(
                f"{pairs.function}: `{name}` must be a Gram matrix, square, got shape {k.shape}"
            )
    with pairs.place.entered(), errors_of(pairs.function), usual_arithmetic():
        of_x, of_y = pairs.sides([_symmetric(pairs, name, k) for name, k in layers])
    y = None if pairs.y is None else pairs.y._replace(arrays=of_y)
    return pairs._replace(x=pairs.x._replace(arrays=of_x), y=y)


def _symmetric(pairs: LayerPairs, name: str, k: Array) -> Array:
    place = pairs.place
    difference = _largest_difference(place, k)
    if difference == 0:
        return k
    if not math.isfinite(difference):
        place.require_finite(Layers([name], [k]))
    # Half of the type's digits: rounding of products that cancelled, as in squared distances.
    tolerance = math.sqrt(_epsilon(k)) * _largest(place, k)
    if not difference <= tolerance:
        raise _asymmetric(pairs, name, k, tolerance)
    check_memory(pairs.function, k.shape, result_dtype(k), FEWER_SAMPLES)
    means = place.empty(k.shape, result_dtype(k))
    for tile in upper_tiles(len(k), _EDGE):
        upper, lower = _both(place, k, tile)
        tile.of(means)[...] = upper / 2 + lower / 2
        tile.mirrored.of(means)[...] = tile.of(means).T
    return means


def _epsilon(k: Array) -> float:
    return 2.0**-7 if k.dtype == BFLOAT16_BITS else float(np.finfo(k.dtype).eps)


def _largest_difference(place: Place, k: Array) -> float:
    """Return the largest |K_ij - K_ji|, which is not finite where an entry is not."""
    xp = place.xp
    difference = xp.zeros(())
    for tile in upper_tiles(len(k), _EDGE):
        upper, lower = (entries(place, side.of(k)) for side in (tile, tile.mirrored))
        differences = upper - lower.T
        difference = xp.maximum(difference, xp.maximum(differences.max(), -differences.min()))
    return float(place.to_host(difference))


def _largest(place: Place, k: Array) -> float:
    largest = place.xp.zeros(())
    for rows in spans(len(k), _EDGE):
        largest = place.xp.maximum(largest, place.xp.abs(place.doubles(k[rows])).max())
    return float(place.to_host(largest))


def entries(place: Place, block: Array) -> Array:
    """Return entries that arithmetic can read: of 16 bits as float64, others as they are."""
    return block if block.dtype in _AS_THEY_ARE else place.doubles(block)


def _both(place: Place, k: Array, tile: Tile) -> tuple[Array, Array]:
    """Return a tile and its mirror image, which are equal in a symmetric matrix, as float64."""
    return place.doubles(tile.of(k)), place.doubles(tile.mirrored.of(k)).T


def _asymmetric(pairs: LayerPairs, name: str, k: Array, tolerance: float) -> ValueError:
    """Return the error for the first entry that its mirror image is not."""
    place, n = pairs.place, len(k)
    for rows in spans(n, _EDGE):
        upper, lower = _both(place, k, Tile(rows, slice(0, n)))
        is_far = place.to_host(place.xp.abs(upper - lower)) > tolerance
        if is_far.any():
            i, j = map(int, np.argwhere(is_far)[0])
            here, there = (float(place.to_host(side)[i, j]) for side in (upper, lower))
            i += rows.start
            break
    return ValueError(
        f"{pairs.function}: `{name}` must be a Gram matrix, symmetric, got {here:.17g} at {(i, j)} "
        f"and {there:.17g} at {(j, i)}"
    )
