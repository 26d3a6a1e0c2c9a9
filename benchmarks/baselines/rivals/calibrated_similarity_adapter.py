"""calibrated-similarity: null calibration of any function of two PyTorch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from calibrated_similarity import calibrate


def biased_cka(x: Any, y: Any) -> Any:
    """Return linear CKA of two tensors, as the package's own example has it."""
    x, y = x - x.mean(0), y - y.mean(0)
    k, m = x @ x.T, y @ y.T
    return (k * m).sum() / (k.norm() * m.norm())


def calibrated_cka(x: Any, y: Any, orders: Any) -> float:
    """Return the calibrated score of linear CKA by given permutations."""
    remaining = iter(torch.from_numpy(np.asarray(orders, dtype=np.int64)))
    tensors = map(torch.from_numpy, (x, y))
    score, _, _ = calibrate(
        *tensors, biased_cka, K=len(orders), perm_fn=lambda n, device: next(remaining)
    )
    return float(score)
