"""Inputs of plans that are not in memory: their rows are read when a tile, or a survey, needs them.

| input | read by |
|---|---|
| a data set of h5py, an array of Zarr or Dask | a slice of it |
| a layer of `isogram.io`, or another object with `shape`, `dtype` and `rows(span)` | that method |
| `rows(read, shape, dtype)` | `read(start, stop)` |

None of these libraries is imported here: where one is not, there is no object of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from isogram._entries import BFLOAT16_BITS, FLOAT_TYPES
from isogram._loading import if_imported
from isogram._types import Array

# Reads rows from a first one to before a last.
Read: TypeAlias = Callable[[int, int], Array]

# Bytes that a survey reads at a time, in whole chunks of a file unless these are much larger.
_AT_ONCE = 2**22
_LARGEST_CHUNK = 2**27

# Chunks whose bytes Zarr and its threads hold at once, as they are stored and as they are read.
_ZARR_CHUNKS = 16


@dataclass(frozen=True, eq=False)
class Rows:
    """An array whose rows a function reads, as `rows` makes it.

    Attributes
    ----------
    read : callable
        read(start, stop) returns rows [start, stop).
    shape : tuple of int
        Of all rows together.
    dtype : numpy.dtype or str
        Their type; "bfloat16", which NumPy does not have, by its name.
    """

    read: Read
    shape: tuple[int, ...]
    dtype: Any

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all rows, for functions that take arrays in memory."""
        return np.asarray(self.read(0, len(self)), dtype, copy=copy)


def rows(read: Read, shape: Iterable[int], dtype: DTypeLike) -> Rows:
    """Return an input of a plan whose rows a function reads: of a file, or made as they are needed.

    Parameters
    ----------
    read : callable
        read(start, stop) returns rows [start, stop) as an array of `dtype` and of shape
        (stop - start, *shape[1:]): the same numbers every time. It may return the same buffer each
        time: rows are copied. Any process that computes tiles calls it; it has to be a function
        that can be pickled where inputs are.
    shape : tuple of int
        Of all rows: samples by features, or inputs by tokens by channels.
    dtype
        Of the rows: float16, bfloat16 (by name), float32, float64, integers or booleans.

    Returns
    -------
    Rows
        `ig.plan`, `Plan.run` and `Plan.compute` read the rows of a tile at a time; other functions
        take it as an array, for which they read all of it.

    Raises
    ------
    TypeError
        `read` cannot be called; a type of something else than real numbers.
    ValueError
        A shape without axes, or with an axis that is no positive integer.

    Notes
    -----
    A survey, for what has to be known of all rows, reads them in order, 4 MiB at a time. A block
    of another shape or type than was said here is an error that names its rows.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((100, 8))
    >>> source = ig.rows(lambda start, stop: x[start:stop], x.shape, x.dtype)
    >>> gram = ig.plan("gram", source, tile=32).run(source)
    >>> bool((gram == ig.gram(x)).all())
    True
    """
    if not callable(read):
        raise TypeError(f"rows: `read` must be callable, got {type(read).__name__}")
    lengths = tuple(shape) if isinstance(shape, Iterable) else ()
    if not lengths or not all(
        isinstance(length, int | np.integer) and length > 0 for length in lengths
    ):
        raise ValueError(f"rows: `shape` must be of positive integers, got {shape!r}")
    name = _number_type(dtype)
    return Rows(read, tuple(map(int, lengths)), name if name == "bfloat16" else np.dtype(name))


def _number_type(dtype: Any) -> str:
    """Return the name of a type of real numbers; raise TypeError for others."""
    came = repr(dtype)
    if dtype is not None:  # float64 for NumPy
        with suppress(TypeError):
            came = type_name_of(dtype)
            if came in FLOAT_TYPES or np.dtype(came).kind in "iub":
                return came
    raise TypeError(f"rows: `dtype` must be a type of real numbers, of at most 64 bits, got {came}")


def type_name_of(dtype: Any) -> str:
    """Return the name of an element type of any library."""
    text = str(dtype).removeprefix("torch.")
    return text if text == "bfloat16" else np.dtype(text if "torch" in str(dtype) else dtype).name


