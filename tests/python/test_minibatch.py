"""CKA and GBS from sums over batches, against the formulas on batches' whole matrices."""

import json
import pickle
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


def accumulated(layers, sizes, make=ig.MinibatchCKA, **options):
    metric = make(**options)
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


def gbs_oracle(layers, sizes, others=None, **options):
    """The mean over samples of the cosines of their rows in graphs of their batches."""
    others = layers if others is None else others
    total = np.zeros((len(layers), len(others)))
    both = zip(in_batches(layers, sizes), in_batches(others, sizes), strict=True)
    for (a, b), n in zip(both, sizes, strict=True):
        total += n * reference.gbs_matrix(list(a.values()), list(b.values()), **options)
    return total / sum(sizes)


def rsms_of(layers):
    """A matrix for each layer that is no Gram matrix of vectors: semantic RSMs of 2 tokens."""
    return {
        name: ig.semantic_rsm(x[:, : x.shape[1] // 2 * 2].reshape(len(x), 2, -1))
        for name, x in layers.items()
    }


METRICS = {
    "MinibatchCKA": (ig.MinibatchCKA, ig.cka_matrix, {}),
    "MinibatchGBS": (ig.MinibatchGBS, ig.gbs_matrix, {}),
    "MinibatchGBS, nearest": (ig.MinibatchGBS, ig.gbs_matrix, {"k": 3}),
    "MinibatchGBS, centred": (ig.MinibatchGBS, ig.gbs_matrix, {"center": True}),
}
every_metric = pytest.mark.parametrize(("make", "full", "options"), METRICS.values(), ids=METRICS)
SIZES = [(64,), (16, 16, 16, 16), (30, 30, 4), (4,) * 16]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-11), (np.float32, 2e-5)])
def test_ratio_of_sums(sizes, dtype, tolerance):
    layers = layers_of(64, dtype=dtype)
    doubles = {name: x.astype(np.float64) for name, x in layers.items()}
    metric = accumulated(layers, sizes)
    np.testing.assert_allclose(metric.compute(), oracle(doubles, sizes), atol=tolerance, rtol=0)
    assert (metric.batches, metric.samples) == (len(sizes), 64)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("options", [{}, {"center": True}, {"k": 1}, {"k": 3, "center": True}])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_mean_of_cosines_of_rows(sizes, options, dtype, tolerance):
    layers = layers_of(64, dtype=dtype)
    doubles = {name: x.astype(np.float64) for name, x in layers.items()}
    metric = accumulated(layers, sizes, ig.MinibatchGBS, **options)
    expected = gbs_oracle(doubles, sizes, **options)
    np.testing.assert_allclose(metric.compute(), expected, atol=tolerance, rtol=0)
    assert (metric.batches, metric.samples) == (len(sizes), 64)


def test_graphs_lie_within_batches():
    """So k neighbours are farther ones, and a value is that of all samples in one batch only."""
    layers = layers_of(64)
    whole = ig.gbs_matrix(layers, k=3)
    assert abs(accumulated(layers, (16,) * 4, ig.MinibatchGBS, k=3).compute() - whole).max() > 0.01
    assert (accumulated(layers, (64,), ig.MinibatchGBS, k=3).compute() == whole).all()


@every_metric
@pytest.mark.parametrize("n", [4, 37, 50, 99, 641])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_one_batch_has_the_bits_of_all_samples(make, full, options, n, dtype):
    layers = layers_of(n, dtype=dtype)
    one = accumulated(layers, [n], make, **options)
    np.testing.assert_array_equal(one.compute(), full(layers, **options))
    two = {name: layers[name] for name in "ab"}
    metric = make(**options)
    metric.update(layers, two)
    np.testing.assert_array_equal(metric.compute(), full(layers, two, **options))


@every_metric
def test_one_batch_of_rsms_has_the_bits_of_all_samples(make, full, options):
    rsms = rsms_of(layers_of(43))
    metric = make(**options)
    metric.update_grams(rsms)
    expected = full(rsms, kernel="precomputed", **options)
    np.testing.assert_array_equal(metric.compute(), expected)
    other = make(kernel="precomputed", **options)
    other.update(rsms)
    np.testing.assert_array_equal(other.compute(), expected)
    two = make(**options)
    two.update_grams({"a": rsms["a"]}, {"b": rsms["b"]})
    assert two.compute() == expected[0, 1]


