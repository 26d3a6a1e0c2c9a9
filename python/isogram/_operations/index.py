"""An index of inputs: retrieval from a gallery that is kept, changed, saved and loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice, integer, threads
from isogram._entries import type_name
from isogram._errors import beyond_range, errors_of, warn
from isogram._operations.semantic_matching import SemanticMatching, matchings
from isogram._output import path_of
from isogram._progress import Progress, reporting
from isogram._tokens.build_cost import BuildCost, shape_of
from isogram._tokens.building import Build, iterator_of
from isogram._tokens.cascade import Found, like_in_mean, nearest, recall
from isogram._tokens.ids import Id, Ids
from isogram._tokens.index_file import begins_as_index, written
from isogram._tokens.indexed import CLASS, IndexedInputs
from isogram._tokens.job import Listed, Pairs
from isogram._tokens.kept import keeping, said
from isogram._tokens.samples import Samples
from isogram._tokens.search import Search
from isogram._tokens.segments import SEGMENT
from isogram._types import Array, InputsOf
from isogram.typing import LayoutName, NormalizationName


@dataclass(frozen=True, eq=False)
class Hits:
    """The k best of an index for each query, and what it took to find them; arrays of NumPy.

    - ids: (q, k), of int64 or of str, from the best on; of equal scores the one added first
    - scores: (q, k), their entries of the semantic RSM
    - others: (q,), an upper bound on the entries of all other inputs that there were to choose
      from, which is at most the last score: the proof that none of them was missed; -inf without
      others. With `candidates` it is about those alone.
    - reached: from a number of axes to the number of pairs compared along them; the entry of all
      channels counts exact matchings
    - recall: the measured share of the true k best that were found; None for an exact search
    - matching: with `matching=True` the tokens of queries and hits that are matched, else None
    """

    ids: NDArray[Any]
    scores: NDArray[Any]
    others: NDArray[Any]
    reached: dict[int, int]
    recall: float | None = None
    matching: SemanticMatching[NDArray[Any], NDArray[Any]] | None = None


class SemanticIndex:
    """Inputs that are searched by semantic similarity, as `retrieve` searches a gallery.

    Tokens are turned to their principal axes when they are added, and not again by every search.
    Every input has an id, which it keeps whatever else is added or deleted.

    Parameters
    ----------
    layout : {"nsc", "nhwc", "nchw"}
        The axes of all inputs and queries, as for `semantic_rsm`. The index keeps tokens as (s, c).
    normalize : {"input", "token"}
        As for `semantic_rsm`.

    Attributes
    ----------
    ids : array of int64 or str
        The ids of all inputs, in the order in which they were added.
    layout : str
        As given.

    Raises
    ------
    ValueError
        An unknown layout or normalization.

    Notes
    -----
    Memory: the tokens in their own type; for each input s·R float32 and c + R float64, with R the
    largest of 32, 128 and 256 axes that is at most half of c, none below 64 channels; those of a
    loaded index stay in its file, and are read where a search needs them. Axes are found from up
    to 1,024 inputs, for which tokens are turned again each time that their number has doubled; they
    decide what a search costs, never what it finds. Deleted inputs leave the memory when an index
    is saved. An index may be searched by several threads at once, but not while it changes.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> maps = np.random.default_rng(0).standard_normal((5, 4, 3))
    >>> index = ig.SemanticIndex()
    >>> index.add(maps, ids=["ant", "bee", "cat", "dog", "elk"])
    array(['ant', 'bee', 'cat', 'dog', 'elk'], dtype='<U3')
    >>> index.delete(["bee"])
    >>> found = index.search(maps[2:3, ::-1], k=2)
    >>> found.ids
    array([['cat', 'ant']], dtype='<U3')
    """

    def __init__(
        self, *, layout: LayoutName = "nsc", normalize: NormalizationName = "input"
    ) -> None:
        self._inputs = IndexedInputs(layout, normalize, SEGMENT)

    def __len__(self) -> int:
        """Return the number of inputs."""
        return len(self._inputs.ids)

    def __contains__(self, id: object) -> bool:
        """Whether an input has that id."""
        return id in self._inputs.ids

    def __repr__(self) -> str:
        """Say how many inputs there are, and of which kind."""
        of_what = ""
        if (segments := self._inputs.segments) is not None:
            of_what = f" of {segments.channels} channels, {type_name(segments.dtype)}"
        return f"<SemanticIndex: {len(self)} inputs{of_what}>"

    @property
    def layout(self) -> LayoutName:
        """The axes of inputs and queries."""
        return self._inputs.layout

    @property
    def ids(self) -> NDArray[Any]:
        """The ids of all inputs, in the order in which they were added."""
        return self._inputs.ids.alive

    @classmethod
    def build(
        cls,
        batches: Array | Iterable[InputsOf[Array]],
        *,
        ids: Iterable[Id] | None = None,
        path: str | os.PathLike[str] | None = None,
        layout: LayoutName = "nsc",
        normalize: NormalizationName = "input",
        job: str | os.PathLike[str] | None = None,
        memory_limit: int | None = None,
    ) -> SemanticIndex:
        """Return an index of many inputs, which are read batch by batch.

        Parameters
        ----------
        batches : array, or iterable of batches as `add` takes them
            An array of all inputs is read some at a time: a memory map, a data set of h5py, an
            array of Zarr or Dask, a layer of `isogram.io`, or `rows`.
        ids : iterable of int or str, optional
            One for each input, as for `add`.
        path : path, optional
            Write the index to this file as it is built, and load it: it takes the memory of some
            batches, so that it may be larger than the memory.
        layout, normalize
            As for the class.
        job : path, optional
            With `path`: a folder on its disk for the file until it is whole. The same call goes on
            from there after an interruption: it reads all batches again, in the same sizes, and
            turns only batches that the file lacks. An interruption changes no byte of the file.
        memory_limit : int, optional
            With `path`, of an array: the bytes that building may take, as `build_cost` says. Fewer
            inputs are turned at a time, and axes are found from as many.

        Raises
        ------
        ValueError, TypeError, OSError
            As by `add` and `save`; more or fewer ids than inputs; a job of other batches, ids,
            options or versions.
        MemoryError
            A `memory_limit` that cannot be kept; the message says the least that can.
        BlockingIOError
            A job that another process is at.
        """
        function = f"{CLASS}.build"
        index = cls(layout=layout, normalize=normalize)
        named = None if ids is None else iterator_of(function, "ids", ids)
        if path is None:
            for name, value in (("job", job), ("memory_limit", memory_limit)):
                if value is not None:
                    raise ValueError(f"{function}: `{name}` must be None without `path`")
            Build(function, index._inputs, batches, named).add_all()
            return index
        if memory_limit is not None:
            listed = None if isinstance(ids, Iterator) else ids
            shape = shape_of(function, "batches", batches, listed, layout, normalize)
            limit = integer(function, "memory_limit", memory_limit, 1)
            index._inputs.segment = shape.within(function, SEGMENT, limit).segment
        target = path_of(function, "path", path)
        build = Build(function, index._inputs, batches, named)
        if job is None:
            build.write(target)
        else:
            build.go_on(path_of(function, "job", job), target)
        return cls.load(path, verify=False)

    @staticmethod
    def build_cost(
        tokens: Any,
        *,
        ids: Any = None,
        layout: LayoutName = "nsc",
        normalize: NormalizationName = "input",
        memory_limit: int | None = None,
    ) -> BuildCost:
        """Return what `build` takes to write the index of an array, which is not read.

        Parameters
        ----------
        tokens, ids, layout, normalize, memory_limit
            As for `build`, with `path`; `tokens` is an array of all inputs.

        Returns
        -------
        BuildCost
            Frozen dataclass: inputs, tokens, channels, dtype, segment, file_bytes, memory. It is
            printed.

        Raises
        ------
        ValueError
            An array of other axes; batches.
        MemoryError
            A `memory_limit` that cannot be kept.
        """
        function = f"{CLASS}.build_cost"
        limit = memory_limit
        if limit is not None:
            limit = integer(function, "memory_limit", limit, 1)
        choice(CLASS, "layout", layout, get_args(LayoutName))
        shape = shape_of(function, "tokens", tokens, ids, layout, normalize)
        return shape.within(function, SEGMENT, limit)

    def add(
        self,
        tokens: InputsOf[Array],
        *,
        ids: Ids | None = None,
        lengths: Any = None,
        mask: Any = None,
    ) -> NDArray[Any]:
        """Add inputs, and return their ids.

        Parameters
        ----------
        tokens, lengths, mask
            As for `semantic_rsm`. All inputs have the same number of channels and the same type;
            tokens are copied.
        ids : sequence of int, or of str, optional
            One for each, different from all others; all of an index are of one kind. By default
            integers that no input had before, from 0 on.

        Raises
        ------
        ValueError
            As by `semantic_rsm`; an id that there is already; channels that are not those of the
            index. The index stays as it was, also after Ctrl-C.
        TypeError
            Another type than the index has; ids of another kind.
        """
        function = f"{CLASS}.add"
        samples = self._inputs.checked(function, "tokens", tokens, lengths, mask)
        new = self._inputs.ids.new(function, ids, len(samples))
        self._inputs.add(function, samples, new)
        return new

    def delete(self, ids: Ids) -> None:
        """Delete the inputs of some ids; other inputs keep theirs.

        Raises
        ------
        ValueError
            An id that there is not, or that is given twice; no input is deleted.
        TypeError
            Ids that are neither integers nor str.
        """
        self._inputs.ids.delete(f"{CLASS}.delete", ids)

    def search(
        self,
        queries: InputsOf[Array],
        k: int = 10,
        *,
        subset: Ids | None = None,
        exclude: Ids | None = None,
        candidates: int | Any | None = None,
        checked: int = 16,
        matching: bool = False,
        kernel: Literal["cosine", "linear"] = "cosine",
        lengths: Any = None,
        mask: Any = None,
        job: str | os.PathLike[str] | None = None,
        num_threads: int | None = None,
        progress: Progress = False,
    ) -> Hits:
        """Find the k inputs that are most like each query, whatever their tokens' order.

        The answer is that of `retrieve(queries, inputs, k)`, bit by bit, by the same bounds; a
        single query is bounded too, as the inputs are turned to their axes already.

        Parameters
        ----------
        queries, lengths, mask
            As for `semantic_rsm`, of the layout of the index, with as many channels.
        k : int
            How many inputs to find for each query: at most as many as there are.
        subset : sequence of ids, optional
            Find these alone.
        exclude : sequence of ids, optional
            One for each query, which it is not to find: itself, where it is in the index; it need
            not be there.
        candidates : int, or array of shape (q, c) of ids, optional
            As for `retrieve`: choose from this number of inputs with similar mean tokens, or from
            these ids, such as the answers of a faster search.
        checked : int
            As for `retrieve`.
        matching : bool
            Whether to return which tokens of the query and of each hit are matched.
        kernel : {"cosine", "linear"}
            As for `semantic_rsm`.
        job : path, optional
            A folder for the answers of some queries after others: the same call goes on from there
            after an interruption, and is refused with other queries or options, or an index that
            has changed.
        num_threads : int, optional
            By default `get_num_threads()`. The result has the same bits for any number.
        progress : bool or callable
            True draws a bar with tqdm; a callable is called with (done, total), in pairs of queries
            and inputs, after each block of queries.

        Returns
        -------
        Hits
            Frozen dataclass: ids, scores, others, reached, recall, matching. The last is a
            `SemanticMatching` of arrays of shape (q, k, s) and (q, k).

        Raises
        ------
        ValueError
            As by `retrieve`; an index without inputs; other channels than those of the index; an
            id that there is not.
        TypeError
            As by `retrieve`.

        Notes
        -----
        Types, warnings: as of `retrieve`. Cost: as of `retrieve`, without turning the inputs.
        Memory: about 30 bytes for each of 2^24 pairs of queries with all inputs, or of 64 queries
        if those are more.
        """
        function, inputs = f"{CLASS}.search", self._inputs
        choice(function, "kernel", kernel, ("cosine", "linear"))
        workers = threads(function, num_threads)
        rows = inputs.checked(function, "queries", queries, lengths, mask)
        search = inputs.search_of(function, rows, kernel, workers, subset, exclude)
        fewest, everyone = search.fewest_choices(), np.arange(len(rows))
        count = integer(function, "k", k, 1, fewest, " (the inputs to choose from)")
        chosen = inputs.candidates(function, search, candidates, count, fewest)
        sample = integer(function, "checked", checked, 0)
        share = None
        options = {
            "k": count,
            "kernel": kernel,
            "layout": inputs.layout,
            "normalize": inputs.normalize,
            "candidates": said(chosen),
        }
        with (
            errors_of(function),
            reporting(function, progress) as report,
            keeping(function, job, lambda: inputs.fingerprints(search), options) as keep,
        ):
            if isinstance(chosen, int):
                likely = like_in_mean(search, chosen, everyone)
                found = nearest(search, count, everyone, likely, report, keep)
                share = recall(search, count, found, sample)
            else:
                found = nearest(search, count, everyone, chosen, report, keep)
            matched = self._matched(search, found) if matching else None
        if kernel == "linear" and not np.isfinite(found.scores).all():
            warn([beyond_range(function, search.dtype)], stacklevel=2)
        ids = inputs.ids.at(found.indices)
        return Hits(ids, found.scores, found.others, found.reached, share, matched)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the inputs that are not deleted, and what is known of them, to one file.

        The file has arrays with checksums and nothing that is run; it takes the place of `path`
        when all of it is on the disk. It is that of `load`, of this version or a later one.

        Raises
        ------
        ValueError
            An index that has had no inputs.
        OSError
            What the system says, such as a full disk; `path` stays as it was.
        """
        if self._inputs.segments is None:
            raise ValueError(f"{CLASS}.save: the index has no inputs")
        with written(path_of(f"{CLASS}.save", "path", path)) as file:
            self._inputs.finish(file, self._inputs.lines(file))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, verify: bool = True) -> SemanticIndex:
        """Return the index in a file, whose tokens stay there: it may be larger than the memory.

        What is added or deleted later is in the file only once it is saved.

        Parameters
        ----------
        path : path
            A file of `save` or of `build`. It must not be written to while the index is in use;
            `save` puts another in its place.
        verify : bool
            Whether to compare the checksums of all arrays, which reads the whole file.

        Raises
        ------
        ValueError
            A file that is no index, is damaged or cut off, or is of a newer version.
        OSError
            What the system says, such as that there is no such file.
        """
        function = f"{CLASS}.load"
        with errors_of(function):
            inputs = IndexedInputs.loaded(path_of(function, "path", path), SEGMENT, verify=verify)
        index = cls()
        index._inputs = inputs
        return index

    @staticmethod
    def is_file(path: str | os.PathLike[str]) -> bool:
        """Return whether a file begins as those of `save` do."""
        return begins_as_index(Path(path))

    def _matched(
        self, search: Search, found: Found
    ) -> SemanticMatching[NDArray[Any], NDArray[Any]]:
        """Return the matchings of queries with what they found, of shape (q, k, …)."""
        assert self._inputs.segments is not None
        used, places = np.unique(found.indices, return_inverse=True)
        hits = Samples(
            "tokens", [self._inputs.segments.tokens_of_input(i) for i in used.tolist()], None, None
        )
        rows = np.repeat(np.arange(len(found.indices)), found.indices.shape[1])
        listed = Listed(rows, places.reshape(-1).astype(np.int64))
        is_cosine = search.output == "cosine"
        flat = matchings(
            Pairs(search.queries, hits), listed, is_cosine=is_cosine, workers=search.workers
        )
        shape = found.indices.shape
        return SemanticMatching(*(field.reshape(*shape, *field.shape[1:]) for field in flat))


def inputs_of(index: SemanticIndex) -> IndexedInputs:
    """Return the inputs of an index, as plans search them."""
    return index._inputs
