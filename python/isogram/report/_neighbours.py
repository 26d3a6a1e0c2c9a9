"""Samples whose nearest neighbours two layers agree on, or do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram.report._pictures import Pictures
from isogram.report._samples import Samples

_K = 5
_EACH = 3  # samples that are shown of those with least and with most neighbours in common
_PIXELS = 96


@dataclass(frozen=True)
class Neighbour:
    """A sample beside another.

    Attributes
    ----------
    sample
        Its place among all that are shown.
    name, group, picture
        Its name and group; the address of its picture, if there are pictures.
    value
        Its similarity to the other.
    is_shared
        Whether both layers have it among the nearest.
    is_alike
        Whether it is of the other's group.
    """

    sample: int
    name: str
    group: str
    picture: str | None
    value: float
    is_shared: bool
    is_alike: bool


@dataclass(frozen=True)
class Query:
    """A sample, and its nearest neighbours in both layers."""

    sample: int
    name: str
    group: str
    picture: str | None
    shared: int
    sides: tuple[tuple[str, tuple[Neighbour, ...]], ...]


@dataclass(frozen=True)
class Neighbours:
    """The nearest neighbours of some samples.

    Attributes
    ----------
    k
        Neighbours of each sample.
    shared
        Neighbours among the k that both layers have, on average over all samples shown.
    same_group
        For both layers, the share of samples whose nearest neighbour is of their group.
    queries
        Samples with least in common, and with most.
    """

    k: int
    shared: float
    same_group: tuple[tuple[str, float], ...]
    queries: tuple[Query, ...]


def neighbours_of(samples: Samples, pictures: Pictures | None) -> Neighbours | None:
    """Return nearest neighbours among the samples that are shown, None if there is one sample."""
    count = len(samples.rows)
    k = min(_K, count - 1)
    if k < 1:
        return None
    sides = [rsms[0] for rsms in samples.rsms]
    nearest = [_nearest(side.values, k) for side in sides]
    is_shared = (nearest[0][:, :, None] == nearest[1][:, None, :]).any(axis=2)
    shared = is_shared.sum(axis=1)
    order = np.argsort(shared, kind="stable")
    group = np.array([samples.of(i).start for i in range(count)])
    least, most = _varied(order, group), _varied(order[::-1], group)
    chosen = dict.fromkeys([*least, *reversed(most)])

    def neighbour(query: int, side: int, other: int) -> Neighbour:
        return Neighbour(
            other,
            samples.names[other],
            samples.of(other).name,
            _picture(pictures, samples, other),
            float(sides[side].values[query, other]),
            other in nearest[1 - side][query],
            bool(group[query] == group[other]),
        )

    queries = [
        Query(
            query,
            samples.names[query],
            samples.of(query).name,
            _picture(pictures, samples, query),
            int(shared[query]),
            tuple(
                (one.called, tuple(neighbour(query, i, j) for j in nearest[i][query].tolist()))
                for i, one in enumerate(sides)
            ),
        )
        for query in chosen
    ]
    same = [
        (one.called, float(np.mean(group[nearest[i][:, 0]] == group)))
        for i, one in enumerate(sides)
    ]
    return Neighbours(k, float(shared.mean()), tuple(same), tuple(queries))


def _varied(order: NDArray[np.intp], group: NDArray[np.intp]) -> list[int]:
    """Return the first samples of an order, from different groups as far as possible."""
    first_of_group = dict(reversed([(int(group[i]), int(i)) for i in order]))
    firsts = set(first_of_group.values())
    ranked = sorted(order.tolist(), key=lambda i: i not in firsts)
    return ranked[:_EACH]


def _nearest(rsm: NDArray[Any], k: int) -> NDArray[np.intp]:
    """Return the k nearest others of every sample, the nearest first."""
    others = np.array(rsm, dtype=np.float64)
    np.fill_diagonal(others, -np.inf)
    return np.argsort(-others, axis=1, kind="stable")[:, :k]


def _picture(pictures: Pictures | None, samples: Samples, sample: int) -> str | None:
    return None if pictures is None else pictures.small(int(samples.rows[sample]), _PIXELS)
