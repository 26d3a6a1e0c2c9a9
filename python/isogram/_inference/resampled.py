"""Measures of resamples of the inputs, in which no input is a pair with its own copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._host.gram import inner_products
from isogram._inference.draws import Counts, Groups, positions
from isogram._inference.entry_order import EntryOrder
from isogram._inference.grouped_grams import GroupedGrams
from isogram._inference.neighbourhoods import Neighbourhoods
from isogram._inference.weighted_grams import WeightedGrams, Weights, own_of_features, pair_sums
from isogram._inference.whole_grams import (
    Cosines,
    centred,
    cosines_of,
    grams_of,
    unit_cosines,
)
from isogram._statistics.by_name import STATISTICS
from isogram._statistics.centred_products import CentredProducts, known_squares
from isogram._statistics.cka_table import CkaTable
from isogram._statistics.layer_pairs import LayerPairs, LayerTable
from isogram._statistics.moments import Hsic, cka, in_own_units
from isogram._statistics.nearest_neighbours import NearestNeighbours
from isogram._statistics.neighbour_edges import Edges, NeighbourEdges, edges_of
from isogram._statistics.sampled_features import SampledFeatures, share_of_others
from isogram._statistics.tables import table
from isogram._types import Array, Layers
from isogram._walk.tiles import spans

if TYPE_CHECKING:
    from isogram._measures import Measure

Doubles = NDArray[np.float64]

# From the draws of some resamples to the statistic of each, None where that has none.
Resampler = Callable[[Counts], Iterator[Any]]

# Statistics of features, to which a copy is a sample like any other.
OF_FEATURES = ("cross_products", "matched_features", "best_correlations")

_TOGETHER = 128  # resamples whose weighted sums are one product


def resampler_of(
    pairs: LayerPairs, groups: Groups, measure: Measure, options: Mapping[str, Any]
) -> Resampler:
    """Return a function to a measure's statistics of resamples; of layers on the host."""
    if measure.needs not in RESAMPLERS:
        expected = ", ".join(map(repr, RESAMPLERS))
        raise ValueError(
            f"{pairs.function}: `measure` must need one of the statistics {expected}, whose "
            f"duplicates can be left out, got {measure.name!r}, which needs {measure.needs!r}"
        )
    return RESAMPLERS[measure.needs](pairs, groups, **options)


