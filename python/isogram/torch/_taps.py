"""The outputs of modules while a model runs, by forward hooks that never stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from isogram._errors import errors_of
from isogram.torch._batches import Batch, Call, run
from isogram.torch._layers import Choice, Selection, chosen, unwrapped
from isogram.torch._reduce import Reduction, is_dense, main_tensor


class Taps:
    """A model whose modules' outputs are kept, while the context lasts.

    Outputs are reduced and copied at once, as a later module may write to them in place.
    """

    def __init__(
        self,
        function: str,
        model: Module,
        layers: Selection,
        reduce: Reduction,
        dtype: torch.dtype | None,
        call: Call | None,
        name: str = "model",
    ) -> None:
        """Choose the modules; nothing is hooked yet. `name` is what the caller knows `model` as."""
        if not isinstance(model, Module):
            raise TypeError(
                f"{function}: `{name}` must be a torch.nn.Module, got {type(model).__name__}"
            )
        if not isinstance(call, Callable | None):  # type: ignore[arg-type]
            raise TypeError(
                f"{function}: `call` must be None or a function (model, batch), got {call!r}"
            )
        if not isinstance(dtype, torch.dtype | None) or (dtype and not dtype.is_floating_point):
            raise TypeError(
                f"{function}: `dtype` must be None or a floating torch.dtype, got {dtype!r}"
            )
        self.model = unwrapped(model)
        self.choices = chosen(function, self.model, layers)
        self.skipped: dict[str, str] = {}
        self._function, self._reduce, self._dtype, self._call = function, reduce, dtype, call
        for choice in self.choices:
            if isinstance(choice.module, torch.jit.ScriptModule):
                self._skip(choice, "is of TorchScript, which has no hooks: pass the original model")
        self._kept: dict[str, list[Tensor]] = {}
        self._batch: Batch | None = None
        self._context: AbstractContextManager[None] = self._hooked()

    def __enter__(self) -> Taps:
        self._context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)

    def outputs_of(self, batch: Batch) -> dict[str, Tensor]:
        """Return the features of a batch by layer, on the host; a module's calls are numbered."""
        self._kept, self._batch = {}, batch
        try:
            run(self._function, self.model, batch.inputs, self._call)
        finally:
            self._batch = None
        outputs: dict[str, Tensor] = {}
        for choice in self.choices:
            calls = self._kept.get(choice.name, [])
            if not calls and choice.name not in self.skipped:
                inside = f": {choice.name}.* are inside it" if choice.module._modules else ""
                self._skip(choice, f"was not called{inside}", RuntimeError)
            several = [f"{choice.name}[{i}]" for i in range(len(calls))]
            outputs.update(zip(several if len(calls) > 1 else [choice.name], calls, strict=False))
        if not outputs:
            reasons = "; ".join(f"{name!r} {reason}" for name, reason in self.skipped.items())
            raise ValueError(f"{self._function}: no layer has an output: {reasons}")
        return outputs

    @contextmanager
    def _hooked(self) -> Iterator[None]:
        handles: list[Any] = []
        with _evaluating(self.model):
            try:
                for choice in self.choices:
                    if choice.name not in self.skipped:
                        handles.append(choice.module.register_forward_hook(self._hook_of(choice)))
                yield
            finally:
                for handle in handles:
                    handle.remove()

    def _hook_of(self, choice: Choice) -> Callable[[Module, Any, Any], None]:
        def hook(_: Module, __: Any, output: Any) -> None:
            if self._batch is None:  # another model runs, which has this module too
                return
            features = self._features(choice, output, self._batch)
            if features is not None:
                self._kept.setdefault(choice.name, []).append(features)

        return hook

    def _features(self, choice: Choice, output: Any, batch: Batch) -> Tensor | None:
        tensor = main_tensor(output, batch.total)
        if tensor is None:
            self._skip(choice, f"gave no floating-point tensor, but {_said(output)}")
            return None
        if tensor.is_meta:
            raise ValueError(
                f"{self._function}: layer {choice.name!r} must have values, got a tensor on meta: "
                "load the weights of the model, model.to_empty(device=…) and load_state_dict(…)"
            )
        with errors_of(self._function):
            features = self._reduce(tensor, batch.mask)
        if not isinstance(features, Tensor) or features.ndim < 2 or len(features) != batch.total:
            self._skip(
                choice,
                f"gave {_said(tensor)}, reduced to {_said(features)}, for {batch.total} samples: a "
                "`reduce` of your own makes it (samples, features)",
            )
            return None
        rows = features.detach()[: batch.samples]
        return rows.to(device="cpu", dtype=self._dtype or rows.dtype, copy=True)

    def _skip(self, choice: Choice, reason: str, error: type[Exception] = ValueError) -> None:
        """Remember why a module has no features; an error, if it was asked for by its name."""
        if choice.is_named:
            raise error(f"{self._function}: layer {choice.name!r} {reason}")
        self.skipped[choice.name] = reason


def _said(output: Any) -> str:
    if isinstance(output, Tensor):
        if not is_dense(output):
            return "a sparse or nested one"
        kind = "" if output.is_floating_point() else f"{output.dtype} "
        return f"a {kind}tensor of shape {tuple(output.shape)}"
    return f"a {type(output).__name__}"


@contextmanager
def _evaluating(model: Module) -> Iterator[None]:
    """Put a model into eval mode, without gradients; then every module into its own mode again."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
