"""Tables of values, one for each pair of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from isogram._types import Array


def table(
    xp: Any,
    of_x: Sequence[Any],
    of_y: Sequence[Any],
    value: Callable[[Any, Any], Array],
    *,
    is_symmetric: bool = True,
) -> Array:
    """Return a function of all pairs; a symmetric one of one set, one object, once for each two.

    NaN of pairs with None.
    """

    def value_of(x: Any, y: Any) -> Array:
        return xp.asarray(np.nan) if x is None or y is None else value(x, y)

    rows: list[list[Any]] = []
    for i, x in enumerate(of_x):
        known = [row[i] for row in rows] if is_symmetric and of_x is of_y else []
        rows.append([*known, *(value_of(x, y) for y in of_y[len(known) :])])
    return xp.stack([xp.stack(row) for row in rows]).astype(np.float64)
