"""`isogram match`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram._tables import listing, terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import Command
from isogram.cli._files import read_numbers
from isogram.cli._options import (
    INPUT,
    check_targets,
    json_option,
    layer_option,
    num_threads_option,
    progress_option,
    wants_progress,
)


@click.command(cls=Command, words={"similarity": "COSTS"})
@click.argument("costs", type=INPUT)
@layer_option
@click.option(
    "--minimize/--maximize",
    default=True,
    show_default=True,
    help="Look for the smallest sum, of costs, or for the largest, of similarities.",
)
@json_option
@num_threads_option
@progress_option
def match(
    costs: Path,
    layer: str | None,
    minimize: bool,
    json_path: Path | None,
    num_threads: int | None,
    progress: bool | None,
) -> None:
    """Match rows with columns, one to one, so that the sum of the matched COSTS is smallest.

    COSTS is a file of a matrix, or of a stack of them, which are problems of their own: any that
    `rsm` takes, or a .csv file of numbers. inf (with --maximize -inf) forbids a pair. The optimum
    is no further from the total than the gap.
    """
    check_targets(json=json_path)
    is_shown = wants_progress(progress)
    problems = read_numbers(costs, layer)
    columns, total, gap = ig.match(
        problems, maximize=not minimize, num_threads=num_threads, progress=is_shown
    )
    if problems.ndim == 3:
        text = _totals(np.asarray(total), np.asarray(gap))
    else:
        text = f"{_pairs(problems, columns)}\n\ntotal: {total:.15g}\ngap: {gap:.2g}"
    facts = {"file": costs, "maximize": not minimize, "shape": problems.shape}
    answer(text, {**facts, "columns": columns, "total": total, "gap": gap}, json_path)


def _totals(total: NDArray[Any], gap: NDArray[Any]) -> str:
    lines = [(str(i), f"{total[i]:.9g}", f"{gap[i]:.2g}") for i in range(len(total))]
    return listing(("problem", "total", "gap"), lines, right=(0, 1, 2), width=terminal_width())


def _pairs(problem: NDArray[Any], columns: NDArray[Any]) -> str:
    """Return the column of each row, and the entry there; nothing of a row without a column."""
    lines = [
        (str(row), str(column), f"{problem[row, column]:g}") if column >= 0 else (str(row), "", "")
        for row, column in enumerate(columns)
    ]
    return listing(("row", "column", "cost"), lines, right=(0, 1, 2), width=terminal_width())
