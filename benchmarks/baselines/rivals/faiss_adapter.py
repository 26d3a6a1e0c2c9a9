"""faiss (the CPU build): the flat index, exact search by inner product."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np


def neighbours(x: Any, k: int, threads: int) -> tuple[Any, Any]:
    """Return cosines and indices of each row's k nearest other rows.

    The row itself is asked for too and dropped: normally the first.
    """
    faiss.omp_set_num_threads(threads)
    unit = np.array(x, dtype=np.float32)
    faiss.normalize_L2(unit)
    index = faiss.IndexFlatIP(unit.shape[1])
    index.add(unit)
    cosines, indices = index.search(unit, k + 1)
    return cosines[:, 1:], indices[:, 1:]
