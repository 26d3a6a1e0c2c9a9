"""`match` against exact integers, on costs of every kind that makes assignments go wrong.

For every problem: the columns are an assignment, the total is the plain sum of what they match, the
optimum is no further from it than the gap says, and no further than is promised.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field

import isogram as ig
import numpy as np
from exact import exact_sum, optimum

# How far a total may be below the optimum, over the sum of the optimum's magnitudes.
MOST_LOST = {"float32": 5e-7, "float64": 1e-13}

# Sums of so few float64 numbers as a problem matches.
SUM_ERROR = 1e-14


@dataclass
class Case:
    """A batch of problems to minimise, or whose negative is to be maximised."""

    description: str
    costs: np.ndarray
    maximize: bool
    options: dict = field(default_factory=dict)


def fuzz(seconds: float, seed: int, keep_going: bool) -> int:
    """Check one case after another until the time is up; return the number of faults."""
    end, first, faults = time.monotonic() + seconds, seed, 0
    while True:
        case = draw(np.random.default_rng(seed))
        try:
            check(case)
        except Exception:
            traceback.print_exc()
            print(f"assignment: {case.description}, --seed {seed}", flush=True)
            faults += 1
        seed += 1
        if time.monotonic() >= end or (faults and not keep_going):
            break
    print(f"assignment: {seed - first} batches, {faults} faults")
    return faults


# What is checked ----------------------------------------------------------------------------


def check(case: Case) -> None:
    """Assert everything that is promised of a batch."""
    found = ig.match(case.costs, maximize=case.maximize, **case.options)
    assert found.columns.shape == case.costs.shape[:2]
    for costs, columns, total, gap in zip(case.costs, *found, strict=True):
        check_problem(costs, columns, total, gap, case.maximize)


def check_problem(costs, columns, total, gap, maximize) -> None:
    """Assert everything that is promised of one problem."""
    rows = np.flatnonzero(columns >= 0)
    matched = columns[rows]
    assert len(rows) == min(costs.shape), f"{len(rows)} rows are matched"
    assert len(set(matched)) == len(matched), "a column is matched twice"
    assert matched.max(initial=-1) < costs.shape[1]
    entries = costs[rows, matched].astype(np.float64)
    assert abs(total - entries.sum()) <= SUM_ERROR * np.abs(entries).sum(), "not the plain sum"

    best = optimum(costs, maximize=maximize)
    lost = (best.total - exact_sum(entries)) * (1 if maximize else -1)
    assert lost >= 0
    of_total = abs(best.total - exact_sum([total]))
    rounding = SUM_ERROR * float(best.magnitude)
    assert of_total <= gap + rounding, f"off by {float(of_total):.3g}, gap {gap:.3g}"
    most = MOST_LOST.get(costs.dtype.name, MOST_LOST["float64"]) * float(best.magnitude)
    assert lost <= most, f"{float(lost):.3g} from the optimum, {most:.3g} is allowed"


# Costs --------------------------------------------------------------------------------------
# A family takes a generator and a shape (b, s, t) and returns float64, which is then rounded.


def uniform(rng, b, s, t):
    return rng.random((b, s, t))


def normal(rng, b, s, t):
    return rng.standard_normal((b, s, t))


def correlated_tokens(rng, b, s, t):
    """Neighbours are near-duplicates."""

    def tokens(size):
        steps = rng.standard_normal((b, size, 6)) / np.sqrt(size)
        return rng.standard_normal((b, 1, 6)) + np.cumsum(steps, axis=1)

    return tokens(s) @ tokens(t).transpose(0, 2, 1)


def dead_tokens(rng, b, s, t):
    a, c = (np.maximum(rng.standard_normal((b, size, 5)), 0) for size in (s, t))
    a[:, rng.random(s) < 0.5] = 0
    return -a @ c.transpose(0, 2, 1)


def few_values(rng, b, s, t):
    return rng.integers(0, rng.integers(1, 5), (b, s, t), endpoint=True).astype(float)


def signed_zeros(rng, b, s, t):
    return np.copysign(few_values(rng, b, s, t), rng.standard_normal((b, s, t)))


def rank_one(rng, b, s, t):
    return rng.standard_normal((b, s, 1)) * rng.standard_normal((b, 1, t))


def heavy_tails(rng, b, s, t):
    return np.exp(8 * rng.standard_normal((b, s, t)))


def offset(rng, b, s, t):
    return 10.0 ** rng.integers(1, 7) + rng.standard_normal((b, s, t))


def rows_of_unlike_scale(rng, b, s, t):
    return rng.random((b, s, t)) * 10.0 ** rng.uniform(-6, 6, (b, s, 1))


def permuted_identity(rng, b, s, t):
    """All but one entry of a row are nearly the same."""
    costs = 1 + 10.0 ** -rng.integers(1, 16) * rng.random((b, s, t))
    for problem in costs:
        size = min(s, t)
        problem[rng.permutation(s)[:size], rng.permutation(t)[:size]] = rng.choice([0, 0.5, -1])
    return costs


def huge(rng, b, s, t):
    return 1e30 * normal(rng, b, s, t)


def tiny(rng, b, s, t):
    return 1e-30 * normal(rng, b, s, t)


FAMILIES = [uniform, normal, correlated_tokens, dead_tokens, few_values, signed_zeros, rank_one,
            heavy_tails, offset, rows_of_unlike_scale, permuted_identity, huge, tiny]  # fmt: skip


# Drawing ------------------------------------------------------------------------------------


def draw(rng) -> Case:
    """Choose family, shape, type, memory order and direction."""
    family = FAMILIES[rng.integers(len(FAMILIES))]
    dtype = str(rng.choice(["float32", "float64"]))
    shape = draw_shape(rng)
    costs = family(rng, *shape).astype(dtype)
    maximize = bool(rng.integers(2))
    layout = rng.choice(["C", "Fortran", "strided"])
    description = f"{family.__name__} {shape} {dtype} {layout} {'max' if maximize else 'min'}"
    return Case(description, laid_out(-costs if maximize else costs, layout), maximize)


def draw_shape(rng) -> tuple[int, int, int]:
    """Mostly squares, mostly small; about as much work each."""
    s = int(rng.integers(1, rng.choice([4, 12, 40, 70]), endpoint=True))
    t = s if rng.random() < 0.6 else int(rng.integers(1, 2 * s, endpoint=True))
    return max(1, min(8, 2000 // (s * t))), s, t


def laid_out(costs, layout) -> np.ndarray:
    """Return the same numbers in another order of memory."""
    if layout == "Fortran":
        return np.asfortranarray(costs)
    if layout == "strided":
        wider = np.full([2 * size + 1 for size in costs.shape], np.nan, costs.dtype)
        view = wider[1::2, 1::2, 1::2][::-1]
        view[...] = costs
        return view
    return costs
