"""Reading .npy and .npz files that anyone may have made: arrays, or one line that says why not.

NumPy and zipfile do the reading, and nothing is ever unpickled. The rest is decided
here: headers come first, so that an array is neither allocated nor read before it is known to be
wanted and to be in the file; and whatever their parsers raise becomes a ValueError.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from isogram.io._contents import (
    Contents,
    Entry,
    described,
    first_bytes,
    reading,
    refused,
    require_memory,
)

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive, and of one without members
_NPY_VERSIONS = ((1, 0), (2, 0), (3, 0))


def contents(path: Path) -> Contents:
    """Return the arrays in an .npy file, by its own name, or in an .npz file.

    All rows of an .npy file are read as other files are, some of them through a memory map. A
    member of an archive is read whole, once.
    """
    with reading(path) as found:
        for name, member in found.files.enter_context(_members(path)).items():
            shape, dtype, _ = _header(member)
            reader = _member_reader(member) if member.is_packed else _mapped_reader(path, member)
            found.entries[name] = Entry(shape, dtype, reader, partial(_checked_size, member))
    return found


def _mapped_reader(path: Path, member: _Member) -> Callable[[slice], NDArray[Any]]:
    def read(span: slice) -> NDArray[Any]:
        shape, _, _ = _header(member)
        if not shape or span == slice(0, shape[0]):
            return _array(member)
        rows: NDArray[Any] = npy.open_memmap(path, mode="r")[span]
        return rows

    return read


def _member_reader(member: _Member) -> Callable[[slice], NDArray[Any]]:
    @cache
    def whole() -> NDArray[Any]:
        array = _array(member)
        array.flags.writeable = False  # for whoever gets it next
        return array

    return lambda span: whole()[span] if whole().ndim else whole()


class _Member(NamedTuple):
    """An array's bytes in a file: all of an .npy file, or a part of an .npz file."""

    place: str  # for messages
    size: int
    is_packed: bool  # in an archive, where nothing may follow the array
    open: Callable[[], AbstractContextManager[IO[bytes]]]


@contextmanager
def _members(path: Path) -> Iterator[dict[str, _Member]]:
    start = first_bytes(path, len(npy.MAGIC_PREFIX))
    if start == npy.MAGIC_PREFIX:
        yield {path.stem: _Member("", path.stat().st_size, False, lambda: path.open("rb"))}
    elif start.startswith(_ZIP_STARTS):
        with zipfile.ZipFile(path) as archive:
            yield _members_of(archive)
    else:
        raise ValueError("not an .npy or .npz file of plain numbers, nor another that is known")


def _members_of(archive: zipfile.ZipFile) -> dict[str, _Member]:
    members: dict[str, _Member] = {}
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        name = entry.filename.removesuffix(".npy")
        if name in members:
            raise ValueError(f"two members are named {name!r}")
        # The checksum of a member is compared once all of it is read.
        place, read = f"member {name!r}: ", partial(archive.open, entry)
        members[name] = _Member(place, entry.file_size, True, read)
    return members


def _header(member: _Member) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Return the shape and type of an array, and the length of its header."""
    with refused(member.place), member.open() as stream:
        start = stream.read(len(npy.MAGIC_PREFIX) + 2)
        if not start.startswith(npy.MAGIC_PREFIX):
            raise ValueError("not an array as in an .npy file")
        if tuple(start[-2:]) not in _NPY_VERSIONS:
            raise ValueError("the version of its format is not known")
        read = npy.read_array_header_1_0 if start[-2] == 1 else npy.read_array_header_2_0
        try:
            shape, _, dtype = read(stream)
        except (SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
            raise ValueError("its header cannot be parsed") from error
        if any(extent < 0 for extent in shape):
            raise ValueError(f"its header has a negative extent: {shape}")
        return shape, dtype, stream.tell()


def _checked_size(member: _Member) -> int:
    """Return the size of an array in bytes; raise if the file does not hold all of them."""
    shape, dtype, length = _header(member)
    size, there = math.prod(shape) * dtype.itemsize, member.size - length
    if size > there or (member.is_packed and size < there):
        raise ValueError(
            f"{member.place}{described(shape, dtype)} takes {size} bytes, {there} are there"
        )
    return size


def _array(member: _Member) -> NDArray[Any]:
    require_memory(_checked_size(member))
    with refused(member.place), member.open() as stream:
        array: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
        return array
