"""Tiles of a matrix: where they lie, and how a matrix is cut into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol


class Tile(NamedTuple):
    """A block of a matrix: rows and columns from `start` to before `stop`."""

    rows: slice
    cols: slice

    def __hash__(self) -> int:
        """Hash the bounds, as slices themselves have a hash only from Python 3.12 on."""
        return hash(self.bounds)

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """The tile as the core takes it: first and last rows, and columns."""
        return self.rows.start, self.rows.stop, self.cols.start, self.cols.stop

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the block."""
        return length(self.rows), length(self.cols)

    @property
    def place(self) -> tuple[int, int]:
        """Row and column of its first entry."""
        return (self.rows.start, self.cols.start)

    @property
    def mirrored(self) -> Tile:
        """The tile on the other side of the diagonal."""
        return Tile(self.cols, self.rows)

    @property
    def is_mirrored(self) -> bool:
        """Whether it lies off the diagonal; in a walk over a triangle its mirror image goes too."""
        return self.rows != self.cols

    def pairs(self, *, is_symmetric: bool) -> int:
        """Return how many rows it compares with columns: in a symmetric matrix different rows."""
        n, m = self.shape
        return n * (n - 1) // 2 if is_symmetric and not self.is_mirrored else n * m

    def within(self, tile: Tile) -> Tile:
        """Return where this tile of a block lies in the matrix; the block is that of `tile`."""
        top, bottom, left, right = self.bounds
        row, col = tile.place
        return Tile(slice(row + top, row + bottom), slice(col + left, col + right))

    def of(self, matrix: Any) -> Any:
        """Return the block of a matrix, as a view."""
        return matrix[self.rows, self.cols]


class Tiled(Protocol):
    """A plan, as far as a walk knows it: its tiles, and the pairs in each."""

    @property
    def tiles(self) -> Sequence[Tile]:
        """The blocks of the result; of a symmetric one those on and above the diagonal."""

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of rows and columns a tile compares."""


def length(span: slice) -> int:
    """Return how many rows a span has."""
    return int(span.stop - span.start)


def spans(n: int, edge: int) -> list[slice]:
    """Cut n rows into spans of at most `edge`."""
    return [slice(begin, min(n, begin + edge)) for begin in range(0, n, edge)]


def cut(shape: tuple[int, int], edges: tuple[int, int], *, is_upper: bool) -> Iterator[Tile]:
    """Cut a matrix into tiles, row by row: all, or those on and above the diagonal."""
    for rows in spans(shape[0], edges[0]):
        for cols in spans(shape[1], edges[1]):
            if not is_upper or rows.start <= cols.start:
                yield Tile(rows, cols)


def counted(shape: tuple[int, int], edge: int, *, is_upper: bool) -> Iterator[tuple[Tile, int]]:
    """Yield a tile of every kind that cut() makes, and how many there are."""
    of_rows, of_cols = (Counter(map(length, spans(n, edge))) for n in shape)
    for n, rows in of_rows.items():
        for m, cols in of_cols.items():
            beside = Tile(slice(0, n), slice(n, n + m))
            if not is_upper:
                yield beside, rows * cols
            elif n == m:
                yield Tile(slice(0, n), slice(0, n)), rows
                yield beside, rows * (rows - 1) // 2
            elif n > m:
                yield beside, rows * cols


def full_tiles(rows: int, cols: int, edge: int) -> Iterator[Tile]:
    """All tiles of a matrix."""
    return cut((rows, cols), (edge, edge), is_upper=False)


def upper_tiles(n: int, edge: int) -> Iterator[Tile]:
    """Tiles of a symmetric matrix, on and above the diagonal."""
    return cut((n, n), (edge, edge), is_upper=True)


def tiles_of(bounds: Iterable[tuple[int, int, int, int]]) -> tuple[Tile, ...]:
    """Return tiles with the bounds that the core gives."""
    return tuple(
        Tile(slice(top, bottom), slice(left, right)) for top, bottom, left, right in bounds
    )


def row_of_tiles(rows: slice, cols: int, edge: int) -> Iterator[Tile]:
    """All tiles of some rows."""
    return (Tile(rows, col) for col in spans(cols, edge))
