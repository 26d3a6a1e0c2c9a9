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


def positions(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the inputs of one resample, each as often as it was drawn."""
    return np.repeat(np.arange(len(counts)), counts)
