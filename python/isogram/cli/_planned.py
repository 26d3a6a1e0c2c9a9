"""Results that a plan computes, tile by tile, where an option of a command asks for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import click

import isogram as ig
from isogram.cli._messages import going_on
from isogram.typing import OperationName


class Planned(NamedTuple):
    """Options that let a plan compute a result."""

    memory_limit: int | None
    is_dry: bool
    scheduler: str | None

    @property
    def options(self) -> list[str]:
        """The names of the options that are given."""
        names = ("--memory-limit", "--dry-run", "--scheduler")
        return [name for name, value in zip(names, self, strict=True) if value]

    def result(
        self,
        operation: OperationName,
        inputs: Sequence[Any],
        job: Path | None,
        running: Mapping[str, Any],
        **options: Any,
    ) -> Any:
        """Return the result of a plan; None of a dry run, which prints the plan.

        A scheduler takes no number of threads. A folder, `job`, keeps what is finished.
        """
        plan = ig.plan(operation, *inputs, memory_limit=self.memory_limit, **options)
        progress = running["progress"]
        if self.is_dry:
            click.echo(plan)
            return None
        with nullcontext() if job is None else going_on(job):
            if self.scheduler is None:
                threads = running["num_threads"]
                return plan.run(*inputs, job=job, num_threads=threads, progress=progress)
            from isogram import distributed

            return distributed.run(plan, *inputs, client=self.scheduler, job=job, progress=progress)
