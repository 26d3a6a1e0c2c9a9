"""Which token goes where: words joined to words, or patches of two pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

from isogram._arguments import integer
from isogram._arrays import on_host
from isogram._pictures import is_picture, picture_of
from isogram.plot._figure import axes_for
from isogram.plot._labels import names_of, plain, set_names, set_title
from isogram.plot._matrix import add_colorbar, limits_of, numbers_of
from isogram.plot._pictures import draw_picture, hide_axes

_STRONGEST = 12  # pairs of patches, where all would hide the pictures
_GAP = 0.25  # between two pictures, in heights
_COLOURS = ListedColormap(mpl.colormaps["magma_r"](np.linspace(0.2, 0.9, 256)))  # seen on white

_Array = NDArray[Any]


def matching(
    matching: Any,
    a: Any,
    b: Any,
    *,
    contributions: Any = None,
    grid: Any = None,
    tokens: Sequence[int] | None = None,
    strongest: int | None = None,
    names: tuple[str, str] | None = None,
    limits: tuple[float, float] | None = None,
    title: str = "",
    label: str = "contribution",
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw which token of `a` goes with which of `b`: words joined to words, or patches to patches.

    Parameters
    ----------
    matching : result of `semantic_matching` or `match`, or array of shape (s,) of integers
        For each token of `a` its token of `b`; -1 for none.
    a, b : lists of words, or pictures
        The words or the picture of the tokens, in their order. A picture is an array of shape
        (h, w), (h, w, 3) or (h, w, 4), uint8 or from 0 to 1, whose patches are the tokens, row by
        row.
    contributions : array of shape (s,), optional
        The contribution of each pair to the similarity, shown by the colour of its line; by default
        the contributions of `matching`, if it has them.
    grid : (int, int) or a pair of them, optional
        Rows and columns of patches of both pictures, or of each; by default a square of s patches.
    tokens : list of int, optional
        The tokens of `a` to draw; by default all.
    strongest : int, optional
        The number of pairs to draw, which contribute most; by default all pairs of words, and
        twelve of patches. Without contributions all.
    names : (str, str), optional
        Headings of `a` and `b`.
    limits : (float, float), optional
        Contributions of the first and the last colour; by default the extremes of those drawn.
    title : str
        Heading of the whole.
    label : str
        Name of the colour bar.
    colorbar, ax
        As for `heatmap`.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        A word list beside a picture; columns that are not integers, or beyond the tokens of `b`;
        contributions, words or patches of another number than the tokens; no grid where s is no
        square; tokens that are not there.

    Examples
    --------
    >>> from isogram import plot
    >>> a, b = ["she", "bought", "a", "car"], ["an", "automobile", "she", "purchased"]
    >>> ax = plot.matching([2, 3, 0, 1], a, b, contributions=[1.0, 0.8, 0.6, 0.9])
    """
    columns = _columns_of(matching)
    if contributions is None:
        contributions = getattr(matching, "contributions", None)
    worth = None if contributions is None else _contributions_of(contributions, len(columns))
    heads = names_of("matching", "names", names, 2)
    patches = is_picture(a)
    if patches != is_picture(b):
        raise TypeError("matching: `a` and `b` must be two lists of words or two pictures")
    layout: _Words | _Patches
    layout = _Patches(a, b, len(columns), grid) if patches else _Words(a, b, len(columns), grid)
    if columns.max(initial=-1) >= layout.tokens_of_b:
        raise ValueError(
            f"matching: `matching` must name tokens of `b`, which has {layout.tokens_of_b}, got "
            f"{columns.max()}"
        )
    if strongest is None and patches and worth is not None:
        strongest = _STRONGEST
    pairs = _pairs(columns, worth, tokens, strongest)
    drawn = np.zeros(len(pairs)) if worth is None else worth[pairs[:, 0]]
    first, last = limits_of("matching", limits, drawn)

    with axes_for("matching", ax, layout.height) as ax:
        layout.draw(ax, heads)
        lines = LineCollection(list(layout.lines(pairs)), cmap=_COLOURS, array=drawn, linewidths=1)
        lines.set_clim(first, last)
        lines.set_path_effects([Stroke(linewidth=1.8, foreground="white"), Normal()])
        frames = PatchCollection(layout.frames(pairs), facecolor="none", linewidths=0.9)
        frames.set_edgecolor(list(np.repeat(lines.to_rgba(drawn), 2, axis=0)))
        frames.set_path_effects(lines.get_path_effects())
        ax.add_collection(frames, autolim=False)
        ax.add_collection(lines, autolim=False)
        set_title(ax, title, above=1 if heads else 0)
        if colorbar and worth is not None:
            add_colorbar(ax, lines, drawn, label)
    return ax


