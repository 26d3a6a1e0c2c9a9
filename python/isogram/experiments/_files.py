"""The files of a result."""

from __future__ import annotations

import os
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogram._output import json_of, path_of, replacing
from isogram.experiments._result import Result, markdown_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save(result: Result, folder: str | os.PathLike[str]) -> list[Path]:
    """Write NAME.json, NAME.md and NAME.png into a folder, which is made; return their paths.

    Raises
    ------
    OSError
        A file cannot be written.
    ImportError
        matplotlib is missing.
    """
    from isogram import plot

    target = path_of("save", "folder", folder)
    target.mkdir(parents=True, exist_ok=True)
    numbers, page, picture = (
        target / f"{result.name}.{ending}" for ending in ("json", "md", "png")
    )
    for path, text in ((numbers, json_of(facts_of(result)) + "\n"), (page, markdown_of(result))):
        with replacing(path) as stream:
            stream.write(text.encode())
    plot.save(figure_of(result), picture)
    return [numbers, page, picture]


def facts_of(result: Result) -> dict[str, Any]:
    """Return all of a result but what its figure is drawn from, for JSON."""
    facts = asdict(result)
    del facts["findings"]["series"]
    return facts


def figure_of(result: Result) -> Figure:
    """Return the figure that the result's experiment draws."""
    module = import_module(f"{__package__}.{result.name}")
    drawn: Figure = module.figure(result.findings)
    return drawn
