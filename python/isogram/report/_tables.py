"""Tables whose columns sort."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogram._output import printable
from isogram._tables import fixed
from isogram.report._page import Report, page


@dataclass(frozen=True)
class Cell:
    """The text of a cell, and the number by which it is sorted, if it is one."""

    text: str
    number: float | None = None

    @property
    def key(self) -> str | None:
        """The number in full precision."""
        return None if self.number is None else repr(self.number)


@dataclass(frozen=True)
class Table:
    """Columns, rows of cells, and which rows stand out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    marked: frozenset[int] = frozenset()


def table_of(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], marked: Collection[int] = ()
) -> Table:
    """Return a table of text and numbers."""
    cells = tuple(tuple(map(_cell, row)) for row in rows)
    for index, row in enumerate(cells):
        if len(row) != len(columns):
            raise ValueError(
                f"table: `rows[{index}]` must have {len(columns)} cells, one for each column, "
                f"got {len(row)}"
            )
    return Table(tuple(map(printable, columns)), cells, frozenset(marked))


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    lead: str = "",
    marked: Collection[int] = (),
    about: Mapping[str, Any] | None = None,
) -> Report:
    """Return a page of one table, whose columns sort.

    Parameters
    ----------
    title : str
        Its heading.
    columns : sequence of str
        Names of the columns.
    rows : iterable of sequences
        Text and numbers, one for each column. Numbers are shown with four decimals and sorted as
        they are; NaN comes last.
    lead : str, optional
        A sentence above the table.
    marked : collection of int, optional
        Indices of rows that stand out.
    about : mapping, optional
        More facts, by name: inputs, options, versions.

    Returns
    -------
    Report
        `.save(path)` writes it.

    Raises
    ------
    ValueError
        A row with another number of cells than there are columns.

    Examples
    --------
    >>> from isogram import report
    >>> page = report.table("Check", ["layer", "CKA"], [["conv", 0.99], ["head", 0.5]], marked=[1])
    >>> page.save("check.html")  # doctest: +SKIP
    """
    lines = [list(row) for row in rows]
    facts = {"title": title, "columns": list(columns), "rows": lines, "about": dict(about or {})}
    return page(
        "table.html",
        facts,
        title=printable(title),
        lead=printable(lead),
        table=table_of(columns, lines, marked),
        about=about_of(about or {}),
    )


def about_of(items: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values as text."""
    return [(printable(str(name)), printable(_text(value))) for name, value in items.items()]


def number_text(value: float, decimals: int = 4) -> str:
    """Return a number as the page shows it."""
    return "NaN" if math.isnan(value) else fixed(value, decimals)


def _cell(value: Any) -> Cell:
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no")
    if isinstance(value, int | np.integer):
        return Cell(str(value), float(value))
    if isinstance(value, float | np.floating):
        return Cell(number_text(float(value)), float(value))
    return Cell("" if value is None else printable(str(value)))


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {_text(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value)
