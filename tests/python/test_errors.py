"""One test for every argument that is refused: its name, what was expected, and what came."""

import re

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, data, run_program

X = data((6, 4), "float32")
Y = data((6, 3), "float32", 1)
K = data((6, 6), "float32")
TOKENS = data((5, 4, 3), "float32")
PICTURES = data((5, 2, 2, 3), "float32")
P = np.full((5, 4), 0.25)
LABELS = np.arange(6) % 2


POSITIONAL = {
    "gram": (X,),
    "bandwidth": (X,),
    "center": (K,),
    "hsic": (X, Y),
    "cka": (X, Y),
    "cka_matrix": ([X, Y],),
    "graph": (X,),
    "gbs": (X, Y),
    "gbs_matrix": ([X, Y],),
    "modularity": (X, LABELS),
    "motifs": (X, LABELS),
    "match": (X,),
    "semantic_rsm": (TOKENS,),
    "spatial_rsm": (TOKENS,),
    "compare_rsms": (K, K),
    "compare_rsms_matrix": ([K, K],),
    "jsd": (P,),
    "rdm": (X,),
}


def call_with(function, **parameters):
    """Return a call with valid arrays and one more argument."""
    return lambda: getattr(ig, function)(*POSITIONAL[function], **parameters)


def refuses(call, error, function, argument, came=""):
    """Assert the form of every message: "<function>: `<argument>` must be …, got …"."""
    pattern = rf"(?s)^{function}: `{argument}` must .+, got .*{came}"
    with pytest.raises(error, match=pattern) as caught:
        call()
    assert caught.type is error, f"{caught.type.__name__} is not exactly {error.__name__}"


# Arrays: every public function, and the names of its array arguments.
ARRAY_CALLS = [
    ("gram", "x", lambda a: ig.gram(a), (6, 4)),
    ("gram", "y", lambda a: ig.gram(X, a), (6, 4)),
    ("bandwidth", "x", lambda a: ig.bandwidth(a), (6, 4)),
    ("center", "k", lambda a: ig.center(a), (6, 6)),
    ("hsic", "x", lambda a: ig.hsic(a, Y), (6, 4)),
    ("hsic", "y", lambda a: ig.hsic(X, a), (6, 4)),
    ("cka", "x", lambda a: ig.cka(a, Y), (6, 4)),
    ("cka", "y", lambda a: ig.cka(X, a), (6, 4)),
    ("cka_matrix", r"layers\[1\]", lambda a: ig.cka_matrix([X, a]), (6, 4)),
    ("cka_matrix", r"layers\['b'\]", lambda a: ig.cka_matrix({"a": X, "b": a}), (6, 4)),
    ("cka_matrix", r"other\[0\]", lambda a: ig.cka_matrix([X], [a]), (6, 4)),
    ("graph", "x", lambda a: ig.graph(a), (6, 4)),
    ("graph", "x", lambda a: ig.graph(a, k=2), (6, 4)),
    ("gbs", "x", lambda a: ig.gbs(a, Y), (6, 4)),
    ("gbs", "y", lambda a: ig.gbs(X, a), (6, 4)),
    ("gbs_matrix", r"layers\[1\]", lambda a: ig.gbs_matrix([X, a], k=2), (6, 4)),
    ("gbs_matrix", r"other\['z'\]", lambda a: ig.gbs_matrix([X], {"z": a}), (6, 4)),
    ("modularity", "x", lambda a: ig.modularity(a, LABELS), (6, 4)),
    ("motifs", "x", lambda a: ig.motifs(a, LABELS), (6, 4)),
    ("match", "similarity", lambda a: ig.match(a), (6, 4)),
    ("semantic_rsm", "tokens", lambda a: ig.semantic_rsm(a), (5, 4, 3)),
    ("semantic_rsm", "tokens", lambda a: ig.semantic_rsm(a, layout="nchw"), (5, 3, 2, 2)),
    ("semantic_rsm", "tokens", lambda a: ig.semantic_rsm(a, layout="nhwc"), (5, 2, 2, 3)),
    ("semantic_rsm", "other", lambda a: ig.semantic_rsm(TOKENS, a), (5, 4, 3)),
    ("semantic_rsm", r"tokens\[1\]", lambda a: ig.semantic_rsm([TOKENS[0], a]), (4, 3)),
    ("semantic_rsm", r"other\[0\]", lambda a: ig.semantic_rsm(TOKENS, [a]), (4, 3)),
    ("spatial_rsm", "tokens", lambda a: ig.spatial_rsm(a), (5, 4, 3)),
    ("spatial_rsm", "other", lambda a: ig.spatial_rsm(TOKENS, a), (5, 4, 3)),
    ("compare_rsms", "rsm_a", lambda a: ig.compare_rsms(a, K), (6, 6)),
    ("compare_rsms", "rsm_b", lambda a: ig.compare_rsms(K, a), (6, 6)),
    ("rdm", "x", lambda a: ig.rdm(a), (6, 4)),
    ("compare_rsms_matrix", r"rsms\[1\]", lambda a: ig.compare_rsms_matrix([K, a]), (6, 6)),
    (
        "compare_rsms_matrix",
        r"other\['z'\]",
        lambda a: ig.compare_rsms_matrix([K], {"z": a}),
        (6, 6),
    ),
    ("jsd", "probabilities", lambda a: ig.jsd(a), (5, 4)),
    ("jsd", "other", lambda a: ig.jsd(P, a), (5, 4)),
]
FLATTENING = {  # layers: all axes but the first are features
    *("bandwidth", "hsic", "cka", "cka_matrix", "graph", "gbs", "gbs_matrix"),
    *("modularity", "motifs"),
}
OPTIONAL = {("gram", "y"), ("semantic_rsm", "other"), ("spatial_rsm", "other"), ("jsd", "other")}
every_array = pytest.mark.parametrize(
    ("function", "argument", "call", "shape"),
    [
        pytest.param(*row, id=f"{row[0]} {row[1]} {i}".replace("\\", ""))
        for i, row in enumerate(ARRAY_CALLS)
    ],
)


