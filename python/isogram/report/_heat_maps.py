"""Heat maps of layers by layers, as tables of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._measures import Measure
from isogram._output import printable
from isogram._tables import cut, width_of
from isogram.report._colours import Scale, scale_of
from isogram.report._tables import number_text

_SMALL, _MEDIUM = 12, 36  # layers up to which cells show numbers; up to which maps lie side by side
_LONGEST = 16  # columns of a name
_CELL = {"small": 2.9, "medium": 1.0, "large": 0.8}  # rem
_WORDS = {"cka": "CKA", "gbs": "GBS", "knn": "k-NN", "rbf": "RBF", "rsa": "RSA"}


@dataclass(frozen=True)
class HeatMap:
    """One measure of layers by layers.

    Attributes
    ----------
    measure, options
        The measure of the values, and its options.
    values
        Of shape (rows, columns); NaN where the measure is not defined.
    scale
        Colours of the values.
    names
        Names of the layers in rows and in columns.
    """

    measure: Measure
    options: dict[str, Any]
    values: NDArray[Any]
    scale: Scale
    names: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows as they are shown."""
        return tuple(map(printable, self.names[0]))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns as they are shown."""
        return tuple(map(printable, self.names[1]))

    @property
    def title(self) -> str:
        """The measure's name, in words."""
        return " ".join(_WORDS.get(word, word) for word in self.measure.name.split("_"))

    @property
    def size(self) -> str:
        """The size of cells in page.css that fits."""
        most = max(self.values.shape)
        return "small" if most <= _SMALL else "medium" if most <= _MEDIUM else "large"

    @property
    def best(self) -> NDArray[Any]:
        """The column of the best match of every row, -1 where none is defined."""
        return best_matches(self.values, self.is_distance)

    @property
    def best_of_columns(self) -> NDArray[Any]:
        """The row of the best match of every column, -1 where none is defined."""
        return best_matches(self.values.T, self.is_distance)

    @property
    def is_distance(self) -> bool:
        """Whether small values are of layers that are alike."""
        return self.measure.kind == "distance"

    def cells(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return for every row its name, and class and text of its cells."""
        shades, best = self.scale.shades(self.values).tolist(), self.best.tolist()
        rows = zip(self.rows, shades, self.values.tolist(), best, strict=True)
        return [
            (
                name,
                [
                    (f"k{shade} best" if j == column else f"k{shade}", self._text(value))
                    for j, (shade, value) in enumerate(zip(row, values, strict=True))
                ],
            )
            for name, row, values, column in rows
        ]

    def cut(self, name: str) -> str:
        """Return a name as it stands beside the map: ends tell layers apart."""
        return cut(name, _LONGEST)

    def css(self, index: int) -> str:
        """Return what the style says of this map alone: numbers."""
        longest = max(width_of(self.cut(name)) for name in (*self.rows, *self.columns))
        names, columns = 1.2 + 0.5 * longest, len(self.columns)
        return (
            f"#heat{index}{{--columns:{columns};--names:{names:.1f}rem}}\n"
            f"#of-layers{{--width:{names + columns * _CELL[self.size]:.1f}rem}}\n"
            f"#bar{index}{{background:{self.scale.bar()}}}\n"
        )

    def json_values(self) -> list[list[float | None]]:
        """Return the values for JSON, which has no NaN."""
        return [
            [value if np.isfinite(value) else None for value in row] for row in self.values.tolist()
        ]

    def _text(self, value: float) -> str:
        return number_text(value, 2 if self.size == "small" else 4)


def heat_map(
    measure: Measure,
    options: dict[str, Any],
    values: NDArray[Any],
    rows: Sequence[str],
    columns: Sequence[str],
) -> HeatMap:
    """Return the heat map of a measure, coloured by what its values are."""
    scale = scale_of(values, measure.kind == "distance")
    return HeatMap(measure, options, values, scale, (tuple(rows), tuple(columns)))


def best_matches(values: NDArray[Any], is_distance: bool) -> NDArray[Any]:
    """Return the column of the best value of every row, -1 where all are NaN."""
    worst = np.inf if is_distance else -np.inf
    known = np.where(np.isnan(values), worst, values)
    best = known.argmin(axis=1) if is_distance else known.argmax(axis=1)
    return np.where(np.isnan(values).all(axis=1), -1, best)
