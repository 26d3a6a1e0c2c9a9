"""Null calibration against its definition, and against the chance that it promises."""

import math
import re

import isogram as ig
import numpy as np
import pytest
from scipy import stats
from support import quietly, related

calibrate = ig.calibrate


def by_definition(value, null, alpha, best=1.0):
    """Gröger, Wen & Brbić: the threshold, the score and p of one similarity."""
    together = sorted([value, *null])
    threshold = together[math.ceil(round((1 - alpha) * len(together), 6)) - 1]
    score = max(0.0, (value - threshold) / (best - threshold))
    return threshold, score, (1 + sum(v >= value for v in null)) / len(together)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("count", [19, 99, 250])
@pytest.mark.parametrize("name", ["cka", "cka_biased", "mutual_knn"])
def test_a_pair(name, count, alpha):
    for noise in (0.5, 3.0):
        x, y = related(noise=noise)
        options = {"measure": name, "n_permutations": count, "seed": 2}
        found, test = calibrate(x, y, alpha=alpha, **options), ig.permutation_test(x, y, **options)
        assert found.value == test.value == ig.similarity(x, y, measure=name)
        assert np.array_equal(found.null, test.null)
        threshold, score, p = by_definition(found.value, found.null, alpha)
        assert found.threshold == pytest.approx(threshold, abs=1e-7)
        assert found.score == pytest.approx(score, abs=1e-6)
        assert found.p == test.p == pytest.approx(p)
        assert (found.alpha, found.best, found.aggregate) == (alpha, 1.0, None)


def test_a_distance():
    x, y = related(noise=0.3)
    found = calibrate(x, y, measure="procrustes", n_permutations=39)
    threshold, score, p = by_definition(-found.value, -found.null, 0.05, best=0.0)
    assert found.best == 0
    assert found.threshold == pytest.approx(-threshold)
    assert found.score == pytest.approx(score)
    assert 0 < found.score < 1
    assert found.p == p == 1 / 40


def test_equal_representations_score_one():
    x, _ = related()
    assert calibrate(x, 2 * x).score == pytest.approx(1)
    assert calibrate(x, 2 * x, measure="procrustes", n_permutations=19).score == pytest.approx(1)


def test_layers():
    x, y = related()
    layers, other = {"a": x, "b": y**2}, [y, x[:, :3], np.ones((30, 2)) * x[:, :1]]
    found = calibrate(layers, other, n_permutations=99)
    for i, j in np.ndindex(2, 3):
        alone = calibrate(list(layers.values())[i], other[j], n_permutations=99)
        assert found.value[i, j] == pytest.approx(alone.value, abs=1e-12)
        assert found.threshold[i, j] == pytest.approx(alone.threshold, abs=1e-9)
        assert found.score[i, j] == pytest.approx(alone.score, abs=1e-9)
        assert found.p[i, j] == alone.p
    assert found.layers == (["a", "b"], [0, 1, 2])


@pytest.mark.parametrize("name", ["cka", "procrustes"])
@pytest.mark.parametrize("aggregate", ["max", "mean"])
def test_aggregates(aggregate, name):
    x, y = related()
    layers, other = [x, y**2], [y, x[:, :3], x[:, :1]]
    options = {"measure": name, "n_permutations": 39}
    found = calibrate(layers, other, aggregate=aggregate, **options)
    each = ig.permutation_test(layers, other, **options)
    sign = 1 if name == "cka" else -1
    reduce = {"max": np.max, "mean": np.mean}[aggregate]
    null = [sign * reduce(sign * table) for table in each.null]
    assert found.value == pytest.approx(sign * reduce(sign * each.value))
    np.testing.assert_allclose(found.null, null)
    threshold, score, p = by_definition(
        sign * found.value, sign * found.null, 0.05, found.best * sign
    )
    assert found.threshold == pytest.approx(sign * threshold, abs=1e-7)
    assert found.score == pytest.approx(score, abs=1e-6)
    assert found.p == pytest.approx(p)
    assert found.layers is None


@pytest.mark.parametrize("aggregate", [None, "max", "mean"])
def test_one_set_of_layers(aggregate):
    x, y = related()
    found = calibrate([x, y, x[:, :2]], aggregate=aggregate, n_permutations=39)
    if aggregate is None:
        assert np.isnan(np.diag(found.score)).all()
        assert np.isnan(np.diag(found.p)).all()
        assert np.array_equal(found.score, found.score.T, equal_nan=True)
        assert np.array_equal(found.value, ig.similarity_matrix([x, y, x[:, :2]]))
    else:
        reduce = {"max": max, "mean": np.mean}[aggregate]
        pairs = [ig.cka(x, y), ig.cka(x, x[:, :2]), ig.cka(y, x[:, :2])]
        assert found.value == pytest.approx(reduce(pairs))


