"""The C++ core. Private: arrays arrive checked; uint16 arrays are bfloat16 bit patterns."""

from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[Any]
_Doubles = NDArray[np.float64]
_Labels = NDArray[np.int64]
# Inputs (n, s, c), or a list of (s, c); and the facts of all: tokens at most, whether centred, and
# the exponent of distances.
_Tokens = _Array | list[_Array]
_RsmPlan = tuple[int, bool, int]
# Facts, plans, and parts of sums: numbers and arrays by name.
_Values = dict[str, Any]
_Progress = Callable[[int, int], object] | None
# First row, last row, first column, last column of a tile; the last ones are not in it.
_Bounds = tuple[int, int, int, int]
# HSIC and CKA, and HSIC of the layers of x and of y with themselves.
_HsicTable = tuple[_Doubles, _Doubles, _Doubles, _Doubles]
# GBS, and the isolated nodes of the layers of x and of y.
_GbsTable = tuple[_Doubles, list[int], list[int]]
# Where rows of a sparse graph begin, columns, and entries.
_Csr = tuple[NDArray[np.int64], NDArray[np.int32], _Array]

class _Kernel(TypedDict):
    kernel: str
    gamma: float
    degree: int
    coef0: float

class _Layers(TypedDict):
    x_layers: list[_Array]
    y_layers: list[_Array] | None
    names_x: list[str]
    names_y: list[str]

class _CkaOptions(_Layers, _Kernel):
    bandwidth_x: list[float]
    bandwidth_y: list[float]
    debiased: bool
    num_threads: int

class _GbsOptions(_Layers):
    k: int
    center: bool
    num_threads: int

class _Matching(TypedDict):
    matching: str
    window_or_k: int
    precision: str
    axes: NDArray[np.float64] | None

# The address that entries are written to, and the number of threads that write.
class _RsmOutputs(TypedDict):
    linear: _Array | None
    cosine: _Array | None
    distance: _Array | None
    loss: _Array | None
    num_threads: int

class _RsmOptions(_Matching, _RsmOutputs): ...

# Arguments of every function that computes a tile: `pairs` is the number that `report` is given.
class _OfTile(TypedDict):
    num_threads: int
    progress: _Progress
    pairs: int

class _TieRule(TypedDict):
    spread: float
    isolation: float
    by_chance: float
    largest_power: float
    zero: float
    same_scale: float
    few: int

TIE_RULE: _TieRule
KERNELS: tuple[str, ...]

class _BuildInfo(TypedDict):
    version: str
    compiler: str
    build_type: str
    cuda: bool

class PlaceError(Exception): ...

def gram(
    x: _Array,
    y: _Array | None,
    kernel: str,
    gamma: float,
    degree: int,
    coef0: float,
    bandwidth: float,
    out: _Array,
    num_threads: int,
) -> bool: ...
def gram_facts(
    x: _Array,
    y: _Array | None,
    *,
    bandwidth: float,
    is_float64: bool,
    num_threads: int,
    **kernel: Unpack[_Kernel],
) -> _Values: ...
def gram_tile(
    rows: _Array,
    cols: _Array | None,
    *,
    facts: _Values,
    out: _Array,
    mirror: _Array | None,
    **options: Unpack[_OfTile],
) -> bool: ...
def distances(
    x: _Array, *, name: str, pairs: NDArray[np.int64] | None, num_threads: int
) -> _Doubles: ...
def median_distance(
    x: _Array, *, name: str, pairs: NDArray[np.int64] | None, num_threads: int
) -> float: ...
def root_median_square(values: _Array, *, num_threads: int) -> float: ...
def rbf_from_distances(values: _Array, *, bandwidth: float, num_threads: int) -> None: ...
def center(k: _Array, *, debiased: bool, out: _Array, num_threads: int) -> None: ...
def standardized_features(x: _Array, *, out: _Array, num_threads: int) -> NDArray[np.bool_]: ...
def hsic_table(
    x_layers: list[_Array],
    y_layers: list[_Array] | None,
    names_x: list[str],
    names_y: list[str],
    kernel: str,
    gamma: float,
    degree: int,
    coef0: float,
    bandwidth_x: list[float],
    bandwidth_y: list[float],
    debiased: bool,
    num_threads: int,
    progress: _Progress,
) -> _HsicTable: ...
def hsic_table_of_grams(
    *, debiased: bool, num_threads: int, progress: _Progress, **options: Unpack[_Layers]
) -> _HsicTable: ...
def plan_moments(*, edge: int, **options: Unpack[_CkaOptions]) -> list[_Values]: ...
def moments_tiles(plan: _Values) -> list[_Bounds]: ...
def moments_of_tile(
    plan: _Values,
    tile: _Bounds,
    rows: list[_Array],
    cols: list[_Array] | None,
    *,
    names: list[str],
    **options: Unpack[_OfTile],
) -> _Values: ...
def reduce_moments(
    plan: _Values, tiles: list[_Bounds], parts: list[_Values]
) -> tuple[_Values, list[bool]] | None: ...
def reduce_magnitudes(
    plan: _Values, tiles: list[_Bounds], parts: list[_Values], moments: _Values
) -> _Values: ...
def hsic_table_of_moments(moments: _Values, *, x_layers: int, y_layers: int) -> _HsicTable: ...
def dense_graph(x: _Array, *, kernel: str, center: bool, out: _Array, num_threads: int) -> None: ...
def knn_graph(
    x: _Array, *, k: int, kernel: str, center: bool, symmetrize: bool, num_threads: int
) -> _Csr: ...
def plan_gbs(
    *, kernel: str, edge: int, **options: Unpack[_GbsOptions]
) -> tuple[_Values, list[_Bounds]]: ...
def gbs_of_tile(
    plan: _Values,
    tile: _Bounds,
    rows: list[_Array],
    cols: list[_Array] | None,
    *,
    names: list[str],
    **options: Unpack[_OfTile],
) -> _Values: ...
def gbs_of_parts(plan: _Values, parts: list[_Values]) -> _GbsTable: ...
def knn_graph_of_parts(plan: _Values, parts: list[_Values], *, symmetrize: bool) -> _Csr: ...
def gbs_table(
    x_layers: list[_Array],
    y_layers: list[_Array] | None,
    names_x: list[str],
    names_y: list[str],
    k: int,
    center: bool,
    num_threads: int,
    progress: _Progress,
) -> _GbsTable: ...
def gbs_table_of_grams(*, progress: _Progress, **options: Unpack[_GbsOptions]) -> _GbsTable: ...
def modularity(
    x: _Array, labels: _Labels, *, k: int, resolution: float, num_threads: int
) -> float: ...
def motifs(x: _Array, labels: _Labels, *, k: int, num_threads: int) -> tuple[int, int, int]: ...
def modularity_of_graph(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    data: _Array,
    labels: _Labels,
    *,
    resolution: float,
) -> float: ...
def motifs_of_graph(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    data: _Array,
    labels: _Labels,
    *,
    num_threads: int,
) -> tuple[int, int, int]: ...
def match(
    similarity: _Array, maximize: bool, num_threads: int, progress: _Progress
) -> tuple[NDArray[np.int32], Any, Any]: ...

