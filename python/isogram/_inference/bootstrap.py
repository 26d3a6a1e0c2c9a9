"""Intervals of measures by resampling inputs, or features."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import between_0_and_1, choice, integer
from isogram._errors import warn
from isogram._inference.differences import Difference, pairs_of
from isogram._inference.draws import drawn, each_left_out
from isogram._inference.intervals import bca, percentile, share_below, where_known
from isogram._inference.results import MANY, PerPair, Result
from isogram._inference.sample import Sample
from isogram._types import Array, LayersOf
from isogram.typing import IntervalName, LayerReductionName, ResampledName

if TYPE_CHECKING:
    from isogram._measures import Measure

# Resamples do not scatter about a value if a smaller share of them lies below it, or above it. Of
# fewer than _FEWEST resamples none may lie there by chance.
_LEAST_SHARE = 0.01
_FEWEST = 100

_INTERVALS: tuple[IntervalName, ...] = get_args(IntervalName)
_OVER: tuple[ResampledName, ...] = get_args(ResampledName)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Bootstrap(Result):
    """A measure and its interval, for one pair of layers or for all; see `bootstrap`.

    Attributes
    ----------
    low, high : float or float64 array of shape (L1, L2)
        The ends of the interval.
    standard_error : float or float64 array of shape (L1, L2)
        The standard deviation of the values of the resamples.
    confidence : float
        How often such intervals are meant to hold the value of all that could have been sampled.
    n_resamples : int
        How many there were.
    seed : int
        Of the draws.
    over : str
        What was drawn.
    resamples : float64 array of shape (n_resamples, L1, L2)
        The measure in each resample; of two representations (n_resamples,).
    left_out : float64 array of shape (n, L1, L2), or None
        The measure without each input, or each group of them; only for BCa.
    """

    low: PerPair
    high: PerPair
    standard_error: PerPair
    confidence: float
    n_resamples: int
    seed: int
    over: str
    resamples: NDArray[np.float64] = dataclasses.field(metadata=MANY)
    left_out: NDArray[np.float64] | None = dataclasses.field(metadata=MANY, default=None)

    def difference(self, first: tuple[Any, Any], second: tuple[Any, Any]) -> Difference:
        """Return how much the measure of one pair of layers exceeds that of another.

        Both are of the same resamples, so what they share drops out.

        Parameters
        ----------
        first, second : tuples of two keys
            The keys of two layers, as in `layers`.

        Returns
        -------
        Difference
            With an interval, and a p-value.

        Raises
        ------
        KeyError
            A key that no layer has.
        TypeError
            Anything but two keys.
        ValueError
            Of a result of two representations alone.
        """
        pairs = pairs_of(self, first, second)
        of_value = [np.asarray(self.value)[pair] for pair in pairs]
        of_resamples = [self.resamples[:, *pair] for pair in pairs]
        value, resampled = float(of_value[0] - of_value[1]), of_resamples[0] - of_resamples[1]
        if self.left_out is None:
            low, high = percentile(resampled, self.confidence)
        else:
            of_left_out = [self.left_out[:, *pair] for pair in pairs]
            left_out = of_left_out[0] - of_left_out[1]
            low, high = bca(value, resampled, left_out, self.confidence)
        return Difference(
            value=value,
            low=low,
            high=high,
            p=_p_value(resampled),
            first=tuple(first),
            second=tuple(second),
            standard_error=_spread(resampled),
            confidence=self.confidence,
            n_resamples=self.n_resamples,
            measure=self.measure,
            method=self.method,
            n=self.n,
            reduce=self.reduce,
            seed=self.seed,
        )


def bootstrap(
    x: Array | LayersOf[Array],
    y: Array | LayersOf[Array] | None = None,
    *,
    measure: str | Measure = "cka",
    reduce: LayerReductionName = "flatten",
    n_resamples: int = 1000,
    confidence: float = 0.95,
    interval: IntervalName | None = None,
    groups: Array | None = None,
    over: ResampledName = "inputs",
    seed: int = 0,
    num_threads: int | None = None,
    **options: Any,
) -> Bootstrap:
    """Return an interval of a measure: what it might have been with other inputs.

    Inputs are drawn with replacement, as many as there are, and the measure is computed of each
    such resample; the interval is of quantiles of these values.

    Parameters
    ----------
    x, y : arrays of shape (n, d1) and (n, d2), or sequences or mappings of such
        Two representations, or two sets of layers, of which all pairs are compared in the same
        resamples. Without `y` the layers of `x` are compared with each other.
    measure, reduce
        As for `similarity`. With "positions" samples are positions, and need `groups`.
    n_resamples : int
        At least 2; quantiles of 95 % want 1000.
    confidence : float
        Between 0 and 1.
    interval : {"bca", "percentile"}, optional
        The quantiles themselves, or bias-corrected and accelerated by the values without each
        input, which takes another n resamples. By default "bca" over inputs; over features, for
        which there is no such value, "percentile".
    groups : sequence of n integers or strings, optional
        Labels of inputs that are drawn together: views of one picture, trials of one session.
    over : {"inputs", "features"}
        What is drawn. Features of each layer are drawn by themselves.
    seed : int
        Of the draws.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    **options
        Options of the measure, as for `similarity`.

    Returns
    -------
    Bootstrap
        With value, low, high, standard_error, and the values of all resamples. A RuntimeWarning
        where resamples have no value, or where so few lie on one side of the value that they do not
        scatter about it, as those of a biased measure.

    Raises
    ------
    ValueError
        Arguments out of their range; fewer than two groups; BCa over features; a measure on a
        statistic whose duplicates cannot be left out; and as `similarity`.
    TypeError
        Labels that are neither integers nor strings; and as `similarity`.
    MemoryError
        More resamples, or larger Gram matrices, than fit.

    Notes
    -----
    An input that is drawn twice is no pair with itself, which would be 1, or a distance of 0: a
    plain bootstrap is biased by these (of n inputs, an nth of all pairs).

    - CKA, angular CKA and distance correlation are means over quadruples of inputs: over all of
      different inputs, each as often as it can be drawn, w_i w_j w_k w_l times. For biased
      estimators tuples that repeat an input by definition keep their share.
    - RSA: entries of different inputs, entry (i, j) w_i w_j times, as in rsatoolbox; for ranks
      these are ranked anew, with the ties of the whole RSM.
    - GBS: entries of a row that are not of the row's own input, and rows w_i times. A mean that is
      taken off is that of the resample, with a sample's own share of it as in the whole.
    - Neighbours: a copy is no neighbour of its own input; copies of another input are neighbours
      each. A good third of the inputs is missing from a resample, so neighbourhoods are of fewer
      different inputs: intervals are too wide rather than too narrow.
    - Procrustes, CCA, matched features: copies are samples like any others. These find layers the
      more alike the fewer different samples there are, so that the interval can miss the value,
      and BCa does so more than percentiles do; a warning says so. Prefer `jackknife` for them.

    Where two layers are hardly alike, resamples scatter more than other samples would: intervals
    are too wide then, not too narrow. They say nothing of whether layers are alike at all.
    A group that is drawn twice makes two copies, and inputs of different copies are no pairs, as an
    input is none with its own: a tuple of inputs counts Π w_g times over their different groups, a
    pair of one group w_g times. (w_g² times would give pairs of a group twice their share, and BCa
    of RSA held the value in 84 % of samples of ten groups.) The share of features in the
    denominator of `cka_feature_debiased`, and the means of `center`, take inputs as if each were
    drawn by itself. The bandwidth of a kernel is that of all
    inputs. Over features, linear CKA of resamples is too low by what a feature has in common with
    its copy, more so the fewer features there are.

    Types: any → float64 throughout; layers on a GPU are copied, and the host computes. Cost and
    memory, for B resamples (BCa: B + n): CKA and distance correlation 4 B n² operations for each
    pair and each layer, and RSA half of that, of Gram matrices that are computed once, and kept;
    GBS of full graphs likewise. RSA by ranks n² for each layer and resample. Neighbours n k, after
    sorting n² cosines; n² log n in each resample with `center`. GBS of k-NN graphs n² in each
    resample. Procrustes, and any measure over features: the whole measure in each resample. Source:
    Efron 1987; Efron & Tibshirani 1993.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> result = ig.bootstrap(x, x + 0.5, measure="cka")
    >>> round(result.low, 6), round(result.high, 6)
    (1.0, 1.0)
    """
    function = "bootstrap"
    sample = Sample.of(function, x, y, measure, reduce, num_threads, options)
    resamples = integer(function, "n_resamples", n_resamples, 2)
    share = between_0_and_1(function, "confidence", confidence)
    over = choice(function, "over", over, _OVER)
    if interval is None:
        interval = "bca" if over == "inputs" else "percentile"
    choice(function, "interval", interval, _INTERVALS)
    seed = integer(function, "seed", seed, 0)
    clusters = sample.clusters(groups)
    sample.require_memory(resamples, "draw fewer resamples")
    if interval == "bca":
        advice = "pass interval='percentile', which leaves no input out"
        sample.require_memory(int(clusters.max()) + 1, advice)
    if over == "features":
        _require_for_features(interval, groups)
    value, remarks = sample.value()
    left_out = None
    if over == "features":
        values = sample.of_features(resamples, seed)
    else:
        values = sample.of_draws(drawn(clusters, resamples, seed), clusters)
        if interval == "bca":
            left_out = where_known(sample.of_draws(each_left_out(clusters)), value)
    values = where_known(values, value)
    low, high = _ends(value, values, left_out, share)
    warn(remarks + _remarks(sample, value, values), stacklevel=2)
    return Bootstrap(
        value=sample.shown(value),
        low=sample.shown(low),
        high=sample.shown(high),
        standard_error=sample.shown(np.apply_along_axis(_spread, 0, values)),
        confidence=share,
        n_resamples=resamples,
        measure=sample.measure.name,
        method=f"{interval} bootstrap",
        n=sample.samples,
        reduce=sample.reduce,
        seed=seed,
        over=over,
        layers=sample.keys,
        resamples=sample.many(values),
        left_out=None if left_out is None else sample.many(left_out),
    )


def _require_for_features(interval: str, groups: object) -> None:
    if interval == "bca":
        raise ValueError("bootstrap: `interval` must be 'percentile' over features, got 'bca'")
    if groups is not None:
        raise ValueError("bootstrap: `groups` must be None over features, got labels of inputs")


def _ends(
    value: NDArray[np.float64],
    values: NDArray[np.float64],
    left_out: NDArray[np.float64] | None,
    confidence: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the intervals of all pairs of layers."""
    low, high = np.full((2, *value.shape), np.nan)
    for i, j in np.argwhere(~np.isnan(value)):
        if left_out is None:
            low[i, j], high[i, j] = percentile(values[:, i, j], confidence)
        else:
            ends = bca(float(value[i, j]), values[:, i, j], left_out[:, i, j], confidence)
            low[i, j], high[i, j] = ends
    return low, high


