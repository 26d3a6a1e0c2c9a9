"""A GPU as a place: its memory, and its operations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from numpy.typing import DTypeLike, NDArray

from isogram._device import (
    bandwidth,
    center,
    cka,
    communities,
    compare,
    features,
    gbs,
    given_graphs,
    given_hsic,
    gram,
    graph,
    jsd,
    match,
    nearest,
    permuted_products,
    results,
    rsm,
    rsm_tiles,
)
from isogram._device.device import Device, DeviceArray

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def _entered(
    operation: Callable[Concatenate[Device, _Arguments], _Result],
) -> Callable[Concatenate[Gpu, _Arguments], _Result]:
    """Return an operation as a method that runs while its GPU is the current one."""

    @wraps(operation)
    def method(gpu: Gpu, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with gpu.device.entered():
            return operation(gpu.device, *args, **kwargs)

    return method


class Gpu:
    """One GPU."""

    precisions = ("float32", "tf32", "bfloat16")

    def __init__(self, device: Device) -> None:
        """Take the GPU that does the work."""
        self.device = device

    @property
    def name(self) -> str:
        """Return its number."""
        return f"the memory of GPU {self.device.number}"

    @property
    def xp(self) -> Any:
        """Return the array library of the GPU."""
        return self.device.xp

    @property
    def memory(self) -> int:
        """Return what the driver says."""
        return self.device.memory

    def entered(self) -> AbstractContextManager[object]:
        """Make this the current GPU."""
        return self.device.entered()

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> DeviceArray:
        """Return a new array of the GPU's library."""
        with self.device.entered():
            return self.device.empty(shape, dtype)

    def to_host(self, array: DeviceArray) -> NDArray[Any]:
        """Copy the array."""
        return self.device.to_host(array)

    def are_finite(self, array: DeviceArray) -> bool:
        """Return True at once."""
        return True

    gram = _entered(gram.gram)
    median_bandwidth = _entered(bandwidth.median_bandwidth)
    bandwidth = _entered(bandwidth.bandwidth)
    hsic_table = _entered(cka.hsic_table)
    hsic_table_of_grams = _entered(given_hsic.hsic_table_of_grams)
    gbs_table = _entered(gbs.gbs_table)
    gbs_table_of_grams = _entered(given_graphs.gbs_table_of_grams)
    require_finite = _entered(results.require_finite)
    rsm_tiles = _entered(rsm_tiles.rsm_tiles)
    doubles = _entered(features.doubles)
    above_diagonal = _entered(features.above_diagonal)
    cross_products = _entered(features.cross_products)
    standardized_features = _entered(features.standardized_features)
    unit_rows = _entered(nearest.unit_rows)
    nearest = _entered(nearest.nearest)
    permuted_products = _entered(permuted_products.permuted_products)
    dense_graph = _entered(graph.dense_graph)
    knn_graph = _entered(graph.knn_graph)
    center = _entered(center.center)
    modularity = _entered(communities.modularity)
    motifs = _entered(communities.motifs)
    compare_rsms = _entered(compare.compare_rsms)
    rank_entries = _entered(compare.rank_entries)
    match = _entered(match.match)
    rbf_from_distances = _entered(rsm.rbf_from_distances)
    rsm_part = staticmethod(rsm.part)
    rsm = staticmethod(rsm.rsm)  # by all GPUs of the job, each of which it enters
    jsd = _entered(jsd.jsd)
