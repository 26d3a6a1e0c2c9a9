"""README's "What you can rely on": what might break every claim, over all functions at once.

The tests of each function say more about it; these go through the claims as they are written, and
fail when a claim is added that nothing here tries to break.
"""

import io
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
import warnings
import zipfile
from fractions import Fraction
from pathlib import Path

import isogram as ig
import numpy as np
import pytest
from exact import exact_sum, optimum
from support import (
    DTYPES,
    ESTIMATORS,
    KERNELS,
    LAYOUTS,
    OFFERED_LEVELS,
    Exchanged,
    data,
    grid_data,
    oracle,
    quietly,
    run_program,
)

README = Path(__file__).parents[2] / "README.md"
TRIED = set()


def claim(name):
    """Mark a test as one that tries to break the claim of this name."""
    TRIED.add(name)
    return lambda test: test


def test_every_claim_is_tried():
    text = README.read_text().partition("## What you can rely on")[2]
    text = text.partition("\n- **Platforms.")[0]
    assert set(re.findall(r"^- \*\*(.+?)\.?\*\*", text, re.MULTILINE)) == TRIED


# Everything that the package computes -----------------------------------------------------------
# Takes two layers (n, d), tokens (n, s, c) and a square matrix, all of one type.

LABELS = np.arange(40) % 3
EVERYTHING = {
    **{
        f"gram {kernel}": lambda x, y, z, k, kernel=kernel, **p: ig.gram(
            x, x, kernel=kernel, bandwidth=9.0, **p
        )
        for kernel in KERNELS
    },
    **{
        f"cka {kernel} {estimator}": lambda x, y, z, k, kernel=kernel, estimator=estimator, **p: (
            ig.cka(x, y, kernel=kernel, estimator=estimator, **p)
        )
        for kernel in KERNELS
        for estimator in ESTIMATORS
    },
    "bandwidth": lambda x, y, z, k, **p: ig.bandwidth(x, **p),
    "center": lambda x, y, z, k, **p: ig.center(k, **p),
    "hsic": lambda x, y, z, k, **p: ig.hsic(x, y, **p),
    "cka_matrix": lambda x, y, z, k, **p: ig.cka_matrix([x, y], **p),
    "graph": lambda x, y, z, k, **p: ig.graph(x, **p),
    "graph of neighbours": lambda x, y, z, k, **p: ig.graph(x, k=5, **p),
    "gbs": lambda x, y, z, k, **p: ig.gbs(x, y, **p),
    "gbs of neighbours": lambda x, y, z, k, **p: ig.gbs(x, y, k=5, **p),
    "gbs_matrix, centred": lambda x, y, z, k, **p: ig.gbs_matrix([x, y], center=True, **p),
    "modularity": lambda x, y, z, k, **p: ig.modularity(x, LABELS, k=5, **p),
    "motifs": lambda x, y, z, k, **p: ig.motifs(x, LABELS, k=5, **p),
    "match": lambda x, y, z, k, **p: ig.match(k, **p),
    "match of a batch": lambda x, y, z, k, **p: ig.match(z, maximize=False, **p),
    **{
        f"semantic_rsm {matching}": lambda x, y, z, k, options=options, **p: ig.semantic_rsm(
            z, kernel=("linear", "cosine", "rbf"), **options, **p
        )
        for matching, options in {
            "exact": {},
            "window": {"matching": "window", "window": 3},
            "topk": {"matching": "topk", "topk": 4},
            "greedy": {"matching": "greedy"},
        }.items()
    },
    "spatial_rsm": lambda x, y, z, k, **p: ig.spatial_rsm(z, **p),
    **{
        f"compare {method}": lambda x, y, z, k, method=method, **p: ig.compare_rsms(
            k, k[::-1, ::-1], method=method, **p
        )
        for method in ("pearson", "spearman", "kendall", "cosine", "cka", "gbs")
    },
    "jsd": lambda x, y, z, k, **p: ig.jsd(probabilities(y), **p),
}
everything = pytest.mark.parametrize("name", EVERYTHING)


