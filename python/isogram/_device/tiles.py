"""Tiles of Gram matrices on a GPU."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isogram._device.device import Device, DeviceArray
from isogram._types import Kernel
from isogram._walk.tiles import Tile, full_tiles, upper_tiles


def mirror(device: Device, tile: Tile, matrix: DeviceArray) -> None:
    """Copy a tile of a symmetric matrix to the other triangle, or within itself on the diagonal."""
    if tile.is_mirrored:
        device.kernels.mirror(device.stream, tile.of(matrix), tile.mirrored.of(matrix))
    else:
        device.kernels.mirror_diagonal(device.stream, tile.of(matrix))


def upper_triangle(device: Device, square: DeviceArray) -> DeviceArray:
    """Return the entries above the diagonal as doubles, row by row."""
    n = len(square)
    values = device.empty((n * (n - 1) // 2,))
    device.kernels.upper_triangle(device.stream, square, values)
    return values


def column_means(device: Device, x: DeviceArray) -> tuple[DeviceArray, DeviceArray]:
    """Return the means of the columns (of a constant one its value) and their rounding errors."""
    means, rests = device.empty((x.shape[1],)), device.empty((x.shape[1],))
    device.kernels.column_means(device.stream, x, means, rests, _column_scratch(device, x))
    return means, rests


def _column_scratch(device: Device, x: DeviceArray) -> DeviceArray:
    """Return the scratch memory of sums over the columns."""
    rows, cols = x.shape
    return device.empty((device.kernels.column_scratch(rows=rows, cols=cols),))


def _some_rows(device: Device, x: DeviceArray) -> DeviceArray:
    """Return a few rows of `x`, without the first ones, which are often unlike the others."""
    n = len(x)
    count = 1 if n < 3 else 3 if n < 5 else 5
    places = [(2 * k + 1) * n // (2 * count) for k in range(count)]
    return device.xp.concatenate([x[place : place + 1] for place in places])


def _middle(device: Device, rows: DeviceArray) -> DeviceArray:
    """Return the median of an odd number of rows, column by column: no far row moves it."""
    return device.xp.sort(rows, axis=0)[len(rows) // 2]


# A row this much farther from the middle than half of the rows is far from the others.
_FAR = 8.0


class Bulk(NamedTuple):
    """Where most rows are: an origin amid them, and how far each row is from the middle."""

    origin: DeviceArray  # the mean of all rows but far ones
    reaches: DeviceArray  # the largest |entry - middle| of every row
    limit: DeviceArray  # of rows that are not far


def bulk_of(device: Device, x: DeviceArray) -> Bulk:
    """Return the bulk of the rows.

    A single row of huge norm draws the mean of all rows away from every other, and subtracting
    that would spread it over all of them.
    """
    some = prepared(device, _some_rows(device, x), np.dtype(np.float64), "shifted")
    middle = _middle(device, some.data)
    reaches = device.empty((len(x),))
    device.kernels.row_reaches(device.stream, x, middle, reaches)
    limit = _FAR * device.xp.sort(reaches)[len(x) // 2 : len(x) // 2 + 1]
    means = device.empty((x.shape[1],))
    device.kernels.bulk_means(
        device.stream,
        x,
        origin=middle,
        reaches=reaches,
        limit=limit,
        means=means,
        scratch=_column_scratch(device, x),
    )
    return Bulk(means, reaches, limit)


# Of shifted rows no further apart than 2^far, products and their squares are normal numbers, of the
# type and of float64.
_FAR_APART = {"float32": 50, "float64": 200}
# Binary exponents up to which the largest row may be scaled: of its product with another row, whose
# square is summed; and of the row itself, whose product with itself just fits.
_LIFT_OF_PRODUCTS = 440
_LIFT_OF_ROW = 480


class Scale(NamedTuple):
    """The unit of shifted rows, 2^exponent, and whether products may vanish even so."""

    exponent: DeviceArray  # one int32
    # Whether rows are so far apart that products leave the type; one bool. None for unit rows.
    may_vanish: DeviceArray | None


def scale_of_bulk(
    device: Device, x: DeviceArray, bulk: Bulk, dtype: np.dtype[Any], *, hollow: bool
) -> Scale:
    """Return the scale of rows less their bulk's origin.

    With `hollow`, for measures that do not look at the diagonal, float64 rows that are very far
    apart get as large as fits, so that products of the near ones do not vanish.
    """
    xp = device.xp
    exponent = scaling_exponent(device, x, None, bulk.origin)
    ordered = xp.sort(bulk.reaches)
    largest = ordered[-1:]
    second = ordered[-2:-1] if len(x) > 1 else largest
    smallest = xp.where(bulk.reaches > 0, bulk.reaches, largest).min(keepdims=True)
    (_, high), (_, middle), (_, low) = (xp.frexp(r) for r in (largest, second, smallest))
    may_vanish = high - low > _FAR_APART[dtype.name]
    if hollow and dtype == np.float64:
        lift = xp.minimum((_LIFT_OF_PRODUCTS - (middle - high)) // 2, _LIFT_OF_ROW)
        lift = xp.where(second == 0, _LIFT_OF_ROW, lift)
        exponent = xp.where(may_vanish, high - lift, exponent).astype(np.int32)
    return Scale(exponent, may_vanish)


def unit_differences(
    device: Device, x: DeviceArray, dtype: np.dtype[Any], deviations: bool
) -> DeviceArray:
    """Return rows of unit norm less a common vector, without the rounding of either.

    HSIC of cosines (or, with `deviations`, of correlations) is that of the inner products of such
    rows. Where they have a large part in common, all that tells them apart is in their last digits.
    """
    xp = device.xp
    doubles = np.dtype(np.float64)
    some = prepared(device, _some_rows(device, x), doubles, "shifted").data
    exponents = xp.frexp(xp.abs(some).max(axis=1, keepdims=True))[1]
    how = "unit_of_deviations" if deviations else "unit"
    some = prepared(device, xp.ldexp(some, -exponents), doubles, how).data
    # Of 24 bits: multiples of one row then differ from it by more than their rounding.
    direction = _middle(device, some).astype(np.float32).astype(np.float64)
    if deviations:
        direction = direction - direction.mean()
    squares = (direction * direction).sum(keepdims=True)
    length = xp.sqrt(xp.where(squares > 0, squares, 1.0))
    cosine = xp.sort((some * direction).sum(axis=1))[len(some) // 2] / length
    cosine = xp.clip(cosine, 0.0, 1.0)
    cosine = xp.where(squares > 0, xp.where(cosine > 0.99, 1.0, cosine), 0.0)
    rows = device.empty(x.shape, dtype)
    device.kernels.prepare_unit_differences(
        device.stream,
        x,
        deviations=deviations,
        direction=direction,
        squares=squares,
        length=cosine / length,
        rows=rows,
    )
    return rows


def scaling_exponent(
    device: Device, x: DeviceArray, y: DeviceArray | None = None, origin: DeviceArray | None = None
) -> DeviceArray:
    """Exponent of the largest |entry - origin|; 0 where that is moderate; one int32."""
    exponent = device.empty((1,), np.int32)
    scratch = device.empty((device.kernels.scaling_scratch(),))
    device.kernels.scaling_exponent(device.stream, x, y, origin, exponent, scratch)
    return exponent


class Rows(NamedTuple):
    """Samples as products want them: in the type computed in, shifted, scaled or normalised."""

    data: DeviceArray
    source: DeviceArray
    squared_norms: DeviceArray
    exponents: DeviceArray | None  # one per row, where each has its own


def prepared(
    device: Device,
    x: DeviceArray,
    dtype: np.dtype[Any],
    how: str,
    origin: DeviceArray | None = None,
    exponent: DeviceArray | None = None,
    rest: DeviceArray | None = None,
) -> Rows:
    """Return rows of `x` less `origin`, of unit norm, over 2^exponent, or `scaled` one by one.

    Of rows of unit norm, `rest` comes off too: what rounding took from the origin.
    """
    exponents = device.empty((len(x),), np.int32) if how == "scaled" else None
    rows = Rows(device.empty(x.shape, dtype), x, device.empty((len(x),)), exponents)
    device.kernels.prepare(
        device.stream,
        x,
        how=how,
        origin=origin,
        rest=rest,
        exponent=exponent,
        rows=rows.data,
        squared_norms=rows.squared_norms,
        exponents=exponents,
    )
    return rows


# With a bandwidth of more than 2^limit, the features' unit becomes the bandwidth: sums of
# differences that overflow are then those whose exponentials vanish.
_LARGEST_BANDWIDTH = {"float32": 100, "float64": 900}
# Scaled features keep the bandwidth at 2^-limit at least, so that squares of distances near it do
# not vanish. Rows so far off that theirs overflow are taken from the source again.
_SMALLEST_BANDWIDTH = {"float32": 40, "float64": 330}


def _exponent_of_differences(device: Device, bandwidth: DeviceArray, dtype: Any) -> DeviceArray:
    """Exponent of the unit of features whose differences are summed up; one int32."""
    _, width = device.xp.frexp(bandwidth)
    is_large = width > _LARGEST_BANDWIDTH[dtype.name]
    return device.xp.where(is_large, width, 0).astype(np.int32)


def _exponent_of_squares(
    device: Device, largest: DeviceArray, bandwidth: DeviceArray, dtype: Any
) -> DeviceArray:
    """Exponent of the unit of features whose distances are squared, for that of the largest one."""
    _, width = device.xp.frexp(bandwidth)
    most = width + _SMALLEST_BANDWIDTH[dtype.name]
    return device.xp.minimum(largest, most).astype(np.int32)


# How rows are prepared, unless the columns' means are subtracted first.
PREPARATIONS = {
    "linear": "scaled",
    "polynomial": "scaled",
    "cosine": "unit",
    "correlation": "unit_of_deviations",
    "rbf": "shifted",
    "laplacian": "shifted",
    "laplacian_l2": "shifted",
}


class GramFacts(NamedTuple):
    """All that tiles of a Gram matrix are computed from; see `survey_gram`."""

    kernel: Kernel
    precision: str
    left: Rows
    right: Rows  # the same as `left` for a single set
    bandwidth: DeviceArray
    gamma: float
    is_shifted: bool  # entries are the inner products of shifted rows
    exponent: DeviceArray | None  # the unit of the rows is 2^exponent, where they have one
    may_vanish: DeviceArray | None = None  # of shifted rows, see Scale
    offset: DeviceArray | None = None  # is subtracted from every entry


def survey_gram(
    device: Device,
    x: DeviceArray,
    y: DeviceArray | None,
    kernel: Kernel,
    dtype: np.dtype[Any],
    *,
    bandwidth: DeviceArray | float = 1.0,
    centered: bool = False,
    shifted: bool = False,
    hollow: bool = False,
    precision: str = "float32",
) -> GramFacts:
    """Prepare the rows of `x`, or of `x` and `y`, for tiles of their Gram matrix.

    With `centered` the columns' means are subtracted first. `shifted` is for measures that a common
    shift of the rows does not change: an origin amid most rows is subtracted, and the matrix is the
    linear one of the shifted rows; for cosines and correlations, of rows of unit norm. It stays in
    units of 2^(2 exponent), in which it cannot overflow. With `hollow`, for measures that ignore
    the diagonal, the diagonal may.
    """
    bandwidth = device.xp.asarray(bandwidth, np.float64).reshape(1)
    gamma = kernel.gamma or 1 / x.shape[1]
    if shifted:
        rows, scale = _shifted_rows(device, x, kernel, dtype, hollow)
        return GramFacts(kernel, precision, rows, rows, bandwidth, gamma, True, *scale)
    how = PREPARATIONS[kernel.name]
    is_laplacian = kernel.name == "laplacian"
    # Differences of the rows as given are as accurate as their type allows, wherever the rows
    # lie; after a common shift, rounding would hide those of rows near each other.
    has_origin = how == "shifted" and not is_laplacian
    origin, rest = column_means(device, x) if centered or has_origin else (None, None)
    rest = rest if centered else None
    exponent = None
    if is_laplacian:
        exponent = _exponent_of_differences(device, bandwidth, dtype)
    elif has_origin:
        exponent = scaling_exponent(device, x, y, origin)
        if kernel.name in ("rbf", "laplacian_l2"):
            exponent = _exponent_of_squares(device, exponent, bandwidth, dtype)
    left = right = prepared(device, x, dtype, how, origin, exponent, rest)
    if y is not None:
        right = prepared(device, y, dtype, how, origin, exponent, rest)
    return GramFacts(kernel, precision, left, right, bandwidth, gamma, False, exponent)


def _shifted_rows(
    device: Device, x: DeviceArray, kernel: Kernel, dtype: np.dtype[Any], hollow: bool
) -> tuple[Rows, Scale]:
    if kernel.name == "linear":
        bulk = bulk_of(device, x)
        scale = scale_of_bulk(device, x, bulk, dtype, hollow=hollow)
        return prepared(device, x, dtype, "shifted", bulk.origin, scale.exponent), scale
    rows = unit_differences(device, x, dtype, kernel.name == "correlation")
    return Rows(rows, x, device.empty((0,)), None), Scale(device.zeros((1,), np.int32), None)


def plan_tiles(device: Device, n: int, m: int | None, dtype: np.dtype[Any]) -> list[Tile]:
    """Cut a matrix of n × m entries into tiles; without `m` a symmetric one's upper triangle."""
    edge = device.tile_edge(1, dtype)
    return list(upper_tiles(n, edge) if m is None else full_tiles(n, m, edge))


