"""The package's own exceptions, and the name of a function before the message of an error."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from isogram._core import PlaceError as PlaceError
from isogram._entries import are_finite


class CudaError(RuntimeError):
    """An error of CUDA: of its driver, of a library on it, or of a kernel.

    Kernels run after the call that queued them, so it may be raised by a later one.
    """


class errors_of:
    """Raise a `PlaceError` as the error that it stands for, which names the caller's function."""

    __slots__ = ("_function",)

    def __init__(self, function: str) -> None:
        self._function = function

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, PlaceError):
            kind, message = error.args
            raise kind(f"{self._function}: {message}") from None


def beyond_range(function: str, dtype: Any) -> str:
    """Return the warning for products that their type cannot hold."""
    advice = "scale the features down" + ("" if dtype == "float64" else ", or pass float64")
    return f"{function}: some entries are beyond the range of {dtype}, and infinite: {advice}"


def remarks_on_range(function: str, products: NDArray[Any]) -> list[str]:
    """Return the warning for entries beyond their type, if there are any."""
    if are_finite(products):
        return []
    return [beyond_range(function, products.dtype)]


def warn(remarks: Iterable[str], stacklevel: int) -> None:
    """Warn in the caller's file; `stacklevel` is that of the caller."""
    for remark in remarks:
        warnings.warn(remark, RuntimeWarning, stacklevel=stacklevel + 1)


def warn_caller(remark: str) -> None:
    """Warn in the file that called isogram, however far up that is."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "isogram":
        frame, level = frame.f_back, level + 1
    warnings.warn(remark, RuntimeWarning, stacklevel=level)


def changed_input(name: str) -> PlaceError:
    """Return the error for an argument that changed during the call."""
    return PlaceError(
        RuntimeError,
        f"`{name}` must not change during the call, but another thread wrote to it: "
        "pass a copy, or wait for that thread first",
    )


def not_finite_entry(name: str, value: float, index: tuple[int, ...]) -> PlaceError:
    """Return the error for a NaN or infinity in an argument."""
    return PlaceError(ValueError, f"`{name}` must be finite, got {value} at index {index}")


def missing_in_one(is_first: bool, index: tuple[int, int]) -> PlaceError:
    """Return the error for a pair that is NaN in one of two RSMs."""
    name, other = ("rsm_a", "rsm_b") if is_first else ("rsm_b", "rsm_a")
    return PlaceError(
        ValueError,
        f"`{name}` must be finite, got nan at index {index}, where `{other}` is a number: "
        "pairs are left out that are NaN in both",
    )
