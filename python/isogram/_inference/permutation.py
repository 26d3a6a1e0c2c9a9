"""Tests by permutations, of whether representations are more alike than by chance."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from isogram._arguments import choice
from isogram._errors import warn
from isogram._inference.null_values import (
    Doubles,
    NullValues,
    Question,
    least_but_for_rounding,
    null_values,
)
from isogram._inference.permutation_moments import standardised, upper_tail
from isogram._inference.results import MANY, PerPair, Result
from isogram._progress import Progress, reporting
from isogram._statistics.layer_pairs import LayerPairs
from isogram._statistics.permuted import cubic_sums, is_debiased
from isogram._types import Array, LayersOf
from isogram.typing import ExchangeName, LayerReductionName, MeasureKind, NullName

if TYPE_CHECKING:
    from isogram._measures import Measure

METHODS: tuple[NullName, ...] = get_args(NullName)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PermutationTest(Result):
    """A measure, and how often permuted samples are at least as much alike.

    Attributes
    ----------
    value, measure, method, n, layers
        The measure, as `similarity` or `similarity_matrix` returns it; its name; what was
        permuted; the number of samples; the keys of the layers.
    p : float or float64 array of shape (L1, L2)
        The p-value of each pair alone, (1 + number of null values at least as much alike) /
        (1 + number of permutations).
    p_familywise : float or float64 array of shape (L1, L2)
        The same, against the null values of the pair that is most alike in each permutation: the
        chance of at least one false positive among all pairs is at most the level of the test.
    p_fdr : float or float64 array of shape (L1, L2)
        `p` adjusted by Benjamini and Hochberg: of the pairs with p_fdr ≤ q, at most the fraction q
        is expected to be false positives.
    kind : {"similarity", "distance"}
        Of a distance, smaller is more alike.
    n_permutations, seed : int or None
        As they were given; None by moments.
    null : float64 array of shape (n_permutations) or (n_permutations, L1, L2), or None
        The measure of permuted samples, the same permutations for all pairs.
    """

    p: PerPair
    p_familywise: PerPair
    p_fdr: PerPair
    kind: MeasureKind
    n_permutations: int | None = None
    seed: int | None = None
    null: Doubles | None = dataclasses.field(default=None, metadata=MANY)


def permutation_test(
    x: Array | LayersOf[Array],
    y: Array | LayersOf[Array] | None = None,
    *,
    measure: str | Measure = "cka",
    reduce: LayerReductionName = "flatten",
    n_permutations: int = 1000,
    method: NullName = "permutations",
    groups: Any = None,
    exchange: ExchangeName = "samples",
    seed: int = 0,
    num_threads: int | None = None,
    progress: Progress = False,
    **options: Any,
) -> PermutationTest:
    """Test whether representations are more alike than those of unrelated samples would be.

    Null hypothesis: the samples of `y` may change places without changing the distribution of the
    pairs of samples. p = (1 + number of null values at least as much alike) / (1 + n_permutations):
    never 0, and right for any number of permutations.

    Parameters
    ----------
    x, y : arrays of shape (n, d1) and (n, d2), or sequences or mappings of such layers
        Two representations, or all pairs of two sets of layers, or of the layers of `x` where `y`
        is None. All pairs have the same permutations.
    measure, reduce
        As for `similarity`. With "positions" samples are positions, and need `groups`.
    n_permutations : int
        How many are drawn, independently of each other.
    method : {"permutations", "moments"}
        "moments" draws nothing: mean, variance and skewness of the null values over all n!
        permutations are known exactly, and p is that of the distribution of Pearson's type III with
        these moments. For scans of many pairs, whose corrected p-values need more permutations than
        there is time for. Of debiased CKA of any kernel, which has the p-value of its HSIC, and of
        debiased distance correlation; without `groups`.
    groups : sequence of n integers or strings, optional
        A label for each sample, where not all samples may change places.
    exchange : {"samples", "groups"}
        What changes places. "samples": samples, within their group only, such as the trials of a
        session where sessions differ. "groups": groups as a whole, in the order of their samples,
        such as images whose tokens are the samples: neighbouring tokens are alike, so that to
        exchange tokens would find significant what is not. Groups must have equal sizes then.
    seed : int
        The same seed draws the same permutations.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in permutations, and
        by moments never.
    **options
        Options of the measure, as for `similarity`.

    Returns
    -------
    PermutationTest
        `value`, `p`, `p_familywise`, `p_fdr` and `null` (None by moments, where `p_familywise` is
        by Holm's method): numbers for two representations, arrays for layers. NaN where the measure
        is, with its warning; of one set of layers also on the diagonal, as a layer with itself is
        no question. Each of their pairs is tested once.

    Raises
    ------
    ValueError
        As for `similarity_matrix`; one layer alone; labels of another number than samples; groups
        that leave nothing to exchange, or are of different sizes where they are exchanged.
    TypeError
        As for `similarity_matrix`; labels that are neither integers nor strings.
    MemoryError
        Gram matrices, or permutations, that would not fit, with the bytes that they take.

    Warns
    -----
    RuntimeWarning
        Fewer different permutations than `n_permutations`: p cannot be much less than one over
        their number.

    Notes
    -----
    CKA, HSIC's kernels, RSA by Pearson's correlation or the cosine, and distance correlation:
    centred Gram matrices are made once (float64 → float32), and a permutation is their inner
    product with gathered entries, summed in float64. Null values are within about 1e-7 of those of
    `similarity` on permuted samples, and values within 1e-6 of each other, times the largest of
    all, count as equal; of a root or an angle (`Measure.is_root`), their squares. Cost: n² L2 / 2
    gathered entries and n² L1 L2 / 2 products for each permutation. Memory: 4 n² bytes for each
    layer, and 2 n² more for each of `x`; of linear CKA a copy of the features. All other measures
    are computed anew for each permutation, at the cost of `similarity_matrix`. For layers on a GPU
    both run there.
    By moments: n³ operations for each layer, and three n × n matrices of float64 besides. For
    normal features p was within a tenth of that of 100,000 permutations, wherever that was more
    than 0.001 and there were more than 10 samples; where a few samples are far from all others
    (Cauchy's distribution) it was off by a factor of up to 3, and mostly too large.
    p_familywise compares values of all pairs with each other, so pairs whose null values are low
    gain least. Sources: Phipson & Smyth 2010 (p); Westfall & Young 1993 (max statistic); Benjamini
    & Hochberg 1995; Winkler et al. 2015 (groups); Kazi-Aoual et al. 1995 (moments).

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((100, 20))
    >>> test = ig.permutation_test(x, x + 3 * rng.standard_normal((100, 20)))
    >>> test.p < 0.05
    True
    """
    function = "permutation_test"
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
    if choice(function, "method", method, METHODS) == "moments":
        with reporting(function, progress):  # there is nothing to report
            value, p, remarks = by_moments(question, groups)
        warn(remarks, stacklevel=2)
        familywise = corrected(p, question.tested, holm)
        drawn: dict[str, Any] = {"method": "moments of all permutations of samples"}
    else:
        found = null_values(question, progress)
        warn(found.remarks, stacklevel=2)
        value, (p, familywise) = found.value, p_values(found, question)
        drawn = {
            "method": question.samples.method,
            "n_permutations": question.n_permutations,
            "seed": question.seed,
            "null": found.null[:, 0, 0] if question.is_one_pair else found.null,
        }
    return PermutationTest(
        value=question.shaped(value),
        measure=question.measure.name,
        n=question.n,
        reduce=question.reduce,
        layers=question.layers,
        p=question.shaped(p),
        p_familywise=question.shaped(familywise),
        p_fdr=question.shaped(corrected(p, question.tested, benjamini_hochberg)),
        kind=question.measure.kind,
        **drawn,
    )


def p_values(found: NullValues, question: Question) -> tuple[Doubles, Doubles]:
    """Return p of each tested pair alone, and family-wise."""
    tested, is_root = question.tested, question.measure.is_root
    value, null = found.alike[tested], found.alike_null[:, tested]
    is_defined = np.isfinite(found.value[tested]) & ~np.isnan(null).any(axis=0)
    single, familywise = np.full((2, len(value)), np.nan)
    if is_defined.any():
        value, null = value[is_defined], null[:, is_defined]
        for p, of_pairs in ((single, null), (familywise, null.max(axis=1, keepdims=True))):
            p[is_defined] = p_of(of_pairs, least_but_for_rounding(of_pairs, value, is_root=is_root))
    shape = found.value.shape
    return _table(single, tested, shape), _table(familywise, tested, shape)


def by_moments(question: Question, groups: Any) -> tuple[Doubles, Doubles, list[str]]:
    """Return the values of all pairs, their p-values by moments, and warnings."""
    q = question
    if not is_debiased(q.measure.needs, q.options):
        raise ValueError(
            f"{q.function}: `method` must be 'permutations' for measure {q.measure.name!r} with "
            "these options, got 'moments': these are known of debiased CKA and of debiased "
            "distance correlation"
        )
    if groups is not None:
        raise ValueError(
            f"{q.function}: `groups` must be None with `method` 'moments', which are those of all "
            "permutations, got labels of samples"
        )
    _, value, remarks = q.measure.of_layers(q.function, q.x, q.y, q.num_threads, None, q.options)
    p = np.full(value.shape, np.nan)
    if not np.isnan(value).all():
        pairs = LayerPairs.of(q.function, q.x, q.y, q.num_threads, None)
        p = upper_tail(*standardised(cubic_sums(pairs, **q.options), q.n))
    return value, _table(p[q.tested], q.tested, value.shape), remarks


def p_of(null: Doubles, least: Doubles) -> Doubles:
    """Return (1 + number of null values from `least` on) / (1 + their number)."""
    p: Doubles = (1 + (null >= least).sum(axis=0)) / (1 + len(null))
    return p


def corrected(p: Doubles, tested: Any, correct: Callable[[Doubles], Doubles]) -> Doubles:
    """Return the p-values of the tested pairs, corrected for their number."""
    values = p[tested]
    is_defined = ~np.isnan(values)
    values[is_defined] = correct(values[is_defined])
    return _table(values, tested, p.shape)


def holm(p: Doubles) -> Doubles:
    """Return p-values adjusted so that the chance of one false positive is at most their level."""
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    factors = np.arange(len(p), 0, -1)
    adjusted[order] = np.maximum.accumulate(np.minimum(p[order] * factors, 1.0))
    return adjusted


def benjamini_hochberg(p: Doubles) -> Doubles:
    """Return p-values adjusted so that those up to q have a false discovery rate of at most q."""
    order = np.argsort(p)[::-1]
    ranks = np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum.accumulate(np.minimum(p[order] * len(p) / ranks, 1.0))
    return adjusted


def _table(values: Doubles, tested: Any, shape: tuple[int, ...]) -> Doubles:
    """Return values of the tested pairs as a table; where each pair is tested once, symmetric."""
    table = np.full(shape, np.nan)
    table[tested] = values
    if not tested.all():
        table.T[tested] = values
    return table
