"""Batches of assignments, on hard data and on easy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import isogram as ig
import numpy as np

from benchmarks import data
from benchmarks.baselines import match as baseline
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

BATCH = {16: 2000, 49: 400, 64: 300, 196: 24, 784: 3}
RIGHT = 1e-4  # of the optimum
REAL = ((49, 1280), (49, 320), (49, 192), (196, 112), (196, 80), (784, 40))
SIZES = (16, 49, 196, 784)
Maker = Callable[[Settings, int, int], Any]  # of costs, from tokens and batch


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    if settings.quick:
        return quick_cases()
    result = [
        case(f"match-real-s{s}c{c}", "real network", s, partial(real, channels=c)) for s, c in REAL
    ]
    for size in SIZES:
        result += [
            case(f"match-{kind}-s{size}", kind, size, make, levels=kind == "smooth")
            for kind, make in KINDS.items()
        ]
    return result


def quick_cases() -> list[Case]:
    """Return one case of every kind of data, and a single small size."""
    size, batch = 49, 30
    kinds: dict[str, Maker] = {"real network": partial(real, channels=192), **KINDS}
    return [
        case(f"match-{kind.replace(' ', '-')}-s{size}", kind, size, make, batch)
        for kind, make in kinds.items()
    ]


def case(
    name: str, kind: str, size: int, make: Maker, batch: int | None = None, levels: bool = True
) -> Case:
    """Return a case of `batch` problems of `size` rows and columns."""
    count = batch or BATCH[size]
    return Case(
        name,
        "match",
        f"batch of {size} × {size} assignments",
        {"s": size, "batch": count},
        lambda settings: assignments(make(settings, size, count), settings.threads),
        data=kind,
        per=("assignment", count),
        levels=levels,
    )


def real(settings: Settings, tokens: int, count: int, channels: int) -> Any:
    """Return costs of real tokens."""
    return -data.affinities(data.real_tokens(settings, tokens, channels, 60), count)


def smooth(_: Settings, tokens: int, count: int) -> Any:
    """Return costs of smooth fields."""
    return -data.affinities(data.smooth_fields(40, tokens, 64), count)


def dead(_: Settings, tokens: int, count: int) -> Any:
    """Return costs of smooth fields with dead tokens."""
    return -data.affinities(data.tied(data.smooth_fields(40, tokens, 64)), count)


KINDS: dict[str, Maker] = {
    "smooth": smooth,
    "dead": dead,
    "integer": lambda _, size, count: data.integer_costs(count, size),
    "rank-one": lambda _, size, count: data.rank_one_costs(count, size),
    "uniform": lambda _, size, count: data.uniform_costs(count, size),
}


def assignments(costs: Any, threads: int) -> Workload:
    """Return the matchings of smallest cost against every package."""
    optimum = cache(lambda: baseline.totals(costs, baseline.exact(costs.astype(np.float64))))

    def error(columns: Any) -> float:
        """Return the largest loss relative to the optimum; infinite for no matching."""
        if (np.sort(columns, axis=1) != np.arange(costs.shape[2])).any():
            return float("inf")
        loss = np.abs(baseline.totals(costs, columns) - optimum())
        scale = np.maximum(np.abs(optimum()), np.abs(costs).max(axis=(1, 2)))  # it may be 0
        return float(np.max(loss / scale))

    workload = Workload(
        compute=lambda costs, threads: ig.match(costs, maximize=False, num_threads=threads).columns,
        inputs=(costs,),
        rivals={"SciPy": lambda: baseline.exact(costs)},
        error=error,
        right=RIGHT,
    )
    for name, (adapter, match) in RIVALS.items():
        workload.add_rival(name, adapter, lambda m: partial(match, m, costs, threads))  # noqa: B023
    return workload


RIVALS: dict[str, tuple[str, Callable[[Any, Any, int], Any]]] = {
    "lapx, lapjvh_batch": ("lapx", lambda m, costs, threads: m.match_h(costs, threads)),
    "lapx, lapjvs_batch": ("lapx", lambda m, costs, threads: m.match_s(costs, threads)),
    "lapjv": ("lapjv", lambda m, costs, _: m.match(costs)),
    "lapcpp": ("lapcpp", lambda m, costs, threads: m.match(costs, threads)),
    "fastlap": ("fastlap", lambda m, costs, threads: m.match(costs, threads)),
    "POT": ("pot", lambda m, costs, _: m.match(costs)),
    "torch-linear-assignment": ("torch_linear_assignment", lambda m, costs, _: m.match(costs)),
    "torchmatch": ("torchmatch", lambda m, costs, _: m.match(costs)),
}
