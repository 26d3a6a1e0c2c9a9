"""What workers are sent: a plan and its inputs, those in files by their paths."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from io import BytesIO
from typing import Any, NamedTuple

import cloudpickle
import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.typing import NDArray

import isogram as ig
from isogram._arrays import map_under
from isogram._walk.matrices import Matrix
from isogram._walk.plan import Plan


class Opened(NamedTuple):
    """A plan, its inputs as it checks them, and the matrix that blocks are written to, if any."""

    plan: Plan
    checked: Any
    matrix: Matrix | None


class Job:
    """A plan without its tiles, its inputs, and the matrix that workers write to, pickled.

    Memory maps and datasets of HDF5 travel as paths, so that workers read the rows of their tiles;
    arrays in memory travel whole. A worker opens it once, for all tiles.
    """

    def __init__(self, plan: Plan, inputs: Sequence[Any], matrix: Matrix | None = None) -> None:
        """Pickle all."""
        self.operation, self._version = plan.operation, ig.__version__
        buffers: list[pickle.PickleBuffer] = []
        stream = BytesIO()
        try:
            _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(
                (replace(plan, tiles=()), inputs, matrix)
            )
        except Exception as error:  # whatever the objects of others raise
            raise TypeError(
                f"{plan.operation}: `inputs` must be such as can be pickled, for workers: {error}"
            ) from error
        self._pickled = stream.getvalue()
        self._buffers = [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers]
        self._opening = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes that travel to every worker."""
        return len(self._pickled) + sum(buffer.nbytes for buffer in self._buffers)

    def __sizeof__(self) -> int:
        """Return what it takes of a worker's memory, for Dask."""
        return self.nbytes

    def opened(self) -> Opened:
        """Return what travelled, with checked inputs."""
        with self._opening:
            return self._opened

    @cached_property
    def _opened(self) -> Opened:
        if self._version != ig.__version__:
            raise RuntimeError(
                f"{self.operation}: workers must have isogram {self._version}, as here, got "
                f"{ig.__version__}"
            )
        try:
            plan, inputs, matrix = pickle.loads(self._pickled, buffers=self._buffers)
        except OSError as error:
            raise OSError(
                error.errno,
                f"{self.operation}: workers must reach the files of all inputs, which nobody has "
                f"open for writing: {error}",
            ) from error
        return Opened(plan, plan._as_planned(*inputs), matrix)

    def __getstate__(self) -> dict[str, Any]:
        """Return what travels."""
        names = ("operation", "_version", "_pickled", "_buffers")
        return {name: self.__dict__[name] for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what has travelled."""
        self.__dict__ |= state
        self._opening = threading.Lock()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles arrays that lie in files as where they lie, whatever folder a worker runs in."""

    def reducer_override(self, value: Any) -> Any:
        """Return how such an array is opened again; other values as cloudpickle does."""
        if isinstance(value, np.ndarray):
            place = _place_in_file(value)
            return NotImplemented if place is None else (_mapped, place)
        if type(value).__module__.partition(".")[0] == "h5py" and hasattr(value, "chunks"):
            return _dataset, (os.path.abspath(value.file.filename), value.name)
        if type(value).__name__ == "LocalStore" and hasattr(value, "root"):  # of Zarr
            store: Callable[..., Any] = type(value)
            return partial(store, read_only=value.read_only), (os.path.abspath(value.root),)
        return super().reducer_override(value)


def _place_in_file(array: NDArray[Any]) -> tuple[Any, ...] | None:
    """Return where the entries of a view of a memory map lie, or None for other arrays."""
    root = map_under(array)
    if root is None or root.filename is None or root.mode == "c":
        return None
    if array.dtype.hasobject or not array.size:
        return None
    root.flush()
    low, high = byte_bounds(array)
    first = _address(array)
    offset = root.offset + low - _address(root)
    return root.filename, offset, high - low, array.shape, array.dtype, first - low, array.strides


def _mapped(
    path: str,
    offset: int,
    size: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    first: int,
    strides: tuple[int, ...],
) -> NDArray[Any]:
    entries = np.memmap(path, np.uint8, "r", offset, (size,))
    return np.ndarray(shape, dtype, entries, first, strides)


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _dataset(path: str, name: str) -> Any:
    import h5py

    return h5py.File(path, "r")[name]
