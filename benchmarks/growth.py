"""How a semantic RSM grows with its inputs: `python -m benchmarks.growth`, for docs/large.md.

Token maps of a trained network, 49 × 320, are doubled in number for as long as one RSM takes less
than the minutes that are allowed; the last RSM has as many inputs as they allow, by the time of a
pair. The maps are random crops of few pictures, as in `benchmarks.features`, which makes them here
too: a few minutes more, once. The loop over SciPy takes part with few inputs: its time per pair
does not depend on their number, only our patience does.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import isogram as ig
import numpy as np
from numpy.typing import NDArray

from benchmarks import features, machine, memory, numerics
from benchmarks.baselines import rsm as baseline
from benchmarks.runner import limit_threads

NAME, STAGE = "s49c320", 7
FIRST = 1000  # inputs
FOR_LOOP = 250
PATH = features.FOLDER / "growth.npy"


class Row(NamedTuple):
    """What one RSM took."""

    inputs: int
    seconds: float
    memory: float  # how far the peak of resident memory rose, MB

    @property
    def pairs(self) -> int:
        """Return the number of assignments."""
        return self.inputs * (self.inputs - 1) // 2

    def __str__(self) -> str:
        """Return a row of a table in Markdown."""
        cells = (
            f"{self.inputs:,}",
            f"{self.pairs:,}",
            f"{self.seconds:.1f}",
            f"{1e6 * self.seconds / self.pairs:.2f}",
            f"{self.memory:,.0f}",
            f"{4e-6 * self.inputs**2:,.0f}",
        )
        return numerics.row(cells)


COLUMNS = ("inputs", "pairs", "seconds", "µs a pair", "memory growth, MB", "of it the result, MB")


def timed(call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def measure(maps: NDArray[Any], inputs: int, threads: int) -> Row:
    """Compute the RSM of the first inputs."""
    tokens = maps[:inputs].astype(np.float32)
    memory.CLEAR.write_text(memory.RESET_PEAK)
    before = memory.resident("VmRSS")
    seconds = timed(lambda: ig.semantic_rsm(tokens, num_threads=threads))
    return Row(inputs, seconds, memory.resident("VmHWM") - before)


def most(row: Row, seconds: float) -> int:
    """Return how many inputs the seconds allow if a pair takes as long as it did."""
    return int(math.sqrt(2 * seconds * row.pairs / row.seconds))


def load(count: int) -> NDArray[Any]:
    """Return `count` maps, and make them where there are fewer."""
    if not PATH.exists() or len(np.load(PATH, mmap_mode="r")) < count:
        features.FOLDER.mkdir(parents=True, exist_ok=True)
        np.save(PATH, features.extract({NAME: (STAGE, count)}, seed=0)[NAME])
    return np.asarray(np.load(PATH, mmap_mode="r")[:count])


def rows(seconds: float, threads: int) -> Iterator[Row]:
    """Measure more and more inputs, up to what the seconds allow for one RSM."""
    maps = features.load(NAME)
    measure(maps, FIRST // 4, threads)  # everything is loaded
    row = measure(maps, FIRST, threads)
    yield row
    limit = most(row, seconds)
    maps = load(limit)
    while row.inputs < limit:
        row = measure(maps, min(2 * row.inputs, limit), threads)
        yield row
        limit = min(limit, most(row, seconds))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="for the RSM of most inputs")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    limit_threads(args.threads)
    print(f"{machine.processor()}, threads: {args.threads}, at {machine.commit()}", flush=True)
    print(f"{numerics.row(COLUMNS)}\n{'|---:' * len(COLUMNS)}|", flush=True)
    for row in rows(60 * args.minutes, args.threads):
        print(row, flush=True)
    few = features.load(NAME)[:FOR_LOOP].astype(np.float32)
    loop = Row(FOR_LOOP, timed(lambda: baseline.semantic_cosine(few)), 0)
    print(
        f"NumPy and SciPy: {1e6 * loop.seconds / loop.pairs:.0f} µs a pair of {FOR_LOOP} inputs, "
        f"that is {loop.seconds / loop.pairs * row.pairs / 3600:.1f} hours for {row.inputs:,}"
    )


if __name__ == "__main__":
    main()
