"""What results of inference have in common: a line of text, dictionaries, JSON and frames."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._types import Layers

# Marks a field of many numbers, such as a null distribution: only `to_dict(full=True)` has it.
MANY = {"is_many": True}

# One number, or one for each pair of layers: (L1, L2), in host memory.
PerPair = float | NDArray[np.float64]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Record:
    """Numbers with names: a line of text, a dictionary and JSON."""

    def __repr__(self) -> str:
        """Return one line."""
        left_out = self._not_shown()
        shown = [item for item in self._fields() if item[0] not in left_out]
        listed = ", ".join(f"{name}={_shown(value)}" for name, value in shown)
        return f"{type(self).__name__}({listed})"

    def to_dict(self, *, full: bool = False) -> dict[str, Any]:
        """Return the fields as numbers, strings and lists; with `full` the many numbers too.

        What is not a number is None, as JSON has no NaN.
        """
        return {name: _plain(value) for name, value in self._fields(full=full)}

    def to_json(self, *, full: bool = False) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(full=full), allow_nan=False, default=str)

    def _frame(self, columns: dict[str, Any], others: dict[str, Any]) -> Any:
        """Return a frame of pandas, with `others` as its `attrs`."""
        try:
            pd: Any = import_module("pandas")
        except ImportError as error:
            name = type(self).__name__
            raise ImportError(f"{name}: `to_pandas` needs pandas: pip install pandas") from error
        frame = pd.DataFrame(columns)
        frame.attrs.update((name, _plain(value)) for name, value in others.items())
        return frame

    def _not_shown(self) -> set[str]:
        """Return the names of fields that the line lacks."""
        return set()

    def _fields(self, *, full: bool = False) -> Iterator[tuple[str, Any]]:
        """Yield names and values of fields that are set."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None and (full or not field.metadata.get("is_many")):
                yield field.name, value


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result(Record):
    """A value, or one for each pair of layers, and what inference says about it.

    Attributes
    ----------
    value : float or float64 array of shape (L1, L2)
        The measure itself, as `similarity` or `similarity_matrix` returns it.
    measure : str
        Its name.
    method : str
        How the rest was computed.
    n : int
        Samples.
    reduce : str
        What became of positions, as for `similarity`.
    layers : tuple of two lists, or None
        The keys of the layers of rows and of columns, or their numbers; None of two
        representations.
    """

    value: PerPair
    measure: str
    method: str
    n: int
    reduce: str = "flatten"
    layers: tuple[list[Any], list[Any]] | None = None

    def _not_shown(self) -> set[str]:
        """Return the keys of layers, and `reduce` where it does not matter."""
        return {"layers"} | ({"reduce"} if self.reduce == "flatten" else set())

    def to_pandas(self) -> Any:
        """Return a frame of pandas, with a row for each pair of layers.

        Fields with a number for each pair are columns, the others are its `attrs`.

        Raises
        ------
        ImportError
            Without pandas.
        """
        shape = np.shape(self.value)
        columns: dict[str, Any] = {}
        others: dict[str, Any] = {}
        for name, value in self._fields():
            is_per_pair = isinstance(value, np.ndarray if shape else float)
            if name != "layers":
                (columns if is_per_pair else others)[name] = value
        keys: dict[str, Any] = {}
        if self.layers is not None:
            rows, cols = self.layers
            keys = {"x": [key for key in rows for _ in cols], "y": [*cols] * len(rows)}
        return self._frame(keys | {name: np.ravel(v) for name, v in columns.items()}, others)


def keys_of(rows: Layers, cols: Layers | None) -> tuple[list[Any], list[Any]]:
    """Return the keys of two sets of layers, or of one set twice."""
    of_rows, of_cols = ([key for key, _ in side.given] for side in (rows, cols or rows))
    return of_rows, of_cols


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if not isinstance(value, np.ndarray):
        return repr(value)
    known = value[~np.isnan(value)]
    limits = f" from {known.min():.4g} to {known.max():.4g}" if known.size else " of NaN"
    return "<" + " \N{MULTIPLICATION SIGN} ".join(map(str, value.shape)) + limits + ">"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.integer | np.bool_):  # a key, such as of np.arange
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
