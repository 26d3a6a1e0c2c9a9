"""What can be handed in."""

import importlib.util
import re
import warnings
from pathlib import Path

import isogram as ig
import numpy as np
import pandas
import pytest
from isogram import io
from support import DTYPES, data, oracle, run_program

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed: extra `torch`"
)

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


# Layers of any number of axes -----------------------------------------------------------------

MAPS = data((20, 3, 4, 4), "float32")
TOKENS = data((20, 5, 6), "float64", seed=1)


def flat(x):
    return x.reshape(len(x), -1)


OF_LAYERS = {
    "hsic": lambda x, y: ig.hsic(x, y),
    "cka": lambda x, y: ig.cka(x, y, kernel="rbf"),
    "cka_matrix": lambda x, y: ig.cka_matrix({"x": x}, [y]),
    "gbs": lambda x, y: ig.gbs(x, y, center=True),
    "gbs_matrix": lambda x, y: ig.gbs_matrix([x, y], k=3),
    "similarity": lambda x, y: ig.similarity(x, y, measure="procrustes"),
    "similarity_matrix": lambda x, y: ig.similarity_matrix([x, y], measure="mutual_knn"),
    "bandwidth": lambda x, y: (ig.bandwidth(x), ig.bandwidth(y)),
    "graph": lambda x, y: (ig.graph(x), ig.graph(y, k=3).toarray()),
    "modularity": lambda x, y: (ig.modularity(x, LABELS), ig.modularity(y, LABELS)),
    "motifs": lambda x, y: (ig.motifs(x, LABELS), ig.motifs(y, LABELS)),
}
VIEWS = {
    "as they are": lambda x: x,
    "reversed": lambda x: x[::-1],
    "channels last": lambda x: np.moveaxis(x, 1, -1),
    "every second": lambda x: x[:, :, ::2],
    "integers": lambda x: (9 * x).astype(np.int8),
    "bfloat16": lambda x: x.astype(DTYPES["bfloat16"]),
    "xarray": lambda x: pytest.importorskip("xarray").DataArray(x),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", OF_LAYERS)
def test_layers_are_flattened(name, view):
    x, y = VIEWS[view](MAPS), VIEWS[view](TOKENS)
    actual = OF_LAYERS[name](x, y)
    expected = OF_LAYERS[name](flat(np.asarray(x)), flat(np.asarray(y)))
    for a, b in zip(np.atleast_1d(actual), np.atleast_1d(expected), strict=True):
        assert np.array_equal(a, b)


def test_flattened_layers_against_the_oracle():
    x, y = flat(MAPS), flat(TOKENS)
    assert ig.cka(MAPS, TOKENS) == pytest.approx(oracle.cka(x, y), abs=1e-5)
    assert ig.gbs(MAPS, TOKENS) == pytest.approx(oracle.gbs(x, y), abs=1e-5)


def test_batches_of_flattened_layers():
    metrics = ig.MinibatchCKA(), ig.MinibatchCKA()
    metrics[0].update([MAPS, TOKENS])
    metrics[1].update([flat(MAPS), flat(TOKENS)])
    assert np.array_equal(metrics[0].compute(), metrics[1].compute())


@pytest.mark.parametrize("operation", ["cka_matrix", "gbs_matrix"])
def test_plans_of_flattened_layers(operation):
    plan = ig.plan(operation, [MAPS, TOKENS])
    assert np.array_equal(plan.run([MAPS, TOKENS]), getattr(ig, operation)([MAPS, TOKENS]))


def test_files_flatten_by_the_same_rule(tmp_path):
    np.savez(tmp_path / "x.npz", maps=MAPS, tokens=TOKENS)
    expected = ig.cka_matrix([MAPS, TOKENS])
    for reduce in ("flatten", None):
        with io.open(tmp_path / "x.npz", reduce=reduce) as layers:
            assert np.array_equal(ig.cka_matrix(layers), expected)


def test_entries_that_are_not_finite_have_the_index_of_the_flattened_layer():
    x = MAPS.copy()
    x[7, 1, 0, 2] = np.nan
    with pytest.raises(ValueError, match=r"^cka: `x` must be finite, got nan at index \(7, 18\)"):
        ig.cka(x, TOKENS)


def test_gram_names_both_remedies():
    """Of maps, a Gram matrix for each might be meant."""
    maps = r"^gram: `x` must be 2-D, got 4-D of shape \(20, 3, 4, 4\): flatten the features, "
    with pytest.raises(
        ValueError,
        match=maps + r"x\.reshape\(len\(x\), -1\), or .* x\.mean\(axis=\(2, 3\)\) of maps",
    ):
        ig.gram(MAPS)
    with pytest.raises(ValueError, match=r"^gram: `y` .*y\.mean\(axis=1\) of tokens \(n, s, c\)$"):
        ig.gram(MAPS[:, 0, 0], TOKENS)


@pytest.mark.parametrize("name", ["gram", "bandwidth", "graph", "cka"])
def test_one_axis_may_be_samples_or_features(name):
    x = np.arange(5.0)
    call = {"cka": lambda: ig.cka(x, x)}.get(name, lambda: getattr(ig, name)(x))
    remedy = r": x\.reshape\(-1, 1\) has one feature of 5 samples$"
    with pytest.raises(ValueError, match=rf"^{name}: `x` must be 2-D, got 1-D .*{remedy}"):
        call()


# What is nearly an array ----------------------------------------------------------------------

BATCHES = [data((b, 4), "float32", seed=b) for b in (8, 8, 4)]
BOTH = r"join batches of samples by {0}\({2}\), and single samples by {1}\({2}\)$"


@pytest.mark.parametrize("kind", [list, tuple])
def test_lists_of_batches(kind):
    both = BOTH.format(r"np\.concatenate", r"np\.stack", "x")
    for batches in (BATCHES, BATCHES[:2], [TOKENS, TOKENS]):
        message = rf"^cka: `x` must be an array, got a {kind.__name__} of {len(batches)}: {both}"
        with pytest.raises(TypeError, match=message):
            ig.cka(kind(batches), TOKENS)
    with pytest.raises(
        TypeError, match=r"^gram: `y` must be an array, got a list of 3: join .*\(y"
    ):
        ig.gram(BATCHES[0], BATCHES)
    with pytest.raises(
        TypeError, match=r"^gbs_matrix: `layers\['a'\]` must be an array, got a list"
    ):
        ig.gbs_matrix({"a": BATCHES})


def test_lists_of_rows_are_arrays():
    assert np.array_equal(ig.gram(list(BATCHES[0])), ig.gram(BATCHES[0]))
    assert np.array_equal(ig.cka_matrix([list(BATCHES[0])]), ig.cka_matrix([BATCHES[0]]))


def test_a_name_and_an_array():
    with pytest.raises(TypeError, match=r"^cka: `x` must be an array, got a name and an array"):
        ig.cka(("conv", BATCHES[0]), BATCHES[1])


NO_ARRAYS = {
    "generator": (lambda: (batch for batch in BATCHES), r"join batches .* np\.stack\(list\(x\)\)"),
    "dict_values": (lambda: dict(enumerate(BATCHES)).values(), r"np\.concatenate\(list\(x\)\)"),
    "dict": (
        lambda: {"conv": BATCHES[0]},
        r"pass one of its arrays, such as x\['conv'\], or x\.values\(\) where",
    ),
    "str": (lambda: "features.npy", r"isogram\.io\.open\(path\) opens layers in files$"),
    "PosixPath": (lambda: Path("features.npy"), r"isogram\.io\.open\(path\)"),
}


@pytest.mark.parametrize("kind", NO_ARRAYS)
def test_what_is_no_array(kind):
    make, remedy = NO_ARRAYS[kind]
    message = rf"^{{}}: `x` must be an array .*, got {kind}: .*{remedy}"
    for name, call in (
        ("cka", lambda x: ig.cka(x, BATCHES[0])),
        ("gram", ig.gram),
        ("similarity", lambda x: ig.similarity(x, BATCHES[0])),
    ):
        with pytest.raises(TypeError, match=message.format(name)):
            call(make())


SETS = {
    "mapping": lambda layers: layers,
    "pairs": lambda layers: list(layers.items()),
    "tuple of pairs": lambda layers: tuple(layers.items()),
    "items": lambda layers: layers.items(),
    "generator of pairs": lambda layers: iter(layers.items()),
}
NAMELESS = {
    "list": lambda layers: list(layers.values()),
    "values": lambda layers: layers.values(),
    "generator": lambda layers: (layer for layer in layers.values()),
}


@pytest.mark.parametrize("kind", SETS | NAMELESS)
def test_sets_of_layers(kind):
    layers = {"conv": MAPS, "head": TOKENS, "flat": np.zeros((20, 3), np.float32)}
    make = (SETS | NAMELESS)[kind]
    name = "layers['flat']" if kind in SETS else "layers[2]"
    for call in (ig.cka_matrix, ig.similarity_matrix):
        with pytest.warns(RuntimeWarning, match=re.escape(f"`{name}` is constant")):
            actual = call(make(layers))
        with pytest.warns(RuntimeWarning, match="constant"):
            expected = call(layers)
        assert np.array_equal(actual, expected, equal_nan=True)
    two = {"conv": MAPS, "head": TOKENS}
    expected = ig.gbs_matrix(two, {"other": MAPS})
    assert np.array_equal(ig.gbs_matrix(make(two), make({"other": MAPS})), expected)
    metric = ig.MinibatchCKA()
    metric.update(make(two), make(two))
    assert np.array_equal(metric.compute(), ig.cka_matrix(two))


def test_sets_that_are_none():
    for layers, got, remedy in (
        ("features.npz", "str", r": isogram\.io\.open"),
        (Path("features.npz"), "PosixPath", r": isogram\.io\.open"),
        (3, "int", "$"),
        (iter([]), "none", "$"),
    ):
        with pytest.raises((TypeError, ValueError), match=f"^cka_matrix: `layers` .*{got}{remedy}"):
            ig.cka_matrix(layers)


def test_one_array_is_no_set_of_layers():
    message = r"^gbs_matrix: `layers` must be a sequence .* got one array of shape \(20, 5, 6\): "
    with pytest.raises(
        ValueError, match=message + r"pass \[layers\] for one layer, list\(layers\)"
    ):
        ig.gbs_matrix(TOKENS)
    with pytest.raises(ValueError, match=r"^cka_matrix: `other` .*: pass \[other\] for one layer$"):
        ig.cka_matrix([TOKENS], TOKENS[0])


def test_tokens_one_after_another():
    tokens = {name: data((s, 3), "float32", seed=s) for s, name in enumerate("abcd", 4)}
    expected = ig.semantic_rsm(list(tokens.values()))
    assert np.array_equal(ig.semantic_rsm(tokens.values()), expected)
    assert np.array_equal(ig.spatial_rsm(iter(tokens.values())), ig.spatial_rsm([*tokens.values()]))
    two = ig.semantic_rsm((x for x in tokens.values()), iter([tokens["a"], tokens["b"]]))
    assert np.array_equal(two, ig.semantic_rsm([*tokens.values()], [tokens["a"], tokens["b"]]))
    found = ig.semantic_matching(tokens.values(), pairs=([0, 1], [2, 3]))
    assert np.array_equal(
        found.columns, ig.semantic_matching([*tokens.values()], pairs=([0, 1], [2, 3])).columns
    )
    plan = ig.plan("semantic_rsm", tokens.values())
    parts = {tile: plan.compute(tile, tokens.values()) for tile in plan.tiles}
    assert np.array_equal(plan.reduce(parts), expected)
    with pytest.raises(
        TypeError, match=r"^semantic_rsm: `tokens` .*, got dict: .* or tokens\.values"
    ):
        ig.semantic_rsm(tokens)


@needs_torch
def test_lists_of_tensors_and_models():
    import torch

    x = torch.tensor(BATCHES[0])
    both = BOTH.format(r"torch\.cat", r"torch\.stack", "x")
    with pytest.raises(TypeError, match=f"^cka: `x` must be an array, got a list of 2: {both}"):
        ig.cka([x, x], x)
    model = torch.nn.Sequential(torch.nn.Linear(4, 2))
    remedy = r"isogram\.torch\.record\(model, batches\) .* isogram\.torch\.compare_models"
    with pytest.raises(
        TypeError, match=f"^cka: `y` must be an array .*, got Sequential: .*{remedy}"
    ):
        ig.cka(x, model)
    with pytest.raises(TypeError, match=rf"^cka_matrix: `layers` .*, got Sequential: .*{remedy}"):
        ig.cka_matrix(model)
    with pytest.raises(TypeError, match=rf"^cka_matrix: `other\[0\]` .*, got Linear: .*{remedy}"):
        ig.cka_matrix([x], [model[0]])
    maps = torch.tensor(MAPS)
    assert ig.cka(maps, maps.flatten(1)) == pytest.approx(1)


@needs_torch
def test_quantised_tensors_are_no_integers():
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of what it will drop
        x = torch.quantize_per_tensor(torch.tensor(BATCHES[0]), 0.1, 0, torch.qint8)
    with pytest.raises(TypeError, match=r"^gram: `x` must be of .*, got qint8$"):
        ig.gram(x)


# What looks transposed ------------------------------------------------------------------------


def test_samples_in_columns():
    x, wide, other = (data(shape, "float32") for shape in ((20, 7), (5, 20), (9, 20)))
    for call, message in (
        (
            lambda: ig.cka(wide, x),
            r"`y` .* got 20: if `x` has 20 samples in its columns, pass x\.T$",
        ),
        (
            lambda: ig.cka(x, wide),
            r"`y` .* got 5: if `y` has 20 samples in its columns, pass y\.T$",
        ),
        (
            lambda: ig.cka(wide, other),
            r"`y` .* got 9: if the 20 columns of `x` and `y` are the samples, pass both trans",
        ),
        (lambda: ig.cka(x, x[:19, :3]), r"`y` must have as many samples as `x` \(20\), got 19$"),
    ):
        with pytest.raises(ValueError, match="^cka: " + message):
            call()
    with pytest.raises(
        ValueError, match=r"^cka_matrix: .* if `layers\['a'\]` has 20 samples in its"
    ):
        ig.cka_matrix({"a": wide, "b": x})


LAYOUTS = {  # of maps that look like the other layout, and of some that do not
    (6, 3, 8, 8): ("nhwc", "nchw"),
    (6, 8, 8, 3): ("nchw", "nhwc"),
    (6, 64, 4, 4): ("nhwc", "nchw"),
    (6, 4, 4, 64): ("nchw", "nhwc"),
    (6, 8, 8, 3, "nhwc"): ("nhwc", None),
    (6, 3, 8, 8, "nchw"): ("nchw", None),
    (6, 16, 8, 8): ("nhwc", None),
    (6, 32, 1, 1): ("nhwc", None),
    (6, 3, 4, 4): ("nhwc", None),
    (6, 3, 8, 9): ("nhwc", None),
}


@pytest.mark.parametrize("shape", LAYOUTS)
def test_layouts_that_look_swapped(shape):
    layout, better = LAYOUTS[shape]
    maps = data(shape[:4], "float32")
    calls = {
        "spatial_rsm": lambda: ig.spatial_rsm(maps, layout=layout),
        "semantic_rsm": lambda: ig.semantic_rsm(maps, maps[:2], layout=layout, matching="none"),
        "spatial_rsm of a plan": lambda: ig.plan("spatial_rsm", maps, layout=layout),
        "semantic_matching": lambda: ig.semantic_matching(maps[0], maps[1], layout=layout),
        "semantic_matching of pairs": lambda: ig.semantic_matching(
            maps, pairs=([0], [1]), layout=layout
        ),
    }
    for name, call in calls.items():
        function = name.partition(" ")[0]
        if better is None:
            call()
            continue
        given = shape[1:4] if name == "semantic_matching" else shape[:4]
        shown = re.escape(str(given))
        message = rf"^{function}: `tokens` of shape {shown} looks like '{better}', but `layout` is "
        with pytest.warns(RuntimeWarning, match=message) as caught:
            call()
        assert {warning.filename for warning in caught} == {__file__}


def test_maps_without_a_layout():
    with pytest.raises(
        ValueError, match=r"must be 3-D, got 4-D .*: pass layout='nchw' \(PyTorch\)"
    ):
        ig.semantic_rsm(MAPS)
    with pytest.raises(
        ValueError, match=r"^spatial_rsm: `other` .*: pass layout='nchw' \(PyTorch\)"
    ):
        ig.spatial_rsm(TOKENS, MAPS)
    with pytest.raises(
        ValueError, match=r"got 2-D .*: tokens\[None\] is one input of 5 tokens, tokens\[:, None\]"
    ):
        ig.semantic_rsm(TOKENS[0])


def test_sets_of_inputs_to_a_matching_of_one_pair():
    one = r"^semantic_matching: `tokens` must be 2-D, got 3-D .*: pass one input, such as tokens\[0"
    with pytest.raises(ValueError, match=one + r"\], or `pairs`, or layout='nchw' \(PyTorch\)"):
        ig.semantic_matching(TOKENS, TOKENS)
    with pytest.raises(ValueError, match=r"must be 3-D, got 4-D .* as tokens\[0\], or `pairs`$"):
        ig.semantic_matching(MAPS, MAPS, layout="nhwc")


# What is another quantity ---------------------------------------------------------------------


def test_logits_are_no_distributions():
    softmax = r"softmax makes distributions of logits \(scipy\.special\.softmax\(x, axis=1\), "
    logits = data((5, 4), "float32")
    for call in (ig.jsd, lambda p: ig.plan("jsd", p)):
        with pytest.raises(
            ValueError, match=rf"^jsd: `probabilities` must not be neg.*: {softmax}"
        ):
            call(logits)
        with pytest.raises(ValueError, match=rf"^jsd: .* rows that sum to 1, got .*: {softmax}"):
            call(np.abs(logits).astype(DTYPES["bfloat16"]))
    with pytest.raises(ValueError, match=rf"^jsd: `other` .*: {softmax}"):
        ig.jsd(distributions("float64"), logits)
    logits[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"^jsd: `probabilities` must be finite, .* \(3, 1\)$"):
        ig.jsd(logits)


def test_errors_of_a_report_stay_as_they_are():
    def report(done, total):
        raise ValueError("enough")

    with pytest.raises(ValueError, match=r"^enough$"):
        ig.jsd(distributions("float64"), progress=report)


X30 = data((30, 6), "float64")
SIMILAR = {
    "cosine": ig.gram(X30, kernel="cosine"),
    "linear": ig.gram(X30),
    "rbf": ig.gram(X30, kernel="rbf"),
}
SQUARED = ((X30[:, None] - X30) ** 2).sum(axis=2)
DISTANT = {
    "euclidean": np.sqrt(SQUARED),
    "squared": SQUARED,
    "one minus cosine": np.where(np.eye(30) > 0, 0, 1 - SIMILAR["cosine"]),
}


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall", "cka"])
@pytest.mark.parametrize("distant", DISTANT)
@pytest.mark.parametrize("similar", SIMILAR)
def test_similarities_against_distances(similar, distant, method):
    for dtype in ("float64", "float32", "bfloat16"):
        a, b = SIMILAR[similar].astype(DTYPES[dtype]), DISTANT[distant].astype(DTYPES[dtype])
        if method != "cka":
            b[np.tril_indices(30, -1)] = np.nan  # not read
        message = r"^compare_rsms: `{}` looks like similarities, `{}` like distances"
        with pytest.warns(RuntimeWarning, match=message.format("rsm_a", "rsm_b")) as caught:
            first = ig.compare_rsms(a, b, method=method)
        assert [warning.filename for warning in caught] == [__file__]
        assert first < -0.25
        with pytest.warns(RuntimeWarning, match=message.format("rsm_b", "rsm_a")):
            ig.compare_rsms(b, a, method=method)


def test_opposites_that_are_of_one_kind():
    """No warning: an error here."""
    hollow = ig.center(SIMILAR["linear"], estimator="debiased")
    indices = np.triu_indices(30, 1)
    edited = SIMILAR["cosine"].copy()
    edited[indices] *= -1
    for a, b in (
        (SIMILAR["cosine"], edited),
        (SIMILAR["cosine"], -hollow),
        (DISTANT["euclidean"], np.where(np.eye(30) > 0, 0, 9 - DISTANT["euclidean"])),
        (SIMILAR["cosine"], ig.graph(-(X30**2))),
    ):
        ig.compare_rsms(a, b)
    assert ig.compare_rsms(SIMILAR["cosine"], edited) < -0.9


@needs_torch
def test_gradients_are_warned_of_once():
    program = """
        import warnings, torch, isogram as ig
        x = torch.rand(12, 4, requires_grad=True)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with torch.no_grad():
                ig.gram(x)
            ig.gram(x.detach())
            assert not caught
            assert not ig.cka(x, x) < 1
            ig.gram(x)
            ig.gbs(x.detach(), x)
        [warning] = caught
        assert warning.filename == "<string>", warning.filename
        print(warning.category.__name__, warning.message)
    """
    said = run_program(program)
    assert said.startswith("RuntimeWarning cka: `x` requires a gradient, and the result has none")
    assert "x.detach()" in said


# Results with labels --------------------------------------------------------------------------

IDS = [f"image {i}" for i in range(20)]


def frame_of(x, index=IDS):
    return pandas.DataFrame(x, index=pandas.Index(index, name="image"))


@pytest.mark.parametrize("call", [ig.cka_matrix, ig.gbs_matrix, ig.similarity_matrix])
def test_tables_of_frames_have_the_names_of_layers(call):
    arrays = {"conv": flat(MAPS), "head": flat(TOKENS)}
    frames = {name: frame_of(x) for name, x in arrays.items()}
    expected = call(arrays)
    table = call(frames)
    assert isinstance(table, pandas.DataFrame)
    assert table.index.tolist() == table.columns.tolist() == ["conv", "head"]
    assert np.array_equal(table.to_numpy(), expected)
    table = call(list(frames.values()), {("b", 2): arrays["conv"]})  # the first layer decides
    assert (table.index.tolist(), table.columns.tolist()) == ([0, 1], [("b", 2)])
    assert np.array_equal(table.to_numpy(), call(arrays, [arrays["conv"]]))
    assert type(call(arrays, frames)) is np.ndarray
    with pytest.warns(RuntimeWarning, match="constant|without|no edges"):
        short = call({"a": frames["conv"] * 0, "b": frames["head"]})
    assert short.columns.tolist() == ["a", "b"]


def test_tables_of_too_few_samples_have_labels():
    with pytest.warns(RuntimeWarning, match="needs at least 4 samples"):
        table = ig.cka_matrix({"a": frame_of(flat(MAPS)).iloc[:3]})
    assert table.columns.tolist() == ["a"]
    assert np.isnan(table.loc["a", "a"])


def test_rsms_whose_columns_are_in_another_order():
    rsm = ig.gram(frame_of(np.random.default_rng(0).standard_normal((5, 3)), list("abcde")))
    turned = rsm[list("edcba")]
    with pytest.raises(ValueError, match=r"compare_rsms: `rsm_b` must have its columns in .*"):
        ig.compare_rsms(rsm, turned)
    assert ig.compare_rsms(rsm, turned[turned.index]) == pytest.approx(1, abs=1e-12)


def test_matrices_of_frames_have_the_index_of_samples():
    x, y = flat(MAPS), flat(MAPS)[:3] + 1
    frame, other = frame_of(x), frame_of(y, ["a", "b", "c"])
    p, q = (np.full((n, 4), 0.25) for n in (20, 3))
    k = x[:4, :4]
    for actual, expected, columns in (
        (ig.gram(frame), ig.gram(x), IDS),
        (ig.gram(frame, other, kernel="rbf"), ig.gram(x, y, kernel="rbf"), ["a", "b", "c"]),
        (ig.gram(frame, y), ig.gram(x, y), [0, 1, 2]),
        (ig.graph(frame), ig.graph(x), IDS),
        (ig.jsd(frame_of(p)), ig.jsd(p), IDS),
        (ig.jsd(frame_of(p), frame_of(q, ["a", "b", "c"])), ig.jsd(p, q), ["a", "b", "c"]),
        (ig.center(ig.gram(frame)), ig.center(ig.gram(x)), IDS),
        (
            ig.center(pandas.DataFrame(k, columns=list("abcd"))),
            ig.center(k),
            "abcd",
        ),
    ):
        assert isinstance(actual, pandas.DataFrame)
        assert actual.columns.tolist() == list(columns)
        if len(actual) == 20:
            assert actual.index.tolist() == IDS
            assert actual.index.name == "image"
        assert np.array_equal(actual.to_numpy(), expected)
        assert actual.to_numpy().dtype == expected.dtype
    assert type(ig.gram(x, frame)) is np.ndarray


def test_labels_are_compared_between_rsms():
    a, b = ig.gram(frame_of(flat(MAPS))), ig.gram(frame_of(flat(TOKENS)))
    assert ig.compare_rsms(a, b) == ig.compare_rsms(a.to_numpy(), b.to_numpy())
    with pytest.raises(ValueError, match=r"^compare_rsms: `rsm_b` must have its rows in the order"):
        ig.compare_rsms(a, b.iloc[::-1, ::-1])


def test_results_without_labels():
    """Those of others than frames, an `out`, sparse graphs, and RSMs, whose inputs have none."""
    frame = frame_of(flat(MAPS))
    out = np.empty((20, 20), np.float32)
    assert ig.gram(frame, out=out) is out
    assert ig.center(ig.gram(frame), out=out) is out
    assert isinstance(ig.graph(frame, k=3).data, np.ndarray)
    assert isinstance(ig.semantic_rsm([frame, frame]), np.ndarray)
    assert isinstance(ig.gram(pytest.importorskip("xarray").DataArray(flat(MAPS))), np.ndarray)
    plan = ig.plan("gram", frame)
    assert isinstance(plan.run(frame), np.ndarray)


def test_labelled_results_are_saved(tmp_path):
    table = ig.cka_matrix({"conv": frame_of(flat(MAPS)), "head": frame_of(flat(TOKENS))})
    for suffix in ("npz", "json"):
        io.save(table, tmp_path / f"table.{suffix}")
        loaded = io.load(tmp_path / f"table.{suffix}")
        assert np.array_equal(loaded.values, table.to_numpy())
        assert loaded.rows == loaded.columns == ("conv", "head")
    io.save(table, tmp_path / "table.json", rows="ab")
    assert io.load(tmp_path / "table.json").rows == ("a", "b")
