"""Standard errors, and the bias, of measures by leaving out inputs one by one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import between_0_and_1
from isogram._errors import warn
from isogram._inference.differences import Difference, pairs_of
from isogram._inference.draws import each_left_out
from isogram._inference.intervals import normal_quantile, two_sided, where_known
from isogram._inference.results import MANY, PerPair, Result
from isogram._inference.sample import Sample
from isogram._memory import FEWER_SAMPLES
from isogram._types import Array, LayersOf
from isogram.typing import LayerReductionName

if TYPE_CHECKING:
    from isogram._measures import Measure


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Jackknife(Result):
    """A measure, its standard error and its interval; see `jackknife`.

    Attributes
    ----------
    low, high : float or float64 array of shape (L1, L2)
        value ± z · standard_error.
    standard_error : float or float64 array of shape (L1, L2)
        √((m - 1) / m · Σ (θ_i - mean θ)²) of the m values without an input, or group.
    bias : float or float64 array of shape (L1, L2)
        (m - 1) (mean θ - value), to be subtracted from the value.
    confidence : float
        Of the interval.
    left_out : float64 array of shape (m, L1, L2)
        The measure without each input, or group; of two representations (m,).
    """

    low: PerPair
    high: PerPair
    standard_error: PerPair
    bias: PerPair
    confidence: float
    left_out: NDArray[np.float64] = dataclasses.field(metadata=MANY)

    def difference(self, first: tuple[Any, Any], second: tuple[Any, Any]) -> Difference:
        """Return how much the measure of one pair of layers exceeds that of another.

        Both are without the same inputs, so what they share drops out.

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
        (i, j), (k, l) = pairs_of(self, first, second)  # noqa: E741
        values = np.asarray(self.value)
        value = float(values[i, j] - values[k, l])
        standard_error = float(_standard_error(self.left_out[:, i, j] - self.left_out[:, k, l]))
        reach = normal_quantile(self.confidence) * standard_error
        return Difference(
            value=value,
            low=value - reach,
            high=value + reach,
            p=two_sided(value, standard_error),
            first=tuple(first),
            second=tuple(second),
            standard_error=standard_error,
            confidence=self.confidence,
            measure=self.measure,
            method=self.method,
            n=self.n,
            reduce=self.reduce,
        )


def jackknife(
    x: Array | LayersOf[Array],
    y: Array | LayersOf[Array] | None = None,
    *,
    measure: str | Measure = "cka",
    reduce: LayerReductionName = "flatten",
    confidence: float = 0.95,
    groups: Array | None = None,
    num_threads: int | None = None,
    **options: Any,
) -> Jackknife:
    """Return the standard error and the bias of a measure, by leaving out each input in turn.

    Parameters
    ----------
    x, y : arrays of shape (n, d1) and (n, d2), or sequences or mappings of such
        As for `bootstrap`.
    measure, reduce
        As for `similarity`.
    confidence : float
        Between 0 and 1.
    groups : sequence of n integers or strings, optional
        Labels of inputs that are left out together: views of one picture, trials of one session.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    **options
        Options of the measure, as for `similarity`.

    Returns
    -------
    Jackknife
        With value, low, high, standard_error, bias, and the values without each input. A
        RuntimeWarning where some of these do not exist: all but the value is NaN then.

    Raises
    ------
    ValueError
        Arguments out of their range; fewer than two groups; and as `similarity`.
    TypeError
        Labels that are neither integers nor strings; and as `similarity`.
    MemoryError
        Gram matrices that do not fit.

    Notes
    -----
    No input stands twice, so that none has to be left out as its own copy. The interval takes the
    value as normally distributed: near 1, or 0, `bootstrap` knows better. It is not consistent for
    measures that jump, as those by neighbours or ranks do. Types, memory and cost are those of n
    resamples of `bootstrap`. Source: Efron & Tibshirani 1993.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> ig.jackknife(x, x + 0.5, measure="cka").standard_error < 1e-6
    True
    """
    function = "jackknife"
    sample = Sample.of(function, x, y, measure, reduce, num_threads, options)
    share = between_0_and_1(function, "confidence", confidence)
    clusters = sample.clusters(groups)
    sample.require_memory(int(clusters.max()) + 1, FEWER_SAMPLES)
    value, remarks = sample.value()
    left_out = where_known(sample.of_draws(each_left_out(clusters)), value)
    left_out[_have_no_scatter(sample, clusters)] = np.nan
    m = len(left_out)
    if missing := int(np.isnan(left_out[:, ~np.isnan(value)]).any(axis=1).sum()):
        remarks.append(
            f"{function}: {missing} of the {m} values without an input do not exist, so there is "
            "no standard error"
        )
    warn(remarks, stacklevel=2)
    mean, standard_error = left_out.mean(axis=0), _standard_error(left_out)
    reach = normal_quantile(share) * standard_error
    return Jackknife(
        value=sample.shown(value),
        low=sample.shown(value - reach),
        high=sample.shown(value + reach),
        standard_error=sample.shown(standard_error),
        bias=sample.shown((m - 1) * (mean - value)),
        confidence=share,
        measure=sample.measure.name,
        method="jackknife",
        n=sample.samples,
        reduce=sample.reduce,
        layers=sample.keys,
        left_out=sample.many(left_out),
    )


def _have_no_scatter(sample: Sample, clusters: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which inputs, or groups, leave too few: between two there is only one difference.

    Measures that translations do not change have one value then, whatever the layers are.
    """
    left = sample.samples - np.bincount(clusters)
    return (left < 3) & ("translation" in sample.measure.invariances)


def _standard_error(left_out: NDArray[np.float64]) -> NDArray[np.float64]:
    m = len(left_out)
    squares: NDArray[np.float64] = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    return np.sqrt((m - 1) / m * squares)
