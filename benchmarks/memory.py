"""How far a call raises the peak of resident memory, measured in a process of its own.

The kernel's high-water mark is reset after the data are made and the packages imported; ru_maxrss
cannot be, and starts in a child process from its parent's size. The call runs once on small
data first where the case allows it, so that lazily loaded code and worker threads do not count.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.case import Case
from benchmarks.settings import ROOT, Settings

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
TIME_LIMIT = 900.0  # seconds


def growth(case: Case, contender: str, settings: Settings) -> float | None:
    """Return the growth in MB, or None where it cannot be measured."""
    if not CLEAR.exists():
        return None
    arguments = json.dumps([case.name, contender, settings.quick, settings.threads])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        print(f"memory of {contender} in {case.name} not measured: {last}", file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


def resident(field: str) -> float:
    """Return VmRSS or VmHWM in MB."""
    found = re.search(rf"^{field}:\s*(\d+) kB", STATUS.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def main() -> None:
    """Measure what the argument names and print it."""
    from benchmarks.cases import by_name
    from benchmarks.runner import limit_threads

    name, contender, quick, threads = json.loads(sys.argv[1])
    settings = Settings(quick=quick, threads=threads)
    limit_threads(threads)
    build = by_name(settings)[name].build

    def call(small: Settings) -> float:
        workload = build(small)
        run = workload.rivals.get(contender, lambda: workload.isogram(threads))
        CLEAR.write_text(RESET_PEAK)
        before = resident("VmRSS")
        run()
        return resident("VmHWM") - before

    call(Settings(quick=True, threads=threads))
    print(call(settings))


if __name__ == "__main__":
    main()
