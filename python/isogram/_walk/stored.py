"""Sinks on disk: blocks of a matrix, and parts in files."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogram._walk.matrices import DAMAGED, Matrix, NpyMatrix, checksum, flush
from isogram._walk.sinks import Sink
from isogram._walk.targets import Target
from isogram._walk.tiles import Tile, cut

# Makes results of matrices by name, in their place, and returns the warnings that a caller gets.
Finish: TypeAlias = Callable[[Mapping[str, Any]], tuple[Any, list[str]]]


class Written(NamedTuple):
    """What is left of a part whose block, with its mirror image, is written where it was computed.

    `by` names whoever wrote it.
    """

    checksum: int
    remarks: list[str]
    by: str


def written(
    matrix: Matrix, tile: Tile, block: NDArray[Any], remarks: list[str], by: str, *, mirrored: bool
) -> Written:
    """Write a block, `mirrored` its mirror image too: that first, as the block stands for both."""
    if mirrored:
        matrix.write(tile.mirrored, block.T)
    matrix.write(tile, block)
    return Written(checksum(block), remarks, by)


class StoredBlocks:
    """Blocks whose entries are stored; of a symmetric matrix one triangle, mirrored at the end."""

    def __init__(self, target: Target, name: str, finish: Finish, *, is_symmetric: bool) -> None:
        """Take where the blocks go, their name in parts, and what makes entries of them."""
        self._target, self._name, self._finish = target, name, finish
        self._matrix, self._is_symmetric = self._opened(), is_symmetric
        self._stored: set[Tile] = set()
        self._mirrored: set[Tile] = set()
        self._remarks: dict[str, None] = {}

    @property
    def shared(self) -> Matrix | None:
        """The matrix, if other processes can write blocks to it too."""
        return self._matrix if self._matrix.is_shared else None

    def _opened(self) -> Matrix:
        """Return the matrix that blocks are written to."""
        return self._target.matrix

    def _finished(self, block: NDArray[Any]) -> list[str]:
        """Make entries of a block, in its place; return the warnings that a caller gets."""
        return self._finish({self._name: block})[1]

    def has(self, tile: Tile) -> bool:
        """Whether a block is stored."""
        return tile in self._stored

    def put(self, tile: Tile, part: Mapping[str, Any] | Written) -> int:
        """Write a block that is not written; return its checksum."""
        if isinstance(part, Written):
            self._mirrored.add(tile)
            self._take(tile, part.remarks)
            return part.checksum
        block = part[self._name]
        remarks = self._finished(block)
        self._matrix.write(tile, block)
        self._take(tile, remarks)
        return checksum(block)

    def flush(self) -> None:
        """Wait until the blocks are on the disk."""
        self._matrix.flush()

    def restore(self, tile: Tile, recorded: int) -> None:
        """Take the block that is there from before, if it is whole."""
        try:
            block = self._matrix.read(tile)
        except DAMAGED:
            return
        if checksum(block) == recorded:
            self._take(tile, self._finished(block))

    def _take(self, tile: Tile, remarks: list[str]) -> None:
        self._stored.add(tile)
        self._remarks |= dict.fromkeys(remarks)

    def result(self) -> tuple[Any, list[str]]:
        """Return the matrix, and the warnings that a caller gets."""
        if self._is_symmetric:
            for tile in sorted(self._stored - self._mirrored, key=_place_below):
                if tile.is_mirrored:
                    _mirror(tile, self._matrix, self._matrix)
        self._matrix.flush()
        remarks = list(self._remarks)
        return self._target.give(remarks), remarks


def _mirror(tile: Tile, read: Matrix, written: Matrix) -> None:
    """Write the mirror image of a block, square by square, as memory may be short."""
    for part in cut(tile.shape, (written.square, written.square), is_upper=False):
        square = part.within(tile)
        written.write(square.mirrored, read.read(square).T)


def _place_below(tile: Tile) -> tuple[int, int]:
    return tile.mirrored.place


class Apart(NamedTuple):
    """A folder, and the matrix that files in it are of."""

    folder: Path
    shape: tuple[int, int]
    dtype: str

    def opened(self, name: str) -> NpyMatrix:
        """Open a file."""
        return NpyMatrix(self.folder / name, self.shape, self.dtype)


class StoredTogether(StoredBlocks):
    """Blocks whose entries depend on all of them; they are kept apart, as these replace them."""

    def __init__(
        self, target: Target, name: str, finish: Finish, *, is_symmetric: bool, apart: Apart
    ) -> None:
        """Take where blocks are kept apart; the others as for StoredBlocks."""
        self._apart = apart
        super().__init__(target, name, finish, is_symmetric=is_symmetric)

    def _opened(self) -> Matrix:
        return self._apart.opened("blocks.npy")

    def _finished(self, block: NDArray[Any]) -> list[str]:
        return []

    def result(self) -> tuple[Any, list[str]]:
        """Return the matrix, and the warnings that a caller gets."""
        whole = self._apart.opened("whole.npy")
        mirrored = [tile for tile in self._stored if self._is_symmetric and tile.is_mirrored]
        for tile in self._stored:
            whole.write(tile, self._matrix.read(tile))
        for tile in mirrored:
            _mirror(tile, self._matrix, whole)
        entries = np.load(self._apart.folder / "whole.npy", mmap_mode="r+")
        _, remarks = self._finish({self._name: entries})
        entries.flush()
        tiles = [*self._stored, *(tile.mirrored for tile in mirrored)]
        self._target.take(self._apart.folder / "whole.npy", tiles)
        result = self._target.give(remarks)
        (self._apart.folder / "blocks.npy").unlink()
        return result, remarks


class StoredParts:
    """Another sink, whose parts are kept in files, one for each."""

    def __init__(self, sink: Sink, folder: Path, names: Mapping[Tile, str]) -> None:
        """Take the sink, the folder of the files, and the names of parts."""
        self._sink, self._folder, self._names = sink, folder, names
        self._written: list[Path] = []

    def has(self, tile: Tile) -> bool:
        """Whether there is a part of a tile."""
        return self._sink.has(tile)

    def put(self, tile: Tile, part: Any) -> int:
        """Write a part; return the checksum of the file."""
        data = packed(part)
        self._path(tile).write_bytes(data)
        self._written.append(self._path(tile))
        self._sink.put(tile, part)
        return zlib.crc32(data)

    def flush(self) -> None:
        """Wait until the files are on the disk."""
        while self._written:
            flush(self._written.pop())

    def restore(self, tile: Tile, recorded: int) -> None:
        """Take the part that is there from before, if it is whole."""
        path = self._path(tile)
        data = path.read_bytes() if path.is_file() else b""
        if data and zlib.crc32(data) == recorded:
            self._sink.put(tile, unpacked(data))

    def _path(self, tile: Tile) -> Path:
        digest, _, _ = self._names[tile].partition(" ")
        return self._folder / f"{digest[:8]}-{'-'.join(map(str, tile.place))}.npz"

    def result(self) -> Any:
        """Return the result of all parts."""
        return self._sink.result()


def packed(part: Any) -> bytes:
    """Return a part, made of dicts, lists, tuples, arrays and what JSON holds, as a file .npz."""
    arrays: list[NDArray[Any]] = []

    def outline(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {"dict": {name: outline(item) for name, item in value.items()}}
        if isinstance(value, list | tuple):
            return {type(value).__name__: [outline(item) for item in value]}
        if isinstance(value, np.ndarray):
            arrays.append(value)
            return {"array": len(arrays) - 1}
        return value

    text = json.dumps(outline(part)).encode()
    stream = io.BytesIO()
    np.savez(stream, *arrays, outline=np.frombuffer(text, np.uint8))
    return stream.getvalue()


def unpacked(data: bytes) -> Any:
    """Return the part that packed() made a file of."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return _filled(json.loads(file["outline"].tobytes()), file)


def _filled(value: Any, file: Any) -> Any:
    if not isinstance(value, dict):
        return value
    [(kind, items)] = value.items()
    if kind == "array":
        return file[f"arr_{items}"]
    if kind == "dict":
        return {name: _filled(item, file) for name, item in items.items()}
    values = [_filled(item, file) for item in items]
    return tuple(values) if kind == "tuple" else values
