"""What the GPU code reaches, in ratios to what the GPU can do: `python -m benchmarks.cuda`.

Times are of the GPU between two events around a call, after one that warms up; contenders take
turns, and medians of their rounds are compared. Writes results/<device>/cuda.json and cuda.md.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import cupy
import isogram as ig
import numpy as np
from isogram.typing import RsmPrecisionName

from benchmarks.baselines.rivals import PACKAGES, Unavailable, load
from benchmarks.case import Case, Workload
from benchmarks.cases import all_cases
from benchmarks.machine import commit
from benchmarks.settings import Settings

RESULTS = Path(__file__).parent / "results"
ROUNDS = 7

Call = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """A figure, and what it is to be."""

    work: str
    what: str
    value: float
    target: float
    seconds: dict[str, float]

    @property
    def is_met(self) -> bool:
        """Whether the figure is at least its target."""
        return self.value >= self.target


def seconds_of(calls: dict[str, Call], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median time on the GPU of calls that take turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds_of_one(call))
    return {name: statistics.median(values) for name, values in times.items()}


def seconds_of_one(call: Call) -> float:
    """Return the time on the GPU of one call."""
    begin, end = cupy.cuda.Event(), cupy.cuda.Event()
    begin.record()
    call()
    end.record()
    end.synchronize()
    return float(cupy.cuda.get_elapsed_time(begin, end)) / 1e3


def seconds_of_host(call: Call) -> float:
    """Return the time of one call on one thread of the host."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def normal(*shape: int, seed: int = 0) -> Any:
    """Return float32 normal data on the GPU."""
    return cupy.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


# What a GPU has to reach beside its own limits, at sizes of its own: each returns rows ------


def gram(scale: float) -> list[Row]:
    n, d = round(16384 * scale), 1024
    x, out = normal(n, d), cupy.empty((n, n), np.float32)
    seconds = seconds_of(
        {
            "linear": lambda: ig.gram(x, out=out),
            "rbf": lambda: ig.gram(x, kernel="rbf", bandwidth=45.0, out=out),
            "CuPy": lambda: cupy.matmul(x, x.T, out=out),
        }
    )
    work = f"Gram matrix, n = {n}, d = {d}"
    of_cupy = seconds["CuPy"] / seconds["linear"]
    of_linear = seconds["linear"] / seconds["rbf"]
    return [
        Row(work, "linear: CuPy's time over ours", of_cupy, 0.95, seconds),
        Row(work, "linear's time over RBF's", of_linear, 1 / 1.15, seconds),
    ]


def center(scale: float) -> list[Row]:
    n = round(16384 * scale)
    k, copy = normal(n, n), cupy.empty((n, n), np.float32)
    seconds = seconds_of(
        {"center": lambda: ig.center(k, out=k), "copy": lambda: cupy.copyto(copy, k)}
    )
    # It has to read for the sums, and to read and write for the update: a copy and a half.
    value = 1.5 * seconds["copy"] / seconds["center"]
    return [Row(f"centring in place, n = {n}", "of the copy's bandwidth", value, 0.8, seconds)]


def cka(scale: float) -> list[Row]:
    count, n, d = 48, round(10_000 * scale), 1024
    x, y = ([normal(n, d, seed=s + i) for i in range(count)] for s in (0, count))
    a, out = normal(8192, d), cupy.empty((8192, 8192), np.float32)
    seconds = seconds_of(
        {"cka_matrix": lambda: ig.cka_matrix(x, y), "GEMM": lambda: cupy.matmul(a, a.T, out=out)},
        rounds=3,
    )
    # All Gram matrices once, of which symmetry spares half.
    products = 2 * count * n * n / 2 / 8192**2
    value = products * seconds["GEMM"] / seconds["cka_matrix"]
    work = f"cka_matrix, {count} × {count} layers, n = {n}, d = {d}"
    return [Row(work, "of the GEMM limit", value, 0.6, seconds)]


def nearest(scale: float) -> list[Row]:
    n, d, k = round(100_000 * scale), 256, 10
    x = normal(n, d)

    def by_partition() -> None:
        unit = x / cupy.linalg.norm(x, axis=1, keepdims=True)
        for begin in range(0, n, 4096):
            cosines = unit[begin : begin + 4096] @ unit.T
            cupy.argpartition(-cosines, k + 1, axis=1)[:, : k + 1]

    seconds = seconds_of({"graph": lambda: ig.graph(x, k=k), "CuPy": by_partition}, rounds=3)
    work = f"k-NN graph, n = {n}, d = {d}, k = {k}"
    value = seconds["CuPy"] / seconds["graph"]
    return [Row(work, "GEMM and partition's time over ours", value, 1.5, seconds)]


