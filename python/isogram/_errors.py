"""The package's own exceptions."""

from __future__ import annotations


class CudaError(RuntimeError):
    """An error of CUDA: of its driver, of a library on it, or of a kernel.

    Kernels run after the call that queued them, so it may be raised by a later one.
    """


def input_changed(function: str, name: str) -> RuntimeError:
    """Return the error for an argument that is no longer what was wrong with it."""
    return RuntimeError(
        f"{function}: `{name}` must not change during the call, but another thread wrote to it: "
        "pass a copy, or wait for that thread first"
    )
