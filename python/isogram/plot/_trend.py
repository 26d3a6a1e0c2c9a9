"""Values over depth or over training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from isogram._loading import if_imported
from isogram.plot._figure import axes_for
from isogram.plot._labels import names_of, plain, set_names, set_numbers, shortened
from isogram.plot._matrix import limits_of, numbers_of
from isogram.plot._series import head, legend_height, styles


def trend(
    values: Any,
    *,
    x: Any = None,
    spread: Any = None,
    limits: tuple[float, float] | None = None,
    title: str = "",
    xlabel: str = "layer",
    ylabel: str = "similarity",
    ax: Axes | None = None,
) -> Axes:
    """Draw values over depth or over training, a line for each series.

    Parameters
    ----------
    values : array of shape (p,), mapping of names to such arrays, or DataFrame
        The series; those of a frame are its columns. NaN leaves a gap.
    x : array of shape (p,), or list of p str, optional
        Places of the values, or the names of layers; by default the index of a frame, or numbers.
    spread : as `values`, optional
        Half the height of a band around each line: a standard error, say.
    limits : (float, float), optional
        Range of the axis of values; by default that of the lines.
    title, xlabel, ylabel : str
        Heading, and titles of the axes.
    ax
        As for `heatmap`.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        Series that are not numbers, or empty; series, bands or places of different lengths;
        limits that are not two numbers in order.

    Examples
    --------
    >>> from isogram import plot
    >>> rates = {"spatial": [0.27, 0.32, 0.86], "semantic": [0.99, 0.99, 1.0]}
    >>> ax = plot.trend(rates, x=["stage3", "stage4", "stage6"], ylabel="same photograph")
    """
    series = _series_of("values", values)
    bands = {} if spread is None else _series_of("spread", spread)
    length = len(next(iter(series.values())))
    if bands and (bands.keys() != series.keys() or len(next(iter(bands.values()))) != length):
        raise ValueError("trend: `spread` must have the series of `values`, and their length")
    if x is None and isinstance(values, if_imported("pandas", "DataFrame")):
        x = values.index
    places, names = _places_of(x, length)
    if limits is not None:
        limits = limits_of("trend", limits, places)
    named = len(series) if isinstance(values, Mapping) or len(series) > 1 else 0
    longest = max(map(len, shortened(names or [])), default=0)
    with axes_for("trend", ax, 2.0 + legend_height(named) + 0.04 * longest) as ax:
        for (name, line), style in zip(series.items(), styles(), strict=False):
            ax.plot(places, line, label=plain(name), markevery=max(1, length // 12), **style)
            if bands:
                low, high = line - bands[name], line + bands[name]
                ax.fill_between(places, low, high, color=style["color"], alpha=0.2, linewidth=0)
        if names is not None:
            set_names(ax.xaxis, places.tolist(), names)
        elif x is None:
            set_numbers(ax.xaxis)
        if limits is not None:
            ax.set_ylim(*limits)
        ax.set_xlabel(plain(xlabel))
        ax.set_ylabel(plain(ylabel))
        ax.spines[["top", "right"]].set_visible(False)
        head(ax, title, named)
    return ax


def _series_of(argument: str, values: Any) -> dict[str, NDArray[Any]]:
    if isinstance(values, if_imported("pandas", "DataFrame")):
        values = {name: values[name].to_numpy() for name in values.columns}
    if not isinstance(values, Mapping):
        values = {"": values}
    if not values:
        raise ValueError(f"trend: `{argument}` must have at least one series, got none")
    series = {
        str(name): numbers_of("trend", f"{argument}[{name!r}]" if name else argument, line, 1)
        for name, line in values.items()
    }
    lengths = {len(line) for line in series.values()}
    if len(lengths) > 1:
        raise ValueError(
            f"trend: `{argument}` must have series of one length, got {sorted(lengths)}"
        )
    return series


def _places_of(x: Any, length: int) -> tuple[NDArray[Any], list[str] | None]:
    """Return where the values are, and their names if they have some."""
    if x is None:
        return np.arange(length, dtype=np.float64), None
    if np.asarray(x).dtype.kind in "OUST":
        return np.arange(length, dtype=np.float64), names_of("trend", "x", x, length)
    places = numbers_of("trend", "x", x, 1)
    if len(places) != length:
        raise ValueError(f"trend: `x` must be {length} numbers or names, got {len(places)}")
    return places, None
