"""Representational similarity matrices of inputs that are sets of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import (
    choice,
    integer,
    median_or_bandwidth,
    threads,
)
from isogram._arrays import Array, Output, as_input, as_matrix, result_dtype, widened
from isogram._memory import FEWER_SAMPLES, PASS_OUT, check_memory
from isogram._progress import Progress, reporting
from isogram._scaling import moderate, scaled_bandwidth
from isogram.gram import zero_median

_KERNELS = ("linear", "cosine", "rbf")
_MATCHINGS = ("exact", "window", "topk", "greedy", "none")
_PRECISIONS = ("float32", "bfloat16", "int8")
_LAYOUTS = {"nsc": 3, "nhwc": 4, "nchw": 4}


def semantic_rsm(
    tokens: Array | Sequence[Array],
    other: Array | Sequence[Array] | None = None,
    *,
    kernel: str | Sequence[str] = "cosine",
    matching: str = "exact",
    window: int | None = None,
    topk: int | None = None,
    precision: str = "float32",
    layout: str = "nsc",
    lengths: Any = None,
    other_lengths: Any = None,
    bandwidth: float | str = "median",
    out: Array | None = None,
    loss: Array | None = None,
    num_threads: int | None = None,
    progress: Progress = False,
) -> Any:
    """Return the semantic RSM: how alike inputs are, whatever the order of their tokens.

    With Z_i the tokens of input i, m = max over one-to-one maps p of Σ_s ⟨Z_i[s], Z_j[p(s)]⟩, and

    - linear: K[i, j] = m
    - cosine: K[i, j] = m / (‖Z_i‖ ‖Z_j‖), with norms of whole inputs; 0 for an all-zero input
    - rbf: K[i, j] = exp(-(‖Z_i‖² + ‖Z_j‖² - 2 m) / (2 bandwidth²))

    Parameters
    ----------
    tokens : array of shape (n, s, c), or sequence of n arrays of shape (s_i, c)
        n inputs of s tokens (positions) with c channels each; see `layout`. Where two inputs have
        different numbers of tokens, every token of the smaller one is matched.
    other : the same with m inputs, optional
        Other inputs; by default `tokens` again.
    kernel : str, or a sequence of names
        linear, cosine or rbf; several come from one matching.
    matching : {"exact", "window", "topk", "greedy", "none"}
        How m is found. exact: the optimum. window: both inputs' tokens sorted by norm (descending,
        equal ones by index), cut into windows of `window` tokens and solved window by window. topk:
        the `topk` tokens of largest norm of both matched exactly, the rest greedily. greedy: the
        largest remaining product first. none: the identity, as for `spatial_rsm`.
    window : int, optional
        Of matching "window", at least 1, and only there.
    topk : int, optional
        Of matching "topk", at least 1, and only there.
    precision : {"float32", "bfloat16", "int8"}
        What the exact matching sees of tokens that are not float64: channels as they are, rounded
        to bfloat16, or to whole numbers from -127 to 127 times a scale of each token. The pairs it
        matches are scored in float32 all the same, so that m can only be too small: on features of
        real networks by 1e-6 of itself on average. int8 is the faster where the processor
        multiplies bytes (AVX-512 VNNI), bfloat16 where it multiplies those (AVX-512 BF16):
        elsewhere both are multiplied as float32, at its speed.
    layout : {"nsc", "nhwc", "nchw"}
        Axes of an array: the latter two are (n, h, w, c) and (n, c, h, w), with s = h·w.
    lengths, other_lengths : n (m) integers from 1 to s, optional
        How many tokens of each input count; what lies beyond is not read.
    bandwidth : float or "median"
        Of rbf; "median" is the root of the median of the squared distances of all computed pairs:
        i < j for one set, all n·m for two.
    out : array of shape (n, n) or (n, m), optional
        Where to write the result of a single kernel: of its very type, any strides, apart from the
        inputs.
    loss : array of shape (n, n) or (n, m), optional
        Where to write how much a narrow `precision` may have cost each pair: m is below the optimum
        by at most loss[i, j] ‖Z_i‖ ‖Z_j‖, which is the bound for an entry of the cosine kernel. A
        proof from the duals of the rounded problem and norms of the rounding errors, and therefore
        far above the loss itself. float32, any strides, apart from the inputs.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in pairs.

    Returns
    -------
    array of shape (n, n) or (n, m), or dict of them by kernel
        In the library of `tokens`. Of one set: exactly symmetric; its diagonal is that of the
        spatial RSM: ‖Z_i‖², 1 (0 for an all-zero input), 1.

    Raises
    ------
    ValueError
        A wrong shape, layout or length; a narrow `precision` with float64 tokens or with another
        matching than "exact", or `loss` without one; a NaN or infinity, whose index is named; a
        bandwidth by the median of no pairs, or where the median is 0.
    TypeError
        Integers and other types that are not floats; arrays on a GPU.
    MemoryError
        A result larger than the machine's memory.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 affinities → float64 sums → float32; any float64
    input → float64 throughout. Cost per pair: s²·c multiply-adds and one assignment (window: s·k·c
    and s/k assignments). Memory: the results, one packed copy of the tokens (two with a narrow
    precision, whose matchings are rescored), and a block of pairs per thread; the median takes
    another half result. The result need not be positive semi-definite. Source: Wald et al. 2024,
    "Decoupling Semantic Similarity from Spatial Alignment for Neural Networks", arXiv:2410.23107;
    there the bandwidth's median leaves out zeros and 0.001 is added to it.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> tokens = np.random.default_rng(0).standard_normal((1, 6, 3))
    >>> shuffled = tokens[:, ::-1]
    >>> ig.semantic_rsm(tokens, shuffled).round(6)
    array([[1.]])
    """
    kernels = _kernels("semantic_rsm", kernel)
    return _rsm(
        _Call("semantic_rsm", layout, num_threads, progress),
        _Inputs(tokens, other, lengths, other_lengths),
        kernels,
        _matching(matching, window, topk, precision, loss),
        bandwidth,
        out,
        is_single=isinstance(kernel, str),
    )


def spatial_rsm(
    tokens: Array | Sequence[Array],
    other: Array | Sequence[Array] | None = None,
    *,
    kernel: str | Sequence[str] = "cosine",
    layout: str = "nsc",
    lengths: Any = None,
    other_lengths: Any = None,
    bandwidth: float | str = "median",
    out: Array | None = None,
    num_threads: int | None = None,
    progress: Progress = False,
) -> Any:
    """Return the spatial RSM: token s of one input is compared with token s of the other.

    `semantic_rsm` with the identity for a matching, m = Σ_s ⟨Z_i[s], Z_j[s]⟩: the usual RSM of
    flattened features. Of inputs with different numbers of tokens, the first min(s_i, s_j) count.

    Parameters
    ----------
    tokens, other, kernel, layout, lengths, other_lengths, bandwidth, out, num_threads, progress
        As for `semantic_rsm`.

    Returns
    -------
    array of shape (n, n) or (n, m), or dict of them by kernel
        As for `semantic_rsm`.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As for `semantic_rsm`.

    Notes
    -----
    Types as for `semantic_rsm`. Cost per pair: s·c multiply-adds. Memory: the results and one
    packed copy of the tokens. Source: Kriegeskorte et al. 2008.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> tokens = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    >>> ig.spatial_rsm(tokens)
    array([[1., 0.],
           [0., 1.]])
    >>> ig.semantic_rsm(tokens)
    array([[1., 1.],
           [1., 1.]])
    """
    return _rsm(
        _Call("spatial_rsm", layout, num_threads, progress),
        _Inputs(tokens, other, lengths, other_lengths),
        _kernels("spatial_rsm", kernel),
        _Matching("none", 0, "float32", None),
        bandwidth,
        out,
        is_single=isinstance(kernel, str),
    )


class _Matching(NamedTuple):
    """A checked matching, its window or top k (0: it has none), and what it sees of the tokens."""

    name: str
    block: int
    precision: str
    loss: Any


class _Inputs(NamedTuple):
    """The inputs as the caller gave them."""

    tokens: Any
    other: Any
    lengths: Any
    other_lengths: Any


class _Call:
    """Which function was called, and the arguments that say how it runs."""

    def __init__(self, function: str, layout: str, num_threads: Any, progress: Progress) -> None:
        self.function = function
        self.layout = choice(function, "layout", layout, tuple(_LAYOUTS))
        self.workers = threads(function, num_threads)
        self.progress = progress


@dataclass(frozen=True)
class _Samples:
    """Inputs as they came, cut into the core's (s_i, c) views only once their number is checked."""

    name: str
    sources: list[NDArray[Any]]  # one array of all inputs, or one for each
    layout: str | None  # None: one array for each
    lengths: NDArray[Any] | None

    @property
    def count(self) -> int:
        return len(self.sources) if self.layout is None else len(self.sources[0])

    @property
    def channels(self) -> int:
        """Of the first input."""
        return int(self.sources[0].shape[1 if self.layout in (None, "nchw") else -1])

    def named_sources(self) -> dict[str, NDArray[Any]]:
        if self.layout is not None:
            return {self.name: self.sources[0]}
        return {f"{self.name}[{i}]": source for i, source in enumerate(self.sources)}

    def split(self) -> list[NDArray[Any]]:
        """Return one view for each input; a picture layout is copied where strides forbid one."""
        if self.layout is None:
            return self.sources
        array = self.sources[0]
        if self.layout == "nhwc":
            array = array.reshape(self.count, -1, self.channels)
        elif self.layout == "nchw":
            array = array.reshape(self.count, self.channels, -1).transpose(0, 2, 1)
        if self.lengths is None:
            return list(array)
        return [sample[:length] for sample, length in zip(array, self.lengths, strict=True)]

    def bad_entry(self) -> tuple[str, tuple[int, ...], float] | None:
        """Return the name, index and value of the caller's first entry that is not finite."""
        for i, sample in enumerate(self.split()):
            # In the order of the caller's axes: channels come before tokens in nchw.
            values = widened(sample).T if self.layout == "nchw" else widened(sample)
            bad = np.argwhere(~np.isfinite(values))
            if len(bad):
                first = (int(bad[0][0]), int(bad[0][1]))
                return *self._named_index(i, first), float(values[first])
        return None

    def _named_index(self, i: int, entry: tuple[int, int]) -> tuple[str, tuple[int, ...]]:
        shape = self.sources[0].shape
        if self.layout is None:
            return f"{self.name}[{i}]", entry
        if self.layout == "nhwc":
            return self.name, (i, *divmod(entry[0], shape[2]), entry[1])
        if self.layout == "nchw":
            return self.name, (i, entry[0], *divmod(entry[1], shape[3]))
        return self.name, (i, *entry)


