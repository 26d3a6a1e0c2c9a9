"""Layers that other tools extracted, as a recording."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isogram._arguments import choice
from isogram._output import path_of
from isogram.io._contents import lines_of, refused
from isogram.torch._layers import matches, pattern_of
from isogram.torch._recording import Recording
from isogram.torch._reduce import main_tensor, reduced, reduction
from isogram.typing import OutputReductionName, TokenReductionName

_POOLINGS: tuple[TokenReductionName, ...] = get_args(TokenReductionName)


def from_cache(
    cache: Any,
    *,
    layers: str = "**",
    reduce: OutputReductionName | Callable[[Tensor], Tensor] = "flatten",
) -> Recording:
    """Return a cache of activations as a recording: of TransformerLens, of nnsight, or a dict.

    Parameters
    ----------
    cache : mapping, or anything with items()
        From names to tensors, to tuples or dicts of them, or to objects with tensors as `output` or
        `value`, samples first: an `ActivationCache` with its batch axis, the cache that
        `tracer.cache()` returns, or a dict of saved tensors.
    layers : str
        A pattern of names, as for `record`: "blocks.*.hook_resid_post".
    reduce
        As for `record`, from the tensors of one sample each.

    Raises
    ------
    ValueError
        No layer of that pattern; layers of different numbers of samples.
    """
    function = "from_cache"
    pattern, chosen = pattern_of(function, layers), reduction(function, reduce)
    if not hasattr(cache, "items"):
        raise TypeError(
            f"{function}: `cache` must be a mapping from names to tensors, got "
            f"{type(cache).__name__}"
        )
    found: dict[str, Tensor] = {}
    for name, value in cache.items():
        if matches(str(name), pattern):
            tensor = main_tensor(_content(value), -1)
            if tensor is None or tensor.is_meta:
                raise ValueError(f"{function}: `cache` has no tensor under {name!r}: {value!r:.80}")
            if str(name) in found:
                raise ValueError(f"{function}: `cache` must have other names, got {name!r} twice")
            found[str(name)] = reduced(function, f"cache[{name!r}]", tensor.detach().cpu(), chosen)
    return _recording(function, "cache", found, None)


def from_thingsvision(folder: str | os.PathLike[str]) -> Recording:
    """Return the features that thingsvision saved as a recording.

    Parameters
    ----------
    folder : path
        That of one module, or one with a folder for each module: features.npy, or parts
        features_START-STOP.npy, and file_names.txt, whose lines are the identifiers of samples.

    Raises
    ------
    ValueError
        No features; parts that are missing; other identifiers than samples; modules of different
        numbers of samples.

    Notes
    -----
    A single file is mapped to memory; parts are joined in memory, in the order of their samples.
    """
    function = "from_thingsvision"
    root = path_of(function, "folder", folder)
    places = {root.name: root} if any(root.glob("features*.npy")) else {}
    places |= {
        p.parent.relative_to(root).as_posix(): p.parent
        for p in sorted(root.rglob("features*.npy"))
        if p.parent != root
    }
    if not places:
        raise ValueError(f"{function}: `folder` must have files features*.npy, got {root}")
    layers = {name: _thingsvision_features(function, place) for name, place in places.items()}
    lists = {p for place in (root, *places.values()) for p in place.glob("file_names.txt")}
    names: dict[Path, list[str]] = {}
    for path in sorted(lists):
        with refused(f"{function}: cannot read {path}: "):
            names[path] = lines_of(path)
    if len({tuple(lines) for lines in names.values()}) > 1:
        raise ValueError(f"{function}: {', '.join(map(str, names))} must name the same samples")
    return _recording(function, "folder", layers, next(iter(names.values()), None))


def from_safetensors(
    folder: str | os.PathLike[str],
    *,
    layers: str = "**",
    reduce: TokenReductionName = "mean",
) -> Recording:
    """Return hidden states that were saved as one safetensors file a request as a recording.

    Parameters
    ----------
    folder : path
        Of NAME.safetensors, in whose order samples come; the names are the identifiers. A file has
        a floating-point tensor (tokens, features) for each layer, or for several layers at once
        (tokens, layers, features), as the hidden states of vLLM are: these are name.0, name.1, …
    layers : str
        A pattern of names, as for `record`.
    reduce : {"mean", "last"}
        From the tokens of a request to a row: their mean, or the last one.

    Raises
    ------
    ValueError
        No files; files of different layers or widths.
    ImportError
        safetensors is not installed.
    """
    function = "from_safetensors"
    pattern, root = pattern_of(function, layers), path_of(function, "folder", folder)
    choice(function, "reduce", reduce, _POOLINGS)
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(
            f"{function} needs safetensors: pip install 'isogram[torch]'", name="safetensors"
        ) from error
    files = sorted(root.glob("*.safetensors"))
    rows: dict[str, list[Tensor]] = {}
    for file in files:
        with refused(f"{function}: cannot read {file}: "):
            requests = dict(_requests(load_file(file)))
        found: dict[str, Tensor] = {}
        for name, tokens in requests.items():
            if matches(name, pattern):
                if not len(tokens):
                    raise ValueError(f"{function}: {name!r} of {file} must have tokens, got none")
                found[name] = tokens.mean(dim=0) if reduce == "mean" else tokens[-1]
        if rows and found.keys() != rows.keys():
            others = ", ".join(sorted(found.keys() ^ rows.keys()))
            raise ValueError(
                f"{function}: all files must have the same layers, not {others}: {file}"
            )
        for name, row in found.items():
            first = rows.setdefault(name, [])
            if first and row.shape != first[0].shape:
                raise ValueError(
                    f"{function}: {name!r} of {file} must have {len(first[0])} features, as that "
                    f"of {files[0]}, got {len(row)}"
                )
            first.append(row)
    stacked = {name: torch.stack(parts) for name, parts in rows.items()}
    return _recording(function, "folder", stacked, [file.stem for file in files])


def _recording(
    function: str, argument: str, layers: Mapping[str, Any], ids: list[Any] | None
) -> Recording:
    """Return the layers, which must be of the same samples."""
    if not layers:
        raise ValueError(f"{function}: `{argument}` must have layers of the pattern, got none")
    (first, samples), *others = ((name, len(x)) for name, x in layers.items())
    for name, count in others:
        if count != samples:
            raise ValueError(
                f"{function}: {name!r} must have as many samples as {first!r} ({samples}), "
                f"got {count}"
            )
    if ids is not None and len(ids) != samples:
        raise ValueError(
            f"{function}: there must be a name for each of the {samples} samples, got {len(ids)}"
        )
    return Recording(layers, ids)


def _content(value: Any) -> Any:
    """Return what an entry of a cache holds."""
    for attribute in ("output", "value"):
        if not isinstance(value, Tensor | Mapping | tuple | list) and hasattr(value, attribute):
            return getattr(value, attribute)
    return value


def _requests(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield tokens by features of each layer of a request."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.ndim == 2:
            yield name, tensor
        elif tensor.is_floating_point() and tensor.ndim == 3:
            yield from ((f"{name}.{i}", tensor[:, i]) for i in range(tensor.shape[1]))


def _thingsvision_features(function: str, folder: Path) -> Any:
    whole = folder / "features.npy"
    if whole.exists():
        with refused(f"{function}: cannot read {whole}: "):
            return _as_rows(np.load(whole, mmap_mode="r"))
    parts = sorted((*_span(function, path), path) for path in folder.glob("features*.npy"))
    for (_, stop, path), (start, _, after) in pairwise(parts):
        if start != stop:
            raise ValueError(
                f"{function}: there must be samples {stop} to {start} after {path}, before {after}"
            )
    arrays = []
    for start, stop, path in parts:
        with refused(f"{function}: cannot read {path}: "):
            features = _as_rows(np.load(path))
            if len(features) != stop - start:
                raise ValueError(f"it has {len(features)} samples, not {stop - start}")
            arrays.append(features)
    with refused(f"{function}: cannot join the parts in {folder}: "):
        return np.concatenate(arrays)


def _as_rows(features: NDArray[Any]) -> NDArray[Any]:
    if features.ndim == 0 or features.dtype.kind not in "biuf":
        raise ValueError(
            f"it must have numbers for each sample, not {features.dtype} of shape {features.shape}"
        )
    return features.reshape(len(features), -1)


def _span(function: str, path: Path) -> tuple[int, int]:
    """Return the first sample of features_START-STOP.npy, and that after its last."""
    try:
        start, stop = path.stem.rpartition("_")[2].split("-")
        return int(start), int(stop)
    except ValueError:
        raise ValueError(f"{function}: {path} must be named features_START-STOP.npy") from None
