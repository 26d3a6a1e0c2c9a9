"""Kinds of arrays: other libraries, lists, subclasses, byte orders, unusual views."""

import importlib.util

import isogram as ig
import ml_dtypes
import numpy as np
import pytest
from support import Exchanged, assert_close, data, oracle

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed: extra `torch`"
)
needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)

X, Y = data((12, 7), "float32"), data((12, 5), "float32", seed=1)
TOKENS = data((5, 6, 4), "float32")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dlpack(dtype):
    x, y = X.astype(dtype), Y.astype(dtype)
    assert np.array_equal(np.asarray(ig.gram(Exchanged(x))), ig.gram(x))
    assert ig.cka(Exchanged(x), Exchanged(y)) == ig.cka(x, y)
    assert np.array_equal(ig.cka_matrix([Exchanged(x), y]), ig.cka_matrix([x, y]))
    tokens = TOKENS.astype(dtype)
    rsm = ig.semantic_rsm(Exchanged(tokens), layout="nsc")
    assert np.array_equal(np.asarray(rsm), ig.semantic_rsm(tokens))


@needs_torch
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_torch(dtype):
    import torch

    x = torch.tensor(X).to(getattr(torch, dtype))
    y = torch.tensor(Y).to(getattr(torch, dtype))
    wide = [a.to(torch.float64).numpy() for a in (x, y)]
    gram = ig.gram(x)
    assert isinstance(gram, torch.Tensor)
    assert gram.dtype == (torch.float64 if dtype == "float64" else torch.float32)
    assert_close(gram.numpy(), oracle.gram(wide[0]), 1e-4)
    assert ig.cka(x, y) == pytest.approx(oracle.cka(*wide), abs=1e-5)
    matching = ig.match(x)
    assert isinstance(matching.columns, torch.Tensor)
    assert isinstance(ig.semantic_rsm(x.reshape(2, 6, 7)), torch.Tensor)
    assert isinstance(ig.center(gram), torch.Tensor)
    assert isinstance(ig.jsd(torch.softmax(x.float(), 1)), torch.Tensor)


@needs_torch
def test_torch_views_and_gradients():
    import torch

    x = torch.tensor(X)
    assert np.array_equal(ig.gram(x.T).numpy(), ig.gram(X.T))
    assert np.array_equal(ig.gram(x[::2, 1:]).numpy(), ig.gram(X[::2, 1:]))
    with torch.no_grad():
        detached = ig.gram(torch.tensor(X, requires_grad=True))
    assert not detached.requires_grad
    assert np.array_equal(detached.numpy(), ig.gram(X))


@needs_torch
def test_torch_out():
    import torch

    out = torch.empty(12, 12)
    assert ig.gram(torch.tensor(X), out=out) is out
    assert np.array_equal(out.numpy(), ig.gram(X))


@needs_torch
def test_torch_elsewhere():
    import torch

    x = torch.empty(12, 7, device="meta")
    for function, name in ((ig.gram, "x"), (ig.match, "similarity")):
        start = f"{function.__name__}: `{name}` must be in"
        with pytest.raises(TypeError, match=rf"^{start} .* CUDA GPU, got .* on meta$"):
            function(x)


@needs_jax
def test_jax():
    import jax

    x = jax.numpy.asarray(X)
    gram = ig.gram(x)
    assert isinstance(gram, jax.Array)
    assert np.array_equal(np.asarray(gram), ig.gram(X))


def test_nested_lists_become_float64():
    nested = X.astype(np.float64).tolist()
    assert np.array_equal(ig.gram(nested), ig.gram(np.array(nested)))
    assert ig.gram([[1, 2], [3, 4]]).tolist() == [[5.0, 11.0], [11.0, 25.0]]
    with pytest.raises((TypeError, ValueError), match=r"^gram: `x` must be "):
        ig.gram([[1.0, 2.0], [3.0]])


def test_subclasses_give_plain_arrays():
    class Tagged(np.ndarray):
        pass

    gram = ig.gram(X.view(Tagged))
    assert type(gram) is np.ndarray
    assert np.array_equal(gram, ig.gram(X))


