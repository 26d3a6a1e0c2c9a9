"""pytorch-cka (import name `cka`): debiased linear CKA from Gram matrices in the input's type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from cka import cka_from_features


def linear_debiased(x: Any, y: Any) -> float:
    """Return debiased linear CKA."""
    return float(cka_from_features(torch.from_numpy(x), torch.from_numpy(y)))


def matrix_debiased(layers: Sequence[Any]) -> Any:
    """Return debiased linear CKA of all pairs of layers."""
    tensors = [torch.from_numpy(x) for x in layers]
    return cka_from_features(tensors, tensors).numpy()
