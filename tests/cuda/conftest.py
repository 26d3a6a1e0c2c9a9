"""Where the suite runs: on an emulated GPU where that was built, and on a real one where there is.

Every test takes the fixture `gpu`, so both are to pass the same tests. The emulated kernels are the
module `_cuda_emulated` in the folder that ISOGRAM_CUDA_EMULATED names (see CONTRIBUTING.md).
"""

import os
import sys
import tracemalloc
import warnings
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
from isogram import _place

KINDS = ("emulated", "device")
OUTCOMES = Counter()
REASONS = {}


class Emulated:
    """Arrays of the emulated GPU."""

    many_rows = 300  # whose square is many tiles
    many_problems = 100
    many_inputs = 9

    def choose(self, many, few):
        """Return few cases: the emulator takes its time."""
        return few

    def share(self, count):
        """Return how many problems to solve: few."""
        return 2

    def put(self, x, number=0):
        from emulated import EmulatedArray

        return EmulatedArray(np.array(x), number)

    def get(self, array):
        return array._host

    @contextmanager
    def without_waiting(self):
        import emulated

        before = emulated.waits()
        yield
        assert emulated.waits() == before, "the host waited for the GPU"

    @contextmanager
    def holding_less_than(self, size):
        """Check that less memory than `size` bytes is in use at any time."""
        tracemalloc.start()
        try:
            yield
            assert tracemalloc.get_traced_memory()[1] < size
        finally:
            tracemalloc.stop()


class Real:
    """Arrays of a GPU: CuPy's, but PyTorch's for bfloat16."""

    many_rows = 40_000
    many_problems = 1_000_000
    many_inputs = 1450  # of which there are a million pairs

    def choose(self, many, few):
        return few

    def share(self, count):
        return 200

    def put(self, x, number=0):
        import cupy

        with cupy.cuda.Device(number):
            if x.dtype.name != "bfloat16":
                return cupy.asarray(x)
            import torch

            bits = torch.from_dlpack(cupy.asarray(x.view(np.int16)))
            return bits.view(torch.bfloat16)

    def get(self, array):
        return array.get() if hasattr(array, "get") else array.cpu().numpy()

    @contextmanager
    def without_waiting(self):
        import cupyx

        with warnings.catch_warnings():
            # CuPy's own waits raise, which is what is asked; others' go unseen, of which it warns.
            warnings.filterwarnings("ignore", "cupyx.allow_synchronize", UserWarning)
            with cupyx.allow_synchronize(False):
                yield

    @contextmanager
    def holding_less_than(self, size):
        import cupy

        pool = cupy.get_default_memory_pool()
        pool.free_all_blocks()
        before = pool.total_bytes()
        yield
        assert pool.total_bytes() - before < size


def why_not(kind):
    """Return why the suite cannot run on one of the two, or None."""
    if kind == "device":
        return _place.why_no_gpu()
    if "ISOGRAM_CUDA_EMULATED" not in os.environ:
        return "the emulated kernels were not built: ISOGRAM_CUDA_EMULATED names no folder"
    return None


@pytest.fixture(params=KINDS)
def gpu(request, monkeypatch):
    """Return the means to get arrays to a GPU and back, once emulated and once real."""
    kind = request.param
    if reason := why_not(kind):
        REASONS[kind] = reason
        pytest.skip(f"{kind}: {reason}")
    if kind == "device":
        return Real()
    monkeypatch.syspath_prepend(os.environ["ISOGRAM_CUDA_EMULATED"])
    from emulated import EmulatedDevice

    monkeypatch.setattr(_place, "_load", lambda: EmulatedDevice)
    return Emulated()


@pytest.fixture
def place(gpu):
    """Return the GPU, for tests that the host shares."""
    return gpu


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Note in a report where its test ran, if it did, and why it did not."""
    report = yield
    report.gpu_kind = kind = getattr(item, "callspec", None) and item.callspec.params.get("gpu")
    report.why_not = REASONS.get(kind)
    return report


def pytest_runtest_logreport(report):
    """Count what ran where; with pytest-xdist one process gets the reports of all workers."""
    kind = getattr(report, "gpu_kind", None)  # not of tests of the host
    if kind and (report.when == "call" or report.outcome == "skipped"):
        OUTCOMES[kind, report.outcome] += 1
        if report.why_not:
            REASONS[kind] = report.why_not


def pytest_terminal_summary(terminalreporter):
    """Say how many tests ran on each, and how many were skipped, and why."""
    for kind in KINDS:
        counts = {outcome: n for (k, outcome), n in OUTCOMES.items() if k == kind}
        if counts:
            text = ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts.items()))
            reason = f" ({REASONS[kind]})" if kind in REASONS else ""
            terminalreporter.write_line(f"tests of the GPU code, {kind}: {text}{reason}")


sys.path.insert(0, os.path.dirname(__file__))
