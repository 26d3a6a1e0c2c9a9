"""A plan's walk over its tiles, by the workers of a cluster."""

from __future__ import annotations

import os
from typing import Any

from distributed import Client

from isogram._errors import warn_caller
from isogram._progress import Progress
from isogram._rows import repeatable
from isogram._walk.plan import Plan
from isogram._walk.run import Compute
from isogram._walk.sinks import Sink
from isogram.distributed._cluster import Cluster, connected
from isogram.distributed._job import Job


def run(
    plan: Plan,
    *inputs: Any,
    client: Client | str,
    out: Any = None,
    job: str | os.PathLike[str] | None = None,
    progress: Progress = False,
) -> Any:
    """Let the workers of a Dask cluster compute a plan's tiles; return the result.

    Parameters
    ----------
    plan : Plan
        Made by `isogram.plan`.
    *inputs
        Those that the plan was made of. Workers open memory maps and HDF5 datasets by their paths,
        which they have to reach, and read the rows of their tiles; arrays in memory are sent whole
        to every worker.
    client : distributed.Client or str
        A client, or the address of a scheduler.
    out, job, progress
        As for `Plan.run`, and in the same folders, so that either goes on with a job of the other.
        Workers write blocks to a Zarr array themselves; all others come here. Progress counts tiles
        that are done.

    Returns
    -------
    As `Plan.run`, with the bits that it has on a processor with the same instruction set.

    Raises
    ------
    TypeError, ValueError
        As `Plan.run`, also where a worker finds what is wrong; another `client`.
    ConnectionError
        No scheduler answers at the address, in Dask's `distributed.comm.timeouts.connect` (30 s).
    OSError
        Workers do not reach the file of an input.
    RuntimeError
        Workers have another version of isogram, or die one after another on the same tile; the
        client is closed.

    Warns
    -----
    RuntimeWarning
        As the operation; once, if there has been no worker for 10 s: the call waits for one.

    Notes
    -----
    A worker computes one tile at a time, with all of its threads, and two tiles for each worker are
    on their way at most. What a worker that dies had not finished is computed by others. If the
    call ends early, by Ctrl-C say, tiles that wait are cancelled, and workers leave off those that
    they compute.
    """

    def by_cluster(stage: Plan, _checked: Any, sink: Sink) -> Compute:
        matrix = getattr(sink, "shared", None)
        return Cluster(own, stage, Job(stage, given, matrix), matrix).compute

    if not isinstance(plan, Plan):
        raise TypeError(f"run: `plan` must be a plan of isogram.plan, got {type(plan).__name__}")
    given = repeatable(inputs)
    with connected(plan.operation, client) as own:
        result, remarks = plan._run_by(by_cluster, given, out, progress, job)
    for remark in remarks:
        warn_caller(remark)
    return result
