"""The experiments of the papers behind isogram, run again with one call (extra `experiments`).

    names()                     what there is
    run("translation")          a `Result`: tables, settings, seeds, versions, time
    save(result, "folder")      NAME.json, NAME.md and NAME.png

Nothing is downloaded: pictures, sentences and weights come from installed packages. Size "small"
needs no PyTorch and takes seconds; "medium" takes minutes on two cores; "large" longer.
"""

from __future__ import annotations

from isogram.experiments._files import save
from isogram.experiments._result import Estimate, Findings, Result, Size, Table, text_of
from isogram.experiments._run import names, run

__all__ = ["Estimate", "Findings", "Result", "Size", "Table", "names", "run", "save", "text_of"]
