"""Plans: everything that decides a bit of a result, and none of the inputs themselves."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from isogram import _core
from isogram._arguments import threads
from isogram._errors import PlaceError, errors_of, warn, warn_caller
from isogram._progress import Progress, reporting
from isogram._rows import repeatable
from isogram._types import Report
from isogram._walk.cost import Costed
from isogram._walk.run import Compute, HostWorker, in_turns, walk
from isogram._walk.sinks import Reduction, Sink
from isogram._walk.tiles import Tile

if TYPE_CHECKING:
    from pathlib import Path

    from isogram._walk.journal import Journal
    from isogram._walk.matrices import Matrix
    from isogram._walk.stored import Written

# A result, and the warnings that a caller gets.
Reduced: TypeAlias = tuple[Any, list[str]]

# The key under which a part names its plan and its tile.
_NAME = "part_of"


class Plan(Costed):
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
        an array of its shape and type, say a memory map; a Zarr array; or a path that ends in .npy
        or .zarr, at which it is once it is whole, and which is returned as a memory map or a Zarr
        array for reading. Other results are made of all parts; if a stage reduces to another plan,
        that one is run too. Warns as the operation does.

        Each chunk of a Zarr array is written as a whole: tiles are made of whole chunks, unless
        `tile` was given. Zarr's copies of a chunk count into `memory_limit`; MemoryError says what
        the smallest such tiles take.

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
        self._check_out(inputs, out, job)
        result, remarks, inputs = self._fitted(out), list[str](), repeatable(inputs)
        with result._journal(inputs, out, job) as journal:
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

    def _fitted(self, out: Any) -> Self:
        """Return this plan with tiles that `out` can take; raise where there are none."""
        return self

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

    @abstractmethod
    def _part(
        self, tile: Tile, inputs: Any, num_threads: int, progress: Report
    ) -> Mapping[str, Any]:
        """Return the values of a tile's part."""

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


def _is_path(out: Any) -> bool:
    return isinstance(out, str | os.PathLike)
