"""What a call of inference is about: checked layers on the host, and a measure of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import reduction_of, threads, two_sides
from isogram._errors import errors_of
from isogram._inference.draws import Counts, Groups, clusters_of
from isogram._inference.groups import require_labels_of
from isogram._inference.resampled import resampler_of, values_of
from isogram._inference.results import keys_of
from isogram._measures import measure_of
from isogram._memory import check_memory
from isogram._place import place_of_layers
from isogram._reductions import are_positions
from isogram._statistics.layer_pairs import LayerPairs
from isogram._types import Layers
from isogram.typing import LayerReductionName

if TYPE_CHECKING:
    from isogram._measures import Measure
    from isogram._protocols import Place


class Sample(NamedTuple):
    """Two representations, or sets of layers, and the measure that compares them."""

    function: str
    measure: Measure
    options: dict[str, Any]
    x: Layers
    y: Layers | None
    keys: tuple[list[Any], list[Any]] | None  # None of two representations
    num_threads: int
    reduce: LayerReductionName

    @classmethod
    def of(
        cls,
        function: str,
        x: Any,
        y: Any,
        measure: Any,
        reduce: Any,
        num_threads: Any,
        options: Any,
    ) -> Sample:
        """Check the arguments; layers on a GPU are copied to the host."""
        chosen = measure_of(function, measure)
        given = chosen.with_defaults(function, options)
        workers = threads(function, num_threads)
        reduction = reduction_of(function, reduce)
        rows, cols, is_one_pair = two_sides(function, x, y, reduction)
        keys = None if is_one_pair else keys_of(rows, cols)
        place = place_of_layers(function, rows, cols)
        rows, cols = on_host(place, rows), cols and on_host(place, cols)
        return cls(function, chosen, given, rows, cols, keys, workers, reduction)

    @property
    def samples(self) -> int:
        """How many samples all layers have."""
        return self.x.samples

    def clusters(self, groups: Any) -> NDArray[np.int64]:
        """Return the number of each sample's group; without groups each is one by itself."""
        if are_positions(self.reduce) and groups is None:
            raise ValueError(
                f"{self.function}: `groups` must be given where positions are samples, which their "
                "neighbours are like, got None: the input of each position"
            )
        require_labels_of(self.function, groups, self.x)
        return clusters_of(self.function, groups, self.samples)

    def require_memory(self, resamples: int, advice: str) -> None:
        """Raise MemoryError when the draws, or the values of all resamples, cannot fit."""
        values = (resamples, len(self.x.names), len((self.y or self.x).names))
        for shape in (values, (resamples, self.samples)):
            check_memory(self.function, shape, np.dtype(np.float64), advice, 2)

    def value(self) -> tuple[NDArray[np.float64], list[str]]:
        """Return the measure of all pairs, (L1, L2), and warnings."""
        _, values, remarks = self.measure.of_layers(
            self.function, self.x, self.y, self.num_threads, None, self.options
        )
        return values, remarks

    def of_draws(
        self, counts: Counts, clusters: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Return the measure in every resample, (resamples, L1, L2); NaN of too few samples.

        `clusters` where some of more than one input may stand twice.
        """
        pairs = LayerPairs.of(self.function, self.x, self.y, self.num_threads, None)
        values = np.full((len(counts), *pairs.shape), np.nan)
        fewest = self.measure.fewest_with(self.options)
        are_enough = counts.sum(axis=1) >= fewest
        if self.samples >= fewest and are_enough.any():
            with errors_of(self.function):
                groups = Groups(np.arange(self.samples) if clusters is None else clusters)
                resampler = resampler_of(pairs, groups, self.measure, self.options)
                values[are_enough] = values_of(
                    self.measure, resampler, counts[are_enough], pairs.shape
                )
        return values

    def of_features(self, resamples: int, seed: int) -> NDArray[np.float64]:
        """Return the measure of features drawn with replacement, of each layer by themselves."""
        rng = np.random.default_rng(seed)

        def drawn(side: Layers) -> Layers:
            picks = (rng.integers(a.shape[1], size=a.shape[1]) for a in side.arrays)
            arrays = [a[:, pick] for a, pick in zip(side.arrays, picks, strict=True)]
            return side._replace(arrays=arrays)

        def resampled() -> Sample:
            return self._replace(x=drawn(self.x), y=self.y and drawn(self.y))

        return np.stack([resampled().value()[0] for _ in range(resamples)])

    def shown(self, values: NDArray[np.float64]) -> Any:
        """Return a table of pairs as results have it: of two representations a number."""
        return float(values[0, 0]) if self.keys is None else values

    def many(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values of resamples as results have them."""
        return values[:, 0, 0] if self.keys is None else values


def on_host(place: Place, layers: Layers) -> Layers:
    """Return layers in host memory."""
    with place.entered():
        return layers._replace(arrays=[place.to_host(a) for a in layers.arrays])
