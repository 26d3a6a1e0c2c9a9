"""Inputs that are sets of tokens: one array of them, or a sequence of arrays of unequal lengths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._entries import result_dtype, widened
from isogram._rows import Unread

if TYPE_CHECKING:
    from isogram._protocols import Place

LAYOUTS = {"nsc": 3, "nhwc": 4, "nchw": 4}


@dataclass(frozen=True, eq=False, repr=False)
class Samples:
    """Inputs as the caller gave them, a `Source`; split() cuts them into (s_i, c) views."""

    name: str
    sources: list[NDArray[Any]]  # one array of all inputs, or one for each
    layout: str | None  # None: one array for each
    lengths: NDArray[Any] | None
    first: int = 0  # the index of the first, where these are some of the caller's inputs
    mask: NDArray[np.bool_] | None = None  # (n, s): which tokens count, where not the first ones
    is_unit: bool = False  # whether every token is scaled to norm 1
    is_one: bool = False  # whether the caller gave a single input, without the axis of inputs

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
        if self.mask is not None:
            counts: NDArray[np.int64] = self.mask.sum(axis=1, dtype=np.int64)
            return counts
        if self.lengths is not None:
            return self.lengths.astype(np.int64)
        return np.full(len(self), self.positions, np.int64)

    @property
    def positions(self) -> int:
        """The most tokens that an input has memory for."""
        if self.layout is None:
            return max(map(len, self.sources))
        return int(self.sources[0].size // self.channels // len(self))

    @property
    def grid(self) -> tuple[int, ...]:
        """The positions of all inputs: rows and columns of pictures are apart."""
        n, *axes = self.sources[0].shape
        return (n, *(axes[1:] if self.layout == "nchw" else axes[:-1]))

    @property
    def fingerprint(self) -> str:
        """A digest of the caller's arrays: all are read."""
        from isogram._fingerprint import fingerprint_of

        return fingerprint_of(*self.sources)

    def taken(self, input: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the tokens of an input of the host that count, not scaled, and their positions."""
        if self.layout is None:
            tokens = widened(self.sources[input])
            return tokens, np.arange(len(tokens))
        tokens = self._as_nsc(self.sources[0][input : input + 1])[0]
        if self.mask is not None:
            kept = np.flatnonzero(self.mask[input])
            return widened(tokens[kept]), kept
        count = len(tokens) if self.lengths is None else int(self.lengths[input])
        return widened(tokens[:count]), np.arange(count)

    def kept(self, input: int) -> NDArray[np.int64]:
        """Return the positions of the tokens of an input that count."""
        if self.mask is not None:
            return np.flatnonzero(self.mask[input])
        return np.arange(self.tokens[input])

    def named_sources(self) -> dict[str, NDArray[Any]]:
        """Return the caller's arrays by their names in messages."""
        if self.layout is not None:
            return {self.name: self.sources[0]}
        return {f"{self.name}[{i}]": source for i, source in enumerate(self.sources)}

    def as_tokens(self) -> tuple[Any, NDArray[np.int32] | None]:
        """Return inputs of the host as the core takes them: one array, with lengths; or a list.

        It copies as many bytes as `copied_bytes` says.
        """
        if self.layout is None:
            return list(map(self._scaled, self.sources)), None
        tokens = self._as_nsc(self.sources[0])
        if self.mask is not None:
            kept = zip(tokens, self.mask, strict=True)
            return [self._scaled(sample[mask]) for sample, mask in kept], None
        lengths = None if self.lengths is None else self.lengths.astype(np.int32)
        return self._scaled(tokens), lengths

    def rows(self, span: slice) -> Samples:
        """Return the inputs of a span."""
        lengths = None if self.lengths is None else self.lengths[span]
        mask = None if self.mask is None else self.mask[span]
        sources = self._all_of(span) if self.layout is None else [self.sources[0][span]]
        first = self.first + span.start
        return replace(self, sources=sources, lengths=lengths, mask=mask, first=first)

    def _all_of(self, span: slice) -> list[NDArray[Any]]:
        """Return some arrays of a list, in memory."""
        return [
            source[:] if isinstance(source, Unread) else source for source in self.sources[span]
        ]

    @property
    def buffered(self) -> int | None:
        """Bytes that a library holds when it has read tokens; None where they are in memory."""
        return self.sources[0].buffered if isinstance(self.sources[0], Unread) else None

    @property
    def are_unread(self) -> bool:
        """Whether they are in no memory yet."""
        return any(isinstance(source, Unread) for source in self.sources)

    def on_host(self, home: Place) -> Samples:
        """Return the inputs, which lie in `home`, in host memory."""
        return replace(self, sources=list(map(home.to_host, self.sources)))

    @property
    def copied_bytes(self) -> int:
        """Bytes of each input that as_tokens() copies.

        Pictures whose strides forbid a view, tokens that a mask picks, and scaled tokens.
        """
        if self.is_unit:
            itemsize = result_dtype(*self.sources).itemsize
            return self.positions * self.channels * itemsize
        if self.layout is None:
            return 0
        one = self.sources[0][:1]
        is_view = self.mask is None and np.may_share_memory(self._as_nsc(one), one)
        return 0 if is_view else one.nbytes

    def split(self) -> list[NDArray[Any]]:
        """Return one array for each input of the host, a view where nothing is copied."""
        tokens, lengths = self.as_tokens()
        if lengths is None:
            return list(tokens)
        return [sample[:length] for sample, length in zip(tokens, lengths, strict=True)]

    def part(self, span: slice, xp: Any) -> NDArray[Any]:
        """Return some inputs as one (k, s, c) array of `xp`, the array library that they are of.

        Inputs of a sequence are copied, as are tokens that a mask picks, with zeros beyond the
        shorter ones.
        """
        if self.layout is not None and self.mask is None:
            return self._scaled(self._as_nsc(self.sources[0][span]), xp)
        sources = self.sources[span]
        if self.mask is not None:
            tokens = self._as_nsc(self.sources[0][span])
            picked = [xp.asarray(np.flatnonzero(mask)) for mask in self.mask[span]]
            sources = [sample[kept] for sample, kept in zip(tokens, picked, strict=True)]
        dtype = self.sources[0].dtype
        if any(source.dtype != dtype for source in self.sources):
            dtype = result_dtype(*self.sources)
            sources = [widened(source) for source in sources]
        shape = (len(sources), int(self.tokens.max()), self.channels)
        padded: NDArray[Any] = xp.zeros(shape, dtype)
        for sample, source in zip(padded, sources, strict=True):
            sample[: len(source)] = source
        return self._scaled(padded, xp)

    def _scaled(self, tokens: NDArray[Any], xp: Any = np) -> NDArray[Any]:
        """Return tokens as they are matched: scaled, if they are to be."""
        return of_unit_norm(xp, tokens) if self.is_unit else tokens

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
        if self.mask is not None:
            token = int(self.kept(input)[token])
        first = () if self.is_one else (self.first + input,)
        shape = self.sources[0].shape
        if self.layout == "nhwc":
            return self.name, (*first, *divmod(token, shape[2]), channel)
        if self.layout == "nchw":
            return self.name, (*first, channel, *divmod(token, shape[3]))
        return self.name, (*first, token, channel)


def one_after_another(name: str, tokens: NDArray[Any], counts: NDArray[np.int64]) -> Samples:
    """Return inputs whose tokens (all of them, c) lie one after another."""
    if (counts == counts[0]).all():
        shape = (len(counts), int(counts[0]), tokens.shape[1])
        return Samples(name, [tokens.reshape(shape)], "nsc", None)
    return Samples(name, np.split(tokens, np.cumsum(counts)[:-1]), None, None)


@usual_arithmetic()
def of_unit_norm(xp: Any, tokens: NDArray[Any]) -> NDArray[Any]:
    """Return tokens (…, s, c) scaled to norm 1; zero tokens, NaN and infinity stay as they are."""
    if tokens.ndim == 3 and xp is np:  # input by input, for the sake of memory
        scaled = np.empty(tokens.shape, result_dtype(tokens))
        for target, sample in zip(scaled, tokens, strict=True):
            target[...] = of_unit_norm(xp, sample)
        return scaled
    tokens = widened(tokens)
    largest = xp.abs(tokens).max(axis=-1, keepdims=True)
    tokens = _over(xp, tokens, largest)  # so that squares stay in range
    squared = (tokens * tokens).sum(axis=-1, keepdims=True, dtype=np.float64)
    return _over(xp, tokens, xp.sqrt(squared))


def _over(xp: Any, tokens: NDArray[Any], sizes: NDArray[Any]) -> NDArray[Any]:
    is_finite = xp.isfinite(sizes) & (sizes > 0)
    quotients: NDArray[Any] = tokens / xp.where(is_finite, sizes, 1).astype(tokens.dtype)
    return quotients
