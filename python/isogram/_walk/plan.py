"""What a walk computes: everything that decides a bit of the result, and none of the inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from isogram._progress import Progress
from isogram._walk.tiles import Tile


class InputSpec(NamedTuple):
    """An input that a plan was made for."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def of(cls, name: str, array: Any) -> InputSpec:
        """Describe an array."""
        return cls(name, tuple(map(int, array.shape)), str(array.dtype))


class Tiled(Protocol):
    """What a walk has to know of a plan."""

    @property
    def tiles(self) -> Sequence[Tile]:
        """The blocks of the result; of a symmetric one those on and above the diagonal."""

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of rows and columns a tile compares."""


@dataclass(frozen=True)
class Plan(ABC):
    """How a result is computed, tile by tile: a small value that can be pickled.

    Parts of all tiles, computed anywhere and in any order, reduce to the result of the one call
    that `operation` names, bit for bit: what depends on all inputs was found when the plan was
    made.

    Attributes
    ----------
    operation : str
        The public function.
    tiles : tuple of Tile
        The blocks of the result; of a symmetric one those on and above the diagonal.
    inputs : tuple of InputSpec
        Name, shape and type of each input, that `compute()` must be given again.
    """

    operation: str
    tiles: tuple[Tile, ...]
    inputs: tuple[InputSpec, ...]

    @abstractmethod
    def compute(
        self,
        tile: Tile,
        *inputs: Any,
        num_threads: int | None = None,
        progress: Progress = False,
    ) -> Any:
        """Return the part of one tile, of which only the tile's rows and columns are read.

        `inputs` are those that the plan was made of. A part can be pickled.
        """

    @abstractmethod
    def reduce(self, parts: Mapping[Tile, Any]) -> Any:
        """Return the result of the parts of all tiles."""

    @abstractmethod
    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of rows and columns a tile compares."""

    @abstractmethod
    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's part."""

    def check(self, *inputs: InputSpec) -> None:
        """Raise ValueError where inputs are not those that the plan was made for."""
        self.check_count(len(inputs))
        for planned, got in zip(self.inputs, inputs, strict=True):
            if got[1:] != planned[1:]:
                raise ValueError(
                    f"{self.operation}: `{planned.name}` must be as planned, of shape "
                    f"{planned.shape} and type {planned.dtype}, got shape {got.shape} and type "
                    f"{got.dtype}"
                )

    def check_count(self, count: int) -> None:
        """Raise ValueError for more or fewer inputs than those of the plan."""
        if count != len(self.inputs):
            raise ValueError(
                f"{self.operation}: the plan is for {len(self.inputs)} inputs, got {count}"
            )

    def check_tile(self, tile: Tile) -> None:
        """Raise ValueError for a tile that is none of the plan's."""
        if tile not in self.tiles:
            raise ValueError(f"{self.operation}: `tile` must be one of the plan's, got {tile}")

    def check_parts(self, parts: Mapping[Tile, Any]) -> None:
        """Raise ValueError unless there is a part for every tile."""
        if missing := [tile for tile in self.tiles if tile not in parts]:
            raise ValueError(
                f"{self.operation}: `parts` must have one for every tile of the plan, got none for "
                f"{len(missing)} of {len(self.tiles)}, the first of which is {missing[0]}"
            )

    def __str__(self) -> str:
        """Say how much there is to do."""
        pairs = sum(map(self.pairs, self.tiles))
        size = max(map(self.part_bytes, self.tiles))
        return (
            f"{self.operation}: {len(self.tiles)} tiles, {pairs} pairs, parts of up to {size} bytes"
        )
