"""Representational similarity matrices of inputs that are sets of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from numpy.typing import ArrayLike, NDArray

from isogram._arguments import bandwidth_of, gpus_of, integer, threads
from isogram._arrays import Output
from isogram._bandwidth import zero_median
from isogram._entries import result_dtype
from isogram._errors import beyond_range, errors_of, warn
from isogram._loading import loaded
from isogram._memory import FEWER_SAMPLES, PASS_OUT, check_memory
from isogram._operations.plan import run_to
from isogram._place import place_with
from isogram._progress import Progress, reporting
from isogram._tokens.arguments import (
    Inputs,
    check_listed,
    check_median,
    check_precision,
    check_sides,
    kernels_of,
    listed_pairs,
    matching_of,
    outputs_of,
    rank_of,
    remarks_on_axes,
)
from isogram._tokens.job import Job, Matching, Pairs, Rank
from isogram._types import Array, InputsOf
from isogram._walk.matrices import is_on_disk
from isogram.typing import (
    BandwidthLike,
    LayoutName,
    MatchingName,
    NormalizationName,
    RsmKernelName,
    RsmPrecisionName,
)

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import ArrayT, SemanticRsmOptions, SpatialRsmOptions


@overload
def semantic_rsm(
    tokens: InputsOf[ArrayT],
    other: InputsOf[Array] | None = None,
    *,
    kernel: RsmKernelName = ...,
    **options: Unpack[SemanticRsmOptions],
) -> ArrayT: ...
@overload
def semantic_rsm(
    tokens: InputsOf[ArrayLike],
    other: InputsOf[Array] | None = None,
    *,
    kernel: RsmKernelName = ...,
    **options: Unpack[SemanticRsmOptions],
) -> NDArray[Any]: ...
@overload
def semantic_rsm(
    tokens: InputsOf[Array],
    other: InputsOf[Array] | None = None,
    *,
    kernel: Sequence[RsmKernelName],
    **options: Unpack[SemanticRsmOptions],
) -> dict[str, Any]: ...
def semantic_rsm(
    tokens: InputsOf[Array],
    other: InputsOf[Array] | None = None,
    *,
    pairs: tuple[Any, Any] | None = None,
    kernel: RsmKernelName | Sequence[RsmKernelName] = "cosine",
    normalize: NormalizationName = "input",
    matching: MatchingName = "exact",
    window: int | None = None,
    topk: int | None = None,
    precision: RsmPrecisionName = "float32",
    rank: int | Literal["auto"] | None = None,
    mean_loss: float | None = None,
    layout: LayoutName = "nsc",
    lengths: Any = None,
    other_lengths: Any = None,
    mask: Any = None,
    other_mask: Any = None,
    bandwidth: BandwidthLike = "median",
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

    A matching does not see the order of tokens, of words as little as of patches: sentences of the
    same tokens in another order are equal. `semantic_matching` returns which token went where.

    Parameters
    ----------
    tokens : array of shape (n, s, c), or sequence of n arrays of shape (s_i, c)
        n inputs of s tokens (positions) with c channels each; see `layout`. Where two inputs have
        different numbers of tokens, every token of the smaller one is matched. Arrays may also come
        from a generator.
    other : the same with m inputs, optional
        Other inputs; by default `tokens` again.
    pairs : (i, j), two arrays of p integers, optional
        Compute only entries [i[k], j[k]] of the RSM, of the same bits. They come in any order, and
        may repeat. The host computes, from copies of tokens that lie on a GPU.
    kernel : str, or a sequence of names
        linear, cosine or rbf; several come from one matching.
    normalize : {"input", "token"}
        token: every token is scaled to norm 1 before all else; all-zero ones stay, and do not
        count. m is then the sum of the cosines of matched tokens, and the cosine entry is
        m / √(s_i s_j): their mean where both inputs have as many tokens. Else it is the geometric
        mean of m / s_i and m / s_j, in which a token that is matched with none adds 0. Not with
        matchings "window" and "topk", which sort tokens by norm.
    matching : {"exact", "window", "topk", "greedy", "none"}
        How m is found. exact: the optimum. window: both inputs' tokens sorted by norm (descending,
        equal ones by index), cut into windows of `window` tokens and solved window by window. topk:
        the `topk` tokens of largest norm of both matched exactly, the rest greedily. greedy: the
        largest remaining product first. none: the identity, as for `spatial_rsm`.
    window : int, optional
        Tokens in a window, at least 1; with matching "window" only.
    topk : int, optional
        Tokens that are matched exactly, at least 1; with matching "topk" only.
    precision : {"float32", "bfloat16", "int8"}
        How the exact matching sees tokens that are not float64: as they are, rounded to bfloat16,
        or rounded to integers from -127 to 127 times a scale of each token. The matched pairs are
        scored in float32 in any case, so m can only be too small: by 1e-6 of itself on average, on
        features of real networks. int8 is the fastest, above all on processors with VNNI. On a host
        without AVX-512 BF16, rounding to bfloat16 would gain nothing: there, "bfloat16" matches
        tokens as they are, at the speed of "float32".
    rank : int or "auto", optional
        How many principal axes of the tokens the exact matching sees in place of all channels: the
        leading ones of a sample of tokens, drawn with a fixed seed. The matched pairs are scored on
        all channels, so m can only be too small. Tokens within the span of the axes, such as tokens
        of linearly dependent channels, lose nothing: the host scores them along the axes, which is
        faster, if the remainder of both inputs is below the rounding of the result. "auto" takes
        the smallest multiple of 8 that keeps the mean loss within `mean_loss`; a larger one that
        spans the tokens, if that is faster; or all channels, if the smallest is more than three
        quarters of them. A rank of at least as many as the channels stands for all channels.
    mean_loss : float, optional
        With rank "auto" only, by default 1e-6: how far the axes that are left out may lower entries
        of the cosine kernel on average. Measured on all pairs of at most 32 inputs, drawn with a
        fixed seed and matched on all channels too. The attributes `rank` and `mean_loss` of
        `ig.plan("semantic_rsm", …)` report what was found.
    layout : {"nsc", "nhwc", "nchw"}
        Axes of an array: the latter two are (n, h, w, c) and (n, c, h, w), with s = h·w. A
        RuntimeWarning says where maps look like the other of the two.
    lengths, other_lengths : n (m) integers from 1 to s, optional
        How many tokens of each input count; tokens beyond them are not read.
    mask, other_mask : (n, s) or (m, s) booleans or integers 0 and 1, optional
        In place of lengths, which tokens of each input count, at least one, as attention masks say;
        of pictures (n, h, w) too. Others are not read.
    bandwidth : float, "median" or ("median", float)
        Of rbf; "median" is the root of the median of the squared distances of all computed pairs:
        i < j for one set, all n·m for two; ("median", 0.5) is half of that. With `pairs`, a number.
    out : array of shape (n, n), (n, m) or (p,), or path, optional
        Where to write the result of a single kernel: an array of its type, any strides, not
        overlapping the inputs; or a path that ends in .npy or .zarr, or a Zarr array, for which the
        result is computed tile by tile and the same call goes on after an interruption: `Plan.run`.
    loss : array of shape (n, n), (n, m) or (p,), optional
        Where to write, for each pair, an upper bound on what a narrow `precision` or `rank` may
        have cost: the optimum exceeds m by at most loss[i, j] ‖Z_i‖ ‖Z_j‖, and a cosine entry is
        too small by at most loss[i, j]. The bound is rigorous, from the duals of the problem that
        was solved, the norms of the rounding errors, and ‖R_i‖ ‖R_j‖, R_i the part of Z_i off the
        axes; it is usually far larger than the true loss, and 0 where tokens were matched as
        they are. Of the result's type, any strides, not overlapping the inputs.
    gpus : int or sequence of int, optional
        Indices of the GPUs that compute, which share the pairs; by default the one that `tokens`
        lie on, if they do not lie on the host. The result lies where `tokens` do, with the same
        bits for any number of GPUs of one kind.
    memory_limit : int, optional
        Bytes of memory to use on the host or on each GPU, not counting tokens and results. Inputs
        that take more are computed band by band, with the same bits. By default the host packs all
        inputs at once, and a GPU uses nine tenths of its free memory.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number. Ignored
        where GPUs compute.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in pairs. On a GPU,
        pairs that are queued count as done.

    Returns
    -------
    array of shape (n, n), (n, m) or with `pairs` (p,), or dict of them by kernel
        In the library of `tokens`. Of one set: exactly symmetric; its diagonal is that of the
        spatial RSM: ‖Z_i‖², 1 (0 for an all-zero input), 1.

    Raises
    ------
    ValueError
        A wrong shape, layout, length, mask or index; tokens of norm 1 that a matching would sort by
        norm; `pairs` with the median bandwidth or `gpus`; a narrow `precision` or `rank` with
        another matching than "exact", or `loss` with neither; a narrow `precision` with float64
        tokens; `mean_loss` without rank "auto"; a NaN or infinity, with its index: of several the
        first of `tokens`, or else of `other`, but band by band the first that is read; a bandwidth
        by the median of no pairs, or of distances whose median is 0; on a GPU more than 4096 tokens
        that are matched at once.
    TypeError
        Types that are neither floats nor integers nor booleans; integers as for `gram`.
    MemoryError
        A result larger than the memory, of the machine or of the GPU; a `memory_limit` that not
        even two inputs fit in.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 affinities → float64 sums → float32; any float64
    input → float64 throughout. Linear entries beyond the type are infinite, with a RuntimeWarning
    where the result lies on the host. Cost per pair: s²·c multiply-adds and one assignment (window:
    s·k·c and s/k assignments). Where an rbf distance is so far below the norms of the tokens that
    inner products may have lost the digits that tell near tokens apart (clusters of tokens far from
    each other that inputs share; near copies), its pair is matched once more, in float64 and, by
    "exact" and "window", by differences: up to twenty times the time, and s² float64 per thread.
    With a narrow precision or a rank no pair is. Pairs of a GPU are matched again by the host, to
    which the tokens are then copied. A rank takes s²·rank + s·c multiply-adds per pair in place of
    s²·c, c·rank in float64 per token, and once c³, to find the axes of 4·c tokens with NumPy: where
    c is large, it takes hundreds of inputs to pay. The axes are found from the tokens as they are
    matched (less their input's mean token where all inputs have as many), over the norm of their
    input. A pair of `pairs` costs up to a sixth more than one of the whole RSM at 49 tokens, and
    as much at 196 and more. Each input in a pair is packed in the time of two to four pairs, inputs
    of `other` 8 MB at a time; inputs in no pair are not packed, and read only for rbf and a rank.
    Memory: the results, one packed copy of the tokens (two with a narrow precision or a rank, to
    score the matched pairs), a copy of tokens that are scaled, or picked by a mask that is not one
    of leading tokens, 56·c² bytes to find axes, and a block of pairs per thread; the median takes
    half a result more. A GPU holds bands of inputs that fit, and blocks of pairs whose affinities
    stay in its cache; with a rank, float64 copies of the tokens of a block as well. The call waits
    for a GPU once, to learn whether all tokens are finite, twice more for rbf, and with a rank once
    for each sampled input, as the host finds the axes. On a GPU a median of 0 gives NaN throughout,
    not an error. Its entries differ from the host's by rounding, 1e-6 of the norms' product in
    float32; of equal optima of rounded tokens it may score another. The result need not be positive
    semi-definite.
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
    if is_on_disk(out):
        return run_to(
            "semantic_rsm",
            tokens,
            other,
            out=out,
            refused={"pairs": pairs, "loss": loss, "gpus": gpus},
            memory_limit=memory_limit,
            num_threads=num_threads,
            progress=progress,
            kernel=kernel,
            normalize=normalize,
            matching=matching,
            window=window,
            topk=topk,
            precision=precision,
            rank=rank,
            mean_loss=mean_loss,
            layout=layout,
            lengths=lengths,
            other_lengths=other_lengths,
            mask=mask,
            other_mask=other_mask,
            bandwidth=bandwidth,
        )
    chosen = matching_of(matching, window, topk, precision)
    return _rsm(
        _Call("semantic_rsm", gpus, memory_limit, num_threads, progress),
        Inputs(tokens, other, lengths, other_lengths, layout, mask, other_mask, normalize),
        kernel,
        chosen,
        rank_of(chosen, rank, mean_loss),
        bandwidth,
        out,
        loss,
        pairs,
    )


@overload
def spatial_rsm(
    tokens: InputsOf[ArrayT],
    other: InputsOf[Array] | None = None,
    *,
    kernel: RsmKernelName = ...,
    **options: Unpack[SpatialRsmOptions],
) -> ArrayT: ...
@overload
def spatial_rsm(
    tokens: InputsOf[ArrayLike],
    other: InputsOf[Array] | None = None,
    *,
    kernel: RsmKernelName = ...,
    **options: Unpack[SpatialRsmOptions],
) -> NDArray[Any]: ...
@overload
def spatial_rsm(
    tokens: InputsOf[Array],
    other: InputsOf[Array] | None = None,
    *,
    kernel: Sequence[RsmKernelName],
    **options: Unpack[SpatialRsmOptions],
) -> dict[str, Any]: ...
def spatial_rsm(
    tokens: InputsOf[Array],
    other: InputsOf[Array] | None = None,
    *,
    pairs: tuple[Any, Any] | None = None,
    kernel: RsmKernelName | Sequence[RsmKernelName] = "cosine",
    normalize: NormalizationName = "input",
    layout: LayoutName = "nsc",
    lengths: Any = None,
    other_lengths: Any = None,
    bandwidth: BandwidthLike = "median",
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
    tokens, other, pairs, kernel, normalize, layout, lengths, other_lengths, bandwidth, out
        As for `semantic_rsm`.
    gpus, memory_limit, num_threads, progress
        As for `semantic_rsm`.

    Returns
    -------
    array of shape (n, n), (n, m) or with `pairs` (p,), or dict of them by kernel
        As for `semantic_rsm`.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As for `semantic_rsm`.

    Notes
    -----
    Types as for `semantic_rsm`. Cost per pair: s·c multiply-adds. A pair of `pairs` takes ten times
    as long as one of the whole RSM, a product of matrices: a list is faster for less than a tenth
    of all entries. Memory: the results, half as much for sums of pairs, and 1024 entries of each
    input; or one packed copy of the tokens, where these have fewer entries than there are inputs.
    Source: Kriegeskorte et al. 2008.

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
    if is_on_disk(out):
        return run_to(
            "spatial_rsm",
            tokens,
            other,
            out=out,
            refused={"pairs": pairs, "gpus": gpus},
            memory_limit=memory_limit,
            num_threads=num_threads,
            progress=progress,
            kernel=kernel,
            normalize=normalize,
            layout=layout,
            lengths=lengths,
            other_lengths=other_lengths,
            bandwidth=bandwidth,
        )
    return _rsm(
        _Call("spatial_rsm", gpus, memory_limit, num_threads, progress),
        Inputs(tokens, other, lengths, other_lengths, layout, normalize=normalize),
        kernel,
        Matching("none"),
        None,
        bandwidth,
        out,
        None,
        pairs,
    )


class _Call(NamedTuple):
    """Which function was called, and the arguments that say how it runs."""

    function: str
    gpus: Any
    memory_limit: Any
    num_threads: Any
    progress: Progress


def _rsm(
    call: _Call,
    inputs: Inputs,
    kernel: object,
    matching: Matching,
    rank: Rank | None,
    bandwidth: object,
    out: Array | None,
    loss: Array | None,
    listed: Any = None,
) -> Any:
    function = call.function
    kernels, is_single = kernels_of(function, kernel), isinstance(kernel, str)
    width = bandwidth_of(function, bandwidth)
    inputs = inputs.listed()
    pairs = inputs.checked(function)
    if inputs.layout != "nsc":
        warn(remarks_on_axes(function, pairs), stacklevel=3)
    check_sides(function, pairs, matching)
    if listed is None:
        check_median(function, pairs, kernels, width)
    else:
        check_listed(function, kernels, width, call.gpus)
        listed = listed_pairs(function, listed, pairs.shape)
    shape = pairs.shape if listed is None else (len(listed),)
    outputs = _outputs(function, inputs, pairs, shape, kernels, out)
    first = outputs[kernels[0]]
    check_precision(function, matching, first.array.dtype)
    if loss is not None:
        is_narrow = matching.is_narrow or rank is not None
        outputs["loss"] = _loss_output(function, inputs, pairs, shape, is_narrow, loss, first)
    arrays = [output.array for output in outputs.values()]
    results = dict(zip(outputs_of(tuple(outputs)), arrays, strict=True))
    job = _job(call, pairs, matching, tuple(results), first)._replace(listed=listed)
    with errors_of(function):
        if rank is not None:
            [axes] = loaded("isogram._tokens.axes")
            job = axes.reduced(job, rank).job
        if "loss" in results and not job.matching.is_narrow:
            with first.place.entered():
                results.pop("loss")[...] = 0
            job = job._replace(outputs=tuple(results))
        with reporting(function, call.progress) as report:
            exponent = place_with(job.gpus, first.place).rsm(job, results, report)
        if "distance" in results and not first.place.rbf_from_distances(
            job, results["distance"], width, exponent
        ):
            raise zero_median(function, "pairs of inputs")
    if "linear" in results and not first.place.are_finite(results["linear"]):
        warn([beyond_range(function, first.array.dtype)], stacklevel=3)
    given = {name: output.give() for name, output in outputs.items()}
    return given[kernels[0]] if is_single else {name: given[name] for name in kernels}


def _job(
    call: _Call, pairs: Pairs, matching: Matching, outputs: tuple[str, ...], first: Output
) -> Job:
    limit = call.memory_limit
    if limit is not None:
        limit = integer(call.function, "memory_limit", limit, 1)
    return Job(
        pairs,
        matching,
        outputs,
        first.array.dtype,
        first.place,
        tuple(gpus_of(call.function, call.gpus, first.place)),
        limit,
        threads(call.function, call.num_threads),
    )


def _outputs(
    function: str,
    inputs: Inputs,
    pairs: Pairs,
    shape: tuple[int, ...],
    kernels: tuple[str, ...],
    out: Array | None,
) -> dict[str, Output]:
    if out is not None and len(kernels) > 1:
        raise ValueError(f"{function}: `out` must be None for several kernels, got an array")
    sources = pairs.sources
    advice = f"{PASS_OUT}, or {FEWER_SAMPLES}"
    if len(kernels) > 1:
        advice = f"ask for one kernel at a time, or {FEWER_SAMPLES}"
        check_memory(function, shape, result_dtype(*sources.values()), advice, len(kernels))
    return {name: Output(function, out, shape, sources, inputs.first, advice) for name in kernels}


def _loss_output(
    function: str,
    inputs: Inputs,
    pairs: Pairs,
    shape: tuple[int, ...],
    is_narrow: bool,
    loss: Array,
    result: Output,
) -> Output:
    if not is_narrow:
        raise ValueError(
            f"{function}: `loss` must be None for `precision` 'float32' without `rank`, which "
            "loses nothing, got an array"
        )
    others = pairs.sources | {"out": result.array}
    return Output(function, loss, shape, others, inputs.first, "", name="loss")