def test_masked_arrays_are_refused_when_anything_is_masked():
    """Their masked entries would silently count."""
    masked = np.ma.masked_array(X, mask=X > 1)
    with pytest.raises(TypeError, match=r"^gram: `x` must be .*mask"):
        ig.gram(masked)


def test_memory_maps(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.array_equal(ig.gram(mapped), ig.gram(X))
    assert ig.cka(mapped, Y) == ig.cka(X, Y)


def frozen(array):
    """Return a read-only copy."""
    array = array.copy()
    array.flags.writeable = False
    return array


def test_read_only_inputs_are_accepted_and_left_alone():
    x, y, tokens, k = map(frozen, (X, Y, TOKENS, ig.gram(X)))
    p = frozen(np.full((3, 4), 0.25))
    for call in (
        lambda: ig.gram(x, kernel="rbf"),
        lambda: ig.bandwidth(x),
        lambda: ig.center(k),
        lambda: ig.cka(x, y),
        lambda: ig.gbs(x, y, k=3),
        lambda: ig.graph(x),
        lambda: ig.motifs(x, frozen(np.arange(12) % 2)),
        lambda: ig.match(x),
        lambda: ig.semantic_rsm(tokens),
        lambda: ig.compare_rsms(k, k),
        lambda: ig.jsd(p),
    ):
        call()
    for array, original in ((x, X), (y, Y), (tokens, TOKENS), (k, ig.gram(X))):
        assert np.array_equal(array, original)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_swapped_bytes_are_handled_or_refused(dtype):
    """Never read as if they were native."""
    native, swapped = X.astype("=" + dtype), X.astype(">" + dtype)
    assert swapped.dtype != native.dtype
    try:
        actual = ig.gram(swapped)
    except TypeError as error:
        assert "gram: `x` must be" in str(error)  # noqa: PT017
    else:
        assert np.array_equal(actual, ig.gram(native))


def test_broadcast_inputs():
    row, column = data((1, 9), "float32"), data((8, 1), "float32")
    for view in (np.broadcast_to(row, (8, 9)), np.broadcast_to(column, (8, 9))):
        copy = view.copy()
        assert np.array_equal(ig.gram(view), ig.gram(copy))
        assert np.array_equal(ig.graph(view), ig.graph(copy))
        assert ig.match(view).total == ig.match(copy).total
        other = data((8, 4), "float32")
        assert ig.hsic(view, other) == ig.hsic(copy, other)
        assert np.array_equal(ig.semantic_rsm(view[:, None]), ig.semantic_rsm(copy[:, None]))


def test_overlapping_windows_as_samples():
    signal = data((40,), "float64")
    windows = np.lib.stride_tricks.sliding_window_view(signal, 8)
    assert np.array_equal(ig.gram(windows), ig.gram(windows.copy()))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_unaligned_inputs(dtype):
    """Numbers read from a file's buffer may start at odd addresses."""
    kind = np.dtype(ml_dtypes.bfloat16) if dtype == "bfloat16" else np.dtype(dtype)
    memory = bytearray(1 + X.size * kind.itemsize)
    x = np.frombuffer(memory, kind, X.size, offset=1).reshape(X.shape)
    x[...] = X
    assert not x.flags.aligned
    assert np.array_equal(ig.gram(x), ig.gram(x.copy()))


def test_strides_that_are_no_whole_items():
    record = np.zeros((12, 7), np.dtype([("tag", "u1"), ("value", "<f4")]))
    record["value"] = X
    assert np.array_equal(ig.gram(record["value"]), ig.gram(X))


@pytest.mark.parametrize("shape", [(1, 7), (7, 1)])
def test_an_axis_of_one_item_may_have_any_stride(shape):
    items = np.arange(7.0)
    strides = (13, 8) if shape[0] == 1 else (8, 13)
    x = np.lib.stride_tricks.as_strided(items, shape, strides)
    assert np.array_equal(ig.gram(x), ig.gram(items.reshape(shape)))


def test_inputs_are_the_same_array():
    assert ig.cka(X, X) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(ig.gram(X, X), ig.gram(X))
