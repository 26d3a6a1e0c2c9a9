"""What a run found out, as it is saved."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.timing import Spread

ISOGRAM = "isogram"
LIMIT = "machine limit"


@dataclass
class Entry:
    """One contender in one case."""

    name: str
    kind: str  # isogram, threads, level, variant, rival, limit
    seconds: Spread
    ratio: Spread  # its time over isogram's, round by round
    error: float | None = None  # relative, against float64
    right: bool = True
    cores: float = 0.0  # processor time per time: what it really used
    memory: float | None = None  # growth of the peak, MB


@dataclass
class CaseResult:
    """All contenders in one case."""

    name: str
    group: str
    title: str
    sizes: dict[str, int]
    data: str
    dtype: str
    threads: int
    clock: str
    date: str
    commit: str
    load: float  # of the machine when the case began, runnable processes
    per: tuple[str, int] | None
    entries: list[Entry] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def entry(self, name: str) -> Entry | None:
        """Return a contender's entry."""
        return next((entry for entry in self.entries if entry.name == name), None)

    @property
    def rivals(self) -> list[Entry]:
        """Return the entries of other packages and plain NumPy."""
        return [entry for entry in self.entries if entry.kind == "rival"]


@dataclass
class Results:
    """A machine and its cases."""

    machine: dict[str, Any]
    peaks: dict[str, float] = field(default_factory=dict)
    quick: bool = False
    cases: dict[str, CaseResult] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read JSON."""
        raw = json.loads(path.read_text())
        cases = {name: _case(values) for name, values in raw.pop("cases").items()}
        return cls(**raw, cases=cases)


def _case(raw: dict[str, Any]) -> CaseResult:
    entries = [_entry(values) for values in raw.pop("entries")]
    per = raw.pop("per")
    return CaseResult(**raw, per=None if per is None else (per[0], per[1]), entries=entries)


def _entry(raw: dict[str, Any]) -> Entry:
    return Entry(seconds=Spread(**raw.pop("seconds")), ratio=Spread(**raw.pop("ratio")), **raw)
