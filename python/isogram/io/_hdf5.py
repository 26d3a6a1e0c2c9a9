"""Layers in HDF5 files: data sets, by their paths."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram.io._contents import Contents, Entry, library, reading


def contents(path: Path) -> Contents:
    """Return the data sets in `path`; links by name, and to other files, are not followed."""
    h5py = library("h5py", "HDF5 files")
    with reading(path) as found:
        file = found.files.enter_context(h5py.File(path, "r"))
        file.id.links.visit(partial(_add, h5py, found, file), info=True)
    return found


def _add(h5py: Any, found: Contents, file: Any, path: bytes, link: Any) -> None:
    """Add the data set at a path; one that is at several paths is there by all these names."""
    name = path.decode(errors="surrogateescape")
    if link.type != h5py.h5l.TYPE_HARD:
        found.others[name] = "a link"
        return
    item = file[path]
    if not isinstance(item, h5py.Dataset):
        return
    try:
        dtype = item.dtype
    except TypeError as error:  # times and the like, which NumPy has no type for
        found.others[name] = str(error)
        return
    if item.shape is None:
        found.others[name] = "an empty data set"
    elif h5py.check_string_dtype(dtype):
        found.entries[name] = Entry(item.shape, np.dtype(str), _string_reader(item))
    else:
        found.entries[name] = Entry(item.shape, dtype, _reader(item))


def _reader(dataset: Any) -> Callable[[slice], NDArray[Any]]:
    def read(span: slice) -> NDArray[Any]:
        if not dataset:  # h5py's own reason names neither
            raise ValueError("the file is closed")
        return np.asarray(dataset[span] if dataset.shape else dataset[()])

    return read


def _string_reader(dataset: Any) -> Callable[[slice], NDArray[Any]]:
    strings = dataset.asstr("utf-8")  # what NumPy wrote as bytes says that it is ASCII
    return lambda span: np.array(strings[span] if dataset.shape else strings[()], dtype=str)
