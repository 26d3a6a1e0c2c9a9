"""Reading .npy and .npz files that anyone may have made: arrays, or one line that says why not.

Nothing is ever unpickled. Headers come first, so that an array is neither allocated nor read before
it is known to be wanted and to be in the file; and whatever is wrong becomes a ValueError. NumPy
parses headers, once integers of Python 2 are rewritten: it would warn of them, and no thread can
silence warnings for itself alone.
"""

from __future__ import annotations

import io
import math
import re
import tokenize
import weakref
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

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
_LONGEST_HEADER = 2**16  # bytes that are read; NumPy takes fewer
_CHUNK = 2**20  # bytes of a member that are unpacked at once


def contents(path: Path) -> Contents:
    """Return the arrays in an .npy file, by its own name, or in an .npz file.

    All rows of an .npy file are read as other files are, some of them through a memory map. A
    member of an archive is read whole, once.
    """
    with reading(path) as found:
        for name, member in found.files.enter_context(_members(path, found.files)).items():
            header = _header(member)
            reader = _member_reader(member) if member.is_packed else _mapped_reader(path, member)
            check = partial(_checked_size, member)
            found.entries[name] = Entry(header.shape, header.dtype, reader, check)
    return found


def _mapped_reader(path: Path, member: _Member) -> Callable[[slice], NDArray[Any]]:
    def read(span: slice) -> NDArray[Any]:
        shape, order, dtype, start = _header(member)
        if not shape or span == slice(0, shape[0]):
            return _array(member)
        rows: NDArray[Any] = np.memmap(path, dtype, "r", start, shape, order)[span]
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
def _members(path: Path, files: ExitStack) -> Iterator[dict[str, _Member]]:
    start = first_bytes(path, len(npy.MAGIC_PREFIX))
    if start == npy.MAGIC_PREFIX:
        yield {path.stem: _Member("", path.stat().st_size, False, lambda: path.open("rb"))}
    elif start.startswith(_ZIP_STARTS):
        with zipfile.ZipFile(path) as archive:
            # In a cycle of garbage the stream may be finalized first, and warn that it is open.
            weakref.finalize(files, archive.close)
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


class _Header(NamedTuple):
    """What the beginning of an .npy file says, and its length."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype[Any]
    length: int


def _header(member: _Member) -> _Header:
    with refused(member.place), member.open() as stream:
        start = stream.read(len(npy.MAGIC_PREFIX) + 2)
        if not start.startswith(npy.MAGIC_PREFIX):
            raise ValueError("not an array as in an .npy file")
        if tuple(start[-2:]) not in _NPY_VERSIONS:
            raise ValueError("the version of its format is not known")
        is_first = start[-2] == 1
        count = stream.read(2 if is_first else 4)
        text = stream.read(min(int.from_bytes(count, "little"), _LONGEST_HEADER))
        text = re.sub(rb"(?<=[0-9])L(?=[,)])", b" ", text)  # integers of Python 2
        read = npy.read_array_header_1_0 if is_first else npy.read_array_header_2_0
        try:
            shape, is_fortran, dtype = read(io.BytesIO(count + text))
        except (SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
            raise ValueError("its header cannot be parsed") from error
        if any(extent < 0 for extent in shape):
            raise ValueError(f"its header has a negative extent: {shape}")
        return _Header(shape, "F" if is_fortran else "C", dtype, stream.tell())


def _checked_size(member: _Member) -> int:
    """Return the size of an array in bytes; raise if the file does not hold all of them."""
    shape, _, dtype, start = _header(member)
    size, there = math.prod(shape) * dtype.itemsize, member.size - start
    if size > there or (member.is_packed and size < there):
        raise ValueError(
            f"{member.place}{described(shape, dtype)} takes {size} bytes, {there} are there"
        )
    return size


def _array(member: _Member) -> NDArray[Any]:
    require_memory(size := _checked_size(member))
    shape, order, dtype, start = _header(member)
    with refused(member.place), member.open() as stream:
        if dtype.hasobject:
            raise ValueError("it holds Python objects, and nothing is unpickled")
        if not size:
            return np.empty(shape, dtype, order)
        stream.seek(start)
        if member.is_packed:
            array = _unpacked(stream, size).view(dtype)
        else:
            array = np.fromfile(stream, dtype, math.prod(shape))
        return array.reshape(shape, order=order)


def _unpacked(stream: IO[bytes], size: int) -> NDArray[np.uint8]:
    """Return bytes of an archive, which are slow to read at once."""
    content = np.empty(size, np.uint8)
    for begin in range(0, size, _CHUNK):
        part = content[begin : begin + _CHUNK]
        read = stream.read(len(part))
        if len(read) < len(part):
            raise ValueError(f"it ends {size - begin - len(read)} bytes too early")
        part[:] = np.frombuffer(read, np.uint8)
    return content
