"""Identifiers of samples: rows of two inputs are the same samples only where they are equal.

Identifiers are the index of a frame of pandas or an array of xarray, and the `ids` of a layer in a
file or of a recording.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._loading import if_imported
from isogram._types import Array


def require_same_order(function: str, name: str, value: Array, first: str, other: Array) -> None:
    """Raise ValueError unless the identifiers of `value`, if there are any, are those of `other`.

    Arrays have none, which costs a look at their types.
    """
    if not (_may_have(value.__class__) and _may_have(other.__class__)):
        return
    ours, theirs = identifiers_of(value), identifiers_of(other)
    if ours is None or theirs is None or are_equal(ours, theirs):
        return
    try:
        order_of(ours, theirs, (f"`{name}`", f"`{first}`"))
    except ValueError as error:
        if _counts(value) or _counts(other):
            return  # of other rows than those of the table that had an index
        reason = str(error)
    else:
        row = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
        reason = f"row {row} is {_shown(ours[row])} in `{name}`, {_shown(theirs[row])} in `{first}`"
    raise ValueError(
        f"{function}: `{name}` must have its rows in the order of `{first}`, got identifiers "
        f"in another order or of other samples: {reason}; align them, or pass arrays without an "
        "index to compare rows as they are"
    )


def require_square_labels(function: str, name: str, value: Array) -> None:
    """Raise ValueError for a frame whose columns are its rows in another order."""
    if not isinstance(value, if_imported("pandas", "DataFrame")):
        return
    rows, columns = value.index, value.columns
    if len(rows) != len(columns) or rows.equals(columns):
        return
    if rows.is_unique and len(rows.intersection(columns)) == len(rows):
        i = int(np.flatnonzero(rows.to_numpy() != columns.to_numpy())[0])
        raise ValueError(
            f"{function}: `{name}` must have its columns in the order of its rows, got "
            f"{_shown(rows[i])} as row {i} and {_shown(columns[i])} as column {i}: pass "
            f"{name}[{name}.index]"
        )


def are_equal(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether identifiers are equal, row by row."""
    return a is b or bool(a.shape == b.shape and np.all(a == b))


def order_of(wanted: NDArray[Any], there: NDArray[Any], names: tuple[str, str]) -> NDArray[np.intp]:
    """Return the rows of `there` in the order of `wanted`.

    Raises
    ------
    ValueError
        An identifier twice, or one that only one of the two has: the first is named. Messages call
        the two by `names`.
    """
    places = [_places(name, ids.tolist()) for name, ids in zip(names, (wanted, there), strict=True)]
    for here, elsewhere in ((0, 1), (1, 0)):
        for identifier, row in places[here].items():
            if identifier not in places[elsewhere]:
                raise ValueError(
                    f"{_shown(identifier)}, row {row} of {names[here]}, is not in "
                    f"{names[elsewhere]}{_alike(identifier, places[elsewhere])}"
                )
    return np.fromiter((places[1][identifier] for identifier in places[0]), np.intp, len(wanted))


def _places(name: str, identifiers: Iterable[Any]) -> dict[Any, int]:
    places: dict[Any, int] = {}
    for row, identifier in enumerate(identifiers):
        if (before := places.setdefault(identifier, row)) != row:
            raise ValueError(f"{_shown(identifier)} is row {before} and row {row} of {name}")
    return places


def _alike(identifier: object, others: Iterable[object]) -> str:
    """Name an identifier among the others that reads the same: "7" for 7, or é in two letters."""
    text = _read(identifier)
    same = next((other for other in others if _read(other) == text), None)
    return "" if same is None else f", which has {same!a}"


def _read(identifier: object) -> str:
    return unicodedata.normalize("NFKC", str(identifier)).strip()


@lru_cache(maxsize=64)  # of the few types of arrays; small calls take microseconds
def _may_have(kind: type) -> bool:
    """Whether arrays of a type may have identifiers of their rows."""
    frames = [("pandas", "DataFrame"), ("pandas", "Series"), ("xarray", "DataArray")]
    is_frame = any(issubclass(kind, if_imported(*frame)) for frame in frames)
    return is_frame or hasattr(kind, "ids")


def identifiers_of(value: Array) -> NDArray[Any] | None:
    """Return the identifiers of the samples of a layer, if it has any."""
    if not _may_have(value.__class__):
        return None
    if (index := _index(value)) is not None:
        labels: NDArray[Any] = index.to_numpy()
        if index.nlevels == 1 and index.hasnans:  # NaN, NaT, NA: not equal to themselves
            labels = labels.astype(object)
            labels[index.isna()] = None
        return labels
    ids = getattr(value, "ids", None)
    return ids if isinstance(ids, np.ndarray) else None


def _index(value: Array) -> Any:
    """Return the index of the rows of a frame, series or labelled array."""
    if isinstance(value, if_imported("xarray", "DataArray")):
        return value.indexes.get(value.dims[0]) if value.dims else None
    return None if hasattr(type(value), "ids") else value.index


def _counts(value: Array) -> bool:
    """Whether the index is the one that pandas gives rows without identifiers: 0, 1, 2, …."""
    index = _index(value)
    return type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1)


def _shown(identifier: object) -> str:
    text = repr(identifier.item() if isinstance(identifier, np.str_ | np.integer) else identifier)
    return text if len(text) <= 100 else f"{text[:100]} …"
