"""Output: text that a terminal can show, CSV, and files that appear whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_MOST_NAMES = 10
_LONGEST_NAME = 100


def printable(text: str) -> str:
    """Return `text` in one line, with line ends and other control characters as escapes.

    Names come from files, and may hold what a terminal obeys or cannot show.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def listed(names: Iterable[str]) -> str:
    """Return names separated by commas: the first of them if they are many, cut if long."""
    names = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]} …" for name in names]
    more = [f"… ({len(names) - _MOST_NAMES} more)"] if len(names) > _MOST_NAMES else []
    return ", ".join(names[:_MOST_NAMES] + more)


def path_of(function: str, name: str, value: object) -> Path:
    """Return `value` as a path if it is a string or a path."""
    if not isinstance(value, str | os.PathLike) or not isinstance(path := os.fspath(value), str):
        raise TypeError(f"{function}: `{name}` must be a string or a path, got {value!r}")
    if not path or "\0" in path:
        raise ValueError(f"{function}: `{name}` must be a path, got {path!r}")
    return Path(path)


def check_target(path: Path) -> Path:
    """Return the file that writing to `path` will make, or raise OSError if that cannot work.

    Called before a long computation, so that its result is not lost to a mistyped path.
    """
    target = Path(os.path.realpath(path))  # a link keeps pointing at the new file
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a directory, expected a file name")
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(target.stat().st_mode):  # OSError where links lead in a circle
            # As root, renaming over a device such as /dev/null would replace the device.
            raise OSError(f"{path} is not a regular file")
        if not os.access(target, os.W_OK):  # renaming would not ask
            raise PermissionError(f"{path} is not writeable")
    check_folder(path, target)
    return target


def check_folder(path: Path, target: Path | None = None) -> None:
    """Raise OSError if nothing can be made at `path`, which leads to `target`."""
    folder = (target or path).parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{path}: the folder {folder} does not exist")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{path}: the folder {folder} is not writeable")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a neighbour of `path` for writing; it takes the place of `path` if all goes well."""
    target = check_target(path)
    partial = target.with_name(f".isogram-{secrets.token_hex(8)}.part")
    try:
        with partial.open("xb") as stream:
            yield stream
        partial.replace(target)
    except OSError as error:  # NumPy's on a full disk has no number, only "… requested and …"
        reason = error.strerror or f"cannot be written whole: {error}"
        raise OSError(error.errno, reason, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def write_csv(
    path: Path, matrix: NDArray[Any], rows: Sequence[str], columns: Sequence[str]
) -> None:
    """Write a (rows, columns) matrix with its names, every number in full precision."""
    with replacing(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
        writer = csv.writer(text)
        writer.writerow(["", *columns])
        for name, values in zip(rows, matrix, strict=True):
            writer.writerow([name, *(repr(float(value)) for value in values)])
        text.flush()
        text.detach()  # the stream is the context manager's to close


def json_of(facts: Mapping[str, Any]) -> str:
    """Return facts as JSON; what that lacks, NaN and infinity, is null."""
    return json.dumps(_plain(facts), indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    """Return what JSON holds of a value."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return os.fspath(value) if isinstance(value, os.PathLike) else value
