"""Tables as text: in full, or as wide as a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate, takewhile
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
    numbers = [[fixed(value, 3) for value in values] for values in matrix]
    widths = [max(map(width_of, column)) for column in zip(columns, *numbers, strict=True)]
    head = max(map(width_of, rows))
    if width is not None and head + sum(widths) + _GAP * len(widths) > width:
        most = width - _GAP - max(_LEAST, *(len(number) for line in numbers for number in line))
        rows = _cut_apart(rows, width // 2) or _told_apart(rows, most)
        head = max(map(width_of, rows))
        columns = _told_apart(columns, width - head - _GAP)
        widths = [max(map(width_of, column)) for column in zip(columns, *numbers, strict=True)]
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
    widths = [max(map(width_of, column)) for column in zip(*cells, strict=True)]
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


def fixed(value: float, decimals: int) -> str:
    """Return a number with some decimals, without a sign before zeros."""
    return f"{round(float(value), decimals) + 0.0:.{decimals}f}"


def terminal_width() -> int | None:
    """Return how many characters a line on stdout has; None if that is no terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for each wide (CJK) character."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def cut(name: str, width: int) -> str:
    """Return a name without its middle if it is wider than `width`, or than the least width."""
    width = max(width, _LEAST)
    if width_of(name) <= width:
        return name
    head = (width - 1) // 3  # ends tell names apart better than beginnings
    end = _begin(name[::-1], width - 1 - head)[::-1]
    return f"{_begin(name, head)}…{end}"


def folded(text: str, width: int | None, indent: str = "") -> str:
    """Return a text in lines of at most `width`, all but the first indented further."""
    if width is None:
        return indent + text
    # A wide character counts as the two that it becomes here.
    doubled = "".join(c + "\0" * (_character_width(c) - 1) for c in text)
    lines = textwrap.fill(
        doubled, max(width, _LEAST), initial_indent=indent, subsequent_indent=indent + "  "
    )
    return lines.replace("\0", "")


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 1 + (unicodedata.east_asian_width(character) in "FW")


def _begin(text: str, width: int) -> str:
    """Return as many characters from the beginning as `width` columns hold."""
    ends = list(accumulate(map(_character_width, text)))
    return text[: bisect_right(ends, width)]


def _cut_apart(names: Sequence[str], width: int) -> list[str] | None:
    """Cut names, unless that is too much or makes different ones look alike."""
    short = [cut(name, width) for name in names]
    return short if width >= _LEAST and len(set(short)) == len(set(names)) else None


def _told_apart(names: Sequence[str], width: int) -> list[str]:
    """Cut names; where different names would look alike, drop what all begin and end with.

    Where that is too little, names may look alike.
    """
    if short := _cut_apart(names, width):
        return short
    head = _shared_beginning(names)
    tail = _shared_beginning([name[head:][::-1] for name in names])
    inner = [f"…{name[head : len(name) - tail]}…" for name in names]
    return _cut_apart(inner, width) or [cut(name, width) for name in names]


def _shared_beginning(names: Sequence[str]) -> int:
    """Return how many characters all names begin with, not counting digits at the end."""
    pairs = zip(min(names), max(names), strict=False)
    same = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return len(same.rstrip("0123456789"))


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
    widths = [max(map(width_of, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        (" " * _GAP)
        .join(
            _padded(cell, size, i in right)
            for i, (cell, size) in enumerate(zip(line, widths, strict=True))
        )
        .rstrip()
        for line in cells
    )


def _padded(cell: str, width: int, is_right: bool) -> str:
    spaces = " " * (width - width_of(cell))
    return spaces + cell if is_right else cell + spaces


def _paragraph(header: Sequence[str], line: Sequence[str], width: int) -> str:
    """Return a line of a table below its name, each cell with the name of its column."""
    facts = [f"{name}: {cell}" for name, cell in zip(header[1:], line[1:], strict=True) if cell]
    return "\n".join([cut(line[0], width), *(folded(fact, width, "  ") for fact in facts)])
