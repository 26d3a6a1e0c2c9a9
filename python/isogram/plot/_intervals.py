"""Values with their intervals, and the noise ceiling above them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from isogram._arguments import number
from isogram.plot._figure import axes_for
from isogram.plot._labels import plain, set_names, set_title
from isogram.plot._series import COLOURS

if TYPE_CHECKING:
    from isogram import Bootstrap, Difference, Jackknife, NoiseCeiling

Doubles = NDArray[np.float64]


def intervals(
    results: Bootstrap | Jackknife | Mapping[str, Bootstrap | Jackknife | Difference],
    *,
    ceiling: NoiseCeiling | tuple[float, float] | None = None,
    title: str = "",
    xlabel: str = "layers",
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw values with their intervals, and the noise ceiling as a band.

    Parameters
    ----------
    results : Bootstrap or Jackknife, or mapping of names to such
        Of `bootstrap` or `jackknife`: all pairs of layers of one result, or by name results of two
        representations, and differences. Where there is no interval the value stands alone.
    ceiling : NoiseCeiling or (float, float), optional
        The bounds of `noise_ceiling`, of the same measure.
    title, xlabel : str
        Heading, and title of the axis of names.
    ylabel : str, optional
        Title of the axis of values; by default the measures.
    ax
        As for `heatmap`.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        No results, or none with an interval; results of many pairs by name; bounds that are not two
        numbers in order.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> from isogram import plot
    >>> x = np.random.default_rng(0).standard_normal((30, 6))
    >>> ax = plot.intervals({"scaled": ig.bootstrap(x, 2 * x, n_resamples=99)}, ceiling=(0.9, 1.0))
    """
    names, values, low, high, measure = _parts_of(results)
    places = np.arange(len(names), dtype=np.float64)
    band = None if ceiling is None else _band_of(ceiling)
    longest = max(map(len, names))
    with axes_for("intervals", ax, 2.0 + 0.04 * min(longest, 24)) as ax:
        if band is not None:
            ax.axhspan(*band, color="0.85", linewidth=0, zorder=0)
        known = ~np.isnan([low, high]).any(axis=0)
        ax.vlines(places[known], low[known], high[known], color=COLOURS[0], linewidth=1.2)
        ax.plot(places, values, "o", color=COLOURS[0], markersize=4)
        ax.set_xlim(-0.5, len(names) - 0.5)
        set_names(ax.xaxis, places.tolist(), names)
        ax.set_xlabel(plain(xlabel))
        ax.set_ylabel(plain(measure.replace("_", " ") if ylabel is None else ylabel))
        ax.spines[["top", "right"]].set_visible(False)
        set_title(ax, title)
    return ax


def _parts_of(results: Any) -> tuple[list[str], Doubles, Doubles, Doubles, str]:
    """Return names, values, both ends of the intervals, and the measure."""
    if isinstance(results, Mapping):
        if not results:
            raise ValueError("intervals: `results` must have at least one result, got none")
        for name, result in results.items():
            _require_interval(f"results[{name!r}]", result)
            if np.ndim(result.value):
                raise ValueError(
                    f"intervals: `results[{name!r}]` must be of two representations, got one of "
                    "pairs of layers: pass it alone"
                )
        found = list(results.values())
        numbers = np.array([[r.value, r.low, r.high] for r in found], np.float64).T
        measures = ", ".join(dict.fromkeys(result.measure for result in found))
        return list(map(str, results)), *numbers, measures
    _require_interval("results", results)
    numbers = np.array([np.ravel(v) for v in (results.value, results.low, results.high)])
    if results.layers is None:
        return [""], *numbers, results.measure
    rows, columns = results.layers
    return [f"{x}, {y}" for x in rows for y in columns], *numbers, results.measure


def _require_interval(argument: str, result: Any) -> None:
    if not all(hasattr(result, name) for name in ("value", "low", "high", "measure")):
        raise TypeError(
            f"intervals: `{argument}` must be a result of bootstrap or jackknife, got "
            f"{type(result).__name__}"
        )


def _band_of(ceiling: Any) -> tuple[float, float]:
    bounds = (ceiling.low, ceiling.high) if hasattr(ceiling, "low") else ceiling
    try:
        low, high = (number("intervals", "ceiling", bound) for bound in bounds)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if low > high:
        raise ValueError(
            f"intervals: `ceiling` must be two finite numbers, the smaller first, got {ceiling!r}"
        )
    return low, high
