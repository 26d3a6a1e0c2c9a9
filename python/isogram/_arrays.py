"""Any array in, the caller's kind of array out: the only place that knows about array libraries.

Inputs become NumPy arrays that share the caller's memory wherever the core can read it as it is;
those on a GPU become arrays of its library (CuPy), which have the same attributes. bfloat16, which
NumPy does not have, travels to the kernels as its bit patterns in uint16.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, ValuesView
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from isogram import _advice
from isogram._entries import (
    BFLOAT16_BITS,
    FLOAT_TYPES,
    converted,
    copy_into,
    extremes,
    result_dtype,
    widened,
)
from isogram._errors import warn_caller
from isogram._loading import if_imported
from isogram._memory import check_memory
from isogram._place import COPY_TO_HOST, gpu_library, place_of
from isogram._reductions import reduced
from isogram._rows import Unread
from isogram._types import Array
from isogram.typing import LayerReductionName

if TYPE_CHECKING:
    from isogram._device.device import Device

_AS_IT_IS = frozenset(map(np.dtype, (np.float16, np.float32, np.float64)))
_MOST_EXACT = 2**53  # integers up to here are float64 numbers
_ROUND = "convert it to float64, if it may be rounded"
_DIFFERENT = "nested sequences of different lengths"
_has_warned_of_gradients = False
_LISTED = 2**18  # Python's numbers that NumPy is given at a time

# DLPack's numbers of devices whose memory the host can read: the host itself, and memory that a
# CUDA or ROCm driver pinned for it; and of CUDA's own memory.
_HOST_DEVICES = (1, 3, 11)
_CUDA_DEVICES = (2, 13)


# In ---------------------------------------------------------------------------------------------


def as_input(
    function: str,
    name: str,
    value: Array,
    *ranks: int,
    on_gpu: bool = False,
    if_too_large: str = _ROUND,
    if_other_rank: Callable[[str, tuple[int, ...]], str] | None = None,
) -> NDArray[Any]:
    """Return `value` for the core: checked type and rank, native, aligned, whole-item strides.

    Integers and booleans come back as floats of the same values; `if_too_large` is the advice for
    integers that float64 does not hold, `if_other_rank` makes that for arrays of other shapes. With
    `on_gpu` it may lie on a GPU, and stays there.
    """
    if _is_ready(value, ranks):
        return value
    if not (on_gpu or isinstance(value, np.ndarray)) and gpu_of(value):
        raise TypeError(
            f"{function}: `{name}` must be in host memory, got an array on {gpu_of(value)}: this "
            f"function does not run on GPUs, so {COPY_TO_HOST}"
        )
    if isinstance(value, Unread):
        unread: NDArray[Any] = _unread(function, name, value, ranks, if_too_large, if_other_rank)
        return unread
    if isinstance(value, list | tuple):
        _refuse_parts(function, name, value, ranks)
    array, type_name = _to_array(function, name, value)
    if array.dtype.kind in "iub" and array.dtype.name == type_name:  # and no bits of bfloat16
        array, type_name = _exact_floats(function, name, array, if_too_large)
    _require_type(function, name, type_name)
    _require_rank(function, name, array.shape, ranks, if_other_rank)
    if type_name == "bfloat16":
        array = array.view(BFLOAT16_BITS)
    if not isinstance(array, np.ndarray) or _is_readable(array):
        return array
    return converted(array, array.dtype.newbyteorder("="), order="C")


def _is_ready(value: Array, ranks: tuple[int, ...]) -> TypeGuard[NDArray[Any]]:
    """Whether the core takes an array as it is, seen at once: small calls take microseconds.

    It has several items along each axis: an axis of one item may have any stride.
    """
    if not (type(value) is np.ndarray and value.dtype in _AS_IT_IS and value.ndim in ranks):
        return False
    shape = value.shape
    return 0 not in shape and 1 not in shape and value.flags.carray


def _require_type(function: str, name: str, type_name: str) -> None:
    if type_name not in FLOAT_TYPES:
        raise TypeError(
            f"{function}: `{name}` must be of float16, bfloat16, float32 or float64, or of "
            f"integers or booleans, got {type_name}"
        )


def _require_rank(
    function: str,
    name: str,
    shape: tuple[int, ...],
    ranks: tuple[int, ...],
    if_other_rank: Callable[[str, tuple[int, ...]], str] | None,
) -> None:
    if len(shape) not in ranks:
        expected = " or ".join(f"{rank}-D" for rank in ranks)
        advice = if_other_rank(name, shape) if if_other_rank else ""
        raise ValueError(
            f"{function}: `{name}` must be {expected}, got {len(shape)}-D of shape {shape}{advice}"
        )


def _unread(
    function: str,
    name: str,
    value: Unread,
    ranks: tuple[int, ...],
    if_too_large: str,
    if_other_rank: Callable[[str, tuple[int, ...]], str] | None,
) -> Any:
    """Return an input that is read by rows, each time as this module makes arrays."""
    if not value.is_whole:
        _require_type(function, name, value.type_name)
    _require_rank(function, name, value.shape, ranks, if_other_rank)
    rank = value.ndim

    def to_array(rows: Array) -> NDArray[Any]:
        return as_input(function, name, rows, rank, if_too_large=if_too_large)

    return value.named(f"{function}: `{name}`", to_array)


def _exact_floats(
    function: str, name: str, integers: NDArray[Any], if_too_large: str
) -> tuple[NDArray[Any], str]:
    """Return integers or booleans as floats of the same values, and the name of their type.

    Integers of 64 bits on a GPU make the host wait for it.
    """
    dtype = np.float32 if integers.dtype.itemsize <= 2 else np.float64
    with place_of(function, {name: integers}).entered():
        if integers.dtype.itemsize == 8 and integers.size:
            least, most = extremes(integers)
            if max(most, -least) > _MOST_EXACT:
                raise ValueError(
                    f"{function}: `{name}` must be of integers up to 2^53 in magnitude, which "
                    f"float64 holds, got {most if most > -least else least}: {if_too_large}"
                )
        return converted(integers, dtype), np.dtype(dtype).name


def as_matrix(
    function: str,
    name: str,
    value: Array,
    if_other_rank: Callable[[str, tuple[int, ...]], str] | None = None,
) -> NDArray[Any]:
    """Return a 2-D input that has rows and columns."""
    if _is_ready(value, (2,)):
        return value
    array = as_input(function, name, value, 2, on_gpu=True, if_other_rank=if_other_rank)
    if array.size == 0:
        raise _empty(function, name, array)
    return array


def as_layer(
    function: str, name: str, value: Array, reduce: LayerReductionName = "flatten"
) -> NDArray[Any]:
    """Return samples as a matrix; of more axes, by default all but the first are flattened."""
    rank = getattr(value, "ndim", 2)
    if rank <= 2:
        return as_matrix(function, name, value, _advice.for_layer)
    array = as_input(function, name, value, rank, on_gpu=True)
    if array.size == 0:
        raise _empty(function, name, array)
    with place_of(function, {name: array}).entered():
        if reduce != "flatten":
            array = reduced(widened(array) if "mean" in reduce else array, reduce)
        if isinstance(array, np.ndarray) and not array.flags.c_contiguous:
            array = converted(array, array.dtype, "C")
        return array.reshape(len(array), -1)


def as_sequence(value: Any) -> Any:
    """Return what a generator, or a view of a mapping, gives as a list, and all else as it is."""
    if value is None or type(value) is np.ndarray:
        return value  # at once, as small calls take microseconds
    return list(value) if isinstance(value, Iterator | ValuesView) else value


def _empty(function: str, name: str, array: NDArray[Any]) -> ValueError:
    return ValueError(
        f"{function}: `{name}` must have at least one row and one column, got shape {array.shape}"
    )


def are_same(a: Array, b: Array) -> bool:
    """Whether two arrays, of NumPy or on a GPU, are one and the same memory, or read from one."""
    if a is b:
        return True
    are_on_host = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    if are_on_host and not np.may_share_memory(a, b):
        return False  # at once, as small calls take microseconds
    if isinstance(a, Unread) or isinstance(b, Unread):
        return isinstance(a, Unread) and a.is_same(b)
    return _memory_of(a) == _memory_of(b)


def _memory_of(array: Array) -> list[Any]:
    on_host = isinstance(array, np.ndarray)
    interface = array.__array_interface__ if on_host else array.__cuda_array_interface__
    return [interface.get(name) for name in ("data", "shape", "strides", "typestr")]


def _to_array(function: str, name: str, value: Array) -> tuple[NDArray[Any], str]:
    """Return a NumPy or GPU array on the memory of `value`, and the name of its element type."""
    if isinstance(value, if_imported("numpy.ma", "MaskedArray")):
        raise TypeError(
            f"{function}: `{name}` must be an array without a mask, got a masked array: "
            "fill or drop the masked entries"
        )
    if isinstance(value, np.ndarray):
        return np.asarray(value), value.dtype.name
    if isinstance(value, list | tuple):
        return _list_to_numpy(function, name, value)
    if _is_torch(value):
        return _torch_to_array(function, name, value)
    if gpu_of(value):
        return _gpu_to_array(function, name, value)
    if getattr(value, "shape", ()) is None:  # of h5py
        raise ValueError(
            f"{function}: `{name}` must be an array, got a null data set, which has no entries"
        )
    if hasattr(value, "__array__"):
        array = np.asarray(value)
    elif hasattr(value, "__dlpack__"):
        array = np.from_dlpack(value)
    else:
        raise TypeError(
            f"{function}: `{name}` must be an array (NumPy, CuPy, PyTorch, JAX or any with "
            f"DLPack), got {type(value).__name__}{_advice.for_no_array(name, value)}"
        )
    return array, array.dtype.name


def _refuse_parts(
    function: str, name: str, value: list[Any] | tuple[Any, ...], ranks: tuple[int, ...]
) -> None:
    """Refuse lists of arrays that are not the rows of one: those may be batches, or samples."""
    expected = f"{function}: `{name}` must be an array"
    if len(value) == 2 and isinstance(value[0], str) and hasattr(value[1], "ndim"):
        raise TypeError(f"{expected}, got a name and an array: pass the array")
    rank = getattr(value[0], "ndim", 0) if value else 0
    if rank and (1 + rank not in ranks or gpu_of(value[0])):
        advice = _advice.for_parts(name, value)
        raise TypeError(f"{expected}, got a {type(value).__name__} of {len(value)}{advice}")


def _list_to_numpy(
    function: str, name: str, value: list[Any] | tuple[Any, ...]
) -> tuple[NDArray[Any], str]:
    try:
        array = _numpy_of(value)
    except ValueError:
        raise ValueError(f"{function}: `{name}` must be an array, got {_DIFFERENT}") from None
    return array, array.dtype.name


def _numpy_of(value: list[Any] | tuple[Any, ...]) -> NDArray[Any]:
    """Return nested sequences as NumPy does, but part by part."""
    size, item = 1, value[0] if value else None
    while isinstance(item, list | tuple) and item:
        size, item = size * len(item), item[0]
    step = max(1, _LISTED // size)
    if len(value) <= step and size <= _LISTED:
        return np.asarray(value)
    firsts = range(0, len(value), step)
    if size > _LISTED:
        parts = [_to_numpy(item)[np.newaxis] for item in value]
    else:
        parts = [np.asarray(value[first : first + step]) for first in firsts]
    if len({part.shape[1:] for part in parts}) > 1:
        raise ValueError
    shape = (len(value), *parts[0].shape[1:])
    array = np.empty(shape, np.result_type(*{part.dtype for part in parts}))
    for first, part in zip(firsts, parts, strict=True):
        copy_into(array[first : first + len(part)], part)
    return array


def _to_numpy(item: Any) -> NDArray[Any]:
    return _numpy_of(item) if isinstance(item, list | tuple) else np.asarray(item)


def _torch_to_array(function: str, name: str, tensor: Any) -> tuple[NDArray[Any], str]:
    type_name = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_nested:
        raise TypeError(
            f"{function}: `{name}` must be a dense tensor, got a nested one: {name}.unbind() is a "
            "list of its parts, and torch.nested.to_padded_tensor pads them"
        )
    if str(tensor.layout) != "torch.strided":
        raise TypeError(f"{function}: `{name}` must be a dense tensor, got layout {tensor.layout}")
    if tensor.requires_grad:
        _warn_of_gradients(function, name)
    tensor = tensor.detach().resolve_conj().resolve_neg()
    is_whole = "int" in type_name or type_name == "bool"
    if type_name not in FLOAT_TYPES and not (is_whole and hasattr(np, type_name)):
        # Refused by its caller, by this name.
        return np.empty(0, np.int8 if is_whole else np.complex64), type_name
    if type_name == "bfloat16":
        # No other library takes a bfloat16 tensor, but one of integers on the same memory.
        tensor = tensor.view(sys.modules["torch"].int16)
    array = _adopted(function, name, tensor) if gpu_of(tensor) else tensor.numpy()
    return array.view(BFLOAT16_BITS) if type_name == "bfloat16" else array, type_name


def _warn_of_gradients(function: str, name: str) -> None:
    """Warn once in a process, where gradients are recorded, that none flow through isogram."""
    global _has_warned_of_gradients
    if _has_warned_of_gradients or not sys.modules["torch"].is_grad_enabled():
        return
    _has_warned_of_gradients = True
    warn_caller(
        f"{function}: `{name}` requires a gradient, and the result has none: isogram computes no "
        f"gradients; pass {name}.detach(), or call under torch.no_grad(), to show that none are "
        "needed"
    )


def _gpu_to_array(function: str, name: str, value: Array) -> tuple[NDArray[Any], str]:
    if str(getattr(value, "dtype", "")) == "bfloat16":
        # CuPy cannot take it from JAX, but takes integers of the same bits.
        return _adopted(function, name, value.view("uint16")), "bfloat16"
    array = _adopted(function, name, value)
    return array, array.dtype.name


def _adopted(function: str, name: str, value: Array) -> NDArray[Any]:
    """Return the GPU library's array on the memory of an array on a GPU."""
    if not _is_on_cuda(value):
        raise TypeError(
            f"{function}: `{name}` must be in the memory of the host or of a CUDA GPU, "
            f"got an array on {gpu_of(value)}"
        )
    array: NDArray[Any] = gpu_library(function, name).adopt(value)
    return array


