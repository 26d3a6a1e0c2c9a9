"""Tiles of Gram matrices on a GPU."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isogram._device.device import Device, DeviceArray
from isogram._types import Kernel
from isogram._walk.tiles import Tile


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
    may_vanish: DeviceArray  # whether rows are so far apart that products leave the type; one bool


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
_PREPARATIONS = {
    "linear": "scaled",
    "polynomial": "scaled",
    "cosine": "unit",
    "correlation": "unit_of_deviations",
    "rbf": "shifted",
    "laplacian": "shifted",
}


class GramTiles:
    """Computes tiles of the Gram matrix of `x`, or of `x` and `y`, one at a time.

    With `centered` the columns' means are subtracted first. `shifted` is for measures that a common
    shift of the rows does not change: an origin amid most rows is subtracted, and the matrix is the
    linear one of the shifted rows; for cosines and correlations, of rows of unit norm. It stays in
    units of 2^(2 exponent), in which it cannot overflow. With `hollow`, for measures that ignore
    the diagonal, the diagonal may.
    """

    def __init__(
        self,
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
    ) -> None:
        """Prepare the rows."""
        self._device = device
        self._kernel = kernel
        self._precision = precision
        self._bandwidth = device.xp.asarray(bandwidth, np.float64).reshape(1)
        self._gamma = kernel.gamma or 1 / x.shape[1]
        self._is_plain = shifted
        self._is_one_set = y is None
        self.exponent: DeviceArray | None = None
        self.offset: DeviceArray | None = None  # is subtracted from every entry
        self.may_vanish: DeviceArray | None = None  # of shifted rows, see Scale
        if shifted:
            self._left = self._right = self._shifted_rows(x, dtype, hollow)
            return
        how = _PREPARATIONS[kernel.name]
        is_laplacian = kernel.name == "laplacian"
        # Differences of the rows as given are as accurate as their type allows, wherever the rows
        # lie; after a common shift, rounding would hide those of rows near each other.
        is_shifted = how == "shifted" and not is_laplacian
        origin, rest = column_means(device, x) if centered or is_shifted else (None, None)
        rest = rest if centered else None
        if is_laplacian:
            self.exponent = _exponent_of_differences(device, self._bandwidth, dtype)
        elif is_shifted:
            self.exponent = scaling_exponent(device, x, y, origin)
            if kernel.name == "rbf":
                self.exponent = _exponent_of_squares(device, self.exponent, self._bandwidth, dtype)
        self._left = prepared(device, x, dtype, how, origin, self.exponent, rest)
        self._right = self._left
        if y is not None:
            self._right = prepared(device, y, dtype, how, origin, self.exponent, rest)

    def _shifted_rows(self, x: DeviceArray, dtype: np.dtype[Any], hollow: bool) -> Rows:
        device = self._device
        if self._kernel.name == "linear":
            bulk = bulk_of(device, x)
            self.exponent, self.may_vanish = scale_of_bulk(device, x, bulk, dtype, hollow=hollow)
            return prepared(device, x, dtype, "shifted", bulk.origin, self.exponent)
        rows = unit_differences(device, x, dtype, self._kernel.name == "correlation")
        self.exponent = device.zeros((1,), np.int32)
        return Rows(rows, x, device.empty((0,)), None)

    def compute_magnitudes(self, tile: Tile, out: DeviceArray) -> None:
        """Write, for each entry of a tile, the sum of the magnitudes of its terms.

        For inner products, also of shifted rows, and for polynomials.
        """
        magnitude = self._device.xp.abs
        a, b = magnitude(self._left.data[tile.rows]), magnitude(self._right.data[tile.cols])
        self._device.matmul(a, b.T, out, "float32")
        function = self._function()
        function |= {"gamma": abs(self._gamma), "coef0": abs(self._kernel.coef0), "offset": None}
        self._apply(function, tile, out)

    def compute(self, tile: Tile, out: DeviceArray) -> None:
        """Write a tile of the matrix."""
        left, right = self._left, self._right
        function = self._function()
        if self._kernel.name == "laplacian":
            self._device.kernels.laplacian(
                self._device.stream, left.data, right.data, out, place=tile.place, **function
            )
            return
        a, b = left.data[tile.rows], right.data[tile.cols]
        self._device.matmul(a, b.T, out, self._precision)
        self._apply(function, tile, out)

    def _function(self) -> dict[str, Any]:
        """Return the kernel function as the CUDA kernels take it."""
        return {
            "kernel": self._kernel.name,
            "bandwidth": self._bandwidth,
            "exponent": self.exponent,
            "gamma": self._gamma,
            "coef0": self._kernel.coef0,
            "degree": self._kernel.degree,
            "offset": self.offset,
        }

    def _apply(self, function: dict[str, Any], tile: Tile, out: DeviceArray) -> None:
        """Apply the kernel function to inner products."""
        if self._is_plain:
            return
        left, right = self._left, self._right
        self._device.kernels.apply_kernel(
            self._device.stream,
            left.source,
            right.source,
            out,
            row_norms=left.squared_norms,
            row_exponents=left.exponents,
            col_norms=right.squared_norms,
            col_exponents=right.exponents,
            same=self._is_one_set,
            place=tile.place,
            **function,
        )
