"""Fixtures, and the guard that every SIMD level of this machine really ran."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

# `reference` and `support` are plain modules beside this file, importable in any import mode.
sys.path.insert(0, str(Path(__file__).parent))

import isogram as ig
from support import LEVELS_RUN, OFFERED_LEVELS, missing_levels

pytest.register_assert_rewrite("cases")

MISSING_LEVELS = pytest.StashKey[list[str]]()

hypothesis.settings.register_profile(
    "isogram",
    database=None,
    derandomize=True,
    deadline=None,
    max_examples=25,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("isogram")


@pytest.fixture(params=OFFERED_LEVELS)
def simd_level(request):
    """Run the test once at every level that the machine offers."""
    before = ig.simd.level()
    ig.simd.set_level(request.param)
    assert ig.simd.level() == request.param
    yield request.param
    ig.simd.set_level(before)


@pytest.fixture(scope="module")
def same_environment():
    """Take back what LocalCluster sets in its own process, such as OMP_NUM_THREADS=1."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


class Host:
    """The host as a place of tests."""

    def put(self, x):
        """Return the array, which lies here."""
        return x

    def get(self, array):
        """Return the array."""
        return array

    def without_waiting(self):
        """Return a context in which nothing is asked."""
        return contextlib.nullcontext()

    def choose(self, many, few):
        """Return the cases of the two that there is time for."""
        return many

    def share(self, count):
        """Return how many of `count` problems this level solves: levels share them."""
        return -(-count // len(OFFERED_LEVELS))


@pytest.fixture
def place(simd_level):
    """Return the host, once at every level; the tests of GPUs have a fixture of this name too."""
    return Host()


@pytest.fixture
def run():
    """Call a command of the command line in this process."""
    from click.testing import CliRunner
    from isogram.cli._commands import commands

    def call(*arguments):
        return CliRunner().invoke(commands, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def rng():
    """Return a generator with a fixed seed."""
    return np.random.default_rng(20240607)


def pytest_collection_finish():
    """Keep the thousands of tests out of every later collection of garbage."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Note in a report at which level its test ran, if at one."""
    report = yield
    report.simd_level = getattr(item, "callspec", None) and item.callspec.params.get("simd_level")
    return report


def pytest_runtest_logreport(report):
    """Count a level only when a test body ran to its end at that level.

    With pytest-xdist the process that says the counts gets the reports of all workers.
    """
    level = getattr(report, "simd_level", None)  # a worker that crashed notes nothing
    if level:
        LEVELS_RUN[level] += report.when == "call" and report.outcome != "skipped"


def pytest_sessionfinish(session, exitstatus):
    """Fail a green run when a level was offered and never ran."""
    if exitstatus != pytest.ExitCode.OK or hasattr(session.config, "workerinput"):
        return
    missing = missing_levels(session.config)
    session.config.stash[MISSING_LEVELS] = missing
    if missing:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    """Say how many tests ran at each level."""
    if LEVELS_RUN.total():
        counts = ", ".join(f"{level} {LEVELS_RUN[level]}" for level in OFFERED_LEVELS)
        terminalreporter.write_line(f"tests run at each SIMD level: {counts}")
    for level in config.stash.get(MISSING_LEVELS, []):
        terminalreporter.write_line(f"FAILED: no test ran at SIMD level {level}", red=True)
