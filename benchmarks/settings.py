"""What one run of the suite is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "benchmarks"  # compiled helpers, made data, results of quick runs


@dataclass(frozen=True)
class Settings:
    """Size and length of a run."""

    quick: bool = False
    threads: int = 1
    clock: str = "wall"  # or "cpu": time of this process, for one thread on a busy machine
    seconds: float = 12.0  # per contender and case

    def size(self, full: int, quick: int) -> int:
        """Return a size for this run."""
        return quick if self.quick else full

    @property
    def rounds(self) -> int:
        """Return how often everything is timed in turn, at most."""
        return 3 if self.quick else 15

    @property
    def min_rounds(self) -> int:
        """Return how often even slow contenders are timed."""
        return 1 if self.quick else 3

    @property
    def budget(self) -> float:
        """Return the seconds after which a contender leaves the remaining rounds to the others."""
        return 0.3 if self.quick else self.seconds
