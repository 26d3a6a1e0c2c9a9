"""Plans: large results computed tile by tile, in other processes or on other machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from isogram._arguments import choice, integer
from isogram._loading import loaded
from isogram._progress import Progress
from isogram._rows import repeatable, unread
from isogram._walk.plan import Plan
from isogram._walk.tiles import Tile
from isogram.typing import OperationName

__all__ = ["Plan", "Tile", "plan"]

_SHORT = 8  # items of an option that a journal spells out

# The module that plans the result of each public function; loaded with its first plan.
_PLANNERS: dict[OperationName, str] = {
    "cka_matrix": "isogram._plans.cka",
    "gbs_matrix": "isogram._plans.gbs",
    "gram": "isogram._plans.gram",
    "graph": "isogram._plans.graph",
    "jsd": "isogram._plans.jsd",
    "retrieve": "isogram._plans.retrieve",
    "semantic_rsm": "isogram._plans.rsm",
    "spatial_rsm": "isogram._plans.rsm",
}


def plan(operation: OperationName, /, *inputs: Any, **options: Any) -> Plan:
    """Return a plan of a large result: its tiles are computed anywhere, with the bits of one call.

    Parameters
    ----------
    operation : str
        The function that the tiles make the result of.
    *inputs
        As that function takes them, or not in memory: data sets of h5py, arrays of Zarr and Dask,
        layers of `isogram.io`, and `rows`. Only spans of rows are read, and none are kept; but
        `retrieve` reads all, and takes a `SemanticIndex` as its gallery too.
    **options
        Options of the function, masks included; not `out`, `loss`, `pairs`, `progress` and kernel
        "precomputed". `gpus` of RSMs are those of the process that computes a tile. And `tile`, the
        rows and columns of a tile, by default a few hundred inputs or a few thousand samples; or
        `memory_limit`, the bytes that `run` may take beside the inputs and the result: tiles are as
        large as it allows, up to the default.

    Returns
    -------
    Plan
        A small value that can be pickled, with `tiles`, `compute(tile, *inputs)`, `reduce(parts)`
        and `run(*inputs, out=None)`. `cost` has how much there is to do: tiles, pairs, bytes that
        are read, of parts and of the result, and about how much memory `run` takes. It is printed.

    Raises
    ------
    ValueError
        Another operation, or an argument that the function refuses.
    MemoryError
        A `memory_limit` that no tiles keep; the message says what the smallest ones take.
    TypeError
        An option that a plan of the function does not take; an array on a GPU.

    Notes
    -----
    A plan holds what depends on all inputs: whether they are centred, the unit that they are
    computed in, the tiles. A tile has the same bits as in one call on any processor with the same
    instruction set, for any number of threads. With `gpus` it has the same bits on GPUs of one
    kind, and those of one call but for the last digits, as blocks are of other sizes.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> tokens = np.random.default_rng(0).standard_normal((6, 4, 3))
    >>> plan = ig.plan("semantic_rsm", tokens, tile=4)
    >>> plan.cost.tiles, plan.cost.pairs, plan.cost.read_bytes
    (3, 15, 1152)
    >>> parts = {tile: plan.compute(tile, tokens) for tile in reversed(plan.tiles)}
    >>> bool((plan.reduce(parts) == ig.semantic_rsm(tokens)).all())
    True
    """
    module = _PLANNERS[choice("plan", "operation", operation, tuple(_PLANNERS))]
    planner = getattr(loaded(module)[0], f"plan_{operation}")
    limit = options.pop("memory_limit", None)
    if limit is not None:
        limit = integer(operation, "memory_limit", limit, 1)
        if options.get("tile") is not None:
            raise ValueError(
                f"{operation}: `tile` must be None with `memory_limit`, which chooses it, got "
                f"{options['tile']!r}"
            )
    for name in options:
        if name not in planner.__kwdefaults__:
            remedy = "it takes " + ", ".join(f"`{option}`" for option in planner.__kwdefaults__)
            if name == "pairs" and operation in ("semantic_rsm", "spatial_rsm"):
                remedy = f"call `{operation}` with a part of the list on each machine"
            raise TypeError(f"plan: a plan of {operation!r} does not take `{name}`: {remedy}")
    names = planner.__code__.co_varnames[: planner.__code__.co_argcount]
    fewest = len(names) - len(planner.__defaults__ or ())
    if not fewest <= len(inputs) <= len(names):
        expected = f"{fewest}" if fewest == len(names) else f"{fewest} or {len(names)}"
        raise TypeError(
            f"plan: `inputs` of {operation!r} must be {expected}, "
            f"{', '.join(f'`{name}`' for name in names)}, got {len(inputs)}"
        )
    made: Plan = planner(
        *(
            unread(f"{operation}: `{name}`", given)
            for name, given in zip(names, inputs, strict=False)
        ),
        **options,
    )
    if limit is not None:
        made = made.within(limit)
    # Neither the number of threads nor a tile that nobody chose says anything of the result.
    silent = {"num_threads": None, "tile": options.get("tile")}
    given = planner.__kwdefaults__ | options | silent
    said = {name: _said(value) for name, value in given.items() if value is not None}
    return replace(made, options=said)


def run_to(
    operation: OperationName,
    *inputs: Any,
    out: Any,
    refused: Mapping[str, Any],
    num_threads: int | None,
    progress: Progress = False,
    **options: Any,
) -> Any:
    """Return the result of a function whose `out` is on disk: it runs a plan.

    `refused` are options that plans do not take, which have to be None.
    """
    for name, value in refused.items():
        if value is not None:
            raise ValueError(
                f"{operation}: `{name}` must be left out where `out` is on disk, got {value!r}"
            )
    given = repeatable(each for each in inputs if each is not None)
    made = plan(operation, *given, **options, num_threads=num_threads)
    return made.run(*given, out=out, num_threads=num_threads, progress=progress)


def _said(value: Any) -> str:
    """Return how a journal says the value of an option: an array by its fingerprint."""
    if not hasattr(value, "__len__") or isinstance(value, str) or len(value) <= _SHORT:
        return repr(value)
    from isogram._fingerprint import fingerprint_of

    array = np.asarray(value)
    return f"{array.dtype} of shape {array.shape} with fingerprint {fingerprint_of(array)}"
