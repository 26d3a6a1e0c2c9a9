"""Plans of tables of layers: those of CKA and of GBS matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from isogram._arguments import two_sets
from isogram._plans.arguments import Checked, on_host
from isogram._types import Layers
from isogram._walk.description import InputSpec
from isogram._walk.plan import Plan
from isogram._walk.sources import Source
from isogram._walk.tiles import Tile


@dataclass(frozen=True, eq=False, repr=False)
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

    @property
    def _result_bytes(self) -> int:
        return 8 * len(self.names[0]) * len(self.names[1] or self.names[0])

    def _checked(self, layers: Any, other: Any = None) -> Checked:
        rows, cols = two_sets(self.operation, layers, other)
        return on_host(self.operation, rows.named_with(cols))


def layers_on_host(
    function: str, layers: Any, other: Any
) -> tuple[Layers, Layers | None, tuple[InputSpec, ...]]:
    """Return checked layers, which have to lie in the memory of the host, and describe them."""
    rows, cols = two_sets(function, layers, other)
    _, described = on_host(function, rows.named_with(cols))
    return rows, cols, described


def require_features(function: str, kernel: str) -> None:
    """Raise ValueError for Gram matrices, whose tiles would be read, not computed."""
    if kernel == "precomputed":
        raise ValueError(
            f"{function}: a plan computes tiles from features, but with kernel 'precomputed' there "
            f"is nothing to compute: call `{function}`, which reads Gram matrices where they lie, "
            "memory maps too"
        )


def names_of(rows: Layers, cols: Layers | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the layers of both sets."""
    return tuple(rows.names), () if cols is None else tuple(cols.names)


def samples_of(
    tile: Tile, layers: Sequence[Source]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]] | None]:
    """Return the samples of a tile's rows and of its columns; None: the rows again."""
    rows = [layer.rows(tile.rows) for layer in layers]
    return rows, [layer.rows(tile.cols) for layer in layers] if tile.is_mirrored else None
