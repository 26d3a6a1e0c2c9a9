"""Which token of one input goes to which of another, and its contribution to the total."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import choice, threads
from isogram._arithmetic import usual_arithmetic
from isogram._arrays import lying_with
from isogram._errors import errors_of, remarks_on_range, warn
from isogram._place import HOST, place_of
from isogram._progress import Progress, reporting
from isogram._tokens.arguments import Inputs, listed_pairs, remarks_on_axes
from isogram._tokens.job import Listed, Pairs, not_finite
from isogram._tokens.samples import Samples, of_unit_norm
from isogram._types import Array, InputsOf, Report, ResultT, SumT
from isogram.typing import LayoutName, NormalizationName

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import SemanticMatchingOptions, TensorT

_KERNELS = ("linear", "cosine")
_SAFE_EXPONENT = 200  # products of numbers between 2^±this, and their sums, stay within range
# Float64 that are held at one time: few, as the system clears large memory whenever it is taken.
_HELD = 2**18  # of affinities and tokens, where most pairs have inputs of their own
_SHARED = 2**20  # of affinities, and of tokens, where pairs share inputs, which are read once
_ONE_PAIR = Listed(np.zeros(1, np.int64), np.zeros(1, np.int64))


class SemanticMatching(NamedTuple, Generic[ResultT, SumT]):
    """Which token every token is matched with, what each pair of tokens adds, and their sum.

    All arrays are of one library. Without `pairs`, total and gap are floats.
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
    tokens: InputsOf[TensorT],
    other: InputsOf[Array] | None = None,
    *,
    pairs: tuple[Any, Any],
    **options: Unpack[SemanticMatchingOptions],
) -> SemanticMatching[TensorT, TensorT]: ...
@overload
def semantic_matching(
    tokens: InputsOf[ArrayLike],
    other: InputsOf[Array] | None = None,
    *,
    pairs: tuple[Any, Any],
    **options: Unpack[SemanticMatchingOptions],
) -> SemanticMatching[NDArray[Any], NDArray[Any]]: ...
def semantic_matching(
    tokens: InputsOf[Array],
    other: InputsOf[Array] | None = None,
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
    Types: any → float64 throughout. Of several optima one is found; `semantic_rsm`, which computes
    in float32, may find another, of the same sum but for rounding. Cost per pair: s·t·c
    multiply-adds in float64, by NumPy, and one assignment: two to seven times that of
    `semantic_rsm`. Memory: the results, and 16 MB of affinities and tokens, or one pair if that is
    more. The host computes: tokens on a GPU are copied there, and the results back. Source: Wald et
    al. 2024, arXiv:2410.23107.

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
    listed = _ONE_PAIR if is_single else listed_pairs(function, pairs, checked.shape)
    home = place_of(function, checked.sources)
    with errors_of(function), reporting(function, progress) as report:
        on_host = checked if home is HOST else checked.on_host(home)
        found = matchings(on_host, listed, is_cosine=is_cosine, workers=workers, report=report)
    if len(listed):
        warn(remarks_on_range(function, found.total), stacklevel=2)
    give = partial(lying_with, inputs.first)
    if is_single:
        columns, contributions, total, gap = (array[0] for array in found)
        return SemanticMatching(give(columns), give(contributions), float(total), float(gap))
    return SemanticMatching(*map(give, found))


def matchings(
    pairs: Pairs, listed: Listed, *, is_cosine: bool, workers: int, report: Report = None
) -> SemanticMatching[NDArray[Any], NDArray[Any]]:
    """Return the matchings of a list of pairs, whose inputs are checked and lie on the host."""
    found, done = _nothing(len(listed), pairs.rows.positions), 0
    for batch in _batches(pairs, listed):
        _match(pairs, listed, batch, found, is_cosine=is_cosine, workers=workers)
        done += len(batch)
        if report is not None:
            report(done, len(listed))
    return found


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
    if len(listed) <= 1:
        yield from np.arange(len(listed))[:, np.newaxis]
        return
    counts = [side.tokens[i] for side, i in zip((pairs.rows, pairs.sides[-1]), listed, strict=True)]
    order = np.lexsort(counts)
    changes = [np.diff(of_pairs[order]) != 0 for of_pairs in counts]
    for run in np.split(order, np.flatnonzero(changes[0] | changes[1]) + 1):
        channels = pairs.rows.channels
        s, t = (int(of_pairs[run[:1]].sum()) for of_pairs in counts)
        rows, cols = (np.unique(side[run]).size for side in listed)
        is_shared = rows + cols < len(run) and (rows * s + cols * t) * channels <= _SHARED
        step = _SHARED // (s * t) if is_shared else _HELD // (s * t + (s + t) * channels)
        step = max(1, step)
        yield from (run[begin : begin + step] for begin in range(0, len(run), step))


def _each_once(inputs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return inputs in order, each once, and the places of all among them."""
    if len(inputs) == 1:  # np.unique() would take longer than all else of a small pair
        return inputs, np.zeros(1, np.intp)
    used, places = np.unique(inputs, return_inverse=True)
    return used, places


class _Tokens(NamedTuple):
    """The tokens that count of inputs with as many: input k over 2^exponents[k], its positions."""

    values: NDArray[np.float64]  # (inputs, s, c)
    positions: NDArray[np.int64]  # (inputs, s)
    exponents: NDArray[np.int32]
    norms: NDArray[np.float64]

    @staticmethod
    def read(samples: Samples, inputs: NDArray[np.int64]) -> _Tokens:
        """Read some of the samples."""
        first, n = samples.taken(int(inputs[0]))[0], len(inputs)
        read = _Tokens(
            np.empty((n, *first.shape)),
            np.empty((n, len(first)), np.int64),
            np.zeros(n, np.int32),
            np.empty(n),
        )
        for place, input in enumerate(inputs.tolist()):
            read._put(place, samples, input)
        return read

    def _put(self, place: int, samples: Samples, input: int) -> None:
        """Read one input, or raise the error for an entry that is not finite."""
        values = self.values[place]
        values[...], self.positions[place] = samples.taken(input)
        largest = max(float(values.max()), -float(values.min()))  # NaN, if any entry is
        if not math.isfinite(largest):
            token, channel = map(int, np.argwhere(~np.isfinite(values))[0])
            raise not_finite(samples, (input, token, channel), float(values[token, channel]))
        if samples.is_unit:
            values[...], largest = of_unit_norm(np, values), 1.0
        exponent = math.frexp(largest)[1]
        if abs(exponent) > _SAFE_EXPONENT:
            self.exponents[place] = exponent
            np.ldexp(values, -exponent, out=values)
        self.norms[place] = math.sqrt(np.vdot(values, values))

    def of(self, places: NDArray[np.intp]) -> tuple[Any, Any, Any]:
        """Return positions, exponents and norms of inputs, which may repeat."""
        return self.positions[places], self.exponents[places], self.norms[places]


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
    """Write the matchings of a batch of pairs, all of s and t tokens."""
    (used, i), (others, j) = (_each_once(side[batch]) for side in listed)
    rows, cols = _Tokens.read(pairs.rows, used), _Tokens.read(pairs.sides[-1], others)
    affinities = np.empty((len(batch), rows.values.shape[1], cols.values.shape[1]))
    for out, a, b in zip(affinities, i.tolist(), j.tolist(), strict=True):
        np.matmul(rows.values[a], cols.values[b].T, out=out)
    columns, _, gaps, _ = HOST.match(affinities, True, workers, None)
    pair, row = np.arange(len(columns))[:, np.newaxis], np.arange(columns.shape[1])
    is_alone = columns < 0  # the last column stands in for none
    products = affinities[pair, row, columns]
    products[is_alone] = 0
    of_rows, row_exponents, row_norms = rows.of(i)
    of_cols, col_exponents, col_norms = cols.of(j)
    # Of an affinity the most is c·eps/2 of the product of norms; of the total (c + s)·eps/2.
    norms, terms = row_norms * col_norms, rows.values.shape[2] + min(affinities.shape[1:])
    gaps = gaps + 4 * terms * np.finfo(np.float64).eps * norms
    totals = products.sum(axis=1)
    if is_cosine:
        scales = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
        products, totals, gaps = products * scales[:, np.newaxis], totals * scales, gaps * scales
    else:
        exponents = row_exponents + col_exponents
        products = np.ldexp(products, exponents[:, np.newaxis])
        totals, gaps = np.ldexp(totals, exponents), np.ldexp(gaps, exponents)
    partners = of_cols[pair, columns]
    partners[is_alone] = -1
    places = batch[:, np.newaxis], of_rows
    found.columns[places], found.contributions[places] = partners, products
    found.total[batch], found.gap[batch] = totals, gaps
