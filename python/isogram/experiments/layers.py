"""How alike semantic and spatial RSMs of layers are, of one network and of two.

Wald et al. (2024), figure 3: CKA between the semantic and the spatial RSM of a layer grows over
depth, as the spatial extent shrinks. The "decoupled similarity" of two networks is the CKA of their
spatial RSMs less that of their semantic ones: what they share by the places of things alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, combinations, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._intervals import left_out_in_turn
from isogram.experiments._networks import Network, RandomNetwork, networks
from isogram.experiments._pictures import GREY, Pixels, Views, moved_views
from isogram.experiments._result import Cell, Findings, Size, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 1, "medium": 1, "large": 1}
_VIEWS = {"small": 4, "medium": 5, "large": 12}  # of each photograph
_KINDS = ("spatial", "semantic")


class _Moved(NamedTuple):
    """Two views of a photograph, and the matching of their places."""

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    columns: NDArray[Any]
    contributions: NDArray[Any]


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return CKA between RSMs of all layers, along the diagonal, and between networks."""
    rsms: dict[str, dict[str, NDArray[Any]]] = {kind: {} for kind in _KINDS}
    positions: dict[str, int] = {}
    lies: list[list[Cell]] = []
    moved: dict[str, _Moved] = {}
    for network in _chosen(size, seeds[0]):
        views = moved_views(network.side, _VIEWS[size], np.random.default_rng(seeds[0]))
        for layer, tokens in network.look(views.pixels).layers.items():
            place = f"{network.name}.{layer}"
            positions[place] = tokens.shape[1]
            rsms["spatial"][place] = ig.spatial_rsm(tokens)
            rsms["semantic"][place] = ig.semantic_rsm(tokens)
            shares, moved[place] = _where(tokens, views)
            lies.append([place, tokens.shape[1], *shares])
    found = _left_out(views.photographs, rsms["semantic"], rsms["spatial"])
    between = {kind: _left_out(views.photographs, rsms[kind]) for kind in _KINDS}
    settings = {
        "kernel": "cosine",
        "photographs": len(np.unique(views.photographs)),
        "views of each": _VIEWS[size],
        "intervals": "95 %, each photograph left out in turn",
    }
    tables = [
        _whole(found, list(positions)),
        _diagonal(found, positions),
        _decoupled(between, list(positions)),
        _lying(lies),
    ]
    return Findings(tables, settings, {"moved": moved})


def _chosen(size: Size, seed: int) -> list[Network]:
    """Return the networks; where none is trained, two whose weights were drawn apart."""
    if size == "small":
        return [RandomNetwork(seed, "first"), RandomNetwork(seed + 1000, "second")]
    return networks(size, seed)


def _left_out(photographs: NDArray[np.intp], *rsms: Mapping[str, NDArray[Any]]) -> ig.Jackknife:
    """Return CKA between RSMs, also without each photograph.

    Not `bootstrap`: a photograph that is drawn twice has pairs of equal views, of which RSMs of
    both kinds agree, so that resamples lie to one side of the value.
    """
    return ig.jackknife(*rsms, measure="cka", kernel="precomputed", groups=photographs)


def _whole(found: ig.Jackknife, places: Sequence[str]) -> Table:
    """Return CKA of the semantic RSM of every layer with the spatial RSM of every layer."""
    values = np.asarray(found.value).tolist()
    rows: list[list[Cell]] = [[place, *row] for place, row in zip(places, values, strict=True)]
    return Table("CKA of semantic RSMs (rows) and spatial ones", ["semantic", *places], rows)


def _diagonal(found: ig.Jackknife, positions: Mapping[str, int]) -> Table:
    """Return CKA of the two RSMs of each layer."""
    rows: list[list[Cell]] = [
        [place, count, left_out_in_turn(np.asarray(found.value)[i, i], found.left_out[:, i, i])]
        for i, (place, count) in enumerate(positions.items())
    ]
    title = "CKA between the semantic and the spatial RSM of a layer"
    return Table(title, ["layer", "positions", "CKA"], rows)


def _decoupled(between: Mapping[str, ig.Jackknife], places: Sequence[str]) -> Table:
    """Return CKA of layers of the same depth of two networks, of both kinds of RSMs."""
    spatial, semantic = (between[kind] for kind in _KINDS)
    values = [np.asarray(found.value) for found in (spatial, semantic)]
    values.append(values[0] - values[1])
    left_out = [spatial.left_out, semantic.left_out, spatial.left_out - semantic.left_out]
    rows: list[list[Cell]] = []
    for i, j in combinations(range(len(places)), 2):
        if places[i].partition(".")[2] == places[j].partition(".")[2]:
            estimates = (
                left_out_in_turn(value[i, j], without[:, i, j])
                for value, without in zip(values, left_out, strict=True)
            )
            rows.append([f"{places[i]}, {places[j]}", *estimates])
    title = "CKA between networks, and the decoupled similarity: spatial less semantic"
    return Table(title, ["layers", *_KINDS, "decoupled"], rows)


