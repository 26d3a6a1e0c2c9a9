"""`isogram measures`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import isogram as ig
from isogram._measures import KINDS, Measure, table_of
from isogram._tables import terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import Command
from isogram.cli._options import check_targets, json_option
from isogram.typing import MeasureKind


@click.command(cls=Command)
@click.option("--kind", type=click.Choice(KINDS), help="Those of one kind only.")
@json_option
def measures(kind: MeasureKind | None, json_path: Path | None) -> None:
    """List the measures of layers that `--measure` of `check` and `compare` takes."""
    check_targets(json=json_path)
    known = ig.measures(kind)
    facts = {"measures": [_facts(measure) for measure in known.values()]}
    answer(table_of(known, terminal_width()), facts, json_path)


def _facts(measure: Measure) -> dict[str, Any]:
    return {
        "name": measure.name,
        "aliases": measure.aliases,
        "kind": measure.kind,
        "range": measure.range,
        "summary": measure.summary,
        "options": measure.options,
        "invariances": sorted(measure.invariances),
        "symmetric": measure.symmetric,
        "metric": measure.metric,
        "fewest": measure.fewest,
        "cost": measure.cost,
        "source": measure.source,
    }
