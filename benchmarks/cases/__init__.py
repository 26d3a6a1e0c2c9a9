"""All cases, one module per group."""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.cases import (
    center,
    cka,
    compare,
    gbs,
    gram,
    growth,
    jobs,
    knn,
    match,
    measures,
    retrieval,
    rsm,
    significance,
    small_calls,
)
from benchmarks.settings import Settings

MODULES = (
    gram,
    center,
    cka,
    gbs,
    knn,
    measures,
    match,
    rsm,
    retrieval,
    growth,
    jobs,
    compare,
    significance,
    small_calls,
)
GROUPS = tuple(module.__name__.rpartition(".")[2] for module in MODULES)


def all_cases(settings: Settings) -> list[Case]:
    """Return the cases of every group, in the order in which they run."""
    return [case for module in MODULES for case in module.cases(settings)]


def by_name(settings: Settings) -> dict[str, Case]:
    """Return the same by name."""
    return {case.name: case for case in all_cases(settings)}
