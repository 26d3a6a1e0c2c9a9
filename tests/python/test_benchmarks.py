"""The benchmarks compare like with like: their plain baselines compute what isogram computes."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import isogram as ig
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks/ is no installed package

from benchmarks import data, errors, growth, machine, runner, targets
from benchmarks.baselines import center, cka, compare, gram, graph, match, measures, rivals, rsm
from benchmarks.case import Workload
from benchmarks.cases import GROUPS, all_cases
from benchmarks.cases.match import RIVALS
from benchmarks.settings import Settings
from benchmarks.timing import Spread, interleave, ratios

ROWS, COLUMNS = 40, 12
CLOSE = {"rtol": 1e-9, "atol": 1e-12}  # both in float64


@pytest.fixture
def pair():
    return tuple(layer.astype(np.float64) for layer in data.layers(2, ROWS, COLUMNS))


@pytest.fixture
def tokens():
    return data.smooth_fields(5, 16, 8).astype(np.float64)


def test_gram(pair):
    x, _ = pair
    np.testing.assert_allclose(gram.linear(x), ig.gram(x), **CLOSE)
    bandwidth = gram.median_bandwidth(x)
    assert bandwidth == pytest.approx(ig.bandwidth(x), rel=1e-12)
    np.testing.assert_allclose(gram.rbf(x, bandwidth), ig.gram(x, kernel="rbf"), **CLOSE)


@pytest.mark.parametrize("estimator", ["biased", "debiased"])
def test_center(pair, estimator):
    k = gram.linear(pair[0])
    expected = ig.center(k, estimator=estimator)
    np.testing.assert_allclose(getattr(center, estimator)(k), expected, rtol=1e-9, atol=1e-9)


def test_cka(pair):
    assert cka.linear_biased(*pair) == pytest.approx(ig.cka(*pair, estimator="biased"), rel=1e-9)
    grams = [gram.linear(x) for x in pair]
    assert cka.linear_debiased(*pair) == pytest.approx(ig.cka(*pair), rel=1e-9)
    assert cka.gram_debiased(*grams) == pytest.approx(ig.cka(*pair), rel=1e-9)


def test_cka_matrix(pair):
    np.testing.assert_allclose(cka.matrix_debiased(pair), ig.cka_matrix(pair), **CLOSE)
    np.testing.assert_allclose(cka.feature_matrix_debiased(pair), ig.cka_matrix(pair), **CLOSE)


@pytest.mark.parametrize("matches", ["correlation_matches", "correlation_matches_of_standardized"])
def test_correlation_matches(matches):
    layers = [layer.astype(np.float64) for layer in data.layers(3, ROWS, COLUMNS)]
    layers[1][:, 3] = 7  # a feature without a correlation
    expected = ig.similarity_matrix(layers, measure="correlation_match")
    np.testing.assert_allclose(getattr(measures, matches)(layers), expected, **CLOSE)


def test_growth_has_as_many_inputs_as_the_seconds_allow(tokens, monkeypatch):
    row = growth.Row(inputs=1000, seconds=5.0, memory=0.0)
    assert row.pairs == 499_500
    most = growth.most(row, 20.0)
    assert 20.0 - 0.1 < 5.0 * most * (most - 1) / 2 / row.pairs <= 20.0
    monkeypatch.setattr(growth.features, "load", lambda _: tokens)
    monkeypatch.setattr(growth, "load", lambda count: np.repeat(tokens, 10, axis=0)[:count])
    monkeypatch.setattr(growth, "most", lambda *_: 19)
    monkeypatch.setattr(growth, "FIRST", 5)
    assert [row.inputs for row in growth.rows(1.0, threads=1)] == [5, 10, 19]


def test_graph(pair):
    x, y = pair
    np.testing.assert_allclose(graph.cosine_graph(x), ig.graph(x), **CLOSE)
    np.testing.assert_allclose(graph.knn_graph(x, 4), ig.graph(x, k=4).toarray(), **CLOSE)
    assert graph.gbs(x, y) == pytest.approx(ig.gbs(x, y), rel=1e-9)


def test_motifs(pair):
    labels = np.arange(ROWS) % 3
    assert graph.motifs(pair[0], labels, 5) == tuple(ig.motifs(pair[0], labels, k=5))


def test_match(tokens):
    costs = -data.affinities(tokens, 6)
    found = ig.match(costs, maximize=False)
    np.testing.assert_allclose(match.totals(costs, match.exact(costs)), found.total, **CLOSE)


def test_semantic_rsm(tokens):
    np.testing.assert_allclose(rsm.semantic_cosine(tokens), ig.semantic_rsm(tokens), **CLOSE)
    np.testing.assert_allclose(rsm.spatial_cosine(tokens), ig.spatial_rsm(tokens), **CLOSE)


@pytest.mark.parametrize("block", [3, 5])
def test_approximate_matchings(tokens, block):
    a, b = tokens[:2]

    def found(**options):
        return ig.semantic_rsm(tokens[:2], kernel="linear", **options)[0, 1]

    windows = found(matching="window", window=block)
    assert rsm.window_total(a, b, block) == pytest.approx(windows, rel=1e-9)
    largest = found(matching="topk", topk=block)
    assert rsm.topk_total(a, b, block) == pytest.approx(largest, rel=1e-9)
    assert match.greedy(a @ b.T) == pytest.approx(found(matching="greedy"), rel=1e-9)


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall", "cosine"])
def test_compare(pair, method):
    a, b = (ig.gram(x, kernel="cosine") for x in pair)
    expected = ig.compare_rsms(a, b, method=method)
    assert getattr(compare, method)(a, b) == pytest.approx(expected, rel=1e-9)


def test_jsd():
    p = data.probabilities(8, 10).astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(compare.jsd(p), ig.jsd(p), rtol=1e-9, atol=1e-12)


def rival(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a package does when it is imported
        module = rivals.load(name)
    if isinstance(module, rivals.Unavailable):
        pytest.skip(module.reason)
    return module


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_match(tokens, name):
    adapter, matched_by = RIVALS[name]
    costs = -data.affinities(tokens, 6).astype(np.float32)
    totals = match.totals(costs, matched_by(rival(adapter), costs, 1))
    np.testing.assert_allclose(totals, match.totals(costs, match.exact(costs)), rtol=1e-6)


@pytest.mark.parametrize("name", ["repsim", "rsatoolbox"])
def test_rivals_of_biased_cka(pair, name):
    expected = ig.cka(*pair, estimator="biased")
    assert rival(name).linear_biased(*pair) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", rivals.PACKAGES)
def test_a_rival_that_is_not_installed_is_named(monkeypatch, name):
    monkeypatch.setattr(rivals.importlib, "import_module", lambda _: __import__("no_such_package"))
    assert rivals.load(name).reason.startswith(f"{rivals.PACKAGES[name]} is not installed")


def test_errors_are_relative_and_make_the_truth_once_when_asked():
    made = []

    def truth():
        made.append(1)
        return np.array([[4.0, 2.0]])

    check = errors.of_corner(truth)
    assert made == []
    assert check(np.array([[4.0, 3.0, 9.0], [9.0, 9.0, 9.0]])) == 0.25
    assert check(np.array([[4.0, 2.0, 9.0]])) == 0.0
    assert made == [1]
    assert errors.of_scalar(lambda: -2.0)(-1.0) == 0.5


def test_targets_name_cases_that_exist():
    names = {case.name for case in all_cases(Settings())}
    assert {target.case for target in targets.TARGETS} <= names


@pytest.mark.parametrize("quick", [False, True])
def test_case_names_are_different_and_groups_known(quick):
    cases = all_cases(Settings(quick=quick))
    assert len({case.name for case in cases}) == len(cases)
    assert {case.group for case in cases} == set(GROUPS)


def test_interleave_takes_turns_and_lets_slow_ones_drop_out():
    order = []

    def stopwatch(name, seconds):
        def read():
            time.sleep(seconds)
            order.append(name)
            return float(len(order))

        return read

    times = interleave(
        {"fast": stopwatch("fast", 0), "slow": stopwatch("slow", 0.2)},
        rounds=3,
        min_rounds=2,
        budget=0.08,
    )
    assert order == ["fast", "slow", "fast", "fast"]
    assert times == {"fast": [1.0, 3.0, 4.0], "slow": [2.0]}


def test_ratios_pair_rounds():
    assert ratios([2.0, 8.0, 30.0], [1.0, 2.0, 10.0, 99.0]) == Spread(3.0, 2.5, 3.5, 3)


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("cpu family: 26\nmodel : 2\nmodel name : AMD EPYC\n", "AMD EPYC (family 26, model 2)"),
        ("cpu family: 6\nmodel : 85\nmodel name : Intel(R) Xeon(R) 6248\n", "Intel Xeon 6248"),
        ("model name : Neoverse-V\n", "Neoverse-V"),
    ],
)
def test_processors_that_share_a_name_are_told_apart(monkeypatch, lines, name):
    monkeypatch.setattr(machine.Path, "read_text", lambda _: f"processor\t: 0\n{lines}\n")
    assert machine.processor() == name


def test_commit_of_a_folder_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert machine.commit() == "unknown"


def test_commit_says_that_files_differ_but_not_that_results_do(monkeypatch, tmp_path):
    def git(*arguments):
        author = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
        subprocess.run(["git", "-C", str(tmp_path), *author, *arguments], check=True)

    result = tmp_path / "benchmarks" / "results" / "results.md"
    module = tmp_path / "benchmarks" / "machine.py"
    result.parent.mkdir(parents=True)
    for file in (result, module, tmp_path / "README.md"):
        file.write_text("as it was")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "All")
    monkeypatch.setattr(machine, "__file__", str(module))
    described = machine.commit()
    assert re.fullmatch("[0-9a-f]{7,}", described)
    result.write_text("measured")
    assert machine.commit() == described
    (tmp_path / "README.md").write_text("changed")
    assert machine.commit() == described + "+"


@pytest.mark.parametrize(
    ("kind", "error", "is_right"),
    [("isogram", 2e-3, False), ("variant", 2e-3, True), ("variant", 2e-2, False)],
)
def test_variants_may_approximate_within_their_bound(kind, error, is_right):
    contender = runner.Contender("isogram, rank 2", kind, lambda: None)
    contender.error = error
    work = Workload(lambda threads: None, (), {}, lambda _: error)
    assert runner.is_right(contender, work) is is_right
