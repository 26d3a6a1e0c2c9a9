"""Opening files of layers, and bringing the samples of two into one order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice
from isogram._identifiers import are_equal, order_of
from isogram._output import listed, path_of
from isogram._reductions import REDUCTIONS
from isogram.io._contents import IDENTIFIERS, Contents, Entry, in_order, refused, require_memory
from isogram.io._formats import contents_of
from isogram.io._layers import Layer, Layers
from isogram.typing import ReductionName


def open(
    path: str | os.PathLike[str],
    *,
    layers: str | Iterable[str] = "*",
    ids: str | None = "auto",
    reduce: ReductionName | None = "flatten",
) -> Layers:
    """Open a file or folder of layers; only names, shapes and identifiers are read.

    Layers are the arrays of real floating-point numbers with at least two axes, samples first. The
    names of all other arrays, those of Python objects too, are in `skipped`.

    Parameters
    ----------
    path : str or path
        .npy, .npz, .pt, safetensors, HDF5, Zarr, Parquet, Arrow, or a folder of them.
    layers : str or iterable of str
        Names or patterns (`block*`). Layers come in the order of the patterns, and those of one
        pattern in the order of the file; in natural order if numbers do not ascend in that: block2
        before block10.
    ids : str, optional
        The name of the array of identifiers, strings or integers, one for each sample; "auto": the
        index that a table declares, or else an array called `ids`, `sample_ids`, `image_ids` or
        `file_names`; None: none.
    reduce : {"flatten", "mean", "mean_nchw"}, optional
        How arrays of more axes become samples by features. "mean" takes the mean over all axes but
        the first and the last, tokens or pixels whose channels come last, and "mean_nchw" over all
        but the first two; sums are float64, means float32 (float64 of float64). None leaves the
        axes, for `semantic_rsm`.

    Returns
    -------
    Layers
        A mapping from names to layers of the same samples, which every function of isogram takes.

    Raises
    ------
    ValueError
        A file that cannot be read, or that has no such layers; layers of different numbers of
        samples; identifiers that are not strings or integers, one for each sample, or that differ
        between the groups of a file.
    ImportError
        The library that reads the format is not installed: `pip install 'isogram[io]'`.

    Notes
    -----
    Nothing is ever unpickled. Rows are read as they are asked for, but for members of .npz files,
    which are read whole, once, and kept. Closing the file ends that.

    Examples
    --------
    >>> import isogram as ig
    >>> from isogram import io
    >>> with io.open("model.h5", layers="block*") as layers:  # doctest: +SKIP
    ...     ig.cka_matrix(layers)
    """
    place = path_of("open", "path", path)
    place.stat()  # FileNotFoundError, where there is none
    if reduce is not None:
        choice("open", "reduce", reduce, REDUCTIONS)
    contents = contents_of(place)
    try:
        return _layers_of(place, contents, layers, ids, reduce)
    except BaseException:
        contents.files.close()
        raise


def align(a: Layers, b: Layers) -> tuple[Layers, Layers]:
    """Return two files of layers with the rows of both in the order of the first.

    Parameters
    ----------
    a, b : Layers
        Files of the same samples, both with identifiers.

    Returns
    -------
    pair of Layers
        `a`, and `b` with its rows in the order of `a`; nothing is read for that.

    Raises
    ------
    ValueError
        A file without identifiers; an identifier that a file has twice, or that one file lacks: the
        first is named. Identifiers that are equal row by row may repeat.

    Notes
    -----
    All of a layer in another order is read at once; of a span of rows, every run of the file's rows
    by itself.
    """
    wanted, there = _ids_of(a), _ids_of(b)
    if are_equal(wanted, there):
        return a, b
    names = f"{a.ids_name!r} of {a.path}", f"{b.ids_name!r} of {b.path}"
    try:
        return a, b.reordered(order_of(wanted, there, names))
    except ValueError as error:
        raise ValueError(f"identifiers of samples do not match: {error}") from None


def _ids_of(layers: Layers) -> NDArray[Any]:
    if layers.ids is None:
        raise ValueError(f"align: {layers.path} has no identifiers; name them: open(…, ids=…)")
    return layers.ids


def _layers_of(
    path: Path,
    contents: Contents,
    patterns: str | Iterable[str],
    ids: str | None,
    reduce: ReductionName | None,
) -> Layers:
    entries = contents.entries
    names = _chosen(path, contents, _listed(patterns))
    samples = _samples(path, {name: entries[name] for name in names})
    ids_name = _ids_name(path, contents, ids, names, samples)
    identifiers = None if ids_name is None else _ids(path, entries, ids_name, samples)
    with refused(f"cannot read {path}: "):
        for name in names:
            entries[name].check()
    layers = {
        name: Layer(name, path, entries[name], contents.files, reduce, identifiers)
        for name in names
    }
    skipped = {
        name: str(entry)
        for name, entry in entries.items()
        if not entry.is_layer and name != ids_name
    }
    return Layers(path, layers, ids_name, skipped | contents.others, contents.files)


def _listed(patterns: object) -> list[str]:
    """Return one pattern or several as a list."""
    if isinstance(patterns, str):
        return [patterns]
    listed: list[Any] = list(patterns) if isinstance(patterns, Iterable) else [patterns]
    if wrong := [pattern for pattern in listed if not isinstance(pattern, str)]:
        raise TypeError(f"open: `layers` must be names or patterns, got {wrong[0]!r}")
    return listed


def _chosen(path: Path, contents: Contents, patterns: list[str]) -> list[str]:
    """Return the names of the layers that patterns ask for."""
    names = [name for name, entry in contents.entries.items() if entry.is_layer]
    if not names:
        raise ValueError(
            f"{path} has no layers, floating-point arrays with two or more axes: "
            f"{contents.described}"
        )
    names = in_order(names)
    chosen: dict[str, None] = {}
    for pattern in patterns:
        found = [name for name in names if name == pattern or fnmatchcase(name, pattern)]
        if not found:
            raise ValueError(f"{path} has no layer {pattern!r}: {listed(names)}")
        chosen.update(dict.fromkeys(found))
    if not chosen:
        raise ValueError("open: `layers` must have at least one pattern, got none")
    return list(chosen)


def _samples(path: Path, layers: Mapping[str, Entry]) -> int:
    """Return the number of samples, which all layers share."""
    first, samples = next((name, entry.shape[0]) for name, entry in layers.items())
    for name, entry in layers.items():
        if entry.shape[0] != samples:
            raise ValueError(
                f"all layers must have the same number of samples: {first!r} of {path} has "
                f"{samples}, {name!r} of {path} has {entry.shape[0]}{_for_weights(name)}"
            )
    return samples


def _for_weights(name: str) -> str:
    """Say what to compare in place of a checkpoint's weights, whose rows are no samples."""
    if not name.endswith(".weight"):
        return ""
    return (
        "; these look like weights of a model: compare what its layers put out for samples, which "
        "isogram.torch.record(model, batches, out=folder) keeps"
    )


