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
    """A pair of matched tokens of a grid, and what it adds."""

    token: int
    other: int
    contribution: float
    grid: tuple[int, int]

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where the two lie, from left and from above, as shares of a picture's sides."""
        (row, column), (to_row, to_column) = self._cells
        height, width = self.grid
        return (
            ((column + 0.5) / width, (row + 0.5) / height),
            ((to_column + 0.5) / width, (to_row + 0.5) / height),
        )

    @property
    def said(self) -> str:
        """The pair in words."""
        (row, column), (to_row, to_column) = self._cells
        return (
            f"row {row}, column {column} → row {to_row}, column {to_column}: "
            f"{self.contribution:.4f}"
        )

    @property
    def _cells(self) -> tuple[tuple[int, int], tuple[int, int]]:
        width = self.grid[1]
        return divmod(self.token, width), divmod(self.other, width)


@dataclass(frozen=True)
class Matched:
    """Two pictures, and the pairs of tokens that add most to how alike they are.

    Attributes
    ----------
    side
        The layer that has the tokens: 0 or 1.
    called
        The name of that layer.
    samples, names, pictures
        Two samples: places among all that are shown, names, addresses of pictures.
    total, share
        The similarity of the samples, and the share of it that `lines` adds.
    """

    side: int
    called: str
    samples: tuple[int, int]
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
        for matched in _of_layer(
            layer, layer.grid, side, samples, neighbours, pictures, num_threads
        )
    ]


def _of_layer(
    layer: Layer,
    grid: tuple[int, int],
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
                side,
                samples.rsms[side][0].called,
                (i, j),
                (samples.names[i], samples.names[j]),
                (shown(int(rows[p, 0])), shown(int(rows[p, 1]))),
                total,
                float(contributions[best].sum()) / total if total else np.nan,
                tuple(
                    Line(token, int(columns[token]), float(contributions[token]), grid)
                    for token in best.tolist()
                ),
            )
        )
    return found