def compute_gram(device: Device, facts: GramFacts, tile: Tile, out: DeviceArray) -> None:
    """Write a tile of the matrix."""
    left, right = facts.left, facts.right
    function = _function(facts)
    if facts.kernel.name == "laplacian":
        device.kernels.laplacian(
            device.stream, left.data, right.data, out, place=tile.place, **function
        )
        return
    device.matmul(left.data[tile.rows], right.data[tile.cols].T, out, facts.precision)
    _apply(device, facts, function, tile, out)


def compute_magnitudes(device: Device, facts: GramFacts, tile: Tile, out: DeviceArray) -> None:
    """Write, for each entry of a tile, the sum of the magnitudes of its terms.

    For inner products, also of shifted rows, and for polynomials.
    """
    magnitude = device.xp.abs
    a, b = magnitude(facts.left.data[tile.rows]), magnitude(facts.right.data[tile.cols])
    device.matmul(a, b.T, out, "float32")
    function = _function(facts)
    function |= {"gamma": abs(facts.gamma), "coef0": abs(facts.kernel.coef0), "offset": None}
    _apply(device, facts, function, tile, out)


def _function(facts: GramFacts) -> dict[str, Any]:
    """Return the kernel function as the CUDA kernels take it."""
    return {
        "kernel": facts.kernel.name,
        "bandwidth": facts.bandwidth,
        "exponent": facts.exponent,
        "gamma": facts.gamma,
        "coef0": facts.kernel.coef0,
        "degree": facts.kernel.degree,
        "offset": facts.offset,
    }


def _apply(
    device: Device, facts: GramFacts, function: dict[str, Any], tile: Tile, out: DeviceArray
) -> None:
    """Apply the kernel function to inner products."""
    if facts.is_shifted:
        return
    left, right = facts.left, facts.right
    device.kernels.apply_kernel(
        device.stream,
        left.source,
        right.source,
        out,
        row_norms=left.squared_norms,
        row_exponents=left.exponents,
        col_norms=right.squared_norms,
        col_exponents=right.exponents,
        same=left is right,
        place=tile.place,
        **function,
    )
