"""Statistics of layers whose samples are permuted, on Gram matrices that are made once.

Each takes checked pairs of layers, permutations of the samples of `y`, which are rows, and the
options of a measure; it returns the statistic of every permutation, in host memory. Of one set of
layers each pair counts once: entries below the diagonals of their tables mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import kernel_of
from isogram._arithmetic import usual_arithmetic
from isogram._entries import result_dtype
from isogram._memory import FEWER_SAMPLES, check_memory
from isogram._statistics import moments
from isogram._statistics.centred_products import (
    CentredProducts,
    CentredRsms,
    centred_rsms,
    of_finite_entries,
    rsm_kernel,
)
from isogram._statistics.cka_table import CkaTable
from isogram._statistics.layer_pairs import LayerPairs
from isogram._types import Array, Kernel, Layers
from isogram._walk.tiles import spans
from isogram.typing import BandwidthsLike

Permutations = NDArray[np.int32]

# Rows that are read together, for means.
_ROWS = 256


def permuted_cka_tables(
    pairs: LayerPairs,
    permutations: Permutations,
    *,
    kernel: str,
    estimator: str,
    precision: str = "float32",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
) -> Iterator[CkaTable]:
    """Yield the tables of `cka_matrix` by inner products of centred Gram matrices."""
    options = kernel_of(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    is_debiased, n = estimator == "debiased", pairs.x.samples
    pairs = _of_centred(pairs, options)
    with usual_arithmetic():
        sums, exponents = _products(
            pairs, options, "debiased" if is_debiased else "double", permutations
        )
        divisor = n * (n - 3) if is_debiased else (n - 1) ** 2
        sums = CentredProducts(*(values / divisor for values in sums))
        hsic = moments.known(
            np,
            moments.Hsic(*sums[:3]),
            n**2 * sums.rounding_x,
            n**2 * sums.rounding_y,
            n,
            is_symmetric=False,
        )
        values = moments.cka(np, hsic)
        hsic = moments.in_own_units(np, hsic, *pairs.sides(exponents))
    for cross, cka in zip(hsic.cross, values, strict=True):
        own = hsic.self_x, hsic.self_y
        yield CkaTable(cross, cka, *own, cka, pairs.x.names, pairs.names_y)


def permuted_centred_products(
    pairs: LayerPairs,
    permutations: Permutations,
    *,
    kernel: str = "linear",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    centring: str,
) -> Iterator[CentredProducts]:
    """Yield the products of centred RSMs."""
    options = rsm_kernel(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    pairs = of_finite_entries(pairs, options)
    with usual_arithmetic():
        sums, _ = _products(pairs, options, centring, permutations)
    for products in sums.products:
        yield sums._replace(products=products)


# The statistics that are such products, by the names of `STATISTICS`.
PERMUTED: Mapping[str, Callable[..., Iterable[Any]]] = {
    "cka_table": permuted_cka_tables,
    "centred_products": permuted_centred_products,
}


class CubicSums(NamedTuple):
    """Sums over U-centred matrices, hollow ones whose rows sum to 0, in a unit per layer."""

    products: NDArray[Any]  # Σ A∘B, (L1, L2)
    squares_x: NDArray[Any]  # Σ A∘A, (L1,)
    squares_y: NDArray[Any]
    cubes_x: NDArray[Any]  # Σ A∘A∘A
    cubes_y: NDArray[Any]
    triangles_x: NDArray[Any]  # tr A³
    triangles_y: NDArray[Any]


def is_debiased(statistic: str, options: Mapping[str, Any]) -> bool:
    """Return whether a statistic is of products of U-centred matrices."""
    name = {"cka_table": "estimator", "centred_products": "centring"}.get(statistic, "")
    return bool(options.get(name) == "debiased")


def cubic_sums(
    pairs: LayerPairs,
    *,
    kernel: str = "linear",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    **_: Any,
) -> CubicSums:
    """Return the sums of a statistic that `is_debiased`, in host memory."""
    options = rsm_kernel(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    pairs, n = _of_centred(pairs, options), pairs.x.samples
    place, xp = pairs.place, pairs.place.xp
    _check_memory(pairs, more=6)  # three of float64
    with place.entered(), usual_arithmetic():
        grams, squares, rounding = _centred_grams(pairs, centred_rsms(pairs, options, "debiased"))
        squares = xp.where(squares > rounding, squares, 0.0)
        cubes, triangles = xp.zeros((2, len(grams)))
        for layer, gram in enumerate(grams):
            a = place.doubles(gram)
            cubes[layer] = xp.einsum("ij,ij,ij->", a, a, a)
            products = place.cross_products(a, a, pairs.num_threads)
            triangles[layer] = xp.einsum("ij,ij->", products, a)
        identity = np.arange(n, dtype=np.int32)[None]
        products = place.permuted_products(
            *pairs.sides(grams), identity, pairs.is_one_set, pairs.num_threads, None
        )
        sides = (side for sums in (squares, cubes, triangles) for side in pairs.sides(sums))
        return CubicSums(*map(place.to_host, (products[0], *sides)))


def _products(
    pairs: LayerPairs, kernel: Kernel, centring: str, permutations: Permutations
) -> tuple[CentredProducts, NDArray[Any]]:
    """Return the sums, products of shape (permutations, L1, L2), and the exponents of units."""
    place, report = pairs.place, pairs.report
    _check_memory(pairs)
    with place.entered():
        rsms = centred_rsms(pairs._replace(report=None), kernel, centring)
        grams, squares, rounding = _centred_grams(pairs, rsms)
        exponents = place.to_host(rsms.exponents)
        del rsms
        x, y = pairs.sides(grams)
        products = place.permuted_products(
            x, y, permutations, pairs.is_one_set, pairs.num_threads, report
        )
        sides = (*pairs.sides(squares), *pairs.sides(rounding))
        return CentredProducts(*map(place.to_host, (products, *sides))), exponents


def _check_memory(pairs: LayerPairs, more: int = 0) -> None:
    """Raise MemoryError where the matrices, and `more` of their size, do not fit."""
    n, of_x = pairs.x.samples, len(pairs.x.arrays)
    # Beside the matrices the core has half of those of `x` once more.
    matrices = len(pairs.arrays) + (of_x + 1) // 2 + more
    as_float32 = np.dtype(np.float32)
    check_memory(pairs.function, (n, n), as_float32, FEWER_SAMPLES, matrices, pairs.place.memory)


def _centred_grams(pairs: LayerPairs, rsms: CentredRsms) -> tuple[Array, Array, Array]:
    """Return the centred matrices of all layers in float32, their squares, and bounds of these."""
    xp, n, count = pairs.place.xp, pairs.x.samples, len(pairs.arrays)
    grams = pairs.place.empty((count, n, n), np.float32)
    squares, rounding = xp.zeros(count), xp.zeros(count)
    for tile in rsms.tiles:
        values, bounds = rsms.centred(tile)
        weight = 2.0 if tile.is_mirrored else 1.0
        grams[:, tile.rows, tile.cols] = values
        if tile.is_mirrored:
            grams[:, tile.cols, tile.rows] = values.transpose(0, 2, 1)
        squares += weight * xp.einsum("kij,kij->k", values, values)
        rounding += weight * bounds
    return grams, squares, rounding


def _of_centred(pairs: LayerPairs, kernel: Kernel) -> LayerPairs:
    """Return the pairs as a kernel takes them whose matrices are centred.

    For the linear kernel layers are copies less their means: offsets cost no digits, as in `cka`.
    """
    pairs = of_finite_entries(pairs, kernel)
    if kernel.name != "linear":
        return pairs
    with pairs.place.entered(), usual_arithmetic():
        x, y = pairs.sides([_less_mean(pairs, array) for array in pairs.arrays])
    of_y = None if pairs.y is None else Layers(pairs.y.names, y)
    return pairs._replace(x=Layers(pairs.x.names, x), y=of_y)


def _less_mean(pairs: LayerPairs, x: Array) -> Array:
    place, parts = pairs.place, spans(len(x), _ROWS)
    mean = sum(place.doubles(x[rows]).sum(axis=0) for rows in parts) / len(x)
    out = place.empty(x.shape, result_dtype(x))
    for rows in parts:
        out[rows] = place.doubles(x[rows]) - mean
    return out
