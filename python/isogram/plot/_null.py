"""A value against the values that chance gives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from isogram._arguments import number
from isogram.plot._figure import axes_for
from isogram.plot._labels import plain, set_title
from isogram.plot._matrix import kind_of, numbers_of
from isogram.plot._series import COLOURS
from isogram.typing import MeasureKind

if TYPE_CHECKING:
    from isogram import Calibration, PermutationTest


def null(
    value: float | PermutationTest | Calibration,
    values: Any = None,
    *,
    kind: MeasureKind = "similarity",
    title: str = "",
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a value against its distribution under the null hypothesis, with its p-value.

    p = (1 + number of null values at least as similar) / (1 + number of null values); of a result
    its own, to which values are equal that differ by rounding alone.

    Parameters
    ----------
    value : float, PermutationTest or Calibration
        The measured value; or a result of `permutation_test` or `calibrate` of two representations,
        which has the values and their kind too, and is labelled by its measure.
    values : array of shape (m)
        Values measured where nothing is shared: of permuted samples, say.
    kind : {"similarity", "distance"}
        Of distances, the smaller is the more similar.
    label : str, optional
        Name of the axis of values; by default the kind.
    title, ax
        As for `heatmap`.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        A value that is no finite number; null values that are not, or none; another kind; a result
        of many pairs of layers, or by moments, which has no null values.

    References
    ----------
    Phipson and Smyth, "Permutation p-values should never be zero", Statistical Applications in
    Genetics and Molecular Biology 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from isogram import plot
    >>> ax = plot.null(0.8, np.random.default_rng(0).normal(0.2, 0.1, 999), label="CKA")
    """
    p = None
    if values is None:
        value, values, p, kind, label = _of_result(value, label)
    value = number("null", "value", value)
    chance = numbers_of("null", "values", values, 1)
    if np.isnan(chance).any():
        raise ValueError("null: `values` must be finite, got NaN or infinity")
    kind = kind_of("null", kind, "")
    if p is None:
        extreme = chance >= value if kind == "similarity" else chance <= value
        p = (1 + int(extreme.sum())) / (1 + chance.size)
    with axes_for("null", ax, 1.9) as ax:
        counts, *_ = ax.hist(chance, bins=_bins(chance), color="0.7")
        ax.set_ylim(0, 1.2 * np.max(counts))  # with room for the numbers
        ax.axvline(value, color=COLOURS[1], linewidth=1.5)
        is_right = value > (min(value, chance.min()) + max(value, chance.max())) / 2
        ax.annotate(
            f"{value:.3g}, p = {p:.2g}".replace("-", "\N{MINUS SIGN}"),
            (value, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if is_right else 4, -2),
            textcoords="offset points",
            ha="right" if is_right else "left",
            va="top",
            color=COLOURS[1],
        )
        ax.set_xlabel(plain(label or kind))
        ax.set_ylabel("null values")
        ax.spines[["top", "right"]].set_visible(False)
        set_title(ax, title)
    return ax


def _of_result(result: Any, label: str | None) -> tuple[Any, Any, float, MeasureKind, str]:
    """Return the value, the null values, p, the kind and the label of a result of inference."""
    values = getattr(result, "null", None)
    if values is None:
        raise TypeError(
            "null: `value` must be a result of permutations, which has null values, or be given "
            f"with `values`, got {result!r} alone"
        )
    if np.ndim(values) != 1:
        raise ValueError(
            "null: `value` must be a result of two representations, got one of pairs of layers: "
            "pass result.value[i, j] and result.null[:, i, j]"
        )
    return result.value, values, result.p, result.kind, label or result.measure


def _bins(values: NDArray[Any]) -> Any:
    """Return the edges of bins: fewer bins where no floats lie between the values."""
    count = min(40, max(5, math.isqrt(values.size)))
    edges = np.unique(np.linspace(values.min(), values.max(), count + 1))
    return edges if len(edges) > 1 else count
