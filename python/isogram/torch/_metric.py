"""CKA as a metric of a loop of one's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, distributed

from isogram import MinibatchCKA
from isogram._place import why_no_gpu
from isogram.torch._reduce import reduced, reduction


def minibatch_cka(function: str, options: Mapping[str, Any]) -> MinibatchCKA:
    """Return a `MinibatchCKA` of options that it has."""
    taken = inspect.signature(MinibatchCKA).parameters
    for option in options:
        if option not in taken:
            raise TypeError(
                f"{function}: MinibatchCKA does not take `{option}`: it takes "
                + ", ".join(f"`{name}`" for name in taken)
            )
    return MinibatchCKA(**options)


class CKAMetric:
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

    def __init__(
        self,
        *,
        reduce: Literal["flatten", "mean"] | Callable[[Tensor], Tensor] = "flatten",
        **options: Any,
    ) -> None:
        """Begin without batches."""
        self._reduce = reduction("CKAMetric", reduce, ("flatten", "mean"))
        self._options = options
        self._sums = minibatch_cka("CKAMetric", options)

    def update(
        self, layers: Mapping[str, Tensor], other: Mapping[str, Tensor] | None = None
    ) -> None:
        """Add a batch: layers of one model, or of two, by name, with samples as the first axis."""
        sides = {"layers": layers} if other is None else {"layers": layers, "other": other}
        function = "CKAMetric.update"
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
        """Return the CKA of all pairs; where processes are a group, of the batches of all of them.

        All processes have to call it. Their sums stay as they are. A DistributedSampler repeats
        samples to give each process as many, unless drop_last=True.
        """
        if not (distributed.is_available() and distributed.is_initialized()):
            return torch.from_numpy(self._sums.compute())
        states: list[Any] = [None] * distributed.get_world_size()
        distributed.all_gather_object(states, self._sums.state_dict())
        total = MinibatchCKA(**self._options)
        for state in states:  # in the order of ranks: the same bits everywhere
            part = MinibatchCKA(**self._options)
            part.load_state_dict(state)
            total.merge(part)
        return torch.from_numpy(total.compute())

    def merge(self, other: CKAMetric) -> CKAMetric:
        """Add the batches of another; return self."""
        if not isinstance(other, CKAMetric):
            raise TypeError(
                f"CKAMetric.merge: `other` must be a CKAMetric, got {type(other).__name__}"
            )
        self._sums.merge(other._sums)
        return self

    def reset(self) -> None:
        """Forget all batches."""
        self._sums.reset()

    def state_dict(self) -> dict[str, Any]:
        """Return the sums, as `MinibatchCKA` does."""
        return self._sums.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the sums of `state_dict`."""
        self._sums.load_state_dict(state)

    def __repr__(self) -> str:
        """Return the numbers of samples and of batches in the sums."""
        return f"CKAMetric: {self._sums.samples} samples in {self._sums.batches} batches"

    def _features(self, function: str, name: str, layer: Tensor) -> Tensor:
        features = reduced(function, name, layer.detach(), self._reduce)
        return features.cpu() if features.is_cuda and why_no_gpu() else features