class _Words:
    """Two columns of words."""

    def __init__(self, a: Any, b: Any, tokens: int, grid: Any) -> None:
        if grid is not None:
            raise ValueError("matching: `grid` must be None for words, it is of pictures")
        self._words = (_words_of("a", a), _words_of("b", b))
        if len(self._words[0]) != tokens:
            raise ValueError(
                f"matching: `a` must have {tokens} words, one for each token, "
                f"got {len(self._words[0])}"
            )
        self.tokens_of_b = len(self._words[1])
        self._longest = max(map(len, self._words))
        self.height: float | None = 0.5 + 0.14 * self._longest

    def draw(self, ax: Axes, heads: list[str] | None) -> None:
        ax.set(xlim=(0, 1), ylim=(self._longest - 0.5, -0.5), xticks=[])
        ax.spines[:].set_visible(False)
        right = ax.secondary_yaxis("right")
        right.spines[:].set_visible(False)
        for axis, words in zip((ax.yaxis, right.yaxis), self._words, strict=True):
            set_names(axis, range(len(words)), words)
            axis.set_tick_params(length=0)
        for x, head, side in zip((0, 1), heads or (), ("right", "left"), strict=False):
            ax.annotate(
                plain(head),
                (x, 1),
                xycoords="axes fraction",
                xytext=(8 * x - 4, 3),
                textcoords="offset points",
                weight="bold",
                ha=side,
                va="bottom",
            )

    def lines(self, pairs: _Array) -> _Array:
        """Return a curve for each pair, (pairs, points, 2)."""
        t = np.linspace(0, 1, 33)
        eased = t * t * (3 - 2 * t)
        y = pairs[:, :1] + (pairs[:, 1:] - pairs[:, :1]) * eased
        return np.stack([np.broadcast_to(t, y.shape), y], axis=-1)

    def frames(self, pairs: _Array) -> list[Rectangle]:
        return []


