"""How often the most similar layer of a network trained from another seed is the same layer.

Chen et al., "Graph-Based Similarity of Neural Network Representations" (2021): ten networks of one
architecture, 500 test pictures; for each layer of one network the most similar layer of another
should be the one at the same depth. Here also across architectures, depths and classes, and with
fewer pictures and neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._classifiers import Classifier, accuracy, require_several, trained
from isogram.experiments._image_sets import ImageSet, image_set
from isogram.experiments._intervals import mean_over_pairs
from isogram.experiments._result import Cell, Estimate, Findings, Size, Table
from isogram.typing import LayerReductionName

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 3, "medium": 5, "large": 10}
_INPUTS = {"small": 200, "medium": 500, "large": 1000}
_SAMPLES = {"small": (5, 50), "medium": (5, 10, 20, 50, 100, 200, 500), "large": (5, 20, 100, 500)}
_NEIGHBOURS = (1, 2, 3, 5, 10)
_DRAWS = 5  # of fewer pictures than there are


class _Way(NamedTuple):
    """A measure with its options."""

    measure: str
    options: Mapping[str, Any] = {}


_WAYS = {
    "GBS, full graphs": _Way("gbs"),
    "GBS, full, centred": _Way("gbs_centered"),
    "GBS, k = 3": _Way("gbs_knn", {"k": 3}),
    "GBS, k = 10": _Way("gbs_knn", {"k": 10}),
    "GBS, k = 10, centred": _Way("gbs_knn", {"k": 10, "center": True}),
    "CKA, linear, biased": _Way("cka_biased"),
    "CKA, linear, debiased": _Way("cka"),
    "CKA, RBF, biased": _Way("cka_rbf", {"estimator": "biased"}),
    "CKA, RBF, debiased": _Way("cka_rbf"),
    "mutual k-NN, k = 10": _Way("mutual_knn"),
    "Procrustes": _Way("procrustes"),
    "RSA, Pearson": _Way("rsa_pearson"),
    "RSA, Spearman": _Way("rsa_spearman"),
}
_ACROSS = ("GBS, full graphs", "GBS, full, centred", "GBS, k = 10", "CKA, linear, debiased")
_REDUCTIONS: tuple[LayerReductionName, ...] = ("flatten", "mean_nchw")
_RESAMPLES = {"small": 50, "medium": 200, "large": 1000}
_Layers = dict[str, Any]


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return how often layers are found again, by every measure."""
    require_several(seeds)
    images = image_set("digits" if size == "small" else "mnist")
    architectures = ("mlp",) if size == "small" else ("cnn", "resnet")
    count = _INPUTS[size]
    groups = {name: [trained(name, images, seed) for seed in seeds] for name in architectures}
    tables = [_accuracies(groups, images), _identified(groups, images.test_pictures[:count])]
    first = groups[architectures[0]]
    two = [network.layers(images.test_pictures[:count]) for network in first[:2]]
    tables.append(_told_apart(two[0], two[1], _RESAMPLES[size]))
    tables.append(_ablation(first, images.test_pictures, _SAMPLES[size]))
    if size != "small":
        tables.append(_across(groups, images, seeds, count))
    settings = {
        "pictures": f"{count} of {images.name}",
        "pictures drawn again": f"{_RESAMPLES[size]} times",
    }
    matrices = {
        name: np.asarray(ig.similarity_matrix(*two, measure=way.measure, **way.options))
        for name, way in _WAYS.items()
        if name in _ACROSS
    }
    return Findings(tables, settings, {"layers": list(two[0]), "matrices": matrices})


def _accuracies(groups: Mapping[str, Sequence[Classifier]], images: ImageSet) -> Table:
    rows: list[list[Cell]] = []
    for name, networks in groups.items():
        right = [accuracy(net, images.test_pictures, images.test_labels) for net in networks]
        layers = len(networks[0].layers(images.test_pictures[:1]))
        rows.append([name, layers, float(np.mean(right)), min(right)])
    return Table("Networks", ["architecture", "layers", "test accuracy", "lowest"], rows)


