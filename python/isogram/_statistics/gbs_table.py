"""What is to be said about a table of GBS."""

from __future__ import annotations

import warnings

from isogram._types import GbsTable, Layers


def warn_of_isolated(function: str, x: Layers, y: Layers | None, table: GbsTable) -> None:
    """Warn the caller's caller of graphs some of whose nodes have no edges."""
    names_y = [] if y is None else y.names
    warn_of_isolated_in(function, x.names, names_y, x.samples, table, stacklevel=4)


def warn_of_isolated_in(
    function: str,
    names_x: list[str],
    names_y: list[str],
    samples: int,
    table: GbsTable,
    *,
    stacklevel: int = 3,
) -> None:
    """Warn of them by the names of the layers; without `names_y` those of x are compared."""
    counts = [*zip(names_x, table.isolated_x, strict=False)]
    if names_y:
        counts += zip(names_y, table.isolated_y, strict=False)
    listed = ", ".join(f"{count} of `{name}`" for name, count in dict(counts).items() if count)
    if not listed:
        return
    message = (
        f"{function}: of the {samples} samples, {listed} have no edges of weight other than 0, "
        "so these count 0: they are rows of zeros, or equal to the mean that is subtracted, or "
        "orthogonal to all that they are joined to"
    )
    warnings.warn(message, RuntimeWarning, stacklevel=stacklevel)
