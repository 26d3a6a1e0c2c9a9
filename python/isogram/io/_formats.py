"""Formats of files: known by the first bytes, and by the name where bytes do not tell."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from isogram.io import _arrow, _hdf5, _numpy, _safetensors, _torch, _zarr
from isogram.io._contents import (
    IDENTIFIERS,
    Contents,
    Entry,
    first_bytes,
    in_memory,
    lines_of,
    naturally,
    reading,
    reason_of,
    refused,
)

# Beside the layers of a recording: how many rows are whole.
JOURNAL = "recording.json"
JOURNAL_FORMAT = "isogram recording 1"

_FORMATS = ".npy, .npz, .pt, .safetensors, HDF5, Zarr, Parquet, Arrow files (no streams)"
_BY_NAME = {
    ".pt": _torch.contents,
    ".pth": _torch.contents,
    ".safetensors": _safetensors.contents,
}
_BY_START = {
    b"\x93NUMPY": _numpy.contents,
    b"PK": _numpy.contents,
    b"\x89HDF\r\n\x1a\n": _hdf5.contents,
    b"PAR1": _arrow.parquet_contents,
    b"ARROW1": _arrow.arrow_contents,
}


def contents_of(path: Path) -> Contents:
    """Return what a file or folder holds.

    Raises
    ------
    ValueError
        It cannot be read.
    ImportError
        The library that reads it is not installed.
    """
    if path.is_dir():
        return _zarr.contents(path) if _is_zarr(path) else _folder_contents(path)
    with refused(f"cannot read {path}: "):
        reader = _reader_of(path)
        if reader is None:
            raise ValueError(f"not of a format that is known: {_FORMATS}")
    return reader(path)


def _reader_of(path: Path) -> Callable[[Path], Contents] | None:
    start = first_bytes(path, 8)
    if reader := _BY_NAME.get(path.suffix.lower()):
        return reader
    return next((reader for mark, reader in _BY_START.items() if start.startswith(mark)), None)


def _is_zarr(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in _zarr.MARKS)


def _folder_contents(folder: Path) -> Contents:
    """Return what the files in a folder hold, and those in the folders in it.

    An array named after its file stands there by that name, others as `file/name`. Lines of a text
    file called like identifiers are identifiers.
    """
    with reading(folder) as found:
        for name in naturally(path.name for path in folder.iterdir()):
            path = folder / name
            if path.suffix == ".txt" and path.stem in IDENTIFIERS:
                _merge(found, path, Contents({path.stem: _lines(path)}))
            elif name == JOURNAL and (journal := _journal(path)):
                if not journal["complete"]:
                    raise ValueError(
                        f"a recording was interrupted after {journal['rows']} samples: the same "
                        "call of record() goes on with it"
                    )
            elif not (reason := _why_not(path)):
                _merge(found, path, contents_of(path))
            elif not name.startswith("."):
                found.others[name] = reason
    return found


def _journal(path: Path) -> dict[str, Any]:
    """Return what a recording of `isogram.torch` says of itself; nothing of another file."""
    try:
        journal = json.loads(path.read_text(encoding="utf-8"))
        return journal if journal["format"] == JOURNAL_FORMAT else {}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}


def _why_not(path: Path) -> str:
    """Return why a file or folder beside others is none of layers, or nothing if it is one."""
    if path.name.startswith("."):
        return "hidden"
    if path.is_dir():
        if path.is_symlink():
            return "a link to a folder"  # which may lead back
        return "" if os.access(path, os.R_OK | os.X_OK) else os.strerror(errno.EACCES)
    try:
        is_archive = (
            path.suffix.lower() not in (".npz", *_BY_NAME) and first_bytes(path, 2) == b"PK"
        )
        known = _reader_of(path) is not None and not is_archive  # of documents, of programs
        return "" if known else "not of a format that is known"
    except (OSError, ValueError) as error:
        return reason_of(error)


def _merge(found: Contents, path: Path, inner: Contents) -> None:
    found.files.push(inner.files)

    def full(name: str) -> str:
        return name if name == path.stem else f"{path.stem}/{name}"

    for name, entry in inner.entries.items():
        if full(name) in found.entries:
            raise ValueError(f"two arrays in {path.parent} are named {full(name)!r}")
        found.entries[full(name)] = entry
    found.others |= {full(name): what for name, what in inner.others.items()}


def _lines(path: Path) -> Entry:
    with refused(f"cannot read {path}: "):
        first_bytes(path, 1)  # refuses a pipe
        return in_memory(np.array(lines_of(path)))
