"""What `_place` has, by the names that it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from isogram._place import COPY_TO_HOST as COPY_TO_HOST
from isogram._place import gpu_library as gpu_library
from isogram._place import place_of
from isogram._place import why_no_gpu as why_no_gpu

if TYPE_CHECKING:
    from isogram._device.device import Device


def device_of(function: str, arrays: Mapping[str, Any]) -> Device | None:
    """Return the GPU that checked arrays lie on, or None for the host; all must lie together."""
    return place_of(function, arrays).device
