"""Gram matrices on the host."""

from __future__ import annotations

from typing import Any

from isogram import _core
from isogram._types import Array, Kernel


def gram(
    x: Array,
    y: Array | None,
    kernel: Kernel,
    bandwidth: Any,
    out: Array,
    precision: str,
    num_threads: int,
) -> bool:
    """See `Place`."""
    return _core.gram(
        x,
        y,
        kernel=kernel.name,
        bandwidth=bandwidth,
        gamma=kernel.gamma,
        degree=kernel.degree,
        coef0=kernel.coef0,
        out=out,
        num_threads=num_threads,
    )
