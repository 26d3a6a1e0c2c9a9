"""Layers or models as points in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from isogram.plot._figure import WIDTH, axes_for
from isogram.plot._labels import CHARACTER, extent, names_of, plain, points_of, shortened
from isogram.plot._matrix import distances_of
from isogram.plot._series import head, legend_height, styles

_Array = NDArray[Any]

_FEW = 9  # groups, for whose legend there is room

# From a point to its name: right and up, or left and down where negative; the best read first.
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


def mds(
    distances: Any,
    *,
    names: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw layers or models as points whose distances are as nearly as can be those given.

    Classical multidimensional scaling: the two leading axes of -½ J D² J, where D² holds squared
    distances and J centres. The titles of the axes say which share of the whole they have.

    Parameters
    ----------
    distances : array of shape (n, n), DataFrame, or result
        As for `dendrogram`.
    names : list of n str, optional
        Written beside the points, where there is room; by default the names that `distances`
        brings along, or none.
    groups : list of n str, optional
        The group of each point, which gives it colour and marker: its network, say.
    title, ax
        As for `heatmap`.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        A matrix that is not of distances; names or groups of another number than the points.

    References
    ----------
    Torgerson, "Multidimensional scaling: I. Theory and method", Psychometrika 1952.

    Examples
    --------
    >>> from isogram import plot
    >>> ax = plot.mds([[0, 3, 4], [3, 0, 5], [4, 5, 0]], names=["a", "b", "c"])
    """
    given = distances_of("mds", distances)
    count = len(given.values)
    labels = names_of("mds", "names", given.rows if names is None else names, count)
    members = names_of("mds", "groups", groups, count) or [""] * count
    points, shares = _scaled(given.values)
    different = list(dict.fromkeys(members))
    named = 0 if groups is None else len(different)
    with axes_for("mds", ax, 0.95 * WIDTH + legend_height(max(0, named - _FEW))) as ax:
        for group, style in zip(different, styles(), strict=False):
            chosen = points[[member == group for member in members]]
            ax.plot(*chosen.T, label=plain(group), markeredgewidth=0, **style | {"linestyle": ""})
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.12)
        for axis, share, which in ((ax.xaxis, shares[0], "first"), (ax.yaxis, shares[1], "second")):
            axis.set_label_text(f"{which} axis ({share:.0%})")
        ax.spines[["top", "right"]].set_visible(False)
        head(ax, title, named)
        if labels:
            _write_names(ax, points, shortened(labels))
    return ax


def _scaled(distances: _Array) -> tuple[_Array, _Array]:
    """Return points in the plane, (n, 2), and the share of each of its axes in the whole."""
    unit = 2.0 ** np.frexp(distances.max())[1]  # no square is beyond float64
    squares = (distances / unit) ** 2
    means = squares.mean(axis=0)
    values, vectors = np.linalg.eigh((means + means[:, None] - squares - means.mean()) / 2)
    values = np.maximum(values[::-1], 0)  # negative ones are not of points in space
    whole = values.sum() or 1.0
    leading = np.zeros((len(values), 2))
    leading[:, : len(values)] = vectors[:, ::-1][:, :2]
    heads = leading[np.abs(leading).argmax(axis=0), (0, 1)]
    strengths = np.append(values, 0)[:2]
    return unit * leading * np.sqrt(strengths) * np.where(heads < 0, -1, 1), strengths / whole


def _write_names(ax: Axes, points: _Array, names: Sequence[str]) -> None:
    """Write each name beside its point, where it touches no other point and no other name."""
    size = points_of("x-small")
    ax.figure.figure.draw_without_rendering()  # the layout says where the points are
    frame = extent(ax)
    dots = ax.transAxes.inverted().transform(ax.transData.transform(points)) * frame
    taken = [(x - 2, y - 2, x + 2, y + 2) for x, y in dots]
    for point, (x, y), name in zip(points, dots, names, strict=True):
        width = CHARACTER * size * len(name)
        for right, up in _DIRECTIONS:
            left = x + 4 * right - (1 - right) / 2 * width
            low = y + 4 * up - (1 - up) / 2 * size
            box = (left, low, left + width, low + size)
            is_inside = min(left, low) >= 0 and box[2] <= frame[0] and box[3] <= frame[1]
            if is_inside and not any(_touch(box, other) for other in taken):
                taken.append(box)
                ax.annotate(
                    plain(name),
                    point,
                    xytext=(4 * right, 4 * up),
                    textcoords="offset points",
                    ha=("center", "left", "right")[right],
                    va=("center", "bottom", "top")[up],
                    fontsize=size,
                )
                break


def _touch(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
