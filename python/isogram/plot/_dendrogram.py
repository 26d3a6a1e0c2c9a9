"""Which layers or models are near each other: a tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from isogram._arguments import choice
from isogram.plot._figure import axes_for
from isogram.plot._labels import names_of, plain, set_names, set_title
from isogram.plot._matrix import distances_of
from isogram.typing import LinkageName

_METHODS: tuple[LinkageName, ...] = get_args(LinkageName)


def dendrogram(
    distances: Any,
    *,
    names: Sequence[str] | None = None,
    method: LinkageName = "average",
    title: str = "",
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the hierarchical clustering of layers or models by their distances.

    Parameters
    ----------
    distances : array of shape (n, n), DataFrame, or result
        A matrix that `similarity_matrix` returned for a distance: symmetric, 0 on the diagonal.
    names : list of n str, optional
        By default the names that `distances` brings along, or numbers.
    method : str
        How far apart two clusters are: "average", "complete", "single", "weighted", or, for
        distances of points in space, "ward", "centroid", "median". As of `scipy.cluster.hierarchy`.
    label : str, optional
        Name of the axis of distances; by default the measure, if `distances` names it.
    title, ax
        As for `heatmap`.

    Returns
    -------
    Axes

    Raises
    ------
    ImportError
        SciPy is not installed.
    TypeError, ValueError
        A matrix that is not of distances, or of fewer than two layers; another number of names;
        another method.

    Examples
    --------
    >>> from isogram import plot
    >>> ax = plot.dendrogram([[0, 1, 4], [1, 0, 3], [4, 3, 0]], names=["a", "b", "c"])
    """
    try:
        from scipy.cluster import hierarchy
        from scipy.spatial.distance import squareform
    except ImportError as error:
        raise ImportError(
            "isogram.plot.dendrogram needs SciPy: pip install scipy", name="scipy"
        ) from error
    given = distances_of("dendrogram", distances)
    count = len(given.values)
    if count < 2:
        raise ValueError("dendrogram: `distances` must be of at least 2 things, got 1")
    labels = names_of("dendrogram", "names", given.rows if names is None else names, count)
    choice("dendrogram", "method", method, _METHODS)
    tree = hierarchy.dendrogram(
        hierarchy.linkage(squareform(given.values, checks=False), method), no_plot=True
    )
    with axes_for("dendrogram", ax, max(1.3, 0.6 + 0.11 * count)) as ax:
        branches = [
            list(zip(far, places, strict=True))
            for far, places in zip(tree["dcoord"], tree["icoord"], strict=True)
        ]
        ax.add_collection(LineCollection(branches, colors="black", linewidths=0.8))
        farthest = max(map(max, tree["dcoord"])) or 1.0
        ax.set(xlim=(0, 1.03 * farthest), ylim=(10 * count, 0))
        leaves = [labels[i] if labels else str(i) for i in tree["leaves"]]
        set_names(ax.yaxis, [10 * i + 5 for i in range(count)], leaves)
        ax.set_xlabel(plain(label or given.measure or "distance"))
        ax.spines[["top", "left", "right"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        set_title(ax, title)
    return ax
