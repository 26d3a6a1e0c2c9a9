"""torch-linear-assignment: batches of problems; on a CPU it loops over SciPy."""

from __future__ import annotations

from typing import Any

import torch
from torch_linear_assignment import batch_linear_assignment


def match(costs: Any) -> Any:
    """Return the column of each row with the smallest sum, for a batch."""
    return batch_linear_assignment(torch.from_numpy(costs)).numpy()
