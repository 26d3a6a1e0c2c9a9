"""What runs on workers: the part of one tile, and what brings them the job."""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

import dask
from distributed import Worker, get_worker

from isogram._errors import errors_of
from isogram._walk.tiles import Tile
from isogram.distributed._job import Job

# Held by the tile that a worker computes: it takes all threads, and memory for one.
_TURNS: WeakKeyDictionary[Worker, threading.Lock] = WeakKeyDictionary()
_NEW_TURN = threading.Lock()


class _Cancelled(Exception):
    """Nobody waits for the tile any more."""


def taken(job: Job) -> Job:
    """Return the job, which is with this worker then."""
    return job


def has_come(job: Job) -> None:
    """Do nothing: the job has come to this worker."""


def part_of(job: Job, tile: Tile) -> Any:
    """Return the part of a tile, or what is left of one that is written to the job's matrix.

    It is computed by all threads of this worker, which computes one tile after another. Dask arrays
    among the inputs are computed by it too, as a task that waited for others might wait for ever.
    """
    worker = get_worker()
    key = worker.get_current_task()

    def report(_done: int, _total: int) -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            raise _Cancelled

    with _turn_of(worker):
        report(0, 0)
        plan, checked, matrix = job.opened()
        with errors_of(job.operation), dask.config.set(scheduler="synchronous"):
            part = plan._named_part(tile, checked, worker.state.nthreads, report)
    return part if matrix is None else plan._written(tile, part, matrix, worker.address)


def _turn_of(worker: Worker) -> threading.Lock:
    with _NEW_TURN:
        return _TURNS.setdefault(worker, threading.Lock())
