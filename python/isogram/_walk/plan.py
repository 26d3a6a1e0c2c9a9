"""Plans: everything that decides a bit of a result, and none of the inputs themselves."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from isogram import _core
from isogram._arguments import threads
from isogram._entries import type_name
from isogram._errors import PlaceError, errors_of, warn, warn_caller
from isogram._memory import size
from isogram._progress import Progress, reporting
from isogram._rows import repeatable, unread
from isogram._types import Report
from isogram._walk.run import Compute, HostWorker, in_turns, walk
from isogram._walk.sinks import Reduction, Sink
from isogram._walk.tiles import Tile, counted

if TYPE_CHECKING:
    from hashlib import blake2b
    from pathlib import Path

    from isogram._walk.journal import Journal
    from isogram._walk.matrices import Matrix
    from isogram._walk.stored import Written


class InputSpec(NamedTuple):
    """An input that a plan was made for."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    tokens: tuple[int, ...] | None = None  # of each sample, where the shape does not tell
    # Bytes that a library holds when it has read rows, which are copies; None: they are no copies.
    # It decides no bit.
    buffered: int | None = None

    @property
    def argument(self) -> str:
        """The argument that it came in; a sequence of layers holds several inputs."""
        return self.name.partition("[")[0]

    @property
    def itemsize(self) -> int:
        """Bytes of an entry."""
        return 2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize

    @property
    def row(self) -> int:
        """Entries of a sample, where the shape tells."""
        return math.prod(self.shape[1:])

    @classmethod
    def of(cls, name: str, array: Any) -> InputSpec:
        """Describe an array."""
        shape = tuple(map(int, array.shape))
        return cls(name, shape, type_name(array.dtype), buffered=getattr(array, "buffered", None))


@dataclass(frozen=True)
class Cost:
    """What a plan takes: counts and bytes that are exact, and an estimate of memory.

    Attributes
    ----------
    tiles, pairs : int
        Tiles, and pairs of rows and columns that they compare.
    read_bytes : int
        Of the rows and columns that all tiles read, each tile its own.
    part_bytes : int
        Of the parts of all tiles.
    result_bytes : int
        Of the result; of a k-NN graph the most that it may take.
    memory : int
        About the most that `Plan.run` takes beside the inputs: the result (none if that is in an
        `out`), the parts if they are no blocks of it, one tile's part, and its packed rows and
        columns; the core keeps fewer where rows are long. Of inputs that are no arrays also the
        tile's rows and columns as they are read.
    """

    tiles: int
    pairs: int
    read_bytes: int
    part_bytes: int
    result_bytes: int
    memory: int

    @property
    def working_memory(self) -> int:
        """Bytes of `memory` without the result: what `memory_limit` limits."""
        return self.memory - self.result_bytes

    def __str__(self) -> str:
        """Return all of it in one line."""
        tiles = f"{self.tiles:,} tile{'s' * (self.tiles != 1)}, {self.pairs:,} pairs"
        return (
            f"{tiles}; reads {size(self.read_bytes)}, makes {size(self.result_bytes)}, and takes "
            f"about {size(self.memory)} of memory"
        )


# A result, and the warnings that a caller gets.
Reduced: TypeAlias = tuple[Any, list[str]]

# Bytes that a run takes and nobody counts, about: what threads and the allocator keep.
_UNCOUNTED = 2**22

# The key under which a part names its plan and its tile.
_NAME = "part_of"


