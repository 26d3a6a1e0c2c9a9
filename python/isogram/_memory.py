"""Refusing results that cannot fit, before anything is read or allocated."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

# Advice for callers who asked for a matrix that is too large.
PASS_OUT = "pass `out` (a memory map, say)"
FEWER_SAMPLES = "use fewer samples"
FEWER_FEATURES = "use fewer features"

# Bytes that a run takes and nobody counts, about: what threads and the allocator keep.
UNCOUNTED = 2**22


def size(count: int) -> str:
    """Return a number of bytes with three digits and a unit: 1.23 GB."""
    value, units = float(count), ("bytes", "kB", "MB", "GB", "TB", "PB")
    power = 0
    while value >= 999.5 and power + 1 < len(units):
        value, power = value / 1000, power + 1
    return f"{count} bytes" if power == 0 else f"{value:.3g} {units[power]}"


@cache
def usable_memory() -> int:
    """Bytes of this machine, or of the container that it is cut down to."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    # No such file, or no limit: it says "max". Not by pathlib, which takes milliseconds to import.
    with (
        suppress(OSError, ValueError),
        open("/sys/fs/cgroup/memory.max", encoding="ascii") as stream,
    ):
        limits.append(int(stream.read()))
    return min(limits)


def check_memory(
    function: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    advice: str,
    count: int = 1,
    memory: int | None = None,
) -> None:
    """Raise MemoryError when `count` arrays cannot fit; `advice` says how to ask for less.

    By default in the memory of this machine.

    NumPy would often get the address space and leave it to the kernel to end the process later.
    """
    size = math.prod(shape) * dtype.itemsize * count
    usable = usable_memory() if memory is None else memory
    if size > usable:
        what = "a result" if count == 1 else f"{count} results"
        raise MemoryError(
            f"{function}: {what} of shape {shape} and type {dtype} would take {size} bytes, more "
            f"than the {usable} that there are: {advice}"
        )
