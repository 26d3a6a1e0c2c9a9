"""CKA and GBS as metrics of a loop of one's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor, distributed

from isogram import MinibatchCKA, MinibatchGBS
from isogram._operations.minibatch import Minibatch
from isogram._place import why_no_gpu
from isogram.torch._reduce import reduced, reduction

# What adds up batches, by names of measures.
SUMS: Mapping[str, type[Minibatch]] = {"cka": MinibatchCKA, "gbs": MinibatchGBS}


def sums_of(function: str, measure: str, options: Mapping[str, Any]) -> Minibatch:
    """Return what adds up batches for a measure, with options that it has."""
    sums = SUMS[measure]
    taken = inspect.signature(sums).parameters
    for option in options:
        if option not in taken:
            raise TypeError(
                f"{function}: {sums.__name__} does not take `{option}`: it takes "
                + ", ".join(f"`{name}`" for name in taken)
            )
    return sums(**options)


class _Metric:
    """A measure of all pairs of layers, updated by batches, over all processes."""

    _measure: ClassVar[str]

    def __init__(
        self,
        *,
        reduce: Literal["flatten", "mean"] | Callable[[Tensor], Tensor] = "flatten",
        **options: Any,
    ) -> None:
        """Begin without batches."""
        self._reduce = reduction(type(self).__name__, reduce, ("flatten", "mean"))
        self._options = options
        self._sums = self._new()

    def update(
        self, layers: Mapping[str, Tensor], other: Mapping[str, Tensor] | None = None
    ) -> None:
        """Add a batch: layers of one model, or of two, by name, with samples as the first axis."""
        sides = {"layers": layers} if other is None else {"layers": layers, "other": other}
        function = f"{type(self).__name__}.update"
        for argument, side in sides.items():
            if not isinstance(side, Mapping) or not all(
                isinstance(x, Tensor) for x in side.values()
            ):
                raise TypeError(
                    f"{function}: `{argument}` must be a mapping from names to tensors, got "
                    f"{type(side).__name__}"
                )
        self._sums.update(
            *(
                {n: self._features(function, f"{argument}[{n!r}]", x) for n, x in side.items()}
                for argument, side in sides.items()
            )
        )

    def compute(self) -> Tensor:
        """Return the measure of all pairs, of the batches of all processes if these are a group.

        All processes have to call it. Their sums stay as they are. A DistributedSampler repeats
        samples to give each process as many, unless drop_last=True.
        """
        if not (distributed.is_available() and distributed.is_initialized()):
            return torch.from_numpy(self._sums.compute())
        states: list[Any] = [None] * distributed.get_world_size()
        distributed.all_gather_object(states, self._sums.state_dict())
        total = self._new()
        for state in states:  # in the order of ranks: the same bits everywhere
            part = self._new()
            part.load_state_dict(state)
            total.merge(part)
        return torch.from_numpy(total.compute())

    def merge(self, other: Self) -> Self:
        """Add the batches of another; return self."""
        name = type(self).__name__
        if type(other) is not type(self):
            raise TypeError(f"{name}.merge: `other` must be a {name}, got {type(other).__name__}")
        self._sums.merge(other._sums)
        return self

    def reset(self) -> None:
        """Forget all batches."""
        self._sums.reset()

    def state_dict(self) -> dict[str, Any]:
        """Return the sums, as those of `isogram.MinibatchCKA` and `MinibatchGBS`."""
        return self._sums.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the sums of `state_dict`."""
        self._sums.load_state_dict(state)

    def __repr__(self) -> str:
        """Return the numbers of samples and of batches in the sums."""
        sums = self._sums
        return f"{type(self).__name__}: {sums.samples} samples in {sums.batches} batches"

    def _new(self) -> Minibatch:
        return sums_of(type(self).__name__, self._measure, self._options)

    def _features(self, function: str, name: str, layer: Tensor) -> Tensor:
        features = reduced(function, name, layer.detach(), self._reduce)
        return features.cpu() if features.is_cuda and why_no_gpu() else features


class CKAMetric(_Metric):
    """Debiased CKA of all pairs of layers, updated by batches, over all processes.

    A face of `isogram.MinibatchCKA`, with the interface of metrics in PyTorch: `compute` adds up
    the batches of all processes where `torch.distributed` is initialised.

    Parameters
    ----------
    reduce : {"flatten", "mean"} or callable
        As for `record`.
    **options
        Options of `isogram.MinibatchCKA`.

    Raises
    ------
    ValueError
        Another reduction, or an option that `MinibatchCKA` refuses.

    Notes
    -----
    Types, cost and memory as for `MinibatchCKA`. Tensors on a GPU are compared there if isogram was
    built for GPUs, and are copied to the host otherwise.

    Examples
    --------
    >>> import torch
    >>> from isogram.torch import CKAMetric
    >>> metric = CKAMetric()
    >>> for batch in torch.rand(3, 16, 4):
    ...     metric.update({"input": batch, "double": 2 * batch})
    >>> metric.compute()
    tensor([[1., 1.],
            [1., 1.]], dtype=torch.float64)
    """

    _measure = "cka"


class GBSMetric(_Metric):
    """Graph-based similarity of all pairs of layers, updated by batches, over all processes.

    A face of `isogram.MinibatchGBS`, with the interface of metrics in PyTorch: `compute` adds up
    the batches of all processes where `torch.distributed` is initialised.

    Parameters
    ----------
    reduce : {"flatten", "mean"} or callable
        As for `record`.
    **options
        Options of `isogram.MinibatchGBS`.

    Raises
    ------
    ValueError
        Another reduction, or an option that `MinibatchGBS` refuses.

    Notes
    -----
    Types, cost and memory as for `MinibatchGBS`. Tensors on a GPU are compared there if isogram was
    built for GPUs, and are copied to the host otherwise.

    Examples
    --------
    >>> import torch
    >>> from isogram.torch import GBSMetric
    >>> metric = GBSMetric(k=5)
    >>> for batch in torch.rand(3, 16, 4):
    ...     metric.update({"input": batch, "double": 2 * batch})
    >>> metric.compute()
    tensor([[1., 1.],
            [1., 1.]], dtype=torch.float64)
    """

    _measure = "gbs"
