"""Plans of matrices whose parts are blocks: Gram matrices, dense graphs, divergences, RSMs."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from isogram._arrays import Output
from isogram._memory import FEWER_SAMPLES, PASS_OUT, check_memory
from isogram._types import Report
from isogram._walk.journal import Journal, Journaled
from isogram._walk.matrices import (
    Matrix,
    ZarrMatrix,
    check_array,
    check_chunks,
    is_on_disk,
    is_zarr_array,
    refuse_input,
)
from isogram._walk.plan import Plan, Reduced
from isogram._walk.sinks import ArraySink, Block, Sink
from isogram._walk.sources import Source
from isogram._walk.stored import Apart, StoredBlocks, StoredTogether, Written, written
from isogram._walk.targets import Finished, PathTarget, Target, ZarrTarget, checked_path
from isogram._walk.tiles import Tile, cut


@dataclass(frozen=True, eq=False, repr=False)
class BlocksPlan(Plan):
    """How a matrix is computed block by block; a part is the tile's block, by the operation's name.

    Attributes
    ----------
    dtype : str
        The type of its entries.
    """

    dtype: str

    def _reduced(self, parts: Mapping[Tile, Mapping[str, Any]]) -> Reduced:
        """Return what `_finished()` makes of the matrices, as NumPy arrays."""
        in_order = self._in_order(parts)
        for tile, blocks in zip(self.tiles, in_order, strict=True):
            self._check_blocks(tile, blocks)
        self._check_memory(FEWER_SAMPLES)
        matrices = {name: np.empty(self.shape, self.dtype) for name in self._names}
        sink = self._sink_of(matrices)
        for tile, blocks in zip(self.tiles, in_order, strict=True):
            sink.put(tile, blocks)
        reduced: Reduced = sink.result()
        return reduced

    def _check_blocks(self, tile: Tile, blocks: Mapping[str, Any]) -> None:
        """Raise ValueError unless a part that came from elsewhere has whole blocks."""
        for name in self._names:
            block = blocks.get(name)
            if not (
                isinstance(block, np.ndarray)
                and block.shape == tile.shape
                and block.dtype == self.dtype
            ):
                raise ValueError(
                    f"{self.operation}: `parts` must have {name!r} of shape {tile.shape} and type "
                    f"{self.dtype} for {tile}, got {_described(block)}"
                )

    def _finished(self, matrices: Mapping[str, NDArray[Any]]) -> Reduced:
        """Return the result, and the warnings that a caller gets, of matrices by name."""
        return matrices[self.operation], []

    _keeps_no_parts = True

    def _part(
        self, tile: Tile, inputs: Any, num_threads: int, progress: Report
    ) -> Mapping[str, Any]:
        """Return the block of a matrix that `_write()` writes."""
        block = Block(np.empty(tile.shape, self.dtype), None)
        self._write_tile(tile, inputs, block, num_threads, progress)
        return {self.operation: block.entries}

    def _write_tile(
        self, tile: Tile, sources: Sequence[Source], block: Block, num_threads: int, report: Report
    ) -> None:
        """Read a tile's rows, of the first input, and columns, of the last; write its block."""
        rows = sources[0].rows(tile.rows)
        cols = None if self._is_diagonal(tile) else sources[-1].rows(tile.cols)
        pairs = self.pairs(tile)
        self._write(rows, cols, block, num_threads=num_threads, progress=report, pairs=pairs)

    def _write(
        self, rows: NDArray[Any], cols: NDArray[Any] | None, block: Block, **options: Any
    ) -> None:
        """Write a block and its mirror image; columns of None: the rows again.

        The options are those of the core for a tile.
        """
        raise NotImplementedError

    def _part_for(
        self, sink: Sink, tile: Tile, checked: Any, num_threads: int, progress: Report
    ) -> dict[str, Any]:
        """Write a tile's block to the matrix of the sink, if it has one."""
        if not (isinstance(sink, ArraySink) and self._is_written):
            return super()._part_for(sink, tile, checked, num_threads, progress)
        self._write_tile(tile, checked, sink.block(self.operation, tile), num_threads, progress)
        return {}

    # Whether `_write()` makes the only block of a part.
    _is_written: ClassVar[bool] = True

    @property
    def _result_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize * len(self._names)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrix."""
        return self.inputs[0].shape[0], self.inputs[-1].shape[0]

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's blocks."""
        n, m = tile.shape
        return n * m * np.dtype(self.dtype).itemsize * len(self._names)

    @property
    def _names(self) -> tuple[str, ...]:
        """The names of the matrices that a part has a block of."""
        return (self.operation,)

    def _with_tiles(self, edge: int) -> Self:
        tiles = cut(self.shape, (edge, edge), is_upper=self._is_symmetric)
        return replace(self, tiles=tuple(tiles))

    @property
    def _is_entrywise(self) -> bool:
        """Whether `_finished()` makes each entry of one entry, so that blocks can be finished."""
        return True

    def _check_out(self, inputs: Sequence[Any], out: Any, job: Any) -> None:
        if out is not None and len(self._names) > 1:
            raise ValueError(
                f"{self.operation}: `out` must be None for several kernels, got "
                f"{'a path' if isinstance(out, str | os.PathLike) else 'an array'}"
            )
        if isinstance(out, str | os.PathLike) and job is not None:
            raise ValueError(
                f"{self.operation}: `job` must be None where `out` is a path, whose job is in the "
                f"folder {os.fspath(out)}.job, got {job!r}"
            )
        if is_zarr_array(out):
            names = (spec.argument for spec in self.inputs)
            refuse_input(self.operation, out, dict(zip(names, inputs, strict=False)))
            check_array(self.operation, out, self.shape, self.dtype)
            if job is None and not self._is_entrywise:
                raise ValueError(
                    f"{self.operation}: `job` must be a folder, or `out` a path, for a Zarr array "
                    "of entries that depend on the median of all, got None"
                )

    def _fitted(self, out: Any) -> Self:
        """Return this plan with tiles of whole chunks of a Zarr array; the caller's stay."""
        if not is_zarr_array(out):
            return self
        matrix = ZarrMatrix(out)
        plan = replace(self, copied_bytes=matrix.copied_bytes)
        if "tile" not in self.options:
            plan = plan._of_chunks(matrix.chunk)
        check_chunks(self.operation, out, plan._written_tiles)
        return plan

    def _of_chunks(self, chunk: int) -> Self:
        """Return this plan with tiles of whole chunks; with copies of these they keep its limit."""
        if self.memory_limit is not None:
            return self.within(self.memory_limit, chunk)
        is_cut = len(self.tiles) > 1 and chunk > self._edge
        return self if is_cut else self._in_tiles(self._units(chunk) * chunk)

    @property
    def _written_tiles(self) -> set[Tile]:
        """The tiles that are written, mirror images included."""
        return {*self.tiles, *(tile.mirrored for tile in self.tiles if self._is_symmetric)}

    def _kept(self, checked: Any, out: Any, journal: Journal) -> Sink:
        """Return the matrix on disk that `out` is; else keep parts."""
        if not is_on_disk(out):
            return super()._kept(checked, out, journal)
        names = {tile: self._name_of(tile) for tile in self.tiles}
        if is_zarr_array(out):
            in_array = ZarrTarget(out, journal)
            if in_array.is_finished(self._written_tiles):
                return Finished(in_array)
            return Journaled(self._stored(in_array, journal.folder), journal, names)
        path = checked_path(self.operation, out)
        target = PathTarget(path, journal, self.shape, self.dtype, self.tiles[0])
        if journal.result is not None:
            return Finished(target)
        return Journaled(self._stored(target, journal.folder), journal, names)

    def _stored(self, target: Target, folder: Path | None) -> StoredBlocks:
        """Return the blocks of a matrix on disk; those that depend on others lie in the folder."""
        [name] = self._names
        if folder is None or self._is_entrywise:
            return StoredBlocks(target, name, self._finished, is_symmetric=self._is_symmetric)
        apart = Apart(folder, self.shape, self.dtype)
        return StoredTogether(
            target, name, self._finished, is_symmetric=self._is_symmetric, apart=apart
        )

    def _written(self, tile: Tile, part: Mapping[str, Any], matrix: Matrix, by: str) -> Written:
        """Write a tile's block to a matrix on disk, where the block was computed."""
        [name] = self._names
        _, remarks = self._finished({name: part[name]})
        mirrored = self._is_symmetric and tile.is_mirrored
        return written(matrix, tile, part[name], remarks, by, mirrored=mirrored)

    def _sink(self, checked: Any, out: Any) -> Sink:
        """Return the matrices themselves: `out`, or new ones."""
        if is_zarr_array(out):
            return self._stored(ZarrTarget(out), None)
        advice = f"{PASS_OUT}, or {FEWER_SAMPLES}"
        if len(self._names) > 1:
            advice = f"plan one kernel at a time, or {FEWER_SAMPLES}"
            self._check_memory(advice)
        arrays = self._arrays(checked)
        first = next(iter(arrays.values()))
        return self._sink_of(
            {
                name: Output(self.operation, out, self.shape, arrays, first, advice).array
                for name in self._names
            }
        )

    def _sink_of(self, matrices: Mapping[str, NDArray[Any]]) -> ArraySink:
        return ArraySink(matrices, is_symmetric=self._is_symmetric, finish=self._finished)

    def _check_memory(self, advice: str) -> None:
        dtype = np.dtype(self.dtype)
        check_memory(self.operation, self.shape, dtype, advice, len(self._names))

    def _arrays(self, checked: Any) -> dict[str, NDArray[Any]]:
        """Return the arrays of checked inputs by name."""
        return {source.name: source.array for source in checked}


def _described(block: Any) -> str:
    if isinstance(block, np.ndarray):
        return f"shape {block.shape} and type {block.dtype}"
    return type(block).__name__
