"""NumPy with its OpenBLAS forced to the AVX-512 kernels, in a process of its own.

OpenBLAS picks kernels by processor model when it is loaded, and picked AVX2 ones on some that have
AVX-512; OPENBLAS_CORETYPE overrules it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.child import Child

CORE_TYPE = "SKYLAKEX"

# Reads a line for each product and answers with its seconds.
PROGRAM = """
import sys, time
import numpy as np
now = {"wall": time.perf_counter, "cpu": time.process_time}[sys.argv[2]]
x = np.load(sys.argv[1])
x @ x.T
for _ in sys.stdin:
    begin = now()
    x @ x.T
    print(now() - begin, flush=True)
"""


def supported() -> bool:
    """Say whether this processor has AVX-512."""
    try:
        return " avx512bw " in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


class LinearGram(Child):
    """x xᵀ in a child process that stays, so that it can be timed in turns with others.

    Every answer is the seconds of one product.
    """

    def __init__(self, x: Any, threads: int, clock: str, folder: Path) -> None:
        path = folder / "openblas_x.npy"
        np.save(path, x)
        forced = {"OPENBLAS_CORETYPE": CORE_TYPE, "OPENBLAS_NUM_THREADS": str(threads)}
        super().__init__([sys.executable, "-c", PROGRAM, str(path), clock], os.environ | forced)
