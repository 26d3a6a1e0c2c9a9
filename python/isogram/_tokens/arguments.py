"""The arguments of RSMs, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice, integer, positive
from isogram._arrays import as_input, as_matrix
from isogram._tokens.job import Matching, Pairs, Rank
from isogram._tokens.samples import LAYOUTS, Samples

_KERNELS = ("linear", "cosine", "rbf")
_MATCHINGS = ("exact", "window", "topk", "greedy", "none")
_PRECISIONS = ("float32", "bfloat16", "int8")
_MEAN_LOSS = 1e-6  # of rank "auto"


def kernels_of(function: str, kernel: object) -> tuple[str, ...]:
    """Return the checked names of kernels."""
    if isinstance(kernel, str):
        return (choice(function, "kernel", kernel, _KERNELS),)
    if not isinstance(kernel, tuple | list):
        raise TypeError(f"{function}: `kernel` must be a name or a tuple of names, got {kernel!r}")
    names = tuple(choice(function, "kernel", name, _KERNELS) for name in kernel)
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"{function}: `kernel` must be a name or a tuple of different names, got {kernel!r}"
        )
    return names


def outputs_of(kernels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the entries that a walk computes: for the RBF kernel distances, until the end."""
    return tuple("distance" if kernel == "rbf" else kernel for kernel in kernels)


def matching_of(matching: object, window: Any, topk: Any, precision: object) -> Matching:
    """Return a checked matching of `semantic_rsm`."""
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
    digits = choice("semantic_rsm", "precision", precision, _PRECISIONS)
    if digits != "float32" and name != "exact":
        raise ValueError(
            "semantic_rsm: `precision` must be 'float32' unless `matching` is 'exact', "
            f"got {digits!r} with `matching` {name!r}"
        )
    return Matching(name, window_or_k, digits)


def rank_of(matching: Matching, rank: object, mean_loss: object) -> Rank | None:
    """Return the checked rank of a matching of `semantic_rsm`; None: all channels."""
    if mean_loss is not None and rank != "auto":
        raise ValueError(
            "semantic_rsm: `mean_loss` must be None unless `rank` is 'auto', "
            f"got {mean_loss!r} with `rank` {rank!r}"
        )
    if rank is None:
        return None
    if matching.name != "exact":
        raise ValueError(
            "semantic_rsm: `rank` must be None unless `matching` is 'exact', "
            f"got {rank!r} with `matching` {matching.name!r}"
        )
    if isinstance(rank, str):
        choice("semantic_rsm", "rank", rank, ("auto",))
        bound = _MEAN_LOSS if mean_loss is None else mean_loss
        return Rank(None, positive("semantic_rsm", "mean_loss", bound, "None or "))
    return Rank(integer("semantic_rsm", "rank", rank, 1), 0)


class Inputs(NamedTuple):
    """Inputs as the caller gives them."""

    tokens: Any
    other: Any
    lengths: Any
    other_lengths: Any
    layout: str

    @property
    def first(self) -> Any:
        """An array of the library that results come back in."""
        return self.tokens[0] if isinstance(self.tokens, list | tuple) else self.tokens

    def checked(self, function: str) -> Pairs:
        """Return the pairs of checked inputs."""
        choice(function, "layout", self.layout, tuple(LAYOUTS))
        rows = samples_of(function, "tokens", self.tokens, self.layout, "lengths", self.lengths)
        same_channels(function, rows, rows.channels)
        if self.other is None:
            if self.other_lengths is not None:
                raise ValueError(
                    f"{function}: `other_lengths` must be None without `other`, got lengths"
                )
            return Pairs(rows, None)
        cols = samples_of(
            function, "other", self.other, self.layout, "other_lengths", self.other_lengths
        )
        same_channels(function, cols, rows.channels)
        return Pairs(rows, cols)


def check_precision(function: str, matching: Matching, dtype: np.dtype[Any]) -> None:
    """Raise ValueError for a narrow precision and float64 tokens."""
    if matching.precision != "float32" and dtype == np.float64:
        raise ValueError(
            f"{function}: `precision` must be 'float32' for float64 tokens, "
            f"got {matching.precision!r}"
        )


def check_median(function: str, pairs: Pairs, kernels: tuple[str, ...], width: Any) -> None:
    """Raise ValueError for a median bandwidth of a single input."""
    if "rbf" in kernels and width is None and pairs.is_symmetric and len(pairs.rows) == 1:
        raise ValueError(
            f"{function}: `bandwidth` must be a number for a single input, which has no pairs "
            "to take the median of, got 'median'"
        )


def samples_of(
    function: str, name: str, tokens: Any, layout: str, lengths_name: str, lengths: Any
) -> Samples:
    """Check the inputs' types and shapes, whether they are one array or a sequence of arrays."""
    of_these = _ragged_samples if isinstance(tokens, list | tuple) else _samples
    return of_these(function, name, tokens, layout, lengths_name, lengths)


def same_channels(function: str, samples: Samples, channels: int) -> None:
    """Raise ValueError unless every input has `channels` channels."""
    found = {samples.name: samples.channels}
    if samples.layout is None:
        found = {name: source.shape[1] for name, source in samples.named_sources().items()}
    for name, count in found.items():
        if count != channels:
            raise ValueError(
                f"{function}: `{name}` must have as many channels as the first input ({channels}), "
                f"got {count}"
            )


def _samples(
    function: str, name: str, tokens: Any, layout: str, lengths_name: str, lengths: Any
) -> Samples:
    array = as_input(function, name, tokens, LAYOUTS[layout], on_gpu=True)
    if array.size == 0:
        raise ValueError(
            f"{function}: `{name}` must have at least one input, one token and one channel, "
            f"got shape {array.shape}"
        )
    result = Samples(name, [array], layout, None)
    if lengths is None:
        return result
    most = array[0].size // result.channels
    counts = _counts(function, lengths_name, lengths, len(array), most)
    return Samples(name, [array], layout, counts)


def _ragged_samples(
    function: str, name: str, tokens: Sequence[Any], layout: str, lengths_name: str, lengths: Any
) -> Samples:
    if layout != "nsc":
        raise ValueError(
            f"{function}: `layout` must be 'nsc' for a sequence of arrays, got {layout!r}"
        )
    if lengths is not None:
        raise ValueError(
            f"{function}: `{lengths_name}` must be None for a sequence of arrays, got lengths"
        )
    if not tokens:
        raise ValueError(f"{function}: `{name}` must have at least one input, got none")
    arrays = [as_matrix(function, f"{name}[{i}]", sample) for i, sample in enumerate(tokens)]
    return Samples(name, arrays, None, None)


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
