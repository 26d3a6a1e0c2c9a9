"""Layers in tables: Parquet, Arrow and Feather files.

A column of lists of floats, all of one length, is a layer; the columns of floats together are one,
named after the file. Other columns of strings or integers may be identifiers, first of all the
index of the pandas frame that was written.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram.io._contents import Contents, Entry, library, reading

_STRINGS = ("string", "large_string", "string_view")


def parquet_contents(path: Path) -> Contents:
    """Return the columns of a Parquet file, which is read by its row groups."""
    parquet = library("pyarrow.parquet", "Parquet files")
    with reading(path) as found:
        file = found.files.enter_context(parquet.ParquetFile(path, memory_map=True))
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        _add_columns(found, path, _Table(file.schema_arrow, sizes, file.read_row_group))
    return found


def arrow_contents(path: Path) -> Contents:
    """Return the columns of an Arrow or Feather file, which is read by its batches."""
    arrow = library("pyarrow", "Arrow files")
    with reading(path) as found:
        mapped = found.files.enter_context(arrow.memory_map(str(path)))
        file = arrow.ipc.open_file(mapped)
        sizes = [file.get_batch(i).num_rows for i in range(file.num_record_batches)]

        def read_batch(i: int, names: list[str]) -> Any:
            batch = file.get_batch(i).select(names)
            batch.validate(full=True)  # offsets that lead out of the file
            return arrow.Table.from_batches([batch])

        _add_columns(found, path, _Table(file.schema, sizes, read_batch))
    return found


class _Table:
    """The parts of a table, read one at a time."""

    def __init__(
        self, schema: Any, sizes: list[int], read_part: Callable[[int, list[str]], Any]
    ) -> None:
        self.schema = schema
        self._ends = list(accumulate(sizes))
        self._read_part = read_part

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def read(self, names: list[str], span: slice) -> list[Any]:
        """Return the rows of a span of some columns, in one table for each part."""
        first, last, _ = span.indices(len(self))
        parts: list[Any] = []
        for i in range(bisect_right(self._ends, first), len(self._ends)):
            start = self._ends[i - 1] if i else 0
            if max(first, start) >= last:
                break
            part = self._read_part(i, names)
            parts.append(part.slice(max(0, first - start), last - max(first, start)))
        return parts


def _add_columns(found: Contents, path: Path, table: _Table) -> None:
    arrow = library("pyarrow", "tables")
    if len(set(table.schema.names)) < len(table.schema.names):
        raise ValueError("two columns have the same name")
    features, index = [], _index(table.schema)
    for field in table.schema:
        name, kind = field.name, field.type
        if isinstance(kind, arrow.BaseExtensionType):
            kind = kind.storage_type
        if arrow.types.is_floating(kind) and name not in index:
            features.append(name)
        elif _is_list(arrow, kind) and arrow.types.is_floating(kind.value_type):
            found.entries[name] = _list_entry(table, name, _dtype(kind.value_type))
        elif (dtype := _dtype(kind)).kind in "biuU":
            found.entries[name] = Entry((len(table),), dtype, _reader(table, [name], dtype))
        else:
            found.others[name] = f"a column of {kind}"
    if features:
        dtype = np.result_type(*(_dtype(table.schema.field(name).type) for name in features))
        shape = len(table), len(features)
        name = path.stem if path.stem not in found.entries else f"{path.stem} (columns)"
        found.entries[name] = Entry(shape, dtype, _reader(table, features, dtype))
    found.index = ", ".join(index) or None
    if len(index) > 1:
        found.others[", ".join(index)] = f"an index of {len(index)} columns"


def _is_list(arrow: Any, kind: Any) -> bool:
    types = arrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _dtype(kind: Any) -> np.dtype[Any]:
    """Return the type that numbers and text have in NumPy, and that of objects for all else.

    Arrow needs pandas to say it of times with a zone.
    """
    types = library("pyarrow", "tables").types
    if str(kind.value_type if types.is_dictionary(kind) else kind) in _STRINGS:
        return np.dtype(str)
    is_number = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)
    return np.dtype(kind.to_pandas_dtype() if is_number else object)


def _index(schema: Any) -> list[str]:
    """Return the columns that pandas wrote the index of its frame to; none for 0, 1, 2, …."""
    columns = json.loads((schema.metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    return [name for name in columns if isinstance(name, str) and name in schema.names]


def _reader(
    table: _Table, names: list[str], dtype: np.dtype[Any]
) -> Callable[[slice], NDArray[Any]]:
    """Return what reads one column, or floats of several as the columns of a matrix."""
    is_matrix = dtype.kind == "f"

    def rows(part: Any) -> NDArray[Any]:
        columns = [_numbers(part, name).astype(dtype, copy=False) for name in names]
        return np.column_stack(columns) if is_matrix else columns[0]

    def read(span: slice) -> NDArray[Any]:
        parts = [rows(part) for part in table.read(names, span)]
        return np.concatenate(parts or [np.empty((0, len(names)) if is_matrix else 0, dtype)])

    return read


def _numbers(part: Any, name: str) -> NDArray[Any]:
    column = part.column(name)
    if column.null_count:
        raise ValueError(f"column {name!r} has missing values")
    numbers: NDArray[Any] = column.to_numpy()
    return numbers


def _list_entry(table: _Table, name: str, dtype: np.dtype[Any]) -> Entry:
    compute = library("pyarrow.compute", "tables")

    def lists(part: Any) -> tuple[Any, Any]:
        column = part.column(name).combine_chunks()
        column = getattr(column, "storage", column)  # of a tensor
        return column, compute.list_value_length(column)

    def rows(part: Any) -> NDArray[Any]:
        column, lengths = lists(part)
        if lengths.null_count or len(lengths.unique()) > 1:
            raise ValueError(f"column {name!r} has lists of different lengths, or none")
        numbers = column.flatten()
        if numbers.null_count:
            raise ValueError(f"column {name!r} has missing values")
        matrix: NDArray[Any] = numbers.to_numpy().reshape(len(column), -1)
        return matrix

    def read(span: slice) -> NDArray[Any]:
        parts = [rows(part) for part in table.read([name], span)]
        return np.concatenate(parts or [np.empty((0, width), dtype)])

    # None where the first list is missing: such a column is skipped, not a reason to refuse all.
    width = sum(lists(part)[1][0].as_py() or 0 for part in table.read([name], slice(0, 1)))
    return Entry((len(table), width), dtype, read)
