"""What this build is and how it runs; threads; where its C++ library lies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import isogram
from isogram import _core, simd
from isogram._arguments import threads
from isogram._place import why_no_gpu

NAME_WIDTH = 18  # of an entry that is shown


def get_num_threads() -> int:
    """Return the number of threads of calls that do not name one.

    That is set_num_threads(), else ISOGRAM_NUM_THREADS, else OMP_NUM_THREADS, else the processors
    that the affinity and the container's quota allow.

    Examples
    --------
    >>> import isogram as ig
    >>> ig.get_num_threads() >= 1
    True
    """
    return _core.get_num_threads()


def set_num_threads(n: int | None) -> None:
    """Choose the number of threads of calls that do not name one.

    Parameters
    ----------
    n : int or None
        At least 1; None goes back to what the environment says.

    Examples
    --------
    >>> import isogram as ig
    >>> ig.set_num_threads(2)
    >>> ig.get_num_threads()
    2
    >>> ig.set_num_threads(None)
    """
    _core.set_num_threads(threads("set_num_threads", n, "n"))


def config() -> dict[str, Any]:
    """Return the version, the instruction sets, the threads, CUDA and the compiler.

    Examples
    --------
    >>> import isogram as ig
    >>> ig.config()["version"] == ig.__version__
    True
    """
    build = _core.build_info()
    why_not = why_no_gpu()
    return {
        "version": build["version"],
        "simd level": simd.level(),
        "available levels": simd.available(),
        "threads": get_num_threads(),
        "cuda": {"built": build["cuda"], "usable": why_not is None, "reason": why_not},
        "compiler": build["compiler"],
        "build type": build["build_type"],
    }


def show_config() -> None:
    """Print `config()`, one line for each entry."""
    for name, text in described(config()).items():
        print(f"{name + ':':<{NAME_WIDTH}}{text}")


def described(entries: Mapping[str, Any]) -> dict[str, str]:
    """Return the entries of `config()` as text."""
    cuda = entries["cuda"]
    texts = {
        name: ", ".join(value) if isinstance(value, tuple) else str(value)
        for name, value in entries.items()
    }
    return {**texts, "cuda": "usable" if cuda["usable"] else f"not usable: {cuda['reason']}"}


def get_include() -> str:
    """Return the folder for a C++ compiler's include path, with `isogram/isogram.hpp` in it.

    Examples
    --------
    >>> import isogram as ig, os
    >>> os.path.isfile(os.path.join(ig.get_include(), "isogram", "isogram.hpp"))
    True
    """
    return _installed("include")


def get_cmake_dir() -> str:
    """Return the folder of the CMake package, for `find_package(isogram)`: isogram_DIR.

    Examples
    --------
    >>> import isogram as ig, os
    >>> os.path.isfile(os.path.join(ig.get_cmake_dir(), "isogramConfig.cmake"))
    True
    """
    return _installed("lib/cmake/isogram")


def _installed(folder: str) -> str:
    # An editable install has two places: the sources, and what CMake installed.
    for root in isogram.__path__:
        path = os.path.join(root, *folder.split("/"))
        if os.path.isdir(path):
            return path
    raise FileNotFoundError(f"isogram was installed without its folder {folder}")
