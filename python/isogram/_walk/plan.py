"""What a walk computes: everything that decides a bit of the result, and none of the inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from isogram._progress import Progress
from isogram._walk.tiles import Tile

if TYPE_CHECKING:
    from hashlib import blake2b


class InputSpec(NamedTuple):
    """An input that a plan was made for."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def argument(self) -> str:
        """The caller's argument, of which it may be one of many."""
        return self.name.partition("[")[0]

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


# Of the entry of a part that tells whose it is.
_NAME = "part_of"


def _add(digest: blake2b, value: Any) -> None:
    """Add a field of a plan, or what it is made of, to a digest: the same in any process."""
    if isinstance(value, Mapping):
        value = [item for key in sorted(value) for item in (key, value[key])]
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(value.tobytes())
    elif isinstance(value, list | tuple):
        digest.update(f"[{len(value)}]".encode())
        for item in value:
            _add(digest, item)
    else:
        digest.update(f"{value!r};".encode())


@dataclass(frozen=True, eq=False, repr=False, init=False)
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
            if got.argument != planned.argument:
                raise ValueError(
                    f"{self.operation}: the plan has `{planned.name}` where there is "
                    f"`{got.name}`: give compute() the arguments that the plan was made of"
                )

    def check_count(self, count: int) -> None:
        """Raise ValueError for more or fewer inputs than those of the plan."""
        if count != len(self.inputs):
            raise ValueError(
                f"{self.operation}: the plan is for {len(self.inputs)} inputs, got {count}"
            )

    def check_tile(self, tile: Tile) -> None:
        """Raise ValueError for a tile that is none of the plan's."""
        if not isinstance(tile, Tile) or tile not in self.tiles:
            raise ValueError(f"{self.operation}: `tile` must be one of the plan's, got {tile}")

    def part(self, tile: Tile, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of a tile: its values, and what `in_order()` knows it by."""
        return {_NAME: self._name_of(tile), **values}

    def in_order(self, parts: Mapping[Tile, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the values of all parts, in the order of the tiles.

        Raises
        ------
        TypeError
            `parts` are no mapping.
        ValueError
            A tile has no part, or one of another plan or another tile.
        """
        if not isinstance(parts, Mapping):
            raise TypeError(
                f"{self.operation}: `parts` must be a mapping from tiles to their parts, got "
                f"{type(parts).__name__}"
            )
        if missing := [tile for tile in self.tiles if tile not in parts]:
            raise ValueError(
                f"{self.operation}: `parts` must have one for every tile of the plan, got none for "
                f"{len(missing)} of {len(self.tiles)}, the first of which is {missing[0]}"
            )
        return [self._values_of(tile, parts[tile]) for tile in self.tiles]

    def _values_of(self, tile: Tile, part: Any) -> dict[str, Any]:
        if not isinstance(part, Mapping) or part.get(_NAME) != self._name_of(tile):
            raise ValueError(
                f"{self.operation}: `parts` must be what this plan's compute() returned for each "
                f"tile, got one of another plan, or of another tile, for {tile}"
            )
        return {name: value for name, value in part.items() if name != _NAME}

    def _name_of(self, tile: Tile) -> str:
        top, left = tile.place
        return f"{self._digest} [{top}:{tile.rows.stop}, {left}:{tile.cols.stop}]"

    @cached_property
    def _digest(self) -> str:
        """Whatever decides the bits of a tile, as a few letters."""
        from hashlib import blake2b  # with OpenSSL, an eighth of the time of `import isogram`

        digest = blake2b(digest_size=16)
        for field in fields(self):
            if field.name != "tiles":
                _add(digest, getattr(self, field.name))
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        """Whether both have the same tiles, whose parts are alike."""
        if not isinstance(other, Plan):
            return NotImplemented
        return self.tiles == other.tiles and self._digest == other._digest

    def __hash__(self) -> int:
        """Hash what decides the parts."""
        return hash(self._digest)

    def __str__(self) -> str:
        """Say how much there is to do."""
        pairs = sum(map(self.pairs, self.tiles))
        size = max(map(self.part_bytes, self.tiles))
        return (
            f"{self.operation}: {len(self.tiles)} tiles, {pairs} pairs, parts of up to {size} bytes"
        )
