"""`isogram experiment`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

import isogram as ig
from isogram import experiments
from isogram._tables import listing, terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import Command
from isogram.cli._messages import notice
from isogram.cli._options import OUTPUT, check_targets, json_option, num_threads_option
from isogram.experiments._files import facts_of

_TAKES = {
    "small": "seconds, without PyTorch",
    "medium": "minutes on two cores",
    "large": "minutes to hours",
}


def _names_from(_context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    return [name for name in experiments.names() if name.startswith(start)]


@click.command(cls=Command)
@click.argument("name", required=False, shell_complete=_names_from)
@click.option("--list", "is_list", is_flag=True, help="List the experiments, and exit.")
@click.option(
    "--size",
    type=click.Choice(get_args(experiments.Size)),
    default="medium",
    show_default=True,
    help="; ".join(f"{size}: {time}" for size, time in _TAKES.items()) + ".",
)
@click.option("--seeds", type=click.IntRange(min=1), help="How many; by default the experiment's.")
@click.option(
    "-o",
    "--output",
    type=OUTPUT,
    default=Path("isogram-experiments"),
    show_default=True,
    help="Folder for NAME.json, NAME.md and NAME.png.",
)
@json_option
@num_threads_option
def experiment(
    name: str | None,
    is_list: bool,
    size: experiments.Size,
    seeds: int | None,
    output: Path,
    json_path: Path | None,
    num_threads: int | None,
) -> None:
    """Run an experiment of the papers again: a table, its numbers as JSON, and a figure.

    Nothing is downloaded: pictures, sentences and weights come from installed packages.
    """
    check_targets(json=json_path)
    known = experiments.names()
    if is_list:
        text = listing(("experiment", "what it asks"), list(known.items()), width=terminal_width())
        answer(text, {"experiments": known}, json_path)
        return
    if name not in known:
        said = "NAME is missing" if name is None else f"{name!r} is no experiment"
        raise click.UsageError(f"{said}: one of {', '.join(known)}.")
    output.mkdir(parents=True, exist_ok=True)  # before minutes of work, not after
    if num_threads is not None:  # for all that experiments call, until this process ends
        ig.set_num_threads(num_threads)
    notice(f"{name} of size {size}: takes {_TAKES[size]}")
    result = experiments.run(name, size=size, seeds=seeds)
    answer(experiments.text_of(result, terminal_width()), facts_of(result), json_path)
    for path in experiments.save(result, output):
        notice(f"{path} written")
