"""The nearest neighbours of samples in resamples, among the samples with which they are pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._inference.draws import Groups, copies

Doubles = NDArray[np.float64]


class Neighbourhoods:
    """The samples in the order of their cosine with each, of one layer."""

    def __init__(self, cosines: Callable[[Any], Doubles], k: int, groups: Groups) -> None:
        """Take the cosines in a resample, and how many neighbours a sample has."""
        self._cosines, self._k, self._groups = cosines, k, groups
        self._of: Doubles | None = None  # the cosines that are in order
        self._order = np.empty((0, 0), np.int64)

    def of(self, counts: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return the neighbours of every sample of a resample, (samples, k), the nearest first.

        They are numbers of its samples, where the copies of an input follow each other: the first
        of an input's copies are neighbours before the others. None where a sample has too few.
        """
        cosines = self._cosines(counts)
        if cosines is not self._of:
            self._of, self._order = cosines, _in_order(cosines)
        drawn = np.flatnonzero(counts)
        rows = self._order[drawn]
        if self._groups.fewest_partners(counts) < self._k:
            return None
        clusters = self._groups.clusters
        # About k of those drawn are among the nearest k of all; most often the first 2 k will do.
        length = 2 * self._k + 8
        while True:
            near = rows[:, :length]
            is_of_group = clusters[near] == clusters[drawn, None]
            partners = np.where(is_of_group, np.minimum(counts[near], 1), counts[near])
            upto = np.cumsum(partners, axis=1)
            if length >= rows.shape[1] or (upto[:, -1] >= self._k).all():
                break
            length *= 2
        taken = np.clip(self._k - (upto - partners), 0, partners).ravel()
        first = (np.cumsum(counts) - counts)[near].ravel()
        starts = np.cumsum(taken) - taken
        within = np.arange(taken.sum()) - np.repeat(starts, taken)
        neighbours = (np.repeat(first, taken) + within).reshape(len(drawn), self._k)
        result: NDArray[np.int64] = np.repeat(neighbours, counts[drawn], axis=0)
        if not self._groups.are_single:  # of its group, those of the same copy
            is_same = np.repeat(is_of_group.ravel(), taken).reshape(neighbours.shape)
            result += copies(counts)[:, None] * np.repeat(is_same, counts[drawn], axis=0)
        return result


def _in_order(cosines: Doubles) -> NDArray[np.int64]:
    """Return the others of each sample, the nearest first; of equally near ones the smaller."""
    closeness = cosines.copy()
    np.fill_diagonal(closeness, -np.inf)
    return np.argsort(-closeness, axis=1, kind="stable")[:, :-1]
