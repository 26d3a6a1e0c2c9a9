"""Layers in .pt files: tensors, alone or in nested dictionaries and lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import ZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from isogram.io._contents import Contents, Entry, add_list, library, reading


def contents(path: Path) -> Contents:
    """Return the tensors in `path`, by their keys, which "/" separates.

    Torch maps the file, and reads tensors and plain values only, with `weights_only=True`.
    """
    torch = library("torch", ".pt files", "torch")
    with reading(path) as found:
        is_zip = is_zipfile(path)  # not as torch wrote files before 1.6
        if is_zip and _is_script(path):
            raise ValueError("it is a TorchScript archive; save a plain dict of tensors")
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
        except (UnpicklingError, LookupError) as error:
            unknown = re.search(r"GLOBAL ([\w.]+)", str(error))
            raise ValueError(
                "it holds more than tensors and plain values, or none, and nothing is unpickled"
                + (f": {unknown[1]}; save a plain dict of tensors" if unknown else "")
            ) from error
        for name, value in _leaves(path.stem, saved):
            if name in found.entries or name in found.others:
                raise ValueError(f"two values are named {name!r}")
            _add(torch, found, name, value)
    return found


def _is_script(path: Path) -> bool:
    with ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _leaves(name: str, value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Return all values by their keys; lists without tensors, maybe identifiers, are values."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{prefix}{key}", item, f"{prefix}{key}/")
    elif isinstance(value, list | tuple) and not _is_plain(value):
        for i, item in enumerate(value):
            yield from _leaves(f"{prefix}{i}", item, f"{prefix}{i}/")
    else:
        yield name, value


def _is_plain(values: list[Any] | tuple[Any, ...]) -> bool:
    return all(isinstance(value, str | bytes | int | float | None) for value in values)


def _add(torch: Any, found: Contents, name: str, value: Any) -> None:
    if isinstance(value, list | tuple):
        add_list(found, name, value)
    elif not isinstance(value, torch.Tensor):
        found.others[name] = type(value).__name__
    elif not _is_dense(torch, value):
        found.others[name] = f"a tensor of {value.dtype} that is not dense"
    elif value.is_meta:
        found.others[name] = f"a tensor of {value.dtype} without values"
    elif (dtype := _dtype(torch, value)) is None:
        found.others[name] = f"{value.dtype} of shape {tuple(value.shape)}"
    else:
        found.entries[name] = Entry(tuple(value.shape), dtype, _reader(torch, value, dtype))


def _is_dense(torch: Any, tensor: Any) -> bool:
    is_view = tensor.is_conj() or tensor.is_neg()  # memory has other numbers
    return tensor.layout == torch.strided and not (
        tensor.is_nested or tensor.is_quantized or is_view
    )


def _dtype(torch: Any, tensor: Any) -> np.dtype[Any] | None:
    if tensor.dtype == torch.bfloat16:
        bfloat16: np.dtype[Any] = np.dtype(library("ml_dtypes", "bfloat16").bfloat16)
        return bfloat16
    name = str(tensor.dtype).removeprefix("torch.")
    return np.dtype(name) if hasattr(np, name) else None


def _reader(torch: Any, tensor: Any, dtype: np.dtype[Any]) -> Callable[[slice], NDArray[Any]]:
    def read(span: slice) -> NDArray[Any]:
        rows = (tensor[span] if tensor.ndim else tensor).detach()
        if tensor.dtype == torch.bfloat16:  # which NumPy does not know
            rows = rows.view(torch.int16)
        array: NDArray[Any] = rows.numpy().view(dtype)
        array.flags.writeable = False  # for whoever gets it next
        return array

    return read
