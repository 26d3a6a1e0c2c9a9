"""Ranks of an RSM's entries that stand with weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class EntryOrder:
    """The order of an RSM's entries, for ranks with weights; equal entries share a rank."""

    def __init__(self, ranks: NDArray[np.float64]) -> None:
        """Take their ranks without weights."""
        _, self._level = np.unique(ranks, return_inverse=True)
        self._order = np.argsort(ranks, kind="stable")
        self._ends = np.cumsum(np.bincount(self._level)) - 1

    def centred_ranks(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ranks less their mean, where an entry of weight w stands w times."""
        upto = np.cumsum(weights[self._order])[self._ends]
        middles = upto - np.diff(upto, prepend=0.0) / 2 - upto[-1] / 2
        ranks: NDArray[np.float64] = middles[self._level]
        return ranks
