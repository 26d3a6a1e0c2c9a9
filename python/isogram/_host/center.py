"""Centring of Gram matrices on the host."""

from __future__ import annotations

from isogram import _core
from isogram._entries import copy_into, widened
from isogram._types import Array


def center(k: Array, debiased: bool, out: Array, num_threads: int) -> None:
    """See `Place`."""
    if k.dtype != out.dtype:
        # The core centres matrices of the result's type; a 16-bit one is widened on the way.
        copy_into(out, widened(k))
        k = out
    _core.center(k, debiased=debiased, out=out, num_threads=num_threads)
