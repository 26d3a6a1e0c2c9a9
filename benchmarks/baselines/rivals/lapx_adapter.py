"""lapx: assignment in C++ and Rust, batches on threads (import name `lap`, shared with lap)."""

from __future__ import annotations

from typing import Any

import lap
import numpy as np


def match_h(costs: Any, threads: int) -> Any:
    """Return the column of each row with the smallest sum, by `lapjvh_batch`."""
    _, columns = lap.lapjvh_batch(costs, return_cost=False, n_threads=threads)
    return np.stack(columns)


def match_s(costs: Any, threads: int) -> Any:
    """Return the column of each row with the smallest sum, by `lapjvs_batch`."""
    _, columns = lap.lapjvs_batch(costs, return_cost=False, n_threads=threads)
    return np.stack(columns)
