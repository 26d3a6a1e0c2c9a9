"""Inputs turned to few axes: what bounds on their entries are made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._entries import widened
from isogram._tokens.job import not_finite
from isogram._tokens.samples import Samples, one_after_another

# Numbers of axes; of them those up to half of the channels.
_AXES = (32, 128, 256)
# With fewer channels there is one number of axes, about half of them; with few it spares nothing.
_MANY, _FEW = 128, 64
# What rounding may add to squares in float64, which are about 1.
_OF_SQUARES = 2.0**-38


def depths_for(channels: int) -> tuple[int, ...]:
    """Return the numbers of axes along which inputs of some channels are bounded, if they are.

    Of 196 tokens with 112 channels, 48 axes spare twice as much time as 32.
    """
    if channels < _FEW:
        return ()
    if channels < _MANY:
        return (channels // 32 * 16,)
    return tuple(depth for depth in _AXES if 2 * depth <= channels)


def bytes_of_turned(inputs: int, tokens: int, channels: int) -> int:
    """Return the bytes of a `Turned`; `tokens` are those of all inputs together."""
    depths = depths_for(channels)
    axes = max(depths, default=0)
    return 4 * tokens * axes + 8 * inputs * (3 + channels + axes + 2 * len(depths))


def bytes_of_axes(channels: int) -> int:
    """Return the bytes of the axes that tokens are turned to."""
    return 8 * max(depths_for(channels), default=0) * channels


def bytes_to_turn(tokens: int, channels: int) -> int:
    """Return about the bytes that turning one input takes."""
    return 8 * tokens * (3 * channels + 3 * max(depths_for(channels), default=0))


class Turned(NamedTuple):
    """What is known of n inputs whose tokens are divided by the norm of their input."""

    tokens: NDArray[np.int64]  # (n,): how many each input has
    norms: NDArray[np.float64]  # (n,): of the inputs before that, over 2^exponents
    exponents: NDArray[np.int64]
    means: NDArray[np.float64]  # (n, c): mean tokens
    along_axes: NDArray[np.float64]  # (n, axes): of mean tokens
    coordinates: NDArray[np.float32]  # (all tokens, axes)
    # (n, 2, depths): bounds on the norms of what is off the first axes, of tokens and of tokens
    # less their mean.
    rests: NDArray[np.float64]

    def along(self, depth: int, inputs: NDArray[np.int64] | None = None) -> Samples:
        """Return the coordinates of all, or of some, inputs along the first axes."""
        coordinates, counts = self.coordinates[:, :depth], self.tokens
        if inputs is not None and not np.array_equal(inputs, np.arange(len(counts))):
            kept = tokens_of(counts, inputs)
            coordinates, counts = coordinates[kept], counts[inputs]
        return one_after_another("tokens", coordinates, counts)

    def of(self, inputs: NDArray[np.int64]) -> Turned:
        """Return what is known of some of the inputs."""
        return Turned(
            self.tokens[inputs],
            self.norms[inputs],
            self.exponents[inputs],
            self.means[inputs],
            self.along_axes[inputs],
            self.coordinates[tokens_of(self.tokens, inputs)],
            self.rests[inputs],
        )


def tokens_of(counts: NDArray[np.int64], inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of the tokens of some inputs, whose tokens lie one after another."""
    of_each = counts[inputs]
    firsts = (np.cumsum(counts) - counts)[inputs]
    within = np.arange(of_each.sum()) - np.repeat(np.cumsum(of_each) - of_each, of_each)
    places: NDArray[np.int64] = np.repeat(firsts, of_each) + within
    return places


@usual_arithmetic()
def turned(
    samples: Samples,
    inputs: NDArray[np.int64],
    axes: NDArray[np.float64],
    depths: tuple[int, ...],
) -> Turned:
    """Read some inputs, and turn their tokens to axes, orthonormal rows; there may be none."""
    tokens = samples.tokens[inputs]
    ends = np.cumsum(tokens)
    result = Turned(
        tokens,
        np.empty(len(inputs)),
        np.empty(len(inputs), np.int64),
        np.empty((len(inputs), samples.channels)),
        np.empty((len(inputs), len(axes))),
        np.empty((int(ends[-1]), len(axes)), np.float32),
        np.empty((len(inputs), 2, len(depths))),
    )
    last = np.array(depths, np.int64) - 1
    for place, (i, end) in enumerate(zip(inputs.tolist(), ends.tolist(), strict=True)):
        one = samples.rows(slice(i, i + 1))
        z = widened(one.split()[0]).astype(np.float64)
        largest = _largest(one, z)
        z /= largest or 1
        norm = float(np.linalg.norm(z))
        z /= norm or 1
        size, result.exponents[place] = np.frexp(largest)
        result.norms[place] = norm * size
        result.means[place] = mean = z.mean(axis=0)
        if not len(axes):
            continue
        coordinates = z @ axes.T
        result.coordinates[end - len(z) : end] = coordinates
        result.along_axes[place] = of_mean = coordinates.mean(axis=0)
        off = (z * z).sum() - np.cumsum((coordinates * coordinates).sum(axis=0))[last]
        off_mean = len(z) * ((mean * mean).sum() - np.cumsum(of_mean * of_mean)[last])
        result.rests[place] = np.sqrt(np.maximum([off, off - off_mean], 0) + _OF_SQUARES)
    return result


def _largest(one: Samples, tokens: NDArray[np.float64]) -> float:
    """Return the largest magnitude of an input's tokens; name an entry that is not finite."""
    largest = float(np.abs(tokens).max())
    if not np.isfinite(largest):
        token, channel = np.argwhere(~np.isfinite(tokens))[0].tolist()
        raise not_finite(one, (0, token, channel), float(tokens[token, channel]))
    return largest


def joined(parts: list[Turned]) -> Turned:
    """Return some inputs, and others after them."""
    return Turned._make(map(np.concatenate, zip(*parts, strict=True)))
