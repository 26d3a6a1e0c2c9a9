"""Tests by permutations, of whether representations are more alike than by chance."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from isogram._errors import warn
from isogram._inference.null_values import Doubles, NullValues, Question, are_as_alike, null_values
from isogram._inference.results import MANY, PerPair, Result
from isogram._progress import Progress
from isogram._types import Array, LayersOf
from isogram.typing import ExchangeName, LayerReductionName, MeasureKind

if TYPE_CHECKING:
    from isogram._measures import Measure


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
    n_permutations, seed : int
        As they were given.
    null : float64 array of shape (n_permutations) or (n_permutations, L1, L2)
        The measure of permuted samples, the same permutations for all pairs.
    """

    p: PerPair
    p_familywise: PerPair
    p_fdr: PerPair
    kind: MeasureKind
    n_permutations: int
    seed: int
    null: Doubles = dataclasses.field(metadata=MANY)


def permutation_test(
    x: Array | LayersOf[Array],
    y: Array | LayersOf[Array] | None = None,
    *,
    measure: str | Measure = "cka",
    reduce: LayerReductionName = "flatten",
    n_permutations: int = 1000,
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
    groups : sequence of n integers or strings, optional
        A label for each sample, where not all samples may change places.
    exchange : {"samples", "groups"}
        What changes places. "samples": samples, within their group only, such as the trials of a
        session where sessions differ. "groups": groups as a whole, in the order of their samples,
        such as images whose tokens are the samples: neighbouring tokens are alike, so that to
        exchange tokens would find significant what is not. All groups are of equal size then.
    seed : int
        The same seed draws the same permutations.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in permutations.
    **options
        Options of the measure, as for `similarity`.

    Returns
    -------
    PermutationTest
        `value`, `p`, `p_familywise`, `p_fdr` and `null`: numbers for two representations, arrays
        for layers. NaN where the measure is, with its warning; of one set of layers also on the
        diagonal, as a layer with itself is no question. Each of their pairs is tested once.

    Raises
    ------
    ValueError
        As for `similarity_matrix`; one layer alone; labels of another number than samples; groups
        that leave nothing to exchange, or are of different sizes where they are exchanged.
    TypeError
        As for `similarity_matrix`; labels that are neither integers nor strings.
    MemoryError
        Gram matrices that would not fit, with the bytes that they take.

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
    `similarity` on permuted samples, and values within 1e-6 of each other count as equal. Cost: n²
    L2 / 2 gathered entries and n² L1 L2 / 2 products for each permutation. Memory: 4 n² bytes for
    each layer, and 2 n² more for each of `x`; of linear CKA a copy of the features. All other
    measures are computed anew for each permutation, at the cost of `similarity_matrix`. For layers
    on a GPU both run there.
    p_familywise compares values of all pairs with each other, so pairs whose null values are low
    gain least. Sources: Phipson & Smyth 2010 (p); Westfall & Young 1993 (max statistic); Benjamini
    & Hochberg 1995; Winkler et al. 2015 (groups).

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
    found = null_values(question, progress)
    warn(found.remarks, stacklevel=2)
    p, p_familywise, p_fdr = p_values(found, question.tested)
    null = found.null[:, 0, 0] if question.is_one_pair else found.null
    return PermutationTest(
        value=question.shaped(found.value),
        measure=question.measure.name,
        method=question.samples.method,
        n=question.n,
        reduce=question.reduce,
        layers=question.layers,
        p=question.shaped(p),
        p_familywise=question.shaped(p_familywise),
        p_fdr=question.shaped(p_fdr),
        kind=question.measure.kind,
        n_permutations=question.n_permutations,
        seed=question.seed,
        null=null,
    )


def p_values(found: NullValues, tested: Any) -> tuple[Doubles, Doubles, Doubles]:
    """Return p of each pair alone, family-wise, and by false discovery rate."""
    value, null = found.alike[tested], found.alike_null[:, tested]
    is_defined = np.isfinite(found.value[tested]) & ~np.isnan(null).any(axis=0)
    single, familywise, fdr = np.full((3, len(value)), np.nan)
    if is_defined.any():
        value, null = value[is_defined], null[:, is_defined]
        most_alike = null.max(axis=1, keepdims=True)
        single[is_defined] = p_of(null, value)
        familywise[is_defined] = p_of(most_alike, value)
        fdr[is_defined] = benjamini_hochberg(single[is_defined])
    shape = found.value.shape
    return (
        _table(single, tested, shape),
        _table(familywise, tested, shape),
        _table(fdr, tested, shape),
    )


def p_of(null: Doubles, value: Doubles) -> Doubles:
    """Return (1 + number of null values at least as large) / (1 + their number), for each value."""
    p: Doubles = (1 + are_as_alike(null, value).sum(axis=0)) / (1 + len(null))
    return p


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
