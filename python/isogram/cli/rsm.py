"""`isogram rsm`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np

import isogram as ig
from isogram import io
from isogram._output import replacing
from isogram.cli._answer import answer
from isogram.cli._commands import Command
from isogram.cli._files import only_layer, open_layer, read_layer, require_axes
from isogram.cli._messages import going_on
from isogram.cli._options import (
    INPUT,
    OUTPUT,
    bandwidth_option,
    check_ending,
    check_scheduler,
    check_targets,
    dry_run_option,
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
from isogram.io._results import facts_of
from isogram.typing import BandwidthLike, LayoutName, MatchingName, RsmKernelName


@click.command(cls=Command, words={"client": "--scheduler", "out": "--output"})
@click.argument("tokens", type=INPUT)
@click.option("-o", "--output", type=OUTPUT, help="RSM to write (.npy, .zarr).")
@layer_option
@click.option(
    "--kernel",
    type=click.Choice(get_args(RsmKernelName)),
    default="cosine",
    show_default=True,
)
@bandwidth_option("the kernel rbf")
@click.option(
    "--matching",
    type=click.Choice(get_args(MatchingName)),
    default="exact",
    show_default=True,
    help="How the tokens of two samples are matched; none gives the spatial RSM.",
)
@click.option("--window", type=int, help="Tokens in a window, with --matching window.")
@click.option("--topk", type=int, help="Tokens matched exactly, with --matching topk.")
@layout_option
@json_option
@num_threads_option
@progress_option
@resume_option
@scheduler_option
@memory_limit_option
@dry_run_option
def rsm(
    tokens: Path,
    output: Path | None,
    layer: str | None,
    kernel: RsmKernelName,
    bandwidth: BandwidthLike | None,
    matching: MatchingName,
    window: int | None,
    topk: int | None,
    layout: LayoutName,
    json_path: Path | None,
    num_threads: int | None,
    progress: bool | None,
    resume: bool,
    scheduler: str | None,
    memory_limit: int | None,
    dry_run: bool,
) -> None:
    """Write the semantic RSM of the array in TOKENS, a file as for `compare`.

    With --resume or --memory-limit, and to .zarr always, tokens are read and the RSM is computed
    and written tile by tile. Then what is finished is kept in a folder beside the output, from
    which the same command goes on after an interruption.
    """
    check_scheduler(scheduler, num_threads)
    options: dict[str, Any] = {
        "kernel": kernel,
        "matching": matching,
        "window": window,
        "topk": topk,
        "layout": layout,
        "bandwidth": "median" if bandwidth is None else bandwidth,
    }
    if bandwidth is not None and kernel != "rbf":
        raise click.UsageError("--bandwidth goes with --kernel rbf only")
    for name in ("window", "topk"):
        if (options[name] is not None) != (matching == name):
            raise click.UsageError(f"--matching {name} and --{name} go together")
    asked = ["--resume"] * resume + ["--memory-limit"] * (memory_limit is not None)
    _check_output(output, json_path, asked, is_dry=dry_run)
    is_kept = bool(asked) or _is_zarr(output)
    is_shown = wants_progress(progress)
    array: Any
    if scheduler is not None:
        layers = io.open(tokens, layers=layer or "*", ids=None, reduce=None)
        array = only_layer(tokens, layers)
    elif is_kept or dry_run:
        array = click.get_current_context().with_resource(open_layer(tokens, layer))
    else:
        array = read_layer(tokens, layer)
    require_axes("TOKENS", array.shape, layout)
    if output is None or dry_run:
        return click.echo(ig.plan("semantic_rsm", array, **options, memory_limit=memory_limit))
    running: dict[str, Any] = {"num_threads": num_threads, "progress": is_shown}
    semantic_rsm: Callable[..., Any] = ig.semantic_rsm
    run: Callable[..., Any] = ig.Plan.run
    if scheduler is not None:
        from isogram import distributed

        running = {"client": scheduler, "progress": is_shown}
        semantic_rsm, run = distributed.semantic_rsm, distributed.run
    if is_kept:
        with going_on(output.with_name(f"{output.name}.job")):
            plan = ig.plan("semantic_rsm", array, **options, memory_limit=memory_limit)
            matrix = run(plan, array, **running, out=output)
    else:
        matrix = semantic_rsm(array, **options, **running)
        with replacing(output) as stream:
            np.save(stream, matrix, allow_pickle=False)
    facts: dict[str, Any] = {"file": tokens, "layer": layer, "options": options, "output": output}
    facts |= {"shape": matrix.shape, "dtype": matrix.dtype.name}
    if json_path is not None:
        facts["provenance"] = facts_of([{layer or "": array}])
    answer("", facts, json_path)


def _is_zarr(output: Path | None) -> bool:
    return output is not None and output.suffix == ".zarr"


def _check_output(
    output: Path | None, json_path: Path | None, asked: Sequence[str], *, is_dry: bool
) -> None:
    """Raise for an output that cannot be written, or not as the options that are asked for need."""
    if output is None and not is_dry:
        raise click.UsageError("Missing option '-o' / '--output'")
    check_targets(output=None if _is_zarr(output) else output, json=json_path)
    check_ending("--output", output, ".npy", ".zarr")
    if asked and output is not None and not output.suffix:
        raise click.UsageError(
            f"{asked[0]} needs an --output that ends in .npy or .zarr, got {output}"
        )
