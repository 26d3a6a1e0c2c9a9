"""The benchmark suite.

    python -m benchmarks [--quick] [--threads N] [--only gram,cka,…] [--output DIR]  (or --help)

from the repository root, with isogram and its extra `bench` installed. Prints a table per case as
it goes, and saves results.json, results.md and plots under benchmarks/results/<machine>/; a run of
some groups replaces their cases there and keeps the others.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks import machine, peaks, plots, report, runner
from benchmarks.case import Case
from benchmarks.cases import GROUPS, all_cases
from benchmarks.features import NoFeaturesError
from benchmarks.results import ISOGRAM, Results
from benchmarks.settings import BUILD, ROOT, Settings
from benchmarks.timing import CLOCKS

NOTES = "NOTES.md"  # written by hand, beside a machine's results


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes; times mean nothing")
    parser.add_argument("--threads", type=int, default=1, help="of everybody (default: 1)")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(GROUPS),
        metavar="NAME,…",
        help=f"groups ({', '.join(GROUPS)}) or names of cases",
    )
    parser.add_argument(
        "--clock",
        choices=tuple(CLOCKS),
        default="wall",
        help="cpu: time of the process, for one thread on a busy machine",
    )
    parser.add_argument(
        "--seconds", type=float, default=Settings.seconds, help="per contender and case, about"
    )
    parser.add_argument("--output", type=Path, help="folder (default: named after the machine)")
    parser.add_argument("--list", action="store_true", help="list the cases and stop")
    options = parser.parse_args(arguments)
    if options.clock == "cpu" and options.threads > 1:
        parser.error("--clock cpu adds up the time of all threads: it needs --threads 1")
    return options


def chosen(settings: Settings, names: list[str]) -> list[Case]:
    """Return the cases that were asked for."""
    cases = all_cases(settings)
    unknown = set(names) - {case.name for case in cases} - set(GROUPS)
    if unknown:
        raise SystemExit(f"--only: no group or case is called {', '.join(sorted(unknown))}")
    return [case for case in cases if case.group in names or case.name in names]


def output_folder(options: argparse.Namespace) -> Path:
    """Return where the results go; quick ones never among the real ones by themselves."""
    if options.output is not None:
        return Path(options.output)
    if options.quick:
        return BUILD / "quick"
    name = machine.folder_name() + ("" if options.threads == 1 else f"-{options.threads}-threads")
    return ROOT / "benchmarks" / "results" / name


def start_peaks(clock: str) -> peaks.Peaks | None:
    """Return the program that measures the machine's limits, if it can be built."""
    try:
        return peaks.Peaks(clock)
    except peaks.NoCompiler as error:
        print(f"the machine's limits are not measured: {error}", file=sys.stderr)
        return None


def earlier(path: Path, quick: bool) -> Results:
    """Return the results that are there already, with this machine's description."""
    results = Results(machine.describe(), quick=quick)
    if not quick and path.exists():
        try:
            results.cases = Results.load(path).cases
        except (TypeError, KeyError) as error:
            raise SystemExit(
                f"{path} was not written by this version of the suite ({error}): move it away"
            ) from error
    return results


def save(results: Results, folder: Path) -> None:
    """Save everything."""
    order = {case.name: i for i, case in enumerate(all_cases(Settings(quick=results.quick)))}
    known = {name: case for name, case in results.cases.items() if name in order}
    results.cases = dict(sorted(known.items(), key=lambda item: order[item[0]]))
    folder.mkdir(parents=True, exist_ok=True)
    results.save(folder / "results.json")
    notes = NOTES if (folder / NOTES).exists() else None
    (folder / "results.md").write_text(report.markdown(results, notes))


def run(cases: list[Case], settings: Settings, folder: Path) -> list[str]:
    """Measure the cases, saving after each; return the names of those with a wrong answer."""
    results = earlier(folder / "results.json", settings.quick)
    program = start_peaks(settings.clock)
    runner.limit_threads(settings.threads)
    if program is not None:
        results.peaks = {kind: program.rate(kind, 1, peaks.LARGEST) for kind in peaks.KINDS}
    wrong = []
    for case in cases:
        begin = time.perf_counter()
        result = runner.run(case, settings, program)
        results.cases[case.name] = result
        save(results, folder)
        print("\n".join(report.case_lines(result)))
        print(f"{time.perf_counter() - begin:.1f} s\n", flush=True)
        if any(not entry.right for entry in result.entries if entry.name.startswith(ISOGRAM)):
            wrong.append(case.name)
    if program is not None:
        program.close()
    for path in plots.save_all(results, folder):
        print(path)
    print(folder / "results.md")
    return wrong


def main(arguments: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    settings = Settings(options.quick, options.threads, options.clock, options.seconds)
    cases = chosen(settings, options.only)
    if options.list:
        print("\n".join(f"{case.name:24s} {case.title} ({case.data})" for case in cases))
        return
    try:
        wrong = run(cases, settings, output_folder(options))
    except NoFeaturesError as error:
        raise SystemExit(str(error)) from None
    if wrong:
        raise SystemExit(f"isogram's own answers are wrong in: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
