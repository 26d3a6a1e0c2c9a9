"""Looks for inputs on which isogram is wrong: python tests/fuzz [--only assignment] [--seconds 60].

Every module of this folder is a fuzzer with one function, fuzz(seconds, seed, keep_going), which
draws a case from the seed, checks it, goes on to seed + 1 until the time is up, and returns how
many faults it found. What it prints for a fault ends in the seed: `--seed S --seconds 0` draws that
case alone.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))  # what the tests share


def main() -> int:
    """Run the fuzzers; the exit status says whether one found a fault."""
    fuzzers = sorted(path.stem for path in FOLDER.glob("*.py") if path != Path(__file__).resolve())
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description=__doc__.split(":")[0])
    parser.add_argument("--only", choices=fuzzers, help="default: all of them at once")
    parser.add_argument("--seconds", type=float, default=60, help="for each; default %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the first case")
    parser.add_argument("--keep-going", action="store_true", help="count faults, stop at none")
    options = parser.parse_args()
    if options.only is None:
        return in_processes(fuzzers)
    fuzz = importlib.import_module(options.only).fuzz
    return 1 if fuzz(options.seconds, options.seed, options.keep_going) else 0


def in_processes(fuzzers: list[str]) -> int:
    """Run each fuzzer in a process of its own, with the options of this one."""
    command = [sys.executable, str(FOLDER), *sys.argv[1:], "--only"]
    running = [subprocess.Popen([*command, fuzzer]) for fuzzer in fuzzers]
    statuses = [process.wait() for process in running]
    return 1 if any(statuses) else 0


if __name__ == "__main__":
    sys.exit(main())
