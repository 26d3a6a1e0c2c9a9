"""The building of an index from batches: into memory, a file, or a folder where it goes on."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arrays import as_sequence
from isogram._output import check_target
from isogram._rows import unread
from isogram._tokens.ids import Id
from isogram._tokens.index_file import Writer, are_whole, written
from isogram._tokens.indexed import CLASS, IndexedInputs
from isogram._tokens.kept import facts_of
from isogram._tokens.samples import Samples
from isogram._tokens.segments import Segments
from isogram._walk.journal import Journal, opened
from isogram._walk.matrices import flush
from isogram._walk.stored import packed, unpacked
from isogram._walk.targets import state

_ADDING = f"{CLASS}.add"  # what errors of a batch name


class Build:
    """Adds batches to inputs, one after another, and writes them segment by segment."""

    def __init__(
        self, function: str, inputs: IndexedInputs, batches: Any, ids: Iterator[Id] | None
    ) -> None:
        """Take an index without inputs, the batches to add, and ids for all of their inputs."""
        self._function, self._inputs, self._batches, self._ids = function, inputs, batches, ids

    def add_all(self) -> None:
        """Add all batches."""
        for _ in self._adding():
            pass

    def write(self, path: Path) -> None:
        """Write the index of all batches to a file."""
        with written(path) as file:
            self._write_to(file)

    def go_on(self, folder: Path, path: Path) -> None:
        """Write the index in the folder of a job, from the segments that are there already on."""
        inputs = self._inputs
        options = {
            "layout": inputs.layout,
            "normalize": inputs.normalize,
            "memory_limit": f"segments of {inputs.segment} inputs",
        }
        with keeping_segments(self._function, folder, path, options) as kept:
            inputs.segments = kept.segments(inputs.segment)
            if kept.is_finished:
                for _ in self._adding(kept):
                    pass
                return
            with open(kept.partial, "r+b" if kept.end else "wb") as stream:
                self._write_to(Writer(stream, kept.end), kept)
            kept.finish()

    def _write_to(self, file: Writer, kept: Kept | None = None) -> None:
        """Write the index segment by segment; segments in `kept` are there already."""
        lines = [] if kept is None else kept.lines
        for segments in self._adding(kept):
            if len(segments) >= segments.size:
                new = self._inputs.lines(file)
                if kept is not None:
                    kept.record(file, new, segments)
                lines += new
                segments.clear()
        self._inputs.finish(file, lines + self._inputs.lines(file))

    def _adding(self, kept: Kept | None = None) -> Iterator[Segments]:
        """Add batches one after another; yield all segments after each.

        Of batches that are kept in the file, the ids alone.
        """
        function, inputs = self._function, self._inputs
        for batch in _batches_of(function, self._batches, inputs.segment):
            samples, new = self._checked(batch)
            if kept is not None and kept.has(samples, new):
                inputs.ids = inputs.ids.grown(new)
                continue
            inputs.add(_ADDING, samples, new)
            del batch, samples  # before the next are read
            assert inputs.segments is not None
            yield inputs.segments
        if not inputs.ids.columns:
            raise ValueError(f"{function}: there are no inputs")
        if self._ids is not None and next(self._ids, None) is not None:
            raise ValueError(f"{function}: `ids` must be as many as inputs, got more")
        if kept is not None:
            kept.check_all_read()

    def _checked(self, batch: Any) -> tuple[Samples, NDArray[Any]]:
        """Return the inputs of a batch and their ids, checked."""
        named = None if self._ids is None else list(islice(self._ids, len(batch)))
        if named is not None and len(named) < len(batch):
            raise ValueError(f"{self._function}: `ids` must be as many as inputs, got fewer")
        samples = self._inputs.checked(_ADDING, "tokens", batch, None, None)
        return samples, self._inputs.ids.new(_ADDING, named, len(samples))


class Kept:
    """The segments of a build that are in the file already, and the folder that records them.

    Inputs are read again from the start. Those of finished segments are compared with what was
    recorded, by digests of all before: they are not turned again.
    """

    def __init__(self, function: str, journal: Journal, path: Path) -> None:
        """Take the journal, and the path that the file is moved to when it is whole."""
        self._function, self._journal, self._path = function, journal, path
        self.partial = journal.folder / "index"
        self.is_finished = journal.result is not None
        if self.is_finished:
            self._require_result()
        self._parts = list(self._whole_parts())
        self._next = 0  # the part that is compared
        self._read = 0  # inputs
        self._inputs, self._ids = hashlib.sha256(), hashlib.sha256()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The directory's lines of the segments that are finished."""
        return [line for part in self._parts for line in part["lines"]]

    @property
    def end(self) -> int:
        """Where these segments end in the file; 0: there are none."""
        return self._parts[-1]["end"] if self._parts else 0

    def segments(self, size: int) -> Segments | None:
        """Return segments, of which none is in memory, with the axes of those in the file."""
        if not self._parts:
            return None
        first = self._parts[0]
        segments = Segments(first["channels"], np.dtype(first["dtype"]), size)
        segments.restore(first["axes"], [])
        return segments

    def has(self, samples: Samples, ids: NDArray[Any]) -> bool:
        """Whether the next inputs are in the file; raise ValueError for others than these."""
        self._inputs.update(f"{len(samples)} inputs".encode())
        for tokens in samples.split():
            self._inputs.update(f"{tokens.shape} {tokens.dtype}".encode())
            self._inputs.update(np.ascontiguousarray(tokens).view(np.uint8).data)
        self._ids.update(repr(ids.tolist()).encode())
        self._read += len(samples)
        if self._next == len(self._parts):
            return self.is_finished  # the rest, which finish() records
        part = self._parts[self._next]
        if self._read >= part["stop"]:
            self._compare(part)
            self._next += 1
        return True

    def check_all_read(self) -> None:
        """Raise ValueError if there were fewer inputs than the file has, or if it has others."""
        if self._next < len(self._parts):
            raise self._changed("batches")
        if self._journal.result is not None:
            self._compare(self._journal.result)

    def record(self, file: Writer, lines: list[dict[str, Any]], segments: Segments) -> None:
        """Record the segments of some lines, which are written."""
        file.flush()
        place = len(self._parts)
        first = {
            "channels": segments.channels,
            "dtype": segments.dtype.str,
            "axes": segments.axes,
        }
        part = self._so_far() | {"end": file.at, "lines": lines} | (first if not place else {})
        data = packed(part)
        self._file_of(place).write_bytes(data)
        flush(self._file_of(place))
        self._journal.record(_name(place), zlib.crc32(data))
        self._journal.flush()
        self._parts.append(part)
        self._next += 1

    def finish(self) -> None:
        """Record the file as whole, and move it to its path."""
        self._journal.finish(self._so_far() | {"state": state(self.partial)})
        self.partial.replace(self._path)

    def _whole_parts(self) -> Iterator[dict[str, Any]]:
        """Yield what was recorded, up to the first that is damaged, or whose segments are."""
        for place in count():
            recorded, path = self._journal.checksum(_name(place)), self._file_of(place)
            data = path.read_bytes() if recorded is not None and path.is_file() else b""
            if not data or zlib.crc32(data) != recorded:
                return
            part = unpacked(data)
            arrays = (array for line in part["lines"] for array in line.values())
            if not (self.is_finished or are_whole(self.partial, arrays)):
                return
            yield part

    def _require_result(self) -> None:
        """Move a file that is whole to its path; raise ValueError if that is another by now."""
        if self.partial.exists():
            self.partial.replace(self._path)
        if state(self._path) != (self._journal.result or {}).get("state"):
            raise ValueError(
                f"{self._function}: `path` must be as the job left it, but {self._path} changed, "
                f"or is gone: delete {self._journal.folder} to begin anew"
            )

    def _so_far(self) -> dict[str, Any]:
        """Return how many inputs were read, and digests of these and of their ids."""
        return {
            "stop": self._read,
            "batches": self._inputs.hexdigest(),
            "ids": self._ids.hexdigest(),
        }

    def _compare(self, part: Mapping[str, Any]) -> None:
        for name, value in self._so_far().items():
            if part.get(name) != value:
                raise self._changed("batches" if name == "stop" else name)

    def _changed(self, name: str) -> ValueError:
        return ValueError(
            f"{self._function}: the job in {self._journal.folder} must go on as it began, but "
            f"`{name}` changed, in the first {self._read:,} inputs: delete the folder to begin anew"
        )

    def _file_of(self, place: int) -> Path:
        return self._journal.folder / f"segment-{place}.npz"


