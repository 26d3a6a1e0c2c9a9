"""Tests by permutations of layers on a GPU: the host's values."""

import isogram as ig
import numpy as np
import pytest
from support import assert_close


def layers():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((70, 6)).astype(np.float32)
    return [x, x[:, :3] + rng.standard_normal((70, 3)).astype(np.float32), x**2]


@pytest.mark.parametrize("name", ["cka", "cka_rbf", "distance_correlation", "rsa_pearson", "gbs"])
def test_layers(gpu, name):
    calls = []
    on_gpu = ig.permutation_test(
        [gpu.put(x) for x in layers()],
        measure=name,
        n_permutations=7,
        progress=lambda *call: calls.append(call),
    )
    on_host = ig.permutation_test(layers(), measure=name, n_permutations=7)
    assert_close(on_gpu.value, on_host.value, 2e-5)
    assert_close(on_gpu.null, on_host.null, 2e-5)
    assert np.array_equal(on_gpu.p, on_host.p, equal_nan=True)
    assert calls[-1][0] == calls[-1][1]


def test_one_pair(gpu):
    x, y, _ = layers()
    on_gpu = ig.permutation_test(gpu.put(x), gpu.put(y), n_permutations=9)
    assert type(on_gpu.value) is float
    assert on_gpu.p == ig.permutation_test(x, y, n_permutations=9).p


def test_gram_matrices_that_are_given(gpu):
    grams = [(x @ x.T).astype(np.float64) for x in layers()[:2]]
    for name in ("cka", "gbs"):
        options = {"measure": name, "kernel": "precomputed", "n_permutations": 5}
        on_gpu = ig.permutation_test(*map(gpu.put, grams), **options)
        assert_close(on_gpu.null, ig.permutation_test(*grams, **options).null, 1e-6)
