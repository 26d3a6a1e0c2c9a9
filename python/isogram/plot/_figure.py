"""Axes to draw on, and the files that pictures go into."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isogram._output import path_of, replacing

WIDTH = 3.3  # inches, of a column of a paper
_TALLEST = 9.0
_DPI = 200
STYLE: Any = {
    "font.size": 7.5,
    "axes.titlesize": "medium",
    "axes.labelsize": "medium",
    "xtick.labelsize": "small",
    "ytick.labelsize": "small",
    "legend.fontsize": "small",
    "axes.linewidth": 0.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
}


@contextmanager
def axes_for(function: str, ax: Axes | None, height: float | None = None) -> Iterator[Axes]:
    """Yield the axes to draw on: the caller's, or those of a new figure.

    The figure gets the height, in inches, or by default that of pictures whose cells are square.
    """
    if ax is not None:
        if not isinstance(ax, Axes):
            raise TypeError(
                f"{function}: `ax` must be None or axes of matplotlib, got {type(ax).__name__}"
            )
        yield ax
        return
    # Before the context, which would undo what pyplot sets in a notebook when it is first imported.
    figure = _new_figure((WIDTH, _TALLEST if height is None else min(height, _TALLEST)))
    with mpl.rc_context(STYLE):
        try:
            yield figure.add_subplot()
            if height is None:
                _fit_height(figure)
        except BaseException:
            if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
                pyplot.close(figure)
            raise


def save(picture: Axes | Figure, path: str | Path, *, dpi: float | None = None) -> None:
    """Write a picture in the format that the name of the file ends in: .pdf, .svg, .png or others.

    Parameters
    ----------
    picture : Axes or Figure
        The axes that a function of `isogram.plot` returned, or any figure of matplotlib.
    path : str or path
        A name without an ending gets PNG. A file that is there is replaced only once the new one is
        complete.
    dpi : float, optional
        Dots per inch; by default those of the figure.

    Raises
    ------
    ValueError
        An ending that matplotlib does not write.
    TypeError
        Neither axes nor a figure.
    OSError
        The file cannot be written.
    """
    figure = picture.figure.figure if isinstance(picture, Axes) else picture
    if not isinstance(figure, Figure):
        raise TypeError(
            f"save: `picture` must be axes or a figure of matplotlib, got {type(picture).__name__}"
        )
    target = path_of("save", "path", path)
    if not is_written(target):
        expected = ", ".join(endings())
        raise ValueError(f"save: `path` must end in one of {expected}, got {str(path)!r}")
    # Type 42: text that stays text, which journals ask for.
    with mpl.rc_context({"pdf.fonttype": 42}), replacing(target) as stream:
        figure.savefig(
            stream,
            format=target.suffix.lower().removeprefix(".") or "png",
            dpi="figure" if dpi is None else dpi,
        )


def is_written(path: Path) -> bool:
    """Whether `save` knows the ending of a file; without one it writes PNG."""
    return not path.suffix or path.suffix.lower() in endings()


def endings() -> list[str]:
    """Return the endings of the files that matplotlib writes."""
    return [f".{name}" for name in sorted(Figure().canvas.get_supported_filetypes())]


def _new_figure(size: tuple[float, float]) -> Figure:
    """Return a figure that a notebook shows; one of nobody's, where nobody would close it."""
    if "matplotlib.pyplot" in sys.modules or _in_ipython():
        from matplotlib import pyplot

        return pyplot.figure(figsize=size, dpi=_DPI, layout="constrained")
    return Figure(figsize=size, dpi=_DPI, layout="constrained")


def _in_ipython() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def _fit_height(figure: Figure) -> None:
    """Give a figure the height at which square cells fill its width."""
    axes = figure.axes[0]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    axes.set_aspect("auto")
    for _ in range(2):  # labels, and so their margins, change with the height
        figure.draw_without_rendering()
        box = axes.get_window_extent()
        spare = box.height - box.width * abs((top - bottom) / (right - left))
        figure.set_figheight(min(figure.get_figheight() - spare / figure.dpi, _TALLEST))
    axes.set_aspect("equal")
