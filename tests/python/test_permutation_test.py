"""Tests by permutations: null values and p-values against oracles, and how often they are wrong."""

import itertools
import math
import re

import isogram as ig
import numpy as np
import pytest
from isogram._inference.permutation import benjamini_hochberg
from isogram._inference.permutation_moments import standardised, upper_tail
from isogram._inference.permutations import exchangeable
from isogram._statistics.layer_pairs import LayerPairs
from isogram._statistics.permuted import cubic_sums
from isogram._types import Layers
from scipy import stats
from support import DTYPES, oracle, quietly, related

NAMES = list(ig.measures())
permutation_test = ig.permutation_test


def drawn(n, count, seed=0, groups=None, exchange="samples"):
    return exchangeable("test", groups, exchange, n).draw(count, seed)


# Values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_null_values_are_those_of_permuted_samples(name, dtype):
    x, y = (a.astype(DTYPES[dtype]) for a in related())
    test = permutation_test(x, y, measure=name, n_permutations=6, seed=3)
    assert test.value == ig.similarity(x, y, measure=name)
    expected = [oracle.measure(name, x, y[order]) for order in drawn(30, 6, 3)]
    near = 2e-7 if dtype == "float64" else 2e-5
    np.testing.assert_allclose(test.null, expected, rtol=0, atol=near)
    assert (test.measure, test.kind, test.n) == (name, ig.measures()[name].kind, 30)
    assert (test.n_permutations, test.seed, test.method) == (6, 3, "permutation of samples")
    assert test.layers is None


# Features with nothing in common have no value of the one that is left out.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "cka_feature_debiased"])
def test_layers_have_the_same_permutations(name):
    x, y = related()
    layers, other = {"a": x, "b": 2 * y}, [y, np.hstack([x, y]), x[:, :3] ** 3]
    test = permutation_test(layers, other, measure=name, n_permutations=9)
    matrix = ig.similarity_matrix(layers, other, measure=name)
    assert np.array_equal(test.value, matrix)
    assert test.layers == (["a", "b"], [0, 1, 2])
    for (i, one), (j, two) in itertools.product(enumerate(layers.values()), enumerate(other)):
        alone = permutation_test(one, two, measure=name, n_permutations=9)
        np.testing.assert_allclose(test.null[:, i, j], alone.null, rtol=0, atol=1e-9)
        assert test.p[i, j] == alone.p


@pytest.mark.parametrize("name", ["cka", "procrustes", "gbs"])
def test_one_set_of_layers(name):
    """Each pair once, none of a layer with itself."""
    x, y = related()
    layers = [x, y, x[:, :3] ** 2]
    test = permutation_test(layers, measure=name, n_permutations=19)
    assert np.array_equal(test.value, ig.similarity_matrix(layers, measure=name))
    for p in (test.p, test.p_familywise, test.p_fdr):
        assert np.isnan(np.diag(p)).all()
        assert np.array_equal(p, p.T, equal_nan=True)
        assert np.isfinite(p[np.triu_indices(3, 1)]).all()
    assert np.array_equal(test.null, test.null.transpose(0, 2, 1))
    two = permutation_test(layers, [x, y, x[:, :3] ** 2 + 0], measure=name, n_permutations=19)
    upper = np.triu_indices(3, 1)
    assert np.array_equal(test.p[upper], two.p[upper])
    again = permutation_test(layers, layers, measure=name, n_permutations=19)
    assert np.array_equal(again.p, two.p)


@pytest.mark.parametrize("n", [4, 5])
def test_all_permutations_of_few_samples(n):
    """Null values are of all permutations, each as often, and p nears that of all of them."""
    x, y = related(n, 3, 2)
    orders = [np.array(order) for order in itertools.permutations(range(n))]
    every = np.array([oracle.measure("cka", x, y[order]) for order in orders])
    count = 24 * len(orders)
    test = quietly(permutation_test, x, y, n_permutations=count, seed=1)
    nearest = np.abs(test.null[:, None] - every).argmin(axis=1)
    np.testing.assert_allclose(test.null, every[nearest], atol=1e-6)
    _, times = np.unique(every[nearest].round(9), return_counts=True)
    assert len(times) == len(np.unique(every.round(9)))
    exact = (every >= every[0] - 1e-9).mean()
    assert abs(test.p - exact) < 4 * math.sqrt(exact * (1 - exact) / count) + 2 / count


