"""torch-cka (import name `torch_cka`): unbiased HSIC of Gram matrices in the input's type."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
from torch_cka import CKA


def linear_debiased(x: Any, y: Any) -> float:
    """Return debiased linear CKA, as the package combines its HSIC of features."""
    cpu = SimpleNamespace(device="cpu")  # all that the method reads of its object
    grams = [z @ z.T for z in (torch.from_numpy(x), torch.from_numpy(y))]
    for gram in grams:
        gram.fill_diagonal_(0.0)
    k, m = grams
    return float(CKA._HSIC(cpu, k, m)) / math.sqrt(CKA._HSIC(cpu, k, k) * CKA._HSIC(cpu, m, m))
