"""The inputs of an index, with their ids: checked, added, searched, written and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice, integer
from isogram._entries import result_dtype, type_name
from isogram._errors import errors_of, warn_caller
from isogram._fingerprint import fingerprint_of
from isogram._place import HOST, place_of
from isogram._tokens.arguments import Inputs, remarks_on_axes
from isogram._tokens.ids import Ids, IdTable
from isogram._tokens.index_file import Reader, Writer
from isogram._tokens.kept import fingerprint
from isogram._tokens.samples import Samples
from isogram._tokens.search import Search
from isogram._tokens.segments import Segment, Segments
from isogram._tokens.turned import Turned
from isogram.typing import LayoutName, NormalizationName

# What errors call an index.
CLASS = "SemanticIndex"


class IndexedInputs:
    """Inputs in segments, and an id for each.

    Functions that take what a caller gave raise errors that name `function` and the argument.
    """

    def __init__(self, layout: LayoutName, normalize: NormalizationName, segment: int) -> None:
        """Begin without inputs; of a segment there are `segment` at most."""
        self.layout: LayoutName = choice(CLASS, "layout", layout, get_args(LayoutName))
        self.normalize: NormalizationName = choice(
            CLASS, "normalize", normalize, get_args(NormalizationName)
        )
        self.segment = segment
        self.segments: Segments | None = None  # until the first inputs say their channels
        self.ids = IdTable()

    def checked(self, function: str, name: str, tokens: Any, lengths: Any, mask: Any) -> Samples:
        """Return checked inputs, on the host."""
        inputs = Inputs(
            tokens, None, lengths, None, self.layout, mask, None, self.normalize, names=(name, "")
        ).listed()
        pairs = inputs.checked(function)
        for remark in remarks_on_axes(function, pairs):
            warn_caller(remark)
        rows = pairs.rows
        if self.segments is not None and rows.channels != self.segments.channels:
            raise ValueError(
                f"{function}: `{name}` must have as many channels as the index "
                f"({self.segments.channels}), got {rows.channels}"
            )
        home = place_of(function, pairs.sources)
        return rows if home is HOST else rows.on_host(home)

    def add(self, function: str, samples: Samples, new: NDArray[Any]) -> None:
        """Add checked inputs, with ids that are new."""
        kept = samples.rows(slice(0, 1)).split() if samples.is_unit else samples.sources
        dtypes = {array.dtype for array in kept}
        segments = self.segments
        if segments is None:
            segments = Segments(samples.channels, next(iter(dtypes)), self.segment)
        if dtypes != {segments.dtype}:
            names = " and ".join(sorted(map(type_name, dtypes)))
            raise TypeError(
                f"{function}: `tokens` must be of one type, that of the index "
                f"({type_name(segments.dtype)}), got {names}"
            )
        with errors_of(function):
            segments = segments.grown(samples)
        # At once: after Ctrl-C between the two, there would be inputs without ids.
        vars(self).update(segments=segments, ids=self.ids.grown(new))

    # Search ---------------------------------------------------------------------------------------

    def search_of(
        self,
        function: str,
        queries: Samples,
        kernel: str,
        workers: int,
        subset: Ids | None,
        exclude: Ids | None,
    ) -> Search:
        """Return the search of checked queries."""
        if not len(self.ids) or self.segments is None:
            raise ValueError(f"{function}: the index has no inputs")
        return Search(
            queries,
            self.segments.parts(),
            kernel,
            result_dtype(*queries.sources, np.empty(0, self.segments.dtype)),
            workers,
            are_wanted=self.ids.wanted(function, subset),
            excluded=self.ids.excluded(function, exclude, len(queries)),
            axes=self.segments.axes,
        )

    def candidates(
        self, function: str, search: Search, candidates: Any, k: int, most: int
    ) -> int | NDArray[np.int64] | None:
        """Return how many candidates each query has, or their columns; None: all inputs."""
        if candidates is None:
            return None
        if not isinstance(candidates, list | tuple) and np.ndim(candidates) == 0:
            why = " (from `k` to the inputs to choose from), or an array of ids"
            return integer(function, "candidates", candidates, k, most, why)
        columns = self.ids.columns_of(function, "candidates", candidates)
        if columns.ndim != 2 or len(columns) != len(search.queries):
            raise ValueError(
                f"{function}: `candidates` must be of shape ({len(search.queries)}, c), with a row "
                f"for each query, got shape {columns.shape}"
            )
        for query, row in enumerate(columns):
            others = np.unique(row[search.are_choices(query)[row]])
            if len(others) < k:
                raise ValueError(
                    f"{function}: `candidates` must have at least {k} inputs for each query, as "
                    f"`k` says, got {len(others)} at index {query}"
                )
        return columns

    def fingerprints(self, search: Search) -> dict[str, str]:
        """Return fingerprints of the queries, of the index, and of who may find whom."""
        assert self.segments is not None
        choices = [each for each in (search.are_wanted, search.excluded) if each is not None]
        return {
            "queries": fingerprint(search.queries),
            "index": fingerprint_of(
                *(array for each in self.segments.list for array in (each.tokens, each.counts))
            ),
            "inputs to choose from": fingerprint_of(*choices),
        }

    # Files ----------------------------------------------------------------------------------------

    def lines(self, file: Writer) -> list[dict[str, Any]]:
        """Write the inputs that are not deleted; return the directory's lines of their segments."""
        assert self.segments is not None
        lines, first = [], self.ids.columns - len(self.segments)
        for segment in self.segments.list:
            alive = np.flatnonzero(self.ids.are_alive[first : first + len(segment)])
            first += len(segment)
            if len(alive):
                kept = segment.of(alive)
                arrays = {"stored": kept.tokens} | kept.turned._asdict()
                lines.append({name: file.array(array) for name, array in arrays.items()})
        return lines

    def finish(self, file: Writer, lines: list[dict[str, Any]]) -> None:
        """Write all but the segments."""
        assert self.segments is not None
        file.finish(
            {
                "layout": self.layout,
                "normalize": self.normalize,
                "next_id": self.ids.next,
                "stored": {"channels": self.segments.channels, "dtype": self.segments.dtype.str},
                "ids": file.array(self.ids.alive),
                "axes": file.array(self.segments.axes),
                "segments": lines,
            }
        )

    @classmethod
    def loaded(cls, path: Path, segment: int, *, verify: bool) -> IndexedInputs:
        """Return the inputs in a file, which stay there."""
        reader = Reader(path)
        with reader.reading(verify=verify) as (directory, array):
            inputs = cls(directory["layout"], directory["normalize"], segment)
            stored = directory["stored"]
            inputs.segments = Segments(stored["channels"], np.dtype(stored["dtype"]), segment)
            inputs.ids.restore(array(directory["ids"]), directory["next_id"])
            inputs.segments.restore(
                array(directory["axes"]),
                [
                    Segment(
                        array(lines.pop("stored")),
                        Turned(**{name: array(line) for name, line in lines.items()}),
                        is_mapped=True,
                    )
                    for lines in directory["segments"]
                ],
            )
            inputs.segments.check(len(inputs.ids))
        return inputs
