"""Debiased CKA, and what of it is due to features being a sample too."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._statistics.cka_table import remarks, samples_for_estimator, table_of
from isogram._statistics.feature_facts import survey_features
from isogram._statistics.layer_pairs import LayerPairs, Remarks
from isogram._types import MEDIAN, Array, Kernel
from isogram._walk.tiles import spans

_LINEAR = Kernel("linear", MEDIAN, 0.0, 1, 0.0)
_PART = 1 << 17  # entries that are raised to powers at a time


class SampledFeatures(NamedTuple):
    """CKA of all pairs of layers, and the share of other features' in each HSIC with itself.

    Of a layer X of d features, with HSIC(X, X) = Σ_{a,b} HSIC(x_a, x_b) over them, that is
    Σ_{a≠b} HSIC(x_a, x_b) / (d(d-1)), the mean over two features, by HSIC(X, X) / d²; NaN where
    either is not positive.
    """

    cka: Array  # (L1, L2), debiased
    shares_x: Array  # (L1,)
    shares_y: Array
    is_one_set: bool


def feature_debiased_cka(xp: Any, s: SampledFeatures) -> Array:
    """CKA whose HSIC of layers with themselves is of two different features; 1 of one layer."""
    values = s.cka / (xp.sqrt(s.shares_x)[:, None] * xp.sqrt(s.shares_y))
    if s.is_one_set:
        is_own = xp.eye(len(values), dtype=bool) & xp.isfinite(values)
        values = xp.where(is_own, 1.0, values)
    return values


def sampled_features(pairs: LayerPairs) -> tuple[SampledFeatures, Remarks]:
    """Compute the CKA of all layers, in float64, and the HSIC of every feature with itself."""
    pairs.require(samples_for_features())
    place = pairs.place
    place.require_finite(pairs.layers)
    with usual_arithmetic():
        centred = [
            survey_features(place, x, center=True).centred(place, x) for x in pairs.layers.arrays
        ]
        own = [float(_own_features(place.xp, x)) for x in centred]
    of_x, of_y = pairs.sides(centred)
    x, y = pairs.x._replace(arrays=of_x), None if pairs.y is None else pairs.y._replace(arrays=of_y)
    table = table_of(pairs._replace(x=x, y=y), _LINEAR, "debiased", "float32")
    whole = [*table.self_x, *([] if pairs.y is None else table.self_y)]
    widths = [layer.shape[1] for layer in centred]
    shares = np.array(list(map(share_of_others, whole, own, widths)))

    def all_remarks(_: NDArray[np.float64]) -> list[str]:
        unknown = pairs.by_name(np.isnan(shares) & (np.array(whole) > 0))
        names = [f"`{name}`" for name, is_so in unknown.items() if is_so]
        said = remarks(pairs.function, table)
        if names:
            said.append(
                f"{pairs.function}: the features of {', '.join(names)} have too little in common: "
                "the HSIC between different ones is not positive, so the measure is undefined: the "
                "result is NaN there"
            )
        return said

    of_x, of_y = pairs.sides(place.xp.asarray(shares))
    return SampledFeatures(table.values, of_x, of_y, pairs.y is None), all_remarks


def samples_for_features(**_: Any) -> int:
    """Return how many samples the estimate takes."""
    return samples_for_estimator(estimator="debiased")


def _own_features(xp: Any, x: Array) -> Array:
    """Return the sum over centred features v of their debiased HSIC with themselves.

    [(Σ v²)² (n² - 3n + 3) / (n - 1) - n Σ v⁴] / (n (n - 2) (n - 3)): the linear HSIC with v vᵀ.
    """
    n, d = x.shape
    squares, fourths = xp.zeros(d), xp.zeros(d)
    for rows in spans(n, max(1, _PART // d)):
        part = x[rows] * x[rows]
        squares = squares + part.sum(axis=0)
        fourths = fourths + (part * part).sum(axis=0)
    by_feature = squares * squares * ((n * n - 3 * n + 3) / (n - 1)) - n * fourths
    return by_feature.sum() / (n * (n - 2) * (n - 3))


def share_of_others(whole: float, own: float, d: int) -> float:
    """Return the share of `SampledFeatures`, of an HSIC and the features' own in it."""
    share = (1 - own / whole) * d / (d - 1) if d > 1 and whole > 0 else np.nan
    return share if share > 0 else np.nan
