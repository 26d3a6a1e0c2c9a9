"""HSIC and CKA of many layers on a GPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from isogram._arithmetic import ROUNDINGS
from isogram._device.device import Device, DeviceArray
from isogram._device.features import cross_products
from isogram._device.results import all_done, fetched
from isogram._device.tiles import (
    Bulk,
    GramFacts,
    Rows,
    bulk_of,
    compute_gram,
    compute_magnitudes,
    prepared,
    scale_of_bulk,
    survey_gram,
)
from isogram._entries import result_dtype
from isogram._statistics.moments import Moments, cka, hsic, in_own_units
from isogram._types import WITH_BANDWIDTH, HsicTable, Kernel, Layers, Report
from isogram._walk.tiles import Tile, upper_tiles


class _Table(NamedTuple):
    """HSIC and CKA of all pairs of layers, and the HSIC of each with itself; arrays of doubles."""

    hsic: DeviceArray
    cka: DeviceArray
    self_x: DeviceArray
    self_y: DeviceArray
    doubts: DeviceArray  # whether a layer has to be looked at thoroughly; per layer


class _Found(NamedTuple):
    """Moments, and bounds that show whether they are well known."""

    moments: Moments
    least: DeviceArray  # of n² HSIC of a layer with itself that is well known; per layer


class _Sums(NamedTuple):
    """Sums that moments are made of; per layer: those of x come first, those of y follow."""

    products: DeviceArray  # Σ K ∘ L, (Lx, Ly)
    squares: DeviceArray  # Σ K ∘ K, per layer
    row_sums: DeviceArray  # K1, (layers, n)
    rounding: DeviceArray  # how far n² HSIC of a constant layer with itself may be from 0
    exponents: DeviceArray  # K is in units of 2^exponent, per layer

    def moments(self, debiased: bool) -> Moments:
        """Return the sums by side."""
        x_count, y_count = self.products.shape
        count, n = self.row_sums.shape
        x, y = slice(x_count), slice(count - y_count, None)
        return Moments(
            n,
            debiased,
            count == x_count,
            self.products,
            *(values[side] for values in self[1:] for side in (x, y)),
        )


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

    *values, doubts, result = computed(thorough=False)
    layers = [*of_x, *(of_y or [])]
    suspects = [x for x, doubt in zip(layers, doubts, strict=True) if doubt]
    if precision == "float32" and not all(_has_equal_rows(device, x) for x in suspects):
        *values, _, result = computed(thorough=True)
    all_done(progress, result.size)
    hsic, cka, self_x, self_y = values
    return hsic, cka, self_x, self_y, result


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
    plan = _plan(device, x, y, kernel, thorough=thorough)
    if plan.is_of_features:
        features = _survey_features(device, layers, debiased)
        found = _reduce_products(device, features, *_compute_products(device, features, len(x)))
    else:
        facts = _survey(device, plan, layers, len(x), kernel, bandwidths, debiased, precision)
        found = _reduce(device, facts, _compute(device, facts))
    return _table(device, found)


def _has_equal_rows(device: Device, x: DeviceArray) -> DeviceArray:
    """Whether all rows are one and the same."""
    first = prepared(device, x[:1], np.dtype(np.float64), "shifted").data[0]
    reaches = device.empty((len(x),))
    device.kernels.row_reaches(device.stream, x, first, reaches)
    return (reaches == 0).all()


class _Plan(NamedTuple):
    """How the sums are computed, by the shapes and types of layers and the kernel."""

    is_of_features: bool  # by products of features, not of samples
    is_thorough: bool  # the rounding of entries is known by their terms
    dtype: np.dtype[Any]  # of the entries
    samples: int
    edge: int  # of tiles

    @property
    def tiles(self) -> Iterator[Tile]:
        """The tiles; one is computed for all layers together."""
        return upper_tiles(self.samples, self.edge)


def _plan(
    device: Device,
    x: Sequence[DeviceArray],
    y: Sequence[DeviceArray] | None,
    kernel: Kernel,
    *,
    thorough: bool,
) -> _Plan:
    layers = [*x, *(y or [])]
    is_of_features = not thorough and _feature_space_is_cheaper(device, x, y, kernel)
    # Powers of inner products leave float32's range, and its digits, where features do not.
    is_wide = thorough or is_of_features or kernel.name == "polynomial"
    dtype = np.dtype(np.float64) if is_wide else result_dtype(*layers)
    samples = len(x[0])
    edge = min(samples, device.tile_edge(len(layers), dtype))
    return _Plan(is_of_features, thorough, dtype, samples, edge)


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


class _Facts(NamedTuple):
    """All that the sums are computed from; per layer: those of x come first, those of y follow."""

    plan: _Plan
    grams: list[GramFacts]
    offsets: DeviceArray  # that come off the entries of each layer; doubles
    kernel: Kernel
    debiased: bool
    x: slice
    y: slice  # equal to `x` for a single set

    @property
    def is_exponential(self) -> bool:
        """Whether entries are exponentials of distances."""
        return self.kernel.name in WITH_BANDWIDTH

    @property
    def has_terms(self) -> bool:
        """Whether entries are summed from terms, whose magnitudes bound the rounding."""
        return self.debiased and self.kernel.name in ("linear", "polynomial")

    @property
    def needs_magnitudes(self) -> bool:
        """Whether the rounding of entries is bounded by the magnitudes of their terms."""
        return self.plan.is_thorough and self.has_terms


class _GramSums(NamedTuple):
    """Sums over tiles of all layers' Gram matrices; tiles are added in place."""

    products: DeviceArray  # Σ K ∘ L, (Lx, Ly)
    row_sums: DeviceArray  # K1, (layers, n)
    row_squares: DeviceArray | None  # (K ∘ K)1; None for one set, whose products have their sums
    diagonals: DeviceArray  # (layers, n)
    squared_magnitudes: DeviceArray  # of the sums of the magnitudes of terms, per layer


