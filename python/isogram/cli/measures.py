"""`isogram measures`."""

from __future__ import annotations

import click

import isogram as ig
from isogram._measures import KINDS
from isogram.cli._commands import Command


@click.command(cls=Command)
@click.option("--kind", type=click.Choice(KINDS), help="Those of one kind only.")
def measures(kind: str | None) -> None:
    """List the measures of layers that `compare --measure` takes."""
    click.echo(ig.measures(kind))
