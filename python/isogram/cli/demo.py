"""`isogram demo`."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from isogram.cli._answer import answer
from isogram.cli._commands import Command
from isogram.cli._options import (
    OUTPUT,
    STDOUT,
    check_targets,
    json_option,
    num_threads_option,
)
from isogram.demo import RSMS, Result, run


@click.command(cls=Command)
@click.option(
    "-o",
    "--output",
    type=OUTPUT,
    default=Path("isogram-demo.png"),
    show_default=True,
    help="PNG file to draw, or a folder for it.",
)
@json_option
@num_threads_option
def demo(output: Path, json_path: Path | None, num_threads: int | None) -> None:
    """Show on real feature maps what semantic RSMs, CKA and GBS tell.

    Uses a small data set inside the package; needs no network.
    """
    check_targets(output=None if output.is_dir() else output, json=json_path)
    with redirect_stdout(io.StringIO() if json_path == STDOUT else sys.stdout):
        result = run(output, num_threads=num_threads)
    answer("", _facts(result), json_path)


def _facts(result: Result) -> dict[str, Any]:
    """Return all but the RSMs."""
    layers = {
        name: {
            "seconds": found.seconds,
            "assignments": found.assignments,
            "same_picture": found.same_picture,
            "pearson": found.pearson,
            "spearman": found.spearman,
        }
        for name, found in result.layers.items()
    }
    return {
        "rsms": RSMS,
        "layers": layers,
        "cka": result.cka,
        "gbs": result.gbs,
        "picture": result.picture,
    }