@usual_arithmetic()
def values_of(
    measure: Measure, resampler: Resampler, counts: Counts, shape: tuple[int, int]
) -> Doubles:
    """Return the values of a measure, (resamples, L1, L2); NaN where it is not defined."""
    values = np.full((len(counts), *shape), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        for row, statistic in zip(values, resampler(counts), strict=True):
            if statistic is not None:
                row[:] = measure.value(np, statistic)
    return values


def _products(pairs: LayerPairs, groups: Groups, *, centring: str, **kernel: Any) -> Resampler:
    """`centred_products`."""
    return _products_in_units(pairs, groups, centring, kernel)[0]


def _products_in_units(
    pairs: LayerPairs, groups: Groups, centring: str, kernel: Mapping[str, Any]
) -> tuple[Callable[[Counts], Iterator[CentredProducts]], tuple[Array, Array]]:
    """Return products of Gram matrices, each times 2^-exponent, and the exponents of both sides."""
    is_centred = centring in ("double", "debiased")
    pairs, grams, exponents = grams_of(pairs, **kernel, is_centred=is_centred).without_overflow()
    of_draws = WeightedGrams if groups.are_single or not is_centred else GroupedGrams
    weighted = of_draws(grams, centring, pairs.num_threads, groups)
    rows, cols = _sides(pairs)
    return lambda counts: weighted.products(rows, cols, counts), pairs.sides(exponents)


def _cka(
    pairs: LayerPairs,
    groups: Groups,
    *,
    estimator: str,
    precision: str = "float32",
    **kernel: Any,
) -> Resampler:
    """`cka_table`, in float64."""
    del precision
    is_biased = estimator == "biased"
    centring = "double" if is_biased else "debiased"
    products, exponents = _products_in_units(pairs, groups, centring, kernel)

    def tables(counts: Counts) -> Iterator[CkaTable]:
        for n, s in zip(counts.sum(axis=1), products(counts), strict=True):
            of_products = Hsic(s.products, *known_squares(np, s))
            values = cka(np, of_products)
            divisor = (n - 1) ** 2 if is_biased else n * (n - 3)
            of_mean = Hsic(*(of_each / divisor for of_each in of_products))
            hsic = in_own_units(np, of_mean, *exponents)
            yield CkaTable(hsic.cross, values, *hsic[1:], values, pairs.x.names, pairs.names_y)

    return tables


def _sampled_features(pairs: LayerPairs, groups: Groups) -> Resampler:
    """`sampled_features`."""
    layers = [centred(x)[0] for x in pairs.layers.arrays]
    grams = [np.empty((len(x), len(x))) for x in layers]
    for x, gram in zip(layers, grams, strict=True):
        inner_products(x, None, gram, pairs.num_threads)
    weighted = WeightedGrams(grams, "debiased", pairs.num_threads, groups)
    rows, cols = _sides(pairs)

    def statistics(counts: Counts) -> Iterator[SampledFeatures]:
        own = [own_of_features(x, counts, pairs.num_threads) for x in layers]
        for b, s in enumerate(weighted.products(rows, cols, counts)):
            whole = known_squares(np, s)
            shares_x, shares_y = (
                np.array(
                    [
                        share_of_others(of_all[i], own[at][b], layers[at].shape[1])
                        for i, at in enumerate(side)
                    ]
                )
                for of_all, side in zip(whole, (rows, cols), strict=True)
            )
            values = cka(np, Hsic(s.products, *whole))
            yield SampledFeatures(values, shares_x, shares_y, pairs.y is None)

    return statistics


def _ranks(pairs: LayerPairs, groups: Groups, **kernel: Any) -> Resampler:
    """`rank_products`: ranks of the entries of each resample, with the ties of the whole sample."""
    pairs, grams, _ = grams_of(pairs, **kernel, is_centred=False)
    n = pairs.x.samples
    orders = [EntryOrder(pairs.place.rank_entries(k, pairs.num_threads)) for k in grams]
    upper = np.triu_indices(n, 1)
    is_of_group = groups.clusters[upper[0]] == groups.clusters[upper[1]]
    rows, cols = _sides(pairs)

    def products(counts: Counts) -> Iterator[CentredProducts]:
        for w in counts.astype(np.float64):
            weights = w[upper[0]] * np.where(is_of_group, 1.0, w[upper[1]])
            ranks = [order.centred_ranks(weights) for order in orders]
            weighted = [weights * r for r in ranks]
            table = np.array(
                [[np.einsum("k,k->", weighted[i], ranks[j]) for j in cols] for i in rows]
            )
            own = np.array([np.einsum("k,k->", a, b) for a, b in zip(weighted, ranks, strict=True)])
            of_x, of_y = own[list(rows)], own[list(cols)]
            yield CentredProducts(table, of_x, of_y, np.zeros(len(of_x)), np.zeros(len(of_y)))

    return products


def _differences(pairs: LayerPairs, groups: Groups, **kernel: Any) -> Resampler:
    """`rsm_differences`, over as many pairs of different inputs as the whole sample has."""
    pairs, grams, exponents = grams_of(pairs, **kernel, is_centred=False)
    for gram in grams:
        np.fill_diagonal(gram, 0)

    def norms(weights: Weights, i: int, j: int) -> Doubles:
        unit = max(exponents[i], exponents[j])
        apart = np.ldexp(grams[i], exponents[i] - unit) - np.ldexp(grams[j], exponents[j] - unit)
        sums = pair_sums(weights.w, apart * apart, groups, pairs.num_threads)
        n, total = weights.size, np.einsum("bn,bn->b", weights.w, sums)
        scaled: Doubles = np.ldexp(np.sqrt(n * (n - 1) * total / weights.pairs), unit)
        return scaled

    def tables(counts: Counts) -> Iterator[LayerTable]:
        sides = pairs.sides(range(len(grams)))
        for some in spans(len(counts), _TOGETHER):
            values = table(np, *sides, partial(norms, Weights.of(counts[some], groups)))
            yield from map(LayerTable, np.moveaxis(values, 2, 0))

    return tables


def _graphs(
    pairs: LayerPairs,
    groups: Groups,
    *,
    k: int | None,
    center: bool = False,
    kernel: str = "cosine",
    precision: str = "float32",
) -> Resampler:
    """`gbs_table`, in float64."""
    del precision
    cosines = cosines_of(pairs, center=center, is_given=kernel == "precomputed")
    if k is None:
        together = 1 if center else _TOGETHER
        return lambda counts: _full_graphs(pairs, groups, cosines, counts, together)

    def tables(counts: Counts) -> Iterator[LayerTable | None]:
        for w in counts:
            if groups.fewest_partners(w) < k:
                yield None
                continue
            drawn = positions(w)
            are_none = groups.are_none(w)
            grams = []
            for cosines_in in cosines:
                gram = cosines_in(w)[np.ix_(drawn, drawn)]
                gram[are_none] = -1.0  # the last that is a neighbour
                np.fill_diagonal(gram, 1.0)
                grams.append(gram)
            of_x, of_y = pairs.sides(grams)
            y = None if pairs.y is None else Layers(pairs.y.names, of_y)
            resampled = pairs._replace(x=Layers(pairs.x.names, of_x), y=y)
            yield LayerTable(pairs.place.gbs_table_of_grams(resampled, k, False).gbs)

    return tables


def _full_graphs(
    pairs: LayerPairs,
    groups: Groups,
    cosines: Sequence[Cosines],
    counts: Counts,
    together: int,
) -> Iterator[LayerTable]:
    """Mean over samples of the cosine of their rows, without entries of their copies."""
    for some in spans(len(counts), together):
        graphs = [cosines_in(counts[some.start]) for cosines_in in cosines]
        weights = counts[some].astype(np.float64)
        squares = [pair_sums(weights, a * a, groups, pairs.num_threads) for a in graphs]
        of_pair = partial(_mean_of_rows, weights, groups, graphs, squares, pairs.num_threads)
        values = table(np, *pairs.sides(range(len(graphs))), of_pair)
        yield from map(LayerTable, np.moveaxis(values, 2, 0))


def _mean_of_rows(
    weights: Doubles,
    groups: Groups,
    graphs: list[Doubles],
    squares: list[Doubles],
    num_threads: int,
    i: int,
    j: int,
) -> Doubles:
    products = pair_sums(weights, graphs[i] * graphs[j], groups, num_threads)
    cosines = unit_cosines(products, squares[i], squares[j])
    means: Doubles = np.einsum("bn,bn->b", weights, cosines) / weights.sum(axis=1)
    return means


def _neighbours(pairs: LayerPairs, groups: Groups, *, k: int, center: bool = False) -> Resampler:
    """`nearest_neighbours`."""
    found = [Neighbourhoods(cosines, k, groups) for cosines in cosines_of(pairs, center=center)]

    def statistics(counts: Counts) -> Iterator[NearestNeighbours | None]:
        for w in counts:
            indices = [neighbourhoods.of(w) for neighbourhoods in found]
            is_defined = all(near is not None for near in indices)
            yield NearestNeighbours(k, *pairs.sides(indices)) if is_defined else None

    return statistics


def _neighbours_and_units(
    pairs: LayerPairs, groups: Groups, *, k: int, center: bool = False
) -> Resampler:
    """`nearest_cosines`."""
    neighbours = _neighbours(pairs, groups, k=k, center=center)

    def statistics(counts: Counts) -> Iterator[NearestNeighbours | None]:
        for w, near in zip(counts, neighbours(counts), strict=True):
            drawn = positions(w)
            units = [pairs.place.unit_rows(x[drawn], center) for x in pairs.layers.arrays]
            if near is None:
                yield None
            else:
                of_x, of_y = pairs.sides(units)
                yield near._replace(units_x=of_x, units_y=of_y)

    return statistics


def _edges(
    pairs: LayerPairs, groups: Groups, *, k: int, estimator: str, center: bool = False
) -> Resampler:
    """`neighbour_edges`."""
    is_debiased = estimator == "debiased"
    neighbours = _neighbours_and_units(pairs, groups, k=k if is_debiased else k - 1, center=center)

    def edges(indices: Sequence[Array], units: Sequence[Array]) -> list[Edges]:
        sides = zip(indices, units, strict=True)
        return [edges_of(np, near, rows, has_loops=not is_debiased) for near, rows in sides]

    def statistics(counts: Counts) -> Iterator[NeighbourEdges | None]:
        for near in neighbours(counts):
            if near is None:
                yield None
                continue
            of_x = edges(near.indices_x, near.units_x)
            of_y = of_x if pairs.y is None else edges(near.indices_y, near.units_y)
            yield NeighbourEdges(is_debiased, of_x, of_y)

    return statistics


def _of_features(needs: str) -> Callable[..., Resampler]:
    """Return the resampler of a statistic of features, to which duplicates are samples like any."""

    def resampler(pairs: LayerPairs, _: Groups, **options: Any) -> Resampler:
        def statistics(counts: Counts) -> Iterator[Any]:
            for w in counts:
                statistic, __ = STATISTICS[needs](_drawn(pairs, positions(w)), **options)
                yield statistic

        return statistics

    return resampler


def _drawn(pairs: LayerPairs, samples: NDArray[np.int64]) -> LayerPairs:
    """Return pairs of the same layers, of some samples."""

    def of_side(side: Layers) -> Layers:
        return side._replace(arrays=[a[samples] for a in side.arrays])

    return pairs._replace(x=of_side(pairs.x), y=pairs.y and of_side(pairs.y))


def _sides(pairs: LayerPairs) -> tuple[range, range]:
    """Return the numbers of the layers of x, and of y."""
    rows: range
    cols: range
    rows, cols = pairs.sides(range(len(pairs.layers.names)))
    return rows, cols


# Each takes pairs of layers on the host, pairs of a group, and the options of a measure.
RESAMPLERS: Mapping[str, Callable[..., Resampler]] = {
    "cka_table": _cka,
    "gbs_table": _graphs,
    "sampled_features": _sampled_features,
    "centred_products": _products,
    "rank_products": _ranks,
    "rsm_differences": _differences,
    **{needs: _of_features(needs) for needs in OF_FEATURES},
    "nearest_neighbours": _neighbours,
    "neighbours_in_order": _neighbours,
    "nearest_cosines": _neighbours_and_units,
    "neighbour_edges": _edges,
}
