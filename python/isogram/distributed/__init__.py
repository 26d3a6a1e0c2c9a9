"""Large results by the workers of a Dask cluster (extra `distributed`).

    run(plan, *inputs, client=...)      a plan's tiles, each a task
    semantic_rsm, spatial_rsm, gram, jsd, graph, cka_matrix, gbs_matrix, retrieve
                                        the plan of the function of that name, run at once

`client` is a `distributed.Client` or the address of a scheduler. Results have the bits of one call
on one machine with the same instruction set.
"""

from __future__ import annotations

try:
    import distributed as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        "isogram.distributed needs Dask: pip install 'isogram[distributed]'", name="distributed"
    ) from error

from isogram.distributed._functions import (
    cka_matrix,
    gbs_matrix,
    gram,
    graph,
    jsd,
    retrieve,
    semantic_rsm,
    spatial_rsm,
)
from isogram.distributed._run import run

__all__ = [
    "cka_matrix",
    "gbs_matrix",
    "gram",
    "graph",
    "jsd",
    "retrieve",
    "run",
    "semantic_rsm",
    "spatial_rsm",
]
