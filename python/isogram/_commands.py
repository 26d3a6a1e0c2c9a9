"""The commands of `isogram`: files in, files and tables out, and one line for every failure."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram import io
from isogram._arguments import ESTIMATORS, KERNELS
from isogram._measures import KINDS, Measure, measure_of
from isogram._messages import failures_in_a_line, notice, warnings_in_a_line
from isogram._output import check_target, listed, printable, replacing, table, write_csv
from isogram.io._contents import Entry, refused
from isogram.io._formats import contents_of
from isogram.io._results import SUFFIXES

_Array = NDArray[Any]
_Decorated = TypeVar("_Decorated", bound=Callable[..., None])

_INPUT = click.Path(exists=True, path_type=Path)
_OUTPUT = click.Path(path_type=Path)


class _Command(click.Command):
    """A command that ends in a message, not in a traceback."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with failures_in_a_line(self):
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with failures_in_a_line(self), warnings_in_a_line(self):
            return super().invoke(ctx)


class _Commands(_Command, click.Group):
    """A group of such commands."""

    command_class = _Command


def _num_threads_option(command: _Decorated) -> _Decorated:
    return click.option(
        "--num-threads",
        type=click.IntRange(min=1),
        help="Threads to use; by default ISOGRAM_NUM_THREADS, OMP_NUM_THREADS or all cores.",
    )(command)


def _progress_option(command: _Decorated) -> _Decorated:
    return click.option(
        "--progress/--no-progress",
        default=None,
        help="Show a progress bar; by default on a terminal only.",
    )(command)


def _wants_progress(progress: bool | None) -> bool:
    """Return whether to show a bar; nobody has to install tqdm for one that is not asked for."""
    if progress is False:
        return False
    try:
        import tqdm  # noqa: F401
    except ImportError:
        if progress:
            raise ImportError("--progress needs tqdm: pip install 'isogram[cli]'") from None
        return False
    return progress or _on_a_terminal()


