"""isogram's functions of large results, by the workers of a cluster."""

from __future__ import annotations

import os
from typing import Any

from distributed import Client

from isogram._operations.index import SemanticIndex
from isogram._operations.plan import plan
from isogram._progress import Progress
from isogram._rows import repeatable
from isogram.distributed._cluster import connected
from isogram.distributed._run import run
from isogram.typing import OperationName


def semantic_rsm(
    tokens: Any,
    other: Any = None,
    *,
    client: Client | str,
    out: Any = None,
    job: str | os.PathLike[str] | None = None,
    progress: Progress = False,
    **options: Any,
) -> Any:
    """Return `isogram.semantic_rsm`; options are those of its plan, `tile` too. See `run`."""
    return _planned(
        "semantic_rsm", (tokens, other), client, options, out=out, job=job, progress=progress
    )


def spatial_rsm(
    tokens: Any,
    other: Any = None,
    *,
    client: Client | str,
    out: Any = None,
    job: str | os.PathLike[str] | None = None,
    progress: Progress = False,
    **options: Any,
) -> Any:
    """Return `isogram.spatial_rsm`; options are those of its plan, `tile` too. See `run`."""
    return _planned(
        "spatial_rsm", (tokens, other), client, options, out=out, job=job, progress=progress
    )


def gram(
    x: Any,
    y: Any = None,
    *,
    client: Client | str,
    out: Any = None,
    job: str | os.PathLike[str] | None = None,
    progress: Progress = False,
    **options: Any,
) -> Any:
    """Return `isogram.gram`; options are those of its plan, `tile` too. See `run`."""
    return _planned("gram", (x, y), client, options, out=out, job=job, progress=progress)


def jsd(
    probabilities: Any,
    other: Any = None,
    *,
    client: Client | str,
    out: Any = None,
    job: str | os.PathLike[str] | None = None,
    progress: Progress = False,
    **options: Any,
) -> Any:
    """Return `isogram.jsd`; options are those of its plan, `tile` too. See `run`."""
    return _planned(
        "jsd", (probabilities, other), client, options, out=out, job=job, progress=progress
    )


def graph(
    x: Any,
    *,
    client: Client | str,
    out: Any = None,
    job: str | os.PathLike[str] | None = None,
    progress: Progress = False,
    **options: Any,
) -> Any:
    """Return `isogram.graph`; options are those of its plan, `tile` too. See `run`."""
    return _planned("graph", (x,), client, options, out=out, job=job, progress=progress)


def retrieve(
    queries: Any,
    gallery: Any = None,
    k: int = 10,
    *,
    client: Client | str,
    job: str | os.PathLike[str] | None = None,
    progress: Progress = False,
    **options: Any,
) -> Any:
    """Return `isogram.retrieve`, or with an index as `gallery` `SemanticIndex.search`.

    A task is some queries with all of the gallery, which may be a `SemanticIndex` or the path of
    one. Every worker reads the gallery, and turns it to its axes unless it is an index: make one
    where there are many workers. Options are those of the plan, `tile` (queries of a task) too.
    See `run`.
    """
    if isinstance(gallery, str | os.PathLike):
        gallery = SemanticIndex.load(gallery)
    inputs, all_options = (queries, gallery), {"k": k, **options}
    return _planned("retrieve", inputs, client, all_options, job=job, progress=progress)


def cka_matrix(
    layers: Any,
    other: Any = None,
    *,
    client: Client | str,
    job: str | os.PathLike[str] | None = None,
    progress: Progress = False,
    **options: Any,
) -> Any:
    """Return `isogram.cka_matrix`; options are those of its plan, `tile` too. See `run`."""
    return _planned("cka_matrix", (layers, other), client, options, job=job, progress=progress)


def gbs_matrix(
    layers: Any,
    other: Any = None,
    *,
    client: Client | str,
    job: str | os.PathLike[str] | None = None,
    progress: Progress = False,
    **options: Any,
) -> Any:
    """Return `isogram.gbs_matrix`; options are those of its plan, `tile` too. See `run`."""
    return _planned("gbs_matrix", (layers, other), client, options, job=job, progress=progress)


def _planned(
    operation: OperationName,
    inputs: tuple[Any, ...],
    client: Client | str,
    options: dict[str, Any],
    **goes_to: Any,
) -> Any:
    """Return the result of a plan that is made for it; `inputs` may have None for no other."""
    given = repeatable(one for one in inputs if one is not None)
    with connected(operation, client) as own:
        return run(plan(operation, *given, **options), *given, client=own, **goes_to)
