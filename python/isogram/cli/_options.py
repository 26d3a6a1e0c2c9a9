"""Options and arguments that several commands share."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

import isogram as ig
from isogram import io
from isogram._arguments import ESTIMATORS, LAYER_KERNELS
from isogram._measures import Measure, measure_of
from isogram._output import check_target
from isogram._reductions import LAYER_REDUCTIONS
from isogram._types import WITH_BANDWIDTH
from isogram.typing import BandwidthLike, LayoutName

_Command = TypeVar("_Command", bound=Callable[..., Any])

INPUT = click.Path(exists=True, path_type=Path)
OUTPUT = click.Path(path_type=Path)
STDOUT = Path("-")  # as the file of --json

json_option = click.option(
    "--json",
    "json_path",
    metavar="FILE",
    type=OUTPUT,
    help="Also write the result as JSON; - writes it to stdout, in place of the text.",
)


def _measure_of(_context: click.Context, _parameter: click.Parameter, name: str) -> Measure:
    try:
        return measure_of("compare", name)
    except ValueError:
        known = ", ".join(ig.measures())
        raise click.BadParameter(f"{name!r} is not one of {known}.") from None


def _measures_from(_context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    return [name for name in ig.measures() if name.startswith(start)]


def _bandwidth_of(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> BandwidthLike | None:
    """Return a bandwidth as functions take it."""
    if value is None:
        return None
    if value == "median":
        return "median"
    with suppress(ValueError):
        number = float(value.removeprefix("median:"))
        if 0 < number < math.inf:
            return ("median", number) if value.startswith("median:") else number
    raise click.BadParameter(f"{value!r} is no positive number, median or median:FRACTION.")


def bandwidth_option(kernels: str) -> Callable[[_Command], _Command]:
    """Return the option `--bandwidth` of these kernels."""
    return click.option(
        "--bandwidth",
        metavar="NUMBER|median|median:FRACTION",
        callback=_bandwidth_of,
        help=f"Of {kernels}: a number, the median distance (by default), or a fraction of it, as "
        "median:0.5.",
    )


num_threads_option = click.option(
    "--num-threads",
    type=click.IntRange(min=1),
    help="Threads to use; by default ISOGRAM_NUM_THREADS, OMP_NUM_THREADS or all cores.",
)

progress_option = click.option(
    "--progress/--no-progress",
    default=None,
    help="Show a progress bar; by default on a terminal only.",
)

resume_option = click.option(
    "--resume",
    is_flag=True,
    help="Keep what is finished in a folder beside the output, named like it and .job, from which "
    "the same command goes on after an interruption.",
)

scheduler_option = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Of a Dask cluster, whose workers read the files and compute, as tcp://10.0.0.1:8786.",
)

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]?)(i?)B?", re.IGNORECASE)


def _bytes_of(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> int | None:
    """Return a size as a number of bytes."""
    if value is None:
        return None
    if (found := _SIZE.fullmatch(value)) and (count := float(found[1])) > 0:
        unit = 1024 if found[3] else 1000
        return max(1, int(count * unit ** " KMGT".index(found[2].upper() or " ")))
    raise click.BadParameter(f"{value!r} is no size, such as 500MB or 2GiB.")


memory_limit_option = click.option(
    "--memory-limit",
    metavar="SIZE",
    callback=_bytes_of,
    help="What to take beside the result, such as 2GB: files are read by rows, some at a time.",
)

dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Say how much there is to do, and about the bytes and memory it takes; do nothing else.",
)

layers_option = click.option(
    "--layers",
    "patterns",
    metavar="PATTERN",
    multiple=True,
    default=("*",),
    help="Which layers, in this order: a name or a pattern as 'block*'; may be repeated.",
)

layer_option = click.option("--layer", metavar="NAME", help="Which array, if the file has several.")

layout_option = click.option(
    "--layout",
    type=click.Choice(get_args(LayoutName)),
    default="nsc",
    show_default=True,
    help="Axes of the array: samples, tokens or height and width, channels.",
)

reduce_option = click.option(
    "--reduce",
    type=click.Choice(LAYER_REDUCTIONS),
    default="flatten",
    show_default=True,
    help="Further axes: flattened, their mean, or positions as rows; channels last, or second.",
)

ids_option = click.option(
    "--ids",
    metavar="NAME",
    default="auto",
    show_default=True,
    callback=lambda _context, _parameter, name: None if name == "none" else name,
    help="Array of identifiers, by which samples are aligned; auto: one called "
    f"{', '.join(io.IDENTIFIERS)}, or a table's index; none: compare rows as they are.",
)

measures_option = click.option(
    "--measure",
    "measures",
    metavar="NAME",
    multiple=True,
    callback=lambda context, parameter, names: [_measure_of(context, parameter, n) for n in names],
    shell_complete=_measures_from,
    help="A name that `isogram measures` lists; may be repeated. By default debiased CKA, "
    "GBS of centred features, mutual k-NN and RSA.",
)

_MEASURE_OPTIONS = (
    click.option(
        "--measure",
        metavar="NAME",
        default="cka",
        show_default=True,
        callback=_measure_of,
        shell_complete=_measures_from,
        help="A name that `isogram measures` lists.",
    ),
    click.option(
        "--kernel",
        type=click.Choice([*LAYER_KERNELS, "distance"]),
        help="Of Gram matrices and RSMs, for CKA and RSA; distance is for RSA only. With "
        "precomputed, for GBS too, layers are Gram matrices.",
    ),
    click.option(
        "--estimator",
        type=click.Choice(ESTIMATORS),
        help="Of HSIC, for CKA; by default the measure's.",
    ),
    bandwidth_option("the kernels rbf, laplacian and laplacian_l2"),
    click.option(
        "--k", type=int, help="Neighbours of each sample; by default the measure's, for gbs all."
    ),
    click.option(
        "--center", is_flag=True, default=None, help="Subtract the mean of every feature first."
    ),
)


def measure_options(command: _Command) -> _Command:
    """Add `--measure` and the options of measures, for `options_of`."""
    for option in reversed(_MEASURE_OPTIONS):
        command = option(command)
    return command


def options_of(measure: Measure, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given; raise for an option that `measure` does not take."""
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in measure.options:
            raise click.UsageError(f"--{name} does not go with --measure {measure.name}")
    kernel = {**measure.options, **options, **measure.fixed}.get("kernel")
    if "bandwidth" in options and kernel not in WITH_BANDWIDTH:
        raise click.UsageError(
            "--bandwidth goes with the kernels rbf, laplacian and laplacian_l2 only"
        )
    return options


