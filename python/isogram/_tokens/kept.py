"""Parts of the answer of a search, kept in a folder from which the same search goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._fingerprint import fingerprint_of
from isogram._output import path_of
from isogram._tokens.cascade import Keep
from isogram._tokens.samples import Samples
from isogram._walk.journal import Journaled, opened
from isogram._walk.sinks import Sink
from isogram._walk.stored import StoredParts
from isogram._walk.tiles import Tile


@contextmanager
def keeping(
    function: str, job: Any, inputs: Callable[[], Mapping[str, str]], options: Mapping[str, Any]
) -> Iterator[Keep | None]:
    """Give what keeps parts in the folder `job`, if there is to be one.

    A folder of another search, or of inputs with other fingerprints, is refused.
    """
    if job is None:
        yield None
        return

    folder = path_of(function, "job", job)
    with opened(function, folder, lambda: facts_of(function, inputs(), options)) as journal:

        def keep(sink: Sink, tiles: tuple[Tile, ...]) -> Sink:
            names = {tile: f"queries [{tile.rows.start}:{tile.rows.stop}]" for tile in tiles}
            stored = StoredParts(sink, journal.folder, names)
            return Journaled(stored, journal, names)

        yield keep


def facts_of(
    function: str, inputs: Mapping[str, str], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the journal of a job says that it is of."""
    return {
        "operation": function,
        "isogram": _core.build_info()["version"],
        "instruction set": _core.simd_level(),
        "inputs": dict(inputs),
        "options": dict(options),
    }


def fingerprint(samples: Samples) -> str:
    """Return the fingerprint of inputs, and of which of their tokens count."""
    which = [samples.tokens] if samples.mask is None else [samples.tokens, samples.mask]
    return fingerprint_of(*samples.sources, *which)


def said(candidates: int | NDArray[np.int64] | None) -> Any:
    """Return candidates as a journal says them."""
    return fingerprint_of(candidates) if isinstance(candidates, np.ndarray) else candidates
