"""`isogram bench`."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import click
import numpy as np

import isogram as ig
from isogram._machine import cores, processor
from isogram._tables import listing, terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import Command
from isogram.cli._messages import notice
from isogram.cli._options import check_targets, json_option, num_threads_option
from isogram.demo import MAIN_LAYER, load_features

_SECONDS = 0.5  # of one case
_FEWEST, _MOST = 3, 50  # runs of one case


class _Case(NamedTuple):
    """A call that is timed."""

    operation: str
    size: str
    run: Callable[[], object]


@click.command(cls=Command)
@json_option
@num_threads_option
def bench(json_path: Path | None, num_threads: int | None) -> None:
    """Time the main operations on this machine, for some seconds.

    float32 features drawn at random, and for `match` and `semantic_rsm` the real ones of the demo.
    Each case runs once before it is timed, then for half a second, 3 to 50 times.
    """
    check_targets(json=json_path)
    load = _load()
    if load > cores() / 4:
        notice(
            f"Warning: other programs keep {load:.1f} of {cores()} cores busy: times are too long"
        )
    machine = {
        "processor": processor(),
        "cores": cores(),
        "threads": ig.get_num_threads() if num_threads is None else num_threads,
        "simd level": ig.simd.level(),
        "load": load,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    timed = [_timed(case) for case in _cases(num_threads)]
    text = f"{_heading(machine)}\n\n{_table(timed)}"
    answer(text, {"machine": machine, "cases": timed}, json_path)


def _cases(num_threads: int | None) -> Iterator[_Case]:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 2000, 512), np.float32)
    points = rng.standard_normal((5000, 128), np.float32)
    maps = load_features().layers[MAIN_LAYER].astype(np.float32)
    tokens = maps.reshape(len(maps), -1, maps.shape[-1])
    inputs, positions, channels = tokens.shape
    similarities = np.einsum("isc,tc->ist", tokens, tokens[0])
    threads: dict[str, Any] = {"num_threads": num_threads}

    yield _Case("gram", "2000 × 512, linear", lambda: ig.gram(x, **threads))
    yield _Case("cka", "2 layers of 2000 × 512", lambda: ig.cka(x, y, **threads))
    yield _Case("graph", "5000 × 128, k = 10", lambda: ig.graph(points, k=10, **threads))
    yield _Case(
        "match",
        f"{inputs} problems of {positions} × {positions}",
        lambda: ig.match(similarities, **threads),
    )
    size = f"{inputs} × {positions} × {channels}"
    yield _Case("spatial_rsm", size, lambda: ig.spatial_rsm(tokens, **threads))
    yield _Case("semantic_rsm", size, lambda: ig.semantic_rsm(tokens, **threads))


def _timed(case: _Case) -> dict[str, Any]:
    case.run()
    seconds: list[float] = []
    while len(seconds) < _FEWEST or (sum(seconds) < _SECONDS and len(seconds) < _MOST):
        start = time.perf_counter()
        case.run()
        seconds.append(time.perf_counter() - start)
    return {
        "operation": case.operation,
        "size": case.size,
        "median": median(seconds),
        "least": min(seconds),
        "runs": len(seconds),
    }


def _load() -> float:
    """Return how many cores were busy in the last minute; 0 where nobody knows."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _heading(machine: dict[str, Any]) -> str:
    threads = machine["threads"]
    return (
        f"{machine['processor']}, {machine['simd level']}, {threads} thread{'s'[: threads != 1]}\n"
        f"isogram {ig.__version__}, NumPy {machine['numpy']}, Python {machine['python']}"
    )


def _table(timed: list[dict[str, Any]]) -> str:
    lines = [
        (
            case["operation"],
            case["size"],
            f"{1000 * case['median']:.2f}",
            f"{1000 * case['least']:.2f}",
            str(case["runs"]),
        )
        for case in timed
    ]
    header = ("operation", "size", "median in ms", "least", "runs")
    return listing(header, lines, right=(2, 3, 4), names=(1,), width=terminal_width())
