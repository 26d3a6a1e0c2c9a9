"""Matrices on disk that tiles are written to: .npy files, and Zarr arrays of tiles."""

from __future__ import annotations

import errno
import io
import math
import os
import sys
import zlib
from collections.abc import Iterable, Mapping
from gzip import BadGzipFile
from lzma import LZMAError
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isogram._loading import if_imported, loaded
from isogram._walk.tiles import Tile, cut

if TYPE_CHECKING:
    from pathlib import Path


# Rows of a transposed block that are copied at a time, to be written.
_COPIED = 64

# Copies that Zarr takes of a square: one of chunks that are not compressed, two of others and of
# shards, another one with a filter, and of a chunk that ends beyond the array. Up to 3.8 were
# measured.
_COPIES = 4

# Blocks of the size of a chunk that the C library keeps for each of Zarr's threads when they are
# free, up to a size from which on it gives them back.
_KEPT, _GIVEN_BACK = 2, 2**25

# Rows and columns of squares that are mirrored at a time, about: some megabytes.
_SQUARE = 1024


class Matrix(Protocol):
    """A matrix on disk, which is written and read tile by tile."""

    @property
    def is_shared(self) -> bool:
        """Whether it can be pickled, for other processes to write blocks of their own."""

    @property
    def square(self) -> int:
        """Rows and columns of squares that tiles are cut into to be mirrored, one at a time."""

    def write(self, tile: Tile, block: NDArray[Any]) -> None:
        """Write a block; raise OSError where the disk has no room for it."""

    def read(self, tile: Tile) -> NDArray[Any]:
        """Return a copy of a block."""

    def flush(self) -> None:
        """Wait until everything that was written is on the disk."""


class NpyMatrix:
    """A .npy file.

    It has its room from the start, in one piece if the disk has one.
    """

    is_shared = False  # rows of two blocks may lie in one page
    square = _SQUARE

    def __init__(self, path: Path, shape: tuple[int, int], dtype: str) -> None:
        """Take the path of the file; make one that has no block yet if there is none."""
        self._path, self._dtype = path, np.dtype(dtype)
        header = io.BytesIO()
        facts = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, facts)
        self._first, self._row = header.tell(), shape[1] * self._dtype.itemsize
        size = self._first + shape[0] * self._row
        if not path.exists() or path.stat().st_size != size:
            _make(path, header.getvalue(), size)
        else:  # blocks have checksums, and the header, which a power cut may have taken, has none
            with path.open("r+b") as file:
                file.write(header.getvalue())

    def write(self, tile: Tile, block: NDArray[Any]) -> None:
        """Write the rows of a block."""
        with self._path.open("r+b", buffering=0) as file:
            _write_rows(file.fileno(), self._first_of(tile), self._row, block)

    def read(self, tile: Tile) -> NDArray[Any]:
        """Return a copy of a block."""
        block = np.empty(tile.shape, self._dtype)
        with self._path.open("rb", buffering=0) as file:
            _read_rows(file, self._first_of(tile), self._row, block)
        return block

    def _first_of(self, tile: Tile) -> int:
        """Return where the first row of a block begins."""
        top, left = tile.place
        return self._first + top * self._row + left * self._dtype.itemsize

    def flush(self) -> None:
        """Wait until everything that was written is on the disk."""
        flush(self._path)


