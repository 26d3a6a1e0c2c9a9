"""The graph of a GPU for what the host counts on it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from isogram._arrays import result_dtype
from isogram._device.device import Device, DeviceArray
from isogram._device.graph import knn_graph
from isogram._device.results import fetched


def nearest_graph(
    device: Device, function: str, x: DeviceArray, k: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the symmetrised k-NN graph in host memory: its indptr, indices and data."""
    graph = knn_graph(device, x, k, False, True, "float32", result_dtype(x))
    indptr, indices, data = fetched(device, function, {"x": x}, *graph)
    edges = slice(indptr[-1])
    return indptr, indices[edges], data[edges]
