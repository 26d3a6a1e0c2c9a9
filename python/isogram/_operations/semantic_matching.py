"""Which token of one input goes to which of another, and its contribution to the total."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import choice, threads
from isogram._arithmetic import usual_arithmetic
from isogram._arrays import lying_with
from isogram._entries import widened
from isogram._errors import errors_of, remarks_on_range, warn
from isogram._place import HOST, place_of
from isogram._progress import Progress, reporting
from isogram._tokens.arguments import Inputs, listed_pairs, remarks_on_axes
from isogram._tokens.job import Listed, Pairs, not_finite
from isogram._tokens.samples import Samples, of_unit_norm
from isogram._types import Array, ResultT, SumT
from isogram.typing import LayoutName, NormalizationName

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import SemanticMatchingOptions, TensorT

_KERNELS = ("linear", "cosine")
_SAFE_EXPONENT = 200  # products of numbers between 2^±this, and their sums, stay within range
_HELD = 2**24  # float64 of affinities and tokens that are held at one time


class SemanticMatching(NamedTuple, Generic[ResultT, SumT]):
    """Which token every token is matched with, what each pair of tokens adds, and their sum.

    Arrays are those of one library; of two inputs, total and gap are floats.
    """

    columns: ResultT
    contributions: ResultT
    total: SumT
    gap: SumT


@overload
def semantic_matching(
    tokens: TensorT,
    other: Array,
    *,
    pairs: None = None,
    **options: Unpack[SemanticMatchingOptions],
) -> SemanticMatching[TensorT, float]: ...
@overload
def semantic_matching(
    tokens: ArrayLike,
    other: Array,
    *,
    pairs: None = None,
    **options: Unpack[SemanticMatchingOptions],
) -> SemanticMatching[NDArray[Any], float]: ...
@overload
def semantic_matching(
    tokens: TensorT | Sequence[TensorT],
    other: Array | Sequence[Array] | None = None,
    *,
    pairs: tuple[Any, Any],
    **options: Unpack[SemanticMatchingOptions],
) -> SemanticMatching[TensorT, TensorT]: ...
@overload
def semantic_matching(
    tokens: ArrayLike | Sequence[ArrayLike],
    other: Array | Sequence[Array] | None = None,
    *,
    pairs: tuple[Any, Any],
    **options: Unpack[SemanticMatchingOptions],
) -> SemanticMatching[NDArray[Any], NDArray[Any]]: ...
def semantic_matching(
    tokens: Array | Sequence[Array],
    other: Array | Sequence[Array] | None = None,
    *,
    pairs: tuple[Any, Any] | None = None,
    kernel: Literal["cosine", "linear"] = "cosine",
    normalize: NormalizationName = "input",
    layout: LayoutName = "nsc",
    lengths: Any = None,
    other_lengths: Any = None,
    mask: Any = None,
    other_mask: Any = None,
    num_threads: int | None = None,
    progress: Progress = False,
) -> SemanticMatching[Any, Any]:
    """Match the tokens of two inputs exactly: which token went where, and how much each adds.

    It is the matching whose sum is an entry of `semantic_rsm`, in float64: p, the one-to-one map
    for which m = Σ_s ⟨a[s], b[p(s)]⟩ is largest. Token s adds

    - linear: ⟨a[s], b[p(s)]⟩
    - cosine: ⟨a[s], b[p(s)]⟩ / (‖a‖ ‖b‖), with norms of whole inputs; 0 for an all-zero input

    A matching does not see the order of tokens, of words as little as of patches: where a token
    stands counts only as far as its channels tell.

    Parameters
    ----------
    tokens, other : arrays of shape (s, c) and (t, c)
        Two inputs of s and t tokens with c channels each; see `layout`. With `pairs`, sets of
        inputs as `semantic_rsm` takes them, and `other` is by default `tokens` again.
    pairs : (i, j), two arrays of p integers, optional
        Which inputs to match: `i[k]` of `tokens` with `j[k]` of `other`. They may repeat.
    kernel : {"cosine", "linear"}
        What tokens add; the matching is the same.
    normalize : {"input", "token"}
        As for `semantic_rsm`. token: every token is scaled to norm 1 first.
    layout : {"nsc", "nhwc", "nchw"}
        Axes of an array. Without `pairs`, of two inputs without the first axis: the latter two are
        (h, w, c) and (c, h, w), and token s lies in row s // w and column s % w.
    lengths, other_lengths, mask, other_mask
        As for `semantic_rsm`; without `pairs`, masks of shape (s,) and (t,), and no lengths.
    num_threads : int, optional
        By default `get_num_threads()`; products are those of NumPy, whose threads are its own.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in pairs.

    Returns
    -------
    SemanticMatching
        Named tuple, in the library of `tokens` and where they lie; with `pairs` of arrays with p
        rows, one for each, else of one row and two floats:

        - columns: int32 (s,) or (p, s), the token of `other` that each token of `tokens` is
          matched with; -1 where it is matched with none, as of the larger of two inputs, and
          where it does not count
        - contributions: float64 (s,) or (p, s), what each token adds; 0 where `columns` is -1
        - total: float, or float64 (p,), their sum: the entry of `semantic_rsm`, but for rounding
        - gap: float, or float64 (p,), an upper bound on optimum - total that contains all
          rounding of products and sums

        s is the number of tokens of the largest input of `tokens`, those that a mask leaves out
        included.

    Raises
    ------
    ValueError
        A wrong shape, layout, length, mask or index; a NaN or infinity in an input that is matched,
        whose index is named.
    TypeError
        Tokens that are not floats, indices that are not integers, masks of neither.

    Warns
    -----
    RuntimeWarning
        Totals are beyond float64, and infinite; maps look like the other layout.

    Notes
    -----
    Types: any → float64 throughout. Of several optima one is found; `semantic_rsm`, which
    computes in float32, may find another, of the same sum but for rounding. Cost per pair: s·t·c
    multiply-adds in float64 and one assignment, ten times that of `semantic_rsm`. Memory:
    the results, and 128 MB of affinities and tokens, or one pair if that is more. The host
    computes: tokens on a GPU are copied there, and the results back. Source: Wald et al. 2024,
    arXiv:2410.23107.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> a = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> ig.semantic_matching(a, a[::-1], kernel="linear")
    SemanticMatching(columns=array([1, 0], dtype=int32), contributions=array([1., 4.]), ...
    """
    function = "semantic_matching"
    is_cosine = choice(function, "kernel", kernel, _KERNELS) == "cosine"
    workers = threads(function, num_threads)
    is_single = pairs is None
    if is_single:
        _require_one_each(function, other, {"lengths": lengths, "other_lengths": other_lengths})
    inputs = Inputs(
        tokens, other, lengths, other_lengths, layout, mask, other_mask, normalize, is_single
    ).listed()
    checked = inputs.checked(function)
    warn(remarks_on_axes(function, checked), stacklevel=2)
    listed = listed_pairs(function, ([0], [0]) if is_single else pairs, checked.shape)
    home = place_of(function, checked.sources)
    found = _nothing(len(listed), checked.rows.positions)
    with errors_of(function), reporting(function, progress) as report:
        on_host, done = checked.on_host(home), 0
        for batch in _batches(on_host, listed):
            _match(on_host, listed, batch, found, is_cosine=is_cosine, workers=workers)
            done += len(batch)
            if report is not None:
                report(done, len(listed))
    if len(listed):
        warn(remarks_on_range(function, found.total), stacklevel=2)
    give = partial(lying_with, inputs.first)
    if is_single:
        columns, contributions, total, gap = (array[0] for array in found)
        return SemanticMatching(give(columns), give(contributions), float(total), float(gap))
    return SemanticMatching(*map(give, found))


def _require_one_each(function: str, other: Any, lengths: Mapping[str, Any]) -> None:
    """Raise ValueError unless there are two inputs, all of whose tokens a mask could leave out."""
    if other is None:
        raise ValueError(f"{function}: `other` must be an input without `pairs`, got None")
    for name, given in lengths.items():
        if given is not None:
            raise ValueError(
                f"{function}: `{name}` must be None without `pairs`, got lengths: "
                "pass the tokens that count"
            )


def _nothing(pairs: int, tokens: int) -> SemanticMatching:
    """Return the results of pairs before any pair is matched."""
    return SemanticMatching(
        np.full((pairs, tokens), -1, np.int32),
        np.zeros((pairs, tokens)),
        np.zeros(pairs),
        np.zeros(pairs),
    )


def _batches(pairs: Pairs, listed: Listed) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of pairs that are matched at once: all have as many tokens."""
    counts = [side.tokens[i] for side, i in zip((pairs.rows, pairs.sides[-1]), listed, strict=True)]
    order = np.lexsort(counts)
    s, t = (of_pairs[order] for of_pairs in counts)
    for run in np.split(order, np.flatnonzero((np.diff(s) != 0) | (np.diff(t) != 0)) + 1):
        s, t = (of_pairs[run[:1]].sum() for of_pairs in counts)
        step = max(1, _HELD // max(1, int(s * t + (s + t) * pairs.rows.channels)))
        yield from (run[begin : begin + step] for begin in range(0, len(run), step))


class _Input(NamedTuple):
    """The tokens of an input that count, over 2^exponent, and their positions."""

    values: NDArray[np.float64]
    positions: NDArray[np.int64]
    exponent: int
    norm: float

    @staticmethod
    def read(samples: Samples, input: int) -> _Input:
        """Read one of the samples, or raise the error for an entry that is not finite."""
        [tokens] = replace(samples.rows(slice(input, input + 1)), is_unit=False).split()
        values = widened(tokens).astype(np.float64)
        largest = float(np.abs(values).max())
        if not math.isfinite(largest):
            token, channel = map(int, np.argwhere(~np.isfinite(values))[0])
            raise not_finite(samples, (input, token, channel), float(values[token, channel]))
        if samples.is_unit:
            values, largest = of_unit_norm(np, values), 1.0
        exponent = math.frexp(largest)[1]
        if abs(exponent) <= _SAFE_EXPONENT:
            exponent = 0
        else:
            values = np.ldexp(values, -exponent)
        return _Input(values, samples.kept(input), exponent, float(np.linalg.norm(values)))


def _read(samples: Samples, inputs: NDArray[np.int64]) -> dict[int, _Input]:
    return {k: _Input.read(samples, k) for k in np.unique(inputs).tolist()}


@usual_arithmetic()
def _match(
    pairs: Pairs,
    listed: Listed,
    batch: NDArray[np.int64],
    found: SemanticMatching,
    *,
    is_cosine: bool,
    workers: int,
) -> None:
    """Write the matchings of a batch of pairs."""
    i, j = (indices[batch] for indices in listed)
    rows, cols = _read(pairs.rows, i), _read(pairs.sides[-1], j)
    both = [(rows[a], cols[b]) for a, b in zip(i.tolist(), j.tolist(), strict=True)]
    shape = len(both[0][0].values), len(both[0][1].values)
    affinities = np.empty((len(batch), *shape))
    for out, (a, b) in zip(affinities, both, strict=True):
        np.matmul(a.values, b.values.T, out=out)
    columns, _, gaps, _ = HOST.match(affinities, True, workers, None)
    for k, (a, b), of_pair, gap in zip(batch, both, columns, gaps, strict=True):
        _write(found, k, a, b, of_pair, gap, is_cosine=is_cosine)


def _write(
    found: SemanticMatching,
    k: np.int64,
    a: _Input,
    b: _Input,
    columns: NDArray[np.int32],
    gap: float,
    *,
    is_cosine: bool,
) -> None:
    """Write the matching of pair k; `gap` is that of its affinities as they were computed."""
    is_matched = columns >= 0
    of_rows, of_cols = a.positions[is_matched], b.positions[columns[is_matched]]
    products = np.einsum("sc,sc->s", a.values[is_matched], b.values[columns[is_matched]])
    # Of an affinity the most is c·eps/2 of the product of norms; of the total (c + s)·eps/2.
    norms = a.norm * b.norm
    gap += 4 * (a.values.shape[1] + len(products)) * np.finfo(np.float64).eps * norms
    total = products.sum()
    if is_cosine:
        scale = 1 / norms if norms > 0 else 0
        products, total, gap = (value * scale for value in (products, total, gap))
    else:
        exponent = a.exponent + b.exponent
        products, total, gap = (np.ldexp(value, exponent) for value in (products, total, gap))
    found.columns[k, of_rows] = of_cols
    found.contributions[k, of_rows] = products
    found.total[k], found.gap[k] = total, gap