def test_equal_values_count_as_at_least_as_much_alike():
    """Two samples of each kind: rounding must not tell permutations apart that change nothing."""
    x = np.repeat(np.random.default_rng(0).standard_normal((3, 4)), 2, axis=0)
    test = quietly(permutation_test, x, 3 * x, n_permutations=3000)
    # Those that keep the pairs of equal samples together leave the geometry of three points.
    every = [oracle.measure("cka", x, x[np.array(o)]) for o in itertools.permutations(range(6))]
    exact = np.mean(np.array(every) > 1 - 1e-9)
    assert abs(test.p - exact) < 4 * math.sqrt(exact / 3000)


@pytest.mark.parametrize("name", ["cka", "cka_biased", "distance_correlation_debiased"])
def test_equal_values_near_zero_are_equal(name):
    """Of two kinds of samples few values are possible, and small ones are sums that cancel."""
    rng = np.random.default_rng(1)
    for seed in range(20):
        x, y = np.sign(rng.standard_normal((2, 16, 1)))
        test = quietly(permutation_test, x, y, measure=name, n_permutations=99, seed=seed)
        value = oracle.measure(name, x, y)
        null = np.array([oracle.measure(name, x, y[order]) for order in drawn(16, 99, seed)])
        assert test.p == (1 + np.sum(null >= value - 1e-9)) / 100


def test_equal_values_of_a_root_near_zero_are_equal():
    """Balanced factors have a value of 0, the least there is: a root shows its rounding."""
    x, y = np.repeat([0.3, 1.3], 8)[:, None], np.tile([-1.7, 0.3], 8)[:, None]
    options = {"measure": "distance_correlation", "n_permutations": 199, "seed": 1}
    test = quietly(permutation_test, [x], [y, x], **options)
    assert test.p.tolist() == [[1, 1 / 200]]
    assert test.p_familywise.tolist() == [[1, 1 / 200]]
    assert quietly(ig.calibrate, x, y, **options).p == 1
    assert quietly(ig.calibrate, [x], [y], aggregate="mean", **options).p == 1


@pytest.mark.parametrize(
    ("angle", "cosine"),
    [
        ("angular_cka", "cka_biased"),
        ("procrustes", "bures"),
        ("permutation_angle", "permutation_cosine"),
        ("permutation_procrustes", "permutation_cosine"),
    ],
)
def test_an_angle_has_the_p_of_its_cosine(angle, cosine):
    x, y = np.repeat([0.3, 1.3], 4)[:, None], np.tile([-1.7, 0.3], 4)[:, None]
    layers = [x, np.hstack([x, y * x])], [y, np.hstack([x, x**2]) / 3, np.hstack([y * x, x]) / 3]
    first, second = (
        quietly(permutation_test, *layers, measure=name, n_permutations=199)
        for name in (angle, cosine)
    )
    assert np.array_equal(first.p, second.p)
    assert np.array_equal(first.p_familywise, second.p_familywise)


def test_corrections():
    rng = np.random.default_rng(0)
    x, y = related(40)
    other = [y, rng.standard_normal((40, 3)), x + rng.standard_normal((40, 8))]
    test = permutation_test([x, rng.standard_normal((40, 2))], other, n_permutations=99)
    for i, j in np.ndindex(2, 3):
        single = (1 + np.sum(test.null[:, i, j] >= test.value[i, j])) / 100
        most = (1 + np.sum(test.null.max(axis=(1, 2)) >= test.value[i, j])) / 100
        assert test.p[i, j] == pytest.approx(single)
        assert test.p_familywise[i, j] == pytest.approx(most)
    expected = stats.false_discovery_control(test.p.ravel()).reshape(2, 3)
    np.testing.assert_allclose(test.p_fdr, expected)
    p = rng.uniform(size=50)
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))


