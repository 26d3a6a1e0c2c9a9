"""Recorded layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._identifiers import order_of


class Recording(dict[str, Any]):
    """Layers of the same samples by name, in the order of the model: samples first.

    Functions of isogram refuse two recordings whose identifiers say that rows are not the same
    samples.

    Attributes
    ----------
    ids : array of shape (n,) of integers or strings, or None
        Identifiers of the samples, where `ids` told them.
    skipped : dict
        Modules that a pattern selected and that have no features, with the reasons.
    """

    ids: NDArray[Any] | None = None

    def __init__(
        self,
        layers: Mapping[str, Any],
        ids: Iterable[Any] | None = None,
        skipped: Mapping[str, str] | None = None,
    ) -> None:
        """Take layers of equally many samples."""
        super().__init__(layers)
        self.ids = None if ids is None else np.array(ids)
        self.skipped = dict(skipped or {})
        if self.ids is not None and len(self.ids) != self.samples:
            raise ValueError(
                f"Recording: `ids` must be {self.samples}, one for each sample, got {len(self.ids)}"
            )

    @property
    def samples(self) -> int:
        """Rows of every layer."""
        return len(next(iter(self.values()), ()))

    def in_order_of(self, other: Any) -> Recording:
        """Return the samples in the order of those of a recording, or of a file of `isogram.io`.

        Raises
        ------
        ValueError
            No identifiers, one that is twice there, or one that only one of the two has.
        """
        function = "Recording.in_order_of"
        if self.ids is None or getattr(other, "ids", None) is None:
            raise ValueError(f"{function}: both recordings must have `ids`")
        try:
            order = order_of(other.ids, self.ids, ("`other`", "the recording"))
        except ValueError as error:
            raise ValueError(f"{function}: {error}") from None
        return Recording(
            {name: layer[order] for name, layer in self.items()}, self.ids[order], self.skipped
        )

    def __repr__(self) -> str:
        """Return a line for each layer."""
        lines = [f"{name}: {tuple(x.shape)} {x.dtype}" for name, x in self.items()]
        if self.skipped:
            lines.append(f"({len(self.skipped)} modules without features: see `skipped`)")
        return "\n".join([f"Recording of {self.samples} samples", *lines])

    __str__ = __repr__