def _on_a_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(ig.__version__, prog_name="isogram")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """Compare representations of neural networks: RSMs, CKA and GBS."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@commands.command()
@click.option(
    "-o",
    "--output",
    type=_OUTPUT,
    default=Path("isogram-demo.png"),
    show_default=True,
    help="PNG file to draw, or a folder for it.",
)
@_num_threads_option
def demo(output: Path, num_threads: int | None) -> None:
    """Show on real feature maps what semantic RSMs, CKA and GBS tell.

    Uses a small data set inside the package; needs no network.
    """
    from isogram.demo import run

    run(output, num_threads=num_threads)


@commands.command()
def info() -> None:
    """Print the version, the instruction set, the threads and CUDA."""
    ig.show_config()


@commands.command()
@click.argument("tokens", type=_INPUT)
@click.option("-o", "--output", type=_OUTPUT, required=True, help="RSM file to write (.npy).")
@click.option("--layer", metavar="NAME", help="Which array, if the file has several.")
@click.option(
    "--kernel",
    type=click.Choice(["linear", "cosine", "rbf"]),
    default="cosine",
    show_default=True,
)
@click.option("--bandwidth", type=float, help="Of the RBF kernel; by default the median rule.")
@click.option(
    "--matching",
    type=click.Choice(["exact", "window", "topk", "greedy", "none"]),
    default="exact",
    show_default=True,
    help="How the tokens of two samples are matched; none gives the spatial RSM.",
)
@click.option("--window", type=int, help="Tokens in a window, with --matching window.")
@click.option("--topk", type=int, help="Tokens matched exactly, with --matching topk.")
@click.option(
    "--layout",
    type=click.Choice(["nsc", "nhwc", "nchw"]),
    default="nsc",
    show_default=True,
    help="Axes of the array: samples, tokens or height and width, channels.",
)
@_num_threads_option
@_progress_option
def rsm(
    tokens: Path,
    output: Path,
    layer: str | None,
    kernel: str,
    bandwidth: float | None,
    matching: str,
    window: int | None,
    topk: int | None,
    layout: str,
    num_threads: int | None,
    progress: bool | None,
) -> None:
    """Write the semantic RSM of the array in TOKENS, a file as for `compare`."""
    if bandwidth is not None and kernel != "rbf":
        raise click.UsageError("--bandwidth goes with --kernel rbf only")
    for name, size in (("window", window), ("topk", topk)):
        if (size is not None) != (matching == name):
            raise click.UsageError(f"--matching {name} and --{name} go together")
    check_target(output)
    wants_progress = _wants_progress(progress)
    matrix = ig.semantic_rsm(
        _read_layer(tokens, layer),
        kernel=kernel,
        matching=matching,
        window=window,
        topk=topk,
        layout=layout,
        bandwidth="median" if bandwidth is None else bandwidth,
        num_threads=num_threads,
        progress=wants_progress,
    )
    with replacing(output) as stream:
        np.save(stream, matrix, allow_pickle=False)


@commands.command()
@click.argument("a", type=_INPUT)
@click.argument("b", type=_INPUT)
@click.option(
    "--measure",
    metavar="NAME",
    default="cka",
    show_default=True,
    callback=lambda _context, _parameter, name: _measure_of(name),
    help="One of those that `isogram measures` lists.",
)
@click.option(
    "--kernel",
    type=click.Choice([*KERNELS, "distance"]),
    help="Of Gram matrices and RSMs, for CKA and RSA; distance is for RSA only.",
)
@click.option(
    "--estimator", type=click.Choice(ESTIMATORS), help="Of HSIC, for CKA; by default the measure's."
)
@click.option(
    "--bandwidth", type=float, help="Of the kernels rbf and laplacian; by default the median rule."
)
@click.option(
    "--k", type=int, help="Neighbours of each sample; by default the measure's, for gbs all."
)
@click.option("--center", is_flag=True, help="Subtract the mean of every feature first.")
@click.option(
    "--layers",
    "patterns",
    metavar="PATTERN",
    multiple=True,
    default=("*",),
    help="Which layers, in this order: a name or a pattern as 'block*'; may be repeated.",
)
@click.option(
    "--reduce",
    type=click.Choice(io.REDUCTIONS),
    default="flatten",
    show_default=True,
    help="Further axes: flattened, or their mean, where channels are last or second.",
)
@click.option(
    "--ids",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="Array of identifiers, by which samples are aligned; auto: one called "
    f"{', '.join(io.IDENTIFIERS)}, or a table's index; none: compare rows as they are.",
)
@click.option("--csv", "csv_path", metavar="FILE", type=_OUTPUT, help="Also write a CSV file.")
@click.option(
    "--save",
    "result_path",
    metavar="FILE",
    type=_OUTPUT,
    help="Also save the matrix with what it is of, .json or .npz, for isogram.io.load.",
)
@click.option("--png", "png_path", metavar="FILE", type=_OUTPUT, help="Also draw the matrix.")
@_num_threads_option
@_progress_option
def compare(
    a: Path,
    b: Path,
    measure: Measure,
    kernel: str | None,
    estimator: str | None,
    bandwidth: float | None,
    k: int | None,
    center: bool,
    patterns: tuple[str, ...],
    reduce: str,
    ids: str,
    csv_path: Path | None,
    result_path: Path | None,
    png_path: Path | None,
    num_threads: int | None,
    progress: bool | None,
) -> None:
    """Compare every layer in A with every layer in B by a measure.

    A and B are .npy, .npz, .pt, safetensors, HDF5, Zarr, Parquet or Arrow files, or folders of
    them. Layers are the arrays of real floating-point numbers with at least two axes, samples
    first. What else a file holds is named and ignored. Samples are
    brought into one order where both files have identifiers. Rows of the table are the layers of
    A, columns those of B.
    """
    given = {"kernel": kernel, "estimator": estimator, "bandwidth": bandwidth, "k": k}
    given["center"] = center or None
    options = _options_of(measure, given)
    paths = {"--csv": csv_path, "--save": result_path, "--png": png_path}
    targets = {name: check_target(path) for name, path in paths.items() if path is not None}
    if len(set(targets.values())) < len(targets):
        raise click.UsageError(f"{' and '.join(targets)} name the same file")
    if result_path is not None and result_path.suffix not in SUFFIXES:
        raise click.UsageError(f"--save must end in {' or '.join(SUFFIXES)}")
    if png_path is not None:
        try:  # before the work
            from isogram import plot
        except ImportError as error:
            raise ImportError("--png needs matplotlib: pip install 'isogram[plot]'") from error
    wants_progress = _wants_progress(progress)

    layers_a, layers_b = _read_both(
        a, b, layers=patterns, ids=None if ids == "none" else ids, reduce=reduce
    )
    matrix = ig.similarity_matrix(
        layers_a,
        None if layers_b is layers_a else layers_b,
        measure=measure,
        num_threads=num_threads,
        progress=wants_progress,
        **options,
    )

    rows, columns = list(layers_a), list(layers_b)
    click.echo(table(matrix, rows, columns))
    if csv_path is not None:
        write_csv(csv_path, matrix, rows, columns)
    if result_path is not None:
        io.save(
            matrix,
            result_path,
            inputs=[layers_a] if layers_b is layers_a else [layers_a, layers_b],
            measure=measure.name,
            files=[a, b],
            **{**measure.options, **options, **measure.fixed},
        )
    if png_path is not None:
        title = printable(f"{measure.name.replace('_', ' ')}, {a.stem} and {b.stem}")
        rows, columns = list(map(printable, rows)), list(map(printable, columns))
        plot.save(plot.layers_figure(matrix, rows, columns, title=title), png_path)


@commands.command()
@click.option("--kind", type=click.Choice(KINDS), help="Those of one kind only.")
def measures(kind: str | None) -> None:
    """List the measures of layers that `compare --measure` takes."""
    click.echo(ig.measures(kind))


def _measure_of(name: str) -> Measure:
    try:
        return measure_of("compare", name)
    except ValueError:
        known = ", ".join(ig.measures())
        raise click.BadParameter(f"{name!r} is not one of {known}.") from None


def _options_of(measure: Measure, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, refusing those that `measure` does not take."""
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in measure.options:
            raise click.UsageError(f"--{name} does not go with --measure {measure.name}")
    kernel = {**measure.options, **options, **measure.fixed}.get("kernel")
    if "bandwidth" in options and kernel not in ("rbf", "laplacian"):
        raise click.UsageError("--bandwidth goes with the kernels rbf and laplacian only")
    return options


