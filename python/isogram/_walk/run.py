"""The walk that every large result is: tile by tile, whoever computes them.

    plan     which tiles there are, and all that decides their bits          plan.py, tiles.py
    source   gives rows of the inputs                                        sources.py
    worker   computes the part of a tile: the host, or a GPU                 here, _device/
    sink     keeps the parts and makes the result of them                    sinks.py

Tiles depend on nothing but the plan and their own rows and columns, so that they can be computed in
any order and anywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias

from isogram._walk.sinks import Sink
from isogram._walk.tiles import Tile, Tiled

# Is told of pairs that are done, or on their way.
Tell: TypeAlias = Callable[[int], object]


class Worker(Protocol):
    """Computes tiles, one after another."""

    def begin(self, tile: Tile, tell: Tell) -> Callable[[], Any]:
        """Begin with a tile; what is returned waits for its part and returns that."""


class HostWorker:
    """Computes a tile when its part is asked for: compute(tile, progress)."""

    def __init__(self, compute: Callable[[Tile, Callable[[int, int], object]], Any]) -> None:
        """Take what computes."""
        self._part_of = compute

    def begin(self, tile: Tile, tell: Tell) -> Callable[[], Any]:
        """Put it off."""
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
    """Let workers take turns with those tiles that the sink does not have, and return its result.

    Of each worker at most two tiles are begun and not yet in the sink: it works on the second while
    the first is put there. `report` is called with the pairs that are done and all there are.
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
