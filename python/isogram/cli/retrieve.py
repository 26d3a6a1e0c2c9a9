"""`isogram retrieve`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import click
import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram import io
from isogram._tables import listing, terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import Command
from isogram.cli._files import only_layer, require_axes, say_what_is_ignored
from isogram.cli._options import (
    INPUT,
    STDOUT,
    check_scheduler,
    check_targets,
    dry_run_option,
    ids_option,
    json_option,
    layer_option,
    layout_option,
    memory_limit_option,
    num_threads_option,
    progress_option,
    resume_option,
    scheduler_option,
    wants_progress,
)
from isogram.cli._planned import Planned
from isogram.typing import LayoutName, ReductionName


class _Samples(NamedTuple):
    """Tokens, or a layer of them that is not read yet, and what their samples are called."""

    tokens: Any
    names: list[str | int]


class _Options(TypedDict):
    """Options of both functions that compare tokens."""

    layout: LayoutName
    num_threads: int | None
    progress: bool


_WORDS = {"tokens": "QUERIES", "other": "GALLERY", "exclude": "the names of QUERIES"}


@click.command(cls=Command, words=_WORDS)
@click.argument("queries", type=INPUT)
@click.argument("gallery", type=INPUT)
@click.option(
    "--k", type=click.IntRange(min=1), default=10, show_default=True, help="Neighbours of a query."
)
@click.option(
    "--similarity",
    type=click.Choice(["semantic", "spatial", "pooled"]),
    default="semantic",
    show_default=True,
    help="Cosine of samples whose tokens are matched, are taken as they lie, or are averaged.",
)
@layer_option
@layout_option
@ids_option
@json_option
@num_threads_option
@progress_option
@resume_option
@scheduler_option
@memory_limit_option
@dry_run_option
@click.option(
    "--exclude-self",
    is_flag=True,
    help="Of an index: a query does not find the sample that has its name.",
)
def retrieve(
    queries: Path,
    gallery: Path,
    k: int,
    similarity: str,
    layer: str | None,
    layout: LayoutName,
    ids: str | None,
    json_path: Path | None,
    num_threads: int | None,
    progress: bool | None,
    resume: bool,
    scheduler: str | None,
    memory_limit: int | None,
    dry_run: bool,
    exclude_self: bool,
) -> None:
    """Find the k samples of GALLERY that are most like each sample of QUERIES.

    Both are files as for `compare`, of tokens, or of one vector for each sample; GALLERY may be a
    file of `isogram index`. Samples are called by their identifiers, or else by their rows. Where
    both are one file, a sample is not its own neighbour; with --exclude-self, in an index, none is
    that has its name.
    The answer is that of comparing every query with all of the gallery.

    With --resume what is found is kept in a folder beside the file of --json, from which the same
    command goes on after an interruption. With --scheduler or --memory-limit semantic similarities
    are searched some queries after others; every worker reads all of the gallery.
    """
    check_scheduler(scheduler, num_threads)
    check_targets(json=json_path)
    planned = Planned(memory_limit, dry_run, scheduler)
    is_read = not planned.options
    for option in planned.options:
        if similarity != "semantic":
            raise click.UsageError(f"{option} goes with --similarity semantic only")
    if resume and (json_path in (None, STDOUT) or similarity == "spatial"):
        raise click.UsageError("--resume goes with --json FILE, and not with --similarity spatial")
    is_shown = wants_progress(progress)
    options: _Options = {"layout": layout, "num_threads": num_threads, "progress": is_shown}
    job = Path(f"{json_path}.job") if resume else None
    if ig.SemanticIndex.is_file(gallery):
        if similarity != "semantic":
            raise click.UsageError("an index as GALLERY goes with --similarity semantic only")
        index = ig.SemanticIndex.load(gallery)
        wanted = _read("QUERIES", queries, layer, ids, None, index.layout, is_read=is_read)
        found = _in_index(index, wanted, k, options, job, planned, exclude_self=exclude_self)
    elif exclude_self:
        raise click.UsageError("--exclude-self goes with an index as GALLERY")
    else:
        reduce: ReductionName | None
        reduce = None if similarity != "pooled" else "mean_nchw" if layout == "nchw" else "mean"
        wanted = _read("QUERIES", queries, layer, ids, reduce, layout, is_read=is_read)
        there = wanted
        if not queries.samefile(gallery):
            there = _read("GALLERY", gallery, layer, ids, reduce, layout, is_read=is_read)
        is_spatial = similarity == "spatial"
        found = _in_file(there, wanted, k, options, job, planned, is_spatial=is_spatial)
    if found is None:
        return
    names, scores = found
    lines = [
        {
            "sample": name,
            "neighbours": [
                {"sample": neighbour, "similarity": score}
                for neighbour, score in zip(neighbours, row, strict=True)
            ],
        }
        for name, neighbours, row in zip(wanted.names, names, scores, strict=True)
    ]
    facts = {"files": [queries, gallery], "similarity": similarity, "k": k, "queries": lines}
    answer(_table(lines), facts, json_path)


def _in_index(
    index: ig.SemanticIndex,
    wanted: _Samples,
    k: int,
    options: _Options,
    job: Path | None,
    planned: Planned,
    *,
    exclude_self: bool,
) -> tuple[list[list[Any]], NDArray[Any]] | None:
    """Return the names of the best in an index, and their similarities; None of a dry run."""
    if k > (most := len(index) - exclude_self):
        raise ValueError(f"--k must be at most {most}, got {k}")
    exclude = wanted.names if exclude_self else None
    if planned.options:
        inputs = [wanted.tokens, index]
        found = planned.result("retrieve", inputs, job, options, k=k, exclude=exclude)
        return None if found is None else (found.ids.tolist(), found.scores)
    found = index.search(
        wanted.tokens,
        k,
        exclude=exclude,
        job=job,
        num_threads=options["num_threads"],
        progress=options["progress"],
    )
    return found.ids.tolist(), found.scores


def _in_file(
    there: _Samples,
    wanted: _Samples,
    k: int,
    options: _Options,
    job: Path | None,
    planned: Planned,
    *,
    is_spatial: bool,
) -> tuple[list[list[Any]], NDArray[Any]] | None:
    """Return the names of the best of a gallery, and their similarities; None of a dry run."""
    is_one = there is wanted
    if k > (most := len(there.names) - is_one):
        raise ValueError(f"--k must be at most {most}, got {k}")
    if len(wanted.tokens.shape) != 4:
        options = {**options, "layout": "nsc"}
    gallery = None if is_one else there.tokens
    if is_spatial:
        indices, scores = _nearest(ig.spatial_rsm(wanted.tokens, gallery, **options), is_one, k)
    else:
        if planned.options:
            inputs = [wanted.tokens] if is_one else [wanted.tokens, gallery]
            best = planned.result("retrieve", inputs, job, options, k=k, layout=options["layout"])
        else:
            best = ig.retrieve(wanted.tokens, gallery, k, job=job, **options)
        if best is None:
            return None
        indices, scores = best.indices, best.scores
    return [[there.names[j] for j in row] for row in indices], scores


def _nearest(matrix: NDArray[Any], is_one: bool, k: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the columns of the k largest similarities, of equal ones the first, and these."""
    if is_one:
        np.fill_diagonal(matrix, -np.inf)
    best = np.argsort(-matrix, axis=1, kind="stable")[:, :k]
    return best, np.take_along_axis(matrix, best, axis=1)