def _read_layer(path: Path, name: str | None) -> _Array:
    """Return the array `name` of `path`, or the only one that can be meant."""
    contents = contents_of(path)
    with contents.files:
        entries = contents.entries
        chosen = _only_layer(path, entries) if name is None else name
        if chosen not in entries:
            raise ValueError(f"{path} has no {chosen!r}: {listed(entries)}")
        if entries[chosen].dtype.hasobject:
            raise ValueError(f"{chosen!r} of {path} holds Python objects, expected plain numbers")
        with refused(f"cannot read {path}: "):
            array = entries[chosen].whole()
    if name is None:
        ignored = {name: str(entry) for name, entry in entries.items() if name != chosen}
        _say_what_is_ignored(path, ignored | contents.others)
    return array


def _only_layer(path: Path, entries: Mapping[str, Entry]) -> str:
    plain = [name for name, entry in entries.items() if not entry.dtype.hasobject]
    names = [name for name in plain if entries[name].is_layer] or plain
    if not names:
        described = _described({name: str(entry) for name, entry in entries.items()})
        raise ValueError(f"{path} holds no plain numbers: {described or 'it is empty'}")
    if len(names) > 1:
        raise ValueError(f"{path} has several arrays, choose one with --layer: {listed(names)}")
    return names[0]


def _read_both(a: Path, b: Path, **options: Any) -> tuple[dict[str, _Array], dict[str, _Array]]:
    """Return the layers of two files, of the same samples in the same order."""
    with io.open(a, **options) as layers_a:
        if a.samefile(b):
            arrays = _read(layers_a)
            return arrays, arrays
        with io.open(b, **options) as layers_b:
            _check_samples(layers_a, layers_b)
            aligned = _aligned(layers_a, layers_b)
            return _read(layers_a), _read(aligned)


def _read(layers: io.Layers) -> dict[str, _Array]:
    arrays = layers.read()
    _say_what_is_ignored(layers.path, layers.skipped)
    return arrays


def _aligned(a: io.Layers, b: io.Layers) -> io.Layers:
    """Return `b` with its samples in the order of `a`, where both have identifiers."""
    if a.ids is None or b.ids is None:
        for one, other in ((a, b), (b, a)):
            if one.ids is not None:
                notice(
                    f"{other.path} has no identifiers of samples, {one.path} has {one.ids_name!r}: "
                    "rows are compared as they are"
                )
        return b
    _, aligned = io.align(a, b)
    if aligned is not b:
        notice(
            f"{b.path}: samples are in another order than in {a.path}: aligned by {b.ids_name!r}"
        )
    return aligned


def _say_what_is_ignored(path: Path, ignored: Mapping[str, str]) -> None:
    if ignored:
        notice(f"{path}: not layers, ignored: {_described(ignored)}")


def _described(others: Mapping[str, str]) -> str:
    return listed(f"{name} ({what})" for name, what in others.items())


def _check_samples(a: io.Layers, b: io.Layers) -> None:
    """Raise unless both files have equally many samples."""
    if a.samples != b.samples:
        raise ValueError(
            f"all layers must have the same number of samples: {next(iter(a))!r} of {a.path} has "
            f"{a.samples}, {next(iter(b))!r} of {b.path} has {b.samples}"
        )
