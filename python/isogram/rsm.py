"""Representational similarity matrices of inputs that are sets of tokens."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import (
    choice,
    gpus_of,
    integer,
    median_or_bandwidth,
    threads,
)
from isogram._arithmetic import usual_arithmetic
from isogram._arrays import (
    Array,
    Output,
    copy_into,
    extremes,
    parts_of,
    result_dtype,
    to_host,
)
from isogram._bandwidth import scaled_bandwidth, zero_median
from isogram._device import rsm as on_gpu
from isogram._device.device import Device
from isogram._device.rsm_plan import Job
from isogram._errors import input_changed
from isogram._memory import FEWER_SAMPLES, PASS_OUT, check_memory
from isogram._progress import Progress, reporting
from isogram._samples import LAYOUTS, Samples, same_channels, samples_of
from isogram._scaling import distance_exponent, largest_exponent
from isogram.gram import beyond_range

_KERNELS = ("linear", "cosine", "rbf")
_MATCHINGS = ("exact", "window", "topk", "greedy", "none")
_PRECISIONS = ("float32", "bfloat16", "int8")


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
    gpus: int | Sequence[int] | None = None,
    memory_limit: int | None = None,
    num_threads: int | None = None,
    progress: Progress = False,
) -> Any:
    """Return the semantic RSM: how alike inputs are, whatever the order of their tokens.

    With Z_i the tokens of input i, m = max over one-to-one maps p of Σ_s ⟨Z_i[s], Z_j[p(s)]⟩, and

    - linear: K[i, j] = m
    - cosine: K[i, j] = m / (‖Z_i‖ ‖Z_j‖), with norms of whole inputs; 0 for an all-zero input
    - rbf: K[i, j] = exp(-(‖Z_i‖² + ‖Z_j‖² - 2 m) / (2 bandwidth²)), by differences of the matched
      tokens where the sum would cancel, as of inputs that share a token of huge norm

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
    gpus : int or sequence of int, optional
        Numbers of the GPUs that compute; by default the one that `tokens` lie on, and none for
        those of the host. Several share the pairs. The result lies where `tokens` do, with the same
        bits for any number of GPUs of one kind.
    memory_limit : int, optional
        How many bytes of each GPU may be taken beside tokens and results that are there; by default
        nine tenths of what is free. What does not fit comes and goes in parts.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number. Of no
        consequence where GPUs compute.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in pairs: on a GPU in
        pairs that are queued.

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
        bandwidth by the median of no pairs, or where the median is 0; on a GPU more than 4096
        tokens that are matched at once.
    TypeError
        Integers and other types that are not floats.
    MemoryError
        A result larger than the memory, of the machine or of the GPU; a `memory_limit` that not
        even a few inputs fit in.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 affinities → float64 sums → float32; any float64
    input → float64 throughout. Linear entries beyond the type are infinite, with a RuntimeWarning
    where the result lies on the host. Cost per pair: s²·c multiply-adds and one assignment (window:
    s·k·c and s/k assignments). Where an rbf distance is so far below the norms of the tokens that
    inner products may have lost the digits that tell near tokens apart (clusters of tokens far from
    each other that inputs share; near copies), it has a matching of its own, in float64 and of
    "exact" and "window" by differences: up to twenty times the time, and s² float64 per thread. A
    narrow precision matches what it rounded, without that care. The host does it for GPUs, whose
    tokens are copied to it where a pair asks for that. Memory: the results, one packed copy of the
    tokens (two with a narrow precision, whose matchings are rescored), and a block of pairs per
    thread; the median takes another half result. On a GPU: all that in bands of inputs that fit,
    and blocks of pairs whose affinities stay in its cache. It is waited for once, to learn whether
    all tokens are finite (for rbf twice more); a median of 0 gives NaN throughout, and no error.
    Entries differ from the host's by rounding, 1e-6 of the norms' product in float32; of equal
    optima of rounded tokens another may be scored. The result need not be positive semi-definite.
    Source: Wald et al. 2024, "Decoupling Semantic Similarity from Spatial Alignment for Neural
    Networks", arXiv:2410.23107. Their code sorts norms ascending before it cuts windows, so that
    the shorter last window holds the largest norms, here the smallest: entries differ where
    `window` does not divide s. Its bandwidth is the root of the median of the squared distances
    that are not 0, plus 0.001; pass that number as `bandwidth` to have it here.

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
        _Call("semantic_rsm", layout, gpus, memory_limit, num_threads, progress),
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
    gpus: int | Sequence[int] | None = None,
    memory_limit: int | None = None,
    num_threads: int | None = None,
    progress: Progress = False,
) -> Any:
    """Return the spatial RSM: token s of one input is compared with token s of the other.

    `semantic_rsm` with the identity for a matching, m = Σ_s ⟨Z_i[s], Z_j[s]⟩: the usual RSM of
    flattened features. Of inputs with different numbers of tokens, the first min(s_i, s_j) count.

    Parameters
    ----------
    tokens, other, kernel, layout, lengths, other_lengths, bandwidth, out
        As for `semantic_rsm`.
    gpus, memory_limit, num_threads, progress
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
        _Call("spatial_rsm", layout, gpus, memory_limit, num_threads, progress),
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
    window_or_k: int
    precision: str
    loss: Any


class _Inputs(NamedTuple):
    """The inputs as the caller gave them."""

    tokens: Any
    other: Any
    lengths: Any
    other_lengths: Any


class _Pairs(NamedTuple):
    """The checked inputs that are compared: the rows with the columns, or with themselves."""

    rows: Samples
    cols: Samples | None

    @property
    def is_symmetric(self) -> bool:
        return self.cols is None

    @property
    def sides(self) -> list[Samples]:
        return [self.rows] if self.cols is None else [self.rows, self.cols]

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.count, self.sides[-1].count

    @property
    def sources(self) -> dict[str, Any]:
        """The caller's arrays by name."""
        return {name: array for side in self.sides for name, array in side.named_sources().items()}


