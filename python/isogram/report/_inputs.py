"""The inputs of `compare`: two sets of layers, and the names and pictures of their samples."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any, NamedTuple

from numpy.typing import NDArray

from isogram import io
from isogram._arguments import layers_of
from isogram._arrays import to_host
from isogram._entries import BFLOAT16_BITS, widened
from isogram._identifiers import identifiers_of, require_same_order
from isogram._output import listed
from isogram._place import place_of
from isogram._types import Layers
from isogram.report._pictures import Pictures
from isogram.report._samples import Layer
from isogram.typing import LayoutName


class Given(NamedTuple):
    """Layers by name.

    Attributes
    ----------
    called
        The name of the set.
    checked
        The layers for measures, whose messages name `a` and `b`.
    layers
        Arrays of shape (n, …) by name, where they lie.
    source
        The file, or the layers once more, for the provenance.
    ids
        The identifiers of the samples, if there are any.
    """

    called: str
    checked: Layers
    layers: dict[str, NDArray[Any]]
    source: Mapping[str, Any]
    ids: NDArray[Any] | None

    def layer(self, name: str, layout: LayoutName | None) -> Layer:
        """Return a layer whose samples are shown."""
        if name not in self.layers:
            raise ValueError(
                f"compare: `pair` must have names of layers, got {name!r}: {self.called} has "
                f"{listed(self.layers)}"
            )
        array = to_host(self.layers[name])
        layouts: dict[int, LayoutName | None] = {3: "nsc", 4: layout}
        return Layer(f"{name} of {self.called}", array, layouts.get(array.ndim))


def both_given(a: Any, b: Any, names: tuple[str, str] | None) -> tuple[Given, Given]:
    """Return two sets of layers of the same samples in the same order."""
    if _has_ids(a) and _has_ids(b):
        a, b = io.align(a, b)
    if names is not None and len(names) != 2:
        raise ValueError(f"compare: `names` must be two, of `a` and of `b`, got {names!r}")
    called = names or (_called(a, "A"), _called(b, "B"))
    rows = layers_of("compare", "a", a)
    columns = rows if b is a else layers_of("compare", "b", b)  # a file is read once
    if rows.samples != columns.samples:
        raise ValueError(
            f"compare: `b` must have the {rows.samples} samples of `a`, got {columns.samples}"
        )
    first, other = rows.given[0][1], columns.given[0][1]
    require_same_order("compare", columns.names[0], other, rows.names[0], first)
    require_same_order("compare", "b", b, "a", a)  # of recordings
    return _given("a", called[0], a, rows), _given("b", called[1], b, columns)


def _given(argument: str, called: str, source: Any, layers: Layers) -> Given:
    arrays: dict[str, NDArray[Any]] = {}
    for (key, layer), array in zip(layers.given, layers.arrays, strict=True):
        if (name := str(key)) in arrays:
            raise ValueError(
                f"compare: `{argument}` must have layers of different names, got {name!r} twice"
            )
        if array.dtype == BFLOAT16_BITS:
            with place_of("compare", {name: array}).entered():
                array = widened(array)
        arrays[name] = array.reshape(tuple(getattr(layer, "shape", array.shape)))
    ids = identifiers_of(layers.given[0][1])
    is_file = isinstance(source, io.Layers)
    return Given(called, layers, arrays, source if is_file else arrays, ids)


def _has_ids(layers: Any) -> bool:
    return isinstance(layers, io.Layers) and layers.ids is not None


def _called(layers: Any, otherwise: str) -> str:
    return layers.path.name if isinstance(layers, io.Layers) else otherwise


class Known(NamedTuple):
    """The name, the label and the picture of every sample."""

    ids: list[str]
    labels: list[str] | None
    pictures: Pictures | None


def known_of(count: int, labels: Any, pictures: Any, ids: Any) -> Known:
    """Return labels, pictures and identifiers that are one for each sample."""
    for name, values in (("labels", labels), ("pictures", pictures), ("ids", ids)):
        if values is not None:
            _require_one_each(name, values, count)
    return Known(
        [str(name) for name in (range(count) if ids is None else ids)],
        None if labels is None else [str(label) for label in labels],
        None if pictures is None else Pictures(pictures),
    )


def _require_one_each(name: str, values: Any, count: int) -> None:
    """Raise unless there is one value for each sample; labels and ids have one axis."""
    shape = tuple(getattr(values, "shape", ())) or None
    if not isinstance(values, Sized) or (shape is None and hasattr(values, "shape")):
        got = f"{type(values).__name__} without a length"
    elif shape is not None and len(shape) > 1 and name != "pictures":
        got = f"an array of shape {shape}"
    elif len(values) != count:
        got = str(len(values))
    else:
        return
    raise ValueError(f"compare: `{name}` must be one for each of the {count} samples, got {got}")
