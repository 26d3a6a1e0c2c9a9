"""`isogram compare`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

import isogram as ig
from isogram import io
from isogram._measures import Measure
from isogram._output import write_csv
from isogram._reductions import are_positions
from isogram._tables import matrix_table, terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import A_AND_B, Command
from isogram.cli._files import of_files, open_both, read_both, read_labels
from isogram.cli._inference import Inference, inference_options
from isogram.cli._messages import going_on
from isogram.cli._options import (
    INPUT,
    OUTPUT,
    check_scheduler,
    check_targets,
    dry_run_option,
    ids_option,
    json_option,
    layers_option,
    measure_options,
    memory_limit_option,
    num_threads_option,
    options_of,
    progress_option,
    reduce_option,
    resume_option,
    scheduler_option,
    wants_progress,
)
from isogram.io._results import SUFFIXES, facts_of, sets_of
from isogram.typing import ExchangeName, LayerReductionName, OperationName

# The functions whose plans have the same bits as measures, by the statistic of these.
_PLANNED: dict[str, OperationName] = {"cka_table": "cka_matrix", "gbs_table": "gbs_matrix"}


@click.command(cls=Command, words={**A_AND_B, "client": "--scheduler"})
@click.argument("a", type=INPUT)
@click.argument("b", type=INPUT)
@measure_options
@inference_options
@layers_option
@reduce_option
@ids_option
@json_option
@click.option("--csv", "csv_path", metavar="FILE", type=OUTPUT, help="Also write a CSV file.")
@click.option(
    "--save",
    "result_path",
    metavar="FILE",
    type=OUTPUT,
    help="Also save the matrix with its provenance, .json or .npz, for isogram.io.load.",
)
@click.option(
    "--plot",
    "--png",
    "plot_path",
    metavar="FILE",
    type=OUTPUT,
    help="Also draw the matrix: .png, .pdf, .svg.",
)
@num_threads_option
@progress_option
@resume_option
@scheduler_option
@memory_limit_option
@dry_run_option
def compare(
    a: Path,
    b: Path,
    measure: Measure,
    patterns: tuple[str, ...],
    reduce: LayerReductionName,
    ids: str | None,
    json_path: Path | None,
    csv_path: Path | None,
    result_path: Path | None,
    plot_path: Path | None,
    permutations: int | None,
    calibrate: bool,
    resamples: int | None,
    seed: int,
    groups: str | None,
    exchange: ExchangeName | None,
    num_threads: int | None,
    progress: bool | None,
    resume: bool,
    scheduler: str | None,
    memory_limit: int | None,
    dry_run: bool,
    **given: Any,
) -> None:
    """Compare every layer in A with every layer in B by a measure.

    A and B are .npy, .npz, .pt, safetensors, HDF5, Zarr, Parquet or Arrow files, or folders of
    them. Layers are the arrays of real floating-point numbers with at least two axes, samples
    first. Other arrays are named and ignored. Samples are brought into one order where both files
    have identifiers. Rows of the table are the layers of A, columns those of B; with a test or an
    interval it has a line for each pair.

    --resume, --memory-limit, --dry-run and --scheduler go with CKA and GBS, which are then computed
    tile by tile; --resume with --save, beside whose file what is finished is kept.
    """
    check_scheduler(scheduler, num_threads)
    options = options_of(measure, given)
    labels = None if groups is None else read_labels(a, groups)
    asked = Inference(permutations, calibrate, resamples, seed, labels, exchange)
    if groups is not None and not asked:
        raise click.UsageError("--groups goes with --permutations, --calibrate, --bootstrap")
    if exchange is not None and (groups is None or not (permutations or calibrate)):
        raise click.UsageError("--exchange goes with --groups, and --permutations or --calibrate")
    by_tiles = {
        "--resume": resume,
        "--memory-limit": memory_limit is not None,
        "--dry-run": dry_run,
        "--scheduler": scheduler is not None,
    }
    tiled = [name for name, is_given in by_tiles.items() if is_given]
    if asked and tiled:
        raise click.UsageError(
            f"{tiled[0]} does not go with --permutations, --calibrate, --bootstrap"
        )
    check_targets(json=json_path, csv=csv_path, save=result_path, plot=plot_path)
    if result_path is not None and result_path.suffix not in SUFFIXES:
        raise click.UsageError(f"--save must end in {' or '.join(SUFFIXES)}")
    for name in tiled:
        if measure.needs not in _PLANNED or options.get("kernel") == "precomputed":
            raise click.UsageError(f"{name} goes with CKA and GBS of features only")
        if are_positions(reduce):
            raise click.UsageError(f"{name} does not go with --reduce positions")
    if resume and result_path is None:
        raise click.UsageError("--resume goes with --save")
    if plot_path is not None:  # before the work
        try:
            from isogram import plot
            from isogram.plot._figure import endings, is_written
        except ImportError as error:
            raise ImportError("--plot needs matplotlib: pip install 'isogram[plot]'") from error
        if not is_written(plot_path):
            raise click.UsageError(f"--plot must end in one of {', '.join(endings())}")
    is_shown = wants_progress(progress)

    wanted: dict[str, Any] = {"layers": patterns, "ids": ids, "reduce": of_files(reduce)}
    layers_a: Mapping[str, Any]
    layers_b: Mapping[str, Any]
    if tiled and scheduler is None:
        both = open_both(a, b, **wanted)
        layers_a, layers_b = click.get_current_context().with_resource(both)
    else:
        layers_a, layers_b = read_both(a, b, labels=groups, **wanted)
    inputs = [layers_a] if layers_b is layers_a else [layers_a, layers_b]
    taken = {**measure.options, **options, **measure.fixed}
    rows, columns = list(layers_a), list(layers_b)
    running: dict[str, Any] = {"num_threads": num_threads, "progress": is_shown}
    other = None if layers_b is layers_a else layers_b
    tested: dict[str, Any] = {}
    if asked:
        found = asked.of(layers_a, other, measure=measure, reduce=reduce, **running, **options)
        matrix, tested = found.values, found.facts()
        text = found.table(rows, columns, terminal_width())
    else:
        if tiled:
            plan = _plan_of(measure, inputs, taken, memory_limit)
            if dry_run:
                return click.echo(plan)
            folder = Path(f"{result_path}.job") if resume else None
            matrix = _run(plan, inputs, scheduler, folder, running)
        else:
            matrix = ig.similarity_matrix(
                layers_a, other, measure=measure, reduce=reduce, **running, **options
            )
        text = matrix_table(matrix, rows, columns, terminal_width())
    facts = {"measure": measure.name, "options": taken, "reduce": reduce, "files": [a, b]}
    facts |= {"rows": rows, "columns": columns, "values": matrix, **tested}
    if json_path is not None:
        facts["provenance"] = facts_of(sets_of(inputs))
    answer(text, facts, json_path)
    if csv_path is not None:
        write_csv(csv_path, matrix, rows, columns)
    if result_path is not None:
        io.save(
            matrix,
            result_path,
            inputs=inputs,
            measure=measure.name,
            reduce=reduce,
            files=[a, b],
            **tested,
            **taken,
        )
    if plot_path is not None:
        ax = plot.heatmap(
            matrix,
            rows=rows,
            columns=columns,
            kind=measure.kind,
            label=measure.name.replace("_", " "),
            ylabel=a.stem,
            xlabel=b.stem,
        )
        plot.save(ax, plot_path)


def _plan_of(
    measure: Measure, inputs: list[Any], options: Mapping[str, Any], memory_limit: int | None
) -> ig.Plan:
    """Return the plan that makes the matrix of a measure."""
    options = {name: value for name, value in options.items() if name != "precision"}
    return ig.plan(_PLANNED[measure.needs], *inputs, **options, memory_limit=memory_limit)


def _run(
    plan: ig.Plan,
    inputs: list[Any],
    scheduler: str | None,
    folder: Path | None,
    running: Mapping[str, Any],
) -> Any:
    """Return the result of a plan; a folder keeps what is finished."""
    with nullcontext() if folder is None else going_on(folder):
        if scheduler is None:
            return plan.run(*inputs, job=folder, **running)
        from isogram import distributed

        progress = running["progress"]
        return distributed.run(plan, *inputs, client=scheduler, job=folder, progress=progress)
