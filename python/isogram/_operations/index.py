"""An index of inputs: retrieval from a gallery that is kept, changed, saved and loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice, integer, threads
from isogram._arrays import as_sequence
from isogram._entries import result_dtype, type_name
from isogram._errors import beyond_range, errors_of, warn
from isogram._fingerprint import fingerprint_of
from isogram._operations.semantic_matching import SemanticMatching, matchings
from isogram._output import path_of
from isogram._place import HOST, place_of
from isogram._progress import Progress, reporting
from isogram._rows import Unread, type_name_of, unread
from isogram._tokens.arguments import Inputs, remarks_on_axes
from isogram._tokens.building import BuildCost, Kept, Shape, keeping_segments
from isogram._tokens.cascade import Found, like_in_mean, nearest, recall
from isogram._tokens.ids import Id, Ids, IdTable
from isogram._tokens.index_file import Reader, Writer, begins_as_index, written
from isogram._tokens.job import Listed, Pairs
from isogram._tokens.kept import fingerprint, keeping, said
from isogram._tokens.samples import LAYOUTS, Samples
from isogram._tokens.search import Search
from isogram._tokens.segments import SEGMENT, Segment, Segments
from isogram._tokens.turned import Turned
from isogram._types import Array, InputsOf
from isogram.typing import LayoutName, NormalizationName

_CLASS = "SemanticIndex"


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
        self._layout: LayoutName = choice(_CLASS, "layout", layout, get_args(LayoutName))
        self._normalize: NormalizationName = choice(
            _CLASS, "normalize", normalize, get_args(NormalizationName)
        )
        self._segments: Segments | None = None  # until the first inputs say their channels
        self._segment: int | None = None  # inputs of a segment at most, if not SEGMENT
        self._ids = IdTable()

    def __len__(self) -> int:
        """Return the number of inputs."""
        return len(self._ids)

    def __contains__(self, id: object) -> bool:
        """Whether an input has that id."""
        return id in self._ids

    def __repr__(self) -> str:
        """Say how many inputs there are, and of which kind."""
        of_what = ""
        if self._segments is not None:
            kind = type_name(self._segments.dtype)
            of_what = f" of {self._segments.channels} channels, {kind}"
        return f"<SemanticIndex: {len(self)} inputs{of_what}>"

    @property
    def layout(self) -> LayoutName:
        """The axes of inputs and queries."""
        return self._layout

    @property
    def ids(self) -> NDArray[Any]:
        """The ids of all inputs, in the order in which they were added."""
        return self._ids.alive

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
        function = f"{_CLASS}.build"
        index = cls(layout=layout, normalize=normalize)
        named = None if ids is None else _iterator(function, "ids", ids)
        if path is None:
            for name, value in (("job", job), ("memory_limit", memory_limit)):
                if value is not None:
                    raise ValueError(f"{function}: `{name}` must be None without `path`")
            for _ in index._adding(batches, named):
                pass
            return index
        if memory_limit is not None:
            listed = None if isinstance(ids, Iterator) else ids
            shape = _shape_of(function, "batches", batches, listed, layout, normalize)
            limit = integer(function, "memory_limit", memory_limit, 1)
            index._segment = shape.within(function, SEGMENT, limit).segment
        target = path_of(function, "path", path)
        if job is None:
            with written(target) as file:
                index._build(file, batches, named)
        else:
            index._build_in(path_of(function, "job", job), target, batches, named)
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
        function = f"{_CLASS}.build_cost"
        limit = memory_limit
        if limit is not None:
            limit = integer(function, "memory_limit", limit, 1)
        shape = _shape_of(function, "tokens", tokens, ids, layout, normalize)
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
        function = f"{_CLASS}.add"
        samples = self._samples(function, "tokens", tokens, lengths, mask)
        new = self._ids.new(function, ids, len(samples))
        self._add(samples, new)
        return new

    def _add(self, samples: Samples, new: NDArray[Any]) -> None:
        """Add checked inputs, with ids that are new."""
        function = f"{_CLASS}.add"
        kept = samples.rows(slice(0, 1)).split() if samples.is_unit else samples.sources
        dtypes = {array.dtype for array in kept}
        segments = self._segments
        if segments is None:
            segments = Segments(samples.channels, next(iter(dtypes)), self._segment)
        if dtypes != {segments.dtype}:
            names = " and ".join(sorted(map(type_name, dtypes)))
            raise TypeError(
                f"{function}: `tokens` must be of one type, that of the index "
                f"({type_name(segments.dtype)}), got {names}"
            )
        with errors_of(function):
            segments = segments.grown(samples)
        # At once: after Ctrl-C between the two, there would be inputs without ids.
        vars(self).update(_segments=segments, _ids=self._ids.grown(new))

    def delete(self, ids: Ids) -> None:
        """Delete the inputs of some ids; other inputs keep theirs.

        Raises
        ------
        ValueError
            An id that there is not, or that is given twice; no input is deleted.
        TypeError
            Ids that are neither integers nor str.
        """
        self._ids.delete(f"{_CLASS}.delete", ids)

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
            As for `retrieve`: choose from so many inputs with similar mean tokens, or from these,
            such as the answers of a faster search.
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
        function = f"{_CLASS}.search"
        choice(function, "kernel", kernel, ("cosine", "linear"))
        workers = threads(function, num_threads)
        rows = self._samples(function, "queries", queries, lengths, mask)
        search = self._search_of(function, rows, kernel, workers, subset, exclude)
        fewest, everyone = search.fewest_choices(), np.arange(len(rows))
        count = integer(function, "k", k, 1, fewest, " (the inputs to choose from)")
        chosen = self._candidates(function, search, candidates, count, fewest)
        sample = integer(function, "checked", checked, 0)
        share = None
        options = {
            "k": count,
            "kernel": kernel,
            "layout": self._layout,
            "normalize": self._normalize,
            "candidates": said(chosen),
        }
        with (
            errors_of(function),
            reporting(function, progress) as report,
            keeping(function, job, lambda: self._fingerprints(search), options) as keep,
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
        ids = self._ids.at(found.indices)
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
        if self._segments is None:
            raise ValueError(f"{_CLASS}.save: the index has no inputs")
        with written(path_of(f"{_CLASS}.save", "path", path)) as file:
            self._finish(file, self._lines(file))

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
        function = f"{_CLASS}.load"
        with errors_of(function):
            return cls._loaded(path_of(function, "path", path), verify=verify)

    @staticmethod
    def is_file(path: str | os.PathLike[str]) -> bool:
        """Return whether a file begins as those of `save` do."""
        return begins_as_index(Path(path))

    # Search ---------------------------------------------------------------------------------------

    def _search_of(
        self,
        function: str,
        queries: Samples,
        kernel: str,
        workers: int,
        subset: Ids | None,
        exclude: Ids | None,
    ) -> Search:
        """Return the search of checked queries."""
        if not len(self._ids) or self._segments is None:
            raise ValueError(f"{function}: the index has no inputs")
        return Search(
            queries,
            self._segments.parts(),
            kernel,
            result_dtype(*queries.sources, np.empty(0, self._segments.dtype)),
            workers,
            are_wanted=self._ids.wanted(function, subset),
            excluded=self._ids.excluded(function, exclude, len(queries)),
            axes=self._segments.axes,
        )

    def _candidates(
        self, function: str, search: Search, candidates: Any, k: int, most: int
    ) -> int | NDArray[np.int64] | None:
        if candidates is None:
            return None
        if not isinstance(candidates, list | tuple) and np.ndim(candidates) == 0:
            why = " (from `k` to the inputs to choose from), or an array of ids"
            return integer(function, "candidates", candidates, k, most, why)
        columns = self._ids.columns_of(function, "candidates", candidates)
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

    # Inputs ---------------------------------------------------------------------------------------

    def _samples(self, function: str, name: str, tokens: Any, lengths: Any, mask: Any) -> Samples:
        """Return checked inputs, on the host."""
        inputs = Inputs(
            tokens, None, lengths, None, self._layout, mask, None, self._normalize, names=(name, "")
        ).listed()
        pairs = inputs.checked(function)
        warn(remarks_on_axes(function, pairs), stacklevel=3)
        rows = pairs.rows
        if self._segments is not None and rows.channels != self._segments.channels:
            raise ValueError(
                f"{function}: `{name}` must have as many channels as the index "
                f"({self._segments.channels}), got {rows.channels}"
            )
        home = place_of(function, pairs.sources)
        return rows if home is HOST else rows.on_host(home)

    def _adding(
        self, batches: Any, ids: Iterator[Id] | None, kept: Kept | None = None
    ) -> Iterator[Segments]:
        """Add batches, with some ids, one after another; yield all segments after each.

        Of batches that are kept in the file, the ids alone.
        """
        function, adding = f"{_CLASS}.build", f"{_CLASS}.add"
        for batch in _batches_of(function, batches, self._segment or SEGMENT):
            named = None if ids is None else list(islice(ids, len(batch)))
            if named is not None and len(named) < len(batch):
                raise ValueError(f"{function}: `ids` must be as many as inputs, got fewer")
            samples = self._samples(adding, "tokens", batch, None, None)
            new = self._ids.new(adding, named, len(samples))
            if kept is not None and kept.has(samples, new):
                self._ids = self._ids.grown(new)
                continue
            self._add(samples, new)
            del batch, samples  # before the next are read
            assert self._segments is not None
            yield self._segments
        if not self._ids.columns:
            raise ValueError(f"{function}: there are no inputs")
        if ids is not None and next(ids, None) is not None:
            raise ValueError(f"{function}: `ids` must be as many as inputs, got more")
        if kept is not None:
            kept.check_all_read()

    def _fingerprints(self, search: Search) -> dict[str, str]:
        """Return fingerprints of the queries, of the index, and of who may find whom."""
        segments = self._segments
        assert segments is not None
        choices = [each for each in (search.are_wanted, search.excluded) if each is not None]
        return {
            "queries": fingerprint(search.queries),
            "index": fingerprint_of(
                *(array for each in segments.list for array in (each.tokens, each.counts))
            ),
            "inputs to choose from": fingerprint_of(*choices),
        }

    def _matched(
        self, search: Search, found: Found
    ) -> SemanticMatching[NDArray[Any], NDArray[Any]]:
        """Return the matchings of queries with what they found, of shape (q, k, …)."""
        assert self._segments is not None
        used, places = np.unique(found.indices, return_inverse=True)
        hits = Samples(
            "tokens", [self._segments.tokens_of_input(i) for i in used.tolist()], None, None
        )
        rows = np.repeat(np.arange(len(found.indices)), found.indices.shape[1])
        listed = Listed(rows, places.reshape(-1).astype(np.int64))
        is_cosine = search.output == "cosine"
        flat = matchings(
            Pairs(search.queries, hits), listed, is_cosine=is_cosine, workers=search.workers
        )
        shape = found.indices.shape
        return SemanticMatching(*(field.reshape(*shape, *field.shape[1:]) for field in flat))

    # Files ----------------------------------------------------------------------------------------

    def _build(
        self, file: Writer, batches: Any, ids: Iterator[Id] | None, kept: Kept | None = None
    ) -> None:
        """Write the index of batches, segment by segment; segments in `kept` are there already."""
        lines = [] if kept is None else kept.lines
        for segments in self._adding(batches, ids, kept):
            if len(segments) >= segments.size:
                new = self._lines(file)
                if kept is not None:
                    kept.record(file, new, segments)
                lines += new
                segments.clear()
        self._finish(file, lines + self._lines(file))

    def _build_in(self, folder: Path, path: Path, batches: Any, ids: Iterator[Id] | None) -> None:
        """Build in the folder of a job, from what is finished there on."""
        options = {
            "layout": self._layout,
            "normalize": self._normalize,
            "inputs of a segment": self._segment or SEGMENT,
        }
        with keeping_segments(f"{_CLASS}.build", folder, path, options) as kept:
            self._segments = kept.segments(self._segment or SEGMENT)
            if kept.is_finished:
                for _ in self._adding(batches, ids, kept):
                    pass
                return
            with open(kept.partial, "r+b" if kept.end else "wb") as stream:
                self._build(Writer(stream, kept.end), batches, ids, kept)
            kept.finish()

    def _lines(self, file: Writer) -> list[dict[str, Any]]:
        """Write the inputs that are not deleted; return the directory's lines of their segments."""
        assert self._segments is not None
        lines, first = [], self._ids.columns - len(self._segments)
        for segment in self._segments.list:
            alive = np.flatnonzero(self._ids.are_alive[first : first + len(segment)])
            first += len(segment)
            if len(alive):
                kept = segment.of(alive)
                arrays = {"stored": kept.tokens} | kept.turned._asdict()
                lines.append({name: file.array(array) for name, array in arrays.items()})
        return lines

    def _finish(self, file: Writer, lines: list[dict[str, Any]]) -> None:
        """Write all but the segments."""
        assert self._segments is not None
        file.finish(
            {
                "layout": self._layout,
                "normalize": self._normalize,
                "next_id": self._ids.next,
                "stored": {"channels": self._segments.channels, "dtype": self._segments.dtype.str},
                "ids": file.array(self._ids.alive),
                "axes": file.array(self._segments.axes),
                "segments": lines,
            }
        )

    @classmethod
    def _loaded(cls, path: Path, *, verify: bool) -> SemanticIndex:
        reader = Reader(path)
        with reader.reading(verify=verify) as (directory, array):
            index = cls(layout=directory["layout"], normalize=directory["normalize"])
            stored = directory["stored"]
            index._segments = Segments(stored["channels"], np.dtype(stored["dtype"]))
            index._ids.restore(array(directory["ids"]), directory["next_id"])
            index._segments.restore(
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
            index._segments.check(len(index._ids))
        return index


def _shape_of(
    function: str,
    name: str,
    tokens: Any,
    ids: Any,
    layout: LayoutName,
    normalize: NormalizationName,
) -> Shape:
    """Return what a build has to know of an array to say its cost."""
    array = unread(f"{function}: `{name}`", tokens)
    axes = LAYOUTS[choice(_CLASS, "layout", layout, get_args(LayoutName))]
    shape: tuple[int, ...] = getattr(array, "shape", ())
    if len(shape) != axes or 0 in shape:
        raise ValueError(
            f"{function}: `{name}` must be an array of inputs, {axes}-D, to say what it takes, got "
            f"{type(tokens).__name__} of shape {tuple(shape)}"
        )
    is_unread = isinstance(array, Unread)
    one = array if is_unread else Unread(array.__getitem__, shape, type_name_of(array.dtype))
    channels = shape[1 if layout == "nchw" else -1]
    return Shape(
        shape[0],
        one.size // (shape[0] * channels),
        channels,
        type_name(one.dtype),
        one.dtype.itemsize,
        8 if ids is None else np.asarray(ids).itemsize,
        is_unread + one.is_whole + (normalize == "token"),
        one.buffered,
    )


def _batches_of(function: str, batches: Any, segment: int) -> Iterator[Any]:
    """Yield an array of all inputs some at a time, and of others each."""
    array = unread(f"{function}: `batches`", batches)
    shape = getattr(array, "shape", None)
    if shape is None:
        yield from map(as_sequence, _iterator(function, "batches", batches))
    elif len(shape) < 3:
        yield array  # which `add` refuses
    else:
        for start in range(0, shape[0], segment):
            yield array[start : min(start + segment, shape[0])]


def _iterator(function: str, name: str, values: Any) -> Iterator[Any]:
    try:
        return iter(values)
    except TypeError:
        raise TypeError(
            f"{function}: `{name}` must be iterable, got {type(values).__name__}"
        ) from None