def _ids_name(
    path: Path, contents: Contents, wanted: str | None, layers: list[str], samples: int
) -> str | None:
    """Return the name of the array of identifiers, if there is one."""
    entries = contents.entries
    if wanted is None:
        return None
    if wanted != "auto":
        if wanted not in entries:
            raise ValueError(f"{path} has no identifiers {wanted!r}: {listed(entries)}")
        if not _identifies(entries[wanted], samples):
            raise ValueError(
                f"identifiers must be strings or integers, one for each of the {samples} samples: "
                f"{wanted!r} of {path} is {entries[wanted]}"
            )
        return wanted
    fitting = [name for name, entry in entries.items() if _identifies(entry, samples)]
    if contents.index in fitting:
        return contents.index
    for word in IDENTIFIERS:
        if found := [name for name in fitting if name.rpartition("/")[2] == word]:
            groups = [name for name in found if _is_among(name, layers)] or found
            _require_equal(path, entries, groups)
            return groups[0]
    _require_none(path, contents, layers, samples)
    return None


def _require_none(path: Path, contents: Contents, layers: list[str], samples: int) -> None:
    """Raise for an array with a name of identifiers, or an index, that cannot be used."""
    entries = contents.entries.items()
    there = {name: str(entry) for name, entry in entries if not entry.is_layer} | contents.others
    for name, what in there.items():
        is_called_so = name.rpartition("/")[2] in IDENTIFIERS and _is_among(name, layers)
        if is_called_so or name == contents.index:
            raise ValueError(
                f"identifiers must be strings or integers, one for each of the {samples} samples: "
                f"{name!r} of {path} is {what}; name others, or none to take rows as they are"
            )


def _is_among(name: str, layers: list[str]) -> bool:
    """Whether a layer is in the group that holds an array, or in a group in that."""
    group = name[: name.rfind("/") + 1]
    return any(layer.startswith(group) for layer in layers)


def _identifies(entry: Entry, samples: int) -> bool:
    return entry.may_identify and entry.shape == (samples,)


def _require_equal(path: Path, entries: Mapping[str, Entry], names: list[str]) -> None:
    """Raise for groups of a file whose samples are in different orders."""
    first, *others = names
    for name in others:
        ids = [_ids(path, entries, one, entries[one].shape[0]) for one in (first, name)]
        if not are_equal(*ids):
            row = int(np.argmax(ids[0] != ids[1]))
            raise ValueError(
                f"{path} has samples in different orders: row {row} is {ids[0][row].item()!r} in "
                f"{first!r}, {ids[1][row].item()!r} in {name!r}"
            )


def _ids(path: Path, entries: Mapping[str, Entry], name: str, samples: int) -> NDArray[Any]:
    with refused(f"cannot read {path}: {name!r}: "):
        require_memory(entries[name].size)
        array = entries[name].whole()
        if array.shape != (samples,):
            raise ValueError(f"it is no longer {entries[name]}")
        return np.strings.decode(array, "utf-8") if array.dtype.kind == "S" else array