def _kernels(function: str, kernel: object) -> list[str]:
    if isinstance(kernel, str):
        return [choice(function, "kernel", kernel, _KERNELS)]
    if not isinstance(kernel, tuple | list):
        raise TypeError(f"{function}: `kernel` must be a name or a tuple of names, got {kernel!r}")
    names = [choice(function, "kernel", name, _KERNELS) for name in kernel]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"{function}: `kernel` must be a name or a tuple of different names, got {kernel!r}"
        )
    return names


def _matching(matching: object, window: Any, topk: Any, precision: object, loss: Any) -> _Matching:
    name = choice("semantic_rsm", "matching", matching, _MATCHINGS)
    block = 0
    for argument, value in (("window", window), ("topk", topk)):
        if argument == name and value is None:
            raise ValueError(
                f"semantic_rsm: `{argument}` must be an integer for `matching` {name!r}, got None"
            )
        if argument == name:
            block = integer("semantic_rsm", argument, value, 1, 1 << 62)
        elif value is not None:
            raise ValueError(
                f"semantic_rsm: `{argument}` must be None unless `matching` is {argument!r}, "
                f"got {value!r} with `matching` {name!r}"
            )
    return _Matching(name, block, _precision(name, precision, loss), loss)


def _precision(matching: str, precision: object, loss: Any) -> str:
    name = choice("semantic_rsm", "precision", precision, _PRECISIONS)
    if name != "float32" and matching != "exact":
        raise ValueError(
            "semantic_rsm: `precision` must be 'float32' unless `matching` is 'exact', "
            f"got {name!r} with `matching` {matching!r}"
        )
    if name == "float32" and loss is not None:
        raise ValueError(
            "semantic_rsm: `loss` must be None for `precision` 'float32', which loses nothing, "
            "got an array"
        )
    return name


