"""Modularity and motifs of k-NN cosine graphs on a GPU; the host counts on the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._device.device import Device, DeviceArray
from isogram._device.graph import knn_graph


def modularity(
    device: Device,
    x: DeviceArray,
    classes: NDArray[np.int64],
    k: int,
    resolution: float,
    num_threads: int,
) -> float:
    """See `Place`."""
    indptr, indices, data = _nearest_graph(device, x, k, num_threads)
    return _core.modularity_of_graph(indptr, indices, data, classes, resolution=resolution)


def motifs(
    device: Device, x: DeviceArray, classes: NDArray[np.int64], k: int, num_threads: int
) -> tuple[int, int, int]:
    """See `Place`."""
    indptr, indices, data = _nearest_graph(device, x, k, num_threads)
    return _core.motifs_of_graph(indptr, indices, data, classes, num_threads=num_threads)


def _nearest_graph(
    device: Device, x: DeviceArray, k: int, num_threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]:
    """Return the symmetrised k-NN graph in host memory: its indptr, indices and data."""
    indptr, indices, data = knn_graph(device, x, k, "cosine", False, True, "float32", num_threads)
    return device.to_host(indptr), device.to_host(indices), device.to_host(data)
