"""Results in files, with their provenance: measure, options, samples, fingerprints of layers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram._arguments import items_of
from isogram._arrays import gpu_of, to_host
from isogram._fingerprint import fingerprint_of, fingerprint_of_rows
from isogram._labels import labels_of
from isogram._loading import if_imported
from isogram._output import path_of, replacing
from isogram._types import Array
from isogram.io import _numpy
from isogram.io._contents import first_bytes, refused
from isogram.io._layers import Layer, Layers

SUFFIXES = (".json", ".npz")

_FORMAT = "isogram result"
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Result:
    """A result that was saved, which NumPy takes as an array.

    Attributes
    ----------
    values : array
        The numbers, with no axes for a single one.
    rows, columns : tuple of str
        Names of the layers that they compare; empty where there are none.
    provenance : mapping
        `measure`, `kernel`, … as given to `save`; `n`, the number of samples;
        `inputs`, each with the shape, type and fingerprint of its layers, of a file also its path
        and the `reduce` it was opened with;
        `version` of isogram; `device` and `date`.
    """

    values: NDArray[Any]
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the values."""
        return np.array(self.values, dtype, copy=copy)

    def __float__(self) -> float:
        """Return a single value."""
        return float(self.values)


def save(
    result: Array,
    path: str | os.PathLike[str],
    *,
    inputs: Any = (),
    rows: Iterable[str] | None = None,
    columns: Iterable[str] | None = None,
    **provenance: Any,
) -> None:
    """Save a number or a matrix with its provenance, for `load`.

    Parameters
    ----------
    result : number, array or Comparison
        A result of isogram, in the memory of the host or of a GPU, or one that `load` returned. A
        comparison of models brings its measure, its `reduce` and its number of samples along.
    path : str or path
        A file that ends in .json, or in .npz for large matrices. An old one is replaced once the
        new one is whole.
    inputs : list or tuple, optional
        The arguments that the result was computed from, one by one: arrays, layers of files, or
        mappings or sequences of arrays. All are read once more, for fingerprints.
    rows, columns : iterables of str, optional
        Names of the rows and columns of a matrix; by default the names that the result has, as a
        comparison of models or a frame of pandas does, or else the layers of the first and of the
        last of `inputs`, if their number fits.
    **provenance
        `measure`, `reduce`, `kernel`, `estimator` and any other values that JSON holds.

    Raises
    ------
    ValueError
        Another ending; another number of names than rows or columns; NaN in the provenance.
    TypeError
        A provenance that JSON does not hold.
    OSError
        The file cannot be written.

    Notes
    -----
    Numbers come back with the same bits. A fingerprint is the SHA-256 of the shape and of the
    numbers, little-endian, row by row: `fingerprint`.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> from isogram import io
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> io.save(ig.cka(x, x), "cka.json", inputs=[x, x], measure="cka")  # doctest: +SKIP
    >>> io.load("cka.json").provenance["n"]  # doctest: +SKIP
    50
    """
    target = path_of("save", "path", path)
    if target.suffix not in SUFFIXES:
        raise ValueError(f"save: `path` must end in {' or '.join(SUFFIXES)}, got {str(path)!r}")
    given, index, header = _parts_of(result)
    values = to_host(given)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"save: `result` must be of numbers, got {values.dtype}")
    sets = sets_of(inputs)
    names = [list(layers) for layers in sets] or [[]]
    about = {
        "format": _FORMAT,
        "format_version": _VERSION,
        "rows": _names("rows", index if rows is None else rows, names[0], values, 0),
        "columns": _names("columns", header if columns is None else columns, names[-1], values, -1),
        "provenance": {**facts_of(sets, given), **_facts_in(result), **provenance},
    }
    if target.suffix == ".json":
        about |= {
            "dtype": values.dtype.name,
            "shape": list(values.shape),
            "values": _as_json(values),
        }
    try:
        text = json.dumps(about, default=_plain, indent=1, allow_nan=False)
    except ValueError as error:  # NaN, or a list that holds itself
        raise ValueError(f"save: `provenance` must be what JSON holds: {error}") from None
    with replacing(target) as stream:
        if target.suffix == ".json":
            stream.write(text.encode() + b"\n")
        else:
            np.savez_compressed(stream, values=values, about=np.array(text))


def load(path: str | os.PathLike[str]) -> Result:
    """Return a result that `save` wrote.

    Raises
    ------
    ValueError
        A file that cannot be read, or that is none of a result, or of a later version of isogram.
    OSError
        There is no such file.
    """
    source = path_of("load", "path", path)
    source.stat()  # FileNotFoundError, where there is none
    with refused(f"cannot read {source}: "):
        if first_bytes(source, 2) == b"PK":
            contents = _numpy.contents(source)
            with contents.files:
                if not {"about", "values"} <= contents.entries.keys():
                    raise ValueError("not a result that isogram saved")
                about = json.loads(str(contents.entries["about"].whole()))
                values = contents.entries["values"].whole()
        else:
            try:
                about = json.loads(source.read_text(encoding="utf-8"))
            except UnicodeDecodeError:
                raise ValueError("not a result that isogram saved") from None
            values = None
        if not isinstance(about, dict) or about.get("format") != _FORMAT:
            raise ValueError("not a result that isogram saved")
        if about["format_version"] > _VERSION:
            raise ValueError("a later version of isogram wrote it")
        if values is None:
            values = _from_json(about["values"], np.dtype(about["dtype"])).reshape(about["shape"])
        rows, columns = tuple(about["rows"]), tuple(about["columns"])
        return Result(values, rows, columns, MappingProxyType(dict(about["provenance"])))


