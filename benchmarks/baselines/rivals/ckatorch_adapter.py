"""ckatorch: biased and debiased CKA from Gram matrices in float64."""

from __future__ import annotations

import math
from typing import Any

import torch
from ckatorch.core import cka_base


def linear_debiased(x: Any, y: Any) -> float:
    """Return debiased linear CKA."""
    return float(cka_base(torch.from_numpy(x), torch.from_numpy(y), "linear", unbiased=True))


def rbf_debiased(x: Any, y: Any, fraction: float) -> float:
    """Return debiased RBF CKA with a bandwidth of `fraction` of the root median distance.

    One fraction serves x and y; `fraction_for` gives it.
    """
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    return float(cka_base(a, b, "rbf", unbiased=True, threshold=fraction))


def fraction_for(squared_distances: Any, bandwidth: float) -> float:
    """Return what `rbf_debiased` has to be given for a bandwidth.

    The package takes torch's (lower) median over all entries, the zero diagonal among them.
    """
    return bandwidth / math.sqrt(float(torch.median(torch.from_numpy(squared_distances))))
