"""The similarities of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from isogram._arguments import choice
from isogram._colours import is_bright
from isogram._tables import fixed
from isogram.plot._figure import axes_for
from isogram.plot._labels import (
    extent,
    names_of,
    plain,
    points_of,
    set_names,
    set_numbers,
    set_title,
)
from isogram.plot._matrix import (
    add_colorbar,
    draw_matrix,
    height_of,
    kind_of,
    labelled,
    limits_of,
    without_diagonal,
)
from isogram.typing import MeasureKind


def heatmap(
    matrix: Any,
    *,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    kind: MeasureKind | None = None,
    limits: tuple[float, float] | None = None,
    origin: Literal["upper", "lower"] = "upper",
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    label: str | None = None,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw how alike layers are: `rows` by `columns`, small matrices with their numbers.

    Parameters
    ----------
    matrix : array of shape (rows, columns), DataFrame, or result
        A matrix that `cka_matrix` or `similarity_matrix` returned, `isogram.io.load` read, or
        `isogram.torch.compare_models` measured. NaN and infinity are grey.
    rows, columns : lists of str, optional
        Names of the layers; by default the names that `matrix` brings along, or numbers. Long
        names lose what they share or their middle, and where there is no room for all, some are
        left out.
    kind : {"similarity", "distance"}, optional
        By default the kind of the measure that `matrix` names, or else similarity. Distances of
        layers from themselves, on the diagonal, are left empty.
    limits : (float, float), optional
        Values of the first and the last colour; by default the extremes of `matrix`, so that 0.95
        to 1 fills the scale. The colour bar is pointed where values lie beyond. Where the first is
        negative, by more than a fifth of the last, the map is one of two colours with 0 white
        between them.
    origin : {"upper", "lower"}
        The side of the first row.
    title, xlabel, ylabel : str
        Heading, and what the columns and the rows are; by default the names of the files that
        `matrix` is of, or "layer".
    label : str, optional
        Name of the colour bar; by default the measure, if `matrix` names it, or the kind.
    colorbar : bool
        False leaves the colour bar to you: `figure.colorbar(ax.images[0], ax=…)`.
    ax : Axes, optional
        Axes to draw on; by default on a new figure as wide as a column of a paper.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        A matrix that is not of numbers, or empty; names of another number than rows or columns;
        limits that are not two numbers in order; another kind or origin.

    Examples
    --------
    >>> import isogram as ig
    >>> from isogram import plot
    >>> from isogram.demo import load_features
    >>> layers = {name: maps.mean(axis=(1, 2)) for name, maps in load_features().layers.items()}
    >>> ax = plot.heatmap(ig.cka_matrix(layers), rows=list(layers), columns=list(layers))
    >>> plot.save(ax, "cka.pdf")  # doctest: +SKIP
    """
    given = labelled("heatmap", "matrix", matrix)
    shape = given.values.shape
    given.rows = names_of("heatmap", "rows", given.rows if rows is None else rows, shape[0])
    given.columns = names_of(
        "heatmap", "columns", given.columns if columns is None else columns, shape[1]
    )
    kind = kind_of("heatmap", kind, given.measure)
    choice("heatmap", "origin", origin, ("upper", "lower"))
    masks = kind == "distance" and given.is_of_itself
    values = without_diagonal(given.values) if masks else given.values
    limits = limits_of("heatmap", limits, values)
    with axes_for("heatmap", ax, height_of(shape)) as ax:
        image = draw_matrix(ax, given.values, limits, origin, masks)
        for axis, names in ((ax.yaxis, given.rows), (ax.xaxis, given.columns)):
            if names is None:
                set_numbers(axis)
            else:
                set_names(axis, range(len(names)), names)
        ax.set_ylabel(plain(ylabel or given.titles[0] or "layer"))
        ax.set_xlabel(plain(xlabel or given.titles[1] or "layer"))
        set_title(ax, title)
        if colorbar:
            add_colorbar(ax, image, values, label or given.measure or kind)
        _write_numbers(ax, image, values)
    return ax


def _write_numbers(ax: Axes, image: AxesImage, values: NDArray[Any]) -> None:
    """Write every value into its cell, where it can be read there."""
    rows, columns = values.shape
    width, height = extent(ax)
    cell = 0.8 * width / columns  # the rest is for labels and the colour bar
    size = min(cell / 2.6, points_of("small"))
    if size < 4.5 or height / rows < 1.2 * size:
        return
    largest = np.nanmax(np.abs(values), initial=0)
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        text = fixed(value, 2) if largest < 10 else f"{value:.3g}"
        ink = "black" if is_bright(image.cmap(image.norm(value))[:3]) else "white"
        ax.text(
            column,
            row,
            text.replace("-", "\N{MINUS SIGN}"),
            ha="center",
            va="center",
            color=ink,
            fontsize=size,
        )