def test_distances_are_significant_where_they_are_small():
    x, y = related(noise=0.1)
    test = permutation_test(x, y, measure="procrustes", n_permutations=99)
    assert test.p == 0.01
    assert test.value < test.null.min()


def test_offsets_cost_no_digits():
    x, y = related()
    near = permutation_test(x, y, n_permutations=20)
    far = permutation_test(x + 2.0**24, y - 2.0**30, n_permutations=20)
    np.testing.assert_allclose(far.null, near.null, rtol=0, atol=1e-6)
    assert far.p == near.p


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scales(scale):
    x, y = related()
    for name in ("cka", "distance_correlation"):
        near = permutation_test(x, y, measure=name, n_permutations=9)
        far = permutation_test(scale * x, y, measure=name, n_permutations=9)
        np.testing.assert_allclose(far.null, near.null, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["cka", "gbs"])
def test_gram_matrices_that_are_given(name):
    x, y = related()
    grams = [oracle.gram(a, kernel="cosine") if name == "gbs" else a @ a.T for a in (x, y)]
    given = permutation_test(*grams, measure=name, n_permutations=9, kernel="precomputed")
    own = permutation_test(x, y, measure=name, n_permutations=9)
    np.testing.assert_allclose(given.null, own.null, rtol=0, atol=1e-6)


# Moments ------------------------------------------------------------------------------------------


def u_centred(x):
    return oracle.center(oracle.gram(x), estimator="debiased")


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_moments_are_those_of_all_permutations(n):
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((n, 3)) ** 3, rng.standard_normal((n, 2))
    a, b = u_centred(x), u_centred(y)
    orders = map(np.array, itertools.permutations(range(n)))
    every = np.array([(a * b[np.ix_(order, order)]).sum() for order in orders])
    pairs = LayerPairs.of("test", Layers(["x"], [x]), Layers(["y"], [y]), 1, None)
    found = standardised(cubic_sums(pairs, kernel="linear"), n)
    assert abs(every.mean()) < 1e-12 * every.std()
    assert found.value[0, 0] == pytest.approx(every[0] / every.std(), abs=1e-5)
    assert found.skewness[0, 0] == pytest.approx((every**3).mean() / every.std() ** 3, abs=1e-5)


def test_tails_of_pearson_type_3():
    z = np.array([-6, -3, -1, -0.1, 0, 0.5, 2, 4, 8])
    for skewness in (-2.5, -0.3, -0.01, 0.0, 1e-9, 0.001, 0.0199, 0.0201, 0.3, 1.5, 2.5):
        found = upper_tail(z, np.full_like(z, skewness))
        expected = stats.pearson3.sf(z, skewness)
        np.testing.assert_allclose(found, expected, rtol=0.01, atol=1e-15)
    assert np.isnan(upper_tail(np.array([np.nan, 1]), np.array([1, np.nan]))).all()


@pytest.mark.parametrize("name", ["cka", "cka_rbf", "distance_correlation_debiased"])
def test_moments_agree_with_permutations(name):
    count = 20_000
    for seed, noise in enumerate((2, 3, 4, 8)):
        for n, d1, d2 in ((40, 8, 5), (100, 2, 1), (14, 200, 30)):
            x, y = related(n, d1, d2, seed, noise=noise)
            drawn = permutation_test(x, y, measure=name, n_permutations=count).p
            found = permutation_test(x, y, measure=name, method="moments")
            assert found.value == ig.similarity(x, y, measure=name)
            error = 4 * math.sqrt(drawn / count) + 0.12 * drawn
            assert found.p == pytest.approx(drawn, abs=error)
            assert found.p == found.p_familywise == found.p_fdr
            assert found.null is found.seed is found.n_permutations is None
            assert found.method == "moments of all permutations of samples"


