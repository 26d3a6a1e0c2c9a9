"""Exact linear assignment."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import flag, threads
from isogram._arrays import Array, as_input, giver, lying_with, parts_of, widened
from isogram._backend import device_of
from isogram._device import match as on_gpu
from isogram._device.device import Device, DeviceArray
from isogram._memory import check_memory
from isogram._progress import Progress, reporting

_MATCHED = frozenset(map(np.dtype, (np.float32, np.float64)))  # what the core takes as it is


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
    similarity : array of shape (s, t) or (b, s, t), or sparse matrix of SciPy
        One problem, or a batch of them. -inf (inf to minimise) forbids a pair, and so does a sparse
        matrix where it stores nothing; what it stores twice is summed. Such a matrix comes alone,
        not in a list.
    maximize : bool
        False looks for the smallest sum.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in problems. Ignored on
        a GPU, where all problems are solved at once.

    Returns
    -------
    Matching
        Named tuple, for a batch of arrays in the library of `similarity`:

        - columns: int32 (s,) or (b, s), the column of each row, -1 where a row stays unmatched
          (s > t)
        - total: float, or float64 (b,), the sum of the matched entries
        - gap: float, or float64 (b,), how far the optimum could at most be from `total`: the
          certificate that it is the optimum. It contains all rounding, of `total` and of its own
          computation, and is seldom more than that

        Without rows or without columns, `total` and `gap` are 0.

    Raises
    ------
    ValueError
        No matching without forbidden pairs, in a problem that is named; NaN, or an infinity that
        forbids nothing, whose index is named; integers beyond 2^53; on a GPU more than 4096 rows or
        columns.
    TypeError
        Types that are neither floats nor integers nor booleans, lists of sparse matrices.
    MemoryError
        A sparse matrix that does not fit densely; what else the call takes is not looked at.

    Warns
    -----
    RuntimeWarning
        A total beyond float64, which is infinite then, as is its gap. The columns are right.

    Notes
    -----
    Exactness: of float64 input the total is the optimum to 1e-13 of the sum of its magnitudes, of
    float32 input to 5e-7; most are the optimum itself. Gates, costs at least 64 times above
    all that are no gates, do not count in that sum: what is matched beside gates is as good as
    without them. Costs may be as far apart as their type allows.

    Types: float16, bfloat16, float32 → float32 → float64 total and gap, solved again in float64
    where the gap is above tolerance; float64 throughout; and in integers of as many digits as the
    costs span where that is not enough. 8- and 16-bit integers and booleans → float32, others and
    all of sparse matrices → float64, all of the same values. Cost per problem: r²·c in the worst
    case, r the smaller and c the larger side, far less on most. Memory: one problem per thread,
    three where float32 is not enough; before that a copy of all problems as floats, where they are
    not float32 or float64 of the machine's byte order; of a sparse matrix a dense one, with a byte
    more per entry while that is made. A call on a GPU waits for it once, at its end, to learn
    whether all could be solved; those that the GPU cannot prove are solved by the host; of equal
    optima another may be found than on the host. Sources: shortest augmenting paths, Jonker and
    Volgenant 1987, Crouse 2016; duals to start from by annealed Sinkhorn sweeps, Sharify, Gaubert
    and Grigori 2011, arXiv:1104.3830, on the host over-relaxed, Thibault, Chizat, Dossal and
    Papadakis 2017, arXiv:1711.01851.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> ig.match(np.array([[0.9, 0.8], [0.7, 0.1]])).columns
    array([1, 0], dtype=int32)
    """
    if type(maximize) is not bool:
        maximize = flag("match", "maximize", maximize)
    workers = 0 if num_threads is None else threads("match", num_threads)
    problems, device = _problems(similarity, maximize)
    if device:
        with device.entered():
            matching, overflow = _match_on_gpu(device, similarity, problems, maximize, workers)
    else:
        with reporting("match", progress, unit="problem") as report:
            found = _core.match(problems, maximize, workers, report)
        overflow = _overflow(found[1])
        matching = _given(giver(similarity), *found)
    if overflow is not None:
        warnings.warn(overflow, RuntimeWarning, stacklevel=2)
    return matching


def _problems(similarity: Array, maximize: bool) -> tuple[NDArray[Any], Device | None]:
    """Return the problems as floats, and the GPU that they lie on."""
    if type(similarity) is np.ndarray and similarity.dtype in _MATCHED:
        if similarity.ndim in (2, 3) and similarity.flags.carray:
            return similarity, None  # at once: a small problem takes a microsecond
    elif _is_sparse(similarity):
        similarity = _dense(similarity, -np.inf if maximize else np.inf)
    elif isinstance(similarity, list | tuple) and any(map(_is_sparse, similarity)):
        raise TypeError(
            "match: `similarity` must be an array, or a sparse matrix alone, got a list of sparse "
            "matrices: match one after another"
        )
    problems = as_input("match", "similarity", similarity, 2, 3, on_gpu=True, or_integers=True)
    device = device_of("match", {"similarity": problems})
    return problems if device else widened(problems), device


