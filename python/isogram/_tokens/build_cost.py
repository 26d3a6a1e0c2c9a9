"""What it takes to build an index of an array into a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from isogram._entries import type_name
from isogram._memory import UNCOUNTED, size
from isogram._rows import Unread, type_name_of, unread
from isogram._tokens.axes import sampled_bytes
from isogram._tokens.samples import LAYOUTS
from isogram._tokens.turned import bytes_of_axes, bytes_of_turned, bytes_to_turn
from isogram.typing import LayoutName, NormalizationName

# Bytes of the directory for each segment, and of memory for each id; about.
_LINES, _ID = 1200, 250


@dataclass(frozen=True)
class BuildCost:
    """What it takes to build an index of an array into a file; the bytes are estimates.

    Attributes
    ----------
    inputs, tokens, channels : int
        Inputs, all of their tokens, and channels of a token.
    dtype : str
        The type of the tokens.
    segment : int
        Inputs that are read and turned at a time.
    file_bytes : int
        Of the file.
    memory : int
        About the most that `build` takes beside an array in memory.
    """

    inputs: int
    tokens: int
    channels: int
    dtype: str
    segment: int
    file_bytes: int
    memory: int

    def __str__(self) -> str:
        """Return all of it in one line."""
        return (
            f"index of {self.inputs:,} inputs, {self.tokens:,} tokens of {self.channels:,} "
            f"channels, {self.dtype}, {self.segment:,} at a time; makes {size(self.file_bytes)}, "
            f"and takes about {size(self.memory)} of memory"
        )


@dataclass(frozen=True)
class Shape:
    """The inputs of an array, as far as a build takes memory for them."""

    inputs: int
    tokens: int  # of an input
    channels: int
    dtype: str
    itemsize: int
    id_bytes: int
    copies: int  # of what is read, until it is kept
    buffered: int  # bytes that a library holds

    def cost(self, segment: int) -> BuildCost:
        """Return the cost of a build whose segments have at most `segment` inputs."""
        n, s, c = self.inputs, self.tokens, self.channels
        k = min(segment, n)
        rows = (self.copies + 1) * k * s * c * self.itemsize
        kept = bytes_of_turned(k, k * s, c) + 8 * k * c  # its means are there twice
        working = max(sampled_bytes(k, s, c), bytes_to_turn(s, c))
        return BuildCost(
            n,
            n * s,
            c,
            self.dtype,
            k,
            n * (s * c * self.itemsize + self.id_bytes)
            + bytes_of_turned(n, n * s, c)
            + bytes_of_axes(c)
            + -(-n // k) * _LINES,
            self.buffered + rows + kept + working + n * (_ID + 2 * self.id_bytes) + UNCOUNTED,
        )

    def within(self, function: str, segment: int, memory_limit: int | None) -> BuildCost:
        """Return the cost with as large segments as a limit allows, `segment` inputs at most."""
        cost = self.cost(segment)
        while memory_limit is not None and cost.memory > memory_limit:
            if cost.segment == 1:
                raise MemoryError(
                    f"{function}: `memory_limit` must be at least {cost.memory} bytes, which "
                    f"segments of 1 input take, got {memory_limit}"
                )
            cost = self.cost((cost.segment + 1) // 2)
        return cost


def shape_of(
    function: str,
    name: str,
    tokens: Any,
    ids: Any,
    layout: LayoutName,
    normalize: NormalizationName,
) -> Shape:
    """Return what a build has to know of an array to say its cost."""
    array = unread(f"{function}: `{name}`", tokens)
    axes = LAYOUTS[layout]
    shape: tuple[int, ...] = getattr(array, "shape", ())
    if len(shape) != axes or 0 in shape:
        raise ValueError(
            f"{function}: `{name}` must be an array of inputs, {axes}-D, to say what it takes, got "
            f"{type(tokens).__name__} of shape {tuple(shape)}"
        )
    is_unread = isinstance(array, Unread)
    one = array if is_unread else Unread(array.__getitem__, shape, type_name_of(array.dtype))
    channels = shape[1 if layout == "nchw" else -1]
    return Shape(
        shape[0],
        one.size // (shape[0] * channels),
        channels,
        type_name(one.dtype),
        one.dtype.itemsize,
        8 if ids is None else np.asarray(ids).itemsize,
        is_unread + one.is_whole + (normalize == "token"),
        one.buffered,
    )