def test_moments_of_many_pairs():
    rng = np.random.default_rng(0)
    x, y = related(50)
    other = {"a": y, "b": rng.standard_normal((50, 3)), "c": np.ones((50, 2))}
    found = quietly(permutation_test, [x, x[:, :2]], other, method="moments")
    for i, j in np.ndindex(2, 2):
        alone = permutation_test([x, x[:, :2]][i], list(other.values())[j], method="moments")
        assert found.p[i, j] == pytest.approx(alone.p, rel=1e-4)
    assert np.isnan(found.p[:, 2]).all()
    p = found.p[:, :2].ravel()
    expected = [min(1, max(q * (4 - r) for r, q in enumerate(sorted(p)) if q <= own)) for own in p]
    np.testing.assert_allclose(found.p_familywise[:, :2].ravel(), expected)
    np.testing.assert_allclose(found.p_fdr[:, :2].ravel(), stats.false_discovery_control(p))
    one = permutation_test([x, y, x[:, :2]], method="moments")
    assert np.isnan(np.diag(one.p)).all()
    assert np.array_equal(one.p, one.p.T, equal_nan=True)
    assert math.isnan(quietly(permutation_test, x[:3], y[:3], method="moments").p)


def test_false_positives_by_moments():
    rng = np.random.default_rng(3)
    p = [permutation_test(*wide(rng)[:2], method="moments").p for _ in range(600)]
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], 600, 0.05)
    assert low <= np.sum(np.array(p) <= 0.05) <= high


# Which samples change places ----------------------------------------------------------------------


def test_samples_within_groups():
    labels = np.array(["b", "a", "b", "c", "a", "b", "a"])
    orders = drawn(7, 300, 0, labels)
    assert np.array_equal(np.sort(orders, axis=1), np.tile(np.arange(7), (300, 1)))
    assert (labels[orders] == labels).all()
    assert len(np.unique(orders, axis=0)) == 36
    x, y = related(7, 4, 3)
    test = permutation_test(x, y, groups=list(labels), n_permutations=20)
    assert test.method == "permutation of samples within 3 groups"
    expected = [oracle.measure("cka", x, y[o]) for o in drawn(7, 20, 0, labels)]
    np.testing.assert_allclose(test.null, expected, atol=1e-6)


def test_whole_groups():
    labels = [2, 0, 1, 2, 1, 0, 0, 1, 2]
    orders = drawn(9, 200, 0, labels, "groups")
    assert len(np.unique(orders, axis=0)) == 6
    members = [np.flatnonzero(np.equal(labels, g)) for g in range(3)]
    for order in orders:
        moved = [order[group].tolist() for group in members]
        assert sorted(moved) == sorted(group.tolist() for group in members)
    x, y = related(9, 4, 3)
    test = permutation_test(x, y, groups=labels, exchange="groups", n_permutations=6)
    assert test.method == "permutation of 3 groups"


def test_positions_as_samples():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 6, 3, 2, 4))
    images = np.repeat(np.arange(6), 6)
    options = {"groups": images, "exchange": "groups", "n_permutations": 5}
    test = permutation_test(x, y, reduce="positions", **options)
    rows = permutation_test(x.reshape(36, 4), y.reshape(36, 4), **options)
    assert test.value == rows.value
    assert np.array_equal(test.null, rows.null)
    assert (test.n, test.reduce) == (36, "positions")
    message = "^permutation_test: `groups` must be given where positions are samples, "
    with pytest.raises(ValueError, match=message):
        permutation_test(x, y, reduce="positions")
    mean = permutation_test(x, y, reduce="mean", n_permutations=5)
    assert mean.value == ig.similarity(x, y, reduce="mean")


def test_permutations_are_uniform():
    orders = drawn(4, 24_000, 5)
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-6


# How often tests are wrong ------------------------------------------------------------------------


def wide(rng):
    return rng.standard_normal((10, 300)), rng.standard_normal((10, 40)), {}


