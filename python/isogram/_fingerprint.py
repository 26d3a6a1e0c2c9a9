"""Fingerprints: arrays of the same shape and numbers have the same, on any machine."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 22  # bytes of rows that are read at once


def fingerprint_of(*arrays: NDArray[Any]) -> str:
    """Return the fingerprint of an array, or of several together."""
    digests = [
        fingerprint_of_rows(array.shape, array.dtype.itemsize, array.__getitem__)
        for array in arrays
    ]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def fingerprint_of_rows(
    shape: tuple[int, ...], itemsize: int, rows: Callable[[Any], NDArray[Any]]
) -> str:
    """Return the SHA-256 of a shape and of numbers, little-endian, that are read block by block."""
    digest = hashlib.sha256(f"{shape} {itemsize}".encode())
    count = shape[0] if shape else 1
    step = max(1, _BLOCK * count // max(1, math.prod(shape) * itemsize))
    for first in range(0, count, step):
        block = rows(slice(first, min(first + step, count)) if shape else ...)
        if block.dtype.byteorder == ">":
            block = block.astype(block.dtype.newbyteorder("<"))
        digest.update(np.ascontiguousarray(block).view(np.uint8).data)
    return digest.hexdigest()
