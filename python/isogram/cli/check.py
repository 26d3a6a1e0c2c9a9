"""`isogram check`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

import isogram as ig
from isogram import io
from isogram._measures import Measure
from isogram._output import listed
from isogram._progress import reporting
from isogram._tables import listing, terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import A_AND_B, Command
from isogram.cli._files import of_files, open_both, say_what_is_ignored
from isogram.cli._messages import notice
from isogram.cli._options import (
    INPUT,
    OUTPUT,
    check_ending,
    check_targets,
    ids_option,
    json_option,
    measure_options,
    num_threads_option,
    options_of,
    progress_option,
    reduce_option,
    wants_progress,
)
from isogram.io._results import facts_of
from isogram.typing import LayerReductionName

FAILED = 3  # the exit status; 1 and 2 are of what could not be checked
SAME_NAME = "same-name"
_DECIMALS = 4  # as pages have them; the table has more


class _Limit(NamedTuple):
    """The limit of a measure's values."""

    measure: Measure
    value: float

    @property
    def is_least(self) -> bool:
        return self.measure.kind == "similarity"

    def keeps(self, value: float) -> bool:
        """Whether a value is within the limit, which NaN is not."""
        return value >= self.value if self.is_least else value <= self.value

    def verdict(self, value: float) -> str:
        """Return "ok", or the fault of a value, and how far off it is if decimals do not tell."""
        if self.keeps(value):
            return "ok"
        if math.isnan(value):
            return "undefined"
        beyond = f"{'below' if self.is_least else 'above'} {_exact(self.value)}"
        is_near = self.keeps(round(value, _DECIMALS))
        return f"{beyond} by {abs(value - self.value):.1g}" if is_near else beyond

    def badness(self, value: float) -> float:
        """Return a number by which the worst value is the first."""
        return -math.inf if math.isnan(value) else value if self.is_least else -value


@click.command(cls=Command, words=A_AND_B)
@click.argument("a", type=INPUT)
@click.argument("b", type=INPUT)
@click.option("--min", "least", type=float, help="The least similarity, for similarities.")
@click.option("--max", "most", type=float, help="The largest distance, for distances.")
@measure_options
@click.option(
    "--layers",
    "patterns",
    metavar="PATTERN",
    multiple=True,
    default=(SAME_NAME,),
    show_default=True,
    help="Which layers: all that both files have by one name, or names or patterns as 'block*' "
    "that both must have; may be repeated.",
)
@reduce_option
@ids_option
@json_option
@click.option("--html", "html_path", metavar="FILE", type=OUTPUT, help="Also write a page of HTML.")
@num_threads_option
@progress_option
def check(
    a: Path,
    b: Path,
    least: float | None,
    most: float | None,
    measure: Measure,
    patterns: tuple[str, ...],
    reduce: LayerReductionName,
    ids: str | None,
    json_path: Path | None,
    html_path: Path | None,
    num_threads: int | None,
    progress: bool | None,
    **given: Any,
) -> None:
    """Fail unless the layers of A and B are alike.

    Compares each layer of A with the layer of the same name in B, files as for `compare`, by a
    measure, and prints the worst layer first. The exit status is 0 where all values keep to --min
    (or --max), 3 where one does not or is undefined, and 1 or 2 where nothing could be checked.
    """
    options = options_of(measure, given)
    limit = _limit_of(measure, least, most)
    check_targets(json=json_path, html=html_path)
    check_ending("--html", html_path, ".html", ".htm")
    if html_path is not None:
        _require_reports()
    is_shown = wants_progress(progress)
    names = ["*" if pattern == SAME_NAME else pattern for pattern in patterns]
    with open_both(a, b, layers=names, ids=ids, reduce=of_files(reduce)) as both:
        for layers in both if both[0] is not both[1] else both[:1]:
            say_what_is_ignored(layers.path, layers.skipped)
        pairs = _pairs(*both)
        values = {}
        with reporting("check", is_shown, "layer") as report:
            for name, pair in pairs.items():
                values[name] = _value(
                    name,
                    pair,
                    measure=measure,
                    reduce=reduce,
                    num_threads=num_threads,
                    **options,
                )
                if report is not None:
                    report(len(values), len(pairs))
        inputs: list[Mapping[str, Any]] = [
            {pair[side].name: pair[side] for pair in pairs.values()} for side in (0, 1)
        ]
        provenance = facts_of(inputs) if json_path or html_path else {}
    values = dict(sorted(values.items(), key=lambda item: limit.badness(item[1])))
    facts = {
        "passed": all(map(limit.keeps, values.values())),
        "measure": measure.name,
        "options": {**measure.options, **options},
        "reduce": reduce,
        "min" if limit.is_least else "max": limit.value,
        "files": [a, b],
        "layers": [
            {"name": name, "value": value, "passed": limit.keeps(value)}
            for name, value in values.items()
        ],
        "not_checked": [
            [name for name in layers if name not in checked]
            for layers, checked in zip(both, inputs, strict=True)
        ],
        "provenance": provenance,
    }
    answer(f"{_table(limit, values)}\n\n{_sentence(limit, values)}", facts, json_path)
    if html_path is not None:
        _write_page(html_path, limit, values, facts)
    if not facts["passed"]:
        click.get_current_context().exit(FAILED)


