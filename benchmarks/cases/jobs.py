"""Results at a path, with a journal by which a call goes on, against the same tiles without one."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import isogram as ig
import numpy as np

from benchmarks import data, errors
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

WITHOUT = "into a memory map, without a journal"
CORNER = 4  # inputs whose entries are computed in float64


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    tokens, channels, inputs = (49, 192, 24) if settings.quick else (49, 320, 1200)
    return [
        Case(
            "job-rsm",
            "jobs",
            "semantic RSM at a path, with a journal",
            {"n": inputs, "s": tokens, "c": channels},
            partial(job, tokens, channels, inputs),
            data="real network",
            per=("pair", inputs * (inputs - 1) // 2),
            levels=False,
        )
    ]


def job(tokens: int, channels: int, inputs: int, settings: Settings) -> Workload:
    """Return a job that is begun anew each time, in a folder that is removed at the end."""
    maps = data.real_tokens(settings, tokens, channels, inputs)
    plan = ig.plan("semantic_rsm", maps, tile=min(256, inputs // 2))
    folder = tempfile.TemporaryDirectory()
    path, shape = Path(folder.name, "rsm.npy"), (inputs, inputs)

    def at_path(threads: int) -> Any:
        shutil.rmtree(f"{path}.job", ignore_errors=True)
        return plan.run(maps, out=path, num_threads=threads)

    def in_map(threads: int) -> Any:
        out = np.lib.format.open_memmap(path.with_name("map.npy"), "w+", np.float32, shape)
        return plan.run(maps, out=out, num_threads=threads)

    return Workload(
        compute=at_path,
        inputs=(),  # plans compute on the host, from arrays that are there
        rivals={},
        error=errors.of_corner(lambda: ig.semantic_rsm(maps[:CORNER].astype(np.float64))),
        variants={WITHOUT: in_map},
        close=folder.cleanup,
    )
