"""The most similar inputs of every input, against sorting the whole semantic RSM."""

from __future__ import annotations

from functools import partial
from typing import Any

import isogram as ig
import numpy as np

from benchmarks import data, errors
from benchmarks.case import Case, Workload
from benchmarks.settings import Settings

K = 10
SHAPES = ((49, 320, 2000), (49, 1280, 400), (196, 112, 400))  # tokens, channels, inputs
CANDIDATES = (30, 50)
QUERIES = 20  # of an index
CHECKED = 4  # queries whose scores are computed in float64


def cases(settings: Settings) -> list[Case]:
    """Return the cases of this group."""
    shapes = ((49, 192, 24),) if settings.quick else SHAPES
    return [case for shape in shapes for case in (_whole_set(*shape), _in_index(*shape))]


def _whole_set(tokens: int, channels: int, inputs: int) -> Case:
    return Case(
        f"retrieval-s{tokens}c{channels}",
        "retrieval",
        f"the {K} most similar inputs of each, semantic cosine",
        {"n": inputs, "s": tokens, "c": channels},
        partial(found, tokens, channels, inputs),
        data="real network",
        per=("pair", inputs * (inputs - 1) // 2),
        measure_memory=True,
        levels=False,
    )


def _in_index(tokens: int, channels: int, inputs: int) -> Case:
    return Case(
        f"index-s{tokens}c{channels}",
        "retrieval",
        f"the {K} most similar inputs of {QUERIES} queries in an index, semantic cosine",
        {"n": inputs, "s": tokens, "c": channels},
        partial(found_in_index, tokens, channels, inputs),
        data="real network",
        per=("pair", QUERIES * inputs),
        levels=False,
    )


def found(tokens: int, channels: int, inputs: int, settings: Settings) -> Workload:
    """Return the search: the scores of the best."""
    maps = data.real_tokens(settings, tokens, channels, inputs)
    return Workload(
        compute=lambda maps, threads: ig.retrieve(maps, None, K, num_threads=threads).scores,
        inputs=(maps,),
        rivals={},
        error=errors.of_corner(lambda: sorted_rsm(maps.astype(np.float64), maps[:CHECKED])),
        variants={
            "semantic_rsm, sorted": lambda threads: sorted_rsm(maps, num_threads=threads),
            **{
                f"{count} candidates": partial(by_mean_token, maps, count)
                for count in CANDIDATES
                if count < len(maps)
            },
        },
    )


def found_in_index(tokens: int, channels: int, inputs: int, settings: Settings) -> Workload:
    """Return the search in an index that is there: the scores of the best, queries left out."""
    maps = data.real_tokens(settings, tokens, channels, inputs)
    index = ig.SemanticIndex()
    ids = index.add(maps)[:QUERIES]

    def search(queries: Any, threads: int, candidates: int | None = None) -> Any:
        found = index.search(
            queries, K, exclude=ids, candidates=candidates, checked=0, num_threads=threads
        )
        return found.scores

    queries = maps[:QUERIES]
    return Workload(
        compute=search,
        inputs=(queries,),
        rivals={},
        error=errors.of_corner(lambda: sorted_rsm(maps.astype(np.float64), maps[:CHECKED])),
        variants={
            "semantic_rsm, sorted": lambda threads: sorted_rsm(maps, queries, num_threads=threads),
            **{
                f"{count} candidates": partial(search, queries, candidates=count)
                for count in CANDIDATES
                if count < len(maps)
            },
        },
    )


def sorted_rsm(maps: Any, queries: Any = None, **options: Any) -> Any:
    """Return the scores of the best by the whole RSM; of queries where given."""
    is_whole = queries is None
    rsm = (
        ig.semantic_rsm(maps, **options) if is_whole else ig.semantic_rsm(queries, maps, **options)
    )
    np.fill_diagonal(rsm, -np.inf)
    return -np.sort(-rsm, axis=1)[:, :K]


def by_mean_token(maps: Any, count: int, threads: int) -> Any:
    """Return the scores of the best of some candidates with similar mean tokens."""
    return ig.retrieve(maps, None, K, candidates=count, num_threads=threads).scores
