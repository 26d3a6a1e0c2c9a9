"""Semantic RSMs of more and more inputs: time per pair and memory must not grow with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import isogram as ig
import numpy as np

from benchmarks import data, errors
from benchmarks.baselines import rsm as baseline
from benchmarks.case import Case, Workload
from benchmarks.cases.rsm import affinity_flops
from benchmarks.settings import Settings

TOKENS, CHANNELS = 49, 320
INPUTS = (250, 500, 1000, 2000)
FEW = INPUTS[0]  # what every other case is held against, in the same rounds
SMALLEST = f"isogram, {FEW} inputs"
PAIRS_OF_SMALLEST = FEW * (FEW - 1) // 2
MOST_FOR_LOOP = 250  # inputs: its time per pair does not change beyond, only our patience


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    counts = (12, 24) if settings.quick else INPUTS
    return [
        Case(
            f"growth-n{count}",
            "growth",
            "semantic RSM, cosine, exact matching",
            {"n": count, "s": TOKENS, "c": CHANNELS},
            partial(grown, count),
            data="real network",
            per=("pair", count * (count - 1) // 2),
            measure_memory=True,
            levels=False,
        )
        for count in counts
    ]


def grown(count: int, settings: Settings) -> Workload:
    """Return the semantic RSM; the loop takes part as long as it ends in seconds."""
    tokens = data.real_tokens(settings, TOKENS, CHANNELS, count)
    rivals: dict[str, Callable[[], Any]] = {}
    variants: dict[str, Callable[[int], Any]] = {}
    if len(tokens) > FEW:
        variants[f"{FEW} inputs"] = lambda threads: ig.semantic_rsm(
            tokens[:FEW], num_threads=threads
        )
    if len(tokens) <= MOST_FOR_LOOP:
        rivals["NumPy and SciPy"] = lambda: baseline.semantic_cosine(tokens)
    return Workload(
        compute=lambda tokens, threads: ig.semantic_rsm(tokens, num_threads=threads),
        inputs=(tokens,),
        rivals=rivals,
        error=errors.of_corner(lambda: baseline.semantic_cosine(tokens[:4].astype(np.float64))),
        work={"fma32": affinity_flops(tokens)},
        variants=variants,
    )
