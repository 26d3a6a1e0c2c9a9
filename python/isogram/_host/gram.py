"""Gram matrices on the host."""

from __future__ import annotations

from typing import Any

from isogram import _core
from isogram._types import MEDIAN, Array, Kernel

_LINEAR = Kernel("linear", MEDIAN, 0.0, 1, 0.0)


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
    # By position: keywords would take a tenth of the time of a small matrix.
    return _core.gram(
        x,
        y,
        kernel.name,
        kernel.gamma,
        kernel.degree,
        kernel.coef0,
        bandwidth,
        out,
        num_threads,
    )


def inner_products(x: Array, y: Array | None, out: Array, num_threads: int) -> None:
    """Write the inner products of the rows of `x`, or of those of `x` and `y`."""
    gram(x, y, _LINEAR, 1.0, out, "float32", num_threads)
