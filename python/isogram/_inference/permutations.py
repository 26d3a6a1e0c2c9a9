"""Permutations of exchangeable samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice
from isogram._inference.groups import group_numbers
from isogram.typing import ExchangeName

EXCHANGES: tuple[ExchangeName, ...] = get_args(ExchangeName)


class Exchangeable(NamedTuple):
    """Which samples change places: blocks of samples within sets of blocks.

    A block moves as a whole, in the order of its samples. Blocks of a set have one size.
    """

    n: int
    sets: Sequence[NDArray[np.int32]]  # of shape (blocks, samples per block)
    method: str

    @property
    def log_distinct(self) -> float:
        """The logarithm of how many permutations there are."""
        return sum(math.lgamma(len(blocks) + 1) for blocks in self.sets)

    def draw(self, count: int, seed: int) -> NDArray[np.int32]:
        """Return permutations at random, independent of each other, as rows."""
        rng = np.random.default_rng(seed)
        permutations = np.tile(np.arange(self.n, dtype=np.int32), (count, 1))
        for blocks in self.sets:
            order = np.tile(np.arange(len(blocks)), (count, 1))
            rng.permuted(order, axis=1, out=order)
            permutations[:, blocks.ravel()] = blocks[order].reshape(count, -1)
        return permutations


def exchangeable(function: str, groups: Any, exchange: Any, n: int) -> Exchangeable:
    """Return what changes places: all samples, samples within groups, or whole groups."""
    exchange = choice(function, "exchange", exchange, EXCHANGES)
    if groups is None:
        if exchange == "groups":
            raise ValueError(f"{function}: `groups` must be given to exchange groups, got None")
        everything = np.arange(n, dtype=np.int32)[:, None]
        return Exchangeable(n, [everything], "permutation of samples")
    members = _members(function, groups, n)
    if exchange == "samples":
        sets = [group[:, None] for group in members]
        what = "1 group" if len(members) == 1 else f"{len(members)} groups"
        method = f"permutation of samples within {what}"
    else:
        sizes = sorted({len(group) for group in members})
        if len(sizes) > 1:
            raise ValueError(
                f"{function}: `groups` must be of equal size to be exchanged, got groups of "
                f"{sizes[0]} and of {sizes[-1]} samples"
            )
        sets = [np.stack(members)]
        method = f"permutation of {len(members)} groups"
    if all(len(blocks) == 1 for blocks in sets):
        what = "groups" if exchange == "groups" else "samples of one group"
        raise ValueError(f"{function}: `groups` must leave {what} to exchange, got none")
    return Exchangeable(n, sets, method)


def too_few_permutations(function: str, samples: Exchangeable, drawn: int) -> list[str]:
    """Return the warning for fewer different permutations than are drawn, if there are."""
    if samples.log_distinct >= math.log(drawn) - 1e-9:
        return []
    distinct = round(math.exp(samples.log_distinct))
    return [
        f"{function}: there are {distinct} different permutations, fewer than the {drawn} that are "
        f"drawn: no p-value can be much less than 1/{distinct}, however many are drawn"
    ]


def _members(function: str, groups: Any, n: int) -> list[NDArray[np.int32]]:
    """Return the samples of each group, in their order."""
    of_sample = group_numbers(function, groups, n)
    order = np.argsort(of_sample, kind="stable").astype(np.int32)
    return np.split(order, np.flatnonzero(np.diff(of_sample[order])) + 1)
