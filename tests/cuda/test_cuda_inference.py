"""Intervals and ceilings of layers on a GPU: those of the host, which computes them."""

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, data


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["cka", "gbs_knn", "rsa_spearman", "procrustes"])
def test_bootstrap_and_jackknife(gpu, name, dtype):
    x, y = data((20, 6), dtype), data((20, 6), dtype, seed=1)
    options = {"measure": name} | ({"k": 3} if name == "gbs_knn" else {})
    here = ig.bootstrap(x, y, n_resamples=20, **options)
    there = ig.bootstrap(gpu.put(x), gpu.put(y), n_resamples=20, **options)
    assert np.array_equal(there.resamples, here.resamples)
    assert (there.value, there.low, there.high) == (here.value, here.low, here.high)
    of_layers = ig.jackknife([gpu.put(x), gpu.put(y)], **options)
    assert isinstance(of_layers.value, np.ndarray)
    assert np.array_equal(of_layers.left_out, ig.jackknife([x, y], **options).left_out)


def test_noise_ceiling(gpu):
    rsms = np.array([np.corrcoef(data((12, 5), "float64", seed=s)) for s in range(3)])
    for given in (gpu.put(rsms), [gpu.put(rsm) for rsm in rsms]):
        result = ig.noise_ceiling(given)
        assert result.low == ig.noise_ceiling(rsms).low
    layers = [data((12, 5), "float32", seed=s) for s in range(3)]
    result = ig.noise_ceiling([gpu.put(x) for x in layers], method="cka", kernel="linear")
    assert result.high == ig.noise_ceiling(layers, method="cka", kernel="linear").high
