"""Features of two layers, each matched with one of the other, on which permutation is a formula."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from isogram._arithmetic import usual_arithmetic
from isogram._config import get_num_threads
from isogram._memory import FEWER_FEATURES, check_memory
from isogram._statistics.cosines import cosines
from isogram._statistics.feature_facts import survey_features
from isogram._statistics.layer_pairs import Kept, LayerPairs, LayerTable, Remarks, degenerate
from isogram._types import Array
from isogram._walk.tiles import spans

_FEWEST = 2

_ROWS_MADE = 64  # that are centred at a time, or more
_ENTRIES = 1 << 16  # that are centred at a time, in the nearest caches
_ROWS_TURNED = 32  # into columns at a time: a line of a cache or two of each
_ROWS = 4096  # that are multiplied at a time
_BATCH_BYTES = 1 << 22  # of problems of one shape that are solved at a time, for each thread
_LAYER_BYTES = 1 << 28  # of a layer whose features are made once, and kept


class MatchedFeatures(NamedTuple):
    """The largest sums of products of features that are matched one to one."""

    totals: Array  # max over P of Σᵢ ⟨xᵢ, y_P(i)⟩, (L1, L2), in a unit per layer
    squares_x: Array  # ‖X‖², (L1,), 0 where all features are constant
    squares_y: Array


def matched_cosine(xp: Any, s: MatchedFeatures) -> Array:
    """Return max over P of ⟨X, YP⟩ / (‖X‖·‖Y‖), NaN where one is 0."""
    return cosines(xp, s.totals, s.squares_x[:, None], s.squares_y, undefined=np.nan)


def mean_match(xp: Any, s: MatchedFeatures) -> Array:
    """Return the mean correlation of matched features, as many as the narrower layer has."""
    # Of standardised features the squares are the number.
    return _means(xp, s.totals, xp.minimum(s.squares_x[:, None], s.squares_y))


def _means(xp: Any, totals: Array, counts: Array) -> Array:
    """Return means of correlations, which only rounding takes out of [-1, 1]; NaN of none."""
    means = totals / xp.where(counts == 0, 1.0, counts)
    return xp.where(counts == 0, np.nan, xp.clip(means, -1.0, 1.0))


class _Pair(NamedTuple):
    """Row and column of a table, and the numbers of their layers."""

    i: int
    j: int
    x: int
    y: int


class _Features:
    """Products of the features of two layers: centred, or standardised without constant ones."""

    def __init__(self, pairs: LayerPairs, *, standardized: bool) -> None:
        """Survey or standardise layers, whose entries must all be finite."""
        place, arrays = pairs.place, pairs.arrays
        widths = tuple(map(max, pairs.sides([x.shape[1] for x in arrays])))
        # Matching takes a copy.
        doubles = np.dtype(np.float64)
        check_memory(pairs.function, widths, doubles, FEWER_FEATURES, 2, place.memory)
        place.require_finite(pairs.layers)
        self.pairs, self._standardized = pairs, standardized
        is_wide = not standardized or any(x.dtype == np.float64 for x in arrays)
        self._dtype = np.dtype(np.float64 if is_wide else np.float32)  # of what is multiplied
        self._are_constant = [np.zeros(0, bool)] * len(arrays)
        if standardized:
            self._columns = Kept(self._standardized_of)
            self._widths = [len(self._columns.of(k)) for k in range(len(arrays))]
        else:
            self._columns = Kept(self._centred_of)
            self._facts = [survey_features(place, x, center=True) for x in arrays]
            self._are_constant = [place.to_host(f.are_constant) for f in self._facts]
            self._widths = [x.shape[1] for x in arrays]

    def squares(self) -> Array:
        """Return ‖X‖² of all layers, which of standardised features is their number."""
        return self.pairs.place.xp.stack([self._square(k) for k in range(len(self._widths))])

    def _square(self, layer: int) -> Array:
        xp = self.pairs.place.xp
        if self._standardized:
            return xp.asarray(float(np.count_nonzero(~self._are_constant[layer])))
        squares = xp.zeros(())
        for rows in self._parts():
            entries = self._centred(layer, rows)
            squares = squares + (entries * entries).sum()
        return squares

    def problems(self, batch: list[_Pair]) -> Array:
        """Return ⟨xᵢ, yⱼ⟩ of all features that count, of pairs of one shape, (pairs, d1, d2).

        Parts of the samples are added up in float64.
        """
        place, threads, (first, *others) = self.pairs.place, self.pairs.num_threads, self._parts()
        dtype = np.dtype(np.float64) if others else self._dtype
        problems = place.xp.empty((len(batch), *self._shape(batch[0])), dtype)
        for problem, (_, _, x, y) in zip(problems, batch, strict=True):
            a, b = self._rows(x, first), self._rows(y, first)
            if dtype == self._dtype:
                place.cross_products(a, b, threads, problem)
            else:
                problem[...] = place.cross_products(a, b, threads)
            for rows in others:
                problem += place.cross_products(self._rows(x, rows), self._rows(y, rows), threads)
        return problems

    def batches(self) -> Iterator[list[_Pair]]:
        """Yield pairs of layers of the same widths, of one set those above the diagonal, in parts.

        Their products take at most 4 MiB for each thread, or are those of one pair.
        """
        size = _BATCH_BYTES * (self.pairs.num_threads or get_num_threads())
        of_x, of_y = self.pairs.sides(range(len(self._widths)))
        todo = [
            _Pair(i, j, x, y)
            for i, x in enumerate(of_x)
            for j, y in enumerate(of_y)
            if self.pairs.y is not None or i < j
        ]
        for widths, group in groupby(sorted(todo, key=self._sorted_widths), self._sorted_widths):
            alike = list(group)
            for some in spans(len(alike), max(1, size // (8 * math.prod(widths)))):
                yield alike[some]

    def narrower_first(self, pair: _Pair) -> _Pair:
        """Return the pair with x and y exchanged if x has more features.

        Matching transposes products with more rows than columns, which takes as long as a quarter
        of the products.
        """
        rows, cols = self._shape(pair)
        return pair._replace(x=pair.y, y=pair.x) if rows > cols else pair

    def _shape(self, pair: _Pair) -> tuple[int, int]:
        """Return the shape of the products."""
        return self._widths[pair.x], self._widths[pair.y]

    def _sorted_widths(self, pair: _Pair) -> list[int]:
        return sorted(self._shape(pair))

    def remarks(self, _: Any) -> list[str]:
        """Return the warning for layers of constant features, if there are any."""
        return degenerate(self.pairs, [bool(constant.all()) for constant in self._are_constant])

    def _parts(self) -> list[slice]:
        return spans(self.pairs.x.samples, _ROWS)

    def _centred(self, layer: int, rows: slice) -> Array:
        return self._facts[layer].centred(self.pairs.place, self.pairs.arrays[layer][rows])

    def _rows(self, layer: int, rows: slice) -> Array:
        """Return features as they are multiplied, of a layer that is kept column by column."""
        size = self.pairs.x.samples * self._widths[layer] * self._dtype.itemsize
        if self._standardized or size <= _LAYER_BYTES:
            return self._columns.of(layer)[:, rows].T
        return self._centred(layer, rows)

    def _standardized_of(self, layer: int) -> Array:
        """Return standardised features, each a row, without constant ones unless all are."""
        place, x = self.pairs.place, self.pairs.arrays[layer]
        columns, are_constant = place.standardized_features(x, self._dtype, self.pairs.num_threads)
        self._are_constant[layer] = are_constant
        varying = np.flatnonzero(~are_constant)
        if 0 < len(varying) < len(columns):
            columns = columns[place.xp.asarray(varying)]
        return columns

    def _centred_of(self, layer: int) -> Array:
        """Return centred features, each a row."""
        shape = self._widths[layer], self.pairs.x.samples
        columns = self.pairs.place.xp.empty(shape)
        for rows in spans(shape[1], max(_ROWS_MADE, _ENTRIES // shape[0])):
            made, of_rows = self._centred(layer, rows), columns[:, rows]
            for some in spans(len(made), _ROWS_TURNED):
                of_rows[:, some] = made[some].T
        return columns


def matched_features(pairs: LayerPairs, *, standardized: bool) -> tuple[MatchedFeatures, Remarks]:
    """Match the features of all pairs of layers, those of one shape in batches.

    Of standardised ones all of the narrower layer are matched. Others may be left alone, as if
    both layers were filled up with features of zeros: a distance is a metric then, of any widths.
    """
    pairs.require(samples_for_matches())
    with usual_arithmetic():
        features = _Features(pairs, standardized=standardized)
        squares = features.squares()
        totals = _own(pairs, squares)
        for batch in _reported(features):
            problems = features.problems([features.narrower_first(pair) for pair in batch])
            if not standardized:
                problems = pairs.place.xp.maximum(problems, 0.0)
            _, sums, _, _ = pairs.place.match(problems, True, pairs.num_threads, None)
            for number, pair in enumerate(batch):
                totals[pair.i, pair.j] = sums[number]
                if pairs.y is None:
                    totals[pair.j, pair.i] = sums[number]
    return MatchedFeatures(totals, *pairs.sides(squares)), features.remarks


def best_correlations(pairs: LayerPairs) -> tuple[LayerTable, Remarks]:
    """Find the largest correlation of every feature of x with any of y, and average over them."""
    pairs.require(samples_for_matches())
    place, xp = pairs.place, pairs.place.xp
    with usual_arithmetic():
        features = _Features(pairs, standardized=True)
        squares = features.squares()
        totals = _own(pairs, squares)
        for batch in _reported(features):
            for pair in batch:
                products = features.problems([pair])
                totals[pair.i, pair.j] = place.doubles(products.max(axis=2)).sum()
                if pairs.y is None:
                    totals[pair.j, pair.i] = place.doubles(products.max(axis=1)).sum()
        of_x, of_y = pairs.sides(squares)
        counts = of_x[:, None] * (of_y != 0)
        return LayerTable(_means(xp, totals, counts)), features.remarks


def samples_for_matches(**_: Any) -> int:
    """Return how many samples can differ from their mean."""
    return _FEWEST


def _own(pairs: LayerPairs, squares: Array) -> Array:
    """Return a table with the squares of layers where they are compared with themselves."""
    xp = pairs.place.xp
    return xp.diag(squares) if pairs.y is None else xp.zeros(pairs.shape)


def _reported(features: _Features) -> Iterator[list[_Pair]]:
    """Yield all batches, and report when each is done."""
    pairs, done = features.pairs, 0
    rows, cols = pairs.shape
    total = rows * (rows + 1) // 2 if pairs.y is None else rows * cols
    for batch in features.batches():
        yield batch
        done += len(batch)
        if pairs.report is not None:
            pairs.report(done, total)
    if pairs.report is not None and done < total:
        pairs.report(total, total)
