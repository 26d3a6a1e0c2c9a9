"""The walk over the tiles of a large result, whoever computes them.

    plan     has the tiles, and everything that decides their bits           plan.py, tiles.py
    worker   computes the part of a tile: the host, or a GPU                 here, _device/
             many at once, on other machines                                 isogram.distributed
    sink     keeps the parts, and makes the result of them                   sinks.py

A tile depends on the plan and on its own rows and columns alone. So tiles can be computed in any
order, and anywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Protocol, TypeAlias

from isogram._walk.sinks import Sink
from isogram._walk.tiles import Tile, Tiled

# Called with the number of pairs that are done, or queued, since the last call.
Tell: TypeAlias = Callable[[int], object]

# Takes tiles as it has room for them, and gives each with its part, in any order.
Compute: TypeAlias = Callable[[Iterator[Tile], Tell], Generator[tuple[Tile, Any]]]


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
    return walk(plan, partial(in_turns, workers), sink, report)


def walk(
    plan: Tiled,
    compute: Compute,
    sink: Sink,
    report: Callable[[int, int], object] | None = None,
) -> Any:
    """Put the parts of the tiles that the sink lacks there; return its result. See `run`.

    A `report` that has a method `tiles` is told of tiles too: how many are done, and of all tiles.
    """
    lacking = [tile for tile in plan.tiles if not sink.has(tile)]
    count = len(plan.tiles)
    tell_tiles = getattr(report, "tiles", _to_nobody)
    done = count - len(lacking)
    tell_tiles(done, count)
    tell = _told(report, sum(map(plan.pairs, plan.tiles)), sum(map(plan.pairs, lacking)))
    with closing(compute(iter(lacking), tell)) as parts:
        for tile, part in parts:  # not of enumerate(), which keeps the part until the next
            sink.put(tile, part)
            del part  # before the next takes its memory
            done += 1
            tell_tiles(done, count)
    return sink.result()


def in_turns(
    workers: Sequence[Worker], tiles: Iterator[Tile], tell: Tell
) -> Generator[tuple[Tile, Any]]:
    """Compute tiles by workers that take turns; see `Compute`."""
    begun: deque[tuple[Tile, Callable[[], Any]]] = deque()
    for turn, tile in enumerate(tiles):
        begun.append((tile, workers[turn % len(workers)].begin(tile, tell)))
        if len(begun) > len(workers):
            yield _finished(begun)
    while begun:
        yield _finished(begun)


def _finished(begun: deque[tuple[Tile, Callable[[], Any]]]) -> tuple[Tile, Any]:
    tile, part = begun.popleft()
    return tile, part()


def _to_nobody(_: int, __: int) -> None:
    pass


def _told(report: Callable[[int, int], object] | None, total: int, lacking: int) -> Tell:
    done = total - lacking
    if report is not None and done:
        report(done, total)  # what is there from before

    def tell(pairs: int) -> None:
        nonlocal done
        done += pairs
        if report is not None:
            report(done, total)

    return tell
