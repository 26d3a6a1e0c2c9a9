"""Data of three kinds: features of real networks, smooth fields, and uniform noise.

Assignment solvers are fast on noise and slow on tokens whose neighbours are near-duplicates, which
is what a feature map is made of; so no case stands on the easy kind alone.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from isogram.demo import load_features
from numpy.typing import NDArray

from benchmarks import features
from benchmarks.settings import Settings

Array = NDArray[Any]


@cache
def normal(rows: int, columns: int, seed: int = 0) -> Array:
    """Return float32 noise."""
    rng = np.random.default_rng([seed, rows, columns])
    return rng.standard_normal((rows, columns), dtype=np.float32)


@cache
def layers(count: int, rows: int, columns: int) -> tuple[Array, ...]:
    """Return the layers of a random ReLU network on clustered inputs: correlated, never centred."""
    rng = np.random.default_rng([1, count, rows, columns])
    centres = rng.standard_normal((20, 16))
    x = centres[rng.integers(0, 20, rows)] + 0.5 * rng.standard_normal((rows, 16))
    result = []
    for _ in range(count):
        weights = rng.standard_normal((x.shape[1], columns)) / np.sqrt(x.shape[1])
        x = np.maximum(x @ weights + 0.1, 0)
        x /= x.std()
        result.append(x.astype(np.float32))
    return tuple(result)


def smooth_fields(count: int, tokens: int, channels: int, seed: int = 0) -> Array:
    """Return (count, tokens, channels) random fields on a square grid, smooth over a few cells."""
    side = round(tokens**0.5)
    if side * side != tokens:
        raise ValueError(f"smooth_fields: `tokens` must be a square number, got {tokens}")
    rng = np.random.default_rng([2, seed, count, tokens, channels])
    frequencies = np.fft.fftfreq(side) * side
    decay = np.exp(-(frequencies[:, None] ** 2 + frequencies[None, :] ** 2) / 18)
    spectrum = np.fft.fft2(rng.standard_normal((count, channels, side, side))) * decay
    fields = np.fft.ifft2(spectrum).real.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(fields.reshape(count, tokens, channels), dtype=np.float32)


def real_tokens(settings: Settings, tokens: int, channels: int, count: int) -> Array:
    """Return (count, tokens, channels) features of a trained network.

    A quick run gets the small maps that isogram ships, whatever the size asked for, and no more
    than there are.
    """
    if settings.quick:
        maps = load_features().layers["lite0.stage6"]
        count = min(count, len(maps))
    else:
        maps = features.load(f"s{tokens}c{channels}")
    if len(maps) < count:
        raise ValueError(f"real_tokens: `count` must be at most {len(maps)}, got {count}")
    picked = np.random.default_rng(3).permutation(len(maps))[:count]
    return np.asarray(maps[picked].reshape(count, -1, maps.shape[-1]), dtype=np.float32)


def affinities(tokens: Array, count: int) -> Array:
    """Return the affinities of `count` different pairs of inputs, of unit tokens' scale."""
    first, second = np.triu_indices(len(tokens), k=1)
    picked = np.random.default_rng(4).permutation(len(first))[:count]
    scaled = tokens / np.linalg.norm(tokens, axis=-1).mean()
    return scaled[first[picked]] @ scaled[second[picked]].transpose(0, 2, 1)


def tied(tokens: Array) -> Array:
    """Return the tokens with half of them dead, as after a ReLU: rows of zeros."""
    result = tokens.copy()
    result[:, ::2] = 0
    return result


def uniform_costs(count: int, size: int) -> Array:
    """Return uniform random costs: the easy case."""
    return np.random.default_rng([5, size]).random((count, size, size), dtype=np.float32)


def integer_costs(count: int, size: int) -> Array:
    """Return small integers: many equal costs."""
    rng = np.random.default_rng([6, size])
    return rng.integers(0, 10, (count, size, size)).astype(np.float32)


def rank_one_costs(count: int, size: int) -> Array:
    """Return outer products: every row is a multiple of every other one."""
    rng = np.random.default_rng([7, size])
    left, right = rng.random((2, count, size), dtype=np.float32)
    return left[:, :, None] * right[:, None, :]


def probabilities(rows: int, classes: int) -> Array:
    """Return peaked class probabilities."""
    logits = 4 * np.random.default_rng([8, rows]).standard_normal((rows, classes))
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
