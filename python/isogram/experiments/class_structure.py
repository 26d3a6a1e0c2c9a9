"""How far classes become communities of the graphs of layers, with depth and with training.

Chen et al. (2021): triangles of k-NN graphs (k = 5, 200 pictures) by how many classes they touch.
Lu et al. (2022): modularity of k-NN graphs (k = 3, 500 pictures) rises with depth. Here for trained
networks, untrained ones and networks trained on random labels, with a linear stitch beside them:
how well the top of one network classifies what a linear map makes of the bottom of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._classifiers import Classifier, accuracy, require_several, trained
from isogram.experiments._image_sets import ImageSet, image_set
from isogram.experiments._intervals import mean_of
from isogram.experiments._result import Cell, Estimate, Findings, Size, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 2, "medium": 5, "large": 10}
_RANDOM_LABELS = 1000  # pictures that a network learns by heart
_EPOCHS_BY_HEART = {"mlp": 200, "cnn": 40, "resnet": 40}
_MOTIF_PICTURES, _MOTIF_K = 200, 5
_MODULARITY_PICTURES, _MODULARITY_K = 500, 3
_AXES = {
    "modularity": "modularity of classes",
    "one class": "triangles in one class",
    "stitched accuracy": "accuracy of stitch",
}
_FITTED = 500  # pictures that the linear maps of stitches are fitted to


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return motifs, modularity and stitches over depth."""
    require_several(seeds)
    images = image_set("digits" if size == "small" else "mnist")
    architectures = ("mlp",) if size == "small" else ("cnn", "resnet")
    tables = []
    for architecture in architectures:
        kinds = _kinds(architecture, images, seeds)
        tables.append(_accuracies(architecture, kinds, images))
        tables.append(_by_depth(architecture, kinds, images))
    settings = {
        "pictures": images.name,
        "modularity": f"at most {_MODULARITY_PICTURES} pictures, k = {_MODULARITY_K}",
        "motifs": f"{_MOTIF_PICTURES} pictures, k = {_MOTIF_K}",
        "random labels": f"{_RANDOM_LABELS} pictures",
    }
    return Findings(tables, settings)


def _kinds(
    architecture: str, images: ImageSet, seeds: Sequence[int]
) -> dict[str, list[Classifier]]:
    by_heart = images.with_random_labels(_RANDOM_LABELS)
    epochs = _EPOCHS_BY_HEART[architecture]
    return {
        "trained": [trained(architecture, images, seed) for seed in seeds],
        "untrained": [trained(architecture, images, seed, epochs=0) for seed in seeds],
        "random labels": [trained(architecture, by_heart, seed, epochs=epochs) for seed in seeds],
    }


def _accuracies(
    architecture: str, kinds: Mapping[str, Sequence[Classifier]], images: ImageSet
) -> Table:
    by_heart = images.with_random_labels(_RANDOM_LABELS)
    rows: list[list[Cell]] = []
    for kind, networks in kinds.items():
        own = by_heart if kind == "random labels" else images
        learned = [accuracy(network, own.pictures, own.labels) for network in networks]
        tested = [accuracy(net, images.test_pictures, images.test_labels) for net in networks]
        rows.append([kind, float(np.mean(learned)), float(np.mean(tested))])
    return Table(f"Accuracy of {architecture}", ["labels", "of its pictures", "of others"], rows)


def _by_depth(
    architecture: str, kinds: Mapping[str, Sequence[Classifier]], images: ImageSet
) -> Table:
    """Return modularity and the share of triangles in one class, layer by layer."""
    found = {
        kind: [structure(net.layers(images.test_pictures), images.test_labels) for net in networks]
        for kind, networks in kinds.items()
    }
    header = ["layer"]
    columns: list[Sequence[Any]] = [list(found["trained"][0])]
    for place, name in enumerate(("modularity", "one class")):
        for kind, networks in found.items():
            header.append(f"{name}, {kind}")
            columns.append(
                [mean_of([each[layer][place] for each in networks]) for layer in columns[0]]
            )
    if architecture != "mlp":
        header.append("stitched accuracy")
        columns.append(_stitches(kinds["trained"], images))
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Table(f"Class structure of {architecture}", header, rows)


def structure(
    layers: Mapping[str, NDArray[Any]], labels: NDArray[Any]
) -> dict[str, tuple[float, float]]:
    """Return the modularity of each layer's graph, and its share of triangles in one class."""
    many, few = _MODULARITY_PICTURES, _MOTIF_PICTURES
    found = {}
    for name, x in layers.items():
        motifs = ig.motifs(x[:few], labels[:few], k=_MOTIF_K)
        share = motifs.one / max(1, sum(motifs))
        found[name] = (ig.modularity(x[:many], labels[:many], k=_MODULARITY_K), share)
    return found


def _stitches(networks: Sequence[Classifier], images: ImageSet) -> list[Any]:
    """Return the accuracy after each layer with the top of the next network, over networks."""
    from isogram.experiments._torch_classifiers import stitched_accuracies

    fitted = images.pictures[:_FITTED]
    pairs = zip(networks, [*networks[1:], networks[0]], strict=True)
    found = [
        stitched_accuracies(bottom, top, fitted, images.test_pictures, images.test_labels)
        for bottom, top in pairs
    ]
    return [mean_of(list(rates)) for rates in zip(*found, strict=True)]


def figure(findings: Findings) -> Figure:
    """Return modularity, motifs and stitches over depth, a column for each architecture."""
    from isogram.experiments._figures import bands, panels

    tables = [table for table in findings.tables if table.title.startswith("Class structure")]
    rows = [row for row in _AXES if any(row in name for name in tables[0].header)]
    with panels(len(rows), len(tables), 2.3) as (figure, axes):
        for place, ax in enumerate(axes):
            name, table = rows[place // len(tables)], tables[place % len(tables)]
            lines = {
                column.removeprefix(f"{name}, "): cast("list[Estimate]", table.column(column))
                for column in table.header
                if column.startswith(name)
            }
            layers = list(map(str, table.column("layer")))
            title = table.title.rpartition(" ")[2]
            bands(ax, lines, layers, limits=(0, 1.05), title=title, xlabel="", ylabel=_AXES[name])
    return figure
