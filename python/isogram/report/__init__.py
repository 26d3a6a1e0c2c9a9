"""Reports: pages of HTML that need nothing but themselves (extra `report`).

`compare(a, b)` returns the page of two sets of layers, and `table(…)` one of a table that sorts.
Each returns a `Report`, which a notebook shows and `.save(path)` writes.

A page holds its styles, script, pictures and numbers, and asks for nothing from anywhere: its
Content-Security-Policy forbids that, and every script but its own. Whatever is text in it, names of
layers and files above all, is escaped. It shows everything without scripts too; they sort tables,
name the value under the pointer and save numbers as CSV.
"""

from __future__ import annotations

from isogram.report._compare import MEASURES, compare
from isogram.report._page import Report
from isogram.report._tables import table

__all__ = ["MEASURES", "Report", "compare", "table"]
