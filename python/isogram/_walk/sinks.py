"""Where the parts of tiles go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from isogram._walk.tiles import Tile, cut

# Rows and columns of squares that are transposed in a core's cache.
_SQUARE = 256


class Sink(Protocol):
    """Keeps the parts of tiles, and makes the result of them."""

    def has(self, tile: Tile) -> bool:
        """Whether the sink has the part of a tile."""

    def put(self, tile: Tile, part: Any) -> object:
        """Keep the part of a tile."""

    def result(self) -> Any:
        """Return the result of all parts."""


class Block(NamedTuple):
    """Where a block of a matrix lies, and its mirror image if the sink has that too."""

    entries: Any
    mirror: Any | None

    def fill_mirror(self) -> None:
        """Transpose the entries into the mirror image, square by square."""
        if self.mirror is not None:
            for square in cut(self.entries.shape, (_SQUARE, _SQUARE), is_upper=False):
                square.mirrored.of(self.mirror)[...] = square.of(self.entries).T


class ArraySink:
    """Matrices by name. A part is a mapping that has a block of each of them."""

    def __init__(
        self,
        matrices: Mapping[str, Any],
        *,
        is_symmetric: bool,
        finish: Callable[[Mapping[str, Any]], Any] | None = None,
    ) -> None:
        """Take the matrices, and what makes the result of them when all blocks are there.

        A block of symmetric ones is stored with its mirror image.
        """
        self._matrices = matrices
        self._is_symmetric = is_symmetric
        self._finish = finish
        self._stored: set[Tile] = set()

    def has(self, tile: Tile) -> bool:
        """Whether a tile is stored."""
        return tile in self._stored

    def put(self, tile: Tile, part: Mapping[str, Any]) -> None:
        """Store the blocks; an empty part says that the worker wrote them to the matrices."""
        for name in self._matrices if part else ():
            block = self.block(name, tile)
            block.entries[...] = part[name]
            block.fill_mirror()
        self._stored.add(tile)

    def block(self, name: str, tile: Tile) -> Block:
        """Return where a block of a matrix goes."""
        matrix = self._matrices[name]
        has_mirror = self._is_symmetric and tile.is_mirrored
        return Block(tile.of(matrix), tile.mirrored.of(matrix) if has_mirror else None)

    def result(self) -> Any:
        """Return the matrices, or what is made of them."""
        return self._matrices if self._finish is None else self._finish(self._matrices)


class Reduction:
    """The parts themselves, which are reduced when all are there."""

    def __init__(self, reduce: Callable[[Mapping[Tile, Any]], Any]) -> None:
        """Take the function that makes the result of the parts."""
        self._reduce = reduce
        self._parts: dict[Tile, Any] = {}

    def has(self, tile: Tile) -> bool:
        """Whether there is a part of a tile."""
        return tile in self._parts

    def put(self, tile: Tile, part: Any) -> None:
        """Keep a part."""
        self._parts[tile] = part

    def result(self) -> Any:
        """Return the result of the parts."""
        return self._reduce(self._parts)
