"""Stopwatches in turns, and what is said about their times."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

FAR_ABOVE = 2
SHORTEST = 0.02  # seconds: shorter calls are repeated under one reading of the clock

Stopwatch = Callable[[], float]
CLOCKS: dict[str, Stopwatch] = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise values."""
        low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
        return cls(float(median), float(low), float(high), len(values))


def stopwatch(call: Callable[[], Any], once: float, clock: str) -> Stopwatch:
    """Return a stopwatch of `call`, which takes about `once` seconds."""
    now = CLOCKS[clock]
    repeats = max(1, min(1000, round(SHORTEST / max(once, 1e-9))))

    def seconds() -> float:
        begin = now()
        for _ in range(repeats):
            call()
        return (now() - begin) / repeats

    return seconds


def interleave(
    stopwatches: Mapping[str, Stopwatch],
    *,
    rounds: int,
    min_rounds: int,
    budget: float,
    pause: float = 0.0,
) -> dict[str, list[float]]:
    """Read all stopwatches in turns: A B C A B C ….

    One that has used up its budget of seconds drops out after `min_rounds`, or at once if it is
    far above; so entries of equal index always belong to the same round. `pause` lets worker
    threads that wait by spinning go to sleep.
    """
    times: dict[str, list[float]] = {name: [] for name in stopwatches}
    spent = dict.fromkeys(stopwatches, 0.0)
    for done in range(rounds):
        for name, read in stopwatches.items():
            if spent[name] > (budget if done >= min_rounds else FAR_ABOVE * budget):
                continue
            time.sleep(pause)
            begin = time.perf_counter()
            times[name].append(read())
            spent[name] += time.perf_counter() - begin
    return times


def ratios(of: Sequence[float], to: Sequence[float]) -> Spread:
    """Summarise of/to, round by round: what slows the whole machine cancels."""
    return Spread.of([a / b for a, b in zip(of, to, strict=False)])
