"""The command line: each command, and that every failure is one line and leaves no file."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import click
import isogram as ig
import numpy as np
import pytest
from isogram import _output
from isogram._memory import size
from isogram._tokens.building import Kept
from isogram.cli import bench
from isogram.cli._commands import commands
from support import needs_the_installed_package


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


def read_json(result):
    """Parse what `--json -` printed, where NaN is not allowed."""
    assert result.exit_code in (0, 3), result.output
    return json.loads(result.stdout, parse_constant=pytest.fail)


def read_table(text):
    """Parse the last table in `text`: column names, row names, numbers."""
    lines = [line.split() for line in text.splitlines()]
    columns, body = lines[0], lines[1:]
    return columns, [line[0] for line in body], np.array([line[1:] for line in body], float)


# rsm


def test_rsm(run, tokens, tmp_path):
    source = save(tmp_path / "tokens.npy", tokens.reshape(7, 6, 5))
    target = tmp_path / "out"
    result = run("rsm", source, "-o", target)
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(
        np.load(target, allow_pickle=False), ig.semantic_rsm(tokens.reshape(7, 6, 5))
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "tokens.npy"]


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        (["--kernel", "linear"], {"kernel": "linear"}),
        (["--kernel", "rbf", "--bandwidth", "2.5"], {"kernel": "rbf", "bandwidth": 2.5}),
        (
            ["--kernel", "rbf", "--bandwidth", "median:0.5"],
            {"kernel": "rbf", "bandwidth": ("median", 0.5)},
        ),
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


def test_rsm_json(run, tokens, tmp_path):
    source, target = save(tmp_path / "tokens.npy", tokens), tmp_path / "rsm.npy"
    options = ["--layout", "nhwc", "--kernel", "linear", "--json", "-"]
    found = read_json(run("rsm", source, "-o", target, *options))
    assert (found["output"], found["shape"], found["dtype"]) == (str(target), [7, 7], "float32")
    assert (found["options"]["kernel"], found["options"]["layout"]) == ("linear", "nhwc")
    assert found["provenance"]["n"] == 7
    refused = run("rsm", source, "-o", target, "--json", target)
    assert_fails(refused, "--output and --json name the same file", 2)


def test_rsm_rejects_values(run, tokens, tmp_path):
    target = tmp_path / "rsm.npy"
    broken = tokens.copy()
    broken[1, 0, 2, 3] = np.nan
    for array, options, message in (
        (broken, ["--layout", "nhwc"], "finite"),
        (tokens, [], "pass --layout nchw (PyTorch) or nhwc for maps of features"),
        (tokens[:, 0, 0], [], "Error: TOKENS must be 3-D, got 2-D of shape (7, 5)\n"),
        (tokens.astype(complex), ["--layout", "nhwc"], "Error: TOKENS must be of float16"),
        (tokens[:, 0], ["--matching", "window", "--window", "0"], "Error: --window must be"),
    ):
        result = run("rsm", save(tmp_path / "tokens.npy", array), "-o", target, *options)
        assert_fails(result, message)
        assert not target.exists()


def test_rsm_usage_errors(run, tokens, tmp_path):
    source = save(tmp_path / "tokens.npy", tokens)
    target = tmp_path / "rsm.npy"
    assert_fails(run("rsm", source), "'-o'", 2)
    assert_fails(run("rsm", tmp_path / "absent.npy", "-o", target), "does not exist", 2)
    (tmp_path / "empty").mkdir()
    assert_fails(
        run("rsm", tmp_path / "empty", "-o", target), "holds no plain numbers: it is empty"
    )
    assert_fails(run("rsm", source, "-o", target, "--kernel", "quadratic"), "quadratic", 2)
    assert_fails(run("rsm", source, "-o", target, "--num-threads", "0"), "num-threads", 2)
    assert_fails(run("rsm", source, "-o", target, "--bandwidth", "1"), "--bandwidth", 2)
    for value in ("nan", "0", "-1", "inf", "x", "mean", "median:", "median:-1", "median:nan", ":2"):
        refused = run("rsm", source, "-o", target, "--kernel", "rbf", "--bandwidth", value)
        assert_fails(refused, f"{value!r} is no positive number, median or median:FRACTION", 2)
    together = "--matching window and --window go together"
    assert_fails(run("rsm", source, "-o", target, "--matching", "window"), together, 2)
    assert_fails(run("rsm", source, "-o", target, "--window", "2"), together, 2)


def test_memory_error_is_one_line(run, tokens, tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise MemoryError

    monkeypatch.setattr(ig, "semantic_rsm", refuse)
    source = save(tmp_path / "tokens.npy", tokens[:, 0])
    assert_fails(run("rsm", source, "-o", tmp_path / "rsm.npy"), "Error: out of memory")


# The words of the command line


def test_messages_name_options_and_files_not_arguments(run, models, tmp_path):
    path_a, path_b, *_ = models
    broken = tmp_path / "broken.npz"
    np.savez(broken, conv=np.where(np.arange(36).reshape(9, 4) == 6, np.nan, 1.0))
    for arguments, message in (
        ((broken, path_b), "layer 'conv' of A must be finite, got nan at index (1, 2)"),
        ((path_b, broken), "layer 'conv' of B must be finite, got nan at index (1, 2)"),
        ((path_a, path_b, "--num-threads", 10**20), "--num-threads must be an integer"),
        ((path_a, path_b, "--measure", "gbs", "--k", 0), "--k must be an integer"),
    ):
        result = run("compare", *arguments)
        assert_fails(result, f"Error: {message}")
        assert "`" not in result.stderr
    few = save(tmp_path / "few.npy", np.eye(3))
    warning = run("compare", few, few).stderr
    assert warning.startswith("Warning: measure 'cka' needs at least 4 samples, got 3")
    warning = run("compare", few, few, "--measure", "gbs", "--k", 10**20).stderr
    assert warning.startswith(f"Warning: measure 'gbs' needs at least {10**20 + 1} samples, got 3")


def test_every_failure_is_one_line(run, models, tmp_path):
    path_a, path_b, *_ = models
    for arguments, message in (
        ((), "Missing argument 'A' (see commands compare --help)"),
        ((path_a,), "Missing argument 'B'"),
        ((path_a, path_b, path_b), "unexpected extra argument"),
        ((path_a, path_b, "--kernl", "rbf"), "--kernl"),
        ((path_a, path_b, "--kernel"), "requires an argument"),
        ((path_a, path_b, "--k", "2.5"), "'2.5' is not a valid integer"),
        ((path_a, "two\nlines"), r"'two\nlines' does not exist"),
        ((path_a, path_b, "--csv", tmp_path / "x", "--plot", tmp_path / "x"), "name the same file"),
    ):
        result = run("compare", *arguments)
        assert_fails(result, message, 2)
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""
    for arguments in (("compere",), ("--bogus",), ("compare", "-x")):
        result = run(*arguments)
        assert_fails(result, arguments[-1], 2)
        assert result.stderr.count("\n") == 1
    assert run().stdout == run("--help").stdout


@pytest.mark.parametrize("columns", ["1", "20", "40"])
def test_narrow_terminals(run, models, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert "--num-threads" in run("rsm", "--help").stdout
    result = run("compare", models[0], "absent")
    assert_fails(result, "Path 'absent' does not exist", 2)
    assert result.stderr.count("\n") == 1


def hide(monkeypatch, *modules):
    """Let the next import of these find nothing."""
    for name in modules:
        monkeypatch.setitem(sys.modules, name, None)


def test_a_bar_that_nobody_asked_for_needs_no_tqdm(run, models, monkeypatch):
    asked = []
    monkeypatch.setattr(
        ig, "similarity_matrix", lambda *_, progress, **__: asked.append(progress) or []
    )
    monkeypatch.setattr("isogram.cli._options._on_a_terminal", lambda: True)
    run("compare", *models[:2])
    run("compare", *models[:2], "--no-progress")
    hide(monkeypatch, "tqdm", "tqdm.auto")
    run("compare", *models[:2])
    assert asked == [True, False, False]
    assert_fails(run("compare", *models[:2], "--progress"), "--progress needs tqdm: pip install")
    assert len(asked) == 3


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
    assert_fails(run("rsm", source, "-o", "/dev/full"), "not a regular file")
    assert_fails(run("rsm", source, "-o", source / "rsm.npy"), "Not a directory")
    assert_fails(run("rsm", source, "-o", tmp_path / ("x" * 300)), "File name too long")
    loop = tmp_path / "loop.npy"
    loop.symlink_to(loop)
    assert_fails(
        run("rsm", source, "-o", loop), f"Error: {loop}: Too many levels of symbolic links"
    )
    old = tmp_path / "old.npy"
    old.write_text("old")
    monkeypatch.setattr(_output.os, "access", lambda path, mode: path != old)
    assert_fails(run("rsm", source, "-o", old), f"Error: {old} is not writeable")


def test_no_input_is_replaced(run, models, tokens, tmp_path):
    a, b = models[:2]
    path = save(tmp_path / "tokens.npy", tokens)
    (tmp_path / "link.npz").symlink_to(b)
    before = {source: source.read_bytes() for source in (a, b, path)}
    for arguments, message in (
        (("rsm", path, "--layout", "nchw", "-o", path), f"--output would replace {path}"),
        (("compare", a, b, "--csv", tmp_path / "link.npz"), f"--csv would replace {b}"),
        (("check", a, b, "--min", 0, "--json", a), f"--json would replace {a}"),
        (("report", a, b, "-o", b), f"--output would replace {b}"),
        (("layers", a, "--json", a), f"--json would replace {a}"),
    ):
        assert_fails(run(*arguments), f"Error: {message}, which is read", 2)
    assert {source: source.read_bytes() for source in before} == before


def test_the_ending_of_a_file_is_that_of_its_format(run, models, tokens, tmp_path):
    path = save(tmp_path / "tokens.npy", tokens)
    for arguments, option, wrong, message in (
        (("rsm", path, "--layout", "nchw"), "--output", "out.csv", ".npy or .zarr"),
        (("report", *models[:2]), "--output", "out.pdf", ".html or .htm"),
        (("check", *models[:2], "--min", 0), "--html", "out.json", ".html or .htm"),
    ):
        refused = run(*arguments, option, tmp_path / wrong)
        assert_fails(refused, f"Error: {option} must end in {message}, got {tmp_path / wrong}", 2)
        assert not (tmp_path / wrong).exists()


def test_only_json_goes_to_stdout(run, models, tokens, tmp_path, monkeypatch):
    path = save(tmp_path / "tokens.npy", tokens)
    monkeypatch.chdir(tmp_path)
    for arguments in (
        ("rsm", path, "--output", "-"),
        ("compare", *models[:2], "--csv", "-"),
        ("check", *models[:2], "--min", 0, "--html", "-"),
        ("report", *models[:2], "--output", "-"),
    ):
        option = arguments[-2]
        assert_fails(run(*arguments), f"Error: {option} must be a file, got -", 2)
    assert not (tmp_path / "-").exists()


def test_a_name_may_be_as_long_as_the_system_takes(run, tokens, tmp_path):
    source, target = save(tmp_path / "tokens.npy", tokens), tmp_path / ("x" * 255)
    assert run("rsm", source, "--layout", "nhwc", "-o", target).exit_code == 0
    assert sorted(tmp_path.iterdir()) == sorted([source, target])


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
        ("cka_rbf", ["--bandwidth", "2.5"], {"bandwidth": 2.5}),
        ("cka_rbf", ["--bandwidth", "median"], {"bandwidth": "median"}),
        ("cka_rbf", ["--bandwidth", "median:0.5"], {"bandwidth": ("median", 0.5)}),
        ("rsa_pearson", ["--kernel", "distance"], {"kernel": "distance"}),
        ("mutual_knn", ["--k", "3"], {"k": 3}),
        ("dcor", [], {}),
    ],
)
def test_compare(run, models, tmp_path, measure, options, keywords):
    path_a, path_b, a, b = models
    table, picture = tmp_path / "out.csv", tmp_path / "out.png"
    result = run(
        *("compare", path_a, path_b, "--measure", measure, "--csv", table, "--plot", picture),
        *options,
    )
    assert result.exit_code == 0, result.output
    flat = {name: layer.reshape(9, -1) for name, layer in a.items()}
    by_name = {"cka": ig.cka_matrix, "gbs": ig.gbs_matrix}
    default = partial(ig.similarity_matrix, measure=measure)
    expected = by_name.get(measure, default)(flat, b, **keywords)

    columns, rows, values = read_table(result.stdout)
    assert (columns, rows) == (list(b), list(a))
    np.testing.assert_allclose(values, expected, atol=5.1e-4)
    assert "ignored: labels" in result.stderr

    header, *body = csv.reader(io.StringIO(table.read_text()))
    assert header == ["", *b]
    assert [line[0] for line in body] == list(a)
    np.testing.assert_array_equal(np.array([line[1:] for line in body], float), expected)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_options_are_those_of_the_caller(run, models, tmp_path):
    path_a, path_b, *_ = models
    result = run("compare", path_a, path_b, "--measure", "correlation_match", "--json", "-")
    assert read_json(result)["options"] == {}
    options = ["--measure", "cknna", "--k", "3"]
    expected = {**ig.measures()["cknna"].options, "k": 3}
    assert read_json(run("compare", path_a, path_b, *options, "--json", "-"))["options"] == expected
    checked = run("check", path_a, path_a, *options, "--min", "0.5", "--json", "-")
    assert read_json(checked)["options"] == expected


def test_compare_tests_every_pair(run, models, tmp_path):
    a, b, layers_a, layers_b = models
    path, options = tmp_path / "result.npz", {"measure": "cka_biased", "seed": 3}
    result = run(
        "compare", a, b, "--measure", "cka_biased", "--permutations", 19, "--bootstrap", 50,
        "--seed", 3, "--save", path, "--json", tmp_path / "facts.json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    test = ig.permutation_test(layers_a, layers_b, n_permutations=19, **options)
    boot = ig.bootstrap(layers_a, layers_b, n_resamples=50, **options)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["A", "B", "value", "p", "p", "familywise", "low", "high"]
    assert [line[:2] for line in lines[1:]] == [[x, y] for x in layers_a for y in layers_b]
    for line, *expected in zip(
        lines[1:], *(np.ravel(v) for v in (test.value, test.p, test.p_familywise, boot.low)),
        strict=True,
    ):  # fmt: skip
        assert [float(cell) for cell in line[2:6]] == pytest.approx(expected, abs=5e-4, rel=0.06)
    for facts in (json.loads((tmp_path / "facts.json").read_text()), ig.io.load(path).provenance):
        assert facts["permutation_test"] == test.to_dict()
        assert facts["bootstrap"] == boot.to_dict()
    assert np.array_equal(ig.io.load(path).values, test.value)


def test_compare_calibrates(run, models):
    a, b, layers_a, layers_b = models
    facts = read_json(run("compare", a, b, "--calibrate", "--permutations", 30, "--json", "-"))
    expected = ig.calibrate(layers_a, layers_b, n_permutations=30)
    assert facts["calibrate"] == expected.to_dict()
    assert facts["calibrate"]["n_permutations"] == 30
    tested = ig.permutation_test(layers_a, layers_b, n_permutations=30)
    assert facts["permutation_test"] == tested.to_dict()
    assert facts["permutation_test"]["p"] == facts["calibrate"]["p"]
    header = run("compare", a, b, "--calibrate").stdout.splitlines()[0].split()
    assert header == ["A", "B", "value", "score", "p"]
    header = (
        run("compare", a, b, "--calibrate", "--permutations", 30).stdout.splitlines()[0].split()
    )
    assert header == ["A", "B", "value", "score", "p", "p", "familywise"]
    facts = read_json(run("compare", a, a, "--calibrate", "--json", "-"))
    assert facts["calibrate"]["n_permutations"] == 1000
    assert facts["calibrate"]["p"][0][0] is None


def test_compare_warns_once_in_its_words(run, models, tmp_path):
    """However many functions find a layer constant, whatever they call the layers."""
    a, *_ = models
    np.savez(tmp_path / "b.npz", same=np.ones((len(next(iter(models[2].values()))), 3)))
    asked = run("compare", a, tmp_path / "b.npz", "--permutations", 20, "--bootstrap", 20)
    [warning] = [line for line in asked.stderr.splitlines() if line.startswith("Warning: ")]
    assert warning.startswith("Warning: layer 'same' of B is constant")


def test_compare_says_what_cannot_be_tested(run, models, tmp_path, rng):
    a, b, *_ = models
    refused = run("compare", a, b, "--permutations", 0)
    assert_fails(refused, "Invalid value for '--permutations'", 2)
    refused = run("compare", a, b, "--calibrate", "--resume", "--save", tmp_path / "r.npz")
    assert_fails(refused, "--resume does not go with --permutations, --calibrate, --bootstrap", 2)
    few = run("compare", a, b, "--permutations", 5, "--calibrate")
    assert_fails(few, "`n_permutations` must be an integer of at least 19")
    np.savez(tmp_path / "maps.npz", one=rng.standard_normal((9, 3, 4)))
    np.savez(tmp_path / "others.npz", two=rng.standard_normal((9, 3, 5)))
    paths = tmp_path / "maps.npz", tmp_path / "others.npz"
    refused = run("compare", *paths, "--reduce", "positions", "--permutations", 9)
    assert_fails(refused, "--groups must be given where positions are samples", 1)


@pytest.mark.filterwarnings("ignore:permutation_test:RuntimeWarning")  # few permutations
@pytest.mark.filterwarnings("ignore:calibrate:RuntimeWarning")
def test_compare_takes_groups(run, models, tmp_path):
    a, b, layers_a, layers_b = models
    groups = np.arange(9) // 3
    (tmp_path / "groups.txt").write_text("".join(f"g{group}\n" for group in groups))
    np.savez(tmp_path / "kept.npz", sessions=groups, **layers_a)
    np.savez(tmp_path / "groups.npz", groups)
    given = (
        (a, save(tmp_path / "groups.npy", groups)),
        (a, tmp_path / "groups.npz"),
        (a, tmp_path / "groups.txt"),
        (tmp_path / "kept.npz", "sessions"),
    )
    for options in ({}, {"exchange": "samples"}, {"exchange": "groups"}):
        shared = {"groups": groups, "n_permutations": 19, **options}
        test = ig.permutation_test(layers_a, layers_b, **shared)
        calibrated = ig.calibrate(layers_a, layers_b, **shared)
        flags = [word for name, value in options.items() for word in (f"--{name}", value)]
        for path, labels in given:
            asked = "--permutations", 19, "--calibrate", "--groups", labels, *flags
            result = run("compare", path, b, *asked, "--json", "-")
            facts = read_json(result)
            assert facts["permutation_test"] == test.to_dict()
            assert facts["calibrate"] == calibrated.to_dict()
            assert "sessions" not in result.stderr


@pytest.mark.filterwarnings("ignore:bootstrap:RuntimeWarning")  # resamples of one group
def test_compare_resamples_groups(run, models, tmp_path):
    a, b, layers_a, layers_b = models
    groups = np.arange(9) // 2
    labels = save(tmp_path / "groups.npy", groups)
    options = "--measure", "cka_biased", "--bootstrap", 20, "--groups", labels
    facts = read_json(run("compare", a, b, *options, "--json", "-"))
    boot = ig.bootstrap(layers_a, layers_b, measure="cka_biased", n_resamples=20, groups=groups)
    assert facts["bootstrap"] == boot.to_dict()


def test_compare_refuses_groups(run, models, tmp_path):
    a, b, *_ = models
    few = save(tmp_path / "few.npy", np.arange(4))
    refused = run("compare", a, b, "--groups", few)
    assert_fails(refused, "--groups goes with --permutations, --calibrate, --bootstrap", 2)
    refused = run("compare", a, b, "--bootstrap", 9, "--groups", few, "--exchange", "groups")
    assert_fails(refused, "--exchange goes with --groups, and --permutations or --calibrate", 2)
    refused = run("compare", a, b, "--permutations", 19, "--groups", few)
    assert_fails(refused, "--groups must have one label for each of the 9 samples, got shape (4,)")
    refused = run("compare", a, b, "--permutations", 19, "--groups", "nothing")
    assert_fails(refused, "has no 'nothing': labels, one, two")
    np.savez(tmp_path / "two.npz", of_day=np.arange(9), of_session=np.arange(9))
    refused = run("compare", a, b, "--permutations", 19, "--groups", tmp_path / "two.npz")
    assert_fails(refused, "several arrays, pass a file of one: of_day, of_session")


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


@pytest.mark.parametrize("measure", ["cka", "gbs", "rsa_pearson"])
def test_compare_gram_matrices(run, tmp_path, rng, measure):
    x, y = rng.standard_normal((2, 8, 5))
    paths = save(tmp_path / "x.npy", x @ x.T), save(tmp_path / "y.npy", y @ y.T)
    found = read_json(
        run("compare", *paths, "--measure", measure, "--kernel", "precomputed", "--json", "-")
    )
    options = {"kernel": "linear"} if measure != "gbs" else {}
    expected = ig.similarity(x, y, measure=measure, **options)
    np.testing.assert_allclose(found["values"], [[expected]], rtol=1e-9)


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
        run("compare", path_a, path_b, "--measure", "gbs", "--k", "-1"), "Error: --k must be"
    )
    assert_fails(run("compare", path_a, path_b, "--png", tmp_path), "is a directory")
    assert_fails(run("compare", path_a, path_b, "--k", "3"), "--k does not go", 2)
    assert_fails(run("compare", path_a, path_b, "--center"), "--center does not go", 2)
    refused = run("compare", path_a, path_b, "--measure", "gbs", "--kernel", "rbf")
    assert_fails(refused, "--kernel must be one of 'cosine', 'precomputed', got 'rbf'")
    refused = run("compare", path_a, path_b, "--kernel", "precomputed")
    assert_fails(refused, "layer 'one' of A must be a Gram matrix, square, got shape")
    refused = run("compare", path_a, path_b, "--measure", "mutual_knn", "--kernel", "rbf")
    assert_fails(refused, "--kernel does not go with --measure mutual_knn", 2)
    refused = run("compare", path_a, path_b, "--measure", "distance_correlation", "--k", "3")
    assert_fails(refused, "--k does not go with --measure distance_correlation", 2)
    for more in ([], ["--kernel", "cosine"], ["--measure", "rsa_pearson"]):
        refused = run("compare", path_a, path_b, "--bandwidth", "2", *more)
        assert_fails(
            refused, "--bandwidth goes with the kernels rbf, laplacian and laplacian_l2 only", 2
        )
    refused = run("compare", path_a, path_b, "--measure", "ccc")
    assert_fails(refused, f"'--measure': 'ccc' is not one of {', '.join(ig.measures())}", 2)


def test_measures(run):
    assert run("measures").stdout == f"{ig.measures()}\n"
    assert "cka_debiased" in run("measures").stdout
    assert run("measures", "--kind", "distance").stdout == f"{ig.measures('distance')}\n"
    assert_fails(run("measures", "--kind", "metric"), "'metric' is not one of", 2)


def test_compare_picture_without_matplotlib(run, models, tmp_path, monkeypatch):
    hide(monkeypatch, "matplotlib", "matplotlib.axes")
    monkeypatch.delitem(sys.modules, "isogram.plot", raising=False)
    monkeypatch.delattr(ig, "plot", raising=False)
    result = run("compare", *models[:2], "--plot", tmp_path / "out.png")
    assert_fails(result, "Error: --plot needs matplotlib: pip install 'isogram[plot]'")


def test_compare_draws_what_the_name_of_the_file_says(run, models, tmp_path):
    for option in ("--plot", "--png"):
        path = tmp_path / f"out{option}.pdf"
        assert run("compare", *models[:2], option, path).exit_code == 0
        assert path.read_bytes().startswith(b"%PDF")
    result = run("compare", *models[:2], "--plot", tmp_path / "out.doc")
    assert_fails(result, "--plot must end in one of ", 2)
    assert result.stdout == ""
    assert not (tmp_path / "out.doc").exists()


def test_compare_names_of_every_kind(run, tmp_path, rng):
    """Mathematics, formulas, lines, colours and quotes are names like others."""
    names = ["$x_{1$", "=1+1", "two\nlines", "\x1b[31mred", 'a "b", c', "été", "\\alpha"]
    source, table, picture = (tmp_path / name for name in ("a.npz", "a.csv", "a.png"))
    np.savez(source, **{name: rng.standard_normal((9, 3)) for name in names})
    result = run("compare", source, source, "--csv", table, "--plot", picture)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert len(lines) == len(names) + 1
    assert len(set(map(len, lines))) == 1
    assert all(line.isprintable() for line in lines)
    with table.open(encoding="utf-8", newline="") as stream:
        assert [line[0] for line in csv.reader(stream)] == ["", *names]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_compare_reads_a_file_that_is_both_once(run, models, tmp_path):
    link = tmp_path / "link.npz"
    link.symlink_to(models[0])
    result = run("compare", models[0], link)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("ignored: labels") == 1
    np.testing.assert_array_equal(np.diag(read_table(result.stdout)[2]), 1)


def test_compare_json(run, models, tmp_path):
    path_a, path_b, a, b = models
    result = run("compare", path_a, path_b, "--measure", "mutual_knn", "--k", 3, "--json", "-")
    found = read_json(result)
    assert (found["isogram"], found["command"]) == (ig.__version__, "compare")
    assert (found["rows"], found["columns"]) == (list(a), list(b))
    assert (found["measure"], found["options"]["k"]) == ("mutual_knn", 3)
    assert found["provenance"]["n"] == 9
    assert found["provenance"]["inputs"][1]["layers"]["x"]["shape"] == [9, 3]
    flat = {name: layer.reshape(9, -1) for name, layer in a.items()}
    expected = ig.similarity_matrix(flat, b, measure="mutual_knn", k=3)
    np.testing.assert_array_equal(found["values"], expected)

    target = tmp_path / "out.json"
    beside = run("compare", path_a, path_b, "--measure", "mutual_knn", "--k", 3, "--json", target)
    assert read_table(beside.stdout)[0] == list(b)
    assert json.loads(target.read_text())["values"] == found["values"]


def test_json_has_null_for_nan(run, models, tmp_path):
    constant = save(tmp_path / "constant.npy", np.ones((9, 3)))
    assert read_json(run("compare", models[0], constant, "--json", "-"))["values"] == [[None]] * 2


def test_json_targets_are_checked(run, models, tmp_path):
    path_a, path_b, *_ = models
    for command in (["info"], ["measures"], ["compare", path_a, path_b]):
        assert_fails(run(*command, "--json", tmp_path), "is a directory")
        assert_fails(run(*command, "--json", tmp_path / "no" / "x"), "does not exist")
    same = tmp_path / "x"
    refused = run("compare", path_a, path_b, "--json", same, "--csv", same)
    assert_fails(refused, "--json and --csv name the same file", 2)


# check


@pytest.fixture
def versions(tmp_path, rng):
    """Write two files of the same layers, ever less alike, and return their paths."""
    a = {f"block{i}": rng.standard_normal((40, 6)) for i in (1, 2, 10)}
    b = {
        name: layer + i * rng.standard_normal((40, 6)) for i, (name, layer) in enumerate(a.items())
    }
    paths = tmp_path / "old.npz", tmp_path / "new.npz"
    np.savez(paths[0], **a, removed=a["block1"])
    np.savez(paths[1], **b, added=a["block1"])
    return *paths, a, b


def test_check(run, versions, tmp_path):
    old, new, a, b = versions
    values = {name: ig.cka(a[name], b[name]) for name in a}
    worst_first = sorted(values, key=values.get)
    assert worst_first[-1] == "block1"
    page = tmp_path / "page.html"
    result = run("check", old, new, "--min", 0.9, "--json", "-", "--html", page)
    assert result.exit_code == 3
    found = read_json(result)
    assert not found["passed"]
    assert (found["min"], found["measure"]) == (0.9, "cka")
    assert [layer["name"] for layer in found["layers"]] == worst_first
    assert [layer["value"] for layer in found["layers"]] == [values[name] for name in worst_first]
    assert [layer["passed"] for layer in found["layers"]] == [False, False, True]
    assert found["not_checked"] == [["removed"], ["added"]]
    assert found["provenance"]["inputs"][0]["layers"]["block2"]["sha256"]
    assert f"not checked, only in {old}: removed\n" in result.stderr
    assert "cka at least 0.9: 1 of 3 layers." in page.read_text()

    result = run("check", old, new, "--min", min(values.values()))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == worst_first
    assert lines[-1].startswith("cka at least ")
    assert lines[-1].endswith(": 3 of 3 layers")
    assert run("check", old, new, "--min", 0.9).stdout.count(" below 0.9\n") == 2


def test_check_shows_what_decimals_hide(run, tmp_path, rng):
    x = rng.standard_normal((9, 4))
    a, b = save(tmp_path / "a.npy", x), save(tmp_path / "b.npy", x + 1e-5 * rng.random((9, 4)))
    [layer] = read_json(run("check", a, b, "--min", 1, "--json", "-"))["layers"]
    result = run("check", a, b, "--min", 1)
    assert f" 1.000000  below 1 by {1 - layer['value']:.1g}\n" in result.stdout
    assert "cka at least 1: 0 of 1 layers" in result.stdout
    refused = run("check", a, b, "--min", 1.0000001)
    assert_fails(refused, "--min must be in the range of cka, -1 to 1, got 1.0000001", 2)


def test_check_progress(run, versions):
    for options, shown in ((["--progress"], True), (["--no-progress"], False), ([], False)):
        result = run("check", *versions[:2], "--min", "0", *options)
        assert result.exit_code == 0, result.output
        assert ("check: " in result.stderr) is shown
    assert "3.00/3.00" in run("check", *versions[:2], "--min", "0", "--progress").stderr


def test_check_one_layer_by_patterns_and_as_itself(run, versions, tmp_path):
    old, new, *_ = versions
    assert run("check", old, new, "--layers", "block1", "--min", 1).exit_code == 0
    assert run("check", old, new, "--layers", "block2", "--min", 1).exit_code == 3
    assert run("check", old, old, "--min", 1).exit_code == 0
    assert run("check", old, new, "--layers", "same-name", "--min", -1).exit_code == 0
    for missing, path in (("removed", new), ("added", old)):
        refused = run("check", old, new, "--layers", "block1", "--layers", missing, "--min", 0)
        assert_fails(refused, f"{path} has no layer '{missing}'")


def test_check_says_what_it_ignores(run, tmp_path, rng):
    a = tmp_path / "a.npz"
    np.savez(a, x=rng.standard_normal((9, 4)), names=np.array(list("abcdefghi")))
    result = run("check", a, a, "--min", 0)
    assert result.stderr == f"{a}: not layers, ignored: names (str32 of shape (9,))\n"


def test_check_by_distance(run, versions):
    old, new, a, b = versions
    options = ["--measure", "procrustes", "--json", "-"]
    expected = {
        name: ig.similarity(a[name], b[name], measure="procrustes")
        for name in ("block2", "block10")
    }
    found = read_json(run("check", old, new, *options, "--max", min(expected.values())))
    assert (found["max"], found["passed"]) == (min(expected.values()), False)
    values = [layer["value"] for layer in found["layers"]]
    assert values[:2] == sorted(expected.values(), reverse=True)
    assert [layer["passed"] for layer in found["layers"]] == [False, True, True]
    result = run("check", old, new, "--measure", "procrustes", "--max", 0.001)
    assert " above 0.001\n" in result.stdout


def test_check_of_two_arrays(run, tmp_path, rng):
    paths = [save(tmp_path / f"{name}.npy", rng.standard_normal((9, 3))) for name in "ab"]
    result = run("check", *paths, "--min", 1)
    assert result.exit_code == 3
    assert result.stdout.splitlines()[1].startswith("a – b ")


def test_what_is_undefined_does_not_pass(run, tmp_path, rng):
    layers = {"good": rng.standard_normal((9, 3)), "flat": np.ones((9, 3))}
    np.savez(tmp_path / "a.npz", **layers)
    np.savez(tmp_path / "b.npz", **layers)
    result = run("check", tmp_path / "a.npz", tmp_path / "b.npz", "--min", 0)
    assert result.exit_code == 3
    assert result.stdout.splitlines()[1].split() == ["flat", "nan", "undefined"]
    assert "Warning: " in result.stderr
    found = read_json(
        run("check", tmp_path / "a.npz", tmp_path / "b.npz", "--min", 0, "--json", "-")
    )
    assert found["layers"][0] == {"name": "flat", "value": None, "passed": False}


def test_check_refuses(run, versions, models, tmp_path, monkeypatch):
    old, new, *_ = versions
    needs_min = "--measure cka is a similarity: give --min, and no --max"
    for options, message in (
        ([], needs_min),
        (["--max", "1"], needs_min),
        (["--min", "0", "--max", "1"], needs_min),
        (["--measure", "procrustes", "--min", "1"], "is a distance: give --max, and no --min"),
        (["--min", "nan"], "--min must be in the range of cka, -1 to 1, got nan"),
        (["--min", "99"], "--min must be in the range of cka, -1 to 1, got 99"),
        (["--min", "x"], "'x' is not a valid float"),
        (["--min", "0", "--k", "3"], "--k does not go with --measure cka"),
        (["--min", "0", "--measure", "ccc"], "'ccc' is not one of"),
        (["--min", "0", "--json", tmp_path / "x", "--html", tmp_path / "x"], "name the same file"),
    ):
        assert_fails(run("check", old, new, *options), message, 2)
    assert_fails(run("check", old, models[0], "--min", "0"), "number of samples")
    assert_fails(
        run("check", models[0], models[1], "--min", "0"), "have no layers of one name: one"
    )
    assert_fails(run("check", old, new, "--min", "0", "--html", tmp_path), "is a directory")
    broken = tmp_path / "broken.npz"
    np.savez(broken, block1=np.where(np.arange(240).reshape(40, 6) == 7, np.nan, 1.0))
    assert_fails(
        run("check", broken, broken, "--min", "0"),
        "Error: layer 'block1' of A must be finite, got nan at index (1, 1)",
    )
    hide(monkeypatch, "isogram.report")
    monkeypatch.delattr(ig, "report", raising=False)
    refused = run("check", old, new, "--min", "0", "--html", tmp_path / "x.html")
    assert_fails(refused, "Error: --html needs Jinja2: pip install 'isogram[report]'")


def test_check_aligns_samples(run, tmp_path, rng):
    layer, ids = rng.standard_normal((9, 3)), np.array(list("abcdefghi"))
    order = rng.permutation(9)
    np.savez(tmp_path / "a.npz", one=layer, ids=ids)
    np.savez(tmp_path / "b.npz", one=layer[order], ids=ids[order])
    paths = tmp_path / "a.npz", tmp_path / "b.npz"
    assert run("check", *paths, "--min", 1).exit_code == 0
    assert run("check", *paths, "--min", 1, "--ids", "none").exit_code == 3


# layers


def test_layers(run, models, tmp_path, rng):
    path = tmp_path / "c.npz"
    np.savez(
        path,
        block10=rng.standard_normal((5, 3)).astype(np.float32),
        block2=rng.standard_normal((5, 2, 2)),
        ids=np.array(list("abcde")),
        labels=np.arange(5),
    )
    found = read_json(run("layers", path, "--json", "-"))
    assert found["layers"] == [
        {"name": "block2", "dtype": "float64", "shape": [5, 2, 2]},
        {"name": "block10", "dtype": "float32", "shape": [5, 3]},
    ]
    assert found["identifiers"] == {"name": "ids", "values": list("abcde")}
    assert found["skipped"] == {"labels": "int64 of shape (5,)"}
    assert (found["refused"], found["file"]) == (None, str(path))
    result = run("layers", path)
    assert result.stdout.splitlines() == [
        "layer    type     shape",
        "block2   float64  (5, 2, 2)",
        "block10  float32  (5, 3)",
        "",
        "identifiers: ids, 5: a, b, c, …",
        "not a layer: labels, int64 of shape (5,)",
    ]
    assert result.stderr == ""
    assert "identifiers: none" in run("layers", models[0]).stdout


def test_weights_are_no_layers(run, tmp_path):
    path = tmp_path / "checkpoint.npz"
    np.savez(path, **{"a.weight": np.ones((3, 2)), "b.weight": np.ones((4, 3))})
    assert_fails(
        run("check", path, path, "--min", "1"), "look like weights of a model: compare what"
    )


def test_layers_of_what_is_refused(run, tmp_path):
    path = tmp_path / "mixed.npz"
    np.savez(path, a=np.ones((3, 2)), b=np.ones((4, 2)))
    result = run("layers", path)
    assert result.exit_code == 0
    assert "a      float64  (3, 2)\nb      float64  (4, 2)\n" in result.stdout
    assert result.stderr.startswith(
        "Warning: the other commands refuse this file: all layers must have the same number"
    )
    assert "same number" in read_json(run("layers", path, "--json", "-"))["refused"]
    assert_fails(run("layers", path, "--layers", "a"), "No such option", 2)
    np.savez(path, a=np.ones((3, 2)))
    assert_fails(run("layers", path, "--ids", "b"), "has no identifiers 'b'")


# match


def test_match(run, tmp_path):
    costs = tmp_path / "costs.csv"
    costs.write_text("4,1,inf\n2,0,5\n3,2,2\n")
    result = run("match", costs)
    assert result.stdout.splitlines()[:6] == [
        "row  column  cost",
        "  0       1     1",
        "  1       0     2",
        "  2       2     2",
        "",
        "total: 5",
    ]
    found = read_json(run("match", costs, "--json", "-"))
    assert (found["columns"], found["total"], found["maximize"]) == ([1, 0, 2], 5, False)
    assert 0 <= found["gap"] < 1e-12


@pytest.mark.parametrize("options", [[], ["--maximize"], ["--num-threads", "1"]])
def test_match_of_arrays(run, tmp_path, rng, options):
    problems = rng.integers(0, 99, (5, 4, 3))
    maximize = "--maximize" in options
    expected = ig.match(problems, maximize=maximize)
    stack = save(tmp_path / "stack.npy", problems)
    found = read_json(run("match", stack, "--json", "-", *options))
    assert found["columns"] == expected.columns.tolist()
    assert found["total"] == expected.total.tolist()
    lines = run("match", stack, *options).stdout.splitlines()[1:]
    assert [float(line.split()[1]) for line in lines] == expected.total.tolist()
    one = save(tmp_path / "one.npy", problems[0])
    rows = [line.split() for line in run("match", one, *options).stdout.splitlines()[1:5]]
    columns = [int(row[1]) if len(row) == 3 else -1 for row in rows]
    assert columns == expected.columns[0].tolist()


def test_match_refuses(run, tmp_path, rng):
    for content, message in (
        ("1,2\nx,3\n", "could not convert string 'x' to float64 at row 1"),
        ("1,2\n3\n", "the number of columns changed from 2 to 1 at row 2\n"),
        ("1;2\n3;4\n", "could not convert string '1;2' to float64 at row 0"),
        ("\n\n", "no numbers are there"),
        ("", "the file is empty"),
        ("nan,1\n1,2\n", "Error: COSTS must be finite, got nan at index (0, 0)"),
        ("inf,inf\n1,2\n", "Error: COSTS must have a matching that takes no forbidden pair"),
    ):
        path = tmp_path / "costs.csv"
        path.write_text(content)
        refused = run("match", path)
        assert_fails(refused, message)
        assert refused.stderr.count("\n") == 1
    assert_fails(run("match", path, "--layer", "x"), "--layer does not go with a .csv file", 2)
    flat = save(tmp_path / "flat.npy", rng.standard_normal(3))
    assert_fails(run("match", flat), "Error: COSTS must be 2-D or 3-D")
    assert_fails(run("match", path, "--json", tmp_path), "is a directory")


def test_match_of_text_as_windows_writes_it(run, tmp_path):
    (tmp_path / "costs.csv").write_bytes(b"\xef\xbb\xbf4,1\r\n2,3\r\n")
    assert read_json(run("match", tmp_path / "costs.csv", "--json", "-"))["columns"] == [1, 0]


# retrieve


@pytest.fixture
def gallery(tmp_path, rng):
    """Write queries and a gallery of tokens with identifiers, and return paths and tokens."""
    a, b = rng.standard_normal((3, 4, 6)), rng.standard_normal((8, 4, 6)).astype(np.float32)
    paths = tmp_path / "queries.npz", tmp_path / "gallery.npz"
    np.savez(paths[0], tokens=a)
    np.savez(paths[1], tokens=b, ids=np.array(list("abcdefgh")))
    return *paths, a, b


@pytest.mark.parametrize("similarity", ["semantic", "spatial", "pooled"])
def test_retrieve(run, gallery, similarity):
    path_a, path_b, a, b = gallery
    expected = {
        "semantic": ig.semantic_rsm,
        "spatial": ig.spatial_rsm,
        "pooled": lambda a, b: ig.gram(a.mean(1), b.mean(1), kernel="cosine"),
    }[similarity](a, b)
    found = read_json(
        run("retrieve", path_a, path_b, "--k", 3, "--similarity", similarity, "--json", "-")
    )
    assert [query["sample"] for query in found["queries"]] == [0, 1, 2]
    for query, row in zip(found["queries"], expected, strict=True):
        nearest = np.argsort(-row)[:3]
        assert [one["sample"] for one in query["neighbours"]] == ["abcdefgh"[j] for j in nearest]
        similarities = [one["similarity"] for one in query["neighbours"]]
        np.testing.assert_allclose(similarities, row[nearest], rtol=1e-6)


def test_retrieve_prints_a_line_for_each_neighbour(run, gallery):
    path_a, path_b, a, b = gallery
    lines = [line.split() for line in run("retrieve", path_a, path_b, "--k", 2).stdout.splitlines()]
    assert lines[0] == ["query", "neighbour", "rank", "similarity"]
    assert [line[0] + line[2] for line in lines[1:]] == ["01", "02", "11", "12", "21", "22"]
    assert lines[1][1] == "abcdefgh"[ig.semantic_rsm(a, b)[0].argmax()]


def test_retrieve_within_one_file_leaves_out_the_query(run, gallery):
    path = gallery[1]
    found = read_json(run("retrieve", path, path, "--k", 7, "--json", "-"))
    for query in found["queries"]:
        others = {one["sample"] for one in query["neighbours"]}
        assert others == set("abcdefgh") - {query["sample"]}
    assert_fails(run("retrieve", path, path, "--k", 8), "Error: --k must be at most 7, got 8")


def test_retrieve_of_vectors_and_maps(run, tmp_path, rng):
    vectors = save(tmp_path / "vectors.npy", rng.standard_normal((5, 3)))
    cosines = ig.gram(np.load(vectors), kernel="cosine")
    np.fill_diagonal(cosines, -2)
    found = read_json(run("retrieve", vectors, vectors, "--k", 1, "--json", "-"))
    nearest = [query["neighbours"][0]["sample"] for query in found["queries"]]
    assert nearest == cosines.argmax(axis=1).tolist()

    maps = rng.standard_normal((5, 2, 3, 7))
    path = save(tmp_path / "maps.npy", maps)
    for layout, axes in (("nhwc", (1, 2)), ("nchw", (2, 3))):
        options = ["--k", 1, "--layout", layout, "--json", "-"]
        found = read_json(run("retrieve", path, path, *options))
        rsm = ig.semantic_rsm(maps, layout=layout)
        np.fill_diagonal(rsm, -2)
        nearest = [query["neighbours"][0]["sample"] for query in found["queries"]]
        assert nearest == rsm.argmax(axis=1).tolist()
        found = read_json(run("retrieve", path, path, *options, "--similarity", "pooled"))
        cosines = ig.gram(maps.mean(axis=axes), kernel="cosine")
        np.fill_diagonal(cosines, -2)
        nearest = [query["neighbours"][0]["sample"] for query in found["queries"]]
        assert nearest == cosines.argmax(axis=1).tolist()


def test_index(run, tmp_path, rng):
    maps, path = rng.standard_normal((40, 2, 2, 130)), tmp_path / "maps.index"
    ids = np.array([f"picture {i}" for i in range(40)])
    first, second, queries = (tmp_path / f"{name}.npz" for name in ("first", "second", "queries"))
    np.savez(first, maps=maps[:30], ids=ids[:30])
    np.savez(second, maps=maps[30:], ids=ids[30:])
    np.savez(queries, maps=maps[25:35], ids=ids[25:35])
    assert (
        run("index", "build", first, "-o", path, "--layout", "nhwc").stdout
        == f"{path}: 30 samples\n"
    )
    assert run("index", "add", path, second).stdout == f"{path}: 40 samples\n"
    found = read_json(run("index", "delete", path, "picture 3", "picture 4", "--json", "-"))
    assert found["samples"] == 38
    found = read_json(run("retrieve", queries, path, "--k", 3, "--json", "-"))
    kept = np.delete(np.arange(40), [3, 4])
    expected = ig.retrieve(maps[25:35], maps[kept], 3, layout="nhwc")
    for query, columns, scores, name in zip(
        found["queries"], expected.indices, expected.scores, ids[25:35], strict=True
    ):
        assert query["sample"] == name
        assert [one["sample"] for one in query["neighbours"]] == ids[kept[columns]].tolist()
        assert [one["similarity"] for one in query["neighbours"]] == scores.tolist()
    out = tmp_path / "found.json"
    options = ["--k", 2, "--exclude-self", "--json", out, "--resume"]
    for _ in range(2):
        run("retrieve", queries, path, *options)
        of_others = json.loads(out.read_text())["queries"]
        for query, before in zip(of_others, found["queries"], strict=True):
            assert query["neighbours"] == before["neighbours"][1:]
    assert (tmp_path / "found.json.job" / "journal.jsonl").exists()


def test_index_shows_progress(run, tmp_path, rng):
    pytest.importorskip("tqdm")
    tokens, path = save(tmp_path / "tokens.npy", rng.standard_normal((300, 3, 4))), tmp_path / "i"
    built = run("index", "build", tokens, "-o", path, "--progress")
    assert "300/300" in built.stderr
    assert "sample" in built.stderr
    assert built.stdout == f"{path}: 300 samples\n"
    assert "300/300" in run("index", "add", path, tokens, "--progress").stderr
    assert run("index", "add", path, tokens).stderr == ""


def test_index_build_goes_on(run, tmp_path, rng, monkeypatch):
    monkeypatch.setattr("isogram._operations.index.SEGMENT", 16)
    maps, path = rng.standard_normal((50, 2, 2, 70)), tmp_path / "index"
    tokens, ids = tmp_path / "tokens.npz", [f"picture {i}" for i in range(50)]
    np.savez(tokens, maps=maps, ids=ids)
    command = ["index", "build", tokens, "-o", path, "--layout", "nhwc", "--resume"]

    def stop(self, file, lines, segments, record=Kept.record):
        record(self, file, lines, segments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Kept, "record", stop)
        for _ in range(2):
            stopped = run(*command)
            assert stopped.exit_code == 130
            assert f"What is finished is kept in {path}.job: the same command" in stopped.stderr
    whole = tmp_path / "whole"
    ig.SemanticIndex.build(maps, ids=ids, layout="nhwc", path=whole)
    assert run(*command).stdout == f"{path}: 50 samples\n"
    assert path.read_bytes() == whole.read_bytes()
    np.savez(tokens, maps=maps + 1, ids=ids)
    assert_fails(run(*command), f"{path}.job must go on as it began, but TOKENS changed")


@pytest.mark.parametrize("shape", [(300, 70), (300, 3, 70)])
def test_index_build_says_what_it_takes(run, tmp_path, rng, shape):
    tokens, path = save(tmp_path / "tokens.npy", rng.standard_normal(shape)), tmp_path / "index"
    said = run("index", "build", tokens, "-o", path, "--dry-run").stdout
    expected = ig.SemanticIndex.build_cost(np.load(tokens).reshape(300, -1, 70))
    assert said.startswith(f"index of 300 inputs, {expected.tokens} tokens of 70 channels, float64")
    assert f"makes {size(expected.file_bytes)}, and takes about" in said
    assert not path.exists()
    limited = ["index", "build", tokens, "-o", path, "--memory-limit"]
    fewer = re.search(r"(\d+) at a time", run(*limited, expected.memory, "--dry-run").stdout)
    assert int(fewer[1]) < 300
    assert run(*limited, expected.memory).stdout == f"{path}: 300 samples\n"
    assert_fails(run(*limited, "1MB"), "--memory-limit must be at least")


@pytest.mark.parametrize("option", ["--scheduler=x", "--num-threads=2"])
def test_index_build_offers_nothing_without_a_meaning(run, gallery, tmp_path, option):
    refused = run("index", "build", gallery[1], "-o", tmp_path / "i", option)
    assert_fails(refused, f"No such option '{option.split('=')[0]}'", 2)


@pytest.mark.parametrize(
    "option", ["--memory-limit=1GB", "--dry-run", "--scheduler=x", "--num-threads=2", "--resume"]
)
def test_index_add_offers_nothing_without_a_meaning(run, gallery, option):
    refused = run("index", "add", gallery[1], gallery[1], option)
    assert_fails(refused, f"No such option '{option.split('=')[0]}'", 2)


def test_index_refuses(run, gallery, tmp_path, rng):
    tokens, path = tmp_path / "tokens.npy", tmp_path / "tokens.index"
    np.save(tokens, rng.standard_normal((5, 3, 4)))
    assert "build" in run("index").stdout
    assert_fails(run("index", "build", tokens, "-o", tokens), "--output would replace", 2)
    assert_fails(run("index", "build", tmp_path / "no.npy", "-o", path), "does not exist", 2)
    refused = run("index", "build", tokens, "-o", path, "--layout", "nhwc")
    assert_fails(refused, "TOKENS must be 4-D")
    run("index", "build", tokens, "-o", path)
    assert_fails(run("index", "delete", path, "a"), "ID must be an integer")
    missing = run("index", "delete", path, "7")
    assert_fails(missing, "IDS must be in the index, got 7")
    assert "SemanticIndex" not in missing.stderr
    assert_fails(run("index", "add", tokens, tokens), "is no index of isogram")
    assert_fails(run("retrieve", tokens, path, "--k", 6), "--k must be at most 5, got 6")
    refused = run("retrieve", tokens, path, "--k", 1, "--similarity", "pooled")
    assert_fails(refused, "an index as GALLERY goes with --similarity semantic only", 2)
    refused = run("retrieve", tokens, tokens, "--k", 1, "--exclude-self")
    assert_fails(refused, "--exclude-self goes with an index as GALLERY", 2)
    refused = run("retrieve", tokens, tokens, "--k", 1, "--resume", "--json", "-")
    assert_fails(refused, "--resume goes with --json FILE", 2)
    path.write_bytes(path.read_bytes()[:-5])
    assert_fails(run("retrieve", tokens, path, "--k", 1), "is a damaged index: it ends early")


def test_retrieve_refuses(run, gallery, models, tmp_path, rng):
    path_a, path_b, *_ = gallery
    assert_fails(run("retrieve", path_a, path_b, "--k", 9), "--k must be at most 8, got 9")
    assert_fails(run("retrieve", path_a, path_b, "--k", 0), "--k", 2)
    assert_fails(run("retrieve", path_a, path_b, "--similarity", "cka"), "'cka' is not one of", 2)
    assert_fails(run("retrieve", *models[:2], "--k", 1), "choose one with --layer: one, two")
    assert_fails(run("retrieve", path_a, path_b, "--layer", "x", "--k", 1), "has no layer 'x'")
    assert_fails(run("retrieve", path_a, path_b, "--ids", "x", "--k", 1), "has no identifiers 'x'")
    maps = save(tmp_path / "maps.npy", rng.standard_normal((3, 2, 2, 5)))
    refused = run("retrieve", maps, maps, "--k", 1)
    assert_fails(
        refused, "Error: QUERIES must be 3-D, got 4-D of shape (3, 2, 2, 5): pass --layout"
    )
    pooled = run("retrieve", maps, maps, "--k", 1, "--similarity", "pooled")
    assert pooled.stderr == refused.stderr  # not the mean over one axis of the maps
    narrow = save(tmp_path / "narrow.npy", rng.standard_normal((3, 4, 5)))
    assert_fails(run("retrieve", path_a, narrow, "--k", 1), "Error: GALLERY must have")
    for similarity in ("semantic", "pooled"):
        options = ["--k", 1, "--similarity", similarity, "--layout", "nchw"]
        assert_fails(
            run("retrieve", maps, narrow, *options),
            "Error: GALLERY must be 4-D with --layout nchw, got shape (3, 4, 5)",
        )

    for option in (("--dry-run",), ("--memory-limit", "1GB"), ("--scheduler", "tcp://x:1")):
        refused = run("retrieve", path_a, path_b, "--similarity", "spatial", *option)
        assert_fails(refused, f"{option[0]} goes with --similarity semantic only", 2)
    both = run("retrieve", path_a, path_b, "--scheduler", "tcp://x:1", "--num-threads", 2)
    assert_fails(both, "--num-threads does not go with --scheduler", 2)
    too_little = run("retrieve", path_a, path_b, "--k", 2, "--memory-limit", "1kB")
    assert_fails(too_little, "--memory-limit must be at least")


def test_retrieve_tile_by_tile(run, gallery, tmp_path):
    path_a, path_b, *_ = gallery
    index, found = tmp_path / "gallery.index", tmp_path / "found.json"
    run("index", "build", path_b, "-o", index)
    for target in (path_b, index):
        files = (path_a, target, "--k", 2)
        dry = run("retrieve", *files, "--dry-run").stdout
        assert dry.startswith("retrieve in tiles of 3 x 8: 1 tile, 24 pairs; reads ")
        expected = read_json(run("retrieve", *files, "--json", "-"))
        limited = read_json(run("retrieve", *files, "--memory-limit", "100MB", "--json", "-"))
        assert limited == expected
    for _ in range(2):
        run("retrieve", *files, "--memory-limit", "100MB", "--json", found, "--resume")
        assert json.loads(found.read_text())["queries"] == expected["queries"]
    itself = (path_b, path_b, "--k", 2, "--json", "-")
    assert read_json(run("retrieve", *itself, "--memory-limit", "1GB")) == read_json(
        run("retrieve", *itself)
    )


# bench


def test_bench(run, monkeypatch):
    monkeypatch.setattr("isogram.cli.bench._SECONDS", 0)
    monkeypatch.setattr("isogram.cli.bench._FEWEST", 1)
    monkeypatch.setattr("isogram.cli.bench._load", lambda: 0.0)
    result = run("bench", "--num-threads", "1", "--json", "-")
    found = read_json(result)
    assert result.stderr == ""
    assert found["machine"]["threads"] == 1
    assert found["machine"]["processor"]
    operations = [case["operation"] for case in found["cases"]]
    assert operations == ["gram", "cka", "graph", "match", "spatial_rsm", "semantic_rsm"]
    assert all(0 < case["least"] <= case["median"] for case in found["cases"])
    monkeypatch.setattr("isogram.cli.bench._load", lambda: 1e6)
    monkeypatch.setattr(
        "isogram.cli.bench._cases",
        lambda _: [bench._Case("nothing", "0", lambda: None)],
    )
    result = run("bench")
    assert result.stderr.startswith("Warning: other programs keep 1000000.0 of ")
    assert result.stdout.splitlines()[-1].split()[:2] == ["nothing", "0"]


# Processes: what is behind stdout and stderr, and Ctrl-C

RUN = "import os, sys; from isogram.cli import main; os.chdir(sys.argv.pop(1)); {}main()"
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def process(folder, *arguments, before="", **options):
    """Start the command as a process of its own in a folder, with pipes unless redirected."""
    command = [sys.executable, "-c", RUN.format(before), folder, *arguments]
    defaults = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    return subprocess.Popen(command, **(defaults | {"env": BUFFERED} | options))


COMMANDS = {
    "info": ["info"],
    "help": ["--help"],
    "help of a command": ["rsm", "--help"],
    "version": ["--version"],
    "compare": ["compare", "a.npz", "b.npz"],
    "check": ["check", "a.npz", "a.npz", "--min", "0"],
    "layers": ["layers", "a.npz", "--json", "-"],
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("name", COMMANDS)
def test_stdout_is_full(models, tmp_path, name):
    with open("/dev/full", "w") as full:
        run = process(tmp_path, *COMMANDS[name], stdout=full)
        lines = [line for line in run.communicate()[1].splitlines() if "ignored" not in line]
    assert (run.returncode, lines) == (1, ["Error: No space left on device"])


@pytest.mark.parametrize("name", COMMANDS)
def test_nobody_reads_stdout(models, tmp_path, name):
    reader, writer = os.pipe()
    os.close(reader)
    run = process(tmp_path, *COMMANDS[name], stdout=writer)
    os.close(writer)
    lines = [line for line in run.communicate()[1].splitlines() if "ignored" not in line]
    assert (run.returncode, lines) == (1, [])


@pytest.mark.parametrize("columns", [40, 60])
def test_tables_are_as_wide_as_the_terminal(tmp_path, rng, columns):
    layers = {f"features.{i}.block.conv": rng.standard_normal((9, 3)) for i in range(9)}
    np.savez(tmp_path / "a.npz", **layers)
    for command in (
        ["compare", "a.npz", "a.npz"],
        ["check", "a.npz", "a.npz", "--min", "0"],
        ["measures"],
        ["info"],
        ["demo", "-o", "demo.png"],
    ):
        terminal, line = os.openpty()
        env = BUFFERED | {"COLUMNS": str(columns)}
        with process(tmp_path, *command, stdout=line, env=env) as run:
            os.close(line)
            shown = b"".join(iter(partial(read_terminal, terminal), b"")).decode()
        os.close(terminal)
        assert run.returncode == 0
        wide = [line for line in shown.splitlines() if len(line) > columns]
        assert not [line for line in wide if "  " in line], shown  # sentences may be longer
        assert shown


def read_terminal(terminal):
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other side is closed
        return b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_notices_that_cannot_be_written_cost_no_result(models, tmp_path):
    with open("/dev/full", "w") as full:
        run = process(tmp_path, *COMMANDS["compare"], stderr=full)
        table = run.communicate()[0]
    assert run.returncode == 0
    assert read_table(table)[1] == ["one", "two"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_is_closed(models, tmp_path, stream):
    run = process(tmp_path, *COMMANDS["compare"], before=f"sys.{stream} = None; ")
    assert "Traceback" not in "".join(run.communicate())
    assert run.returncode == 0


def test_stdout_that_cannot_encode_a_name(tmp_path, rng):
    np.savez(tmp_path / "a.npz", **{"层": rng.standard_normal((9, 3))})
    env = BUFFERED | {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    run = process(tmp_path, "compare", "a.npz", "a.npz", env=env)
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    assert out.split() == [r"\u5c42", r"\u5c42", "1.000"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["rsm", "tokens.npy", "-o", "out"],
        ["compare", "a.npz", "b.npz", "--csv", "out"],
        ["compare", "a.npz", "b.npz", "--plot", "out"],
    ],
)
def test_no_room_for_the_file(models, tmp_path, rng, arguments):
    save(tmp_path / "tokens.npy", rng.standard_normal((9, 4, 3)))
    before = sorted(tmp_path.iterdir())
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); "
    run = process(tmp_path, *arguments, before=limit)
    error = run.communicate()[1].splitlines()[-1]
    assert run.returncode == 1
    assert re.match("Error: out: (File too large|cannot be written whole: )", error)
    assert sorted(tmp_path.iterdir()) == before


def test_ctrl_c(tmp_path, rng):
    save(tmp_path / "tokens.npy", rng.standard_normal((1000, 96, 4)))
    options = ["--num-threads", "1", "--progress"]
    run = process(tmp_path, "rsm", "tokens.npy", "-o", "out.npy", *options)
    run.stderr.read(1)  # the bar: the work goes on
    run.send_signal(signal.SIGINT)
    _, error = run.communicate(timeout=60)
    assert run.returncode == 130
    assert error.endswith("\nAborted!\n")
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["tokens.npy"]


# info, demo and the installed command


def test_flags_for_compilers(run, monkeypatch):
    monkeypatch.setattr(ig, "get_include", lambda: "/a b/include")
    assert run("--includes").stdout == "'-I/a b/include'\n"
    monkeypatch.setattr(ig, "get_cmake_dir", lambda: "/a b/cmake")
    assert run("--cmakedir").stdout == "/a b/cmake\n"


def test_info_json(run):
    found = read_json(run("info", "--json", "-"))
    assert found["version"] == ig.__version__
    assert found["available levels"] == list(ig.simd.available())


def test_measures_json(run):
    found = read_json(run("measures", "--json", "-", "--kind", "distance"))["measures"]
    assert [measure["name"] for measure in found] == list(ig.measures("distance"))
    first = ig.measures("distance")[found[0]["name"]]
    assert found[0]["range"] == list(first.range)
    assert (found[0]["fewest"], found[0]["cost"]) == (first.fewest, first.cost)


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
    found = read_json(run("demo", "--output", tmp_path, "--json", "-"))
    assert found["picture"] == str(tmp_path / "isogram-demo.png")
    assert len(found["cka"]) == len(found["layers"]) == 6
    assert_fails(run("demo", "-o", tmp_path / "demo.txt"), "end in .png")
    both = run("demo", "-o", tmp_path / "x.png", "--json", tmp_path / "x.png")
    assert_fails(both, "--output and --json name the same file", 2)


def test_help_and_version(run):
    for name in ("demo", "info", "rsm", "compare"):
        assert run(name, "--help").exit_code == 0
        assert name in run("-h").stdout
    assert ig.__version__ in run("--version").stdout


def each_command(found):
    """The commands, and those of groups in their place."""
    for command in found:
        if isinstance(command, click.Group):
            yield from each_command(command.commands.values())
        else:
            yield command


def test_every_command_is_documented():
    names = commands.list_commands(None)
    assert {"check", "compare", "demo", "info", "measures", "report", "rsm"} <= set(names)
    for command in each_command(commands.get_command(None, name) for name in names):
        assert command.help
        options = {option for parameter in command.params for option in parameter.opts}
        assert "--json" in options
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


@needs_the_installed_package
def test_flags_of_the_installed_package(tmp_path):
    """A program that uses the library, built as a makefile and as a project of CMake would."""
    command = Path(sys.executable).with_name("isogram")
    if not all(map(shutil.which, ("c++", "cmake"))):
        pytest.skip("no compiler, or no CMake")
    program = Path(__file__).parents[1] / "cmake_consume" / "main.cpp"

    def shell(line):
        subprocess.run(line, shell=True, cwd=tmp_path, check=True, capture_output=True, text=True)

    shell(f"c++ -std=c++20 -fsyntax-only $({command} --includes) {program}")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(app CXX)\nfind_package(isogram REQUIRED)\n"
        f"add_executable(app {program})\ntarget_link_libraries(app PRIVATE isogram::core)\n"
    )
    shell(f"cmake -B build -Disogram_DIR=$({command} --cmakedir) && cmake --build build")
    shell("build/app")


def test_python_m_isogram():
    run = [sys.executable, "-m", "isogram", "--version"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"isogram, version {ig.__version__}\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("isogram che", ["check"]),
        ("isogram compare --measure cka_r", ["cka_rbf"]),
        ("isogram rsm --match", ["--matching"]),
        ("isogram rsm --matching w", ["window"]),
    ],
)
def test_completion(words, expected):
    run = [sys.executable, "-m", "isogram"]
    env = BUFFERED | {"_ISOGRAM_COMPLETE": "bash_complete", "COMP_WORDS": words}
    env["COMP_CWORD"] = str(len(words.split()) - 1)
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False, env=env)
    assert done.stdout.split() == [f"plain,{word}" for word in expected]
    assert done.stderr == ""


def test_without_click():
    code = "import sys; sys.modules['click'] = None; from isogram.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "isogram: the command needs click: pip install 'isogram[cli]'\n"


# Jobs that go on ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["npy", "zarr"])
def test_rsm_resume(run, tokens, tmp_path, monkeypatch, ending):
    if ending == "zarr":
        pytest.importorskip("zarr")
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "tokens.npy", tokens)
    command = ["rsm", "tokens.npy", "--layout", "nhwc", "-o", f"rsm.{ending}", "--resume"]
    for _ in range(2):
        assert run(*command).exit_code == 0
    rsm = ig.io.open(f"rsm.{ending}")["rsm"] if ending == "zarr" else np.load("rsm.npy")
    np.testing.assert_array_equal(np.asarray(rsm), ig.semantic_rsm(tokens, layout="nhwc"))
    assert Path(f"rsm.{ending}.job").is_dir()
    assert_fails(
        run(*command, "--kernel", "linear"), "option --kernel was 'cosine', and is 'linear'"
    )
    save(tmp_path / "tokens.npy", tokens + 1)
    assert_fails(run(*command), f"rsm.{ending}.job must go on as it began, but TOKENS changed")


def test_rsm_resume_needs_an_ending(run, tokens, tmp_path):
    source = save(tmp_path / "tokens.npy", tokens)
    message = "--resume needs an --output that ends in .npy or .zarr"
    assert_fails(run("rsm", source, "-o", tmp_path / "rsm", "--resume"), message, status=2)


@pytest.mark.parametrize(
    "options",
    [[], ["--measure", "cka_rbf"], ["--measure", "gbs"], ["--measure", "gbs_knn", "--k", "3"]],
)
def test_compare_resume(run, models, tmp_path, options):
    a, b, _, _ = models
    for files in ((a, b), (a, a)):
        target = tmp_path / f"{files[1].stem}.json"
        expected = read_json(run("compare", *files, *options, "--json", "-"))["values"]
        for _ in range(2):
            result = run("compare", *files, *options, "--save", target, "--json", "-", "--resume")
            assert read_json(result)["values"] == expected
        assert Path(f"{target}.job").is_dir()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--measure", "procrustes", "--save", "a.json"], "--resume goes with CKA and GBS"),
        (["--kernel", "precomputed", "--save", "a.json"], "--resume goes with CKA and GBS"),
        ([], "--resume goes with --save"),
        (
            ["--save", "a.json", "--reduce", "positions"],
            "--resume does not go with --reduce positions",
        ),
    ],
)
def test_compare_resume_is_refused(run, models, options, message):
    assert_fails(run("compare", *models[:2], "--resume", *options), message, status=2)


def test_ctrl_c_says_that_a_job_goes_on(run, tokens, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(ig.Plan, "run", interrupted)
    source = save(tmp_path / "tokens.npy", tokens)
    result = run("rsm", source, "--layout", "nhwc", "-o", tmp_path / "rsm.npy", "--resume")
    assert result.exit_code == 130
    assert f"What is finished is kept in {tmp_path}/rsm.npy.job: the same command goes on" in (
        result.stderr
    )


def test_a_dry_run_says_what_it_takes(run, models, tmp_path, rng):
    """And does nothing else; files are not read."""
    np.save(tmp_path / "t.npy", rng.random((20, 5, 4), np.float32))
    answer = run("rsm", tmp_path / "t.npy", "-o", tmp_path / "r.npy", "--dry-run")
    assert answer.stdout.startswith(
        "semantic_rsm in tiles of 20 x 20: 1 tile, 190 pairs; reads 1.6 "
    )
    assert not list(tmp_path.glob("r*"))
    assert run("rsm", tmp_path / "t.npy", "--dry-run").stdout == answer.stdout
    assert_fails(run("rsm", tmp_path / "t.npy"), "Missing option '-o' / '--output'", 2)
    a, b, *_ = models
    answer = run("compare", a, b, "--dry-run")
    assert answer.stdout.startswith("cka_matrix in tiles of ")


def test_a_memory_limit_changes_no_bit(run, models, tmp_path, rng):
    np.save(tmp_path / "t.npy", rng.random((20, 5, 4), np.float32))
    limited, whole = tmp_path / "limited.npy", tmp_path / "whole.npy"
    for path, options in ((limited, ["--memory-limit", "1.5MB"]), (whole, [])):
        assert run("rsm", tmp_path / "t.npy", "-o", path, *options).exit_code == 0
    assert np.array_equal(np.load(limited), np.load(whole))
    a, b, *_ = models
    for measure in ("cka", "gbs"):
        found = [
            read_json(run("compare", a, b, "--measure", measure, "--json", "-", *options))
            for options in ([], ["--memory-limit", "1GiB"])
        ]
        assert found[0]["values"] == found[1]["values"]


@pytest.mark.parametrize("limit", ["2000000", "2000K", "2M", "2MB", "2mb", "1.9 MiB", "1.9Mi"])
def test_sizes(run, tmp_path, rng, limit):
    np.save(tmp_path / "t.npy", rng.random((20, 5, 4), np.float32))
    answer = run("rsm", tmp_path / "t.npy", "--dry-run", "--memory-limit", limit)
    assert answer.exit_code == 0, answer.output


def test_an_output_that_is_not_replaced(run, tmp_path, rng):
    pytest.importorskip("zarr")
    np.save(tmp_path / "t.npy", rng.random((20, 5, 4), np.float32))
    (tmp_path / "r.zarr").mkdir()
    answer = run("rsm", tmp_path / "t.npy", "-o", tmp_path / "r.zarr")
    assert_fails(answer, f"--output must be a new path, but {tmp_path}/r.zarr is there already")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--memory-limit", "9kB"], "--memory-limit must be at least "),
        (["--memory-limit", "much"], "'much' is no size, such as 500MB or 2GiB"),
        (["--memory-limit", "0"], "'0' is no size"),
    ],
)
def test_memory_limits_that_cannot_be(run, tmp_path, rng, options, message):
    np.save(tmp_path / "t.npy", rng.random((20, 5, 4), np.float32))
    refused = run("rsm", tmp_path / "t.npy", "-o", tmp_path / "r.npy", *options)
    assert refused.exit_code in (1, 2)
    assert message in refused.stderr


def test_what_cannot_be_planned(run, models, tmp_path):
    a, b, *_ = models
    refused = run("compare", a, b, "--measure", "procrustes", "--dry-run")
    assert_fails(refused, "--dry-run goes with CKA and GBS of features only", 2)
    refused = run("compare", a, b, "--calibrate", "--memory-limit", "1GB")
    assert_fails(refused, "--memory-limit does not go with --permutations, --calibrate", 2)
    refused = run("rsm", a, "-o", tmp_path / "r", "--memory-limit", "1GB")
    assert_fails(refused, "--memory-limit needs an --output that ends in .npy or .zarr", 2)
