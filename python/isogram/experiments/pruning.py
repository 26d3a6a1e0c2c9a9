"""Whether the modularity of layers tells which can be removed, and how well features transfer.

Lu et al., "Understanding the Dynamics of DNNs Using Graph Modularity" (2022): layers where the
modularity of classes stops rising can be pruned. Here the residual blocks where it rises least are
taken out, or those where it rises most, or others at random; and a linear readout of each layer
says what its features are good for, of the classes that a network was trained on and of others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._classifiers import Classifier, accuracy, trained
from isogram.experiments._image_sets import ImageSet, image_set
from isogram.experiments._intervals import mean_of
from isogram.experiments._result import Cell, Estimate, Findings, Size, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 2, "medium": 5, "large": 10}
_PICTURES, _K = 500, 3
_DEPTH = 4  # blocks in each stage of the networks that lose some
_REMOVED = (3, 6)
_RANDOM_DRAWS = 2
_RETRAINED = ("accuracy at once", "after an epoch")
_READOUT = 1000  # pictures that readouts are fitted to
_RIDGE = 1e-3


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return modularity, readouts and accuracies without blocks."""
    images = image_set("digits" if size == "small" else "mnist")
    architecture = "mlp" if size == "small" else "resnet"
    first, second = images.only(range(5)), images.only(range(5, 10))
    whole = [trained(architecture, images, seed) for seed in seeds]
    half = [trained(architecture, first, seed) for seed in seeds]
    tables = [
        _readouts(f"Modularity and readout of {architecture}", whole, images),
        _readouts(f"The same of {architecture}, classes it was not trained on", half, second),
    ]
    if size != "small":
        tables.extend(_without_blocks(images, seeds))
    settings = {
        "pictures": images.name,
        "modularity": f"at most {_PICTURES} pictures, k = {_K}",
        "readout": f"ridge regression on at most {_READOUT} pictures",
        "pruned": f"resnet of {3 * _DEPTH} blocks; one epoch afterwards",
    }
    return Findings(tables, settings)


def _readouts(title: str, networks: Sequence[Classifier], images: ImageSet) -> Table:
    """Return the modularity and the accuracy of a linear readout of each layer."""
    modularities, readouts, ranks = [], [], []
    for network in networks:
        fitted = network.layers(images.pictures[:_READOUT])
        tested = network.layers(images.test_pictures[:_PICTURES])
        labels = images.test_labels[:_PICTURES]
        modularities.append([ig.modularity(x, labels, k=_K) for x in tested.values()])
        readouts.append(
            [
                _readout(fitted[name], images.labels[:_READOUT], tested[name], labels)
                for name in fitted
            ]
        )
        ranks.append(_spearman(modularities[-1], readouts[-1]))
    rows: list[list[Cell]] = [
        [name, mean_of(qs), mean_of(rates)]
        for name, qs, rates in zip(
            fitted, zip(*modularities, strict=True), zip(*readouts, strict=True), strict=True
        )
    ]
    rows.append(["Spearman's correlation of both", "", mean_of(ranks)])
    return Table(title, ["layer", "modularity", "accuracy of readout"], rows)


def _readout(
    x: NDArray[Any], labels: NDArray[np.int64], tested: NDArray[Any], classes: NDArray[np.int64]
) -> float:
    """Return the accuracy of a ridge regression of classes on standardised features."""
    x, tested = (np.asarray(each, np.float64).reshape(len(each), -1) for each in (x, tested))
    mean, scale = x.mean(axis=0), x.std() + 1e-12
    x, tested = (x - mean) / scale, (tested - mean) / scale
    products = x @ x.T
    products[np.diag_indices_from(products)] += _RIDGE * np.trace(products) / len(x)
    targets = np.eye(labels.max() + 1)[labels]
    weights = x.T @ np.linalg.solve(products, targets - targets.mean(axis=0))
    scores = tested @ weights + targets.mean(axis=0)
    return float(np.mean(scores.argmax(axis=1) == classes))


def _spearman(first: Sequence[float], second: Sequence[float]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)