def _given(give: Callable[[Any], Array], columns: Any, total: Any, gap: Any) -> Matching:
    if isinstance(total, float):
        return Matching(give(columns), total, gap)
    return Matching(give(columns), give(total), give(gap))


def _is_sparse(similarity: Array) -> bool:
    # Without importing SciPy: a sparse matrix cannot exist before somebody else has.
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(similarity))


def _dense(similarity: Any, forbidden: float) -> NDArray[Any]:
    """Return a sparse matrix with `forbidden` where it stores nothing."""
    if similarity.ndim != 2:
        raise ValueError(
            f"match: `similarity` must be 2-D where it is sparse, got shape {similarity.shape}"
        )
    stored = similarity.tocoo(copy=False)
    is_float = stored.data.dtype.kind == "f"
    values = as_input("match", "similarity", stored.data, 1, or_integers=True)
    # What integers are stored twice for may be more than float32 holds.
    dtype = np.dtype(np.float32 if is_float and values.dtype.itemsize <= 4 else np.float64)
    check_memory("match", stored.shape, dtype, "match parts of it, or fewer rows")
    dense = np.empty(stored.shape, dtype)
    is_stored = np.empty(stored.shape, np.bool_)
    for part in parts_of(dense.shape):
        dense[part], is_stored[part] = 0, False
    with np.errstate(all="ignore"):  # a sum that is NaN is refused later
        for part in parts_of(values.shape):
            where = stored.row[part], stored.col[part]
            np.add.at(dense, where, values[part].astype(dtype, copy=False))
            is_stored[where] = True
    for part in parts_of(dense.shape):
        np.copyto(dense[part], forbidden, where=~is_stored[part])
    return dense


def _overflow(total: Any, numbers: NDArray[Any] | None = None) -> str | None:
    """Return a warning of the first infinite total; `numbers` are those of some problems."""
    if isinstance(total, float):
        if math.isfinite(total):
            return None
        which = ""
    else:
        if np.isfinite(total).all():
            return None
        first = np.flatnonzero(~np.isfinite(total))[0]
        which = f" of problem {first if numbers is None else numbers[first]}"
    return (
        f"match: the total{which} is beyond float64, so it and its gap are infinite (the columns "
        "are right): divide `similarity` by a constant"
    )


def _match_on_gpu(
    device: Device, similarity: Array, problems: DeviceArray, maximize: bool, workers: int
) -> tuple[Matching, str | None]:
    most = device.kernels.most_matched()
    if max(problems.shape[-2:]) > most:
        raise ValueError(
            f"match: `similarity` must have at most {most} rows and columns on a GPU, "
            f"got shape {problems.shape}"
        )
    batch = problems[np.newaxis] if problems.ndim == 2 else problems
    found = on_gpu.match(device, batch, maximize)
    unproven = np.flatnonzero(device.to_host(found.is_proven) == 0)
    if problems.ndim == 2:
        if unproven.size:
            on_host = _core.match(widened(device.to_host(problems)), maximize, workers, None)
            return _given(partial(lying_with, similarity), *on_host), _overflow(on_host[1])
        total, gap = (float(device.to_host(values)[0]) for values in (found.totals, found.gaps))
        return _given(giver(similarity), found.columns[0], total, gap), None
    overflow = None
    if unproven.size:
        overflow = _solve_on_host(device, batch, maximize, workers, unproven, found)
    return _given(giver(similarity), *found[:3]), overflow


def _solve_on_host(
    device: Device,
    batch: DeviceArray,
    maximize: bool,
    workers: int,
    unproven: NDArray[Any],
    found: on_gpu.Matchings,
) -> str | None:
    """Replace what the GPU could not prove, or say why it cannot be solved."""

    def solved(problems: DeviceArray) -> tuple[NDArray[Any], ...]:
        return _core.match(widened(device.to_host(problems)), maximize, workers, None)

    try:
        results = solved(batch[device.xp.asarray(unproven)])
    except ValueError:
        unproven = np.arange(len(batch))
        results = solved(batch)  # its error names a problem by its number in the batch
    where = device.xp.asarray(unproven)
    for array, values in zip(found[:3], results, strict=True):
        array[where] = device.xp.asarray(values)
    return _overflow(results[1], unproven)