def _name(place: int) -> str:
    return f"segment {place}"


@contextmanager
def keeping_segments(
    function: str, folder: Path, path: Path, options: Mapping[str, Any]
) -> Iterator[Kept]:
    """Open the folder of a build, or begin one; another build's is refused."""
    target = check_target(path)
    with opened(function, folder, lambda: facts_of(function, {}, options)) as journal:
        if os.stat(journal.folder).st_dev != os.stat(target.parent).st_dev:
            raise ValueError(
                f"{function}: `job` must be on the disk of `path`, to which the file is moved, got "
                f"{folder}"
            )
        yield Kept(function, journal, target)


def _batches_of(function: str, batches: Any, segment: int) -> Iterator[Any]:
    """Yield an array of all inputs some at a time, and of others each."""
    array = unread(f"{function}: `batches`", batches)
    shape = getattr(array, "shape", None)
    if shape is None:
        yield from map(as_sequence, iterator_of(function, "batches", batches))
    elif len(shape) < 3:
        yield array  # which `add` refuses
    else:
        for start in range(0, shape[0], segment):
            yield array[start : min(start + segment, shape[0])]


def iterator_of(function: str, name: str, values: Any) -> Iterator[Any]:
    """Return the iterator of an argument; raise TypeError where it has none."""
    try:
        return iter(values)
    except TypeError:
        raise TypeError(
            f"{function}: `{name}` must be iterable, got {type(values).__name__}"
        ) from None
