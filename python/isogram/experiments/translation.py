"""How much more alike a shifted crop is than crops of something else.

Wald et al., "Decoupling Semantic Similarity from Spatial Alignment for Neural Networks" (2024),
figure 2: two overlapping crops of each picture; a semantic RSM sees them as far more alike than
crops of different pictures, at every layer, and a spatial RSM hardly does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogram.experiments._intervals import mean_over
from isogram.experiments._networks import networks
from isogram.experiments._pictures import overlapping_crops
from isogram.experiments._result import Cell, Findings, Size, Table
from isogram.experiments._rsms import WAYS, Way, rsms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 2, "medium": 1, "large": 3}
_TILES = {"small": 2, "medium": 2, "large": 3}

# (layer, kernel, way) → similarities of first to second crops, of each seed.
_Found: TypeAlias = dict[tuple[str, str, Way], list[NDArray[Any]]]


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return how alike shifted crops are, beside crops of other parts and photographs."""
    found: _Found = defaultdict(list)
    for seed in seeds:
        for network in networks(size, seed):
            rng = np.random.default_rng(seed)
            first, second = overlapping_crops(network.side, _TILES[size], rng)
            shown = first.photographs
            seen = network.look(np.concatenate([first.pixels, second.pixels]))
            for layer, tokens in seen.layers.items():
                for (way, kernel), rsm in rsms(tokens).items():
                    between = rsm[: len(shown), len(shown) :]
                    found[f"{network.name}.{layer}", kernel, way].append(between)
    settings = {
        "photographs": len(np.unique(shown)),
        "disjoint parts of each": _TILES[size] ** 2,
        "crops of each part": 2,
        "intervals": "95 %, photographs drawn again",
    }
    return Findings([_depths(found, shown), _ranks(found, shown)], settings, _series(found, shown))


def figure(findings: Findings) -> Figure:
    """Return violins of the cosine similarity of shifted crops and of others, for each layer."""
    from isogram.experiments._figures import mosaic, names_below, violins
    from isogram.plot._series import head

    places = list(dict.fromkeys(map(str, findings.tables[0].column("layer"))))
    kinds = ("shifted", "same photograph", "other photographs")
    with mosaic([[way] for way in WAYS], 2.0) as (figure, axes):
        for way, ax in axes.items():
            found = {
                kind: [findings.series[f"{place} {way} {kind}"] for place in places]
                for kind in kinds
            }
            violins(ax, found, places)
            ax.set(ylabel="cosine")
            head(ax, way, len(kinds) if way == WAYS[0] else 0)
        names_below(list(axes.values()))
    return figure


def _kinds(shown: NDArray[Any]) -> dict[str, NDArray[np.bool_]]:
    """Return which pairs of a first and a second crop are of which kind."""
    own, together = np.eye(len(shown), dtype=bool), shown[:, None] == shown
    return {"shifted": own, "same photograph": together & ~own, "other photographs": ~together}


def _depths(found: _Found, shown: NDArray[Any]) -> Table:
    """Return how far shifted crops are on the way from other photographs to the same crop.

    With kernels whose value for the same crop is 1 by definition.
    """
    rows: list[list[Cell]] = []
    for place, kernel in dict.fromkeys(key[:2] for key in found):
        if kernel != "linear":
            ways = (_way(found[place, kernel, way], shown) for way in WAYS)
            rows.append([place, kernel, *(mean_over(*values) for values in ways)])
    return Table(
        "Where shifted crops lie between crops of other photographs (0) and the same crop (1)",
        ["layer", "kernel", *WAYS],
        rows,
    )


def _way(seeds: list[NDArray[Any]], shown: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return how far each crop is on that way, and which photograph it shows."""
    others = _kinds(shown)["other photographs"]
    away = [np.mean(between[others]) for between in seeds]
    far = [(np.diag(b) - least) / (1 - least) for b, least in zip(seeds, away, strict=True)]
    return np.concatenate(far), np.tile(shown, len(seeds))


def _ranks(found: _Found, shown: NDArray[Any]) -> Table:
    """Return how often crops of other parts, of the same photograph or not, are less alike."""
    kinds = _kinds(shown)
    rows: list[list[Cell]] = []
    for place, kernel in dict.fromkeys(key[:2] for key in found):
        for kind in ("same photograph", "other photographs"):
            shares = (
                np.concatenate([_shares(b, kinds[kind]) for b in found[place, kernel, way]])
                for way in WAYS
            )
            estimates = (mean_over(s, np.resize(shown, len(s))) for s in shares)
            rows.append([place, kernel, kind, *estimates])
    return Table(
        "Share of crops of other parts that are less alike than the shifted crop",
        ["layer", "kernel", "other parts of", *WAYS],
        rows,
    )


def _shares(between: NDArray[Any], others: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return, for each first crop, the share of others that are less alike than its second."""
    own = np.diag(between)[:, None]
    below = (between < own) + 0.5 * (between == own)
    return np.asarray((below * others).sum(axis=1) / others.sum(axis=1))


def _series(found: _Found, shown: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return cosines of all pairs of each kind, for the figure."""
    return {
        f"{place} {way} {kind}": np.concatenate([between[pairs] for between in seeds])
        for (place, kernel, way), seeds in found.items()
        if kernel == "cosine"
        for kind, pairs in _kinds(shown).items()
    }
