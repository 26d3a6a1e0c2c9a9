"""The workers of a Dask cluster, as a walk sees them."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any
from uuid import uuid4

import dask
from distributed import Client, Future, KilledWorker, as_completed, fire_and_forget
from distributed.client import ClosedClientError
from distributed.comm.addressing import resolve_address

from isogram._errors import warn_caller
from isogram._walk.matrices import Matrix, is_whole
from isogram._walk.plan import Plan
from isogram._walk.run import Tell
from isogram._walk.stored import Written
from isogram._walk.tiles import Tile
from isogram.distributed._job import Job
from isogram.distributed._tile import has_come, part_of, taken

# Tiles of a worker that are not in the sink: it computes one while another is fetched or begins.
_AHEAD = 2
_LOOK = 1.0  # seconds from one look for workers that came or went to the next
_ALONE = 10.0  # seconds without a worker, or a tile, after which the call says that it waits
_CLOSED = ("closing", "closed")  # a client


@contextmanager
def connected(function: str, client: Any) -> Iterator[Client]:
    """Give a client of the cluster; one of an address is closed at the end."""
    if isinstance(client, str):
        with _client_of(function, client) as own:
            yield own
    elif not isinstance(client, Client) or client.asynchronous:
        raise TypeError(
            f"{function}: `client` must be a distributed.Client, not an asynchronous one, or the "
            f"address of a scheduler, got {client!r}"
        )
    else:
        if client.status in _CLOSED:
            raise _closed(function)
        try:
            yield client
        except ClosedClientError as error:
            raise _closed(function) from error


def _client_of(function: str, address: str) -> Client:
    """Return a client of a scheduler, which has to answer within the time that Dask gives it."""
    limit = dask.config.get("distributed.comm.timeouts.connect")
    try:
        resolve_address(address)  # Dask would go on trying
        return Client(address, timeout=limit, set_as_default=False)
    except Exception as error:  # anything, where what answers is no scheduler
        raise ConnectionError(
            f"{function}: `client` must be the address of a scheduler that answers within {limit}, "
            f"as tcp://10.0.0.1:8786, got {address!r}: {error}"
        ) from error


def _closed(function: str) -> RuntimeError:
    return RuntimeError(
        f"{function}: `client` must be open until the result is there, got one that is closed"
    )


class Cluster:
    """Computes the tiles of a plan, each as a task.

    The job, which all tiles need, is a task too: what a worker takes along when it dies comes again
    from the scheduler.
    """

    def __init__(self, client: Client, plan: Plan, job: Job, matrix: Matrix | None = None) -> None:
        """Take the job; `matrix` is what it lets workers write to."""
        self._client, self._plan, self._operation = client, plan, job.operation
        self._matrix, self._job = matrix, job
        self._wrote: set[str] = set()  # workers whose blocks are there
        self._name = f"{job.operation}-{uuid4().hex}"
        self._workers: set[str] = set()
        self._looked = -math.inf
        self._waits = False
        self._ready = as_completed(with_results=True, raise_errors=False, loop=client.loop)
        self._begun: dict[Future[Any], Tile] = {}

    def compute(self, tiles: Iterator[Tile], tell: Tell) -> Generator[tuple[Tile, Any]]:
        """See `Compute`: as many tiles are on the way as keep all workers busy."""
        first = next(tiles, None)
        if first is None:  # of what is finished; no worker has to be there
            return
        tiles = chain([first], tiles)
        self._wait_for_a_worker()
        self._check_memory()
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PiB"}):
            self._sent = self._client.submit(taken, self._job, key=f"job-{self._name}")
        self._client.gather(self._look())
        try:
            while True:
                for tile in islice(tiles, self._room()):
                    self._begin(tile)
                if not self._begun:
                    return
                future, part = self._next()  # by now the future may have lost the part
                tile = self._begun.pop(future)
                self._raise_if_failed(part, tile)
                if self._matrix is not None:
                    self._check_written(tile, part, self._matrix)
                tell(self._plan.pairs(tile))
                yield tile, part
        finally:
            self._client.cancel(list(self._begun))

    def _wait_for_a_worker(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=_ALONE)
        except TimeoutError:
            self._say_that_it_waits()
            self._client.wait_for_workers(1)

    def _next(self) -> tuple[Future[Any], Any]:
        """Wait for a tile that is done, whatever became of it."""
        said = time.monotonic()
        while not self._ready.has_ready():
            with self._ready.thread_condition:
                self._ready.thread_condition.wait(0.1)
            if self._client.status in _CLOSED:
                raise _closed(self._operation)
            if self._sent.cancelled():  # and tiles would wait for it
                raise self._cancelled("the job was cancelled")
            if time.monotonic() > said + _ALONE:
                said = time.monotonic()
                if not self._client.nthreads():
                    self._say_that_it_waits()
        done: tuple[Future[Any], Any] = next(self._ready)
        return done

    def _say_that_it_waits(self) -> None:
        if not self._waits:
            warn_caller(
                f"{self._operation}: no worker is there, and the call waits until one comes"
            )
        self._waits = True

    def _check_memory(self) -> None:
        """Raise for a worker that may not take as much memory as a tile needs."""
        cost = self._plan.cost
        kept = 0 if self._plan._keeps_no_parts else cost.part_bytes
        needed = self._job.nbytes + cost.memory - cost.result_bytes - kept
        # `client.scheduler_info()` names no workers where Dask renews it in between.
        scheduler: Any = self._client.scheduler
        workers = self._client.sync(scheduler.identity)["workers"]
        for address, about in workers.items():
            limit = about["memory_limit"]
            if limit and needed > limit:
                raise MemoryError(
                    f"{self._operation}: workers must have memory for a tile, about {needed} bytes "
                    f"with the {self._job.nbytes} that they are sent, but {address} has {limit}: "
                    "plan a smaller `tile`, or pass inputs in files"
                )

    def _begin(self, tile: Tile) -> None:
        key = f"{self._name}-{uuid4().hex}"
        future = self._client.submit(part_of, self._sent, tile, key=key)
        self._begun[future] = tile
        self._ready.add(future)

    def _room(self) -> int:
        """Return how many more tiles can be begun."""
        if time.monotonic() > self._looked + _LOOK:
            for coming in self._look():
                fire_and_forget(coming)
        return max(0, _AHEAD * max(1, len(self._workers)) - len(self._begun))

    def _look(self) -> list[Future[None]]:
        """Look which workers there are, and bring the job to new ones: tiles go where it is."""
        before, self._workers = self._workers, set(self._client.nthreads())
        self._looked = time.monotonic()
        return [
            self._client.submit(
                has_come, self._sent, workers=worker, allow_other_workers=True, pure=False
            )
            for worker in self._workers - before
        ]

    def _check_written(self, tile: Tile, part: Written, matrix: Matrix) -> None:
        """Raise unless the first block that a worker writes is where the others are."""
        if part.by not in self._wrote and not is_whole(matrix, tile, part.checksum):
            raise RuntimeError(
                f"{self._operation}: workers must write to the `out` that is here, but what "
                f"{part.by} wrote is not there: choose a store that all machines share"
            )
        self._wrote.add(part.by)

    def _raise_if_failed(self, part: Any, tile: Tile) -> None:
        """Raise what a task ended with, if that is no part."""
        if isinstance(part, BaseException):
            raise self._cancelled(part) from part
        if not (isinstance(part, tuple) and isinstance(part[1], BaseException)):
            return
        _, error, trace = part
        if isinstance(error, KilledWorker):
            raise RuntimeError(
                f"{self._operation}: workers must live through a tile, but several died one after "
                f"another while they computed {tile}: give them more memory, or plan a smaller "
                "`tile`"
            ) from error
        raise error.with_traceback(trace)

    def _cancelled(self, why: object) -> RuntimeError:
        return RuntimeError(
            f"{self._operation}: tiles must not be cancelled, and the scheduler must be there "
            f"until the result is, but {why}"
        )
