"""The page of two sets of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice, threads
from isogram._errors import warn
from isogram._measures import Measure, measure_of
from isogram._output import printable
from isogram._types import Array
from isogram.io._results import facts_of
from isogram.report._colours import palette_css
from isogram.report._facts import facts_of_maps, facts_of_samples
from isogram.report._heat_maps import HeatMap, heat_map
from isogram.report._inputs import Given, both_given, known_of
from isogram.report._matched import matched_of
from isogram.report._neighbours import neighbours_of
from isogram.report._page import Report, page
from isogram.report._samples import Layer, Rsm, Samples, samples_of
from isogram.report._tables import Table, about_of, table_of
from isogram.typing import LayoutName

MEASURES = ("cka", "gbs_centered", "mutual_knn", "rsa_pearson")

_FUNCTION = "compare"


def compare(
    a: Mapping[Any, Array] | Sequence[Array],
    b: Mapping[Any, Array] | Sequence[Array],
    *,
    measures: Iterable[str | Measure] | Mapping[str, Mapping[str, Any]] = MEASURES,
    pair: tuple[str, str] | None = None,
    labels: Sequence[Any] | NDArray[Any] | None = None,
    pictures: Sequence[Any] | NDArray[Any] | None = None,
    ids: Sequence[Any] | NDArray[Any] | None = None,
    layout: Literal["nhwc", "nchw"] | None = None,
    names: tuple[str, str] | None = None,
    title: str | None = None,
    num_threads: int | None = None,
) -> Report:
    """Return a page that compares every layer of two sets with every other, by several measures.

    Parameters
    ----------
    a, b : io.Layers, or mappings or sequences of arrays of shape (n, …)
        Layers of the same n samples, as for `ig.similarity_matrix`. Files that both have
        identifiers are aligned by them.
    measures : iterable of str or Measure, or mapping from names to options, optional
        Names of `ig.measures()`; a mapping has the options of each, as {"mutual_knn": {"k": 5}}.
    pair : (layer of a, layer of b), optional
        Names of the layers whose samples are shown: RSMs, nearest neighbours, matched tokens. By
        default the last layer of `a`, and its best match by the first measure.
    labels : n values, optional
        The group of each sample; by default, samples are grouped by clusters of their RSM.
    pictures : n pictures, optional
        A picture of each sample: paths, pictures of Pillow, or arrays of shape (h, w), (h, w, 3) or
        (h, w, 4) of uint8 or of floats from 0 to 1.
    ids : n values, optional
        Names of the samples; by default the identifiers of `a`, or numbers from 0.
    layout : {"nhwc", "nchw"}, optional
        Where layers of four axes have their channels: their tokens are shown. Layers of three axes
        have samples, tokens and channels.
    names : pair of str, optional
        Names of the two sets on the page; by default names of their files, or A and B.
    title : str, optional
        The heading of the page.
    num_threads : int, optional
        By default `get_num_threads()`. The page has the same numbers for any number.

    Returns
    -------
    Report
        `.save(path)` writes it, a notebook shows it, and `.facts` has its contents as
        dictionaries, lists and arrays.

    Raises
    ------
    ValueError, TypeError
        As for `ig.similarity_matrix`; files whose identifiers do not match; labels, pictures or ids
        that are not one for each sample; a layer that is not there; arrays that are no pictures.

    Notes
    -----
    Numbers are those of `ig.similarity_matrix`, in full precision. Of many samples 200 are shown,
    evenly spread, and fewer where a sample has more than 64 tokens. All layers are read into
    memory, and read once more for their fingerprints. Where a measure is not defined the page says
    so, and why; the RuntimeWarning is given too.

    Examples
    --------
    >>> import numpy as np
    >>> from isogram import report
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> report.compare({"conv": x}, {"conv": x[:, :3]}).save("report.html")  # doctest: +SKIP
    """
    first, second = both_given(a, b, names)
    if pair is not None and len(pair) != 2:
        raise ValueError(f"compare: `pair` must be a layer of `a` and one of `b`, got {pair!r}")
    maps, remarks = _heat_maps(first, second, _chosen(measures), num_threads)
    warn(remarks, stacklevel=2)
    facts = facts_of([first.source, second.source])
    known = known_of(facts["n"], labels, pictures, first.ids if ids is None else ids)
    pair = pair or _default_pair(maps[0])
    layers = _shown_layers(first, second, pair, layout)
    samples = samples_of(layers, known.ids, known.labels, num_threads)
    neighbours = neighbours_of(samples, known.pictures)
    matched = []
    if neighbours is not None and known.pictures is not None:
        matched = matched_of(layers, samples, neighbours, known.pictures, num_threads)
    called = first.called, second.called
    rsms = [rsm for of_layer in samples.rsms for rsm in of_layer]
    title = title or f"{first.called} and {second.called}"
    shown = {"title": title, "a": first.called, "b": second.called, **facts_of_maps(maps, remarks)}
    shown["reduce"] = _reductions_of(facts)
    shown |= facts_of_samples(known.ids, pair, samples, neighbours, matched)
    return page(
        "compare.html",
        {**shown, "provenance": facts},
        style=_style(maps, rsms),
        data=_data(maps, samples, rsms),
        title=printable(title),
        a=printable(first.called),
        b=printable(second.called),
        count=facts["n"],
        maps=maps,
        remarks=[printable(remark.removeprefix(f"{_FUNCTION}: ")) for remark in remarks],
        summary=_summary(maps),
        best_of_a=_best_matches(maps, transposed=False),
        best_of_b=_best_matches(maps, transposed=True),
        same_name=_same_name(maps),
        samples=samples,
        is_labelled=labels is not None,
        neighbours=neighbours,
        matched=matched,
        provenance=_provenance(facts, called, maps),
        layers=_layers_table(facts, called),
    )


def _shown_layers(
    a: Given, b: Given, pair: tuple[str, str], layout: LayoutName | None
) -> tuple[Layer, Layer]:
    """Return the two layers whose samples are shown."""
    if layout is not None:
        choice("compare", "layout", layout, ("nhwc", "nchw"))
    return a.layer(pair[0], layout), b.layer(pair[1], layout)


def _default_pair(heat: HeatMap) -> tuple[str, str]:
    """Return the names of the last layer and of its best match, or of the last layers."""
    return heat.names[0][-1], heat.names[1][heat.best[-1]]  # -1 where no match is defined


def _style(maps: list[HeatMap], rsms: list[Rsm]) -> str:
    bars = [f"#rsm{i}{{background:{rsm.scale.bar()}}}\n" for i, rsm in enumerate(rsms)]
    return "".join([palette_css(), "\n", *(heat.css(i) for i, heat in enumerate(maps)), *bars])


def _data(maps: list[HeatMap], samples: Samples, rsms: list[Rsm]) -> dict[str, Any]:
    """Return what the script of the page reads."""
    return {
        "rows": maps[0].rows,
        "columns": maps[0].columns,
        "heat": [heat.json_values() for heat in maps],
        "samples": samples.names,
        "rsms": [rsm.triangle for rsm in rsms],
    }


def _chosen(measures: Any) -> list[tuple[Measure, dict[str, Any]]]:
    if isinstance(measures, str | Measure):
        measures = [measures]
    given = measures if isinstance(measures, Mapping) else {measure: {} for measure in measures}
    if not given:
        raise ValueError("compare: `measures` must have at least one measure, got none")
    return [(measure_of("compare", name), dict(options)) for name, options in given.items()]


def _heat_maps(
    a: Given,
    b: Given,
    measures: list[tuple[Measure, dict[str, Any]]],
    num_threads: int | None,
) -> tuple[list[HeatMap], list[str]]:
    """Return the heat maps, and the warnings about their values."""
    workers = threads(_FUNCTION, num_threads)
    maps, remarks = [], []
    for measure, options in measures:
        taken = measure.with_defaults(_FUNCTION, options)
        _, values, said = measure.of_layers(_FUNCTION, a.checked, b.checked, workers, None, taken)
        maps.append(heat_map(measure, taken, values, list(a.layers), list(b.layers)))
        remarks += said
    return maps, list(dict.fromkeys(remarks))


def _summary(maps: list[HeatMap]) -> Table:
    columns = (
        "measure",
        "most alike",
        "value",
        "mean of best matches",
        "least well matched",
        "its best",
    )
    return table_of(columns, [_summary_row(heat) for heat in maps])


def _summary_row(heat: HeatMap) -> list[Any]:
    """Return the best pair of layers, and the layer of A whose best match is the worst."""
    columns = heat.best
    known = [i for i, column in enumerate(columns) if column >= 0]
    if not known:
        return [heat.title, "", np.nan, np.nan, "", np.nan]
    values = np.array([heat.values[i, columns[i]] for i in known])
    order = np.argsort(values if heat.is_distance else -values, kind="stable")
    top, last = known[order[0]], known[order[-1]]
    pair = f"{heat.rows[top]} – {heat.columns[columns[top]]}"
    return [
        heat.title,
        pair,
        heat.values[top, columns[top]],
        values.mean(),
        heat.rows[last],
        heat.values[last, columns[last]],
    ]


def _best_matches(maps: list[HeatMap], *, transposed: bool) -> Table:
    """Return for every layer of one set the best of the other, by every measure."""
    names, others = maps[0].rows, maps[0].columns
    if transposed:
        names, others = others, names
    columns, parts = ["layer"], []
    for heat in maps:
        values = heat.values.T if transposed else heat.values
        best = heat.best_of_columns if transposed else heat.best
        columns += [f"best by {heat.title}", "value"]
        parts.append(
            [(others[j], values[i, j]) if j >= 0 else ("", np.nan) for i, j in enumerate(best)]
        )
    rows = [[name, *(cell for part in parts for cell in part[i])] for i, name in enumerate(names)]
    return table_of(columns, rows)


def _same_name(maps: list[HeatMap]) -> Table | None:
    """Return the values of layers that both sets have by one name, the least alike first."""
    rows, columns = maps[0].rows, maps[0].columns
    at = {name: j for j, name in enumerate(columns)}
    pairs = [(i, at[name]) for i, name in enumerate(rows) if name in at]
    if not pairs:
        return None
    first = maps[0]
    alike = -first.values if first.is_distance else first.values
    pairs.sort(key=lambda pair: np.nan_to_num(alike[pair], nan=-np.inf))
    cells = [[rows[i], *(heat.values[i, j] for heat in maps)] for i, j in pairs]
    return table_of(["layer", *(heat.title for heat in maps)], cells)


def _provenance(
    facts: dict[str, Any], called: tuple[str, str], maps: list[HeatMap]
) -> list[tuple[str, str]]:
    paths = {
        f"file of {name}": str(Path(of["path"]))
        for name, of in zip(called, facts["inputs"], strict=True)
        if "path" in of
    }
    options = {f"options of {heat.title}": heat.options or "none" for heat in maps}
    known = {
        "samples": facts["n"],
        "reduce": _reductions_of(facts),
        "isogram": facts["version"],
        "computed on": facts["device"],
        "date": facts["date"],
    }
    return about_of({**paths, **known, **options})


def _reductions_of(facts: dict[str, Any]) -> str:
    """Return how layers of more axes became samples by features: arrays are flattened."""
    layers = (of for given in facts["inputs"] for of in given["layers"].values())
    return ", ".join(sorted({of.get("reduce") or "flatten" for of in layers}))


def _layers_table(facts: dict[str, Any], called: tuple[str, str]) -> Table:
    rows = [
        [side, name, " × ".join(map(str, of["shape"])), of["dtype"], of["sha256"][:16]]
        for side, given in zip(called, facts["inputs"], strict=True)
        for name, of in given["layers"].items()
    ]
    return table_of(("of", "layer", "shape", "type", "SHA-256 begins"), rows)