def flush(path: Path) -> None:
    """Wait until a file is on the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _make(path: Path, header: bytes, size: int) -> None:
    """Make a file with room for a matrix."""
    _check_room(path, size)
    with path.open("wb") as file:
        file.write(header)
        file.flush()
        if hasattr(os, "posix_fallocate"):  # macOS lacks it
            os.posix_fallocate(file.fileno(), 0, size)
        file.truncate(size)


def _check_room(path: Path, size: int) -> None:
    """Raise OSError for a file that the disk has no room for now."""
    about = os.statvfs(path.parent)
    free = about.f_bavail * about.f_frsize
    if size > free:
        raise OSError(
            errno.ENOSPC, f"{path.name} takes {size} bytes, more than the {free} that are free"
        )


def _write_rows(file: int, first: int, stride: int, block: NDArray[Any]) -> None:
    """Write a block whose rows begin `stride` bytes apart, the first at `first`.

    Not through a memory map, whose pages would count as memory of this process, and which ends the
    process where a file turns out to have no room. Of a transposed block a few rows are copied at a
    time.
    """
    for begin in range(0, len(block), _COPIED):
        rows = np.ascontiguousarray(block[begin : begin + _COPIED])
        if rows.strides[0] == stride:
            rows = rows.reshape(1, -1)
        for i, row in enumerate(rows):
            _write(file, first + (begin + i) * stride, row.data.cast("B"))


def _write(file: int, first: int, data: memoryview) -> None:
    while data:  # a disk that is almost full takes a part of it
        written = os.pwrite(file, data, first)
        first, data = first + written, data[written:]


def _read_rows(file: io.FileIO, first: int, stride: int, block: NDArray[Any]) -> None:
    """Read a block that _write_rows() wrote; raise EOFError where the file ends before."""
    rows = block.reshape(1, -1) if block.strides[0] == stride else block
    for i, row in enumerate(rows):
        file.seek(first + i * stride)
        data = row.data.cast("B")
        while data:  # the system reads 2 GiB at most
            count = file.readinto(data)
            if not count:
                raise EOFError(f"{file.name} ends before the block that is read")
            data = data[count:]


def checksum(block: NDArray[Any]) -> int:
    """Return the checksum of the entries of a block."""
    return zlib.crc32(np.ascontiguousarray(block).data.cast("B"))


# What a chunk of Zarr that is not whole is read as, by its codec.
DAMAGED = (ValueError, RuntimeError, EOFError, BadGzipFile, LZMAError, zlib.error)


def is_whole(matrix: Matrix, tile: Tile, recorded: int) -> bool:
    """Whether a block that is read has the checksum that was recorded."""
    try:
        return checksum(matrix.read(tile)) == recorded
    except DAMAGED:
        return False


# Stores of Zarr that are the same in another process.
_SHARED = ("FsspecStore", "LocalStore", "ObjectStore")


class ZarrMatrix:
    """A Zarr array; a tile is one whole chunk of it, or several.

    Some are written and read at a time, as the library takes copies of each.
    """

    def __init__(self, array: Any) -> None:
        """Take the array."""
        self._array = array

    @property
    def is_shared(self) -> bool:
        """Whether it lies in files, and not in the memory of this process."""
        return type(self._array.store).__name__ in _SHARED

    @property
    def chunk(self) -> int:
        """Rows and columns of the smallest square of whole chunks."""
        return math.lcm(*chunks_of(self._array))

    @property
    def square(self) -> int:
        """Rows and columns of squares of whole chunks that are written or read at a time."""
        return self.chunk * max(1, _SQUARE // 4 // self.chunk)

    @property
    def copied_bytes(self) -> int:
        """Bytes that the library takes to write or read a square, at most about."""
        itemsize = int(self._array.dtype.itemsize)
        chunk = math.prod(chunks_of(self._array)) * itemsize
        kept = _KEPT * _zarr_threads() if chunk < _GIVEN_BACK else 0
        return _COPIES * self.square**2 * itemsize + kept * chunk

    def write(self, tile: Tile, block: NDArray[Any]) -> None:
        """Write the chunks of a block."""
        for part in cut(tile.shape, (self.square, self.square), is_upper=False):
            self._array[part.within(tile)] = part.of(block)

    def read(self, tile: Tile) -> NDArray[Any]:
        """Return a block."""
        block = np.empty(tile.shape, self._array.dtype)
        for part in cut(tile.shape, (self.square, self.square), is_upper=False):
            part.of(block)[...] = self._array[part.within(tile)]
        return block

    def flush(self) -> None:
        """Do nothing, as stores cannot be asked to: a checksum finds a chunk that is not whole."""


def _zarr_threads() -> int:
    """Return how many threads Zarr copies chunks in, at most: its own, its loop, the caller's."""
    own = loaded("zarr")[0].config.get("threading.max_workers")
    return 2 + (own or min(32, (os.cpu_count() or 1) + 4))  # by default those of Python's executors


def chunks_of(array: Any) -> tuple[int, int]:
    """Return the rows and columns that a Zarr array stores together."""
    rows, cols = array.shards or array.chunks
    return rows, cols


class ZarrFiles:
    """A Zarr array in files that zarr_matrix() made; a tile is one chunk, and a chunk one file.

    They are written without the library, which takes copies of chunks.
    """

    is_shared = True
    square = _SQUARE

    def __init__(self, path: Path, dtype: str, chunks: tuple[int, int]) -> None:
        """Take the folder of the array, and the type and shape of a chunk."""
        self._path, self._dtype, self._chunks = path, np.dtype(dtype), chunks
        self._row = chunks[1] * self._dtype.itemsize

    def write(self, tile: Tile, block: NDArray[Any]) -> None:
        """Write a block of a chunk."""
        path, first = self._place_of(tile)
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.ftruncate(file, self._chunks[0] * self._row)  # chunks at the edge are whole, too
            _write_rows(file, first, self._row, block)
        finally:
            os.close(file)

    def read(self, tile: Tile) -> NDArray[Any]:
        """Return a block of a chunk; raise EOFError where there is none."""
        block, (path, first) = np.empty(tile.shape, self._dtype), self._place_of(tile)
        if not path.is_file():
            raise EOFError(f"{path} is gone")
        with path.open("rb", buffering=0) as file:
            _read_rows(file, first, self._row, block)
        return block

    def _place_of(self, tile: Tile) -> tuple[Path, int]:
        """Return the file of the chunk that a block lies in, and where its first row begins."""
        (row, top), (col, left) = map(divmod, tile.place, self._chunks)
        path = self._path / "c" / str(row) / str(col)
        return path, top * self._row + left * self._dtype.itemsize

    def flush(self) -> None:
        """Do nothing: a checksum finds a chunk that is not whole."""