def heavy_tailed(rng):
    return rng.standard_cauchy((25, 4)), rng.standard_cauchy((25, 3)), {}


def skewed_and_few(rng):
    return rng.exponential(size=(7, 2)) ** 3, rng.exponential(size=(7, 2)) ** 3, {}


def trials_of_sessions(rng):
    """Both sides know the session, and nothing else of each other."""
    sessions = np.repeat(np.arange(5), 6)
    means = 3 * rng.standard_normal((5, 3))
    x, y = (means[sessions] + rng.standard_normal((30, 3)) for _ in range(2))
    return x, y, {"groups": sessions}


def tokens_of_images(rng):
    """Neighbouring tokens of an image are alike, on both sides for themselves."""
    x, y = (rng.standard_normal((12, 8, 3)).cumsum(axis=1).reshape(96, 3) for _ in range(2))
    return x, y, {"groups": np.repeat(np.arange(12), 8), "exchange": "groups"}


INDEPENDENT = [wide, heavy_tailed, skewed_and_few, trials_of_sessions, tokens_of_images]


@pytest.mark.parametrize(
    ("draw", "name"),
    [*((draw, "cka") for draw in INDEPENDENT), (heavy_tailed, "distance_correlation_debiased"),
     (trials_of_sessions, "rsa_pearson"), (heavy_tailed, "gbs")],
)  # fmt: skip
def test_false_positives(draw, name):
    """With 99 permutations p ≤ α has probability α, whatever the distribution."""
    rng, repeats = np.random.default_rng(0), 600
    p = []
    for seed in range(repeats):
        x, y, options = draw(rng)
        p.append(quietly(permutation_test, x, y, measure=name, n_permutations=99, seed=seed,
                         num_threads=1, **options).p)  # fmt: skip
    for level in (0.05, 0.01):
        positive = int(np.sum(np.array(p) <= level + 1e-12))
        low, high = stats.binom.ppf([1e-4, 1 - 1e-4], repeats, level)
        assert low <= positive <= high


def test_false_positives_of_many_pairs():
    rng = np.random.default_rng(1)
    single = familywise = 0
    for seed in range(300):
        x, y = ([rng.standard_normal((15, 4)) for _ in range(5)] for _ in range(2))
        test = permutation_test(x, y, n_permutations=99, seed=seed)
        single += test.p.min() <= 0.05
        familywise += test.p_familywise.min() <= 0.05
    assert familywise <= stats.binom.ppf(1 - 1e-4, 300, 0.05)
    assert single > 100  # without a correction


@pytest.mark.parametrize("draw", [trials_of_sessions, tokens_of_images])
def test_groups_are_needed(draw):
    rng = np.random.default_rng(0)
    found = [permutation_test(*draw(rng)[:2], n_permutations=99).p <= 0.05 for _ in range(40)]
    assert sum(found) > 10


def test_power_on_weak_dependence():
    """CKA is of 0.1 here."""
    found = [permutation_test(*related(80, 8, 5, seed, noise=2), n_permutations=99).p <= 0.05
             for seed in range(60)]  # fmt: skip
    assert sum(found) > 48


# Repeating ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cka", "mutual_knn"])
def test_same_seed(name):
    x, y = related(200)
    first, *others = (permutation_test(x, y, measure=name, n_permutations=30, seed=4,
                                       num_threads=t) for t in (1, 1, 3))  # fmt: skip
    for other in others:
        assert first.p == other.p
        assert np.array_equal(first.null, other.null)
    assert not np.array_equal(first.null, permutation_test(x, y, n_permutations=30, seed=5).null)


@pytest.mark.parametrize("name", ["cka", "mutual_knn"])
def test_progress(name):
    calls = []
    x, y = related()
    permutation_test(x, y, measure=name, n_permutations=9, progress=lambda *c: calls.append(c))
    assert calls[-1][0] == calls[-1][1]
    assert calls == sorted(calls)


# Values that are not defined ----------------------------------------------------------------------


