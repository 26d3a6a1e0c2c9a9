"""Runs cases: every contender once for its answer, then all in turns for their times."""

from __future__ import annotations

import datetime
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import isogram as ig

from benchmarks import machine, memory, timing
from benchmarks.baselines.rivals import Unavailable, load
from benchmarks.case import Case, Workload
from benchmarks.peaks import Peaks
from benchmarks.results import ISOGRAM, LIMIT, CaseResult, Entry
from benchmarks.settings import Settings

LONG = 0.2  # seconds
SPIN = 0.03  # seconds that OpenBLAS's and OpenMP's idle threads may go on spinning


@dataclass
class Contender:
    """Something to time."""

    name: str
    kind: str
    call: Callable[[], Any]
    stopwatch: timing.Stopwatch | None = None  # a process of its own has its own
    error: float | None = None
    cores: float = 0.0


def limit_threads(threads: int) -> None:
    """Let BLAS, OpenMP and PyTorch use `threads` threads."""
    torch = load("torch")
    if not isinstance(torch, Unavailable):
        torch.set_threads(threads)
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        warnings.warn("threadpoolctl is not installed: rivals choose their threads", stacklevel=2)
        return
    threadpool_limits(threads)


def at_level(level: str, call: Callable[[], Any]) -> Callable[[], Any]:
    """Return `call` with isogram held to a SIMD level."""

    def run() -> Any:
        before = ig.simd.level()
        ig.simd.set_level(level)
        try:
            return call()
        finally:
            ig.simd.set_level(before)

    return run


def contenders(case: Case, workload: Workload, settings: Settings) -> list[Contender]:
    """Return isogram, its variants and its rivals."""
    threads = settings.threads
    result = [Contender(ISOGRAM, "isogram", lambda: workload.isogram(threads))]
    if threads == 1 and machine.cores() > 1 and settings.clock == "wall":
        result.append(Contender("isogram, 2 threads", "threads", lambda: workload.isogram(2)))
    if case.levels:
        for level in ig.simd.available()[:-1]:
            call = at_level(level, lambda: workload.isogram(threads))
            result.append(Contender(f"isogram, {level}", "level", call))
    for name, vary in workload.variants.items():
        result.append(Contender(f"isogram, {name}", "variant", partial(vary, threads)))
    result += [Contender(name, "rival", call) for name, call in workload.rivals.items()]
    return result


def try_out(contender: Contender, workload: Workload) -> float:
    """Run a contender, note its error and return its seconds.

    A first call may load code or start threads: short ones get a second.
    """
    begin, cpu = time.perf_counter(), time.process_time()
    answer = contender.call()
    seconds = time.perf_counter() - begin
    contender.cores = (time.process_time() - cpu) / seconds
    contender.error = workload.error(answer)
    if seconds > LONG:
        return seconds
    begin = time.perf_counter()
    contender.call()
    return time.perf_counter() - begin


def prepare(
    case: Case, workload: Workload, settings: Settings, missing: dict[str, str]
) -> list[Contender]:
    """Try all contenders and keep those that work."""
    kept = []
    for contender in contenders(case, workload, settings):
        try:
            seconds = try_out(contender, workload)
        except Exception as error:  # a rival may fail in any way; isogram may not
            if contender.kind != "rival":
                raise
            missing[contender.name] = f"failed: {type(error).__name__}: {error}"[:300]
            continue
        contender.stopwatch = timing.stopwatch(contender.call, seconds, settings.clock)
        kept.append(contender)
    for name, stopwatch in workload.stopwatches.items():
        kept.append(Contender(name, "rival", lambda: None, stopwatch))
    return kept


def measure_times(
    case: Case, workload: Workload, settings: Settings, peaks: Peaks | None, result: CaseResult
) -> None:
    """Fill `result` with an entry for every contender."""
    kept = prepare(case, workload, settings, result.missing)
    if peaks is not None and workload.work:
        least = peaks.least_seconds(workload.work, settings.threads)
        kept.append(Contender(LIMIT, "limit", lambda: None, least))
    many = settings.threads > 1 or any(contender.kind == "threads" for contender in kept)
    times = timing.interleave(
        {c.name: c.stopwatch for c in kept if c.stopwatch is not None},
        rounds=settings.rounds,
        min_rounds=settings.min_rounds,
        budget=settings.budget,
        pause=SPIN if many else 0.0,
    )
    for contender in kept:
        own = times[contender.name]
        result.entries.append(
            Entry(
                name=contender.name,
                kind=contender.kind,
                seconds=timing.Spread.of(own),
                ratio=timing.ratios(own, times[ISOGRAM]),
                error=contender.error,
                right=is_right(contender, workload),
                cores=contender.cores,
            )
        )


def is_right(contender: Contender, workload: Workload) -> bool:
    """Whether an answer is as good as its kind has to be."""
    bound = workload.near if contender.kind == "variant" else workload.right
    return contender.error is None or contender.error <= bound


def measure_memory(case: Case, settings: Settings, result: CaseResult) -> None:
    """Fill in how far isogram and the rivals raise the peak of resident memory."""
    for entry in result.entries:
        if entry.kind in ("isogram", "rival"):
            entry.memory = memory.growth(case, entry.name, settings)


def run(case: Case, settings: Settings, peaks: Peaks | None) -> CaseResult:
    """Measure one case."""
    result = CaseResult(
        name=case.name,
        group=case.group,
        title=case.title,
        sizes=dict(case.sizes),
        data=case.data,
        dtype=case.dtype,
        threads=settings.threads,
        clock=settings.clock,
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=machine.commit(),
        load=os.getloadavg()[0],
        per=case.per,
    )
    workload = case.build(settings)
    try:
        result.missing |= workload.missing
        measure_times(case, workload, settings, peaks, result)
    finally:
        workload.close()
    if case.measure_memory and not settings.quick:
        measure_memory(case, settings, result)
    return result