_LIES = ["layer", "positions", "object's share of places", "of the similarity"]
_LIES += ["object on object, in place", "matched"]


def _lying(rows: list[list[Cell]]) -> Table:
    return Table("Where similarity lies, in pairs of views of one photograph", _LIES, rows)


def _where(tokens: NDArray[Any], views: Views) -> tuple[list[Cell], _Moved]:
    """Return the object's share of places and of similarity, and how often it meets itself.

    And the two views whose objects cover the fewest places in common, with their matching.
    """
    shown = views.photographs
    i, j = np.nonzero(np.triu(shown[:, None] == shown, 1))
    matched = ig.semantic_matching(tokens, pairs=(i, j))
    covered = _covered(views.pixels, round(tokens.shape[1] ** 0.5))
    own, other = covered[i], covered[j]
    met = np.take_along_axis(other, matched.columns, axis=1)
    shares: list[Cell] = [
        float(covered.mean()),
        float((matched.contributions * own).sum() / matched.contributions.sum()),
        float((own & other).sum() / own.sum()),
        float((own & met).sum() / own.sum()),
    ]
    far = np.argmin((own & other).sum(axis=1))
    first, second = views.pixels[i[far]], views.pixels[j[far]]
    return shares, _Moved(first, second, matched.columns[far], matched.contributions[far])


def _covered(pixels: Pixels, grid: int) -> NDArray[np.bool_]:
    """Return which places of a grid the object covers by half or more, (views, grid²)."""
    side = pixels.shape[1]
    is_object = (pixels != GREY).any(axis=3)
    edges = np.linspace(0, side, grid + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(is_object, edges, axis=1, dtype=int), edges, axis=2)
    return np.asarray(sums.reshape(len(pixels), -1) >= (side / grid) ** 2 / 2)


def figure(findings: Findings) -> Figure:
    """Return CKA of all layers, its diagonal, and how often and where the object meets itself."""
    from isogram import plot
    from isogram.experiments._figures import intervals, mosaic
    from isogram.plot._labels import set_names
    from isogram.plot._series import head

    whole, diagonal, *_, lies = findings.tables
    names = list(whole.header[1:])
    cells = [["table", "moved"], ["table", "moved"], ["diagonal", "objects"]]
    with mosaic(cells, 1.9) as (figure, axes):
        plot.heatmap(
            np.array([row[1:] for row in whole.rows], np.float64),
            rows=names,
            columns=names,
            ylabel="semantic RSMs",
            xlabel="spatial RSMs",
            label="CKA",
            ax=axes["table"],
        )
        of_layers: Any = diagonal.column("CKA")
        intervals(axes["diagonal"], {"CKA": of_layers}, names)
        axes["diagonal"].set(ylabel="CKA of a layer's RSMs")
        places = _apart(names)
        plot.trend(
            {name: _with_gaps(lies.column(name), places) for name in _LIES[-2:]},
            x=range(places[-1] + 1),
            limits=(0, 1),
            xlabel="",
            ylabel="share",
            ax=axes["objects"],
        )
        set_names(axes["objects"].xaxis, places, names)
        head(axes["objects"], "", 2)
        place, moved = _middle(findings.series["moved"])
        plot.matching(
            moved.columns,
            moved.first,
            moved.second,
            contributions=moved.contributions,
            title=f"{place}: pairs that contribute most",
            colorbar=False,
            ax=axes["moved"],
        )
    return figure


def _apart(layers: Sequence[str]) -> list[int]:
    """Return places of layers in a row, one left free where another network begins."""
    is_next = [a != b for a, b in pairwise(map(_network, layers))]
    return list(accumulate((1 + is_so for is_so in is_next), initial=0))


def _with_gaps(values: Sequence[Any], places: Sequence[int]) -> NDArray[np.float64]:
    """Return values at their places, and NaN between them, where a line breaks."""
    found = np.full(places[-1] + 1, np.nan)
    found[places] = values
    return found


def _network(layer: str) -> str:
    return layer.partition(".")[0]


def _middle(moved: Mapping[str, _Moved]) -> tuple[str, _Moved]:
    """Return the views of the middle layer of the first network, and its name."""
    first = _network(next(iter(moved)))
    places = [place for place in moved if _network(place) == first]
    return places[len(places) // 2], moved[places[len(places) // 2]]
