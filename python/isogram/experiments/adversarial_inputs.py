"""How far attacks move the layers of a network, next to noise of the same size.

Chen et al. (2021): similarity of the graphs of clean and of attacked inputs, layer by layer. Here
attacks of one step (FGSM, Goodfellow et al. 2015) and of ten (PGD, Madry et al. 2018) at several
strengths, noise whose every pixel changes by as much, and the attacks compared with each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._classifiers import Classifier, accuracy, trained
from isogram.experiments._image_sets import image_set
from isogram.experiments._intervals import mean_of
from isogram.experiments._result import Cell, Estimate, Findings, Size, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 3, "medium": 5, "large": 10}
_INPUTS = {"small": 200, "medium": 500, "large": 1000}
_STRENGTHS = {"mlp": (0.05, 0.1, 0.2), "cnn": (0.02, 0.05, 0.1), "resnet": (0.02, 0.05, 0.1)}
_STEPS = 10
_WAYS: Mapping[str, Mapping[str, Any]] = {
    "GBS, full graphs": {"measure": "gbs"},
    "GBS, full, centred": {"measure": "gbs_centered"},
    "GBS, k = 10": {"measure": "gbs_knn", "k": 10},
    "CKA, linear, debiased": {"measure": "cka"},
}
_Pictures = NDArray[np.float32]
_Labels = NDArray[np.int64]


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return accuracies under attack and similarities of layers."""
    images = image_set("digits" if size == "small" else "mnist")
    architectures = ("mlp",) if size == "small" else ("cnn", "resnet")
    pictures, labels = images.test_pictures[: _INPUTS[size]], images.test_labels[: _INPUTS[size]]
    tables, series = [], {}
    for architecture in architectures:
        networks = [trained(architecture, images, seed) for seed in seeds]
        strengths = _STRENGTHS[architecture]
        shown = [_changed(net, pictures, labels, strengths) for net in networks]
        tables.append(_accuracies(architecture, networks, shown, labels))
        layers = [
            {change: network.layers(x) for change, x in changes.items()}
            for network, changes in zip(networks, shown, strict=True)
        ]
        names = list(layers[0]["clean"])
        found = _compared(layers, _pairs(strengths))
        tables.append(_similarities(f"Similarity of {names[-2]} of {architecture}", found, -2))
        tables += [_by_layer(architecture, way, names, found[way]) for way in _WAYS]
        series[architecture] = {
            "layers": names,
            "profiles": {way: _strongest(pairs, strengths[-1]) for way, pairs in found.items()},
        }
    settings = {"pictures": f"{len(pictures)} of {images.name}, 0 to 1", "steps of PGD": _STEPS}
    return Findings(tables, settings, series)


def fgsm(network: Classifier, pictures: _Pictures, labels: _Labels, strength: float) -> _Pictures:
    """Return pictures whose pixels all went by `strength` to where the loss grows."""
    step = strength * np.sign(network.gradient(pictures, labels))
    return np.clip(pictures + step, 0, 1).astype(np.float32)


def pgd(network: Classifier, pictures: _Pictures, labels: _Labels, strength: float) -> _Pictures:
    """Return pictures after several steps of FGSM, kept within `strength` of the clean ones."""
    attacked = pictures
    for _ in range(_STEPS):
        step = 2.5 * strength / _STEPS * np.sign(network.gradient(attacked, labels))
        within = np.clip(attacked + step, pictures - strength, pictures + strength)
        attacked = np.clip(within, 0, 1).astype(np.float32)
    return attacked


def noise(_: Classifier, pictures: _Pictures, labels: _Labels, strength: float) -> _Pictures:
    """Return pictures whose pixels all went by `strength` up or down, at random."""
    signs = np.random.default_rng(0).choice((-1, 1), size=pictures.shape)
    return np.clip(pictures + strength * signs, 0, 1).astype(np.float32)