def _is_torch(value: Array) -> bool:
    return isinstance(value, if_imported("torch", "Tensor"))


def gpu_of(value: Array) -> str | None:
    """Return where an array lies that is not in the host's memory, else None."""
    if _is_torch(value):
        return None if value.device.type == "cpu" else str(value.device)
    if hasattr(value, "__cuda_array_interface__"):
        return "a GPU"
    device = getattr(value, "__dlpack_device__", None)
    return None if device is None or int(device()[0]) in _HOST_DEVICES else "a GPU"


def _is_on_cuda(value: Array) -> bool:
    if _is_torch(value):
        return bool(value.device.type == "cuda")
    device = getattr(value, "__dlpack_device__", None)
    return device is None or int(device()[0]) in _CUDA_DEVICES


def _has_whole_strides(array: NDArray[Any]) -> bool:
    return all(stride % array.itemsize == 0 for stride in array.strides)


def _is_readable(array: NDArray[Any]) -> bool:
    return array.dtype.isnative and array.flags.aligned and _has_whole_strides(array)


# Out --------------------------------------------------------------------------------------------


def giver(value: Array) -> Callable[[NDArray[Any]], Array]:
    """Return a function from a result to an array of the library that `value` is from.

    The result lies where `value` does. JAX makes float32 of a float64 result, unless
    `jax_enable_x64` is set.
    """
    if isinstance(value, np.ndarray):
        return _unchanged
    give: Callable[[NDArray[Any]], Array]
    if _is_torch(value):
        torch = sys.modules["torch"]
        give = torch.from_dlpack if gpu_of(value) else torch.from_numpy
        return give
    namespace = getattr(value, "__array_namespace__", None)
    if namespace is not None:
        give = namespace().from_dlpack if gpu_of(value) else namespace().asarray
        return give
    return _unchanged


