"""Where arrays lie: in the memory of the host, or of one GPU, whose code is loaded on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from isogram._host.place import HOST as HOST
from isogram._loading import loaded
from isogram._rows import Unread
from isogram._types import Array, Layers

if TYPE_CHECKING:
    from isogram._device.device import Device
    from isogram._protocols import Place

COPY_TO_HOST = "copy the array to the host first (.cpu() in PyTorch, .get() in CuPy)"


def place_of(function: str, arrays: Mapping[str, Array]) -> Place:
    """Return where checked arrays lie; all must lie together."""
    for array in arrays.values():
        if not isinstance(array, np.ndarray):
            return _common_place(function, arrays)
    return HOST


def place_of_layers(function: str, x: Layers, y: Layers | None) -> Place:
    """Return where checked layers lie; all must lie together."""
    for array in x.arrays if y is None else x.arrays + y.arrays:
        if not isinstance(array, np.ndarray):
            return _common_place(function, x.named_with(y))
    return HOST  # at once, without their names


def place_with(gpus: Sequence[Device], home: Place) -> Place:
    """Return where GPUs compute, or `home` without any."""
    if not gpus:
        return home
    return _gpu(gpus[0])


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


def _common_place(function: str, arrays: Mapping[str, Array]) -> Place:
    places = {name: _place_of(function, name, array) for name, array in arrays.items()}
    (first, place), *others = places.items()
    for name, other in others:
        if other.device != place.device:
            raise ValueError(
                f"{function}: `{name}` must lie where `{first}` does ({place.name}), "
                f"got an array in {other.name}"
            )
    return place


def _place_of(function: str, name: str, array: Array) -> Place:
    if isinstance(array, np.ndarray | Unread):  # rows are read into the memory of the host
        return HOST
    return _gpu(gpu_library(function, name).holding(array))


def _gpu(device: Device) -> Place:
    [module] = loaded("isogram._device.place")
    place: Place = module.Gpu(device)
    return place


@cache
def _load() -> type[Device]:
    try:
        loaded("isogram._cuda")
    except ImportError as error:
        raise ImportError(
            "this build of isogram has no CUDA code, so install it where nvcc is on the PATH"
        ) from error
    try:
        [module] = loaded("isogram._device.cupy_device")
    except ImportError as error:
        raise ImportError(
            f"isogram works on GPUs through CuPy ({error}), so pip install 'isogram[cuda13]'"
        ) from error
    library: type[Device] = module.CupyDevice
    return library
