"""What can be handed in."""

import isogram as ig
import numpy as np
import pytest
from support import oracle

INTEGERS = ["bool", "int8", "uint8", "int16", "uint16", ">i2", "int32", "uint32", "int64", "uint64"]
LABELS = np.arange(20) % 3


def whole(shape, dtype="int64", seed=0):
    """Return integers that are not small, where the type has others."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype) == bool:
        return rng.integers(0, 2, shape).astype(bool)
    most = min(np.iinfo(dtype).max, 2**40)
    return rng.integers(most // 2, most, shape, endpoint=True).astype(dtype)


def distributions(dtype):
    """Return rows that have a single 1."""
    return np.eye(5, 4).astype(dtype)[[0, 1, 2, 3, 1]]


# Every function of arrays, as one of integers of a type, or of the same numbers in another.
CALLS = {
    "gram": lambda a: ig.gram(a((20, 7))),
    "gram of two": lambda a: ig.gram(a((20, 7)), a((5, 7), 1), kernel="rbf"),
    "bandwidth": lambda a: ig.bandwidth(a((20, 7))),
    "center": lambda a: ig.center(a((20, 20))),
    "hsic": lambda a: ig.hsic(a((20, 7)), a((20, 5), 1)),
    "cka": lambda a: ig.cka(a((20, 7)), a((20, 5), 1)),
    "cka_matrix": lambda a: ig.cka_matrix([a((20, 7)), a((20, 5), 1)], kernel="rbf"),
    "graph": lambda a: ig.graph(a((20, 7)), center=True),
    "graph, k": lambda a: ig.graph(a((20, 7)), k=3).toarray(),
    "gbs": lambda a: ig.gbs(a((20, 7)), a((20, 5), 1), center=True),
    "gbs_matrix": lambda a: ig.gbs_matrix([a((20, 7)), a((20, 5), 1)], k=3),
    "modularity": lambda a: ig.modularity(a((20, 7)), LABELS),
    "motifs": lambda a: ig.motifs(a((20, 7)), LABELS),
    "match": lambda a: ig.match(a((7, 9))).total,
    "semantic_rsm": lambda a: ig.semantic_rsm(a((5, 4, 3))),
    "semantic_rsm, lists": lambda a: ig.semantic_rsm([a((4, 3)), a((5, 3), 1)]),
    "spatial_rsm": lambda a: ig.spatial_rsm(a((5, 4, 3)), a((3, 4, 3), 1), kernel="rbf"),
    "compare_rsms": lambda a: ig.compare_rsms(a((9, 9)), a((9, 9), 1), method="kendall"),
    "similarity": lambda a: ig.similarity(a((20, 7)), a((20, 5), 1), measure="rsa_spearman"),
    "similarity_matrix": lambda a: ig.similarity_matrix([a((20, 7)), a((20, 5), 1)], measure="rv"),
}


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", CALLS)
def test_integers_are_the_floats_of_their_values(name, dtype):
    """Bit by bit: float32 holds those of 16 bits, float64 the others."""
    floats = np.float32 if np.dtype(dtype).itemsize <= 2 else np.float64
    actual = CALLS[name](lambda shape, seed=0: whole(shape, dtype, seed))
    expected = CALLS[name](lambda shape, seed=0: whole(shape, dtype, seed).astype(floats))
    assert np.array_equal(actual, expected)
    if isinstance(actual, np.ndarray):
        assert actual.dtype == expected.dtype


ORACLES = {
    "gram": lambda a: oracle.gram(a((20, 7))),
    "center": lambda a: oracle.center(a((20, 20))),
    "cka": lambda a: oracle.cka(a((20, 7)), a((20, 5), 1)),
    "gbs": lambda a: oracle.gbs(a((20, 7)), a((20, 5), 1), center=True),
    "match": lambda a: oracle.match(a((7, 9))).total,
    "semantic_rsm": lambda a: oracle.semantic_rsm(a((5, 4, 3))),
    "modularity": lambda a: oracle.modularity(a((20, 7)), LABELS),
}


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int64"])
@pytest.mark.parametrize("name", ORACLES)
def test_integers_against_the_oracle(name, dtype):
    actual = CALLS[name](lambda shape, seed=0: whole(shape, dtype, seed))
    expected = ORACLES[name](lambda shape, seed=0: whole(shape, dtype, seed).astype(np.float64))
    scale = np.abs(expected).max()
    assert np.abs(actual - expected).max() <= (1e-12 if dtype == "int64" else 1e-5) * scale


@pytest.mark.parametrize("dtype", INTEGERS)
def test_distributions_of_integers(dtype):
    p = distributions(dtype)
    floats = np.float32 if p.dtype.itemsize <= 2 else np.float64
    result = ig.jsd(p, p[:2])
    assert np.array_equal(result, ig.jsd(p.astype(floats), p[:2].astype(floats)))
    assert result.dtype == floats


def test_the_largest_integers():
    """Up to 2^53 every one is a number of float64."""
    x = np.array([[2**53, 0], [-(2**53), 1]])
    assert ig.gram(x).tolist() == [[2.0**106, -(2.0**106)], [-(2.0**106), 2.0**106]]
    assert ig.match(np.array([[2**53 - 1]])).total == 2**53 - 1
    assert ig.gram(np.full((1, 1), 2**53, np.uint64)).tolist() == [[2.0**106]]


def test_metrics_of_integer_batches():
    metrics = ig.MinibatchCKA(), ig.MinibatchCKA()
    for seed in range(3):
        batch = whole((20, 7), "uint8", seed)
        metrics[0].update([batch, batch[:, :3]])
        metrics[1].update([batch.astype(np.float32), batch[:, :3].astype(np.float32)])
    assert np.array_equal(metrics[0].compute(), metrics[1].compute())


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64"])
@pytest.mark.parametrize("operation", ["gram", "cka_matrix", "gbs_matrix", "graph", "semantic_rsm"])
def test_plans_of_integers(operation, dtype):
    shape = (9, 4, 3) if operation == "semantic_rsm" else (9, 7)
    array = whole(shape, dtype)
    inputs = [[array, array[:, :5]]] if operation.endswith("_matrix") else [array]
    plan = ig.plan(operation, *inputs)
    assert np.array_equal(plan.run(*inputs), getattr(ig, operation)(*inputs))


def test_a_layer_of_integers_is_the_same_layer_twice():
    """As floats they are two copies, whose CKA might be 1 less rounding."""
    for seed in range(20):
        x = whole((13, 5), "int8", seed)
        assert ig.cka(x, x) == 1
        assert ig.cka_matrix([x], [x]).item() == 1


def test_results_are_not_written_into_integers():
    k = whole((5, 5), "uint8")
    before = k.copy()
    out = np.empty((5, 5), np.float32)
    assert ig.center(k, out=out) is out
    assert np.array_equal(k, before)
    with pytest.raises(TypeError, match=r"^center: `out` must be of float32, got uint8"):
        ig.center(k, out=k)
