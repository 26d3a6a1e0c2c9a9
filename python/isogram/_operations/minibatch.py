"""CKA of more samples than can be held at once, from the sums of HSIC over batches."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import flag, kernel_of, threads, two_sets
from isogram._arithmetic import usual_arithmetic
from isogram._statistics.cka_table import cka_table, samples_for_estimator
from isogram._statistics.layer_pairs import LayerPairs
from isogram._statistics.moments import Hsic, cka
from isogram._types import Array, LayersOf
from isogram.typing import LayerKernelName, PrecisionName

_FEWEST = samples_for_estimator(estimator="debiased")
_SUMS = ("hsic", "self_x", "self_y")
_COUNTS = ("batches", "samples", "skipped")


class MinibatchCKA:
    """Debiased CKA of all pairs of layers, estimated from batches that are not kept.

    CKA(k, l) = Σ_b HSIC(k_b, l_b) / sqrt(Σ_b HSIC(k_b, k_b) · Σ_b HSIC(l_b, l_b)), with the
    debiased HSIC of every batch b: a ratio of sums, never a mean of ratios. The mean of HSIC over
    random batches is an unbiased estimate of the HSIC of all samples; `cka_matrix` computes that
    itself, and is the one to take where all samples fit. Batches count alike, whatever their sizes.

    Parameters
    ----------
    kernel, gamma, degree, coef0
        As for `gram`; or "precomputed", for Gram matrices of batches.
    bandwidth : float or pair of floats, optional
        Of the kernels rbf and laplacian, which need one here, or one for each side as in
        `cka_matrix`: the median distance of each batch would make another kernel of each.
    precision : {"float32", "tf32", "bfloat16"}
        As for `gram`.
    skip_short : bool
        Whether batches of fewer than 4 samples, which have no debiased HSIC, are left out
        and counted in `skipped`. By default they are an error.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Attributes
    ----------
    batches, samples, skipped : int
        Batches and samples in the sums, and samples of batches that were left out.

    Raises
    ------
    ValueError
        An unknown kernel or precision, a bandwidth that is needed and missing.

    Notes
    -----
    Types, cost: `cka_matrix` of every batch; sums are float64. Memory: that of `cka_matrix` of one
    batch, and three small tables. The result of one batch has the bits of `cka_matrix`. Sums have
    the same bits in the same order of batches. Source: Nguyen et al. 2021.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((60, 6))
    >>> metric = ig.MinibatchCKA()
    >>> for start in range(0, 60, 20):
    ...     batch = x[start : start + 20]
    ...     metric.update({"conv": batch, "head": 2 * batch})
    >>> metric.compute().round(6)
    array([[1., 1.],
           [1., 1.]])
    """

    def __init__(
        self,
        *,
        kernel: LayerKernelName = "linear",
        bandwidth: float | tuple[float, float] | None = None,
        gamma: float | None = None,
        degree: int = 3,
        coef0: float = 1.0,
        precision: PrecisionName = "float32",
        skip_short: bool = False,
        num_threads: int | None = None,
    ) -> None:
        """Begin without batches."""
        given: Any = "median" if bandwidth is None else bandwidth
        if kernel_of("MinibatchCKA", kernel, given, gamma, degree, coef0).needs_median:
            raise ValueError(
                f"MinibatchCKA: `bandwidth` must be a positive finite number for kernel {kernel!r}"
                f", got {bandwidth!r}: the median of each batch would make another kernel of each"
            )
        if isinstance(given, tuple):
            given = list(given)  # as JSON has it
        self._options: dict[str, Any] = {
            "kernel": kernel,
            "bandwidth": given,
            "gamma": gamma,
            "degree": degree,
            "coef0": coef0,
            "precision": precision,
        }
        self._skips_short = flag("MinibatchCKA", "skip_short", skip_short)
        self._threads = threads("MinibatchCKA", num_threads)
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._names: tuple[list[str], list[str]] | None = None
        self._sums: dict[str, NDArray[np.float64]] = {}
        self.batches = self.samples = self.skipped = 0

    def update(
        self,
        layers: LayersOf[Array],
        other: LayersOf[Array] | None = None,
    ) -> None:
        """Add a batch.

        Parameters
        ----------
        layers, other : sequences or mappings of arrays of shape (n, d_l)
            As for `cka_matrix`, n ≥ 4; the same layers in every batch.

        Raises
        ------
        ValueError
            Other layers than before, fewer than 4 samples unless `skip_short`, and every value that
            `cka_matrix` refuses.
        TypeError
            Types that are neither floats nor integers nor booleans.
        """
        function = "MinibatchCKA.update"
        pairs = LayerPairs.of(function, *two_sets(function, layers, other), self._threads, None)
        samples = pairs.x.samples
        if samples < _FEWEST:
            if not self._skips_short:
                raise ValueError(
                    f"{function}: `layers` must have at least {_FEWEST} samples, got {samples}: "
                    "pass MinibatchCKA(skip_short=True) to leave such batches out, or "
                    "drop_last=True to a DataLoader"
                )
            self.skipped += samples
            return
        self._check_names(function, (pairs.x.names, pairs.names_y))
        table = cka_table(pairs, estimator="debiased", **self._options)[0]
        self._names = (pairs.x.names, pairs.names_y)
        self._add({name: getattr(table, name) for name in _SUMS})
        self.batches += 1
        self.samples += samples

    def merge(self, other: MinibatchCKA) -> MinibatchCKA:
        """Add the batches of another, of the same layers and options; return self.

        Raises
        ------
        TypeError
            Anything but a `MinibatchCKA`.
        ValueError
            One of other layers or options.
        """
        function = "MinibatchCKA.merge"
        if not isinstance(other, MinibatchCKA):
            raise TypeError(
                f"{function}: `other` must be a MinibatchCKA, got {type(other).__name__}"
            )
        if other._options != self._options:
            raise ValueError(
                f"{function}: `other` must have the options {self._options}, got {other._options}"
            )
        if other._names is not None:
            self._check_names(function, other._names)
            self._names = other._names
            self._add(other._sums)
        for count in _COUNTS:
            setattr(self, count, getattr(self, count) + getattr(other, count))
        return self

    def compute(self) -> NDArray[np.float64]:
        """Return the CKA of every layer with every layer, or with every one of `other`.

        Returns
        -------
        float64 array of shape (L1, L2)
            NaN, with a RuntimeWarning that names them, for layers that are constant within every
            batch, as far as float64 can tell.

        Raises
        ------
        RuntimeError
            No batch yet.
        """
        if self._names is None:
            raise RuntimeError("MinibatchCKA.compute: no batch of 4 samples or more was added yet")
        own = (*self._sums["self_x"], *self._sums["self_y"])
        names = zip(self._names[0] + self._names[1], own, strict=True)
        undefined = dict.fromkeys(f"`{name}`" for name, hsic in names if not _is_scale(hsic))
        if undefined:
            message = (
                f"MinibatchCKA.compute: {', '.join(undefined)}: constant in every batch, or beyond "
                "the range of float64: the result is NaN there"
            )
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        with usual_arithmetic():
            ratios: NDArray[np.float64] = cka(np, Hsic(*(self._sums[name] for name in _SUMS)))
        return ratios

    def state_dict(self) -> dict[str, Any]:
        """Return the sums and counts as lists, numbers and text, whose bits JSON keeps too."""
        options = self._options.items()
        return {
            "options": {k: v.item() if isinstance(v, np.generic) else v for k, v in options},
            "names": None if self._names is None else list(map(list, self._names)),
            **{name: sums.tolist() for name, sums in self._sums.items()},
            **{count: getattr(self, count) for count in _COUNTS},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace sums and counts by those of `state_dict`.

        Raises
        ------
        ValueError
            A state of other options, or one that lacks something.
        TypeError
            A state that is no mapping.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                "MinibatchCKA.load_state_dict: `state` must be that of `state_dict`, a mapping, "
                f"got {type(state).__name__}"
            )
        needed = ["options", "names", *_COUNTS, *(_SUMS if state.get("names") else ())]
        if missing := [name for name in needed if name not in state]:
            raise ValueError(
                "MinibatchCKA.load_state_dict: `state` must be that of `state_dict`, it lacks "
                f"{', '.join(missing)}"
            )
        if dict(state["options"]) != self._options:
            raise ValueError(
                f"MinibatchCKA.load_state_dict: `state` must have the options {self._options}, "
                f"got {state['options']}"
            )
        names = state["names"]
        sums = {name: np.array(state[name], np.float64) for name in _SUMS if names is not None}
        if names is not None:
            counts = tuple(map(len, names))
            if [sums[name].shape for name in _SUMS] != [counts, counts[:1], counts[1:]]:
                raise ValueError(
                    "MinibatchCKA.load_state_dict: `state` must have sums of "
                    f"{counts[0]} × {counts[1]} layers, got {sums['hsic'].shape}"
                )
        self._names = None if names is None else (list(names[0]), list(names[1]))
        self._sums = sums
        for count in _COUNTS:
            setattr(self, count, int(state[count]))

    def __repr__(self) -> str:
        """Return the numbers of samples and of batches in the sums."""
        return f"MinibatchCKA: {self.samples} samples in {self.batches} batches"

    def _check_names(self, function: str, names: tuple[list[str], list[str]]) -> None:
        if self._names is None or names == self._names:
            return
        expected, got = (" × ".join(", ".join(side) for side in n) for n in (self._names, names))
        raise ValueError(f"{function}: the layers must be those of before, {expected}; got {got}")

    @usual_arithmetic()
    def _add(self, sums: Mapping[str, Any]) -> None:
        new = {name: np.array(sums[name], np.float64) for name in _SUMS}
        if self._sums:
            new = {name: self._sums[name] + new[name] for name in _SUMS}
        self._sums = new  # all of them at once, whatever interrupts


def _is_scale(own: float) -> bool:
    return bool(np.isfinite(own)) and own > 0