def probabilities(y):
    """Rows with a sum of 1, in the memory of the argument's type and order."""
    p = np.exp(np.ascontiguousarray(y, np.float64))
    p /= p.sum(axis=1, keepdims=True)
    result = np.empty_like(y)
    result[...] = p
    return result


def arguments(dtype, n=40, layout=np.ascontiguousarray):
    """Everything's arguments: on a grid, so that no discrete choice hangs on rounding."""
    shapes = [(n, 17), (n, 9), (n, 7, 5), (n, n)]
    arrays = [grid_data(shape, dtype, seed) for seed, shape in enumerate(shapes)]
    arrays[-1] = np.triu(arrays[-1]) + np.triu(arrays[-1], 1).T
    return [layout(array.astype(DTYPES[dtype])) for array in arrays]


def as_bytes(result):
    """Return all bits of a result of any kind."""
    if isinstance(result, dict):
        return b"".join(as_bytes(part) for part in result.values())
    if isinstance(result, tuple):
        return b"".join(as_bytes(part) for part in result)
    return b"".join(
        np.ascontiguousarray(getattr(result, part)).tobytes() for part in ("data", "indices")
    ) if hasattr(result, "indptr") else np.asarray(result).tobytes()  # fmt: skip


# Types --------------------------------------------------------------------------------------


