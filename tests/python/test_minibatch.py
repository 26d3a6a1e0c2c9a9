"""CKA from sums of HSIC over batches, against the formula on batches' Gram matrices."""

import json
import re

import isogram as ig
import numpy as np
import pytest
import reference


def layers_of(n, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, 5))
    return {
        "a": (shared @ rng.standard_normal((5, 7))).astype(dtype),
        "b": (shared + rng.standard_normal((n, 5)) + 100).astype(dtype),
        "c": rng.standard_normal((n, 40)).astype(dtype),
    }


def in_batches(layers, sizes):
    start = 0
    for size in sizes:
        yield {name: x[start : start + size] for name, x in layers.items()}
        start += size


def accumulated(layers, sizes, **options):
    metric = ig.MinibatchCKA(**options)
    for batch in in_batches(layers, sizes):
        metric.update(batch)
    return metric


def oracle(layers, sizes, **options):
    """The ratio of sums of debiased HSIC over batches, from whole Gram matrices."""
    sums = np.zeros((len(layers), len(layers)))
    for batch in in_batches(layers, sizes):
        for i, x in enumerate(batch.values()):
            sums[i] += [reference.hsic(x, y, **options) for y in batch.values()]
    own = np.diag(sums)
    return sums / np.sqrt(np.outer(own, own))


SIZES = [(64,), (16, 16, 16, 16), (30, 30, 4), (4,) * 16]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-11), (np.float32, 2e-5)])
def test_ratio_of_sums(sizes, dtype, tolerance):
    layers = layers_of(64, dtype=dtype)
    doubles = {name: x.astype(np.float64) for name, x in layers.items()}
    metric = accumulated(layers, sizes)
    np.testing.assert_allclose(metric.compute(), oracle(doubles, sizes), atol=tolerance, rtol=0)
    assert (metric.batches, metric.samples) == (len(sizes), 64)


