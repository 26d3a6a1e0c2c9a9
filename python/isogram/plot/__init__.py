"""Pictures of what isogram computes (extra `plot`), for a notebook, a screen or a paper.

Every function draws on `ax` and returns it; without one it makes a figure as wide as a column of a
paper, which a notebook shows. `save` writes a picture as the name of the file says.
"""

from __future__ import annotations

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError(
        "isogram.plot needs matplotlib: pip install 'isogram[plot]'", name="matplotlib"
    ) from error

from isogram.plot._dendrogram import dendrogram
from isogram.plot._figure import save
from isogram.plot._heatmap import heatmap
from isogram.plot._intervals import intervals
from isogram.plot._matching import matching
from isogram.plot._mds import mds
from isogram.plot._neighbours import neighbours
from isogram.plot._null import null
from isogram.plot._rsm import rsm
from isogram.plot._trend import trend

__all__ = [
    "dendrogram",
    "heatmap",
    "intervals",
    "matching",
    "mds",
    "neighbours",
    "null",
    "rsm",
    "save",
    "trend",
]