def test_undefined_layers():
    x, y = related()
    layers = [y, np.ones((30, 2))]
    found = quietly(calibrate, [x], layers, n_permutations=39)
    assert np.isnan(found.score[0, 1])
    assert np.isnan(found.threshold[0, 1])
    assert found.score[0, 0] > 0
    for aggregate in ("max", "mean"):
        best = quietly(calibrate, [x], layers, n_permutations=39, aggregate=aggregate)
        assert best.score == pytest.approx(found.score[0, 0])
    with pytest.warns(RuntimeWarning, match=r"^calibrate: `y\[1\]` is constant"):
        calibrate([x], layers, n_permutations=19)
    assert math.isnan(quietly(calibrate, x, np.ones((30, 2)), n_permutations=19).score)


@pytest.mark.parametrize("aggregate", [None, "max", "mean"])
def test_chance_scores_zero(aggregate):
    """Of independent samples a fraction of at most alpha has a score of more than 0."""
    rng, repeats = np.random.default_rng(0), 400
    beyond = 0
    for seed in range(repeats):
        x, y = ([rng.standard_normal((12, 60)) for _ in range(3)] for _ in range(2))
        sides = (x[0], y[0]) if aggregate is None else (x, y)
        beyond += calibrate(*sides, measure="cka_biased", n_permutations=19, seed=seed,
                            aggregate=aggregate).score > 0  # fmt: skip
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], repeats, 0.05)
    assert low <= beyond <= high


def test_refused():
    x, y = related(6)
    unbounded = ig.Measure(
        name="unbounded", summary="", kind="similarity", range=(0.0, math.inf), fewest=2,
        invariances=frozenset(), needs="cka_table", value=lambda xp, s: s.values, source="",
        options={"kernel": "linear", "estimator": "biased"},
    )  # fmt: skip
    for error, message, options in (
        (ValueError, "`alpha` must be a number between 0 and 1, got 0", {"alpha": 0}),
        (ValueError, "`alpha` must be a number between 0 and 1, got 1.0", {"alpha": 1.0}),
        (TypeError, "`alpha` must be a number between 0 and 1, got '5%'", {"alpha": "5%"}),
        (ValueError, "`n_permutations` must be an integer of at least 99, so that a fraction 0.01 "
         "of them is one, got 98", {"alpha": 0.01, "n_permutations": 98}),
        (TypeError, "`n_permutations` must be an integer", {"n_permutations": "many"}),
        (ValueError, "`aggregate` must be one of 'max', 'mean', got 'min'", {"aggregate": "min"}),
        (TypeError, "`aggregate` must be one of 'max', 'mean', got 1", {"aggregate": 1}),
        (ValueError, "`aggregate` must be None for two representations, got 'max'",
         {"aggregate": "max"}),
        (ValueError, "`measure` must be bounded, so that its best value is known, got 'unbounded'",
         {"measure": unbounded}),
        (ValueError, "`groups` must be given to exchange groups", {"exchange": "groups"}),
    ):  # fmt: skip
        with pytest.raises(error, match="^calibrate: " + re.escape(message)):
            calibrate(x, y, **options)
    with pytest.warns(RuntimeWarning, match="^calibrate: there are 720 different permutations"):
        calibrate(x, y)


@pytest.mark.filterwarnings("ignore:calibrate. there are:RuntimeWarning")
@pytest.mark.parametrize("aggregate", [None, "max", "mean"])
@pytest.mark.parametrize("groups", [2, 3, 4])
def test_the_score_is_0_where_p_is_more_than_alpha(groups, aggregate):
    """Of few groups the samples as they are are among the permutations."""
    x, y = related(n=12)
    options = {"groups": np.arange(12) // (12 // groups), "exchange": "groups"}
    layers = ([x, y[:, :3]], [y]) if aggregate else (x, y)
    for seed in range(5):
        result = ig.calibrate(*layers, n_permutations=19, seed=seed, aggregate=aggregate, **options)
        assert (result.score > 0) == (result.p <= 0.05)


@pytest.mark.parametrize("name", ["cycle_knn", "mutual_knn"])
def test_a_threshold_that_is_the_best_value_leaves_a_score_of_0(name):
    result = ig.calibrate(*related(n=6), measure=name, k=5, n_permutations=19)
    assert result.value == result.threshold == result.best
    assert result.score == 0
    assert result.p == 1