def test_constant_layers():
    x, y = related()
    with pytest.warns(RuntimeWarning, match="^permutation_test: `y` is constant"):
        test = permutation_test(x, np.ones((30, 2)))
    assert math.isnan(test.value)
    assert math.isnan(test.p)
    with pytest.warns(RuntimeWarning, match=r"^permutation_test: `y\[1\]` is constant"):
        test = permutation_test([x], [y, np.ones((30, 2))], n_permutations=19)
    assert test.p[0, 0] == test.p_familywise[0, 0] == test.p_fdr[0, 0] == 0.05
    assert np.isnan([test.p[0, 1], test.p_familywise[0, 1], test.p_fdr[0, 1]]).all()


def test_too_few_samples():
    with pytest.warns(RuntimeWarning, match="^permutation_test: measure 'cka' needs at least 4"):
        assert math.isnan(permutation_test(np.eye(3), np.eye(3), n_permutations=2).p)


def test_fewer_permutations_than_are_drawn():
    x, y = related(5)
    message = "permutation_test: there are 120 different permutations, fewer than the 121 that are "
    with pytest.warns(RuntimeWarning, match=f"^{message}drawn: no p-value can be much less than"):
        permutation_test(x, y, n_permutations=121)
    permutation_test(x, y, n_permutations=120)
    with pytest.warns(RuntimeWarning, match="there are 2 different"):
        permutation_test(x, y, n_permutations=3, groups=[0, 0, 1, 2, 3])


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (ValueError, "`measure` must be one of angular_cka, ", {"measure": "cosine"}),
        (TypeError, "`measure` must be one of angular_cka, ", {"measure": 3}),
        (TypeError, "measure 'cka' does not take `k`", {"k": 3}),
        (ValueError, "`kernel` must be one of 'linear', ", {"kernel": "sigmoid"}),
        (ValueError, "`n_permutations` must be an integer of at least 1, got 0",
         {"n_permutations": 0}),
        (TypeError, "`n_permutations` must be an integer of at least 1, got 9.5",
         {"n_permutations": 9.5}),
        (ValueError, "`seed` must be an integer of at least 0, got -1", {"seed": -1}),
        (TypeError, "`seed` must be an integer of at least 0, got None", {"seed": None}),
        (ValueError, "`num_threads` must be an integer from 1 ", {"num_threads": 0}),
        (TypeError, "`progress` must be True, False or a callable", {"progress": 1}),
        (TypeError, "`progress` must be True, False or a callable",
         {"progress": 1, "method": "moments"}),
        (ValueError, "`exchange` must be one of 'samples', 'groups', got 'blocks'",
         {"exchange": "blocks"}),
        (TypeError, "`exchange` must be one of 'samples', 'groups', got True",
         {"exchange": True}),
        (ValueError, "`groups` must be given to exchange groups, got None",
         {"exchange": "groups"}),
        (ValueError, "`method` must be one of 'permutations', 'moments', got 'gamma'",
         {"method": "gamma"}),
        (ValueError, "`method` must be 'permutations' for measure 'gbs' with these options",
         {"method": "moments", "measure": "gbs"}),
        (ValueError, "`method` must be 'permutations' for measure 'cka' with these options",
         {"method": "moments", "estimator": "biased"}),
        (ValueError, "`groups` must be None with `method` 'moments'",
         {"method": "moments", "groups": [0, 0, 0, 1, 1, 1]}),
        (ValueError, "`reduce` must be one of 'flatten', ", {"reduce": "max"}),
        (ValueError, "`groups` must have one label for each of the 6 samples, got shape (5,)",
         {"groups": [0, 0, 0, 1, 1]}),
        (ValueError, "`groups` must have one label for each of the 6 samples, got shape ()",
         {"groups": "aabbcc"}),
        (TypeError, "`groups` must be integers or strings, got float64",
         {"groups": [0, 0, 0, 1, 1, np.nan]}),
        (TypeError, "`groups` must be integers or strings, got object",
         {"groups": [0, 0, 0, 1, 1, None]}),
        (ValueError, "`groups` must leave samples of one group to exchange, got none",
         {"groups": range(6)}),
        (ValueError, "`groups` must leave groups to exchange, got none",
         {"groups": [1] * 6, "exchange": "groups"}),
        (ValueError, "`groups` must be of equal size to be exchanged, got groups of 2 and of 4 ",
         {"groups": [0, 0, 1, 1, 1, 1], "exchange": "groups"}),
    ],
)  # fmt: skip
def test_refused_options(error, message, options):
    x, y = related(6)
    with pytest.raises(error, match="^permutation_test: " + re.escape(message)):
        permutation_test(x, y, **options)


