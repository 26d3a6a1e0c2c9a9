"""By how much every measure changes when one of its layers is changed.

A measure declares which changes leave it alone; here all are tried on the maps of two layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._networks import networks
from isogram.experiments._pictures import moved_views
from isogram.experiments._result import Cell, Findings, Size, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 1, "medium": 3, "large": 10}
_VIEWS = {"small": 9, "medium": 10, "large": 30}  # of each photograph
_CHANNELS = 8  # of each map, so that inputs outnumber features
_GRID = 3  # places along each side of a map

Maps = NDArray[np.float64]  # (views, places, channels)
_Change = Callable[[Maps, np.random.Generator], Any]


def _permuted_tokens(maps: Maps, rng: np.random.Generator) -> Maps:
    orders = rng.permuted(np.tile(np.arange(maps.shape[1]), (len(maps), 1)), axis=1)
    return np.asarray(np.take_along_axis(maps, orders[:, :, None], axis=1))


def _orthogonal(maps: Maps, rng: np.random.Generator) -> Maps:
    return _multiplied(maps, np.linalg.qr(rng.standard_normal((maps[0].size,) * 2))[0])


def _invertible(maps: Maps, rng: np.random.Generator) -> Maps:
    left, right = (np.linalg.qr(rng.standard_normal((maps[0].size,) * 2))[0] for _ in "ab")
    return _multiplied(maps, left * np.geomspace(0.1, 10, len(left)) @ right)


def _multiplied(maps: Maps, matrix: NDArray[np.float64]) -> Maps:
    """Return maps whose features, of all places together, are multiplied by a matrix."""
    return np.asarray((_flat(maps) @ matrix).reshape(maps.shape))


def _scaled_samples(maps: Maps, rng: np.random.Generator) -> Maps:
    return maps * rng.uniform(0.5, 2, (len(maps), 1, 1))


def _translated(maps: Maps, rng: np.random.Generator) -> Maps:
    return np.asarray(maps + maps.std() * rng.standard_normal(maps.shape[1:]))


def _massive(maps: Maps, rng: np.random.Generator) -> Maps:
    changed = maps.copy()
    changed[:, 0, 0] = maps.std() * (1000 + rng.standard_normal(len(maps)))
    return changed


# Those that measures declare have the names by which they do.
_CHANGES: dict[str, _Change] = {
    "permutation of tokens": _permuted_tokens,
    "permutation of features": lambda maps, rng: _columns(maps, rng.permutation(maps[0].size)),
    "orthogonal": _orthogonal,
    "isotropic scaling": lambda maps, _: 3 * maps,
    "samples scaled one by one": _scaled_samples,
    "translation": _translated,
    "invertible linear": _invertible,
    "massive feature": _massive,
    "float16": lambda maps, _: maps.astype(np.float16),
}


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return the largest change of each measure, over seeds, by each change of a layer."""
    measures = _measures()
    found: dict[str, dict[str, list[float]]] = {
        name: {change: [] for change in _CHANGES} for name in measures
    }
    for seed in seeds:
        rng = np.random.default_rng(seed)
        x, y = _two_layers(size, seed, rng)
        for name, measure in measures.items():
            before = measure(x, y)
            for change, changed in _CHANGES.items():
                found[name][change].append(abs(measure(x, changed(y, rng)) - before))
    rows: list[list[Cell]] = [
        [name, *(max(values) for values in of.values())] for name, of in found.items()
    ]
    title = "Largest change of a measure when one of two layers is changed"
    settings = {
        "inputs": len(x),
        "features": f"{_GRID**2} places × {_CHANNELS} channels",
        "layers": "the last two, means of equal blocks of their maps",
    }
    return Findings([Table(title, ["measure", *_CHANGES], rows)], settings)


def _measures() -> dict[str, Callable[[Maps, Maps], float]]:
    """Return all registered measures of flattened maps, and the two RSMs."""

    def of_layers(name: str) -> Callable[[Maps, Maps], float]:
        return lambda x, y: float(ig.similarity(_flat(x), _flat(y), measure=name))

    def of_rsms(rsm: Callable[[Maps], Any]) -> Callable[[Maps, Maps], float]:
        return lambda x, y: float(ig.compare_rsms(rsm(x), rsm(y)))

    return {
        **{name: of_layers(name) for name in ig.measures()},
        "RSA of spatial RSMs": of_rsms(ig.spatial_rsm),
        "RSA of semantic RSMs": of_rsms(ig.semantic_rsm),
    }


def _two_layers(size: Size, seed: int, rng: np.random.Generator) -> list[Maps]:
    """Return the maps of the last two layers of a network, coarse and with few channels."""
    network = networks(size, seed)[0]
    layers = network.look(moved_views(network.side, _VIEWS[size], rng).pixels).layers
    return [_coarse(tokens.astype(np.float64)) for tokens in list(layers.values())[-2:]]


def _coarse(tokens: Maps) -> Maps:
    """Return tokens (n, s, c) as (n, 9, 8): means of blocks of places, of channels in between."""
    n, places, channels = tokens.shape
    side = round(places**0.5)
    edges = np.linspace(0, side, _GRID + 1).astype(int)
    maps = tokens.reshape(n, side, side, channels)[..., :: channels // _CHANNELS][..., :_CHANNELS]
    blocks = [
        maps[:, top:bottom, left:right].mean(axis=(1, 2))
        for top, bottom in pairwise(edges)
        for left, right in pairwise(edges)
    ]
    return np.stack(blocks, axis=1)


def _flat(maps: Maps) -> NDArray[Any]:
    return maps.reshape(len(maps), -1)


def _columns(maps: Maps, order: NDArray[np.intp]) -> Maps:
    return np.asarray(_flat(maps)[:, order].reshape(maps.shape))


# As wide as a figure's labels may be.
_SHORT = {
    "permutation of tokens": "tokens permuted",
    "permutation of features": "features permuted",
    "samples scaled one by one": "samples scaled",
}


def figure(findings: Findings) -> Figure:
    """Return the changes as a heat map; 0.4 and more look alike."""
    from isogram import plot
    from isogram.experiments._figures import panels

    (table,) = findings.tables
    values = np.array([row[1:] for row in table.rows], dtype=np.float64).round(3)
    with panels(1, 1, 8.5) as (figure, (ax,)):
        plot.heatmap(
            values,
            rows=[str(row[0]) for row in table.rows],
            columns=[_SHORT.get(name, name) for name in table.header[1:]],
            limits=(0, 0.4),
            label="largest change",
            ax=ax,
        )
        ax.set(xlabel="", ylabel="")
    return figure