def check_targets(**paths: Path | None) -> None:
    """Raise unless the files that options name can be written, are different ones and no inputs."""
    given = {f"--{name}": path for name, path in paths.items() if path is not None}
    if given.get("--json") == STDOUT:
        del given["--json"]
    for name, path in given.items():
        if path == STDOUT:
            raise click.UsageError(f"{name} must be a file, got -: only --json writes to stdout")
    targets = {name: check_target(path) for name, path in given.items()}
    if len(set(targets.values())) < len(targets):
        raise click.UsageError(f"{' and '.join(targets)} name the same file")
    for source in _inputs():
        for name, target in targets.items():
            if target.exists() and target.samefile(source):
                raise click.UsageError(f"{name} would replace {source}, which is read")


def check_ending(option: str, path: Path | None, *endings: str) -> None:
    """Raise for a name that promises another format than the option writes."""
    if path is not None and path.suffix.lower() not in ("", *endings):
        raise click.UsageError(f"{option} must end in {' or '.join(endings)}, got {path}")


def _inputs() -> list[Path]:
    """Return the files and folders that the command is given to read."""
    context = click.get_current_context()
    given = (context.params[str(p.name)] for p in context.command.params if p.type is INPUT)
    return [path for path in given if path is not None]


def check_scheduler(scheduler: str | None, num_threads: int | None) -> None:
    """Raise for threads of this process, where workers use their own."""
    if scheduler is not None and num_threads is not None:
        raise click.UsageError("--num-threads does not go with --scheduler: workers use all theirs")


def wants_progress(progress: bool | None) -> bool:
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
