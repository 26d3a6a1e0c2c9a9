"""`isogram demo`."""

from __future__ import annotations

from pathlib import Path

import click

from isogram.cli._commands import Command
from isogram.cli._options import OUTPUT, num_threads_option
from isogram.demo import run


@click.command(cls=Command)
@click.option(
    "-o",
    "--output",
    type=OUTPUT,
    default=Path("isogram-demo.png"),
    show_default=True,
    help="PNG file to draw, or a folder for it.",
)
@num_threads_option
def demo(output: Path, num_threads: int | None) -> None:
    """Show on real feature maps what semantic RSMs, CKA and GBS tell.

    Uses a small data set inside the package; needs no network.
    """
    run(output, num_threads=num_threads)
