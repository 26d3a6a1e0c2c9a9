"""The plan of divergences: tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from isogram._arguments import distributions_of, integer, no_distributions, threads
from isogram._entries import result_dtype
from isogram._errors import PlaceError
from isogram._host.jsd import jsd, require_distributions
from isogram._plans.arguments import Checked, on_host
from isogram._plans.blocks import BlocksPlan
from isogram._plans.gram import TILE
from isogram._types import Array
from isogram._walk.sinks import Block
from isogram._walk.tiles import cut


@dataclass(frozen=True, eq=False, repr=False)
class JsdPlan(BlocksPlan):
    """How divergences are computed tile by tile; a part is the tile's entries, as `jsd`.

    No fact of all rows decides a bit; that all are distributions was found when the plan was made.
    """

    def _checked(self, *inputs: Any) -> Checked:
        return on_host(self.operation, distributions_of(self.operation, *inputs))

    @property
    def _computed_itemsize(self) -> int:
        return 16  # the probability and its logarithm

    def _write(
        self, rows: NDArray[Any], cols: NDArray[Any] | None, block: Block, **options: Any
    ) -> None:
        jsd(rows, cols, block.entries, options["num_threads"], options["progress"])
        block.fill_mirror()


def plan_jsd(
    probabilities: Array,
    other: Array | None = None,
    *,
    tile: int = TILE,
    num_threads: int | None = None,
) -> JsdPlan:
    """Return the plan of `jsd`."""
    edge, workers = integer("jsd", "tile", tile, 1), threads("jsd", num_threads)
    arrays = distributions_of("jsd", probabilities, other)
    _, inputs = on_host("jsd", arrays)
    try:
        for name, array in arrays.items():
            require_distributions(array, name, workers)
    except PlaceError as error:
        raise no_distributions("jsd", error, arrays) from None
    rows, *cols = arrays.values()
    return JsdPlan(
        "jsd",
        tuple(cut((len(rows), len((cols or [rows])[0])), (edge, edge), is_upper=not cols)),
        inputs,
        result_dtype(*arrays.values()).name,
    )