def _add(digest: blake2b, value: Any) -> None:
    """Add a value to a digest, which is the same in any process."""
    if isinstance(value, Mapping):
        value = [item for key in sorted(value) for item in (key, value[key])]
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(value.tobytes())
    elif isinstance(value, list | tuple):
        digest.update(f"[{len(value)}]".encode())
        for item in value:
            _add(digest, item)
    else:
        digest.update(f"{value!r};".encode())


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Plan(ABC):
    """How a result is computed, tile by tile: a small value that can be pickled.

    Parts may be computed anywhere and in any order. They reduce to the result of one call of
    `operation`, bit for bit, because everything that depends on all inputs is in the plan.

    Attributes
    ----------
    operation : str
        The public function.
    tiles : tuple of Tile
        The blocks of the result; of a symmetric one those on and above the diagonal.
    inputs : tuple of InputSpec
        Name, shape and type of each input, that `compute()` must be given again.
    options : dict of str to str
        The options that `isogram.plan` was given, as the journal of a job says them.
    """

    operation: str
    tiles: tuple[Tile, ...]
    inputs: tuple[InputSpec, ...]
    options: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def compute(
        self,
        tile: Tile,
        *inputs: Any,
        num_threads: int | None = None,
        progress: Progress = False,
    ) -> dict[str, Any]:
        """Return the part of one tile; only the tile's rows and columns are read.

        `inputs` are the ones that the plan was made of. A part can be pickled.
        """
        self._check_tile(tile)
        checked = self._as_planned(*inputs)
        workers = threads(self.operation, num_threads)
        with errors_of(self.operation), reporting(self.operation, progress) as report:
            return self._named_part(tile, checked, workers, report)

    def reduce(self, parts: Mapping[Tile, Any]) -> Any:
        """Return the result of the parts of all tiles; warn as the operation does."""
        result, remarks = self._reduced(parts)
        warn(remarks, stacklevel=2)
        return result

    def run(
        self,
        *inputs: Any,
        out: Any = None,
        job: str | os.PathLike[str] | None = None,
        num_threads: int | None = None,
        progress: Progress = False,
    ) -> Any:
        """Compute all tiles here, one after another, and return the result.

        Of the inputs, which may be memory maps, only the rows and columns of one tile are read at a
        time. A matrix that parts are blocks of is stored block by block, in `out` if that is given:
        an array of its shape and type, say a memory map; a Zarr array whose chunks tiles are made
        of; or a path that ends in .npy or .zarr, at which it is once it is whole, and which is
        returned as a memory map or a Zarr array for reading. Other results are made of all parts;
        if a stage reduces to another plan, that one is run too. Warns as the operation does.

        With a path, the folder `<out>.job` keeps what is finished, and a journal of it; with `job`,
        a folder, that one does, and all parts with it. The same call goes on after an interruption
        or on a full disk, and returns a result that is finished at once. Other inputs, options or
        versions are refused (ValueError), and so is a second process (BlockingIOError).
        """
        workers = threads(self.operation, num_threads)

        def on_host(stage: Plan, checked: Any, sink: Sink) -> Compute:
            def part(tile: Tile, report: Report) -> dict[str, Any]:
                return stage._part_for(sink, tile, checked, workers, report)

            return partial(in_turns, [HostWorker(part)])

        result, remarks = self._run_by(on_host, inputs, out, progress, job)
        for remark in remarks:
            warn_caller(remark)
        return result

    def _run_by(
        self,
        computing: Callable[[Plan, Any, Sink], Compute],
        inputs: Sequence[Any],
        out: Any,
        progress: Progress,
        job: Any = None,
    ) -> Reduced:
        """Return the result, stage by stage.

        `computing` takes a stage, its checked inputs, and where its parts go.
        """
        result, remarks, inputs = self, list[str](), repeatable(inputs)
        with self._journal(inputs, out, job) as journal:
            while isinstance(result, Plan):
                stage, checked = result, result._as_planned(*inputs)
                with errors_of(self.operation), reporting(self.operation, progress) as report:
                    if journal is None:
                        sink = stage._sink(checked, out)
                    else:
                        sink = stage._kept(checked, out, journal)
                    result, remarks = walk(stage, computing(stage, checked, sink), sink, report)
        return result if out is None or _is_path(out) else out, remarks

    def _journal(
        self, inputs: Sequence[Any], out: Any, job: Any
    ) -> AbstractContextManager[Journal | None]:
        """Open the journal of a job, if there is to be one."""
        self._check_out(inputs, out, job)
        folder = self._folder(out, job)
        if folder is None:
            return nullcontext()
        from isogram._walk.journal import opened

        return opened(self.operation, folder, lambda: self._facts(self._as_planned(*inputs)))

    def _folder(self, out: Any, job: Any) -> Path | None:
        """Return the folder of a job: the caller's, or that of a path; None: there is no job."""
        from isogram._output import path_of
        from isogram._walk.targets import checked_path, job_of

        if job is not None:
            return path_of(self.operation, "job", job)
        if not _is_path(out):
            return None
        return job_of(checked_path(self.operation, out))

    def _check_out(self, inputs: Sequence[Any], out: Any, job: Any) -> None:
        """Raise for an `out` that the result cannot be in."""
        if out is not None:
            raise ValueError(
                f"{self.operation}: `out` must be None for a plan whose parts are no blocks of a "
                f"matrix, got {type(out).__name__}"
            )

    def _facts(self, checked: Any) -> dict[str, Any]:
        """Return what a job is of: the result must not be made of parts of another."""
        return {
            "operation": self.operation,
            "isogram": _core.build_info()["version"],
            "instruction set": _core.simd_level(),
            "inputs": self._fingerprints(checked),
            "options": dict(self.options),
            "tiles": "{} of {} x {}".format(len(self.tiles), *self.tiles[0].shape),
            "plan": self._digest,
        }

    def _fingerprints(self, checked: Any) -> dict[str, str]:
        """Return a digest of each input, all of which is read."""
        from isogram._fingerprint import fingerprint_of_rows

        return {
            spec.name: fingerprint_of_rows(spec.shape, spec.itemsize, source.rows)
            for spec, source in zip(self.inputs, checked, strict=True)
        }

    def _kept(self, checked: Any, out: Any, journal: Journal) -> Sink:
        """Return a sink that keeps parts on disk, and has those that the journal knows."""
        from isogram._walk.journal import Journaled
        from isogram._walk.stored import StoredParts

        names = {tile: self._name_of(tile) for tile in self.tiles}
        parts = StoredParts(self._sink(checked, out), journal.folder, names)
        return Journaled(parts, journal, names)

    def _sink(self, checked: Any, out: Any) -> Sink:
        """Return where `run()` puts parts; its result is that of `_reduced()`."""
        return Reduction(self._reduced)

    def _written(self, tile: Tile, part: Mapping[str, Any], matrix: Matrix, by: str) -> Written:
        """Write a tile's block to a matrix on disk, where the block was computed."""
        raise NotImplementedError  # parts are no blocks

    @abstractmethod
    def _reduced(self, parts: Mapping[Tile, Any]) -> Reduced:
        """Return the result of the parts of all tiles, and the warnings that a caller gets."""

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of rows and columns a tile compares."""
        return tile.pairs(is_symmetric=self._is_symmetric)

    @abstractmethod
    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's part."""

    @property
    def cost(self) -> Cost:
        """What the tiles take, all together."""
        result = self._result_bytes
        return Cost(
            len(self.tiles),
            sum(map(self.pairs, self.tiles)),
            sum(map(self._read_bytes, self.tiles)),
            sum(map(self.part_bytes, self.tiles)),
            result,
            result + self._working_bytes(Counter(map(_shape_of, self.tiles)).items()),
        )

    def _working_bytes(self, tiles: Iterable[tuple[Tile, int]]) -> int:
        """Return about the most bytes beside inputs and result, of tiles and how many are alike."""
        tiles = list(tiles)
        kept = 0
        if not self._keeps_no_parts:
            kept = sum(self.part_bytes(tile) * count for tile, count in tiles)
        buffered = sum(spec.buffered or 0 for spec in self.inputs)
        return (
            kept
            + buffered
            + max(
                self.part_bytes(tile) + self._packed_bytes(tile) + self._copied_bytes(tile)
                for tile, _ in tiles
            )
        )

    def within(self, memory_limit: int) -> Plan:
        """Return this plan, with smaller tiles if `run` would take more bytes with its own.

        The limit is for what is taken beside the inputs and the result. Raises MemoryError where no
        tiles are small enough.
        """
        most = _counted_of(memory_limit)
        widest = max(max(tile.shape) for tile in self.tiles)
        taken = {widest: self._working_bytes_with(widest)}
        while taken[min(taken)] > most and min(taken) > 1:
            edge = min(taken) // 2
            taken[edge] = self._working_bytes_with(edge)
        fits = min(taken)
        if taken[fits] > most:
            least = min(taken, key=lambda edge: taken[edge])
            needed = next(
                limit
                for limit in (
                    taken[least] * 32 // 23 + 9,
                    (taken[least] + _UNCOUNTED) * 32 // 31 + 9,
                )
                if _counted_of(limit) >= taken[least]
            )
            raise MemoryError(
                f"{self.operation}: `memory_limit` must be at least {needed} bytes, which "
                f"tiles of {least} x {least} take, got {memory_limit}"
            )
        beyond = min((edge for edge in taken if edge > fits), default=fits + 1)
        while beyond - fits > max(1, fits // 64):
            edge = (fits + beyond) // 2
            if self._working_bytes_with(edge) <= most:
                fits = edge
            else:
                beyond = edge
        return self if fits == widest else self._with_tiles(fits)

    def _working_bytes_with(self, edge: int) -> int:
        """Return `_working_bytes()` of tiles of another size."""
        n, m = self.inputs[0].shape[0], self.inputs[0 if self._is_symmetric else 1].shape[0]
        return self._working_bytes(counted((n, m), edge, is_upper=self._is_symmetric))

    @abstractmethod
    def _with_tiles(self, edge: int) -> Plan:
        """Return the plan with tiles of at most `edge` rows and columns."""

    @property
    @abstractmethod
    def _result_bytes(self) -> int:
        """The most bytes of the result."""

    # Whether run() stores parts in the result as they come.
    _keeps_no_parts: ClassVar[bool] = False

    def _read_bytes(self, tile: Tile) -> int:
        """Return the bytes of the rows and columns that a tile reads."""
        spans = self._spans(tile)
        return sum(
            _length(span) * spec.row * spec.itemsize
            for spec, of_spec in zip(self.inputs, spans, strict=True)
            for span in of_spec
        )

    def _packed_bytes(self, tile: Tile) -> int:
        """Return the bytes of a tile's rows and columns as they are packed to be computed."""
        spans = self._spans(tile)
        return self._computed_itemsize * sum(
            _length(span) * spec.row
            for spec, of_spec in zip(self.inputs, spans, strict=True)
            for span in of_spec
        )

    def _copied_bytes(self, tile: Tile) -> int:
        """Return the bytes of rows and columns of a tile that are copied to be read."""
        return sum(
            _length(span) * spec.row * spec.itemsize
            for spec, of_spec in zip(self.inputs, self._spans(tile), strict=True)
            for span in of_spec
            if spec.buffered is not None
        )

    @property
    def _computed_itemsize(self) -> int:
        """Bytes of an entry as it is computed with."""
        return 8 if any(spec.dtype == "float64" for spec in self.inputs) else 4

    def _spans(self, tile: Tile) -> list[list[slice]]:
        """Return which rows of each input a tile reads."""
        if self._is_symmetric:
            spans = [tile.rows, tile.cols] if tile.is_mirrored else [tile.rows]
            return [spans for _ in self.inputs]
        return [[tile.rows], [tile.cols]]

    @abstractmethod
    def _checked(self, *inputs: Any) -> tuple[Any, Iterable[InputSpec]]:
        """Return checked inputs as `_part()` takes them, and their descriptions."""

    @abstractmethod
    def _part(
        self, tile: Tile, inputs: Any, num_threads: int, progress: Report
    ) -> Mapping[str, Any]:
        """Return the values of a tile's part."""

    @property
    def _is_symmetric(self) -> bool:
        """Whether rows and columns are the same, so that tiles cover one triangle."""
        return len(self.inputs) == 1

    def _is_diagonal(self, tile: Tile) -> bool:
        """Whether the rows of a tile are its columns."""
        return self._is_symmetric and not tile.is_mirrored

    def _as_planned(self, *inputs: Any) -> Any:
        """Return checked inputs as `_part()` takes them; raise for others than planned."""
        self._check_arguments(len(inputs))
        names = dict.fromkeys(spec.argument for spec in self.inputs)
        checked, specs = self._checked(
            *(
                unread(f"{self.operation}: `{name}`", given)
                for name, given in zip(names, inputs, strict=True)
            )
        )
        self._check_specs(specs)
        return checked

    def _named_part(
        self, tile: Tile, checked: Any, num_threads: int, progress: Report
    ) -> dict[str, Any]:
        """Return a tile's part, which says whose it is."""
        return {_NAME: self._name_of(tile), **self._part(tile, checked, num_threads, progress)}

    def _part_for(
        self, sink: Sink, tile: Tile, checked: Any, num_threads: int, progress: Report
    ) -> dict[str, Any]:
        """Return a tile's part, empty if the sink has it already."""
        return self._named_part(tile, checked, num_threads, progress)

    def _check_tile(self, tile: Tile) -> None:
        """Raise ValueError for a tile that is none of the plan's."""
        if not isinstance(tile, Tile) or tile not in self.tiles:
            raise ValueError(f"{self.operation}: `tile` must be one of the plan's, got {tile}")

    def _check_arguments(self, count: int) -> None:
        """Raise ValueError for more or fewer arguments than the plan was made of."""
        planned = dict.fromkeys(f"`{spec.argument}`" for spec in self.inputs)
        if count != len(planned):
            raise ValueError(
                f"{self.operation}: `inputs` must be {' and '.join(planned)}, which the plan was "
                f"made of, got {count} inputs"
            )

    def _check_specs(self, specs: Iterable[InputSpec]) -> None:
        """Raise ValueError for other inputs than the plan was made for."""
        given = tuple(specs)
        counts = Counter(spec.argument for spec in given)
        for argument, count in Counter(spec.argument for spec in self.inputs).items():
            if counts[argument] != count:
                raise ValueError(
                    f"{self.operation}: `{argument}` must be as planned, of length {count}, got "
                    f"{counts[argument]}"
                )
        for planned, got in zip(self.inputs, given, strict=True):
            if got[1:3] != planned[1:3]:
                raise ValueError(
                    f"{self.operation}: `{planned.name}` must be as planned, of shape "
                    f"{planned.shape} and type {planned.dtype}, got shape {got.shape} and type "
                    f"{got.dtype}"
                )
            if got.tokens != planned.tokens:
                raise ValueError(
                    f"{self.operation}: `{planned.name}` must have the numbers of tokens that the "
                    "plan was made for, got others"
                )

    def _in_order(self, parts: Mapping[Tile, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the values of all parts, in the order of the tiles.

        Raises
        ------
        TypeError
            `parts` are no mapping.
        ValueError
            A tile has no part, or one of another plan or another tile.
        """
        if not isinstance(parts, Mapping):
            raise TypeError(
                f"{self.operation}: `parts` must be a mapping from tiles to their parts, got "
                f"{type(parts).__name__}"
            )
        if missing := [tile for tile in self.tiles if tile not in parts]:
            raise ValueError(
                f"{self.operation}: `parts` must have one for every tile of the plan, got none for "
                f"{len(missing)} of {len(self.tiles)}, first for {missing[0]}"
            )
        return [self._values_of(tile, parts[tile]) for tile in self.tiles]

    def _values_of(self, tile: Tile, part: Any) -> dict[str, Any]:
        if not isinstance(part, Mapping) or part.get(_NAME) != self._name_of(tile):
            raise ValueError(
                f"{self.operation}: `parts` must be what this plan's compute() returned for each "
                f"tile, got one of another plan, or of another tile, for {tile}"
            )
        return {name: value for name, value in part.items() if name != _NAME}

    def _name_of(self, tile: Tile) -> str:
        top, left = tile.place
        return f"{self._digest} [{top}:{tile.rows.stop}, {left}:{tile.cols.stop}]"

    @cached_property
    def _digest(self) -> str:
        """A digest of every field that decides the bits of a part."""
        from hashlib import blake2b  # with OpenSSL, an eighth of the time of `import isogram`

        digest = blake2b(digest_size=16)
        for each in fields(self):
            if each.name == "inputs":
                _add(digest, [spec[:-1] for spec in self.inputs])
            elif each.name not in ("tiles", "options"):
                _add(digest, getattr(self, each.name))
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        """Whether both have the same tiles and parts."""
        if not isinstance(other, Plan):
            return NotImplemented
        return self.tiles == other.tiles and self._digest == other._digest

    def __hash__(self) -> int:
        """Return the hash of the digest."""
        return hash(self._digest)

    def __repr__(self) -> str:
        """Return what the tiles take, and their size."""
        rows, cols = max(tile.shape for tile in self.tiles)
        return f"{self.operation} in tiles of {rows:,} x {cols:,}: {self.cost}"


@contextmanager
def whole_parts(function: str) -> Iterator[None]:
    """Say that a part is damaged where what is made of them all is not there, or of other sizes."""
    try:
        yield
    except (PlaceError, LookupError, TypeError, ValueError, RuntimeError) as error:
        kind, reason = error.args if isinstance(error, PlaceError) else (ValueError, repr(error))
        if kind is MemoryError:
            raise
        raise ValueError(
            f"{function}: `parts` must be what this plan's compute() returned for each tile, got "
            f"one that is damaged ({reason})"
        ) from error


def _counted_of(memory_limit: int) -> int:
    """Return what may be taken of what is counted; the rest of a limit is for all else."""
    return memory_limit - min(memory_limit // 4, _UNCOUNTED) - memory_limit // 32


def _shape_of(tile: Tile) -> Tile:
    """Return one tile for all that are as large, and on the diagonal or not."""
    first = slice(0, tile.shape[0])
    return Tile(first, slice(first.stop, first.stop + tile.shape[1]) if tile.is_mirrored else first)


def _is_path(out: Any) -> bool:
    return isinstance(out, str | os.PathLike)


def _length(span: slice) -> int:
    return int(span.stop - span.start)
