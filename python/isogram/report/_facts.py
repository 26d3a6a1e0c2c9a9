"""The contents of a page for other programs: dictionaries, lists, text and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isogram.report._heat_maps import HeatMap
from isogram.report._matched import Matched
from isogram.report._neighbours import Neighbours
from isogram.report._samples import Samples

_SIDES = ("a", "b")


def facts_of_maps(maps: Sequence[HeatMap], remarks: Sequence[str]) -> dict[str, Any]:
    """Return the values of all measures, and the best matches of layers."""
    rows, columns = maps[0].names
    return {
        "rows": rows,
        "columns": columns,
        "measures": [
            {
                "measure": heat.measure.name,
                "options": heat.options,
                "values": heat.values,
                "best_of_a": [columns[j] if j >= 0 else None for j in heat.best],
                "best_of_b": [rows[i] if i >= 0 else None for i in heat.best_of_columns],
            }
            for heat in maps
        ],
        "remarks": remarks,
    }


def facts_of_samples(
    ids: Sequence[str],
    pair: tuple[str, str],
    samples: Samples,
    neighbours: Neighbours | None,
    matched: Sequence[Matched],
) -> dict[str, Any]:
    """Return RSMs, groups, neighbours and matched tokens of the samples that are shown.

    Parameters
    ----------
    ids
        Names of all samples.
    pair
        The two layers that have the samples.
    """
    shown = [ids[row] for row in samples.rows]
    return {
        "pair": pair,
        "samples": shown,
        "rsms": {
            side: [{"what": rsm.what, "values": rsm.values} for rsm in rsms]
            for side, rsms in zip(_SIDES, samples.rsms, strict=True)
        },
        "groups": [
            {
                "name": group.name,
                "samples": shown[group.start : group.start + group.count],
                "within": dict(zip(_SIDES, within, strict=True)),
                "to_others": dict(zip(_SIDES, to_others, strict=True)),
            }
            for group in samples.groups
            for within, to_others in [zip(*samples.means(group), strict=True)]
        ],
        "neighbours": None if neighbours is None else _of_neighbours(neighbours, shown),
        "matched": [_of_matched(of, shown) for of in matched],
    }


def _of_neighbours(neighbours: Neighbours, shown: Sequence[str]) -> dict[str, Any]:
    return {
        "k": neighbours.k,
        "shared": neighbours.shared,
        "same_group": [share for _, share in neighbours.same_group],
        "queries": [
            {
                "sample": shown[query.sample],
                "shared": query.shared,
                "nearest": {
                    side: [{"sample": shown[one.sample], "value": one.value} for one in nearest]
                    for side, (_, nearest) in zip(_SIDES, query.sides, strict=True)
                },
            }
            for query in neighbours.queries
        ],
    }


def _of_matched(of: Matched, shown: Sequence[str]) -> dict[str, Any]:
    return {
        "of": _SIDES[of.side],
        "samples": [shown[sample] for sample in of.samples],
        "total": of.total,
        "share": of.share,
        "tokens": [
            {"token": line.token, "other": line.other, "contribution": line.contribution}
            for line in of.lines
        ],
    }
