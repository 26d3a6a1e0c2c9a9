"""Pictures of RSMs and of layer-by-layer similarities (extra `plot`)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._output import replacing

try:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError(
        "isogram.plot needs matplotlib: pip install 'isogram[plot]'", name="matplotlib"
    ) from error

_COLOURS = "magma"
_QUIET = "#666666"


def draw_rsm(
    axes: Axes,
    rsm: ArrayLike,
    *,
    title: str = "",
    subtitle: str = "",
    groups: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
) -> ScalarMappable:
    """Draw an RSM with equal neighbours in `groups` marked off and named.

    Parameters
    ----------
    axes
        Where to draw.
    rsm
        Matrix of shape (n, n).
    title, subtitle
        Heading of the panel, and a quieter line under it.
    groups
        The group of each of the n samples, sorted so that groups are contiguous.
    limits
        Values of the darkest and the brightest colour; by default the extremes of `rsm`.

    Returns
    -------
    ScalarMappable
        To hand to `Figure.colorbar`.
    """
    low, high = limits if limits is not None else (None, None)
    image = axes.imshow(
        np.asarray(rsm), cmap=_COLOURS, vmin=low, vmax=high, interpolation="nearest"
    )
    _head(axes, title, subtitle)
    axes.set_xticks([])
    axes.set_yticks([])
    if groups is not None:
        _name_groups(axes, groups)
    axes.spines[:].set_visible(False)
    return image


def draw_layers(
    axes: Axes,
    matrix: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str = "",
    subtitle: str = "",
    limits: tuple[float, float] = (0.0, 1.0),
) -> ScalarMappable:
    """Draw the similarities of layers `rows` by `columns`; small matrices with their numbers.

    Parameters
    ----------
    axes
        Where to draw.
    matrix
        Similarities of shape (len(rows), len(columns)).
    rows, columns
        Names of the layers.
    title, subtitle
        Heading of the panel, and a quieter line under it.
    limits
        Values of the darkest and the brightest colour.

    Returns
    -------
    ScalarMappable
        To hand to `Figure.colorbar`.
    """
    values: NDArray[Any] = np.asarray(matrix)
    image = axes.imshow(
        values, cmap=_COLOURS, vmin=limits[0], vmax=limits[1], interpolation="nearest"
    )
    _head(axes, title, subtitle)
    axes.set_xticks(
        range(len(columns)),
        columns,
        rotation=45,
        ha="right",
        rotation_mode="anchor",
        parse_math=False,
    )
    axes.set_yticks(range(len(rows)), rows, parse_math=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if max(values.shape) <= 12:
        _write_numbers(axes, values, limits)
    return image


def layers_figure(
    matrix: ArrayLike, rows: Sequence[str], columns: Sequence[str], *, title: str = ""
) -> Figure:
    """Return a figure of one layer-by-layer matrix with its colour bar.

    Parameters
    ----------
    matrix
        Similarities of shape (len(rows), len(columns)).
    rows, columns
        Names of the layers.
    title
        Heading.

    Returns
    -------
    Figure
        Not registered with pyplot; write it with `save`.
    """
    values: NDArray[Any] = np.asarray(matrix)
    cell = min(0.55, 12 / max(values.shape))
    size = (3.0 + cell * len(columns), 2.2 + cell * len(rows))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    axes = figure.add_subplot()
    # The debiased CKA of unrelated layers falls a little below zero.
    limits = (float(values[np.isfinite(values)].min(initial=0.0)), 1.0)
    image = draw_layers(axes, values, rows, columns, title=title, limits=limits)
    figure.colorbar(image, ax=axes, shrink=0.8)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` as PNG; a file at `path` is replaced only once the new one is complete.

    Parameters
    ----------
    figure
        Any matplotlib figure.
    path
        File name.
    """
    with replacing(Path(path)) as stream:
        figure.savefig(stream, format="png")


def _head(axes: Axes, title: str, subtitle: str) -> None:
    pad = 8 + 14 * len(subtitle.splitlines())
    axes.set_title(title, loc="left", weight="bold", pad=pad, parse_math=False)
    if subtitle:
        axes.annotate(
            subtitle,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 6),
            textcoords="offset points",
            color=_QUIET,
            parse_math=False,
        )


def _name_groups(axes: Axes, groups: Sequence[str]) -> None:
    middles, names, start = [], [], 0
    for name, members in groupby(groups):
        end = start + len(list(members))
        middles.append((start + end - 1) / 2)
        names.append(name)
        if start:
            axes.axhline(start - 0.5, color="white", linewidth=0.3)
            axes.axvline(start - 0.5, color="white", linewidth=0.3)
        start = end
    axes.set_xticks(middles, names, rotation=90, fontsize="x-small", parse_math=False)
    axes.set_yticks(middles, names, fontsize="x-small", parse_math=False)
    axes.tick_params(length=0, labelcolor=_QUIET)


def _write_numbers(axes: Axes, values: NDArray[Any], limits: tuple[float, float]) -> None:
    bright = limits[0] + 0.6 * (limits[1] - limits[0])
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value < bright else "black"
        axes.text(
            column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize="small"
        )
