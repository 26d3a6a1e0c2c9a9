"""`isogram compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import isogram as ig
from isogram import io
from isogram._measures import Measure
from isogram._output import write_csv
from isogram._tables import matrix_table, terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import A_AND_B, Command
from isogram.cli._files import of_files, read_both
from isogram.cli._options import (
    INPUT,
    OUTPUT,
    check_targets,
    ids_option,
    json_option,
    layers_option,
    measure_options,
    num_threads_option,
    options_of,
    progress_option,
    reduce_option,
    wants_progress,
)
from isogram.io._results import SUFFIXES, facts_of, sets_of
from isogram.typing import LayerReductionName


@click.command(cls=Command, words=A_AND_B)
@click.argument("a", type=INPUT)
@click.argument("b", type=INPUT)
@measure_options
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
    num_threads: int | None,
    progress: bool | None,
    **given: Any,
) -> None:
    """Compare every layer in A with every layer in B by a measure.

    A and B are .npy, .npz, .pt, safetensors, HDF5, Zarr, Parquet or Arrow files, or folders of
    them. Layers are the arrays of real floating-point numbers with at least two axes, samples
    first. Other arrays are named and ignored. Samples are brought into one order where both files
    have identifiers. Rows of the table are the layers of A, columns those of B.
    """
    options = options_of(measure, given)
    check_targets(json=json_path, csv=csv_path, save=result_path, plot=plot_path)
    if result_path is not None and result_path.suffix not in SUFFIXES:
        raise click.UsageError(f"--save must end in {' or '.join(SUFFIXES)}")
    if plot_path is not None:  # before the work
        try:
            from isogram import plot
            from isogram.plot._figure import endings, is_written
        except ImportError as error:
            raise ImportError("--plot needs matplotlib: pip install 'isogram[plot]'") from error
        if not is_written(plot_path):
            raise click.UsageError(f"--plot must end in one of {', '.join(endings())}")
    is_shown = wants_progress(progress)

    layers_a, layers_b = read_both(a, b, layers=patterns, ids=ids, reduce=of_files(reduce))
    matrix = ig.similarity_matrix(
        layers_a,
        None if layers_b is layers_a else layers_b,
        measure=measure,
        reduce=reduce,
        num_threads=num_threads,
        progress=is_shown,
        **options,
    )

    rows, columns = list(layers_a), list(layers_b)
    inputs = [layers_a] if layers_b is layers_a else [layers_a, layers_b]
    taken = {**measure.options, **options, **measure.fixed}
    facts = {"measure": measure.name, "options": taken, "reduce": reduce, "files": [a, b]}
    facts |= {"rows": rows, "columns": columns, "values": matrix}
    if json_path is not None:
        facts["provenance"] = facts_of(sets_of(inputs))
    answer(matrix_table(matrix, rows, columns, terminal_width()), facts, json_path)
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
