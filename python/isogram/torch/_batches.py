"""Batches of loaders: inputs of a model, the number of samples in them, and their identifiers."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.parameter import is_lazy
from torch.utils.data import Dataset, IterableDataset

from isogram.torch._reduce import is_dense

# Runs a model on a batch; a key of the identifiers of samples in batches, or a function of a batch
# that returns them.
Call: TypeAlias = Callable[[Module, Any], Any]
Ids: TypeAlias = "str | int | Callable[[Any], Any] | None"

_FINGERPRINT = (
    64  # values of a sample, or of a parameter, that are compared when a recording goes on
)


class Batch(NamedTuple):
    """A batch of samples, as a model takes it."""

    inputs: Any
    samples: int  # to be recorded: a limit leaves the last samples out
    ids: list[Any] | None
    total: int  # samples that the model sees

    @property
    def mask(self) -> Tensor | None:
        """Which tokens count, where the batch says so."""
        mask = self.inputs.get("attention_mask") if isinstance(self.inputs, Mapping) else None
        return mask if isinstance(mask, Tensor) and mask.ndim == 2 else None

    def fingerprint(self, before: int) -> int:
        """Return a checksum of all batches before and of this one: of some values and the ids."""
        for tensor in tensors_of(self.inputs):
            rows = tensor.reshape(len(tensor), -1) if tensor.ndim else tensor.reshape(1, 1)
            before = _checksum(rows, before)
        return zlib.crc32(repr(self.ids).encode(), before)


def weights_of(model: Module) -> int:
    """Return a checksum of a model: of some values of each of its parameters and buffers."""
    before = 0
    for tensor in model.state_dict().values():
        if not isinstance(tensor, Tensor) or is_lazy(tensor) or tensor.is_meta:
            continue  # without values yet
        if is_dense(tensor) and not tensor.is_quantized:
            before = _checksum(tensor.reshape(1, -1), before)
    return before


def _checksum(rows: Tensor, before: int) -> int:
    step = max(1, rows.shape[1] // _FINGERPRINT)
    values = rows.detach()[:, ::step].to(device="cpu", dtype=torch.float64).contiguous()
    return zlib.crc32(values.numpy().tobytes(), before)


def batches_of(
    function: str, batches: Iterable[Any], ids: Ids, limit: int | None
) -> Iterator[Batch]:
    """Yield batches until there are `limit` samples; none beyond is asked for."""
    if not hasattr(batches, "__iter__") and not hasattr(batches, "__getitem__"):
        raise TypeError(
            f"{function}: `batches` must be a DataLoader or another iterable of batches, got "
            f"{type(batches).__name__}"
        )
    _refuse_samples(function, batches)
    left = limit
    kinds: set[type] = set()
    for raw in batches:
        inputs, identifiers = _split(function, raw, ids)
        total = _samples(function, inputs)
        samples = total if left is None else min(left, total)
        if ids is not None:
            identifiers = _checked(function, identifiers, total, kinds)[:samples]
        yield Batch(inputs, samples, identifiers, total)
        if left is not None:
            left -= samples
            if not left:
                return


def _refuse_samples(function: str, batches: Iterable[Any]) -> None:
    """Raise for one batch, or for samples, whose parts would be taken for batches."""
    expected = f"{function}: `batches` must be a DataLoader or another iterable of batches, got"
    if isinstance(batches, Mapping):
        raise TypeError(f"{expected} a {type(batches).__name__}: pass [batch] for a single one")
    if isinstance(batches, Dataset) and not isinstance(batches, IterableDataset):
        raise TypeError(
            f"{expected} a {type(batches).__name__}, which has samples: pass "
            "torch.utils.data.DataLoader(dataset, batch_size=64)"
        )
    if not isinstance(batches, Tensor) or not batches.is_floating_point():
        return
    if batches.ndim < 3 or (batches.ndim == 4 and batches.shape[1] in (1, 3)):
        raise ValueError(
            f"{expected} a tensor of shape {tuple(batches.shape)}, whose first axis would be that "
            "of batches: if it is that of samples, pass batches.split(64)"
        )


def count_of(batches: Iterable[Any]) -> int | None:
    """Return the number of batches, where it is known."""
    with suppress(TypeError):  # an iterable dataset's loader, a generator
        return len(batches)  # type: ignore[arg-type]
    return None


def run(function: str, model: Module, inputs: Any, call: Call | None) -> None:
    """Run a model on a batch, moved to where its parameters lie."""
    home = next((t.device for t in chain(model.parameters(), model.buffers())), None)
    moved = inputs if home is None else _moved(inputs, home)
    try:
        if call is not None:
            call(model, moved)
        elif isinstance(moved, Mapping):
            model(**moved)
        elif isinstance(moved, tuple | list):
            model(*_arguments(function, model, moved))
        else:
            model(moved)
    except Exception as error:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors_of(inputs))
        error.add_note(
            f"{function}: {type(model).__name__} ran on a batch of {_samples(function, inputs)} "
            f"samples, of shape {shapes}; `call` runs it otherwise"
        )
        raise


def tensors_of(inputs: Any) -> Iterator[Tensor]:
    """Yield the tensors of a batch."""
    if isinstance(inputs, Tensor):
        yield inputs
    elif isinstance(inputs, Mapping | tuple | list):
        for item in inputs.values() if isinstance(inputs, Mapping) else inputs:
            yield from tensors_of(item)


def _arguments(function: str, model: Module, items: tuple[Any, ...] | list[Any]) -> Any:
    """Return the items of a tuple that the model takes: the first one, or all.

    Loaders give (inputs, targets). Inputs that the signature does not tell are not guessed.
    """
    if len(items) == 1:
        return items
    kinds = inspect.Parameter
    parameters = list(inspect.signature(model.forward).parameters.values())
    is_open = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)
    positional = [
        p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    required = [p for p in positional if p.default is kinds.empty]
    if not is_open and len(positional) == 1:
        return items[:1]
    if not is_open and len(positional) == len(required) == len(items):
        return items
    raise ValueError(
        f"{function}: `batches` gave a {type(items).__name__} of {len(items)} items, and "
        f"{type(model).__name__}.forward takes several: which of them are its inputs? Pass "
        "call=lambda model, batch: model(batch[0]), or model(*batch)"
    )


def _moved(inputs: Any, device: torch.device) -> Any:
    """Return a batch on a device: tensors, also within dicts, tuples and lists."""
    if isinstance(inputs, Tensor):
        return inputs.to(device, non_blocking=True)
    if isinstance(inputs, Mapping):
        return {key: _moved(item, device) for key, item in inputs.items()}
    if isinstance(inputs, tuple | list):
        items = [_moved(item, device) for item in inputs]
        is_named = isinstance(inputs, tuple) and hasattr(inputs, "_fields")
        return type(inputs)(*items) if is_named else type(inputs)(items)
    return inputs


def _split(function: str, raw: Any, ids: Ids) -> tuple[Any, Any]:
    """Return the inputs of a batch, and its samples' identifiers."""
    if ids is None:
        return raw, None
    if callable(ids):
        return raw, ids(raw)
    try:
        if isinstance(raw, Mapping):
            return {key: item for key, item in raw.items() if key != ids}, raw[ids]
        items = list(raw)
        identifiers = items.pop(ids)  # type: ignore[arg-type]
        return items, identifiers
    except (LookupError, TypeError):
        raise ValueError(
            f"{function}: `ids` must be a key of every batch, or a function of it, got {ids!r} for "
            f"a {type(raw).__name__}"
        ) from None


