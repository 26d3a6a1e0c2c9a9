"""Places: GPU code is loaded on demand, knows nothing of the edge, and has what the host has."""

import ast
import inspect
from pathlib import Path

import isogram as ig
import pytest
from isogram._place import HOST
from isogram._protocols import Place
from support import run_program

# What is of public functions alone: checks of arguments, and arrays of other libraries.
EDGE = {
    *("_arguments", "_arrays", "_config", "_measures", "_operations", "_place", "_plans"),
    "_progress",
    *("_tokens.arguments", "_walk.cost", "_walk.description", "_walk.plan"),
}


def imports(path):
    """Modules of the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "isogram":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("isogram."):
            yield node.module.removeprefix("isogram.")


@pytest.mark.parametrize("folder", ["_host", "_device"])
def test_places_import_nothing_of_the_edge(folder):
    for path in (Path(ig.__file__).parent / folder).glob("*.py"):
        for module in imports(path):
            assert module.startswith("_"), f"{path.name} imports {module}"
            assert not {module, module.split(".")[0]} & EDGE, f"{path.name} imports {module}"


def test_gpu_code_is_loaded_with_the_first_array_on_a_gpu():
    code = "import sys, isogram; print([m for m in sys.modules if '_device' in m or m == 'cupy'])"
    assert run_program(code) == "[]"


def test_the_places_have_the_same_operations():
    from isogram._device.place import Gpu

    def parameters(operation):
        return list(inspect.signature(operation).parameters)

    gpu = Gpu(device=None)
    for name, declared in vars(Place).items():
        if inspect.isfunction(declared) and not name.startswith("_"):
            _, *expected = parameters(declared)
            assert parameters(getattr(HOST, name)) == expected, name
            assert parameters(getattr(gpu, name)) == expected, name
