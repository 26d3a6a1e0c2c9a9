"""A GPU as the walks see it: memory, matrix products, and kernels."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

# An array in the memory of a GPU, and a moment in its work: of CuPy, or of its stand-in in tests.
DeviceArray: TypeAlias = Any
Mark: TypeAlias = Any


@dataclass(frozen=True)
class Device(ABC):
    """One GPU. While entered, its memory and its current stream are those in use."""

    number: int

    @classmethod
    @abstractmethod
    def adopt(cls, value: Any) -> DeviceArray:
        """Return an array on the memory of another library's array on a GPU."""

    @classmethod
    @abstractmethod
    def holding(cls, array: DeviceArray) -> Device:
        """Return the GPU in whose memory an array lies."""

    @classmethod
    @abstractmethod
    def why_unusable(cls) -> str | None:
        """Return why no work can be done, or None."""

    @classmethod
    @abstractmethod
    def count(cls) -> int:
        """Return how many GPUs there are."""

    @property
    @abstractmethod
    def xp(self) -> Any:
        """NumPy's functions, for arrays of this GPU."""

    @property
    @abstractmethod
    def kernels(self) -> Any:
        """The module of kernels; each is called with `stream` first."""

    @property
    @abstractmethod
    def stream(self) -> int:
        """Address of the stream that all work is queued on."""

    @property
    @abstractmethod
    def memory(self) -> int:
        """Bytes of this GPU."""

    @property
    @abstractmethod
    def free(self) -> int:
        """Bytes that are there to be allocated now."""

    @property
    @abstractmethod
    def cache(self) -> int:
        """Bytes of the cache that all multiprocessors share."""

    @property
    @abstractmethod
    def scratch(self) -> int:
        """Bytes that tiles held at one time may take."""

    @property
    @abstractmethod
    def cost_of_doubles(self) -> float:
        """Time of a product of doubles, in that of floats."""

    @abstractmethod
    def entered(self) -> AbstractContextManager[object]:
        """Make this the current GPU; CUDA's errors inside become CudaError."""

    @abstractmethod
    def lanes(self, count: int) -> AbstractContextManager[Sequence[AbstractContextManager[object]]]:
        """Fork the current stream into `count` streams, and join them again.

        What is queued while one of them is entered begins after what was queued before the fork,
        and what is queued after the join begins after all of it.
        """

    @abstractmethod
    def mark(self) -> Mark:
        """Return the moment at which all that the current stream has queued is done."""

    @abstractmethod
    def wait(self, mark: Mark) -> None:
        """Hold back later work of the current stream until `mark`; the host goes on."""

    @abstractmethod
    def matmul(
        self, a: DeviceArray, b: DeviceArray, out: DeviceArray, precision: str = "float32"
    ) -> None:
        """Write a · b; every matrix has rows or columns of adjacent items, `out` rows.

        All of floats or of doubles; or `a` and `b` of bfloat16 (as uint16) and `out` of floats; or
        `a` and `b` of int8 and `out` of int32, where strides are multiples of four bytes.
        """

    @abstractmethod
    def clear(self, sums: DeviceArray) -> None:
        """Set an array to 0."""

    @abstractmethod
    def add(self, terms: DeviceArray, sums: DeviceArray) -> None:
        """Add to an array of doubles."""

    @abstractmethod
    def copy_of(self, array: Any) -> DeviceArray:
        """Return an array of the host or of another GPU as one of this GPU."""

    @abstractmethod
    def to_host(self, array: DeviceArray) -> NDArray[Any]:
        """Wait for an array and copy it to the host."""

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike = np.float64) -> DeviceArray:
        """Return a new array, by default of doubles, as sums and scratch are."""
        return self.xp.empty(shape, dtype)

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike = np.float64) -> DeviceArray:
        """Return a new array of zeros."""
        return self.xp.zeros(shape, dtype)

    def tile_edge(self, layers: int, dtype: np.dtype[Any]) -> int:
        """Return the edge of tiles, one of each layer, that fit into `scratch` together."""
        edge = math.isqrt(self.scratch // (layers * dtype.itemsize))
        # Whole blocks of a product, enough of them to fill a GPU. A tile on the diagonal is
        # computed whole although half would do: `_WIDEST` keeps them a small part of a matrix.
        return min(_WIDEST, edge // _BLOCK * _BLOCK) if edge >= _BLOCK else max(1, edge)


_BLOCK = 256
_WIDEST = 2048
