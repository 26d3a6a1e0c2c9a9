"""The plan of a CKA matrix: tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isogram import _core
from isogram._arguments import ESTIMATORS, choice, kernel_of, threads
from isogram._bandwidth import bandwidths
from isogram._errors import errors_of
from isogram._host.place import HOST
from isogram._plans.arguments import edge_of
from isogram._plans.layers import (
    LayersPlan,
    layers_on_host,
    names_of,
    require_features,
    samples_of,
)
from isogram._statistics.cka_table import (
    CkaTable,
    remarks,
    samples_for_estimator,
    too_small,
)
from isogram._statistics.layer_pairs import others, require_two_sets
from isogram._types import Array, Report
from isogram._walk.plan import Reduced, whole_parts
from isogram._walk.sources import Source
from isogram._walk.tiles import Tile, counted, tiles_of
from isogram.typing import BandwidthsLike

_FUNCTION = "cka_matrix"

# Stages in which a part has cross products of features: see isogram/moments.hpp.
_OF_FEATURES = (0, 2)
# Stages in float32.
_OF_FLOAT32 = (0, 1)


@dataclass(frozen=True, eq=False, repr=False)
class CkaPlan(LayersPlan):
    """How a CKA matrix is computed tile by tile, in one stage or in several.

    A part is a dict of sums over the tile. Where the sums show that their own rounding is too
    large, `reduce()` returns the plan of the next stage, to be computed in turn.

    Attributes
    ----------
    estimator : str
        As for `cka_matrix`.
    stages : tuple of dict
        Facts of all samples, for this stage and for those that may follow. None for fewer samples
        than the estimator needs.
    moments : dict or None
        Moments of the stage before, which are right but where rounding is in doubt.
    """

    estimator: str
    stages: tuple[Mapping[str, Any], ...]
    moments: Mapping[str, Any] | None = None

    def _reduced(self, parts: Mapping[Tile, Mapping[str, Any]]) -> Reduced:
        """Return the CKA matrix, as a NumPy array, or the plan of the next stage."""
        in_order = self._in_order(parts)
        names_x, names_y = list(self.names[0]), list(self.names[1] or self.names[0])
        if not self.stages:
            remark = too_small(self.operation, self.estimator, self.inputs[0].shape[0])
            return np.full((len(names_x), len(names_y)), np.nan), [remark]
        with errors_of(self.operation), whole_parts(self.operation):
            moments = self._moments(in_order)
        if isinstance(moments, CkaPlan):
            return moments, []
        values = _core.hsic_table_of_moments(moments, x_layers=len(names_x), y_layers=len(names_y))
        table = CkaTable(*values, values[1], names_x, names_y)
        return table.cka, remarks(self.operation, table)

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's sums, but for a few numbers."""
        if not self.stages:
            return 0
        stage, (rows, cols) = self.stages[0], tile.shape
        widths: list[int] = [layer["features"] for layer in stage["layers"]]
        if stage["stage"] not in _OF_FEATURES:
            return 8 * len(widths) * (rows + (cols if tile.is_mirrored else 0))
        own = sum(d * d for d in widths)
        x, y = widths[: stage["x_layers"]], widths[-stage["y_layers"] :]
        cross: int = (sum(x) ** 2 - own) // 2 if stage["is_symmetric"] else sum(x) * sum(y)
        return 8 * (2 * len(widths) * rows + own + cross)

    @property
    def _computed_itemsize(self) -> int:
        return 4 if self.stages and self.stages[0]["stage"] in _OF_FLOAT32 else 8

    def _working_bytes_with(self, edge: int) -> int:
        """Return the most of all stages, each of which may be needed."""
        if not self.stages:
            return super()._working_bytes_with(edge)
        stages = [replace(self, stages=self.stages[i:]) for i in range(len(self.stages))]
        return max(stage._working_bytes(stage._counted(edge)) for stage in stages)

    def _counted(self, edge: int) -> Iterable[tuple[Tile, int]]:
        """Yield a tile of every kind, and how many there are; of features tiles are of rows."""
        n = self.inputs[0].shape[0]
        is_of_features = self.stages[0]["stage"] in _OF_FEATURES
        for tile, count in counted((n, n), edge, is_upper=True):
            if not (is_of_features and tile.is_mirrored):
                yield tile, count

    def _with_tiles(self, edge: int) -> CkaPlan:
        if not self.stages:
            return self
        return self.at(tuple({**stage, "edge": edge} for stage in self.stages))

    def at(self, stages: tuple[Mapping[str, Any], ...]) -> CkaPlan:
        """Return the plan with these stages, and with the tiles of the first."""
        return replace(self, stages=stages, tiles=tiles_of(_core.moments_tiles(dict(stages[0]))))

    def _part(
        self, tile: Tile, inputs: Sequence[Source], num_threads: int, progress: Report
    ) -> dict[str, Any]:
        if not self.stages:
            return {}
        stage = dict(self.stages[0])
        layers = inputs[: stage["x_layers"]] if stage["is_symmetric"] else inputs
        return _core.moments_of_tile(
            stage,
            tile.bounds,
            *samples_of(tile, layers),
            names=[layer.name for layer in layers],
            num_threads=num_threads,
            progress=progress,
            pairs=self.pairs(tile),
        )

    def _moments(self, sums: list[dict[str, Any]]) -> dict[str, Any] | CkaPlan:
        """Return the moments of all parts, or the plan of the next stage."""
        stage, *later = map(dict, self.stages)
        tiles = [tile.bounds for tile in self.tiles]
        if self.moments is not None:
            return _core.reduce_magnitudes(stage, tiles, sums, dict(self.moments))
        found = _core.reduce_moments(stage, tiles, sums)
        if found is None:
            return self.at(tuple(later))
        moments, doubts = found
        if not any(doubts):
            return moments
        layers = zip(later[-1]["layers"], doubts, strict=True)
        in_doubt = [facts | {"is_left_out": not is_in_doubt} for facts, is_in_doubt in layers]
        return replace(self.at((later[-1] | {"layers": in_doubt},)), moments=moments)


