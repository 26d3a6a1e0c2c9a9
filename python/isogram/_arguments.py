"""Checks that several functions share. Every message: <function>: `<argument>` must be …, got …."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from isogram import _advice
from isogram._arrays import as_layer, as_matrix
from isogram._entries import extremes, result_dtype, widened
from isogram._errors import PlaceError
from isogram._identifiers import require_same_order
from isogram._place import gpu_library, why_no_gpu
from isogram._reductions import LAYER_REDUCTIONS, are_positions, samples_and_positions
from isogram._rows import blocks
from isogram._types import MEDIAN, Array, Bandwidth, Kernel, Layers
from isogram.typing import (
    EstimatorName,
    GraphKernelName,
    KernelName,
    LayerKernelName,
    LayerReductionName,
    PrecisionName,
)

if TYPE_CHECKING:
    from isogram._device.device import Device
    from isogram._protocols import Place

KERNELS: tuple[KernelName, ...] = get_args(KernelName)
LAYER_KERNELS: tuple[LayerKernelName, ...] = get_args(LayerKernelName)
GRAPH_KERNELS: tuple[GraphKernelName, ...] = get_args(GraphKernelName)
ESTIMATORS: tuple[EstimatorName, ...] = get_args(EstimatorName)
PRECISIONS: tuple[PrecisionName, ...] = get_args(PrecisionName)

NameT = TypeVar("NameT", bound=str)


def _must_be(function: str, name: str, expected: str, value: object) -> str:
    """Return the message for an argument that is refused.

    Callers call this when they raise, not before: the representation of a value takes time.
    """
    return f"{function}: `{name}` must be {expected}, got {value!r}"


def choice(function: str, name: str, value: object, allowed: Sequence[NameT]) -> NameT:
    """Return `value` if it is one of the allowed names."""
    if isinstance(value, str) and value in allowed:
        return allowed[allowed.index(value)]
    error = ValueError if isinstance(value, str) else TypeError
    expected = f"one of {', '.join(map(repr, allowed))}"
    raise error(_must_be(function, name, expected, value))


def flag(function: str, name: str, value: object) -> bool:
    """Return `value` as a bool if it is one."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(_must_be(function, name, "True or False", value))
    return bool(value)


def integer(
    function: str, name: str, value: Any, least: int, most: int | None = None, why: str = ""
) -> int:
    """Return `value` as an int within bounds; `why` explains them in the message."""
    try:
        result = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        result = None
    if result is not None and result >= least and (most is None or result <= most):
        return result
    error = TypeError if result is None else ValueError
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise error(_must_be(function, name, f"an integer {bounds}{why}", value))


def number(function: str, name: str, value: object, expected: str = "a finite number") -> float:
    """Return `value` as a finite float."""
    if isinstance(value, float) and math.isfinite(value):
        return float(value)  # at once
    error: type[Exception] = TypeError
    if isinstance(value, Real) and not isinstance(value, bool):
        result = float(value)
        if math.isfinite(result):
            return result
        error = ValueError
    raise error(_must_be(function, name, expected, value))


def positive(function: str, name: str, value: object, or_else: str = "") -> float:
    """Return `value` as a positive finite float; `or_else` names what else is allowed."""
    expected = f"{or_else}a positive finite number"
    result = number(function, name, value, expected)
    if result <= 0:
        raise ValueError(_must_be(function, name, expected, value))
    return result


def fraction(function: str, name: str, value: object, *, or_zero: bool = True) -> float:
    """Return `value` as a float from 0 to 1."""
    expected = "a number from 0 to 1" if or_zero else "a number above 0, and at most 1"
    result = number(function, name, value, expected)
    if not 0 <= result <= 1 or (result == 0 and not or_zero):
        raise ValueError(_must_be(function, name, expected, value))
    return result


def between_0_and_1(function: str, name: str, value: object) -> float:
    """Return `value` as a float between 0 and 1, neither of them."""
    expected = "a number between 0 and 1"
    result = number(function, name, value, expected)
    if not 0 < result < 1:
        raise ValueError(_must_be(function, name, expected, value))
    return result