def _survey(
    device: Device,
    plan: _Plan,
    layers: Sequence[DeviceArray],
    x_count: int,
    kernel: Kernel,
    bandwidths: Sequence[DeviceArray | float],
    debiased: bool,
    precision: str,
) -> _Facts:
    """Prepare the rows of all layers, and choose what comes off their entries."""
    count = len(layers)
    # Shifted rows leave a linear HSIC as it is, and its digits intact.
    is_shifted = kernel.name in ("linear", "cosine", "correlation")
    grams = [
        survey_gram(
            device,
            x,
            None,
            kernel,
            plan.dtype,
            bandwidth=b,
            shifted=is_shifted,
            hollow=debiased and kernel.name == "linear",
            precision=precision,
        )
        for x, b in zip(layers, bandwidths, strict=True)
    ]
    offsets = device.zeros((count,))
    if not is_shifted:
        scratch = device.empty((count, plan.edge, plan.edge), plan.dtype)
        for layer, gram in enumerate(grams):
            offsets[layer] = _typical_entry(device, gram, scratch[layer])
            grams[layer] = gram._replace(offset=offsets[layer : layer + 1])
    y = slice(0 if count == x_count else x_count, count)
    return _Facts(plan, grams, offsets, kernel, debiased, slice(0, x_count), y)


def _compute(device: Device, facts: _Facts) -> _GramSums:
    """Sum up the tiles of all layers, and their mirror images."""
    plan, count, x_count = facts.plan, len(facts.grams), facts.x.stop
    n = plan.samples
    y_count = facts.y.stop - facts.y.start
    scratch = device.empty((count, plan.edge, plan.edge), plan.dtype)
    sums = _GramSums(
        device.zeros((x_count, y_count)),
        device.zeros((count, n)),
        None if count == x_count else device.zeros((count, n)),
        device.zeros((count, n)),
        device.zeros((count,)),
    )
    needed = device.kernels.product_scratch(x_layers=x_count, y_layers=y_count)
    partial = device.empty((needed,))
    for tile in plan.tiles:
        _add_tile(device, facts, tile, sums, scratch, partial)
    return sums


