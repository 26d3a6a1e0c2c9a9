"""Statistics by the names under which measures need them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from isogram._statistics.centred_products import centred_products, samples_for_centring
from isogram._statistics.cka_table import cka_table, samples_for_estimator
from isogram._statistics.cross_products import cross_products, samples_for_products
from isogram._statistics.gbs_table import gbs_table
from isogram._statistics.layer_pairs import Remarks, samples_for_neighbours
from isogram._statistics.matched_features import (
    best_correlations,
    matched_features,
    samples_for_matches,
)
from isogram._statistics.nearest_neighbours import (
    nearest_cosines,
    nearest_neighbours,
    neighbours_in_order,
)
from isogram._statistics.neighbour_edges import neighbour_edges, samples_for_edges
from isogram._statistics.rank_products import rank_products, samples_for_ranks
from isogram._statistics.rsm_differences import rsm_differences, samples_for_pairs
from isogram._statistics.sampled_features import sampled_features, samples_for_features

# Each takes pairs of layers and the options of a measure, and returns the statistic, and a function
# that returns the warnings about a measure's values.
STATISTICS: Mapping[str, Callable[..., tuple[Any, Remarks]]] = {
    "cka_table": cka_table,
    "gbs_table": gbs_table,
    "centred_products": centred_products,
    "rank_products": rank_products,
    "rsm_differences": rsm_differences,
    "cross_products": cross_products,
    "matched_features": matched_features,
    "best_correlations": best_correlations,
    "nearest_neighbours": nearest_neighbours,
    "neighbours_in_order": neighbours_in_order,
    "nearest_cosines": nearest_cosines,
    "neighbour_edges": neighbour_edges,
    "sampled_features": sampled_features,
}

# Each takes the same options, and returns how many samples the statistic needs with them.
FEWEST: Mapping[str, Callable[..., int]] = {
    "cka_table": samples_for_estimator,
    "gbs_table": samples_for_neighbours,
    "centred_products": samples_for_centring,
    "rank_products": samples_for_ranks,
    "rsm_differences": samples_for_pairs,
    "cross_products": samples_for_products,
    "matched_features": samples_for_matches,
    "best_correlations": samples_for_matches,
    "nearest_neighbours": samples_for_neighbours,
    "neighbours_in_order": samples_for_neighbours,
    "nearest_cosines": samples_for_neighbours,
    "neighbour_edges": samples_for_edges,
    "sampled_features": samples_for_features,
}


def options_of(statistic: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the names of the options without a default, and of all options."""
    function: Any = STATISTICS[statistic]
    code, defaults = function.__code__, function.__kwdefaults__ or {}
    taken = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return [name for name in taken if name not in defaults], taken
