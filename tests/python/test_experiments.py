"""The experiments: their frame, and small versions that assert what the papers claim."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from isogram import experiments
from isogram.cli._commands import commands
from isogram.experiments import Estimate, Findings, Table

NAMES = list(experiments.names())


@pytest.fixture(scope="module")
def results():
    """Results of size small, each run once."""
    done = {}

    def result_of(name):
        if name not in done:
            done[name] = experiments.run(name, size="small")
        return done[name]

    return result_of


def values(table, column, **where):
    """The numbers of a column, in the rows whose other columns are as `where` says."""
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    chosen = [row[column] for row in rows if all(row[name] == it for name, it in where.items())]
    assert chosen
    return [cell.value if isinstance(cell, Estimate) else cell for cell in chosen]


@pytest.mark.parametrize("name", NAMES)
def test_small_runs_print_tables_and_make_files(results, name, tmp_path):
    result = results(name)
    text = experiments.text_of(result)
    for table in result.findings.tables:
        assert table.rows
        assert table.title in text
    files = experiments.save(result, tmp_path / "new")
    assert [file.name for file in files] == [f"{name}.json", f"{name}.md", f"{name}.png"]
    read = json.loads(files[0].read_text())
    assert read["seeds"] == list(result.seeds)
    assert {"isogram", "Python", "NumPy"} <= read["versions"].keys()
    assert read["processor"]
    assert files[2].stat().st_size > 5000


def test_tables_show_numbers_and_estimates():
    table = Table("title", ["layer", "n", "rate"], [["a", 3, Estimate(0.5, 0.25, 1.0)]])
    findings = Findings([table], {"layers": ["a", "b"]})
    result = experiments.Result(
        "it", "What.", "small", (0, 1), findings, {"NumPy": "2"}, "chip", 2, 1.4, 2.6
    )
    assert "a      3  0.500 [0.250, 1.000]" in experiments.text_of(result)
    assert "Size small, seeds 0, 1; layers: a, b." in experiments.text_of(result)
    assert "threads: 2; 1 s, 3 s of processor time" in experiments.text_of(result)
    assert result.table("tit") is table
    assert replace(result, size="large").size == "large"


def test_arguments():
    with pytest.raises(ValueError, match="run: `name` must be one of"):
        experiments.run("nothing")
    with pytest.raises(ValueError, match="run: `size` must be one of small, medium, large, got"):
        experiments.run(NAMES[0], size="huge")
    with pytest.raises(ValueError, match="run: `seeds` must be an integer of at least 1, got 0"):
        experiments.run(NAMES[0], seeds=0)


def test_command_lists_and_runs(tmp_path):
    runner = CliRunner()
    listed = runner.invoke(commands, ["experiment", "--list"])
    assert listed.exit_code == 0
    for name, summary in experiments.names().items():
        assert name in listed.output
        assert summary in listed.output
    arguments = ["experiment", "translation", "--size", "small", "--seeds", "1"]
    run = runner.invoke(commands, [*arguments, "--output", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert "Where shifted crops lie" in run.output
    assert (tmp_path / "translation.png").exists()


@pytest.mark.parametrize("arguments", [[], ["nothing"]])
def test_command_says_which_experiments_there_are(arguments):
    run = CliRunner().invoke(commands, ["experiment", *arguments])
    assert run.exit_code == 2
    assert "one of " + ", ".join(NAMES) in run.output


def test_semantic_rsms_see_shifted_crops_as_alike(results):
    lies = results("translation").table("Where shifted crops lie")
    for layer, margin in (
        ("random.layer2", 0.13),
        ("random.layer3", 0.08),
        ("random.layer4", 0.03),
    ):
        for kernel in ("cosine", "rbf"):
            spatial, semantic = (
                values(lies, way, layer=layer, kernel=kernel)[0] for way in ("spatial", "semantic")
            )
            assert semantic > spatial + margin
