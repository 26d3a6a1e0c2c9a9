"""Any array in, the caller's kind of array out: the only place that knows about array libraries.

Inputs become NumPy arrays that share the caller's memory wherever the core can read it as it is.
bfloat16, which NumPy does not have, travels to the core as its bit patterns in uint16.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogram._memory import check_memory

# An array of any library: NumPy, PyTorch, JAX, or whatever speaks DLPack.
Array: TypeAlias = Any

_FLOAT_TYPES = ("float16", "bfloat16", "float32", "float64")
_BFLOAT16_BITS = np.dtype(np.uint16)

# DLPack's numbers of devices whose memory the host can read: the host itself, and memory that a
# CUDA or ROCm driver pinned for it.
_HOST_DEVICES = (1, 3, 11)


# In ---------------------------------------------------------------------------------------------


def as_input(function: str, name: str, value: Array, *ranks: int) -> NDArray[Any]:
    """Return `value` for the core: checked type and rank, native, aligned, whole-item strides."""
    array, type_name = _to_numpy(function, name, value)
    if type_name not in _FLOAT_TYPES:
        hint = ": convert it to a float type" if array.dtype.kind in "iub" else ""
        raise TypeError(
            f"{function}: `{name}` must be of float16, bfloat16, float32 or float64, "
            f"got {type_name}{hint}"
        )
    if array.ndim not in ranks:
        expected = " or ".join(f"{rank}-D" for rank in ranks)
        raise ValueError(
            f"{function}: `{name}` must be {expected}, got {array.ndim}-D of shape {array.shape}"
        )
    if type_name == "bfloat16":
        array = array.view(_BFLOAT16_BITS)
    return array if _is_readable(array) else array.astype(array.dtype.newbyteorder("="), order="C")


def as_matrix(function: str, name: str, value: Array) -> NDArray[Any]:
    """Return a 2-D input that has rows and columns."""
    array = as_input(function, name, value, 2)
    if array.size == 0:
        raise ValueError(
            f"{function}: `{name}` must have at least one row and one column, "
            f"got shape {array.shape}"
        )
    return array


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """Return 16-bit inputs as float32, others as they are."""
    if array.dtype == _BFLOAT16_BITS:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def result_dtype(*arrays: NDArray[Any]) -> np.dtype[Any]:
    """Return float64 when any input is float64, else float32."""
    return np.dtype(np.float64 if any(a.dtype == np.float64 for a in arrays) else np.float32)


def _to_numpy(function: str, name: str, value: Array) -> tuple[NDArray[Any], str]:
    """Return a NumPy array on the memory of `value`, and the name of its element type."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{function}: `{name}` must be an array without a mask, got a masked array: "
            "fill or drop the masked entries"
        )
    if isinstance(value, np.ndarray):
        return np.asarray(value), value.dtype.name
    if isinstance(value, list | tuple):
        return _list_to_numpy(function, name, value)
    if _is_torch(value):
        return _torch_to_numpy(function, name, value)
    if _is_on_gpu(value):
        _refuse_device(function, name, "a GPU")
    if hasattr(value, "__array__"):
        array = np.asarray(value)
    elif hasattr(value, "__dlpack__"):
        array = np.from_dlpack(value)
    else:
        raise TypeError(
            f"{function}: `{name}` must be an array (NumPy, PyTorch, JAX or any with DLPack), "
            f"got {type(value).__name__}"
        )
    return array, array.dtype.name


def _list_to_numpy(
    function: str, name: str, value: list[Any] | tuple[Any, ...]
) -> tuple[NDArray[Any], str]:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(
            f"{function}: `{name}` must be an array, got nested sequences of different lengths"
        ) from None
    return array, array.dtype.name


def _torch_to_numpy(function: str, name: str, tensor: Any) -> tuple[NDArray[Any], str]:
    if tensor.device.type != "cpu":
        _refuse_device(function, name, str(tensor.device))
    type_name = str(tensor.dtype).removeprefix("torch.")
    if str(tensor.layout) != "torch.strided":
        raise TypeError(f"{function}: `{name}` must be a dense tensor, got layout {tensor.layout}")
    tensor = tensor.detach().resolve_conj().resolve_neg()
    if type_name == "bfloat16":
        # NumPy cannot take a bfloat16 tensor, but takes one of integers on the same memory.
        return tensor.view(sys.modules["torch"].int16).numpy().view(_BFLOAT16_BITS), type_name
    if type_name not in _FLOAT_TYPES:
        # Refused by its caller, by this name.
        is_whole = "int" in type_name or type_name == "bool"
        return np.empty(0, np.int8 if is_whole else np.complex64), type_name
    return tensor.numpy(), type_name


def _is_torch(value: Array) -> bool:
    # Without importing PyTorch: a tensor cannot exist before somebody else has.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, getattr(torch, "Tensor", ()))


