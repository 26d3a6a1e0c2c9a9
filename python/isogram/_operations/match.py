"""Exact linear assignment."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import flag, threads
from isogram._arrays import as_input, giver
from isogram._entries import parts_of, widened
from isogram._errors import errors_of
from isogram._memory import check_memory
from isogram._place import HOST, place_of
from isogram._progress import Progress, reporting
from isogram._types import Array, ResultT

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import MatchOptions, SparseMatrix, TensorT
    from isogram._protocols import Place

_MATCHED = frozenset(map(np.dtype, (np.float32, np.float64)))  # as they are
_FORBID = "for a pair that is forbidden, give infinity in an array of floats"
_ERRORS = errors_of("match")  # made once: a small problem takes a microsecond


class Matching(NamedTuple, Generic[ResultT]):
    """Columns that rows are matched with, totals of the matched entries, and duality gaps.

    All arrays are of one library. Total and gap of a single problem are floats.
    """

    columns: ResultT
    total: ResultT | float
    gap: ResultT | float


@overload
def match(similarity: TensorT, **options: Unpack[MatchOptions]) -> Matching[TensorT]: ...
@overload
def match(
    similarity: ArrayLike | SparseMatrix, **options: Unpack[MatchOptions]
) -> Matching[NDArray[Any]]: ...
def match(
    similarity: Array,
    *,
    maximize: bool = True,
    num_threads: int | None = None,
    progress: Progress = False,
) -> Matching[Any]:
    """Match rows with columns, one to one, so that the sum of the matched entries is largest.

    total = max over one-to-one maps p of Σ_i similarity[i, p(i)], with min(s, t) pairs in it.

    Parameters
    ----------
    similarity : array of shape (s, t) or (b, s, t), or sparse matrix of SciPy
        One problem, or a batch of them. -inf (inf to minimise) forbids a pair, and so does a sparse
        matrix where it stores nothing; entries that it stores twice are summed. A sparse matrix
        comes alone, not in a list.
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
        - gap: float, or float64 (b,), an upper bound on |optimum - total| that contains all
          rounding, of `total` and of its own computation. It is seldom more than rounding, which
          certifies that the matching is optimal

        Without rows or without columns, `total` and `gap` are 0.

    Raises
    ------
    ValueError
        A problem, which is named, without a matching of allowed pairs; NaN, or an infinity of the
        sign that forbids nothing, whose index is named; integers beyond 2^53; on a GPU more than
        4096 rows or columns.
    TypeError
        Types that are neither floats nor integers nor booleans, lists of sparse matrices.
    MemoryError
        A sparse matrix whose dense copy does not fit; the call's other memory is not checked.

    Warns
    -----
    RuntimeWarning
        A total is beyond float64: it and its gap are infinite. The columns are right.

    Notes
    -----
    Exactness: the total is within 1e-13 (float32 input: 5e-7) of the optimum, relative to the sum
    of the magnitudes of the matched entries; most totals are the optimum itself. Gates, which are
    costs at least 64 times as large as all others, do not count in that sum: pairs matched beside
    gates are as good as without gates. Costs may be as far apart as their type allows.

    Types: float16, bfloat16, float32 → float32 → float64 total and gap; where the gap is above
    tolerance, a problem is solved again in float64. Float64 input → float64 throughout. Where
    float64 is not enough, in integers of as many digits as the costs span. 8- and 16-bit integers
    and booleans → float32, other integers and all sparse matrices → float64, without a change of
    values. Cost per problem: r²·c in the worst case, r the smaller and c the larger side, far less
    on most. Memory: one problem per thread, three where float32 is not enough; a copy of all
    problems, unless they are float32 or float64 in the machine's byte order; a dense copy of a
    sparse matrix, with one byte more per entry while it is made. The call waits for a GPU once, at
    the end. The host solves the problems whose optimum the GPU cannot prove; of several optima a
    GPU may find another than the host. Sources: shortest augmenting paths, Jonker and Volgenant
    1987, Crouse 2016; duals to start from by annealed Sinkhorn sweeps, Sharify, Gaubert and Grigori
    2011, arXiv:1104.3830, on the host over-relaxed, Thibault, Chizat, Dossal and Papadakis 2017,
    arXiv:1711.01851.

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
    problems, place = _problems(similarity, maximize)
    with reporting("match", progress, unit="problem") as report, _ERRORS:
        columns, total, gap, infinite = place.match(problems, maximize, workers, report)
    if infinite is not None:
        warnings.warn(_overflow(total, infinite), RuntimeWarning, stacklevel=2)
    give = giver(similarity)
    if isinstance(total, float):
        return Matching(give(columns), total, gap)
    return Matching(give(columns), give(total), give(gap))


def _problems(similarity: Array, maximize: bool) -> tuple[NDArray[Any], Place]:
    """Return the problems as float32 or float64, and where they lie."""
    if type(similarity) is np.ndarray and similarity.dtype in _MATCHED:
        if similarity.ndim in (2, 3) and similarity.flags.carray:
            return similarity, HOST  # at once: a small problem takes a microsecond
    elif _is_sparse(similarity):
        similarity = _dense(similarity, -np.inf if maximize else np.inf)
    elif isinstance(similarity, list | tuple) and any(map(_is_sparse, similarity)):
        raise TypeError(
            "match: `similarity` must be an array, or a sparse matrix alone, got a list of sparse "
            "matrices: match one after another"
        )
    problems = as_input("match", "similarity", similarity, 2, 3, on_gpu=True, if_too_large=_FORBID)
    place = place_of("match", {"similarity": problems})
    with place.entered():
        return widened(problems), place


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
    values = as_input("match", "similarity", stored.data, 1, if_too_large=_FORBID)
    # Integers that are stored twice are summed: float32 may not hold the sum.
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


def _overflow(total: Any, problem: int) -> str:
    """Return the warning of an infinite total."""
    which = "" if isinstance(total, float) else f" of problem {problem}"
    return (
        f"match: the total{which} is beyond float64, so it and its gap are infinite (the columns "
        "are right): divide `similarity` by a constant"
    )
