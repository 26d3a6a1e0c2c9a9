"""What is refused on a GPU: the host's messages, and those that only a GPU can cause."""

import re

import isogram as ig
import numpy as np
import pytest
from isogram import _place
from support import DTYPES, data

X, Y, K = data((6, 4), "float32"), data((6, 3), "float32", 1), data((6, 6), "float32")
LABELS = np.arange(6) % 2

# Functions that wait for their answer name the first entry that is not finite.
WAITING = {
    ("bandwidth", "x"): lambda put, a: ig.bandwidth(put(a)),
    ("hsic", "x"): lambda put, a: ig.hsic(put(a), put(Y)),
    ("hsic", "y"): lambda put, a: ig.hsic(put(X), put(a)),
    ("cka", "x"): lambda put, a: ig.cka(put(a), put(Y)),
    ("cka", "y"): lambda put, a: ig.cka(put(X), put(a), kernel="rbf"),
    ("gbs", "x"): lambda put, a: ig.gbs(put(a), put(Y)),
    ("gbs", "y"): lambda put, a: ig.gbs(put(X), put(a), k=2),
    ("graph", "x"): lambda put, a: ig.graph(put(a), k=2),
    ("modularity", "x"): lambda put, a: ig.modularity(put(a), LABELS),
    ("motifs", "x"): lambda put, a: ig.motifs(put(a), LABELS),
}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("function", "argument"), WAITING)
def test_not_finite(gpu, function, argument, dtype, bad):
    x = data((6, 4), dtype)
    x[4, 3], x[5, 3] = bad, np.nan
    message = rf"^{function}: `{argument}` must be finite, got {bad} at index \(4, 3\)$"
    with pytest.raises(ValueError, match=message):
        WAITING[function, argument](gpu.put, x)


@pytest.mark.parametrize("method", ["pearson", "kendall", "cka", "gbs"])
def test_not_finite_rsm(gpu, method):
    k = K.copy()
    k[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"^compare_rsms: `rsm_b` must be finite, .* \(1, 2\)"):
        ig.compare_rsms(gpu.put(K), gpu.put(k), method=method)


SAME_AS_ON_THE_HOST = [
    lambda put: ig.gram(put(X), put(Y)),
    lambda put: ig.gram(put(X), kernel="sigmoid"),
    lambda put: ig.gram(put(X[:1]), kernel="rbf"),
    lambda put: ig.gram(put(X[0])),
    lambda put: ig.gram(put(X[:0])),
    lambda put: ig.gram(put(np.ones((3, 2), np.complex64))),
    lambda put: ig.gram(put(np.full((3, 2), 2**53 + 1))),
    lambda put: ig.gram(put(X), out=put(np.empty((6, 5), np.float32))),
    lambda put: ig.gram(put(X), out=put(np.empty((6, 6)))),
    lambda put: ig.bandwidth(put(X[:1])),
    lambda put: ig.center(put(X)),
    lambda put: ig.center(put(K[:2, :2]), estimator="debiased"),
    lambda put: ig.cka(put(X), put(Y[:5])),
    lambda put: ig.cka_matrix([put(X), put(Y[:4])]),
    lambda put: ig.cka_matrix(put(X)),
    lambda put: ig.graph(put(X), k=6),
    lambda put: ig.gbs(put(X[:1]), put(X[:1])),
    lambda put: ig.modularity(put(X), LABELS[:5]),
    lambda put: ig.motifs(put(X), LABELS[:5]),
    lambda put: ig.motifs(put(X), LABELS, k=6),
    lambda put: ig.compare_rsms(put(K), put(K[:5, :5])),
    lambda put: ig.jsd(put(X), put(Y)),
    lambda put: ig.gram(put(X), num_threads=0),
    lambda put: ig.gram(put(X), precision="half"),
]


@pytest.mark.parametrize("call", SAME_AS_ON_THE_HOST)
def test_messages_are_those_of_the_host(gpu, call):
    with pytest.raises((TypeError, ValueError)) as on_host:
        call(np.array)
    with pytest.raises(on_host.type, match=f"^{re.escape(str(on_host.value))}$"):
        call(gpu.put)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: ig.gram(x, y),
        lambda x, y: ig.hsic(x, y),
        lambda x, y: ig.cka(x, y),
        lambda x, y: ig.gbs(x, y),
        lambda x, y: ig.gram(x, out=y),
    ],
)
def test_arrays_in_different_memory(gpu, call):
    on_gpu, other = gpu.put(K), np.array(K)
    with pytest.raises(
        ValueError, match=r"must lie where `x` does \(the memory of GPU 0\), got an "
    ):
        call(on_gpu, other)
    with pytest.raises(
        ValueError, match=r"must lie where `x` does \(host memory\), got an array in"
    ):
        call(other, on_gpu)


