"""repsim: representational similarities by Eigen, in float64.

Its CKA by the estimator "song" divides the debiased HSIC by norms of the biased: it is neither CKA.
"""

from __future__ import annotations

from typing import Any

from repsim import cka


def linear_biased(x: Any, y: Any) -> float:
    """Return biased linear CKA, by products with the centring matrix."""
    return float(cka([x, y], kernel_type="linear", estimator="gretton")[0, 1])
