"""Names of layers, samples and tokens as labels: checked, shortened, and thinned until they fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator

from isogram._arrays import on_host
from isogram._loading import if_imported
from isogram._output import printable
from isogram._tables import cut

_LONGEST = 20  # characters
CHARACTER = 0.6  # width of one, in sizes of its font
_LINE = 1.2  # height of a line, in sizes of its font


def names_of(function: str, argument: str, names: Any, count: int) -> list[str] | None:
    """Return `count` names as text, or None for none."""
    if names is None:
        return None
    if isinstance(names, str | bytes) or not isinstance(names, Iterable):
        raise TypeError(f"{function}: `{argument}` must be a list of names, got {names!r}")
    if isinstance(names, if_imported("torch", "Tensor")):
        names = on_host(function, argument, names)
    result = [str(name) for name in names]
    if len(result) != count:
        raise ValueError(f"{function}: `{argument}` must have {count} names, got {len(result)}")
    return result


def plain(text: object) -> str:
    """Return text that matplotlib shows as it is: one line, without mathematics."""
    return printable(str(text)).replace("$", r"\$")


def shortened(names: Sequence[str]) -> list[str]:
    """Return the names with what all share, or their middle, left out where they are long.

    Names that differ go on differing, if twice the usual length is enough for that.
    """
    if max(map(len, names), default=0) <= _LONGEST:
        return list(names)
    rest = _without_what_all_share(names)
    for length in range(_LONGEST, 2 * _LONGEST):
        short = [cut(name, length) for name in rest]
        if len(set(short)) == len(set(names)):
            break
    return short


def set_names(axis: Axis, positions: Sequence[float], names: Sequence[str]) -> None:
    """Label positions along an axis with names, upright or turned, as far as there is room."""
    is_x = isinstance(axis, XAxis)
    size = points_of(mpl.rcParams["xtick.labelsize" if is_x else "ytick.labelsize"])
    short = [plain(name) for name in shortened(names)]
    room = _LINE * size
    if is_x:
        widest = CHARACTER * size * max(map(len, short), default=0)
        gaps = [b - a for a, b in pairwise(positions)]
        if widest + size <= _points_per_unit(axis) * min(gaps, default=1):
            room = widest
        else:
            axis.set_tick_params(rotation=90)
    axis.set_major_locator(_Thinned(positions, room))
    at = dict(zip(map(float, positions), short, strict=True))
    axis.set_major_formatter(FuncFormatter(lambda position, _: at.get(float(position), "")))


def points_of(size: Any) -> float:
    """Return the size of a font in points, where "small" and the like are of the default one."""
    return FontProperties(size=size).get_size_in_points()


def extent(ax: Axes) -> tuple[float, float]:
    """Return the width and the height of axes in points."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    return 72 * box.width, 72 * box.height


def set_numbers(axis: Axis) -> None:
    """Label whole numbers along an axis."""
    axis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))


def set_title(ax: Axes, title: str, above: float = 0) -> None:
    """Write the heading, if there is one, above as many lines of other text."""
    if title:
        ax.set_title(plain(title), pad=6 + 1.5 * above * points_of("medium"))


class _Thinned(Locator):
    """Positions, from the first on, whose labels do not touch."""

    def __init__(self, positions: Sequence[float], room: float) -> None:
        self._positions = [float(position) for position in positions]
        self._room = room  # points that a label needs

    def __call__(self) -> list[float]:
        assert self.axis is not None
        scale = _points_per_unit(self.axis)
        low, high = sorted(self.axis.get_view_interval())
        kept: list[float] = []
        for position in self._positions:
            if low <= position <= high and (
                not kept or (position - kept[-1]) * scale >= self._room
            ):
                kept.append(position)
        return kept

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        return [position for position in self._positions if vmin <= position <= vmax]


def _points_per_unit(axis: Any) -> float:
    width, height = extent(axis.axes)
    low, high = axis.get_view_interval()
    return (width if isinstance(axis, XAxis) else height) / (abs(high - low) or 1.0)


def _without_what_all_share(names: Sequence[str]) -> list[str]:
    """Return the names without the start and the end that all have, up to dots and the like."""
    if len(set(names)) < 2:
        return list(names)
    start = _shared_words(names)
    rest = [name[start:] for name in names]
    end = _shared_words([name[::-1] for name in rest])
    return ["…" * (start > 0) + name[: len(name) - end] + "…" * (end > 0) for name in rest]


def _shared_words(names: Sequence[str]) -> int:
    """Return how many characters all names begin with, up to a dot or the like.

    A shared start without a dot keeps its last six characters.
    """
    first, last = min(names), max(names)
    pairs = enumerate(zip(first, last, strict=False))
    shared = next((i for i, (a, b) in pairs if a != b), len(first))
    return max(*(first.rfind(mark, 0, shared) + 1 for mark in "./_"), shared - 6)