def valid(shape, dtype="float32"):
    """An array that every one of the calls accepts: positive rows that sum to 1."""
    values = np.random.default_rng(shape).random(shape) + 0.1
    return (values / values.sum(axis=-1, keepdims=True)).astype(DTYPES[dtype])


@every_array
def test_valid_arrays_are_accepted(function, argument, call, shape):
    call(valid(shape))


@every_array
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_not_finite(function, argument, call, shape, bad, dtype):
    """Named by its first index in C order, whatever the memory order."""
    array = valid(shape, dtype)
    later, first = tuple(size - 1 for size in shape), (shape[0] - 2, *(s - 1 for s in shape[1:]))
    array[later] = np.nan
    array[first] = bad
    if function == "match" and bad == -np.inf:  # forbids a pair
        first, bad = later, np.nan
    index = rf"{bad}.*\({', '.join(map(str, first))}\)"
    refuses(lambda: call(array), ValueError, function, argument, index)
    refuses(lambda: call(np.asfortranarray(array)), ValueError, function, argument, index)
    refuses(lambda: call(array[::-1][::-1]), ValueError, function, argument, index)


WRONG_TYPES = {
    "object": lambda a: a.astype(object),
    "str": lambda a: a.astype("<U9"),
    "complex128": lambda a: a.astype(complex),
    "datetime64": lambda a: np.zeros(a.shape, "datetime64[s]"),
}
if np.dtype(np.longdouble) != np.float64:
    WRONG_TYPES["longdouble"] = lambda a: a.astype(np.longdouble)


@every_array
@pytest.mark.parametrize("kind", WRONG_TYPES)
def test_wrong_type(function, argument, call, shape, kind):
    array = WRONG_TYPES[kind](valid(shape))
    refuses(lambda: call(array), TypeError, function, argument)


@every_array
@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 2**64 - 1])
def test_integers_that_no_float_holds(function, argument, call, shape, value):
    array = np.ones(shape, np.uint64 if value > 2**63 else np.int64)
    array[tuple(size - 1 for size in shape)] = value
    refuses(lambda: call(array), ValueError, function, argument, str(value))