def fingerprint(layer: Array | Layer) -> str:
    """Return the SHA-256 of a layer's shape and numbers: equal arrays anywhere have the same.

    Numbers are taken little-endian, row by row in blocks of 4 MiB; a layer of a file is not held.
    """
    source = layer if isinstance(layer, Layer) else to_host(_with_bits(layer))
    if isinstance(source, Layer):
        return fingerprint_of_rows(tuple(source.shape), source.dtype.itemsize, source.rows)
    return fingerprint_of(source)


def _with_bits(layer: Array) -> Array:
    """Return a tensor of bfloat16, which NumPy does not know, as integers of the same bits."""
    is_tensor = isinstance(layer, if_imported("torch", "Tensor"))
    return (
        layer.view(sys.modules["torch"].int16)
        if is_tensor and "bfloat16" in str(layer.dtype)
        else layer
    )


def facts_of(sets: list[Mapping[str, Any]], *results: Array) -> dict[str, Any]:
    """Return samples, layers, version, device and date: known without being told."""
    arrays = (array for layers in sets for array in layers.values())
    return {
        "n": _samples(sets),
        "inputs": [_described(layers) for layers in sets],
        "version": ig.__version__,
        "device": _device([*results, *arrays]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def sets_of(inputs: Any) -> list[Mapping[str, Any]]:
    """Return the layers of every input by name."""
    listed = inputs if isinstance(inputs, list | tuple) else [inputs]
    return [_by_name(f"inputs[{i}]", layers) for i, layers in enumerate(listed)]


def _parts_of(result: Any) -> tuple[Array, Any, Any]:
    """Return the numbers of a result, and the names of its rows and columns, or None."""
    index, header = labels_of(result)
    if index is None and all(hasattr(result, name) for name in ("values", "rows", "columns")):
        return result.values, list(result.rows) or None, list(result.columns) or None
    return result, index, header


def _facts_in(result: Any) -> dict[str, Any]:
    """Return what a comparison of models says of itself."""
    if not all(hasattr(result, name) for name in ("measure", "samples", "reduce")):
        return {}
    return {"measure": result.measure, "n": result.samples, "reduce": result.reduce}


def _by_name(argument: str, layers: Any) -> Mapping[str, Any]:
    if isinstance(layers, Layers):
        return layers
    if hasattr(layers, "shape"):
        items = [(getattr(layers, "name", None) or "", layers)]
    else:
        items = items_of("save", argument, layers)
    # Frames of pandas and lists are arrays once NumPy has read them; arrays on a GPU stay there.
    return {str(k): array if hasattr(array, "dtype") else to_host(array) for k, array in items}


def _described(layers: Mapping[str, Any]) -> dict[str, Any]:
    by_name = {
        name: {
            "shape": list(map(int, layer.shape)),
            "dtype": str(layer.dtype),
            "sha256": fingerprint(layer),
        }
        | ({"reduce": layer.reduce} if isinstance(layer, Layer) else {})
        for name, layer in layers.items()
    }
    return ({"path": str(layers.path)} if isinstance(layers, Layers) else {}) | {"layers": by_name}


def _samples(sets: list[Mapping[str, Any]]) -> int | None:
    return next((int(layer.shape[0]) for layers in sets for layer in layers.values()), None)


def _device(arrays: Iterable[Any]) -> str:
    """Return where one of the arrays lies that is on a GPU, or else what the host runs."""
    return next(filter(None, map(gpu_of, arrays)), f"cpu, {ig.simd.level()}")


def _names(
    argument: str,
    given: Iterable[str] | None,
    default: list[str],
    values: NDArray[Any],
    axis: int,
) -> list[str]:
    count = values.shape[axis] if values.ndim else 0
    if given is None:
        return default if values.ndim == 2 and len(default) == count else []
    names = [str(name) for name in given]
    if len(names) != count:
        raise ValueError(f"save: `{argument}` must have {count} names, got {len(names)}")
    return names


def _as_json(values: NDArray[Any]) -> Any:
    """Return numbers as nested lists; NaN and infinities, which JSON lacks, become strings."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return json.loads(json.dumps(values.tolist()), parse_constant=str)
    return values.tolist()


def _from_json(values: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind not in "biuf":
        raise ValueError(f"numbers of type {dtype}")

    def number(item: Any) -> Any:
        if isinstance(item, list):
            return [number(each) for each in item]
        return float(item) if isinstance(item, str) else item

    return np.array(number(values), dtype)


def _plain(value: Any) -> Any:
    """Return what JSON holds of a number of NumPy or of a path."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"save: what is saved must be numbers, text and lists, got {value!r}")
