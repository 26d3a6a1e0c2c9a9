"""What can be handed in on a GPU: integers, of which those of 64 bits are waited for."""

import isogram as ig
import numpy as np
import pytest

LABELS = np.arange(20) % 3
CALLS = {
    "gram": lambda a: ig.gram(a((20, 7)), a((5, 7))),
    "bandwidth": lambda a: ig.bandwidth(a((20, 7))),
    "center": lambda a: ig.center(a((20, 20))),
    "hsic": lambda a: ig.hsic(a((20, 7)), a((20, 5))),
    "cka": lambda a: ig.cka(a((20, 7)), a((20, 5)), kernel="rbf"),
    "cka_matrix": lambda a: ig.cka_matrix([a((20, 7)), a((20, 5))]),
    "graph": lambda a: ig.graph(a((20, 7))),
    "gbs": lambda a: ig.gbs(a((20, 7)), a((20, 5)), k=3),
    "gbs_matrix": lambda a: ig.gbs_matrix([a((20, 7)), a((20, 5))]),
    "modularity": lambda a: ig.modularity(a((20, 7)), LABELS),
    "motifs": lambda a: ig.motifs(a((20, 7)), LABELS),
    "match": lambda a: ig.match(a((7, 9))).total,
    "semantic_rsm": lambda a: ig.semantic_rsm(a((5, 4, 3))),
    "spatial_rsm": lambda a: ig.spatial_rsm(a((5, 4, 3)), a((3, 4, 3))),
    "compare_rsms": lambda a: ig.compare_rsms(a((9, 9)), a((9, 9))),
    "similarity": lambda a: ig.similarity(a((20, 7)), a((20, 5)), measure="rsa_pearson"),
}


def whole(shape, dtype):
    """Return integers that are not small, where the type has others."""
    most = 1 if np.dtype(dtype) == bool else min(np.iinfo(dtype).max, 2**40)
    return np.random.default_rng(shape).integers(0, most, shape, endpoint=True).astype(dtype)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "int64"])
@pytest.mark.parametrize("name", CALLS)
def test_integers_are_the_floats_of_their_values(gpu, name, dtype):
    floats = np.float32 if np.dtype(dtype).itemsize <= 2 else np.float64
    actual = CALLS[name](lambda shape: gpu.put(whole(shape, dtype)))
    expected = CALLS[name](lambda shape: gpu.put(whole(shape, dtype).astype(floats)))
    if not isinstance(expected, float | tuple):
        actual, expected = gpu.get(actual), gpu.get(expected)
        assert actual.dtype == expected.dtype
    assert np.array_equal(actual, expected)


def test_short_integers_are_not_waited_for(gpu):
    x = gpu.put(whole((20, 7), "uint8"))
    with gpu.without_waiting():
        ig.gram(x)


def test_integers_that_no_float_holds(gpu):
    with pytest.raises(ValueError, match=r"^cka: `y` must be of integers up to 2\^53 .*, got 9007"):
        ig.cka(gpu.put(whole((20, 7), "uint8")), gpu.put(np.full((20, 3), 2**53 + 1)))


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_layers_are_flattened(gpu, axes):
    maps = np.random.default_rng(0).standard_normal((20, 3, 4, 5)).astype(np.float32)
    x = gpu.put(maps).transpose(axes)
    flat = gpu.put(maps.transpose(axes).reshape(20, -1))
    with gpu.without_waiting():
        graphs = ig.graph(x), ig.graph(flat)
    assert np.array_equal(*map(gpu.get, graphs))
    assert ig.cka(x, flat[:, :7]) == ig.cka(flat, flat[:, :7])
    assert np.array_equal(*(gpu.get(ig.cka_matrix([a, flat])) for a in (x, flat)))


def test_similarities_against_distances(gpu):
    x = np.random.default_rng(0).standard_normal((30, 6))
    distances = ((x[:, None] - x) ** 2).sum(axis=2)
    with pytest.warns(
        RuntimeWarning, match=r"^compare_rsms: `rsm_b` looks like similarities, `rsm_"
    ):
        ig.compare_rsms(gpu.put(distances), gpu.put(x @ x.T))


def test_layouts_that_look_swapped(gpu):
    maps = gpu.put(np.random.default_rng(0).random((4, 3, 8, 8)))
    with pytest.warns(RuntimeWarning, match=r"^spatial_rsm: `tokens` of .* looks like 'nchw', but"):
        ig.spatial_rsm(maps, layout="nhwc")


def test_labels_lengths_and_masks_lie_anywhere(gpu):
    x, tokens = whole((8, 3), "int16"), whole((4, 5, 3), "int16")
    labels, lengths = np.arange(8) % 2, np.array([1, 5, 3, 2])
    mask = np.arange(5) < lengths[:, None]
    assert ig.modularity(gpu.put(x), gpu.put(labels)) == ig.modularity(gpu.put(x), labels)
    assert ig.motifs(gpu.put(x), gpu.put(labels)) == ig.motifs(gpu.put(x), labels)
    expected = gpu.get(ig.semantic_rsm(gpu.put(tokens), lengths=lengths))
    for options in ({"lengths": gpu.put(lengths)}, {"mask": gpu.put(mask)}):
        found = gpu.get(ig.semantic_rsm(gpu.put(tokens), **options))
        np.testing.assert_array_equal(found, expected)
