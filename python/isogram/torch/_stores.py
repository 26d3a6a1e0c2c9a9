"""Stores of recorded layers: memory, or a folder that an interrupted call goes on with.

A folder has NAME.npy for every layer, ids.npy if there are identifiers, and recording.json, which
alone says how many rows are whole: rows are written and synced before it counts them, and rows
beyond its count are cut off.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from isogram._memory import usable_memory
from isogram._output import replacing
from isogram.io._formats import JOURNAL, JOURNAL_FORMAT
from isogram.torch._batches import Batch
from isogram.torch._recording import Recording

_IDS = "ids.npy"
_SECONDS = 5.0  # between commits; a commit waits for the disk
_PLAIN_TYPES = frozenset((torch.float16, torch.float32, torch.float64))
_PLAIN = " ()[]+,=@"  # beside letters, digits and _.-~ in names of files


class MemoryStore:
    """Tensors in the memory of the host."""

    is_complete = False

    def __init__(
        self, function: str, skipped: Mapping[str, str], batches: int | None, limit: int | None
    ) -> None:
        """Take how many batches or samples there will be, as far as it is known."""
        self._function, self._skipped = function, skipped
        self._batches, self._limit = batches, limit
        self._parts: dict[str, list[Tensor]] = {}
        self._ids: list[Any] = []

    def __enter__(self) -> MemoryStore:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def takes(self, _: Batch) -> bool:
        """Take every batch."""
        return True

    def put(self, batch: Batch, outputs: Mapping[str, Tensor]) -> None:
        """Keep the features of a batch."""
        if self._parts:
            first = {name: parts[0] for name, parts in self._parts.items()}
            _check_layers(self._function, first, outputs)
        else:
            self._check_memory(batch, outputs)
        for name, features in outputs.items():
            self._parts.setdefault(name, []).append(features)
        self._ids += batch.ids or []

    def result(self) -> Recording:
        """Return one tensor for each layer; the parts of a layer are freed once it is joined."""
        layers = {name: torch.cat(self._parts.pop(name)) for name in list(self._parts)}
        return Recording(layers, self._ids or None, self._skipped)

    def _check_memory(self, batch: Batch, outputs: Mapping[str, Tensor]) -> None:
        counts = (self._limit, self._batches and self._batches * batch.total)
        samples = min((count for count in counts if count), default=batch.samples)
        row = sum(x[0].numel() * x.element_size() for x in outputs.values())
        if samples * row > usable_memory():
            raise MemoryError(
                f"{self._function}: {len(outputs)} layers of {samples} samples would take "
                f"{samples * row} bytes, more than the {usable_memory()} that there are: pass "
                "reduce='mean', fewer `layers`, a `limit`, or `out`, a folder of memory maps"
            )


class FolderStore:
    """Files that NumPy maps, in a folder where a recording goes on after an interruption."""

    def __init__(
        self,
        function: str,
        skipped: Mapping[str, str],
        folder: Path,
        request: Mapping[str, Any],
    ) -> None:
        """Open a folder of the same request, or begin a new one."""
        self._skipped = skipped
        self._function, self._folder = function, folder
        new: dict[str, Any] = {
            "format": JOURNAL_FORMAT,
            "request": dict(request),
            "rows": 0,
            "fingerprint": 0,
            "complete": False,
            "layers": {},
            "skipped": {},
        }
        self._journal = self._read() if (folder / JOURNAL).exists() else new
        if self._journal["rows"]:
            self._require(request)
        elif self._journal is not new:  # one that failed before anything was recorded
            for name in self._journal["layers"]:
                (folder / _file_of(name)).unlink(missing_ok=True)
            self._journal = new
            self._write()
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(
                f"{function}: `out` must be a new or empty folder, or that of a recording, got "
                f"{str(folder)!r}"
            )
        else:
            self._make()
            self._write()
        self._there: int = self._journal["rows"]
        # Rows and their fingerprint: one assignment changes both, whatever interrupts.
        self._seen = 0, 0
        self._ids: list[Any] = []
        self._has_more = False
        self._committed = time.monotonic()

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to record."""
        return bool(self._journal["complete"])

    def __enter__(self) -> FolderStore:
        for name in self._journal["layers"]:
            self._column(name).cut(self._there)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._seen[0] < self._there:
            raise self._others()
        if kind is None or self._has_more:
            self._commit(is_last=kind is None)

    def takes(self, batch: Batch) -> bool:
        """Whether the folder lacks a batch; recorded batches are checked by fingerprint."""
        if self._seen[0] >= self._there:
            return True
        self._count(batch)
        rows, fingerprint = self._seen
        if rows > self._there or (
            rows == self._there and fingerprint != self._journal["fingerprint"]
        ):
            raise self._others()
        return False

    def put(self, batch: Batch, outputs: Mapping[str, Tensor]) -> None:
        """Append the features of a batch, and commit what was appended from time to time."""
        arrays = {name: _as_numpy(features) for name, features in outputs.items()}
        if not self._journal["layers"]:
            self._create(arrays)
        columns = {name: self._column(name) for name in self._journal["layers"]}
        _check_layers(self._function, columns, arrays)
        for name, array in arrays.items():
            columns[name].append(array)
        self._count(batch)
        self._has_more = True
        if time.monotonic() - self._committed > _SECONDS:
            self._commit(is_last=False)

    def result(self) -> Recording:
        """Return memory maps of all layers."""
        layers = {
            name: np.load(self._folder / layer["file"], mmap_mode="r")
            for name, layer in self._journal["layers"].items()
        }
        has_ids = (self._folder / _IDS).exists()
        ids = np.load(self._folder / _IDS) if has_ids else None
        return Recording(layers, ids, self._journal["skipped"])

    def _count(self, batch: Batch) -> None:
        rows, fingerprint = self._seen
        self._seen = rows + batch.samples, batch.fingerprint(fingerprint)
        self._ids += batch.ids or []

    def _others(self) -> ValueError:
        return ValueError(
            f"{self._function}: `batches` must begin with the batches of the {self._there} samples "
            f"that are in {str(self._folder)!r}: these are others, or in another order; shuffle by "
            "a seeded generator, or record into another folder"
        )

    def _create(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Begin a file for each layer; recording.json knows of them first."""
        for name, array in arrays.items():
            self._journal["layers"][name] = {
                "file": _file_of(name),
                "shape": list(array.shape[1:]),
                "dtype": array.dtype.str,
            }
        self._journal["skipped"] = dict(self._skipped)
        self._write()
        for name in arrays:
            self._column(name).cut(0)

    def _commit(self, *, is_last: bool) -> None:
        """Count the rows that are whole, once they are on the disk."""
        rows, fingerprint = self._seen
        for name in self._journal["layers"]:
            self._column(name).cut(rows)
        if is_last and self._ids:
            with replacing(self._folder / _IDS) as stream:
                np.save(stream, np.array(self._ids))
        self._journal |= {
            "rows": rows,
            "fingerprint": fingerprint,
            "complete": is_last,
        }
        self._write()
        self._committed = time.monotonic()

    def _column(self, name: str) -> _Column:
        layer = self._journal["layers"][name]
        return _Column(self._folder / layer["file"], tuple(layer["shape"]), layer["dtype"])

    def _make(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                error.errno,
                f"{self._function}: `out` must be a folder that can be made, got "
                f"{str(self._folder)!r}: {error.strerror}",
            ) from error

    def _read(self) -> dict[str, Any]:
        path = self._folder / JOURNAL
        try:
            journal: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            kinds = {"request": dict, "rows": int, "layers": dict, "skipped": dict}
            if all(isinstance(journal[name], kind) for name, kind in kinds.items()):
                return journal
        except (ValueError, LookupError, TypeError):
            pass
        raise ValueError(f"{self._function}: {path} is not that of a recording")

    def _require(self, request: Mapping[str, Any]) -> None:
        there = self._journal["request"]
        for what in {**there, **request}:
            if there.get(what) != request.get(what):
                raise ValueError(
                    f"{self._function}: `out` must be the folder of the same recording, got "
                    f"{str(self._folder)!r}, whose {what} is {there.get(what)!r}, not "
                    f"{request.get(what)!r}"
                )

    def _write(self) -> None:
        with replacing(self._folder / JOURNAL) as stream:
            stream.write(json.dumps(self._journal, indent=1).encode())
            stream.flush()
            os.fsync(stream.fileno())


class _Column:
    """An .npy file of one layer, to which rows are appended."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        self._path, self._row_shape, self.dtype = path, shape, np.dtype(dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array of no rows."""
        return (0, *self._row_shape)

    def append(self, array: NDArray[Any]) -> None:
        """Write rows at the end."""
        with self._path.open("ab") as stream:
            stream.write(np.ascontiguousarray(array).data)

    def cut(self, rows: int) -> None:
        """Keep the first rows, write their number to the header, and flush the file to the disk."""
        header = io.BytesIO()  # of the same length for any number of rows
        npy.write_array_header_1_0(
            header,
            {
                "descr": npy.dtype_to_descr(self.dtype),
                "fortran_order": False,
                "shape": (rows, *self._row_shape),
            },
        )
        start = header.getvalue()
        size = len(start) + rows * int(np.prod(self._row_shape)) * self.dtype.itemsize
        self._path.touch()
        with self._path.open("r+b") as stream:
            if rows and os.fstat(stream.fileno()).st_size < size:
                raise ValueError(f"record: {self._path} has fewer than the {rows} rows it had")
            stream.write(start)
            stream.truncate(size)
            stream.flush()
            os.fsync(stream.fileno())


def _file_of(layer: str) -> str:
    """Return the file of a layer, which is not that of identifiers."""
    file = f"{quote(layer, safe=_PLAIN)}.npy"
    return file if file.lower() != _IDS else f"%{ord(file[0]):X}{file[1:]}"


def _as_numpy(features: Tensor) -> NDArray[Any]:
    """Return features for a file; types that files of NumPy cannot hold as float32."""
    array: NDArray[Any] = (features if features.dtype in _PLAIN_TYPES else features.float()).numpy()
    return array


def _check_layers(function: str, known: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    """Raise unless a batch has the layers, shapes and types of the batches before."""
    if known.keys() != outputs.keys():
        others = ", ".join(map(repr, sorted(known.keys() ^ outputs.keys())))
        raise ValueError(
            f"{function}: every batch must give the same layers, but not every one gave {others}"
        )
    for name, output in outputs.items():
        expected, got = ((tuple(x.shape[1:]), str(x.dtype)) for x in (known[name], output))
        if expected != got:
            raise ValueError(
                f"{function}: layer {name!r} must have the same features in every batch, got "
                f"{got[0]} of {got[1]} after {expected[0]} of {expected[1]}: reduce='mean' makes "
                "features of any number of tokens or places"
            )
