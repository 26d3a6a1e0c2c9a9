"""Checked arguments of plans: arrays in host memory, and rows of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import integer
from isogram._rows import Unread
from isogram._types import Array
from isogram._walk.description import InputSpec
from isogram._walk.sources import ArraySource

# Checked inputs, and their descriptions for a plan.
Checked: TypeAlias = tuple[list[ArraySource], tuple[InputSpec, ...]]


def on_host(function: str, arrays: Mapping[str, NDArray[Any]]) -> Checked:
    """Return inputs, which have to be on the host, as sources; describe them."""
    require_on_host(function, arrays)
    specs = tuple(InputSpec.of(name, array) for name, array in arrays.items())
    return [ArraySource(name, array) for name, array in arrays.items()], specs


def require_on_host(function: str, arrays: Mapping[str, Array]) -> None:
    """Raise TypeError for an array that lies on a GPU."""
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray | Unread):
            raise TypeError(
                f"{function}: `{name}` must be in host memory for a plan, got an array on a GPU"
            )


def edge_of(function: str, tile: Any, rows: int) -> int:
    """Return the rows of a tile for the core, where 0 stands for the default."""
    return 0 if tile is None else min(integer(function, "tile", tile, 1), rows)
