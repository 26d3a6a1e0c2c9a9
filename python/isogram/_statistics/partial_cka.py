"""CKA of what Gram matrices leave of their regression on others: partial, or deconfounded, CKA."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import ROUNDINGS
from isogram._entries import result_dtype
from isogram._statistics.cka_table import remarks, table_of
from isogram._statistics.cosines import cosines
from isogram._statistics.layer_pairs import LayerPairs
from isogram._types import Kernel, Layers

Doubles = NDArray[np.float64]


class PartialCka(NamedTuple):
    """Partial CKA of all pairs of layers, on the host, and the warnings about it."""

    values: Doubles
    remarks: list[str]


def partial_cka(
    pairs: LayerPairs, given: Layers, kernel: Kernel, estimator: str, precision: str
) -> PartialCka:
    """Compute it from the CKA of all layers, those of `given` among them, with each other."""
    function = pairs.function
    if kernel.has_sides:
        raise ValueError(f"{function}: `bandwidth` must be one for all with `given`, got a pair")
    together = Layers(pairs.layers.names + given.names, pairs.arrays + given.arrays)
    every_pair = LayerPairs.of(function, together, None, pairs.num_threads, pairs.report)
    table = table_of(every_pair, kernel, estimator, precision)
    eps = float(np.finfo(result_dtype(*together.arrays)).eps)
    left = _left(table.cka, len(given.names), eps)
    squares = left.diagonal().copy()
    squares[squares <= ROUNDINGS * eps] = 0
    x, y = pairs.sides(range(len(squares)))
    values = cosines(np, left[np.ix_(x, y)], squares[x, None], squares[y], undefined=np.nan)
    names = pairs.by_name(squares == 0)
    explained = [f"`{name}`" for name, is_so in names.items() if is_so]
    said = remarks(function, table)
    if _are_dependent(table.cka[-len(given.names) :, -len(given.names) :], eps):
        said.append(
            f"{function}: Gram matrices of `given` depend on each other, as far as their type can "
            "tell: what they differ by is not regressed out"
        )
    if _directions(pairs.x.samples, estimator) <= len(given.names) + 1:
        said.append(
            f"{function}: centred Gram matrices of {pairs.x.samples} samples have so few degrees "
            "of freedom that the matrices of `given` leave one at most: the result is 1, -1 or "
            "NaN whatever the layers are, so take more samples"
        )
    if explained:
        said.append(
            f"{function}: nothing is left of the Gram matrix of {', '.join(explained)}, as far as "
            "its type can tell, once those of `given` are regressed out: the result is NaN there"
        )
    return PartialCka(values, said)


def _are_dependent(own: Doubles, eps: float) -> bool:
    """Whether one Gram matrix is made of others, but for rounding."""
    known = not np.isnan(own).any()
    return known and float(np.linalg.eigvalsh(own)[0]) <= _rounding(len(own), eps)


def _directions(samples: int, estimator: str) -> int:
    """Return the dimension of the space of centred Gram matrices."""
    return samples * (samples - (3 if estimator == "debiased" else 1)) // 2


def _rounding(count: int, eps: float) -> float:
    return count * eps * ROUNDINGS


def _left(cka: Doubles, count: int, eps: float) -> Doubles:
    """Return the products that regression on the last `count` leaves, in units of each Gram's norm.

    Directions in which those differ by rounding alone are left out: their products would be noise.
    NaN where one of those has no CKA.
    """
    products, shared, own = cka[:-count, :-count], cka[:-count, -count:], cka[-count:, -count:]
    if np.isnan(own).any():
        return np.full(products.shape, np.nan)
    inverse = np.linalg.pinv(own, _rounding(count, eps), hermitian=True)
    left: Doubles = products - shared @ inverse @ shared.T
    return (left + left.T) / 2