@pytest.mark.parametrize("kernel", ["linear", "cosine", "polynomial"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_one_batch_has_the_bits_of_all_samples(kernel, dtype):
    layers = layers_of(50, dtype=dtype)
    one = accumulated(layers, [50], kernel=kernel).compute()
    np.testing.assert_array_equal(one, ig.cka_matrix(layers, kernel=kernel))


def test_a_bandwidth_is_that_of_every_batch():
    layers = layers_of(40)
    one = accumulated(layers, [40], kernel="rbf", bandwidth=3.0).compute()
    np.testing.assert_array_equal(one, ig.cka_matrix(layers, kernel="rbf", bandwidth=3.0))


@pytest.mark.parametrize("sizes", SIZES)
def test_a_layer_with_itself_is_1(sizes):
    layers = layers_of(64, dtype=np.float32)
    values = accumulated(layers, sizes).compute()
    np.testing.assert_array_equal(np.diag(values), 1)
    np.testing.assert_array_equal(values, values.T)


def test_two_models():
    layers, others = layers_of(48, 0), layers_of(48, 1)
    metric = ig.MinibatchCKA()
    for a, b in zip(in_batches(layers, [24, 24]), in_batches(others, [24, 24]), strict=True):
        metric.update(a, {f"{name}'": x for name, x in b.items() if name != "c"})
    both = {**layers, **{f"{name}'": x for name, x in others.items()}}
    expected = oracle(both, [24, 24])[:3, 3:5]
    np.testing.assert_allclose(metric.compute(), expected, atol=1e-12)


def test_nearer_to_all_samples_than_a_mean_of_biased_ratios():
    layers = layers_of(2048)
    sizes = (16,) * 128
    full = ig.cka_matrix(layers)
    ratio = accumulated(layers, sizes).compute()
    mean = np.mean(
        [ig.cka_matrix(batch, estimator="biased") for batch in in_batches(layers, sizes)], axis=0
    )
    assert abs(ratio - full).max() < 0.05 < abs(mean - full).max()


def test_merged_parts_are_the_whole():
    layers = layers_of(64)
    batches = list(in_batches(layers, (16,) * 4))
    parts = [ig.MinibatchCKA() for _ in range(3)]  # the last has no batch
    for i, batch in enumerate(batches):
        parts[i % 2].update(batch)
    merged = parts[2].merge(parts[0]).merge(parts[1])
    assert (merged.batches, merged.samples) == (4, 64)
    whole = accumulated(layers, (16,) * 4).compute()
    np.testing.assert_allclose(merged.compute(), whole, rtol=1e-14)
    assert parts[0].batches == 2  # what was merged stays as it was


def test_state_goes_elsewhere_and_on():
    layers = layers_of(64)
    first, second = in_batches(layers, (40, 24))
    metric = ig.MinibatchCKA()
    metric.update(first)
    other = ig.MinibatchCKA()
    other.load_state_dict(json.loads(json.dumps(metric.state_dict())))
    metric.update(second)
    other.update(second)
    np.testing.assert_array_equal(metric.compute(), other.compute())
    assert repr(other) == "MinibatchCKA: 64 samples in 2 batches"
    other.reset()
    assert other.samples == 0
    other.load_state_dict(ig.MinibatchCKA().state_dict())
    other.update({"anything": layers["a"]})


def test_a_batch_in_which_a_layer_is_constant_counts_0_for_it():
    layers = layers_of(32)
    layers["b"][:16] = 7.0
    values = accumulated(layers, (16, 16)).compute()
    alone = {name: x[16:] for name, x in layers.items()}
    a, b = (accumulated({n: layers[n] for n in "ac"}, (16, 16)), accumulated(alone, (16,)))
    np.testing.assert_array_equal(values[np.ix_([0, 2], [0, 2])], a.compute())
    assert values[1, 1] == 1
    assert abs(values[0, 1]) <= abs(b.compute()[0, 1])


def test_short_batches():
    layers = layers_of(35)
    with pytest.raises(ValueError, match=r"MinibatchCKA.update: `layers` must have at least 4 "):
        accumulated(layers, (32, 3))
    metric = accumulated(layers, (32, 3), skip_short=True)
    assert (metric.samples, metric.skipped) == (32, 3)
    np.testing.assert_array_equal(metric.compute(), accumulated(layers, (32,)).compute())


def test_constant_layers():
    layers = layers_of(32) | {"dead": np.zeros((32, 3))}
    metric = accumulated(layers, (16, 16))
    with pytest.warns(RuntimeWarning, match=re.escape("`layers['dead']`: constant in every batch")):
        values = metric.compute()
    assert np.isnan(values[3]).all()
    assert np.isnan(values[:, 3]).all()
    assert np.isfinite(values[:3, :3]).all()


@pytest.mark.parametrize("kernel", ["rbf", "laplacian"])
def test_a_median_of_each_batch_is_refused(kernel):
    with pytest.raises(ValueError, match="`bandwidth` must be a positive finite number"):
        ig.MinibatchCKA(kernel=kernel)


def test_refused_arguments():
    with pytest.raises(ValueError, match="MinibatchCKA: `kernel` must be one of"):
        ig.MinibatchCKA(kernel="sigmoid")
    with pytest.raises(TypeError, match="MinibatchCKA: `skip_short` must be True or False"):
        ig.MinibatchCKA(skip_short=1)
    with pytest.raises(ValueError, match="MinibatchCKA: `num_threads`"):
        ig.MinibatchCKA(num_threads=0)
    metric = accumulated(layers_of(16), [16])
    with pytest.raises(
        ValueError, match=r"MinibatchCKA.update: the layers must be those of before"
    ):
        metric.update({"a": np.ones((8, 2))})
    with pytest.raises(ValueError, match=r"MinibatchCKA.merge: the layers must be those"):
        metric.merge(accumulated({"x": layers_of(16)["a"]}, [16]))
    with pytest.raises(ValueError, match=r"MinibatchCKA.merge: `other` must have the options"):
        metric.merge(ig.MinibatchCKA(kernel="cosine"))
    with pytest.raises(TypeError, match=r"MinibatchCKA.merge: `other` must be a MinibatchCKA"):
        metric.merge(3)
    with pytest.raises(ValueError, match=r"MinibatchCKA.load_state_dict: `state` must have"):
        metric.load_state_dict(ig.MinibatchCKA(degree=2).state_dict())
    for state in (None, 3, [("options", {})]):
        with pytest.raises(TypeError, match=r"load_state_dict: `state` must .*, a mapping, got"):
            metric.load_state_dict(state)
    for part in metric.state_dict():
        state = {name: value for name, value in metric.state_dict().items() if name != part}
        with pytest.raises(ValueError, match=f"load_state_dict: `state` must .*, it lacks {part}"):
            metric.load_state_dict(state)
    for sums in ("hsic", "self_x", "self_y"):
        with pytest.raises(ValueError, match=r"load_state_dict: `state` must have sums of 3 × 3"):
            metric.load_state_dict({**metric.state_dict(), sums: [[1.0, 2.0]]})
    with pytest.raises(RuntimeError, match=r"MinibatchCKA.compute: no batch"):
        ig.MinibatchCKA().compute()
    with pytest.raises(ValueError, match="finite"):
        metric.update({name: x * np.nan for name, x in layers_of(16).items()})
    assert metric.batches == 1
