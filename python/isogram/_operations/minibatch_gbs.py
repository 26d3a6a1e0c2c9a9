"""GBS of more samples than can be held at once, from the graphs of batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import GRAPH_KERNELS, PRECISIONS, choice, flag, integer
from isogram._errors import warn
from isogram._operations.minibatch import Minibatch, Totals
from isogram._statistics.gbs_table import COUNT_0, graphs_of
from isogram._statistics.layer_pairs import LayerPairs, samples_for_neighbours, without_edges
from isogram._types import Array
from isogram.typing import GraphKernelName, PrecisionName, SmallBatches


class MinibatchGBS(Minibatch):
    """Graph-based similarity of all pairs of layers, from graphs of batches that are not kept.

    GBS(k, l) = Σ_b Σ_{i ∈ b} cos(A_b[i, :], B_b[i, :]) / Σ_b n_b, with A_b and B_b the graphs of
    the n_b samples of batch b in layers k and l, see `gbs`: the mean over all samples, in which
    each counts once, whatever the size of its batch. Edges join samples of one batch only, so the
    value is not that of `gbs_matrix` of all samples unless there is one batch: a full graph has
    fewer edges, and the k nearest neighbours within a batch are farther ones than among all
    samples. Compare values of batches of one size only, drawn at random.

    Parameters
    ----------
    k : int, optional
        Compare the graphs of the k nearest neighbours within the batch, at least 1; by default the
        full graphs. Batches need more than k samples.
    center : bool
        Subtract the batch's means of the columns first.
    kernel : {"cosine", "precomputed"}
        As for `gbs`; `update_grams` takes Gram matrices whatever the kernel.
    precision : {"float32", "tf32", "bfloat16"}
        As for `gram`.
    small_batches : {"error", "skip"}
        What becomes of batches of k samples or fewer, or of a single one: an error, or they are
        left out and their samples counted in `skipped`.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Attributes
    ----------
    batches, samples, skipped : int
        Batches and samples in the mean, and samples of batches that were left out.

    Raises
    ------
    ValueError
        An unknown kernel, precision or `small_batches`, `k` less than 1.
    TypeError
        A `k` that is no integer, a `center` that is no bool.

    Notes
    -----
    Types, cost: `gbs_matrix` of every batch, n_b² in place of n²; the mean is float64. Memory: that
    of `gbs_matrix` of one batch, and one small table. The result of one batch has the bits of
    `gbs_matrix`. Means have the same bits in the same order of batches: workers with a batch each
    that are merged in its order have those of one worker, workers with more only up to rounding.
    On a GPU every update waits for it. Source: Chen et al. 2021, arXiv:2111.11165.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((60, 6))
    >>> metric = ig.MinibatchGBS(k=5)
    >>> for start in range(0, 60, 20):
    ...     batch = x[start : start + 20]
    ...     metric.update({"conv": batch, "head": 2 * batch})
    >>> metric.compute().round(6)
    array([[1., 1.],
           [1., 1.]])
    """

    _SUMS: ClassVar = {"gbs": (0, 1), "isolated_x": (0,), "isolated_y": (1,)}

    def __init__(
        self,
        *,
        k: int | None = None,
        center: bool = False,
        kernel: GraphKernelName = "cosine",
        precision: PrecisionName = "float32",
        small_batches: SmallBatches = "error",
        num_threads: int | None = None,
    ) -> None:
        """Begin without batches."""
        neighbours = None if k is None else integer("MinibatchGBS", "k", k, 1)
        options = {
            "k": neighbours,
            "center": flag("MinibatchGBS", "center", center),
            "kernel": choice("MinibatchGBS", "kernel", kernel, GRAPH_KERNELS),
            "precision": choice("MinibatchGBS", "precision", precision, PRECISIONS),
        }
        fewest = samples_for_neighbours(k=neighbours)
        super().__init__(options, fewest, small_batches, num_threads)

    def compute(self) -> NDArray[np.float64]:
        """Return the GBS of every layer with every layer, or with every one of `other`.

        Returns
        -------
        float64 array of shape (L1, L2)
            Samples without edges in their batch count 0, with a RuntimeWarning that counts them by
            layer.

        Raises
        ------
        RuntimeError
            No batch yet.
        """
        totals = self._all()
        sums = totals.sums
        names = [*totals.names[0], *totals.names[1]]
        isolated = map(int, (*sums["isolated_x"], *sums["isolated_y"]))
        counts = dict(zip(names, isolated, strict=True))
        warn(without_edges("MinibatchGBS.compute", totals.samples, counts, COUNT_0), stacklevel=2)
        return sums["gbs"].copy()

    def _sums_of(self, pairs: LayerPairs, options: Mapping[str, Any]) -> dict[str, Array]:
        table = graphs_of(pairs, **options, wait=True)
        isolated_y = table.isolated_y if pairs.y else table.isolated_x
        return {
            "gbs": pairs.place.to_host(table.gbs),
            "isolated_x": table.isolated_x,
            "isolated_y": isolated_y,
        }

    def _merged(self, a: Totals, b: Totals) -> dict[str, NDArray[np.float64]]:
        # A mean of means, and not a sum that is divided in the end: one batch keeps its bits.
        means = a.samples * a.sums["gbs"] + b.samples * b.sums["gbs"]
        return {
            "gbs": means / (a.samples + b.samples),
            "isolated_x": a.sums["isolated_x"] + b.sums["isolated_x"],
            "isolated_y": a.sums["isolated_y"] + b.sums["isolated_y"],
        }
