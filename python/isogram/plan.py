"""Plans: large results computed tile by tile, in other processes or on other machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isogram._arguments import choice
from isogram._cka_plan import plan_cka_matrix
from isogram._gbs_plan import plan_gbs_matrix
from isogram._gram_plan import plan_gram
from isogram._rsm_plan import plan_semantic_rsm, plan_spatial_rsm
from isogram._walk.plan import Plan
from isogram._walk.tiles import Tile

__all__ = ["Plan", "Tile", "plan"]

# By the name of the public function whose result tiles make.
_PLANNERS: dict[str, Callable[..., Plan]] = {
    "cka_matrix": plan_cka_matrix,
    "gbs_matrix": plan_gbs_matrix,
    "gram": plan_gram,
    "semantic_rsm": plan_semantic_rsm,
    "spatial_rsm": plan_spatial_rsm,
}


def plan(operation: str, /, *inputs: Any, **options: Any) -> Plan:
    """Return how to compute a large result tile by tile: anywhere, in any order, with its bits.

    Parameters
    ----------
    operation : str
        The function that the tiles make the result of.
    *inputs
        As that function takes them; memory maps are read once, in pieces, and not kept.
    **options
        Those of the function, but for `out`, `progress`, `num_threads` and what says where it
        runs; and `tile`, the rows and columns of a tile, by default a few thousand.

    Returns
    -------
    Plan
        A small value that can be pickled, with `tiles`, `compute(tile, *inputs)` and
        `reduce(parts)`; `str(plan)` says how much there is to do.

    Raises
    ------
    ValueError
        Another operation, or what the function refuses.
    TypeError
        An option that the function does not have.
    """
    return _PLANNERS[choice("plan", "operation", operation, tuple(_PLANNERS))](*inputs, **options)
