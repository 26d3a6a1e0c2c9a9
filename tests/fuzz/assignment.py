"""`match` against exact integers, on costs of every kind that makes assignments go wrong.

For every problem: the columns are an assignment of pairs that are allowed, the total is the sum of
what they match, the optimum is no further from it than the gap says, and no further than is
promised. A problem without such an assignment is an error that names it.
"""

from __future__ import annotations

import time
import traceback
import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import isogram as ig
import numpy as np
from exact import exact_sum, optimum
from scipy import sparse

# How far a total may be from the optimum, over the sum of the optimum's magnitudes without gates.
MOST_LOST = {"float32": 2.0**-21, "float64": 2.0**-44}

# Relative, of a sum of the few float64 numbers that a problem matches.
SUM_ERROR = 1e-14

# Costs this many times beyond all others count as gates, which are there to be avoided.
GATED = 256


@dataclass
class Case:
    """What `match` is given, and the batch of problems that it stands for."""

    description: str
    given: Any
    costs: np.ndarray
    maximize: bool


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
    forbidding = -np.inf if case.maximize else np.inf
    allowed = case.costs != forbidding
    best = [
        optimum(costs, maximize=case.maximize, allowed=pairs)
        for costs, pairs in zip(case.costs, allowed, strict=True)
    ]
    if None in best:
        check_refusal(case, best.index(None))
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = ig.match(case.given, maximize=case.maximize)
    if case.given.ndim == 2:
        found = [np.array([part]) for part in found]
    assert found[0].shape == case.costs.shape[:2]
    for costs, *answer, known in zip(case.costs, *found, best, strict=True):
        check_problem(costs, *answer, case.maximize, known)
    assert bool(caught) == bool(np.isinf(found[1]).any()), "a warning says that a total overflows"


def check_refusal(case: Case, index: int) -> None:
    """Assert that the problem without an assignment is named."""
    message = ""
    try:
        ig.match(case.given, maximize=case.maximize)
    except ValueError as error:
        message = str(error)
    assert message.startswith("match: `similarity"), message or f"problem {index} has no assignment"
    assert case.given.ndim == 2 or f"problem {index}:" in message, message


def check_problem(costs, columns, total, gap, maximize, best) -> None:
    """Assert everything that is promised of one problem whose optimum is known."""
    rows = np.flatnonzero(columns >= 0)
    matched = columns[rows]
    assert len(rows) == min(costs.shape), f"{len(rows)} rows are matched"
    assert len(set(matched)) == len(matched), "a column is matched twice"
    assert matched.max(initial=-1) < costs.shape[1]
    entries = costs[rows, matched]
    assert np.isfinite(entries).all(), "a forbidden pair is matched"

    exact = exact_sum(entries)
    lost = (best.total - exact) * (1 if maximize else -1)
    most = promised(costs, entries)
    assert 0 <= lost <= most, f"{float(lost):.3g} from the optimum, {float(most):.3g} is allowed"
    assert lost == 0 or costs.dtype.kind == "f", "integers are exact"
    check_numbers(entries, exact, total, gap, best, most)


def check_numbers(entries, exact, total, gap, best, most) -> None:
    """Assert that the total is a sum of the entries, and that the gap holds and is no larger."""
    magnitude = exact_sum(np.abs(entries.astype(np.float64)))
    rounding = Fraction(SUM_ERROR) * magnitude
    largest = Fraction(np.finfo(np.float64).max)
    if magnitude + rounding > largest and np.isinf(gap):
        assert abs(exact) <= largest or np.isinf(total), "beyond float64, and not infinite"
        return
    assert abs(exact_sum([total]) - exact) <= rounding, "not the plain sum"
    off = abs(best.total - exact_sum([total]))
    assert off <= exact_sum([gap]), f"off by {float(off):.3g}, gap {gap:.3g}"
    assert exact_sum([gap]) <= most + 2 * rounding, f"gap {gap:.3g}, promised {float(most):.3g}"


def promised(costs, entries) -> Fraction:
    """Return how far a total may be from the optimum, by what is matched less the gates in it."""
    is_narrow = costs.dtype == np.float32 or costs.dtype.itemsize <= 2
    magnitudes = np.abs(entries.astype(np.float64))
    counted = magnitudes[magnitudes < lowest_gate(costs, magnitudes)]
    return Fraction(MOST_LOST["float32" if is_narrow else "float64"]) * exact_sum(counted)


def lowest_gate(costs, matched) -> float:
    """Return the least cost that is far beyond all below it, some of which are matched."""
    sizes = np.abs(costs.astype(np.float64))
    sizes = np.unique(sizes[np.isfinite(sizes) & (sizes > 0)])
    smallest = matched.min(initial=np.inf) or matched.max() / 2**9
    is_gate = (sizes[1:] / GATED >= sizes[:-1]) & (sizes[:-1] >= smallest)
    return sizes[1:][is_gate].min(initial=np.inf)


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


def subnormal(rng, b, s, t):
    return 1e-44 * rng.integers(0, 40, (b, s, t))


def far_apart(rng, b, s, t):
    """Few values, of which float64 cannot hold any two in one sum."""
    return rng.choice([0, 0, 1, -1, 1e-8, 1e-20, 2.0**-53, 3e-30, 1e17], (b, s, t))


