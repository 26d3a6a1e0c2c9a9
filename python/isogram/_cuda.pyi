"""The CUDA kernels. Private: arrays arrive checked; they have a `__cuda_array_interface__`."""

from typing import Any

_Place = tuple[int, int]

def column_scratch(rows: int, cols: int) -> int: ...
def column_means(stream: int, x: Any, means: Any, scratch: Any) -> None: ...
def scaling_scratch() -> int: ...
def scaling_exponent(
    stream: int, x: Any, y: Any, origin: Any, exponent: Any, scratch: Any
) -> None: ...
def prepare(
    stream: int,
    x: Any,
    how: str,
    origin: Any,
    exponent: Any,
    rows: Any,
    squared_norms: Any,
    exponents: Any,
) -> None: ...
def apply_kernel(
    stream: int,
    kernel: str,
    bandwidth: Any,
    exponent: Any,
    gamma: float,
    coef0: float,
    degree: int,
    offset: Any,
    rows: Any,
    row_norms: Any,
    row_exponents: Any,
    cols: Any,
    col_norms: Any,
    col_exponents: Any,
    same: bool,
    place: _Place,
    tile: Any,
) -> None: ...
def laplacian(
    stream: int,
    kernel: str,
    bandwidth: Any,
    exponent: Any,
    gamma: float,
    coef0: float,
    degree: int,
    offset: Any,
    rows: Any,
    cols: Any,
    place: _Place,
    tile: Any,
) -> None: ...
def mirror(stream: int, upper: Any, lower: Any) -> None: ...
def mirror_diagonal(stream: int, square: Any) -> None: ...
def squared_distances(stream: int, x: Any, pairs: Any, out: Any) -> None: ...
def center_scratch(n: int) -> int: ...
def center(stream: int, k: Any, debiased: bool, out: Any, scratch: Any) -> None: ...
def clear_diagonal(stream: int, tiles: Any, place: _Place) -> None: ...
def add_row_sums(
    stream: int, tiles: Any, place: _Place, mirrored: bool, sums: Any, squares: Any
) -> None: ...
def product_scratch(x_layers: int, y_layers: int) -> int: ...
def add_products(stream: int, x: Any, y: Any, weight: float, table: Any, scratch: Any) -> None: ...
def add_row_products(
    stream: int, x: Any, y: Any, place: _Place, mirrored: bool, table: Any
) -> None: ...
def merge_nearest(stream: int, tile: Any, place: _Place, weights: Any, indices: Any) -> None: ...
def merge_nearest_columns(
    stream: int, tile: Any, place: _Place, weights: Any, indices: Any
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
def find_not_finite(stream: int, x: Any, first: Any) -> None: ...
def count_inversions(stream: int, values: Any, scratch: Any, count: Any) -> None: ...
def normalise_rows(stream: int, x: Any, out: Any) -> None: ...
def jsd(stream: int, p: Any, q: Any, tile: Any) -> None: ...
def most_matched() -> int: ...
def match_scratch(problems: int, rows: int, cols: int) -> int: ...
def match(
    stream: int,
    problems: Any,
    maximize: bool,
    columns: Any,
    totals: Any,
    gaps: Any,
    not_finite: Any,
    scratch: Any,
    down_rows: Any = None,
    across_cols: Any = None,
    above_diagonal: bool = False,
) -> None: ...
