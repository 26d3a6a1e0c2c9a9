"""The samples as two layers see them: RSMs in the order of groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram._output import printable
from isogram.report._colours import Scale, scale_of
from isogram.report._pictures import png_of
from isogram.report._tables import Table, table_of
from isogram.typing import LayoutName

try:
    from scipy.cluster import hierarchy
except ImportError as error:
    raise ImportError(
        "isogram.report needs SciPy: pip install 'isogram[report]'", name="scipy"
    ) from error

_MOST = 200  # samples that are shown; fewer where a sample has more than 64 tokens
_CLUSTERS = 8
_EXAMPLES = 2

_Array = NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """A layer whose samples are shown.

    Attributes
    ----------
    called
        The names of the layer and of its set.
    array
        The layer, of shape (n, …).
    layout
        The axes of its tokens as `semantic_rsm` has them, or None where it has no tokens.
    """

    called: str
    array: _Array
    layout: LayoutName | None

    @property
    def grid(self) -> tuple[int, int] | None:
        """The rows and columns in which its tokens lie, if they do."""
        shape = self.array.shape
        if self.layout == "nsc":
            side = round(shape[1] ** 0.5)
            return (side, side) if side * side == shape[1] else None
        return {"nhwc": shape[1:3], "nchw": shape[2:4]}.get(self.layout or "")

    @property
    def tokens(self) -> int:
        """Tokens of each sample."""
        if self.layout == "nsc":
            return int(self.array.shape[1])
        height, width = self.grid or (1, 1)
        return height * width

    def rsms(self, rows: _Array, num_threads: int | None) -> list[tuple[str, _Array]]:
        """Return RSMs of some samples, each with its description; the first decides groups."""
        if self.layout is not None:
            tokens = self.array[rows]
            options: dict[str, Any] = {"layout": self.layout, "num_threads": num_threads}
            return [
                ("semantic RSM: cosines of matched tokens", ig.semantic_rsm(tokens, **options)),
                ("spatial RSM: cosines of tokens at one place", ig.spatial_rsm(tokens, **options)),
            ]
        flat = self.array.reshape(len(self.array), -1)
        centred = (flat[rows] - flat.mean(axis=0, dtype=np.float64)).astype(np.float64)
        return [
            (
                "RSM: cosines, once the mean of every feature is taken off",
                ig.gram(centred, kernel="cosine", num_threads=num_threads),
            )
        ]


@dataclass(frozen=True)
class Rsm:
    """A picture of an RSM.

    Attributes
    ----------
    called, what
        The layer, and a description of the entries.
    values
        Entries, of shape (m, m), in the order that is shown.
    scale
        Colours of the entries off the diagonal.
    """

    called: str
    what: str
    values: _Array
    scale: Scale

    @property
    def picture(self) -> str:
        """The address of the picture."""
        return png_of(self.scale.shades(self.values))

    @property
    def triangle(self) -> list[list[float | None]]:
        """The entries on and below the diagonal for JSON, with three decimals."""
        rounded = np.round(self.values.astype(np.float64), 3)
        return [
            [value if np.isfinite(value) else None for value in row[: i + 1]]
            for i, row in enumerate(rounded.tolist())
        ]


@dataclass(frozen=True)
class Group:
    """Samples that lie together: those of a label, or of a cluster."""

    name: str
    start: int
    count: int


@dataclass(frozen=True)
class Samples:
    """Samples as they are shown.

    Attributes
    ----------
    rows
        Their rows among all samples, in the order of the groups.
    names
        Names of the samples.
    groups
        Contiguous samples.
    said
        A sentence that says which samples and groups are shown.
    rsms
        RSMs of both layers, one after the other.
    """

    rows: _Array
    names: tuple[str, ...]
    groups: tuple[Group, ...]
    said: str
    rsms: tuple[tuple[Rsm, ...], tuple[Rsm, ...]]

    def of(self, sample: int) -> Group:
        """Return the group of a sample that is shown."""
        return next(group for group in self.groups if sample < group.start + group.count)

    def means(self, group: Group) -> list[tuple[float, float]]:
        """Return, for both layers, the mean entry within a group, and of one and another sample."""
        return [_means(rsms[0].values, group) for rsms in self.rsms]

    def table(self) -> Table:
        """Return how alike the samples of every group are, to each other and to the others."""
        sides = [rsms[0] for rsms in self.rsms]
        columns = ["group", "samples"]
        for side in sides:
            columns += [f"within, {side.called}", f"to others, {side.called}"]
        rows = [
            [
                group.name,
                group.count,
                *(mean for means in self.means(group) for mean in means),
                ", ".join(self.names[group.start : group.start + _EXAMPLES]),
            ]
            for group in self.groups
        ]
        return table_of([*columns, "such as"], rows)


def samples_of(
    layers: tuple[Layer, Layer],
    names: Sequence[str],
    labels: Sequence[str] | None,
    num_threads: int | None,
) -> Samples:
    """Return samples of two layers, in an order that shows groups."""
    count = len(names)
    most = max(40, min(_MOST, _MOST * 64 // max(layer.tokens for layer in layers)))
    rows = _spread(count, most, labels)
    found = [layer.rsms(rows, num_threads) for layer in layers]
    order, groups = _grouped(found[0][0][1], None if labels is None else [labels[i] for i in rows])
    rsms = tuple(
        tuple(
            Rsm(printable(layer.called), what, values[np.ix_(order, order)], _scale(values))
            for what, values in of_layer
        )
        for layer, of_layer in zip(layers, found, strict=True)
    )
    return Samples(
        rows[order],
        tuple(printable(names[i]) for i in rows[order]),
        groups,
        _said(len(rows), count, layers[0].called, labels is not None),
        (rsms[0], rsms[1]),
    )


def _spread(count: int, most: int, labels: Sequence[str] | None) -> _Array:
    """Return rows at equal distances, of all labels in proportion."""
    rows = np.arange(count) if labels is None else np.argsort(np.array(labels), kind="stable")
    if count <= most:
        return rows
    spread: _Array = rows[np.linspace(0, count - 1, most).round().astype(int)]
    return spread


def _grouped(rsm: _Array, labels: Sequence[str] | None) -> tuple[_Array, tuple[Group, ...]]:
    """Return the order of the samples, and the groups in it: labels, or clusters of an RSM."""
    if labels is None:
        order, members = _clusters(rsm)
        labels = [f"cluster {member}" for member in members]
    else:
        order = np.argsort(np.array(labels), kind="stable")
        labels = [labels[i] for i in order]
    starts = [i for i in range(len(labels)) if i == 0 or labels[i] != labels[i - 1]]
    ends = [*starts[1:], len(labels)]
    return order, tuple(
        Group(printable(labels[start]), start, end - start)
        for start, end in zip(starts, ends, strict=True)
    )


def _clusters(rsm: _Array) -> tuple[_Array, list[int]]:
    """Return an order in which like samples are near, and the cluster of each in that order."""
    count = len(rsm)
    if count < 3:
        return np.arange(count), [1] * count
    cosines = np.clip(np.nan_to_num(rsm.astype(np.float64)), -1, 1)
    distances = np.sqrt(2 - 2 * cosines)[np.triu_indices(count, 1)]  # of vectors of length 1
    tree = hierarchy.linkage(distances, "ward", optimal_ordering=True)
    order = hierarchy.leaves_list(tree)
    members = hierarchy.fcluster(tree, min(_CLUSTERS, count // 2), "maxclust")[order]
    numbers = {member: i + 1 for i, member in enumerate(dict.fromkeys(members.tolist()))}
    return order, [numbers[member] for member in members.tolist()]


def _scale(values: _Array) -> Scale:
    """Return colours for the entries off the diagonal."""
    others = values[~np.eye(len(values), dtype=bool)]
    return scale_of(others if others.size else values)


def _means(values: _Array, group: Group) -> tuple[float, float]:
    """Return the mean entry of two samples of a group, and of one and another sample."""
    inside = np.zeros(len(values), dtype=bool)
    inside[group.start : group.start + group.count] = True
    block, others = values[np.ix_(inside, inside)], values[np.ix_(inside, ~inside)]
    pairs = group.count * (group.count - 1)
    within = (block.sum(dtype=np.float64) - np.trace(block)) / pairs if pairs else np.nan
    return float(within), float(others.mean(dtype=np.float64)) if others.size else np.nan


def _said(shown: int, count: int, called: str, is_labelled: bool) -> str:
    which = (
        f"All {count} samples" if shown == count else f"{shown} of {count} samples, evenly spread"
    )
    how = (
        "in the order of their labels"
        if is_labelled
        else f"in the order of clusters of {called} (Ward's)"
    )
    return printable(f"{which}, {how}.")
