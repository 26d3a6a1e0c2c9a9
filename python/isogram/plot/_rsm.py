"""RSMs, by the groups of their samples."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Literal

from matplotlib.axes import Axes

from isogram._arguments import choice
from isogram.plot._figure import axes_for
from isogram.plot._labels import names_of, set_names, set_numbers, set_title
from isogram.plot._matrix import (
    add_colorbar,
    draw_matrix,
    kind_of,
    labelled,
    limits_of,
    square,
    without_diagonal,
)
from isogram.typing import MeasureKind


def rsm(
    matrix: Any,
    *,
    groups: Sequence[str] | None = None,
    kind: MeasureKind | None = None,
    limits: tuple[float, float] | None = None,
    origin: Literal["upper", "lower"] = "upper",
    title: str = "",
    label: str | None = None,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw a representational similarity matrix, its groups of samples marked off and named.

    Parameters
    ----------
    matrix : array of shape (n, n), DataFrame, or result
        A matrix that `spatial_rsm`, `semantic_rsm`, `gram` or `jsd` returned. NaN and infinity are
        grey.
    groups : list of n str, optional
        The group of each sample, the samples of a group next to each other. Without groups, samples
        have the names that `matrix` brings along, or numbers.
    kind : {"similarity", "distance"}, optional
        By default similarity. The diagonal of distances is left empty.
    limits : (float, float), optional
        Values of the first and the last colour; by default the extremes off the diagonal.
    origin, title, label, colorbar, ax
        As for `heatmap`.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        A matrix that is not square, not of numbers, or empty; groups of another number than the
        samples, or torn apart; limits that are not two numbers in order; another kind or origin.

    Examples
    --------
    >>> import isogram as ig
    >>> from isogram import plot
    >>> from isogram.demo import load_features
    >>> features = load_features()
    >>> matrix = ig.semantic_rsm(features.layers["lite0.stage6"], layout="nhwc")
    >>> ax = plot.rsm(matrix, groups=features.pictures, label="cosine similarity")
    """
    given = labelled("rsm", "matrix", matrix)
    values = square("rsm", "matrix", given.values)
    runs = _runs(groups, len(values))
    names = names_of("rsm", "matrix", given.rows, len(values))
    kind = kind_of("rsm", kind, given.measure)
    choice("rsm", "origin", origin, ("upper", "lower"))
    others = without_diagonal(values) if len(values) > 1 and given.is_of_itself else values
    limits = limits_of("rsm", limits, others)
    with axes_for("rsm", ax) as ax:
        image = draw_matrix(ax, values, limits, origin, kind == "distance" and others is not values)
        for axis in (ax.yaxis, ax.xaxis):
            if runs:
                set_names(
                    axis, [(start + end - 1) / 2 for _, start, end in runs], [n for n, *_ in runs]
                )
                axis.set_tick_params(length=0)
            elif names is not None:
                set_names(axis, range(len(names)), names)
            else:
                set_numbers(axis)
        for _, start, _ in runs[1:]:
            ax.axhline(start - 0.5, color="white", linewidth=min(0.4, 8 / len(runs)))
            ax.axvline(start - 0.5, color="white", linewidth=min(0.4, 8 / len(runs)))
        ax.set_ylabel("samples by group" if runs else "sample")
        ax.set_xlabel("samples by group" if runs else "sample")
        set_title(ax, title)
        if colorbar:
            add_colorbar(ax, image, others, label or given.measure or kind)
    return ax


def _runs(groups: Any, n: int) -> list[tuple[str, int, int]]:
    """Return name, start and end of each group, or nothing without groups."""
    names = names_of("rsm", "groups", groups, n)
    if names is None:
        return []
    runs, start = [], 0
    for name, members in groupby(names):
        end = start + len(list(members))
        runs.append((name, start, end))
        start = end
    if len({name for name, *_ in runs}) < len(runs):
        raise ValueError(
            "rsm: `groups` must have the samples of a group next to each other: sort both by "
            "order = numpy.argsort(groups, kind='stable'), matrix[order][:, order]"
        )
    return runs