def _spread(values: NDArray[np.float64]) -> float:
    """Return the standard deviation of the values that are known."""
    known = values[~np.isnan(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")


def _p_value(differences: NDArray[np.float64]) -> float:
    known = differences[~np.isnan(differences)]
    if not len(known):
        return float("nan")
    tail = min((known <= 0).sum(), (known >= 0).sum())
    return float(min(1.0, 2 * (1 + tail) / (1 + len(known))))


def _remarks(sample: Sample, value: NDArray[np.float64], values: NDArray[np.float64]) -> list[str]:
    """Return warnings about resamples without a value, and about those on one side of it."""
    said = []
    known = ~np.isnan(value)
    missing = int(np.isnan(values[:, known]).any(axis=1).sum())
    if missing:
        said.append(
            f"{sample.function}: of the {len(values)} resamples, {missing} have no value, such as "
            "those of too few different inputs: the interval is of the others"
        )
    names = []
    for i, j in np.argwhere(known & (len(values) >= _FEWEST)):
        share = share_below(float(value[i, j]), values[:, i, j])
        if not _LEAST_SHARE <= share <= 1 - _LEAST_SHARE:
            names.append((int(i), int(j)))
    if names:
        which = (
            "the value" if sample.keys is None else f"the values of {len(names)} pairs of layers"
        )
        said.append(
            f"{sample.function}: resamples do not scatter about {which}, but lie to one side: "
            f"{sample.measure.name} depends on how many different inputs there are, so the "
            "interval is not to be trusted; `jackknife` has one about the value itself"
        )
    return said
