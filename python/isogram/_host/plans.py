"""Arrays of layers and of rows in host memory, for plans."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from isogram._types import Array


def require_on_host(function: str, arrays: Mapping[str, Array]) -> None:
    """Raise TypeError for an array that lies on a GPU."""
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"{function}: `{name}` must be in host memory for a plan, got an array on a GPU"
            )
