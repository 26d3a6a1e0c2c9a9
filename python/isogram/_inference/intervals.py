"""Confidence intervals from the values of resamples."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

_NORMAL = NormalDist()


def where_known(values: Doubles, value: Doubles) -> Doubles:
    """Return values of resamples (resamples, L1, L2), NaN for pairs whose value is NaN."""
    return np.where(np.isnan(value), np.nan, values)


def percentile(resampled: Doubles, confidence: float) -> tuple[float, float]:
    """Return the quantiles of the values of resamples."""
    tail = (1 - confidence) / 2
    return _quantiles(resampled, tail, 1 - tail)


def bca(
    value: float, resampled: Doubles, left_out: Doubles, confidence: float
) -> tuple[float, float]:
    """Return the quantiles that are bias-corrected and accelerated (Efron 1987).

    `left_out` are the values without each input.
    """
    shift, acceleration = _bias(value, resampled), _acceleration(left_out)

    def level(z: float) -> float:
        moved = shift + z
        return _NORMAL.cdf(shift + moved / max(1 - acceleration * moved, 1e-9))

    z = normal_quantile(confidence)
    return _quantiles(resampled, level(-z), level(z))


def normal_quantile(confidence: float) -> float:
    """Return how many standard deviations a central interval of this confidence reaches."""
    return _NORMAL.inv_cdf((1 + confidence) / 2)


def two_sided(value: float, standard_error: float) -> float:
    """Return the level at which a central interval would just reach 0."""
    if value == 0 or standard_error > 0:
        return 2 * _NORMAL.cdf(-abs(value) / standard_error) if value else 1.0
    return 0.0 if standard_error == 0 else float("nan")


def share_below(value: float, resampled: Doubles) -> float:
    """Return the share of the values of resamples below a value, where equal ones count half."""
    known = resampled[~np.isnan(resampled)]
    return float(((known < value).sum() + (known == value).sum() / 2) / max(1, len(known)))


def _bias(value: float, resampled: Doubles) -> float:
    least = 0.5 / len(resampled)
    return _NORMAL.inv_cdf(min(max(share_below(value, resampled), least), 1 - least))


def _acceleration(left_out: Doubles) -> float:
    known = left_out[~np.isnan(left_out)]
    if not len(known):
        return 0.0
    influence = known.mean() - known
    spread = float((influence**2).sum())
    return float((influence**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0


def _quantiles(resampled: Doubles, low: float, high: float) -> tuple[float, float]:
    known = resampled[~np.isnan(resampled)]
    if not len(known):
        return float("nan"), float("nan")
    found: Any = np.quantile(known, [low, high], method="weibull")
    return float(found[0]), float(found[1])
