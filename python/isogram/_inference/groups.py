"""Labels of samples that belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arrays import on_host
from isogram._identifiers import require_same_order
from isogram._types import Layers


def require_labels_of(function: str, groups: Any, layers: Layers) -> None:
    """Raise ValueError for labels with an index that is not that of the layers' samples."""
    _, first = layers.given[0]
    if getattr(groups, "shape", ()) == tuple(getattr(first, "shape", ()))[:1]:
        require_same_order(function, "groups", groups, layers.names[0], first)


def group_numbers(function: str, groups: Any, samples: int) -> NDArray[np.int64]:
    """Return the number of each sample's group, in the order of the labels."""
    if np.ma.isMaskedArray(groups):
        raise TypeError(f"{function}: `groups` must be labels without a mask, got a masked array")
    labels = on_host(function, "groups", groups)
    if labels.shape != (samples,):
        raise ValueError(
            f"{function}: `groups` must have one label for each of the {samples} samples, "
            f"got shape {labels.shape}"
        )
    if labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels):
        labels = labels.astype(str)  # a column of pandas
    if labels.dtype.kind not in "biuUST":
        raise TypeError(f"{function}: `groups` must be integers or strings, got {labels.dtype}")
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)
