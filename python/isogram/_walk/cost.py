"""What a plan takes: pairs, bytes, and memory, which smaller tiles keep within a limit."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from isogram._memory import UNCOUNTED, size
from isogram._walk.description import Description
from isogram._walk.tiles import Tile, counted, length


@dataclass(frozen=True)
class Cost:
    """What a plan takes: counts and bytes that are exact, and an estimate of memory.

    Attributes
    ----------
    tiles, pairs : int
        Tiles, and pairs of rows and columns that they compare.
    read_bytes : int
        Of the rows and columns that all tiles read, each tile its own.
    part_bytes : int
        Of the parts of all tiles.
    result_bytes : int
        Of the result; of a k-NN graph the most that it may take.
    memory : int
        About the most that `Plan.run` takes beside the inputs: the result (none if that is in an
        `out`), the parts if they are no blocks of it, one tile's part, and its packed rows and
        columns; the core keeps fewer where rows are long. Of inputs that are no arrays also the
        tile's rows and columns as they are read. What Zarr copies to write to an array of the
        caller's is counted when `run` is given one.
    """

    tiles: int
    pairs: int
    read_bytes: int
    part_bytes: int
    result_bytes: int
    memory: int

    @property
    def working_memory(self) -> int:
        """Bytes of `memory` without the result: what `memory_limit` limits."""
        return self.memory - self.result_bytes

    def __str__(self) -> str:
        """Return all of it in one line."""
        tiles = f"{self.tiles:,} tile{'s' * (self.tiles != 1)}, {self.pairs:,} pairs"
        return (
            f"{tiles}; reads {size(self.read_bytes)}, makes {size(self.result_bytes)}, and takes "
            f"about {size(self.memory)} of memory"
        )


class Costed(Description):
    """A description that tells what its tiles take."""

    # Whether run() stores parts in the result as they come.
    _keeps_no_parts: ClassVar[bool] = False

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of rows and columns a tile compares."""
        return tile.pairs(is_symmetric=self._is_symmetric)

    @abstractmethod
    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's part."""

    @property
    def cost(self) -> Cost:
        """What the tiles take, all together."""
        result = self._result_bytes
        return Cost(
            len(self.tiles),
            sum(map(self.pairs, self.tiles)),
            sum(map(self._read_bytes, self.tiles)),
            sum(map(self.part_bytes, self.tiles)),
            result,
            result + self._working_bytes(Counter(map(_shape_of, self.tiles)).items()),
        )

    def within(self, memory_limit: int, unit: int = 1) -> Self:
        """Return this plan, with smaller tiles if `run` would take more bytes with its own.

        The limit is for what is taken beside the inputs and the result. Rows and columns of tiles
        are multiples of `unit`. Raises MemoryError where no tiles are small enough.
        """
        most = _counted_of(memory_limit)
        widest = self._units(unit)  # in units, as all edges here
        taken = {widest: self._working_bytes_with(widest * unit)}
        while taken[min(taken)] > most and min(taken) > 1:
            edge = min(taken) // 2
            taken[edge] = self._working_bytes_with(edge * unit)
        fits = min(taken)
        if taken[fits] > most:
            least = min(taken, key=lambda edge: taken[edge])
            copies, advice = "", ""
            if self.copied_bytes:
                copies = ", with copies of chunks of `out`,"
                advice = ": smaller chunks, and square ones, take less"
            raise MemoryError(
                f"{self.operation}: `memory_limit` must be at least {_limit_for(taken[least])} "
                f"bytes, which {self._smallest(least * unit)}{copies} take, got {memory_limit}"
                f"{advice}"
            )
        beyond = min((edge for edge in taken if edge > fits), default=fits + 1)
        while beyond - fits > max(1, fits // 64):
            edge = (fits + beyond) // 2
            if self._working_bytes_with(edge * unit) <= most:
                fits = edge
            else:
                beyond = edge
        return replace(self._in_tiles(fits * unit), memory_limit=memory_limit)

    @property
    def _edge(self) -> int:
        """The most rows or columns of a tile."""
        return max(max(tile.shape) for tile in self.tiles)

    def _units(self, unit: int) -> int:
        """Return how many times `unit` the rows and columns of a tile are at most.

        The only tile of a matrix may end beyond it.
        """
        return -(-self._edge // unit) if len(self.tiles) == 1 else max(1, self._edge // unit)

    def _in_tiles(self, edge: int) -> Self:
        """Return this plan, or one with tiles of another size."""
        return self if edge == self._edge else self._with_tiles(edge)

    def _smallest(self, edge: int) -> str:
        """Return what takes the least memory, in words."""
        return f"tiles of {edge} x {edge}"

    @abstractmethod
    def _with_tiles(self, edge: int) -> Self:
        """Return the plan with tiles of at most `edge` rows and columns."""

    @property
    @abstractmethod
    def _result_bytes(self) -> int:
        """The most bytes of the result."""

    def _working_bytes_with(self, edge: int) -> int:
        """Return `_working_bytes()` of tiles of another size."""
        n, m = self.inputs[0].shape[0], self.inputs[0 if self._is_symmetric else 1].shape[0]
        return self._working_bytes(counted((n, m), edge, is_upper=self._is_symmetric))

    def _working_bytes(self, tiles: Iterable[tuple[Tile, int]]) -> int:
        """Return about the most bytes beside inputs and result, of tiles and how many are alike."""
        tiles = list(tiles)
        kept = 0
        if not self._keeps_no_parts:
            kept = sum(self.part_bytes(tile) * count for tile, count in tiles)
        buffered = sum(spec.buffered or 0 for spec in self.inputs)
        return (
            kept
            + buffered
            + self.copied_bytes
            + max(
                self.part_bytes(tile) + self._packed_bytes(tile) + self._copied_bytes(tile)
                for tile, _ in tiles
            )
        )

    def _read_bytes(self, tile: Tile) -> int:
        """Return the bytes of the rows and columns that a tile reads."""
        spans = self._spans(tile)
        return sum(
            length(span) * spec.row * spec.itemsize
            for spec, of_spec in zip(self.inputs, spans, strict=True)
            for span in of_spec
        )

    def _packed_bytes(self, tile: Tile) -> int:
        """Return the bytes of a tile's rows and columns as they are packed to be computed."""
        spans = self._spans(tile)
        return self._computed_itemsize * sum(
            length(span) * spec.row
            for spec, of_spec in zip(self.inputs, spans, strict=True)
            for span in of_spec
        )

    def _copied_bytes(self, tile: Tile) -> int:
        """Return the bytes of rows and columns of a tile that are copied to be read."""
        return sum(
            length(span) * spec.row * spec.itemsize
            for spec, of_spec in zip(self.inputs, self._spans(tile), strict=True)
            for span in of_spec
            if spec.buffered is not None
        )

    @property
    def _computed_itemsize(self) -> int:
        """Bytes of an entry as it is computed with."""
        return 8 if any(spec.dtype == "float64" for spec in self.inputs) else 4

    def __repr__(self) -> str:
        """Return what the tiles take, and their size."""
        rows, cols = max(tile.shape for tile in self.tiles)
        return f"{self.operation} in tiles of {rows:,} x {cols:,}: {self.cost}"


def _counted_of(memory_limit: int) -> int:
    """Return how many bytes of a limit are for what is counted; the rest is for all else."""
    return memory_limit - min(memory_limit // 4, UNCOUNTED) - memory_limit // 32


def _limit_for(counted: int) -> int:
    """Return about the least limit that leaves `counted` bytes for what is counted."""
    limits = counted * 32 // 23 + 9, (counted + UNCOUNTED) * 32 // 31 + 9
    return next(limit for limit in limits if _counted_of(limit) >= counted)


def _shape_of(tile: Tile) -> Tile:
    """Return one tile for all that are as large, and on the diagonal or not."""
    first = slice(0, tile.shape[0])
    return Tile(first, slice(first.stop, first.stop + tile.shape[1]) if tile.is_mirrored else first)
