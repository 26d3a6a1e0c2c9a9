"""`bandwidth` against the oracle, and the parameter `bandwidth` of other functions."""

import json

import isogram as ig
import numpy as np
import pytest
from cases.bandwidth import *  # noqa: F403
from isogram import _core
from support import MEDIAN_KERNELS, data


def test_below_the_normal_numbers(simd_level):
    """A median of denormal float64 distances counts as the smallest normal number."""
    x = data((20, 5), "float64", seed=33)
    unit = 2.0**-1040
    small = x * unit
    normal = small / unit  # of its digits
    tiny = np.finfo(np.float64).tiny
    assert ig.bandwidth(small) == ig.bandwidth(small, rule="mean") == tiny
    assert ig.bandwidth(normal) < tiny / unit
    for kernel in MEDIAN_KERNELS:
        expected = ig.gram(normal, kernel=kernel, bandwidth=tiny / unit)
        assert np.allclose(ig.gram(small, kernel=kernel), expected, rtol=0, atol=1e-15)
        assert np.allclose(ig.gram(small, kernel=kernel, bandwidth=tiny), expected, 0, 1e-15)
    tokens = small.reshape(5, 4, 5)
    expected = ig.semantic_rsm(normal.reshape(5, 4, 5), kernel="rbf")
    assert np.allclose(ig.semantic_rsm(tokens, kernel="rbf"), expected, rtol=0, atol=1e-13)


def test_of_sampled_pairs(simd_level):
    x = data((300, 20), "float64", seed=19)
    exact = ig.bandwidth(x)
    assert ig.bandwidth(x, max_pairs=300 * 299 // 2) == exact
    sampled = [ig.bandwidth(x, max_pairs=4000, seed=seed) for seed in (0, 0, 1)]
    assert sampled[0] == sampled[1]
    assert sampled[0] != sampled[2]
    assert sampled == pytest.approx([exact] * 3, rel=0.02)
    assert ig.bandwidth(x, max_pairs=4000) == sampled[0], "the default seed is 0"


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1, 2**32, 2**64 + 7, 3**200])
def test_draws_are_those_of_numpy(seed):
    words = [seed >> bit & 0xFFFFFFFF for bit in range(0, max(seed.bit_length(), 1), 32)]
    ours, theirs = _core.Pcg64(words), np.random.default_rng(seed)
    for end in (1, 2, 3, 7, 300, 2**31 + 1, 2**32 - 1, 2**32, 2**32 + 1, 3, 2**63 - 1, 5):
        drawn = np.zeros((501, 2), np.int64)[:, 1]
        ours.fill(end, drawn)
        assert np.array_equal(drawn, theirs.integers(end, size=501)), end


def test_has_the_same_bits_for_any_number_of_threads(simd_level):
    x = data((150, 40), "float32", seed=20)
    assert len({ig.bandwidth(x, num_threads=threads) for threads in (1, 2, 3, 5)}) == 1


X = data((12, 3), "float64", seed=48)

REFUSED = {
    "mean": ValueError,
    0.0: ValueError,
    -1: ValueError,
    np.inf: ValueError,
    ("median", 0.0): ValueError,
    ("median", np.nan): ValueError,
    ("median", True): TypeError,
    ("median", None): TypeError,
    ("mean", 0.5): ValueError,
    (0.5, "mean"): ValueError,
    (1.0, -2.0): ValueError,
    (1.0, None): TypeError,
    (1.0, (1.0, 2.0)): TypeError,
    (1.0, 2.0, 3.0): TypeError,
    ("median",): TypeError,
    (): TypeError,
    None: TypeError,
}


@pytest.mark.parametrize("bandwidth", REFUSED)
@pytest.mark.parametrize("function", ["cka", "hsic", "cka_matrix", "similarity", "gram"])
def test_what_is_no_bandwidth(function, bandwidth):
    inputs = ([X], [X]) if function == "cka_matrix" else (X, X)
    is_pair = isinstance(bandwidth, tuple) and len(bandwidth) == 2 and bandwidth[0] != "median"
    with pytest.raises(
        TypeError if is_pair and function == "gram" else REFUSED[bandwidth],
        match=rf"^{function}: `bandwidth` must be 'median', \('median', fraction\).* or a positive"
        " finite number, got ",
    ):
        getattr(ig, function)(*inputs, bandwidth=bandwidth)  # whether the kernel reads it or not