def threads(function: str, num_threads: Any, name: str = "num_threads") -> int:
    """Return the number of threads for the core, where 0 stands for get_num_threads()."""
    return 0 if num_threads is None else integer(function, name, num_threads, 1, 1 << 16)


def gpus_of(function: str, gpus: Any, home: Place) -> list[Device]:
    """Return the GPUs of these numbers; by default the one that arrays lie on, if they do."""
    if gpus is None:
        return [] if home.device is None else [home.device]
    if reason := why_no_gpu():
        raise ValueError(f"{function}: `gpus` must be None here, got {gpus!r}: {reason}")
    library = gpu_library(function, "gpus")
    return [library(number) for number in numbers_of_gpus(function, gpus, library.count() - 1)]


def numbers_of_gpus(function: str, gpus: Any, last: int | None = None) -> tuple[int, ...]:
    """Return checked numbers of GPUs, at most `last` if that is given; none if `gpus` is None."""
    if gpus is None:
        return ()
    given = gpus if isinstance(gpus, Sequence) and not isinstance(gpus, str | bytes) else [gpus]
    if not given:
        expected = "the number of a GPU or a sequence of at least one, or None"
        raise ValueError(_must_be(function, "gpus", expected, gpus))
    numbers = tuple(integer(function, "gpus", number, 0, last) for number in given)
    if len(set(numbers)) < len(numbers):
        raise ValueError(_must_be(function, "gpus", "different numbers of GPUs", gpus))
    return numbers


def bandwidth_of(function: str, bandwidth: Any, or_else: str = "") -> Bandwidth:
    """Return a bandwidth: "median", ("median", fraction) or a number."""
    if isinstance(bandwidth, str) and bandwidth == "median":
        return MEDIAN
    if isinstance(bandwidth, float) and 0 < bandwidth < math.inf:
        return Bandwidth(float(bandwidth), of_median=False)  # at once: no message is made
    or_else = f"'median', ('median', fraction){or_else} or "
    if _is_fraction(bandwidth):
        return Bandwidth(positive(function, "bandwidth", bandwidth[1], or_else), of_median=True)
    if isinstance(bandwidth, str):
        raise ValueError(
            _must_be(function, "bandwidth", f"{or_else}a positive finite number", bandwidth)
        )
    return Bandwidth(positive(function, "bandwidth", bandwidth, or_else), of_median=False)


def bandwidths_of(function: str, bandwidth: Any) -> tuple[Bandwidth, Bandwidth | None]:
    """Return the bandwidth of one side, and of another if that is not the same."""
    or_else = ", a pair of them for the two sides"
    if isinstance(bandwidth, str) or not _is_pair(bandwidth) or _is_fraction(bandwidth):
        return bandwidth_of(function, bandwidth, or_else), None
    x, y = (bandwidth_of(function, side, or_else) for side in bandwidth)
    return x, None if y == x else y


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2


def _is_fraction(bandwidth: Any) -> bool:
    """Whether it is ("median", number), which is no pair of bandwidths."""
    return (
        _is_pair(bandwidth)
        and isinstance(bandwidth[0], str)
        and bandwidth[0] == "median"
        and isinstance(bandwidth[1], Real)
    )


def kernel_of(
    function: str,
    kernel: object,
    bandwidth: object,
    gamma: object,
    degree: Any,
    coef0: object,
    *,
    of_layers: bool = True,
) -> Kernel:
    """Check a kernel's name and every parameter, whether this kernel reads it or not.

    Layers may be Gram matrices in place of features, and two sides have bandwidths of their own.
    """
    name = choice(function, "kernel", kernel, LAYER_KERNELS if of_layers else KERNELS)
    if of_layers:
        of_x, of_y = bandwidths_of(function, bandwidth)
    else:
        of_x, of_y = bandwidth_of(function, bandwidth), None
    return Kernel(
        name,
        of_x,
        0.0 if gamma is None else positive(function, "gamma", gamma, "None or "),
        integer(function, "degree", degree, 1, 1 << 30),
        number(function, "coef0", coef0),
        of_y,
    )


