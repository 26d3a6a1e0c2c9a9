"""The ids of the inputs of an index, and the columns that a search knows them by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import copy
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogram._arrays import on_host

Id: TypeAlias = int | str
Ids: TypeAlias = Sequence[Id] | NDArray[Any]

_LARGEST = int(np.iinfo(np.int64).max)


class IdTable:
    """An id for each input that was ever added; a column is its place in that order.

    Functions that take ids of a caller raise errors that name `function` and the argument.
    """

    def __init__(self) -> None:
        """Begin without inputs."""
        self._all: NDArray[Any] = np.empty(0, np.int64)  # of deleted inputs too
        self.are_alive = np.empty(0, bool)
        # Of deleted inputs too, and of batches that were not added in the end. Tables that grow
        # from one another share it, as copying it for each batch would take longer than the batch.
        self._last_column_of: dict[Id, int] = {}
        self.next = 0  # the integer that the next input gets

    def restore(self, ids: NDArray[Any], next: int) -> None:
        """Take ids that were kept, none of them of a deleted input."""
        vars(self).update(vars(self.grown(ids)), next=next)

    def __len__(self) -> int:
        """Return the number of inputs that are not deleted."""
        return int(np.count_nonzero(self.are_alive))

    def __contains__(self, id: object) -> bool:
        """Whether an input that is not deleted has that id."""
        return self._column_of(id) >= 0

    @property
    def columns(self) -> int:
        """How many inputs were added, deleted or not."""
        return len(self._all)

    @property
    def alive(self) -> NDArray[Any]:
        """The ids of inputs that are not deleted."""
        return self._all[self.are_alive]

    def at(self, columns: NDArray[np.int64]) -> NDArray[Any]:
        """Return the ids of some columns."""
        ids: NDArray[Any] = self._all[columns]
        return ids

    def grown(self, new: NDArray[Any]) -> IdTable:
        """Return the table with the ids of inputs that are added; this one stays as it was."""
        table = copy(self)
        columns = range(self.columns, self.columns + len(new))
        table._last_column_of.update(zip(new.tolist(), columns, strict=True))
        table._all = np.append(self._all, new) if self.columns else new
        table.are_alive = np.append(self.are_alive, np.ones(len(new), bool))
        if new.dtype.kind == "i" and len(new):
            table.next = max(self.next, int(new.max()) + 1)
        return table

    def delete(self, function: str, ids: Any) -> None:
        """Forget the inputs of some ids."""
        columns = self._listed(function, "ids", ids)
        if len(np.unique(columns)) < len(columns):
            raise ValueError(f"{function}: `ids` must be different from each other")
        self.are_alive[columns] = False

    def new(self, function: str, ids: Any, count: int) -> NDArray[Any]:
        """Return the ids that inputs to add are to have."""
        if ids is None:
            if self._all.dtype.kind == "U":
                raise ValueError(f"{function}: `ids` must be given, as those of the index are str")
            if self.next + count - 1 > _LARGEST:
                raise ValueError(
                    f"{function}: `ids` must be given, as the next integer would be "
                    f"{self.next} and ids are up to {_LARGEST}"
                )
            return np.arange(self.next, self.next + count)
        new = self._checked(function, "ids", ids)
        if new.shape != (count,):
            raise ValueError(
                f"{function}: `ids` must be one for each of the {count} inputs, "
                f"got shape {new.shape}"
            )
        listed = new.tolist()
        for place, id in enumerate(listed):
            if id in self:
                raise ValueError(f"{function}: `ids` must be new, got {id!r} at index {place}")
        if len(set(listed)) < len(listed):
            twice = next(id for id, count in Counter(listed).items() if count > 1)
            raise ValueError(f"{function}: `ids` must be different, got {twice!r} twice")
        return new

    def _checked(self, function: str, name: str, ids: Any) -> NDArray[Any]:
        """Return ids as an array, of the kind of those of the index."""
        array = _as_ids(function, name, ids)
        if self.columns and array.size and array.dtype.kind != self._all.dtype.kind:
            raise TypeError(
                f"{function}: `{name}` must be of the kind of those of the index "
                f"({self._all.dtype}), got {array.dtype}"
            )
        return array

    def _listed(self, function: str, name: str, ids: Any) -> NDArray[np.int64]:
        """Return the columns of a sequence of ids."""
        columns = self.columns_of(function, name, ids)
        if columns.ndim != 1:
            raise ValueError(
                f"{function}: `{name}` must be a sequence of ids, got shape {columns.shape}"
            )
        return columns

    def _column_of(self, id: Any) -> int:
        """Return the column of the input of an id that is not deleted; -1: there is none."""
        column = self._last_column_of.get(id, -1)
        is_here = 0 <= column < self.columns and self._all[column] == id
        return column if is_here and self.are_alive[column] else -1

    def columns_of(self, function: str, name: str, ids: Any) -> NDArray[np.int64]:
        """Return the columns of some ids, in an array of their shape."""
        array = self._checked(function, name, ids)
        columns = [self._column_of(id) for id in array.ravel().tolist()]
        if -1 in columns:
            missing = array.ravel()[columns.index(-1)].item()
            raise ValueError(f"{function}: `{name}` must be in the index, got {missing!r}")
        return np.array(columns, np.int64).reshape(array.shape)

    def wanted(self, function: str, subset: Any) -> NDArray[np.bool_]:
        """Return which columns are to be searched: those of some ids, or of all."""
        if subset is None:
            return self.are_alive.copy()
        columns = self._listed(function, "subset", subset)
        if not len(columns):
            raise ValueError(f"{function}: `subset` must have an id at least, got none")
        wanted = np.zeros_like(self.are_alive)
        wanted[columns] = True
        return wanted

    def excluded(self, function: str, exclude: Any, queries: int) -> NDArray[np.int64] | None:
        """Return for each query the column of its id; -1: no input has it."""
        if exclude is None:
            return None
        ids = self._checked(function, "exclude", exclude)
        if ids.shape != (queries,):
            raise ValueError(
                f"{function}: `exclude` must be one id for each of the {queries} queries, "
                f"got shape {ids.shape}"
            )
        return np.array([self._column_of(id) for id in ids.tolist()], np.int64)


def _as_ids(function: str, name: str, ids: Any) -> NDArray[Any]:
    """Return ids as an array of int64 or str."""
    array = on_host(function, name, ids)
    if array.dtype.kind in "iu" or not array.size:
        if array.size and array.max() > _LARGEST:
            raise ValueError(f"{function}: `{name}` must be up to {_LARGEST}, got {array.max()}")
        return array.astype(np.int64)
    if array.dtype.kind in "OT" and all(isinstance(id, str) for id in array.flat):
        return np.array(array.tolist())  # of pandas, or of NumPy's other type of str
    if array.dtype.kind != "U" or not _are_all_str(ids):
        raise TypeError(f"{function}: `{name}` must be all integers, or all str, got {array.dtype}")
    return array


def _are_all_str(ids: Any) -> bool:
    """Whether no id is a number that NumPy made a str of."""
    if isinstance(ids, np.ndarray):
        return True
    return all(
        _are_all_str(id) if isinstance(id, list | tuple) else isinstance(id, str) for id in ids
    )
