"""Blocks of pairs on a GPU, multiplied and matched in turns by streams; and where entries go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._device.device import Device, DeviceArray, Mark
from isogram._device.results import unset_index
from isogram._device.rsm_bands import Block
from isogram._device.rsm_plan import BlockPlan
from isogram._tokens.job import by_output
from isogram._walk.tiles import Tile, spans

LANES = 2  # streams of a GPU
_DEPTH = 1024  # of products of whole inputs that are summed up as floats


class Lane(ABC):
    """A stream of a GPU, and the memory in which it computes one block after another."""

    _sums: Any  # where the matched sums of a block are, for the kernel that writes entries
    _all_columns: Any = None  # the column that each token is matched with; None: token s with s
    _is_proven: Any = None  # whether the matching of each exactly solved part is proven optimal
    _proven_parts = 0  # the number of exactly solved parts, which come before the others

    def __init__(
        self, device: Device, plan: BlockPlan, stream: AbstractContextManager[object]
    ) -> None:
        """Take the memory that any block needs."""
        self.stream = stream
        self._device, self._plan, self._kernels = device, plan, device.kernels
        n, m = plan.block
        self._totals = device.empty((plan.sums * n * m,))
        self._mean_products: DeviceArray = None
        if plan.is_centered:
            self._mean_products = device.empty((n * m,))

    def _matched_sums(self, rounded_totals: Any = None, gaps: Any = None) -> Any:
        means = self._mean_products
        return self._kernels.MatchedSums(
            self._kernels.Array(self._totals),
            parts=self._plan.sums,
            mean_products=None if means is None else self._kernels.Array(means),
            tokens=self._plan.rows.most,
            rounded_totals=rounded_totals,
            gaps=gaps,
            channels=self._plan.job.seen,
        )

    @classmethod
    @abstractmethod
    def bytes_for(cls, plan: BlockPlan) -> int:
        """Return the bytes of the memory of a lane."""

    def compute(self, rows: Block, cols: Block, target: Target, block: Tile) -> None:
        """Queue all work on a block of a tile."""
        device = self._device
        with self.stream:
            self._add_up(rows, cols, self._plan.is_diagonal(target.tile, block))
            if self._mean_products is not None:
                means = _corner(self._mean_products, rows, cols)
                device.matmul(rows.row_means, cols.col_means.T, means)
            place = (target.place[0] + block.rows.start, target.place[1] + block.cols.start)
            self._kernels.write_entries(
                device.stream,
                self._sums,
                rows.side,
                cols.side,
                same=target.is_one_set,
                place=place,
                entries=target.entries,
                tokens=self._matched_tokens(rows, cols),
            )

    def _matched_tokens(self, rows: Block, cols: Block) -> Any:
        """Return the tokens for distances whose sums would cancel, or None."""
        if rows.source is None:
            return None
        plan = self._plan
        first, last = plan.parts[0], plan.parts[-1]
        return self._kernels.MatchedTokens(
            rows.source,
            cols.source,
            self._all_columns,
            parts=len(plan.parts),
            part_stride=plan.columns_of(first),
            part_rows=first.size,
            part_cols=plan.cols.parts[0].size,
            last_rows=last.size,
            exponent=plan.exponent,
            is_proven=self._is_proven,
            proven_parts=self._proven_parts,
        )

    @abstractmethod
    def _add_up(self, rows: Block, cols: Block, is_diagonal: bool) -> None:
        """Write the matched sums of packed tokens."""


class UnmatchedLane(Lane):
    """Multiplies whole inputs."""

    def __init__(
        self, device: Device, plan: BlockPlan, stream: AbstractContextManager[object]
    ) -> None:
        super().__init__(device, plan, stream)
        n, m = plan.block
        self._products = device.empty((n * m,), plan.job.dtype)
        self._sums = self._matched_sums()

    @classmethod
    def bytes_for(cls, plan: BlockPlan) -> int:
        n, m = plan.block
        return n * m * (plan.job.dtype.itemsize + 16)

    def _add_up(self, rows: Block, cols: Block, is_diagonal: bool) -> None:
        [a], [b] = rows.pieces, cols.pieces
        products = _corner(self._products, rows, cols)
        totals = _corner(self._totals, rows, cols)
        self._device.clear(totals)
        for depth in spans(min(a.shape[1], b.shape[1]), _DEPTH):
            self._device.matmul(a[:, depth], b[:, depth].T, products)
            self._device.add(products, totals)


class MatchingLane(Lane):
    """Multiplies tokens with tokens, and matches."""

    def __init__(
        self, device: Device, plan: BlockPlan, stream: AbstractContextManager[object]
    ) -> None:
        super().__init__(device, plan, stream)
        (n, m), rows, cols = plan.block, plan.rows.window, plan.cols.window
        self._affinities = device.empty((n * rows, plan.affinity_stride), plan.job.dtype)
        self._products = self._affinities
        if plan.job.matching.precision == "int8":
            self._products = self._affinities.view(np.int32)
        self._scaled = self._kernels.Array(self._products)
        self._problems = self._kernels.Array(self._affinities)
        # With a narrow precision these are sums of rounded tokens; matched pairs are scored later.
        self._scored = self._matched = self._kernels.Array(self._totals)
        if plan.is_narrow:
            self._matched = self._kernels.Array(device.empty((n * m,)))
        self._columns: list[Any] = [None] * len(plan.parts)
        if plan.keeps_columns:
            of_first = plan.columns_of(plan.parts[0])
            columns = device.empty((sum(map(plan.columns_of, plan.parts)),), np.int32)
            self._all_columns = self._kernels.Array(columns)
            self._columns = [
                self._kernels.Array(columns[number * of_first :])
                for number in range(len(plan.parts))
            ]
        if plan.marks_mismatches:
            self._proven_parts = sum(part.solver == "exact" for part in plan.parts)
            self._is_proven = self._kernels.Array(
                device.empty((len(plan.parts) * n * m,), np.uint8)
            )
        self._gaps = self._kernels.Array(device.empty((n * m,)))
        self._not_finite = self._kernels.Array(unset_index(device))
        scratch = self._kernels.match_scratch(problems=n * m, rows=rows, cols=cols)
        self._scratch = self._kernels.Array(device.empty((scratch,), np.uint8))
        has_loss = "loss" in plan.job.outputs
        self._sums = self._matched_sums(*((self._matched, self._gaps) if has_loss else ()))

    @classmethod
    def bytes_for(cls, plan: BlockPlan) -> int:
        (n, m), rows, cols = plan.block, plan.rows.window, plan.cols.window
        affinities = n * rows * plan.affinity_stride * plan.job.dtype.itemsize
        columns = 4 * sum(map(plan.columns_of, plan.parts)) if plan.keeps_columns else 0
        scratch = plan.job.gpus[0].kernels.match_scratch(problems=n * m, rows=rows, cols=cols)
        return int(affinities + columns + scratch + n * m * (8 * (plan.sums + 3) + len(plan.parts)))

    def _add_up(self, rows: Block, cols: Block, is_diagonal: bool) -> None:
        for number, part in enumerate(self._plan.parts):
            if part.begin == 0:
                self._multiply(rows, cols, part.piece)
            grid = self._kernels.ProblemGrid(
                self._problems,
                rows.extents[number],
                cols.extents[number],
                above_diagonal=is_diagonal,
            )
            self._match(part.solver, grid, number)
        if self._plan.is_narrow:
            self._kernels.rescore(
                self._device.stream,
                rows.tokens,
                cols.tokens,
                grid=grid,
                channels=self._plan.channels,
                columns=self._columns[0],
                totals=self._scored,
            )

    def _multiply(self, rows: Block, cols: Block, piece: int) -> None:
        a, b = rows.pieces[piece], cols.pieces[piece]
        self._device.matmul(a, b.T, self._products[: len(a), : len(b)])
        if rows.scales is not None:
            self._kernels.scale_products(
                self._device.stream, self._scaled, rows.scales, cols.scales
            )

    def _match(self, solver: str, grid: Any, part: int) -> None:
        if solver == "greedy":
            self._kernels.match_greedily(
                self._device.stream,
                grid,
                columns=self._columns[part],
                totals=self._matched,
                part=part,
            )
        else:
            self._kernels.match_pairs(
                self._device.stream,
                grid,
                columns=self._columns[part],
                totals=self._matched,
                part=part,
                gaps=self._gaps,
                not_finite=self._not_finite,
                scratch=self._scratch,
                is_proven=self._is_proven,
            )


def _corner(buffer: DeviceArray, rows: Block, cols: Block) -> DeviceArray:
    """Return the matrix that a block of pairs takes of a buffer for the largest one."""
    return buffer[: rows.inputs * cols.inputs].reshape(rows.inputs, cols.inputs)


def lane_for(plan: BlockPlan) -> type[Lane]:
    """Return the kind of lane that computes a plan's blocks."""
    return UnmatchedLane if plan.is_unmatched else MatchingLane


