"""Exact linear assignment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isogram import _core
from isogram._arguments import flag, threads
from isogram._arrays import Array, as_input, giver, widened
from isogram._backend import device_of
from isogram._device import match as on_gpu
from isogram._device.device import Device, DeviceArray
from isogram._device.results import not_finite
from isogram._progress import Progress, reporting

_MOST_COLUMNS = np.iinfo(np.int32).max  # what `columns` can name


class Matching(NamedTuple):
    """Which column every row is matched with, and what that is worth."""

    columns: Array
    total: Array
    gap: Array


def match(
    similarity: Array,
    *,
    maximize: bool = True,
    num_threads: int | None = None,
    progress: Progress = False,
) -> Matching:
    """Match rows with columns, one to one, so that the sum of the matched entries is largest.

    total = max over one-to-one maps p of Σ_i similarity[i, p(i)], with min(s, t) pairs in it.

    Parameters
    ----------
    similarity : array of shape (s, t) or (b, s, t)
        One problem, or a batch of them.
    maximize : bool
        False looks for the smallest sum.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in problems.

    Returns
    -------
    Matching
        Named tuple, for a batch of arrays in the library of `similarity`:

        - columns: int32 (s,) or (b, s), the column of each row, -1 where a row stays unmatched
          (s > t)
        - total: float, or float64 (b,), the sum of the matched entries
        - gap: float, or float64 (b,), how far the optimum could at most be from the total: the
          certificate that it is the optimum, 0 up to rounding

    Raises
    ------
    ValueError
        No rows or no columns, a NaN or infinity, whose index is named; on a GPU more than 4096
        rows or columns.
    TypeError
        Integers and other types that are not floats.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 → float64 total and gap, solved again in float64
    where the gap is above tolerance; float64 throughout. Cost per problem: r²·c in the worst case,
    r the smaller and c the larger side, far less on most. Memory: one problem per thread. A call on
    a GPU waits for it once, at its end, to learn whether all was finite; of equal optima another
    may be found than on the host. Sources: shortest augmenting paths, Jonker and Volgenant 1987,
    Crouse 2016; duals to start from by annealed Sinkhorn sweeps, Sharify, Gaubert and Grigori 2011,
    arXiv:1104.3830, on the host over-relaxed, Thibault, Chizat, Dossal and Papadakis 2017,
    arXiv:1711.01851.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> ig.match(np.array([[0.9, 0.8], [0.7, 0.1]])).columns
    array([1, 0], dtype=int32)
    """
    flag("match", "maximize", maximize)
    workers = threads("match", num_threads)
    problems = as_input("match", "similarity", similarity, 2, 3, on_gpu=True)
    device = device_of("match", {"similarity": problems})
    is_single = problems.ndim == 2
    rows, cols = problems.shape[-2:]
    if rows == 0 or cols == 0 or cols > _MOST_COLUMNS:
        raise ValueError(
            f"match: `similarity` must have at least one row, and from 1 to {_MOST_COLUMNS} "
            f"columns, got shape {problems.shape}"
        )
    if device:
        with device.entered():
            return _match_on_gpu(device, similarity, problems, maximize)
    batch = widened(problems[np.newaxis] if is_single else problems)
    with reporting("match", progress, unit="problem") as report:
        columns, totals, gaps = _core.match(batch, is_single, maximize, workers, report)
    give = giver(similarity)
    if is_single:
        return Matching(give(columns[0]), float(totals[0]), float(gaps[0]))
    return Matching(give(columns), give(totals), give(gaps))


def _match_on_gpu(
    device: Device, similarity: Array, problems: DeviceArray, maximize: bool
) -> Matching:
    most = device.kernels.most_matched()
    if max(problems.shape[-2:]) > most:
        raise ValueError(
            f"match: `similarity` must have at most {most} rows and columns on a GPU, "
            f"got shape {problems.shape}"
        )
    is_single = problems.ndim == 2
    found = on_gpu.match(device, problems[np.newaxis] if is_single else problems, maximize)
    first = int(device.to_host(found.first_not_finite)[0])
    if first >= 0:
        raise not_finite(device, "match", "similarity", problems, first)
    give = giver(similarity)
    if not is_single:
        return Matching(give(found.columns), give(found.totals), give(found.gaps))
    total, gap = (float(device.to_host(values)[0]) for values in (found.totals, found.gaps))
    return Matching(give(found.columns[0]), total, gap)
