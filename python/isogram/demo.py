"""The demonstration behind `isogram demo`: a small real data set, every main function, numbers.

The packaged file holds feature maps of EfficientNet-Lite0 and -Lite1 for views of photographs in
which the same object stands at different places; `examples/make_demo_features.py` makes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram._output import check_target
from isogram._tables import listing, matrix_table, terminal_width
from isogram.typing import RsmMethodName

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Features", "LayerResult", "Result", "load_features", "run"]

#: The layer whose two RSMs are drawn: the deepest one on its network's own grid.
MAIN_LAYER = "lite0.stage6"

#: For the layers' graphs: every view has five siblings that show the same picture.
NEIGHBOURS = 5

#: The RSMs of a layer, in the order of its scores.
RSMS = ("spatial", "pooled", "semantic")

_Array = NDArray[Any]
_T = TypeVar("_T")
_OfRsms: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True)
class Features:
    """The packaged data set.

    Attributes
    ----------
    layers
        Feature maps by layer name, each of shape (n, h, w, c), float16: multiples of 1/2.
    probabilities
        Class probabilities of the first network, (n, 1000), float16.
    pictures
        Name of the picture that each of the n views shows, sorted by picture.
    drawn
        Pairs of views that are drawn themselves, (pairs, 2).
    pixels
        The drawn views, (pairs, 2, height, width, 3), uint8.
    """

    layers: dict[str, _Array]
    probabilities: _Array
    pictures: list[str]
    drawn: _Array
    pixels: _Array


@dataclass(frozen=True)
class LayerResult:
    """Three RSMs of one layer, and their scores.

    Attributes
    ----------
    spatial, pooled, semantic
        The cosine RSMs, (n, n): of tokens in place, of their means, and of matched tokens.
    seconds
        Times of the three.
    assignments
        Number of exact assignments solved for the semantic one.
    same_picture
        For each RSM, the fraction of views whose nearest neighbour shows the same picture.
    pearson, spearman
        For each RSM, the correlation with the Jensen-Shannon divergences of the class
        probabilities; the more negative, the better an RSM tells what the network predicts.
    """

    spatial: _Array
    pooled: _Array
    semantic: _Array
    seconds: _OfRsms
    assignments: int
    same_picture: _OfRsms
    pearson: _OfRsms
    spearman: _OfRsms


@dataclass(frozen=True)
class Result:
    """Everything that `run` computed.

    Attributes
    ----------
    layers
        Results by layer name.
    cka, gbs
        Layer-by-layer similarities, in the order of `layers`.
    matched
        Which token of a view goes where in the other, in `MAIN_LAYER`, for each pair of
        `Features.drawn`.
    picture
        The file that was drawn, or None without matplotlib.
    """

    layers: dict[str, LayerResult]
    cka: _Array
    gbs: _Array
    matched: ig.SemanticMatching
    picture: Path | None


def load_features() -> Features:
    """Read the packaged data set.

    Returns
    -------
    Features
        120 views of 20 pictures, three layers of each of two networks.
    """
    file = resources.files("isogram").joinpath("data", "demo.npz")
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        stages = [name for name in arrays.files if ".stage" in name]
        layers = {name: arrays[name] * arrays["step"] for name in stages}  # int8 * float16
        pictures = arrays["names"][arrays["picture"]].tolist()
        return Features(
            layers, arrays["lite0.probabilities"], pictures, arrays["drawn"], arrays["drawn.pixels"]
        )


def run(output: str | Path | None = None, *, num_threads: int | None = None) -> Result:
    """Run the demonstration and print what it finds.

    Parameters
    ----------
    output
        PNG file, or folder for `isogram-demo.png`; None draws nothing.
    num_threads
        Threads to use; None takes the library's setting.

    Returns
    -------
    Result
        The numbers that were printed.

    Raises
    ------
    OSError
        If `output` cannot be written.
    ValueError
        If `output` is a file name that does not end in .png.
    """
    target = None if output is None else _picture_path(Path(output))
    features, seconds = _timed(load_features)
    names = list(features.layers)
    _print_heading(features, num_threads, seconds)

    divergence, seconds = _timed(lambda: ig.jsd(features.probabilities, num_threads=num_threads))
    print(f"\nJensen-Shannon divergences of the predicted classes: {seconds:.3f} s")
    layers = {
        name: _compare_rsms(maps, divergence, features.pictures, num_threads)
        for name, maps in features.layers.items()
    }
    _print_layers(features, layers)

    maps = features.layers
    cka, seconds = _timed(lambda: ig.cka_matrix(maps, num_threads=num_threads))
    print(f"\nCKA (linear, debiased) of all pairs of layers: {seconds:.3f} s")
    print(matrix_table(cka, names, names, terminal_width()))
    gbs, seconds = _timed(lambda: ig.gbs_matrix(maps, k=NEIGHBOURS, num_threads=num_threads))
    print(f"\nGBS ({NEIGHBOURS} nearest neighbours) of all pairs of layers: {seconds:.3f} s")
    print(matrix_table(gbs, names, names, terminal_width()))

    i, j = features.drawn.T
    matched = ig.semantic_matching(
        features.layers[MAIN_LAYER], pairs=(i, j), layout="nhwc", num_threads=num_threads
    )
    _print_matched(features, layers[MAIN_LAYER], matched)
    result = Result(layers, cka, gbs, matched, None)
    if target is None:
        return result
    picture, seconds = _timed(lambda: _draw(target, result, features))
    print(f"\npicture: {picture} ({seconds:.1f} s)" if picture else f"\n{_NO_MATPLOTLIB}")
    return replace(result, picture=picture)


_NO_MATPLOTLIB = "no picture: matplotlib is not installed (pip install 'isogram[plot]')"


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _picture_path(output: Path) -> Path:
    if output.is_dir():
        output = output / "isogram-demo.png"
    if output.suffix.lower() != ".png":
        raise ValueError(f"demo: `output` must be a folder or end in .png, got {str(output)!r}")
    check_target(output)
    return output


def _same_picture_rate(rsm: _Array, pictures: list[str]) -> float:
    """Return how often the nearest other sample shows the same picture."""
    others = np.array(rsm, dtype=np.float64)
    np.fill_diagonal(others, -np.inf)
    labels = np.array(pictures)
    return float(np.mean(labels[others.argmax(axis=1)] == labels))


def _compare_rsms(
    maps: _Array, divergence: _Array, pictures: list[str], num_threads: int | None
) -> LayerResult:
    """Compute the RSMs of a layer and how well each tells pictures and predictions apart."""
    spatial, spatial_seconds = _timed(
        lambda: ig.spatial_rsm(maps, layout="nhwc", num_threads=num_threads)
    )
    pooled, pooled_seconds = _timed(lambda: _pooled_rsm(maps, num_threads))
    semantic, semantic_seconds = _timed(
        lambda: ig.semantic_rsm(maps, layout="nhwc", num_threads=num_threads)
    )
    alike = -divergence  # of one kind with the RSMs, which are similarities

    def of_each(score: Callable[[_Array], float]) -> _OfRsms:
        return score(spatial), score(pooled), score(semantic)

    def correlations(method: RsmMethodName) -> _OfRsms:
        return of_each(
            lambda rsm: -ig.compare_rsms(rsm, alike, method=method, num_threads=num_threads)
        )

    return LayerResult(
        spatial=spatial,
        pooled=pooled,
        semantic=semantic,
        seconds=(spatial_seconds, pooled_seconds, semantic_seconds),
        assignments=len(maps) * (len(maps) - 1) // 2,
        same_picture=of_each(lambda rsm: _same_picture_rate(rsm, pictures)),
        pearson=correlations("pearson"),
        spearman=correlations("spearman"),
    )


def _pooled_rsm(maps: _Array, num_threads: int | None) -> _Array:
    """Return the cosines of means over places, which stay the same if tokens change places."""
    means = maps.mean(axis=(1, 2), dtype=np.float32)
    return np.asarray(ig.gram(means, kernel="cosine", num_threads=num_threads))


def _print_heading(features: Features, num_threads: int | None, seconds: float) -> None:
    threads = ig.get_num_threads() if num_threads is None else num_threads
    print(f"isogram {ig.__version__}, {ig.simd.level()}, {threads} thread{'s'[: threads != 1]}")
    print(
        f"{len(features.pictures)} views of {len(set(features.pictures))} pictures, "
        f"{len(features.layers)} layers of two image networks, read in {seconds:.3f} s"
    )


def _print_layers(features: Features, layers: dict[str, LayerResult]) -> None:
    print("\nViews whose nearest neighbour shows the same picture, by RSMs of tokens in place")
    print("(spatial), of their means (pooled) and of matched tokens (semantic)")
    rates = [
        (
            name,
            " x ".join(map(str, features.layers[name].shape[1:])),
            *(f"{rate:.1%}" for rate in result.same_picture),
            *(f"{seconds:.3f}" for seconds in result.seconds[::2]),
        )
        for name, result in layers.items()
    ]
    _print_table(("layer", "h x w x c", *RSMS, "seconds: spatial", "semantic"), rates)
    assignments = sum(result.assignments for result in layers.values())
    seconds = sum(result.seconds[2] for result in layers.values())
    print(f"{assignments} exact assignments in {seconds:.3f} s, one per pair of views and layer")

    for method in ("pearson", "spearman"):
        print(f"\n{method.capitalize()}'s correlation of the RSMs with the divergences")
        correlations = [
            (name, *(f"{value:.3f}" for value in getattr(result, method)))
            for name, result in layers.items()
        ]
        _print_table(("layer", *RSMS), correlations)


def _print_matched(features: Features, main: LayerResult, matched: ig.SemanticMatching) -> None:
    print(f"\nSimilarity of two views in {MAIN_LAYER}")
    header = ("picture", "views", "spatial", "semantic", "tokens that moved")
    lines = []
    for (a, b), columns, total in zip(features.drawn, matched.columns, matched.total, strict=True):
        moved = np.count_nonzero(columns != np.arange(len(columns)))
        similarities = f"{main.spatial[a, b]:.3f}", f"{total:.3f}"
        lines.append(
            (features.pictures[a], f"{a} and {b}", *similarities, f"{moved} of {len(columns)}")
        )
    _print_table(header, lines)


def _print_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    print(listing(header, lines, right=range(1, len(header)), width=terminal_width()))


def _draw(target: Path, result: Result, features: Features) -> Path | None:
    """Draw the picture; return its path, or None where matplotlib is missing."""
    try:
        from isogram import plot
    except ImportError as error:
        if error.name != "matplotlib":
            raise
        return None
    plot.save(_figure(result, features), target)
    return target


def _figure(result: Result, features: Features) -> Figure:
    """Return matched patches, the two RSMs of the main layer, and the similarities of layers."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    figure = Figure(figsize=(11.5, 14.2), dpi=150, layout=engine)
    rows: Any = figure.subfigures(3, 1, height_ratios=(2.8, 5.8, 5.6))
    top, middle, bottom = (row.subplots(1, 2) for row in rows)
    _draw_matched(top, result, features)
    _draw_rsms(middle, result.layers[MAIN_LAYER], features.pictures)
    _draw_layers(bottom, result)
    return figure


