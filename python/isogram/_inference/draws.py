"""Resamples of inputs, as how often each input stands in each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._inference.groups import group_numbers

Counts = NDArray[np.int64]  # (resamples, samples)


def clusters_of(function: str, groups: Any, samples: int) -> NDArray[np.int64]:
    """Return the number of each sample's cluster; without `groups` each is one by itself."""
    if groups is None:
        return np.arange(samples)
    clusters = group_numbers(function, groups, samples)
    if clusters.max() == 0:
        raise ValueError(f"{function}: `groups` must have at least 2 different labels, got 1")
    return clusters


def drawn(clusters: NDArray[np.int64], resamples: int, seed: int) -> Counts:
    """Draw as many clusters as there are, with replacement, for each resample."""
    count = int(clusters.max()) + 1
    rng = np.random.default_rng(seed)
    counts = np.empty((resamples, count), np.int64)
    for row in counts:
        row[:] = np.bincount(rng.integers(count, size=count), minlength=count)
    return counts[:, clusters]


def each_left_out(clusters: NDArray[np.int64]) -> Counts:
    """Return all inputs but those of one cluster, for every cluster."""
    counts: Counts = (np.arange(clusters.max() + 1)[:, None] != clusters).astype(np.int64)
    return counts


class Groups:
    """Which inputs are drawn together; without groups each by itself.

    A group that is drawn twice makes two copies of it. Inputs of one copy are pairs, those of two
    copies of a group are none, as an input is none with its own copy. So a pair of one group stands
    w_i times, and a pair of two w_i w_j times.
    """

    def __init__(self, clusters: NDArray[np.int64]) -> None:
        """Take the number of each input's group."""
        self.clusters, self.sizes = clusters, np.bincount(clusters)
        self.are_single = bool(self.sizes.max() == 1)
        self._order = np.argsort(clusters, kind="stable")
        self._starts = np.cumsum(self.sizes) - self.sizes

    def sums(self, gram: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums of a matrix's rows over each group, (rows, groups)."""
        sums: NDArray[np.float64] = np.add.reduceat(gram[:, self._order], self._starts, axis=1)
        return sums

    def own(self, gram: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums of a matrix's rows over the others of the input's group.

        (samples,); of a matrix with a diagonal of 0.
        """
        if self.are_single:
            return np.zeros(len(gram))
        return self.sums(gram)[np.arange(len(gram)), self.clusters]

    def number_of_pairs(self, w: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Σ over all pairs of how often each stands, of each resample."""
        own = np.einsum("bn,n->b", w - w**2, self.sizes[self.clusters] - 1)
        number: NDArray[np.float64] = w.sum(axis=1) ** 2 - (w**2).sum(axis=1) + own
        return number

    def fewest_partners(self, counts: NDArray[np.int64]) -> int:
        """Return with how many samples of a resample every one of them is a pair, at least."""
        missing = (counts - 1) * self.sizes[self.clusters]  # all other copies of the group
        return int(counts.sum() - 1 - missing.max())

    def are_none(self, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which samples of a resample, as by `positions`, are no pairs."""
        drawn = positions(counts)
        clusters, copy = self.clusters[drawn], copies(counts)
        are_of_copies = (clusters[:, None] == clusters) & (copy[:, None] != copy)
        none: NDArray[np.bool_] = (drawn[:, None] == drawn) | are_of_copies
        return none


def positions(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the inputs of one resample, each as often as it was drawn."""
    return np.repeat(np.arange(len(counts)), counts)


def copies(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return of each of these `positions` which copy of its input it is."""
    first = np.cumsum(counts) - counts
    copy: NDArray[np.int64] = np.arange(counts.sum()) - np.repeat(first, counts)
    return copy
