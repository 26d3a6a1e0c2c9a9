"""Arithmetic of NumPy that does not depend on the settings of other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from isogram import _core


@contextmanager
def usual_arithmetic() -> Iterator[None]:
    """Keep numbers below the smallest normal one, and raise nothing for what leaves the range.

    Other libraries have the processor read such numbers as 0, or NumPy raise; the core takes care
    of itself.
    """
    with np.errstate(all="ignore"), _core.UsualArithmetic():
        yield
