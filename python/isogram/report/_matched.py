"""Tokens of two pictures, joined as they are matched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

import isogram as ig
from isogram.report._neighbours import Neighbours
from isogram.report._pictures import Pictures
from isogram.report._samples import Layer, Samples

_LINES = 12
_QUERIES = 3
_PIXELS = 200


@dataclass(frozen=True)
class Line:
    """A pair of matched tokens: where they lie, as shares of a picture's sides, and its share."""

    x1: float
    y1: float
    x2: float
    y2: float
    said: str


@dataclass(frozen=True)
class Matched:
    """Two pictures, and the pairs of tokens that add most to how alike they are."""

    called: str
    names: tuple[str, str]
    pictures: tuple[str, str]
    total: float
    share: float
    lines: tuple[Line, ...]


def matched_of(
    layers: tuple[Layer, Layer],
    samples: Samples,
    neighbours: Neighbours,
    pictures: Pictures,
    num_threads: int | None,
) -> list[Matched]:
    """Return how samples match their nearest neighbours, by layers whose tokens lie on a grid.

    The samples are those whose neighbours both layers agree on most.
    """
    return [
        matched
        for side, layer in enumerate(layers)
        if layer.grid is not None and layer.layout is not None
        for matched in _of_layer(layer, side, samples, neighbours, pictures, num_threads)
    ]


def _of_layer(
    layer: Layer,
    side: int,
    samples: Samples,
    neighbours: Neighbours,
    pictures: Pictures,
    num_threads: int | None,
) -> list[Matched]:
    queries = [query.sample for query in neighbours.queries[-_QUERIES:]]
    values = np.array(samples.rsms[side][0].values, dtype=np.float64)
    np.fill_diagonal(values, -np.inf)
    pairs = np.array([(query, int(values[query].argmax())) for query in queries])
    rows = samples.rows[pairs]
    matching = ig.semantic_matching(
        layer.array[rows.ravel()],
        pairs=(np.arange(0, rows.size, 2), np.arange(1, rows.size, 2)),
        layout=layer.layout or "nsc",
        num_threads=num_threads,
    )
    shown = partial(pictures.small, size=_PIXELS)
    found = []
    for p, (i, j) in enumerate(pairs.tolist()):
        columns, contributions = matching.columns[p], matching.contributions[p]
        best = np.argsort(-contributions, kind="stable")[:_LINES]
        total = float(matching.total[p])
        found.append(
            Matched(
                samples.rsms[side][0].called,
                (samples.names[i], samples.names[j]),
                (shown(int(rows[p, 0])), shown(int(rows[p, 1]))),
                total,
                float(contributions[best].sum()) / total if total else np.nan,
                tuple(_line(layer, int(s), int(columns[s]), float(contributions[s])) for s in best),
            )
        )
    return found


def _line(layer: Layer, token: int, other: int, contribution: float) -> Line:
    assert layer.grid is not None
    height, width = layer.grid
    (row, column), (to_row, to_column) = divmod(token, width), divmod(other, width)
    return Line(
        (column + 0.5) / width,
        (row + 0.5) / height,
        (to_column + 0.5) / width,
        (to_row + 0.5) / height,
        f"row {row}, column {column} → row {to_row}, column {to_column}: {contribution:.4f}",
    )
