"""What changes every measure, and by how much: measured on real features, not claimed.

    python -m benchmarks.invariances            # prints the tables
    python -m benchmarks.invariances --write    # puts them into docs/measures.md

Two layers of EfficientNet-Lite0 on the views of isogram's demo; the second is changed.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

import isogram as ig
import numpy as np
from isogram.demo import load_features
from isogram.typing import LayerReductionName, RsmMethodName

from benchmarks.numerics import row, with_tables
from benchmarks.settings import ROOT

Array = Any
Change = Callable[[Array, np.random.Generator], Array]
Values = dict[str, dict[str, float]]  # by measure, and by what was done

PAGE = ROOT / "docs" / "measures.md"
LAYERS = ("lite0.stage3", "lite0.stage4")  # both of 7 × 7 positions and 40 channels
SHUFFLES = 5
SAMPLES, WIDTHS = 50, (5, 50, 500)  # of layers that have nothing in common
NEIGHBOURS = (2, 5, 10, 20, 60)
EVERY = 5  # with positions as rows, every fifth sample is taken
LEAST = 1e-6  # what rounding changes, of angles too, is no change


# Changes of the second layer -------------------------------------------------------------------


def orthogonal(y: Array, rng: np.random.Generator) -> Array:
    return y @ np.linalg.qr(rng.standard_normal((y.shape[-1],) * 2))[0]


def invertible(y: Array, rng: np.random.Generator) -> Array:
    """Mix features by a map whose condition is about 100."""
    first, second = (orthogonal(np.eye(y.shape[-1]), rng) for _ in range(2))
    return y @ first @ np.diag(np.logspace(0, 2, y.shape[-1])) @ second


def massive(y: Array, _: np.random.Generator) -> Array:
    """Multiply the feature of the largest mean by 100."""
    axes = tuple(range(y.ndim - 1))
    return np.where(np.arange(y.shape[-1]) == y.mean(axis=axes).argmax(), 100 * y, y)


def shuffled_positions(y: Array, rng: np.random.Generator) -> Array:
    """Put the positions of every sample into an order of its own."""
    flat = y.reshape(len(y), -1, y.shape[-1])
    return np.stack([rng.permutation(tokens) for tokens in flat]).reshape(y.shape)


def scaled_samples(y: Array, rng: np.random.Generator) -> Array:
    return y * 10 ** rng.uniform(-1, 1, (len(y), *[1] * (y.ndim - 1)))


CHANGES: dict[str, Change] = {
    "orthogonal": orthogonal,
    "permutation of features": lambda y, rng: y[..., rng.permutation(y.shape[-1])],
    "isotropic scaling": lambda y, _: 3 * y,
    "translation": lambda y, rng: y + y.std() * rng.standard_normal(y.shape[-1]),
    "invertible linear": invertible,
    "samples scaled one by one": scaled_samples,
    "one massive feature": massive,
    "float16": lambda y, _: y.astype(np.float16),
}


# Measures --------------------------------------------------------------------------------------


@cache
def layers(reduce: LayerReductionName) -> tuple[Array, Array]:
    """Return both layers in float64."""
    every = EVERY if reduce == "positions" else 1
    x, y = (load_features().layers[name][::every].astype(np.float64) for name in LAYERS)
    return x, y


def of_rsms(rsm: Callable[..., Array], method: RsmMethodName) -> Callable[..., float]:
    return lambda x, y: ig.compare_rsms(rsm(x), rsm(y), method=method)


def tokens(x: Array) -> Array:
    return x.reshape(len(x), -1, x.shape[-1])


def routes(reduce: LayerReductionName) -> dict[str, Callable[..., float]]:
    """Return all measures; of maps that are flattened also RSMs of their tokens."""
    found: dict[str, Callable[..., float]] = {
        f"`{name}`": lambda x, y, name=name: ig.similarity(x, y, measure=name, reduce=reduce)
        for name in ig.measures()
    }
    if reduce == "flatten":
        methods: tuple[RsmMethodName, ...] = ("pearson", "spearman", "cka")
        for method in methods:
            for name in ("spatial_rsm", "semantic_rsm"):
                rsm = getattr(ig, name)
                found[f"`{name}`, `compare_rsms` by `{method}`"] = of_rsms(
                    lambda x, rsm=rsm: rsm(tokens(x)), method
                )
    return found


def changes_of_features() -> Values:
    """Return every value of means over positions, and what each change adds to it."""
    x, y = (a.mean(axis=(1, 2)) for a in layers("mean"))
    found: Values = {}
    for name, value in routes("mean").items():
        before = value(x, y)
        found[name] = {"value": before}
        for done, change in CHANGES.items():
            found[name][done] = value(x, change(y, np.random.default_rng(0))) - before
    return found


def values_of_neighbours() -> Values:
    """Return values of means over positions and those of unrelated samples, by k."""
    x, y = (a.mean(axis=(1, 2)) for a in layers("mean"))
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(y)) for _ in range(SHUFFLES)]
    found: Values = {}
    for name in [m.name for m in ig.measures().values() if m.options.get("k")]:
        value = partial(ig.similarity, measure=name)
        for k in NEIGHBOURS:
            by_chance = float(np.mean([value(x, y[order], k=k) for order in orders]))
            found.setdefault(f"`{name}`", {})[str(k)] = value(x, y, k=k)
            found.setdefault(f"`{name}`, chance", {})[str(k)] = by_chance
    return found


def values_of_widths() -> Values:
    """Return the mean values of independent normal layers, by their number of features."""
    found: Values = {f"`{name}`": {} for name in ig.measures()}
    for width in WIDTHS:
        pairs = [
            np.random.default_rng(seed).standard_normal((2, SAMPLES, width))
            for seed in range(SHUFFLES)
        ]
        for name in ig.measures():
            values = [ig.similarity(x, y, measure=name) for x, y in pairs]
            found[f"`{name}`"][str(width)] = float(np.mean(values))
    return found


def changes_of_positions() -> dict[LayerReductionName, Values]:
    """Return, by convention, values, those of unrelated samples, and with positions shuffled."""
    conventions: tuple[LayerReductionName, ...] = ("mean", "flatten", "positions")
    return {reduce: _changes_of_positions(reduce) for reduce in conventions}


def _changes_of_positions(reduce: LayerReductionName) -> Values:
    x, y = layers(reduce)
    rng = np.random.default_rng(0)
    moved = shuffled_positions(y, rng)
    orders = [rng.permutation(len(y)) for _ in range(SHUFFLES)]
    found = {}
    for name, value in routes(reduce).items():
        chance = float(np.mean([value(x, y[order]) for order in orders]))
        found[name] = {"value": value(x, y), "chance": chance, "moved": value(x, moved)}
    return found


# Tables ----------------------------------------------------------------------------------------


def written(change: float) -> str:
    """Return a change by its sign and two decimals, or one digit where it is small."""
    if np.isnan(change):
        return "—"
    if abs(change) < LEAST:
        return "0"
    return f"{change:+.2f}" if abs(change) >= 0.005 else f"{change:+.0e}".replace("e-0", "e-")


def level(value: float) -> str:
    return "—" if np.isnan(value) else f"{value + 0.0:.2f}".replace("-0.00", "0.00")


def table_of_features(found: Values) -> str:
    lines = [row(["measure", "value", *CHANGES]), "|---" * (len(CHANGES) + 2) + "|"]
    for name, values in found.items():
        cells = [written(values[change]) for change in CHANGES]
        lines.append(row([name, level(values["value"]), *cells]))
    return "\n".join(lines)


def table_of_positions(found: dict[LayerReductionName, Values]) -> str:
    heads = [f"{reduce}: {what}" for reduce in found for what in ("value", "chance", "moved")]
    lines = [row(["measure", *heads]), "|---" * (len(heads) + 1) + "|"]
    for name in dict.fromkeys(name for values in found.values() for name in values):
        cells = [
            "" if name not in values else level(values[name][what])
            for values in found.values()
            for what in ("value", "chance", "moved")
        ]
        lines.append(row([name, *cells]))
    return "\n".join(lines)


def table_of_levels(heads: list[str], found: Values) -> str:
    lines = [row(["measure", *heads]), "|---" * (len(heads) + 1) + "|"]
    lines += [row([name, *map(level, values.values())]) for name, values in found.items()]
    return "\n".join(lines)


def tables() -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a value that is not defined is a dash
        return {
            "features": table_of_features(changes_of_features()),
            "positions": table_of_positions(changes_of_positions()),
            "widths": table_of_levels([f"d = {d}" for d in WIDTHS], values_of_widths()),
            "neighbours": table_of_levels([f"k = {k}" for k in NEIGHBOURS], values_of_neighbours()),
        }


def cells_of(table: str) -> Iterable[tuple[str, str, str]]:
    """Return the name of the row, that of the column and the text of every cell."""
    header, _, *lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
    ]
    return (
        (line[0], name, cell)
        for line in lines
        for name, cell in zip(header[1:], line[1:], strict=True)
    )


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.invariances")
    parser.add_argument("--write", action="store_true", help="into docs/measures.md")
    found = tables()
    if parser.parse_args().write:
        PAGE.write_text(with_tables(PAGE.read_text(), found))
    else:
        print(*found.values(), sep="\n\n")


if __name__ == "__main__":
    main()
