"""Where the rows of an input come from."""

from __future__ import annotations

from typing import Any, Protocol


class Source(Protocol):
    """An input that gives spans of its rows, so that it need not be in memory as a whole.

    Plans take rows of arrays and memory maps as array[span]. Sets of tokens are `Samples`.
    """

    def __len__(self) -> int:
        """Return the number of rows."""

    def rows(self, span: slice) -> Any:
        """Return the rows of a span."""
