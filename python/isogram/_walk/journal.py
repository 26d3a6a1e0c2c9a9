"""Jobs on disk: what is finished of a result, so that the same call goes on after an interruption.

The folder of a job has a journal, `journal.jsonl`: a line that names the operation, its inputs and
options; then a line for each part that is stored, with its checksum. A part is written first, and
then recorded. The next call reads every part again, and computes a part again if its checksum
differs. A power cut damages few parts, as all files are flushed to the disk every few seconds.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from isogram._walk.sinks import Sink
from isogram._walk.tiles import Tile

_JOURNAL, _LOCK = "journal.jsonl", "lock"
_SECONDS = 5.0  # between flushes
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Journal:
    """The journal of a job, which no other process has open."""

    def __init__(self, folder: Path, stream: int, entries: Sequence[Mapping[str, Any]]) -> None:
        """Take the folder, the file to append to, and what it says."""
        self.folder = folder
        self._stream = stream
        self._checksums = {entry["part"]: entry["crc32"] for entry in entries if "part" in entry}
        results = [entry["result"] for entry in entries if "result" in entry]
        self.result: Mapping[str, Any] | None = results[-1] if results else None

    def checksum(self, part: str) -> int | None:
        """Return the checksum of a part, None if it is not stored."""
        return self._checksums.get(part)

    def record(self, part: str, checksum: int) -> None:
        """Record a part that is written."""
        self._append({"part": part, "crc32": checksum})
        self._checksums[part] = checksum

    def finish(self, result: Mapping[str, Any]) -> None:
        """Record the result, which is whole."""
        self._append({"result": result})
        self.flush()
        self.result = result

    def flush(self) -> None:
        """Wait until everything that was recorded is on the disk."""
        os.fsync(self._stream)

    def _append(self, entry: Mapping[str, Any]) -> None:
        if not os.fstat(self._stream).st_nlink:  # libraries make folders that are gone anew
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.folder))
        _append(self._stream, entry)


class Stored(Sink, Protocol):
    """A sink on disk."""

    def put(self, tile: Tile, part: Any) -> int:
        """Store the part of a tile, and return its checksum."""

    def flush(self) -> None:
        """Wait until everything that was stored is on the disk."""

    def restore(self, tile: Tile, recorded: int) -> None:
        """Take the part of a tile that is stored from before, if it is whole."""


class Journaled:
    """A sink on disk whose parts are recorded."""

    def __init__(self, sink: Stored, journal: Journal, names: Mapping[Tile, str]) -> None:
        """Take the sink and the names of all parts; look which of them are stored."""
        self._sink, self._journal, self._names = sink, journal, names
        for tile, name in names.items():
            if (checksum := journal.checksum(name)) is not None:
                sink.restore(tile, checksum)
        self._flushed = monotonic()

    @property
    def shared(self) -> Any:
        """The matrix that other processes can write blocks to too, or None."""
        return getattr(self._sink, "shared", None)

    def has(self, tile: Tile) -> bool:
        """Whether there is a part of a tile."""
        return self._sink.has(tile)

    def put(self, tile: Tile, part: Any) -> None:
        """Store the part of a tile, then record it."""
        self._journal.record(self._names[tile], self._sink.put(tile, part))
        if monotonic() - self._flushed > _SECONDS:
            self._sink.flush()
            self._journal.flush()
            self._flushed = monotonic()

    def result(self) -> Any:
        """Return the result of all parts."""
        return self._sink.result()


@contextmanager
def opened(
    function: str, folder: Path, facts: Callable[[], Mapping[str, Any]]
) -> Iterator[Journal]:
    """Open the journal of a job, or begin one, for as long as the context lasts.

    `facts()` says what is computed of what: a journal with other facts is refused. A full disk is
    reported as an error that says what to do, and so is a folder that somebody deleted, or that
    has a folder in the place of a file.
    """
    folder = _made(function, Path(os.path.abspath(folder)))  # the process may change its own
    with _saying_what_to_do(function, folder), _locked(function, folder):
        stream = os.open(folder / _JOURNAL, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            yield Journal(folder, stream, _entries(function, folder, stream, facts()))
        finally:
            os.close(stream)


@contextmanager
def _saying_what_to_do(function: str, folder: Path) -> Iterator[None]:
    """Raise errors of the disk, and Ctrl-C, with what to do."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(
            f"{function}: what is finished is kept in {folder}: the same call goes on"
        )
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise OSError(
                error.errno,
                f"{function}: {error.strerror}: what is finished is kept in {folder}; "
                "make room, and call again to go on",
            ) from error
        if error.errno == errno.ENOENT and not (folder / _LOCK).exists():
            raise FileNotFoundError(
                errno.ENOENT,
                f"{function}: the folder of the job must stay while it runs, but {folder} was "
                "deleted: call again to begin anew",
            ) from error
        if error.errno == errno.EISDIR and folder in Path(str(error.filename)).parents:
            raise IsADirectoryError(
                errno.EISDIR,
                f"{function}: the folder of the job must have files, but {error.filename} is a "
                "folder: delete it, and call again to go on",
            ) from error
        raise


