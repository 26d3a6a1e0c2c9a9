"""GBS of Gram matrices that are given, on a GPU: their cosine graphs, band by band."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isogram._arithmetic import ROUNDING, usual_arithmetic
from isogram._device.device import Device
from isogram._statistics.centring import shifts
from isogram._statistics.given_grams import entries, of_grams
from isogram._statistics.layer_pairs import LayerPairs
from isogram._statistics.row_products import RowProducts, sum_of_cosines
from isogram._statistics.tables import table
from isogram._types import Array, GbsTable
from isogram._walk.tiles import spans

# Entries of a band of one layer, which stays in a processor's cache.
_PART = 1 << 16


def gbs_table_of_grams(device: Device, pairs: LayerPairs, k: int, center: bool) -> GbsTable:
    """See `Place`."""
    pairs = of_grams(pairs)
    xp, n = device.xp, pairs.x.samples
    with usual_arithmetic():
        layers = zip(pairs.layers.names, pairs.layers.arrays, strict=True)
        graphs = [_Graph(pairs, name, gram, k, center) for name, gram in layers]
        total = xp.zeros(pairs.shape)
        isolated = [xp.zeros(count, np.int64) for count in pairs.shape]
        bands = spans(n, _rows(n))
        for done, rows in enumerate(bands, 1):
            products = _row_products(pairs, [graph.band(rows) for graph in graphs])
            total += sum_of_cosines(xp, products)
            for counts, squares in zip(isolated, products[1:], strict=True):
                counts += (squares == 0).sum(axis=1)
            if pairs.report is not None:
                pairs.report(done * total.size, len(bands) * total.size)
        of_x, of_y = (device.to_host(counts).tolist() for counts in isolated)
        return GbsTable(total / n, of_x, of_y)


def _rows(n: int) -> int:
    return max(1, _PART // n)


def _row_products(pairs: LayerPairs, bands: list[Array]) -> RowProducts:
    """Return the products of all layers' rows, and of each layer's with themselves."""
    xp = pairs.place.xp

    def product(a: Array, b: Array) -> Array:
        return xp.einsum("ij,ij->i", a, b)

    of_x, of_y = pairs.sides(bands)
    squares = xp.stack([product(a, a) for a in bands])
    return RowProducts(table(xp, of_x, of_y, product), *pairs.sides(squares))


class _Chosen(NamedTuple):
    """The k largest entries of every row: those above a bound, or equal to it up to a column."""

    least: Array  # (n,)
    last: Array

    def of(self, xp: Any, band: Array, rows: Array, cols: Array) -> Array:
        """Whether entries are among the chosen ones of `rows`, which broadcast with the band."""
        least, last = self.least[rows], self.last[rows]
        return (band > least) | ((band == least) & (cols <= last))


class _Graph:
    """The cosine graph of one Gram matrix, or the symmetrised one of each sample's k nearest."""

    def __init__(self, pairs: LayerPairs, name: str, gram: Array, k: int, center: bool) -> None:
        """Take the diagonal, the means if they come off, and the nearest neighbours if they do."""
        self._place, self._gram = pairs.place, gram
        xp, n = self._place.xp, len(gram)
        self._all, self._scratch = xp.arange(n), xp.empty((2, min(n, _rows(n)), n))
        squares = xp.concatenate(
            [xp.diagonal(self._place.doubles(gram[rows, rows])) for rows in spans(n, _rows(n))]
        )
        self._require_squares(pairs.function, name, squares)
        self._shifts: Array | None = None
        if center:
            sums = [self._place.doubles(gram[rows]).sum(axis=1) for rows in spans(n, _rows(n))]
            self._shifts = shifts(xp.concatenate(sums), hollow=False)
            least = ROUNDING * squares.max()
            squares = squares - 2 * self._shifts
            squares = xp.where(squares > least, squares, 0.0)
        self._inverse = xp.where(squares > 0, 1 / xp.sqrt(squares), 0.0)
        self._nearest: _Chosen | None = None
        if k:
            chosen = [self._choose(rows, k) for rows in spans(n, _rows(n))]
            self._nearest = _Chosen(*map(xp.concatenate, zip(*chosen, strict=True)))

    def band(self, rows: slice) -> Array:
        """Return some rows of the graph, in memory that the next ones overwrite."""
        band = self._cosines(rows)
        if self._nearest is None:
            return band
        xp, some = self._place.xp, self._all[rows, None]
        is_edge = self._nearest.of(xp, band, some, self._all)
        is_edge_back = self._nearest.of(xp, band, self._all, some)
        band *= (is_edge.astype(np.float64) + is_edge_back) / 2
        return band

    def _cosines(self, rows: slice, on_diagonal: float = 0.0) -> Array:
        """Return some rows of the full graph; entry (i, j) has the bits of (j, i)."""
        band, both = self._scratch[:, : rows.stop - rows.start]
        band[...] = entries(self._place, self._gram[rows])
        if self._shifts is not None:
            band -= self._place.xp.add(self._shifts[rows, None], self._shifts, out=both)
        band *= self._place.xp.multiply(self._inverse[rows, None], self._inverse, out=both)
        band[self._all[: len(band)], self._all[rows]] = on_diagonal
        return band

    def _choose(self, rows: slice, k: int) -> _Chosen:
        xp, n = self._place.xp, len(self._gram)
        band = self._cosines(rows, on_diagonal=-np.inf)
        ordered = self._scratch[1, : len(band)]
        ordered[...] = band
        ordered.partition(n - k, axis=1)
        least = ordered[:, n - k].copy()
        is_least = band == least[:, None]
        missing = k - (band > least[:, None]).sum(axis=1)
        last = xp.full(least.shape, n)
        if bool(self._place.to_host((is_least.sum(axis=1) > missing).any())):
            last = xp.argmax(xp.cumsum(is_least, axis=1) == missing[:, None], axis=1)
        return _Chosen(least, last)

    def _require_squares(self, function: str, name: str, squares: Array) -> None:
        """Raise ValueError for samples whose squared norm is negative, or 0 though they have edges.

        Those are no Gram matrices, whose rows a cosine can be made of.
        """
        host = self._place.to_host(squares)
        for i in map(int, np.flatnonzero(host <= 0)):
            row = self._place.doubles(self._gram[i : i + 1])
            if host[i] < 0 or bool(self._place.to_host((row != 0).any())):
                raise ValueError(
                    f"{function}: `{name}` must be a Gram matrix, with the squared norms of "
                    f"samples on its diagonal, got {host[i]:.17g} at {(i, i)}; compare_rsms with "
                    "method 'gbs' compares rows of any matrices"
                )
