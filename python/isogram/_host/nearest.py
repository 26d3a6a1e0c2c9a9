"""Nearest neighbours on the host, and what their cosines are products of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arithmetic import usual_arithmetic
from isogram._entries import parts_of, widened
from isogram._types import Array
from isogram._walk.tiles import spans

_PART = 1 << 21  # entries that NumPy is given at a time


def nearest(x: Array, k: int, center: bool, num_threads: int) -> tuple[Array, Array]:
    """See `Place`."""
    graph = _core.knn_graph(x, k=k, center=center, symmetrize=False, num_threads=num_threads)
    _, indices, weights = graph
    return indices.reshape(len(x), k), weights.reshape(len(x), k)


@usual_arithmetic()
def unit_rows(x: Array, center: bool) -> NDArray[np.float64]:
    """See `Place`."""
    units = np.empty(x.shape)
    parts = list(parts_of(x.shape))
    for part in parts:
        units[part] = widened(x[part])
    if center:
        _take_means_off(units, parts)
    for some in spans(len(x), max(1, _PART // x.shape[1])):
        rows = units[some]
        _, exponents = np.frexp(np.abs(rows).max(axis=1, keepdims=True))
        np.ldexp(rows, -exponents, out=rows)
        norms = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
        rows /= np.where(norms == 0, 1.0, norms)
    return units


def _take_means_off(x: NDArray[np.float64], parts: list[tuple[Any, ...]]) -> None:
    """Subtract the columns' means, scaled so that no sum overflows: twice, for their rounding."""
    exponent = -max(np.frexp(np.abs(x[part]).max())[1] for part in parts)
    for part in parts:
        np.ldexp(x[part], exponent, out=x[part])
    for _ in range(2):
        means = np.zeros(x.shape[1])
        for part in parts:
            means[part[1:]] += x[part] if isinstance(part[0], int) else x[part].sum(axis=0)
        means /= len(x)
        for part in parts:
            x[part] -= means[part[1:]]
