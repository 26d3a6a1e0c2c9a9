"""A measure of the layers of one model with those of another, in one pass over the batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import Module

from isogram._arguments import flag
from isogram._measures import Measure, measure_of
from isogram._operations.similarity import similarity_matrix
from isogram._output import path_of
from isogram._progress import Progress
from isogram.torch._batches import Batch, Call, batches_of, count_of
from isogram.torch._layers import Selection
from isogram.torch._metric import SUMS, sums_of
from isogram.torch._record import fill, limit_of, store_of, walk
from isogram.torch._reduce import reduction
from isogram.torch._taps import Taps


class Comparison(NamedTuple):
    """A measure of every layer of one model with every layer of another."""

    values: Tensor  # float64, (rows, columns)
    rows: list[str]  # layers of `a`
    columns: list[str]  # layers of `b`
    samples: int
    measure: str  # its name
    reduce: str  # how outputs became samples by features: the argument, or a callable's name


def compare_models(
    a: Module,
    b: Module | None,
    batches: Iterable[Any],
    *,
    measure: str | Measure = "cka",
    minibatch: bool = False,
    layers: Selection = "*",
    layers_b: Selection = None,
    reduce: Literal["flatten", "mean"] | Callable[[Tensor], Tensor] = "flatten",
    call: Call | None = None,
    dtype: torch.dtype | None = None,
    limit: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Progress = False,
    **options: Any,
) -> Comparison:
    """Return a measure of all pairs of layers of two models, which see the same batches.

    Every batch is drawn once and goes through both models, so a loader may shuffle. The measure is
    exact, that of all samples at once, for which the layers of both models are recorded; or with
    `minibatch` one of CKA or GBS from batches that are not kept.

    Parameters
    ----------
    a, b : torch.nn.Module
        Two models, on any devices; None, or the same: `a` with itself, run once.
    batches, reduce, call, dtype, limit
        As for `record`; `reduce` makes samples by features, by default "flatten".
    measure : str or Measure
        As for `isogram.similarity_matrix`.
    minibatch : bool
        False: `similarity_matrix` of all samples. True: for "cka" `isogram.MinibatchCKA`, Σ HSIC
        over Σ HSIC of batches, which nears the CKA of all samples as these grow; for "gbs"
        `isogram.MinibatchGBS`, of graphs within batches. No other measure has sums over batches.
    layers, layers_b : as for `record`
        Of `a` and of `b`; by default `layers_b` is `layers`.
    out : path, optional
        A folder for recordings "a" and "b" as memory maps, which an interrupted call goes on with.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in batches.
    **options
        Options of the measure, and `num_threads`; with `minibatch` those of `MinibatchCKA` or
        `MinibatchGBS`, as small_batches="skip" for a last batch of too few samples.

    Returns
    -------
    Comparison
        `values`, a float64 tensor on the host, the names of its `rows` and `columns`, the number of
        `samples`, the name of the `measure`, and `reduce`.

    Raises
    ------
    ValueError
        Values that `record` and `similarity_matrix` refuse; `minibatch` with another measure, or
        with `out`.
    TypeError
        An option that the measure does not have.

    Notes
    -----
    Cost: running the models; then that of `similarity_matrix`, or of it for each batch. Memory: two
    recordings, or a batch of each.

    Examples
    --------
    >>> import torch
    >>> from isogram.torch import compare_models
    >>> a = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU())
    >>> compare_models(a, None, torch.rand(3, 16, 4)).values.diagonal()
    tensor([1., 1.], dtype=torch.float64)
    """
    function = "compare_models"
    limit = limit_of(function, limit)
    chosen = measure_of(function, measure)
    reduced = reduction(function, reduce, ("flatten", "mean"))
    called = reduce if isinstance(reduce, str) else getattr(reduce, "__name__", repr(reduce))
    taps = [Taps(function, a, layers, reduced, dtype, call, "a")]
    if b is not None and not (b is a and layers_b is None):
        wanted = layers if layers_b is None else layers_b
        taps.append(Taps(function, b, wanted, reduced, dtype, call, "b"))
    source = batches_of(function, batches, None, limit)
    if flag(function, "minibatch", minibatch):
        if chosen.name not in SUMS or out is not None:
            raise ValueError(
                f"{function}: `minibatch` must be False for other measures than "
                f"{', '.join(map(repr, SUMS))} and with `out`, got True for {chosen.name!r}"
            )
        metric = sums_of(function, chosen.name, options)
        names: list[list[str]] = []

        def add(batch: Batch) -> None:
            outputs = [tap.outputs_of(batch) for tap in taps]
            names[:] = [list(layers) for layers in outputs]
            metric.update(*outputs)

        walk(function, source, taps, add, progress, count_of(batches))
        values = torch.from_numpy(metric.compute())
        return Comparison(values, names[0], names[-1], metric.samples, chosen.name, called)

    chosen.with_defaults(function, {k: v for k, v in options.items() if k != "num_threads"})
    said = {"reduce": reduce, "dtype": dtype, "limit": limit, "call": call}
    place = None if out is None else path_of(function, "out", out)
    stores = [
        store_of(function, tap, batches, limit, place and place / side, said)
        for side, tap in zip("ab", taps, strict=False)
    ]

    sides = list(zip(taps, stores, strict=True))
    fill(function, source, sides, progress, count_of(batches))
    recordings = [store.result() for store in stores]
    matrix = similarity_matrix(*recordings, measure=chosen, **options)
    rows, columns = list(recordings[0]), list(recordings[-1])
    samples = recordings[0].samples
    return Comparison(torch.as_tensor(matrix), rows, columns, samples, chosen.name, called)