def precision_of(
    function: str, precision: object, place: Place, inputs: Iterable[NDArray[Any]]
) -> PrecisionName:
    """Check how matrix products round float32: to another precision on a GPU only."""
    name = choice(function, "precision", precision, PRECISIONS)
    if name == "float32":
        return name
    message = f"{function}: `precision` must be 'float32' for arrays {{}}, got {name!r}"
    if name not in place.precisions:
        raise ValueError(message.format(f"in {place.name}"))
    if result_dtype(*inputs) == np.float64:
        raise ValueError(message.format("of float64"))
    return name


def matrices_of(
    function: str,
    names: tuple[str, str],
    x: Any,
    y: Any,
    columns: str,
    if_other_rank: Callable[[str, tuple[int, ...]], str] | None = None,
) -> dict[str, NDArray[Any]]:
    """Check one matrix, or two with equally many `columns`, as messages call them; by name."""
    first, second = names
    arrays = {first: as_matrix(function, first, x, if_other_rank)}
    if y is not None:
        arrays[second] = as_matrix(function, second, y, if_other_rank)
        expected, got = (array.shape[1] for array in arrays.values())
        if got != expected:
            raise ValueError(
                f"{function}: `{second}` must have as many {columns} as `{first}` ({expected}), "
                f"got {got}"
            )
    return arrays


def rows_of_gram(function: str, x: Any, y: Any = None) -> dict[str, NDArray[Any]]:
    """Check the samples of a Gram matrix."""
    return matrices_of(function, ("x", "y"), x, y, "features", _advice.for_layer)


def distributions_of(
    function: str, probabilities: Any, other: Any = None
) -> dict[str, NDArray[Any]]:
    """Check the types and shapes of distributions, not yet whether rows sum to 1."""
    return matrices_of(function, ("probabilities", "other"), probabilities, other, "columns")


def no_distributions(
    function: str, error: PlaceError, inputs: Mapping[str, NDArray[Any]]
) -> Exception:
    """Return the error that stands for that of rows which are no distributions, with a remedy."""
    kind, message = error.args
    limits = (
        limit
        for array in inputs.values()
        for _, block in blocks(array)
        for limit in extremes(widened(block))
    )
    advice = _advice.SOFTMAX if all(map(math.isfinite, limits)) else ""
    refused: Exception = kind(f"{function}: {message}{advice}")
    return refused


def reduction_of(function: str, reduce: object) -> LayerReductionName:
    """Check how layers of more axes become samples by features."""
    return choice(function, "reduce", reduce, LAYER_REDUCTIONS)


def layers_of(
    function: str, name: str, layers: Any, reduce: LayerReductionName = "flatten"
) -> Layers:
    """Check a sequence or mapping of layers; a mapping keeps its order."""
    items = items_of(function, name, layers)
    if not items:
        raise ValueError(f"{function}: `{name}` must have at least one layer, got none")
    names = [f"{name}[{key!r}]" for key, _ in items]
    if len(set(names)) < len(names):  # of keys that print alike: names tell layers apart
        names = [f"{name}[{key!r}] (layer {i})" for i, (key, _) in enumerate(items)]
    arrays = [as_layer(function, n, a, reduce) for n, (_, a) in zip(names, items, strict=True)]
    result = Layers(names, arrays, items)
    first = names[0], arrays[0], items[0][1]
    for layer, array, (_, given) in zip(names, arrays, items, strict=True):
        _same_rows(function, layer, array, given, *first, reduce)
    return result


def items_of(function: str, name: str, layers: Any) -> list[tuple[Any, Array]]:
    """Return layers with their keys: those of a mapping or of pairs, or else their numbers."""
    if isinstance(layers, Mapping):
        return list(layers.items())
    if isinstance(layers, Sequence | Iterator | ValuesView | ItemsView) and not isinstance(
        layers, str | bytes
    ):
        listed = list(layers)
        return listed if all(map(_is_named, listed)) else list(enumerate(listed))
    expected = f"{function}: `{name}` must be a sequence or a mapping of arrays, samples first"
    if hasattr(layers, "shape"):
        advice = _advice.for_sets(name, layers.shape)
        raise ValueError(f"{expected}, got one array of shape {tuple(layers.shape)}{advice}")
    raise TypeError(f"{expected}, got {type(layers).__name__}{_advice.for_no_array(name, layers)}")