def zarr_matrix(
    path: Path, shape: tuple[int, int], dtype: str, chunks: tuple[int, int]
) -> ZarrFiles:
    """Make a Zarr array, of the chunks that are there; entries that are not are NaN."""
    zarr = zarr_for(path)
    path.mkdir(exist_ok=True)
    made = path.with_suffix(".new")
    _make_zarr_array(zarr, made, shape, dtype, chunks)
    for file in made.iterdir():  # what describes it, which is not trusted where it is there
        file.replace(path / file.name)
    made.rmdir()
    return ZarrFiles(path, dtype, chunks)


def _make_zarr_array(
    zarr: Any, path: Path, shape: tuple[int, int], dtype: str, chunks: tuple[int, int]
) -> None:
    # Nothing is left to the settings of the library: ZarrFiles knows how chunks are stored.
    zarr.create_array(
        path,
        shape=shape,
        dtype=dtype,
        chunks=chunks,
        zarr_format=3,
        chunk_key_encoding={"name": "default", "separator": "/"},
        filters=None,
        serializer=zarr.codecs.BytesCodec(endian=sys.byteorder),
        compressors=None,  # they hardly make entries of floating point smaller
        fill_value=math.nan,
        config={"write_empty_chunks": True},
        overwrite=True,
    )


def zarr_for(path: Path) -> Any:
    """Return the library, or say what to install."""
    try:
        return loaded("zarr")[0]
    except ImportError as error:
        raise ImportError(f"{path} needs zarr: pip install 'isogram[io]'") from error


def is_zarr_array(out: Any) -> bool:
    """Whether an argument is an array of Zarr."""
    return isinstance(out, if_imported("zarr", "Array"))


def refuse_input(function: str, array: Any, inputs: Mapping[str, Any]) -> None:
    """Raise ValueError for a Zarr array that is one of the inputs, of which tiles are read."""
    for name, given in inputs.items():
        for one in given if isinstance(given, list | tuple) else (given,):
            if is_zarr_array(one) and _place_of(one) == _place_of(array):
                raise ValueError(
                    f"{function}: `out` must not be `{name}`, whose rows are read as tiles are "
                    f"written, got the same Zarr array, {_place_of(array)}"
                )


def _place_of(array: Any) -> str:
    """Return where a Zarr array is stored."""
    root = getattr(array.store, "root", None)
    return str(array.store_path) if root is None else os.path.realpath(root / array.path)


def is_on_disk(out: Any) -> bool:
    """Whether an argument is a path, or an array of Zarr."""
    if out is None or type(out) is np.ndarray:
        return False  # at once, as small calls take microseconds
    return isinstance(out, str | os.PathLike) or is_zarr_array(out)


def check_array(function: str, array: Any, shape: tuple[int, int], dtype: str) -> None:
    """Raise for a Zarr array of another shape or type, or that cannot be written."""
    if tuple(array.shape) != shape:
        raise ValueError(f"{function}: `out` must be of shape {shape}, got {tuple(array.shape)}")
    if array.dtype != dtype:
        raise TypeError(f"{function}: `out` must be of {dtype}, got {array.dtype}")
    if array.read_only:
        raise ValueError(f"{function}: `out` must be writeable, got a read-only Zarr array")


def check_chunks(function: str, array: Any, tiles: Iterable[Tile]) -> None:
    """Raise for a Zarr array whose chunks are cut by tiles, mirror images included."""
    chunks = chunks_of(array)
    for tile in tiles:
        for span, chunk, end in zip(tile, chunks, array.shape, strict=True):
            if span.start % chunk or (span.stop % chunk and span.stop != end):
                raise ValueError(
                    f"{function}: `out` must have chunks that tiles are made of, got chunks of "
                    f"{chunks} and a tile with the span {span.start} to {span.stop}: plan a "
                    "`tile` of whole chunks, or smaller chunks"
                )
