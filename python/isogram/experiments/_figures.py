"""Figures of experiments: as wide as a page, in the style of `isogram.plot`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isogram.experiments._result import Estimate
from isogram.plot._figure import STYLE, WIDTH
from isogram.plot._labels import set_names
from isogram.plot._series import COLOURS, styles
from isogram.plot._trend import trend

PAGE = 2 * WIDTH


@contextmanager
def panels(
    rows: int, columns: int, height: float, *, shared: bool = False
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure as wide as a page, and its axes row by row; each row has the height.

    Axes that are shared have one scale, and numbers at the left and at the bottom alone.
    """
    with mpl.rc_context(STYLE):
        figure = _page(rows * height)
        axes = figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared)
        yield figure, list(axes.flat)


@contextmanager
def mosaic(names: Sequence[Sequence[str]], height: float) -> Iterator[tuple[Figure, Any]]:
    """Yield a figure as wide as a page, and its axes by the names that cover their cells."""
    with mpl.rc_context(STYLE):
        figure = _page(len(names) * height)
        yield figure, figure.subplot_mosaic([list(row) for row in names])


def _page(height: float) -> Figure:
    return Figure(figsize=(PAGE, height), dpi=200, layout="constrained")


def names_below(axes: Sequence[Axes]) -> None:
    """Write the names of layers below the last of axes that lie below each other, and no other."""
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)


def violins(ax: Axes, kinds: Mapping[str, Sequence[Any]], names: Sequence[str]) -> None:
    """Draw the distribution of each kind at each name, side by side, with the medians."""
    width = 0.9 / len(kinds)
    for place, ((kind, values), colour) in enumerate(zip(kinds.items(), COLOURS, strict=False)):
        centre = width * (place - (len(kinds) - 1) / 2)
        places = [name + centre for name in range(len(names))]
        parts: Any = ax.violinplot(
            values, places, widths=width, showextrema=False, showmedians=True
        )
        for body in parts["bodies"]:
            body.set(facecolor=colour, alpha=0.6)
        parts["cmedians"].set(color=colour)
        ax.plot([], [], color=colour, linewidth=4, label=kind)
    set_names(ax.xaxis, list(range(len(names))), list(names))
    ax.spines[["top", "right"]].set_visible(False)


def bands(
    ax: Axes, series: Mapping[str, Sequence[Estimate]], names: Sequence[str], **options: Any
) -> None:
    """Draw the estimates of each series over the names as lines, their intervals as bands.

    Intervals are as wide to both sides, as Student's are. `options` go to `isogram.plot.trend`.
    """
    trend(
        {label: [each.value for each in found] for label, found in series.items()},
        spread={
            label: [(each.high - each.low) / 2 for each in found] for label, found in series.items()
        },
        x=list(names),
        ax=ax,
        **options,
    )


def intervals(
    ax: Axes, series: Mapping[str, Sequence[Estimate]], names: Sequence[str], width: float = 0.5
) -> None:
    """Draw the estimates of each series at each name, side by side, with their intervals."""
    for place, ((label, found), style) in enumerate(zip(series.items(), styles(), strict=False)):
        shift = width * (place / (len(series) - 1) - 0.5) if len(series) > 1 else 0.0
        low = [estimate.value - estimate.low for estimate in found]
        high = [estimate.high - estimate.value for estimate in found]
        ax.errorbar(
            np.arange(len(names)) + shift,
            [estimate.value for estimate in found],
            yerr=np.clip([low, high], 0, None),
            label=label,
            color=style["color"],
            marker=style["marker"],
            linestyle="none",
            elinewidth=0.8,
        )
    set_names(ax.xaxis, list(range(len(names))), list(names))
    ax.spines[["top", "right"]].set_visible(False)
