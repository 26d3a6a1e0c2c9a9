"""Layers in safetensors files: tensors, and lists of identifiers in the metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram.io._contents import IDENTIFIERS, Contents, Entry, add_list, library, reading

_TYPES = {
    "BOOL": "bool", "U8": "u1", "I8": "i1", "U16": "u2", "I16": "i2", "U32": "u4", "I32": "i4",
    "U64": "u8", "I64": "i8", "F16": "f2", "F32": "f4", "F64": "f8",
}  # fmt: skip


def contents(path: Path) -> Contents:
    """Return the tensors in `path`, whose rows are read through a memory map."""
    safetensors = library("safetensors", ".safetensors files")
    with reading(path) as found:
        file = found.files.enter_context(safetensors.safe_open(path, framework="np"))
        for name in sorted(file.keys()):
            tensor = file.get_slice(name)
            shape, code = tuple(tensor.get_shape()), tensor.get_dtype()
            if code == "BF16":
                dtype = np.dtype(library("ml_dtypes", "bfloat16").bfloat16)
            elif code in _TYPES:
                dtype = np.dtype(_TYPES[code])
            else:
                found.others[name] = f"{code} of shape {shape}"
                continue
            found.entries[name] = Entry(shape, dtype, _reader(file, name))
        metadata = file.metadata() or {}
        for word in IDENTIFIERS:
            if word in metadata and word not in found.entries:
                _add_metadata(found, word, metadata[word])
    return found


def _add_metadata(found: Contents, name: str, text: str) -> None:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if isinstance(values, list):
        add_list(found, name, values)
    else:
        found.others[name] = "metadata that is no JSON list"


def _reader(file: Any, name: str) -> Callable[[slice], NDArray[Any]]:
    def read(span: slice) -> NDArray[Any]:
        tensor = file.get_slice(name)
        rows: NDArray[Any] = tensor[span] if tensor.get_shape() else file.get_tensor(name)
        return rows

    return read
