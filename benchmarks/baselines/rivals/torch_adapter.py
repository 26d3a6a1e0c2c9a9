"""PyTorch (a CPU build): plain Gram matrices, and its number of threads."""

from __future__ import annotations

from typing import Any

import torch


def linear_gram(x: Any) -> Any:
    """Return x xᵀ."""
    tensor = torch.from_numpy(x)
    return (tensor @ tensor.T).numpy()


def set_threads(threads: int) -> None:
    """Let PyTorch use `threads` threads."""
    torch.set_num_threads(threads)
