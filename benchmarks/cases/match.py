"""Batches of assignments, on hard data and on easy."""

from __future__ import annotations

from collections.abc import Callable
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


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    if settings.quick:
        return quick_cases()
    result = [
        case(f"match-real-s{s}c{c}", "real network", s, lambda b, st, s=s, c=c: real(st, s, c, b))
        for s, c in REAL
    ]
    for size in SIZES:
        kinds: dict[str, Callable[[int, Settings], Any]] = {
            "smooth": lambda b, _, s=size: smooth(s, b),
            "dead": lambda b, _, s=size: dead(s, b),
            "integer": lambda b, _, s=size: data.integer_costs(b, s),
            "rank-one": lambda b, _, s=size: data.rank_one_costs(b, s),
            "uniform": lambda b, _, s=size: data.uniform_costs(b, s),
        }
        result += [
            case(f"match-{kind}-s{size}", kind, size, make, levels=kind == "smooth")
            for kind, make in kinds.items()
        ]
    return result


def quick_cases() -> list[Case]:
    """Return one case of every kind."""
    return [
        case("match-real-s49c192", "real network", 49, lambda b, st: real(st, 49, 192, b), 40),
        case("match-smooth-s49", "smooth", 49, lambda b, _: smooth(49, b), 40),
        case("match-dead-s49", "dead", 49, lambda b, _: dead(49, b), 40),
        case("match-uniform-s16", "uniform", 16, lambda b, _: data.uniform_costs(b, 16), 40),
    ]


def case(
    name: str,
    kind: str,
    size: int,
    make: Callable[[int, Settings], Any],
    batch: int | None = None,
    levels: bool = True,
) -> Case:
    """Return a case of `batch` problems of `size` rows and columns."""
    count = batch or BATCH[size]
    return Case(
        name,
        "match",
        f"batch of {size} × {size} assignments",
        {"s": size, "batch": count},
        lambda settings: assignments(make(count, settings), settings.threads),
        data=kind,
        per=("assignment", count),
        levels=levels,
    )


def real(settings: Settings, tokens: int, channels: int, count: int) -> Any:
    """Return costs of real tokens."""
    return -data.affinities(data.real_tokens(settings, tokens, channels, 60), count)


def smooth(tokens: int, count: int) -> Any:
    """Return costs of smooth fields."""
    return -data.affinities(data.smooth_fields(40, tokens, 64), count)


def dead(tokens: int, count: int) -> Any:
    """Return costs of smooth fields with dead tokens."""
    return -data.affinities(data.tied(data.smooth_fields(40, tokens, 64)), count)


def assignments(costs: Any, threads: int) -> Workload:
    """Return the matchings of smallest cost against every package."""
    best = baseline.totals(costs, baseline.exact(costs.astype(np.float64)))

    def error(columns: Any) -> float:
        """Return the largest loss relative to the optimum; infinite for no matching."""
        if (np.sort(columns, axis=1) != np.arange(costs.shape[2])).any():
            return float("inf")
        return float(np.max(np.abs(baseline.totals(costs, columns) - best) / np.abs(best)))

    workload = Workload(
        isogram=lambda count: ig.match(costs, maximize=False, num_threads=count).columns,
        rivals={"SciPy": lambda: baseline.exact(costs)},
        error=error,
        right=RIGHT,
    )
    for name, bind in RIVALS.items():
        adapter, call = bind
        workload.add_rival(
            name, adapter, lambda module, call=call: lambda: call(module, costs, threads)
        )
    return workload


RIVALS: dict[str, tuple[str, Callable[[Any, Any, int], Any]]] = {
    "lapx, lapjvh_batch": ("lapx", lambda m, costs, threads: m.match_h(costs, threads)),
    "lapx, lapjvs_batch": ("lapx", lambda m, costs, threads: m.match_s(costs, threads)),
    "lapjv": ("lapjv", lambda m, costs, _: m.match(costs)),
    "lapcpp": ("lapcpp", lambda m, costs, threads: m.match(costs, threads)),
    "fastlap": ("fastlap", lambda m, costs, threads: m.match(costs, threads)),
    "POT": ("pot", lambda m, costs, _: m.match(costs)),
    "torch-linear-assignment": ("torch_linear_assignment", lambda m, costs, _: m.match(costs)),
}