def _samples(call: _Call, name: str, tokens: Any, lengths_name: str, lengths: Any) -> _Samples:
    """Check the inputs' types and shapes, whether they are one array or a sequence of arrays."""
    if isinstance(tokens, list | tuple):
        return _ragged_samples(call, name, tokens, lengths_name, lengths)
    array = as_input(call.function, name, tokens, _LAYOUTS[call.layout])
    if array.size == 0:
        raise ValueError(
            f"{call.function}: `{name}` must have at least one input, one token and one channel, "
            f"got shape {array.shape}"
        )
    result = _Samples(name, [array], call.layout, None)
    if lengths is None:
        return result
    most = array[0].size // result.channels
    return replace(result, lengths=_counts(call.function, lengths_name, lengths, len(array), most))


def _ragged_samples(
    call: _Call, name: str, tokens: Sequence[Any], lengths_name: str, lengths: Any
) -> _Samples:
    if call.layout != "nsc":
        raise ValueError(
            f"{call.function}: `layout` must be 'nsc' for a sequence of arrays, got {call.layout!r}"
        )
    if lengths is not None:
        raise ValueError(
            f"{call.function}: `{lengths_name}` must be None for a sequence of arrays, got lengths"
        )
    if not tokens:
        raise ValueError(f"{call.function}: `{name}` must have at least one input, got none")
    arrays = [as_matrix(call.function, f"{name}[{i}]", sample) for i, sample in enumerate(tokens)]
    return _Samples(name, arrays, None, None)


