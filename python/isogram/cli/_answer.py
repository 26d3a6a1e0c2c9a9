"""Answers of commands: text on stdout, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

import isogram as ig
from isogram._output import json_of, replacing
from isogram.cli._options import STDOUT


def answer(text: str, facts: Mapping[str, Any], json_path: Path | None) -> None:
    """Print the text, and write the facts to the file that `--json` names, if it was given.

    For - they are printed in place of the text. What JSON lacks, NaN and infinity, is null.
    """
    if text and json_path != STDOUT:
        click.echo(text)
    if json_path is None:
        return
    about = {"isogram": ig.__version__, "command": click.get_current_context().command.name}
    document = json_of({**about, **facts})
    if json_path == STDOUT:
        click.echo(document)
    else:
        with replacing(json_path) as stream:
            stream.write(document.encode() + b"\n")
