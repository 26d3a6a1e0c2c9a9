"""Regression of an RSM on models."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import flag
from isogram._arithmetic import ROUNDING, usual_arithmetic
from isogram._inference.results import Record
from isogram._place import place_of
from isogram._rsms import Rsms, checked_rsm, rsms_of
from isogram._statistics.rsm_entries import (
    missing_pairs,
    of_about_1,
    standardised,
    triangles,
)
from isogram._types import Array, Layers, LayersOf

_FUNCTION = "regress_rsm"
_LEAST = 3
_ROUNDS = 10  # allowed for each weight; about one is needed


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RsmRegression(Record):
    """An RSM as a weighted sum of models, by `regress_rsm`.

    Attributes
    ----------
    weights : float64 array of shape (k,)
        One for each model, in units of the RSM by those of the model.
    intercept : float
        0 if the regression has none.
    r2 : float
        The share of the variance that the sum explains; without an intercept, of the sum of
        squares. NaN where the RSM has none.
    models : list
        The keys of the models, or their numbers.
    """

    weights: NDArray[np.float64]
    intercept: float
    r2: float
    models: list[Any]

    def to_pandas(self) -> Any:
        """Return a frame of pandas, with a row for each model: its key and its weight.

        `intercept` and `r2` are its `attrs`.

        Raises
        ------
        ImportError
            Without pandas.
        """
        columns = {"model": self.models, "weight": self.weights}
        return self._frame(columns, {"intercept": self.intercept, "r2": self.r2})


@usual_arithmetic()
def regress_rsm(
    rsm: Array, models: LayersOf[Array], *, nonnegative: bool = False, intercept: bool = True
) -> RsmRegression:
    """Return the weighted sum of models that is nearest to an RSM.

    The weights w and the intercept c minimise Σ (d - c - Σ_m w_m d_m)² over the entries d above the
    diagonal of the RSM and d_m of the models.

    Parameters
    ----------
    rsm : array of shape (n, n), or condensed (n(n - 1)/2,)
        Of n ≥ 3 samples; pairs that are NaN in it and in all models are left out.
    models : sequence or mapping of RSMs
        Linearly independent, and with an intercept none constant.
    nonnegative : bool
        Whether no weight is negative, as mixtures of features have none; the intercept may be.
    intercept : bool
        Whether there is one; without, zeros of distances stay zeros.

    Returns
    -------
    RsmRegression
        Its `weights`, `intercept` and `r2`, on the host. A RuntimeWarning where the RSM is
        constant, and `r2` NaN.

    Raises
    ------
    ValueError
        As for `compare_rsms`; models that depend on each other, or more than there are entries.
    TypeError
        As for `compare_rsms`; options that are not booleans.

    Notes
    -----
    Types: any → float64. By a QR decomposition, so weights have the bits of NumPy's LAPACK; with
    `nonnegative` by the active sets of Lawson & Hanson 1974 on its k × k factor. Cost: m·k² for m
    entries and k models. Memory: a few times m·k doubles. The call waits for a GPU.

    Examples
    --------
    >>> import isogram as ig
    >>> model, other = [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]
    >>> ig.regress_rsm([2.0, 3.0, 5.0], [model, other], intercept=False).weights.round(3)
    array([3., 2.])
    """
    flag(_FUNCTION, "nonnegative", nonnegative)
    flag(_FUNCTION, "intercept", intercept)
    array, samples = checked_rsm(_FUNCTION, "rsm", rsm, _LEAST)
    target = Rsms(Layers(["rsm"], [array], [("rsm", rsm)]), samples)
    columns = rsms_of(_FUNCTION, "models", models, _LEAST, target)
    entries, exponents = of_about_1(np, _entries(target, columns), axis=1)
    exponents = exponents[:, 0]
    varying = _varying(entries, intercept)
    y, x = varying[0], varying[1:].T
    weights = _weights(x, y, nonnegative)
    middle = entries.mean(axis=1) if intercept else np.zeros(len(entries))
    return RsmRegression(
        weights=np.ldexp(weights, exponents[0] - exponents[1:]),
        intercept=float(np.ldexp(middle[0] - middle[1:] @ weights, exponents[0])),
        r2=_explained(y, y - x @ weights),
        models=[key for key, _ in columns.layers.given],
    )


def _entries(rsm: Rsms, models: Rsms) -> NDArray[np.float64]:
    """Return the entries of an RSM and of models, one in each row, on the host."""
    named = rsm.layers.named_with(models.layers)
    place = place_of(_FUNCTION, named)
    with place.entered():
        entries = triangles(place, list(named.values()), rsm.samples)
        is_missing = missing_pairs(_FUNCTION, place, list(named), entries, rsm.samples)
        host = place.to_host(entries)
    return host if is_missing is None else host[:, ~is_missing]


def _varying(entries: NDArray[np.float64], intercept: bool) -> NDArray[np.float64]:
    """Return what of each row an intercept does not explain; 0 where that is rounding."""
    if not intercept:
        return entries
    varying = standardised(np, entries)
    of_all, of_varying = (np.einsum("ij,ij->i", v, v) for v in (entries, varying))
    left: NDArray[np.float64] = np.where((of_varying > ROUNDING**2 * of_all)[:, None], varying, 0.0)
    return left


def _weights(x: NDArray[Any], y: NDArray[Any], nonnegative: bool) -> NDArray[np.float64]:
    """Return the weights of columns of x, in units of their norms while they are sought."""
    norms = np.sqrt(np.einsum("ij,ij->j", x, x))
    entries, count = x.shape
    if (norms == 0).any() or np.linalg.matrix_rank(x / norms) < count:
        raise ValueError(
            f"{_FUNCTION}: `models` must be linearly independent, and with an intercept not "
            f"constant, got {count} of {entries} entries each that are not: leave some out"
        )
    q, r = np.linalg.qr(x / norms)
    of_y = q.T @ y
    weights = nonnegative_least_squares(r, of_y) if nonnegative else np.linalg.solve(r, of_y)
    found: NDArray[np.float64] = weights / norms
    return found


def nonnegative_least_squares(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return the x ≥ 0 of least ‖Ax - b‖, for independent columns (Lawson & Hanson 1974)."""
    count = a.shape[1]
    x, is_free = np.zeros(count), np.zeros(count, bool)
    tolerance = 64 * np.finfo(np.float64).eps * np.abs(a).max() * np.abs(b).max(initial=0) * count
    for _ in range(_ROUNDS * count):  # rounding might free and bind one weight for ever
        gradient = np.where(is_free, -np.inf, a.T @ (b - a @ x))
        if gradient.max() <= tolerance:
            break
        is_free[gradient.argmax()] = True
        while True:
            trial = np.zeros(count)
            trial[is_free] = np.linalg.lstsq(a[:, is_free], b, rcond=None)[0]
            falls = is_free & (trial <= 0)
            if not falls.any():
                break
            # As far towards the trial as no weight becomes negative; the first at 0 is bound there.
            steps = x[falls] / (x[falls] - trial[falls])
            x += steps.min() * (trial - x)
            is_free &= ~(falls & (x <= tolerance))
            is_free[np.flatnonzero(falls)[steps.argmin()]] = False
            x[~is_free] = 0
        x = trial
    return x


def _explained(y: NDArray[Any], left: NDArray[Any]) -> float:
    """Return R²; NaN, with a warning, where there is nothing to explain."""
    if not y.any():
        warnings.warn(
            f"{_FUNCTION}: r2 is NaN, because `rsm` is the same everywhere above its diagonal",
            RuntimeWarning,
            stacklevel=4,
        )
        return float("nan")
    return float(1 - (left @ left) / (y @ y))
