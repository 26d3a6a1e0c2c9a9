"""Regression of RSMs on a GPU: their entries are brought to the host."""

import isogram as ig
import numpy as np


def test_weights(gpu):
    y, *models = np.random.default_rng(0).random((3, 15)).astype(np.float32)
    y[2] = models[0][2] = models[1][2] = np.nan
    expected = ig.regress_rsm(y, models)
    actual = ig.regress_rsm(gpu.put(y), [gpu.put(m) for m in models])
    assert np.array_equal(actual.weights, expected.weights)
    assert (actual.intercept, actual.r2) == (expected.intercept, expected.r2)
