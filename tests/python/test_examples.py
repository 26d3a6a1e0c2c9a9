"""Public names are there, and the examples of their docstrings print what they say."""

import doctest

import isogram as ig
import isogram.io
import isogram.plot
import isogram.report
import isogram.simd
import pytest

PUBLIC = {
    f"{module.__name__}.{name}": (module, name)
    for module in (ig, isogram.io, isogram.plot, isogram.report, isogram.simd)
    for name in module.__all__
}


@pytest.mark.parametrize("public", PUBLIC)
def test_examples_print_what_they_say(public, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module, name = PUBLIC[public]
    if module is isogram.plot:
        pytest.importorskip("matplotlib")
    said = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    for example in doctest.DocTestFinder().find(getattr(module, name), public, globs={}):
        runner.run(example, out=said.append)
    assert not runner.failures, "".join(said)
