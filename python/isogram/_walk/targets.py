"""Where results on disk go: a path, at which the result is once it is whole, or a Zarr array."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from isogram._errors import PlaceError
from isogram._output import check_folder, check_target, path_of
from isogram._walk.journal import Journal
from isogram._walk.matrices import (
    DAMAGED,
    Matrix,
    NpyMatrix,
    ZarrMatrix,
    checksum,
    zarr_for,
    zarr_matrix,
)
from isogram._walk.tiles import Tile


class Target(Protocol):
    """Where a result goes."""

    @property
    def matrix(self) -> Matrix:
        """The matrix that the entries of the result are written to."""

    def take(self, file: Path, tiles: Iterable[Tile]) -> None:
        """Take the entries of a .npy file, which is of no more use, tile by tile."""

    def give(self, remarks: list[str]) -> Any:
        """Return the result, which is whole."""


class ZarrTarget:
    """A Zarr array of the caller."""

    def __init__(self, array: Any, journal: Journal | None = None) -> None:
        """Take the array, and the journal of the job, if there is one."""
        self._array, self._journal = array, journal
        self.matrix: Matrix = ZarrMatrix(array)
        self._taken: list[int] | None = None

    def take(self, file: Path, tiles: Iterable[Tile]) -> None:
        """Copy the entries of a .npy file, tile by tile."""
        self._taken = _copy(file, self.matrix, tiles)

    def give(self, remarks: list[str]) -> Any:
        """Return the array; record entries that were taken, as the blocks before are gone."""
        if self._journal is not None and self._taken is not None:
            self._journal.finish({"entries": self._taken, "remarks": remarks})
        return self._array

    def is_finished(self, tiles: Iterable[Tile]) -> bool:
        """Whether the entries of all tiles are those that the journal says were taken."""
        if self._journal is None or self._journal.result is None:
            return False
        try:
            entries = [checksum(self.matrix.read(tile)) for tile in sorted(tiles, key=_place)]
        except DAMAGED:
            return False
        return entries == self._journal.result.get("entries")

    def finished(self) -> tuple[Any, list[str]]:
        """Return the result that the journal says is whole, and the warnings that a caller gets."""
        result = self._journal.result if self._journal is not None else None
        return self._array, list((result or {}).get("remarks", ()))


class PathTarget:
    """A .npy file or a Zarr array at a path, which is in the folder of a job until it is whole."""

    def __init__(
        self, path: Path, journal: Journal, shape: tuple[int, int], dtype: str, tile: Tile
    ) -> None:
        """Take the path, the journal, and the matrix that it will be; `tile` is the first."""
        self._path, self._journal, self._tile = path, journal, tile
        self._shape, self._dtype = shape, dtype
        self._partial = journal.folder / f"matrix{path.suffix}"
        if journal.result is None and _is_taken(path):
            raise PlaceError(ValueError, f"`out` must be a new path, but {path} is there already")

    @cached_property
    def matrix(self) -> Matrix:
        """The matrix that is not whole yet."""
        if self._path.suffix == ".npy":
            return NpyMatrix(self._partial, self._shape, self._dtype)
        return zarr_matrix(self._partial, self._shape, self._dtype, self._tile.shape)

    def take(self, file: Path, tiles: Iterable[Tile]) -> None:
        """Take the entries of a .npy file."""
        if self._path.suffix == ".npy":
            file.replace(self._partial)
        else:
            _copy(file, self.matrix, tiles)

    def give(self, remarks: list[str]) -> Any:
        """Record the result, move it to its path and return it, read-only."""
        self.__dict__.pop("matrix", None)
        self._journal.finish({"state": state(self._partial), "remarks": remarks})
        return self.finished()[0]

    def finished(self) -> tuple[Any, list[str]]:
        """Return the result that the journal says is whole, and the warnings that a caller gets."""
        result = self._journal.result or {}
        if self._partial.exists():
            self._partial.replace(self._path)
        if state(self._path) != result.get("state"):
            raise PlaceError(
                ValueError,
                f"`out` must be as the job left it, but {self._path} changed, or is gone: delete "
                f"{self._journal.folder} to begin anew",
            )
        return _opened(self._path), list(result.get("remarks", ()))


class Finished:
    """The sink of a result that is whole."""

    def __init__(self, target: PathTarget | ZarrTarget) -> None:
        """Take where the result is."""
        self.result = target.finished

    def has(self, tile: Tile) -> bool:
        """Return True."""
        return True

    def put(self, tile: Tile, part: Any) -> None:
        """Do nothing: all tiles are there."""


def checked_path(function: str, out: Any) -> Path:
    """Return the path of a result, or raise for one that cannot be written."""
    path = path_of(function, "out", out)
    if path.suffix not in (".npy", ".zarr"):
        raise ValueError(f"{function}: `out` must be a path that ends in .npy or .zarr, got {path}")
    if path.suffix == ".npy":
        return check_target(path)
    zarr_for(path)
    path = Path(os.path.abspath(path))  # the process may change its folder
    check_folder(path)
    if _is_taken(path) and not job_of(path).exists():
        raise ValueError(f"{function}: `out` must be a new path, but {path} is there already")
    return path


def job_of(path: Path) -> Path:
    """Return the folder of the job of a path."""
    return path.with_name(path.name + ".job")


def _is_taken(path: Path) -> bool:
    """Whether something is there that the result does not replace; a file .npy it does."""
    return path.suffix == ".zarr" and os.path.lexists(path)


def _opened(path: Path) -> Any:
    if path.suffix == ".npy":
        return np.load(path, mmap_mode="r")
    return zarr_for(path).open_array(path, mode="r")


def _copy(file: Path, matrix: Matrix, tiles: Iterable[Tile]) -> list[int]:
    """Move the entries of a file to a matrix; return the checksums of tiles, in order."""
    entries, checksums = np.load(file, mmap_mode="r"), list[int]()
    for tile in sorted(tiles, key=_place):
        block = tile.of(entries)
        matrix.write(tile, block)
        checksums.append(checksum(block))
    file.unlink()
    return checksums


def _place(tile: Tile) -> tuple[int, int]:
    return tile.place


def state(path: Path) -> int:
    """Return a checksum of the sizes and times of all files of a result."""
    return zlib.crc32("".join(sorted(_files(path))).encode())


def _files(path: Path) -> Iterator[str]:
    for file in [path, *path.rglob("*")]:
        if file.is_file():
            about = file.stat()
            yield f"{file.relative_to(path)} {about.st_size} {about.st_mtime_ns};"
