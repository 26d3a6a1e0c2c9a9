"""The plan of a search: some queries after others, anywhere, with the bits of one call."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np

from isogram._arguments import choice, integer, threads
from isogram._arrays import as_sequence
from isogram._entries import result_dtype, type_name
from isogram._errors import beyond_range, warn
from isogram._fingerprint import fingerprint_of
from isogram._operations.index import Hits, SemanticIndex, inputs_of
from isogram._operations.retrieval import Retrieval
from isogram._plans.rsm import checked_on_host, described
from isogram._tokens.arguments import Inputs, remarks_on_axes
from isogram._tokens.cascade import KEPT_PAIRS, Nearest, all_of, blocks, height_of, is_worth_it
from isogram._tokens.indexed import IndexedInputs
from isogram._tokens.job import Pairs
from isogram._tokens.kept import fingerprint
from isogram._tokens.samples import Samples
from isogram._tokens.search import Part, Search, search_of
from isogram._tokens.segments import SEGMENT
from isogram._tokens.turned import bytes_of_turned, depths_for
from isogram._types import Report
from isogram._walk.description import InputSpec
from isogram._walk.plan import Plan, Reduced, whole_parts
from isogram._walk.tiles import Tile
from isogram.typing import LayoutName, NormalizationName

_FUNCTION = "retrieve"
# The most bytes for each pair of a tile, where all are matched: entries, bounds, which pairs are
# known, wanted or left, and lists of them. Measured.
_PAIR = 130
_PANEL = 16  # an input with fewer tokens takes the memory of 16 when it is packed


class _How(NamedTuple):
    """What is searched for, and how inputs are given."""

    k: int
    kernel: str
    layout: str | None
    normalize: str | None
    lengths: Any
    gallery_lengths: Any
    mask: Any
    gallery_mask: Any
    subset: Any
    exclude: Any


class _Opened:
    """A checked search, whose inputs are read when its first part is computed."""

    def __init__(self, search: Search, index: IndexedInputs | None, k: int) -> None:
        """Take the search, and the inputs of the index that it is in, if it is."""
        self.search, self.index, self._k = search, index, k
        self._nearest: Nearest | None = None

    def part(self, tile: Tile, workers: int, progress: Report) -> dict[str, Any]:
        """Return what is found for the queries of a tile, by their ids in an index."""
        if self._nearest is None:
            self._nearest = self._read(workers)
        part = self._nearest.compute(tile, progress)
        if self.index is not None:
            part["indices"] = self.index.ids.at(part["indices"])
        return part

    def _read(self, workers: int) -> Nearest:
        search, queries = self.search._replace(workers=workers), _read(self.search.queries)
        if self.index is None:
            samples = queries if search.is_one_set else _read(search.parts[0].samples)
            search = search._replace(parts=(Part(samples),))
        everyone = np.arange(len(queries))
        return Nearest(search._replace(queries=queries), self._k, everyone, None, len(queries))


@dataclass(frozen=True, eq=False, repr=False)
class SearchPlan(Plan):
    """How a search is computed, some queries after others, each with all of the gallery.

    A part has what is found for its queries; `reduce()` puts them one after another. A process
    that computes parts reads all inputs once, and turns them to their axes but for those of an
    index.
    """

    how: _How
    dtype: str
    is_bounded: bool  # whether pairs are bounded before they are matched
    id_bytes: int | None  # of the ids of an index; None: indices of the gallery are found

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs a tile has."""
        return tile.pairs(is_symmetric=False)

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's part."""
        itemsize = np.dtype(self.dtype).itemsize
        found = self.how.k * ((self.id_bytes or 8) + itemsize) + itemsize
        return tile.shape[0] * found

    def _checked(self, *inputs: Any) -> tuple[_Opened, Iterable[InputSpec]]:
        queries, *gallery = map(as_sequence, inputs)
        opened = _opened(queries, (gallery or [None])[0], self.how)
        _checked_k(opened.search, self.how.k)  # an index may have lost inputs
        return opened, _specs(opened)

    def _fingerprints(self, checked: _Opened) -> dict[str, str]:
        search = checked.search
        if checked.index is not None:  # whose ids are in the parts
            ids = {"ids": fingerprint_of(checked.index.ids.alive)}
            return checked.index.fingerprints(search) | ids
        sides = [search.queries, *(part.samples for part in search.parts)]
        return {side.name: fingerprint(side) for side in sides}

    def _part(
        self, tile: Tile, inputs: _Opened, num_threads: int, progress: Report
    ) -> dict[str, Any]:
        return inputs.part(tile, num_threads, progress)

    def _reduced(self, parts: Mapping[Tile, Any]) -> Reduced:
        values = self._in_order(parts)
        with whole_parts(self.operation):
            found = all_of(values)
        remarks = []
        if self.how.kernel == "linear" and not np.isfinite(found.scores).all():
            remarks.append(beyond_range(self.operation, np.dtype(self.dtype)))
        return (Retrieval if self.id_bytes is None else Hits)(*found), remarks

    # Costs ----------------------------------------------------------------------------------------

    def _read_bytes(self, tile: Tile) -> int:
        """Return the bytes of all inputs for the first tile: the others find them read."""
        if tile is not self.tiles[0]:
            return 0
        return sum(math.prod(self._shape(spec)) * spec.itemsize for spec in self.inputs)

    @property
    def _result_bytes(self) -> int:
        return self.part_bytes(Tile(slice(0, self.inputs[0].shape[0]), slice(0, 1)))

    def _working_bytes(self, tiles: Iterable[tuple[Tile, int]]) -> int:
        """Return about the most bytes beside inputs and result, which the tallest tile takes."""
        rows, columns = max(tile.shape for tile, _ in tiles)
        return self._result_bytes + self._whole_bytes + _PAIR * rows * columns

    @cached_property
    def _whole_bytes(self) -> int:
        """The most bytes that inputs as a whole take, read, turned and packed."""
        depths = depths_for(self._channels) if self.is_bounded else ()
        axes = max(depths, default=0)
        total = 0
        for spec in self.inputs:
            count, (tokens, channels) = spec.shape[0], self._shape(spec)
            if spec.buffered is not None:
                total += spec.buffered + tokens * channels * spec.itemsize
            if spec.name == "gallery" and self.id_bytes is not None:  # turned, segment by segment
                tokens = -(-tokens * min(count, SEGMENT) // count)
            elif depths:
                total += bytes_of_turned(count, tokens, channels)
            packed = 2 * channels * self._computed_itemsize + 4 * axes  # measured: at most twice
            total += max(tokens, _PANEL * tokens * count // max(1, self._shape(spec)[0])) * packed
        return total

    def _shape(self, spec: InputSpec) -> tuple[int, int]:
        """Return the number of all tokens of an input, and of their channels."""
        tokens = math.prod(spec.shape) // self._channels
        return tokens if spec.tokens is None else sum(spec.tokens), self._channels

    def _working_bytes_with(self, edge: int) -> int:
        return self._working_bytes([(self._tile(edge), 1)])

    def _smallest(self, edge: int) -> str:
        rows, columns = self._tile(edge).shape
        advice = "" if self.id_bytes is not None else ", of a gallery that is no `SemanticIndex`,"
        return f"all inputs{advice} and tiles of {rows} x {columns}"

    def _with_tiles(self, edge: int) -> Self:
        first = self._tile(edge)
        return replace(self, tiles=tuple(blocks(self.inputs[0].shape[0], *reversed(first.shape))))

    def _tile(self, edge: int) -> Tile:
        """Return the first tile, with at most `edge` queries."""
        first = self.tiles[0]
        return first._replace(rows=slice(0, min(edge, first.rows.stop)))

    @property
    def _channels(self) -> int:
        return self.inputs[0].shape[1 if self.how.layout == "nchw" else -1]


def _opened(queries: Any, gallery: Any, how: _How) -> _Opened:
    """Return the checked search."""
    if isinstance(gallery, SemanticIndex):
        index = inputs_of(gallery)
        rows = index.checked(_FUNCTION, "queries", queries, how.lengths, how.mask)
        search = index.search_of(_FUNCTION, rows, how.kernel, 0, how.subset, how.exclude)
        return _Opened(search, index, how.k)
    inputs = Inputs(
        queries,
        gallery,
        how.lengths,
        how.gallery_lengths,
        how.layout or "nsc",
        how.mask,
        how.gallery_mask,
        how.normalize or "input",
        names=("queries", "gallery"),
    )
    pairs, _ = checked_on_host(_FUNCTION, inputs.listed())
    dtype = result_dtype(*pairs.sources.values())
    return _Opened(search_of(_FUNCTION, pairs, how.kernel, dtype, 0), None, how.k)


def _checked_k(search: Search, k: Any) -> int:
    """Return how many inputs are to be found for each query."""
    return integer(_FUNCTION, "k", k, 1, search.fewest_choices(), " (the inputs to choose from)")


def _specs(opened: _Opened) -> Iterator[InputSpec]:
    """Describe the queries, and the gallery if it is another set."""
    search = opened.search
    yield described(search.queries)
    if opened.index is not None:
        counts = search.tokens
        tokens = None if (counts == counts[0]).all() else tuple(counts.tolist())
        shape = (len(counts), int(counts[0] if tokens is None else counts.sum()), search.channels)
        dtype = type_name(search.parts[0].samples.sources[0].dtype)
        yield InputSpec("gallery", shape, dtype, tokens)
    elif not search.is_one_set:
        yield described(search.parts[0].samples)


def _as_kept(how: _How, search: Search, k: int) -> _How:
    """Return checked options, arrays as those of NumPy."""
    queries, subset, exclude = search.queries, how.subset, how.exclude
    kept = how._replace(
        k=k,
        lengths=queries.lengths,
        mask=queries.mask,
        subset=None if subset is None else np.asarray(subset),
        exclude=None if exclude is None else np.asarray(exclude),
    )
    if how.gallery_lengths is None and how.gallery_mask is None:
        return kept
    gallery = search.parts[0].samples
    return kept._replace(gallery_lengths=gallery.lengths, gallery_mask=gallery.mask)


def _read(samples: Samples) -> Samples:
    """Return inputs in memory."""
    return samples.rows(slice(0, len(samples))) if samples.are_unread else samples


def _refuse(options: Mapping[str, Any], which: str) -> None:
    """Raise ValueError for an option that goes with the other kind of gallery."""
    for name, value in options.items():
        if value is not None:
            raise ValueError(
                f"{_FUNCTION}: `{name}` must be None where `gallery` {which} SemanticIndex, got "
                f"{value!r}"
            )


def plan_retrieve(
    queries: Any,
    gallery: Any = None,
    *,
    k: int = 10,
    kernel: str = "cosine",
    normalize: NormalizationName | None = None,
    layout: LayoutName | None = None,
    lengths: Any = None,
    gallery_lengths: Any = None,
    mask: Any = None,
    gallery_mask: Any = None,
    subset: Any = None,
    exclude: Any = None,
    tile: int | None = None,
    num_threads: int | None = None,
) -> SearchPlan:
    """Return the plan of `retrieve`, or of `SemanticIndex.search`."""
    choice(_FUNCTION, "kernel", kernel, ("cosine", "linear"))
    threads(_FUNCTION, num_threads)
    is_index = isinstance(gallery, SemanticIndex)
    of_arrays = {
        "layout": layout,
        "normalize": normalize,
        "gallery_lengths": gallery_lengths,
        "gallery_mask": gallery_mask,
    }
    of_index = {"subset": subset, "exclude": exclude}
    _refuse(of_arrays if is_index else of_index, "is a" if is_index else "is no")
    how = _How(
        k,
        kernel,
        gallery.layout if is_index else layout,
        normalize,
        lengths,
        gallery_lengths,
        mask,
        gallery_mask,
        subset,
        exclude,
    )
    opened = _opened(as_sequence(queries), as_sequence(gallery), how)
    search = opened.search
    if not is_index:
        sides = None if search.is_one_set else search.parts[0].samples
        warn(remarks_on_axes(_FUNCTION, Pairs(search.queries, sides)), stacklevel=3)
    how = _as_kept(how, search, _checked_k(search, k))
    count, columns = len(search.queries), search.columns
    height = height_of(columns, KEPT_PAIRS) if tile is None else integer(_FUNCTION, "tile", tile, 1)
    return SearchPlan(
        _FUNCTION,
        tuple(blocks(count, columns, height)),
        tuple(_specs(opened)),
        how,
        search.dtype.name,
        is_worth_it(search, how.k, count),
        gallery.ids.dtype.itemsize if is_index else None,
    )
