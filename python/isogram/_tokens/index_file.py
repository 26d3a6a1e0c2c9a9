"""The file of an index: arrays one after another, and a directory of them at its end.

    magic, version │ arrays, each at a multiple of 64 bytes │ directory (JSON) │ trailer

The trailer says where the directory lies and has its CRC-32, the directory has those of the arrays.
A file is written beside its place and renamed when all of it is on the disk. Nothing in it is code.
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from isogram._errors import PlaceError
from isogram._output import check_target

VERSION = 1
_MAGIC = b"isogram semantic index\r\n"
_HEAD = struct.Struct("<24sI")
_TRAILER = struct.Struct("<QQI12s")
_END = b"end of index"
_ALIGNMENT = 64
_CHUNK = 1 << 24  # bytes that are summed at a time
_TYPES = re.compile(r"<(f2|u2|f4|f8|i8|U[1-9][0-9]*)")


class Writer:
    """A file that is being written."""

    def __init__(self, file: BinaryIO, at: int = 0) -> None:
        """Write its head, or go on at byte `at`; what is beyond that is lost."""
        self._file = file
        self.at = file.seek(at)
        file.truncate()
        if not at:
            self.at = file.write(_HEAD.pack(_MAGIC, VERSION))

    def array(self, array: NDArray[Any]) -> dict[str, Any]:
        """Write an array, and return its line of the directory."""
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        self.at += self._file.write(bytes(-self.at % _ALIGNMENT))
        line = {"dtype": array.dtype.str, "shape": array.shape, "at": self.at}
        data = array.reshape(-1).view(np.uint8)
        self.at += self._file.write(data.data)
        return line | {"crc32": _sum_of(data)}

    def flush(self) -> None:
        """Wait until everything that was written is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def finish(self, directory: Mapping[str, Any]) -> None:
        """Write the directory and the trailer, and wait until they are on the disk."""
        text = json.dumps(directory).encode()
        self._file.write(text)
        self._file.write(_TRAILER.pack(self.at, len(text), zlib.crc32(text), _END))
        self.flush()


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """Give the writer of a file, which takes the place of `path` at the end, if nothing fails."""
    target = check_target(path)
    beside = target.with_name(f".isogram-{secrets.token_hex(8)}.part")
    try:
        with beside.open("xb") as file:
            yield Writer(file)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def begins_as_index(path: Path) -> bool:
    """Return whether a file begins as an index does."""
    if not path.is_file():  # a folder, or a pipe
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def are_whole(path: Path, lines: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a file, which may end early, has the arrays of some lines."""
    if not (path.is_file() and path.stat().st_size):
        return False
    data = np.memmap(path, np.uint8, "r")
    return all(_sum_of(_bytes_of(line, data)) == line["crc32"] for line in lines)


class Reader:
    """The memory map of a file, and its directory."""

    def __init__(self, path: Path) -> None:
        """Map a file; raise PlaceError unless it is whole, and of a version that is known."""
        self._path = path
        if path.stat().st_size < _HEAD.size or not begins_as_index(path):
            raise PlaceError(ValueError, f"{path} is no index of isogram")
        self._bytes = np.memmap(path, np.uint8, "r")
        _, version = _HEAD.unpack(self._bytes[: _HEAD.size].tobytes())
        if version > VERSION:
            raise PlaceError(
                ValueError,
                f"{path} is an index of version {version}, this isogram reads up to {VERSION}",
            )
        size = len(self._bytes) - _TRAILER.size
        if size < _HEAD.size:
            raise self._damaged("it ends early")
        at, count, crc, end = _TRAILER.unpack(self._bytes[size:].tobytes())
        if end != _END or at + count != size:
            raise self._damaged("it ends early, or has more at its end")
        text = self._bytes[at:size].tobytes()
        if zlib.crc32(text) != crc:
            raise self._damaged("its directory has another checksum")
        self.directory: dict[str, Any] = json.loads(text)

    @contextmanager
    def reading(self, *, verify: bool) -> Iterator[tuple[dict[str, Any], Callable[..., Any]]]:
        """Give the directory, and a function of a line of it: the array, which stays in the file.

        With `verify` the checksums of arrays are compared. What goes wrong meanwhile is the file's
        fault.
        """

        def array(line: Mapping[str, Any]) -> NDArray[Any]:
            return self._array(line, verify=verify)

        try:
            yield self.directory, array
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged("its directory is of something else") from error

    def _array(self, line: Mapping[str, Any], *, verify: bool) -> NDArray[Any]:
        if not _TYPES.fullmatch(line["dtype"]):
            raise self._damaged(f"it has entries of type {line['dtype']!r}")
        data = _bytes_of(line, self._bytes)
        if verify and _sum_of(data) != line["crc32"]:
            raise self._damaged(f"the array at byte {line['at']} has another checksum")
        entries: NDArray[Any] = np.asarray(data).view(line["dtype"]).reshape(line["shape"])
        return entries

    def _damaged(self, how: str) -> PlaceError:
        return PlaceError(ValueError, f"{self._path} is a damaged index: {how}")


def _bytes_of(line: Mapping[str, Any], file: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the bytes of the array of a line of the directory."""
    count = math.prod(line["shape"]) * np.dtype(line["dtype"]).itemsize
    return file[line["at"] : line["at"] + count]


def _sum_of(data: NDArray[np.uint8]) -> int:
    """Return the CRC-32 of bytes."""
    crc = 0
    for start in range(0, len(data), _CHUNK):
        crc = zlib.crc32(data[start : start + _CHUNK].data, crc)
    return crc
