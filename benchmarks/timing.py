"""Stopwatches in turns, and what is said about their times."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

FAR_ABOVE = 2
PROBE = 0.003  # seconds
NEARLY_BEST = 1.1
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


class OwnCore:
    """Waits until nobody else works on the core, for some patience at a time.

    Two threads share a core, and on a shared machine the other one may be anybody's: then a small
    product in the nearest caches takes up to twice the least time that it ever took.
    """

    least: ClassVar[float] = float("inf")  # seconds of the product

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._matrix = np.full((128, 128), 0.01, np.float32)

    def wait(self) -> None:
        """Return when the core is one's own, or patience is at its end."""
        end = time.perf_counter() + self._patience
        while time.perf_counter() < end:
            seconds = self._probe()
            OwnCore.least = min(OwnCore.least, seconds)
            if seconds <= NEARLY_BEST * OwnCore.least:
                return

    def _probe(self) -> float:
        begin = time.perf_counter()
        count = 0
        while (elapsed := time.perf_counter() - begin) < PROBE:
            self._matrix @ self._matrix
            count += 1
        return elapsed / count


def interleave(
    stopwatches: Mapping[str, Stopwatch],
    *,
    rounds: int,
    min_rounds: int,
    budget: float,
    pause: float = 0.0,
    ready: Callable[[], None] = lambda: None,
) -> dict[str, list[float]]:
    """Read all stopwatches in turns: A B C A B C ….

    One that has used up its budget of seconds drops out after `min_rounds`, or at once if it is
    far above; so entries of equal index always belong to the same round. `pause` lets worker
    threads that wait by spinning go to sleep; then `ready` is waited for.
    """
    times: dict[str, list[float]] = {name: [] for name in stopwatches}
    spent = dict.fromkeys(stopwatches, 0.0)
    for done in range(rounds):
        for name, read in stopwatches.items():
            if spent[name] > (budget if done >= min_rounds else FAR_ABOVE * budget):
                continue
            time.sleep(pause)
            ready()
            begin = time.perf_counter()
            times[name].append(read())
            spent[name] += time.perf_counter() - begin
    return times


def ratios(of: Sequence[float], to: Sequence[float]) -> Spread:
    """Summarise of/to, round by round: what slows the whole machine cancels."""
    return Spread.of([a / b for a, b in zip(of, to, strict=False)])