@pytest.mark.parametrize("bandwidth", [(1.0, 2.0), ("median", "median")])
def test_pairs_where_there_is_one_side(bandwidth):
    tokens = X.reshape(4, 3, 3)
    calls = {
        "gram": lambda: ig.gram(X, kernel="rbf", bandwidth=bandwidth),
        "semantic_rsm": lambda: ig.semantic_rsm(tokens, kernel="rbf", bandwidth=bandwidth),
        "spatial_rsm": lambda: ig.spatial_rsm(tokens, kernel="rbf", bandwidth=bandwidth),
    }
    for function, call in calls.items():
        with pytest.raises(
            TypeError, match=rf"^{function}: `bandwidth` must be 'median', \(.*, got \("
        ):
            call()


def test_pairs_for_one_set_of_layers():
    options = {"kernel": "rbf", "bandwidth": (1.0, 2.0)}
    calls = {
        "cka_matrix": lambda *sets: ig.cka_matrix(*sets, **options),
        "similarity_matrix": lambda *sets: ig.similarity_matrix(*sets, measure="cka", **options),
        "MinibatchCKA.update": lambda *sets: ig.MinibatchCKA(**options).update(*sets),
    }
    for function, call in calls.items():
        with pytest.raises(ValueError, match=rf"^{function}: `bandwidth` must be one for all"):
            call([X])
        call([X], [X])
    with pytest.raises(ValueError, match=r"^cka_matrix: `bandwidth` must be one for all"):
        ig.plan("cka_matrix", [X], **options)


def test_plans_of_a_bandwidth_of_each_side():
    y = data((12, 5), "float64", seed=49)
    for options in ({"bandwidth": (1.0, 2.0)}, {"bandwidth": (("median", 0.5), 3.0)}):
        for sets in (([X], [X]), ([X, y[:, :3]], [y])):
            plan = ig.plan("cka_matrix", *sets, kernel="rbf", tile=5, **options)
            parts = {tile: plan.compute(tile, *sets) for tile in reversed(plan.tiles)}
            expected = ig.cka_matrix(*sets, kernel="rbf", **options)
            assert np.allclose(plan.reduce(parts), expected, rtol=0, atol=1e-13)
    plan = ig.plan("gram", X, kernel="rbf", bandwidth=("median", 0.5), tile=5)
    parts = {tile: plan.compute(tile, X) for tile in reversed(plan.tiles)}
    assert (plan.reduce(parts) == ig.gram(X, kernel="rbf", bandwidth=("median", 0.5))).all()
    tokens = X.reshape(4, 3, 3)
    plan = ig.plan("semantic_rsm", tokens, kernel="rbf", bandwidth=("median", 0.5), tile=3)
    parts = {tile: plan.compute(tile, tokens) for tile in plan.tiles}
    expected = ig.semantic_rsm(tokens, kernel="rbf", bandwidth=("median", 0.5))
    assert (plan.reduce(parts) == expected).all()


def test_minibatches_with_a_bandwidth_of_each_side():
    options = {"kernel": "rbf", "bandwidth": (1.0, 2.0)}
    metric = ig.MinibatchCKA(**options)
    metric.update([X], [X])
    assert metric.compute() == ig.cka_matrix([X], [X], **options)
    again = ig.MinibatchCKA(**options)
    again.load_state_dict(json.loads(json.dumps(metric.state_dict())))
    assert again.compute() == metric.compute()
    with pytest.raises(ValueError, match=r"^MinibatchCKA: `bandwidth` must be a positive finite"):
        ig.MinibatchCKA(kernel="rbf", bandwidth=("median", 0.5))


def test_fractions_of_a_median_of_zero():
    rows = np.repeat(X[:2], 6, axis=0)[:, :1] * [[1.0, 0.0]]
    rows[2:] = 0
    with pytest.raises(ValueError, match="which is 0"):
        ig.gram(rows, kernel="rbf", bandwidth=("median", 0.5))
    with pytest.raises(ValueError, match="which is 0"):
        ig.cka(X, rows, kernel="rbf", bandwidth=(1.0, ("median", 0.5)))