def test_arrays_on_different_gpus(gpu):
    x, y = gpu.put(X), on_second_gpu(gpu, Y)
    for call in (ig.cka, ig.hsic, ig.gbs):
        with pytest.raises(ValueError, match=r"`y` must .*GPU 0\), got an array in .* of GPU 1"):
            call(x, y)
    with pytest.raises(ValueError, match=r"`layers\[1\]` must .*GPU 0\), got .* of GPU 1"):
        ig.cka_matrix([x, y])


def on_second_gpu(gpu, x):
    """Copy to the second GPU, or skip."""
    try:
        return gpu.put(x, 1)
    except Exception as error:  # of CUDA, by way of CuPy
        pytest.skip(f"there is no second GPU: {error}")


def test_the_second_gpu(gpu):
    x = on_second_gpu(gpu, X)
    assert np.array_equal(gpu.get(ig.gram(x)), gpu.get(ig.gram(gpu.put(X))))


def test_layers_in_different_memory(gpu):
    for call in (ig.cka_matrix, ig.gbs_matrix):
        with pytest.raises(ValueError, match=r"`layers\[1\]` must lie where `layers\[0\]` does"):
            call([gpu.put(X), X])
        with pytest.raises(ValueError, match=r"`other\['a'\]` must lie where `layers\[0\]` does"):
            call([X], {"a": gpu.put(X)})


def test_overlapping_out(gpu):
    x = gpu.put(np.zeros((8, 8), np.float32))
    with pytest.raises(ValueError, match=r"^gram: `out` must not overlap `x`"):
        ig.gram(x, out=x)
    with pytest.raises(ValueError, match=r"^center: `out` must not overlap `k`"):
        ig.center(x[:7, :7], out=x[1:, 1:])


PRECISE = ["gram", "hsic", "cka", "cka_matrix", "graph", "gbs", "gbs_matrix"]


def on_all(function, x):
    """Return the array arguments of a function, all of them `x`."""
    if function.endswith("matrix"):
        return ([x],)
    return (x,) if function in ("gram", "graph") else (x, x)


@pytest.mark.parametrize("function", PRECISE)
def test_precision_of_float64(gpu, function):
    x = gpu.put(X.astype(np.float64))
    with pytest.raises(
        ValueError, match=rf"^{function}: `precision` must .*of float64, got 'tf32'"
    ):
        getattr(ig, function)(*on_all(function, x), precision="tf32")


def test_progress_is_told_once(gpu):
    told = []
    ig.cka_matrix([gpu.put(X), gpu.put(Y)], progress=lambda *pair: told.append(pair))
    ig.gbs_matrix([gpu.put(X), gpu.put(Y)], progress=lambda *pair: told.append(pair))
    ig.jsd(gpu.put(np.full((3, 2), 0.5)), progress=lambda *pair: told.append(pair))
    assert told == [(4, 4), (4, 4), (9, 9)]


# Without a GPU, and without the emulator: these run everywhere --------------------------------


class OnGpu:
    """An array that says it is on a GPU, for builds that cannot take it."""

    def __init__(self, kind):
        self.kind = kind

    def __dlpack_device__(self):
        return self.kind, 0


@pytest.mark.parametrize("function", ["gram", "bandwidth", "center", "graph"])
def test_builds_without_cuda_say_how_to_get_it(monkeypatch, function):
    def no_cuda():
        raise ImportError("this build of isogram has no CUDA code, so install it where nvcc is")

    monkeypatch.setattr(_place, "_load", no_cuda)
    message = rf"^{function}: `[xk]` must be in host memory here, .*nvcc.*; or copy the array"
    with pytest.raises(TypeError, match=message):
        getattr(ig, function)(OnGpu(2))


def test_gpus_of_another_make():
    with pytest.raises(
        TypeError, match=r"^gram: `x` must be in the memory of the host or of a CUDA"
    ):
        ig.gram(OnGpu(10))


@pytest.mark.parametrize("function", PRECISE)
def test_precision_on_the_host(function):
    for precision in ("tf32", "bfloat16"):
        message = rf"^{function}: `precision` must .*in host memory, got '{precision}'"
        with pytest.raises(ValueError, match=message):
            getattr(ig, function)(*on_all(function, X), precision=precision)


def test_cuda_error():
    assert issubclass(ig.CudaError, RuntimeError)