@every_array
def test_wrong_rank(function, argument, call, shape):
    # An RSM may be condensed, but not of five entries.
    column = (
        valid(shape)[..., :5, 0] if function.startswith("compare_rsms") else valid(shape)[..., 0]
    )
    arrays = [column, np.array(1.0)]
    if function not in FLATTENING:
        arrays.append(valid((1, 1, *shape)))
    for array in arrays:
        refuses(lambda array=array: call(array), ValueError, function, argument)


@every_array
def test_empty(function, argument, call, shape):
    for axis in range(len(shape)):
        empty = np.empty([0 if i == axis else size for i, size in enumerate(shape)], np.float32)
        if function == "match":
            call(empty)  # there is one matching, of nothing
        else:
            refuses(lambda empty=empty: call(empty), ValueError, function, argument)


@every_array
@pytest.mark.parametrize("thing", [None, "text", 3.5, object()], ids=lambda t: type(t).__name__)
def test_not_an_array(function, argument, call, shape, thing):
    if thing is None and (function, argument) in OPTIONAL:
        call(thing)
        return
    with pytest.raises((TypeError, ValueError), match=rf"^{function}: `{argument}` must "):
        call(thing)


# Shapes that do not fit each other ----------------------------------------------------------

SHAPE_CASES = [
    (lambda: ig.gram(X, Y), "gram", "y", "3"),
    (lambda: ig.center(X), "center", "k", r"\(6, 4\)"),
    (lambda: ig.hsic(X, Y[:5]), "hsic", "y", "5"),
    (lambda: ig.cka(X, Y[:5]), "cka", "y", "5"),
    (lambda: ig.gbs(X, Y[:5]), "gbs", "y", "5"),
    (lambda: ig.cka_matrix([X, Y, Y[:4]]), "cka_matrix", r"layers\[2\]", "4"),
    (lambda: ig.cka_matrix({"a": X, "b": Y[:4]}), "cka_matrix", r"layers\['b'\]", "4"),
    (lambda: ig.cka_matrix([X], [Y, Y[:4]]), "cka_matrix", r"other\[1\]", "4"),
    (lambda: ig.cka_matrix(TOKENS), "cka_matrix", "layers", ""),
    (lambda: ig.gbs_matrix([X, Y[:4]]), "gbs_matrix", r"layers\[1\]", "4"),
    (lambda: ig.gbs_matrix([X], {"c": Y[:4]}), "gbs_matrix", r"other\['c'\]", "4"),
    (lambda: ig.cka_matrix([]), "cka_matrix", "layers", ""),
    (lambda: ig.cka_matrix({}), "cka_matrix", "layers", ""),
    (lambda: ig.cka_matrix([X], []), "cka_matrix", "other", ""),
    (lambda: ig.gbs_matrix([]), "gbs_matrix", "layers", ""),
    (lambda: ig.modularity(X, LABELS[:5]), "modularity", "labels", "5"),
    (lambda: ig.motifs(X, np.arange(7)), "motifs", "labels", "7"),
    (lambda: ig.modularity(X, LABELS[:, None]), "modularity", "labels", r"\(6, 1\)"),
    (lambda: ig.motifs(X, 3), "motifs", "labels", r"\(\)"),
    (lambda: ig.semantic_rsm(TOKENS, TOKENS[..., :2]), "semantic_rsm", "other", "2"),
    (lambda: ig.spatial_rsm(TOKENS, TOKENS[..., :2]), "spatial_rsm", "other", "2"),
    (lambda: ig.semantic_rsm([X, Y]), "semantic_rsm", r"tokens\[1\]", "3"),
    (lambda: ig.semantic_rsm([X], [X, Y]), "semantic_rsm", r"other\[1\]", "3"),
    (lambda: ig.semantic_rsm([]), "semantic_rsm", "tokens", ""),
    (lambda: ig.semantic_rsm([X], []), "semantic_rsm", "other", ""),
    (lambda: ig.semantic_rsm(TOKENS, layout="nhwc"), "semantic_rsm", "tokens", r"\(5, 4, 3\)"),
    (lambda: ig.semantic_rsm(PICTURES), "semantic_rsm", "tokens", r"\(5, 2, 2, 3\)"),
    (lambda: ig.compare_rsms(K, K[:5, :5]), "compare_rsms", "rsm_b", r"\(5, 5\)"),
    (lambda: ig.compare_rsms(X, X), "compare_rsms", "rsm_a", r"\(6, 4\)"),
    (lambda: ig.compare_rsms(K[:2, :2], K[:2, :2]), "compare_rsms", "rsm_a", r"\(2, 2\)"),
    (
        lambda: ig.compare_rsms(K[:3, :3], K[:3, :3], method="cka"),
        "compare_rsms",
        "rsm_a",
        r"\(3, 3\)",
    ),
    (lambda: ig.jsd(P, P[:, :3]), "jsd", "other", "3"),
    (lambda: ig.center(K[:2, :2], estimator="debiased"), "center", "k", r"\(2, 2\)"),
    (lambda: ig.bandwidth(X[:1]), "bandwidth", "x", "1"),
    (lambda: ig.gbs(X[:1], X[:1]), "gbs", "x", "1"),
    (lambda: ig.gbs_matrix([X[:1]]), "gbs_matrix", r"layers\[0\]", "1"),
]


