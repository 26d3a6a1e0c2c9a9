"""What the tests share: types, memory layouts, tolerances, and programs run in a child process."""

from __future__ import annotations

import hashlib
import itertools
import os
import pickle
import platform
import re
import shlex
import subprocess
import sys
import textwrap
import warnings
from collections import Counter
from fractions import Fraction
from functools import cache
from pathlib import Path

import isogram as ig
import ml_dtypes
import numpy as np
import pytest
import reference

DTYPES = {
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}
KERNELS = ("linear", "cosine", "correlation", "rbf", "laplacian", "laplacian_l2", "polynomial")
MEDIAN_KERNELS = ("rbf", "laplacian", "laplacian_l2")  # whose bandwidth may be a median distance
RSM_KERNELS = ("linear", "cosine", "rbf")
RSM_MATCHINGS = {  # and what each needs
    "exact": {},
    "window": {"window": 4},
    "topk": {"topk": 5},
    "greedy": {},
    "none": {},
}
ESTIMATORS = ("biased", "debiased")

# Sizes around the edges of vectors, register tiles and panels.
EDGE_ROWS = (1, 2, 3, 5, 47, 48, 49, 95, 96, 97, 193)
EDGE_FEATURES = (1, 2, 7, 64, 255, 256, 257, 600)

# Powers of two near 1e±30 and 1e±200: scaling is exact, and the oracle sees the unscaled data.
SCALES = {"float32": (2.0**-100, 2.0**100), "float64": (2.0**-664, 2.0**664)}


def data(shape, dtype, seed=0):
    """Return normal data rounded to a type."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(DTYPES[dtype])


def related(n=30, d1=8, d2=5, seed=0, noise=1.0):
    """Return a normal layer, and a linear map of it with noise."""
    rng = np.random.default_rng([n, d1, d2, seed])
    x = rng.standard_normal((n, d1))
    return x, x @ rng.standard_normal((d1, d2)) / d1**0.5 + noise * rng.standard_normal((n, d2))


class Exchanged:
    """An array of some library that NumPy can only read through DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **parameters):
        return self.array.__dlpack__(**parameters)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def large_channel(x, size):
    """A massive activation."""
    x[:, 5] += size


def loud_channel(x, size):
    """One feature that varies more than all others."""
    x[:, 5] *= size


def offset(x, size):
    """A common mean of all features."""
    x += size


def clusters_apart(x, size):
    """Half of the samples far from the others."""
    x[::2] += size


# What makes cosines nearly 1, or nearly alike: the smaller the type, the fewer neighbours it finds.
ALIKE = (large_channel, loud_channel, offset, clusters_apart)


def alike(change, size, shape, dtype, seed=0):
    """Return normal data changed so, or None where the type would hold nothing but ties."""
    is_channel = change in (large_channel, loud_channel)
    small, large = (1e3, 1e8) if is_channel else (0, 1e6)
    limits = {"float16": small, "bfloat16": small, "float32": large, "float64": 1e8}
    if size > limits[dtype]:
        return None
    x = data(shape, "float64", seed)
    change(x, size)
    return x.astype(DTYPES[dtype])


def nearest_by_difference(x, k, *, center=False):
    """Columns of the k rows nearest to every row in direction, ascending; no row may be zero.

    From the differences of unit rows in long doubles, which keep the digits that cosines near 1
    have lost.
    """
    x = x.astype(np.longdouble)
    if center:
        x = x - x.mean(axis=0)
    units = x / np.sqrt((x**2).sum(axis=1, keepdims=True))
    distances = np.array([((units - unit) ** 2).sum(axis=1) for unit in units])
    np.fill_diagonal(distances, np.inf)
    return np.sort(np.argsort(distances, axis=1, kind="stable")[:, :k], axis=1)


def assert_neighbours_of_rows_nearly_alike(neighbours_of, change, dtype, sizes, shapes):
    """Assert neighbours_of(x, k, center) for data changed so, by shapes (n, d) and k."""
    for size in sizes:
        for n, d, k in shapes:
            x = alike(change, size, (n, d), dtype, seed=k)
            if x is None:
                continue
            for center in (False, True):
                expected = nearest_by_difference(x, k, center=center)
                where = f"{size}, {n} x {d}, k = {k}, center = {center}"
                assert np.array_equal(neighbours_of(x, k, center), expected), where


