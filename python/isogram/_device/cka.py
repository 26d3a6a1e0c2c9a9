"""HSIC and CKA of many layers on a GPU."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from isogram._device.device import Device, DeviceArray
from isogram._device.results import all_done, fetched
from isogram._device.tiles import (
    Bulk,
    GramTiles,
    Rows,
    bulk_of,
    prepared,
    scale_of_bulk,
)
from isogram._entries import result_dtype
from isogram._types import HsicTable, Kernel, Layers, Report
from isogram._walk.tiles import Tile, upper_tiles


class _Table(NamedTuple):
    """HSIC and CKA of all pairs of layers, and the HSIC of each with itself; arrays of doubles."""

    hsic: DeviceArray
    cka: DeviceArray
    self_x: DeviceArray
    self_y: DeviceArray
    doubts: DeviceArray  # whether a layer has to be looked at thoroughly; per layer


class _Moments(NamedTuple):
    """All that HSIC needs of Gram matrices K of x and L of y, diagonals zeroed if debiased.

    Layers of `x` come first in what is per layer, those of `y` follow.
    """

    products: DeviceArray  # Σ K ∘ L, (Lx, Ly)
    squares: DeviceArray  # Σ K ∘ K, per layer
    row_sums: DeviceArray  # K1, (layers, n)
    rounding: DeviceArray  # how far n² HSIC of a constant layer with itself may be from 0
    exponents: DeviceArray  # K is in units of 2^exponent, per layer
    least: DeviceArray  # of n² HSIC of a layer with itself that is well known


def hsic_table(
    device: Device,
    x: Layers,
    y: Layers | None,
    kernel: Kernel,
    bandwidths_x: list[Any],
    bandwidths_y: list[Any],
    debiased: bool,
    precision: str,
    num_threads: int,
    progress: Report,
) -> HsicTable:
    """See `Place`; what float32 cannot tell well is computed again, in float64."""
    of_x, of_y = x.arrays, None if y is None else y.arrays
    bandwidths = [*bandwidths_x, *bandwidths_y]
    inputs = x.named | ({} if y is None else y.named)

    def computed(*, thorough: bool) -> tuple[Any, ...]:
        table = _queued_table(
            device, of_x, of_y, kernel, bandwidths, debiased, precision, thorough=thorough
        )
        return (*fetched(device, inputs, *table), table.cka)

    *values, doubts, cka = computed(thorough=False)
    layers = [*of_x, *(of_y or [])]
    suspects = [x for x, doubt in zip(layers, doubts, strict=True) if doubt]
    if precision == "float32" and not all(_has_equal_rows(device, x) for x in suspects):
        *values, _, cka = computed(thorough=True)
    all_done(progress, cka.size)
    return HsicTable._make([*values, cka])


def _queued_table(
    device: Device,
    x: Sequence[DeviceArray],
    y: Sequence[DeviceArray] | None,
    kernel: Kernel,
    bandwidths: Sequence[DeviceArray | float],
    debiased: bool,
    precision: str,
    *,
    thorough: bool,
) -> _Table:
    """Return the table of the layers of `x` with those of `y`, or with each other.

    A thorough one is of float64 entries, and knows their rounding by the terms of each.
    """
    layers = [*x, *(y or [])]
    if not thorough and _feature_space_is_cheaper(device, x, y, kernel):
        moments = _in_feature_space(device, layers, len(x), debiased)
    else:
        # Powers of inner products leave float32's range, and its digits, where features do not.
        is_wide = thorough or kernel.name == "polynomial"
        dtype = np.dtype(np.float64) if is_wide else result_dtype(*layers)
        moments = _in_gram_space(
            device, layers, len(x), kernel, bandwidths, debiased, precision, dtype, thorough
        )
    return _table(device, moments, len(layers[0]), len(x), debiased)


def _has_equal_rows(device: Device, x: DeviceArray) -> DeviceArray:
    """Whether all rows are one and the same."""
    first = prepared(device, x[:1], np.dtype(np.float64), "shifted").data[0]
    reaches = device.empty((len(x),))
    device.kernels.row_reaches(device.stream, x, first, reaches)
    return (reaches == 0).all()


def _feature_space_is_cheaper(
    device: Device, x: Sequence[DeviceArray], y: Sequence[DeviceArray] | None, kernel: Kernel
) -> bool:
    """Whether products of features, of doubles, take less time than those of samples."""
    if kernel.name != "linear":
        return False
    n = len(x[0])
    of_x, of_y = ([layer.shape[1] for layer in side] for side in (x, x if y is None else y))
    total = sum(of_x) if y is None else sum(of_x) + sum(of_y)
    share = 0.5 if y is None else 1  # of the pairs, half are the same again
    in_features = n * sum(of_x) * sum(of_y) * share * device.cost_of_doubles
    in_gram = n * n / 2 * (total + len(of_x) * len(of_y) * share)
    return bool(in_features <= in_gram)


# Gram space: one walk over the tiles of all layers' Gram matrices ---------------------------------


def _in_gram_space(
    device: Device,
    layers: Sequence[DeviceArray],
    x_count: int,
    kernel: Kernel,
    bandwidths: Sequence[DeviceArray | float],
    debiased: bool,
    precision: str,
    dtype: np.dtype[Any],
    thorough: bool,
) -> _Moments:
    xp, n, count = device.xp, len(layers[0]), len(layers)
    # Shifted rows leave a linear HSIC as it is, and its digits intact.
    is_shifted = kernel.name in ("linear", "cosine", "correlation")
    is_hollow = debiased and kernel.name == "linear"
    # Of entries that are summed from terms, the magnitudes of these say what rounding takes.
    has_terms = debiased and kernel.name in ("linear", "polynomial")
    grams = [
        GramTiles(
            device,
            x,
            None,
            kernel,
            dtype,
            bandwidth=b,
            shifted=is_shifted,
            hollow=is_hollow,
            precision=precision,
        )
        for x, b in zip(layers, bandwidths, strict=True)
    ]
    edge = min(n, device.tile_edge(count, dtype))
    scratch = device.empty((count, edge, edge), dtype)
    offsets = device.zeros((count,))
    if not is_shifted:
        for layer, gram in enumerate(grams):
            gram.offset = offsets[layer : layer + 1]
            offsets[layer] = _typical_entry(device, gram, scratch[layer])

    y = slice(0 if count == x_count else x_count, count)
    products = device.zeros((x_count, y.stop - y.start))
    row_sums = device.zeros((count, n))
    # Of one set, the table of products has those of layers with themselves.
    row_squares = None if count == x_count else device.zeros((count, n))
    diagonals = device.zeros((count, n))
    squared_magnitudes = device.zeros((count,))
    partial = device.empty((device.kernels.product_scratch(*products.shape),))
    for tile in upper_tiles(n, edge):
        tiles = scratch[:, : tile.shape[0], : tile.shape[1]]
        for gram, out in zip(grams, tiles, strict=True):
            gram.compute(tile, out)
        if not tile.is_mirrored:
            diagonals[:, tile.rows] = xp.diagonal(tiles, axis1=1, axis2=2)
            if debiased:
                device.kernels.clear_diagonal(device.stream, tiles, tile.place)
        device.kernels.add_row_sums(
            device.stream, tiles, tile.place, tile.is_mirrored, row_sums, row_squares
        )
        weight = 2.0 if tile.is_mirrored else 1.0
        device.kernels.add_products(
            device.stream, tiles[:x_count], tiles[y], weight, products, partial
        )
        if thorough and has_terms:  # the entries themselves are done with
            for layer, gram in enumerate(grams):
                out = tiles[layer : layer + 1]
                gram.compute_magnitudes(tile, out[0])
                device.kernels.clear_diagonal(device.stream, out, tile.place)
                squared_magnitudes[layer] += weight * (out * out).sum()
    squares = products.diagonal() if row_squares is None else row_squares.sum(axis=1)
    # Rounding errors of entries are relative to what they were before the offset came off
    # (exponentials) or to √(K_ii K_jj) (inner products), of those that count; of sums, to the sums.
    exponential = kernel.name in ("rbf", "laplacian")
    entries = _pairs_of(device, xp.abs(diagonals + offsets[:, None]), with_own=not debiased)
    if exponential:
        entries = squares + (n * offsets) ** 2
    elif thorough and has_terms:
        # Rows in features of their own have products of 0 exactly, whatever their norms.
        entries = xp.minimum(entries, squared_magnitudes)
    eps = float(np.finfo(dtype.type).eps)
    rounding = eps * eps * entries + sys.float_info.epsilon * squares
    # Of squares below the normal numbers, digits are gone.
    rounding = _ROUNDING * (rounding + n * n * sys.float_info.min)
    exponents = xp.zeros(count, np.int32)
    if is_shifted:
        exponents = 2 * xp.concatenate([gram.exponent for gram in grams])
    least = xp.full((count,), -np.inf)  # float64 has no more to tell
    if dtype == np.float32:
        # Rounding errors of the terms of an entry average out, and so do those of the entries: for
        # CKA to 1e-6, so much is enough.
        terms = np.array([1 if exponential else x.shape[1] for x in layers])
        least = xp.asarray(np.maximum(4096, 6e9 / (terms * n * n))) * rounding
        if kernel.name == "linear":
            may_vanish = xp.concatenate([gram.may_vanish for gram in grams])
            least = xp.where(may_vanish, np.inf, least)
    elif has_terms:
        least = rounding
    return _Moments(products, squares, row_sums, rounding, exponents, least)


# Rounding leaves at most so many times what it takes of one term.
_ROUNDING = 64


def _pairs_of(device: Device, values: DeviceArray, *, with_own: bool) -> DeviceArray:
    """Σ a_i a_j over i ≠ j, or over all pairs, of every row of values >= 0.

    One that dwarfs the others is left out, not taken off again.
    """
    ordered = device.xp.sort(values, axis=1)
    largest, others = ordered[:, -1], ordered[:, :-1]
    total = others.sum(axis=1)
    if with_own:
        return (largest + total) ** 2
    pairs = total * (2 * largest + total) - (others * others).sum(axis=1)
    return device.xp.where(device.xp.isnan(pairs), np.inf, pairs)  # ∞ − ∞


# Entries of so many rows and columns tell what is typical.
_TYPICAL_EDGE = 128


def _typical_entry(device: Device, gram: GramTiles, scratch: DeviceArray) -> DeviceArray:
    """Middle of the entries above the diagonal of the first rows.

    HSIC does not change when a constant is added to all entries. Kernels whose entries all lie
    close to one value would lose their digits in the sums; a typical entry is subtracted first: the
    middle one, which no far row draws away.
    """
    m = min(len(scratch), _TYPICAL_EDGE)
    offset, gram.offset = gram.offset, None
    gram.compute(Tile(slice(0, m), slice(0, m)), scratch[:m, :m])
    gram.offset = offset
    rows, cols = (device.xp.asarray(places) for places in np.triu_indices(m, 1))
    entries = device.xp.sort(scratch[rows, cols])
    return entries[len(entries) // 2]


# Feature space: ‖XcᵀYc‖², for the linear kernel ---------------------------------------------------


# Rows of a layer that are multiplied with all others by themselves: those farthest from the rest.
_FAR_ROWS = 8


def _in_feature_space(
    device: Device, layers: Sequence[DeviceArray], x_count: int, debiased: bool
) -> _Moments:
    """Moments from products of doubles.

    The debiased estimator takes the Gram matrix's diagonal off ‖XᵀX‖² again. Where nearly all
    lies on the diagonal that costs digits, of which floats would have too few, and a row of huge
    norm all: the rows of the Gram matrix that belong to the farthest samples are computed instead.
    """
    xp, n, count = device.xp, len(layers[0]), len(layers)
    doubles = np.dtype(np.float64)
    bulks = [bulk_of(device, x) for x in layers]
    exponents = [
        scale_of_bulk(device, x, bulk, doubles, hollow=debiased).exponent
        for x, bulk in zip(layers, bulks, strict=True)
    ]
    features = [
        prepared(device, x, doubles, "shifted", bulk.origin, e)
        for x, bulk, e in zip(layers, bulks, exponents, strict=True)
    ]
    y = slice(0 if count == x_count else x_count, count)
    row_sums, diagonals = device.zeros((count, n)), device.zeros((count, n))
    far = [device.empty((0, n))] * count  # rows of the Gram matrices, without the diagonal
    if debiased:
        places = _farthest(device, bulks)
        diagonals = xp.stack([x.squared_norms for x in features])
        diagonals[:, places] = 0
        far = [_take_out(device, x, places) for x in features]
        # A near row counts for its own place and for that of its mirror image.
        weights = xp.full((n,), 2.0)
        weights[places] = 1
    for layer, x in enumerate(features):
        # Rows of a Gram matrix sum to their products with the sum of all.
        row_sums[layer] = x.data @ x.data.sum(axis=0) - diagonals[layer] + far[layer].sum(axis=0)
        if debiased:
            row_sums[layer, places] = far[layer].sum(axis=1)

    def product(k: int, l: int) -> DeviceArray:  # noqa: E741  (as in the literature)
        value = _squared_cross_norm(device, features[k], features[l])
        if debiased:
            value = value - (diagonals[k] * diagonals[l]).sum()
            value = value + (far[k] * far[l] * weights).sum()
        return value

    squares = device.empty((count,))
    products = device.empty((x_count, y.stop - y.start))
    for k in range(count):
        squares[k] = product(k, k)
    for i, j in np.ndindex(products.shape):
        other = y.start + j
        if other > i:
            products[i, j] = product(i, other)
        else:
            products[i, j] = squares[i] if other == i else products[other, i]
    # What came off again was as large as the squares and the diagonal: in doubles still too large
    # where hardly anything is left.
    taken_off = (diagonals * diagonals).sum(axis=1)
    rounding = sys.float_info.epsilon * (xp.abs(squares) + taken_off)
    rounding = _ROUNDING * (rounding + n * n * sys.float_info.min)
    least = xp.maximum(rounding, taken_off / 8) if debiased else xp.full((count,), -np.inf)
    return _Moments(products, squares, row_sums, rounding, 2 * xp.concatenate(exponents), least)


def _farthest(device: Device, bulks: Sequence[Bulk]) -> DeviceArray:
    """Return the places of the samples that are farthest from the others in any layer."""
    xp = device.xp
    excess = [xp.frexp(bulk.reaches)[1] - xp.frexp(bulk.limit)[1] for bulk in bulks]
    order = xp.argsort(-xp.stack(excess).max(axis=0), kind="stable")
    return order[:_FAR_ROWS]


def _take_out(device: Device, x: Rows, places: DeviceArray) -> DeviceArray:
    """Set some rows to 0, and return theirs of the Gram matrix, with its diagonal 0."""
    rows = x.data[places]
    products = device.empty((len(rows), len(x.data)))
    device.matmul(rows, x.data.T, products, "float32")
    products[device.xp.arange(len(rows)), places] = 0
    x.data[places] = 0
    return products


def _squared_cross_norm(device: Device, x: Rows, y: Rows) -> DeviceArray:
    cross = device.empty((x.data.shape[1], y.data.shape[1]))
    device.matmul(x.data.T, y.data, cross, "float32")
    return (cross * cross).sum()


# The table ----------------------------------------------------------------------------------------


def _table(device: Device, moments: _Moments, n: int, x_count: int, debiased: bool) -> _Table:
    xp = device.xp
    y = slice(0 if len(moments.squares) == x_count else x_count, None)
    x = slice(0, x_count)
    row_sums = moments.row_sums
    totals = row_sums.sum(axis=1)
    own = _hsic(moments.squares, (row_sums * row_sums).sum(axis=1), totals * totals, n, debiased)
    doubts = own * n * n <= moments.least
    own = xp.where((own * n * n <= moments.rounding) & xp.isfinite(own), 0.0, own)
    cross = _hsic(
        moments.products,
        row_sums[x] @ row_sums[y].T,
        totals[x, None] * totals[y],
        n,
        debiased,
    )
    is_defined = (own[x, None] != 0) & (own[y] != 0)
    is_own = xp.eye(*cross.shape, dtype=bool) & (len(own) == x_count)
    # What vanishes when centred has no inner product but rounding.
    cross = xp.where(is_defined, xp.where(is_own, own[x, None], cross), 0.0)
    exponents = moments.exponents
    norms = xp.where(is_own, own[x, None], xp.sqrt(own[x, None]) * xp.sqrt(own[y]))
    # Both estimators are inner products of centred matrices: only rounding can leave [-1, 1].
    return _Table(
        xp.ldexp(cross, exponents[x, None] + exponents[y]),
        xp.where(is_defined, xp.clip(cross / norms, -1.0, 1.0), np.nan),
        xp.ldexp(own[x], 2 * exponents[x]),
        xp.ldexp(own[y], 2 * exponents[y]),
        doubts,
    )


def _hsic(
    products: DeviceArray, row_products: DeviceArray, totals: Any, n: int, debiased: bool
) -> DeviceArray:
    """Return HSIC from Σ K∘L, (K1)·(L1) and 1ᵀK1·1ᵀL1."""
    if debiased:
        value = products + totals / ((n - 1) * (n - 2)) - 2 / (n - 2) * row_products
        return value / (n * (n - 3))
    return (products - 2 / n * row_products + totals / (n * n)) / ((n - 1) * (n - 1))