class _Patches:
    """Two pictures side by side, each cut into a grid of patches."""

    height: float | None = None  # that of square pixels

    def __init__(self, a: Any, b: Any, tokens: int, grid: Any) -> None:
        self._pictures = [picture_of("matching", name, p) for name, p in (("a", a), ("b", b))]
        self._grids = _grids_of(grid, tokens)
        if math.prod(self._grids[0]) != tokens:
            raise ValueError(
                f"matching: `grid` must have {tokens} patches in `a`, one for each token, got "
                f"{self._grids[0]}"
            )
        self.tokens_of_b = math.prod(self._grids[1])
        sides = [np.array(p.shape[:2]) / max(p.shape[:2]) for p in self._pictures]
        self._sizes = sides  # height and width of each picture
        self._corners = [  # left and top
            (0.0, (1 - sides[0][0]) / 2),
            (sides[0][1] + _GAP, (1 - sides[1][0]) / 2),
        ]

    def draw(self, ax: Axes, heads: list[str] | None) -> None:
        for i, picture in enumerate(self._pictures):
            (left, top), (height, width) = self._corners[i], self._sizes[i]
            draw_picture(ax, picture, (left, top, width, height))
            if heads:
                ax.annotate(
                    plain(heads[i]),
                    (left + width / 2, top),
                    xytext=(0, 3),
                    textcoords="offset points",
                    weight="bold",
                    ha="center",
                    va="bottom",
                )
        ax.set(xlim=(0, self._corners[1][0] + self._sizes[1][1]), ylim=(1, 0))
        hide_axes(ax)

    def lines(self, pairs: _Array) -> _Array:
        """Return a line for each pair, from the right of a patch to the left of the other."""
        ends = []
        for i, edge in enumerate(((1, 0.5), (0, 0.5))):
            corners, size = self._patches(i, pairs[:, i])
            ends.append(corners + size * edge)
        return np.stack(ends, axis=1)

    def frames(self, pairs: _Array) -> list[Rectangle]:
        """Return the outlines of the patches, two for each pair."""
        a, b = (self._patches(i, pairs[:, i]) for i in (0, 1))
        return [
            Rectangle(corner, *size)
            for row_a, row_b in zip(a[0], b[0], strict=True)
            for corner, size in ((row_a, a[1]), (row_b, b[1]))
        ]

    def _patches(self, i: int, tokens: _Array) -> tuple[_Array, _Array]:
        """Return left and top of patches of a picture, and width and height of each."""
        rows, columns = self._grids[i]
        height, width = self._sizes[i]
        size = np.array([width / columns, height / rows])
        places = np.stack([tokens % columns, tokens // columns], axis=1)
        return np.array(self._corners[i]) + places * size, size


def _columns_of(matching: Any) -> _Array:
    columns = on_host("matching", "matching", getattr(matching, "columns", matching))
    if columns.dtype.kind not in "iu":
        raise TypeError(
            "matching: `matching` must be a result of semantic_matching or match, or an array of "
            f"integers, got {type(matching).__name__} of {columns.dtype}"
        )
    if columns.ndim != 1 or columns.size == 0:
        raise ValueError(
            f"matching: `matching` must be of one pair of inputs, got columns of shape "
            f"{columns.shape}: of several pass matching.columns[k] with "
            "contributions=matching.contributions[k]"
        )
    if columns.min() < -1:
        raise ValueError(f"matching: `matching` must be -1 or a token of `b`, got {columns.min()}")
    return columns.astype(np.int64)


def _contributions_of(contributions: Any, tokens: int) -> _Array:
    worth = numbers_of("matching", "contributions", contributions, 1)
    if len(worth) != tokens:
        raise ValueError(
            f"matching: `contributions` must be {tokens}, one for each token, got {len(worth)}"
        )
    return worth


def _words_of(argument: str, words: Any) -> list[str]:
    result = names_of("matching", argument, words, len(words) if hasattr(words, "__len__") else 0)
    if not result:
        raise ValueError(f"matching: `{argument}` must have at least one word")
    return result


def _grids_of(grid: Any, tokens: int) -> list[tuple[int, int]]:
    """Return rows and columns of patches in both pictures."""
    if grid is None:
        side = math.isqrt(tokens)
        if side * side != tokens:
            raise ValueError(
                f"matching: `grid` must say how many rows and columns {tokens} patches have"
            )
        grid = (side, side)
    try:
        pair = list(grid)
        both = pair if all(np.ndim(each) == 1 for each in pair) else [pair, pair]
        grids = [tuple(integer("matching", "grid", side, 1) for side in each) for each in both]
    except TypeError:
        grids = []
    if len(grids) != 2 or any(len(each) != 2 for each in grids):
        raise ValueError(
            f"matching: `grid` must be rows and columns, of both pictures or of each, got {grid!r}"
        )
    return [(rows, columns) for rows, columns in grids]


def _pairs(columns: _Array, worth: _Array | None, tokens: Any, strongest: Any) -> _Array:
    """Return the pairs to draw, (pairs, 2), the largest contributions last, and so on top."""
    if tokens is None:
        chosen = np.arange(len(columns))
    else:
        chosen = np.array(
            [integer("matching", "tokens", i, 0, len(columns) - 1) for i in tokens], np.int64
        )
    chosen = chosen[columns[chosen] >= 0]
    if worth is not None:
        chosen = chosen[np.argsort(worth[chosen], kind="stable")]
        chosen = chosen[~np.isnan(worth[chosen])]
    if strongest is not None:
        if worth is None:
            raise ValueError("matching: `strongest` must be None without contributions")
        chosen = chosen[-integer("matching", "strongest", strongest, 1) :]
    return np.stack([chosen, columns[chosen]], axis=1)