@pytest.mark.parametrize(("call", "function", "argument", "came"), SHAPE_CASES)
def test_shapes(call, function, argument, came):
    refuses(call, ValueError, function, argument, came)


# Scalar arguments ---------------------------------------------------------------------------


def values(argument, refused, **more):
    """Return sets of arguments of which one has a refused value."""
    return [more | {argument: value} for value in refused]


TOO_FEW_OR_MANY = values("k", [-1, 0, 6, 100])
BANDWIDTHS = [0.0, -1.0, np.nan, np.inf, "mode"]
FOR_GRAMS = [
    *values("bandwidth", BANDWIDTHS, kernel="rbf"),
    *values("bandwidth", BANDWIDTHS, kernel="laplacian"),
    *values("degree", [0, -2], kernel="polynomial"),
    *values("gamma", [np.nan, np.inf], kernel="polynomial"),
    *values("coef0", [np.nan, -np.inf], kernel="polynomial"),
]
# The refused argument is the last one of each set.
REFUSED_VALUES = {
    "gram": FOR_GRAMS,
    "hsic": FOR_GRAMS,
    "cka": FOR_GRAMS,
    "cka_matrix": FOR_GRAMS,
    "graph": TOO_FEW_OR_MANY,
    "gbs": TOO_FEW_OR_MANY,
    "gbs_matrix": TOO_FEW_OR_MANY,
    "modularity": TOO_FEW_OR_MANY,
    "motifs": TOO_FEW_OR_MANY,
    "bandwidth": values("max_pairs", [0, -1]) + values("seed", [-1]),
    "semantic_rsm": [
        *values("bandwidth", BANDWIDTHS, kernel="rbf"),
        *values("window", [0, -3], matching="window"),
        *values("topk", [0, -3], matching="topk"),
        *(values("window", [2], matching=m)[0] for m in ("exact", "greedy", "none")),
        *(values("topk", [2], matching=m)[0] for m in ("exact", "greedy", "none")),
        {"matching": "window", "window": 2, "topk": 3},
        {"matching": "topk", "topk": 3, "window": 2},
    ],
    "spatial_rsm": values("bandwidth", BANDWIDTHS, kernel="rbf"),
}


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        pytest.param(function, parameters, id=f"{function} {parameters}")
        for function, sets in REFUSED_VALUES.items()
        for parameters in sets
    ],
)
def test_values(function, parameters):
    argument, value = list(parameters.items())[-1]
    call = call_with(function, **parameters)
    refuses(call, ValueError, function, argument, re.escape(str(value)))


