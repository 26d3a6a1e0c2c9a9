"""Whether entries in host memory are finite."""

from __future__ import annotations

import math

import numpy as np

from isogram._entries import extremes, widened
from isogram._errors import not_finite_entry
from isogram._types import Layers


def require_finite(layers: Layers) -> None:
    """See `Place`."""
    for name, x in layers.named.items():
        values = widened(x)
        if not all(map(math.isfinite, extremes(values))):
            index = tuple(map(int, np.argwhere(~np.isfinite(values))[0]))
            raise not_finite_entry(name, float(values[index]), index)
