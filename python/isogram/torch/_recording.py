"""Recorded layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Recording(dict[str, Any]):
    """Layers of the same samples by name, in the order of the model: samples first.

    Attributes
    ----------
    ids : list of int or str, or None
        Identifiers of the samples, where `ids` told them.
    skipped : dict
        Modules that a pattern selected and that have no features, with the reasons.
    """

    def __init__(
        self,
        layers: Mapping[str, Any],
        ids: list[Any] | None = None,
        skipped: Mapping[str, str] | None = None,
    ) -> None:
        """Take layers of equally many samples."""
        super().__init__(layers)
        self.ids = ids
        self.skipped = dict(skipped or {})

    @property
    def samples(self) -> int:
        """Rows of every layer."""
        return len(next(iter(self.values())))

    def __repr__(self) -> str:
        """Return a line for each layer."""
        lines = [f"{name}: {tuple(x.shape)} {x.dtype}" for name, x in self.items()]
        if self.skipped:
            lines.append(f"({len(self.skipped)} modules without features: see `skipped`)")
        return "\n".join([f"Recording of {self.samples} samples", *lines])

    __str__ = __repr__
