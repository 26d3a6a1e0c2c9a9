"""`isogram index`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypedDict

import click
from numpy.typing import NDArray

import isogram as ig
from isogram import io
from isogram._progress import reporting
from isogram._types import Report
from isogram.cli._answer import answer
from isogram.cli._commands import Command
from isogram.cli._files import only_layer, require_axes
from isogram.cli._messages import going_on
from isogram.cli._options import (
    INPUT,
    OUTPUT,
    check_targets,
    dry_run_option,
    ids_option,
    json_option,
    layer_option,
    layout_option,
    memory_limit_option,
    progress_option,
    resume_option,
    wants_progress,
)
from isogram.typing import LayoutName, NormalizationName

# Samples that are read at a time.
_ROWS = 256


class _Options(TypedDict):
    """Options of building, and of saying what it takes."""

    ids: list[Any] | None
    layout: LayoutName
    normalize: NormalizationName
    memory_limit: int | None


class _Tokens:
    """A layer of tokens, or of vectors, each one token; reports how many samples were read."""

    def __init__(self, layer: io.Layer, report: Report) -> None:
        n, *features = layer.shape
        self.shape = layer.shape if len(features) > 1 else (n, 1, *features)
        self.dtype = layer.dtype
        self._layer, self._report = layer, report

    def rows(self, span: slice) -> NDArray[Any]:
        """Return the samples of a span."""
        rows = self._layer.rows(span)
        if self._report is not None:
            self._report(span.stop, self.shape[0])
        return rows.reshape(len(rows), *self.shape[1:])


@click.group(invoke_without_command=True)
@click.pass_context
def index(context: click.Context) -> None:
    """Keep tokens in an index, a file in which `isogram retrieve` searches.

    Samples are called by their identifiers, or else by the integers from 0 on; they keep their
    names whatever is added or deleted.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@index.command(cls=Command, words={"batches": "TOKENS", "path": "--output"})
@click.argument("tokens", type=INPUT)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The file of the index.")
@click.option(
    "--normalize",
    type=click.Choice(["input", "token"]),
    default="input",
    show_default=True,
    help="Whether all tokens of a sample are divided by one norm, or each by its own.",
)
@layer_option
@layout_option
@ids_option
@json_option
@progress_option
@resume_option
@memory_limit_option
@dry_run_option
def build(
    tokens: Path,
    output: Path,
    normalize: NormalizationName,
    layer: str | None,
    layout: LayoutName,
    ids: str | None,
    json_path: Path | None,
    progress: bool | None,
    resume: bool,
    memory_limit: int | None,
    dry_run: bool,
) -> None:
    """Write the index of the samples in TOKENS, a file as for `compare`.

    The file is read some samples at a time, and may be larger than the memory. With --resume an
    interrupted build goes on from the samples that are in the index.
    """
    check_targets(output=output, json=json_path)
    is_shown = wants_progress(progress)
    with io.open(tokens, layers=layer or "*", ids=ids, reduce=None) as layers:
        chosen = only_layer(tokens, layers)
        require_axes("TOKENS", chosen.shape, layout, takes_vectors=True)
        if len(chosen.shape) != 4:
            layout = "nsc"
        names = None if layers.ids is None else layers.ids.tolist()
        options: _Options = {
            "ids": names,
            "layout": layout,
            "normalize": normalize,
            "memory_limit": memory_limit,
        }
        if dry_run:
            click.echo(ig.SemanticIndex.build_cost(_Tokens(chosen, None), **options))
            return
        job = Path(f"{output}.job") if resume else None
        with (
            reporting("index", is_shown, "sample") as report,
            nullcontext() if job is None else going_on(job),
        ):
            built = ig.SemanticIndex.build(_Tokens(chosen, report), path=output, job=job, **options)
    _say(built, output, json_path)


@index.command(cls=Command)
@click.argument("index_path", metavar="INDEX", type=INPUT)
@click.argument("tokens", type=INPUT)
@layer_option
@ids_option
@json_option
@progress_option
def add(
    index_path: Path,
    tokens: Path,
    layer: str | None,
    ids: str | None,
    json_path: Path | None,
    progress: bool | None,
) -> None:
    """Add the samples in TOKENS to INDEX, of its layout."""
    check_targets(json=json_path)
    is_shown = wants_progress(progress)
    changed = ig.SemanticIndex.load(index_path)
    with io.open(tokens, layers=layer or "*", ids=ids, reduce=None) as layers:
        chosen, names = only_layer(tokens, layers), layers.ids
        require_axes("TOKENS", chosen.shape, changed.layout, takes_vectors=True)
        with reporting("index", is_shown, "sample") as report:
            batches = _Tokens(chosen, report)
            for start in range(0, len(chosen), _ROWS):
                span = slice(start, min(start + _ROWS, len(chosen)))
                named = None if names is None else names[span].tolist()
                changed.add(batches.rows(span), ids=named)
    changed.save(index_path)
    _say(changed, index_path, json_path)


@index.command(cls=Command)
@click.argument("index_path", metavar="INDEX", type=INPUT)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@json_option
def delete(index_path: Path, ids: tuple[str, ...], json_path: Path | None) -> None:
    """Delete samples from INDEX by their identifiers."""
    check_targets(json=json_path)
    changed = ig.SemanticIndex.load(index_path)
    changed.delete([_as_kept(changed, id) for id in ids])
    changed.save(index_path)
    _say(changed, index_path, json_path)


def _as_kept(index: ig.SemanticIndex, id: str) -> str | int:
    """Return an identifier as the index has it."""
    if index.ids.dtype.kind == "U":
        return id
    try:
        return int(id)
    except ValueError:
        raise ValueError(f"ID must be an integer, as those of INDEX are, got {id!r}") from None


def _say(index: ig.SemanticIndex, path: Path, json_path: Path | None) -> None:
    text = f"{path}: {len(index)} samples"
    answer(text, {"index": path, "samples": len(index)}, json_path)
