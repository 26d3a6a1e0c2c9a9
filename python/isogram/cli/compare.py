"""`isogram compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
from numpy.typing import NDArray

import isogram as ig
from isogram import io
from isogram._measures import Measure
from isogram._output import write_csv
from isogram._reductions import are_positions
from isogram._tables import matrix_table, terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import A_AND_B, Command
from isogram.cli._files import of_files, open_both, read_both, read_labels
from isogram.cli._inference import Inference, Results, inference_options
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
    outputs = _Outputs(json_path, csv_path, result_path, plot_path)
    outputs.check()
    _check_tiled(tiled, measure, options, reduce)
    if resume and result_path is None:
        raise click.UsageError("--resume goes with --save")
    running: dict[str, Any] = {"num_threads": num_threads, "progress": wants_progress(progress)}
    wanted: dict[str, Any] = {"layers": patterns, "ids": ids, "reduce": of_files(reduce)}
    first: Mapping[str, Any]
    second: Mapping[str, Any]
    if tiled and scheduler is None:
        both = open_both(a, b, **wanted)
        first, second = click.get_current_context().with_resource(both)
    else:
        first, second = read_both(a, b, labels=groups, **wanted)
    other = None if second is first else second
    sets = [first] if other is None else [first, other]
    taken = {**measure.options, **options}
    found = None
    if asked:
        found = asked.of(first, other, measure=measure, reduce=reduce, **running, **options)
        matrix = found.values
    elif tiled:
        job = Path(f"{result_path}.job") if resume else None
        of_plan = {name: v for name, v in {**taken, **measure.fixed}.items() if name != "precision"}
        matrix = planned.result(_PLANNED[measure.needs], sets, job, running, **of_plan)
        if matrix is None:
            return
    else:
        matrix = ig.similarity_matrix(
            first, other, measure=measure, reduce=reduce, **running, **options
        )
    outputs.write(_Compared(matrix, found, sets, measure, taken, reduce, (a, b)))


class _Compared(NamedTuple):
    """What was compared, and the values."""

    matrix: NDArray[Any]
    found: Results | None
    sets: Sequence[Mapping[str, Any]]
    measure: Measure
    options: Mapping[str, Any]
    reduce: LayerReductionName
    files: tuple[Path, Path]

    @property
    def rows(self) -> list[str]:
        """The names of the layers of A."""
        return list(self.sets[0])

    @property
    def columns(self) -> list[str]:
        """The names of the layers of B."""
        return list(self.sets[-1])

    @property
    def inferred(self) -> dict[str, Any]:
        """The facts of a test or an interval."""
        return {} if self.found is None else self.found.facts()


class _Outputs(NamedTuple):
    """Where the matrix goes, beside the terminal."""

    json: Path | None
    csv: Path | None
    result: Path | None
    plot: Path | None

    def check(self) -> None:
        """Raise, before the work, for a path that cannot be written."""
        check_targets(json=self.json, csv=self.csv, save=self.result, plot=self.plot)
        if self.result is not None and self.result.suffix not in SUFFIXES:
            raise click.UsageError(f"--save must end in {' or '.join(SUFFIXES)}")
        if self.plot is not None:
            _check_plot(self.plot)

    def write(self, compared: _Compared) -> None:
        """Print the table, and write the files that are asked for."""
        self._answer(compared)
        if self.csv is not None:
            write_csv(self.csv, compared.matrix, compared.rows, compared.columns)
        if self.result is not None:
            self._save(compared, self.result)
        if self.plot is not None:
            self._draw(compared, self.plot)

    def _answer(self, compared: _Compared) -> None:
        measure, matrix, found = compared.measure, compared.matrix, compared.found
        facts: dict[str, Any] = {"measure": measure.name, "options": compared.options}
        facts["reduce"] = compared.reduce
        rows, columns = compared.rows, compared.columns
        facts |= {"files": compared.files, "rows": rows, "columns": columns, "values": matrix}
        facts |= compared.inferred
        if self.json is not None:
            facts["provenance"] = facts_of(sets_of(compared.sets))
        table = partial(matrix_table, matrix) if found is None else found.table
        answer(table(rows, columns, terminal_width()), facts, self.json)

    @staticmethod
    def _save(compared: _Compared, path: Path) -> None:
        facts: dict[str, Any] = {"measure": compared.measure.name, "reduce": compared.reduce}
        facts |= {"files": compared.files, **compared.inferred, **compared.options}
        io.save(compared.matrix, path, inputs=compared.sets, **facts)

    @staticmethod
    def _draw(compared: _Compared, path: Path) -> None:
        from isogram import plot

        a, b = compared.files
        ax = plot.heatmap(
            compared.matrix,
            rows=compared.rows,
            columns=compared.columns,
            kind=compared.measure.kind,
            label=compared.measure.name.replace("_", " "),
            ylabel=a.stem,
            xlabel=b.stem,
        )
        plot.save(ax, path)


def _check_tiled(
    tiled: Sequence[str], measure: Measure, options: Mapping[str, Any], reduce: LayerReductionName
) -> None:
    """Raise where an option does not go with the measure, or with the reduction."""
    for name in tiled:
        if measure.needs not in _PLANNED or options.get("kernel") == "precomputed":
            raise click.UsageError(f"{name} goes with CKA and GBS of features only")
        if are_positions(reduce):
            raise click.UsageError(f"{name} does not go with --reduce positions")


def _check_plot(path: Path) -> None:
    """Raise if `isogram.plot` cannot be imported, or cannot write the path."""
    try:
        from isogram import plot  # noqa: F401
        from isogram.plot._figure import endings, is_written
    except ImportError as error:
        raise ImportError("--plot needs matplotlib: pip install 'isogram[plot]'") from error
    if not is_written(path):
        raise click.UsageError(f"--plot must end in one of {', '.join(endings())}")
