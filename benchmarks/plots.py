"""Results as pictures."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt

from benchmarks.results import ISOGRAM, CaseResult, Results

ISOGRAM_STYLE = {"color": "black", "linewidth": 2.5, "marker": "o", "zorder": 3}
Series = dict[str, list[tuple[float, float]]]


def save_all(results: Results, folder: Path) -> list[Path]:
    """Save the plots that the results have data for."""
    made = []
    for kind in sorted({case.data for case in results.cases.values() if case.group == "match"}):
        series = per_item(results, "match", kind, "s", microseconds=True)
        path = folder / f"assignment-{kind.replace(' ', '-')}.png"
        if lines(series, path, f"Assignment, {kind} data", "tokens S", "µs per assignment"):
            made.append(path)
    path = folder / "semantic-rsm.png"
    if lines(growth(results), path, "Semantic RSM, S = 49, C = 320", "inputs N", "seconds"):
        made.append(path)
    path = folder / "ratios.png"
    if ratios(results, path):
        made.append(path)
    return made


def per_item(results: Results, group: str, kind: str, size: str, *, microseconds: bool) -> Series:
    """Return the time per item of every contender against a size; the mean of cases of one size."""
    times: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for case in results.cases.values():
        if case.group != group or case.data != kind or case.per is None:
            continue
        for entry in case.entries:
            if entry.kind in ("isogram", "rival") and entry.right:
                item = entry.seconds.median / case.per[1]
                times[entry.name][case.sizes[size]].append(item)
    scale = 1e6 if microseconds else 1.0
    return {
        name: [(s, scale * sum(values) / len(values)) for s, values in sorted(by_size.items())]
        for name, by_size in times.items()
    }


def growth(results: Results) -> Series:
    """Return the time of a semantic RSM against the number of inputs."""
    series: Series = defaultdict(list)
    cases = [case for case in results.cases.values() if case.group == "growth"]
    for case in sorted(cases, key=lambda case: case.sizes["n"]):
        for entry in case.entries:
            if entry.kind in ("isogram", "threads", "rival"):
                series[entry.name].append((case.sizes["n"], entry.seconds.median))
    rival = series.get("NumPy and SciPy")
    if rival and len(series[ISOGRAM]) > len(rival):
        series["NumPy and SciPy, extrapolated by pairs"] = extrapolated(
            rival[-1], [n for n, _ in series[ISOGRAM]]
        )
    return series


def extrapolated(last: tuple[float, float], sizes: list[float]) -> list[tuple[float, float]]:
    """Return times that grow with the number of pairs."""
    n, seconds = last
    return [(m, seconds * m * (m - 1) / (n * (n - 1))) for m in sizes if m >= n]


def lines(series: Series, path: Path, title: str, xlabel: str, ylabel: str) -> bool:
    """Save a plot with logarithmic axes, unless there is but one point on each line."""
    if not series or max(len(points) for points in series.values()) < 2:
        return False
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    for name, points in series.items():
        style: dict[str, Any] = {"marker": ".", "linewidth": 1}
        if name.startswith(ISOGRAM):
            style = dict(ISOGRAM_STYLE, linestyle="-" if name == ISOGRAM else "--")
        elif "extrapolated" in name:
            style = {"linestyle": ":", "color": "gray"}
        axes.plot(*zip(*points, strict=True), label=name, **style)
    axes.set(xscale="log", yscale="log", title=title, xlabel=xlabel, ylabel=ylabel)
    sizes = sorted({x for points in series.values() for x, _ in points})
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return True


def fastest_rival(case: CaseResult) -> tuple[str, float] | None:
    """Return the fastest rival with the right number and its time over isogram's."""
    right = [entry for entry in case.rivals if entry.right]
    if not right:
        return None
    best = min(right, key=lambda entry: entry.ratio.median)
    return best.name, best.ratio.median


def ratios(results: Results, path: Path) -> bool:
    """Save a bar for every case: how many times faster than the fastest rival."""
    bars = [
        (case.name, *found)
        for case in results.cases.values()
        if (found := fastest_rival(case)) is not None
    ]
    if not bars:
        return False
    names, rivals, values = zip(*bars, strict=True)
    figure, axes = plt.subplots(figsize=(9, 1 + 0.28 * len(bars)), layout="constrained")
    colors = ["tab:blue" if value >= 1 else "tab:red" for value in values]
    axes.barh(names, [value - 1 for value in values], left=1, color=colors)
    for i, (rival, value) in enumerate(zip(rivals, values, strict=True)):
        axes.annotate(
            f" {value:.3g} × {rival}", (max(value, 1), i), va="center", fontsize="x-small"
        )
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlim=(None, 4 * max(values)), xlabel="times as fast as the best rival")
    axes.invert_yaxis()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return True
