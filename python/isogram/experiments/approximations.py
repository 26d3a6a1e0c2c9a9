"""How near approximate matchings come to the exact one, and how fast they are, over depth.

Wald et al. (2024), section 4.3: windows of tokens sorted by norm keep nearly all of the optimum at
a fraction of the time, which shrinks with the number of positions.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._matchers import approximations
from isogram.experiments._networks import networks
from isogram.experiments._pictures import moved_views
from isogram.experiments._result import Cell, Findings, Size, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 1, "medium": 1, "large": 3}
_VIEWS = {"small": 2, "medium": 3, "large": 8}  # of each photograph
_NETWORKS = {"small": 1, "medium": 3, "large": 3}
_HEADER = ["layer", "positions", "channels", "matching", "of the optimum", "lowest"]
_HEADER += ["Spearman of RSMs", "time of exact"]


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return values, rank correlations and times, all as shares of those of exact matching."""
    rows: list[list[Cell]] = []
    for network in networks(size, seeds[0])[: _NETWORKS[size]]:
        pixels = [
            moved_views(network.side, _VIEWS[size], np.random.default_rng(seed)).pixels
            for seed in seeds
        ]
        for layer, tokens in network.look(np.concatenate(pixels)).layers.items():
            place = [f"{network.name}.{layer}", *tokens.shape[1:]]
            rows += [[*place, name, *found] for name, found in _compared(tokens).items()]
    settings = {
        "kernel": "cosine",
        "photographs": 18,
        "views of each": _VIEWS[size] * len(seeds),
        "pairs": len(tokens) * (len(tokens) - 1) // 2,
        "time": "of the processor, one thread",
    }
    return Findings([Table("Approximate matchings beside exact ones", _HEADER, rows)], settings)


def _compared(tokens: NDArray[Any]) -> dict[str, list[float]]:
    """Return the numbers of each matching for tokens (n, s, c)."""
    options = {"in place": {"matching": "none"}, **approximations(tokens)}
    best, seconds = _timed(tokens, {})
    pairs = np.triu_indices(len(tokens), 1)
    found = {}
    for name, option in options.items():
        rsm, needed = _timed(tokens, option)
        shares = rsm[pairs] / best[pairs]
        alike = ig.compare_rsms(rsm, best, method="spearman")
        found[name] = [float(shares.mean()), float(shares.min()), float(alike), needed / seconds]
    return {**found, "exact": [1.0, 1.0, 1.0, 1.0]}


def _timed(tokens: NDArray[Any], options: dict[str, Any]) -> tuple[NDArray[Any], float]:
    """Return an RSM, and the processor time that it took: the least of three, or of one if long.

    One thread: those of a busy machine wait for each other, and that counts as processor time.
    """
    from threadpoolctl import threadpool_limits

    seconds: list[float] = []
    with threadpool_limits(1, "blas"):
        while len(seconds) < 3 and sum(seconds) < 1:
            start = time.process_time()
            rsm = ig.semantic_rsm(tokens, num_threads=1, **options)
            seconds.append(time.process_time() - start)
    return np.asarray(rsm, np.float64), min(seconds)


def figure(findings: Findings) -> Figure:
    """Return the share of the optimum against the time, for each layer."""
    from matplotlib.ticker import LogLocator

    from isogram.experiments._figures import panels
    from isogram.plot._series import styles

    (table,) = findings.tables
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    places = list(dict.fromkeys(row["layer"] for row in rows))
    matchings = dict(zip(dict.fromkeys(row["matching"] for row in rows), styles(), strict=False))
    networks_shown = len({str(place).partition(".")[0] for place in places})
    columns = len(places) // networks_shown
    with panels(networks_shown, columns, 1.8, shared=True) as (figure, axes):
        for ax, place in zip(axes, places, strict=True):
            chosen: list[dict[str, Any]] = [row for row in rows if row["layer"] == place]
            for row in chosen:
                style = {**matchings[row["matching"]], "linestyle": "none"}
                ax.plot(row["time of exact"], row["of the optimum"], **style)
            size = f"{chosen[0]['positions']} × {chosen[0]['channels']}"
            ax.set(title=f"{place}\n{size}", xscale="log")
            ax.spines[["top", "right"]].set_visible(False)
        axes[0].xaxis.set_major_locator(LogLocator(numticks=6))
        figure.supxlabel("processor time, of that of exact matching", fontsize="medium")
        figure.supylabel("value, of the optimum", fontsize="medium")
        for name, style in matchings.items():
            axes[0].plot([], [], label=name, **{**style, "linestyle": "none"})
        figure.legend(loc="outside upper center", ncols=5, frameon=False)
    return figure