_CHANGES: dict[str, Callable[[Classifier, _Pictures, _Labels, float], _Pictures]] = {
    "FGSM": fgsm,
    "PGD": pgd,
    "noise": noise,
}


def _changed(
    network: Classifier, pictures: _Pictures, labels: _Labels, strengths: Sequence[float]
) -> dict[str, _Pictures]:
    changed = {
        f"{name} {strength}": change(network, pictures, labels, strength)
        for name, change in _CHANGES.items()
        for strength in strengths
    }
    return {"clean": pictures, **changed}


def _accuracies(
    architecture: str,
    networks: Sequence[Classifier],
    shown: Sequence[Mapping[str, _Pictures]],
    labels: _Labels,
) -> Table:
    rows: list[list[Cell]] = [
        [
            change,
            mean_of(
                [accuracy(net, x[change], labels) for net, x in zip(networks, shown, strict=True)]
            ),
        ]
        for change in shown[0]
    ]
    return Table(f"Accuracy of {architecture}", ["pictures", "accuracy"], rows)


def _pairs(strengths: Sequence[float]) -> list[tuple[str, str]]:
    """Return what is compared: clean and changed pictures, and the attacks of one strength."""
    changed = [("clean", f"{name} {strength}") for name in _CHANGES for strength in strengths]
    return changed + [(f"FGSM {strength}", f"PGD {strength}") for strength in strengths]


def _compared(
    layers: Sequence[Mapping[str, Mapping[str, Any]]], pairs: Sequence[tuple[str, str]]
) -> dict[str, dict[tuple[str, str], NDArray[np.float64]]]:
    """Return by measure and pair the similarities, (networks, layers)."""
    return {
        way: {
            (first, second): np.array(
                [
                    [
                        ig.similarity(x, each[second][name], **options)
                        for name, x in each[first].items()
                    ]
                    for each in layers
                ]
            )
            for first, second in pairs
        }
        for way, options in _WAYS.items()
    }


def _strongest(
    pairs: Mapping[tuple[str, str], NDArray[np.float64]], strength: float
) -> dict[str, list[Estimate]]:
    """Return the similarities of all layers, for each pair of changes of one strength."""
    end = f" {strength}"
    return {
        " and ".join(name.removesuffix(end) for name in pair if name != "clean"): [
            mean_of(of_layer) for of_layer in values.T
        ]
        for pair, values in pairs.items()
        if pair[1].endswith(end)
    }


def _similarities(
    title: str, found: Mapping[str, Mapping[tuple[str, str], NDArray[np.float64]]], layer: int
) -> Table:
    """Return the similarities of a layer, with intervals over networks."""
    pairs = next(iter(found.values()))
    rows: list[list[Cell]] = [
        [" and ".join(pair), *(mean_of(found[way][pair][:, layer]) for way in _WAYS)]
        for pair in pairs
    ]
    return Table(title, ["pictures", *_WAYS], rows)


def _by_layer(
    architecture: str,
    way: str,
    layers: Sequence[str],
    pairs: Mapping[tuple[str, str], NDArray[np.float64]],
) -> Table:
    """Return the means over networks of a measure in all layers."""
    rows: list[list[Cell]] = [
        [" and ".join(pair), *values.mean(axis=0).tolist()] for pair, values in pairs.items()
    ]
    return Table(f"{way} by layer of {architecture}", ["pictures", *layers], rows)


def figure(findings: Findings) -> Figure:
    """Return the similarities of the strongest changes over depth, for each measure."""
    from isogram.experiments._figures import bands, panels

    series = findings.series
    with panels(2 * len(series), 2, 2.2) as (figure, axes):
        places = iter(axes)
        for architecture, found in series.items():
            for way, lines in found["profiles"].items():
                title = f"{architecture}: {way}"
                ax = next(places)
                bands(ax, lines, found["layers"], limits=(0, 1.02), title=title, xlabel="")
    return figure
