"""`isogram info`."""

from __future__ import annotations

import click

import isogram as ig
from isogram.cli._commands import Command


@click.command(cls=Command)
def info() -> None:
    """Print the version, the instruction set, the threads and CUDA."""
    ig.show_config()
