"""Where the parts of tiles go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

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
            self.block(name, tile)[...] = part[name]
        if part:
            self.mirror(tile)
        self._stored.add(tile)

    def block(self, name: str, tile: Tile) -> Any:
        """Return where a block of a matrix lies."""
        return tile.of(self._matrices[name])

    def mirror(self, tile: Tile) -> None:
        """Store the mirror images of blocks, if they have any, square by square."""
        if not (self._is_symmetric and tile.is_mirrored):
            return
        for matrix in self._matrices.values():
            for square in cut(tile.shape, (_SQUARE, _SQUARE), is_upper=False):
                target = square.mirrored.of(tile.mirrored.of(matrix))
                target[...] = square.of(tile.of(matrix)).T

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