@pytest.mark.parametrize("function", ["modularity", "motifs"])
def test_no_full_graph(function):
    """What is defined on k-NN graphs alone says so in the caller's words."""
    refuses(call_with(function, k=None), TypeError, function, "k", "None")


@pytest.mark.parametrize(
    ("arguments", "argument", "came"),
    [
        ({"precision": "half"}, "precision", "'half'"),
        ({"precision": "int8", "matching": "greedy"}, "precision", "'int8'"),
        ({"precision": "bfloat16", "matching": "topk", "topk": 2}, "precision", "'bfloat16'"),
        ({"loss": np.empty((5, 5), np.float32)}, "loss", "an array"),
        ({"precision": "int8", "loss": np.empty((5, 4), np.float32)}, "loss", r"\(5, 4\)"),
    ],
)
def test_precision(arguments, argument, came):
    with pytest.raises(ValueError, match=rf"^semantic_rsm: `{argument}` must .*{came}"):
        ig.semantic_rsm(TOKENS.astype(np.float32), **arguments)


def test_precision_of_float64_tokens():
    with pytest.raises(ValueError, match=r"^semantic_rsm: `precision` must .*float64.*'int8'"):
        ig.semantic_rsm(TOKENS.astype(np.float64), precision="int8")


def test_loss_of_another_type_or_in_other_arrays():
    tokens = TOKENS.astype(np.float32)
    with pytest.raises(TypeError, match=r"^semantic_rsm: `loss` must be of float32, got float64"):
        ig.semantic_rsm(tokens, precision="int8", loss=np.empty((5, 5)))
    out = np.empty((5, 5), np.float32)
    with pytest.raises(ValueError, match=r"^semantic_rsm: `loss` must not overlap `out`"):
        ig.semantic_rsm(tokens, precision="int8", out=out, loss=out)


@pytest.mark.parametrize("matching", ["window", "topk"])
def test_a_block_size_that_is_missing(matching):
    call = call_with("semantic_rsm", matching=matching)
    refuses(call, ValueError, "semantic_rsm", matching, "None")


@pytest.mark.parametrize(
    ("lengths", "came"),
    [
        ([4, 4, 0, 4, 4], "0"),
        ([4, 4, 5, 4, 4], "5"),
        ([4, 4, -1, 4, 4], "-1"),
        ([4, 4], "2"),
        ([[4, 4, 4, 4, 4]], r"\(1, 5\)"),
    ],
)
def test_lengths(lengths, came):
    for function in ("semantic_rsm", "spatial_rsm"):
        refuses(call_with(function, lengths=lengths), ValueError, function, "lengths", came)
        call = call_with(function, other=TOKENS, other_lengths=lengths)
        refuses(call, ValueError, function, "other_lengths", came)


def test_lengths_without_an_array_to_cut():
    ragged = list(TOKENS)
    call = call_with("semantic_rsm", other_lengths=[4] * 5)
    refuses(call, ValueError, "semantic_rsm", "other_lengths")
    for arguments, lengths in [((ragged,), "lengths"), ((TOKENS, ragged), "other_lengths")]:
        with pytest.raises(ValueError, match=rf"^semantic_rsm: `{lengths}` must .+, got "):
            ig.semantic_rsm(*arguments, **{lengths: [4] * 5})


NAMES = [
    ("kernel", "sigmoid", ["gram", "hsic", "cka", "cka_matrix", "semantic_rsm", "spatial_rsm"]),
    ("estimator", "unbiased", ["center", "hsic", "cka", "cka_matrix"]),
    ("matching", "optimal", ["semantic_rsm"]),
    ("layout", "ncs", ["semantic_rsm", "spatial_rsm"]),
    ("rule", "mode", ["bandwidth"]),
    ("method", "euclidean", ["compare_rsms", "compare_rsms_matrix"]),
]


@pytest.mark.parametrize(
    ("function", "argument", "name"),
    [(function, argument, name) for argument, name, users in NAMES for function in users],
)
def test_unknown_names(function, argument, name):
    refuses(call_with(function, **{argument: name}), ValueError, function, argument, name)