class Target:
    """Where entries of a tile are written: the results, or memory that is copied to them."""

    def __init__(
        self, device: Device, plan: BlockPlan, results: Mapping[str, NDArray[Any]], tile: Tile
    ) -> None:
        """Allocate memory, unless entries are written to the results."""
        self.tile = tile
        self.done: list[Mark] = []
        self._device, self._plan = device, plan
        if plan.is_direct:
            self._arrays = results
            self.place, self.is_one_set = tile.place, plan.is_one_set
        else:
            self._arrays = {
                name: device.empty(tile.shape, matrix.dtype) for name, matrix in results.items()
            }
            self.place, self.is_one_set = (0, 0), plan.is_on_diagonal(tile)
        arrays = {name: device.kernels.Array(array) for name, array in self._arrays.items()}
        self.entries = device.kernels.Entries(**by_output(arrays))

    @staticmethod
    def bytes_for(plan: BlockPlan, rows: int, cols: int) -> int:
        """Return the bytes of the memory for a tile of `rows` by `cols` inputs."""
        if plan.is_direct:
            return 0
        return rows * cols * plan.job.dtype.itemsize * len(plan.job.outputs)

    def part(self) -> dict[str, NDArray[Any]]:
        """Wait for the entries, and return them where the results lie; none if written there."""
        if self._plan.is_direct:
            return {}
        home = self._plan.job.home.device
        with self._device.entered():
            for mark in self.done:
                self._device.wait(mark)
            if home is None:
                return {name: self._device.to_host(array) for name, array in self._arrays.items()}
        with home.entered():
            return {name: home.copy_of(array) for name, array in self._arrays.items()}
