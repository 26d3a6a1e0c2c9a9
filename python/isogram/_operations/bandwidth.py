"""The rule that chooses a bandwidth."""

from __future__ import annotations

from typing import get_args

from isogram._arguments import choice, integer, threads
from isogram._arrays import as_layer
from isogram._bandwidth import MAX_PAIRS, pairs_of
from isogram._errors import errors_of
from isogram._place import place_of
from isogram._types import Array
from isogram.typing import BandwidthRule


def bandwidth(
    x: Array,
    *,
    rule: BandwidthRule = "median",
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
    num_threads: int | None = None,
) -> float:
    """Return a bandwidth for `x`: the root of the median (or mean) squared distance of its rows.

    sqrt(median over i < j of ‖x[i] - x[j]‖²); with rule "mean", the mean in its place.

    Parameters
    ----------
    x : array of shape (n, d)
        At least two samples in rows; of more axes all but the first are flattened.
    rule : {"median", "mean"}
        Which of the two is taken.
    max_pairs : int
        If there are more pairs, this many are sampled, with replacement.
    seed : int
        Of that sample.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    float
        In the unit of the features: 0 where the median (or mean) is, else from 2^-1022, the
        smallest normal number, to the largest finite one.

    Raises
    ------
    ValueError
        Fewer than two samples, a NaN or infinity, whose index is named.
    TypeError
        Types that are neither floats nor integers nor booleans.
    MemoryError
        More pairs than fit in the machine's memory.

    Notes
    -----
    Types: any → float64 differences and sums. Integers as for `gram`. On the host float32, or
    float64 of float64 features, tells first which few pairs may be the median: only these are
    computed in float64, and the result has the bits of all in float64. Cost: 2 d operations per
    pair. Memory: 8 bytes per pair, 16 of float64 features, 24 per drawn pair. The host waits for a
    GPU once. Source of the median rule: Gretton et al. 2012, "A kernel two-sample test".

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> ig.bandwidth(np.array([[0.0], [1.0], [3.0]]))
    2.0
    """
    choice("bandwidth", "rule", rule, get_args(BandwidthRule))
    max_pairs = integer("bandwidth", "max_pairs", max_pairs, 1)
    seed = integer("bandwidth", "seed", seed, 0)
    workers = threads("bandwidth", num_threads)
    rows = as_layer("bandwidth", "x", x)
    pairs = pairs_of("bandwidth", "x", rows, rule, max_pairs, seed)
    place = place_of("bandwidth", {"x": rows})
    with errors_of("bandwidth"):
        return place.bandwidth("x", rows, pairs, rule, workers)