def _add_tile(
    device: Device,
    facts: _Facts,
    tile: Tile,
    sums: _GramSums,
    scratch: DeviceArray,
    partial: DeviceArray,
) -> None:
    """Add a tile of all layers, and its mirror image."""
    tiles = scratch[:, : tile.shape[0], : tile.shape[1]]
    for gram, out in zip(facts.grams, tiles, strict=True):
        compute_gram(device, gram, tile, out)
    if not tile.is_mirrored:
        sums.diagonals[:, tile.rows] = device.xp.diagonal(tiles, axis1=1, axis2=2)
        if facts.debiased:
            device.kernels.clear_diagonal(device.stream, tiles, place=tile.place)
    device.kernels.add_row_sums(
        device.stream,
        tiles,
        place=tile.place,
        mirrored=tile.is_mirrored,
        sums=sums.row_sums,
        squares=sums.row_squares,
    )
    weight = 2.0 if tile.is_mirrored else 1.0
    device.kernels.add_products(
        device.stream,
        tiles[facts.x],
        tiles[facts.y],
        weight=weight,
        table=sums.products,
        scratch=partial,
    )
    if facts.needs_magnitudes:  # the entries are not needed any more
        for layer, gram in enumerate(facts.grams):
            out = tiles[layer : layer + 1]
            compute_magnitudes(device, gram, tile, out[0])
            device.kernels.clear_diagonal(device.stream, out, place=tile.place)
            sums.squared_magnitudes[layer] += weight * (out * out).sum()


def _reduce(device: Device, facts: _Facts, sums: _GramSums) -> _Found:
    """Return the moments of all tiles."""
    xp, n, grams = device.xp, facts.plan.samples, facts.grams
    row_squares = sums.row_squares
    squares = sums.products.diagonal() if row_squares is None else row_squares.sum(axis=1)
    rounding = _rounding(device, facts, sums, squares)
    exponents = xp.zeros(len(grams), np.int32)
    if grams[0].is_shifted:
        exponents = 2 * xp.concatenate([gram.exponent for gram in grams])
    least = xp.full((len(grams),), -np.inf)  # float64 has no more to tell
    if facts.plan.dtype == np.float32:
        # Rounding errors of the terms of an entry average out, and so do those of the entries:
        # this is enough for CKA to 1e-6.
        depths = [1 if facts.is_exponential else gram.left.data.shape[1] for gram in grams]
        least = xp.asarray(np.maximum(4096, 6e9 / (np.array(depths) * n * n))) * rounding
        if facts.kernel.name == "linear":
            may_vanish = xp.concatenate([gram.may_vanish for gram in grams])
            least = xp.where(may_vanish, np.inf, least)
    elif facts.has_terms:
        least = rounding
    found = _Sums(sums.products, squares, sums.row_sums, rounding, exponents)
    return _Found(found.moments(facts.debiased), least)


def _rounding(device: Device, facts: _Facts, sums: _GramSums, squares: DeviceArray) -> DeviceArray:
    """Return how far n² HSIC of a constant layer with itself may be from 0.

    Only off-diagonal entries count in a debiased estimate. The rounding error of an entry is
    relative to the entry before the offset came off (exponentials) or to √(K_ii K_jj) (inner
    products); the rounding error of a sum is relative to the sum.
    """
    n = facts.plan.samples
    diagonals = device.xp.abs(sums.diagonals + facts.offsets[:, None])
    entries = _pairs_of(device, diagonals, with_own=not facts.debiased)
    if facts.is_exponential:
        entries = squares + (n * facts.offsets) ** 2
    elif facts.needs_magnitudes:
        # Rows in features of their own have products of 0 exactly, whatever their norms.
        entries = device.xp.minimum(entries, sums.squared_magnitudes)
    eps = float(np.finfo(facts.plan.dtype.type).eps)
    rounding = eps * eps * entries + sys.float_info.epsilon * squares
    # Of squares below the normal numbers, digits are gone.
    return ROUNDINGS * (rounding + n * n * sys.float_info.min)


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


# A typical entry is looked for among this many rows and columns.
_TYPICAL_EDGE = 128


