"""How similarity tells what a network predicts: its correlation with the divergence of classes.

Wald et al. (2024), table 1: Pearson's correlation of an RSM with the Jensen-Shannon divergences of
the predicted class probabilities, the more negative the better; semantic RSMs beat spatial ones for
nearly all networks and kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import isogram as ig
from isogram.experiments._divergences import CORRELATIONS, of_divergences
from isogram.experiments._networks import networks
from isogram.experiments._pictures import moved_views
from isogram.experiments._result import Cell, Findings, Size, Table
from isogram.experiments._rsms import COLUMNS, KERNELS, WAYS, rsms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 1, "medium": 1, "large": 1}  # more inputs rather than more seeds: large
_VIEWS = {"small": 4, "medium": 6, "large": 15}  # of each photograph


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return the correlations of RSMs with the divergences, and how much semantic ones gain."""
    rows: dict[str, list[list[Cell]]] = {name: [] for name in CORRELATIONS}
    for seed in seeds:
        for network in networks(size, seed):
            views = moved_views(network.side, _VIEWS[size], np.random.default_rng(seed))
            seen = network.look(views.pixels)
            divergences = ig.jsd(seen.probabilities)
            for layer, tokens in seen.layers.items():
                place = f"{network.name}.{layer}"
                told = of_divergences(rsms(tokens), divergences, views.photographs)
                for (name, kernel), estimates in told.items():
                    rows[name].append([place, kernel, *estimates])
    header = ["layer", "kernel", *COLUMNS]
    tables = [
        Table(f"{name}'s correlation with the divergence of predicted classes", header, lines)
        for name, lines in rows.items()
    ]
    settings = {
        "photographs": len(np.unique(views.photographs)),
        "views of each": _VIEWS[size],
        "intervals": "95 %, each photograph left out in turn",
    }
    return Findings(tables, settings)


def figure(findings: Findings) -> Figure:
    """Return Pearson's correlation over the layers, with its intervals, for each kernel."""
    from isogram.experiments._figures import intervals, mosaic, names_below
    from isogram.plot._series import head

    rows = [dict(zip(findings.tables[0].header, r, strict=True)) for r in findings.tables[0].rows]
    with mosaic([[kernel] for kernel in KERNELS], 1.9) as (figure, axes):
        for kernel, ax in axes.items():
            chosen = [row for row in rows if row["kernel"] == kernel]
            series: Any = {way: [row[way] for row in chosen] for way in WAYS}
            intervals(ax, series, [str(row["layer"]) for row in chosen])
            ax.set(ylabel="Pearson with JSD")
            head(ax, kernel, len(WAYS) if kernel == KERNELS[0] else 0)
        names_below(list(axes.values()))
    return figure
