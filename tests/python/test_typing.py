"""What type checkers make of the public functions, and one list for every kind of names."""

import inspect
import os
import subprocess
import sys
import typing
from pathlib import Path

import isogram as ig
import isogram.typing as names
import pytest
from isogram import _core, _overloads
from isogram._operations.plan import _PLANNERS
from isogram._tokens.samples import LAYOUTS

CALLS = Path(__file__).parents[1] / "typing" / "calls.py"


def test_a_type_checker_knows_results_and_refuses_wrong_names(tmp_path):
    pytest.importorskip("mypy")
    options = ["--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, CALLS],
        env=os.environ | {"MYPYPATH": str(Path(ig.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_names_that_come_with_something_are_all_there():
    assert set(typing.get_args(names.OperationName)) == set(_PLANNERS)
    assert set(typing.get_args(names.LayoutName)) == set(LAYOUTS)
    assert typing.get_args(names.KernelName) == _core.KERNELS


@pytest.mark.parametrize("name", [name for name in vars(names) if name.endswith("Name")])
def test_names_are_different_words(name):
    words = typing.get_args(getattr(names, name))
    assert len(set(words)) == len(words) >= 2
    assert all(isinstance(word, str) for word in words)


@pytest.mark.parametrize(
    ("function", "options", "beside"),
    [
        ("gram", _overloads.GramOptions, set()),
        ("center", _overloads.CenterOptions, set()),
        ("cka_matrix", _overloads.CkaMatrixOptions, set()),
        ("gbs_matrix", _overloads.GbsMatrixOptions, set()),
        ("compare_rsms_matrix", _overloads.CompareRsmsMatrixOptions, set()),
        ("rdm", _overloads.RdmOptions, set()),
        ("graph", _overloads.GraphOptions, {"k"}),
        ("jsd", _overloads.JsdOptions, set()),
        ("match", _overloads.MatchOptions, set()),
        ("retrieve", _overloads.RetrieveOptions, set()),
        ("semantic_matching", _overloads.SemanticMatchingOptions, {"pairs"}),
        ("semantic_rsm", _overloads.SemanticRsmOptions, {"kernel"}),
        ("spatial_rsm", _overloads.SpatialRsmOptions, {"kernel"}),
    ],
)
def test_overloads_have_every_option(function, options, beside):
    parameters = inspect.signature(getattr(ig, function)).parameters.values()
    keywords = {p.name for p in parameters if p.kind == p.KEYWORD_ONLY}
    assert keywords == set(options.__annotations__) | beside
