"""What a cluster costs beside its tiles: `python -m benchmarks.distributed`, for its page in docs.

Worker processes of this machine compute the same plan as this process does alone. Processor time is
compared, which other programs on the machine change little: of the workers, and of this process,
which is client and scheduler. What workers take while they wait (heartbeats, Dask's own profiler)
grows with time on the clock, which a busy machine stretches; it is measured first, and printed.
Time on the clock is that of a machine where each worker has a core for itself. The last lines are
of the job with most inputs: what one worker takes beside one process, and how many times as fast
several are.
"""

from __future__ import annotations

import argparse
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import isogram as ig
import isogram.distributed as on_cluster
import numpy as np
import zarr
from distributed import Client, LocalCluster
from isogram.distributed._job import Job

from benchmarks import numerics

_TOKENS, _CHANNELS = 49, 320


class Row(NamedTuple):
    """What one job took, in seconds of processor time and in bytes."""

    inputs: int
    tile: int
    tasks: int
    workers: int
    alone: float
    alone_wall: float
    by_workers: float
    busiest: float
    here: float
    wall: float
    sent: int

    def __str__(self) -> str:
        """Return a row of a table in Markdown."""
        cells = (
            f"{self.inputs:,}",
            f"{self.tile}",
            f"{self.tasks}",
            f"{self.workers}",
            f"{self.alone:.2f}",
            f"{self.by_workers:.2f}",
            f"{self.by_workers / self.alone - 1:.1%}",
            f"{self.alone / self.busiest:.2f}",
            f"{1e3 * self.here / self.tasks:.0f}",
            f"{self.alone_wall:.1f}",
            f"{self.wall:.1f}",
            f"{self.sent}",
        )
        return numerics.row(cells)


_COLUMNS = (
    "inputs",
    "tile",
    "tasks",
    "workers",
    "alone, s",
    "by workers, s",
    "more",
    "alone ÷ busiest worker",
    "client and scheduler, ms a task",
    "alone on the clock, s",
    "workers on the clock, s",
    "bytes of the job",
)


def _idle(client: Client, seconds: float = 5.0) -> float:
    """Return the share of a processor that a worker takes while it waits."""
    before = client.run(time.process_time)
    time.sleep(seconds)
    took = [now - before[who] for who, now in client.run(time.process_time).items()]
    return sum(took) / len(took) / seconds


def _plan(folder: Path, inputs: int, tile: int) -> tuple[ig.Plan, Any]:
    tokens = np.load(folder / "tokens.npy", mmap_mode="r")[:inputs]
    return ig.plan("semantic_rsm", tokens, tile=tile, num_threads=1), tokens


@cache
def _alone(folder: Path, inputs: int, tile: int) -> tuple[float, float]:
    """Return the processor time of one process, and the time on the clock."""
    plan, tokens = _plan(folder, inputs, tile)
    begin, since = time.process_time(), time.perf_counter()
    plan.run(tokens, out=np.empty((inputs, inputs), np.float32), num_threads=1)
    return time.process_time() - begin, time.perf_counter() - since


def _row(client: Client, folder: Path, inputs: int, tile: int) -> Row:
    plan, tokens = _plan(folder, inputs, tile)
    alone = _alone(folder, inputs, tile)
    out = zarr.create_array(
        folder / "rsm.zarr",
        shape=(inputs, inputs),
        dtype="f4",
        chunks=(tile, tile),
        overwrite=True,
    )
    before = client.run(time.process_time)
    begin, since = time.process_time(), time.perf_counter()
    on_cluster.run(plan, tokens, client=client, out=out)
    wall, here = time.perf_counter() - since, time.process_time() - begin
    took = [now - before[who] for who, now in client.run(time.process_time).items()]
    sent = Job(plan, [tokens]).nbytes
    tasks = len(plan.tiles)
    return Row(inputs, tile, tasks, len(took), *alone, sum(took), max(took), here, wall, sent)


def _print_overhead(rows: list[Row]) -> None:
    """Print what the job with most inputs took by one worker and by more, if both were measured."""
    of_job = [row for row in rows if row.inputs == max(row.inputs for row in rows)]
    for one in (row for row in of_job if row.workers == 1):
        print(
            f"{one.inputs:,} inputs: one worker against one process, which takes "
            f"{one.alone_wall:.0f} s: {one.by_workers / one.alone - 1:+.1%} of processor time, "
            f"{one.wall / one.alone_wall - 1:+.1%} on the clock"
        )
        for row in of_job:
            if row.workers > 1:
                print(f"{row.workers} workers are {one.wall / row.wall:.2f} times as fast as one")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--jobs", nargs="+", default=["400:50", "1000:100", "4000:400"], help="inputs:tile"
    )
    args = parser.parse_args()
    jobs = [tuple(map(int, job.split(":"))) for job in args.jobs]
    print(f"{numerics.row(_COLUMNS)}\n{'|---' * len(_COLUMNS)}|", flush=True)
    rows = list[Row]()
    with TemporaryDirectory() as name:
        folder = Path(name)
        shape = (max(inputs for inputs, _ in jobs), _TOKENS, _CHANNELS)
        np.save(folder / "tokens.npy", np.random.default_rng(0).standard_normal(shape, np.float32))
        for workers in args.workers:
            with (
                LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=":0"
                ) as cluster,
                Client(cluster, set_as_default=False) as client,
            ):
                on_cluster.gram(np.eye(9), client=client)  # everything is loaded
                idle = _idle(client)
                for job in jobs:
                    rows.append(_row(client, folder, *job))
                    print(rows[-1], flush=True)
                print(
                    f"{workers} workers that wait take {idle:.2%} of a processor each", flush=True
                )
    _print_overhead(rows)


if __name__ == "__main__":
    main()
