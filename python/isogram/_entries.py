"""Entries of arrays: the types that they have, and passes over them part by part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FLOAT_TYPES = ("float16", "bfloat16", "float32", "float64")
# NumPy does not have bfloat16: it travels to the kernels as its bit patterns.
BFLOAT16_BITS = np.dtype(np.uint16)

_PART = 2**22  # entries that NumPy is given at a time: Ctrl-C waits for one such pass


def parts_of(shape: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield indices that cut an array into parts of some million entries."""
    if not shape:
        yield ()
        return
    size = math.prod(shape[1:])
    if size > _PART:
        for i in range(shape[0]):
            for rest in parts_of(shape[1:]):
                yield (i, *rest)
        return
    step = _PART // max(size, 1)
    for begin in range(0, shape[0], step):
        yield (slice(begin, begin + step),)


def extremes(array: NDArray[Any]) -> tuple[Any, Any]:
    """Return the least and the greatest entry, NaN if there is one; integers are Python's."""
    least, most = array.flat[0].item(), array.flat[0].item()
    for part in parts_of(array.shape):
        entries = array[part]
        least = np.minimum(least, entries.min()).item()
        most = np.maximum(most, entries.max()).item()
    return least, most


def are_finite(array: NDArray[Any]) -> bool:
    """Return whether no entry is infinite or NaN: then a sum is neither, unless it overflows."""
    for part in parts_of(array.shape):
        entries = array[part]
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(entries.sum()):
                continue
        if not np.isfinite(entries).all():
            return False
    return True


def copy_into(target: NDArray[Any], source: NDArray[Any]) -> None:
    """Copy an array of the same shape, part by part, in the order of the target's memory.

    In another order the first part might touch all of the target's pages, which the system fills
    with zeros then.
    """
    axes = sorted(range(target.ndim), key=lambda axis: -abs(target.strides[axis]))
    target, source = target.transpose(axes), source.transpose(axes)
    for part in parts_of(target.shape):
        target[part] = source[part]


def converted(array: NDArray[Any], dtype: Any, order: Literal["K", "C"] = "K") -> NDArray[Any]:
    """Return an array of another type, part by part where that is host memory."""
    if not isinstance(array, np.ndarray):
        return array.astype(dtype)
    result = np.empty_like(array, dtype, order)
    copy_into(result, array)
    return result


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """Return 16-bit inputs as float32, others as they are."""
    if array.dtype == BFLOAT16_BITS:
        result = converted(array, np.uint32)
        for part in parts_of(array.shape):
            result[part] <<= 16
        return result.view(np.float32)
    return converted(array, np.float32) if array.dtype == np.float16 else array


def type_name(dtype: np.dtype[Any]) -> str:
    """Return the name of the type that entries of a checked array have."""
    return "bfloat16" if dtype == BFLOAT16_BITS else dtype.name


def result_dtype(*arrays: NDArray[Any]) -> np.dtype[Any]:
    """Return float64 when any input is float64, else float32."""
    return np.dtype(np.float64 if any(a.dtype == np.float64 for a in arrays) else np.float32)
