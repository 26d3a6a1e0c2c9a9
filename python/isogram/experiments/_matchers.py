"""Approximate matchings, as options of `semantic_rsm`."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

_ALL: dict[str, dict[str, Any]] = {
    "greedy": {"matching": "greedy"},
    "topk 16": {"matching": "topk", "topk": 16},
    "window 16": {"matching": "window", "window": 16},
    "window 64": {"matching": "window", "window": 64},
    "window 256": {"matching": "window", "window": 256},
    "rank 16": {"rank": 16},
    "bfloat16": {"precision": "bfloat16"},
    "int8": {"precision": "int8"},
}


def approximations(tokens: NDArray[Any]) -> dict[str, dict[str, Any]]:
    """Return the options by name, without those that are exact for tokens (n, s, c)."""
    _, positions, channels = tokens.shape
    exact_from = {"topk": positions, "window": positions, "rank": channels}
    return {
        name: options
        for name, options in _ALL.items()
        if all(options.get(option, 0) < size for option, size in exact_from.items())
    }
