"""docs/numerics.md: its promises hold on a GPU too."""

import sys
from pathlib import Path
from types import SimpleNamespace

import isogram as ig
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks/ is no installed package

from benchmarks import numerics


class OnGpu:
    """The package, whose functions are given arrays of the GPU; what they return is fetched."""

    def __init__(self, gpu):
        self._gpu = gpu

    def __getattr__(self, name):
        function = getattr(ig, name)

        def call(*arguments, **parameters):
            return self._fetched(function(*map(self._put, arguments), **parameters))

        return call

    def _put(self, value):
        is_input = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        return self._gpu.put(value) if is_input else value

    def _fetched(self, result):
        if isinstance(result, float):
            return result
        if hasattr(result, "dtype"):
            return self._gpu.get(result)
        names = ("indices", "indptr") if isinstance(result, ig.Csr) else ("total",)
        return SimpleNamespace(**{name: self._fetched(getattr(result, name)) for name in names})


@pytest.mark.parametrize("dtype", numerics.DTYPES)
def test_every_promise_is_kept(gpu, monkeypatch, dtype):
    monkeypatch.setattr(numerics, "ig", OnGpu(gpu))
    assert numerics.broken(dtype, numerics.measured(dtype, seeds=1)) == []
