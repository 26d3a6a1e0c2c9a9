"""Reading the files that commands are given, and naming the arrays that are left out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram import io
from isogram._output import listed
from isogram._reductions import are_positions
from isogram.cli._messages import notice
from isogram.io._contents import Contents, Entry, first_bytes, lines_of, refused
from isogram.io._formats import contents_of
from isogram.typing import LayerReductionName, LayoutName

_Array = NDArray[Any]


def read_layer(path: Path, name: str | None, advice: str = "choose one with --layer") -> _Array:
    """Return the array `name` of `path`, or the only one that can be meant."""
    with _entry_of(path, name, advice) as entry, refused(f"cannot read {path}: "):
        return entry.whole()


@contextmanager
def open_layer(path: Path, name: str | None) -> Iterator[ig.Rows]:
    """Open the array that `read_layer` returns, to be read by rows."""

    def read(first: int, last: int) -> _Array:
        with refused(f"cannot read {path}: "):
            return entry.read(slice(first, last))

    with _entry_of(path, name, "choose one with --layer") as entry:
        yield ig.rows(read, entry.shape, entry.dtype)


@contextmanager
def _entry_of(path: Path, name: str | None, advice: str) -> Iterator[Entry]:
    contents = contents_of(path)
    with contents.files:
        entries = contents.entries
        chosen = _only_layer(path, contents, advice) if name is None else name
        if chosen not in entries:
            raise ValueError(f"{path} has no {chosen!r}: {listed(entries)}")
        if entries[chosen].dtype.hasobject:
            raise ValueError(f"{chosen!r} of {path} holds Python objects, expected plain numbers")
        if name is None:
            ignored = {name: str(entry) for name, entry in entries.items() if name != chosen}
            say_what_is_ignored(path, ignored | contents.others)
        yield entries[chosen]


def only_layer(path: Path, layers: io.Layers) -> io.Layer:
    """Return the only layer of those that are open."""
    if len(layers) > 1:
        raise ValueError(f"{path} has several layers, choose one with --layer: {listed(layers)}")
    [layer] = layers.values()
    return layer


def read_numbers(path: Path, name: str | None) -> _Array:
    """Return the numbers in a .csv file, or else what `read_layer` returns."""
    if path.suffix.lower() != ".csv" or path.is_dir():
        return read_layer(path, name)
    if name is not None:
        raise click.UsageError("--layer does not go with a .csv file")
    with refused(f"cannot read {path}: "):
        first_bytes(path, 1)  # refuses a pipe and an empty file
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of NumPy, where no numbers are there
                numbers = np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8-sig")
        except ValueError as error:
            raise ValueError(str(error).partition("; use `")[0]) from error  # NumPy's options
        if not numbers.size:
            raise ValueError("no numbers are there")
    return numbers


def read_labels(a: Path, given: str) -> _Array | list[str]:
    """Return the array of a file, the lines of one, or an array beside the layers of `a`."""
    path = Path(given)
    if not path.is_file():
        return read_layer(a, given)
    if path.suffix.lower() in (".npy", ".npz"):
        return read_layer(path, None, "pass a file of one")
    with refused(f"cannot read {path}: "):
        return lines_of(path)


def _only_layer(path: Path, contents: Contents, advice: str) -> str:
    plain = [name for name, entry in contents.entries.items() if not entry.dtype.hasobject]
    names = [name for name in plain if contents.entries[name].is_layer] or plain
    if not names:
        raise ValueError(f"{path} holds no plain numbers: {contents.described}")
    if len(names) > 1:
        raise ValueError(f"{path} has several arrays, {advice}: {listed(names)}")
    return names[0]


def require_axes(
    argument: str, shape: tuple[int, ...], layout: LayoutName, *, takes_vectors: bool = False
) -> None:
    """Raise unless the layout names all axes; a vector for each sample is one token."""
    if len(shape) == (3 if layout == "nsc" else 4) or (
        takes_vectors and len(shape) == 2 and layout == "nsc"
    ):
        return
    if layout == "nsc":
        advice = ": pass --layout nchw (PyTorch) or nhwc for maps of features"
        raise ValueError(
            f"{argument} must be 3-D, got {len(shape)}-D of shape {shape}"
            f"{advice if len(shape) == 4 else ''}"
        )
    raise ValueError(f"{argument} must be 4-D with --layout {layout}, got shape {shape}")


def of_files(reduce: LayerReductionName) -> str | None:
    """Return how layers are read: with all axes where positions become rows afterwards."""
    return None if are_positions(reduce) else reduce


@contextmanager
def open_both(a: Path, b: Path, **options: Any) -> Iterator[tuple[io.Layers, io.Layers]]:
    """Open the layers of two files, of the same samples in the same order."""
    with io.open(a, **options) as layers_a:
        if a.samefile(b):
            yield layers_a, layers_a
            return
        with io.open(b, **options) as layers_b:
            _check_samples(layers_a, layers_b)
            yield layers_a, _aligned(layers_a, layers_b)


def read_both(
    a: Path, b: Path, *, labels: str | None = None, **options: Any
) -> tuple[dict[str, _Array], dict[str, _Array]]:
    """Return the layers of two files, of the same samples in the same order.

    The message about ignored arrays leaves out an array called `labels`: the caller reads it.
    """
    with open_both(a, b, **options) as (layers_a, layers_b):
        arrays = _read(layers_a, labels)
        return arrays, arrays if layers_b is layers_a else _read(layers_b, labels)


def _read(layers: io.Layers, labels: str | None) -> dict[str, _Array]:
    arrays = layers.read()
    say_what_is_ignored(layers.path, layers.skipped, labels)
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


def say_what_is_ignored(path: Path, skipped: Mapping[str, str], labels: str | None = None) -> None:
    """Name the arrays that are no layers; not one called `labels`, which is read."""
    ignored = {name: what for name, what in skipped.items() if name != labels}
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
