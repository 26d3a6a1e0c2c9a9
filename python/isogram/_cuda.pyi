"""The CUDA kernels. Private: arrays arrive checked; they have a `__cuda_array_interface__`."""

from typing import Any

_Place = tuple[int, int]

def column_scratch(*, rows: int, cols: int) -> int: ...
def column_means(stream: int, x: Any, means: Any, rests: Any, scratch: Any) -> None: ...
def row_reaches(stream: int, x: Any, origin: Any, reaches: Any) -> None: ...
def bulk_means(
    stream: int, x: Any, *, origin: Any, reaches: Any, limit: Any, means: Any, scratch: Any
) -> None: ...
def scaling_scratch() -> int: ...
def scaling_exponent(
    stream: int, x: Any, y: Any, origin: Any, exponent: Any, scratch: Any
) -> None: ...
def prepare(
    stream: int,
    x: Any,
    *,
    how: str,
    origin: Any,
    rest: Any,
    exponent: Any,
    rows: Any,
    squared_norms: Any,
    exponents: Any,
) -> None: ...
def prepare_unit_differences(
    stream: int,
    x: Any,
    *,
    deviations: bool,
    direction: Any,
    squares: Any,
    length: Any,
    rows: Any,
) -> None: ...
def apply_kernel(
    stream: int,
    rows: Any,
    cols: Any,
    tile: Any,
    *,
    row_norms: Any,
    row_exponents: Any,
    col_norms: Any,
    col_exponents: Any,
    same: bool,
    place: _Place,
    kernel: str,
    bandwidth: Any,
    exponent: Any,
    gamma: float,
    coef0: float,
    degree: int,
    offset: Any,
) -> None: ...
def laplacian(
    stream: int,
    rows: Any,
    cols: Any,
    tile: Any,
    *,
    place: _Place,
    kernel: str,
    bandwidth: Any,
    exponent: Any,
    gamma: float,
    coef0: float,
    degree: int,
    offset: Any,
) -> None: ...
def mirror(stream: int, upper: Any, lower: Any) -> None: ...
def mirror_diagonal(stream: int, square: Any) -> None: ...
def distances(stream: int, x: Any, pairs: Any, out: Any) -> None: ...
def center_scratch(n: int) -> int: ...
def center(stream: int, k: Any, *, debiased: bool, out: Any, scratch: Any) -> None: ...
def clear_diagonal(stream: int, tiles: Any, *, place: _Place) -> None: ...
def add_row_sums(
    stream: int, tiles: Any, *, place: _Place, mirrored: bool, sums: Any, squares: Any
) -> None: ...
def product_scratch(*, x_layers: int, y_layers: int) -> int: ...
def add_products(
    stream: int, x: Any, y: Any, *, weight: float, table: Any, scratch: Any
) -> None: ...
def add_row_products(
    stream: int, x: Any, y: Any, *, place: _Place, mirrored: bool, table: Any
) -> None: ...
def merge_nearest(stream: int, tile: Any, *, place: _Place, weights: Any, indices: Any) -> None: ...
def merge_nearest_columns(
    stream: int, tile: Any, *, place: _Place, weights: Any, indices: Any
) -> None: ...
def rank_nearest(
    stream: int,
    units: Any,
    *,
    tolerance: float,
    weights: Any,
    indices: Any,
    ranks: Any,
    ranked: Any,
) -> None: ...
def nearest_products(
    stream: int,
    x_indptr: Any,
    x_indices: Any,
    x_data: Any,
    y_indptr: Any,
    y_indices: Any,
    y_data: Any,
    out: Any,
) -> None: ...
def upper_triangle(stream: int, k: Any, out: Any) -> None: ...
def find_not_finite(stream: int, x: Any, first: Any, *, part: str = "all") -> None: ...
def count_inversions(stream: int, values: Any, scratch: Any, count: Any) -> None: ...
def normalise_rows(stream: int, x: Any, out: Any) -> None: ...
def jsd(stream: int, p: Any, q: Any, tile: Any) -> None: ...
def most_matched() -> int: ...
def match_scratch(*, problems: int, rows: int, cols: int) -> int: ...
def match(
    stream: int,
    problems: Any,
    *,
    maximize: bool,
    columns: Any,
    totals: Any,
    gaps: Any,
    not_finite: Any,
    scratch: Any,
    is_proven: Any = None,
    down_rows: Any = None,
    across_cols: Any = None,
    above_diagonal: bool = False,
) -> None: ...
def summarise_tokens(
    stream: int,
    tokens: Any,
    lengths: Any,
    *,
    exponents: Any,
    squared_norms: Any,
    means: Any,
    not_finite: Any,
    means_left: Any,
    bulk_norms: Any,
) -> None: ...
def order_tokens(
    stream: int, tokens: Any, lengths: Any, *, exponents: Any, scratch: Any, order: Any
) -> None: ...
def pack_tokens(
    stream: int, tokens: Any, lengths: Any, *, exponents: Any, means: Any, order: Any, packed: Any
) -> None: ...
def most_byte_channels() -> int: ...
def round_tokens(
    stream: int,
    tokens: Any,
    lengths: Any,
    *,
    exponents: Any,
    means: Any,
    precision: str,
    packed: Any,
    rounded: Any,
    scales: Any,
    norms: Any,
) -> None: ...
def round_coordinates(
    stream: int,
    tokens: Any,
    coordinates: Any,
    *,
    precision: str,
    rounded: Any,
    scales: Any,
    norms: Any,
) -> None: ...