def gated(rng, b, s, t):
    """Pairs to be avoided cost 1e3 … 1e38; there may or may not be an assignment without them."""
    costs = FAMILIES[rng.integers(3)](rng, b, s, t)
    avoided = rng.random((b, s, t)) < rng.choice([0.3, 0.5, 0.9, 0.97, 0.999])
    if rng.random() < 0.5:
        size = min(s, t)
        for pairs in avoided:
            pairs[rng.permutation(s)[:size], rng.permutation(t)[:size]] = False
    largest = float(np.finfo(np.float32).max)
    prices = rng.choice([1e3, 1e5, 1e6, 1e8, 1e18, 1e27, 1e30, largest], rng.integers(1, 3))
    signs = rng.choice([1, -1], p=[0.9, 0.1])
    return np.where(avoided, signs * rng.choice(prices, (b, s, t)), costs)


FAMILIES = [uniform, normal, correlated_tokens, dead_tokens, few_values, signed_zeros, rank_one,
            heavy_tails, offset, rows_of_unlike_scale, permuted_identity, huge, tiny, subnormal,
            far_apart, gated, gated, gated]  # fmt: skip


# Drawing ------------------------------------------------------------------------------------


def draw(rng) -> Case:
    """Choose a kind of input, family, shape, type, memory order and direction."""
    kinds = [floats, floats, floats, wide_floats, forbidden, integers, stored_sparsely, empty]
    return kinds[rng.integers(len(kinds))](rng)


def floats(rng) -> Case:
    family = FAMILIES[rng.integers(len(FAMILIES))]
    dtype = str(rng.choice(["float32", "float64"]))
    return dense(rng, family.__name__, family(rng, *draw_shape(rng)).astype(dtype))


def wide_floats(rng) -> Case:
    """Float64 at the ends of its range: sums overflow, and differences vanish."""
    family = FAMILIES[rng.integers(len(FAMILIES))]
    costs = family(rng, *draw_shape(rng))
    largest = np.abs(costs).max(initial=0) or 1.0
    exponent = int(rng.choice([-1070, -1000, 900, 1020, 1023]))
    return dense(rng, f"{family.__name__} at 2^{exponent}", np.ldexp(costs / largest, exponent))


def forbidden(rng) -> Case:
    """Infinity on some pairs, mostly so that an assignment is left."""
    family = FAMILIES[rng.integers(len(FAMILIES))]
    shape = draw_shape(rng)
    costs = family(rng, *shape).astype(rng.choice(["float32", "float64"]))
    taken = rng.random(shape) < rng.choice([0.1, 0.5, 0.9])
    if rng.random() < 0.7:
        size = min(shape[1:])
        for pairs in taken:
            pairs[rng.permutation(shape[1])[:size], rng.permutation(shape[2])[:size]] = False
    costs[taken] = np.inf
    return dense(rng, f"{family.__name__} with forbidden pairs", costs)


def dense(rng, description, costs) -> Case:
    """Costs to minimise, or their negative to maximise."""
    layout = str(rng.choice(["C", "Fortran", "strided"]))
    maximize = bool(rng.integers(2))
    costs = laid_out(-costs if maximize else costs, layout)
    words = [description, costs.shape, costs.dtype, layout, "max" if maximize else "min"]
    return Case(" ".join(map(str, words)), costs, costs, maximize)


def integers(rng) -> Case:
    """All integer types and booleans, up to 2^53."""
    dtype = np.dtype(rng.choice(["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32",
                                 "int64", "uint64"]))  # fmt: skip
    least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    least, most = max(int(least), -(2**53)), min(int(most), 2**53)
    most = min(most, int(rng.choice([1, 3, 100, 2**20, 2**53])))
    costs = rng.integers(max(least, -most), most, draw_shape(rng), endpoint=True).astype(dtype)
    maximize = bool(rng.integers(2))
    return Case(f"{dtype} {costs.shape} up to {most}", costs, costs, maximize)


def stored_sparsely(rng) -> Case:
    """What a sparse matrix does not store is forbidden."""
    _, s, t = draw_shape(rng)
    stored = rng.random((s, t)) < rng.choice([0.2, 0.6, 0.9])
    if rng.random() < 0.8:
        stored[rng.permutation(s)[: min(s, t)], rng.permutation(t)[: min(s, t)]] = True
    values = few_values(rng, 1, s, t)[0] if rng.random() < 0.5 else normal(rng, 1, s, t)[0]
    rows, columns = np.nonzero(stored)
    maximize = bool(rng.integers(2))
    matrix = sparse.coo_array((values[stored], (rows, columns)), shape=(s, t))
    given = matrix.asformat(str(rng.choice(["coo", "csr", "csc"])))
    costs = np.where(stored, values, -np.inf if maximize else np.inf)[np.newaxis]
    return Case(f"{given.format} {costs.shape}", given, costs, maximize)


def empty(rng) -> Case:
    """Nothing to match."""
    shape = rng.permutation([0, *rng.integers(0, 4, 2)])
    costs = np.empty(shape, rng.choice(["float32", "float64"]))
    return Case(f"empty {costs.shape}", costs, costs, bool(rng.integers(2)))


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
