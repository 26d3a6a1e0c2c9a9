"""docs/command_line.md: its commands print what stands there."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from isogram.cli._commands import commands

PAGE = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text()
EXAMPLES = [
    (command, shown)
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for command, shown in re.findall(r"^\$ isogram (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the page makes."""
    path = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(block, {})
    return path


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_examples(folder, monkeypatch, command, shown):
    monkeypatch.chdir(folder)
    command, _, first = command.partition(" | head -")
    result = CliRunner().invoke(commands, shlex.split(command))
    assert result.exit_code in (0, 3), result.output
    lines = result.output.splitlines()[: int(first) if first else None]
    words, expected = " ".join(lines).split(), shown.split()
    number = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
    assert len(words) == len(expected), result.output
    for word, other in zip(words, expected, strict=True):
        if number.fullmatch(word) and number.fullmatch(other):  # levels round differently
            np.testing.assert_allclose(float(word), float(other), atol=1.1e-3)
        else:
            assert word == other, result.output


def test_every_command_has_its_lines():
    for name in commands.list_commands(None):
        assert re.search(rf"^## .*\b{name}\b", PAGE, re.MULTILINE), name
