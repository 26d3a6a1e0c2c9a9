"""Where the rows of an input come from."""

from __future__ import annotations

from typing import Any, Protocol


class Source(Protocol):
    """An input that gives its rows span by span, so that it need not be in memory as a whole.

    An array or a memory map is one by itself, as `array[span]`; inputs that are sets of tokens are
    `Samples`.
    """

    def __len__(self) -> int:
        """Return how many rows there are."""

    def rows(self, span: slice) -> Any:
        """Return some of them."""
