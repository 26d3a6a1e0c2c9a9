"""`isogram report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click
from numpy.typing import NDArray

from isogram import io
from isogram._measures import Measure
from isogram._output import listed
from isogram.cli._answer import answer
from isogram.cli._commands import A_AND_B, Command
from isogram.cli._files import open_both, read_labels, read_layer, say_what_is_ignored
from isogram.cli._options import (
    INPUT,
    OUTPUT,
    check_ending,
    check_targets,
    ids_option,
    json_option,
    layers_option,
    measures_option,
    num_threads_option,
)
from isogram.io._contents import naturally

_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")


@click.command(cls=Command, words=A_AND_B)
@click.argument("a", type=INPUT)
@click.argument("b", type=INPUT)
@click.option("-o", "--output", type=OUTPUT, required=True, help="HTML file to write.")
@measures_option
@layers_option
@ids_option
@click.option(
    "--pair",
    metavar="NAME NAME",
    nargs=2,
    help="Layers of A and of B whose samples are shown; by default the last of A and its best "
    "match.",
)
@click.option(
    "--labels",
    metavar="NAME|FILE",
    help="Groups of the samples, in the order of A: an array of A, an .npy or .npz file of one, "
    "or a text file with a line for each sample.",
)
@click.option(
    "--images",
    "pictures",
    metavar="FOLDER|FILE",
    type=INPUT,
    help="Pictures of the samples: in a folder, called as the identifiers of A are, or else in "
    "natural order; or an array of shape (n, h, w) or (n, h, w, channels).",
)
@click.option(
    "--layout",
    type=click.Choice(["nhwc", "nchw"]),
    help="Where layers of four axes have their channels; without it, their tokens are not shown.",
)
@click.option("--title", help="Heading of the page; by default the names of the files.")
@json_option
@num_threads_option
def report(
    a: Path,
    b: Path,
    output: Path,
    measures: list[Measure],
    patterns: tuple[str, ...],
    ids: str | None,
    pair: tuple[str, str] | None,
    labels: str | None,
    pictures: Path | None,
    layout: Literal["nhwc", "nchw"] | None,
    title: str | None,
    json_path: Path | None,
    num_threads: int | None,
) -> None:
    """Write a page of HTML that compares every layer in A with every layer in B.

    Files and layers are those of `compare`, and layers of more axes are flattened. The page has
    heat maps of several measures, best matches, RSMs of two layers and nearest neighbours of
    samples; with --images also pictures of them and how their tokens match. It needs nothing but
    itself: it can be sent, or kept beside a run.
    """
    from isogram import report as pages

    check_targets(output=output, json=json_path)
    check_ending("--output", output, ".html", ".htm")
    with open_both(a, b, layers=patterns, ids=ids, reduce=None) as both:
        for layers in both if both[0] is not both[1] else both[:1]:
            say_what_is_ignored(layers.path, layers.skipped, labels)
        page = pages.compare(
            *both,
            measures=measures or pages.MEASURES,
            pair=pair,
            labels=None if labels is None else read_labels(a, labels),
            pictures=None if pictures is None else _pictures(pictures, both[0]),
            layout=layout,
            title=title,
            num_threads=num_threads,
        )
    page.save(output)
    answer("", {"output": output, **page.facts}, json_path)


def _pictures(pictures: Path, layers: io.Layers) -> NDArray[Any] | list[Path]:
    """Return the pictures of the samples: an array, or paths in their order."""
    if not pictures.is_dir():
        return read_layer(pictures, None, "expected one, of pictures")
    paths = {
        path.relative_to(pictures).as_posix(): path
        for path in pictures.rglob("*")
        if path.suffix.lower() in _PICTURES
    }
    if layers.ids is None:
        return [paths[name] for name in naturally(paths)]
    known = {name.rpartition(".")[0]: path for name, path in paths.items()} | paths
    named = [str(sample) for sample in layers.ids.tolist()]
    if missing := [name for name in named if name not in known]:
        raise ValueError(
            f"{pictures} has no picture of {missing[0]!r}, an identifier of {layers.path}: it has "
            f"{listed(naturally(paths)) or 'none'}"
        )
    return [known[name] for name in named]
