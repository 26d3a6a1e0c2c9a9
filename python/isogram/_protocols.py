"""What a place must have, for type checkers alone: nothing imports this module when it runs.

Classes of protocols take longer to make than most modules to load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from isogram._device.device import Device
from isogram._host.rsm import Facts
from isogram._statistics.layer_pairs import LayerPairs
from isogram._tokens.job import Job
from isogram._types import Array, Bandwidth, GbsTable, HsicTable, Kernel, Layers, Report
from isogram._walk.tiles import Tile


class RsmTiles(Protocol):
    """Computes tiles of the RSMs of all layers, in float64.

    A layer's linear entries and distances are in a unit that keeps their squares within range.
    """

    @property
    def edge(self) -> int:
        """Rows and columns of a tile; the last tiles may be smaller."""

    @property
    def exponents(self) -> Sequence[Any]:
        """Of each layer, the exponent of the power of two that its entries are in units of."""

    def compute(self, tile: Tile, out: Array | None = None) -> Array:
        """Return an array (layers, rows, columns), `out` or a new one."""

    def products(self, x: Array, y: Array) -> Array:
        """Return the products of the tiles of two sets of layers, summed over entries."""


class Place(Protocol):
    """Where arrays lie, and the operations that run there: `_host` and `_device` have them.

    Arguments arrive checked, and lie in this place, as results do. An error in them is a
    `PlaceError`, which `errors_of` makes an error of the function that the caller called. A call
    waits for a GPU only where a docstring says "wait"; elsewhere its results are NaN where the host
    raises. A GPU ignores `num_threads`, and reports progress once, when all is done or queued.
    """

    @property
    def device(self) -> Device | None:
        """The GPU, or None for the host."""

    @property
    def name(self) -> str:
        """The name of the place in messages."""

    @property
    def precisions(self) -> Sequence[str]:
        """The precisions that products of float32 may be rounded to."""

    @property
    def xp(self) -> Any:
        """NumPy's functions, for arrays that lie here."""

    @property
    def memory(self) -> int:
        """Bytes of memory in all."""

    def entered(self) -> AbstractContextManager[object]:
        """Make this the place of `xp`."""

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return a new array."""

    def to_host(self, array: Array) -> NDArray[Any]:
        """Wait for an array, and return it in host memory."""

    def are_finite(self, array: Array) -> bool:
        """Return whether no entry is infinite or NaN; True at once on a GPU."""

    def gram(
        self,
        x: Array,
        y: Array | None,
        kernel: Kernel,
        bandwidth: Any,
        out: Array,
        precision: str,
        num_threads: int,
    ) -> bool:
        """Write the Gram matrix of `x`, or of `x` and `y`; False: some entry is infinite.

        The call does not wait for a GPU to learn that.
        """

    def median_bandwidth(
        self,
        name: str,
        x: Array,
        pairs: NDArray[Any] | None,
        allow_constant: bool,
        num_threads: int,
    ) -> Any:
        """Return the median bandwidth of rows, NaN where it is 0; on a GPU an array of one double.

        With `allow_constant`, 1 for constant rows: their Gram is constant with any bandwidth.
        """

    def bandwidth(
        self, name: str, x: Array, pairs: NDArray[Any] | None, rule: str, num_threads: int
    ) -> float:
        """Return the root of the median or mean squared distance of rows; wait."""

    def hsic_table(
        self,
        x: Layers,
        y: Layers | None,
        kernel: Kernel,
        bandwidths_x: list[Any],
        bandwidths_y: list[Any],
        debiased: bool,
        precision: str,
        num_threads: int,
        progress: Report,
    ) -> HsicTable:
        """Return the table of the layers of `x` with those of `y`, or with each other; wait."""

    def hsic_table_of_grams(self, pairs: LayerPairs, debiased: bool) -> HsicTable:
        """Return the table of Gram matrices that are given in place of features; wait."""

    def gbs_table(
        self,
        x: Layers,
        y: Layers | None,
        k: int,
        center: bool,
        precision: str,
        num_threads: int,
        progress: Report,
        wait: bool,
    ) -> GbsTable:
        """Return the mean cosine of the rows of all pairs of layers' graphs; k = 0: full graphs.

        Without `wait`, a GPU counts no isolated nodes.
        """

    def gbs_table_of_grams(self, pairs: LayerPairs, k: int, center: bool) -> GbsTable:
        """Return the table of Gram matrices that are given in place of features; wait."""

    def require_finite(self, layers: Layers) -> None:
        """Raise the error for the first NaN or infinity; wait."""

    def rsm_tiles(
        self, layers: Layers, kernel: Kernel, bandwidths: list[Any], num_threads: int
    ) -> RsmTiles:
        """Return an object that computes tiles of layers' RSMs; "distance" is a kernel here too."""

    def permuted_products(
        self,
        x: Array,
        y: Array,
        permutations: NDArray[np.int32],
        is_upper: bool,
        num_threads: int,
        progress: Report,
    ) -> Array:
        """Return Σ x_i[r, s] · y_j[π(r), π(s)] for all permutations, i and j, in float64.

        `x` and `y` are symmetric matrices, float32 of shape (layers, n, n); permutations are rows.
        With `is_upper` entries with i > j need not be computed.
        """

    def nearest(
        self, x: Array, k: int, center: bool, num_threads: int, progress: Report
    ) -> tuple[Array, Array]:
        """Return the columns and cosines of each row's `k` nearest, both (n, k)."""

    def doubles(self, x: Array) -> Array:
        """Return a new array of the same numbers in float64, row by row."""

    def above_diagonal(self, square: Array) -> Array:
        """Return a new array of the entries above the diagonal, row by row."""

    def cross_products(
        self, x: Array, y: Array, num_threads: int, out: Array | None = None
    ) -> Array:
        """Return xᵀy of rows of one type, float32 or float64, in `out` if given; `y` may be `x`."""

    def standardized_features(
        self, x: Array, dtype: np.dtype[Any], num_threads: int
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Return features, each a row, centred and of norm 1; and which are constant; wait.

        A feature is constant if no centred entry is larger than 64 roundings of its largest entry,
        in float64. Its row is of zeros.
        """

    def unit_rows(self, x: Array, center: bool) -> Array:
        """Return rows of norm 1, or 0, in float64; with `center` of `x` less its columns' means."""

    def dense_graph(
        self, x: Array, kernel: str, center: bool, out: Array, precision: str, num_threads: int
    ) -> None:
        """Write the cosines or correlations of all pairs of rows, with a zero diagonal."""

    def knn_graph(
        self,
        x: Array,
        k: int,
        kernel: str,
        center: bool,
        symmetrize: bool,
        precision: str,
        num_threads: int,
    ) -> tuple[Array, Array, Array]:
        """Return the graph of each row's `k` nearest: indptr, indices and data; wait."""

    def center(self, k: Array, debiased: bool, out: Array, num_threads: int) -> None:
        """Write the centred matrix; `out` may be `k`."""

    def modularity(
        self, x: Array, classes: NDArray[np.int64], k: int, resolution: float, num_threads: int
    ) -> float:
        """Return the modularity of classes on the symmetrised k-NN graph, or NaN; wait."""

    def motifs(
        self, x: Array, classes: NDArray[np.int64], k: int, num_threads: int
    ) -> tuple[int, int, int]:
        """Return how many triangles of that graph touch one, two and three classes; wait."""

    def compare_rsms(self, rsm_a: Array, rsm_b: Array, method: str, num_threads: int) -> float:
        """Return the similarity of two matrices, NaN where one is constant; wait.

        Pairs that are NaN in both are left out.
        """

    def rank_entries(self, rsm: Array, num_threads: int) -> Array:
        """Return the ranks of the entries above the diagonal, row by row; ties share theirs."""

    def match(
        self, problems: Array, maximize: bool, num_threads: int, progress: Report
    ) -> tuple[Array, Any, Any, int | None]:
        """Return the columns, totals and gaps of problems, and the first whose total is infinite.

        Of a single problem total and gap are floats. Wait.
        """

    def rsm(self, job: Job, results: Mapping[str, Array], report: Report) -> int:
        """Write linear and cosine entries, distances and losses of pairs of inputs.

        Only arrays in `results` are written, which lie where the tokens do. Returns the exponent e
        of distances, which are written over 2^e. The call waits for a GPU, to learn whether all
        tokens are finite, and which distances the host is to compute.
        """

    def rsm_part(
        self, job: Job, facts: Facts, tile: Tile, report: Report
    ) -> dict[str, NDArray[Any]]:
        """Return the blocks of one tile, by the facts of all inputs, in host memory.

        Only the inputs of the tile are read, which lie in host memory too.
        """

    def rbf_from_distances(
        self, job: Job, distances: Array, bandwidth: Bandwidth, exponent: int
    ) -> bool:
        """Make RBF entries of distances over 2^exponent.

        Of an RSM of one set, the median is of those above the diagonal. False where it is 0: the
        host leaves the distances as they are then, and a GPU makes them NaN.
        """

    def jsd(
        self, p: Array, q: Array | None, out: Array, num_threads: int, progress: Report
    ) -> None:
        """Write the divergences of all pairs of rows."""
