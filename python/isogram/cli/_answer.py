"""Answers of commands: text on stdout, and the same as JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

import isogram as ig
from isogram._output import replacing
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
    document = json.dumps(_plain({**about, **facts}), indent=1, allow_nan=False)
    if json_path == STDOUT:
        click.echo(document)
    else:
        with replacing(json_path) as stream:
            stream.write(document.encode() + b"\n")


def _plain(value: Any) -> Any:
    """Return what JSON holds of a value."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return os.fspath(value) if isinstance(value, os.PathLike) else value
