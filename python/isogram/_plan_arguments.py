"""Checked arguments of plans: layers and rows in host memory, and tiles as the core has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import two_sets
from isogram._host.finite import require_finite_rows
from isogram._types import Array, Layers
from isogram._walk.plan import InputSpec
from isogram._walk.tiles import Tile


def require_on_host(function: str, arrays: Mapping[str, Array]) -> None:
    """Raise TypeError for an array that lies on a GPU."""
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"{function}: `{name}` must be in host memory for a plan, got an array on a GPU"
            )


def layers_on_host(function: str, layers: Any, other: Any = None) -> tuple[Layers, Layers | None]:
    """Return checked layers, and those of another model, which have to lie on the host."""
    rows, cols = two_sets(function, layers, other)
    require_on_host(function, rows.named_with(cols))
    return rows, cols


def rows_of(arrays: Mapping[str, NDArray[Any]], rows: slice) -> list[NDArray[Any]]:
    """Return some rows of arrays, all of which were finite when the plan was made."""
    for name, array in arrays.items():
        require_finite_rows(name, array, rows)
    return [array[rows] for array in arrays.values()]


def specs(rows: Layers, cols: Layers | None) -> tuple[InputSpec, ...]:
    """Describe layers for a plan."""
    return tuple(InputSpec.of(name, array) for name, array in rows.named_with(cols).items())


def tiles_of(bounds: Iterable[tuple[int, int, int, int]]) -> tuple[Tile, ...]:
    """Return tiles, of which the core gives first and last rows and columns."""
    return tuple(
        Tile(slice(top, bottom), slice(left, right)) for top, bottom, left, right in bounds
    )


def bounds(tile: Tile) -> tuple[int, int, int, int]:
    """Return a tile as the core takes it."""
    return tile.rows.start, tile.rows.stop, tile.cols.start, tile.cols.stop
