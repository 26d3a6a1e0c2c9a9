"""A check of speed that no busy machine disturbs: instructions, counted by valgrind.

    python -m benchmarks.instruction_counts PROGRAM [--update]

PROGRAM is `isogram_counted_work`, from a build with -DISOGRAM_BUILD_BENCHMARKS=ON. Counts the
instructions of every piece of work at the levels that valgrind can run (it has no AVX-512) and
compares them with benchmarks/instruction_counts.json. The band is wide: compilers differ. Fewer
instructions are not always less time; that is what the other benchmarks are for.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

COUNTS = Path(__file__).parent / "instruction_counts.json"
LEVELS = ("baseline", "avx2")
BAND = 0.15
COUNTED_FUNCTION = "isogram_counted_work"


def names(program: Path) -> list[str]:
    """Return the pieces of work."""
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()


def count(program: Path, name: str, level: str) -> int:
    """Return the instructions of one piece of work at one level."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind",
            "--tool=callgrind",
            f"--toggle-collect={COUNTED_FUNCTION}",
            f"--callgrind-out-file={folder}/out",
            str(program),
            name,
            level,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return int(found[1])


def count_all(program: Path) -> dict[str, int]:
    """Return the counts of all work at all levels."""
    return {
        f"{name} {level}": count(program, name, level)
        for name in names(program)
        for level in LEVELS
    }


def changes(old: dict[str, int], new: dict[str, int]) -> Iterator[tuple[str, str, bool]]:
    """Yield name, description and whether it is within the band."""
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            yield (
                name,
                "is only in the " + ("program" if name in new else "committed counts"),
                False,
            )
            continue
        change = new[name] / old[name] - 1
        yield name, f"{old[name]:>12,} → {new[name]:>12,} ({change:+.1%})", abs(change) <= BAND


def main() -> None:
    """Count, and compare or update."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--update", action="store_true", help="commit to what is counted now")
    options = parser.parse_args()
    counts = count_all(options.program.resolve())
    if options.update:
        COUNTS.write_text(json.dumps(counts, indent=1) + "\n")
        print(json.dumps(counts, indent=1))
        return
    failed = False
    for name, change, fine in changes(json.loads(COUNTS.read_text()), counts):
        print(f"{name:28s} {change}{'' if fine else '  OUTSIDE THE BAND'}")
        failed |= not fine
    if failed:
        sys.exit(
            f"more than {BAND:.0%} from the committed counts: if that is meant, run with --update"
        )


if __name__ == "__main__":
    main()
