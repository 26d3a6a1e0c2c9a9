"""What `compare` says beside a value: p, calibrated scores and intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar, get_args

import click
import numpy as np

import isogram as ig
from isogram._measures import Measure
from isogram._tables import fixed, listing
from isogram.typing import ExchangeName

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--permutations",
        metavar="N",
        type=click.IntRange(min=1),
        help="Test every pair by N permutations of the samples of B: p, also family-wise.",
    ),
    click.option(
        "--calibrate",
        is_flag=True,
        help="Put values on a scale where chance is 0, by the permutations (1000 by default).",
    ),
    click.option(
        "--bootstrap",
        "resamples",
        metavar="N",
        type=click.IntRange(min=2),
        help="An interval of 95 % for every pair, by N resamples of the samples.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Of permutations and resamples.",
    ),
    click.option(
        "--groups",
        metavar="NAME|FILE",
        help="Samples that belong together, in the order of A: an array of labels in A, an .npy "
        "or .npz file of one, or a text file with a line for each sample.",
    ),
    click.option(
        "--exchange",
        type=click.Choice(get_args(ExchangeName)),
        help="What permutations move: samples, within their group (the default), or groups as a "
        "whole.",
    ),
)


class Inference(NamedTuple):
    """What is asked for; nothing by default."""

    permutations: int | None
    calibrate: bool
    resamples: int | None
    seed: int
    groups: Any
    exchange: ExchangeName | None

    def __bool__(self) -> bool:
        """Whether anything is."""
        return bool(self.permutations or self.calibrate or self.resamples)

    def check(self) -> None:
        """Raise for options that do not go together."""
        if self.groups is not None and not self:
            raise click.UsageError("--groups goes with --permutations, --calibrate, --bootstrap")
        is_permuted = self.permutations or self.calibrate
        if self.exchange is not None and (self.groups is None or not is_permuted):
            raise click.UsageError(
                "--exchange goes with --groups, and --permutations or --calibrate"
            )

    def of(self, x: Any, y: Any, *, measure: Measure, progress: bool, **options: Any) -> Results:
        """Return the results of all pairs of layers."""
        shared = {"measure": measure, "seed": self.seed, "groups": self.groups, **options}
        permuted = {"exchange": self.exchange or "samples", "progress": progress, **shared}
        found: list[Any] = []
        if self.calibrate:
            found.append(ig.calibrate(x, y, n_permutations=self.permutations or 1000, **permuted))
        if self.permutations:  # the same ones: p is equal, and here family-wise too
            found.append(ig.permutation_test(x, y, n_permutations=self.permutations, **permuted))
        if self.resamples:
            found.append(ig.bootstrap(x, y, n_resamples=self.resamples, **shared))
        return Results(found)


class Results(NamedTuple):
    """Results of inference, whose fields with a number for each pair are columns of a table."""

    of_functions: Sequence[Any]

    @property
    def values(self) -> Any:
        """The measure of all pairs."""
        return self.of_functions[0].value

    def facts(self) -> dict[str, Any]:
        """Return the results as JSON has them, by the names of their functions."""
        names = {ig.Calibration: "calibrate", ig.Bootstrap: "bootstrap"}
        return {
            names.get(type(result), "permutation_test"): result.to_dict()
            for result in self.of_functions
        }

    def table(self, rows: Sequence[str], columns: Sequence[str], width: int | None) -> str:
        """Return a line for each pair."""
        shown: dict[str, Any] = {}
        for result in self.of_functions:
            for name in ("value", "score", "p", "p_familywise", "low", "high"):
                if hasattr(result, name):
                    shown.setdefault(name, np.asarray(getattr(result, name)))
        lines = [
            (row, column, *(_number(name, values[i, j]) for name, values in shown.items()))
            for i, row in enumerate(rows)
            for j, column in enumerate(columns)
        ]
        header = ("A", "B", *(name.replace("_", " ") for name in shown))
        return listing(header, lines, right=range(2, len(header)), names=(0, 1), width=width)


def inference_options(command: _Command) -> _Command:
    """Add the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _number(name: str, value: float) -> str:
    """Return three decimals; of p two digits, as of one in ten thousand."""
    return f"{value:.2g}" if name.startswith("p") else fixed(value, 3)
