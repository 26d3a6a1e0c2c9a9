"""Reading .npy and .npz files that anyone may have made: arrays, or one line that says why not.

NumPy and zipfile do the reading, and nothing is ever unpickled. What they leave open is decided
here: headers come first, so that an array is neither allocated nor read before it is known to be
wanted and to be in the file; and whatever their parsers raise becomes a ValueError.
"""

from __future__ import annotations

import math
import stat
import struct
import tokenize
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from isogram._memory import usable_memory

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive, and of one without members
_NPY_VERSIONS = ((1, 0), (2, 0), (3, 0))
_LONGEST_REASON = 300  # NumPy's messages quote whole headers

# What zipfile and NumPy's parser of headers raise on broken files.
_BROKEN: tuple[type[Exception], ...] = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # encrypted; not implemented; nested too deeply
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)
# And the decompressors, which not every Python has.
for _module, _error in (
    ("zlib", "error"),
    ("lzma", "LZMAError"),
    ("compression.zstd", "ZstdError"),
):
    with suppress(ImportError):
        _BROKEN += (getattr(import_module(_module), _error),)


class Header(NamedTuple):
    """What a file says of one of its arrays before the numbers begin."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    length: int  # of the header itself

    @property
    def size(self) -> int:
        """Bytes of the numbers."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype.name} of shape {self.shape}"


def read_headers(path: Path) -> dict[str, Header]:
    """Return the headers of the arrays in `path` by name; that of an .npy file has the file's."""
    with _refused(f"cannot read {path}: "), _members(path) as members:
        return {name: _header(member) for name, member in members.items()}


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Return the named arrays in `path`, once they are known to be there and to have room."""
    with _refused(f"cannot read {path}: "), _members(path) as members:
        chosen = {name: members[name] for name in names}
        size = sum(_checked_size(member) for member in chosen.values())
        if size > usable_memory():
            raise MemoryError(
                f"its arrays take {size} bytes of memory, more than the {usable_memory()} "
                "that there are"
            )
        return {name: _array(member) for name, member in chosen.items()}


class _Member(NamedTuple):
    """An array's bytes in a file: all of an .npy file, or a part of an .npz file."""

    place: str  # for messages
    size: int
    exact: bool  # nothing may follow the array
    open: Callable[[], AbstractContextManager[IO[bytes]]]


@contextmanager
def _members(path: Path) -> Iterator[dict[str, _Member]]:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a regular file")  # opening a pipe would wait for a writer
    if not status.st_size:
        raise ValueError("the file is empty")
    with path.open("rb") as stream:
        start = stream.read(len(npy.MAGIC_PREFIX))
        if start == npy.MAGIC_PREFIX:
            yield {path.stem: _Member("", status.st_size, False, partial(_rewound, stream))}
        elif start.startswith(_ZIP_STARTS):
            with zipfile.ZipFile(stream) as archive:
                yield _members_of(archive)
        else:
            raise ValueError("not an .npy or .npz file of plain numbers")


@contextmanager
def _rewound(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    stream.seek(0)
    yield stream


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


def _header(member: _Member) -> Header:
    with _refused(member.place), member.open() as stream:
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
        return Header(shape, dtype, stream.tell())


def _checked_size(member: _Member) -> int:
    """Return the bytes that an array takes, all of which are there."""
    header = _header(member)
    there = member.size - header.length
    if header.size > there or (member.exact and header.size < there):
        raise ValueError(f"{member.place}{header} takes {header.size} bytes, {there} are there")
    return header.size


def _array(member: _Member) -> NDArray[Any]:
    with _refused(member.place), member.open() as stream:
        array: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
        return array


@contextmanager
def _refused(what: str) -> Iterator[None]:
    """Turn the exceptions of broken files into a ValueError that begins with `what`."""
    try:
        with warnings.catch_warnings():  # of headers by Python 2 and types of NumPy 1
            warnings.simplefilter("ignore")
            yield
    except _BROKEN as error:
        raise ValueError(what + _reason(error)) from error


def _reason(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    first = text.splitlines()[0] if text else type(error).__name__
    return first if len(first) <= _LONGEST_REASON else f"{first[:_LONGEST_REASON]} …"
