"""Reports: pages of HTML that need nothing but themselves (extra `report`).

`compare(a, b)` returns the page of two sets of layers, and `table(…)` one of a table that sorts.
Each returns a `Report`, which a notebook shows and `.save(path)` writes.

A page holds its styles, script, pictures and numbers, and asks for nothing from anywhere: its
Content-Security-Policy forbids that, and every script but its own. Whatever is text in it, names of
layers and files above all, is escaped. It shows everything without scripts too; they sort tables,
name the value under the pointer and save numbers as CSV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isogram.report._page import Report
from isogram.report._tables import table

if TYPE_CHECKING:
    from isogram.report._compare import MEASURES, compare

__all__ = ["MEASURES", "Report", "compare", "table"]


def __getattr__(name: str) -> Any:
    """Return what needs SciPy and Pillow, which a table does without."""
    if name in __all__:
        from isogram.report import _compare

        return getattr(_compare, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