def _is_named(layer: Any) -> bool:
    return isinstance(layer, tuple) and len(layer) == 2 and isinstance(layer[0], str)


def two_sets(
    function: str,
    layers: Any,
    other: Any,
    name: str = "layers",
    reduce: LayerReductionName = "flatten",
    name_of_other: str = "other",
) -> tuple[Layers, Layers | None]:
    """Check two sets of layers, or one, all of the same samples; names are those of messages."""
    rows = layers_of(function, name, layers, reduce)
    if other is None:
        return rows, None
    cols = layers_like(function, name_of_other, other, rows, reduce)
    require_same_order(function, name_of_other, other, name, layers)  # of recordings
    return rows, cols


def layers_like(
    function: str, name: str, layers: Any, rows: Layers, reduce: LayerReductionName = "flatten"
) -> Layers:
    """Check layers of the samples of others."""
    cols = layers_of(function, name, layers, reduce)
    first = cols.names[0], cols.arrays[0], cols.given[0][1]
    other = rows.names[0], rows.arrays[0], rows.given[0][1]
    _same_rows(function, *first, *other, reduce)
    return cols


def two_sides(
    function: str, x: Any, y: Any, reduce: LayerReductionName
) -> tuple[Layers, Layers | None, bool]:
    """Check two representations or two sets of layers, or one; and whether they are the former."""
    if isinstance(x, Mapping | Sequence | Iterator | ValuesView | ItemsView):
        return *two_sets(function, x, y, "x", reduce, "y"), False
    if y is None and hasattr(x, "shape"):
        raise ValueError(f"{function}: `y` must be given for one representation `x`, got None")
    if y is None:
        return *two_sets(function, x, y, "x", reduce, "y"), False
    return *two_layers(function, x, y, reduce), True


def two_layers(
    function: str, x: Any, y: Any, reduce: LayerReductionName = "flatten"
) -> tuple[Layers, Layers]:
    """Check two arrays of the same samples, as sets of one layer each."""
    first = as_layer(function, "x", x, reduce)
    second = first if y is x else as_layer(function, "y", y, reduce)
    _same_rows(function, "y", second, y, "x", first, x, reduce)
    return Layers(["x"], [first], [("x", x)]), Layers(["y"], [second], [("y", y)])


def _same_rows(
    function: str,
    name: str,
    array: NDArray[Any],
    given: Any,
    first: str,
    array_of_first: NDArray[Any],
    given_first: Any,
    reduce: LayerReductionName,
) -> None:
    """Raise unless the rows of a layer are those of the one called `first`, as far as it shows.

    Identifiers, and positions that become rows, are those of the layers as they were given.
    """
    if are_positions(reduce):
        _same_positions(function, name, given, first, given_first, reduce)
    if len(array) != len(array_of_first):
        advice = _advice.for_other_samples(name, array.shape, first, array_of_first.shape)
        raise ValueError(
            f"{function}: `{name}` must have as many samples as `{first}` ({len(array_of_first)}), "
            f"got {len(array)}{advice}"
        )
    require_same_order(function, name, given, first, given_first)


def _same_positions(
    function: str, name: str, layer: Any, first: str, other: Any, reduce: LayerReductionName
) -> None:
    """Raise unless two layers have the positions of the same samples."""
    expected, got = (samples_and_positions(np.shape(a), reduce) for a in (other, layer))
    if got != expected:
        raise ValueError(
            f"{function}: `{name}` must have as many samples and positions as `{first}` "
            f"{expected}, as `reduce` is {reduce!r}, got {got}"
        )


def neighbours_of(function: str, name: str, k: Any, n: int) -> int:
    """Return how many neighbours each of n samples has in a k-NN graph."""
    if n < 2:
        raise ValueError(f"{function}: `{name}` must have at least 2 samples, got {n}")
    return integer(function, "k", k, 1, n - 1, f" (one less than the {n} samples)")


def neighbours_or_all(function: str, name: str, k: Any, n: int) -> int:
    """Return `k` for the core, where 0 stands for the full graph."""
    neighbours = neighbours_of(function, name, 1 if k is None else k, n)
    return 0 if k is None else neighbours