def _is_on_gpu(value: Array) -> bool:
    if hasattr(value, "__cuda_array_interface__"):
        return True
    device = getattr(value, "__dlpack_device__", None)
    return device is not None and int(device()[0]) not in _HOST_DEVICES


def _refuse_device(function: str, name: str, device: str) -> NoReturn:
    raise TypeError(
        f"{function}: `{name}` must be in host memory, got an array on {device}: this build of "
        "isogram has no CUDA code, so copy the array to the host first (.cpu() in PyTorch, .get() "
        "in CuPy)"
    )


def _has_whole_strides(array: NDArray[Any]) -> bool:
    return all(stride % array.itemsize == 0 for stride in array.strides)


def _is_readable(array: NDArray[Any]) -> bool:
    return array.dtype.isnative and array.flags.aligned and _has_whole_strides(array)


# Out --------------------------------------------------------------------------------------------


def giver(value: Array) -> Callable[[NDArray[Any]], Array]:
    """Return what turns a NumPy result into an array of the library that `value` is from.

    JAX makes float32 of a float64 result, unless `jax_enable_x64` is set.
    """
    if isinstance(value, np.ndarray):
        return _unchanged
    if _is_torch(value):
        from_numpy: Callable[[NDArray[Any]], Array] = sys.modules["torch"].from_numpy
        return from_numpy
    namespace = getattr(value, "__array_namespace__", None)
    if namespace is not None:
        asarray: Callable[[NDArray[Any]], Array] = namespace().asarray
        return asarray
    return _unchanged


def _unchanged(array: NDArray[Any]) -> Array:
    return array


class Output:
    """The result of a function: the caller's `out`, or a new array in the caller's library."""

    def __init__(
        self,
        function: str,
        out: Array | None,
        shape: tuple[int, int],
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
        dtype = result_dtype(*inputs.values())
        if out is None:
            check_memory(function, shape, dtype, advice)
            self.array: NDArray[Any] = np.empty(shape, dtype)
            return
        self.array = _check_out(function, name, out, shape, dtype)
        if in_place is None or not _is_same_memory(self.array, in_place):
            _refuse_overlap(function, name, self.array, inputs.items())

    def give(self) -> Array:
        """Return the finished result to the caller."""
        return self._give(self.array) if self._out is None else self._out


def _check_out(
    function: str, name: str, out: Array, shape: tuple[int, int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    if isinstance(out, list | tuple):
        raise TypeError(f"{function}: `{name}` must be an array, got {type(out).__name__}")
    array, type_name = _to_numpy(function, name, out)
    if type_name != dtype.name or not array.dtype.isnative:
        came = type_name if array.dtype.isnative else array.dtype
        raise TypeError(f"{function}: `{name}` must be of {dtype}, got {came}")
    if array.shape != shape:
        raise ValueError(f"{function}: `{name}` must be of shape {shape}, got {array.shape}")
    if getattr(out, "requires_grad", False):
        raise ValueError(
            f"{function}: `{name}` must not require a gradient, got a tensor that does"
        )
    if not array.flags.writeable:
        raise ValueError(f"{function}: `{name}` must be writeable, got a read-only array")
    if not array.flags.aligned or not _has_whole_strides(array):
        raise ValueError(f"{function}: `{name}` must be aligned, with strides of whole items")
    if _overlaps_itself(array):
        raise ValueError(
            f"{function}: `{name}` must not overlap itself, got strides {array.strides}"
        )
    return array


def _overlaps_itself(array: NDArray[Any]) -> bool:
    """Whether the rows (or the columns) of a 2-D array reach into each other."""
    axes = sorted((abs(s), size) for s, size in zip(array.strides, array.shape, strict=True))
    (inner, inner_size), (outer, outer_size) = axes
    extent = array.itemsize if inner_size == 1 else inner * (inner_size - 1) + array.itemsize
    return (inner_size > 1 and inner == 0) or (outer_size > 1 and outer < extent)


def _is_same_memory(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return (a.ctypes.data, a.strides, a.dtype) == (b.ctypes.data, b.strides, b.dtype)


def _refuse_overlap(
    function: str, name: str, out: NDArray[Any], inputs: Iterable[tuple[str, NDArray[Any]]]
) -> None:
    for other, array in inputs:
        if _shares_memory(out, array):
            raise ValueError(f"{function}: `{name}` must not overlap `{other}`, got shared memory")


def _shares_memory(a: NDArray[Any], b: NDArray[Any]) -> bool:
    try:
        # The exact answer takes exponential time for contrived strides.
        work: Any = 10_000  # NumPy's stubs know only its two special values
        return np.shares_memory(a, b, max_work=work)
    except np.exceptions.TooHardError:
        return True
