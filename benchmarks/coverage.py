"""How often intervals of `bootstrap` and `jackknife` hold the value that they are meant to hold.

python -m benchmarks.coverage [--samples 400] [--resamples 500] [--only cka,procrustes] [--most 50]
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any, NamedTuple

import isogram as ig
import numpy as np
from isogram._inference.intervals import percentile
from numpy.typing import NDArray

MEASURES = [
    "cka",
    "cka_biased",
    "cka_rbf",
    "distance_correlation",
    "rsa_pearson",
    "rsa_spearman",
    "gbs",
    "gbs_knn",
    "mutual_knn",
    "procrustes",
]


class Population(NamedTuple):
    """What samples are drawn from: features of two layers with something in common, or nothing."""

    name: str
    n: int
    d: int
    noise: float  # of the features, beside what the layers have in common; inf: nothing in common
    is_heavy: bool = False  # Student's t of 3 degrees of freedom in place of normal features
    groups: int = 0  # that are drawn whole; two inputs of one have a correlation of 0.64

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Return the group of each input."""
        return np.arange(self.n) // (self.n // self.groups) if self.groups else None

    def sample(
        self, rng: np.random.Generator, n: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return n samples of two layers."""

        def draw(*shape: int) -> NDArray[np.float64]:
            own = rng.standard_t(3, shape) if self.is_heavy else rng.standard_normal(shape)
            if self.labels is None:
                return own
            of_groups = rng.standard_normal((self.groups, *shape[1:]))
            return 0.8 * of_groups[self.labels] + 0.6 * own

        x, y = draw(n, self.d), draw(n, self.d)
        if np.isinf(self.noise):
            return x, y
        common = draw(n, 5)
        mix = np.random.default_rng(0).standard_normal((2, 5, self.d))
        return common @ mix[0] + self.noise * x, common @ mix[1] + self.noise * y


POPULATIONS = [
    Population("common part", 50, 10, 2.0),
    Population("common part", 200, 10, 2.0),
    Population("heavy tails", 50, 10, 2.0, is_heavy=True),
    Population("wide", 50, 500, 2.0),
    Population("nothing in common", 50, 10, np.inf),
    Population("10 groups of 4", 40, 10, 2.0, groups=10),
    Population("18 groups of 4", 72, 10, 2.0, groups=18),
    Population("40 groups of 3", 120, 10, 2.0, groups=40),
]


class Coverage(NamedTuple):
    """Shares of samples whose interval holds the mean of all samples' values."""

    bca: float
    percentile: float
    jackknife: float
    width: float  # the mean width of BCa, over that of the central 95 % of all samples' values


def coverage(population: Population, measure: str, samples: int, resamples: int) -> Coverage:
    """Draw samples, and the intervals of each."""
    rng = np.random.default_rng(1)
    drawn = [population.sample(rng, population.n) for _ in range(samples)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = [
            ig.bootstrap(
                x,
                y,
                measure=measure,
                n_resamples=resamples,
                groups=population.labels,
                num_threads=1,
            )
            for x, y in drawn
        ]
    values = np.array([result.value for result in results])
    # The mean at this n: what a measure of finite samples estimates, its bias included.
    ends = np.array([_intervals(result) for result in results]) - values.mean()
    held = ((ends[:, :, 0] <= 0) & (ends[:, :, 1] >= 0)).mean(axis=0)
    low, high = np.quantile(values, [0.025, 0.975])
    width = np.diff(ends[:, 0]).mean() / (high - low)
    bca, percentiles, jackknife = map(float, held)
    return Coverage(bca, percentiles, jackknife, float(width))


def _intervals(result: ig.Bootstrap) -> list[tuple[Any, Any]]:
    """Return the ends by BCa, by percentiles and by the jackknife, of the same values."""
    assert result.left_out is not None
    reach = 1.96 * np.sqrt(len(result.left_out) - 1) * result.left_out.std()
    return [
        (result.low, result.high),
        percentile(result.resamples, 0.95),
        (result.value - reach, result.value + reach),
    ]


def main() -> None:
    """Print a table of Markdown, of all populations and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--only", default=",".join(MEASURES))
    parser.add_argument("--most", type=int, default=200, help="the largest n")
    arguments = parser.parse_args()
    print("| measure | population | n × d | BCa | percentile | jackknife | width |")
    print("|---|---|---|---|---|---|---|")
    for measure in arguments.only.split(","):
        for of in filter(lambda p: p.n <= arguments.most, POPULATIONS):
            found = coverage(of, measure, arguments.samples, arguments.resamples)
            shares = " | ".join(f"{100 * share:.0f} %" for share in found[:3])
            print(
                f"| `{measure}` | {of.name} | {of.n} × {of.d} | {shares} | {found.width:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