def _identified(groups: Mapping[str, Sequence[Classifier]], pictures: NDArray[Any]) -> Table:
    """Return a table of all measures, flattened and averaged, in every architecture."""
    header, columns = ["measure"], []
    for name, networks in groups.items():
        layers = [network.layers(pictures) for network in networks]
        for reduce in ("flatten",) if name == "mlp" else _REDUCTIONS:
            header.append(f"{name}, {reduce.removesuffix('_nchw')}")
            found = [similarities(layers, way, reduce) for way in _WAYS.values()]
            columns.append([mean_over_pairs(rates_of(values)) for values in found])
    chances = [1 / len(networks[0].layers(pictures[:1])) for networks in groups.values()]
    per_group = (len(header) - 1) // len(groups)
    rows: list[list[Cell]] = [[way, *cells] for way, *cells in zip(_WAYS, *columns, strict=True)]
    rows.append(["by chance", *(chance for chance in chances for _ in range(per_group))])
    return Table("Layers whose most similar layer is the same one", header, rows)


def similarities(
    networks: Sequence[_Layers], way: _Way, reduce: LayerReductionName = "flatten"
) -> NDArray[Any]:
    """Return a measure of all layers of all networks, (networks, layers, networks, layers)."""
    layers = {f"{i} {name}": x for i, each in enumerate(networks) for name, x in each.items()}
    values = ig.similarity_matrix(layers, measure=way.measure, reduce=reduce, **way.options)
    if ig.measures()[way.measure].kind == "distance":
        values = -values
    shape = (len(networks), len(networks[0]))
    return np.asarray(values).reshape(*shape, *shape)


def rates_of(values: NDArray[Any]) -> NDArray[Any]:
    """Return the share of layers found again for every ordered pair of networks; NaN of one."""
    best = most_similar(values)  # (network, layer, other network)
    rates: NDArray[Any] = (best == np.arange(values.shape[1])[:, None]).mean(axis=1)
    np.fill_diagonal(rates, np.nan)
    return rates


def most_similar(values: NDArray[Any]) -> NDArray[np.intp]:
    """Return the places of the largest values along the last axis; NaN is the least."""
    best: NDArray[np.intp] = np.where(np.isnan(values), -np.inf, values).argmax(axis=-1)
    return best


def _told_apart(x: _Layers, y: _Layers, resamples: int) -> Table:
    """Return by how much each layer's counterpart exceeds the best other layer, of two networks.

    Intervals are over pictures; the others are of seeds.
    """
    rows: list[list[Cell]] = []
    for name in ("GBS, full, centred", "CKA, linear, debiased"):
        found = ig.bootstrap(
            x, y, measure=_WAYS[name].measure, n_resamples=resamples, interval="percentile"
        )
        values = np.array(found.value)
        np.fill_diagonal(values, -np.inf)
        for i, (layer, best) in enumerate(zip(x, most_similar(values), strict=True)):
            other = list(y)[best]
            own = Estimate(*(float(np.asarray(ends)[i, i]) for ends in _ends(found)))
            gap = found.difference((layer, layer), (layer, other))
            rows.append([name, layer, own, other, Estimate(*_ends(gap)), gap.p])
    return Table(
        "Whether the same layer of another network is told from the best other one",
        ["measure", "layer", "same layer", "best other", "difference", "p"],
        rows,
    )


def _ends(found: Any) -> tuple[Any, Any, Any]:
    return found.value, found.low, found.high


def _ablation(
    networks: Sequence[Classifier], pictures: NDArray[Any], samples: Sequence[int]
) -> Table:
    """Return how often layers are found again by fewer pictures and other neighbours."""
    ways = {f"GBS, k = {k}": _Way("gbs", {"k": k}) for k in _NEIGHBOURS} | {
        name: _WAYS[name]
        for name in (
            "GBS, full graphs",
            "GBS, full, centred",
            "CKA, linear, biased",
            "CKA, linear, debiased",
        )
    }
    layers = [network.layers(pictures) for network in networks]
    rng = np.random.default_rng(0)
    draws = {
        n: [rng.permutation(len(pictures))[:n] for _ in range(_DRAWS if n < 200 else 1)]
        for n in samples
    }
    rows: list[list[Cell]] = []
    for name, way in ways.items():
        cells: list[Cell] = []
        for n, chosen in draws.items():
            if way.options.get("k", 1) >= n:
                cells.append("")
                continue
            parts = [[{k: x[rows] for k, x in each.items()} for each in layers] for rows in chosen]
            rates = np.mean([rates_of(similarities(part, way)) for part in parts], axis=0)
            cells.append(mean_over_pairs(rates))
        rows.append([name, *cells])
    return Table("The same by the number of pictures", ["measure", *map(str, samples)], rows)