def smooth_fields(count: int, tokens: int, channels: int) -> Any:
    """Return (count, tokens, channels) random fields on a square grid, smooth over a few cells."""
    side = math.isqrt(tokens)
    frequencies = cupy.fft.fftfreq(side) * side
    decay = cupy.exp(-(frequencies[:, None] ** 2 + frequencies**2) / 18)
    fields = cupy.empty((count, tokens, channels), np.float32)
    for begin in range(0, count, 64):
        of_these = fields[begin : begin + 64]
        noise = normal(len(of_these), channels, side, side, seed=begin)
        smooth = cupy.fft.ifft2(cupy.fft.fft2(noise) * decay).real.transpose(0, 2, 3, 1)
        of_these[...] = smooth.reshape(of_these.shape)
    return fields


def affinities(count: int, tokens: int) -> Any:
    """Return the affinities of pairs of smooth fields."""
    fields = smooth_fields(512, tokens, 64)
    first, second = cupy.random.default_rng(4).integers(0, len(fields), (2, count))
    problems = cupy.empty((count, tokens, tokens), np.float32)
    for part in (slice(begin, begin + 4096) for begin in range(0, count, 4096)):
        a, b = fields[first[part]], fields[second[part]]
        cupy.matmul(a, b.transpose(0, 2, 1), out=problems[part])
    return problems


def match(scale: float) -> list[Row]:
    rows = []
    others = list(rivals())
    for tokens, count, wanted in ((49, 100_000, 25), (64, 100_000, 12.5), (196, 10_000, 0.5)):
        problems = affinities(round(count * scale), tokens)
        seconds = seconds_of({"match": lambda problems=problems: ig.match(problems)}, rounds=5)  # type: ignore[misc]
        work = f"{len(problems)} assignments, S = {tokens}, smooth fields"
        rate = len(problems) / seconds["match"] / 1e6
        rows.append(Row(work, "million a second", rate, wanted, seconds))
        for rival, solve, wanted_ratio in others:
            few = problems[:1000]
            seconds = seconds_of(
                {"match": lambda: ig.match(problems), rival: lambda: solve(-few)},  # noqa: B023
                rounds=3,
            )
            value = seconds[rival] / len(few) * len(problems) / seconds["match"]
            rows.append(Row(work, f"{rival}'s time over ours", value, wanted_ratio, seconds))
    return rows


# The solver of each package that matches CUDA tensors, and the ratio of times that is wanted.
RIVALS = {
    "torch_linear_assignment": ("batch_linear_assignment", 20),
    "torchmatch": ("solve", 1),
}


def rivals() -> Iterator[tuple[str, Callable[[Any], object], float]]:
    """Yield the packages that can be imported, their solvers for CuPy's arrays, and the ratios."""
    for name, (solver, ratio) in RIVALS.items():
        adapter = load(name)
        if not isinstance(adapter, Unavailable):
            yield PACKAGES[name], partial(solved, adapter, solver), ratio


def solved(adapter: ModuleType, solver: str, costs: Any) -> object:
    """Return what a rival finds for a CuPy array."""
    return getattr(adapter, solver)(adapter.torch.from_dlpack(costs))


def semantic_rsm(scale: float) -> list[Row]:
    rows = []
    # Tokens, channels and inputs, and the pairs a second that are wanted, in millions.
    cases: tuple[tuple[int, int, int, dict[RsmPrecisionName, float]], ...] = (
        (49, 1280, 4096, {"bfloat16": 12.5, "float32": 4.0}),
        (196, 768, 1024, {"float32": 0.25}),
    )
    for tokens, channels, inputs, wanted in cases:
        fields = smooth_fields(round(inputs * scale), tokens, channels)
        some = cupy.asnumpy(fields[:48])
        n = len(fields)
        work = f"semantic RSM, n = {n}, S = {tokens}, C = {channels}"
        for precision, rate in wanted.items():
            seconds = seconds_of(
                {precision: lambda: ig.semantic_rsm(fields, precision=precision)},  # noqa: B023
                rounds=3,
            )
            pairs = n * (n - 1) / 2
            value = pairs / seconds[precision] / 1e6
            rows.append(Row(work, f"{precision}: million pairs a second", value, rate, seconds))
            seconds["one core, 48 inputs"] = seconds_of_host(
                lambda: ig.semantic_rsm(some, precision=precision, num_threads=1)  # noqa: B023
            )
            of_core = seconds["one core, 48 inputs"] / (48 * 47 / 2) * pairs
            value = of_core / seconds[precision]
            rows.append(Row(work, f"{precision}: one core's time over ours", value, 100, seconds))
    return rows


AXES = 256


def head_tokens(count: int) -> Any:
    """Return tokens like those of EfficientNet-Lite0's head: 1280 channels that depend on 320.

    Variances fall from axis to axis so that AXES lose what they lose there, some 5e-7 of an entry.
    """
    scales = cupy.exp(-cupy.arange(320, dtype=np.float32) / 90)
    expansion = scales[:, None] * normal(320, 1280, seed=1)
    return smooth_fields(count, 49, 320) @ expansion