class _Call:
    """Which function was called, and the arguments that say how it runs."""

    def __init__(
        self,
        function: str,
        layout: str,
        gpus: Any,
        memory_limit: Any,
        num_threads: Any,
        progress: Progress,
    ) -> None:
        self.function = function
        self.layout = choice(function, "layout", layout, tuple(LAYOUTS))
        self.gpus = gpus
        self.memory_limit = memory_limit
        if memory_limit is not None:
            self.memory_limit = integer(function, "memory_limit", memory_limit, 1)
        self.workers = threads(function, num_threads)
        self.progress = progress

    def chosen_gpus(self, home: Device | None) -> list[Device]:
        """Return the GPUs that compute, for arrays that lie on `home`; none: the host does."""
        gpus = gpus_of(self.function, self.gpus, home)
        if self.memory_limit is not None and not gpus:
            raise ValueError(
                f"{self.function}: `memory_limit` must be None where no GPU computes, "
                f"got {self.memory_limit}"
            )
        return gpus

    def samples(self, name: str, tokens: Any, lengths_name: str, lengths: Any) -> Samples:
        """Return checked inputs."""
        return samples_of(self.function, name, tokens, self.layout, lengths_name, lengths)


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
    window_or_k = 0
    for argument, value in (("window", window), ("topk", topk)):
        if argument == name and value is None:
            raise ValueError(
                f"semantic_rsm: `{argument}` must be an integer for `matching` {name!r}, got None"
            )
        if argument == name:
            window_or_k = integer("semantic_rsm", argument, value, 1, 1 << 62)
        elif value is not None:
            raise ValueError(
                f"semantic_rsm: `{argument}` must be None unless `matching` is {argument!r}, "
                f"got {value!r} with `matching` {name!r}"
            )
    return _Matching(name, window_or_k, _precision(name, precision, loss), loss)


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
    pairs = _pairs(call, inputs)
    if out is not None and not is_single:
        raise ValueError(f"{call.function}: `out` must be None for several kernels, got an array")
    if "rbf" in kernels and width is None and pairs.is_symmetric and pairs.rows.count == 1:
        raise ValueError(
            f"{call.function}: `bandwidth` must be a number for a single input, which has no pairs "
            "to take the median of, got 'median'"
        )
    outputs = _outputs(call, inputs, pairs, kernels, out)
    arrays = {name: output.array for name, output in outputs.items()}
    loss = _loss_output(call, inputs, pairs, matching, outputs[kernels[0]])
    if loss is not None:
        arrays["loss"] = loss.array
    home = outputs[kernels[0]].device
    if gpus := call.chosen_gpus(home):
        _compute_on_gpus(call, pairs, matching, arrays, width, gpus, home)
    else:
        _compute(call, pairs, matching, arrays, width)
    if home is None and "linear" in arrays and not _is_finite(arrays["linear"]):
        message = beyond_range(call.function, arrays["linear"].dtype)
        warnings.warn(message, RuntimeWarning, stacklevel=3)
    if loss is not None:
        loss.give()
    results = {name: output.give() for name, output in outputs.items()}
    return results[kernels[0]] if is_single else results


def _is_finite(matrix: NDArray[Any]) -> bool:
    """Whether all entries are, none of which is NaN; without a temporary."""
    return all(map(math.isfinite, extremes(matrix)))


