"""Inputs that are sets of tokens: one array of them, or a sequence of arrays of unequal lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogram._entries import result_dtype, widened

if TYPE_CHECKING:
    from isogram._device.device import Device

LAYOUTS = {"nsc": 3, "nhwc": 4, "nchw": 4}


@dataclass(frozen=True, eq=False, repr=False)
class Samples:
    """Inputs as the caller gave them, a `Source`; split() cuts them into (s_i, c) views."""

    name: str
    sources: list[NDArray[Any]]  # one array of all inputs, or one for each
    layout: str | None  # None: one array for each
    lengths: NDArray[Any] | None
    first: int = 0  # the index of the first, where these are some of the caller's inputs

    def __len__(self) -> int:
        """Return the number of inputs."""
        return len(self.sources) if self.layout is None else len(self.sources[0])

    @property
    def channels(self) -> int:
        """Channels of the first input."""
        return int(self.sources[0].shape[1 if self.layout in (None, "nchw") else -1])

    @property
    def tokens(self) -> NDArray[np.int64]:
        """The number of tokens of every input."""
        if self.layout is None:
            return np.array([len(source) for source in self.sources], np.int64)
        if self.lengths is not None:
            return self.lengths.astype(np.int64)
        size = self.sources[0].size // self.channels // len(self)
        return np.full(len(self), size, np.int64)

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

    def rows(self, span: slice) -> Samples:
        """Return the inputs of a span."""
        first = self.first + span.start
        if self.layout is None:
            return Samples(self.name, self.sources[span], None, None, first)
        lengths = None if self.lengths is None else self.lengths[span]
        return Samples(self.name, [self.sources[0][span]], self.layout, lengths, first)

    @property
    def copied_bytes(self) -> int:
        """Bytes of each input that as_tokens() copies: pictures whose strides forbid a view."""
        if self.layout is None:
            return 0
        one = self.sources[0][:1]
        return 0 if np.may_share_memory(self._as_nsc(one), one) else one.nbytes

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
            return f"{self.name}[{self.first + input}]", (token, channel)
        input += self.first
        shape = self.sources[0].shape
        if self.layout == "nhwc":
            return self.name, (input, *divmod(token, shape[2]), channel)
        if self.layout == "nchw":
            return self.name, (input, channel, *divmod(token, shape[3]))
        return self.name, (input, token, channel)