def unaligned(x):
    """Return the same numbers one byte off."""
    memory = np.empty(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    memory[...] = x
    return memory


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


@claim("Types")
@everything
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_strides_give_the_same_bits(name, dtype):
    expected = as_bytes(EVERYTHING[name](*arguments(dtype)))
    for layout in [*LAYOUTS.values(), unaligned, read_only]:
        assert as_bytes(EVERYTHING[name](*arguments(dtype, layout=layout))) == expected, layout


@everything
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits_are_read_as_the_numbers_that_they_stand_for(name, dtype):
    narrow = arguments(dtype)
    found = EVERYTHING[name](*narrow)
    wide = EVERYTHING[name](*(array.astype(np.float32) for array in narrow))
    if name == "jsd":  # whose rows are made, and rounded, in the type
        return
    assert as_bytes(found) == as_bytes(wide)


@pytest.mark.parametrize("name", [name for name in EVERYTHING if name[:4] not in ("jsd", "comp")])
def test_anything_that_speaks_dlpack(name):
    arrays = arguments("float32")
    found = EVERYTHING[name](*map(Exchanged, arrays))
    assert as_bytes(found) == as_bytes(EVERYTHING[name](*arrays))


@pytest.mark.parametrize("name", ["cka linear debiased", "cka linear biased", "cka cosine debiased",
                                  "graph", "gbs", "gbs of neighbours", "gbs_matrix, centred",
                                  "modularity", "motifs", "compare pearson", "compare spearman",
                                  "compare kendall", "compare cosine", "compare gbs"])  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_powers_of_two_change_no_bit(name, dtype):
    """Features are scaled: what does not see the scale is the same at the ends of the range."""
    arrays = arguments(dtype)
    expected = as_bytes(EVERYTHING[name](*arrays))
    most = 120 if dtype == "float32" else 1000
    for exponent in (-most, -most // 2, most // 2, most):
        scaled = [np.ldexp(array, exponent) for array in arrays]
        assert as_bytes(EVERYTHING[name](*scaled)) == expected, exponent


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", ["linear", "rbf", "laplacian", "correlation"])
def test_features_are_centred(kernel, estimator):
    """Every feature has an offset of its own, thousands of times what it tells."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((80, 5))
    layers = [
        (z @ rng.standard_normal((5, d)) + rng.standard_normal((80, d))).astype(np.float32)
        for d in (12, 20)
    ]
    offsets = [rng.uniform(-2000, 2000, layer.shape[1]) for layer in layers]
    if kernel == "correlation":  # one for all the features of a sample: it takes the rows' means
        offsets = [rng.uniform(-2000, 2000, (80, 1)) for _ in layers]
    x, y = ((a + b).astype(np.float32) for a, b in zip(layers, offsets, strict=True))
    options = {"kernel": kernel, "estimator": estimator, "bandwidth": 6.0}
    assert abs(ig.cka(x, y, **options) - oracle.cka(x, y, **options)) < 1e-5


def test_sums_over_entries_are_float64():
    """Sums of nine million float32 numbers lose four digits in float32."""
    rng = np.random.default_rng(1)
    n = 3000
    similarity = rng.random((n, n), dtype=np.float32)
    similarity[np.arange(n), np.arange(n)] += 7
    matching = ig.match(similarity)
    chosen = similarity[np.arange(n), matching.columns].astype(np.float64)
    assert matching.total == pytest.approx(math.fsum(chosen), rel=1e-14)
    x, y = (rng.standard_normal((20_000, 3)).astype(np.float32) + 1 for _ in range(2))
    expected = ig.cka(x.astype(np.float64), y.astype(np.float64))
    assert abs(ig.cka(x, y) - expected) < 1e-8


# Degenerate input ---------------------------------------------------------------------------

CONSTANTS = {"float16": [0, 0.1, 65504, 6e-8], "bfloat16": [0, 0.1, 3e38], "float32":
             [0, 0.1, 1 / 3, 3e38, 1e-45, -1e30], "float64": [0, 0.1, 1e308, 5e-324]}  # fmt: skip


@claim("Degenerate input")
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", ["linear", "cosine", "correlation", "rbf", "laplacian"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_constant_features_are_nan_and_said(dtype, kernel, estimator):
    x = data((12, 6), dtype)
    options = {"kernel": kernel, "estimator": estimator, "bandwidth": 1.0}
    for value in CONSTANTS[dtype]:
        constant = np.full((12, 5), value, DTYPES[dtype])
        with pytest.warns(RuntimeWarning, match="constant"):
            assert np.isnan(ig.cka(x, constant, **options)), value
        with pytest.warns(RuntimeWarning, match="constant"):
            assert np.isnan(ig.cka_matrix([constant, x], **options)).sum() == 3
        assert quietly(ig.hsic, x, constant, **options) == 0


@pytest.mark.parametrize(("estimator", "least"), [("biased", 2), ("debiased", 4)])
def test_too_few_samples_are_nan_and_said(estimator, least):
    x, y = data((least, 3), "float32"), data((least, 3), "float32", 1)
    assert np.isfinite(quietly(ig.cka, x, y, estimator=estimator))
    for n in range(1, least):
        for measure in (ig.cka, ig.hsic):
            with pytest.warns(RuntimeWarning, match="sample"):
                assert np.isnan(measure(x[:n], y[:n], estimator=estimator))


@everything
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_named(name, bad):
    """Wherever it is, in whichever argument: the message has its index."""
    rng = np.random.default_rng(len(name))
    right = as_bytes(EVERYTHING[name](*arguments("float32")))
    for which in range(4):
        arrays = arguments("float32")
        place = tuple(int(rng.integers(size)) for size in arrays[which].shape)
        arrays[which][place] = bad
        if not np.isnan(bad) and name.startswith(("match", "jsd")):
            continue  # infinity may forbid a pair; exp(-inf) is a probability
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = as_bytes(EVERYTHING[name](*arrays))
        except ValueError as error:
            message = str(error)
            assert re.match(r"[a-z_]+: `.+?` must ", message), message
            assert name.startswith(("jsd", "compare")) or str(list(place))[1:-1] in message, message
        else:
            assert found == right, f"argument {which} is read, and nothing is said"


# The command line ---------------------------------------------------------------------------


def run_command(*arguments, **env):
    """Run the command `isogram` in a child process."""
    run = [sys.executable, "-c", "from isogram.cli import main; main()", *arguments]
    env = {**os.environ, **env}
    return subprocess.run(run, capture_output=True, text=True, timeout=60, check=False, env=env)


class Trap:
    """Unpickled, it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


COSTS = {
    "ordinary": lambda rng, shape: rng.standard_normal(shape),
    "ties": lambda rng, shape: rng.integers(0, 3, shape).astype(float),
    "masked by the largest number": lambda rng, shape: np.where(
        rng.random(shape) < 0.6, 3.4e38, rng.random(shape)
    ),
    "gates": lambda rng, shape: np.where(rng.random(shape) < 0.97, 1e7, rng.random(shape)),
    "three scales": lambda rng, shape: rng.choice([0, 1e-25, 1, 1e25], shape),
    "heavy tails": lambda rng, shape: np.exp(20 * rng.standard_normal(shape)),
    "forbidden": lambda rng, shape: np.where(
        (rng.random(shape) < 0.7) & ~np.eye(*shape, dtype=bool), np.inf, rng.random(shape)
    ),
}


@claim("Matchings")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", COSTS)
def test_matchings_are_optimal_as_far_as_their_gaps_say(kind, dtype):
    most = Fraction(5e-7 if dtype == "float32" else 1e-13)
    for seed, shape in enumerate([(4, 4), (11, 30), (30, 11), (25, 25), (49, 49), (70, 70)] * 3):
        costs = COSTS[kind](np.random.default_rng(seed), shape).astype(dtype)
        best = optimum(costs, maximize=False, allowed=np.isfinite(costs))
        found = ig.match(costs, maximize=False)
        missed = abs(best.total - exact_sum([found.total]))
        assert missed <= Fraction(found.gap)
        assert missed <= most * best.magnitude
        negative = ig.match(-costs)
        assert (negative.total, negative.gap) == (-found.total, found.gap)


@claim("The command line")
def test_nothing_is_ever_unpickled(tmp_path):
    trap = np.array([Trap(str(tmp_path / "sprung")), 1], object)
    np.save(tmp_path / "array.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "layers.npz", trap=trap, x=data((9, 3), "float32"))
    (tmp_path / "model.pt").write_bytes(pickle.dumps(list(trap)))
    with zipfile.ZipFile(tmp_path / "weights.npz", "w") as archive:
        memory = io.BytesIO()
        pickle.dump(list(trap), memory)
        archive.writestr("archive/data.pkl", memory.getvalue())
    for file in sorted(tmp_path.iterdir()):
        for command in (["rsm", file, "-o", tmp_path / "out.npy"], ["compare", file, file]):
            done = run_command(*map(str, command))
            assert "Traceback" not in done.stderr
            assert done.returncode == 0 or done.stderr.count("Error: ") == 1, done.stderr
    assert not (tmp_path / "sprung").exists()


# Samples ------------------------------------------------------------------------------------


@claim("Samples")
def test_samples_in_different_orders_are_not_compared(tmp_path):
    from isogram import io as files

    x, ids = data((40, 6), "float64"), np.arange(40)
    np.savez(tmp_path / "a.npz", conv=x, ids=ids)
    np.savez(tmp_path / "b.npz", conv=x[::-1], ids=ids[::-1])
    with files.open(tmp_path / "a.npz") as a, files.open(tmp_path / "b.npz") as b:
        for function in (ig.cka_matrix, ig.gbs_matrix, ig.similarity_matrix):
            with pytest.raises(ValueError, match="in the order of"):
                function(a, b)
        for function in (ig.cka, ig.hsic, ig.gbs, ig.similarity):
            with pytest.raises(ValueError, match="in the order of"):
                function(a["conv"], b["conv"])


# The same bits ------------------------------------------------------------------------------


@claim("The same bits")
@everything
def test_any_number_of_threads_gives_the_same_bits(simd_level, name):
    for dtype in ("float32", "float64"):
        arrays = arguments(dtype)
        one, *more = (
            as_bytes(EVERYTHING[name](*arrays, num_threads=threads)) for threads in (1, 2, 3, 5, 16)
        )
        assert all(other == one for other in more)


def test_the_same_bits_where_work_is_shared():
    """Large enough that every thread gets its part."""
    x, y = data((700, 90), "float32"), data((700, 130), "float32", 1)
    tokens = data((40, 30, 16), "float32")
    calls = [
        lambda **p: ig.cka_matrix([x, y], kernel="rbf", bandwidth=12.0, **p),
        lambda **p: ig.hsic(x, y, estimator="biased", **p),
        lambda **p: ig.gbs(x, y, k=9, **p),
        lambda **p: ig.gbs(x, y, **p),
        lambda **p: ig.modularity(x, np.arange(700) % 5, **p),
        lambda **p: ig.compare_rsms(x @ x.T, y @ y.T, method="spearman", **p),
        lambda **p: ig.semantic_rsm(tokens, **p),
    ]
    for call in calls:
        one, *more = (as_bytes(call(num_threads=threads)) for threads in (1, 2, 3, 4, 7))
        assert all(other == one for other in more)


# Processes ----------------------------------------------------------------------------------


@claim("Processes")
@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_an_interrupted_call_leaves_nothing_behind():
    """Ctrl-C at any moment; the same call then gives the bits that it gave before."""
    code = """
        import signal
        import numpy as np, isogram as ig

        rng = np.random.default_rng(0)
        x, y = (rng.standard_normal((1500, 300), dtype=np.float32) for _ in range(2))
        tokens = rng.standard_normal((90, 40, 16), dtype=np.float32)
        calls = [
            lambda: ig.gram(x, kernel="rbf").tobytes(),
            lambda: ig.cka_matrix([x, y, x]).tobytes(),
            lambda: ig.gbs(x, y, k=7),
            lambda: ig.semantic_rsm(tokens).tobytes(),
            lambda: ig.match(x[:, :90].reshape(150, 30, 30)).columns.tobytes(),
            lambda: ig.compare_rsms(x[:300], x[300:600], method="kendall"),
        ]
        stopped = 0
        for call in calls:
            right = call()
            for _ in range(8):
                try:
                    signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-4, 4e-2))
                    call()
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    stopped += 1
                assert call() == right
        print(stopped)
    """
    code = textwrap.dedent(code).replace(
        "stopped = 0\n", "stopped = 0\nsignal.signal(signal.SIGALRM, signal.default_int_handler)\n"
    )
    assert int(run_program(code, timeout=300)) > 0
    assert signal.getsignal(signal.SIGINT) is not None


# Instruction sets ---------------------------------------------------------------------------


@claim("Instruction sets")
@pytest.mark.parametrize("level", OFFERED_LEVELS)
def test_the_level_that_is_forced_runs_and_is_told(level):
    forced = {"ISOGRAM_SIMD_LEVEL": level}
    done = run_command("info", **forced)
    told = [line for line in done.stdout.splitlines() if level in line]
    assert told, done.stdout
    assert run_program("import isogram as ig; print(ig.simd.level())", forced) == level


@everything
def test_levels_agree(name):
    """Different machine code, the same numbers but for rounding; grids leave it no choices."""
    before = ig.simd.level()
    found = {}
    try:
        for level in OFFERED_LEVELS:
            ig.simd.set_level(level)
            found[level] = numbers(EVERYTHING[name](*arguments("float64")))
    finally:
        ig.simd.set_level(before)
    first, *others = found.values()
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-12, atol=1e-12)


def numbers(result):
    """Return all numbers of a result of any kind in one array."""
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, tuple):
        return np.concatenate([numbers(part) for part in result])
    return np.ravel(np.asarray(getattr(result, "data", result), np.float64))
