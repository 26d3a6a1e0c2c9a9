"""docs/command_line.md: its commands print what the page shows."""

import re
from pathlib import Path

import pytest
from isogram.cli._commands import commands
from support import assert_prints

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
    assert_prints(command, shown)


def test_every_command_has_its_lines():
    for name in commands.list_commands(None):
        assert re.search(rf"^## .*\b{name}\b", PAGE, re.MULTILINE), name
