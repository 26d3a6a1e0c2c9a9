"""Assignment problems that are hard in different ways, and SciPy's word on what solves them.

A family takes a generator and a shape (b, s, t).
"""

import numpy as np
from support import match_tolerance, oracle


def uniform(rng, b, s, t):
    """Random numbers, what libraries are usually tuned on."""
    return rng.random((b, s, t))


def smooth_tokens(rng, b, s, t, channels=12):
    """Affinities of correlated tokens: neighbours are near-duplicates."""

    def tokens(size):
        steps = rng.standard_normal((b, size, channels)) / np.sqrt(size)
        return rng.standard_normal((b, 1, channels)) + np.cumsum(steps, axis=1)

    return tokens(s) @ tokens(t).transpose(0, 2, 1)


def tied_integers(rng, b, s, t):
    """Few distinct values."""
    return rng.integers(0, 4, (b, s, t)).astype(float)


def signed_zeros(rng, b, s, t):
    """Zeros of both signs among a few integers: equal numbers whose bits are not."""
    signs = rng.choice([-1.0, 1.0], (b, s, t))
    return signs * rng.integers(1, 4, (b, s, t)) * (rng.random((b, s, t)) < 0.1)


def all_zero(rng, b, s, t):
    """Every assignment is optimal."""
    return np.zeros((b, s, t))


def half_dead(rng, b, s, t):
    """Rectified tokens of which half are dead."""
    a, c = (np.maximum(rng.standard_normal((b, size, 8)), 0) for size in (s, t))
    a[:, rng.random(s) < 0.5] = 0
    c[:, rng.random(t) < 0.5] = 0
    return a @ c.transpose(0, 2, 1)


def rank_one(rng, b, s, t):
    """Outer products: the price wars of classic Jonker-Volgenant."""
    return rng.standard_normal((b, s, 1)) * rng.standard_normal((b, 1, t))


def heavy_tails(rng, b, s, t):
    """Entries over twenty orders of magnitude."""
    return np.exp(8 * rng.standard_normal((b, s, t)))


def huge(rng, b, s, t):
    """Smooth tokens near 1e30."""
    return 1e30 * smooth_tokens(rng, b, s, t)


def tiny(rng, b, s, t):
    """Smooth tokens near 1e-30."""
    return 1e-30 * smooth_tokens(rng, b, s, t)


def offset(rng, b, s, t):
    """Small differences on a large mean."""
    return 1e4 + rng.standard_normal((b, s, t))


FAMILIES = [uniform, smooth_tokens, tied_integers, signed_zeros, all_zero, half_dead, rank_one,
            heavy_tails, huge, tiny, offset]  # fmt: skip


def check_against_scipy(problems, found, maximize=True):
    """Every problem's total, gap and columns."""
    s, t = problems.shape[1:]
    tolerance = match_tolerance(problems.dtype.name)
    for problem, columns, total, gap in zip(problems, *found, strict=True):
        best = oracle.match(problem, maximize=maximize)
        assert abs(total - best.total) <= tolerance * best.magnitude
        assert -tolerance * best.magnitude <= gap <= 2 * tolerance * best.magnitude
        matched = columns >= 0
        assert matched.sum() == min(s, t)
        assert (columns[~matched] == -1).all()
        assert columns.max() < t
        assert len(set(columns[matched])) == matched.sum()
        rows = np.flatnonzero(matched)
        chosen = problem[rows, columns[rows]].astype(np.float64)
        assert abs(total - chosen.sum()) <= 1e-14 * np.abs(chosen).sum() * np.sqrt(s)
