"""How far estimators of CKA depend on the numbers of pictures, features and batches.

Two networks of different seeds see the same pictures, or as a control the second sees the pictures
in another order, so that its features have nothing to do with those of the first. An estimate
should be the same for any number of pictures and features, and 0 of the control.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._classifiers import require_several, trained
from isogram.experiments._image_sets import image_set
from isogram.experiments._intervals import mean_of
from isogram.experiments._result import Estimate, Findings, Size, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 2, "medium": 4, "large": 10}  # the first is compared with each of the others
_LAYER = {"mlp": "layer3", "cnn": "stage2_3"}
_PICTURES = {"small": (10, 40, 160), "medium": (10, 20, 50, 100, 200, 500, 1000)}
_FEATURES = {"small": (8, 32, 128), "medium": (10, 20, 50, 100, 200, 500, 1000)}
_BATCHES = {"small": (5, 20, 80), "medium": (5, 10, 20, 50, 100, 250)}
_DRAWS = {"small": 5, "medium": 5, "large": 20}
_PERMUTATIONS = 99
_BATCH = 10
_Features = NDArray[Any]


class _Sample(NamedTuple):
    """What is drawn of two layers: how many pictures and features, in batches of what size."""

    pictures: int
    features: int | None = None
    batch: int = _BATCH


def _biased(x: _Features, y: _Features, _: int) -> float:
    return ig.similarity(x, y, measure="cka_biased")


def _debiased(x: _Features, y: _Features, _: int) -> float:
    return ig.similarity(x, y, measure="cka")


def _feature_debiased(x: _Features, y: _Features, _: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # undefined of features with little in common
        return ig.similarity(x, y, measure="cka_feature_debiased")


def _calibrated(x: _Features, y: _Features, _: int) -> float:
    """Return how far biased CKA exceeds 95 % of what permuted pictures have, on a scale to 1."""
    found = ig.calibrate(x, y, measure="cka_biased", n_permutations=_PERMUTATIONS)
    return float(found.score)


def _minibatch(x: _Features, y: _Features, batch: int) -> float:
    """Return CKA from sums of debiased HSIC over batches."""
    metric = ig.MinibatchCKA()
    for start in range(0, len(x), batch):
        metric.update([x[start : start + batch]], [y[start : start + batch]])
    return float(metric.compute()[0, 0])


def _mean_of_batches(x: _Features, y: _Features, batch: int) -> float:
    """Return the mean of biased CKA over batches, as some implementations have it."""
    starts = range(0, len(x), batch)
    return float(np.mean([_biased(x[i : i + batch], y[i : i + batch], batch) for i in starts]))


_ESTIMATORS: dict[str, Callable[[_Features, _Features, int], float]] = {
    "biased": _biased,
    "debiased": _debiased,
    "sums of batches": _minibatch,
    "mean of batches": _mean_of_batches,
    "feature-debiased": _feature_debiased,
    "calibrated": _calibrated,
}
_OF_BATCHES = ("sums of batches", "mean of batches")


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return the estimates by pictures, by features and by batches."""
    require_several(seeds)
    scale = "small" if size == "small" else "medium"
    images = image_set("digits" if size == "small" else "mnist")
    architecture = "mlp" if size == "small" else "cnn"
    layer, pictures = _LAYER[architecture], images.test_pictures
    layers = [trained(architecture, images, seed).layers(pictures)[layer] for seed in seeds]
    features = [np.asarray(maps).reshape(len(maps), -1) for maps in layers]
    whole = _PICTURES[scale][-1]
    fixed = 100 if scale == "medium" else 80
    sweeps: dict[str, dict[int, _Sample]] = {
        "pictures": {n: _Sample(n) for n in _PICTURES[scale]},
        f"features, of {fixed} pictures": {d: _Sample(fixed, d) for d in _FEATURES[scale]},
        f"size of batches, of {whole} pictures": {
            b: _Sample(whole, batch=b) for b in _BATCHES[scale]
        },
    }
    tables = [
        _table(f"CKA of {kind} features by {title}", features, samples, kind, _DRAWS[size])
        for title, samples in sweeps.items()
        for kind in ("related", "unrelated")
    ]
    settings = {
        "networks": f"{architecture}, {layer} of {features[0].shape[1]} features",
        "pictures": images.name,
        "draws": _DRAWS[size],
        "batches": f"{_BATCH} pictures unless said otherwise",
        "permutations of calibration": _PERMUTATIONS,
        "left out": "draws of which an estimate is undefined",
    }
    return Findings(tables, settings)


def _table(
    title: str,
    features: Sequence[_Features],
    samples: Mapping[int, _Sample],
    kind: str,
    draws: int,
) -> Table:
    """Return the estimates of all samples: means over draws, with intervals over pairs."""
    names = _OF_BATCHES if "batches" in title else tuple(_ESTIMATORS)
    found: dict[str, list[Any]] = {name: [] for name in names}
    for sample in samples.values():
        rng = np.random.default_rng(0)
        drawn = [
            _drawn(features[0], other, sample, kind == "unrelated", rng)
            for other in features[1:]
            for _ in range(draws)
        ]
        for name, estimates in found.items():
            values = [_ESTIMATORS[name](x, y, sample.batch) for x, y in drawn]
            estimates.append(mean_of(np.nanmean(np.reshape(values, (-1, draws)), axis=1)))
    return Table(
        title, ["estimator", *map(str, samples)], [[name, *cells] for name, cells in found.items()]
    )


def _drawn(
    x: _Features, y: _Features, sample: _Sample, shuffled: bool, rng: np.random.Generator
) -> tuple[_Features, _Features]:
    """Return some pictures and features of both layers."""
    rows = rng.permutation(len(x))[: sample.pictures]
    parts = []
    for layer, chosen in ((x, rows), (y, rng.permutation(rows) if shuffled else rows)):
        columns = rng.permutation(layer.shape[1])[: sample.features]
        parts.append(layer[chosen][:, columns])
    return parts[0], parts[1]


def figure(findings: Findings) -> Figure:
    """Return the estimates by pictures, features and batches, related left and unrelated right."""
    from isogram import plot
    from isogram.experiments._figures import panels

    with panels(len(findings.tables) // 2, 2, 2.4) as (figure, axes):
        for ax, table in zip(axes, findings.tables, strict=True):
            lines = {
                str(row[0]): [cell.value for cell in row[1:] if isinstance(cell, Estimate)]
                for row in table.rows
            }
            title, _, xlabel = table.title.partition(" by ")
            plot.trend(
                lines,
                x=list(table.header[1:]),
                limits=(-0.2, 1.5),
                title=title,
                xlabel=xlabel,
                ylabel="estimate",
                ax=ax,
            )
    return figure
