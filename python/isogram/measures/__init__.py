"""The measures of layers: each a file of this folder, found when the package is imported.

A new one is its file, with a `Measure` called `measure` in it, and its oracle in the tests. One
that lives elsewhere is given to `register`.
"""

from __future__ import annotations

import os
from importlib import import_module

from isogram.measures._measure import INVARIANCES, KINDS, Measure

__all__ = ["INVARIANCES", "KINDS", "Measure", "Measures", "find", "measures", "register"]

_BY_NAME: dict[str, Measure] = {}  # of aliases too


class Measures(dict[str, Measure]):
    """Measures by name, printed as a table."""

    def __repr__(self) -> str:
        """Return a line for each."""
        header = ("measure", "aliases", "kind", "range", "what it is")
        lines = [header, *map(_described, self.values())]
        widths = [max(len(line[i]) for line in lines) for i in range(len(header) - 1)]
        return "\n".join(
            "  ".join([*map(str.ljust, line, widths), line[-1]]).rstrip() for line in lines
        )

    __str__ = __repr__


def measures(kind: str | None = None) -> Measures:
    """Return the measures that `similarity` and `similarity_matrix` know, by name.

    Parameters
    ----------
    kind : {"similarity", "distance"}, optional
        Those of one kind only.

    Returns
    -------
    Measures
        A new dictionary, from names to `Measure`: range, invariances, options, source and more. It
        prints as a table.

    Raises
    ------
    ValueError
        Another kind.
    TypeError
        Anything but None and a string.

    Examples
    --------
    >>> import isogram as ig
    >>> ig.measures()["gbs"].range
    (-1.0, 1.0)
    >>> list(ig.measures(kind="distance"))
    ['angular_cka', 'procrustes']
    """
    if kind is not None and kind not in KINDS:
        expected = ", ".join(map(repr, KINDS))
        error = ValueError if isinstance(kind, str) else TypeError
        raise error(f"measures: `kind` must be None or one of {expected}, got {kind!r}")
    ordered = sorted(set(_BY_NAME.values()), key=lambda measure: measure.name)
    return Measures({m.name: m for m in ordered if kind in (None, m.kind)})


def register(measure: Measure) -> Measure:
    """Add a measure to those that are known by name, and return it.

    Raises
    ------
    TypeError
        Anything but a `Measure`.
    ValueError
        A name or alias that another measure has.
    """
    if not isinstance(measure, Measure):
        raise TypeError(f"register: `measure` must be a Measure, got {type(measure).__name__}")
    names = (measure.name, *measure.aliases)
    for name in names:
        if _BY_NAME.get(name, measure) is not measure:
            raise ValueError(
                f"register: `measure` must have a name of its own, got {name!r}, which is "
                f"{_BY_NAME[name].name!r} already"
            )
    _BY_NAME.update(dict.fromkeys(names, measure))
    return measure


def measure_of(function: str, name: object) -> Measure:
    """Return the measure of a name or an alias, or a measure itself."""
    if isinstance(name, Measure):
        return name
    if isinstance(name, str) and name in _BY_NAME:
        return _BY_NAME[name]
    kind = ValueError if isinstance(name, str) else TypeError
    raise kind(f"{function}: `measure` must be one of {', '.join(measures())}, got {name!r}")


def find(folder: str) -> None:
    """Register the measures in this folder of the package."""
    for file in sorted(os.listdir(folder)):
        name, extension = os.path.splitext(file)
        if extension == ".py" and name.isidentifier() and not name.startswith("_"):
            register(import_module(f"{__name__}.{name}").measure)


def _described(measure: Measure) -> tuple[str, ...]:
    low, high = measure.range
    interval = f"{low:.4g} to {high:.4g}"
    return measure.name, ", ".join(measure.aliases), measure.kind, interval, measure.summary


find(os.path.dirname(__file__))
