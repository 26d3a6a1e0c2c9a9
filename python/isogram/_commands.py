"""The commands of `isogram`: files in, files and tables out, and one line for every failure."""

from __future__ import annotations

import errno
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram._output import check_target, replacing, table, write_csv

_Array = NDArray[Any]
_Command = TypeVar("_Command", bound=Callable[..., None])

_INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUT = click.Path(path_type=Path)


class _Commands(click.Group):
    """A group whose commands end in a message, not in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _warnings_in_a_line():
                return super().invoke(ctx)
        except (ValueError, TypeError, MemoryError, OSError, ImportError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # `isogram … | head`: click ends quietly
            raise click.ClickException(str(error) or "out of memory") from error


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Show a warning as its message alone, without the source line that raised it."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        click.echo(f"Warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        yield


def _num_threads_option(command: _Command) -> _Command:
    return click.option(
        "--num-threads",
        type=click.IntRange(min=1),
        help="Threads to use; by default ISOGRAM_NUM_THREADS, OMP_NUM_THREADS or all cores.",
    )(command)


def _progress_option(command: _Command) -> _Command:
    return click.option(
        "--progress/--no-progress",
        default=None,
        help="Show a progress bar; by default on a terminal only.",
    )(command)


def _wants_progress(progress: bool | None) -> bool:
    return sys.stderr.isatty() if progress is None else progress


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ig.__version__, prog_name="isogram")
def commands() -> None:
    """Compare representations of neural networks: RSMs, CKA and GBS."""


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
@click.option("--layer", metavar="NAME", help="Which array of an .npz file.")
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
    """Write the semantic RSM of the array in TOKENS (.npy or .npz)."""
    if bandwidth is not None and kernel != "rbf":
        raise click.UsageError("--bandwidth goes with --kernel rbf only")
    check_target(output)
    matrix = ig.semantic_rsm(
        _read_layer(tokens, layer),
        kernel=kernel,
        matching=matching,
        window=window,
        topk=topk,
        layout=layout,
        bandwidth="median" if bandwidth is None else bandwidth,
        num_threads=num_threads,
        progress=_wants_progress(progress),
    )
    with replacing(output) as stream:
        np.save(stream, matrix, allow_pickle=False)


@commands.command()
@click.argument("a", type=_INPUT)
@click.argument("b", type=_INPUT)
@click.option("--measure", type=click.Choice(["cka", "gbs"]), default="cka", show_default=True)
@click.option(
    "--kernel",
    type=click.Choice(["linear", "cosine", "correlation", "rbf", "laplacian", "polynomial"]),
    help="Of CKA; linear by default.",
)
@click.option(
    "--estimator",
    type=click.Choice(["biased", "debiased"]),
    help="Of CKA; debiased by default.",
)
@click.option("--k", type=int, help="Of GBS: neighbours of each sample; all of them by default.")
@click.option("--center", is_flag=True, help="Of GBS: subtract the mean of every feature first.")
@click.option("--csv", "csv_path", metavar="FILE", type=_OUTPUT, help="Also write a CSV file.")
@click.option("--png", "png_path", metavar="FILE", type=_OUTPUT, help="Also draw the matrix.")
@_num_threads_option
@_progress_option
def compare(
    a: Path,
    b: Path,
    measure: str,
    kernel: str | None,
    estimator: str | None,
    k: int | None,
    center: bool,
    csv_path: Path | None,
    png_path: Path | None,
    num_threads: int | None,
    progress: bool | None,
) -> None:
    """Compare every layer in A with every layer in B (.npz, or .npy for one layer).

    Layers are the arrays of real floating-point numbers with at least two axes, samples first;
    further axes are flattened. Rows of the table are the layers of A, columns those of B.
    """
    options = _measure_options(
        measure,
        cka={"kernel": kernel, "estimator": estimator},
        gbs={"k": k, "center": center or None},
    )
    for path in (csv_path, png_path):
        if path is not None:
            check_target(path)
    if png_path is not None:
        from isogram import plot  # fails before the work where matplotlib is missing

    layers_a, layers_b = _read_layers(a), _read_layers(b)
    _check_samples(a, layers_a, b, layers_b)
    function = ig.cka_matrix if measure == "cka" else ig.gbs_matrix
    matrix = function(
        layers_a,
        None if a.samefile(b) else layers_b,
        num_threads=num_threads,
        progress=_wants_progress(progress),
        **options,
    )

    rows, columns = list(layers_a), list(layers_b)
    click.echo(table(matrix, rows, columns))
    if csv_path is not None:
        write_csv(csv_path, matrix, rows, columns)
    if png_path is not None:
        title = f"{measure.upper()}, {a.stem} and {b.stem}"
        plot.save(plot.layers_figure(matrix, rows, columns, title=title), png_path)


def _measure_options(measure: str, *, cka: dict[str, Any], gbs: dict[str, Any]) -> dict[str, Any]:
    """Return the given options of `measure`, refusing those of the other one."""
    wanted, other = (cka, gbs) if measure == "cka" else (gbs, cka)
    for name, value in other.items():
        if value is not None:
            raise click.UsageError(f"--{name} does not go with --measure {measure}")
    return {name: value for name, value in wanted.items() if value is not None}


def _read(path: Path) -> dict[str, _Array]:
    """Return the arrays of an .npz file, or that of an .npy file under the file's name."""
    try:
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.lib.npyio.NpzFile):
                return {name: loaded[name] for name in loaded.files}
            return {path.stem: loaded}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error)
        if "pickle" in reason:  # also NumPy's answer to a file that is no array at all
            reason = "not an .npy or .npz file of plain numbers"
        raise ValueError(f"cannot read {path}: {reason}") from error


def _read_layer(path: Path, name: str | None) -> _Array:
    """Return the array `name` of `path`, or the only one."""
    arrays = _read(path)
    if name is None and len(arrays) == 1:
        return next(iter(arrays.values()))
    if name is None or name not in arrays:
        wanted = (
            "has several arrays, choose one with --layer" if name is None else f"has no {name!r}"
        )
        raise ValueError(f"{path} {wanted}: {', '.join(arrays)}")
    return arrays[name]


def _read_layers(path: Path) -> dict[str, _Array]:
    """Return the layers of `path`, each flattened to (samples, features)."""
    arrays = _read(path)
    layers = {
        name: array.reshape(len(array), -1)
        for name, array in arrays.items()
        if np.issubdtype(array.dtype, np.floating) and array.ndim >= 2 and array.size
    }
    if not layers:
        raise ValueError(f"{path} has no layers: no floating-point array with two or more axes")
    ignored = [name for name in arrays if name not in layers]
    if ignored:
        click.echo(f"{path}: not layers, ignored: {', '.join(ignored)}", err=True)
    return layers


def _check_samples(
    path_a: Path, layers_a: dict[str, _Array], path_b: Path, layers_b: dict[str, _Array]
) -> None:
    """Raise unless all layers of both files have equally many samples."""
    first, expected = next((name, len(array)) for name, array in layers_a.items())
    for path, layers in ((path_a, layers_a), (path_b, layers_b)):
        for name, array in layers.items():
            if len(array) != expected:
                raise ValueError(
                    f"all layers must have the same number of samples: {first!r} of {path_a} has "
                    f"{expected}, {name!r} of {path} has {len(array)}"
                )