def _without_blocks(images: ImageSet, seeds: Sequence[int]) -> list[Table]:
    """Return accuracies of networks that lost blocks, and where modularity rose in them."""
    from isogram.experiments._torch_classifiers import removable, without

    found: dict[tuple[str, int], list[NDArray[np.float64]]] = {}
    risen: list[dict[str, float]] = []
    for seed in seeds:
        network = trained("resnet", images, seed, depth=_DEPTH)
        rises = _rises(network, images)
        risen.append({block: rises[block] for block in removable(network)})
        order = sorted(risen[-1], key=risen[-1].__getitem__)
        rng = np.random.default_rng(seed)
        choices: dict[tuple[str, int], list[list[str]]] = {("none", 0): [[]]}
        for count in _REMOVED:
            choices["least rise", count] = [order[:count]]
            choices["largest rise", count] = [order[-count:]]
            choices["random", count] = [
                rng.permutation(order)[:count].tolist() for _ in range(_RANDOM_DRAWS)
            ]
        for choice, draws in choices.items():
            rates = [
                [
                    accuracy(
                        without(network, blocks, images, seed, epochs),
                        images.test_pictures,
                        images.test_labels,
                    )
                    for epochs in (0, 1)
                ]
                for blocks in draws
            ]
            found.setdefault(choice, []).append(np.mean(rates, axis=0))
    rows: list[list[Cell]] = [
        [*choice, *map(mean_of, np.transpose(rates))] for choice, rates in found.items()
    ]
    header = ["blocks, by the rise of modularity", "removed", *_RETRAINED]
    return [Table("Accuracy without residual blocks", header, rows), by_block(risen)]


def by_block(risen: Sequence[Mapping[str, float]]) -> Table:
    """Return the rise at each block, and in how many networks it is among the least, or largest."""
    orders = [sorted(rises, key=rises.__getitem__) for rises in risen]
    few = _REMOVED[0]
    rows: list[list[Cell]] = [
        [
            block,
            mean_of([rises[block] for rises in risen]),
            sum(block in order[:few] for order in orders),
            sum(block in order[-few:] for order in orders),
        ]
        for block in risen[0]
    ]
    header = ["block", "rise of modularity", f"among the {few} least", f"among the {few} largest"]
    return Table("Rise of modularity at residual blocks, and in how many networks", header, rows)


def _rises(network: Classifier, images: ImageSet) -> dict[str, float]:
    """Return by how much the modularity of each layer exceeds that of the one before."""
    labels = images.labels[:_PICTURES]
    layers = network.layers(images.pictures[:_PICTURES])
    found = [ig.modularity(x, labels, k=_K) for x in layers.values()]
    return dict(zip(list(layers)[1:], np.diff(found).tolist(), strict=True))


def figure(findings: Findings) -> Figure:
    """Return modularity and readouts over depth, of classes trained on and of others.

    Below these panels are the accuracies without blocks, if any were removed.
    """
    from isogram.experiments._figures import bands, intervals, mosaic

    readouts, pruned = findings.tables[:2], findings.tables[2:3]
    names = [["known", "others"], *([["pruned", "pruned"]] if pruned else [])]
    with mosaic(names, 2.4) as (figure, axes):
        for place, table in zip(names[0], readouts, strict=True):
            rows = table.rows[:-1]
            lines = {name: _estimates(rows, column) for column, name in enumerate(table.header)}
            title = table.title.partition(" of ")[2]
            layers = [str(row[0]) for row in rows]
            del lines["layer"]
            bands(axes[place], lines, layers, limits=(0, 1.05), title=title, xlabel="", ylabel="")
        for table in pruned:
            ax = axes["pruned"]
            removed = [f"{str(row[0]).removesuffix(' rise')} {row[1] or ''}" for row in table.rows]
            rates = {name: _estimates(table.rows, 2 + i) for i, name in enumerate(_RETRAINED)}
            intervals(ax, rates, removed, width=0.2)
            xlabel = "blocks removed, by the rise of modularity"
            ax.set(ylim=(0, 1.05), xlabel=xlabel, ylabel="accuracy")
            ax.legend(frameon=False, loc="lower left")
    return figure


def _estimates(rows: Sequence[Sequence[Cell]], column: int) -> list[Estimate]:
    return [cell for row in rows if isinstance(cell := row[column], Estimate)]