def _across(
    groups: Mapping[str, Sequence[Classifier]], images: ImageSet, seeds: Sequence[int], count: int
) -> Table:
    """Return how well layers correspond across architectures, depths and classes."""
    pictures = images.test_pictures[:count]

    def layers(networks: Sequence[Classifier]) -> list[_Layers]:
        return [network.layers(pictures) for network in networks]

    plain = layers(groups["cnn"])
    halves = [
        layers([trained("cnn", images.only(half), seed) for seed in seeds])
        for half in (range(5), range(5, 10))
    ]
    sides = {
        "cnn, another seed": (plain, plain),
        "cnn and resnet": (plain, layers(groups["resnet"])),
        "cnn of 11 and of 17 layers": (
            plain,
            layers([trained("cnn", images, seed, depth=5) for seed in seeds]),
        ),
        "cnn of classes 0-4 and of 5-9": (halves[0], halves[1]),
    }
    rows: list[list[Cell]] = []
    for title, (first, second) in sides.items():
        for name in _ACROSS:
            way = _WAYS[name]
            found = np.array(
                [
                    [
                        correspondence(
                            ig.similarity_matrix(x, y, measure=way.measure, **way.options), x, y
                        )
                        for y in second
                    ]
                    for x in first
                ]
            )
            kinds = 1 if first is second else 2
            shares = [mean_over_pairs(each, groups=kinds) for each in np.moveaxis(found, -1, 0)]
            rows.append([title, name, *shares])
    header = ["networks", "measure", "same layer", "same stage", "correlation of depths"]
    return Table("Layers across networks", header, rows)


def correspondence(values: Any, x: _Layers, y: _Layers) -> tuple[float, float, float]:
    """Return how often the most similar layer has the same name, the same stage, and Spearman's ρ.

    ρ is of the depths of layers and of the layers most similar to them.
    """
    from scipy.stats import spearmanr

    best = most_similar(np.asarray(values))
    rows, columns = list(x), np.array(list(y))[best]
    names = np.mean([a == b for a, b in zip(rows, columns, strict=True)])
    stages = np.mean([_stage(a) == _stage(b) for a, b in zip(rows, columns, strict=True)])
    rank = float(spearmanr(np.arange(len(rows)), best).statistic) if len(set(best)) > 1 else 0.0
    return float(names), float(stages), rank


def _stage(layer: str) -> str:
    return layer.partition("_")[0]


def figure(findings: Findings) -> Figure:
    """Return heat maps of two networks, and the share of layers found again by pictures."""
    from isogram import plot
    from isogram.experiments._figures import intervals, panels

    matrices, names = findings.series["matrices"], findings.series["layers"]
    with panels(3, 2, 2.6) as (figure, axes):
        for ax, (title, matrix) in zip(axes, matrices.items(), strict=False):
            plot.heatmap(matrix, rows=names, columns=names, title=title, colorbar=False, ax=ax)
            ax.set(xlabel="", ylabel="")
        (by_count,) = (t for t in findings.tables if "number of pictures" in t.title)
        for ax, has_neighbours in zip(axes[4:], (True, False), strict=True):
            intervals(
                ax,
                {
                    name.replace("linear, ", ""): [_estimate(cell) for cell in row[1:]]
                    for row in by_count.rows
                    if ("k =" in (name := str(row[0]))) is has_neighbours
                },
                by_count.header[1:],
                width=0.6,
            )
            ax.set(ylim=(0, 1.02), xlabel="pictures", ylabel="layers found again")
            ax.legend(frameon=False, loc="lower right", ncols=2)
    return figure


def _estimate(cell: Cell) -> Estimate:
    """Return an estimate, or NaN of a cell that is empty."""
    return cell if isinstance(cell, Estimate) else Estimate(np.nan, np.nan, np.nan)