def test_refused_inputs():
    x, y = related(6)
    for arguments, error, message in (
        ((x,), ValueError, "`y` must be given for one representation `x`, got None"),
        (([x],), ValueError, "`x` must have at least 2 layers where `y` is None, got 1"),
        (([],), ValueError, "`x` must have at least one layer, got none"),
        ((x, y[:5]), ValueError, "`y` must have as many samples as `x` (6), got 5"),
        (([x], [y[:5]]), ValueError, "`y[0]` must have as many samples as `x[0]` (6), got 5"),
        (([x], y), ValueError, "`y` must be a sequence or a mapping of arrays"),
        ((x, [y]), (TypeError, ValueError), "`y` must "),
        ((x, np.where(y == y[2, 1], np.nan, y)), ValueError, "`y` must be finite, got nan at"),
        ((x, y.astype(str)), TypeError, "`y` must "),
        ((7, y), TypeError, "`x` must be an array (NumPy, "),
        ((7,), TypeError, "`x` must be a sequence or a mapping of arrays"),
    ):
        with pytest.raises(error, match="^permutation_test: " + re.escape(message)):
            permutation_test(*arguments)


def test_gram_matrices_that_do_not_fit(monkeypatch):
    monkeypatch.setattr("isogram._host.place.usable_memory", lambda: 3 * 4 * 30**2 - 1)
    x, y = related()
    with pytest.raises(MemoryError, match=r"^permutation_test: 3 results of shape \(30, 30\) and "):
        permutation_test(x, y)
    permutation_test(x, y, measure="gbs", n_permutations=2)


@pytest.mark.parametrize("measure", ["cka", "rsa_pearson", "mutual_knn"])
def test_progress_counts_permutations(measure):
    said = []
    ig.permutation_test(
        *related(20), measure=measure, n_permutations=7, progress=lambda *of: said.append(of)
    )
    assert said[-1] == (7, 7)
    assert said == sorted(said)


def test_layers_may_be_iterators():
    x, y = related(20)
    expected = ig.permutation_test([x, y], [y], n_permutations=5).null
    assert np.array_equal(
        ig.permutation_test(iter([x, y]), iter([y]), n_permutations=5).null, expected
    )


@pytest.mark.parametrize("test", [ig.permutation_test, ig.calibrate, ig.bootstrap, ig.jackknife])
def test_labels_with_an_index_of_other_samples(test):
    pd = pytest.importorskip("pandas")
    x, y = (pd.DataFrame(side, index=list("abcdefghijkl")) for side in related(12))
    labels = pd.Series(["one", "two", "three"] * 4, index=x.index)
    for sides in ((x, y), ([x], [y])):
        test(*sides, groups=labels)
        test(*sides, groups=labels.reset_index(drop=True))
        with pytest.raises(ValueError, match=f"^{test.__name__}: `groups` must have its rows in "):
            test(*sides, groups=labels[::-1])


@pytest.mark.parametrize("function", [ig.permutation_test, ig.bootstrap, ig.similarity])
def test_partial_cka_is_refused_with_what_to_do_instead(function):
    x = np.random.default_rng(0).standard_normal((20, 3))
    expected = (
        rf"^{function.__name__}: measure 'cka' does not take `given`.*`isogram.cka_matrix` with"
    )
    with pytest.raises(TypeError, match=expected):
        function(x, x, given=[x])
