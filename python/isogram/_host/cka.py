"""HSIC and CKA of many layers on the host."""

from __future__ import annotations

from typing import Any

from isogram import _core
from isogram._types import HsicTable, Kernel, Layers, Report


def hsic_table(
    x: Layers,
    y: Layers | None,
    kernel: Kernel,
    bandwidths_x: list[Any],
    bandwidths_y: list[Any],
    debiased: bool,
    precision: str,
    num_threads: int,
    progress: Report,
) -> HsicTable:
    """See `Place`."""
    hsic, cka, self_x, self_y = _core.hsic_table(
        **x.for_core(y),
        **kernel.for_core(),
        bandwidth_x=bandwidths_x,
        bandwidth_y=bandwidths_y,
        debiased=debiased,
        num_threads=num_threads,
        progress=progress,
    )
    return HsicTable(hsic, cka, self_x, self_y, cka)
