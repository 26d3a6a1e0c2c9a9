"""How long the semantic RSM of 50,000 pictures takes: its tiles, as many as some minutes allow.

The RSM of ImageNet's 50,000 pictures is planned as a job, a part of its tiles is computed, and the
time of all of them is extrapolated from these. Tokens are drawn with the mean and the covariances
of real ones: of each picture around a mean of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._networks import networks
from isogram.experiments._pictures import moved_views
from isogram.experiments._result import Findings, Size, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 1, "medium": 1, "large": 1}
_INPUTS = {"small": 5000, "medium": 50_000, "large": 50_000}
_SECONDS = {"small": 2, "medium": 60, "large": 1800}  # of tiles
_VIEWS = 3  # of each photograph, for the statistics


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return what was computed in the time, and what the whole would take."""
    tokens = _drawn(size, seeds[0])
    plan = ig.plan("semantic_rsm", tokens)
    order = np.random.default_rng(seeds[0]).permutation(len(plan.tiles))
    seconds: list[float] = []
    processor: list[float] = []
    pairs: list[int] = []
    for tile in (plan.tiles[place] for place in order):
        start, processor_start = time.perf_counter(), time.process_time()
        plan.compute(tile, tokens)
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - processor_start)
        pairs.append(plan.pairs(tile))
        if sum(seconds) >= _SECONDS[size]:
            break
    share = sum(pairs) / plan.cost.pairs
    hours = sum(processor) / share / 3600
    table = Table(
        f"Semantic RSM of {_INPUTS[size]} pictures",
        ["what", "computed", "of all"],
        [
            ["tiles", len(pairs), plan.cost.tiles],
            ["pairs", sum(pairs), plan.cost.pairs],
            ["seconds", sum(seconds), sum(seconds) / share],
            ["processor seconds", sum(processor), sum(processor) / share],
            ["processor hours", sum(processor) / 3600, hours],
            ["pairs in a processor second", sum(pairs) / sum(processor), ""],
        ],
    )
    settings = {
        "tokens": f"{tokens.shape[1]} places × {tokens.shape[2]} channels, drawn when read",
        "tiles": "in random order",
        "of all": "extrapolated by the number of pairs",
        "the result": f"{plan.cost.result_bytes / 1e9:.1f} GB",
    }
    series = {"pairs": np.cumsum(pairs), "seconds": np.cumsum(processor)}
    return Findings([table], settings, series)


def _drawn(size: Size, seed: int) -> ig.Rows:
    """Return tokens (inputs, s, c) with the moments of those of a network's last layer.

    They are drawn when a tile reads them, so that none are kept: those of an input by its number.
    """
    network = networks(size, seed)[0]
    views = moved_views(network.side, _VIEWS, np.random.default_rng(seed))
    real = list(network.look(views.pixels).layers.values())[-1].astype(np.float64)
    means = real.mean(axis=1)
    mean = means.mean(axis=0)
    between = _root(means - mean)
    within = _root((real - means[:, None]).reshape(-1, real.shape[2]))

    def read(start: int, stop: int) -> NDArray[np.float32]:
        drawn = np.stack([_normal(seed, i, real.shape[1:]) for i in range(start, stop)])
        return np.asarray(mean + drawn[:, :1] @ between + drawn[:, 1:] @ within, np.float32)

    return ig.rows(read, (_INPUTS[size], *real.shape[1:]), np.float32)


def _normal(seed: int, number: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return an input's normal numbers: a row for its mean, and one for each token."""
    rng = np.random.default_rng([seed, number])
    return rng.standard_normal((shape[0] + 1, shape[1]), np.float32)


def _root(centred: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a matrix that gives standard normal rows the covariance of the given ones."""
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    return np.asarray((vectors * np.sqrt(values.clip(0))).T, np.float32)


def figure(findings: Findings) -> Figure:
    """Return how many pairs were done after which time."""
    from isogram import plot
    from isogram.experiments._figures import panels

    with panels(1, 1, 2.4) as (figure, (ax,)):
        plot.trend(
            findings.series["pairs"] / 1e6,
            x=findings.series["seconds"],
            xlabel="processor seconds",
            ylabel="million pairs",
            ax=ax,
        )
    return figure
