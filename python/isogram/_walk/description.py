"""What a plan is of: its tiles, its inputs, and all else that decides a bit of the result."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogram._entries import type_name
from isogram._rows import unread
from isogram._walk.tiles import Tile

if TYPE_CHECKING:
    from hashlib import blake2b


class InputSpec(NamedTuple):
    """An input that a plan was made for."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    tokens: tuple[int, ...] | None = None  # of each sample, where the shape does not tell
    # Bytes that a library holds after it has read rows as copies; None: rows are views. They decide
    # no bit.
    buffered: int | None = None

    @property
    def argument(self) -> str:
        """The argument that it came in; a sequence of layers holds several inputs."""
        return self.name.partition("[")[0]

    @property
    def itemsize(self) -> int:
        """Bytes of an entry."""
        return 2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize

    @property
    def row(self) -> int:
        """Entries of a sample, where the shape tells."""
        return math.prod(self.shape[1:])

    @classmethod
    def of(cls, name: str, array: Any) -> InputSpec:
        """Describe an array."""
        shape = tuple(map(int, array.shape))
        return cls(name, shape, type_name(array.dtype), buffered=getattr(array, "buffered", None))


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Description(ABC):
    """The tiles of an operation on some inputs; equal ones have the same parts."""

    operation: str
    tiles: tuple[Tile, ...]
    inputs: tuple[InputSpec, ...]
    options: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    memory_limit: int | None = field(default=None, kw_only=True)  # bytes; None: there is no limit
    copied_bytes: int = field(default=0, kw_only=True)  # that Zarr takes to write chunks of `out`

    @property
    def _is_symmetric(self) -> bool:
        """Whether rows and columns are the same, so that tiles cover one triangle."""
        return len(self.inputs) == 1

    def _is_diagonal(self, tile: Tile) -> bool:
        """Whether the rows of a tile are its columns."""
        return self._is_symmetric and not tile.is_mirrored

    def _spans(self, tile: Tile) -> list[list[slice]]:
        """Return which rows of each input a tile reads."""
        if self._is_symmetric:
            spans = [tile.rows, tile.cols] if tile.is_mirrored else [tile.rows]
            return [spans for _ in self.inputs]
        return [[tile.rows], [tile.cols]]

    @abstractmethod
    def _checked(self, *inputs: Any) -> tuple[Any, Iterable[InputSpec]]:
        """Return checked inputs as `_part()` takes them, and their descriptions."""

    def _as_planned(self, *inputs: Any) -> Any:
        """Return checked inputs as `_part()` takes them; raise for others than planned."""
        self._check_arguments(len(inputs))
        names = dict.fromkeys(spec.argument for spec in self.inputs)
        checked, specs = self._checked(
            *(
                unread(f"{self.operation}: `{name}`", given)
                for name, given in zip(names, inputs, strict=True)
            )
        )
        self._check_specs(specs)
        return checked

    def _check_tile(self, tile: Tile) -> None:
        """Raise ValueError for a tile that is none of the plan's."""
        if not isinstance(tile, Tile) or tile not in self.tiles:
            raise ValueError(f"{self.operation}: `tile` must be one of the plan's, got {tile}")

    def _check_arguments(self, count: int) -> None:
        """Raise ValueError for more or fewer arguments than the plan was made of."""
        planned = dict.fromkeys(f"`{spec.argument}`" for spec in self.inputs)
        if count != len(planned):
            raise ValueError(
                f"{self.operation}: `inputs` must be {' and '.join(planned)}, which the plan was "
                f"made of, got {count} inputs"
            )

    def _check_specs(self, specs: Iterable[InputSpec]) -> None:
        """Raise ValueError for other inputs than the plan was made for."""
        given = tuple(specs)
        counts = Counter(spec.argument for spec in given)
        for argument, count in Counter(spec.argument for spec in self.inputs).items():
            if counts[argument] != count:
                raise ValueError(
                    f"{self.operation}: `{argument}` must be as planned, of length {count}, got "
                    f"{counts[argument]}"
                )
        for planned, got in zip(self.inputs, given, strict=True):
            if got[1:3] != planned[1:3]:
                raise ValueError(
                    f"{self.operation}: `{planned.name}` must be as planned, of shape "
                    f"{planned.shape} and type {planned.dtype}, got shape {got.shape} and type "
                    f"{got.dtype}"
                )
            if got.tokens != planned.tokens:
                raise ValueError(
                    f"{self.operation}: `{planned.name}` must have the numbers of tokens that the "
                    "plan was made for, got others"
                )

    def _name_of(self, tile: Tile) -> str:
        top, left = tile.place
        return f"{self._digest} [{top}:{tile.rows.stop}, {left}:{tile.cols.stop}]"

    @cached_property
    def _digest(self) -> str:
        """A digest of every field that decides the bits of a part."""
        from hashlib import blake2b  # with OpenSSL, an eighth of the time of `import isogram`

        digest = blake2b(digest_size=16)
        for each in fields(self):
            if each.name == "inputs":
                _add(digest, [spec[:-1] for spec in self.inputs])
            elif each.name not in ("tiles", "options", "memory_limit", "copied_bytes"):
                _add(digest, getattr(self, each.name))
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        """Whether both have the same tiles and parts."""
        if not isinstance(other, Description):
            return NotImplemented
        return self.tiles == other.tiles and self._digest == other._digest

    def __hash__(self) -> int:
        """Return the hash of the digest."""
        return hash(self._digest)


def _add(digest: blake2b, value: Any) -> None:
    """Add a value to a digest, which is the same in any process."""
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
