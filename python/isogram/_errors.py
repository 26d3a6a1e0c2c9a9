"""The package's own exceptions."""

from __future__ import annotations


class CudaError(RuntimeError):
    """An error of CUDA: of its driver, of a library on it, or of a kernel.

    Kernels run after the call that queued them, so it may be raised by a later one.
    """
