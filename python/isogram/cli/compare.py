"""`isogram compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
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
from isogram.cli._planned import Planned
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
    asked.check()
    planned = Planned(memory_limit, dry_run, scheduler)
    tiled = ["--resume"] * resume + planned.options
    if asked and tiled:
        raise click.UsageError(
            f"{tiled[0]} does not go with --permutations, --calibrate, --bootstrap"
        )
    check_targets(json=json_path, csv=csv_path, save=result_path, plot=plot_path)
    if result_path is not None and result_path.suffix not in SUFFIXES:
        raise click.UsageError(f"--save must end in {' or '.join(SUFFIXES)}")
    _check_tiled(tiled, measure, options, reduce)
    if resume and result_path is None:
        raise click.UsageError("--resume goes with --save")
    plot = None if plot_path is None else _plotting(plot_path)  # before the work
    running: dict[str, Any] = {"num_threads": num_threads, "progress": wants_progress(progress)}

    wanted: dict[str, Any] = {"layers": patterns, "ids": ids, "reduce": of_files(reduce)}
    layers_a: Mapping[str, Any]
    layers_b: Mapping[str, Any]
    if tiled and scheduler is None:
        both = open_both(a, b, **wanted)
        layers_a, layers_b = click.get_current_context().with_resource(both)
    else:
        layers_a, layers_b = read_both(a, b, labels=groups, **wanted)
    other = None if layers_b is layers_a else layers_b
    inputs = [layers_a] if other is None else [layers_a, other]
    taken = {**measure.options, **options}
    rows, columns = list(layers_a), list(layers_b)
    found = None
    if asked:
        found = asked.of(layers_a, other, measure=measure, reduce=reduce, **running, **options)
        matrix = found.values
    elif tiled:
        job = Path(f"{result_path}.job") if resume else None
        of_plan = {name: v for name, v in {**taken, **measure.fixed}.items() if name != "precision"}
        matrix = planned.result(_PLANNED[measure.needs], inputs, job, running, **of_plan)
        if matrix is None:
            return
    else:
        matrix = ig.similarity_matrix(
            layers_a, other, measure=measure, reduce=reduce, **running, **options
        )
    tested = {} if found is None else found.facts()
    facts = {"measure": measure.name, "options": taken, "reduce": reduce, "files": [a, b]}
    facts |= {"rows": rows, "columns": columns, "values": matrix, **tested}
    if json_path is not None:
        facts["provenance"] = facts_of(sets_of(inputs))
    table = partial(matrix_table, matrix) if found is None else found.table
    answer(table(rows, columns, terminal_width()), facts, json_path)
    if csv_path is not None:
        write_csv(csv_path, matrix, rows, columns)
    if result_path is not None:
        saved: dict[str, Any] = {"measure": measure.name, "reduce": reduce, "files": [a, b]}
        io.save(matrix, result_path, inputs=inputs, **saved, **tested, **taken)
    if plot is not None:
        label, names = measure.name.replace("_", " "), {"rows": rows, "columns": columns}
        ax = plot.heatmap(
            matrix, **names, kind=measure.kind, label=label, ylabel=a.stem, xlabel=b.stem
        )
        plot.save(ax, plot_path)


def _check_tiled(
    tiled: Sequence[str], measure: Measure, options: Mapping[str, Any], reduce: LayerReductionName
) -> None:
    """Raise where an option does not go with the measure, or with the reduction."""
    for name in tiled:
        if measure.needs not in _PLANNED or options.get("kernel") == "precomputed":
            raise click.UsageError(f"{name} goes with CKA and GBS of features only")
        if are_positions(reduce):
            raise click.UsageError(f"{name} does not go with --reduce positions")


def _plotting(path: Path) -> Any:
    """Return `isogram.plot`; raise if it cannot be imported, or cannot write the path."""
    try:
        from isogram import plot
        from isogram.plot._figure import endings, is_written
    except ImportError as error:
        raise ImportError("--plot needs matplotlib: pip install 'isogram[plot]'") from error
    if not is_written(path):
        raise click.UsageError(f"--plot must end in one of {', '.join(endings())}")
    return plot
