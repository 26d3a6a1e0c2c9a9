"""Plans of tables of layers: those of CKA and of GBS matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from isogram._arguments import two_sets
from isogram._plans.arguments import on_host, rows_of
from isogram._types import Layers
from isogram._walk.plan import InputSpec, Plan
from isogram._walk.tiles import Tile

# Checked layers, and those of another model.
Sets: TypeAlias = tuple[Layers, Layers | None]


@dataclass(frozen=True, eq=False)
class LayersPlan(Plan):
    """How a table of layers is computed from tiles of the pairs of their samples.

    Attributes
    ----------
    names : pair of tuples of str
        The layers of `layers` and of `other`; the latter empty where that is None.
    """

    names: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def _is_symmetric(self) -> bool:
        return True

    def _checked(self, *inputs: Any) -> tuple[Sets, tuple[InputSpec, ...]]:
        return layers_on_host(self.operation, *inputs)


def layers_on_host(
    function: str, layers: Any, other: Any = None
) -> tuple[Sets, tuple[InputSpec, ...]]:
    """Return checked layers, which have to lie in the memory of the host, and describe them."""
    rows, cols = two_sets(function, layers, other)
    _, described = on_host(function, rows.named_with(cols))
    return (rows, cols), described


def names_of(sets: Sets) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the layers of both sets."""
    rows, cols = sets
    return tuple(rows.names), () if cols is None else tuple(cols.names)


def samples_of(
    tile: Tile, arrays: dict[str, NDArray[Any]]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]] | None]:
    """Return the samples of a tile's rows and of its columns; None: the rows again."""
    return rows_of(arrays, tile.rows), rows_of(arrays, tile.cols) if tile.is_mirrored else None
