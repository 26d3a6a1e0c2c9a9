"""hyppo: Hsic, which normalised and unbiased is debiased CKA, and its test by permutations."""

from __future__ import annotations

from typing import Any

import numpy as np
from hyppo.independence import Hsic


def rbf_debiased(x: Any, y: Any, bandwidth: float) -> float:
    """Return debiased RBF CKA; one bandwidth serves x and y."""
    x, y = x.astype(np.float64), y.astype(np.float64)  # its compiled code has no float32
    return float(Hsic("rbf", gamma=1 / (2 * bandwidth**2), bias=False).statistic(x, y))


def linear_test(x: Any, y: Any, permutations: int) -> float:
    """Return debiased linear CKA, tested by permutations."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    test = Hsic("linear", bias=False)
    return float(test.test(x, y, reps=permutations, workers=1, auto=False)[0])
