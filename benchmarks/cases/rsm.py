"""Semantic RSMs of real tokens against a NumPy product and a loop over SciPy."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import isogram as ig
import numpy as np

from benchmarks import data, errors
from benchmarks.baselines import rsm as baseline
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

# tokens, channels, and enough inputs for the loop to take seconds
SHAPES = ((49, 1280, 160), (49, 320, 200), (196, 112, 60), (784, 40, 14))
NARROW = ("bfloat16", "int8")
RANK = 256  # where there are far more channels


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    if settings.quick:
        return [semantic(49, 192, 24), spatial(24)]
    return [*(semantic(*shape) for shape in SHAPES), spatial(2000), *smooth_cases()]


def semantic(tokens: int, channels: int, inputs: int) -> Case:
    """Return the case of one shape of real feature maps."""
    return Case(
        f"rsm-s{tokens}c{channels}",
        "rsm",
        "semantic RSM, cosine, exact matching",
        {"n": inputs, "s": tokens, "c": channels},
        lambda settings: exact(data.real_tokens(settings, tokens, channels, inputs)),
        data="real network",
        per=("pair", inputs * (inputs - 1) // 2),
        measure_memory=True,
    )


def smooth_cases() -> list[Case]:
    """Return the case of smooth fields."""
    tokens, channels, inputs = 49, 256, 150
    return [
        Case(
            "rsm-smooth-s49c256",
            "rsm",
            "semantic RSM, cosine, exact matching",
            {"n": inputs, "s": tokens, "c": channels},
            lambda _: exact(data.smooth_fields(inputs, tokens, channels)),
            data="smooth",
            per=("pair", inputs * (inputs - 1) // 2),
        )
    ]


def spatial(inputs: int) -> Case:
    """Return the case without matching."""
    tokens, channels = 49, 320
    return Case(
        "rsm-spatial",
        "rsm",
        "spatial RSM, cosine",
        {"n": inputs, "s": tokens, "c": channels},
        lambda settings: unmatched(data.real_tokens(settings, tokens, channels, inputs)),
        data="real network",
        levels=False,
    )


def affinity_flops(tokens: Any) -> float:
    """Return the flops of the affinities of all pairs of inputs."""
    n, s, c = tokens.shape
    return n * (n - 1) * s * s * c


def variants(tokens: Any) -> dict[str, Callable[[int], Any]]:
    """Return other calls, where this version has them: of all pairs as a list, and narrow ones."""
    known = inspect.signature(ig.semantic_rsm).parameters

    def bind(**options: Any) -> Callable[[int], Any]:
        return lambda threads: ig.semantic_rsm(tokens, num_threads=threads, **options)

    calls = {}
    if "pairs" in known:
        calls["pairs="] = lambda threads: of_listed_pairs(tokens, threads)
    if "precision" in known:
        calls |= {precision: bind(precision=precision) for precision in NARROW}
    if "rank" in known and tokens.shape[2] > 2 * RANK:
        calls[f"rank {RANK}"] = bind(rank=RANK)
        calls[f"rank {RANK}, int8"] = bind(rank=RANK, precision="int8")
    return calls


def of_listed_pairs(tokens: Any, threads: int) -> Any:
    """Return the RSM, whose pairs are listed in no order."""
    pairs = np.random.default_rng(0).permutation(np.transpose(np.triu_indices(len(tokens), 1)))
    i, j = pairs.T
    result = np.eye(len(tokens), dtype=tokens.dtype)
    result[i, j] = result[j, i] = ig.semantic_rsm(tokens, pairs=(i, j), num_threads=threads)
    return result


def exact(tokens: Any) -> Workload:
    """Return the semantic cosine RSM."""
    return Workload(
        compute=lambda tokens, threads: ig.semantic_rsm(tokens, num_threads=threads),
        inputs=(tokens,),
        rivals={"NumPy and SciPy": lambda: baseline.semantic_cosine(tokens)},
        error=errors.of_corner(lambda: baseline.semantic_cosine(tokens[:4].astype(np.float64))),
        work={"fma32": affinity_flops(tokens)},
        variants=variants(tokens),
    )


def unmatched(tokens: Any) -> Workload:
    """Return the spatial cosine RSM."""
    n, s, c = tokens.shape
    return Workload(
        compute=lambda tokens, threads: ig.spatial_rsm(tokens, num_threads=threads),
        inputs=(tokens,),
        rivals={"NumPy": lambda: baseline.spatial_cosine(tokens)},
        error=errors.of_corner(lambda: baseline.spatial_cosine(tokens[:8].astype(np.float64))),
        work={"fma32": n * (n + 1.0) * s * c},
    )