def _pairs(call: _Call, inputs: _Inputs) -> _Pairs:
    rows = call.samples("tokens", inputs.tokens, "lengths", inputs.lengths)
    same_channels(call.function, rows, rows.channels)
    if inputs.other is not None:
        cols = call.samples("other", inputs.other, "other_lengths", inputs.other_lengths)
        same_channels(call.function, cols, rows.channels)
        return _Pairs(rows, cols)
    if inputs.other_lengths is not None:
        raise ValueError(
            f"{call.function}: `other_lengths` must be None without `other`, got lengths"
        )
    return _Pairs(rows, None)


def _outputs(
    call: _Call,
    inputs: _Inputs,
    pairs: _Pairs,
    kernels: list[str],
    out: Array | None,
) -> dict[str, Output]:
    sources, shape = pairs.sources, pairs.shape
    advice = f"{PASS_OUT}, or {FEWER_SAMPLES}"
    if len(kernels) > 1:
        advice = f"ask for one kernel at a time, or {FEWER_SAMPLES}"
        check_memory(call.function, shape, result_dtype(*sources.values()), advice, len(kernels))
    like = inputs.tokens[0] if isinstance(inputs.tokens, list | tuple) else inputs.tokens
    return {name: Output(call.function, out, shape, sources, like, advice) for name in kernels}


