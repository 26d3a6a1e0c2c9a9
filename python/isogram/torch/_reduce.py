"""How outputs of modules become features of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias, get_args

import torch
from torch import Tensor

from isogram._arguments import choice
from isogram._errors import PlaceError
from isogram.typing import OutputReductionName

# From an output and the batch's mask of tokens, if it has one, to samples by features.
Reduction: TypeAlias = Callable[[Tensor, Tensor | None], Tensor]

NAMES: tuple[OutputReductionName, ...] = get_args(OutputReductionName)


def reduction(
    function: str, reduce: object, names: tuple[OutputReductionName, ...] = NAMES
) -> Reduction:
    """Return the reduction of a name, or that of a callable, which is given the output alone."""
    if callable(reduce):
        return lambda output, _: reduce(output)
    chosen: Reduction = {"flatten": _flat, "mean": _mean, "tokens": _tokens}[
        choice(function, "reduce", reduce, names)
    ]
    return chosen


def reduced(function: str, name: str, layer: Tensor, reduce: Reduction) -> Tensor:
    """Return a layer of samples that is given as a tensor as features."""
    if layer.is_meta or not is_dense(layer) or not layer.ndim:
        kind = "one on meta" if layer.is_meta else "a sparse or nested one"
        came = "one of no axes" if is_dense(layer) and not layer.ndim else kind
        raise ValueError(
            f"{function}: `{name}` must be a dense tensor whose first axis is samples, got {came}"
        )
    features = reduce(layer, None)
    if not isinstance(features, Tensor) or features.ndim == 0 or len(features) != len(layer):
        is_tensor = isinstance(features, Tensor)
        came = f"{tuple(features.shape)}" if is_tensor else type(features).__name__
        raise ValueError(
            f"{function}: `reduce` must give a tensor with a row for each of the {len(layer)} "
            f"samples of `{name}`, got {came}"
        )
    return features


def main_tensor(output: Any, samples: int) -> Tensor | None:
    """Return the first dense floating-point tensor of an output that has a row for each sample.

    Without such a one, the first that has axes; None if there is none.
    """
    tensors = [t for t in _tensors(output) if is_dense(t) and t.is_floating_point() and t.ndim]
    fitting = (tensor for tensor in tensors if len(tensor) == samples)
    return next(fitting, tensors[0] if tensors else None)


def is_dense(tensor: Tensor) -> bool:
    """Whether a tensor is an array: not sparse, nor nested."""
    return tensor.layout == torch.strided and not tensor.is_nested


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):  # a ModelOutput is one
        for item in output.values():
            yield from _tensors(item)
    elif isinstance(output, tuple | list):
        for item in output:
            yield from _tensors(item)
    elif is_dataclass(output):
        yield from _tensors([getattr(output, field.name) for field in fields(output)])


def _flat(output: Tensor, _: Tensor | None) -> Tensor:
    """Return (n, …) as (n, features)."""
    return output.reshape(len(output), -1)


def _tokens(output: Tensor, _: Tensor | None) -> Tensor:
    """Return maps (n, c, …) as tokens (n, s, c); (n, s, c) as it is; vectors as one token."""
    if output.ndim < 3:
        return output.reshape(len(output), 1, -1)
    return output if output.ndim == 3 else output.flatten(2).transpose(1, 2)


def _mean(output: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean over tokens (n, s, c), those of the mask, or over the places of maps."""
    tokens = _tokens(output, None)
    if tokens.shape[1] == 1:
        return tokens[:, 0]
    if mask is None or output.ndim != 3 or mask.shape != tokens.shape[:2]:
        return tokens.mean(dim=1)
    if not bool(((mask == 0) | (mask == 1)).all()):
        other = mask[(mask != 0) & (mask != 1)][0].item()
        raise PlaceError(
            ValueError,
            "`batches` must have 1 in `attention_mask` where a token counts and 0 elsewhere, got "
            f"{other:g}: of a mask that is added to scores pass mask == 0",
        )
    is_token = mask.to(device=tokens.device, dtype=torch.bool)[:, :, None]
    sums = tokens.masked_fill(~is_token, 0).sum(
        dim=1, dtype=torch.promote_types(tokens.dtype, torch.float32)
    )
    return (sums / is_token.sum(dim=1).clamp(min=1)).to(tokens.dtype)
