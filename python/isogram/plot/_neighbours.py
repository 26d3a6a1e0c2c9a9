"""A gallery of retrieved pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from isogram._arrays import as_sequence, on_host
from isogram._pictures import picture_of
from isogram._tables import fixed
from isogram.plot._figure import axes_for
from isogram.plot._labels import extent, names_of, points_of, set_names, set_title
from isogram.plot._matrix import numbers_of
from isogram.plot._pictures import draw_picture, hide_axes

_FIRST = 1.3  # left of the first neighbour, in sides of a picture
_RIGHT, _WRONG = "#0072B2", "#D55E00"  # blue and vermilion of Okabe and Ito
_GAP = 0.08  # between pictures, in sides of one
_LINE = 0.28  # height of a line of text, in sides of a picture


def neighbours(
    indices: Any,
    queries: Any,
    gallery: Any,
    *,
    scores: Any = None,
    correct: Any = None,
    names: Sequence[str] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw every query and, beside it, the pictures that were retrieved for it, the best first.

    Parameters
    ----------
    indices : array of shape (q, k) of integers
        Which pictures of the gallery are the neighbours of each query; -1 for none.
    queries, gallery : sequences of pictures
        Each of shape (h, w), (h, w, 3) or (h, w, 4), uint8 or from 0 to 1; sizes may differ.
    scores : array of shape (q, k), optional
        Written under the pictures.
    correct : array of shape (q, k) of bool, optional
        Right neighbours get a solid blue frame, wrong ones a dashed vermilion one.
    names : list of q str, optional
        Names of the queries.
    title, ax
        As for `heatmap`.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        Indices that are not integers, or beyond the gallery; arrays that are no pictures; scores,
        marks or names of another number than that of the pictures.

    Examples
    --------
    >>> import numpy as np
    >>> from isogram import plot
    >>> pictures = np.random.default_rng(0).random((9, 16, 16, 3))
    >>> ax = plot.neighbours([[1, 2, 3], [5, 6, 7]], pictures[[0, 4]], pictures, names=["a", "b"])
    """
    shown = _Shown.of(indices, queries, gallery, scores, correct)
    count, k = shown.indices.shape
    labels = names_of("neighbours", "names", names, count)
    pitch = 1 + _GAP + (0 if shown.scores is None else _LINE)
    with axes_for("neighbours", ax) as ax:
        side = extent(ax)[0] / (k + _FIRST)
        for row in range(count):
            _draw_row(ax, shown, row, row * pitch, side)
        right = _FIRST + k * (1 + _GAP) - _GAP
        ax.set(xlim=(-0.03, right + 0.03), ylim=(count * pitch - _GAP + 0.03, -0.03))
        ax.axvline((1 + _FIRST) / 2, color="0.6", linewidth=0.6)
        hide_axes(ax)
        if labels:
            set_names(ax.yaxis, [row * pitch + 0.5 for row in range(count)], labels)
            ax.tick_params(length=0)
        ax.set_xticks([0.5, (_FIRST + right) / 2], ["query", "neighbours, the nearest first"])
        ax.tick_params(length=0)
        set_title(ax, title)
    return ax


class _Shown(NamedTuple):
    """What is drawn: neighbours, the pictures that are needed, scores and marks."""

    indices: NDArray[Any]
    queries: list[NDArray[Any]]
    gallery: dict[int, NDArray[Any]]
    scores: NDArray[Any] | None
    correct: NDArray[Any] | None

    @classmethod
    def of(cls, indices: Any, queries: Any, gallery: Any, scores: Any, correct: Any) -> _Shown:
        """Check the arguments of `neighbours`."""
        queries, gallery = _counted("queries", queries), _counted("gallery", gallery)
        found = _checked_indices(indices, len(queries), len(gallery))
        values = None if scores is None else numbers_of("neighbours", "scores", scores, 2)
        marks = None if correct is None else on_host("neighbours", "correct", correct)
        if marks is not None and marks.dtype != np.bool_:
            raise TypeError(f"neighbours: `correct` must be True or False, got {marks.dtype}")
        for name, array in (("scores", values), ("correct", marks)):
            if array is not None and array.shape != found.shape:
                raise ValueError(
                    f"neighbours: `{name}` must have the shape of `indices`, {found.shape}, "
                    f"got {array.shape}"
                )
        needed = np.unique(found[found >= 0]).tolist()
        return cls(
            found,
            [_picture(f"queries[{row}]", queries[row]) for row in range(len(found))],
            {index: _picture(f"gallery[{index}]", gallery[index]) for index in needed},
            values,
            marks,
        )


def _checked_indices(indices: Any, queries: int, gallery: int) -> NDArray[Any]:
    """Return the indices of neighbours, or raise for such as are none."""
    found = on_host("neighbours", "indices", indices)
    if found.dtype.kind not in "iu":
        raise TypeError(f"neighbours: `indices` must be integers, got {found.dtype}")
    if found.ndim != 2 or 0 in found.shape:
        one = ": of one query pass [indices]" if found.ndim == 1 else ""
        raise ValueError(f"neighbours: `indices` must have shape (q, k), got {found.shape}{one}")
    if queries != len(found):
        raise ValueError(
            f"neighbours: `queries` must be {len(found)} pictures, one for each row of `indices`, "
            f"got {queries}"
        )
    if found.min() < -1 or found.max() >= gallery:
        worst = found.min() if found.min() < -1 else found.max()
        raise ValueError(
            f"neighbours: `indices` must be -1 or below the {gallery} pictures of `gallery`, "
            f"got {worst}"
        )
    return found


def _picture(name: str, given: Any) -> NDArray[Any]:
    return picture_of("neighbours", name, given)


def _draw_row(ax: Axes, shown: _Shown, row: int, top: float, side: float) -> None:
    """Draw a query and its neighbours."""
    _put(ax, shown.queries[row], 0, top)
    for place, index in enumerate(shown.indices[row].tolist()):
        if index < 0:
            continue
        left = _FIRST + place * (1 + _GAP)
        _put(ax, shown.gallery[index], left, top)
        if shown.correct is not None:
            _frame(ax, left, top, bool(shown.correct[row, place]), side)
        if shown.scores is not None:
            _write(ax, shown.scores[row, place], left, top, side)


def _counted(argument: str, pictures: Any) -> Any:
    """Return pictures that have a number."""
    pictures = as_sequence(pictures)
    if not hasattr(pictures, "__len__"):
        raise TypeError(
            f"neighbours: `{argument}` must be a sequence of pictures, "
            f"got {type(pictures).__name__}"
        )
    return pictures


def _put(ax: Axes, picture: NDArray[Any], left: float, top: float) -> None:
    """Draw a picture into the middle of a square of side 1."""
    height, width = np.array(picture.shape[:2]) / max(picture.shape[:2])
    draw_picture(ax, picture, (left + (1 - width) / 2, top + (1 - height) / 2, width, height))


def _frame(ax: Axes, left: float, top: float, is_right: bool, side: float) -> None:
    ax.add_patch(
        Rectangle(
            (left, top),
            1,
            1,
            fill=False,
            linewidth=min(1.5, 0.05 * side),
            edgecolor=_RIGHT if is_right else _WRONG,
            linestyle="-" if is_right else (0, (3, 1.5)),
        )
    )


def _write(ax: Axes, score: float, left: float, top: float, side: float) -> None:
    size = min(0.22 * side, points_of("small"))
    text = fixed(score, 2).replace("-", "\N{MINUS SIGN}")
    ax.text(left + 0.5, top + 1.04, text, ha="center", va="top", fontsize=size)
