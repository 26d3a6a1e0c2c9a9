"""How long the semantic RSM of 50,000 pictures takes: its tiles, as many as some minutes allow.

The RSM of ImageNet's 50,000 pictures is a job on disk, which stops when half of the time is over.
The same call goes on where it stopped, for the other half, and the time of all tiles is
extrapolated. Tokens are drawn with the mean and the covariances of real ones: of each picture
around a mean of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from tempfile import TemporaryDirectory
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
_FORMATS = {"small": "npy", "medium": "zarr", "large": "zarr"}  # zarr: room for what is done alone
_VIEWS = 3  # of each photograph, for the statistics


class _TimeIsUp(Exception):
    """A job has run for as long as it should."""


class _Clock:
    """Is told of the tiles of a job, and stops it after some seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.told: list[tuple[int, float, float]] = []  # tiles done, seconds, those of processor

    def __call__(self, done: int, total: int) -> None:
        """Ignore pairs: a tile is kept when it is whole."""

    def tiles(self, done: int, total: int) -> None:
        """Note the time, and raise when it is up; the first call is made before the first tile."""
        self.told.append((done, time.perf_counter(), time.process_time()))
        if len(self.told) > 1 and self.told[-1][1] - self.told[0][1] >= self.seconds:
            raise _TimeIsUp


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return what was computed in the time, and what the whole would take."""
    tokens = _drawn(size, seeds[0])
    plan = ig.plan("semantic_rsm", tokens)
    clocks = [_Clock(_SECONDS[size] / 2) for _ in ("first", "second")]
    begun: list[float] = []
    with TemporaryDirectory() as folder:
        for clock in clocks:
            begun.append(time.process_time())
            with suppress(_TimeIsUp):
                plan.run(tokens, out=f"{folder}/rsm.{_FORMATS[size]}", progress=clock)
    first, second = (clock.told for clock in clocks)
    kept, done = second[0][0], second[-1][0]
    pairs = np.cumsum([plan.pairs(tile) for tile in plan.tiles[:done]])
    seconds, processor = (sum(told[-1][i] - told[0][i] for told in (first, second)) for i in (1, 2))
    share = float(pairs[-1]) / plan.cost.pairs
    opening = [clock.told[0][2] - start for clock, start in zip(clocks, begun, strict=True)]
    table = Table(
        f"Semantic RSM of {_INPUTS[size]} pictures",
        ["what", "computed", "of all"],
        [
            ["tiles", done, plan.cost.tiles],
            ["of these kept from the first call", kept, ""],
            ["pairs", int(pairs[-1]), plan.cost.pairs],
            ["seconds", seconds, seconds / share],
            ["processor seconds", processor, processor / share],
            ["processor hours", processor / 3600, processor / share / 3600],
            ["pairs in a processor second", float(pairs[-1]) / processor, ""],
            ["processor seconds before the first tile", opening[0], opening[0]],
            ["the same when the job goes on", opening[1], ""],
        ],
    )
    settings = {
        "tokens": f"{tokens.shape[1]} places × {tokens.shape[2]} channels, drawn when read",
        "of all": "extrapolated by the number of pairs",
        "the result": f"{plan.cost.result_bytes / 1e9:.1f} GB",
    }
    return Findings([table], settings, _series(clocks, pairs))


def _series(clocks: Sequence[_Clock], pairs: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return how many pairs were done after which processor time, of tiles alone."""
    seconds: list[float] = []
    for clock in clocks:
        before = seconds[-1] if seconds else 0.0
        seconds += [before + told[2] - clock.told[0][2] for told in clock.told[1:]]
    return {"pairs": pairs.astype(np.float64), "seconds": np.array(seconds)}


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
