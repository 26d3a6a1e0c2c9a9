"""`isogram info`."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click

import isogram as ig
from isogram._config import NAME_WIDTH, described
from isogram._tables import terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import Command
from isogram.cli._options import check_targets, json_option


@click.command(cls=Command)
@json_option
def info(json_path: Path | None) -> None:
    """Print the version, the instruction set, the threads and CUDA."""
    check_targets(json=json_path)
    config, width = ig.config(), terminal_width()
    lines = [f"{name + ':':<{NAME_WIDTH}}{text}" for name, text in described(config).items()]
    if width is not None:
        indent = " " * min(NAME_WIDTH, width // 2)
        lines = [textwrap.fill(line, width, subsequent_indent=indent) for line in lines]
    answer("\n".join(lines), config, json_path)