class Unread:
    """An input that is not in memory: a span of its rows is an array, as the core takes it.

    It has the attributes of that array that checks ask for.
    """

    def __init__(
        self,
        read: Read,
        shape: tuple[int, ...],
        type_name: str,
        *,
        chunk: int = 1,
        buffered: int = 0,
        ids: Any = None,
        is_lent: bool = False,
        source: Any = None,
    ) -> None:
        """Take what reads rows of `source`, of a shape and type.

        `chunk` rows are stored together; the library holds `buffered` bytes beside what it reads.
        What is read `is_lent` where the next rows may be read into the same memory.
        """
        self._read = read
        self._stored = shape  # and this is how they are read
        self.shape = shape
        self.type_name = type_name
        self._chunk = chunk
        self.buffered = buffered
        self.ids = ids
        self._is_lent = is_lent
        self._source = read if source is None else source
        self._where = ""
        self._to_array: Callable[[Any], NDArray[Any]] = np.asarray

    def named(self, where: str, to_array: Callable[[Any], NDArray[Any]]) -> Unread:
        """Return this input as the argument `where` of a function, whose checks make the arrays."""
        named = copy(self)
        named.shape = self._stored
        named._where, named._to_array = where, to_array
        return named

    def is_same(self, other: Any) -> bool:
        """Whether another input has the rows of the same object."""
        return isinstance(other, Unread) and self._source is other._source

    def reshape(self, n: int, _: int) -> Unread:
        """Return it with all axes but the first as one."""
        flat = self.named(self._where, self._to_array)
        flat.shape = n, math.prod(self.shape[1:])
        return flat

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the arrays: integers and booleans are read as floats of the same values."""
        if self.type_name == "bfloat16":
            return BFLOAT16_BITS
        dtype = np.dtype(self.type_name)
        if self.is_whole:
            return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)
        return dtype

    @property
    def is_whole(self) -> bool:
        """Whether the entries are integers or booleans."""
        return self.type_name != "bfloat16" and np.dtype(self.type_name).kind in "iub"

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self.shape)

    @property
    def rows_at_once(self) -> int:
        """How many rows a survey reads at a time."""
        of_row = max(1, math.prod(self.shape[1:]) * self.dtype.itemsize)
        fit = max(1, _AT_ONCE // of_row)
        if self._chunk * of_row > _LARGEST_CHUNK:
            return fit
        return max(1, fit // self._chunk) * self._chunk

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Refuse: all of it may be more than memory holds."""
        raise TypeError("an input of a plan is read by rows")

    def __getitem__(self, span: slice) -> NDArray[Any]:
        """Read the rows of a span; raise ValueError, which names them, if they are others."""
        first, last, _ = span.indices(len(self))
        try:
            read = self._read(first, last)
            if not (hasattr(read, "shape") and hasattr(read, "dtype")):
                read = np.asarray(read)
        except Exception as error:
            error.add_note(f"while {self._where} was read, rows {first} to {last}")
            raise
        expected = (last - first, *self._stored[1:])
        if tuple(read.shape) != expected or type_name_of(read.dtype) != self.type_name:
            raise ValueError(
                f"{self._where} must be read as {self.type_name} of shape {expected} for rows "
                f"{first} to {last}, got {type_name_of(read.dtype)} of shape {tuple(read.shape)}"
            )
        array = self._to_array(read)
        if self._is_lent and (not isinstance(read, np.ndarray) or np.may_share_memory(array, read)):
            array = array.copy()
        return array.reshape(last - first, *self.shape[1:])


def blocks(array: Any) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield all rows in order, with the number of the first: at once, or as a survey reads them."""
    step = array.rows_at_once if isinstance(array, Unread) else len(array)
    for first in range(0, len(array), step):
        yield first, array[first : first + step]


def repeatable(inputs: Iterable[Any]) -> list[Any]:
    """Return inputs that can be gone through more than once: generators as lists."""
    return [list(one) if isinstance(one, Iterator) else one for one in inputs]


def unread(where: str, value: Any) -> Any:
    """Return an input of a plan without reading it: an `Unread`, or what is in memory as it is.

    Sequences and mappings are gone through; `where` is the argument, and whose it is, for messages.
    """
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, Mapping):
        layers = {name: unread(where, layer) for name, layer in value.items()}
        return layers if any(isinstance(layer, Unread) for layer in layers.values()) else value
    if isinstance(value, list | tuple):
        if type(value) not in (list, tuple):
            return value
        return type(value)(unread(where, one) for one in value)
    try:
        return _unread(value)
    except (TypeError, ValueError) as error:
        came = f"{type(value).__name__} ({error})"
        raise type(error)(f"{where} must be readable, of real numbers, got {came}") from error


def _unread(value: Any) -> Any:
    """Return an object of one of the kinds above as an `Unread`."""
    if isinstance(value, Unread):
        return value
    if isinstance(value, Rows):
        return _of(value, value.read, is_lent=True)
    if isinstance(value, if_imported("h5py", "Dataset")):
        if value and value.shape is None:
            raise ValueError("a null data set, which has no entries")
        _, cache, _ = value.id.get_access_plist().get_chunk_cache()
        return _of(value, partial(_sliced, value), value.chunks, cache if value.chunks else 0)
    if isinstance(value, if_imported("zarr", "Array")):
        at_once = _ZARR_CHUNKS * math.prod(value.chunks) * value.dtype.itemsize
        return _of(value, partial(_sliced, value), value.chunks, at_once)
    if isinstance(value, if_imported("dask.array", "Array")):
        chunk = max(value.chunks[0], default=1)
        at_once = 2 * chunk * math.prod(value.shape[1:]) * value.dtype.itemsize
        return _of(value, partial(_sliced, value), (chunk,), at_once)
    if callable(getattr(value, "rows", None)) and hasattr(value, "dtype"):
        return _of(value, lambda first, last: value.rows(slice(first, last)))
    return value


def _of(
    value: Any, read: Read, chunks: Any = None, buffered: int = 0, *, is_lent: bool = False
) -> Any:
    """Describe an input that has shape and type; one without axes is left as it is."""
    shape = tuple(value.shape or ())
    if not shape or any(length != length for length in shape):  # Dask's unknown lengths are NaN
        return value
    chunk = int((chunks or (1,))[0])
    type_name = type_name_of(value.dtype)
    if type_name != "bfloat16":
        np.dtype(type_name)  # TypeError for one that is more than a number
    return Unread(
        read,
        tuple(map(int, shape)),
        type_name,
        chunk=chunk,
        buffered=buffered,
        ids=getattr(value, "ids", None),
        is_lent=is_lent,
        source=value,
    )


def _sliced(value: Any, first: int, last: int) -> NDArray[Any]:
    return np.asarray(value[first:last])