def plan_cka_matrix(
    layers: Sequence[Array] | Mapping[Any, Array],
    other: Sequence[Array] | Mapping[Any, Array] | None = None,
    *,
    kernel: str = "linear",
    estimator: str = "debiased",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    tile: int | None = None,
    num_threads: int | None = None,
) -> CkaPlan:
    """Return the plan of `cka_matrix`; with another `tile` than by default results are rounded."""
    options = kernel_of(_FUNCTION, kernel, bandwidth, gamma, degree, coef0)
    require_features(_FUNCTION, options.name)
    choice(_FUNCTION, "estimator", estimator, ESTIMATORS)
    workers = threads(_FUNCTION, num_threads)
    rows, cols, inputs = layers_on_host(_FUNCTION, layers, other)
    edge = edge_of(_FUNCTION, tile, rows.samples)
    made = CkaPlan(_FUNCTION, (), inputs, names_of(rows, cols), estimator, ())
    if rows.samples < samples_for_estimator(estimator=estimator):
        all_samples = slice(0, rows.samples)
        return replace(made, tiles=(Tile(all_samples, all_samples),))
    second = others(rows, cols)
    if options.has_sides:
        require_two_sets(_FUNCTION, is_one_set=cols is None)
        second = cols
    of_rows, of_cols = bandwidths(HOST, _FUNCTION, rows, second, options, workers)
    with errors_of(_FUNCTION):
        stages = _core.plan_moments(
            **rows.for_core(second),
            **options.for_core(),
            bandwidth_x=of_rows,
            bandwidth_y=of_cols,
            debiased=estimator == "debiased",
            edge=edge,
            num_threads=workers,
        )
    return made.at(tuple(stages))
