"""The workers of a Dask cluster, as a walk sees them."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, NoReturn
from uuid import uuid4

import dask
from distributed import Client, Future, KilledWorker, as_completed, fire_and_forget

from isogram._walk.matrices import Matrix, checksum
from isogram._walk.plan import Plan
from isogram._walk.run import Tell
from isogram._walk.stored import Written
from isogram._walk.tiles import Tile
from isogram.distributed._job import Job
from isogram.distributed._tile import has_come, part_of, taken

# Tiles of a worker that are not in the sink: it computes one while another is fetched or begins.
_AHEAD = 2
_LOOK = 1.0  # seconds from one look for workers that came or went to the next


@contextmanager
def connected(function: str, client: Any) -> Iterator[Client]:
    """Give a client of the cluster; one of an address is closed at the end."""
    if isinstance(client, str):
        with Client(client, set_as_default=False) as own:
            yield own
    elif not isinstance(client, Client) or client.asynchronous:
        raise TypeError(
            f"{function}: `client` must be a distributed.Client, not an asynchronous one, or the "
            f"address of a scheduler, got {client!r}"
        )
    else:
        yield client


class Cluster:
    """Computes the tiles of a plan, each as a task.

    The job, which all tiles need, is a task too: what a worker takes along when it dies comes again
    from the scheduler.
    """

    def __init__(self, client: Client, plan: Plan, job: Job, matrix: Matrix | None = None) -> None:
        """Send the job; `matrix` is what it lets workers write to."""
        self._client, self._plan, self._operation = client, plan, job.operation
        self._matrix, self._sent_bytes = matrix, job.nbytes
        self._wrote: set[str] = set()  # workers whose blocks are there
        self._name = f"{job.operation}-{uuid4().hex}"
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PiB"}):
            self._job = client.submit(taken, job, key=f"job-{self._name}")
        self._workers: set[str] = set()
        self._looked = -math.inf
        self._ready = as_completed(with_results=True, raise_errors=False, loop=client.loop)
        self._begun: dict[Future[Any], Tile] = {}

    def compute(self, tiles: Iterator[Tile], tell: Tell) -> Generator[tuple[Tile, Any]]:
        """See `Compute`: as many tiles are on the way as keep all workers busy."""
        self._client.wait_for_workers(1)
        self._check_memory()
        self._client.gather(self._look())
        try:
            while True:
                for tile in islice(tiles, self._room()):
                    self._begin(tile)
                if not self._begun:
                    return
                future, part = next(self._ready)
                tile = self._begun.pop(future)
                if future.status != "finished":
                    self._raise(part, tile)
                if self._matrix is not None:
                    self._check_written(tile, part, self._matrix)
                tell(self._plan.pairs(tile))
                yield tile, part
        finally:
            self._client.cancel(list(self._begun))

    def _check_memory(self) -> None:
        """Raise for a worker that may not take as much memory as a tile needs."""
        cost = self._plan.cost
        kept = 0 if self._plan._keeps_no_parts else cost.part_bytes
        needed = self._sent_bytes + cost.memory - cost.result_bytes - kept
        for address, about in self._client.scheduler_info()["workers"].items():
            limit = about["memory_limit"]
            if limit and needed > limit:
                raise MemoryError(
                    f"{self._operation}: workers must have memory for a tile, about {needed} bytes "
                    f"with the {self._sent_bytes} that they are sent, but {address} has {limit}: "
                    "plan a smaller `tile`, or pass inputs in files"
                )

    def _begin(self, tile: Tile) -> None:
        key = f"{self._name}-{uuid4().hex}"
        future = self._client.submit(part_of, self._job, tile, key=key)
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
                has_come, self._job, workers=worker, allow_other_workers=True, pure=False
            )
            for worker in self._workers - before
        ]

    def _check_written(self, tile: Tile, part: Written, matrix: Matrix) -> None:
        """Raise unless the first block that a worker writes is where the others are."""
        if part.by not in self._wrote and checksum(matrix.read(tile)) != part.checksum:
            raise RuntimeError(
                f"{self._operation}: workers must write to the `out` that is here, but what "
                f"{part.by} wrote is not there: choose a store that all machines share"
            )
        self._wrote.add(part.by)

    def _raise(self, failure: Any, tile: Tile) -> NoReturn:
        """Raise what a task ended with."""
        if isinstance(failure, BaseException):  # somebody cancelled it
            raise failure
        _, error, trace = failure
        if isinstance(error, KilledWorker):
            raise RuntimeError(
                f"{self._operation}: workers must live through a tile, but several died one after "
                f"another while they computed {tile}: give them more memory, or plan a smaller "
                "`tile`"
            ) from error
        raise error.with_traceback(trace)