def _typical_entry(device: Device, gram: GramFacts, scratch: DeviceArray) -> DeviceArray:
    """Middle of the entries above the diagonal of the first rows.

    HSIC does not change when a constant is added to all entries. Kernels whose entries all lie
    close to one value would lose their digits in the sums; a typical entry is subtracted first: the
    middle one, which no far row draws away.
    """
    m = min(len(scratch), _TYPICAL_EDGE)
    compute_gram(device, gram, Tile(slice(0, m), slice(0, m)), scratch[:m, :m])
    rows, cols = (device.xp.asarray(places) for places in np.triu_indices(m, 1))
    entries = device.xp.sort(scratch[rows, cols])
    return entries[len(entries) // 2]


# Feature space: ‖XcᵀYc‖², for the linear kernel ---------------------------------------------------


# Rows of a layer that are multiplied with all others by themselves: those farthest from the rest.
_FAR_ROWS = 8


class _Features(NamedTuple):
    """All that products of features are computed from; per layer, those of x first."""

    rows: list[DeviceArray]  # shifted, over 2^exponent, and 0 where they are far; (n, features)
    exponents: list[DeviceArray]
    row_sums: DeviceArray  # K1, (layers, n)
    diagonals: DeviceArray  # that come off again, 0 at far rows; (layers, n)
    far: list[DeviceArray]  # rows of the Gram matrices, without the diagonal; (far rows, n)
    weights: DeviceArray | None  # how often an entry of those counts, by column
    debiased: bool


def _survey_features(device: Device, layers: Sequence[DeviceArray], debiased: bool) -> _Features:
    """Prepare the rows of all layers, and take out far ones for the debiased estimator.

    That takes the Gram matrix's diagonal off ‖XᵀX‖² again. Where nearly all lies on the diagonal
    that costs digits, more than floats have, and a row of huge norm costs all: the rows of the Gram
    matrix that belong to the farthest samples are computed instead.
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
    row_sums, diagonals = device.zeros((count, n)), device.zeros((count, n))
    far = [device.empty((0, n))] * count
    weights = None
    if debiased:
        places = _farthest(device, bulks)
        # A near row counts for its own place and for that of its mirror image.
        weights = xp.full((n,), 2.0)
        weights[places] = 1
        diagonals = xp.stack([x.squared_norms for x in features])
        diagonals[:, places] = 0
        far = [_take_out(device, x, places) for x in features]
    for layer, x in enumerate(features):
        # Rows of a Gram matrix sum to their products with the sum of all.
        row_sums[layer] = x.data @ x.data.sum(axis=0) - diagonals[layer] + far[layer].sum(axis=0)
        if debiased:
            row_sums[layer, places] = far[layer].sum(axis=1)
    rows = [x.data for x in features]
    return _Features(rows, exponents, row_sums, diagonals, far, weights, debiased)


def _compute_products(
    device: Device, facts: _Features, x_count: int
) -> tuple[DeviceArray, DeviceArray]:
    """Return Σ K ∘ L, (Lx, Ly), and Σ K ∘ K, per layer."""
    count = len(facts.rows)
    first_y = 0 if count == x_count else x_count
    squares = device.empty((count,))
    products = device.empty((x_count, count - first_y))
    for k in range(count):
        squares[k] = _product(device, facts, k, k)
    for i, j in np.ndindex(products.shape):
        other = first_y + j
        if other > i:
            products[i, j] = _product(device, facts, i, other)
        else:
            products[i, j] = squares[i] if other == i else products[other, i]
    return products, squares


def _product(device: Device, facts: _Features, k: int, l: int) -> DeviceArray:  # noqa: E741
    """Σ K ∘ L of two layers."""
    cross = cross_products(device, facts.rows[k], facts.rows[l])
    value = (cross * cross).sum()
    if facts.debiased:
        value = value - (facts.diagonals[k] * facts.diagonals[l]).sum()
        value = value + (facts.far[k] * facts.far[l] * facts.weights).sum()
    return value


def _reduce_products(
    device: Device, facts: _Features, products: DeviceArray, squares: DeviceArray
) -> _Found:
    """Return the moments of all products."""
    xp, (count, n), diagonals = device.xp, facts.row_sums.shape, facts.diagonals
    # What came off again was as large as the squares and the diagonal: in doubles still too large
    # where hardly anything is left.
    taken_off = (diagonals * diagonals).sum(axis=1)
    rounding = sys.float_info.epsilon * (xp.abs(squares) + taken_off)
    rounding = ROUNDINGS * (rounding + n * n * sys.float_info.min)
    least = xp.full((count,), -np.inf)
    if facts.debiased:
        least = xp.maximum(rounding, taken_off / 8)
    exponents = 2 * xp.concatenate(facts.exponents)
    sums = _Sums(products, squares, facts.row_sums, rounding, exponents)
    return _Found(sums.moments(facts.debiased), least)


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


# The table ----------------------------------------------------------------------------------------


def _table(device: Device, found: _Found) -> _Table:
    xp, m = device.xp, found.moments
    values = hsic(xp, m)
    own = values.self_x if m.is_symmetric else xp.concatenate([values.self_x, values.self_y])
    cross, self_x, self_y = in_own_units(xp, values, m.exponents_x, m.exponents_y)
    return _Table(cross, cka(xp, values), self_x, self_y, own * m.samples**2 <= found.least)
