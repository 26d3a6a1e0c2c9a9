"""GPUs by way of CuPy: its arrays, memory pool and streams, and cuBLAS as it wraps it."""

from __future__ import annotations

import threading
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
from isogram._device.device import Device, DeviceArray, Mark
from isogram._errors import CudaError

_SCRATCH = 1 << 30

# What cuBLAS may do with floats: spelt out, so that no environment variable has a say.
_COMPUTE = {
    "float32": cublas.CUBLAS_COMPUTE_32F,
    "tf32": cublas.CUBLAS_COMPUTE_32F_FAST_TF32,
    "bfloat16": cublas.CUBLAS_COMPUTE_32F_FAST_16BF,
}
_R_32I = 10  # in cudaDataType; CuPy has no name for it
# By the factors' type: its name, that of the products, and the type of their sums.
_PRODUCTS = {
    "f": (runtime.CUDA_R_32F, runtime.CUDA_R_32F, cublas.CUBLAS_COMPUTE_32F),
    "d": (runtime.CUDA_R_64F, runtime.CUDA_R_64F, cublas.CUBLAS_COMPUTE_64F),
    "H": (runtime.CUDA_R_16BF, runtime.CUDA_R_32F, cublas.CUBLAS_COMPUTE_32F),
    "b": (runtime.CUDA_R_8I, _R_32I, cublas.CUBLAS_COMPUTE_32I),
}
_ONE = {char: np.ones(1, char) for char in "fdi"}
_ZERO = {char: np.zeros(1, char) for char in "fdi"}


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
        """Return why CUDA has no device, or None where it has one."""
        try:
            return None if runtime.getDeviceCount() else "there is no GPU"
        except runtime.CUDARuntimeError as error:
            return str(error)

    @classmethod
    def count(cls) -> int:
        """Return CUDA's count."""
        return int(runtime.getDeviceCount())

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
    def free(self) -> int:
        """Return the free bytes of the driver plus the unused bytes of CuPy's pool."""
        return int(runtime.memGetInfo()[0]) + int(cupy.get_default_memory_pool().free_bytes())

    @property
    def cache(self) -> int:
        """Return what the driver reports."""
        return int(runtime.deviceGetAttribute(runtime.cudaDevAttrL2CacheSize, self.number))

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

    @contextmanager
    def lanes(self, count: int) -> Iterator[list[cupy.cuda.Stream]]:
        """Take streams that are kept for the next time, each with cuBLAS's workspace of its own."""
        lanes = [_PER_THREAD.lane(self.number, index) for index in range(count)]
        begin = self.mark()
        for lane in lanes:
            lane.wait_event(begin)
        try:
            yield lanes
        finally:
            for lane in lanes:
                self.wait(lane.record())

    def mark(self) -> Mark:
        """Record an event, which takes no time."""
        return cupy.cuda.get_current_stream().record(cupy.cuda.Event(disable_timing=True))

    def wait(self, mark: Mark) -> None:
        """Let CuPy's current stream wait."""
        cupy.cuda.get_current_stream().wait_event(mark)

    def matmul(
        self, a: DeviceArray, b: DeviceArray, out: DeviceArray, precision: str = "float32"
    ) -> None:
        """Multiply by cuBLAS."""
        of_inputs, of_out, compute = _PRODUCTS[a.dtype.char]
        if a.dtype == np.float32:
            compute = _COMPUTE[precision]
        # cuBLAS has matrices in columns: it is asked for outᵀ = bᵀ · aᵀ.
        b_transposed, b_stride = _in_columns(b)
        a_transposed, a_stride = _in_columns(a)
        cublas.gemmEx(
            _PER_THREAD.cublas_handle(),
            b_transposed,
            a_transposed,
            out.shape[1],
            out.shape[0],
            a.shape[1],
            _ONE[out.dtype.char].ctypes.data,
            b.data.ptr,
            of_inputs,
            b_stride,
            a.data.ptr,
            of_inputs,
            a_stride,
            _ZERO[out.dtype.char].ctypes.data,
            out.data.ptr,
            of_out,
            _in_columns(out)[1],
            compute,
            cublas.CUBLAS_GEMM_DEFAULT,
        )

    def clear(self, sums: DeviceArray) -> None:
        """Set all bytes."""
        sums.fill(0)

    def add(self, terms: DeviceArray, sums: DeviceArray) -> None:
        """Add by one kernel, which widens the terms."""
        cupy.add(sums, terms, out=sums)

    def copy_of(self, array: Any) -> DeviceArray:
        """Copy by way of pinned memory, or from GPU to GPU; return what lies here already."""
        if isinstance(array, np.ndarray):
            return cupy.asarray(array)
        source = self.holding(array)
        if source == self:
            return array
        with source.entered():
            whole = cupy.ascontiguousarray(array)
            ready = source.mark()
        self.wait(ready)
        copy = cupy.asarray(whole)
        copied = self.mark()
        with source.entered():
            source.wait(copied)  # until then `whole` is nobody else's memory
        return copy

    def to_host(self, array: DeviceArray) -> NDArray[Any]:
        """Wait for an array and copy it to the host."""
        host: NDArray[Any] = cupy.asnumpy(array)
        return host


class _PerThread(threading.local):
    """Streams, and cuBLAS's handles for them.

    A handle serves one stream: cuBLAS's results could depend on what shares its workspace, and
    setting another stream takes time.
    """

    def __init__(self) -> None:
        self._lanes: dict[tuple[int, int], cupy.cuda.Stream] = {}
        self._handles: dict[int, int] = {}

    def lane(self, number: int, index: int) -> cupy.cuda.Stream:
        """Return one of the streams beside the caller's, on the current GPU."""
        if (number, index) not in self._lanes:
            stream = cupy.cuda.Stream(non_blocking=True)
            self._lanes[number, index] = stream
            self._handles[stream.ptr] = cublas.create()
        return self._lanes[number, index]

    def cublas_handle(self) -> int:
        """Return the handle for the current stream."""
        handle = self._handles.get(cupy.cuda.get_current_stream().ptr)
        return get_cublas_handle() if handle is None else handle


_PER_THREAD = _PerThread()


@cache  # a slow question
def _memory(number: int) -> int:
    return int(runtime.getDeviceProperties(number)["totalGlobalMem"])


def _in_columns(matrix: DeviceArray) -> tuple[int, int]:
    """Return how cuBLAS reads the transpose of a matrix from its memory, and with which stride."""
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
