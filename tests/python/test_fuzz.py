"""The fuzzers: their oracle, that they see faults when there are some, and the command."""

import subprocess
import sys
import time
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import exact
import isogram as ig
import numpy as np
import pytest
from fuzz import assignment, files
from isogram.io import _formats, _numpy

FUZZ = Path(__file__).parents[1] / "fuzz"


# The oracle ---------------------------------------------------------------------------------


def brute_force(costs, maximize):
    """Exact optimum of a problem with no more rows than columns."""
    rows = range(len(costs))
    sums = [
        sum(Fraction(float(costs[i, columns[i]])) for i in rows)
        for columns in permutations(range(costs.shape[1]), len(costs))
    ]
    return max(sums) if maximize else min(sums)


@pytest.mark.parametrize("family", assignment.FAMILIES)
@pytest.mark.parametrize("maximize", [True, False])
def test_exact_optimum_is_that_of_all_assignments(family, maximize):
    for s, t in [(1, 1), (1, 4), (2, 3), (3, 3), (4, 5), (5, 5)]:
        for costs in family(np.random.default_rng([s, t]), 3, s, t):
            best = exact.optimum(costs, maximize=maximize)
            assert best.total == brute_force(costs, maximize)
            assert best.total == exact.exact_sum(costs[np.arange(s), best.columns])
            turned = exact.optimum(costs.T, maximize=maximize)
            assert turned.total == best.total


def test_exact_sum_is_not_rounded():
    values = [1e308, 1.0, 2.0**-1074, -1e308, -1.0]
    assert exact.exact_sum(np.array(values)) == Fraction(2) ** -1074
    assert exact.exact_sum(np.array([2**63 - 1, 1])) == 2**63
    assert exact.exact_sum(np.empty(0)) == 0


def test_exact_optimum_of_allowed_pairs_alone():
    costs = np.array([[1.0, 2.0], [1e300, np.nan]])
    allowed = np.array([[True, True], [True, False]])
    best = exact.optimum(costs, maximize=False, allowed=allowed)
    assert best.columns.tolist() == [1, 0]
    assert best.total == Fraction(1e300) + 2
    assert exact.optimum(costs, allowed=np.array([[True, False], [True, False]])) is None


# The fuzzer of assignments sees what it looks for -----------------------------------------------

COSTS = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 7.0]])  # largest sum: 9, by columns 1 and 2
FAULTS = {
    "a row is not matched": ([1, -1], 2.0, 0.0),
    "a column is matched twice": ([2, 2], 10.0, 0.0),
    "not the plain sum": ([1, 2], 9.5, 1.0),
    "the gap is too small": ([2, 1], 7.0, 1.5),
    "the gap is right, the columns are not": ([2, 1], 7.0, 2.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_match_is_found(fault):
    columns, total, gap = FAULTS[fault]
    best = exact.optimum(COSTS)
    assignment.check_problem(COSTS, np.array([1, 2]), 9.0, 0.0, True, best)
    with pytest.raises(AssertionError):
        assignment.check_problem(COSTS, np.array(columns), total, gap, True, best)


def test_faults_are_counted_and_their_seed_printed(monkeypatch, capsys):
    def identity(costs, **parameters):
        b, s, t = costs.shape
        columns = np.tile(np.where(np.arange(s) < t, np.arange(s), -1), (b, 1))
        total = [exact.exact_sum(c[np.arange(min(s, t)), np.arange(min(s, t))]) for c in costs]
        return ig.Matching(columns, np.array(total, float), np.zeros(b))

    monkeypatch.setattr(ig, "match", identity)
    assert assignment.fuzz(0.2, 7, keep_going=False) == 1
    faults = assignment.fuzz(0.2, 7, keep_going=True)
    assert faults > 1
    out = capsys.readouterr().out
    assert f"{faults} faults" in out
    seed = int(out.partition("--seed ")[2].split()[0])
    assert assignment.fuzz(0, seed, keep_going=True) == 1


# The fuzzer of files sees what it looks for -----------------------------------------------------


def test_files_of_every_kind_are_held():
    assert files.fuzz(4, 0, keep_going=False) == 0


def read_no_numbers(member):
    return np.ones(_numpy._header(member)[0])


def forget_one(path, read=_formats.contents_of):
    contents = read(path)
    contents.entries = dict(list(contents.entries.items())[1:])
    return contents


def refuse_all(path):
    raise ValueError("no")


def leave_a_file(path, read=_formats.contents_of):
    path.with_name("left").touch()
    return read(path)


@pytest.mark.parametrize(
    ("place", "name", "wrong"),
    [
        ("isogram.io._numpy", "_array", read_no_numbers),
        ("isogram.io._open", "contents_of", forget_one),
        ("isogram.io._open", "contents_of", refuse_all),
        ("isogram.io._open", "contents_of", leave_a_file),
        ("isogram.io._contents", "_BROKEN", ()),
        ("isogram.io._numpy", "_checked_size", lambda member: 0),
        ("isogram.cli._messages", "_FAILURES", ()),
        ("isogram.cli._messages", "printable", lambda text: text),
    ],
)
def test_a_fault_of_the_command_line_is_found(place, name, wrong, monkeypatch, capsys):
    monkeypatch.setattr(f"{place}.{name}", wrong)
    assert files.fuzz(60, 0, keep_going=False) == 1
    seed = int(capsys.readouterr().out.rpartition("--seed ")[2].split()[0])
    assert files.fuzz(0, seed, keep_going=True) == 1


def test_a_command_without_end_is_found(monkeypatch):
    monkeypatch.setattr(files, "LONGEST", 1)
    monkeypatch.setattr("isogram.io._open.contents_of", lambda path: time.sleep(60))
    assert files.fuzz(60, 0, keep_going=False) == 1


# The command --------------------------------------------------------------------------------


def run(*options):
    command = [sys.executable, FUZZ, "--seconds", "1", "--seed", "1", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(line.partition(": ")[0] for line in done.stdout.splitlines())


def test_the_command_runs_all_fuzzers_at_once():
    assert run() == sorted(path.stem for path in FUZZ.glob("[!_]*.py"))


def test_the_command_runs_one_fuzzer():
    assert run("--only", "assignment") == ["assignment"]
