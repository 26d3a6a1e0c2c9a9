"""An RSM as a job: its checked arguments, the same on the host and on GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._errors import PlaceError
from isogram._tokens.samples import Samples
from isogram._walk.tiles import Tile

if TYPE_CHECKING:
    from isogram._device.device import Device
    from isogram._protocols import Place


class Matching(NamedTuple):
    """How tokens are matched: the method, its window or top k (0: none), and how it sees tokens.

    `axes`, of shape (rank, channels), are those along which it sees them; None: all channels.
    """

    name: str
    window_or_k: int = 0
    precision: str = "float32"
    axes: NDArray[np.float64] | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether it matches other tokens than it scores: rounded, or along axes."""
        return self.precision != "float32" or self.axes is not None

    def for_core(self) -> dict[str, Any]:
        """Return it as the core's functions take it."""
        return {
            "matching": self.name,
            "window_or_k": self.window_or_k,
            "precision": self.precision,
            "axes": self.axes,
        }


class Pairs(NamedTuple):
    """The checked inputs that are compared: the rows with the columns, or with themselves."""

    rows: Samples
    cols: Samples | None

    @property
    def is_symmetric(self) -> bool:
        """Whether rows are compared with themselves."""
        return self.cols is None

    @property
    def sides(self) -> list[Samples]:
        """The sets of inputs: one or two."""
        return [self.rows] if self.cols is None else [self.rows, self.cols]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the RSM."""
        return len(self.rows), len(self.sides[-1])

    @property
    def sources(self) -> dict[str, NDArray[Any]]:
        """The caller's arrays by name."""
        return {name: array for side in self.sides for name, array in side.named_sources().items()}

    def of(self, tile: Tile) -> Pairs:
        """Return the pairs of a tile; one on the diagonal of an RSM of one set is of one set."""
        rows = self.rows.rows(tile.rows)
        if self.is_symmetric and not tile.is_mirrored:
            return Pairs(rows, None)
        return Pairs(rows, self.sides[-1].rows(tile.cols))

    def on_host(self, home: Place) -> Pairs:
        """Return the pairs with inputs, which lie in `home`, in host memory."""
        cols = None if self.cols is None else self.cols.on_host(home)
        return Pairs(self.rows.on_host(home), cols)

    def count(self, tile: Tile) -> int:
        """Return how many pairs of a tile are matched."""
        return tile.pairs(is_symmetric=self.is_symmetric)

    def for_core(self) -> tuple[Any, Any, Any, Any]:
        """Return the inputs and lengths of both sides as the core takes them."""
        return *self.rows.as_tokens(), *self.cols_for_core()

    def cols_for_core(self) -> tuple[Any, Any]:
        """Return the inputs and lengths of the columns, None where rows are with themselves."""
        return (None, None) if self.cols is None else self.cols.as_tokens()


class Listed(NamedTuple):
    """A list of pairs: the inputs of rows, and those of columns."""

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of pairs, which may repeat."""
        return len(self.rows)


OUTPUTS = ("linear", "cosine", "distance", "loss")


class Rank(NamedTuple):
    """The number of axes that a matching is to see; None: found by `mean_loss`."""

    axes: int | None
    mean_loss: float


class Job(NamedTuple):
    """The entries to compute of every pair, or of a list, from which inputs, and where."""

    pairs: Pairs
    matching: Matching
    outputs: tuple[str, ...]  # some of OUTPUTS
    dtype: np.dtype[Any]
    home: Place  # where tokens and results lie
    gpus: tuple[Device, ...] = ()  # that compute; none: the host does
    memory_limit: int | None = None  # bytes beside tokens and results, of the host or of each GPU
    workers: int = 0  # threads; 0: get_num_threads()
    listed: Listed | None = None  # the pairs whose entries are computed, as vectors; None: all

    @property
    def seen(self) -> int:
        """The channels, or axes, that the matching sees."""
        axes = self.matching.axes
        return self.pairs.rows.channels if axes is None else len(axes)


def by_output(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the array of every output, None for outputs that are not computed."""
    return {name: arrays.get(name) for name in OUTPUTS}


def not_finite(samples: Samples, entry: tuple[int, int, int], value: float) -> PlaceError:
    """Name an entry (input, token, channel) that is not finite, as the caller would."""
    name, index = samples.named_index(*entry)
    return PlaceError(ValueError, f"`{name}` must be finite, got {value} at index {index}")
