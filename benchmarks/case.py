"""A case: one piece of work, isogram's way and the others'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.baselines.rivals import Unavailable, load
from benchmarks.settings import Settings


@dataclass
class Workload:
    """A case with its data at hand.

    `compute` is isogram's way: it takes the inputs, wherever they lie, and the number of threads.
    `error` turns any contender's result into its relative error against a float64 reference; a
    number above `right` is called wrong. `work` says what the work needs at least, by the names of
    `peaks.KINDS`, in flops or bytes. `variants` are other ways to call isogram, timed beside it;
    they may approximate: `near` takes the place of `right`.
    """

    compute: Callable[..., Any]
    inputs: tuple[Any, ...]
    rivals: dict[str, Callable[[], Any]]
    error: Callable[[Any], float]
    right: float = 1e-3
    near: float = 1e-2
    work: Mapping[str, float] = field(default_factory=dict)
    variants: dict[str, Callable[[int], Any]] = field(default_factory=dict)
    stopwatches: dict[str, Callable[[], float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None

    def isogram(self, threads: int) -> Any:
        """Compute isogram's way."""
        return self.compute(*self.inputs, threads=threads)

    def add_rival(self, name: str, adapter: str, bind: Callable[[Any], Callable[[], Any]]) -> None:
        """Let a rival take part: `bind(adapter)` gives what to time; or note why it cannot."""
        module = load(adapter)
        if isinstance(module, Unavailable):
            self.missing[name] = module.reason
        else:
            self.rivals[name] = bind(module)


@dataclass(frozen=True)
class Case:
    """One row of the results; `build` makes the data."""

    name: str
    group: str
    title: str
    sizes: Mapping[str, int]
    build: Callable[[Settings], Workload]
    data: str = "random"
    dtype: str = "float32"
    per: tuple[str, int] | None = None  # what a time is divided by in plots: ("assignment", 200)
    measure_memory: bool = False
    levels: bool = True  # time isogram at lower SIMD levels too
