"""Retrieval: the inputs of a gallery that are most like each query."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import choice, integer, threads
from isogram._arrays import lying_with, on_host
from isogram._entries import result_dtype
from isogram._errors import beyond_range, errors_of, warn
from isogram._place import HOST, place_of
from isogram._progress import Progress, reporting
from isogram._tokens.arguments import Inputs, remarks_on_axes
from isogram._tokens.cascade import like_in_mean, nearest, recall
from isogram._tokens.job import Pairs
from isogram._tokens.kept import fingerprint, keeping, said
from isogram._tokens.search import search_of
from isogram._types import Array, InputsOf, ResultT
from isogram.typing import LayoutName, NormalizationName

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import RetrieveOptions, TensorT

_FUNCTION = "retrieve"


@dataclass(frozen=True, eq=False)
class Retrieval(Generic[ResultT]):
    """The k best of the gallery for each query, and what it took to find them.

    - indices: int64 (q, k), from the best on; of equal scores the smaller index first
    - scores: (q, k), their entries of the semantic RSM
    - others: (q,), an upper bound on the entries of all other inputs that there were to choose
      from, which is at most the last score: the proof that none of them was missed; -inf without
      others. With `candidates` it is about those alone.
    - reached: from a number of axes to the number of pairs compared along them; the entry of all
      channels counts exact matchings
    - recall: the measured share of the true k best that were found; None for an exact search
    """

    indices: ResultT
    scores: ResultT
    others: ResultT
    reached: dict[int, int]
    recall: float | None = None


@overload
def retrieve(
    queries: InputsOf[TensorT],
    gallery: InputsOf[Array] | None = None,
    k: int = ...,
    **options: Unpack[RetrieveOptions],
) -> Retrieval[TensorT]: ...
@overload
def retrieve(
    queries: InputsOf[ArrayLike],
    gallery: InputsOf[Array] | None = None,
    k: int = ...,
    **options: Unpack[RetrieveOptions],
) -> Retrieval[NDArray[Any]]: ...
def retrieve(
    queries: InputsOf[Array],
    gallery: InputsOf[Array] | None = None,
    k: int = 10,
    *,
    candidates: int | Array | None = None,
    checked: int = 16,
    kernel: Literal["cosine", "linear"] = "cosine",
    normalize: NormalizationName = "input",
    layout: LayoutName = "nsc",
    lengths: Any = None,
    gallery_lengths: Any = None,
    mask: Any = None,
    gallery_mask: Any = None,
    job: str | os.PathLike[str] | None = None,
    num_threads: int | None = None,
    progress: Progress = False,
) -> Retrieval[Any]:
    """Find the k inputs of a gallery that are most like each query, whatever their tokens' order.

    The answer is that of sorting the rows of `semantic_rsm(queries, gallery)`, with its bits, but
    few of its entries are computed. Tokens are turned to their principal axes once. With P the
    first coordinates of tokens over the norm of their input, R the others, and R̄ their mean,

        K[i, j] ≤ bound(P_i, P_j) + s ⟨R̄_i, R̄_j⟩ + ‖R_i - R̄_i‖ ‖R_j - R̄_j‖,

    with bound() from dual values of the assignment, and without means where inputs have different
    numbers of tokens. 32, 128 and at last 256 axes are taken, of at most half as many as there are
    channels (below 128 channels one number, about half of them), and pairs that cannot be among
    the k best are dropped after each. Rounding is part of the bound: no answer depends on how tight
    it is.

    Parameters
    ----------
    queries, gallery : as `tokens` and `other` of `semantic_rsm`
        Without a gallery, `queries` again, in which no input is its own answer.
    k : int
        How many inputs to find for each query: at most as many as there are.
    candidates : int, or array of shape (q, c) of integers, optional
        Choose from these alone. An array has the indices of c inputs of the gallery for each query,
        such as the answers of a faster search; equal ones count once. A number is an approximation:
        the candidates are that number of inputs whose mean tokens have the largest cosine with the
        query's, with the linear kernel times the norm of the input; `recall` of the result says how
        good it is.
    checked : int
        With a number of candidates, for how many queries, drawn with a fixed seed, the true answer
        is found as well, to measure `recall`; with 0 it is NaN.
    kernel : {"cosine", "linear"}
        As for `semantic_rsm`: which entries are compared.
    normalize : {"input", "token"}
        As for `semantic_rsm`.
    layout : {"nsc", "nhwc", "nchw"}
        As for `semantic_rsm`.
    lengths, gallery_lengths, mask, gallery_mask
        As `lengths`, `other_lengths`, `mask` and `other_mask` of `semantic_rsm`.
    job : path, optional
        A folder for the answers of some queries after others: the same call goes on from there
        after an interruption, and is refused with other inputs or options.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number. Tokens are
        turned to their axes by NumPy, whose threads are its own.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in pairs of queries and
        inputs of the gallery, after each block of queries.

    Returns
    -------
    Retrieval
        Frozen dataclass, whose arrays are in the library of `queries` and lie where they do:
        indices, scores, others, reached, recall.

    Raises
    ------
    ValueError
        A wrong shape, layout, length, mask or index; k larger than the number of inputs to choose
        from; fewer candidates than k; a NaN or infinity, with its index.
    TypeError
        Types that are neither floats nor integers nor booleans; candidates that are not integers.

    Warns
    -----
    RuntimeWarning
        Linear scores are beyond the type, and infinite; maps look like the other layout.

    Notes
    -----
    Types: scores as the entries of `semantic_rsm`; tokens are turned in float64, and bounded in
    float32. Cost: with fewer than 32 queries or 64 channels, or at most 4 k inputs in the gallery,
    all entries; else per input c·256 multiply-adds for each token, and per pair a seventh of an
    entry at 49 tokens and 320 channels, a thirtieth at 1280; more for pairs that are left, and how
    many are left depends on the data: `reached` says it. Memory: with R axes, the largest of the
    numbers above, s·R float32 and c + R float64 for each input, one packed copy of the tokens of
    queries, and about 30 bytes for each of 2^24 pairs of queries with all of the gallery, or of 64
    queries if those are more; with `job` of 2^20. The host computes: tokens on a GPU are copied
    there, and the results back.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> gallery = np.random.default_rng(0).standard_normal((5, 4, 3))
    >>> found = ig.retrieve(gallery[2:3, ::-1], gallery, k=2)
    >>> found.indices
    array([[2, 0]])
    >>> found.scores[:, 0].round(6)
    array([1.])
    """
    is_cosine = choice(_FUNCTION, "kernel", kernel, ("cosine", "linear")) == "cosine"
    workers = threads(_FUNCTION, num_threads)
    inputs = Inputs(
        queries,
        gallery,
        lengths,
        gallery_lengths,
        layout,
        mask,
        gallery_mask,
        normalize,
        names=("queries", "gallery"),
    ).listed()
    pairs = inputs.checked(_FUNCTION)
    warn(remarks_on_axes(_FUNCTION, pairs), stacklevel=2)
    home = place_of(_FUNCTION, pairs.sources)
    here = pairs if home is HOST else pairs.on_host(home)
    dtype = result_dtype(*pairs.sources.values())
    search = search_of(_FUNCTION, here, kernel, dtype, workers)
    count = integer(_FUNCTION, "k", k, 1, _others(pairs), " (the inputs to choose from)")
    chosen = _candidates(pairs, candidates, count)
    sample = integer(_FUNCTION, "checked", checked, 0)
    all_queries = np.arange(len(here.rows))
    share = None
    options = {
        "k": count,
        "kernel": kernel,
        "layout": layout,
        "normalize": normalize,
        "candidates": said(chosen),
    }
    with (
        errors_of(_FUNCTION),
        reporting(_FUNCTION, progress) as report,
        keeping(_FUNCTION, job, lambda: _fingerprints(here), options) as keep,
    ):
        if isinstance(chosen, int):
            columns = like_in_mean(search, chosen, all_queries)
            found = nearest(search, count, all_queries, columns, report, keep)
            share = recall(search, count, found, sample)
        else:
            found = nearest(search, count, all_queries, chosen, report, keep)
    if not is_cosine and not np.isfinite(found.scores).all():
        warn([beyond_range(_FUNCTION, search.dtype)], stacklevel=2)
    indices, scores, others = (
        lying_with(inputs.first, array) for array in (found.indices, found.scores, found.others)
    )
    return Retrieval(indices, scores, others, found.reached, share)


def _fingerprints(pairs: Pairs) -> dict[str, str]:
    return {side.name: fingerprint(side) for side in pairs.sides}


def _others(pairs: Pairs) -> int:
    """Return how many inputs there are to choose from for each query."""
    return pairs.shape[1] - int(pairs.is_symmetric)


def _candidates(pairs: Pairs, candidates: Any, k: int) -> int | NDArray[np.int64] | None:
    """Return checked candidates."""
    if candidates is None:
        return None
    if not isinstance(candidates, list | tuple) and np.ndim(candidates) == 0:
        why = " (from `k` to the inputs to choose from), or an array of indices"
        return integer(_FUNCTION, "candidates", candidates, k, _others(pairs), why)
    array = on_host(_FUNCTION, "candidates", candidates)
    rows, cols = pairs.shape
    if array.ndim != 2 or len(array) != rows:
        raise ValueError(
            f"{_FUNCTION}: `candidates` must be of shape ({rows}, c), with a row for each query, "
            f"got shape {array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise TypeError(f"{_FUNCTION}: `candidates` must be of integers, got {array.dtype}")
    bad = np.argwhere((array < 0) | (array >= cols))
    if bad.size:
        index = tuple(map(int, bad[0]))
        raise ValueError(
            f"{_FUNCTION}: `candidates` must be from 0 to {cols - 1}, "
            f"got {array[index]} at index {index}"
        )
    for query, row in enumerate(array):
        others = np.setdiff1d(row, [query] if pairs.is_symmetric else [])
        if len(others) < k:
            raise ValueError(
                f"{_FUNCTION}: `candidates` must have at least {k} inputs for each query, as `k` "
                f"says, got {len(others)} at index {query}"
            )
    return array.astype(np.int64)
