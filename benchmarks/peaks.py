"""The machine's own limits, measured in turns with the contenders."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.child import Child
from benchmarks.settings import BUILD

KINDS = {
    "fma32": "float32 multiply-adds in registers, flop/s",
    "fma64": "float64 multiply-adds in registers, flop/s",
    "read": "bytes read from memory, B/s",
    "update": "bytes read and written back in memory, B/s",
    "fresh": "bytes of new memory from the system, B/s",
}
FOLDER = Path(__file__).parent / "cpp"
SOURCES = (FOLDER / "peaks.cpp", FOLDER / "multiply_adds.hpp")
LARGEST = 64e6  # bytes of memory used for measuring bandwidth
FLAGS = ("-std=c++20", "-O3", "-march=native", "-ffp-contract=fast", "-pthread")


class NoCompiler(RuntimeError):
    """The helper program cannot be built here."""


def compiled() -> Path:
    """Return the helper program, built once per source."""
    source = b"".join(path.read_bytes() for path in SOURCES)
    program = BUILD / f"peaks-{hashlib.sha256(source).hexdigest()[:12]}"
    if program.exists():
        return program
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        raise NoCompiler("no C++ compiler found: set CXX")
    BUILD.mkdir(parents=True, exist_ok=True)
    command = [compiler, *FLAGS, str(SOURCES[0]), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoCompiler(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return program


class Peaks(Child):
    """The helper program, running and waiting for questions."""

    def __init__(self, clock: str = "wall") -> None:
        super().__init__([str(compiled()), clock])

    def rate(self, kind: str, threads: int, size: float = 0) -> float:
        """Return flops or bytes per second; `size` is that of the memory used."""
        return self.ask(f"{kind} {threads} {int(size)}")

    def least_seconds(self, work: Mapping[str, float], threads: int) -> Callable[[], float]:
        """Return a stopwatch of the time in which the machine could do `work` just now."""
        return lambda: sum(
            amount / self.rate(kind, threads, min(amount, LARGEST)) for kind, amount in work.items()
        )