@pytest.mark.parametrize(
    ("function", "argument"), [(f, argument) for argument, _, users in NAMES for f in users]
)
def test_names_that_are_no_strings(function, argument):
    message = rf"^{function}: `{argument}` must .+, got "
    with pytest.raises((TypeError, ValueError), match=message):
        call_with(function, **{argument: 3})()


def test_tuples_of_kernels():
    for kernel in [(), ("cosine", "sigmoid"), ("cosine", "cosine")]:
        refuses(call_with("semantic_rsm", kernel=kernel), ValueError, "semantic_rsm", "kernel")
    out = np.empty((5, 5), np.float32)
    several = call_with("semantic_rsm", kernel=("cosine", "linear"), out=out)
    refuses(several, ValueError, "semantic_rsm", "out")


@pytest.mark.parametrize("function", POSITIONAL)
@pytest.mark.parametrize("threads", [0, -1, -100])
def test_num_threads_below_one(function, threads):
    call = call_with(function, num_threads=threads)
    refuses(call, ValueError, function, "num_threads", str(threads))


@pytest.mark.parametrize("function", POSITIONAL)
@pytest.mark.parametrize("threads", [True, 2.0, "2"], ids=repr)
def test_num_threads_that_is_no_integer(function, threads):
    call = call_with(function, num_threads=threads)
    refuses(call, TypeError, function, "num_threads", re.escape(str(threads)))


@pytest.mark.parametrize(("threads", "error"), [(0, ValueError), (True, TypeError)])
def test_set_num_threads(threads, error):
    with pytest.raises(error, match=r"^set_num_threads: `n` must .+, got "):
        ig.set_num_threads(threads)


INTEGERS = [
    ("graph", "k", {}),
    ("gbs", "k", {}),
    ("gbs_matrix", "k", {}),
    ("modularity", "k", {}),
    ("motifs", "k", {}),
    ("semantic_rsm", "window", {"matching": "window"}),
    ("semantic_rsm", "topk", {"matching": "topk"}),
    ("gram", "degree", {"kernel": "polynomial"}),
    ("bandwidth", "max_pairs", {}),
    ("bandwidth", "seed", {}),
]


@pytest.mark.parametrize("value", [2.5, 2.0, True, "2"], ids=repr)
@pytest.mark.parametrize(("function", "argument", "more"), INTEGERS)
def test_integers_that_are_none(function, argument, more, value):
    call = call_with(function, **{argument: value}, **more)
    refuses(call, TypeError, function, argument)


def test_numpy_integers_are_integers():
    assert ig.graph(X, k=np.int32(2)).shape == (6, 6)
    ig.gram(X, kernel="polynomial", degree=np.int64(2), num_threads=np.int8(1))
    ig.semantic_rsm(TOKENS, matching="window", window=np.uint8(2))


def test_lengths_that_are_no_integers():
    for lengths in ([4.0] * 5, [True] * 5, ["4"] * 5):
        refuses(call_with("semantic_rsm", lengths=lengths), TypeError, "semantic_rsm", "lengths")


@pytest.mark.parametrize("function", ["semantic_rsm", "cka_matrix", "gbs_matrix", "match", "jsd"])
def test_progress_that_cannot_be_called(function):
    for progress in (3, "yes"):
        refuses(call_with(function, progress=progress), TypeError, function, "progress")


# The median bandwidth that does not exist ---------------------------------------------------


@pytest.mark.parametrize("kernel", ["rbf", "laplacian"])
def test_median_bandwidth_of_zero(kernel):
    equal = np.tile(X[:1], (6, 1))
    pattern = r"^gram: .*bandwidth"
    with pytest.raises(ValueError, match=pattern):
        ig.gram(equal, kernel=kernel)
    assert (ig.gram(equal, kernel=kernel, bandwidth=1.0) == 1).all()


def test_median_bandwidth_of_zero_distances_between_samples():
    with pytest.raises(ValueError, match=r"^semantic_rsm: .*bandwidth"):
        ig.semantic_rsm(np.ones((4, 3, 2), np.float32), kernel="rbf")


