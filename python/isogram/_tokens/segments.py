"""The inputs of an index, kept in segments: their tokens, and what is known of them."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._entries import result_dtype
from isogram._place import HOST
from isogram._tokens.axes import principal_axes
from isogram._tokens.job import Job, Matching, Pairs
from isogram._tokens.samples import Samples, one_after_another
from isogram._tokens.search import Part
from isogram._tokens.turned import Turned, depths_for, joined, tokens_of, turned

# Inputs of a segment at most; axes are found from as many.
SEGMENT = 1024


@dataclass(frozen=True, eq=False, repr=False)
class Segment:
    """Some inputs: their tokens (all of them, c), and what is known of them."""

    tokens: NDArray[Any]
    turned: Turned
    is_mapped: bool = False  # whether its arrays are those of a file

    def __len__(self) -> int:
        """Return the number of inputs."""
        return len(self.counts)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many tokens each has."""
        return self.turned.tokens

    @property
    def samples(self) -> Samples:
        """The inputs."""
        return one_after_another("tokens", self.tokens, self.counts)

    def of(self, inputs: NDArray[np.int64]) -> Segment:
        """Return some of the inputs."""
        if len(inputs) == len(self):
            return self
        return Segment(self.tokens[tokens_of(self.counts, inputs)], self.turned.of(inputs))


class Segments:
    """Inputs in the order in which they were added; none of them ever changes its place."""

    def __init__(self, channels: int, dtype: np.dtype[Any], size: int) -> None:
        """Begin without inputs; of a segment there are `size` at most."""
        self.channels, self.dtype, self.size = channels, dtype, size
        self.list: list[Segment] = []
        self.depths = depths_for(channels)
        self.axes = np.empty((0, channels))
        self._found_from = 0  # inputs that the axes were found from

    def __len__(self) -> int:
        """Return the number of inputs."""
        return sum(map(len, self.list))

    def clear(self) -> None:
        """Forget all inputs, and keep the axes."""
        self.list, self._found_from = [], self.size

    def restore(self, axes: NDArray[np.float64], segments: list[Segment]) -> None:
        """Take axes and segments that were kept."""
        self.axes, self.list, self._found_from = axes, segments, self.size

    def check(self, count: int) -> None:
        """Raise ValueError unless arrays fit each other, and there are `count` inputs."""
        for segment in self.list:
            tokens, turned = segment.tokens, segment.turned
            shape = (int(segment.counts.sum()), self.channels)
            if tokens.shape != shape or tokens.dtype != self.dtype or segment.counts.min() < 1:
                raise ValueError
            if turned.coordinates.shape != (shape[0], len(self.axes)):
                raise ValueError
        if len(self) != count:
            raise ValueError

    def grown(self, samples: Samples) -> Segments:
        """Return segments with a copy of more inputs; these stay as they were.

        The inputs are of the host, and checked but for NaN and infinity.
        """
        grown = copy(self)
        grown.list = self.list.copy()
        for start in range(0, len(samples), self.size):
            rows = samples.rows(slice(start, min(start + self.size, len(samples))))
            grown.list.append(self._segment(rows))
            grown._join_last()
        if grown.depths and grown._should_find_axes():
            grown._find_axes()
        return grown

    def parts(self) -> tuple[Part, ...]:
        """Return the inputs as a search takes them."""
        return tuple(Part(segment.samples, segment.turned) for segment in self.list)

    def tokens_of_input(self, input: int) -> NDArray[Any]:
        """Return the tokens of an input."""
        for segment in self.list:
            if input < len(segment):
                end = int(segment.counts[: input + 1].sum())
                return segment.tokens[end - int(segment.counts[input]) : end]
            input -= len(segment)
        raise IndexError(input)

    def _segment(self, samples: Samples) -> Segment:
        found = self._turned(samples)  # names entries that are not finite
        return Segment(np.concatenate(samples.split()), found)

    def _turned(self, samples: Samples) -> Turned:
        depths = self.depths if len(self.axes) else ()
        return turned(samples, np.arange(len(samples)), self.axes, depths)

    def _join_last(self) -> None:
        """Join small segments: each to one of its size, so that inputs are seldom copied."""
        while len(self.list) > 1:
            first, second = self.list[-2:]
            both = len(first) + len(second)
            if first.is_mapped or len(first) > len(second) or both > self.size:
                return
            self.list[-2:] = [
                Segment(
                    np.concatenate([first.tokens, second.tokens]),
                    joined([first.turned, second.turned]),
                )
            ]

    def _should_find_axes(self) -> bool:
        """Whether axes were found from few inputs, and there are twice as many now."""
        return self._found_from < self.size and len(self) >= 2 * self._found_from

    def _find_axes(self) -> None:
        """Find axes from the first inputs, and turn all to them."""
        self._found_from = min(len(self), self.size)
        first = [self.tokens_of_input(i) for i in range(self._found_from)]
        job = Job(
            Pairs(Samples("tokens", first, None, None), None),
            Matching("exact"),
            ("cosine",),
            result_dtype(self.list[0].tokens),
            HOST,
        )
        self.axes = principal_axes(job, self.depths[-1])
        self.list = [
            replace(segment, turned=self._turned(segment.samples)) for segment in self.list
        ]
