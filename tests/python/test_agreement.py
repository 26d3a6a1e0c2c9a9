"""benchmarks/agreement.py: isogram agrees with other packages, or docs/measures.md says why not."""

import sys
import warnings
from pathlib import Path

import isogram as ig
import numpy as np
import pytest
from isogram._inference.permutations import exchangeable

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks/ is no installed package

from benchmarks import agreement

PAGE = agreement.PAGE.read_text()


@pytest.mark.parametrize("of", agreement.ROWS, ids=lambda of: f"{of.package} {of.name}")
@pytest.mark.parametrize("inputs", agreement.INPUTS)
def test_values_agree_but_for_a_reason(of, inputs):
    pytest.importorskip(of.package)
    x, y = agreement.INPUTS[inputs]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        apart = abs(of.theirs(x, y) - of.ours(x, y))
    if not of.why:
        assert apart < of.within
    elif inputs == "real":
        assert apart > agreement.DIFFER


def test_reasons_are_right(monkeypatch):
    """What is said of their formula, put into ours, is their value."""
    pytest.importorskip("repsim")
    pytest.importorskip("hyppo")
    for make in agreement.INPUTS.values():
        x, y = make()
        ours = agreement.here("pwcca")
        theirs = agreement.repsim("pwcca", x, y)
        assert np.isclose(theirs, (ours(x, y) + ours(y, x)) / 2, rtol=1e-9)
        of = [a - a.mean(axis=0) for a in (x, y)]
        assert np.isclose(
            agreement.repsim("svcca", *of, summary_type="pillai"),
            agreement.repsim("cca", *of, summary_type="pillai"),
        )
        ours = agreement.here("cka_rbf", bandwidth=ig.bandwidth(x))
        assert np.isclose(agreement.hyppo("Hsic", x, y), ours(x, y), rtol=1e-6)


def test_the_page_has_every_row():
    written = PAGE.partition("<!-- agreement -->\n")[2].partition("<!-- end -->")[0].strip()
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in written.split("\n")]
    rows = [[line[0], line[1], line[2], line[-1]] for line in lines[2:]]
    assert rows == [[of.package, of.name, of.name_here, of.why] for of in agreement.ROWS]
    for of, line in zip(agreement.ROWS, lines[2:], strict=True):
        assert bool(of.why) == (line[3] != line[4])


@pytest.mark.parametrize("aggregate", ["max", "mean", None])
def test_calibration_is_that_of_its_authors(aggregate):
    """With the same permutations: calibrated-similarity takes those of its caller."""
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("calibrated_similarity")
    x, y = agreement.drawn()
    sides = ([x, x[:, :3]], [y, y[:, :2]]) if aggregate else (x, y)
    drawn = iter(exchangeable("calibrate", None, "samples", len(x)).draw(99, seed=0))
    found = (theirs.calibrate_layers if aggregate else theirs.calibrate)(
        *(torch.utils._pytree.tree_map(torch.tensor, side) for side in sides),
        lambda a, b: ig.cka(a.numpy(), b.numpy(), estimator="biased"),
        K=99,
        perm_fn=lambda n, device: torch.tensor(next(drawn), device=device).long(),
        **({"agg": aggregate} if aggregate else {}),
    )
    ours = ig.calibrate(*sides, measure="cka_biased", aggregate=aggregate, n_permutations=99)
    expected = [float(value) for value in found]
    assert np.allclose([ours.score, ours.p, ours.threshold], expected, rtol=1e-6)


@pytest.mark.parametrize("inputs", agreement.INPUTS)
def test_partial_cka_of_distances_is_the_partial_distance_correlation(inputs):
    dcor = pytest.importorskip("dcor")
    x, y = agreement.INPUTS[inputs]()
    z = x[:, :4] + y[:, :4]
    grams = [-ig.rdm(a, metric="euclidean") for a in (x, y, z)]
    ours = ig.cka(*grams[:2], kernel="precomputed", given=grams[2:])
    assert ours == pytest.approx(float(dcor.partial_distance_correlation(x, y, z)), rel=1e-9)
    assert abs(ours - ig.cka(*grams[:2], kernel="precomputed")) > 0.01
