"""`record`: the features of samples in the layers of a model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from isogram._arguments import integer
from isogram._output import path_of
from isogram._progress import Progress, reporting
from isogram.torch._batches import Batch, Call, Ids, batches_of, count_of, weights_of
from isogram.torch._layers import Selection
from isogram.torch._recording import Recording
from isogram.torch._reduce import reduction
from isogram.torch._stores import FolderStore, MemoryStore
from isogram.torch._taps import Taps
from isogram.typing import OutputReductionName


def record(
    model: Module,
    batches: Iterable[Any],
    *,
    layers: Selection = "*",
    reduce: OutputReductionName | Callable[[Tensor], Tensor] = "flatten",
    call: Call | None = None,
    ids: Ids = None,
    dtype: torch.dtype | None = None,
    limit: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Progress = False,
) -> Recording:
    """Record the outputs of a model's modules for all samples of a loader.

    Parameters
    ----------
    model : torch.nn.Module
        Runs where it lies, in eval mode and without gradients. Of a compiled or replicated model
        the original module runs.
    batches : DataLoader or iterable
        Batches of samples, moved to the device of the model's first parameter: a tensor; a dict,
        passed whole as keywords; a tuple or list, whose first item is passed if `model.forward`
        takes one argument (inputs, not targets), and all if it requires just as many.
    layers : str, type, Module, or several of these
        Names as in `model.named_modules()`; patterns, in which * stands for a part of a name
        between dots and ** for any number of these: "*" is the model's children, in place of a
        ModuleList those in it; "encoder.layer.*" all blocks; "leaves": modules without children; a
        class, such as torch.nn.Conv2d; a module; the model itself has the name of its class.
        Modules without features (that are not called, or put out no tensor, or one with other rows
        than samples) are in `skipped`, but an error if they were named.
    reduce : {"flatten", "mean", "tokens"} or callable
        From a module's output to an array whose first axis is samples. flatten: (n, features).
        mean: over the tokens of (n, s, c), those of the batch's `attention_mask` if it has one, or
        over the places of maps (n, c, h, w). tokens: (n, s, c) of either, padding included, for
        `semantic_rsm` and its `mask`. A callable is given the output: a tuple's or dict's first
        floating-point tensor with a row for each sample.
    call : callable, optional
        call(model, batch) runs the model, for batches that it takes otherwise.
    ids : str, int or callable, optional
        Identifiers of samples, integers of 64 bits or strings: the key of a batch that has them,
        which the model is not given, or a function of a batch.
    dtype : torch.dtype, optional
        The type of the recorded features; by default the type of the outputs.
    limit : int, optional
        The number of samples after which to stop.
    out : path, optional
        A folder for memory maps: NAME.npy for each layer, ids.npy, and recording.json, which counts
        the rows that are whole. The same call after an interruption goes on where that stopped: it
        draws the batches that are there, and compares them, but does not run the model on them.
        Another request, or a model of other weights, is an error. A folder that is complete is
        returned at once, whatever `batches` are.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in batches.

    Returns
    -------
    Recording
        A dict of layers by name, in the order of the model, with `ids` and `skipped`: tensors on
        the host, or memory maps. A module that a batch calls several times is name[0], name[1], …

    Raises
    ------
    ValueError
        Layers that are not in the model; batches without samples, or whose layers differ; a tensor
        that looks like one batch, (n, 3, h, w), in place of several; with reduce="mean" an
        `attention_mask` of other values than 0 and 1; a tuple whose inputs of the model cannot be
        told from its signature; a folder of another recording.
    TypeError
        Not a module; a dataset of samples, or a dict, in place of batches; an argument of another
        type.
    RuntimeError
        A named layer that is not called.
    MemoryError
        Layers that will not fit into memory, as far as that is known after a batch.

    Notes
    -----
    Cost: running the model, and one copy of each output. Memory: the recording, and the largest
    layer again while its batches are joined; with `out` a batch. Half precision stays as it is;
    in files, bfloat16 and float8 become float32.

    Examples
    --------
    >>> import torch
    >>> import isogram as ig
    >>> from isogram.torch import record
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> layers = record(model, torch.rand(3, 16, 4))
    >>> layers
    Recording of 48 samples
    0: (48, 8) torch.float32
    1: (48, 8) torch.float32
    2: (48, 2) torch.float32
    >>> ig.cka_matrix(layers).shape
    torch.Size([3, 3])
    """
    function = "record"
    limit = limit_of(function, limit)
    taps = Taps(function, model, layers, reduction(function, reduce), dtype, call)
    options = {"reduce": reduce, "dtype": dtype, "limit": limit, "call": call, "ids": ids}
    store = store_of(function, taps, batches, limit, out, options)
    source = batches_of(function, batches, ids, limit)
    fill(function, source, [(taps, store)], progress, count_of(batches))
    return store.result()


def limit_of(function: str, limit: int | None) -> int | None:
    """Return a number of samples, or None for all."""
    return None if limit is None else integer(function, "limit", limit, 1)


def store_of(
    function: str,
    taps: Taps,
    batches: Iterable[Any],
    limit: int | None,
    out: str | os.PathLike[str] | None,
    options: Mapping[str, Any],
) -> MemoryStore | FolderStore:
    """Return where the features go: memory, or a folder, which knows what was asked for."""
    if out is None:
        return MemoryStore(function, taps.skipped, count_of(batches), limit)
    request = {
        "model": type(taps.model).__qualname__,
        "checksum of weights": weights_of(taps.model),
        "modules": [choice.name for choice in taps.choices],
        **{name: _said(option) for name, option in options.items()},
    }
    return FolderStore(function, taps.skipped, path_of(function, "out", out), request)


def fill(
    function: str,
    batches: Iterable[Batch],
    sides: Sequence[tuple[Taps, MemoryStore | FolderStore]],
    progress: Progress,
    total: int | None,
) -> None:
    """Run models on batches, and put into the store of each what it lacks."""
    if all(store.is_complete for _, store in sides):
        return

    def take(batch: Batch) -> None:
        for taps, store in sides:
            if store.takes(batch):
                store.put(batch, taps.outputs_of(batch))

    contexts = [*(store for _, store in sides), *(taps for taps, _ in sides)]
    walk(function, batches, contexts, take, progress, total)


def walk(
    function: str,
    batches: Iterable[Batch],
    contexts: Iterable[AbstractContextManager[Any]],
    take: Callable[[Batch], object],
    progress: Progress,
    total: int | None,
) -> None:
    """Give all batches to `take` within the contexts, of models and of stores."""
    done = 0
    with ExitStack() as stack:
        report = stack.enter_context(reporting(function, progress, "batch"))
        for context in contexts:
            stack.enter_context(context)
        for batch in batches:
            take(batch)
            done += 1
            if report is not None:
                report(done, max(done, total or 0))
        if not done:
            raise ValueError(
                f"{function}: `batches` gave none: a generator gives its own only once"
            )


def _said(option: Any) -> Any:
    """Return an option as recording.json tells it."""
    if option is None or isinstance(option, int | str):
        return option
    if callable(option):  # str of one may have an address
        return getattr(option, "__qualname__", type(option).__qualname__)
    return str(option)