def _made(function: str, folder: Path) -> Path:
    """Return the folder of a job, which is made if it is not there."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{function}: the folder of the job, {folder}, cannot be made: {error.strerror}",
        ) from error
    return folder


@contextmanager
def _locked(function: str, folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which ends with this process."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, 100, 0).decode(errors="replace") or "another"
        os.close(lock)
        raise BlockingIOError(
            f"{function}: the job in {folder} must be of one process at a time, got a second "
            f"beside {owner}"
        ) from None
    with suppress(OSError):  # on a full disk
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()} on {os.uname().nodename}".encode(), 0)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)  # children that were forked have it open too
        os.close(lock)


def _entries(
    function: str, folder: Path, stream: int, facts: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Return what a journal says beside the facts, which have to be the same; begin a new one."""
    (was, *entries), end = _read(stream)
    if was is None and b"\n" in os.pread(stream, 2**16, 0):
        raise ValueError(
            f"{function}: the folder of the job must be new or have a journal of isogram, but "
            f"{folder / _JOURNAL} is none: delete it, or name another folder"
        )
    os.ftruncate(stream, end)  # a line that an interruption cut is none
    if was is None:
        _append(stream, facts)
    elif difference := _difference(was, facts):
        raise ValueError(
            f"{function}: the job in {folder} must go on as it began, but {difference}: delete the "
            "folder to begin anew"
        )
    return entries


def _read(stream: int) -> tuple[list[Any], int]:
    """Return the lines of a journal, None for the first if it is not there, and where they end."""
    entries: list[Any] = []
    end = 0
    with os.fdopen(os.dup(stream), "rb") as file:
        file.seek(0)
        for line in file:
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
            except (ValueError, RecursionError):
                entry = None
            if not _is_entry(entry, is_first=not entries):
                break
            entries.append(entry)
            end += len(line)
    return entries or [None], end


def _is_entry(entry: Any, *, is_first: bool) -> bool:
    """Whether a line is one that a journal has: facts, a part, or a result."""
    if not isinstance(entry, dict):
        return False
    if is_first:
        return "operation" in entry
    if "part" in entry:
        return isinstance(entry["part"], str) and isinstance(entry.get("crc32"), int)
    return isinstance(entry.get("result"), dict)


def _append(stream: int, entry: Mapping[str, Any]) -> None:
    line = json.dumps(entry).encode() + b"\n"
    end = os.fstat(stream).st_size
    try:
        while line:
            line = line[os.write(stream, line) :]
    except OSError:
        os.ftruncate(stream, end)  # no half of a line
        raise


def _difference(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return how the facts of a job differ, by the name of the first that does."""
    for name, value in now.items():
        before = was.get(name)
        if before == value:
            continue
        if name == "inputs":
            return _changed(before, value)
        if name == "options":
            return _other_option(before, value)
        if name == "plan":
            return "its plan differs"
        return f"{name} was {before}, and is {value}"
    return ""


def _changed(before: Any, now: Mapping[str, Any]) -> str:
    names = [name for name in now if not before or before.get(name) != now[name]]
    names += [name for name in before or () if name not in now]
    return f"`{names[0]}` changed" + (f", and {len(names) - 1} more" if names[1:] else "")


def _other_option(before: Any, now: Mapping[str, Any]) -> str:
    before = before or {}
    names = [name for name in now | before if before.get(name) != now.get(name)]
    return ", and ".join(
        f"option `{name}` was {before.get(name)}, and is {now.get(name)}" for name in names
    )