@pytest.mark.parametrize("kernel", ["rbf", "laplacian"])
def test_median_bandwidth_of_one_row(kernel):
    with pytest.raises(ValueError, match=r"^gram: .*bandwidth"):
        ig.gram(X[:1], kernel=kernel)
    with pytest.raises(ValueError, match=r"^semantic_rsm: .*bandwidth"):
        ig.semantic_rsm(TOKENS[:1], kernel="rbf")


# Probabilities ------------------------------------------------------------------------------


def test_negative_probabilities():
    p = P.copy()
    p[3, 1:3] = [-0.01, 0.51]
    refuses(lambda: ig.jsd(p), ValueError, "jsd", "probabilities", r"-0\.01.*\(3, 1\)")
    refuses(lambda: ig.jsd(P, p), ValueError, "jsd", "other", r"-0\.01.*\(3, 1\)")


@pytest.mark.parametrize(
    ("dtype", "factor"),
    [("float64", 1.002), ("float32", 0.998), ("float16", 1.02), ("bfloat16", 0.9)],
)
def test_rows_that_do_not_sum_to_one(dtype, factor):
    p = P.copy()
    p[2] *= factor
    p = p.astype(DTYPES[dtype])
    refuses(lambda: ig.jsd(p), ValueError, "jsd", "probabilities", r".*\b2\b")
    refuses(lambda: ig.jsd(P.astype(p.dtype), p), ValueError, "jsd", "other", r".*\b2\b")


def test_rows_of_zeros_are_no_probabilities():
    refuses(lambda: ig.jsd(np.zeros((3, 4))), ValueError, "jsd", "probabilities")


# out= ---------------------------------------------------------------------------------------

OUT_CALLS = {
    "gram": (lambda out: ig.gram(X, out=out), (6, 6)),
    "gram of two": (lambda out: ig.gram(X, X[:4], out=out), (6, 4)),
    "center": (lambda out: ig.center(K, out=out), (6, 6)),
    "semantic_rsm": (lambda out: ig.semantic_rsm(TOKENS, out=out), (5, 5)),
    "semantic_rsm of two": (lambda out: ig.semantic_rsm(TOKENS, TOKENS[:2], out=out), (5, 2)),
    "spatial_rsm": (lambda out: ig.spatial_rsm(TOKENS, out=out), (5, 5)),
    "jsd": (lambda out: ig.jsd(P.astype(np.float32), out=out), (5, 5)),
}
every_out = pytest.mark.parametrize("name", OUT_CALLS)


@every_out
def test_out_of_the_wrong_shape(name):
    call, (n, m) = OUT_CALLS[name]
    for shape in [(n + 1, m), (n, m - 1), (n * m,), (n, m, 1), (0, 0)]:
        out = np.zeros(shape, np.float32)
        refuses(lambda out=out: call(out), ValueError, name.split()[0], "out")


@every_out
@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, ">f4"])
def test_out_of_the_wrong_type(name, dtype):
    call, shape = OUT_CALLS[name]
    refuses(lambda: call(np.zeros(shape, dtype)), TypeError, name.split()[0], "out")


@every_out
def test_out_that_is_read_only(name):
    call, shape = OUT_CALLS[name]
    out = np.zeros(shape, np.float32)
    out.flags.writeable = False
    refuses(lambda: call(out), ValueError, name.split()[0], "out")


@every_out
def test_out_that_is_no_array(name):
    call, shape = OUT_CALLS[name]
    refuses(lambda: call(np.zeros(shape).tolist()), TypeError, name.split()[0], "out")


@every_out
def test_out_whose_entries_share_memory(name):
    """A broadcast output would be written by several threads."""
    call, shape = OUT_CALLS[name]
    memory = np.zeros(1, np.float32)
    out = np.lib.stride_tricks.as_strided(memory, shape, (0, 0))
    refuses(lambda: call(out), ValueError, name.split()[0], "out")


