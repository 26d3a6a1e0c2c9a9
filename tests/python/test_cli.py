"""The command line: each command, and that every failure is one line and leaves no file."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import click
import isogram as ig
import numpy as np
import pytest
from click.testing import CliRunner
from isogram import _output
from isogram._commands import commands


@pytest.fixture
def run():
    """Call a command in this process."""

    def call(*arguments):
        return CliRunner().invoke(commands, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def tokens(rng):
    return rng.standard_normal((7, 2, 3, 5)).astype(np.float32)


@pytest.fixture
def models(tmp_path, rng):
    """Write two files with layers of 9 samples and return their paths and layers."""
    a = {
        "one": rng.standard_normal((9, 4)),
        "two": rng.standard_normal((9, 2, 2, 3)).astype(np.float32),
    }
    b = {
        name: rng.standard_normal((9, width)) for name, width in zip("xyz", (3, 4, 5), strict=True)
    }
    paths = tmp_path / "a.npz", tmp_path / "b.npz"
    np.savez(paths[0], labels=np.arange(9), **a)
    np.savez(paths[1], **b)
    return *paths, a, b


def save(path, array):
    np.save(path, array)
    return path


def assert_fails(result, message, status=1):
    """Check the exit status and that the message is all there is on stderr."""
    assert result.exit_code == status, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert result.stderr.count("Error: ") == 1


def read_table(text):
    """Parse the last table in `text`: column names, row names, numbers."""
    lines = [line.split() for line in text.splitlines()]
    columns, body = lines[0], lines[1:]
    return columns, [line[0] for line in body], np.array([line[1:] for line in body], float)


# rsm


def test_rsm(run, tokens, tmp_path):
    source = save(tmp_path / "tokens.npy", tokens.reshape(7, 6, 5))
    target = tmp_path / "out.rsm"
    result = run("rsm", source, "-o", target)
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(
        np.load(target, allow_pickle=False), ig.semantic_rsm(tokens.reshape(7, 6, 5))
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.rsm", "tokens.npy"]


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        (["--kernel", "linear"], {"kernel": "linear"}),
        (["--kernel", "rbf", "--bandwidth", "2.5"], {"kernel": "rbf", "bandwidth": 2.5}),
        (["--matching", "window", "--window", "2"], {"matching": "window", "window": 2}),
        (["--matching", "topk", "--topk", "3"], {"matching": "topk", "topk": 3}),
        (["--matching", "greedy", "--num-threads", "1"], {"matching": "greedy"}),
        (["--matching", "none"], {"matching": "none"}),
    ],
)
def test_rsm_options(run, tokens, tmp_path, options, keywords):
    source, target = tmp_path / "maps.npz", tmp_path / "rsm.npy"
    np.savez(source, maps=tokens, names=np.array(["a"]))
    result = run("rsm", source, "--layer", "maps", "--layout", "nhwc", "-o", target, *options)
    assert result.exit_code == 0, result.output
    expected = ig.semantic_rsm(tokens, layout="nhwc", **keywords)
    np.testing.assert_array_equal(np.load(target), expected)


def test_rsm_progress(run, tokens, tmp_path):
    source = save(tmp_path / "tokens.npy", tokens)
    for options, shown in ((["--progress"], True), (["--no-progress"], False), ([], False)):
        result = run("rsm", source, "--layout", "nhwc", "-o", tmp_path / "rsm.npy", *options)
        assert result.exit_code == 0, result.output
        assert bool(result.stderr) is shown


def test_rsm_replaces_a_file_through_a_link(run, tokens, tmp_path):
    source = save(tmp_path / "tokens.npy", tokens)
    target, link = tmp_path / "old.npy", tmp_path / "link.npy"
    target.write_text("old")
    link.symlink_to(target)
    assert run("rsm", source, "--layout", "nhwc", "-o", link).exit_code == 0
    assert link.is_symlink()
    assert np.load(target).shape == (7, 7)


def test_rsm_layer_choice(run, tokens, tmp_path):
    source, target = tmp_path / "maps.npz", tmp_path / "rsm.npy"
    np.savez(source, one=tokens, two=tokens)
    assert_fails(run("rsm", source, "-o", target), "choose one with --layer: one, two")
    assert_fails(run("rsm", source, "-o", target, "--layer", "x"), "has no 'x': one, two")
    single = tmp_path / "single.npz"
    np.savez(single, only=tokens)
    assert run("rsm", single, "--layout", "nhwc", "-o", target).exit_code == 0
    assert_fails(run("rsm", save(tmp_path / "t.npy", tokens), "-o", target, "--layer", "x"), "'x'")


def test_rsm_rejects_values(run, tokens, tmp_path):
    target = tmp_path / "rsm.npy"
    broken = tokens.copy()
    broken[1, 0, 2, 3] = np.nan
    for array, options, message in (
        (broken, ["--layout", "nhwc"], "finite"),
        (tokens, [], "Error: TOKENS must be 3-D"),
        (tokens.astype(int), ["--layout", "nhwc"], "Error: TOKENS must be of float16"),
        (tokens, ["--matching", "window", "--window", "0"], "Error: --window must be"),
        (tokens, ["--kernel", "rbf", "--bandwidth", "nan"], "Error: --bandwidth must be"),
    ):
        result = run("rsm", save(tmp_path / "tokens.npy", array), "-o", target, *options)
        assert_fails(result, message)
        assert not target.exists()


def test_rsm_usage_errors(run, tokens, tmp_path):
    source = save(tmp_path / "tokens.npy", tokens)
    target = tmp_path / "rsm.npy"
    assert_fails(run("rsm", source), "'-o'", 2)
    assert_fails(run("rsm", tmp_path / "absent.npy", "-o", target), "does not exist", 2)
    assert_fails(run("rsm", tmp_path, "-o", target), "is a directory", 2)
    assert_fails(run("rsm", source, "-o", target, "--kernel", "quadratic"), "quadratic", 2)
    assert_fails(run("rsm", source, "-o", target, "--num-threads", "0"), "num-threads", 2)
    assert_fails(run("rsm", source, "-o", target, "--bandwidth", "1"), "--bandwidth", 2)
    together = "--matching window and --window go together"
    assert_fails(run("rsm", source, "-o", target, "--matching", "window"), together, 2)
    assert_fails(run("rsm", source, "-o", target, "--window", "2"), together, 2)


def test_memory_error_is_one_line(run, tokens, tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise MemoryError

    monkeypatch.setattr(ig, "semantic_rsm", refuse)
    source = save(tmp_path / "tokens.npy", tokens)
    assert_fails(run("rsm", source, "-o", tmp_path / "rsm.npy"), "Error: out of memory")


# Files


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an array",
        b"PK\x03\x04 not an archive",
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (99, 9, 9)}",
    ],
)
def test_unreadable_input(run, tmp_path, content):
    source = tmp_path / "broken.npz"
    source.write_bytes(content)
    for arguments in (("rsm", source, "-o", tmp_path / "rsm.npy"), ("compare", source, source)):
        assert_fails(run(*arguments), f"cannot read {source}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.npz"]


def test_pickles_are_refused(run, tmp_path):
    source = tmp_path / "objects.npy"
    np.save(source, np.array([{}, []], dtype=object), allow_pickle=True)
    assert_fails(run("rsm", source, "-o", tmp_path / "rsm.npy"), "plain numbers")


def test_targets_are_checked_before_the_work(run, tokens, tmp_path, monkeypatch):
    source = save(tmp_path / "tokens.npy", tokens)
    monkeypatch.setattr(ig, "semantic_rsm", lambda *_args, **_kwargs: pytest.fail("worked"))
    assert_fails(run("rsm", source, "-o", tmp_path), "is a directory")
    assert_fails(run("rsm", source, "-o", tmp_path / "no" / "rsm.npy"), "does not exist")
    assert_fails(run("rsm", source, "-o", "/dev/null"), "not a regular file")


def test_no_half_file_is_left(tmp_path):
    target = tmp_path / "out.npy"
    target.write_text("old")

    def write_half():
        with _output.replacing(target) as stream:
            stream.write(b"half")
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


# compare


@pytest.mark.parametrize(
    ("measure", "options", "keywords"),
    [
        ("cka", [], {}),
        (
            "cka",
            ["--kernel", "rbf", "--estimator", "biased"],
            {"kernel": "rbf", "estimator": "biased"},
        ),
        ("gbs", [], {}),
        ("gbs", ["--k", "3", "--center"], {"k": 3, "center": True}),
    ],
)
def test_compare(run, models, tmp_path, measure, options, keywords):
    path_a, path_b, a, b = models
    table, picture = tmp_path / "out.csv", tmp_path / "out.png"
    result = run(
        *("compare", path_a, path_b, "--measure", measure, "--csv", table, "--png", picture),
        *options,
    )
    assert result.exit_code == 0, result.output
    flat = {name: layer.reshape(9, -1) for name, layer in a.items()}
    expected = {"cka": ig.cka_matrix, "gbs": ig.gbs_matrix}[measure](flat, b, **keywords)

    columns, rows, values = read_table(result.stdout)
    assert (columns, rows) == (list(b), list(a))
    np.testing.assert_allclose(values, expected, atol=5.1e-4)
    assert "ignored: labels" in result.stderr

    header, *body = csv.reader(io.StringIO(table.read_text()))
    assert header == ["", *b]
    assert [line[0] for line in body] == list(a)
    np.testing.assert_array_equal(np.array([line[1:] for line in body], float), expected)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_compare_with_itself(run, models):
    path_a, _, a, _ = models
    result = run("compare", path_a, path_a)
    assert result.exit_code == 0, result.output
    columns, rows, values = read_table(result.stdout)
    assert columns == rows == list(a)
    np.testing.assert_array_equal(values, values.T)
    np.testing.assert_array_equal(np.diag(values), 1)


def test_compare_arrays(run, tmp_path, rng):
    paths = [save(tmp_path / f"{name}.npy", rng.standard_normal((8, 3))) for name in "ab"]
    result = run("compare", *paths)
    assert result.exit_code == 0, result.output
    assert read_table(result.stdout)[:2] == (["b"], ["a"])


def test_compare_warns_in_one_line(run, models, tmp_path):
    path_a, _, _, _ = models
    constant = save(tmp_path / "constant.npy", np.ones((9, 3)))
    result = run("compare", path_a, constant)
    assert result.exit_code == 0, result.output
    assert np.isnan(read_table(result.stdout)[2]).all()
    warning = result.stderr.splitlines()[-1]
    assert warning.startswith("Warning: ")
    assert "constant" in warning


def test_compare_errors(run, models, tmp_path, rng):
    path_a, path_b, _, _ = models
    fewer = save(tmp_path / "fewer.npy", rng.standard_normal((8, 3)))
    result = run("compare", path_a, fewer, "--csv", tmp_path / "out.csv")
    assert_fails(result, f"'one' of {path_a} has 9, 'fewer' of {fewer} has 8")
    assert not (tmp_path / "out.csv").exists()
    labels = save(tmp_path / "labels.npy", np.arange(9))
    assert_fails(run("compare", path_a, labels), "has no layers")
    assert_fails(
        run("compare", path_a, path_b, "--measure", "gbs", "--k", "9"), "Error: --k must be"
    )
    assert_fails(run("compare", path_a, path_b, "--png", tmp_path), "is a directory")
    assert_fails(run("compare", path_a, path_b, "--k", "3"), "--k does not go", 2)
    assert_fails(run("compare", path_a, path_b, "--center"), "--center does not go", 2)
    refused = run("compare", path_a, path_b, "--measure", "gbs", "--kernel", "rbf")
    assert_fails(refused, "--kernel does not go", 2)


def test_compare_picture_without_matplotlib(run, models, tmp_path, monkeypatch):
    for name in ("matplotlib", "matplotlib.axes"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "isogram.plot", raising=False)
    monkeypatch.delattr(ig, "plot", raising=False)
    result = run("compare", *models[:2], "--png", tmp_path / "out.png")
    assert_fails(result, "pip install 'isogram[plot]'")


# info, demo and the installed command


def test_info(run):
    result = run("info")
    assert result.exit_code == 0, result.output
    assert ig.__version__ in result.stdout
    assert ig.simd.level() in result.stdout


def test_demo(run, tmp_path):
    result = run("demo", "--output", tmp_path / "demo.png", "--num-threads", "1")
    assert result.exit_code == 0, result.output
    assert "lite0.stage6" in result.stdout
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")
    assert_fails(run("demo", "-o", tmp_path / "demo.txt"), "end in .png")


def test_help_and_version(run):
    for name in ("demo", "info", "rsm", "compare"):
        assert run(name, "--help").exit_code == 0
        assert name in run("-h").stdout
    assert ig.__version__ in run("--version").stdout


def test_every_command_is_documented():
    for command in commands.commands.values():
        assert command.help
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not isinstance(parameter.type, click.Choice):
                assert parameter.help, f"{command.name} {parameter.name}"


def test_installed_command(tmp_path):
    command = Path(sys.executable).with_name("isogram")
    done = subprocess.run(
        [command, "demo"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert (tmp_path / "isogram-demo.png").is_file()


def test_without_click():
    code = "import sys; sys.modules['click'] = None; from isogram.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "isogram: the command needs click: pip install 'isogram[cli]'\n"
