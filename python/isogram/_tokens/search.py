"""A search: queries, the gallery that they are compared with, and which entries decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._host import rsm as on_host
from isogram._place import HOST
from isogram._tokens.job import Job, Listed, Matching, Pairs
from isogram._tokens.samples import Samples
from isogram._tokens.turned import Turned

_EXACT = Matching("exact")


class Part(NamedTuple):
    """Some inputs of a gallery, one after another; turned to axes, if they are."""

    samples: Samples
    turned: Turned | None = None


class Search(NamedTuple):
    """What is compared. Inputs lie on the host; columns count through all parts of the gallery."""

    queries: Samples
    parts: tuple[Part, ...]
    output: str  # "linear" or "cosine"
    dtype: np.dtype[Any]
    workers: int
    is_one_set: bool = False  # whether the gallery is the queries
    are_wanted: NDArray[np.bool_] | None = None  # the columns to choose from; None: all
    excluded: NDArray[np.int64] | None = None  # of each query a column not to find; -1: none
    axes: NDArray[np.float64] | None = None  # along which the parts are turned, if they are

    @property
    def channels(self) -> int:
        """Channels of every input."""
        return self.queries.channels

    @property
    def tokens(self) -> NDArray[np.int64]:
        """The number of tokens of every input of the gallery."""
        return np.concatenate([part.samples.tokens for part in self.parts])

    def are_choices(self, query: int) -> NDArray[np.bool_]:
        """Return which columns a query chooses from."""
        mask = np.ones(self.columns, bool) if self.are_wanted is None else self.are_wanted.copy()
        if self.excluded is not None and self.excluded[query] >= 0:
            mask[self.excluded[query]] = False
        return mask

    def fewest_choices(self) -> int:
        """Return the least number of columns that a query chooses from."""
        if self.are_wanted is None:
            return self.columns - int(self.excluded is not None)
        wanted = int(self.are_wanted.sum())
        if self.excluded is None:
            return wanted
        return wanted - int(self.are_wanted[self.excluded[self.excluded >= 0]].any())

    @property
    def columns(self) -> int:
        """Inputs of the gallery, wanted or not."""
        return sum(len(part.samples) for part in self.parts)

    def facts(self) -> on_host.Facts:
        """Return what decides the bits of entries: facts of the queries and of what is wanted."""
        tokens = self.tokens if self.are_wanted is None else self.tokens[self.are_wanted]
        return on_host.planned_for(_EXACT, self.dtype, np.append(self.queries.tokens, tokens))

    def spans(self) -> Iterator[tuple[Part, slice]]:
        """Return the parts and their columns."""
        first = 0
        for part in self.parts:
            yield part, slice(first, first := first + len(part.samples))

    def by_part(self, columns: NDArray[np.int64]) -> Iterator[tuple[Part, int, NDArray[np.intp]]]:
        """Return the parts of some columns, with their first column, and the places of theirs."""
        order = np.argsort(columns, kind="stable")
        for part, span in self.spans():
            start, stop = np.searchsorted(columns, [span.start, span.stop], sorter=order)
            if start < stop:
                yield part, span.start, order[start:stop]

    def job(self, part: Part) -> Job:
        """Return the job of the entries of queries with a part."""
        pairs = Pairs(self.queries, None if self.is_one_set else part.samples)
        return Job(pairs, _EXACT, (self.output,), self.dtype, HOST, workers=self.workers)

    def entries(
        self, facts: on_host.Facts, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Return the entries of some pairs."""
        values = np.empty(len(rows), self.dtype)
        for part, first, places in self.by_part(columns):
            job = self.job(part)
            values[places] = listed_entries(job, facts, rows[places], columns[places] - first)
        return values


def search_of(
    function: str, pairs: Pairs, kernel: str, dtype: np.dtype[Any], workers: int
) -> Search:
    """Return the search of one set of inputs in another, or of each in all others."""
    if pairs.is_symmetric and len(pairs.rows) < 2:
        raise ValueError(
            f"{function}: `queries` must be at least two inputs without a `gallery`, got one"
        )
    return Search(
        pairs.rows,
        (Part(pairs.sides[-1]),),
        kernel,
        dtype,
        workers,
        is_one_set=pairs.is_symmetric,
        excluded=np.arange(len(pairs.rows)) if pairs.is_symmetric else None,
    )


def listed_entries(
    job: Job, facts: on_host.Facts, rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[Any]:
    """Return the entries of some pairs; (i, j) and (j, i) of one set are computed once."""
    if job.pairs.is_symmetric:
        size = job.pairs.shape[1]
        keys = np.minimum(rows, cols) * size + np.maximum(rows, cols)
        keys, places = np.unique(keys, return_inverse=True)
        rows, cols = np.divmod(keys, size)
    else:
        places = np.arange(len(rows))
    values = np.empty(len(rows), job.dtype)
    if len(rows):
        [output] = job.outputs
        on_host.listed(job._replace(listed=Listed(rows, cols)), facts, {output: values}, None)
    return values[places]