@pytest.mark.parametrize("make", [ig.MinibatchCKA, ig.MinibatchGBS])
def test_rsms_of_batches(make):
    """The CKA of semantic RSMs is that of a ratio of sums over batches."""
    batches = [rsms_of(batch) for batch in in_batches(layers_of(64), (30, 30, 4))]
    metric = make()
    for batch in batches:
        metric.update_grams(batch)
    sums = np.zeros((3, 3))
    for batch in batches:
        for i, k in enumerate(batch.values()):
            for j, l in enumerate(batch.values()):  # noqa: E741
                if make is ig.MinibatchCKA:
                    sums[i, j] += reference.hsic_of_grams(k, l, "debiased")
                else:
                    graphs = [g / np.sqrt(np.outer(g.diagonal(), g.diagonal())) for g in (k, l)]
                    for graph in graphs:
                        np.fill_diagonal(graph, 0)
                    sums[i, j] += len(k) * reference.mean_row_cosine(*graphs)
    own = np.diag(sums)
    expected = sums / (np.sqrt(np.outer(own, own)) if make is ig.MinibatchCKA else 64)
    np.testing.assert_allclose(metric.compute(), expected, atol=1e-11)


@pytest.mark.parametrize("kernel", ["linear", "cosine", "polynomial"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_one_batch_of_a_kernel_has_the_bits_of_all_samples(kernel, dtype):
    layers = layers_of(50, dtype=dtype)
    one = accumulated(layers, [50], kernel=kernel).compute()
    np.testing.assert_array_equal(one, ig.cka_matrix(layers, kernel=kernel))


def test_a_bandwidth_is_that_of_every_batch():
    layers = layers_of(40)
    one = accumulated(layers, [40], kernel="rbf", bandwidth=3.0).compute()
    np.testing.assert_array_equal(one, ig.cka_matrix(layers, kernel="rbf", bandwidth=3.0))


@every_metric
@pytest.mark.parametrize("sizes", [*SIZES, (7, 5, 11, 29, 12)])
def test_a_layer_with_itself_is_1(make, full, options, sizes):
    layers = layers_of(64, dtype=np.float32)
    values = accumulated(layers, sizes, make, **options).compute()
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


def test_graphs_of_two_models():
    layers, others = layers_of(48, 0), layers_of(48, 1)
    metric = ig.MinibatchGBS(k=4)
    for a, b in zip(in_batches(layers, [30, 18]), in_batches(others, [30, 18]), strict=True):
        metric.update(a, {name: x for name, x in b.items() if name != "c"})
    expected = gbs_oracle(layers, [30, 18], {n: others[n] for n in "ab"}, k=4)
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


@every_metric
def test_merged_workers_are_one(make, full, options):
    """With the same bits if each has a batch, and they are merged in the order of batches."""
    layers, sizes = layers_of(64), (16, 20, 10, 18)
    parts = [make(**options) for _ in sizes]
    for part, batch in zip(parts, in_batches(layers, sizes), strict=True):
        part.update(batch)
    merged = make(**options)
    for part in parts:
        assert merged.merge(part) is merged
    whole = accumulated(layers, sizes, make, **options)
    assert merged.state_dict() == whole.state_dict()
    np.testing.assert_array_equal(merged.compute(), whole.compute())
    one, two, *_ = parts
    swapped = pickle.loads(pickle.dumps(two)).merge(one)
    np.testing.assert_array_equal(swapped.compute(), one.merge(two).compute())
    assert one.merge(one).samples == 72  # twice the same batches


@every_metric
def test_merged_parts_are_the_whole(make, full, options):
    layers = layers_of(64)
    batches = list(in_batches(layers, (16,) * 4))
    parts = [make(**options) for _ in range(3)]  # the last has no batch
    for i, batch in enumerate(batches):
        parts[i % 2].update(batch)
    merged = parts[2].merge(parts[0]).merge(parts[1])
    assert (merged.batches, merged.samples) == (4, 64)
    whole = accumulated(layers, (16,) * 4, make, **options).compute()
    np.testing.assert_allclose(merged.compute(), whole, rtol=1e-14)
    assert parts[0].batches == 2  # what was merged stays as it was


@every_metric
def test_state_goes_elsewhere_and_on(make, full, options):
    layers = layers_of(64)
    first, second = in_batches(layers, (40, 24))
    metric = make(**options)
    metric.update(first)
    other = make(**options)
    other.load_state_dict(json.loads(json.dumps(metric.state_dict())))
    metric.update(second)
    other.update(second)
    np.testing.assert_array_equal(metric.compute(), other.compute())
    assert repr(other) == f"{make.__name__}: 64 samples in 2 batches"
    copy = pickle.loads(pickle.dumps(other))
    copy.update(second)
    assert (copy.samples, other.samples) == (88, 64)
    other.reset()
    assert (other.batches, other.samples, other.skipped) == (0, 0, 0)
    other.load_state_dict(json.loads(json.dumps(make(**options).state_dict())))
    other.update({"anything": layers["a"]})


@every_metric
def test_a_result_is_the_callers(make, full, options):
    metric = accumulated(layers_of(16), [16], make, **options)
    expected = metric.compute().copy()
    metric.compute()[...] = 7
    metric.state_dict()["names"][0].append("x")
    np.testing.assert_array_equal(metric.compute(), expected)


def test_options_as_numbers_of_numpy_are_kept_by_json():
    metric = ig.MinibatchCKA(kernel="rbf", bandwidth=(np.float64(1.0), np.float32(2.0)))
    metric.load_state_dict(json.loads(json.dumps(metric.state_dict())))
    metric = ig.MinibatchGBS(k=np.int64(3), center=np.bool_(True))
    metric.load_state_dict(json.loads(json.dumps(metric.state_dict())))


def test_samples_without_edges():
    layers = layers_of(32)
    layers["b"][[3, 20, 30]] = 0
    metric = accumulated(layers, (16, 16), ig.MinibatchGBS)
    with pytest.warns(RuntimeWarning, match=r"MinibatchGBS.compute: of the 32 samples, 3 of `lay"):
        values = metric.compute()
    np.testing.assert_allclose(values, gbs_oracle(layers, (16, 16)), atol=1e-12)
    assert values[1, 1] == pytest.approx(29 / 32, abs=1e-15)
    metric = ig.MinibatchGBS()
    metric.update({"a": layers["a"]}, {"b": layers["b"]})
    with pytest.warns(RuntimeWarning, match=r"3 of `other\['b'\]` have no edges"):
        metric.compute()


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
    metric = accumulated(layers, (32, 3), small_batches="skip")
    assert (metric.samples, metric.skipped) == (32, 3)
    np.testing.assert_array_equal(metric.compute(), accumulated(layers, (32,)).compute())
    assert metric.merge(metric).skipped == 6
    again = ig.MinibatchCKA(small_batches="error")
    again.load_state_dict(metric.state_dict())
    assert again.skipped == 6
    metric = ig.MinibatchCKA(small_batches="skip")
    metric.update_grams([np.eye(3)])
    assert (metric.batches, metric.samples, metric.skipped) == (0, 0, 3)
    with pytest.raises(ValueError, match=r"MinibatchCKA.update_grams: `grams` must have at least"):
        ig.MinibatchCKA().update_grams([np.eye(3)])


@pytest.mark.parametrize(("k", "fewest"), [(None, 2), (1, 2), (5, 6)])
def test_short_batches_of_graphs(k, fewest):
    layers = layers_of(32 + fewest)
    both = accumulated(layers, (32, fewest), ig.MinibatchGBS, k=k)
    assert both.samples == 32 + fewest
    message = (
        rf"MinibatchGBS.update: `layers` must have at least {fewest} samples, got {fewest - 1}"
    )
    with pytest.raises(ValueError, match=message):
        accumulated(layers, (32, fewest - 1), ig.MinibatchGBS, k=k)
    sizes = (32, fewest - 1)
    metric = accumulated(layers, sizes, ig.MinibatchGBS, k=k, small_batches="skip")
    assert (metric.samples, metric.skipped) == sizes
    assert (metric.compute() == accumulated(layers, (32,), ig.MinibatchGBS, k=k).compute()).all()


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


@every_metric
def test_refused_arguments(make, full, options):
    name = make.__name__
    for message, wrong in {
        "`kernel` must be one of": {"kernel": "sigmoid"},
        "`precision` must be one of": {"precision": "float16"},
        "`small_batches` must be one of 'error', 'skip', got 'drop'": {"small_batches": "drop"},
        "`small_batches` must be one of 'error', 'skip', got True": {"small_batches": True},
        "`num_threads` must be": {"num_threads": 0},
    }.items():
        with pytest.raises((TypeError, ValueError), match=f"^{name}: {message}"):
            make(**wrong)
    metric = accumulated(layers_of(16), [16], make, **options)
    state = metric.state_dict()
    for message, call in {
        r"update: `layers` must have the layers .*, layers\['a'\], .*; got layers\['a'\] ×": (
            lambda: metric.update({"a": np.ones((8, 2))})
        ),
        "update: `layers` must be a sequence": lambda: metric.update(3),
        r"update: `other\[0\]` must have as many": (
            lambda: metric.update([np.ones((8, 2))], [np.ones((9, 2))])
        ),
        r"update: `layers\['a'\]` must be finite": (
            lambda: metric.update({name: x * np.nan for name, x in layers_of(16).items()})
        ),
        r"update_grams: `grams` must have the layers of before, layers\['a'\], .*; got grams": (
            lambda: metric.update_grams(rsms_of(layers_of(16)))
        ),
        r"update_grams: `grams\[0\]` must be a Gram matrix, square": (
            lambda: make(**options).update_grams([np.ones((8, 7))])
        ),
        r"update_grams: `grams\['x'\]` must be a Gram matrix, symmetric": (
            lambda: make(**options).update_grams({"x": np.eye(8) + np.eye(8, k=1)})
        ),
        "merge: `other` must have the layers of before": (
            lambda: metric.merge(accumulated({"x": np.eye(16)}, [16], make, **options))
        ),
        "merge: `other` must have the options": (
            lambda: metric.merge(make(precision="tf32", **options))
        ),
        f"merge: `other` must be a {name}, got int": lambda: metric.merge(3),
        "compute: no batch of ": lambda: make(**options).compute(),
        "load_state_dict: `state` must have the options": (
            lambda: metric.load_state_dict(make(precision="tf32", **options).state_dict())
        ),
    }.items():
        with pytest.raises((TypeError, ValueError, RuntimeError), match=f"^{name}.{message}"):
            call()
    assert metric.state_dict() == state


def test_another_metric_is_refused():
    metrics = ig.MinibatchCKA(), ig.MinibatchGBS()
    for one, other in (metrics, metrics[::-1]):
        name, wrong = type(one).__name__, type(other).__name__
        with pytest.raises(TypeError, match=f"{name}.merge: `other` must be a {name}, got {wrong}"):
            one.merge(other)
        with pytest.raises(ValueError, match=f"must have the metric {name!r}, got {wrong!r}"):
            one.load_state_dict(other.state_dict())


@pytest.mark.parametrize("k", [0, -1, 2.5, "3", True])
def test_refused_neighbours(k):
    with pytest.raises(
        (TypeError, ValueError), match=r"^MinibatchGBS: `k` must be an integer of at"
    ):
        ig.MinibatchGBS(k=k)
    with pytest.raises(TypeError, match=r"^MinibatchGBS: `center` must be True or False"):
        ig.MinibatchGBS(center=1)


@every_metric
def test_refused_states(make, full, options):
    metric = accumulated(layers_of(16), [16], make, **options)
    state = metric.state_dict()

    def refused(message, wrong):
        with pytest.raises(
            (TypeError, ValueError), match=rf"^{make.__name__}.load_state_dict: {message}"
        ):
            metric.load_state_dict(wrong)

    for wrong in (None, 3, [("options", {})]):
        refused("`state` must be that of `state_dict`, a mapping, got", wrong)
    for part in state:
        refused(f".*, it lacks {part}", {k: v for k, v in state.items() if k != part})
    refused("`state` must have the version 1, got 2", {**state, "version": 2})
    refused("`state` must have the options", {**state, "options": None})
    for count in ("batches", "samples", "skipped"):
        refused(rf"`state\['{count}'\]` must be an integer", {**state, count: -1})
        refused(rf"`state\['{count}'\]` must be an integer", {**state, count: 1.5})
    names = state["names"]
    for wrong in (None, [], names[:1], [names[0], []], [names[0], 3], [["a"], [3]], "ab"):
        refused("`state` must have two lists of names", {**state, "names": wrong})
    refused("`state` must have two lists of names", {**state, "batches": 0, "samples": 0})
    for part in set(state) - set(make(**options).state_dict()):
        for wrong in ([[1.0, 2.0]], "x", None, [[1.0], [1.0, 2.0]], 3.0):
            refused(rf"`state` must have numbers of shape .* as '{part}'", {**state, part: wrong})
    refused("`state` must have numbers", {**state, "names": [names[0][:2], names[1]]})
    for samples in (0, 1):
        refused("`state` must have at least . samples in each", {**state, "samples": samples})
    nothing = make(**options).state_dict()
    refused("`state` must have at least . samples in each", {**nothing, "samples": 16})
    for part in state:  # arrays are compared entry by entry
        refused("`state", {**state, part: np.array([1, 2])})
        refused("`state", {**state, part: [10**400]})
    refused("`state` must have the options", {**state, "options": {"kernel": np.ones(2)}})
    assert metric.state_dict() == state