def _exact(value: float) -> str:
    """Return a number with all its digits."""
    return repr(value).removesuffix(".0")


def _limit_of(measure: Measure, least: float | None, most: float | None) -> _Limit:
    """Return the limit that was given; similarities have a least value, distances a largest."""
    wanted, other = ("min", "max") if measure.kind == "similarity" else ("max", "min")
    given = {"min": least, "max": most}
    value = given[wanted]
    if value is None or given[other] is not None:
        raise click.UsageError(
            f"--measure {measure.name} is a {measure.kind}: give --{wanted}, and no --{other}"
        )
    low, high = measure.range
    if not low <= value <= high:  # NaN too
        raise click.UsageError(
            f"--{wanted} must be in the range of {measure.name}, {low:g} to {high:g}, "
            f"got {_exact(value)}"
        )
    return _Limit(measure, value)


def _require_reports() -> None:
    """Raise before the work if a page could not be written after it."""
    try:
        from isogram import report  # noqa: F401
    except ImportError as error:
        raise ImportError("--html needs Jinja2: pip install 'isogram[report]'") from error


def _pairs(a: io.Layers, b: io.Layers) -> dict[str, tuple[io.Layer, io.Layer]]:
    """Return the layers that both files have by one name, and say which only one has.

    Two files of one layer each make a pair whatever the names of the layers: the layer of an .npy
    file has the name of the file.
    """
    if len(a) == len(b) == 1:
        one, other = *a.values(), *b.values()
        name = one.name if one.name == other.name else f"{one.name} – {other.name}"
        return {name: (one, other)}
    pairs = {name: (a[name], b[name]) for name in a if name in b}
    if not pairs:
        raise ValueError(
            f"{a.path} and {b.path} have no layers of one name: {listed(a)}; {listed(b)}"
        )
    for layers in (a, b):
        if alone := [name for name in layers if name not in pairs]:
            notice(f"not checked, only in {layers.path}: {listed(alone)}")
    return pairs


def _value(name: str, pair: tuple[io.Layer, io.Layer], **options: Any) -> float:
    """Return the measure of two layers, while no others are held."""
    one, other = ({name: np.asarray(layer)} for layer in pair)
    return float(ig.similarity_matrix(one, other, **options)[0, 0])


def _table(limit: _Limit, values: Mapping[str, float]) -> str:
    lines = [(name, f"{value:.6f}", limit.verdict(value)) for name, value in values.items()]
    return listing(
        ("layer", limit.measure.name, "verdict"), lines, right=[1], width=terminal_width()
    )


def _sentence(limit: _Limit, values: Mapping[str, float]) -> str:
    kept = sum(map(limit.keeps, values.values()))
    side = "at least" if limit.is_least else "at most"
    return f"{limit.measure.name} {side} {_exact(limit.value)}: {kept} of {len(values)} layers"


def _write_page(
    path: Path, limit: _Limit, values: Mapping[str, float], facts: Mapping[str, Any]
) -> None:
    from isogram import report

    a, b = facts["files"]
    provenance = facts["provenance"]
    about = {"A": a, "B": b, "options": facts["options"] or "none", "samples": provenance["n"]}
    about |= {"reduce": facts["reduce"]}
    about |= {"isogram": provenance["version"], "computed on": provenance["device"]}
    about |= {"date": provenance["date"]}
    page = report.table(
        f"{a.name} and {b.name}",
        ("layer", limit.measure.name, "verdict"),
        [(name, value, limit.verdict(value)) for name, value in values.items()],
        lead=f"{_sentence(limit, values)}.",
        marked=[i for i, value in enumerate(values.values()) if not limit.keeps(value)],
        about=about,
    )
    page.save(path)
