"""The benchmarks' cases on a GPU: `benchmarks/cuda.py` times what the suite times on the host."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks/ is no installed package

from benchmarks.cases import all_cases
from benchmarks.settings import Settings

QUICK = Settings(quick=True)


@pytest.mark.parametrize("case", all_cases(QUICK), ids=lambda case: case.name)
def test_a_case_is_right_on_a_gpu(gpu, case):
    workload = case.build(QUICK)
    try:
        answer = workload.compute(*map(gpu.put, workload.inputs), threads=1)
        is_there = hasattr(answer, "__cuda_array_interface__")
        assert workload.error(gpu.get(answer) if is_there else answer) <= workload.right
    finally:
        workload.close()
