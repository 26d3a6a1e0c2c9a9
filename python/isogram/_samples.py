"""Inputs that are sets of tokens: one array of them, or a sequence of arrays of unequal lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arrays import as_input, as_matrix, result_dtype, widened
from isogram._device.device import Device

LAYOUTS = {"nsc": 3, "nhwc": 4, "nchw": 4}


@dataclass(frozen=True)
class Samples:
    """Inputs as they came, cut into (s_i, c) views only once their number is checked."""

    name: str
    sources: list[NDArray[Any]]  # one array of all inputs, or one for each
    layout: str | None  # None: one array for each
    lengths: NDArray[Any] | None

    @property
    def count(self) -> int:
        """How many inputs."""
        return len(self.sources) if self.layout is None else len(self.sources[0])

    @property
    def channels(self) -> int:
        """Of the first input."""
        return int(self.sources[0].shape[1 if self.layout in (None, "nchw") else -1])

    @property
    def tokens(self) -> NDArray[np.int64]:
        """How many tokens every input has."""
        if self.layout is None:
            return np.array([len(source) for source in self.sources], np.int64)
        if self.lengths is not None:
            return self.lengths.astype(np.int64)
        size = self.sources[0].size // self.channels // self.count
        return np.full(self.count, size, np.int64)

    def named_sources(self) -> dict[str, NDArray[Any]]:
        """Return the caller's arrays by their names in messages."""
        if self.layout is not None:
            return {self.name: self.sources[0]}
        return {f"{self.name}[{i}]": source for i, source in enumerate(self.sources)}

    def as_tokens(self) -> tuple[Any, NDArray[np.int32] | None]:
        """Return the inputs as the core takes them: as one array, with lengths; or as a list.

        A picture layout is copied where strides forbid a view.
        """
        if self.layout is None:
            return self.sources, None
        lengths = None if self.lengths is None else self.lengths.astype(np.int32)
        return self._as_nsc(self.sources[0]), lengths

    def split(self) -> list[NDArray[Any]]:
        """Return one view for each input."""
        tokens, lengths = self.as_tokens()
        if self.layout is None or lengths is None:
            return list(tokens)
        return [sample[:length] for sample, length in zip(tokens, lengths, strict=True)]

    def part(self, span: slice, device: Device | None) -> NDArray[Any]:
        """Return some inputs as one (k, s, c) array in the memory that they are in.

        `device` is where they lie. Those of a sequence are copied, with zeros beyond the shorter.
        """
        if self.layout is not None:
            return self._as_nsc(self.sources[0][span])
        sources, dtype = self.sources[span], self.sources[0].dtype
        if any(source.dtype != dtype for source in self.sources):
            dtype = result_dtype(*self.sources)
            sources = [widened(source) for source in sources]
        shape = (len(sources), int(self.tokens.max()), self.channels)
        padded: NDArray[Any] = (np if device is None else device).zeros(shape, dtype)
        for sample, source in zip(padded, sources, strict=True):
            sample[: len(source)] = source
        return padded

    def _as_nsc(self, array: NDArray[Any]) -> NDArray[Any]:
        if self.layout == "nhwc":
            return array.reshape(len(array), -1, self.channels)
        if self.layout == "nchw":
            return array.reshape(len(array), self.channels, -1).transpose(0, 2, 1)
        return array

    def named_index(self, input: int, token: int, channel: int) -> tuple[str, tuple[int, ...]]:
        """Return how the caller names an entry: the argument, and the index in that."""
        if self.layout is None:
            return f"{self.name}[{input}]", (token, channel)
        shape = self.sources[0].shape
        if self.layout == "nhwc":
            return self.name, (input, *divmod(token, shape[2]), channel)
        if self.layout == "nchw":
            return self.name, (input, channel, *divmod(token, shape[3]))
        return self.name, (input, token, channel)


def samples_of(
    function: str, name: str, tokens: Any, layout: str, lengths_name: str, lengths: Any
) -> Samples:
    """Check the inputs' types and shapes, whether they are one array or a sequence of arrays."""
    of_these = _ragged_samples if isinstance(tokens, list | tuple) else _samples
    return of_these(function, name, tokens, layout, lengths_name, lengths)


def same_channels(function: str, samples: Samples, channels: int) -> None:
    """Raise unless every input has so many channels, as the first of all does."""
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
