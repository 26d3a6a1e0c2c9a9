"""An index that is built into a file: what that takes, and a folder from which it goes on."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._memory import size
from isogram._output import check_target
from isogram._tokens.axes import sampled_bytes
from isogram._tokens.index_file import Writer, are_whole
from isogram._tokens.kept import facts_of
from isogram._tokens.samples import Samples
from isogram._tokens.segments import Segments
from isogram._tokens.turned import bytes_of_axes, bytes_of_turned, bytes_to_turn
from isogram._walk.journal import Journal, opened
from isogram._walk.matrices import flush
from isogram._walk.stored import packed, unpacked
from isogram._walk.targets import state

# Bytes of the directory for each segment, of memory for each id, and what nobody counts; about.
_LINES, _ID, _UNCOUNTED = 1200, 250, 2**22


@dataclass(frozen=True)
class BuildCost:
    """What it takes to build an index of an array into a file; the bytes are estimates.

    Attributes
    ----------
    inputs, tokens, channels : int
        Inputs, all of their tokens, and channels of a token.
    dtype : str
        The type of the tokens.
    segment : int
        Inputs that are read and turned at a time.
    file_bytes : int
        Of the file.
    memory : int
        About the most that `build` takes beside an array in memory.
    """

    inputs: int
    tokens: int
    channels: int
    dtype: str
    segment: int
    file_bytes: int
    memory: int

    def __str__(self) -> str:
        """Return all of it in one line."""
        return (
            f"index of {self.inputs:,} inputs, {self.tokens:,} tokens of {self.channels:,} "
            f"channels, {self.dtype}, {self.segment:,} at a time; makes {size(self.file_bytes)}, "
            f"and takes about {size(self.memory)} of memory"
        )


@dataclass(frozen=True)
class Shape:
    """The inputs of an array, as far as a build takes memory for them."""

    inputs: int
    tokens: int  # of an input
    channels: int
    dtype: str
    itemsize: int
    id_bytes: int
    copies: int  # of what is read, until it is kept
    buffered: int  # bytes that a library holds

    def cost(self, segment: int) -> BuildCost:
        """Return what a build takes with segments of so many inputs at most."""
        n, s, c = self.inputs, self.tokens, self.channels
        k = min(segment, n)
        rows = (self.copies + 1) * k * s * c * self.itemsize
        kept = bytes_of_turned(k, k * s, c) + 8 * k * c  # its means are there twice
        working = max(sampled_bytes(k, s, c), bytes_to_turn(s, c))
        return BuildCost(
            n,
            n * s,
            c,
            self.dtype,
            k,
            n * (s * c * self.itemsize + self.id_bytes)
            + bytes_of_turned(n, n * s, c)
            + bytes_of_axes(c)
            + -(-n // k) * _LINES,
            self.buffered + rows + kept + working + n * (_ID + 2 * self.id_bytes) + _UNCOUNTED,
        )

    def within(self, function: str, segment: int, memory_limit: int | None) -> BuildCost:
        """Return the cost with as large segments as a limit allows, `segment` inputs at most."""
        cost = self.cost(segment)
        while memory_limit is not None and cost.memory > memory_limit:
            if cost.segment == 1:
                raise MemoryError(
                    f"{function}: `memory_limit` must be at least {cost.memory} bytes, which "
                    f"segments of 1 input take, got {memory_limit}"
                )
            cost = self.cost((cost.segment + 1) // 2)
        return cost


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
