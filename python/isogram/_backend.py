"""Which memory arrays lie in: the host's, or that of one GPU, whose code is loaded on demand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from isogram._device.device import Device

COPY_TO_HOST = "copy the array to the host first (.cpu() in PyTorch, .get() in CuPy)"


def gpu_library(function: str, name: str) -> type[Device]:
    """Return the class of the GPUs, for an argument that lies on one."""
    try:
        return _load()
    except ImportError as error:
        raise TypeError(
            f"{function}: `{name}` must be in host memory here, got an array on a GPU: {error}; "
            f"or {COPY_TO_HOST}"
        ) from error


def why_no_gpu() -> str | None:
    """Return why GPU arrays cannot be taken, or None where they can."""
    try:
        return _load().why_unusable()
    except ImportError as error:
        return str(error)


def device_of(function: str, arrays: Mapping[str, Any]) -> Device | None:
    """Return the GPU that checked arrays lie on, or None for the host; all must lie together."""
    places = [(name, _place_of(function, name, array)) for name, array in arrays.items()]
    first, place = places[0]
    for name, other in places:
        if other != place:
            raise ValueError(
                f"{function}: `{name}` must lie where `{first}` does ({_named(place)}), "
                f"got an array in {_named(other)}"
            )
    return place


def full(device: Device | None, shape: tuple[int, ...], value: float) -> Any:
    """Return a new array of doubles with one value."""
    if device is None:
        return np.full(shape, value)
    with device.entered():
        return device.xp.full(shape, value, np.float64)


def _place_of(function: str, name: str, array: Any) -> Device | None:
    return None if isinstance(array, np.ndarray) else gpu_library(function, name).holding(array)


def _named(place: Device | None) -> str:
    return "host memory" if place is None else f"the memory of GPU {place.number}"


@cache
def _load() -> type[Device]:
    try:
        from isogram import _cuda  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "this build of isogram has no CUDA code, so install it where nvcc is on the PATH"
        ) from error
    try:
        from isogram._device.cupy_device import CupyDevice
    except ImportError as error:
        raise ImportError(
            f"isogram works on GPUs through CuPy ({error}), so pip install 'isogram[cuda13]'"
        ) from error
    return CupyDevice
