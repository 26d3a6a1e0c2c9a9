"""Calls that take microseconds, most of them for checks and steps in Python."""

from __future__ import annotations

from benchmarks import data
from benchmarks.case import Case
from benchmarks.cases import cka, gram, match
from benchmarks.settings import Settings


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    group, n, d = "small_calls", 50, 10
    return [
        Case(
            "small-gram",
            group,
            "linear Gram matrix of few samples",
            {"n": d, "d": d},
            lambda s: gram.linear(data.normal(d, d), s),
            levels=False,
        ),
        Case(
            "small-cka",
            group,
            "linear CKA of one pair, debiased",
            {"n": n, "d": d},
            lambda _: cka.linear_debiased(*data.layers(2, n, d)),
            data="correlated",
            levels=False,
        ),
        Case(
            "small-cka-biased",
            group,
            "linear CKA of one pair, biased",
            {"n": n, "d": d},
            lambda _: cka.linear_biased(*data.layers(2, n, d), everybody=True),
            data="correlated",
            levels=False,
        ),
        Case(
            "small-match",
            group,
            "one assignment problem",
            {"s": 5},
            lambda s: match.assignments(data.uniform_costs(1, 5), s.threads),
            levels=False,
        ),
    ]