def _read(
    argument: str,
    path: Path,
    name: str | None,
    ids: str | None,
    reduce: ReductionName | None,
    layout: LayoutName,
    *,
    is_read: bool,
) -> _Samples:
    """Return the tokens of the layer `name`, or of the only one; vectors are always read."""
    opened = io.open(path, layers="*" if name is None else name, ids=ids, reduce=reduce)
    layers = click.get_current_context().with_resource(opened)
    layer = only_layer(path, layers)
    require_axes(argument, layer.entry.shape, layout, takes_vectors=True)
    tokens: Any = layer
    if is_read or len(layer.shape) == 2:
        [tokens] = layers.read().values()
    if name is None:
        say_what_is_ignored(path, layers.skipped)
    names = list(range(len(layer))) if layers.ids is None else layers.ids.tolist()
    return _Samples(tokens[:, None, :] if len(tokens.shape) == 2 else tokens, names)


def _table(found: list[dict[str, Any]]) -> str:
    lines = [
        (str(query["sample"]), str(one["sample"]), str(rank), f"{one['similarity']:.6f}")
        for query in found
        for rank, one in enumerate(query["neighbours"], start=1)
    ]
    header = ("query", "neighbour", "rank", "similarity")
    return listing(header, lines, right=(2, 3), names=(0, 1), width=terminal_width())
