"""How well pictures of the same are found: of one object that moves, and of sets of objects.

Wald et al. (2024), section 4.2: the gallery in order of a query's row of the RSM. Beside spatial
RSMs stands the similarity of mean-pooled tokens, which no change of places can alter either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._intervals import mean_over
from isogram.experiments._matchers import approximations
from isogram.experiments._networks import networks
from isogram.experiments._pictures import Pixels, composites, moved_views
from isogram.experiments._ranking import Ranking, nearest_first, overlap, ranking
from isogram.experiments._result import Cell, Estimate, Findings, Size, Table
from isogram.experiments._rsms import COLUMNS, WAYS, rsms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 1, "medium": 1, "large": 3}
_VIEWS = {"small": 4, "medium": 5, "large": 10}  # of each photograph
_SETS = {"small": 30, "medium": 30, "large": 100}  # of three photographs
_SET_VIEWS = 3
_FINEST = {"small": 784, "medium": 784, "large": 1089}  # positions: finer layers are left out
# Networks whose tokens are matched approximately, in six times the time of exact matching alone.
_APPROXIMATED = {"small": 1, "medium": 1, "large": 3}
_SCORES = {"hit": "hit@1", "precision": "mean average precision", "f1": "F1@1"}
OBJECT, SETS = "one object", "sets of three"

# (task, layer, kernel or matcher, way) → scores of each seed.
_Scores: TypeAlias = dict[tuple[str, str, str, str], list[Ranking]]


class _Task(NamedTuple):
    """Pictures, and which photographs each shows."""

    name: str
    pixels: Pixels
    labels: NDArray[np.bool_]


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return the scores of each kind of similarity, and of each approximate matching."""
    exact: _Scores = defaultdict(list)
    matched: _Scores = defaultdict(list)
    groups = {}
    examples: dict[str, Any] = {}  # of the first network
    for seed in seeds:
        for number, network in enumerate(networks(size, seed)):
            for task in _tasks(size, network.side, seed):
                groups[task.name] = np.unique(task.labels, axis=0, return_inverse=True)[1]
                seen = network.look(task.pixels).layers
                layers = {
                    f"{network.name}.{layer}": tokens
                    for layer, tokens in seen.items()
                    if tokens.shape[1] <= _FINEST[size]
                }
                cosines = _add_exact(exact, task, layers)
                if number < _APPROXIMATED[size]:
                    _add_matched(matched, task, layers)
                if task.name == SETS and not examples:
                    examples = _examples(task, cosines)
    tables = [_by_way(exact, groups, score) for score in _SCORES]
    settings = {
        "photographs": groups[OBJECT].max() + 1,
        "views of each": _VIEWS[size],
        "sets": _SETS[size],
        "views of each set": _SET_VIEWS,
        "positions": f"{_FINEST[size]} at most",
        "networks of approximate matchings": _APPROXIMATED[size],
        "intervals": "95 %, photographs or sets drawn again",
    }
    return Findings([*tables, _by_matcher(matched, exact, groups)], settings, examples)


def _add_exact(
    scores: _Scores, task: _Task, layers: Mapping[str, NDArray[Any]]
) -> dict[str, dict[str, NDArray[Any]]]:
    """Add the scores of each kind of similarity; return the RSMs with the cosine kernel."""
    cosines: dict[str, dict[str, NDArray[Any]]] = {}
    for place, tokens in layers.items():
        found = rsms(tokens)
        for (way, kernel), rsm in found.items():
            scores[task.name, place, kernel, way].append(ranking(rsm, task.labels))
        cosines[place] = {way: found[way, "cosine"] for way in WAYS}
    return cosines


def _add_matched(scores: _Scores, task: _Task, layers: Mapping[str, NDArray[Any]]) -> None:
    """Add the scores of each approximate matching."""
    for place, tokens in layers.items():
        for name, options in approximations(tokens).items():
            rsm = ig.semantic_rsm(tokens, **options)
            scores[task.name, place, name, ""].append(ranking(rsm, task.labels))


def _tasks(size: Size, side: int, seed: int) -> list[_Task]:
    """Return one object at random places, then sets of three in any order."""
    rng = np.random.default_rng(seed)
    views = moved_views(side, _VIEWS[size], rng)
    one_of = np.eye(views.photographs.max() + 1, dtype=bool)[views.photographs]
    pixels, labels = composites(side, _SETS[size], _SET_VIEWS, rng)
    return [_Task(OBJECT, views.pixels, one_of), _Task(SETS, pixels, labels)]


