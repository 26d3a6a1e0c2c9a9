"""Centring of Gram matrices on a GPU."""

from __future__ import annotations

from isogram._device.device import Device, DeviceArray


def center(
    device: Device, k: DeviceArray, debiased: bool, out: DeviceArray, num_threads: int
) -> None:
    """See `Place`."""
    scratch = device.empty((device.kernels.center_scratch(len(k)),))
    device.kernels.center(device.stream, k, debiased=debiased, out=out, scratch=scratch)
