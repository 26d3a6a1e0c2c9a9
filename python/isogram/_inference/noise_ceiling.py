"""How well any model can do, when subjects themselves differ."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice, layers_of, threads
from isogram._arithmetic import ROUNDING, usual_arithmetic
from isogram._errors import errors_of, warn
from isogram._host.compare import compare_rsms, rank_entries
from isogram._host.features import doubles
from isogram._host.gram import inner_products
from isogram._inference.entry_order import EntryOrder
from isogram._inference.results import MANY, Record
from isogram._inference.sample import on_host
from isogram._inference.whole_grams import grams_of
from isogram._place import HOST, place_of
from isogram._rsms import fewest_samples, rsms_of, squared
from isogram._statistics.centring import u_centre
from isogram._statistics.layer_pairs import LayerPairs
from isogram._statistics.rsm_entries import of_about_1
from isogram._types import Array, Layers, LayersOf
from isogram.typing import BandwidthLike, CeilingKernelName, CeilingMethodName

Doubles = NDArray[np.float64]

_METHODS: tuple[CeilingMethodName, ...] = get_args(CeilingMethodName)
_KERNELS: tuple[CeilingKernelName, ...] = get_args(CeilingKernelName)
_COSINES = ("pearson", "cosine", "cka")  # of vectors: of all entries off the diagonal


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NoiseCeiling(Record):
    """Between what bounds the best model would be; see `noise_ceiling`.

    Attributes
    ----------
    low, high : float
        The means of the bounds of all subjects.
    method : str
        How RSMs were compared.
    n : int
        Samples.
    n_subjects : int
        How many subjects there are.
    subjects : list
        Their keys, or their numbers.
    low_of_each, high_of_each : float64 arrays of shape (n_subjects,)
        The bounds of every subject.
    """

    low: float
    high: float
    method: str
    n: int
    n_subjects: int
    subjects: list[Any]
    low_of_each: Doubles = dataclasses.field(metadata=MANY)
    high_of_each: Doubles = dataclasses.field(metadata=MANY)

    def _not_shown(self) -> set[str]:
        """Return the keys of subjects."""
        return {"subjects"}

    def to_pandas(self) -> Any:
        """Return a frame of pandas, with a row for each subject: its key, `low` and `high`.

        The means of the bounds and all else are its `attrs`.

        Raises
        ------
        ImportError
            Without pandas.
        """
        columns = {"subject": self.subjects, "low": self.low_of_each, "high": self.high_of_each}
        others = {name: value for name, value in self._fields() if name != "subjects"}
        return self._frame(columns, others)


def noise_ceiling(
    subjects: LayersOf[Array],
    *,
    method: CeilingMethodName = "spearman",
    kernel: CeilingKernelName = "precomputed",
    bandwidth: BandwidthLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    num_threads: int | None = None,
) -> NoiseCeiling:
    """Return bounds of what the best model would reach, between subjects, seeds or models.

    Subjects differ, so that no model is wholly like each of them. The upper bound is the mean
    similarity of every subject's RSM to the mean RSM of all, itself among them; the lower one, to
    the mean of the others.

    Parameters
    ----------
    subjects : array of shape (s, n, n), or sequence or mapping of arrays
        At least two RSMs of the same n samples, (n, n) or condensed as for `compare_rsms`; with a
        kernel of features, representations (n, d_s) of the same samples.
    method : str
        As for `compare_rsms`: "spearman", "pearson", "cosine", "cka", "kendall" ("kendall_b"),
        "kendall_a" or "rho_a". "cka" is debiased.
    kernel : str
        "precomputed" of RSMs; else the kernel that makes RSMs of representations, as for `gram`, or
        "distance", Euclidean.
    bandwidth, gamma, degree, coef0
        As for `gram`.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    NoiseCeiling
        With low, high, and both of every subject. NaN, with a RuntimeWarning that names the
        subject, where an RSM is constant.

    Raises
    ------
    ValueError
        Fewer than two subjects; RSMs of different sizes, or too small; a NaN or infinity, but for
        pairs that are NaN in all RSMs, which are left out.
    TypeError
        Types that are neither floats nor integers nor booleans.

    Notes
    -----
    The mean is of RSMs that are alike in scale, so that it is the most like all of them: "cosine":
    of norm 1; "pearson": z-scores; "cka": centred and of norm 1; "spearman" and "rho_a": ranks. For
    Kendall's correlations it is of ranks too, which need not be the best: their upper bound is
    approximate. A model that is fitted to each subject by itself can exceed the upper bound.

    Types: any → float64 throughout; arrays on a GPU are copied, and the host computes. Cost: s² n²,
    and s n² log n by ranks; memory s n². Source: Nili et al. 2014.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.standard_normal((20, 5))
    >>> subjects = [truth + 0.3 * rng.standard_normal(truth.shape) for _ in range(8)]
    >>> ceiling = ig.noise_ceiling(subjects, method="cka", kernel="linear")
    >>> round(ceiling.low, 2), round(ceiling.high, 2)
    (0.92, 0.94)
    """
    function = "noise_ceiling"
    choice(function, "method", method, _METHODS)
    choice(function, "kernel", kernel, _KERNELS)
    workers = threads(function, num_threads)
    if kernel == "precomputed":
        layers, rsms = _given_rsms(function, subjects, fewest_samples(method))
    else:
        options = {"kernel": kernel, "bandwidth": bandwidth, "gamma": gamma}
        options |= {"degree": degree, "coef0": coef0}
        with errors_of(function):
            layers, rsms = _rsms_of(
                function, subjects, method, workers, is_centred=method == "cka", **options
            )
    names = layers.names
    _require_subjects(function, len(rsms))
    with usual_arithmetic(), errors_of(function), np.errstate(invalid="ignore", divide="ignore"):
        entries = _entries(function, names, rsms, method)
        if method in _COSINES:
            low, high = _bounds_of_cosines(entries, workers)
        else:
            low, high = _bounds_by_ranks(entries, len(rsms[0]), method, workers)
    warn(_remarks(function, names, low, high), stacklevel=2)
    return NoiseCeiling(
        low=float(low.mean()),
        high=float(high.mean()),
        method=method,
        n=len(rsms[0]),
        n_subjects=len(rsms),
        subjects=[key for key, _ in layers.given],
        low_of_each=low,
        high_of_each=high,
    )


def _given_rsms(function: str, subjects: Any, least: int) -> tuple[Layers, list[Doubles]]:
    given = rsms_of(function, "subjects", subjects, least)
    layers = on_host(place_of(function, given.layers.named), given.layers)
    squares = squared(HOST, layers.arrays, given.samples)
    return layers, [doubles(rsm) for rsm in squares]


def _rsms_of(
    function: str, subjects: Any, method: str, num_threads: int, *, is_centred: bool, **kernel: Any
) -> tuple[Layers, list[Doubles]]:
    layers = layers_of(function, "subjects", subjects)
    if layers.samples < (least := fewest_samples(method)):
        raise ValueError(
            f"{function}: `subjects` must have at least {least} samples for method {method!r}, "
            f"got {layers.samples}"
        )
    layers = on_host(place_of(function, layers.named), layers)
    pairs = LayerPairs.of(function, layers, None, num_threads, None)
    return layers, grams_of(pairs, **kernel, is_centred=is_centred).grams


def _require_subjects(function: str, subjects: int) -> None:
    if subjects < 2:
        raise ValueError(f"{function}: `subjects` must have at least 2 RSMs, got {subjects}")


def _remarks(function: str, names: list[str], low: Doubles, high: Doubles) -> list[str]:
    """Return the warning for subjects without bounds."""
    listed = [f"`{n}`" for n, *ends in zip(names, low, high, strict=True) if np.isnan(ends).any()]
    if not listed:
        return []
    return [
        f"{function}: {', '.join(listed)} {'is' if len(listed) == 1 else 'are'} constant, or the "
        "mean that is compared with, where RSMs cancel: the result is NaN"
    ]


def _entries(function: str, names: list[str], rsms: list[Doubles], method: str) -> Doubles:
    """Return the entries above the diagonals, (subjects, pairs), as `method` centres them.

    Those that are NaN in all stay so.
    """
    upper = np.triu_indices(len(rsms[0]), 1)
    entries = np.array([rsm[upper] for rsm in rsms])
    missing = np.isnan(entries[0])
    for name, of_one in zip(names, entries, strict=True):
        if not np.array_equal(np.isnan(of_one), missing):
            raise ValueError(
                f"{function}: `{name}` must be NaN for the same pairs as `{names[0]}`, "
                f"got {np.isnan(of_one).sum()} of {missing.sum()}"
            )
        if np.isinf(of_one).any() or (method == "cka" and missing.any()):
            raise ValueError(f"{function}: `{name}` must be finite, got NaN or infinity")
    if (known := int((~missing).sum())) < 3:
        raise ValueError(
            f"{function}: `{names[0]}` must have at least 3 pairs that are not NaN, got {known}"
        )
    # In a unit of its own each, so that no sum overflows.
    entries, exponents = of_about_1(np, entries, axis=1)
    reaches = np.nanmax(np.abs(entries), axis=1, keepdims=True)
    if method == "cka":
        units = zip(rsms, -exponents[:, 0], strict=True)
        entries = np.array([u_centre(np.ldexp(rsm, unit))[upper] for rsm, unit in units])
    if method == "pearson":
        entries -= np.nanmean(entries, axis=1, keepdims=True)
    if method in _COSINES:  # what is left of a constant RSM is rounding
        is_constant = np.nanmax(np.abs(entries), axis=1, keepdims=True) <= ROUNDING * reaches
        entries = np.where(is_constant & ~missing, 0.0, entries)
    return entries


def _bounds_of_cosines(entries: Doubles, num_threads: int) -> tuple[Doubles, Doubles]:
    """Return Σ_t C_st / ‖Σ u‖, of vectors u of norm 1 and their cosines C; without t = s, too."""
    known = entries[:, ~np.isnan(entries[0])]
    largest = np.abs(known).max(axis=1, keepdims=True)
    known = np.divide(known, largest, out=np.zeros_like(known), where=largest > 0)
    products = np.empty((len(known), len(known)))
    inner_products(known, None, products, num_threads)
    norms = np.sqrt(products.diagonal())
    norms[norms == 0] = np.nan
    cosines = products / norms[:, None] / norms
    own = np.where(np.isnan(norms), np.nan, 1.0)
    np.fill_diagonal(cosines, own)
    sums, total = np.nansum(cosines, axis=1), np.nansum(cosines)
    # A mean whose square is no more than this may be 0, but for rounding.
    rounding = ROUNDING * len(known)
    of_others, of_all = total - 2 * sums + own, np.where(total > rounding, total, np.nan)
    low = (sums - own) / np.sqrt(np.where(of_others > rounding, of_others, np.nan))
    return low, own * sums / np.sqrt(of_all)


def _bounds_by_ranks(
    entries: Doubles, samples: int, method: str, num_threads: int
) -> tuple[Doubles, Doubles]:
    """Compare every subject with the mean ranks of all, and of the others."""
    upper = np.triu_indices(samples, 1)
    is_known = ~np.isnan(entries[0])

    def square(values: Doubles) -> Doubles:
        rsm = np.zeros((samples, samples))
        rsm[upper] = values
        return rsm + rsm.T

    def ranks(values: Doubles) -> Doubles:
        # Of pairs left out, any entry will do that changes no tie.
        of_all = rank_entries(square(np.where(is_known, values, np.nanmax(values))), num_threads)
        found = np.full(len(values), np.nan)
        found[is_known] = EntryOrder(of_all[is_known]).centred_ranks(np.ones(is_known.sum()))
        return found

    total = np.sum([ranks(values) for values in entries], axis=0)
    low, high = np.empty((2, len(entries)))
    for subject, values in enumerate(entries):
        rsm = square(values)
        others = square(total - ranks(values))
        low[subject] = compare_rsms(others, rsm, method, num_threads)
        high[subject] = compare_rsms(square(total), rsm, method, num_threads)
    return low, high
