"""hyppo: Hsic, which normalised and unbiased is debiased CKA."""

from __future__ import annotations

from typing import Any

from hyppo.independence import Hsic


def rbf_debiased(x: Any, y: Any, bandwidth: float) -> float:
    """Return debiased RBF CKA; one bandwidth serves x and y."""
    return float(Hsic("rbf", gamma=1 / (2 * bandwidth**2), bias=False).statistic(x, y))
