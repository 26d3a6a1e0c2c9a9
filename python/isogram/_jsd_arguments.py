"""The checked arguments of `jsd`."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from isogram._arrays import as_matrix
from isogram._types import Array


def distributions_of(
    function: str, probabilities: Array, other: Array | None = None
) -> dict[str, NDArray[Any]]:
    """Return matrices of equally many columns by name."""
    inputs = {"probabilities": as_matrix(function, "probabilities", probabilities)}
    classes = inputs["probabilities"].shape[1]
    if other is not None:
        inputs["other"] = as_matrix(function, "other", other)
        if inputs["other"].shape[1] != classes:
            raise ValueError(
                f"{function}: `other` must have as many columns as `probabilities` ({classes}), "
                f"got {inputs['other'].shape[1]}"
            )
    return inputs
