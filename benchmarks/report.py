"""Results as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.peaks import KINDS
from benchmarks.results import CaseResult, Entry, Results
from benchmarks.targets import verdicts


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table, its columns aligned."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, ["-" * width for width in widths], *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"| {' | '.join(cells)} |"


def seconds(value: float) -> str:
    """Return a time with a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


def spread(entry: Entry) -> str:
    """Return the quartiles of a time."""
    return f"{seconds(entry.seconds.low)} to {seconds(entry.seconds.high)} ({entry.seconds.count})"


def error(entry: Entry) -> str:
    """Return an error, marked where the number is wrong."""
    if entry.error is None:
        return ""
    return f"{entry.error:.1e}" + ("" if entry.right else " **wrong**")


def entry_row(entry: Entry) -> list[str]:
    """Return one line of a case's table."""
    return [
        entry.name,
        seconds(entry.seconds.median),
        spread(entry),
        f"{entry.ratio.median:.3g}",
        error(entry),
        "" if entry.kind == "limit" or not entry.cores else f"{entry.cores:.1f}",
        "" if entry.memory is None else f"{entry.memory:.0f} MB",
    ]


HEADER = (
    "", "median", "quartiles (samples)", "time ÷ isogram's", "error", "cores", "memory growth",
)  # fmt: skip


def case_lines(case: CaseResult) -> Iterator[str]:
    """Yield one case's section."""
    sizes = ", ".join(f"{name} = {value}" for name, value in case.sizes.items())
    yield f"### {case.name}: {case.title}"
    yield ""
    yield (
        f"{sizes}; {case.dtype}; data: {case.data}; threads: {case.threads}; "
        f"{case.clock} clock; {case.date}, commit {case.commit}, "
        f"load {case.load:.1f}"
    )
    yield ""
    yield from table(HEADER, [entry_row(entry) for entry in case.entries])
    for name, reason in case.missing.items():
        yield ""
        yield f"- {name}: {reason}"
    yield ""


def machine_lines(results: Results) -> Iterator[str]:
    """Yield what the figures were measured on."""
    machine = results.machine
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    levels = ", ".join(machine["simd_available"])
    yield f"- processor: {machine['processor']}, {machine['cores']} cores; {caches}"
    yield f"- system: {machine['system']}"
    yield f"- SIMD level: {machine['simd_level']} (of {levels})"
    yield f"- BLAS of the rivals: {', '.join(machine['blas']) or 'unknown'}"
    for kind, rate in results.peaks.items():
        yield f"- {KINDS[kind]}: {rate / 1e9:.4g} billion, one thread"
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    yield f"- versions: {versions}"


def target_rows(results: Results) -> list[list[str]]:
    """Return the rows of the table of targets."""
    words = {True: "met", False: "**not met**", None: "not measured"}
    return [
        [
            verdict.case,
            verdict.bound,
            "" if verdict.value is None else f"{verdict.value:.3g}",
            words[verdict.met],
            "" if verdict.possible is None else f"{verdict.possible:.3g}",
        ]
        for verdict in verdicts(results)
    ]


def markdown(results: Results, notes: str | None = None) -> str:
    """Return the whole report; `notes` is the file that says why targets are missed."""
    lines = [f"# Results on {results.machine['processor']}", ""]
    if results.quick:
        lines += ["A quick run: tiny sizes, few samples. Its times mean nothing.", ""]
    lines += [*machine_lines(results), ""]
    if not results.quick:
        header = ("case", "target", "measured", "", "at the limit")
        lines += ["## Targets", "", *table(header, target_rows(results)), ""]
        if notes:
            lines += [f"[{notes}]({notes}) says why the others are missed.", ""]
    lines += ["## Cases", ""]
    for case in results.cases.values():
        lines += case_lines(case)
    return "\n".join(lines).rstrip() + "\n"
