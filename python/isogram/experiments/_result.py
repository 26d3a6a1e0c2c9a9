"""What an experiment finds, and what is said of the run that found it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from isogram._tables import fixed, listing

Size: TypeAlias = Literal["small", "medium", "large"]


class Estimate(NamedTuple):
    """A number with the ends of its 95 % interval, NaN where it has none."""

    value: float
    low: float
    high: float


Cell: TypeAlias = str | int | float | Estimate


@dataclass(frozen=True)
class Table:
    """A table of numbers.

    Attributes
    ----------
    title
        What it shows, in a line.
    header
        Names of the columns.
    rows
        Cells: text, whole numbers, numbers (shown with three decimals) or estimates.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def column(self, name: str) -> list[Cell]:
        """Return the cells of a column."""
        place = list(self.header).index(name)
        return [row[place] for row in self.rows]


@dataclass(frozen=True)
class Findings:
    """What an experiment returns.

    Attributes
    ----------
    tables
        The numbers to read.
    settings
        Networks, pictures, layers, how many of each: all that another run would need.
    series
        Numbers, arrays and pictures by name, from which the figure is drawn; in no file.
    """

    tables: Sequence[Table]
    settings: Mapping[str, Any]
    series: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What an experiment found, and how.

    Attributes
    ----------
    name, summary
        The experiment, and what it asks.
    size, seeds
        As given to `run`.
    findings
        Tables, settings and series.
    versions
        Of Python and the packages that took part.
    processor, threads
        What it ran on.
    seconds, processor_seconds
        How long it took, and the time of all threads together.
    """

    name: str
    summary: str
    size: Size
    seeds: Sequence[int]
    findings: Findings
    versions: Mapping[str, str]
    processor: str
    threads: int
    seconds: float
    processor_seconds: float

    def table(self, title: str) -> Table:
        """Return the table whose title begins with these words."""
        return next(table for table in self.findings.tables if table.title.startswith(title))


def text_of(result: Result, width: int | None = None) -> str:
    """Return the tables of a result, and below what it ran on."""
    parts = [f"{result.name}: {result.summary}"]
    for table in result.findings.tables:
        lines = [[_shown(cell) for cell in row] for row in table.rows]
        parts.append(f"{table.title}\n{_listed(table, lines, width)}")
    return "\n\n".join([*parts, said(result)])


def markdown_of(result: Result) -> str:
    """Return the same for a page."""
    parts = []
    for table in result.findings.tables:
        rule = ["---:" if right else "---" for right in _is_right(table)]
        rows = [list(table.header), rule, *([_shown(cell) for cell in row] for row in table.rows)]
        lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        parts.append(f"{table.title}:\n\n{lines}")
    return "\n\n".join([*parts, said(result)]) + "\n"


def said(result: Result) -> str:
    """Return the settings and circumstances of a run, in a few lines."""
    settings = "; ".join(
        f"{name}: {_told(value)}" for name, value in result.findings.settings.items()
    )
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    seeds = ", ".join(map(str, result.seeds))
    return (
        f"Size {result.size}, seeds {seeds}; {settings}.\n"
        f"{result.processor}, threads: {result.threads}; {result.seconds:.0f} s, "
        f"{result.processor_seconds:.0f} s of processor time.\n{versions}."
    )


def _listed(table: Table, lines: Sequence[Sequence[str]], width: int | None) -> str:
    right = [place for place, is_right in enumerate(_is_right(table)) if is_right]
    return listing(table.header, lines, right=right, width=width)


def _is_right(table: Table) -> list[bool]:
    """Return which columns are numbers."""
    columns = zip(*table.rows, strict=True)
    return [not any(isinstance(cell, str) and cell for cell in column) for column in columns]


def _shown(cell: Cell) -> str:
    if isinstance(cell, Estimate):
        if math.isnan(cell.low):  # the mean of one value, which has no interval
            return fixed(cell.value, 3)
        return f"{fixed(cell.value, 3)} [{fixed(cell.low, 3)}, {fixed(cell.high, 3)}]"
    return fixed(cell, 3) if isinstance(cell, float) else str(cell)


def _told(value: Any) -> str:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return str(value)
    return ", ".join(map(str, value))
