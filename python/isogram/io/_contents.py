"""The contents of a file: its arrays by name, described before any of their rows is read."""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._memory import usable_memory
from isogram._output import listed

# Names of arrays of identifiers, in any group of a file. The first name that a file has counts.
IDENTIFIERS = ("ids", "sample_ids", "image_ids", "file_names")

# Parsers raise errors of any type on broken files: zlib.error, struct.error, SafetensorError, ….
_BROKEN = (Exception,)
_LONGEST_REASON = 300  # NumPy's messages quote whole headers


class Entry(NamedTuple):
    """An array in a file: its description, and a function that reads its rows."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[slice], NDArray[Any]]  # some of its rows
    check: Callable[[], object] = lambda: None  # raises ValueError unless all of it is there

    @property
    def size(self) -> int:
        """Bytes of the numbers."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def is_layer(self) -> bool:
        """Whether it holds floats, of samples and features."""
        is_floating = self.dtype.kind == "f" and self.dtype.itemsize <= 8  # not long double
        is_floating = is_floating or self.dtype.name == "bfloat16"
        return is_floating and len(self.shape) >= 2 and 0 not in self.shape

    @property
    def may_identify(self) -> bool:
        """Whether it holds strings or integers, one for each sample."""
        return self.dtype.kind in "iuUS" and len(self.shape) == 1

    def whole(self) -> NDArray[Any]:
        """Return all of it."""
        return self.read(slice(0, self.shape[0]) if self.shape else slice(None))

    def __str__(self) -> str:
        """Return type and shape."""
        return described(self.shape, self.dtype)


def described(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """Return type and shape, for messages."""
    return f"{dtype.name} of shape {shape}"


@dataclass
class Contents:
    """The arrays of an open file, and the streams to close after it."""

    entries: dict[str, Entry] = field(default_factory=dict)
    index: str | None = None  # the array that the file itself declares as identifiers
    others: dict[str, str] = field(default_factory=dict)  # all that is no array, by name, described
    files: ExitStack = field(default_factory=ExitStack)

    @property
    def described(self) -> str:
        """All that is there, for messages."""
        there = {name: str(entry) for name, entry in self.entries.items()} | self.others
        return listed(f"{name} ({what})" for name, what in there.items()) or "it is empty"


def in_memory(array: NDArray[Any]) -> Entry:
    """Return an entry of an array that has been read."""
    return Entry(array.shape, array.dtype, lambda span: array[span])


def add_list(found: Contents, name: str, values: Sequence[Any]) -> None:
    """Add a list: as an entry if all its items are strings, or all integers."""
    kinds = {type(value) for value in values}
    if kinds == {str} or kinds == {int}:
        found.entries[name] = in_memory(np.array(values))
    else:
        said = ", ".join(sorted(kind.__name__ for kind in kinds))
        found.others[name] = f"a list of {said}" if kinds else "an empty list"


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text file, which end in line feeds alone: names may hold U+2028."""
    return path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")


def naturally(names: Iterable[str]) -> list[str]:
    """Sort names, numbers in them by value: block2 before block10."""
    return sorted(names, key=_natural)


def in_order(names: list[str]) -> list[str]:
    """Return names as they are if numbers ascend in them, as in a network, or else naturally."""
    series: dict[str, list[str]] = {}
    for name in names:
        series.setdefault(re.sub("[0-9]+", "0", name), []).append(name)
    ascends = all(naturally(members) == members for members in series.values())
    return names if ascends else naturally(names)


def _natural(name: str) -> list[tuple[int, str]]:
    # A number by its digits, which may be more than Python converts.
    parts = re.split("([0-9]+)", name)
    parts[1::2] = [digits.lstrip("0") for digits in parts[1::2]]
    return [(len(part) if i % 2 else 0, part) for i, part in enumerate(parts)] + [(0, name)]


def library(module: str, what: str, install: str = "'isogram[io]'") -> Any:
    """Return a module that reads a format, or say what to install."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(f"reading {what} needs {package}: pip install {install}") from error


def require_memory(size: int) -> None:
    """Raise MemoryError for arrays that cannot be in memory together."""
    if size > (usable := usable_memory()):
        raise MemoryError(
            f"its arrays take {size} bytes of memory, more than the {usable} that there are"
        )


def first_bytes(path: Path, count: int) -> bytes:
    """Return the beginning of a regular file that is not empty."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a regular file")  # opening a pipe would wait for a writer
    if not status.st_size:
        raise ValueError("the file is empty")
    with path.open("rb") as stream:
        return stream.read(count)


@contextmanager
def reading(path: Path) -> Iterator[Contents]:
    """Give contents to be filled; a file that is broken is closed, and refused in one line."""
    found = Contents()
    try:
        with refused(f"cannot read {path}: "):
            yield found
    except BaseException:
        found.files.close()
        raise


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Turn the exceptions of broken files into a ValueError that begins with `what`."""
    try:
        yield
    except _BROKEN as error:
        if isinstance(error, ImportError | Warning):  # not of the file
            raise
        raise ValueError(what + reason_of(error)) from error


def reason_of(error: Exception) -> str:
    """Return what an exception of a broken file says, in one line."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if isinstance(error, RecursionError):
        text = "it is nested too deeply"
    elif isinstance(error, KeyError):
        text += " is missing"
    first = text.splitlines()[0] if text else type(error).__name__
    return first if len(first) <= _LONGEST_REASON else f"{first[:_LONGEST_REASON]} …"
