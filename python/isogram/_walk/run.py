"""The walk over the tiles of a large result, whoever computes them.

    plan     has the tiles, and everything that decides their bits           plan.py, tiles.py
    worker   computes the part of a tile: the host, or a GPU                 here, _device/
    sink     keeps the parts, and makes the result of them                   sinks.py

A tile depends on the plan and on its own rows and columns alone. So tiles can be computed in any
order, and anywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias

from isogram._walk.sinks import Sink
from isogram._walk.tiles import Tile, Tiled

# Called with the number of pairs that are done, or queued, since the last call.
Tell: TypeAlias = Callable[[int], object]


class Worker(Protocol):
    """Computes tiles, one after another."""

    def begin(self, tile: Tile, tell: Tell) -> Callable[[], Any]:
        """Begin a tile; return a function that waits for its part and returns it."""


class HostWorker:
    """The host, which computes a tile when its part is asked for."""

    def __init__(self, compute: Callable[[Tile, Callable[[int, int], object]], Any]) -> None:
        """Take compute(tile, progress), which returns the part of a tile."""
        self._part_of = compute

    def begin(self, tile: Tile, tell: Tell) -> Callable[[], Any]:
        """Return the function that computes the part: nothing is begun."""
        return partial(self._compute, tile, tell)

    def _compute(self, tile: Tile, tell: Tell) -> Any:
        told = 0

        def progress(done: int, _: int) -> None:
            nonlocal told
            tell(done - told)
            told = done

        return self._part_of(tile, progress)


def run(
    plan: Tiled,
    workers: Sequence[Worker],
    sink: Sink,
    report: Callable[[int, int], object] | None = None,
) -> Any:
    """Let workers compute, in turns, the tiles that the sink lacks; return the sink's result.

    A worker has begun at most two tiles that are not in the sink: it computes the second while the
    first is put there. `report` is called with the number of pairs done, and of all pairs.
    """
    tell = _told(report, sum(map(plan.pairs, plan.tiles)))
    begun: deque[tuple[Tile, Callable[[], Any]]] = deque()
    turn = 0
    for tile in plan.tiles:
        if sink.has(tile):
            tell(plan.pairs(tile))
            continue
        begun.append((tile, workers[turn].begin(tile, tell)))
        turn = (turn + 1) % len(workers)
        if len(begun) > len(workers):
            _finish(begun, sink)
    while begun:
        _finish(begun, sink)
    return sink.result()


def _finish(begun: deque[tuple[Tile, Callable[[], Any]]], sink: Sink) -> None:
    tile, part = begun.popleft()
    sink.put(tile, part())


def _told(report: Callable[[int, int], object] | None, total: int) -> Tell:
    done = 0

    def tell(pairs: int) -> None:
        nonlocal done
        done += pairs
        if report is not None:
            report(done, total)

    return tell
