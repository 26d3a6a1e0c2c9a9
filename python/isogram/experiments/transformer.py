"""What matching finds in a vision transformer, and what becomes of its class token.

Wald et al. (2024) match the tokens of transformers too. The class token is no place of a picture:
the rule here is that it is left out of the tokens that are matched. Beside it stand the RSMs of
all tokens, which may pair it with a patch, and those of the class token alone. The transformer is
trained on digits at random places of a frame, and is shown others, each at several places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._divergences import CORRELATIONS, of_divergences
from isogram.experiments._image_sets import ImageSet, at_random_places, image_set
from isogram.experiments._intervals import mean_over
from isogram.experiments._networks import RandomTransformer, softmax
from isogram.experiments._ranking import ranking
from isogram.experiments._result import Cell, Findings, Size, Table
from isogram.experiments._rsms import COLUMNS, WAYS, Rsm, Way, rsms
from isogram.typing import RsmKernelName

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 1, "medium": 1, "large": 5}
_DIGITS = {"small": 40, "medium": 60, "large": 200}
_VIEWS = 3  # of each digit, at random places
_COPIES = 4  # of each digit to train on
_Floats = NDArray[np.float32]
_Rsms = Mapping[tuple[Way, RsmKernelName], Rsm]


class _Transformer(Protocol):
    def tokens(self, pictures: _Floats) -> dict[str, _Floats]:
        """Return the tokens after each block, the class token first."""

    def logits(self, pictures: _Floats) -> _Floats:
        """Return the scores of the classes."""


class _Shown(NamedTuple):
    """Views (n, side, side), the digit picture that each shows, and its class."""

    pictures: _Floats
    digits: NDArray[np.intp]
    classes: NDArray[np.int64]


def token_sets(tokens: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return which tokens RSMs are of, by rule, from tokens whose first is the class token."""
    return {
        "class token left out": tokens[:, 1:],
        "all tokens": tokens,
        "class token alone": tokens[:, :1],
    }


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return correlations with divergences, and how moved digits are found, by rule."""
    told: dict[str, list[list[Cell]]] = {name: [] for name in CORRELATIONS}
    moved: list[list[Cell]] = []
    found: list[list[Cell]] = []
    accuracies: list[str] = []
    for seed in seeds:
        network, images = _network(size, seed)
        shown = _shown(size, images, seed)
        right = network.logits(images.test_pictures).argmax(axis=1) == images.test_labels
        accuracies.append(f"{right.mean():.3f}")
        divergences = ig.jsd(softmax(network.logits(shown.pictures)))
        for block, tokens in network.tokens(shown.pictures).items():
            for rule, chosen in token_sets(tokens).items():
                place: list[Cell] = [f"seed {seed}, {block}", rule]
                of = rsms(np.ascontiguousarray(chosen))
                correlations = of_divergences(of, divergences, shown.digits)
                for (name, kernel), estimates in correlations.items():
                    told[name].append([*place, kernel, *estimates])
                moved += [[*place, *row] for row in _depths(of, shown)]
                found += [[*place, *row] for row in _hits(of, shown)]
    header = ["block", "tokens", "kernel"]
    title = "Where a digit that moved lies between those of other classes (0) and in place (1)"
    tables = [
        *(
            Table(f"{name}'s correlation with divergences", [*header, *COLUMNS], rows)
            for name, rows in told.items()
        ),
        Table(title, [*header, *WAYS], moved),
        Table("hit@1 of the same", [*header, "same", *WAYS], found),
    ]
    settings = {
        "pictures": images.name,
        "digits": _DIGITS[size],
        "views of each": _VIEWS,
        "tokens": f"{tokens.shape[1]} × {tokens.shape[2]}, the class token among them",
        "accuracy on other digits": accuracies,
        "intervals": "95 %, each digit left out in turn, or digits drawn again",
    }
    return Findings(tables, settings)


def _network(size: Size, seed: int) -> tuple[_Transformer, ImageSet]:
    """Return a transformer and the moved digits that it was, or would be, trained on."""
    if size == "small":
        return RandomTransformer(seed), image_set("digits").moved(16, 1, 0)
    from isogram.experiments._torch_transformer import Transformer

    images = image_set("mnist").moved(40, _COPIES, 0)
    return Transformer(images, seed), images


def _shown(size: Size, images: ImageSet, seed: int) -> _Shown:
    """Return views of the first digits to test with."""
    name = "digits" if size == "small" else "mnist"
    still, count = image_set(name), _DIGITS[size]
    side = images.pictures.shape[1]
    rng = np.random.default_rng(seed)
    views = at_random_places(still.test_pictures[:count], side, _VIEWS, rng)
    digits = np.repeat(np.arange(count), _VIEWS)
    return _Shown(views, digits, still.test_labels[digits])


def _depths(found: _Rsms, shown: _Shown) -> list[list[Cell]]:
    """Return how far views of a digit are on the way from other classes to the same view."""
    same = (shown.digits[:, None] == shown.digits) & ~np.eye(len(shown.digits), dtype=bool)
    others = shown.classes[:, None] != shown.classes
    rows: list[list[Cell]] = []
    for kernel in ("cosine", "rbf"):
        of_ways = []
        for way in WAYS:
            rsm = np.asarray(found[way, kernel], np.float64)
            least = rsm[others].mean()
            own = (rsm * same).sum(axis=1) / same.sum(axis=1)
            of_ways.append(mean_over((own - least) / (1 - least), shown.digits))
        rows.append([kernel, *of_ways])
    return rows


def _hits(found: _Rsms, shown: _Shown) -> list[list[Cell]]:
    """Return how often the nearest other view is of the same digit, and of its class."""
    rows: list[list[Cell]] = []
    for same, labels in (("digit", shown.digits), ("class", shown.classes)):
        one_of = labels[:, None] == np.unique(labels)
        for kernel in ("linear", "cosine"):
            hits = [
                mean_over(ranking(found[way, kernel], one_of).hit, shown.digits) for way in WAYS
            ]
            rows.append([kernel, same, *hits])
    return rows


def figure(findings: Findings) -> Figure:
    """Return correlations and hits over the blocks: of places, of all tokens and of one alone."""
    from isogram.experiments._figures import intervals, mosaic
    from isogram.plot._series import head

    correlations, hits = findings.tables[0], findings.tables[-1]
    panels = {"Pearson with JSD": correlations, "hit@1, same digit": hits}
    with mosaic([[name] for name in panels], 2.2) as (figure, axes):
        for (name, table), ax in zip(panels.items(), axes.values(), strict=True):
            rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
            chosen = [
                row
                for row in rows
                if row["kernel"] == "cosine" and row.get("same", "digit") == "digit"
            ]
            blocks = list(dict.fromkeys(str(row["block"]) for row in chosen))
            series: Any = {
                label: [row[way] for row in chosen if row["tokens"] == rule]
                for label, rule, way in _LINES
            }
            intervals(ax, series, blocks)
            ax.set(ylabel=name)
            head(ax, "", len(_LINES) if table is correlations else 0)
    return figure


_LINES: list[tuple[str, str, Way]] = [(way, "class token left out", way) for way in WAYS]
_LINES += [("semantic, all tokens", "all tokens", "semantic")]
_LINES += [("class token alone", "class token alone", "semantic")]
