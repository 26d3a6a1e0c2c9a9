"""Null calibration: values of a measure on a scale where chance is 0."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import between_0_and_1, choice, integer
from isogram._errors import warn
from isogram._inference.null_values import Doubles, Question, least_but_for_rounding, null_values
from isogram._inference.permutation import p_of
from isogram._inference.results import MANY, PerPair, Result
from isogram._progress import Progress
from isogram._types import Array, LayersOf
from isogram.typing import AggregateName, ExchangeName, LayerReductionName, MeasureKind

if TYPE_CHECKING:
    from isogram._measures import Measure

AGGREGATES: tuple[AggregateName, ...] = get_args(AggregateName)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Calibration(Result):
    """A measure on a scale where chance is 0 and equal representations have 1.

    Attributes
    ----------
    value, measure, method, n, reduce, layers
        As of `PermutationTest`; of an aggregate `value` is that.
    score : float or float64 array of shape (L1, L2)
        max(0, (value - threshold) / (best - threshold)).
    threshold : float or float64 array of shape (L1, L2)
        What a fraction `alpha` of permuted samples exceeds.
    p : float or float64 array of shape (L1, L2)
        As of `PermutationTest`: at most `alpha` where the score is more than 0.
    best : float
        The value of equal representations: the largest similarity, or the smallest distance.
    alpha : float
        The chance that unrelated samples have a score of more than 0.
    aggregate : {"max", "mean"} or None
        What was calibrated of all pairs of layers, if not each by itself.
    kind, n_permutations, seed
        As of `PermutationTest`.
    null : float64 array of shape (n_permutations) or (n_permutations, L1, L2)
        The values of permuted samples.
    """

    score: PerPair
    threshold: PerPair
    p: PerPair
    best: float
    alpha: float
    aggregate: AggregateName | None
    kind: MeasureKind
    n_permutations: int
    seed: int
    null: Doubles = dataclasses.field(metadata=MANY)


def calibrate(
    x: Array | LayersOf[Array],
    y: Array | LayersOf[Array] | None = None,
    *,
    measure: str | Measure = "cka",
    reduce: LayerReductionName = "flatten",
    aggregate: AggregateName | None = None,
    alpha: float = 0.05,
    n_permutations: int = 1000,
    groups: Any = None,
    exchange: ExchangeName = "samples",
    seed: int = 0,
    num_threads: int | None = None,
    progress: Progress = False,
    **options: Any,
) -> Calibration:
    """Return a measure on a scale where chance is 0, so that widths and depths can be compared.

    score = max(0, (value - τ) / (best - τ)), where τ is the ⌈(1 - alpha)(K + 1)⌉-th smallest of the
    value and the values of K permutations of the samples. Of a distance the order is reversed: τ is
    among the smallest, and score = max(0, (τ - value) / (τ - best)).

    Parameters
    ----------
    x, y
        As for `permutation_test`.
    measure : str or Measure
        As for `similarity`, of bounded range.
    reduce : str
        As for `similarity`. With "positions" samples are positions, and need `groups`.
    aggregate : {"max", "mean"}, optional
        Calibrate one number for all pairs of layers: that of the pair that is most alike, or the
        mean. A maximum over many pairs is larger by chance, which its threshold takes into account.
        By default each pair has its own threshold.
    alpha : float
        Between 0 and 1: the chance that a score is more than 0 where the samples have nothing to do
        with each other.
    n_permutations, groups, exchange, seed, num_threads, progress
        As for `permutation_test`. There must be at least 1/alpha - 1 permutations.
    **options
        Options of the measure, as for `similarity`.

    Returns
    -------
    Calibration
        `score`, `threshold` and `p`; numbers, or arrays for layers without `aggregate`. NaN as for
        `permutation_test`.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As for `permutation_test`; too few permutations for `alpha`; an aggregate of two
        representations; a similarity without a largest value.

    Warns
    -----
    RuntimeWarning
        As for `permutation_test`.

    Notes
    -----
    Cost and memory as for `permutation_test`. Source: Gröger, Wen & Brbić 2026.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.standard_normal((2, 50, 500))
    >>> biased = ig.calibrate(x, y, measure="cka_biased")
    >>> round(biased.value, 2), biased.score
    (0.91, 0.0)
    """
    function = "calibrate"
    level = _level(function, alpha, n_permutations)
    if aggregate is not None:
        choice(function, "aggregate", aggregate, AGGREGATES)
    question = Question.of(
        function,
        x,
        y,
        measure,
        reduce,
        n_permutations,
        groups,
        exchange,
        seed,
        num_threads,
        options,
    )
    if aggregate is not None and question.is_one_pair:
        raise ValueError(
            f"{function}: `aggregate` must be None for two representations, got {aggregate!r}"
        )
    best = _best(function, question.measure)
    found = null_values(question, progress)
    warn(found.remarks, stacklevel=2)
    sign = 1.0 if question.measure.kind == "similarity" else -1.0
    value, alike, null = sign * found.value, found.alike, found.alike_null
    if question.y is None:  # of a layer with itself there is no question
        is_itself = np.eye(len(value), dtype=bool)
        alike, null = (np.where(is_itself, np.nan, values) for values in (alike, null))
    least = least_but_for_rounding(null, alike, is_root=question.measure.is_root)
    if aggregate is not None:
        tested = question.tested
        value, alike, null, least = (
            _aggregated(values[..., tested], aggregate) for values in (value, alike, null, least)
        )
    threshold = _threshold(alike, null, level)
    p = np.where(np.isnan(threshold), np.nan, p_of(null, least))
    score = _score(value, threshold, sign * best, p <= level + 1e-9)

    def given(values: Doubles) -> Any:
        return float(values) if aggregate is not None else question.shaped(values)

    return Calibration(
        value=given(sign * value),
        measure=question.measure.name,
        method=question.samples.method,
        n=question.n,
        reduce=question.reduce,
        layers=None if aggregate is not None else question.layers,
        score=given(score),
        threshold=given(sign * threshold),
        p=given(p),
        best=best,
        alpha=level,
        aggregate=aggregate,
        kind=question.measure.kind,
        n_permutations=question.n_permutations,
        seed=question.seed,
        null=sign * (null[:, 0, 0] if question.is_one_pair else null),
    )


def _level(function: str, alpha: Any, n_permutations: Any) -> float:
    level = between_0_and_1(function, "alpha", alpha)
    least = math.ceil(1 / level - 1e-9) - 1
    why = f", so that a fraction {level:g} of them is one"
    integer(function, "n_permutations", n_permutations, max(1, least), why=why)
    return level


def _best(function: str, measure: Measure) -> float:
    best = measure.range[1 if measure.kind == "similarity" else 0]
    if not math.isfinite(best):
        raise ValueError(
            f"{function}: `measure` must be bounded, so that its best value is known, got "
            f"{measure.name!r}, whose range is {measure.range}"
        )
    return best


def _aggregated(values: Doubles, aggregate: AggregateName) -> Doubles:
    """Return the largest or the mean over the last axis, of the values that are defined."""
    known = values[..., ~np.isnan(values).reshape(-1, values.shape[-1]).any(axis=0)]
    if known.shape[-1] == 0:
        return np.full(values.shape[:-1], np.nan)
    reduced: Doubles = known.max(axis=-1) if aggregate == "max" else known.mean(axis=-1)
    return reduced


def _score(
    value: Doubles, threshold: Doubles, best: float, is_beyond: NDArray[np.bool_]
) -> Doubles:
    """Return how far from the threshold to the best value the values are that are beyond it.

    By p, to which values are equal that differ by rounding alone.
    """
    score = np.zeros_like(threshold)
    np.divide(value - threshold, best - threshold, out=score, where=is_beyond)
    return np.where(np.isnan(threshold), np.nan, np.clip(score, 0.0, 1.0))


def _threshold(value: Doubles, null: Doubles, alpha: float) -> Doubles:
    """Return the ⌈(1-α)(K+1)⌉-th smallest of the value and the K null values, or NaN."""
    together = np.concatenate([value[None], null])
    place = math.ceil((1 - alpha) * len(together) - 1e-9) - 1
    threshold: Doubles = np.partition(together, place, axis=0)[place]
    return np.where(np.isnan(together).any(axis=0), np.nan, threshold)
