"""CKA and GBS from sums over batches on a GPU: those of the host, and of one batch."""

import isogram as ig
import numpy as np
import pytest
from support import assert_close, data

METRICS = {
    "MinibatchCKA": (ig.MinibatchCKA, ig.cka_matrix, {}),
    "MinibatchGBS": (ig.MinibatchGBS, ig.gbs_matrix, {}),
    "MinibatchGBS, nearest": (ig.MinibatchGBS, ig.gbs_matrix, {"k": 3}),
}
every_metric = pytest.mark.parametrize(("make", "full", "options"), METRICS.values(), ids=METRICS)


def layers_of(dtype, count=3):
    return [data((48, 5 + 9 * i), dtype, seed=i) for i in range(count)]


@every_metric
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batches(gpu, make, full, options, dtype):
    layers = layers_of(dtype)
    host, device, mixed = (make(**options) for _ in range(3))
    for rows in (slice(0, 20), slice(20, 48)):
        host.update([x[rows] for x in layers])
        device.update([gpu.put(x[rows]) for x in layers])
    mixed.update([gpu.put(x[:20]) for x in layers])
    mixed.update([x[20:] for x in layers])
    result = device.compute()
    assert isinstance(result, np.ndarray)
    assert_close(result, host.compute(), 1e-5)
    assert_close(mixed.compute(), host.compute(), 1e-5)
    assert (np.diag(result) == 1).all()


@every_metric
def test_one_batch_has_the_bits_of_all_samples(gpu, make, full, options):
    layers = [gpu.put(x) for x in layers_of("float32")]
    metric = make(**options)
    metric.update(layers)
    assert np.array_equal(metric.compute(), gpu.get(full(layers, **options)))
    two = make(**options)
    two.update(layers, layers[:2])
    assert np.array_equal(two.compute(), gpu.get(full(layers, layers[:2], **options)))


@every_metric
def test_rsms_of_batches(gpu, make, full, options):
    tokens = [data((12, 4, 6 + i), "float32", seed=i) for i in range(2)]
    rsms = [ig.semantic_rsm(gpu.put(t)) for t in tokens]
    metric = make(**options)
    metric.update_grams(rsms)
    expected = full(rsms, kernel="precomputed", **options)
    assert np.array_equal(metric.compute(), gpu.get(expected))


def test_samples_without_edges(gpu):
    layers = layers_of("float32", 2)
    layers[1][[3, 30]] = 0
    metric = ig.MinibatchGBS()
    for rows in (slice(0, 20), slice(20, 48)):
        metric.update([gpu.put(x[rows]) for x in layers])
    with pytest.warns(RuntimeWarning, match=r"of the 48 samples, 2 of `layers\[1\]` have no edges"):
        metric.compute()


@every_metric
def test_a_batch_that_is_not_finite(gpu, make, full, options):
    metric = make(**options)
    layers = layers_of("float32", 2)
    layers[1][3, 2] = np.nan
    with pytest.raises(ValueError, match=rf"{make.__name__}.update: `layers\[1\]` must be finite"):
        metric.update([gpu.put(x) for x in layers])
    assert metric.batches == 0
