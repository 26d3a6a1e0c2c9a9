"""Settings of others: a processor that flushes small numbers to zero, and NumPy made to raise."""

import ctypes
import platform
import sys
import threading
import warnings
from contextlib import contextmanager

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, KERNELS, RSM_KERNELS, RSM_MATCHINGS

N, C = 36, 8


@contextmanager
def flushed_to_zero():
    """Set this thread as PyTorch's set_flush_denormal() and code built with -ffast-math do."""
    machine = (sys.platform, platform.machine())
    # Where glibc keeps the register in fenv_t, and its bits.
    places = {("linux", "x86_64"): (7, 0x8040), ("linux", "aarch64"): (0, 1 << 24)}
    if machine not in places or platform.libc_ver()[0] != "glibc":
        pytest.skip("knows the registers of glibc's x86-64 and AArch64")
    word, bits = places[machine]
    library = ctypes.CDLL("libm.so.6")
    before, changed = (ctypes.c_uint32 * 16)(), (ctypes.c_uint32 * 16)()
    library.fegetenv(before)
    library.fegetenv(changed)
    changed[word] |= bits
    library.fesetenv(changed)
    try:
        # Two float32 below the smallest normal one, whose difference is not 0.
        smallest = np.array([1e-40, 2e-40], np.float32)
        assert smallest[1] - smallest[0] == 0, "the processor does not flush"
        yield
    finally:
        library.fesetenv(before)


def features(dtype):
    """Numbers of every magnitude, most of them below the smallest normal number of their type."""
    rng = np.random.default_rng(7)
    exponents = {"float16": (-24, -10), "bfloat16": (-133, -120), "float32": (-149, -120)}
    low, high = exponents.get(dtype, (-1070, -1018))
    signs = rng.choice([-1.0, 1.0], (N, C))
    return np.ldexp(signs, rng.integers(low, high, (N, C))).astype(DTYPES[dtype])


def mixed_features(dtype):
    """The same beside some that are as large as they can be."""
    x = features(dtype)
    x[::5, 1] = np.float64(np.finfo(np.float32 if dtype == "bfloat16" else dtype).max) / 4
    return x


def distributions(dtype):
    """Rows of which some entries are tiny."""
    p = np.abs(features(dtype))
    p[:, 0] = 1
    return p


CALLS = {
    **{f"gram {k}": lambda x, k=k: ig.gram(x, kernel=k) for k in KERNELS},
    **{f"hsic {k}": lambda x, k=k: ig.hsic(x, x[:, :5], kernel=k) for k in KERNELS},
    **{f"cka {k}": lambda x, k=k: ig.cka_matrix([x, x[:, :5]], kernel=k) for k in KERNELS},
    "bandwidth": ig.bandwidth,
    "bandwidth mean": lambda x: ig.bandwidth(x, rule="mean"),
    "center": lambda x: ig.center(x[:C]),
    "center debiased": lambda x: ig.center(x[:C], estimator="debiased"),
    "graph": ig.graph,
    "graph k": lambda x: ig.graph(x, k=4).toarray(),
    "gbs": lambda x: ig.gbs(x, x[:, :5], k=3),
    "modularity": lambda x: ig.modularity(x, np.arange(N) % 4),
    "match": lambda x: ig.match(x.astype(np.float32) if x.dtype.itemsize == 2 else x).columns,
    **{
        f"semantic_rsm {k} {m}": lambda x, k=k, m=m: ig.semantic_rsm(
            x.reshape(9, 4, C), kernel=k, matching=m, **RSM_MATCHINGS[m]
        )
        for k in RSM_KERNELS
        for m in RSM_MATCHINGS
    },
    **{
        f"compare {m}": lambda x, m=m: ig.compare_rsms(x[:C], x[C : 2 * C], method=m)
        for m in ("pearson", "spearman", "kendall", "cosine", "cka", "gbs")
    },
}


def outcome(call, x):
    """Bits of the result, or the error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(call(x)).tobytes()
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("data", [features, mixed_features])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_flushing_to_zero_changes_nothing(simd_level, name, dtype, data):
    x = data(dtype)
    expected = outcome(CALLS[name], x)
    with flushed_to_zero():
        assert outcome(CALLS[name], x) == expected


@pytest.mark.parametrize("data", [features, mixed_features])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_numpy_made_to_raise_changes_nothing(name, dtype, data):
    x = data(dtype)
    expected = outcome(CALLS[name], x)
    with np.errstate(all="raise"):
        assert outcome(CALLS[name], x) == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_jsd(dtype):
    p = distributions(dtype)
    expected = outcome(ig.jsd, p)
    with np.errstate(all="raise"):
        assert outcome(ig.jsd, p) == expected
    with flushed_to_zero():
        assert outcome(ig.jsd, p) == expected


def test_threads_that_start_where_numbers_are_flushed():
    """Threads inherit the setting of the one that starts them: the pool's too."""
    x = features("float16")
    expected = ig.gram(np.repeat(x, 20, 0), num_threads=1)
    results = []

    def work():
        with flushed_to_zero():
            results.append(ig.gram(np.repeat(x, 20, 0), num_threads=9))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert np.array_equal(results[0], expected)
    assert np.array_equal(ig.gram(np.repeat(x, 20, 0), num_threads=9), expected)


def test_small_halves_are_read():
    """By their value: the smallest float16 is 2^-24."""
    x = np.array([[2.0**-24, 0], [0, 2.0**-15]], np.float16)
    with flushed_to_zero():
        assert np.array_equal(ig.gram(x), [[2.0**-48, 0], [0, 2.0**-30]])


def test_small_entries_are_no_rows_of_zeros():
    """The warning for rows that count 0 is for these alone."""
    k = np.full((5, 5), 1e-310)
    k[2, 0] = k[2, 1] = 0
    with warnings.catch_warnings(), flushed_to_zero():
        warnings.simplefilter("error")
        assert ig.compare_rsms(k, k, method="gbs") == pytest.approx(1)


def test_the_setting_is_back_after_a_call():
    with flushed_to_zero():
        ig.gram(features("float32"), kernel="rbf")
        small = np.array([1e-40, 2e-40], np.float32)
        assert small[1] - small[0] == 0
