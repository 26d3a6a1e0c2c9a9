"""Figures of experiments: as wide as a page, in the style of `isogram.plot`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isogram.plot._figure import STYLE, WIDTH
from isogram.plot._labels import set_names
from isogram.plot._series import COLOURS

PAGE = 2 * WIDTH


@contextmanager
def panels(rows: int, columns: int, height: float) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure as wide as a page, and its axes row by row; each row has the height."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, rows * height), dpi=200, layout="constrained")
        yield figure, list(figure.subplots(rows, columns, squeeze=False).flat)


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
