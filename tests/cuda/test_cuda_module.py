"""The module of kernels, its stub, and what `config` says of it."""

import ast
import importlib.resources
import re

import isogram as ig


def test_the_stub_is_that_of_the_module(gpu):
    from isogram._place import _load

    module = _load()(0).kernels
    tree = ast.parse((importlib.resources.files(ig) / "_cuda.pyi").read_text())
    named = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert {node.name for node in named} == {n for n in dir(module) if not n.startswith("_")}
    for node in named:
        function, documented = node, getattr(module, node.name)
        if isinstance(node, ast.ClassDef):
            [function], documented = node.body, documented.__init__
        signature = documented.__doc__.splitlines()[0]
        by_place, _, by_keyword = signature.partition("*, ")
        assert [a.arg for a in function.args.args] == re.findall(r"(\w+): ", by_place)
        assert [a.arg for a in function.args.kwonlyargs] == re.findall(r"(\w+): ", by_keyword)


def test_config():
    cuda = ig.config()["cuda"]
    assert set(cuda) == {"built", "usable", "reason"}
    assert cuda["usable"] == (cuda["reason"] is None)
    assert cuda["built"] or not cuda["usable"]
