"""The values of a measure when samples of one side change places with each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import (
    integer,
    reduction_of,
    threads,
    two_sides,
)
from isogram._inference.groups import require_labels_of
from isogram._inference.permutations import Exchangeable, exchangeable, too_few_permutations
from isogram._inference.results import keys_of
from isogram._measures import measure_of
from isogram._memory import check_memory
from isogram._place import place_of
from isogram._progress import Progress, reporting
from isogram._reductions import are_positions
from isogram._statistics.layer_pairs import LayerPairs
from isogram._statistics.permuted import PERMUTED, Permutations
from isogram._types import Layers, Report
from isogram.typing import LayerReductionName

if TYPE_CHECKING:
    from isogram._measures import Measure

Doubles = NDArray[np.float64]

_FEWER = "draw fewer permutations"

# Values this close are equal but for the rounding of float32 Gram matrices, as a share of the
# largest of all: a sum that cancels, and is near 0, has the rounding of its terms.
_TIES = 1e-6


class Question(NamedTuple):
    """The checked arguments that all tests by permutations share."""

    function: str
    measure: Measure
    options: dict[str, Any]
    reduce: LayerReductionName
    x: Layers
    y: Layers | None  # None: the layers of `x` with each other
    is_one_pair: bool
    samples: Exchangeable
    n_permutations: int
    seed: int
    num_threads: int

    @classmethod
    def of(
        cls,
        function: str,
        x: Any,
        y: Any,
        measure: Any,
        reduce: Any,
        n_permutations: Any,
        groups: Any,
        exchange: Any,
        seed: Any,
        num_threads: Any,
        options: dict[str, Any],
    ) -> Question:
        """Check all arguments."""
        chosen = measure_of(function, measure)
        given = chosen.with_defaults(function, options)
        count = integer(function, "n_permutations", n_permutations, 1)
        checked_seed = integer(function, "seed", seed, 0)
        workers = threads(function, num_threads)
        reduction = reduction_of(function, reduce)
        rows, cols, is_one_pair = two_sides(function, x, y, reduction)
        if cols is None and len(rows.names) < 2:
            raise ValueError(
                f"{function}: `x` must have at least 2 layers where `y` is None, got 1"
            )
        if groups is None and are_positions(reduction):
            raise ValueError(
                f"{function}: `groups` must be given where positions are samples, which their "
                "neighbours are like, got None: the input of each position, to exchange groups"
            )
        require_labels_of(function, groups, rows)
        samples = exchangeable(function, groups, exchange, rows.samples)
        return cls(
            function,
            chosen,
            given,
            reduction,
            rows,
            cols,
            is_one_pair,
            samples,
            count,
            checked_seed,
            workers,
        )

    @property
    def n(self) -> int:
        """Samples."""
        return self.x.samples

    @property
    def layers(self) -> tuple[list[Any], list[Any]] | None:
        """The keys of the layers, for results."""
        return None if self.is_one_pair else keys_of(self.x, self.y)

    @property
    def tested(self) -> NDArray[np.bool_]:
        """The pairs to test: of one set of layers each pair of different layers once."""
        if self.y is not None:
            return np.ones((len(self.x.names), len(self.y.names)), bool)
        return np.triu(np.ones((len(self.x.names),) * 2, bool), 1)

    def shaped(self, values: Doubles) -> Any:
        """Return a table as results have it: of one pair a float."""
        return float(values[0, 0]) if self.is_one_pair else values


class NullValues(NamedTuple):
    """A measure of all pairs of layers, and its values under the null hypothesis."""

    value: Doubles  # (L1, L2)
    null: Doubles  # (permutations, L1, L2)
    alike: Doubles  # the value as the null values are computed: larger is more alike
    alike_null: Doubles
    remarks: list[str]


def null_values(question: Question, progress: Progress) -> NullValues:
    """Return the values, of the same permutations for all pairs."""
    q = question
    value, remarks = _values(q, q.x, q.y)
    count = q.n_permutations
    check_memory(q.function, (count, *value.shape), np.dtype(np.float64), _FEWER, 3)
    check_memory(q.function, (count, q.n), np.dtype(np.int32), _FEWER, 3)
    permutations = q.samples.draw(count, q.seed)
    with reporting(q.function, progress, "permutation") as report:
        if remarks and np.isnan(value).all():
            null = np.full((q.n_permutations, *value.shape), np.nan)
            reference = value
        elif q.measure.needs in PERMUTED:
            identity = np.arange(q.n, dtype=np.int32)
            drawn = _on_grams(q, np.vstack([identity, permutations]), report)
            reference, null = drawn[0], drawn[1:]
        else:
            reference, null = value, np.stack(list(_of_permuted_rows(q, permutations, report)))
    if q.y is None:  # each pair once: of the other order it would be another permutation
        rows, cols = np.tril_indices(len(value), -1)
        for table in (reference, null):
            table[..., rows, cols] = table[..., cols, rows]
    sign = 1.0 if q.measure.kind == "similarity" else -1.0
    remarks = remarks + too_few_permutations(q.function, q.samples, q.n_permutations)
    return NullValues(value, null, sign * reference, sign * null, remarks)


def least_but_for_rounding(null: Doubles, value: Doubles, *, is_root: bool) -> Doubles:
    """Return what null values have to be to count as at least as large as the values.

    Of a root rounding is that of its square: of a square near 0 it leaves much of the root.
    """
    if is_root:
        null, value = _squared(null), _squared(value)
    largest = np.abs(null).max(axis=0, where=np.isfinite(null), initial=0.0)
    least: Doubles = value - _TIES * np.maximum(largest, np.abs(value))
    return np.copysign(np.sqrt(np.abs(least)), least) if is_root else least


def _squared(values: Doubles) -> Doubles:
    """Return squares with the signs of the values: distances are negative, to be more alike."""
    return values * np.abs(values)


def _values(q: Question, x: Layers, y: Layers | None) -> tuple[Doubles, list[str]]:
    _, host, remarks = q.measure.of_layers(q.function, x, y, q.num_threads, None, q.options)
    return host, remarks


def _on_grams(q: Question, permutations: Permutations, report: Report) -> Doubles:
    """Return the values by products of Gram matrices, which are made once."""
    # The first is that of the samples as they are, which nobody is told about.
    told = report and (lambda done, total: report(done - 1, total - 1))
    pairs = LayerPairs.of(q.function, q.x, q.y, q.num_threads, told)
    statistics = PERMUTED[q.measure.needs](pairs, permutations, **q.options)
    return np.stack([q.measure.value(np, statistic) for statistic in statistics])


def _of_permuted_rows(q: Question, permutations: Permutations, report: Report) -> Iterator[Doubles]:
    """Yield the values of permuted samples, by the measure itself."""
    of_y = q.x if q.y is None else q.y
    place = place_of(q.function, of_y.named)
    is_gram = q.options.get("kernel") == "precomputed"
    for done, permutation in enumerate(permutations, 1):
        with place.entered():
            order = place.xp.asarray(permutation)
            arrays = [array[order] for array in of_y.arrays]
            if is_gram:
                arrays = [array[:, order] for array in arrays]
        yield _values(q, q.x, Layers(of_y.names, arrays))[0]
        if report is not None:
            report(done, len(permutations))