def _counts(function: str, name: str, lengths: Any, n: int, most: int) -> NDArray[Any]:
    array = np.asarray(lengths)
    if array.shape != (n,):
        raise ValueError(
            f"{function}: `{name}` must be 1-D with one length for each of the {n} inputs, "
            f"got shape {array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise TypeError(f"{function}: `{name}` must be of integers, got {array.dtype}")
    bad = np.flatnonzero((array < 1) | (array > most))
    if bad.size:
        raise ValueError(
            f"{function}: `{name}` must be from 1 to {most}, got {array[bad[0]]} at index {bad[0]}"
        )
    return array


def _same_channels(function: str, samples: _Samples, channels: int) -> None:
    if samples.layout is not None:
        found = {samples.name: samples.channels}
    else:
        found = {name: source.shape[1] for name, source in samples.named_sources().items()}
    for name, count in found.items():
        if count != channels:
            raise ValueError(
                f"{function}: `{name}` must have as many channels as the first input ({channels}), "
                f"got {count}"
            )


def _rsm(
    call: _Call,
    inputs: _Inputs,
    kernels: list[str],
    matching: _Matching,
    bandwidth: object,
    out: Array | None,
    *,
    is_single: bool,
) -> Any:
    width = median_or_bandwidth(call.function, bandwidth)
    rows = _samples(call, "tokens", inputs.tokens, "lengths", inputs.lengths)
    _same_channels(call.function, rows, rows.channels)
    cols = _other_samples(call, inputs, rows.channels)
    if out is not None and not is_single:
        raise ValueError(f"{call.function}: `out` must be None for several kernels, got an array")
    if "rbf" in kernels and width is None and cols is None and rows.count == 1:
        raise ValueError(
            f"{call.function}: `bandwidth` must be a number for a single input, which has no pairs "
            "to take the median of, got 'median'"
        )
    outputs = _outputs(call, inputs, rows, cols, kernels, out)
    arrays = {name: output.array for name, output in outputs.items()}
    loss = _loss_output(call, inputs, rows, cols, matching, outputs[kernels[0]])
    if loss is not None:
        arrays["loss"] = loss.array
    _compute(call, rows, cols, matching, arrays, width)
    if loss is not None:
        loss.give()
    results = {name: output.give() for name, output in outputs.items()}
    return results[kernels[0]] if is_single else results


def _other_samples(call: _Call, inputs: _Inputs, channels: int) -> _Samples | None:
    if inputs.other is None:
        if inputs.other_lengths is not None:
            raise ValueError(
                f"{call.function}: `other_lengths` must be None without `other`, got lengths"
            )
        return None
    result = _samples(call, "other", inputs.other, "other_lengths", inputs.other_lengths)
    _same_channels(call.function, result, channels)
    return result


def _outputs(
    call: _Call,
    inputs: _Inputs,
    rows: _Samples,
    cols: _Samples | None,
    kernels: list[str],
    out: Array | None,
) -> dict[str, Output]:
    sources = rows.named_sources() | ({} if cols is None else cols.named_sources())
    shape = (rows.count, (rows if cols is None else cols).count)
    advice = f"{PASS_OUT}, or {FEWER_SAMPLES}"
    if len(kernels) > 1:
        advice = f"ask for one kernel at a time, or {FEWER_SAMPLES}"
        check_memory(call.function, shape, result_dtype(*sources.values()), advice, len(kernels))
    like = inputs.tokens[0] if isinstance(inputs.tokens, list | tuple) else inputs.tokens
    return {name: Output(call.function, out, shape, sources, like, advice) for name in kernels}


def _loss_output(
    call: _Call,
    inputs: _Inputs,
    rows: _Samples,
    cols: _Samples | None,
    matching: _Matching,
    result: Output,
) -> Output | None:
    if matching.precision != "float32" and result.array.dtype == np.float64:
        raise ValueError(
            f"{call.function}: `precision` must be 'float32' for float64 tokens, "
            f"got {matching.precision!r}"
        )
    if matching.loss is None:
        return None
    others = rows.named_sources() | ({} if cols is None else cols.named_sources())
    others["out"] = result.array
    shape = (rows.count, (rows if cols is None else cols).count)
    return Output(call.function, matching.loss, shape, others, inputs.tokens, "", name="loss")


def _compute(
    call: _Call,
    rows: _Samples,
    cols: _Samples | None,
    matching: _Matching,
    outputs: dict[str, NDArray[Any]],
    bandwidth: float | None,
) -> None:
    """Fill the outputs, of which "rbf" first holds squared distances."""
    samples, others, exponent = rows.split(), None if cols is None else cols.split(), 0
    if "rbf" in outputs:
        # A squared distance of extreme tokens leaves the range of its type, where their RBF entry
        # does not.
        scaled, exponent = moderate([*samples, *(others or [])])
        samples, others = scaled[: len(samples)], others and scaled[len(samples) :]
    with reporting(call.function, call.progress) as report:
        try:
            _core.semantic_rsm(
                call.function,
                samples,
                others,
                matching.name,
                matching.block,
                matching.precision,
                outputs.get("linear"),
                outputs.get("cosine"),
                outputs.get("rbf"),
                outputs.get("loss"),
                call.workers,
                report,
            )
        except ValueError as error:
            raise _with_callers_index(error, call.function, rows, cols) from None
    if "rbf" not in outputs:
        return
    if exponent and "linear" in outputs:
        with np.errstate(over="ignore"):
            np.ldexp(outputs["linear"], 2 * exponent, out=outputs["linear"])
    distances = outputs["rbf"]
    if bandwidth is None:
        bandwidth = _median_bandwidth(call.function, distances, is_symmetric=cols is None)
    else:
        bandwidth = scaled_bandwidth(bandwidth, -exponent)
    _core.rbf_from_squared_distances(call.function, distances, bandwidth, call.workers)


def _with_callers_index(
    error: ValueError, function: str, rows: _Samples, cols: _Samples | None
) -> ValueError:
    """Name an entry that is not finite as the caller would: the core counts inputs and tokens."""
    if "must be finite" in str(error):
        for samples in (rows, cols):
            if samples is not None and (entry := samples.bad_entry()) is not None:
                name, index, value = entry
                return ValueError(
                    f"{function}: `{name}` must be finite, got {value} at index {index}"
                )
    return error


def _median_bandwidth(function: str, distances: NDArray[Any], *, is_symmetric: bool) -> float:
    values = _upper_triangle(distances) if is_symmetric else distances.flatten()
    median = float(np.median(values, overwrite_input=True))
    if median == 0:
        raise zero_median(function, "pairs of inputs")
    return float(np.sqrt(median))


def _upper_triangle(matrix: NDArray[Any]) -> NDArray[Any]:
    """Return the entries above the diagonal, without the index arrays of `numpy.triu_indices`."""
    n = len(matrix)
    values = np.empty(n * (n - 1) // 2, matrix.dtype)
    start = 0
    for i in range(n - 1):
        values[start : start + n - 1 - i] = matrix[i, i + 1 :]
        start += n - 1 - i
    return values
