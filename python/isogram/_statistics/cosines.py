"""Cosines by products: the one formula that GBS, RSA, Procrustes and RSMs on a GPU share."""

from __future__ import annotations

from typing import Any

from isogram._types import Array


def cosines(
    xp: Any, products: Array, squares_a: Array, squares_b: Array, undefined: float = 0.0
) -> Array:
    """Return ⟨a, b⟩ / √(‖a‖²·‖b‖²), and `undefined` where a or b is 0.

    Only rounding can leave [-1, 1].
    """
    squares = squares_a * squares_b
    is_defined = squares != 0
    values = products / xp.sqrt(xp.where(is_defined, squares, 1.0))
    return xp.where(is_defined, xp.clip(values, -1.0, 1.0), undefined)
