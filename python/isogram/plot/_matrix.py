"""Matrices: their values and labels as given, their colours, and how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from isogram._arguments import choice, number
from isogram._arrays import to_host
from isogram._colours import DIVERGING, MISSING, SEQUENTIAL, is_diverging, places_of
from isogram._loading import if_imported
from isogram._measures import KINDS, measures
from isogram.plot._labels import plain
from isogram.typing import MeasureKind

_Array = NDArray[Any]


@dataclass
class Labelled:
    """A matrix and what it brought along.

    Attributes
    ----------
    values
        float64, infinities as NaN.
    rows, columns
        Names, or None.
    measure
        The measure of the values, or "".
    titles
        Titles of the rows and of the columns.
    """

    values: _Array
    rows: Any = None
    columns: Any = None
    measure: str = ""
    titles: tuple[str, str] = ("", "")

    @property
    def is_of_itself(self) -> bool:
        """Whether rows and columns are the same things, so that the diagonal says nothing."""
        if self.values.shape[0] != self.values.shape[1]:
            return False
        same_names = self.rows is None or self.columns is None or self.rows == self.columns
        return same_names and bool(
            np.allclose(self.values, self.values.T, rtol=1e-5, atol=1e-12, equal_nan=True)
        )


def numbers_of(function: str, argument: str, value: Any, axes: int) -> _Array:
    """Return finite or missing numbers as float64; infinities count as missing."""
    try:
        array = to_host(value)
        array = array.astype(np.float64) if array.dtype.kind not in "cmMO" else array
    except (TypeError, ValueError):
        array = np.empty(0, object)
    if array.dtype != np.float64:
        raise TypeError(
            f"{function}: `{argument}` must be an array of real numbers, got {_described(value)}"
        )
    if array.ndim != axes or 0 in array.shape:
        raise ValueError(
            f"{function}: `{argument}` must have {axes} {'axis' if axes == 1 else 'axes'}, none of "
            f"them empty, got shape {array.shape}"
        )
    return np.where(np.isfinite(array), array, np.nan)


def labelled(function: str, argument: str, matrix: Any) -> Labelled:
    """Return the numbers and names of an array, a frame of pandas, or a result of isogram."""
    if isinstance(matrix, if_imported("pandas", "DataFrame")):
        values = numbers_of(function, argument, matrix.to_numpy(), 2)
        return Labelled(values, _names_in(matrix.index), _names_in(matrix.columns))
    if all(hasattr(matrix, name) for name in ("values", "rows", "columns")):
        values = numbers_of(function, argument, matrix.values, 2)
        about = getattr(matrix, "provenance", {})
        return Labelled(
            values,
            list(matrix.rows) or None,
            list(matrix.columns) or None,
            str(about.get("measure", getattr(matrix, "measure", ""))),
            _titles(about.get("inputs", [])),
        )
    return Labelled(numbers_of(function, argument, matrix, 2))


def distances_of(function: str, matrix: Any) -> Labelled:
    """Return symmetric distances with zeros on the diagonal."""
    given = labelled(function, "distances", matrix)
    values = square(function, "distances", given.values)
    if np.isnan(values).any():
        raise ValueError(f"{function}: `distances` must be finite, got NaN or infinity")
    largest = float(np.abs(values).max())
    if (values < 0).any() or np.abs(np.diag(values)).max() > 1e-3 * largest:
        raise ValueError(
            f"{function}: `distances` must not be negative, and 0 on the diagonal, got "
            f"{values.min():g} to {values.max():g} with {values[0, 0]:g} on the diagonal: of "
            "similarities, pass 1 - similarities or take a measure that is a distance"
        )
    if not np.allclose(values, values.T, rtol=1e-5, atol=1e-6 * largest):
        raise ValueError(f"{function}: `distances` must be symmetric")
    given.values = (values + values.T) / 2
    np.fill_diagonal(given.values, 0)
    return given


def square(function: str, argument: str, values: _Array) -> _Array:
    """Return a matrix if it is square."""
    if values.shape[0] != values.shape[1]:
        raise ValueError(f"{function}: `{argument}` must be square, got shape {values.shape}")
    return values


def without_diagonal(values: _Array) -> _Array:
    """Return a square matrix with NaN on its diagonal."""
    return np.where(np.eye(len(values), dtype=bool), np.nan, values)


def kind_of(function: str, kind: object, measure: str) -> MeasureKind:
    """Return "similarity" or "distance": as given, or else that of the measure, or its alias."""
    if kind is not None:
        return choice(function, "kind", kind, KINDS)
    return next(
        (m.kind for m in measures().values() if measure in (m.name, *m.aliases)), "similarity"
    )


def limits_of(function: str, limits: Any, values: _Array) -> tuple[float, float]:
    """Return the values of the first and the last colour: as given, or else those there are."""
    if limits is None:
        finite = values[np.isfinite(values)]
        if finite.size == 0:
            return 0.0, 1.0
        low, high = float(finite.min()), float(finite.max())
        margin = 0.0 if low < high else 0.05 * (abs(low) or 1.0)
        return low - margin, high + margin
    try:
        low, high = (number(function, "limits", limit) for limit in limits)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if low >= high:
        raise ValueError(
            f"{function}: `limits` must be two finite numbers, the smaller first, got {limits!r}"
        )
    return low, high


def colours(limits: tuple[float, float]) -> Colormap:
    """Return a map for values within limits."""
    name = DIVERGING if is_diverging(*limits) else SEQUENTIAL
    places = places_of(np.linspace(*limits, 256), *limits)
    return ListedColormap(mpl.colormaps[name](places)).with_extremes(bad=MISSING)


def height_of(shape: tuple[int, ...]) -> float | None:
    """Return the height of a figure of cells that are not square, as a long matrix has."""
    rows, columns = shape
    return None if 1 / 3 <= rows / columns <= 3 else min(1.4 + 0.1 * rows, 5.0)


def draw_matrix(
    ax: Axes, values: _Array, limits: tuple[float, float], origin: Any, masks_diagonal: bool
) -> AxesImage:
    """Draw a matrix with NaN in grey and, of distances, an empty diagonal."""
    image = ax.imshow(
        np.ma.masked_invalid(values),
        cmap=colours(limits),
        vmin=limits[0],
        vmax=limits[1],
        origin=origin,
        aspect="auto" if height_of(values.shape) else "equal",
    )
    if masks_diagonal:
        hidden = np.ma.masked_array(np.zeros(values.shape), ~np.eye(len(values), dtype=bool))
        ax.imshow(hidden, cmap=ListedColormap(["white"]), origin=origin, aspect=ax.get_aspect())
    ax.spines[:].set_visible(False)
    return image


def add_colorbar(ax: Axes, mappable: Any, values: _Array, label: str) -> None:
    """Draw a named colour bar, pointed where values lie beyond its ends."""
    low, high = mappable.get_clim()
    finite = values[np.isfinite(values)]
    below, above = bool((finite < low).any()), bool((finite > high).any())
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}
    bar = ax.figure.colorbar(
        mappable, ax=ax, extend=extend.get((below, above), "both"), fraction=0.05, pad=0.03
    )
    bar.set_label(plain(label))
    bar.outline.set_visible(False)


def _names_in(index: Any) -> list[str] | None:
    """Return the labels of an index of pandas, but for the numbers that it gives by itself."""
    return None if type(index).__name__ == "RangeIndex" else list(map(str, index))


def _titles(inputs: Sequence[Any]) -> tuple[str, str]:
    paths = [Path(each["path"]).stem for each in inputs if "path" in each]
    if len(paths) != len(inputs) or not paths:
        return "", ""
    return paths[0], paths[-1]


def _described(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return type(value).__name__
    return f"{'an array' if isinstance(value, np.ndarray) else type(value).__name__} of {dtype}"
