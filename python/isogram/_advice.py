"""Remedies for a refused value: the end of a message, from its colon on, or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MappingView, Sequence
from typing import Any

from isogram._loading import if_imported

_MODEL = (
    "a model has no activations by itself: isogram.torch.record(model, batches) keeps those of its "
    "layers, isogram.torch.compare_models(a, b, batches) compares the layers of two models"
)

SOFTMAX = (
    ": softmax makes distributions of logits (scipy.special.softmax(x, axis=1), "
    "torch.softmax(x, dim=1)), division by the sums of rows those of counts"
)


def for_no_array(name: str, value: object) -> str:
    """Say how to get an array, or layers, from something else."""
    if isinstance(value, if_imported("torch.nn", "Module")):
        return f": {_MODEL}"
    if isinstance(value, str | os.PathLike):
        return ": isogram.io.open(path) opens layers in files"
    if isinstance(value, Mapping):
        one = f"{name}[{next(iter(value), 'name')!r}]"
        return f": pass one of its arrays, such as {one}, or {name}.values() where a list may be"
    if isinstance(value, Iterator | MappingView):
        return f": {_joined(f'list({name})', 'np.concatenate', 'np.stack')}"
    return ""


def for_parts(name: str, parts: Sequence[Any]) -> str:
    """Say how a list of arrays becomes one: they may be batches, or samples one by one."""
    of_torch = isinstance(parts[0], if_imported("torch", "Tensor"))
    functions = ("torch.cat", "torch.stack") if of_torch else ("np.concatenate", "np.stack")
    return f": {_joined(name, *functions)}"


def for_layer(name: str, shape: tuple[int, ...]) -> str:
    """Say how an array of another rank becomes samples by features."""
    if len(shape) == 1:
        return f": {name}.reshape(-1, 1) has one feature of {shape[0]} samples"
    if len(shape) < 3:
        return ""
    example = (
        "axis=1) of tokens (n, s, c)" if len(shape) == 3 else "axis=(2, 3)) of maps (n, c, h, w)"
    )
    return (
        f": flatten the features, {name}.reshape(len({name}), -1), or take the mean over axes, "
        f"such as {name}.mean({example}"
    )


def for_sets(name: str, shape: tuple[int, ...]) -> str:
    """Say how one array becomes a set of layers."""
    several = f", list({name}) for {shape[0]} of them" if len(shape) > 2 else ""
    return f": pass [{name}] for one layer{several}"


def for_maps(name: str, shape: tuple[int, ...]) -> str:
    """Say how an array of another rank becomes sets of tokens."""
    if len(shape) == 4:
        return ": pass layout='nchw' (PyTorch) or 'nhwc' for maps of features"
    if len(shape) == 2:
        s = shape[0]
        return f": {name}[None] is one input of {s} tokens, {name}[:, None] {s} of a single token"
    return ""


def for_one_input(name: str, shape: tuple[int, ...]) -> str:
    """Say how sets of tokens become one input."""
    maps = ", or layout='nchw' (PyTorch) or 'nhwc' for a map" if len(shape) == 3 else ""
    return f": pass one input, such as {name}[0], or `pairs`{maps}" if len(shape) > 2 else ""


def for_other_samples(
    name: str, shape: tuple[int, ...], first: str, of_first: tuple[int, ...]
) -> str:
    """Say which of two matrices of different numbers of samples may be transposed."""
    if of_first[1] == shape[0]:
        return _transposed(first, shape[0])
    if shape[1] == of_first[0]:
        return _transposed(name, of_first[0])
    if shape[1] == of_first[1]:
        both = f"`{first}` and `{name}`"
        return f": if the {shape[1]} columns of {both} are the samples, pass both transposed"
    return ""


def _transposed(name: str, samples: int) -> str:
    return f": if `{name}` has {samples} samples in its columns, pass {name}.T"


def _joined(parts: str, join: str, stack: str) -> str:
    return f"join batches of samples by {join}({parts}), and single samples by {stack}({parts})"