class NotFiniteToken(ValueError):
    inputs: str  # the argument: tokens or other
    index: tuple[int, int, int]  # input, token, channel
    value: float

def plan_rsm(
    tokens: _Tokens,
    lengths: NDArray[np.int32] | None,
    other: _Tokens | None,
    other_lengths: NDArray[np.int32] | None,
    *,
    is_float64: bool,
    num_threads: int,
    **matching: Unpack[_Matching],
) -> _RsmPlan: ...
def plan_of_facts(
    *,
    is_float64: bool,
    fewest: int,
    most: int,
    largest_norm: int | None,
    **matching: Unpack[_Matching],
) -> _RsmPlan: ...
def rsm_tile_bytes(
    *,
    plan: _RsmPlan,
    is_float64: bool,
    channels: int,
    rows: int,
    cols: int,
    has_distances: bool,
    is_listed: bool,
    num_threads: int,
    **matching: Unpack[_Matching],
) -> int: ...
def semantic_rsm(
    tokens: _Tokens,
    lengths: NDArray[np.int32] | None,
    other: _Tokens | None,
    other_lengths: NDArray[np.int32] | None,
    *,
    progress: _Progress,
    **options: Unpack[_RsmOptions],
) -> int: ...
def semantic_rsm_pairs(
    tokens: _Tokens,
    lengths: NDArray[np.int32] | None,
    other: _Tokens | None,
    other_lengths: NDArray[np.int32] | None,
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    *,
    plan: _RsmPlan,
    progress: _Progress,
    **options: Unpack[_RsmOptions],
) -> None: ...

class PackedRows:
    def __init__(
        self,
        tokens: _Tokens,
        lengths: NDArray[np.int32] | None,
        *,
        plan: _RsmPlan,
        is_float64: bool,
        num_threads: int,
        **matching: Unpack[_Matching],
    ) -> None: ...

def semantic_rsm_tile(
    rows: PackedRows,
    other: _Tokens | None,
    other_lengths: NDArray[np.int32] | None,
    *,
    progress: _Progress,
    **outputs: Unpack[_RsmOutputs],
) -> None: ...
def compare(a: _Array, b: _Array, *, method: str, num_threads: int) -> float: ...
def rank_entries(rsm: _Array, *, num_threads: int) -> _Doubles: ...
def permuted_products(
    k: NDArray[np.float32],
    l: NDArray[np.float32],
    permutations: NDArray[np.int32],
    *,
    is_upper: bool,
    num_threads: int,
    progress: _Progress,
) -> _Doubles: ...
def require_distributions(x: _Array, *, name: str, num_threads: int) -> None: ...
def jsd(
    p: _Array, q: _Array | None, *, out: _Array, num_threads: int, progress: _Progress
) -> None: ...

class Pcg64:
    def __init__(self, seed_words: list[int]) -> None: ...
    def fill(self, end: int, out: NDArray[np.int64]) -> None: ...

class UsualArithmetic:
    def __enter__(self) -> None: ...
    def __exit__(self, *exception: object) -> None: ...

def simd_levels() -> list[str]: ...
def simd_level() -> str: ...
def set_simd_level(name: str) -> None: ...
def get_num_threads() -> int: ...
def set_num_threads(num_threads: int) -> None: ...
def build_info() -> _BuildInfo: ...