def _loss_output(
    call: _Call,
    inputs: _Inputs,
    pairs: _Pairs,
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
    others = pairs.sources | {"out": result.array}
    return Output(call.function, matching.loss, pairs.shape, others, inputs.tokens, "", name="loss")


def _compute(
    call: _Call,
    pairs: _Pairs,
    matching: _Matching,
    outputs: dict[str, NDArray[Any]],
    bandwidth: float | None,
) -> None:
    """Fill the outputs, of which "rbf" first holds distances."""
    with reporting(call.function, call.progress) as report:
        try:
            exponent = _core.semantic_rsm(
                call.function,
                *pairs.rows.as_tokens(),
                *(pairs.cols.as_tokens() if pairs.cols else (None, None)),
                matching=matching.name,
                window_or_k=matching.window_or_k,
                precision=matching.precision,
                plan=None,
                linear=outputs.get("linear"),
                cosine=outputs.get("cosine"),
                distance=outputs.get("rbf"),
                loss=outputs.get("loss"),
                num_threads=call.workers,
                progress=report,
            )
        except _core.NotFiniteToken as error:
            samples = pairs.rows if error.inputs == "tokens" else pairs.sides[-1]
            raise _not_finite(call.function, samples, error.index, error.value) from None
    if "rbf" in outputs:
        _finish_rbf(call, outputs["rbf"], bandwidth, exponent, is_symmetric=pairs.is_symmetric)


def _finish_rbf(
    call: _Call,
    distances: NDArray[Any],
    bandwidth: float | None,
    exponent: int,
    *,
    is_symmetric: bool,
) -> None:
    """Make RBF entries of distances over 2^exponent."""
    if bandwidth is None:
        bandwidth = _median_bandwidth(call, distances, is_symmetric=is_symmetric)
    else:
        bandwidth = scaled_bandwidth(bandwidth, -exponent)
    _core.rbf_from_distances(call.function, distances, bandwidth, call.workers)


def _compute_on_gpus(
    call: _Call,
    pairs: _Pairs,
    matching: _Matching,
    outputs: dict[str, NDArray[Any]],
    bandwidth: float | None,
    gpus: list[Device],
    home: Device | None,
) -> None:
    """Fill the outputs, which lie where the tokens do; where those lie on the host, wait for it."""
    _check_sizes(call, pairs, matching, gpus[0])
    dtype = next(iter(outputs.values())).dtype
    job = Job(call.function, pairs.rows, pairs.cols, home, *matching[:3], tuple(outputs), dtype)
    job = job._replace(memory_limit=call.memory_limit)
    try:
        if "rbf" in outputs:
            job = job._replace(exponent=_distance_exponent(job))
        with reporting(call.function, call.progress) as report:
            on_gpu.rsm(gpus, job, outputs, report)
    except on_gpu.NotFinite as error:
        raise _not_finite(call.function, error.samples, error.index, error.value) from None
    if job.exponent and "linear" in outputs:
        _multiply(outputs["linear"], 2 * job.exponent, home)
    if "rbf" not in outputs:
        return
    with home.entered() if home else nullcontext():
        _match_marked_again(call, pairs, matching, job, outputs["rbf"])
    if home is None:
        distances, is_symmetric = outputs["rbf"], pairs.is_symmetric
        _finish_rbf(call, distances, bandwidth, job.exponent, is_symmetric=is_symmetric)
        return
    if bandwidth is not None:
        bandwidth = scaled_bandwidth(bandwidth, -job.exponent)
    with home.entered():
        on_gpu.rbf_from_distances(home, outputs["rbf"], bandwidth, is_symmetric=pairs.is_symmetric)


def _match_marked_again(
    call: _Call, pairs: _Pairs, matching: _Matching, job: Job, distances: NDArray[Any]
) -> None:
    """Replace the distances that a GPU marked by a minus sign by those of the host."""
    least = distances.min() if job.home else extremes(distances)[0]
    if least >= 0:
        return
    sides = [[to_host(sample) for sample in side.split()] for side in pairs.sides]
    rows, cols = sides[0], sides[-1]
    for i, tokens in enumerate(rows):
        marked = np.flatnonzero(to_host(distances[i]) < 0)
        if pairs.is_symmetric:
            marked = marked[marked > i]
        if not marked.size:
            continue
        found = np.empty((1, marked.size), job.dtype)
        others = [cols[j] for j in marked]
        exponent = _core.semantic_rsm(
            call.function,
            [tokens],
            None,
            others,
            None,
            matching=matching.name,
            window_or_k=matching.window_or_k,
            precision=matching.precision,
            plan=None,
            linear=None,
            cosine=None,
            distance=found,
            loss=None,
            num_threads=call.workers,
            progress=None,
        )
        np.ldexp(found, np.int32(exponent - job.exponent), out=found)
        where, values = marked, found[0]
        if job.home:
            where, values = job.home.xp.asarray(marked), job.home.copy_of(values)
        distances[i, where] = values
        if pairs.is_symmetric:
            distances[where, i] = values


def _multiply(products: NDArray[Any], exponent: int, home: Device | None) -> None:
    """Multiply the products by 2^exponent, where they lie."""
    with home.entered() if home else usual_arithmetic():
        xp = home.xp if home else np
        for part in [...] if home else parts_of(products.shape):
            xp.ldexp(products[part], np.int32(exponent), out=products[part])


def _distance_exponent(job: Job) -> int:
    """Return the exponent of a unit in which no distance leaves the range of its type."""
    sides = [job.rows] if job.cols is None else [job.rows, job.cols]
    if job.home is None:
        largest = largest_exponent([sample for side in sides for sample in side.split()])
    else:
        with job.home.entered():
            largest = on_gpu.largest_exponent(job.home, sides)
    return distance_exponent(largest, job.dtype)


def _check_sizes(call: _Call, pairs: _Pairs, matching: _Matching, gpu: Device) -> None:
    """Refuse what the kernels have no room for."""
    for samples in pairs.sides:
        tokens, most = int(samples.tokens.max()), gpu.kernels.most_matched()
        at_once = min(matching.window_or_k, tokens) if matching.name == "window" else tokens
        if matching.name != "none" and at_once > most:
            raise ValueError(
                f"{call.function}: `{samples.name}` must have at most {most} tokens an input to "
                f"match on a GPU, got {at_once}"
            )
    channels = pairs.rows.channels
    if matching.precision == "int8" and channels > gpu.kernels.most_byte_channels():
        raise ValueError(
            f"{call.function}: `precision` must not be 'int8' for more than "
            f"{gpu.kernels.most_byte_channels()} channels on a GPU, got {channels} channels"
        )


def _not_finite(
    function: str, samples: Samples, entry: tuple[int, int, int], value: float
) -> Exception:
    """Name an entry (input, token, channel) that is not finite, as the caller would."""
    name, index = samples.named_index(*entry)
    return ValueError(f"{function}: `{name}` must be finite, got {value} at index {index}")


@usual_arithmetic()
def _median_bandwidth(call: _Call, distances: NDArray[Any], *, is_symmetric: bool) -> float:
    """Return the root of the median squared distance."""
    values = _upper_triangle(distances) if is_symmetric else _flat(distances)
    median = _core.root_median_square(call.function, values, call.workers)
    if math.isnan(median):
        raise input_changed(call.function, "tokens")
    if median == 0:
        raise zero_median(call.function, "pairs of inputs")
    return median


def _flat(matrix: NDArray[Any]) -> NDArray[Any]:
    """Return all entries, in any order."""
    if matrix.flags.forc:
        return matrix.ravel("K")
    values = np.empty(matrix.shape, matrix.dtype)
    copy_into(values, matrix)
    return values.ravel()


def _upper_triangle(matrix: NDArray[Any]) -> NDArray[Any]:
    """Return the entries above the diagonal, without the index arrays of `numpy.triu_indices`."""
    n = len(matrix)
    values = np.empty(n * (n - 1) // 2, matrix.dtype)
    start = 0
    for i in range(n - 1):
        values[start : start + n - 1 - i] = matrix[i, i + 1 :]
        start += n - 1 - i
    return values
