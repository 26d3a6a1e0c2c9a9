"""SIMD levels: what is offered, and how one is chosen."""

import isogram as ig
import pytest
from support import LEVELS_RUN, OFFERED_LEVELS, missing_levels, run_program


def test_the_package_offers_what_the_processor_has():
    assert set(ig.simd.available()) >= set(OFFERED_LEVELS)
    assert ig.simd.available()[0] == "baseline"
    assert type(ig.simd.available()) is tuple


def test_the_highest_level_is_the_default():
    printed = run_program("import isogram as ig; print(ig.simd.level(), *ig.simd.available())")
    level, *available = printed.split()
    assert level == available[-1]
    assert available == list(ig.simd.available())


@pytest.mark.parametrize("level", OFFERED_LEVELS)
def test_the_environment_chooses_a_level(level):
    printed = run_program(
        "import isogram as ig; print(ig.simd.level())", env={"ISOGRAM_SIMD_LEVEL": level}
    )
    assert printed == level


def test_setting_a_level(simd_level):
    assert ig.simd.level() == simd_level
    assert simd_level in ig.config().values()


@pytest.mark.parametrize("level", ["avx1024", "", "AVX2 "])
def test_an_unknown_level_is_refused_and_changes_nothing(level):
    before = ig.simd.level()
    with pytest.raises(ValueError, match=r"set_level: `\w+` must be .*baseline.*, got "):
        ig.simd.set_level(level)
    assert ig.simd.level() == before


def test_the_guard_notices_a_level_that_never_ran(monkeypatch):
    """A run whose levels were all skipped must fail: see `pytest_sessionfinish`."""
    monkeypatch.setitem(LEVELS_RUN, OFFERED_LEVELS[0], 0)

    class WholeRun:
        class option:
            keyword = markexpr = ""
            collectonly = False

        args = ("tests",)

    assert OFFERED_LEVELS[0] in missing_levels(WholeRun)
