"""What isogram set out to reach, and whether the results reach it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.cases.gram import FORCED
from benchmarks.cases.growth import PAIRS_OF_SMALLEST, SMALLEST
from benchmarks.cases.jobs import WITHOUT
from benchmarks.cases.measures import MATCHED_LAYERS, SCIPY
from benchmarks.cases.significance import ONE_CKA, ONE_TABLE, RSMS
from benchmarks.results import ISOGRAM, LIMIT, CaseResult, Entry, Results

WORTH_TWO_THREADS = 0.2  # seconds
TWO_THREADS = 1.85
LEVEL_SPEEDS = {"avx2": 0.45, "baseline": 0.15}  # of the AVX-512 speed
STEADY = 1.10  # time per pair, largest over smallest

Measure = Callable[[CaseResult], float | None]


@dataclass(frozen=True)
class Target:
    """A figure of one case with its bound."""

    case: str
    what: str
    bound: float
    measure: Measure
    at_most: bool = False

    def met(self, value: float) -> bool:
        """Compare a measured value with the bound."""
        return value <= self.bound if self.at_most else value >= self.bound

    def possible(self, case: CaseResult) -> float | None:
        """Return the ratio to a rival if isogram took no longer than the machine's limit."""
        value, fraction = self.measure(case), of_limit(case)
        if self.measure in NOT_OF_RIVALS or value is None or fraction is None:
            return None
        return value / fraction


@dataclass(frozen=True)
class Verdict:
    """A target with what was measured, None where nothing was."""

    case: str
    what: str
    bound: str
    value: float | None
    met: bool | None
    possible: float | None  # the most that the machine's limit leaves room for


def _ratio(entry: Entry | None) -> float | None:
    return None if entry is None else entry.ratio.median


def against(rival: str) -> Measure:
    """Return how many times faster than one rival."""
    return lambda case: _ratio(case.entry(rival))


def against_best(*, right: bool = True, but: tuple[str, ...] = ()) -> Measure:
    """Return how many times faster than the fastest rival (that gives the right number)."""

    def measure(case: CaseResult) -> float | None:
        ratios = [
            entry.ratio.median
            for entry in case.rivals
            if (entry.right or not right) and entry.name not in but
        ]
        return min(ratios, default=None)

    return measure


def of_limit(case: CaseResult) -> float | None:
    """Return the machine's least time over isogram's."""
    return _ratio(case.entry(LIMIT))


def over_limit(case: CaseResult) -> float | None:
    """Return isogram's time over the machine's least time."""
    fraction = of_limit(case)
    return None if fraction is None else 1 / fraction


def at_precision(name: str, rival: str) -> Measure:
    """Return how many times faster than a rival isogram is at another precision."""

    def measure(case: CaseResult) -> float | None:
        narrow, slow = case.entry(f"isogram, {name}"), case.entry(rival)
        if narrow is None or slow is None:
            return None
        return slow.ratio.median / narrow.ratio.median

    return measure


def over_variant(name: str) -> Measure:
    """Return isogram's time over that of something else that it computes."""

    def measure(case: CaseResult) -> float | None:
        ratio = _ratio(case.entry(f"isogram, {name}"))
        return None if ratio is None else 1 / ratio

    return measure


def memory_growth(case: CaseResult) -> float | None:
    """Return the growth of the peak of resident memory in MB."""
    entry = case.entry(ISOGRAM)
    return None if entry is None else entry.memory


def microseconds(case: CaseResult) -> float | None:
    """Return isogram's time in µs."""
    entry = case.entry(ISOGRAM)
    return None if entry is None else 1e6 * entry.seconds.median


NOT_OF_RIVALS = (of_limit, over_limit, memory_growth, microseconds)
LOOP = "NumPy and SciPy"
NEVER_SLOWER = ("dead", "integer", "rank-one", "uniform")
SIZES = (16, 49, 196, 784)
REAL_MATCHES = {
    22.0: ("s49c1280", "s49c320", "s49c192"),
    28.0: ("s196c112", "s196c80"),
    35.0: ("s784c40",),
}

