"""CKA of more samples than can be held at once, from the sums of HSIC over batches."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import PRECISIONS, choice, kernel_of
from isogram._arithmetic import usual_arithmetic
from isogram._operations.minibatch import Minibatch, Totals
from isogram._statistics.cka_table import cka_table, samples_for_estimator
from isogram._statistics.layer_pairs import LayerPairs
from isogram._statistics.moments import Hsic, cka
from isogram._types import Array
from isogram.typing import LayerKernelName, PrecisionName, SmallBatches

_FEWEST = samples_for_estimator(estimator="debiased")


class MinibatchCKA(Minibatch):
    """Debiased CKA of all pairs of layers, estimated from batches that are not kept.

    CKA(k, l) = Σ_b HSIC(k_b, l_b) / sqrt(Σ_b HSIC(k_b, k_b) · Σ_b HSIC(l_b, l_b)), with the
    debiased HSIC of every batch b: a ratio of sums, never a mean of ratios. The mean of HSIC over
    random batches is an unbiased estimate of the HSIC of all samples; `cka_matrix` computes that
    itself, and is the one to take where all samples fit. Batches count alike, whatever their sizes.

    Parameters
    ----------
    kernel, gamma, degree, coef0
        As for `gram`; or "precomputed", for Gram matrices of batches, which `update_grams` takes
        whatever the kernel.
    bandwidth : float or pair of floats, optional
        Of the kernels rbf and the Laplacians, which need one here, or one for each side as in
        `cka_matrix`: the median distance of each batch would make another kernel of each.
    precision : {"float32", "tf32", "bfloat16"}
        As for `gram`.
    small_batches : {"error", "skip"}
        What becomes of batches of fewer than 4 samples, which have no debiased HSIC: an error, or
        they are left out and their samples counted in `skipped`.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Attributes
    ----------
    batches, samples, skipped : int
        Batches and samples in the sums, and samples of batches that were left out.

    Raises
    ------
    ValueError
        An unknown kernel, precision or `small_batches`, a bandwidth that is needed and missing.

    Notes
    -----
    Types, cost: `cka_matrix` of every batch; sums are float64. Memory: that of `cka_matrix` of one
    batch, and three small tables. The result of one batch has the bits of `cka_matrix`. Sums have
    the same bits in the same order of batches: workers with a batch each that are merged in its
    order have those of one worker, workers with more only up to rounding. Source: Nguyen et al.
    2021; of semantic RSMs, as `update_grams` takes them, Wald et al. 2024.

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

    Of semantic RSMs of batches, of tokens (samples, tokens, channels):

    >>> tokens = x.reshape(30, 4, 3)
    >>> metric = ig.MinibatchCKA()
    >>> for start in range(0, 30, 10):
    ...     batch = tokens[start : start + 10]
    ...     rsms = {"as it is": batch, "mirrored": batch[:, ::-1]}
    ...     metric.update_grams({name: ig.semantic_rsm(t) for name, t in rsms.items()})
    >>> metric.compute().round(6)
    array([[1., 1.],
           [1., 1.]])
    """

    _SUMS: ClassVar = {"hsic": (0, 1), "self_x": (0,), "self_y": (1,)}

    def __init__(
        self,
        *,
        kernel: LayerKernelName = "linear",
        bandwidth: float | tuple[float, float] | None = None,
        gamma: float | None = None,
        degree: int = 3,
        coef0: float = 1.0,
        precision: PrecisionName = "float32",
        small_batches: SmallBatches = "error",
        num_threads: int | None = None,
    ) -> None:
        """Begin without batches."""
        given: Any = "median" if bandwidth is None else bandwidth
        if kernel_of("MinibatchCKA", kernel, given, gamma, degree, coef0).needs_median:
            raise ValueError(
                f"MinibatchCKA: `bandwidth` must be a positive finite number for kernel {kernel!r}"
                f", got {bandwidth!r}: the median of each batch would make another kernel of each"
            )
        options = {
            "kernel": kernel,
            "bandwidth": given,
            "gamma": gamma,
            "degree": degree,
            "coef0": coef0,
            "precision": choice("MinibatchCKA", "precision", precision, PRECISIONS),
        }
        super().__init__(options, _FEWEST, small_batches, num_threads)

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
        totals = self._all()
        sums = Hsic(*(totals.sums[name] for name in self._SUMS))
        own = zip([*totals.names[0], *totals.names[1]], [*sums.self_x, *sums.self_y], strict=True)
        undefined = dict.fromkeys(f"`{name}`" for name, hsic in own if not _is_scale(hsic))
        if undefined:
            message = (
                f"MinibatchCKA.compute: {', '.join(undefined)}: constant in every batch, or beyond "
                "the range of float64: the result is NaN there"
            )
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        with usual_arithmetic():
            ratios: NDArray[np.float64] = cka(np, sums)
        return ratios

    def _sums_of(self, pairs: LayerPairs, options: Mapping[str, Any]) -> dict[str, Array]:
        table = cka_table(pairs, estimator="debiased", **options)[0]
        return {name: getattr(table, name) for name in self._SUMS}

    def _merged(self, a: Totals, b: Totals) -> dict[str, NDArray[np.float64]]:
        return {name: a.sums[name] + b.sums[name] for name in self._SUMS}


def _is_scale(own: float) -> bool:
    return bool(np.isfinite(own)) and own > 0