def _unchanged(array: NDArray[Any]) -> Array:
    return array


def lying_with(value: Array, array: NDArray[Any]) -> Array:
    """Return a result from the host in the library of `value`, and where that lies."""
    if gpu_of(value):
        device = _device_holding(value)
        with device.entered():
            return giver(value)(device.xp.asarray(array))
    return giver(value)(array)


def to_host(value: Array) -> NDArray[Any]:
    """Return a result as a NumPy array, on its memory if that is the host's."""
    if _is_torch(value):
        value = value.detach()
    if not gpu_of(value):
        return np.asarray(value)
    device = _device_holding(value)
    with device.entered():
        return device.to_host(device.adopt(value))


def on_host(function: str, name: str, value: Array) -> NDArray[Any]:
    """Return indices, marks or labels as a NumPy array of any type."""
    try:
        return to_host(value)
    except ValueError:
        raise ValueError(f"{function}: `{name}` must be an array, got {_DIFFERENT}") from None


def _device_holding(value: Array) -> Device:
    library = gpu_library("to_host", "value")
    return library.holding(library.adopt(value))


class Output:
    """The result of a function: the caller's `out`, or a new array in the caller's library."""

    def __init__(
        self,
        function: str,
        out: Array | None,
        shape: tuple[int, ...],
        inputs: dict[str, NDArray[Any]],
        like: Array,
        advice: str,
        in_place: NDArray[Any] | None = None,
        name: str = "out",
    ) -> None:
        """Check `out`, or the memory that a new array takes; `in_place` may be `out` itself.

        `name` is what the caller knows `out` as.
        """
        self._out = out
        self._give = giver(like)
        self.place = place_of(function, inputs)
        self.device = self.place.device
        dtype = result_dtype(*inputs.values())
        if out is None:
            check_memory(function, shape, dtype, advice, memory=self.place.memory)
            self.array = self.place.empty(shape, dtype)
            self._target = self.array
            return
        self._target = _check_out(function, name, out, shape, dtype)
        place_of(function, inputs | {name: self._target})
        if in_place is None or not _is_same_memory(self._target, in_place):
            _refuse_overlap(function, name, self._target, inputs.items())
        self.array = self._target
        if self.device and not _has_adjacent_items(self._target):
            self.array = self.place.empty(shape, dtype)  # kernels write whole rows

    def give(self) -> Array:
        """Return the finished result to the caller."""
        if self.device is None:
            return self._give(self.array) if self._out is None else self._out
        with self.device.entered():
            if self.array is not self._target:
                self._target[...] = self.array
            if self._out is None:
                return self._give(self._target)
            giver(self._out)(self._target)  # makes the stream of its library wait for the kernels
            return self._out