OVERLAPS = {
    "gram": lambda memory: ig.gram(memory[:6], out=memory[3:9, :6]),
    "gram, second input": lambda m: ig.gram(X, m[:6, :4], out=m[3:9, :6]),
    "center, partly": lambda memory: ig.center(memory[:6, :6], out=memory[1:7, :6]),
    "center, transposed": lambda memory: ig.center(memory[:6, :6], out=memory[:6, :6].T),
    "semantic_rsm": lambda m: ig.semantic_rsm(m.reshape(6, 3, 4), out=m[:6]),
    "spatial_rsm, second input": lambda m: ig.spatial_rsm(
        np.ones((3, 1, 6), np.float32), m[:4, None], out=m[1:4, :4]
    ),
    "jsd": lambda m: ig.jsd(m[:3, :4], out=m[:3, 2:5]),
    "jsd, second input": lambda m: ig.jsd(P.astype(np.float32), m[:3, :4], out=m[:5, 3:6]),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_out_that_overlaps_an_input(name):
    memory = np.full((12, 6), 0.25, np.float32)
    function = re.match(r"\w+", name)[0]
    refuses(lambda: OVERLAPS[name](memory), ValueError, function, "out", "")


# Sizes --------------------------------------------------------------------------------------

# A child process with little address space: nothing may be allocated on the way to the error.
TOO_LARGE = """
import resource
import numpy as np, isogram as ig
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
x = lambda *shape: np.broadcast_to(np.float32(1), shape)
try:
    {call}
except {error} as error:
    print(type(error).__name__, error)
"""
SIZES = {
    "gram": "ig.gram(x({n}, 1))",
    "gram of two": "ig.gram(x({n}, 1), x({n}, 1))",
    "center": "ig.center(x({n}, {n}))",
    "graph": "ig.graph(x({n}, 1))",
    "match": "ig.match(x({n}, {n}))",
    "semantic_rsm": "ig.semantic_rsm(x({n}, 1, 1))",
    "spatial_rsm": "ig.spatial_rsm(x({n}, 1, 1))",
    "jsd": "ig.jsd(x({n}, 1))",
}


@pytest.mark.parametrize("name", SIZES)
def test_results_that_cannot_be_allocated(name):
    """4 TiB and more: refused at once, with the number of bytes."""
    call = SIZES[name].format(n=2**20 + 3)
    printed = run_program(TOO_LARGE.format(call=call, error="MemoryError"), timeout=30)
    function = name.split()[0]
    assert re.match(rf"MemoryError {function}: .*\d.*(bytes|[KMGTPE]i?B)", printed), printed


@pytest.mark.parametrize("name", SIZES)
def test_sizes_whose_product_overflows(name):
    call = SIZES[name].format(n=2**33)
    if name in ("center", "match"):  # NumPy itself refuses a view of 2^66 entries
        call = call.replace(f"{2**33}, {2**33}", f"{2**30}, {2**30}")
    code = TOO_LARGE.format(call=call, error="(MemoryError, ValueError)")
    printed = run_program(code, timeout=30)
    assert re.match(rf"(MemoryError|ValueError) {name.split()[0]}: ", printed), printed


def test_more_columns_than_an_index_can_name():
    printed = run_program(
        TOO_LARGE.format(call="ig.match(x(1, 2**31 + 1))", error="(MemoryError, ValueError)"),
        timeout=30,
    )
    assert re.match(r"(MemoryError|ValueError) match: ", printed), printed


def test_memory_that_runs_out_on_the_way_is_an_error_too():
    """Packing needs memory of its own: its failure is a MemoryError as well, not a crash."""
    call = "ig.cka(x(70000, 30000), x(70000, 30000))"
    printed = run_program(TOO_LARGE.format(call=call, error="MemoryError"), timeout=300)
    assert printed.startswith("MemoryError cka: "), printed


def test_an_error_leaves_the_package_usable():
    expected = ig.gram(X)
    for bad in (np.full((6, 4), np.nan), X[:0], X.astype(complex)):
        with pytest.raises((TypeError, ValueError)):
            ig.gram(bad)
    assert np.array_equal(ig.gram(X), expected)
