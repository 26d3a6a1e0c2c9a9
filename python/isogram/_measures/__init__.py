"""The measures of layers: each a file of this folder, loaded when the first is asked for.

A new one is its file, with a `Measure` called `measure` in it, and its oracle in the tests. One
that lives elsewhere is given to `register_measure`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from isogram._loading import loaded
from isogram.typing import MeasureKind

if TYPE_CHECKING:
    from isogram._measures._measure import INVARIANCES, KINDS, Measure

__all__ = ["INVARIANCES", "KINDS", "Measure", "Measures", "measures", "register_measure"]

_BY_NAME: dict[str, Measure] = {}  # of aliases too; none of this folder until one is asked for
_is_complete = False
_HEADER = (
    "measure",
    "kind",
    "range",
    "invariant",
    "needs",
    "cost",
    "source",
    "what it is",
)


def __getattr__(name: str) -> Any:
    """Return what `_measure.py` defines under a public name: `import isogram` does not load it."""
    if name in __all__:
        return _defined(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Measures(dict[str, "Measure"]):
    """Measures by name, printed as a table."""

    def __repr__(self) -> str:
        """Return a line for each, as wide as the terminal where stdout is one."""
        from isogram._tables import terminal_width

        return table_of(self, terminal_width())

    __str__ = __repr__


def table_of(measures: Measures, width: int | None = None) -> str:
    """Return measures as a table, at most `width` characters wide, and a key to it.

    Where it is too wide it lacks what each measure is, and then the source too.
    """
    from isogram._tables import folded, listing, width_of

    lines = [_HEADER, *map(_described, measures.values())]
    columns = len(_HEADER)
    while width is not None and columns > _HEADER.index("source"):
        widest = max(map(width_of, listing(lines[0], lines[1:]).splitlines()))
        if widest <= width:
            break
        columns -= 1
        lines = [line[:columns] for line in lines]
    table = listing(lines[0], lines[1:], width=width)
    return "\n".join([table, "", *(folded(text, width) for text in _key(measures))])


def measures(kind: MeasureKind | None = None) -> Measures:
    """Return the measures that `similarity` and `similarity_matrix` know, by name.

    Parameters
    ----------
    kind : {"similarity", "distance"}, optional
        Those of one kind only.

    Returns
    -------
    Measures
        A new dictionary, from names to `Measure`: range, invariances, options, cost, source and
        more. It prints as a table that fits the terminal.

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
    >>> "procrustes" in ig.measures(kind="distance")
    True
    """
    if kind is not None and kind not in (kinds := _defined("KINDS")):
        expected = ", ".join(map(repr, kinds))
        error = ValueError if isinstance(kind, str) else TypeError
        raise error(f"measures: `kind` must be None or one of {expected}, got {kind!r}")
    ordered = sorted(set(_known().copy().values()), key=lambda measure: measure.name)
    return Measures({m.name: m for m in ordered if kind in (None, m.kind)})


def register_measure(measure: Measure) -> Measure:
    """Make a measure known by its name and aliases, and return it.

    Raises
    ------
    TypeError
        Anything but a `Measure`.
    ValueError
        A name or alias that another measure has.
    """
    kind: type[Measure] = _defined("Measure")
    if not isinstance(measure, kind):
        raise TypeError(
            f"register_measure: `measure` must be a Measure, got {type(measure).__name__}"
        )
    known = _known()
    for name in _names(measure):
        if known.get(name, measure) is not measure:
            raise ValueError(
                f"register_measure: `measure` must have a name of its own, got {name!r}, which is "
                f"{known[name].name!r} already"
            )
    known.update(dict.fromkeys(_names(measure), measure))
    return measure


def measure_of(function: str, name: object) -> Measure:
    """Return the measure of a name or an alias, or a measure itself."""
    kind: type[Measure] = _defined("Measure")
    if isinstance(name, kind):
        return name
    if isinstance(name, str) and name in _known():
        return _known()[name]
    error = ValueError if isinstance(name, str) else TypeError
    raise error(f"{function}: `measure` must be one of {', '.join(measures())}, got {name!r}")


def _defined(name: str) -> Any:
    """Return what `_measure.py` defines under a name."""
    return getattr(loaded(f"{__name__}._measure")[0], name)


def _known() -> dict[str, Measure]:
    """Return all measures by name and alias, once those of this folder are loaded."""
    global _is_complete
    if not _is_complete:
        files = sorted(map(os.path.splitext, os.listdir(os.path.dirname(__file__))))
        modules = loaded(
            *(
                f"{__name__}.{name}"
                for name, extension in files
                if extension == ".py" and name.isidentifier() and not name.startswith("_")
            )
        )
        found = [module.measure for module in modules]
        _BY_NAME.update({name: measure for measure in found for name in _names(measure)})
        _is_complete = True  # last: without a GIL other threads see the update by halves
    return _BY_NAME


def _names(measure: Measure) -> tuple[str, ...]:
    return (measure.name, *measure.aliases)


def _described(measure: Measure) -> tuple[str, ...]:
    low, high = measure.range
    return (
        measure.name,
        measure.kind,
        f"{low:.4g} to {high:.4g}",
        "".join(x if family in measure.invariances else "-" for family, x in _letters().items()),
        f"n ≥ {measure.fewest}",
        measure.cost,
        measure.source,
        measure.summary,
    )


def _letters() -> dict[str, str]:
    """Return the letter by which the table names each invariance."""
    return dict(zip(_defined("INVARIANCES"), "OPITLS", strict=True))


def _key(measures: Measures) -> list[str]:
    """Return sentences that say what the table's columns mean, and other names."""
    letters = ", ".join(f"{letter} {family}" for family, letter in _letters().items())
    others = ", ".join(f"{alias} ({m.name})" for m in measures.values() for alias in m.aliases)
    return [
        f"Invariant: {letters}.",
        "Cost: operations for two layers of n samples and d features, with options by default.",
        *([f"Other names: {others}."] if others else []),
        "ig.measures()[name] and isogram measures --json - say all of a measure.",
    ]
