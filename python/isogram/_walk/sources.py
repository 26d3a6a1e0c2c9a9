"""Where the rows of an input come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


class Source(Protocol):
    """An input that gives its rows span by span, so that it need not be in memory as a whole."""

    def __len__(self) -> int:
        """Return how many rows there are."""

    def rows(self, span: slice) -> Any:
        """Return some of them."""


@dataclass(frozen=True)
class ArraySource:
    """An array, or a memory map, of which only those rows are read that are asked for."""

    array: Any

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.array)

    def rows(self, span: slice) -> Any:
        """Return some of them, as a view."""
        return self.array[span]
