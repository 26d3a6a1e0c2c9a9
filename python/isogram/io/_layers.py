"""Layers in files: found by name, read by rows, with the identifiers of their samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._output import listed
from isogram._reductions import kept_axes, reduced
from isogram.io._contents import Entry, refused, require_memory
from isogram.typing import ReductionName


@dataclass(frozen=True, eq=False, repr=False)
class Layer:
    """A layer in a file: samples by features, whose rows are read when they are asked for.

    NumPy and every function of isogram take it as an array, for which they read all of it.

    Attributes
    ----------
    name : str
        Its name in the file.
    shape, dtype
        Shape and type of the layer as NumPy reads it, reduced.
    ids : array of shape (n,), optional
        Identifiers of its samples, strings or integers.
    """

    name: str
    path: Path
    entry: Entry
    files: ExitStack  # open as long as the layer is there, unless they are closed
    reduce: ReductionName | None
    ids: NDArray[Any] | None = None
    order: NDArray[np.intp] | None = None  # the row of the file for each row; None: the same

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples and features."""
        samples, *features = self.entry.shape
        if self.reduce is None:
            return self.entry.shape
        return samples, int(np.prod([features[axis - 1] for axis in self._kept], dtype=np.int64))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        is_mean = len(self._kept) < len(self.entry.shape) - 1
        is_narrow = self.entry.dtype.itemsize < 8
        return np.dtype(np.float32) if is_mean and is_narrow else self.entry.dtype

    @property
    def ndim(self) -> int:
        """Axes: 2, unless none were reduced."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers that are read for it."""
        return self.entry.size

    @property
    def _kept(self) -> tuple[int, ...]:
        """The axes over which no mean is taken, besides that of the samples."""
        return kept_axes(self.reduce or "flatten", len(self.entry.shape))

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.entry.shape[0]

    def rows(self, span: slice) -> NDArray[Any]:
        """Return the rows of a span; in another order, every run of the file's by itself."""
        if not isinstance(span, slice) or span.step not in (None, 1):
            raise ValueError(f"Layer.rows: `span` must be a slice of step 1, got {span!r}")
        first, last, _ = span.indices(len(self))
        last = max(first, last)
        if self.order is None:
            return self._reduced(self._read(first, last))
        wanted = self.order[first:last]
        if last - first == len(self):
            return self._reduced(self._read(0, len(self)))[wanted]
        parts = [self._read(start, stop) for start, stop in _runs(wanted)]
        there = np.concatenate(parts) if parts else self._read(0, 0)
        return self._reduced(there)[np.argsort(np.argsort(wanted))]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all rows."""
        with refused(f"cannot read {self.path}: "):
            require_memory(self.nbytes)
        return np.array(self.rows(slice(None)), dtype, copy=copy)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how it is opened again, where it is unpickled."""
        return _opened_again, (self.path.resolve(), self.name, self.reduce, self.ids, self.order)

    def _read(self, first: int, last: int) -> NDArray[Any]:
        with refused(f"cannot read {self.path}: "):
            rows = self.entry.read(slice(first, last))
            if (rows.shape, rows.dtype) != (
                (last - first, *self.entry.shape[1:]),
                self.entry.dtype,
            ):
                raise ValueError(f"{self.name!r} is no longer {self.entry}")
        return rows

    def _reduced(self, rows: NDArray[Any]) -> NDArray[Any]:
        return rows if self.reduce is None else reduced(rows, self.reduce)

    def __repr__(self) -> str:
        """Return name, type and shape."""
        return f"Layer({self.name!r}, {self.dtype.name} of shape {self.shape})"


def _opened_again(
    path: Path,
    name: str,
    reduce: ReductionName | None,
    ids: NDArray[Any] | None,
    order: NDArray[np.intp] | None,
) -> Layer:
    """Return a layer of a file that is opened for it alone."""
    from isogram.io._open import open  # which imports this module

    return replace(open(path, layers=name, ids=None, reduce=reduce)[name], ids=ids, order=order)


def _runs(rows: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Return the spans that hold these rows, in ascending order."""
    ascending = np.sort(rows)
    ends = np.flatnonzero(np.diff(ascending) != 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(ascending, ends) if len(run)]


class Layers(Mapping[str, Layer]):
    """The layers of a file by name; a context manager that closes it.

    Attributes
    ----------
    path : Path
        The file or folder.
    ids : array of shape (n,), optional
        Identifiers of the samples, which are those of every layer.
    ids_name : str, optional
        The name of their array in the file.
    skipped : dict
        Other contents of the file, by name: type and shape, or another reason.
    """

    def __init__(
        self,
        path: Path,
        layers: Mapping[str, Layer],
        ids_name: str | None = None,
        skipped: Mapping[str, str] | None = None,
        files: ExitStack | None = None,
    ) -> None:
        """Take layers of the same samples."""
        self.path = path
        self.ids_name = ids_name
        self.skipped = dict(skipped or {})
        self._layers = dict(layers)
        self._files = files or ExitStack()

    def __getitem__(self, name: str) -> Layer:
        """Return a layer, or raise KeyError that says what else it is."""
        if name not in self._layers:
            what = f"no layer: {self.skipped[name]}" if name in self.skipped else "not there"
            raise KeyError(f"{name!r} of {self.path} is {what}; layers: {listed(self)}")
        return self._layers[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._layers)

    def __len__(self) -> int:
        """Return the number of layers."""
        return len(self._layers)

    @property
    def samples(self) -> int:
        """Rows of every layer."""
        return len(self._first)

    @property
    def ids(self) -> NDArray[Any] | None:
        """Identifiers of the samples."""
        return self._first.ids

    @property
    def _first(self) -> Layer:
        return next(iter(self._layers.values()))

    def read(self) -> dict[str, NDArray[Any]]:
        """Return all layers as arrays, once they are known to fit into memory together."""
        with refused(f"cannot read {self.path}: "):
            require_memory(sum(layer.nbytes for layer in self.values()))
        return {name: np.asarray(layer) for name, layer in self.items()}

    def reordered(self, order: NDArray[np.intp]) -> Layers:
        """Return the same layers with their rows in another order, in the same open file."""

        def moved(layer: Layer) -> Layer:
            before = layer.order
            ids = None if layer.ids is None else layer.ids[order]
            return replace(layer, ids=ids, order=order if before is None else before[order])

        layers = {name: moved(layer) for name, layer in self.items()}
        return Layers(self.path, layers, self.ids_name, self.skipped, self._files)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how each layer is opened again, where they are unpickled."""
        return Layers, (self.path, self._layers, self.ids_name, self.skipped)

    def close(self) -> None:
        """Close the file; its layers cannot be read after that."""
        self._files.close()

    def __enter__(self) -> Layers:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def __repr__(self) -> str:
        """Return path, layers and identifiers."""
        layers = ", ".join(
            f"{name}: {layer.dtype.name} {layer.shape}" for name, layer in self.items()
        )
        return f"Layers({str(self.path)!r}, [{layers}], ids={self.ids_name!r})"