TARGETS = (
    Target("gram-linear", "× NumPy as installed", 1.5, against("NumPy")),
    Target("gram-linear", f"× {FORCED}", 1.0, against(FORCED)),
    Target("gram-linear", "of the FMA peak", 0.85, of_limit),
    Target("gram-rbf", "× scikit-learn", 5, against("scikit-learn")),
    Target("center-biased", "× scikit-learn", 3, against("scikit-learn")),
    Target("center-biased", "of the bandwidth limit", 0.6, of_limit),
    Target("cka-linear-debiased", "× pytorch-cka", 10, against("pytorch-cka")),
    Target("cka-linear-biased", "× NumPy's three lines", 1, against("NumPy, three lines")),
    Target("cka-linear-debiased", "MB of memory growth", 64, memory_growth, at_most=True),
    Target("cka-rbf-debiased", "× the fastest right rival", 5, against_best()),
    Target("cka-matrix", "× the fastest package", 20, against("pytorch-cka")),
    Target("cka-matrix", "× the fastest right rival", 20, against_best()),
    Target("gbs-full", "× NumPy", 10, against("NumPy")),
    Target("gbs-networkx", "× networkx", 100, against("networkx")),
    Target("knn-graph", "× scikit-learn, brute", 2, against("scikit-learn, brute")),
    Target("knn-graph", "× faiss, flat", 1, against("faiss, flat")),
    *(
        target
        for bound, maps in REAL_MATCHES.items()
        for name in maps
        for target in (
            Target(f"match-real-{name}", "× SciPy", bound, against("SciPy")),
            Target(f"match-real-{name}", "× the fastest package", 8, against_best(but=("SciPy",))),
        )
    ),
    *(
        Target(f"match-{kind}-s{size}", "× the fastest of all", 1, against_best())
        for kind in NEVER_SLOWER
        for size in SIZES
    ),
    Target("rsm-s49c1280", f"× {LOOP}", 6.5, against(LOOP)),
    Target("rsm-s49c1280", "× the affinities' time at FMA peak", 1.35, over_limit, at_most=True),
    Target("rsm-s49c1280", f"× {LOOP}, bfloat16", 10, at_precision("bfloat16", LOOP)),
    Target("rsm-s49c320", f"× {LOOP}", 9, against(LOOP)),
    Target("rsm-s196c112", f"× {LOOP}", 18, against(LOOP)),
    Target("rsm-s784c40", f"× {LOOP}", 30, against(LOOP)),
    Target("permutation-cka", "× hyppo", 10, against("hyppo")),
    Target("permutation-cka", f"× {ONE_CKA}", 100, over_variant(ONE_CKA), at_most=True),
    Target("permutation-distance-correlation", "× dcor", 10, against("dcor")),
    *(
        Target(case, f"× {ONE_TABLE}", 150, over_variant(ONE_TABLE), at_most=True)
        for case in ("permutation-layers", "permutation-layers-of-one-set")
    ),
    Target("calibrated-cka", "× calibrated-similarity", 20, against("calibrated-similarity")),
    *(
        Target(f"bootstrap-rsms-{method}", "× rsatoolbox", 10, against("rsatoolbox"))
        for method in RSMS
    ),
    *(
        Target(f"correlation-match-{name}", f"× {SCIPY}", 10, against(SCIPY))
        for name in MATCHED_LAYERS
    ),
    Target("small-gram", "µs", 15, microseconds, at_most=True),
    Target("small-cka", "µs", 15, microseconds, at_most=True),
    Target("small-match", "µs", 8, microseconds, at_most=True),
    Target("job-rsm", "× no journal", 1.02, over_variant(WITHOUT), at_most=True),
)


def verdicts(results: Results) -> Iterator[Verdict]:
    """Return every target's verdict."""
    for target in TARGETS:
        case = results.cases.get(target.case)
        value = None if case is None else target.measure(case)
        met = None if value is None else target.met(value)
        bound = f"{'≤' if target.at_most else '≥'} {target.bound:g} {target.what}"
        possible = None if case is None else target.possible(case)
        yield Verdict(target.case, target.what, bound, value, met, possible)
    yield from _threads(results)
    yield from _levels(results)
    yield from _growth(results)


def _threads(results: Results) -> Iterator[Verdict]:
    bound = f"≥ {TWO_THREADS} × with two threads"
    for case in results.cases.values():
        one, two = case.entry(ISOGRAM), case.entry("isogram, 2 threads")
        if one is None or two is None or one.seconds.median < WORTH_TWO_THREADS:
            continue
        value = 1 / two.ratio.median
        yield Verdict(case.name, "two threads", bound, value, value >= TWO_THREADS, None)


def _levels(results: Results) -> Iterator[Verdict]:
    if results.machine["simd_level"] != "avx512":
        return
    for case in results.cases.values():
        for level, least in LEVEL_SPEEDS.items():
            entry = case.entry(f"isogram, {level}")
            if entry is not None:
                value = 1 / entry.ratio.median
                bound = f"≥ {least} of the AVX-512 speed at {level}"
                yield Verdict(case.name, level, bound, value, value >= least, None)


def _growth(results: Results) -> Iterator[Verdict]:
    # Against the smallest case in the same rounds: minutes later, a shared machine may be slower.
    each = [1.0]
    for case in results.cases.values():
        entry = case.entry(SMALLEST)
        if entry is not None and case.per is not None:
            each.append(PAIRS_OF_SMALLEST / case.per[1] / entry.ratio.median)
    if len(each) > 1:
        value = max(each) / min(each)
        bound = f"≤ {STEADY} × the time per pair, largest over smallest"
        yield Verdict("growth", "time per pair", bound, value, value <= STEADY, None)