def _draw_matched(row: _Array, result: Result, features: Features) -> None:
    from isogram import plot

    columns, contributions, totals, _ = result.matched
    spatial = result.layers[MAIN_LAYER].spatial
    for k, (a, b) in enumerate(features.drawn):
        views = features.pixels[k]
        plot.matching(columns[k], *views, contributions=contributions[k], ax=row[k])
        _head(
            row[k],
            f"Tokens of two views of the {features.pictures[a]}, matched",
            f"{MAIN_LAYER}: cosine {spatial[a, b]:.2f} in place, {totals[k]:.2f} matched",
        )


def _draw_rsms(row: _Array, main: LayerResult, pictures: list[str]) -> None:
    from isogram import plot

    # One scale for both; the diagonal of ones would take half of it.
    rsms = (main.spatial, main.semantic)
    off_diagonal = ~np.eye(len(main.spatial), dtype=bool)
    values = np.concatenate([rsm[off_diagonal] for rsm in rsms])
    limits = (float(values.min()), float(values.max()))
    for ax, rsm, kind, rate, pearson in zip(
        row, rsms, ("Spatial", "Semantic"), main.same_picture[::2], main.pearson[::2], strict=True
    ):
        plot.rsm(rsm, groups=pictures, limits=limits, colorbar=False, ax=ax)
        ax.set(xlabel="", ylabel="")
        _head(
            ax,
            f"{kind} RSM of {MAIN_LAYER}",
            f"nearest neighbour shows the same picture: {rate:.0%}\n"
            f"correlation with JSD of predictions: {pearson:.2f}".replace("-", "\N{MINUS SIGN}"),
        )
    row[0].figure.colorbar(row[0].images[0], ax=row, shrink=0.8, label="cosine similarity of views")


def _draw_layers(row: _Array, result: Result) -> None:
    from isogram import plot

    names = list(result.layers)
    for ax, matrix, title, subtitle in (
        (row[0], result.cka, "CKA of layers", "linear kernel, debiased"),
        (row[1], result.gbs, "GBS of layers", f"cosine graphs of {NEIGHBOURS} nearest neighbours"),
    ):
        plot.heatmap(matrix, rows=names, columns=names, limits=(0, 1), colorbar=False, ax=ax)
        ax.set(xlabel="", ylabel="")
        _head(ax, title, subtitle)
    row[0].figure.colorbar(row[0].images[0], ax=row, shrink=0.8, label="similarity of layers")


def _head(ax: Axes, title: str, subtitle: str) -> None:
    """Write a heading, and a quieter line under it."""
    ax.set_title(title, loc="left", weight="bold", pad=8 + 14 * len(subtitle.splitlines()))
    ax.annotate(
        subtitle,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 6),
        textcoords="offset points",
        color="#666666",
    )
