"""GPUs by way of CuPy: its arrays, memory pool and streams, and cuBLAS as it wraps it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import cupy
import numpy as np
from cupy.cuda import cublas, runtime
from cupy.cuda.device import get_cublas_handle
from numpy.typing import NDArray

from isogram import _cuda
from isogram._device.device import Device, DeviceArray
from isogram._errors import CudaError

_SCRATCH = 1 << 30

# What cuBLAS may do with floats: spelt out, so that no environment variable has a say.
_COMPUTE = {
    "float32": cublas.CUBLAS_COMPUTE_32F,
    "tf32": cublas.CUBLAS_COMPUTE_32F_FAST_TF32,
    "bfloat16": cublas.CUBLAS_COMPUTE_32F_FAST_16BF,
}
_ONE = {np.dtype(t): np.ones(1, t) for t in (np.float32, np.float64)}
_ZERO = {np.dtype(t): np.zeros(1, t) for t in (np.float32, np.float64)}


@dataclass(frozen=True)
class CupyDevice(Device):
    """A GPU that CuPy sees."""

    @classmethod
    def adopt(cls, value: Any) -> DeviceArray:
        """Return a CuPy array on the same memory, ready when the current stream gets to it."""
        if isinstance(value, cupy.ndarray):
            return value
        return cupy.from_dlpack(value) if hasattr(value, "__dlpack__") else cupy.asarray(value)

    @classmethod
    def holding(cls, array: DeviceArray) -> Device:
        """Return the GPU of a CuPy array."""
        return cls(int(array.device.id))

    @classmethod
    def why_unusable(cls) -> str | None:
        """Return what CUDA says of its devices, or None where there is one."""
        try:
            return None if runtime.getDeviceCount() else "there is no GPU"
        except runtime.CUDARuntimeError as error:
            return str(error)

    @property
    def xp(self) -> Any:
        """Return CuPy."""
        return cupy

    @property
    def kernels(self) -> Any:
        """Return the kernels that nvcc compiled."""
        return _cuda

    @property
    def stream(self) -> int:
        """Return the address of CuPy's current stream."""
        return int(cupy.cuda.get_current_stream().ptr)

    @property
    def memory(self) -> int:
        """Return what the driver reports."""
        return _memory(self.number)

    @property
    def scratch(self) -> int:
        """Return one GiB, which GPUs of any age have to spare."""
        return _SCRATCH

    @property
    def cost_of_doubles(self) -> float:
        """Return 1 where tensor cores multiply doubles as fast as other cores do floats."""
        ratio: int = runtime.deviceGetAttribute(
            runtime.cudaDevAttrSingleToDoublePrecisionPerfRatio, self.number
        )
        return max(1.0, ratio / 2)

    def entered(self) -> AbstractContextManager[object]:
        """Make this CuPy's current device."""
        return _current(self.number)

    def matmul(self, a: DeviceArray, b: DeviceArray, out: DeviceArray, precision: str) -> None:
        """Write a · b by cuBLAS, in the type of `out`."""
        is_double = out.dtype == np.float64
        kind = runtime.CUDA_R_64F if is_double else runtime.CUDA_R_32F
        compute = cublas.CUBLAS_COMPUTE_64F if is_double else _COMPUTE[precision]
        # cuBLAS has matrices in columns: it is asked for outᵀ = bᵀ · aᵀ.
        b_transposed, b_stride = _in_columns(b)
        a_transposed, a_stride = _in_columns(a)
        cublas.gemmEx(
            get_cublas_handle(),
            b_transposed,
            a_transposed,
            out.shape[1],
            out.shape[0],
            a.shape[1],
            _ONE[out.dtype].ctypes.data,
            b.data.ptr,
            kind,
            b_stride,
            a.data.ptr,
            kind,
            a_stride,
            _ZERO[out.dtype].ctypes.data,
            out.data.ptr,
            kind,
            _in_columns(out)[1],
            compute,
            cublas.CUBLAS_GEMM_DEFAULT,
        )

    def to_host(self, array: DeviceArray) -> NDArray[Any]:
        """Wait for an array and copy it to the host."""
        host: NDArray[Any] = cupy.asnumpy(array)
        return host


@cache  # a slow question
def _memory(number: int) -> int:
    return int(runtime.getDeviceProperties(number)["totalGlobalMem"])


def _in_columns(matrix: DeviceArray) -> tuple[int, int]:
    """Return how cuBLAS makes the transpose of a matrix of what lies in memory, and its stride."""
    rows, cols = (stride // matrix.itemsize for stride in matrix.strides)
    height, width = matrix.shape
    if cols == 1 or width == 1:
        return cublas.CUBLAS_OP_N, max(rows, width)
    return cublas.CUBLAS_OP_T, max(cols, height)


@contextmanager
def _current(number: int) -> Iterator[None]:
    try:
        with cupy.cuda.Device(number):
            yield
    except (runtime.CUDARuntimeError, cublas.CUBLASError) as error:
        raise CudaError(str(error)) from error
