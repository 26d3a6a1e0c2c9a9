"""Imports point inwards: no module imports an edge, and edges import no module of the engine."""

import ast
from pathlib import Path

import isogram
import pytest

ROOT = Path(isogram.__file__).parent
EDGES = {"cli", "demo", "distributed", "experiments", "io", "plot", "report", "torch"}
NOT_LOADED = {"__main__.py", "_overloads.py", "_protocols.py"}  # by the package: a script, types
ENGINE = {"_device", "_host", "_plans", "_statistics", "_tokens", "_walk"}


def modules():
    return sorted(path for path in ROOT.rglob("*.py") if path.name not in NOT_LOADED)


def home_of(path):
    """The module or package right below isogram that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_by(path):
    """The same of all that a file imports when it runs, inside functions too."""
    found = set()

    def visit(node):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.ImportFrom) and node.module == "isogram":
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("isogram."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found.update(name[1] for name in names if name[0] == "isogram" and name[1:])
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_inwards(path):
    home, imported = home_of(path), imported_by(path)
    if home == "distributed":  # computes the tiles of walks
        assert not imported & (ENGINE - {"_walk"})
    elif home in EDGES:
        assert not imported & ENGINE
    else:
        assert not imported & EDGES
    if home != "_device":
        assert "_device" not in imported  # loaded by `_place`, with the first array on a GPU


def test_edges_are_there():
    assert {home_of(path) for path in modules()} >= EDGES | ENGINE
