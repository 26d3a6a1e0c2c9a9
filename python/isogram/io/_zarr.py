"""Layers in Zarr groups, of version 2 or 3: arrays, by their paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram.io._contents import Contents, Entry, library, reading, reason_of, refused

# Files that make a folder a Zarr store, of version 3 and of version 2.
MARKS = ("zarr.json", ".zgroup", ".zarray")


def contents(path: Path) -> Contents:
    """Return the arrays in `path`, except arrays whose codec would unpickle."""
    zarr = library("zarr", "Zarr folders")
    with reading(path) as found:

        def skip(error: OSError) -> None:
            found.others[Path(error.filename).relative_to(path).as_posix()] = reason_of(error)

        for place, folders, files in os.walk(path, onerror=skip):
            folder = Path(place)
            name = folder.relative_to(path).as_posix() if folder != path else path.stem
            if any(mark in files for mark in MARKS) and _is_array(zarr, found, name, folder):
                folders.clear()  # of chunks
            folders.sort()
    return found


def _is_array(zarr: Any, found: Contents, name: str, folder: Path) -> bool:
    """Add an array; False for a group."""
    try:
        with refused(""):
            node = zarr.open(folder, mode="r")
            if isinstance(node, zarr.Group):
                return False
            if any("pickle" in codec for codec in _codecs(node.metadata.to_dict())):
                raise ValueError("pickled")
            dtype = np.dtype(str) if node.dtype.kind == "T" else node.dtype
            found.entries[name] = Entry(node.shape, dtype, _reader(node, dtype))
    except ValueError as error:  # an array of objects, for one
        found.others[name] = str(error)
    return True


def _codecs(metadata: Any) -> Iterator[str]:
    """Return the names of all codecs in the description of an array."""
    if isinstance(metadata, Mapping):
        for key, value in metadata.items():
            if key in ("id", "name") and isinstance(value, str):
                yield value
            yield from _codecs(value)
    elif isinstance(metadata, list | tuple):
        for item in metadata:
            yield from _codecs(item)
    elif hasattr(metadata, "codec_id"):  # of version 2
        yield metadata.codec_id


def _reader(array: Any, dtype: np.dtype[Any]) -> Callable[[slice], NDArray[Any]]:
    return lambda span: np.asarray(array[span] if array.shape else array[()], dtype)