def _samples(function: str, inputs: Any) -> int:
    first = next((t for t in tensors_of(inputs) if t.ndim), None)
    if first is None or not len(first) or first.is_meta:
        came = " on meta" if first is not None and first.is_meta else " without samples"
        of_numpy = ": torch.from_numpy makes one of it" if isinstance(inputs, np.ndarray) else ""
        raise ValueError(
            f"{function}: `batches` must give tensors of one sample or more, or tuples or dicts of "
            f"them, got {type(inputs).__name__}{of_numpy if first is None else came}"
        )
    return len(first)


def _checked(function: str, identifiers: Any, samples: int, kinds: set[type]) -> list[Any]:
    """Return identifiers of a batch, all of the one type of those before, which it joins."""
    values = identifiers.tolist() if hasattr(identifiers, "tolist") else identifiers
    is_series = isinstance(values, Iterable) and not isinstance(values, str)
    values = list(values) if is_series else [values]
    kinds |= {type(value) for value in values}
    if len(values) != samples or len(kinds) != 1 or not kinds <= {int, str}:
        raise ValueError(
            f"{function}: `ids` must give an integer or a string for each of the {samples} samples "
            f"of a batch, got {len(values)} of {', '.join(sorted(k.__name__ for k in kinds))}"
        )
    if kinds == {int} and not -(2**63) <= min(values) <= max(values) < 2**63:
        raise ValueError(
            f"{function}: `ids` must give integers of 64 bits with a sign, got "
            f"{max(values, key=abs)}: pass strings, as by a function of a batch"
        )
    return values
