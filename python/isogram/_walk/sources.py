"""Where the rows of inputs come from: arrays, memory maps, and what `_rows.py` reads."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from isogram._host.finite import require_finite_rows


class Source(Protocol):
    """An input whose rows are read when a tile needs them."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def rows(self, span: slice) -> Any:
        """Return the rows of a span, in the form that the plan's `_part()` takes."""


class ArraySource(NamedTuple):
    """A matrix in host memory or a memory map, or one that is read by rows, by its name."""

    name: str
    array: NDArray[Any]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.array)

    def rows(self, span: slice) -> NDArray[Any]:
        """Return the rows of a span: all were finite for the plan, and still have to be."""
        rows = self.array[span]
        require_finite_rows(self.name, rows, span.start)
        return rows