def _by_way(found: _Scores, groups: Mapping[str, NDArray[Any]], score: str) -> Table:
    """Return a score of the three ways and its differences, for each task, layer and kernel."""
    rows: list[list[Cell]] = []
    for task, place, kernel in dict.fromkeys(key[:3] for key in found):
        if score == "f1" and task == OBJECT:
            continue  # the same as hit@1
        ways = {way: _values(found[task, place, kernel, way], score) for way in WAYS}
        less = [ways["semantic"] - ways[way] for way in WAYS if way != "semantic"]
        estimates = (_mean(values, groups[task]) for values in (*ways.values(), *less))
        rows.append([task, place, kernel, *estimates])
    return Table(_SCORES[score], ["pictures", "layer", "kernel", *COLUMNS], rows)


def _by_matcher(found: _Scores, exact: _Scores, groups: Mapping[str, NDArray[Any]]) -> Table:
    """Return all scores of approximate matchings, and their hits less those of exact matching."""
    rows: list[list[Cell]] = []
    for (task, place, name, _), seeds in found.items():
        scores = [_values(seeds, score) for score in _SCORES]
        best = _values(exact[task, place, "cosine", "semantic"], "hit")
        estimates = (_mean(values, groups[task]) for values in (*scores, scores[0] - best))
        rows.append([task, place, name, *estimates])
    header = ["pictures", "layer", "matching", *_SCORES.values(), "hit@1 less exact"]
    return Table("Approximate matchings, cosine", header, rows)


def _values(seeds: Sequence[Ranking], score: str) -> NDArray[np.float64]:
    """Return a score of all queries of all seeds."""
    return np.concatenate([getattr(ranking, score) for ranking in seeds])


def _mean(values: NDArray[np.float64], groups: NDArray[Any]) -> Estimate:
    return mean_over(values, np.resize(groups, len(values)))


def _examples(task: _Task, layers: Mapping[str, Mapping[str, NDArray[Any]]]) -> dict[str, Any]:
    """Return the pictures of sets, small, and who is nearest to whom in the middle layer."""
    place = list(layers)[len(layers) // 2]
    step = max(1, task.pixels.shape[1] // 56)
    nearest = {way: nearest_first(rsm)[:, :3] for way, rsm in layers[place].items()}
    shared = overlap(task.labels)
    return {
        "layer": place,
        "pictures": task.pixels[:, ::step, ::step],
        "nearest": nearest,
        "shared": {way: np.take_along_axis(shared, near, axis=1) for way, near in nearest.items()},
    }


def figure(findings: Findings) -> Figure:
    """Return hit@1 over depth, and for some queries the three nearest pictures of each way."""
    from isogram import plot
    from isogram.experiments._figures import intervals, mosaic, names_below
    from isogram.plot._series import head

    table, series = findings.tables[0], findings.series
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    with mosaic([[OBJECT] * 3, [SETS] * 3, WAYS], 2.2) as (figure, axes):
        for task in (OBJECT, SETS):
            chosen = [row for row in rows if (row["pictures"], row["kernel"]) == (task, "cosine")]
            of: Any = {way: [row[way] for row in chosen] for way in WAYS}
            intervals(axes[task], of, [str(row["layer"]) for row in chosen])
            axes[task].set(ylabel="hit@1, cosine", ylim=(0, 1.02))
            head(axes[task], task, len(WAYS) if task == OBJECT else 0)
        names_below([axes[OBJECT], axes[SETS]])
        queries = _queries(series["shared"])
        for way in WAYS:
            shared = series["shared"][way][queries]
            plot.neighbours(
                series["nearest"][way][queries],
                series["pictures"][queries],
                series["pictures"],
                scores=shared,
                correct=shared == 1,
                title=f"{way}, {series['layer']}",
                ax=axes[way],
            )
            axes[way].set_xlabel("below: F1 of the labels")
    return figure


def _queries(shared: Mapping[str, NDArray[Any]]) -> NDArray[np.intp]:
    """Return the queries at which the ways differ most, those of the first sets first."""
    gain = shared["semantic"][:, 0] - np.minimum(shared["spatial"], shared["pooled"])[:, 0]
    return np.sort(np.argsort(-gain, kind="stable")[:3])