# Functions that are called for every block of pairs take arrays as these: an address and strides.
class Array:
    def __init__(self, array: Any) -> None: ...

class Extent:
    def __init__(
        self, *, inputs: int, spacing: int, begin: int, size: int, counts: Array | None
    ) -> None: ...

class ProblemGrid:
    def __init__(
        self, affinities: Array, rows: Extent, cols: Extent, *, above_diagonal: bool
    ) -> None: ...

def match_pairs(
    stream: int,
    grid: ProblemGrid,
    *,
    columns: Array | None,
    totals: Array,
    part: int,
    gaps: Array,
    not_finite: Array,
    scratch: Array,
    is_proven: Array | None,
) -> None: ...
def match_greedily(
    stream: int, grid: ProblemGrid, *, columns: Array | None, totals: Array, part: int
) -> None: ...
def scale_products(stream: int, products: Array, row_scales: Array, col_scales: Array) -> None: ...
def rescore_parts(channels: int) -> int: ...
def rescore(
    stream: int,
    rows: Array,
    cols: Array,
    *,
    grid: ProblemGrid,
    channels: int,
    columns: Array,
    totals: Array,
) -> None: ...

class RsmSide:
    def __init__(
        self,
        exponents: Array,
        squared_norms: Array,
        *,
        rounded_norms: Array | None,
        bulk_norms: Array | None,
    ) -> None: ...

class MatchedSums:
    def __init__(
        self,
        totals: Array,
        *,
        parts: int,
        mean_products: Array | None,
        tokens: int,
        rounded_totals: Array | None,
        gaps: Array | None,
        channels: int,
    ) -> None: ...

class Source:
    def __init__(self, tokens: Any, lengths: Any, order: Any) -> None: ...

class MatchedTokens:
    def __init__(
        self,
        rows: Source,
        cols: Source,
        columns: Array | None,
        *,
        parts: int,
        part_stride: int,
        part_rows: int,
        part_cols: int,
        last_rows: int,
        exponent: int,
        is_proven: Array | None,
        proven_parts: int,
    ) -> None: ...

class Entries:
    def __init__(
        self,
        *,
        linear: Array | None,
        cosine: Array | None,
        distance: Array | None,
        loss: Array | None,
    ) -> None: ...

def write_entries(
    stream: int,
    sums: MatchedSums,
    rows: RsmSide,
    cols: RsmSide,
    *,
    same: bool,
    place: _Place,
    entries: Entries,
    tokens: MatchedTokens | None,
) -> None: ...
