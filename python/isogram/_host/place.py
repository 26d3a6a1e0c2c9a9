"""The host as a place: its memory, and its operations."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from isogram._entries import are_finite
from isogram._host import (
    bandwidth,
    center,
    cka,
    communities,
    compare,
    features,
    finite,
    gbs,
    gram,
    graph,
    jsd,
    match,
    nearest,
    permuted_products,
    rsm,
    rsm_tiles,
)
from isogram._memory import usable_memory
from isogram._types import Array

if TYPE_CHECKING:
    from isogram._protocols import Place

_UNCHANGED = nullcontext()


class Host:
    """The machine that Python runs on."""

    device = None
    name = "host memory"
    precisions = ("float32",)
    xp = np

    @property
    def memory(self) -> int:
        """Return the machine's memory, or the container's limit."""
        return usable_memory()

    def entered(self) -> AbstractContextManager[object]:
        """Return a context in which nothing changes."""
        return _UNCHANGED

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of NumPy's."""
        return np.empty(shape, dtype)

    def to_host(self, array: Array) -> NDArray[Any]:
        """Return the array."""
        return np.asarray(array)

    are_finite = staticmethod(are_finite)
    gram = staticmethod(gram.gram)
    median_bandwidth = staticmethod(bandwidth.median_bandwidth)
    bandwidth = staticmethod(bandwidth.bandwidth)
    hsic_table = staticmethod(cka.hsic_table)
    hsic_table_of_grams = staticmethod(cka.hsic_table_of_grams)
    gbs_table = staticmethod(gbs.gbs_table)
    gbs_table_of_grams = staticmethod(gbs.gbs_table_of_grams)
    require_finite = staticmethod(finite.require_finite)
    rsm_tiles = staticmethod(rsm_tiles.rsm_tiles)
    doubles = staticmethod(features.doubles)
    above_diagonal = staticmethod(features.above_diagonal)
    cross_products = staticmethod(features.cross_products)
    standardized_features = staticmethod(features.standardized_features)
    unit_rows = staticmethod(nearest.unit_rows)
    nearest = staticmethod(nearest.nearest)
    permuted_products = staticmethod(permuted_products.permuted_products)
    dense_graph = staticmethod(graph.dense_graph)
    knn_graph = staticmethod(graph.knn_graph)
    center = staticmethod(center.center)
    modularity = staticmethod(communities.modularity)
    motifs = staticmethod(communities.motifs)
    compare_rsms = staticmethod(compare.compare_rsms)
    rank_entries = staticmethod(compare.rank_entries)
    match = staticmethod(match.match)
    rbf_from_distances = staticmethod(rsm.rbf_from_distances)
    rsm_part = staticmethod(rsm.part)
    rsm = staticmethod(rsm.rsm)
    jsd = staticmethod(jsd.jsd)


HOST: Place = Host()