def semantic_rsm_along_axes(scale: float) -> list[Row]:
    tokens = head_tokens(round(50_000 * scale))
    some = tokens[: round(4096 * scale)]
    n = len(some)

    def along_axes(tokens: Any) -> Any:
        return ig.semantic_rsm(tokens, precision="bfloat16", rank=AXES)

    seconds = seconds_of(
        {
            "all channels": lambda: ig.semantic_rsm(some, precision="bfloat16"),
            f"{AXES} axes": lambda: along_axes(some),
        },
        rounds=3,
    )
    work = f"semantic RSM along {AXES} axes, bfloat16, n = {n}, S = 49, C = 1280"
    rate = n * (n - 1) / 2 / seconds[f"{AXES} axes"] / 1e6
    gain = seconds["all channels"] / seconds[f"{AXES} axes"]
    loss = float((ig.semantic_rsm(some) - along_axes(some)).mean(dtype=np.float64))
    # Once, as it takes half a minute.
    of_all = {"GPU": seconds_of_one(lambda: along_axes(tokens))}
    of_all_work = work.replace(f"n = {n}", f"n = {len(tokens)}")
    wanted = 35 * scale**2
    return [
        Row(work, "million pairs a second", rate, 40, seconds),
        Row(work, "all channels' time over ours", gain, 1.8, seconds),
        Row(work, "1e-6 over the mean loss", 1e-6 / max(loss, 1e-9), 1, {}),
        Row(of_all_work, f"{wanted:.3g} s over ours", wanted / of_all["GPU"], 1, of_all),
    ]


# Of the suite's groups those whose cases are large enough for a GPU.
BESIDE_ONE_CORE = ("gram", "center", "cka", "gbs", "knn", "compare")


def beside_one_core(scale: float) -> list[Row]:
    """Return the suite's own cases, each beside one thread of the host."""
    settings = Settings(quick=scale < 1)
    cases = [case for case in all_cases(settings) if case.group in BESIDE_ONE_CORE]
    return [beside_host(case, case.build(settings)) for case in cases]


def beside_host(case: Case, workload: Workload) -> Row:
    """Compute a case on the GPU and on one thread of the host."""
    inputs = [cupy.asarray(array) for array in workload.inputs]
    try:
        answer = workload.compute(*inputs, threads=1)
        error = workload.error(cupy.asnumpy(answer) if hasattr(answer, "get") else answer)
        if error > workload.right:
            raise AssertionError(f"{case.name}: the GPU is wrong by {error:.2g}")
        seconds = seconds_of({"GPU": lambda: workload.compute(*inputs, threads=1)}, rounds=3)
        seconds["one core"] = seconds_of_host(lambda: workload.isogram(1))
    finally:
        workload.close()
    sizes = ", ".join(f"{name} = {size}" for name, size in case.sizes.items())
    value = seconds["one core"] / seconds["GPU"]
    return Row(f"{case.title}, {sizes}", "one core's time over ours", value, 50, seconds)


CASES = (
    gram,
    center,
    cka,
    nearest,
    match,
    semantic_rsm,
    semantic_rsm_along_axes,
    beside_one_core,
)


# The report -----------------------------------------------------------------------------------


def machine() -> dict[str, str]:
    """Return what was measured, and with what."""
    properties = cupy.cuda.runtime.getDeviceProperties(0)
    return {
        "device": properties["name"].decode(),
        "compute capability": f"{properties['major']}.{properties['minor']}",
        "driver": str(cupy.cuda.runtime.driverGetVersion()),
        "host": platform.processor() or platform.machine(),
        "isogram": ig.__version__,
        "commit": commit(),
        "CuPy": cupy.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }


def as_markdown(about: dict[str, str], rows: list[Row]) -> str:
    """Return the report."""
    lines = [f"# {about['device']}", "", ", ".join(f"{k}: {v}" for k, v in about.items()), ""]
    lines += ["| work | figure | reached | target | met | times |", "|---|---|---|---|---|---|"]
    for row in rows:
        times = ", ".join(f"{name} {1e3 * s:.3g} ms" for name, s in row.seconds.items())
        met = "yes" if row.is_met else "**no**"
        lines.append(
            f"| {row.work} | {row.what} | {row.value:.3g} | {row.target:.3g} | {met} | {times} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of samples")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    about, rows = machine(), []
    folder = options.output / about["device"].lower().replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        rows += case(options.scale)
        cupy.get_default_memory_pool().free_all_blocks()
        # After every case: what was measured outlives a run that is cut off.
        as_json = {"machine": about, "rows": [asdict(r) | {"met": r.is_met} for r in rows]}
        (folder / "cuda.json").write_text(json.dumps(as_json, indent=1) + "\n")
        (folder / "cuda.md").write_text(as_markdown(about, rows))
    print(as_markdown(about, rows))


if __name__ == "__main__":
    main()