def grid_data(shape, dtype, seed=0):
    """Return data on a grid so coarse that every inner product is exact in float32.

    Discrete choices (sorting, greedy matching, neighbours) then cannot depend on rounding.
    """
    values = np.random.default_rng([seed, *shape]).standard_normal(shape)
    return (np.clip(np.round(values * 8), -24, 24) / 8).astype(DTYPES[dtype])


# Powers of ten between which numbers of a type have all their digits.
DECADES = {"float16": (-4, 4), "float32": (-36, 37), "float64": (-290, 307)}
FAR_KINDS = ("a row", "clusters", "two scales", "a channel", "two far rows alike")


def far_apart(dtype, kind, seed):
    """Return rows of which some are near each other and some far off, and bandwidths to try."""
    rng = np.random.default_rng([seed, FAR_KINDS.index(kind)])
    n, d = rng.integers(4, 40), rng.choice([1, 2, 3, 17, 64, 200])
    lowest, highest = DECADES[dtype]
    near = rng.uniform(lowest, highest - 3)
    far = rng.uniform(near, highest - 0.7)
    x = rng.standard_normal((n, d)) * 10.0**near
    direction = rng.standard_normal(d) / 4
    if kind == "a row":
        x[rng.integers(n)] = direction * 10.0**far
    elif kind == "clusters":
        x[: n // 2] += direction * 10.0**far
    elif kind == "two scales":
        x[: n // 2] = rng.standard_normal((n // 2, d)) / 4 * 10.0**far
    elif kind == "a channel":
        x[:, 0] += 10.0**far
    else:
        x[:2] = direction * 10.0**far
    widths = (near, near + np.log10(d), far, rng.uniform(lowest, highest))
    return x.astype(DTYPES[dtype]), [float(10.0**width) for width in widths]


def tokens_apart(dtype, kind, seed=0, n=5, s=24, c=10):
    """Inputs whose tokens lie in groups far from each other, all the same ones in every input."""
    rng = np.random.default_rng(seed)
    tokens = rng.standard_normal((n, s, c))
    registers = rng.standard_normal((8, c)) * 10.0 ** np.arange(1, 9)[:, np.newaxis]

    def beside(shared):
        return np.concatenate([tokens, np.broadcast_to(shared, (n, *shared.shape))], axis=1)

    if kind == "two clusters":
        tokens[:, s // 2 :] += 1e5
    elif kind == "three clusters":
        tokens += 1e5 * (np.arange(s) % 3)[:, np.newaxis]
    elif kind == "many clusters":
        tokens += 1e4 * rng.standard_normal((12, c))[np.arange(s) % 12]
    elif kind == "all registers":
        tokens = beside(registers)
    elif kind == "some registers":
        tokens = beside(registers[[1, 3, 5]])
    elif kind == "clusters and a register":
        tokens[:, s // 2 :] += 1e3
        tokens = beside(registers[[5]])
    else:  # a mask's value
        tokens = beside(np.full((s, c), float(kind)))
    return tokens.astype(dtype)


def beside_a_register(dtype, power, seed, n=3, s=6, c=3):
    """Inputs that share one token of norm 10**power, each in a place of its own."""
    rng = np.random.default_rng(seed)
    tokens = rng.standard_normal((n, s, c))
    for i in range(n):
        tokens[i, (seed + 2 * i) % s] = 10.0**power * np.linspace(1, -1 / 3, c)
    return tokens.astype(dtype)


REGISTER_POWERS = {"float32": (3, 5, 7, 8, 12, 18, 30), "float64": (3, 7, 8, 12, 16, 18, 40, 150)}


def register_cases(dtype):
    """Yield inputs beside registers of many norms, a matching, RBF entries, and where they are."""
    for power in REGISTER_POWERS[dtype]:
        for seed in range(8):
            tokens = beside_a_register(dtype, power, seed)
            for window in (None, 6, 3):
                matching = {"matching": "window", "window": window} if window else {}
                distances = oracle.smallest_distances(tokens, window).astype(float)
                yield tokens, matching, np.exp(-distances / 8), f"1e{power}, {seed}, {matching}"


def fewer_near_tokens(tokens):
    """Leave out 0, 1, 2, … of five tokens that lie near the origin; of inputs of equal numbers."""
    near = np.flatnonzero(np.linalg.norm(tokens[0].astype(float), axis=1) < 1e3)[:5]
    return [np.delete(z, near[i:] if len(near) else [0], axis=0) for i, z in enumerate(tokens)]


TOKENS_APART = (
    *("two clusters", "three clusters", "many clusters", "all registers", "some registers"),
    *("clusters and a register", "1e4", "1e8", "1e10"),
)


# What is promised of RBF entries, wherever rows lie.
RBF_TOLERANCE = {"float16": 2e-5, "float32": 2e-5, "float64": 3e-14}

GROUP_KINDS = ("two groups", "three groups", "a loud channel")


def groups(dtype, kind, size, seed):
    """Return rows in groups, or in line, some group widths apart, and a bandwidth of one."""
    rng = np.random.default_rng([seed, GROUP_KINDS.index(kind)])
    n, d = ((96, 40), (60, 300), (80, 3))[seed % 3]
    x = rng.standard_normal((n, d))
    if kind == "two groups":
        x[::2] += size
    elif kind == "three groups":
        x += size * (np.arange(n) % 3)[:, np.newaxis]
    else:
        x[:, 1] *= size
    return x.astype(DTYPES[dtype]), float(np.sqrt(2 * d)) * rng.choice([0.3, 0.7, 1.0])


def exact_exponentials(x, y, kernel, bandwidth):
    """RBF or Laplacian entries by differences in long double, of any range."""
    with np.errstate(under="ignore"):
        x, y = (np.asarray(a).astype(np.longdouble) for a in (x, y))
        differences = (x[:, None] - y[None]) / np.longdouble(bandwidth)
        if kernel == "rbf":
            return np.exp(-(differences**2).sum(axis=2) / 2).astype(np.float64)
        if kernel == "laplacian_l2":
            return np.exp(-np.sqrt((differences**2).sum(axis=2))).astype(np.float64)
        return np.exp(-np.abs(differences).sum(axis=2)).astype(np.float64)


# Rows far from the others, and common parts of all rows: changes to normal data ----------------


# Parameters of polynomials beyond float32's range, or beyond float64's together with a product.
EXTREME_POLYNOMIALS = [
    {"gamma": gamma, "coef0": coef0, "degree": degree}
    for gamma in (1e300, 1e40, 1.0, 1e-40, 1e-300, 5e-324)
    for coef0 in (0.0, 1.0, 1e-300, 1e38, -1e40, 1e300, -1e300)
    for degree in (1, 2, 3)
]


def assert_polynomials(gram_of, dtype, parameters):
    """Compare entries with exact ones, rounded to the type: where those are infinite, so are they.

    Some samples are zero, or orthogonal: infinity times 0 would be NaN.
    """
    for scale in (1e-20, 1.0, 1e15):
        x = (data((5, 4), "float64", seed=5) * scale).astype(dtype)
        x[1] = x[2, 0] = 0
        x[3], x[4] = [scale, 0, 0, 0], [0, scale, 0, 0]
        exact = [[exact_polynomial(a, b, **parameters) for b in x] for a in x]
        with np.errstate(over="ignore"):
            expected = np.array(exact).astype(dtype)
        actual = gram_of(x, **parameters)
        is_finite = np.isfinite(expected)
        assert np.array_equal(actual[~is_finite], expected[~is_finite]), parameters
        actual, expected = actual[is_finite].astype(np.float64), expected[is_finite]
        tolerance = 64 * eps(dtype) * np.abs(expected) + 8 * np.finfo(dtype).tiny
        assert (np.abs(actual - expected) <= tolerance).all(), parameters


def exact_polynomial(a, b, gamma, coef0, degree):
    """Return (gamma ⟨a, b⟩ + coef0)^degree, rounded once."""
    product = sum(Fraction(float(p)) * Fraction(float(q)) for p, q in zip(a, b, strict=True))
    value = (Fraction(gamma) * product + Fraction(coef0)) ** degree
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def one_row(x, size):
    """One sample of huge norm."""
    x[len(x) // 3] *= size
    return x


def first_row(x, size):
    """As the first token of a sequence often is."""
    x[0] *= size
    return x


def two_rows(x, size):
    """Two samples of unequal, huge norm."""
    x[1] *= size
    x[-1] *= size**0.5
    return x


def row_of_its_own(x, size):
    """One sample that has nothing in common with the others: they decide alone."""
    x[:, 2] = 0.25
    x[3] = 0
    x[3, 2] = size
    return x


def massive_channel(x, size):
    """One feature that is large in all samples."""
    x[:, 1] += size
    return x


def massive_channel_but_one(x, size):
    """One feature that is large in all samples but a row of zeros."""
    x[:, 1] += size
    x[2] = 0
    return x


def far_offset(x, size):
    """All features far from zero."""
    return x + size


FAR_ROWS = [one_row, first_row, two_rows, row_of_its_own]
COMMON_PARTS = [massive_channel, massive_channel_but_one, far_offset]


def much_alike(n, d, seed):
    """Two representations with much in common."""
    rng = np.random.default_rng([seed, n, d])
    z = rng.standard_normal((n, d))
    return z, z @ rng.standard_normal((d, d)) / d**0.5 + 0.5 * rng.standard_normal((n, d))


def near_the_largest(n, dtype):
    """Return a matrix whose sums overflow, but no centred entry, and a factor that takes it away.

    The float64 oracle is to be asked with that.
    """
    k = (np.abs(data((n, n), "float64", seed=2)) + 5) * (np.finfo(dtype).max / 10)
    return k.astype(dtype), 2.0**-32


# Rows of very different norms: (change in place, how much) --------------------------------------


def far_rows(a, scale):
    a[0] *= scale


def several_far_rows(a, scale):
    a[:3] *= scale


def graded_rows(a, scale):
    a *= np.geomspace(1, scale, len(a))[:, None].astype(a.dtype)


def far_row_in_a_feature_of_its_own(a, scale):
    a[:, 0] = 0
    a[0, 0] = scale


def far_rows_in_features_of_their_own(a, scale):
    a[:, :2] = 0
    a[0, 0] = a[1, 1] = scale


FAR_APART = [
    *((far_rows, scale) for scale in (1e8, 1e30, 1e155, 1e200, 1e300)),
    *((several_far_rows, scale) for scale in (1e8, 1e30, 1e155, 1e300)),
    *((graded_rows, scale) for scale in (1e8, 1e30, 1e100, 1e200, 1e300)),
    *((far_row_in_a_feature_of_its_own, scale) for scale in (1e8, 1e20, 1e37, 1e200)),
    *((far_rows_in_features_of_their_own, scale) for scale in (1e8, 1e20, 1e37, 1e100)),
]
# Of those, the ones whose cubes fit into float64.
FAR_APART_CUBED = [
    (spread, scale)
    for spread, scale in FAR_APART
    if scale < 1e40 and spread in (far_rows, far_row_in_a_feature_of_its_own)
]


def layers_far_apart(spread, scale, dtype, bulk):
    """Yield two layers with rows spread so, and the second one as it was; none beyond the type."""
    if scale > float(np.finfo(dtype).max) / 10:
        return
    for seed, (n, d1, d2) in enumerate([(5, 3, 4), (12, 4, 4), (17, 40, 5)]):
        rng = np.random.default_rng(seed)
        x, y = ((bulk * rng.standard_normal((n, d))).astype(dtype) for d in (d1, d2))
        z = y.copy()
        for a in (x, y):
            spread(a, a.dtype.type(scale))
        yield x, y, z


class Remembered:
    """The oracle, each of whose answers is worked out once and serves every SIMD level."""

    def __init__(self):
        self.answers = {}

    def __getattr__(self, name):
        function = getattr(reference, name)

        def ask(*arguments, **parameters):
            question = pickle.dumps((name, arguments, sorted(parameters.items())))
            key = hashlib.blake2b(question).digest()
            if key not in self.answers:
                self.answers[key] = function(*arguments, **parameters)
            return self.answers[key]

        return ask


oracle = Remembered()


# SIMD levels --------------------------------------------------------------------------------


def offered_levels() -> list[str]:
    """SIMD levels of this machine, read without isogram's help where that is possible."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return list(ig.simd.available())
    flags: set[str] = set()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            flags = set(line.partition(":")[2].split())
            break
    levels = ["baseline"]
    if flags >= {"avx2", "fma"}:
        levels.append("avx2")
    if flags >= {"avx512f", "avx512dq", "avx512bw", "avx512vl"}:
        levels.append("avx512")
    return levels


OFFERED_LEVELS = offered_levels()
LEVELS_RUN: Counter[str] = Counter()  # of every level that a test was to run at


def missing_levels(config) -> list[str]:
    """Offered levels at which nothing ran, unless the run was narrowed on purpose."""
    narrowed = config.option.keyword or config.option.markexpr or config.option.collectonly
    narrowed = narrowed or any("::" in argument for argument in config.args)
    if narrowed or not LEVELS_RUN:
        return []
    return [level for level in OFFERED_LEVELS if not LEVELS_RUN[level]]


# Memory layouts -----------------------------------------------------------------------------


def spread(x):
    """Every second entry along each axis of a larger array; the gaps are NaN."""
    larger = np.full([2 * size + 1 for size in x.shape], np.nan, x.dtype)
    view = larger[tuple(slice(1, None, 2) for _ in x.shape)]
    view[...] = x
    return view


def reversed_memory(x):
    """All strides negative."""
    backwards = tuple(slice(None, None, -1) for _ in x.shape)
    return np.ascontiguousarray(x[backwards])[backwards]


def transposed_view(x):
    """Return the transpose of a C-ordered array whose rows are padded with NaN."""
    larger = np.full((*x.shape[:0:-1], x.shape[0] + 3), np.nan, x.dtype)
    view = larger[..., : x.shape[0]].T
    view[...] = x
    return view


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": spread,
    "negative": reversed_memory,
    "transposed": transposed_view,
}


# Tolerances ---------------------------------------------------------------------------------
# All of them are k·eps of the type that the package computes in, times the scale at which
# cancellation happens. float16 and bfloat16 are computed in float32, and the oracle sees the
# rounded data, so they share float32's tolerances.


def result_dtype(*dtypes):
    """Type of the package's result: float64 when any input is, else float32."""
    return DTYPES["float64" if "float64" in dtypes else "float32"]


def eps(*dtypes):
    """Rounding unit of the type that is computed in."""
    return float(np.finfo(result_dtype(*dtypes)).eps)


def dot_tolerance(d, *dtypes):
    """Error of an inner product of d terms, in units of the product of the norms.

    Rounding errors of a panel of up to 256 terms grow like a random walk; panels are then added.
    """
    return (4 + 2 * np.sqrt(min(d, 256))) * eps(*dtypes)


def norms(x):
    """Row norms."""
    return np.sqrt((reference.widen(x) ** 2).sum(axis=1))


def gram_tolerance(x, y, dtype, kernel, bandwidth=1.0, gamma=None, degree=3, coef0=1.0):
    """Absolute tolerance of every Gram entry, by propagating the inner product's error."""
    x, y = reference.widen(x), reference.widen(y)
    unit = dot_tolerance(x.shape[1], dtype)
    products = np.outer(norms(x), norms(y))
    tiny = float(np.finfo(result_dtype(dtype)).tiny)
    if kernel in ("cosine", "correlation"):
        return np.full(products.shape, 2 * unit)
    if kernel == "laplacian":
        # Every term is positive: the error is relative to the distance, and t·exp(-t) <= 1/e.
        return np.full(products.shape, unit)
    if kernel == "laplacian_l2":
        # Squares keep all digits but five: as for L1, with half of the relative error of squares.
        return np.full(products.shape, 8 * unit)
    if kernel == "rbf":
        # ‖a‖² + ‖b‖² - 2⟨a,b⟩ of shifted features: the error is relative to the shifted norms.
        shift = x.mean(axis=0)
        squares = np.add.outer(norms(x - shift) ** 2, norms(y - shift) ** 2)
        return unit * (1 + squares / (2 * bandwidth**2))
    if kernel == "polynomial":
        gamma = 1 / x.shape[1] if gamma is None else gamma
        error = unit * (gamma * products + abs(coef0))
        base = np.abs(gamma * (x @ y.T) + coef0) + error
        return degree * base ** (degree - 1) * error + (degree + 4) * eps(dtype) * base**degree
    return unit * products + tiny


def center_tolerance(k, dtype):
    """Sums are float64, so only a few roundings at the scale of the largest entry remain."""
    return (4 + np.sqrt(len(k))) * eps(dtype) * np.abs(reference.widen(k)).max()


def cka_tolerance(*dtypes):
    """CKA of well-conditioned data: 1e-5 in float32 as promised, about 4096 eps in float64."""
    return 1e-12 if "float64" in dtypes else 1e-5


def rsm_tolerance(*dtypes):
    """Cosine and RBF entries of a semantic RSM: 1e-5 in float32 as promised, else 4096 eps."""
    return 1e-12 if "float64" in dtypes else 1e-5


def match_tolerance(*dtypes):
    """Assignment totals, relative to the sum of the optimum's absolute entries."""
    return 1e-12 if "float64" in dtypes else 1e-6


def assert_close(actual, expected, tolerance, context=""):
    """Assert |actual - expected| <= tolerance entry by entry; NaN and infinity never pass."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, f"{context}: {actual.shape} != {expected.shape}"
    excess = np.abs(actual - expected) - tolerance
    bad = ~(excess <= 0)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        worst = np.nanmax(np.abs(actual - expected) / np.maximum(tolerance, 1e-300))
        raise AssertionError(
            f"{context}: {bad.sum()} of {bad.size} entries differ, first at {first}: "
            f"{actual[first]!r} instead of {expected[first]!r}, "
            f"worst error {worst:.3g} times the tolerance"
        )


def quietly(function, *arguments, **parameters):
    """Call with warnings silenced, for results that are NaN on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **parameters)


# Child processes ----------------------------------------------------------------------------


def program(code, env=None):
    """Return the arguments of a child process that runs a piece of Python."""
    clean = {k: v for k, v in os.environ.items() if k not in CLEARED}
    return {
        "args": [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        "env": clean | (env or {}),
        "text": True,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }


CLEARED = ("ISOGRAM_NUM_THREADS", "OMP_NUM_THREADS", "ISOGRAM_SIMD_LEVEL")


def run_program(code, env=None, timeout=60):
    """Run a piece of Python in a child process and return its standard output."""
    done = subprocess.run(**program(code, env), timeout=timeout, check=False)
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


# The package as it is installed ---------------------------------------------------------------

# Headers lie in it then.
needs_the_installed_package = pytest.mark.skipif(
    not any(Path(root, "include").is_dir() for root in ig.__path__),
    reason="the package is not installed",
)


# Commands on the pages ------------------------------------------------------------------------


def assert_prints(command, shown):
    """Run a command of isogram, as a page has it, and check that it prints what the page shows."""
    from click.testing import CliRunner
    from isogram.cli._commands import commands

    command, _, first = command.partition(" | head -")
    result = CliRunner().invoke(commands, shlex.split(command))
    assert result.exit_code in (0, 3), result.output
    lines = result.output.splitlines()[: int(first) if first else None]
    words, expected = " ".join(lines).split(), shown.split()
    number = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
    assert len(words) == len(expected), result.output
    for word, other in zip(words, expected, strict=True):
        if number.fullmatch(word) and number.fullmatch(other):  # levels round differently
            np.testing.assert_allclose(float(word), float(other), atol=1.1e-3)
        else:
            assert word == other, result.output


# The data of the numerical traps --------------------------------------------------------------


def numerics_data():
    """Two float64 representations with linear CKA 0.6854 (biased) and 0.6825 (debiased)."""
    rng = np.random.default_rng(1)
    z = rng.standard_normal((500, 8))
    x = z @ rng.standard_normal((8, 64)) + rng.standard_normal((500, 64))
    y = np.tanh(z @ rng.standard_normal((8, 96))) + rng.standard_normal((500, 96))
    return x, y


def one_massive_feature(x):
    """A single activation that dwarfs the rest."""
    x = x.copy()
    x[:, 3] += 1500
    return x


# Name: the change to both representations, the type, and the distance allowed from the truth.
# Rounding to the type may move the truth itself; against the oracle on rounded data it is 1e-5.
TRAPS = {
    "plain": (lambda x: x, "float32", 1e-5),
    "plus 20": (lambda x: x + 20, "float32", 1e-5),
    "one feature + 1500": (one_massive_feature, "float32", 1e-5),
    "times 1e4": (lambda x: 1e4 * x, "float32", 1e-5),
    "times 1e-3": (lambda x: 1e-3 * x, "float32", 1e-5),
    "times 1e18": (lambda x: 1e18 * x, "float32", 1e-5),
    "times 1e-18": (lambda x: 1e-18 * x, "float32", 1e-5),
    "times 1e30": (lambda x: 1e30 * x, "float32", 1e-5),
    "plus 1000, float64": (lambda x: x + 1000, "float64", 1e-10),
    "float16": (lambda x: x, "float16", 2e-3),
    "float16 near 65504": (lambda x: x * (65000 / np.abs(x).max()), "float16", 2e-3),
    "float16, one feature + 1500": (one_massive_feature, "float16", 2e-3),
    "bfloat16": (lambda x: x, "bfloat16", 2e-3),
}


# Matrices some of whose entries dwarf the others ----------------------------------------------


def matrices_with_outliers(n, dtype, seed):
    """Return the names and the matrices; rounding has made no entries equal."""
    rng = np.random.default_rng([n, seed])

    def normal():
        return rng.standard_normal((n, n))

    matrices = []
    for size in (1e5, 1e7, -1e9, 1e16, -1e30):
        one, some, row = normal(), normal(), normal()
        one[0, 1] = size
        some[rng.random((n, n)) < rng.choice([0.1, 0.5])] = size
        row[2, 3:] *= size
        row[:2, 2] *= size
        matrices += zip(("one", "some", "row", "others"), (one, some, row, row / size), strict=True)
        matrices.append(("multiplied", np.where(rng.random((n, n)) < 0.3, size, 1) * normal()))
    for decades in (1, 5, 30):
        entries = 10 ** rng.uniform(-decades, decades, (n, n))
        rows = 10 ** rng.uniform(-decades / 2, decades / 2, n)
        matrices.append((f"{decades} decades", normal() * entries))
        matrices.append((f"rows over {decades} decades", normal() * rows * rows[:, np.newaxis]))
    for size, offset in itertools.product((1e3, 1e5, 1e12), (0, 3)):
        x = rng.standard_normal((n, 20)) + offset
        x[: rng.integers(1, 4)] *= size
        for kernel in ("linear", "polynomial", "cosine", "correlation"):
            if kernel != "polynomial" or size < 1e6:
                matrices.append((f"{kernel}, {size:g}", ig.gram(x.astype(dtype), kernel=kernel)))
    return [(name, np.triu(k, 1).astype(dtype)) for name, k in matrices]


def on_a_grid(n, d, seed):
    """Return float64 features that take an offset of up to 1e12 without rounding."""
    x = np.random.default_rng([n, d, seed]).standard_normal((n, d))
    return np.round(x * 1024) / 1024


def cosine_tolerance(d, dtype):
    """Of cosines, whose scale is 1."""
    return 2 * dot_tolerance(d, dtype)


@cache
def separated(n, d, dtype, ks, center=False):
    """Data whose k-th and next largest cosines differ clearly: rounding cannot swap them."""
    for seed in range(1000):
        x = data((n, d), dtype, seed)
        plain = oracle.centred_columns(x) if center else x
        cosines = oracle.gram(plain, kernel="cosine")
        np.fill_diagonal(cosines, -np.inf)
        falling = -np.sort(-cosines, axis=1)
        if all((falling[:, k - 1] - falling[:, k] > 1e-5).all() for k in ks if k < n - 1):
            return x
    raise AssertionError("no separated data found")


def signs(n, seed=0, d=64):
    """Rows of ±1: every cosine is a multiple of 1/64, exact in any type, and ties abound."""
    return np.random.default_rng([seed, n]).choice([-1.0, 1.0], (n, d))


def clustered(n, seed=0, shape=(5, 128)):
    """Inputs around some shared ones, tokens in any order: neighbours that bounds can tell."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((7, *shape)) * np.geomspace(
        4, 0.1, shape[1]
    )
    inputs = centres[rng.integers(0, 7, n)] + 0.2 * rng.standard_normal((n, *shape))
    return rng.permutation(inputs, axis=1).astype(np.float32)