def _has_adjacent_items(array: NDArray[Any]) -> bool:
    *rows, items = array.strides
    row = array.shape[-1] * array.itemsize
    return items == array.itemsize and all(stride >= row for stride in rows)


def _check_out(
    function: str, name: str, out: Array, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    # At once, as small calls take microseconds; an axis of one item may have any stride.
    if (
        type(out) is np.ndarray
        and (out.dtype, out.shape) == (dtype, shape)
        and out.flags.carray
        and min(shape) > 1
    ):
        return out
    if isinstance(out, list | tuple):
        raise TypeError(f"{function}: `{name}` must be an array, got {type(out).__name__}")
    if _is_read(out):
        raise TypeError(
            f"{function}: `{name}` must be an array in memory, got {type(out).__name__}, of which "
            "a copy would be written"
        )
    array, type_name = _to_array(function, name, out)
    if type_name != dtype.name or not array.dtype.isnative:
        came = type_name if array.dtype.isnative else array.dtype
        raise TypeError(f"{function}: `{name}` must be of {dtype}, got {came}")
    if array.shape != shape:
        raise ValueError(f"{function}: `{name}` must be of shape {shape}, got {array.shape}")
    if getattr(out, "requires_grad", False):
        raise ValueError(
            f"{function}: `{name}` must not require a gradient, got a tensor that does"
        )
    if not _is_writeable(out, array):
        raise ValueError(f"{function}: `{name}` must be writeable, got a read-only array")
    if not getattr(array.flags, "aligned", True) or not _has_whole_strides(array):
        raise ValueError(f"{function}: `{name}` must be aligned, with strides of whole items")
    if _overlaps_itself(array):
        raise ValueError(
            f"{function}: `{name}` must not overlap itself, got strides {array.strides}"
        )
    return array


def _is_read(out: Array) -> bool:
    """Whether an array is a copy of `out`: a data set of h5py, say, has no memory of its own."""
    shares = ("__array_interface__", "__array_struct__", "__cuda_array_interface__", "__dlpack__")
    return hasattr(out, "__array__") and not any(hasattr(out, name) for name in shares)


def _is_writeable(out: Array, array: NDArray[Any]) -> bool:
    # CuPy's arrays always are, and cannot tell that JAX's, whose memory they are on, never are.
    return getattr(array.flags, "writeable", True) and not type(out).__module__.startswith("jax")


def _overlaps_itself(array: NDArray[Any]) -> bool:
    """Whether the rows (or the columns) of a 2-D array, or the items of a 1-D one, overlap."""
    axes = sorted((abs(s), size) for s, size in zip(array.strides, array.shape, strict=True))
    if array.ndim == 1:
        axes.append((array.nbytes, 1))
    (inner, inner_size), (outer, outer_size) = axes
    extent = array.itemsize if inner_size == 1 else inner * (inner_size - 1) + array.itemsize
    return (inner_size > 1 and inner == 0) or (outer_size > 1 and outer < extent)


def _is_same_memory(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return (_address(a), a.strides, a.dtype) == (_address(b), b.strides, b.dtype)


def _address(array: NDArray[Any]) -> int:
    if isinstance(array, np.ndarray):
        return array.ctypes.data
    return int(array.__cuda_array_interface__["data"][0])


def _refuse_overlap(
    function: str, name: str, out: NDArray[Any], inputs: Iterable[tuple[str, NDArray[Any]]]
) -> None:
    for other, array in inputs:
        if _shares_memory(out, array):
            raise ValueError(f"{function}: `{name}` must not overlap `{other}`, got shared memory")


def _shares_memory(a: NDArray[Any], b: NDArray[Any]) -> bool:
    if isinstance(b, Unread):
        return False
    if not isinstance(a, np.ndarray):
        (a_first, a_end), (b_first, b_end) = _extent(a), _extent(b)
        return a_first < b_end and b_first < a_end
    if _share_file(a, b):
        return True
    try:
        # The exact answer takes exponential time for contrived strides.
        work: Any = 10_000  # NumPy's stubs know only its two special values
        return np.shares_memory(a, b, max_work=work)
    except np.exceptions.TooHardError:
        return True


def _share_file(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether two arrays lie in maps of one file, and where they overlap there."""
    of_a, of_b = map_under(a), map_under(b)
    if of_a is None or of_b is None or of_a is of_b or of_a.mode == "c":
        return False
    if not (of_a.filename and of_b.filename and _is_same_file(of_a.filename, of_b.filename)):
        return False
    (a_first, a_end), (b_first, b_end) = _span_in_file(a, of_a), _span_in_file(b, of_b)
    return a_first < b_end and b_first < a_end


def _is_same_file(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> bool:
    try:
        return os.path.samefile(a, b)
    except OSError:  # one was deleted
        return os.fspath(a) == os.fspath(b)


def map_under(array: NDArray[Any]) -> np.memmap[Any, Any] | None:
    """Return the memory map that an array is a view of, or None."""
    root: Any = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    return root if isinstance(root, np.memmap) else None


def _span_in_file(array: NDArray[Any], under: np.memmap[Any, Any]) -> tuple[int, int]:
    """Return where the entries of a view of a memory map begin and end in its file."""
    first, end = np.lib.array_utils.byte_bounds(array)
    return first - _address(under) + under.offset, end - _address(under) + under.offset


def _extent(array: NDArray[Any]) -> tuple[int, int]:
    """Return the first address of an array on a GPU, and the end."""
    steps = [(n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True)]
    first = _address(array) + sum(step for step in steps if step < 0)
    return first, first + sum(map(abs, steps)) + array.itemsize
