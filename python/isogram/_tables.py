"""Tables as text: in full, or as wide as a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from numpy.typing import NDArray

from isogram._output import printable

_GAP = 2  # spaces between columns
_LEAST = 8  # characters of a name that was cut


def matrix_table(
    matrix: NDArray[Any], rows: Sequence[str], columns: Sequence[str], width: int | None = None
) -> str:
    """Return a (rows, columns) matrix with three decimals.

    Where it is wider than `width`, names are cut and columns that do not fit come below the others.
    """
    rows, columns = list(map(printable, rows)), list(map(printable, columns))
    numbers = [[f"{value:.3f}" for value in values] for values in matrix]
    widths = [max(map(len, column)) for column in zip(columns, *numbers, strict=True)]
    head = max(map(len, rows))
    if width is not None and head + sum(widths) + _GAP * len(widths) > width:
        most = width - _GAP - max(_LEAST, *(len(number) for line in numbers for number in line))
        rows = _cut_apart(rows, width // 2) or [cut(name, most) for name in rows]
        head = max(map(len, rows))
        columns = [cut(name, width - head - _GAP) for name in columns]
        widths = [max(map(len, column)) for column in zip(columns, *numbers, strict=True)]
    lines = [columns, *numbers]
    blocks = (
        [[name, *line[block]] for name, line in zip(["", *rows], lines, strict=True)]
        for block in _blocks(widths, None if width is None else width - head)
    )
    return "\n\n".join(_aligned(block, right=range(1, len(block[0]))) for block in blocks)


def listing(
    header: Sequence[str],
    lines: Iterable[Sequence[str]],
    *,
    right: Collection[int] = (),
    names: Collection[int] = (0,),
    width: int | None = None,
) -> str:
    """Return a table of text.

    Parameters
    ----------
    header
        The names of the columns.
    lines
        The cells of each line.
    right
        Columns that are flush right, as numbers are.
    names
        Columns whose cells are cut where the table is wider than `width`. If that is not enough,
        each line becomes a paragraph.
    """
    cells = [list(header), *(list(map(printable, line)) for line in lines)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if width is not None and sum(widths) + _GAP * (len(widths) - 1) > width:
        others = sum(size for i, size in enumerate(widths) if i not in names)
        room = (width - others - _GAP * (len(widths) - 1)) // len(names)
        for i in names:
            short = _cut_apart([line[i] for line in cells], room)
            if short is None:
                return "\n".join(_paragraph(header, line, width) for line in cells[1:])
            for line, name in zip(cells, short, strict=True):
                line[i] = name
    return _aligned(cells, right)


def terminal_width() -> int | None:
    """Return how many characters a line on stdout has; None if that is no terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def cut(name: str, width: int) -> str:
    """Return a name without its middle if it is longer than `width`, or than the least width."""
    width = max(width, _LEAST)
    if len(name) <= width:
        return name
    head = (width - 1) // 3  # ends tell names apart better than beginnings
    return f"{name[:head]}…{name[len(name) - (width - 1 - head) :]}"


def _cut_apart(names: Sequence[str], width: int) -> list[str] | None:
    """Cut names, unless that is too much or makes different ones look alike."""
    short = [cut(name, width) for name in names]
    return short if width >= _LEAST and len(set(short)) == len(set(names)) else None


def _blocks(widths: Sequence[int], room: int | None) -> list[slice]:
    """Return which columns stand beside each other: at least one."""
    blocks, start, used = [], 0, 0
    for i, size in enumerate(widths):
        if room is not None and i > start and used + _GAP + size > room:
            blocks.append(slice(start, i))
            start, used = i, 0
        used += _GAP + size
    return [*blocks, slice(start, len(widths))]


def _aligned(cells: Sequence[Sequence[str]], right: Collection[int]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    sides = [str.rjust if i in right else str.ljust for i in range(len(widths))]
    return "\n".join(
        (" " * _GAP)
        .join(side(cell, size) for side, cell, size in zip(sides, line, widths, strict=True))
        .rstrip()
        for line in cells
    )


def _paragraph(header: Sequence[str], line: Sequence[str], width: int) -> str:
    """Return a line of a table below its name, each cell with the name of its column."""
    facts = [f"{name}: {cell}" for name, cell in zip(header[1:], line[1:], strict=True) if cell]
    folded = (
        textwrap.fill(fact, max(width, _LEAST), initial_indent="  ", subsequent_indent="    ")
        for fact in facts
    )
    return "\n".join([cut(line[0], width), *folded])
