"""The arguments of RSMs, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from isogram import _advice
from isogram._arguments import choice, integer, positive
from isogram._arrays import as_input, as_matrix, as_sequence, on_host
from isogram._tokens.job import Listed, Matching, Pairs, Rank
from isogram._tokens.samples import LAYOUTS, Samples
from isogram._types import Bandwidth
from isogram.typing import (
    LayoutName,
    MatchingName,
    NormalizationName,
    RsmKernelName,
    RsmPrecisionName,
)

_KERNELS = get_args(RsmKernelName)
_MATCHINGS = get_args(MatchingName)
_PRECISIONS = get_args(RsmPrecisionName)
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
    mask: Any = None
    other_mask: Any = None
    normalize: str = "input"
    are_single: bool = False  # whether there is one input on each side, without an axis of inputs
    names: tuple[str, str] = ("tokens", "other")  # what the caller calls the two sides

    def listed(self) -> Inputs:
        """Return these with lists for what gives inputs one after another."""
        tokens, other = as_sequence(self.tokens), as_sequence(self.other)
        if tokens is self.tokens and other is self.other:
            return self
        return self._replace(tokens=tokens, other=other)

    @property
    def first(self) -> Any:
        """An array of the library that results come back in."""
        is_sequence = isinstance(self.tokens, list | tuple) and not self.are_single
        return self.tokens[0] if is_sequence else self.tokens

    def checked(self, function: str) -> Pairs:
        """Return the pairs of checked inputs."""
        choice(function, "layout", self.layout, get_args(LayoutName))
        choice(function, "normalize", self.normalize, get_args(NormalizationName))
        first, second = self.names
        rows = self._side(function, first, "", self.tokens, self.lengths, self.mask)
        same_channels(function, rows, rows.channels)
        if self.other is None:
            which = {f"{second}_lengths": self.other_lengths, f"{second}_mask": self.other_mask}
            _require_none(function, which, f"without `{second}`")
            return Pairs(rows, None)
        prefix = f"{second}_"
        cols = self._side(function, second, prefix, self.other, self.other_lengths, self.other_mask)
        same_channels(function, cols, rows.channels)
        return Pairs(rows, cols)

    def _side(
        self, function: str, name: str, prefix: str, tokens: Any, lengths: Any, mask: Any
    ) -> Samples:
        which = {f"{prefix}lengths": lengths, f"{prefix}mask": mask}
        if isinstance(tokens, list | tuple) and not self.are_single:
            samples = _ragged_samples(function, name, tokens, self.layout, which)
        else:
            samples = _samples(function, name, tokens, self.layout, which, is_one=self.are_single)
        return replace(samples, is_unit=True) if self.normalize == "token" else samples


def listed_pairs(function: str, pairs: Any, shape: tuple[int, int]) -> Listed:
    """Return checked pairs (i, j) of an RSM of a shape."""
    if not isinstance(pairs, tuple) or len(pairs) != 2:  # a list may be one of pairs
        raise TypeError(
            f"{function}: `pairs` must be a tuple (i, j) of two arrays of indices, "
            f"got {type(pairs).__name__}: tuple(zip(*pairs)) makes one of a list of pairs"
        )
    i, j = (
        _indices(function, f"pairs[{side}]", indices, size)
        for side, (indices, size) in enumerate(zip(pairs, shape, strict=True))
    )
    if len(i) != len(j):
        raise ValueError(f"{function}: `pairs` must be as many i as j, got {len(i)} and {len(j)}")
    return Listed(i, j)


def _indices(function: str, name: str, indices: Any, size: int) -> NDArray[np.int64]:
    array = on_host(function, name, indices)
    if array.ndim != 1:
        raise ValueError(f"{function}: `{name}` must be 1-D, got shape {array.shape}")
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{function}: `{name}` must be of integers, got {array.dtype}")
    bad = np.flatnonzero((array < 0) | (array >= size))
    if bad.size:
        raise ValueError(
            f"{function}: `{name}` must be from 0 to {size - 1}, "
            f"got {array[bad[0]]} at index {bad[0]}"
        )
    return array.astype(np.int64)


def remarks_on_axes(function: str, pairs: Pairs) -> list[str]:
    """Return the warning for maps whose channels look as if they were another axis, if any do."""
    for side in pairs.sides:
        if looks_like := _other_layout(side):
            shape = side.sources[0].shape[int(side.is_one) :]
            return [
                f"{function}: `{side.name}` of shape {shape} looks like "
                f"{looks_like!r}, but `layout` is {side.layout!r}: pass layout={looks_like!r} if "
                "it is"
            ]
    return []


def _other_layout(samples: Samples) -> str | None:
    """Return the other layout of maps where those would be square, and here are nearly lines."""
    if samples.layout not in ("nhwc", "nchw"):
        return None
    _, first, second, last = samples.sources[0].shape
    if samples.layout == "nhwc":
        channels, height, width, other = first, second, last, "nchw"
    else:
        channels, height, width, other = last, first, second, "nhwc"
    is_picture = channels == 3 and height >= 8
    is_deep = height >= 2 and channels >= 16 * height
    return other if height == width and (is_picture or is_deep) else None


def check_precision(function: str, matching: Matching, dtype: np.dtype[Any]) -> None:
    """Raise ValueError for a narrow precision and float64 tokens."""
    if matching.precision != "float32" and dtype == np.float64:
        raise ValueError(
            f"{function}: `precision` must be 'float32' for float64 tokens, "
            f"got {matching.precision!r}"
        )


def check_sides(function: str, pairs: Pairs, matching: Matching) -> None:
    """Raise ValueError for inputs on which a matching would make no sense.

    A mask has to keep leading tokens where positions are compared, and norms have to differ where
    tokens are sorted by norm.
    """
    if pairs.rows.is_unit and matching.name in ("window", "topk"):
        raise ValueError(
            f"{function}: `normalize` must be 'input' with `matching` {matching.name!r}, which "
            "sorts tokens by norm, got 'token', which makes all norms 1"
        )
    for side in pairs.sides:
        if matching.name == "none" and side.mask is not None:
            name = "mask" if side.name == "tokens" else "other_mask"
            raise ValueError(
                f"{function}: `{name}` must keep the first tokens of every input with `matching` "
                "'none', which compares positions, got a mask that leaves out tokens before others"
            )


def check_listed(function: str, kernels: tuple[str, ...], width: Bandwidth, gpus: Any) -> None:
    """Raise ValueError for what a list of pairs cannot be computed with."""
    if "rbf" in kernels and width.of_median:
        raise ValueError(
            f"{function}: `bandwidth` must be a number with `pairs`, whose median is not that of "
            "all pairs, got 'median'"
        )
    if gpus is not None:
        raise ValueError(
            f"{function}: `gpus` must be None with `pairs`, which the host computes, got {gpus!r}"
        )


def check_median(function: str, pairs: Pairs, kernels: tuple[str, ...], width: Bandwidth) -> None:
    """Raise ValueError for a median bandwidth of a single input."""
    if "rbf" in kernels and width.of_median and pairs.is_symmetric and len(pairs.rows) == 1:
        raise ValueError(
            f"{function}: `bandwidth` must be a number for a single input, which has no pairs "
            "to take the median of, got 'median'"
        )


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
    function: str,
    name: str,
    tokens: Any,
    layout: str,
    which: Mapping[str, Any],
    *,
    is_one: bool,
) -> Samples:
    """Check one array of inputs; `which` has the lengths and the mask by their names, or None."""
    rank = LAYOUTS[layout] - is_one
    advice = _advice.for_one_input if is_one else _advice.for_maps
    if_other_rank = advice if rank < 4 else None
    array = as_input(function, name, tokens, rank, on_gpu=True, if_other_rank=if_other_rank)
    array = array[np.newaxis] if is_one else array
    if array.size == 0:
        raise ValueError(
            f"{function}: `{name}` must have at least one input, one token and one channel, "
            f"got shape {array.shape}"
        )
    samples = Samples(name, [array], layout, None, is_one=is_one)
    (of_lengths, lengths), (of_mask, mask) = which.items()
    if lengths is not None and mask is not None:
        raise ValueError(
            f"{function}: `{of_mask}` must be None with `{of_lengths}`, got both: "
            "either says which tokens count"
        )
    if mask is not None:
        return _masked(function, of_mask, mask, samples)
    if lengths is None:
        return samples
    counts = _counts(function, of_lengths, lengths, len(array), samples.positions)
    return replace(samples, lengths=counts)


def _ragged_samples(
    function: str, name: str, tokens: Sequence[Any], layout: str, which: Mapping[str, Any]
) -> Samples:
    if layout != "nsc":
        raise ValueError(
            f"{function}: `layout` must be 'nsc' for a sequence of arrays, got {layout!r}"
        )
    _require_none(function, which, "for a sequence of arrays")
    if not tokens:
        raise ValueError(f"{function}: `{name}` must have at least one input, got none")
    arrays = [as_matrix(function, f"{name}[{i}]", sample) for i, sample in enumerate(tokens)]
    return Samples(name, arrays, None, None)


def _require_none(function: str, which: Mapping[str, Any], where: str) -> None:
    """Raise ValueError for lengths, or a mask, that are given."""
    for argument, given in which.items():
        if given is not None:
            came = "lengths" if argument.endswith("lengths") else "a mask"
            raise ValueError(f"{function}: `{argument}` must be None {where}, got {came}")


def _masked(function: str, name: str, mask: Any, samples: Samples) -> Samples:
    """Return inputs whose tokens count where a mask keeps them."""
    array, skipped = on_host(function, name, mask), int(samples.is_one)
    shape = (len(samples), samples.positions)
    if array.shape not in (shape[skipped:], samples.grid[skipped:]):
        raise ValueError(
            f"{function}: `{name}` must be of shape {shape[skipped:]}, with an entry for each "
            f"token, got shape {array.shape}"
        )
    if array.dtype.kind not in "biu":
        raise TypeError(
            f"{function}: `{name}` must be of booleans, or of the integers 0 and 1, "
            f"got {array.dtype}: {name} == 1 of a mask of ones and zeros, {name} == 0 of one that "
            "is added to scores"
        )
    bad = np.argwhere((array != 0) & (array != 1))
    if bad.size:
        index = tuple(map(int, bad[0]))
        raise ValueError(
            f"{function}: `{name}` must be of booleans, or of the integers 0 and 1, "
            f"got {array[index]} at index {index}"
        )
    kept = array.reshape(shape) != 0
    counts = np.count_nonzero(kept, axis=1)
    if not counts.all():
        raise ValueError(
            f"{function}: `{name}` must keep at least one token of every input, "
            f"got none at index {int(np.flatnonzero(counts == 0)[0])}"
        )
    if np.array_equal(kept, np.arange(shape[1]) < counts[:, None]):
        return replace(samples, lengths=counts)
    return replace(samples, mask=kept)


def _counts(function: str, name: str, lengths: Any, n: int, most: int) -> NDArray[Any]:
    array = on_host(function, name, lengths)
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
