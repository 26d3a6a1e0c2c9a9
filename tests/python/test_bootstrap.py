"""Intervals by resampling: every measure against loops over the inputs of each resample."""

import itertools
import json
import math
from statistics import NormalDist

import isogram as ig
import numpy as np
import pytest
from isogram._inference.draws import clusters_of, drawn
from isogram._inference.intervals import bca
from isogram._inference.resampled import OF_FEATURES, RESAMPLERS
from scipy.stats import rankdata

N, B, K, WIDTH = 9, 6, 3, 2.5
MEASURES = [name for name, m in ig.measures().items() if m.needs in RESAMPLERS]
OPTIONS = {name: {"k": K} for name in MEASURES if ig.measures()[name].fewest == 11}
OPTIONS["cka_rbf"] = {"bandwidth": WIDTH}


def layers(n=N, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4)) + 2 * rng.standard_normal((n, 1)) * [1, -1, 1, 2] + 2
    return x, x[:, :3] * [1, 2, 3] + rng.standard_normal((n, 3))


def draws(n=N, resamples=B, seed=0):
    return drawn(np.arange(n), resamples, seed)


# ---- Oracles: w says how often each input is drawn. ----------------------------------------------


def linear(x):
    return x @ x.T


def cosine_gram(x):
    units = x / np.linalg.norm(x, axis=1)[:, None]
    return units @ units.T


def correlation_gram(x):
    return np.corrcoef(x)


def distances(x):
    return np.linalg.norm(x[:, None] - x, axis=2)


def rbf(x):
    return np.exp(-((distances(x) / WIDTH) ** 2) / 2)


def h(k, i, j, m, o):
    return k[i, j] + k[m, o] - k[i, m] - k[j, o]


def mean_of_h(k, l, w, places, labels):  # noqa: E741
    """The mean of h over different inputs, where `places` says which of the four are the same.

    Inputs with one label are of one copy of their group.
    """
    total = count = 0.0
    for inputs in itertools.permutations(range(len(w)), max(places) + 1):
        four = [inputs[place] for place in places]
        weight = math.prod({labels[i]: w[i] for i in inputs}.values())
        total += weight * h(k, *four) * h(l, *four) / 4
        count += weight
    return total / count


def patterns():
    """All ways in which some of four are the same."""
    for places in itertools.product(range(4), repeat=4):
        seen = -1
        if all(
            place <= (seen := max(seen, place) if place <= seen + 1 else -9) for place in places
        ):
            yield places


def hsic(k, l, w, is_biased, labels=range(N)):  # noqa: E741
    if not is_biased:
        return mean_of_h(k, l, w, (0, 1, 2, 3), labels)
    n = sum(w)
    return sum(
        math.perm(n, max(places) + 1) / n**4 * mean_of_h(k, l, w, places, labels)
        for places in patterns()
    )


def cka(k, l, w, is_biased, labels=range(N)):  # noqa: E741
    own = [hsic(m, m, w, is_biased, labels) for m in (k, l)]
    return hsic(k, l, w, is_biased, labels) / math.sqrt(own[0] * own[1])


def feature_debiased(x, y, w):
    def share(z):
        own = sum(hsic(np.outer(v, v), np.outer(v, v), w, False) for v in z.T)
        d = z.shape[1]
        return (1 - own / hsic(linear(z), linear(z), w, False)) * d / (d - 1)

    return cka(linear(x), linear(y), w, False) / math.sqrt(share(x) * share(y))


def entries(k, w):
    """The entries of an RSM of a resample, but for those of an input with its copy."""
    samples = np.repeat(np.arange(len(w)), w)
    pairs = itertools.combinations(samples, 2)
    return np.array([k[i, j] for i, j in pairs if i != j])


def pearson(a, b):
    return np.corrcoef(a, b)[0, 1]


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def spearman(a, b):
    return pearson(rankdata(a), rankdata(b))


def rsa(gram, compare):
    return lambda x, y, w: compare(entries(gram(x), w), entries(gram(y), w))


def drawn_of(x, w):
    return x[np.repeat(np.arange(len(w)), w)]


def less_mean(x, w):
    return x - drawn_of(x, w).mean(axis=0)


def centred_cosines(x, w):
    """Of samples less the mean, where products with copies are replaced by those with others."""
    x = x - x.mean(axis=0)
    n, gram = sum(w), linear(x)

    def with_mean(i):
        others = [w[j] * gram[i, j] for j in range(len(w)) if j != i]
        return ((n - 1) * sum(others) / (n - w[i]) + gram[i, i]) / n

    pairs = [(w[i] * w[j], gram[i, j]) for i, j in itertools.permutations(range(len(w)), 2)]
    mean = n * (n - 1) * np.average([g for _, g in pairs], weights=[v for v, _ in pairs])
    of_mean = (mean + sum(w * np.diag(gram))) / n**2
    m = np.array([with_mean(i) for i in range(len(w))])
    rest = [np.average(np.delete(x, i, 0), axis=0, weights=np.delete(w, i)) for i in range(len(w))]
    norms = (1 - 1 / n) * np.linalg.norm(x - rest, axis=1)
    return (gram - m[:, None] - m + of_mean) / np.outer(norms, norms)


def gbs(x, y, w, center=False):
    k, l = ((centred_cosines(z, w) if center else cosine_gram(z)) for z in (x, y))  # noqa: E741
    samples = np.repeat(np.arange(len(w)), w)
    rows = []
    for i in samples:
        others = [j for j in samples if j != i]
        rows.append(cosine(k[i, others], l[i, others]))
    return np.mean(rows)


def neighbours(x, w):
    """The K nearest of each sample of a resample, as its samples' numbers."""
    samples, k = np.repeat(np.arange(len(w)), w), cosine_gram(x)
    found = []
    for i in samples:
        others = [p for p, j in enumerate(samples) if j != i]
        found.append(sorted(others, key=lambda p: (-k[i, samples[p]], p))[:K])
    return found


def mutual_knn(x, y, w):
    both = zip(neighbours(x, w), neighbours(y, w), strict=True)
    return np.mean([len(set(a) & set(b)) / K for a, b in both])


def jaccard_knn(x, y, w):
    both = zip(neighbours(x, w), neighbours(y, w), strict=True)
    return np.mean([len(set(a) & set(b)) / len(set(a) | set(b)) for a, b in both])


def cycle_knn(x, y, w):
    a, b = neighbours(x, w), neighbours(y, w)
    return np.mean([any(i in a[j] for j in b[i]) for i in range(len(a))])


def second_order_cosine(x, y, w):
    samples = np.repeat(np.arange(len(w)), w)
    k, l = (cosine_gram(z)[np.ix_(samples, samples)] for z in (x, y))  # noqa: E741
    both = zip(neighbours(x, w), neighbours(y, w), strict=True)
    near = [sorted(set(a) | set(b)) for a, b in both]
    return np.mean([cosine(k[p, some], l[p, some]) for p, some in enumerate(near)])


def knn_graph(x, w):
    samples = np.repeat(np.arange(len(w)), w)
    k = cosine_gram(x)[np.ix_(samples, samples)]
    graph = np.zeros_like(k)
    for p, some in enumerate(neighbours(x, w)):
        graph[p, some] = k[p, some]
    return (graph + graph.T) / 2


def cknna(x, y, w):
    samples = np.repeat(np.arange(len(w)), w)
    n = len(samples)
    of_x, of_y = ((cosine_gram(z)[np.ix_(samples, samples)], neighbours(z, w)) for z in (x, y))

    def hsic_of(a, b):
        is_edge = np.zeros((n, n))
        for p in range(n):
            is_edge[p, sorted(set(a[1][p]) & set(b[1][p]))] = 1
        k, l = a[0] * is_edge, b[0] * is_edge  # noqa: E741
        one = np.ones(n)
        totals = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
        return np.trace(k @ l) + totals - 2 * (one @ k @ l @ one) / (n - 2)

    return hsic_of(of_x, of_y) / math.sqrt(hsic_of(of_x, of_x) * hsic_of(of_y, of_y))


def gbs_knn(x, y, w):
    both = zip(knn_graph(x, w), knn_graph(y, w), strict=True)
    return np.mean([cosine(a, b) for a, b in both])


def procrustes(x, y, w):
    a, b = (drawn_of(less_mean(z, w), w) for z in (x, y))
    nuclear = np.linalg.svd(a.T @ b, compute_uv=False).sum()
    return np.arccos(nuclear / (np.linalg.norm(a) * np.linalg.norm(b)))


ORACLES = {
    "cka": lambda x, y, w: cka(linear(x), linear(y), w, False),
    "cka_biased": lambda x, y, w: cka(linear(x), linear(y), w, True),
    "angular_cka": lambda x, y, w: np.arccos(cka(linear(x), linear(y), w, True)),
    "cka_cosine": lambda x, y, w: cka(cosine_gram(x), cosine_gram(y), w, False),
    "cka_rbf": lambda x, y, w: cka(rbf(x), rbf(y), w, False),
    "distance_correlation": lambda x, y, w: math.sqrt(cka(distances(x), distances(y), w, True)),
    "distance_correlation_debiased": lambda x, y, w: cka(distances(x), distances(y), w, False),
    "rsa_pearson": rsa(correlation_gram, pearson),
    "rsa_spearman": rsa(correlation_gram, spearman),
    "rsa_cosine": rsa(linear, cosine),
    "cka_feature_debiased": feature_debiased,
    "gbs": gbs,
    "gbs_centered": lambda x, y, w: gbs(x, y, w, center=True),
    "gbs_knn": gbs_knn,
    "cknna": cknna,
    "mutual_knn": mutual_knn,
    "jaccard_knn": jaccard_knn,
    "cycle_knn": cycle_knn,
    "second_order_cosine": second_order_cosine,
    "procrustes": procrustes,
}


@pytest.mark.parametrize("name", ORACLES)
def test_resamples_are_those_of_loops_over_different_inputs(name):
    x, y = layers()
    result = ig.bootstrap(
        x, y, measure=name, n_resamples=B, interval="percentile", **OPTIONS.get(name, {})
    )
    expected = [ORACLES[name](x, y, w) for w in draws()]
    np.testing.assert_allclose(result.resamples, expected, rtol=1e-9, atol=1e-12)
    assert any(w.max() > 1 for w in draws())


def test_every_measure_can_be_resampled():
    assert set(MEASURES) == set(ig.measures())


@pytest.mark.parametrize("name", [n for n in MEASURES if ig.measures()[n].needs in OF_FEATURES])
def test_copies_are_samples_to_measures_of_features(name):
    x, y = layers()
    y = np.hstack([y, x[:, :1]])  # as wide as x
    result = ig.bootstrap(x, y, measure=name, n_resamples=B, interval="percentile")
    expected = [ig.similarity(drawn_of(x, w), drawn_of(y, w), measure=name) for w in draws()]
    np.testing.assert_allclose(result.resamples, expected, rtol=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_of_inputs_that_are_drawn_once_it_is_the_measure_itself(name):
    """Those of the jackknife, whose values are computed as of any resample."""
    x, y = layers(14)
    options = OPTIONS.get(name, {})
    result = ig.jackknife(x, y, measure=name, **options)
    expected = [
        ig.similarity(np.delete(x, i, axis=0), np.delete(y, i, axis=0), measure=name, **options)
        for i in range(len(x))
    ]
    np.testing.assert_allclose(result.left_out, expected, rtol=1e-7)
    assert result.value == ig.similarity(x, y, measure=name, **options)


@pytest.mark.parametrize("name", MEASURES)
def test_all_pairs_of_layers_share_their_resamples(name):
    x, y = layers(14)
    options = {"measure": name, "n_resamples": B} | OPTIONS.get(name, {})
    of_one = ig.bootstrap({"x": x, "y": y}, **options)
    of_two = ig.bootstrap([x, y], {"y": y}, **options)
    of_pair = ig.bootstrap(x, y, **options)
    assert of_one.layers == (["x", "y"], ["x", "y"])
    assert of_two.layers == ([0, 1], ["y"])
    assert of_pair.layers is None
    mirrored = [(of_one, 1, 0)] if ig.measures()[options["measure"]].symmetric else []
    for table, i, j in ((of_one, 0, 1), (of_two, 0, 0), *mirrored):
        np.testing.assert_allclose(table.resamples[:, i, j], of_pair.resamples, rtol=1e-12)
        for name_of in ("value", "low", "high", "standard_error"):
            of_table = getattr(table, name_of)[i, j]
            assert of_table == pytest.approx(getattr(of_pair, name_of), rel=1e-9)


def test_percentiles():
    x, y = layers(20)
    result = ig.bootstrap(x, y, n_resamples=99, confidence=0.9, interval="percentile")
    ordered = np.sort(result.resamples)
    assert (result.low, result.high) == pytest.approx((ordered[4], ordered[94]))
    assert result.standard_error == pytest.approx(result.resamples.std(ddof=1))
    assert result.left_out is None


def test_bca_is_efrons_formula():
    rng = np.random.default_rng(0)
    resampled, left_out, value = rng.gamma(2, size=999), rng.gamma(3, size=30), 1.7
    normal = NormalDist()
    z0 = normal.inv_cdf(np.mean(resampled < value))
    u = left_out.mean() - left_out
    a = (u**3).sum() / (6 * (u**2).sum() ** 1.5)
    z = normal.inv_cdf(0.95)
    levels = [normal.cdf(z0 + (z0 + s * z) / (1 - a * (z0 + s * z))) for s in (-1, 1)]
    ordered = np.sort(resampled)
    ends = bca(value, resampled, left_out, 0.9)
    for end, level in zip(ends, levels, strict=True):
        place = level * 1000 - 1
        low = int(place)
        expected = ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])
        assert end == pytest.approx(expected)


def test_the_jackknife_is_tukeys_formula():
    x, y = layers(12)
    result = ig.jackknife(x, y, confidence=0.9)
    theta, n = result.left_out, 12
    error = math.sqrt((n - 1) / n * sum((t - theta.mean()) ** 2 for t in theta))
    assert result.standard_error == pytest.approx(error)
    assert result.bias == pytest.approx((n - 1) * (theta.mean() - result.value))
    assert result.high - result.value == pytest.approx(NormalDist().inv_cdf(0.95) * error)
    assert result.value - result.low == pytest.approx(result.high - result.value)


def test_groups_are_drawn_whole():
    groups = np.array(["b", "a", "b", "c", "a", "a"])
    for w in drawn(clusters_of("bootstrap", groups, 6), 50, 3):
        assert len({w[0], w[2]}) == len({w[1], w[4], w[5]}) == 1
        assert w[0] + w[1] + w[3] == 3
    x, y = layers(12)
    labels = np.arange(12) // 2
    result = ig.jackknife(x, y, groups=labels)
    expected = [ig.cka(x[labels != g], y[labels != g]) for g in range(6)]
    np.testing.assert_allclose(result.left_out, expected, rtol=1e-9)


def partners(w, labels):
    """Of each sample of a resample, which are pairs with it: no input twice, no group twice.

    Yields (input, inputs of all with which it is a pair).
    """
    samples = [(i, copy) for i in range(len(w)) for copy in range(w[i])]
    for i, copy in samples:
        yield i, [j for j, of in samples if j != i and (labels[j] != labels[i] or of == copy)]


def entries_of_groups(k, w, labels):
    """Each pair twice, as (i, j) and (j, i)."""
    pairs = [sorted((i, j)) for i, some in partners(w, labels) for j in some]
    return np.array([k[i, j] for i, j in pairs])


def rsa_of_groups(gram, compare):
    return lambda x, y, w, labels: compare(
        entries_of_groups(gram(x), w, labels), entries_of_groups(gram(y), w, labels)
    )


def difference_of_groups(x, y, w, labels):
    apart = entries_of_groups(distances(x) - distances(y), w, labels)
    return math.sqrt(sum(w) * (sum(w) - 1) * np.mean(apart**2))


def gbs_of_groups(x, y, w, labels):
    k, l = cosine_gram(x), cosine_gram(y)  # noqa: E741
    return np.mean([cosine(k[i, some], l[i, some]) for i, some in partners(w, labels)])


def cka_of_groups(gram, is_biased):
    return lambda x, y, w, labels: cka(gram(x), gram(y), w, is_biased, labels)


def mutual_knn_of_groups(x, y, w, labels):
    """Of samples (input, copy): of equally near ones the input, then the copy, that is first."""
    samples = [(i, copy) for i in range(len(w)) for copy in range(w[i])]

    def near(z, i, copy):
        k = cosine_gram(z)
        some = [
            (-k[i, j], j, of)
            for j, of in samples
            if j != i and (labels[j] != labels[i] or of == copy)
        ]
        return {(j, of) for _, j, of in sorted(some)[:K]}

    return np.mean([len(near(x, *of) & near(y, *of)) / K for of in samples])


def gbs_knn_of_groups(x, y, w, labels):
    samples = [(i, copy) for i in range(len(w)) for copy in range(w[i])]

    def graph(z):
        k, edges = cosine_gram(z), np.zeros((len(samples),) * 2)
        for p, (i, copy) in enumerate(samples):
            some = [
                (-k[i, j], q)
                for q, (j, of) in enumerate(samples)
                if j != i and (labels[j] != labels[i] or of == copy)
            ]
            for value, q in sorted(some)[:K]:
                edges[p, q] = -value
        return (edges + edges.T) / 2

    return np.mean([cosine(a, b) for a, b in zip(graph(x), graph(y), strict=True)])


OF_GROUPS = {
    "mutual_knn": mutual_knn_of_groups,
    "gbs_knn": gbs_knn_of_groups,
    "cka": cka_of_groups(linear, False),
    "cka_biased": cka_of_groups(linear, True),
    "distance_correlation_debiased": cka_of_groups(distances, False),
    "rsa_pearson": rsa_of_groups(correlation_gram, pearson),
    "rsa_spearman": rsa_of_groups(correlation_gram, spearman),
    "rsa_cosine": rsa_of_groups(linear, cosine),
    "rsm_difference": difference_of_groups,
    "gbs": gbs_of_groups,
}


@pytest.mark.parametrize("labels", [[0, 1, 1, 0, 2, 2, 2, 3, 3], [0, 0, 0, 0, 0, 1, 1, 2, 2]])
@pytest.mark.parametrize("name", OF_GROUPS)
def test_inputs_of_two_copies_of_a_group_are_no_pairs(name, labels):
    x, y = layers()
    options = OPTIONS.get(name, {})
    result = ig.bootstrap(x, y, measure=name, groups=labels, n_resamples=B, **options)
    some = drawn(np.array(labels), B, 0)
    assert some.max() > 2
    expected = [OF_GROUPS[name](x, y, w, labels) for w in some]
    np.testing.assert_allclose(result.resamples, expected, rtol=1e-9, atol=1e-12)
    alone = [OF_GROUPS[name](x, y, 1 * (np.array(labels) != g), labels) for g in range(max(labels))]
    np.testing.assert_allclose(result.left_out[: max(labels)], alone, rtol=1e-9, atol=1e-12)


def test_intervals_of_few_large_groups_hold_the_mean_of_all_samples():
    """With pairs of one group in the square of how often it was drawn they held in 82 %."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(18), 4)
    mix, results = rng.standard_normal((2, 3, 5)), []
    for _ in range(200):
        common = rng.standard_normal((18, 3))[groups] + 0.5 * rng.standard_normal((72, 3))
        x, y = (common @ m + rng.standard_normal((18, 5))[groups] for m in mix)
        results.append(ig.bootstrap(x, y, measure="rsa_pearson", groups=groups, n_resamples=200))
    truth = np.mean([result.value for result in results])
    held = np.mean([result.low <= truth <= result.high for result in results])
    assert 0.9 < held < 0.99


@pytest.mark.parametrize("name", ["cka", "procrustes", "mutual_knn"])
def test_features_of_each_layer_are_drawn_by_themselves(name):
    x, y = layers(14)
    result = ig.bootstrap(x, y, measure=name, over="features", n_resamples=B, seed=4)
    rng = np.random.default_rng(4)
    for value in result.resamples:
        a, b = (z[:, rng.integers(z.shape[1], size=z.shape[1])] for z in (x, y))
        assert value == ig.similarity(a, b, measure=name)
    assert result.method == "percentile bootstrap"
    assert result.over == "features"


def test_a_difference_is_of_the_same_resamples():
    x, y = layers(20)
    result = ig.bootstrap({"x": x, "y": y, "z": x + y[:, :1]}, n_resamples=199)
    difference = result.difference(("x", "z"), ("x", "y"))
    of_resamples = result.resamples[:, 0, 2] - result.resamples[:, 0, 1]
    assert difference.value == result.value[0, 2] - result.value[0, 1]
    assert difference.standard_error == pytest.approx(of_resamples.std(ddof=1))
    of_left_out = result.left_out[:, 0, 2] - result.left_out[:, 0, 1]
    ends = bca(difference.value, of_resamples, of_left_out, 0.95)
    assert (difference.low, difference.high) == ends
    tail = min((of_resamples <= 0).sum(), (of_resamples >= 0).sum())
    assert difference.p == pytest.approx(min(1, 2 * (1 + tail) / 200))
    assert json.loads(difference.to_json())["first"] == ["x", "z"]
    by_percentiles = ig.bootstrap([x, y], n_resamples=B, interval="percentile")
    assert by_percentiles.difference((0, 1), (1, 0)).value == 0
    assert by_percentiles.difference((0, 1), (1, 0)).p == 1


def test_a_difference_is_without_the_same_inputs():
    x, y = layers(20)
    result = ig.jackknife({"x": x, "y": y, "z": x + y[:, :1]}, confidence=0.9)
    difference = result.difference(("x", "z"), ("x", "y"))
    theta = result.left_out[:, 0, 2] - result.left_out[:, 0, 1]
    error = math.sqrt(19 / 20 * sum((t - theta.mean()) ** 2 for t in theta))
    assert difference.value == result.value[0, 2] - result.value[0, 1]
    assert difference.standard_error == pytest.approx(error)
    assert difference.high == pytest.approx(difference.value + NormalDist().inv_cdf(0.95) * error)
    assert difference.value - difference.low == pytest.approx(difference.high - difference.value)
    assert difference.p == pytest.approx(2 * NormalDist().cdf(-abs(difference.value) / error))
    assert difference.seed is difference.n_resamples is None
    assert result.difference(("x", "y"), ("x", "y")).p == 1
    assert result.difference(("x", "y"), ("x", "y")).value == 0


def test_a_difference_of_what_has_no_standard_error_has_no_p():
    x, y = layers(4)
    with pytest.warns(RuntimeWarning, match="do not exist"):
        difference = ig.jackknife({"x": x, "y": y}).difference(("x", "y"), ("x", "x"))
    assert np.isnan([difference.p, difference.low, difference.high]).all()


def test_differences_that_are_refused():
    x, y = layers()
    with pytest.raises(ValueError, match=r"difference: `jackknife` must have been given sets"):
        ig.jackknife(x, y).difference((0, 0), (0, 0))
    with pytest.raises(ValueError, match=r"difference: `bootstrap` must have been given sets"):
        ig.bootstrap(x, y, n_resamples=B).difference((0, 0), (0, 0))
    of_one_set = ig.bootstrap([x, y], n_resamples=B)
    with pytest.raises(
        KeyError, match=r"difference: `first` must be of 0, 1, got array\(\[0, 1\]\)"
    ):
        of_one_set.difference((np.array([0, 1]), 0), (0, 0))
    with pytest.raises(KeyError, match=r"difference: `second` must be of 0, 1, got 'z'"):
        ig.bootstrap([x, y], n_resamples=B).difference((0, 1), (0, "z"))


@pytest.mark.parametrize("name", MEASURES)
def test_the_same_bits_for_any_number_of_threads(name):
    x, y = layers(30)
    options = {"measure": name, "n_resamples": 20}
    one, three = (ig.bootstrap(x, y, num_threads=t, **options) for t in (1, 3))
    assert np.array_equal(one.resamples, three.resamples)
    assert (one.low, one.high) == (three.low, three.high)


def test_seeds_decide_the_draws():
    x, y = layers(20)
    first, again, other = (ig.bootstrap(x, y, n_resamples=B, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first.resamples, again.resamples)
    assert not np.array_equal(first.resamples, other.resamples)


def test_given_gram_matrices_and_their_sides():
    x, y = layers()
    options = {"n_resamples": B, "interval": "percentile"}
    for name, gram in (("cka", linear), ("rsa_pearson", correlation_gram)):
        given = ig.bootstrap(gram(x), gram(y), measure=name, kernel="precomputed", **options)
        features = ig.bootstrap(x, y, measure=name, **options)
        np.testing.assert_allclose(given.resamples, features.resamples, rtol=1e-9)
    for name in ("gbs", "gbs_centered"):
        given = ig.bootstrap(linear(x), linear(y), measure=name, kernel="precomputed", **options)
        features = ig.bootstrap(x, y, measure=name, **options)
        np.testing.assert_allclose(given.resamples, features.resamples, rtol=1e-9)
    widths = ig.bootstrap(x, y, measure="cka_rbf", bandwidth=(1.0, WIDTH), **options)
    assert widths.resamples[0] == pytest.approx(
        cka(np.exp(-(distances(x) ** 2) / 2), rbf(y), draws()[0], False)
    )


@pytest.mark.parametrize("scale", [1e-150, 1e150])
@pytest.mark.parametrize("name", ["cka", "distance_correlation", "rsa_cosine", "gbs_centered"])
def test_scales_do_not_matter(name, scale):
    x, y = layers(14)
    options = {"measure": name, "n_resamples": B}
    expected = ig.bootstrap(x, y, **options)
    np.testing.assert_allclose(
        ig.bootstrap(scale * x, y, **options).resamples, expected.resamples, rtol=1e-9
    )


@pytest.mark.parametrize("name", ["cka", "cka_biased", "distance_correlation", "gbs_centered"])
def test_a_large_mean_does_not_matter(name):
    x, y = layers(14)
    options = {"measure": name, "n_resamples": B}
    np.testing.assert_allclose(
        ig.bootstrap(x + 1e6, y, **options).resamples,
        ig.bootstrap(x, y, **options).resamples,
        rtol=1e-7,
    )


def test_resamples_without_a_value_are_said():
    x, y = layers(5)
    with pytest.warns(RuntimeWarning, match=r"of the 200 resamples, \d+ have no value"):
        result = ig.bootstrap(x, y, n_resamples=200)
    w = draws(5, 200)
    assert np.array_equal(np.isnan(result.resamples), (w > 0).sum(axis=1) < 4)
    assert math.isfinite(result.low)


def test_a_feature_that_is_constant_in_a_resample():
    x, y = layers(6)
    x = np.zeros((6, 1))
    x[0] = 1
    with pytest.warns(RuntimeWarning, match="have no value"):
        result = ig.bootstrap(x, y, measure="distance_correlation", n_resamples=50)
    assert np.isnan(result.resamples[draws(6, 50)[:, 0] == 0]).all()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cka", {}),
        ("distance_correlation", {}),
        ("rsa_pearson", {}),
        ("procrustes", {}),
        ("mutual_knn", {"k": 2}),
    ],
)
def test_constant_layers_have_no_interval(name, options):
    pair = np.ones((N, 3)), layers()[1]
    with pytest.warns(RuntimeWarning, match="constant"):
        resampled = ig.bootstrap(*pair, measure=name, n_resamples=B, **options)
    with pytest.warns(RuntimeWarning, match="constant"):
        left_out = ig.jackknife(*pair, measure=name, **options)
    for result in (resampled, left_out):
        assert math.isnan(result.value)
        assert math.isnan(result.low)
        assert math.isnan(result.standard_error)


def test_a_biased_bootstrap_is_said():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 30, 60))
    with pytest.warns(RuntimeWarning, match="do not scatter about the value"):
        ig.bootstrap(x, y, measure="procrustes", n_resamples=100, interval="percentile")


def test_the_jackknife_says_what_it_lacks():
    x, y = layers(4)
    with pytest.warns(RuntimeWarning, match="4 of the 4 values without an input do not exist"):
        result = ig.jackknife(x, y)
    assert math.isnan(result.standard_error)


@pytest.mark.parametrize("measure", ["cka_biased", "procrustes", "distance_correlation"])
@pytest.mark.parametrize("groups", [None, [0, 0, 1, 1]])
def test_the_jackknife_does_not_trust_what_two_inputs_say(measure, groups):
    x, y = layers(3 if groups is None else 4)
    with pytest.warns(RuntimeWarning, match="values without an input do not exist, so there is no"):
        result = ig.jackknife(x, y, measure=measure, groups=groups)
    assert math.isfinite(result.value)
    assert math.isnan(result.standard_error)
    assert math.isnan(result.low)


def test_positions_are_drawn_with_their_input():
    x = np.random.default_rng(0).standard_normal((8, 3, 2))
    y, inputs = x + np.random.default_rng(1).standard_normal(x.shape), np.repeat(np.arange(8), 3)
    options = {"n_resamples": B}
    positions = ig.bootstrap(x, y, reduce="positions", groups=inputs, **options)
    rows = ig.bootstrap(x.reshape(24, 2), y.reshape(24, 2), groups=inputs, **options)
    assert np.array_equal(positions.resamples, rows.resamples)
    with pytest.raises(ValueError, match="bootstrap: `groups` must be given where positions"):
        ig.bootstrap(x, y, reduce="positions")


@pytest.mark.parametrize("name", ["cka", "rsa_pearson"])
def test_intervals_hold_the_mean_of_all_samples_as_often_as_they_say(name):
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((2, 3, 5))
    results = []
    for _ in range(200):
        common = rng.standard_normal((40, 3))
        x, y = (common @ m + rng.standard_normal((40, 5)) for m in mix)
        results.append(ig.bootstrap(x, y, measure=name, n_resamples=200))
    truth = np.mean([result.value for result in results])
    held = np.mean([result.low <= truth <= result.high for result in results])
    assert 0.9 < held < 0.99  # 0.95, as far as 200 samples tell (p < 0.003)


REFUSED = {
    "n_resamples": (1, ValueError, "an integer of at least 2"),
    "confidence": (1.0, ValueError, "a number between 0 and 1"),
    "interval": ("normal", ValueError, "one of 'bca', 'percentile'"),
    "over": ("layers", ValueError, "one of 'inputs', 'features'"),
    "seed": (-1, ValueError, "an integer of at least 0"),
    "groups": ([0, 1], ValueError, "one label for each of the 9 samples"),
    "measure": ("nothing", ValueError, "one of "),
    "num_threads": (0, ValueError, "an integer from 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arguments_that_are_refused(name):
    value, error, expected = REFUSED[name]
    with pytest.raises(error, match=rf"bootstrap: `{name}` must .*{expected}"):
        ig.bootstrap(*layers(), **{name: value})


def test_one_group_is_refused():
    with pytest.raises(ValueError, match=r"jackknife: `groups` must have at least 2"):
        ig.jackknife(*layers(), groups=np.zeros(N, int))


def test_what_features_do_not_have():
    with pytest.raises(ValueError, match=r"bootstrap: `interval` must be 'percentile'"):
        ig.bootstrap(*layers(), over="features", interval="bca")
    with pytest.raises(ValueError, match=r"bootstrap: `groups` must be None"):
        ig.bootstrap(*layers(), over="features", groups=np.arange(N))


def test_layers_of_other_samples_are_named():
    x, y = layers()
    with pytest.raises(ValueError, match=r"jackknife: `y` must have as many samples as `x`"):
        ig.jackknife(x, y[1:])
    with pytest.raises(ValueError, match=r"bootstrap: `y\[0\]` must have as many samples"):
        ig.bootstrap([x], [y[1:]])
    with pytest.raises(ValueError, match=r"bootstrap: `y` must be given for one representation"):
        ig.bootstrap(x)


def test_a_measure_whose_duplicates_cannot_be_left_out_is_refused(monkeypatch):
    monkeypatch.delitem(RESAMPLERS, "cross_products")
    with pytest.raises(ValueError, match=r"bootstrap: `measure` must need one of"):
        ig.bootstrap(*layers(), measure="procrustes")


def test_results_print_themselves():
    x, y = layers()
    assert repr(ig.bootstrap(x, y, n_resamples=B)).startswith("Bootstrap(value=")
    assert repr(ig.jackknife([x, y])).startswith("Jackknife(value=<2")
    assert "resamples" not in ig.bootstrap(x, y, n_resamples=B).to_dict()
    assert len(ig.bootstrap(x, y, n_resamples=B).to_dict(full=True)["resamples"]) == B


@pytest.mark.filterwarnings("ignore:.*measure|bootstrap. of the|jackknife. [0-9]* of the")
@pytest.mark.filterwarnings(r"ignore:.*(together exceed|span all|do not scatter|is constant|edges)")
@pytest.mark.parametrize("name", ig.measures())
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_few_samples_have_a_value_or_a_warning(name, n):
    x, y = np.random.default_rng(n).standard_normal((2, n, 3))
    options = {"k": 2} if "k" in ig.measures()[name].options else {}
    for result in (
        ig.bootstrap(x, y, measure=name, n_resamples=B, **options),
        ig.jackknife(x, y, measure=name, **options),
    ):
        if n < ig.measures()[name].fewest_with(options):
            assert np.isnan([result.value, result.low, result.high]).all()


def test_groups_that_make_resamples_too_small_have_no_value_there():
    x, y = layers()
    with pytest.warns(RuntimeWarning, match=r"^jackknife: 1 of the 2 values without an input"):
        result = ig.jackknife(x, y, groups=[0] * 6 + [1] * 3)
    assert np.isnan(result.left_out).tolist() == [True, False]


def test_layers_may_be_an_iterator():
    x, y = layers()
    by_iterator = ig.bootstrap(iter([x, y]), iter([x]), n_resamples=B)
    assert np.array_equal(by_iterator.resamples, ig.bootstrap([x, y], [x], n_resamples=B).resamples)


def test_labels_of_groups():
    x, y = layers()
    names = np.array(list("aabbccdde"))
    expected = ig.jackknife(x, y, groups=names).left_out
    for groups in (names.astype(object), list(names), names.astype("S"), [*map(ord, names)]):
        assert np.array_equal(ig.jackknife(x, y, groups=groups).left_out, expected)


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        ([0.0] * 8 + [np.nan], TypeError, "be integers or strings, got float64"),
        ([None] * 9, TypeError, "be integers or strings, got object"),
        (np.array(["a", 1] * 4 + ["a"], object), TypeError, "be integers or strings, got object"),
        ([[1], [1, 2]] + [[1]] * 7, ValueError, "be an array, got nested sequences of different"),
        (np.ma.masked_equal(np.arange(9), 3), TypeError, "be labels without a mask"),
        (np.zeros((9, 1), int), ValueError, "have one label for each of the 9 samples"),
    ],
)
def test_labels_that_are_refused(groups, error, message):
    with pytest.raises(error, match=f"^bootstrap: `groups` must {message}"):
        ig.bootstrap(*layers(), groups=groups)
    with pytest.raises(error, match=f"^permutation_test: `groups` must {message}"):
        ig.permutation_test(*layers(), groups=groups)


@pytest.mark.parametrize("keys", ["ab", None, (0,), (0, 1, 1), 1, {0: 1, 1: 0}])
def test_a_difference_is_of_two_keys_each(keys):
    result = ig.bootstrap(list(layers()), n_resamples=B)
    with pytest.raises(TypeError, match=r"^difference: `second` must be a tuple of two keys, "):
        result.difference((0, 1), keys)


def test_seeds_and_keys_of_numpy_are_numbers_in_json():
    x, y = layers()
    result = ig.bootstrap({np.int64(1): x, np.int64(2): y}, seed=np.uint8(3), n_resamples=B)
    assert json.loads(result.to_json())["seed"] == 3
    assert json.loads(result.to_json())["layers"] == [[1, 2], [1, 2]]
    assert "seed=3" in repr(result)


def test_more_than_fits_is_refused_before_it_is_drawn():
    x, y = layers()
    with pytest.raises(MemoryError, match=r"^bootstrap: .*: draw fewer resamples"):
        ig.bootstrap(x, y, n_resamples=10**13)
    long = np.zeros((10**6, 1), np.float32)
    with pytest.raises(MemoryError, match=r"^bootstrap: .*: pass interval='percentile', which"):
        ig.bootstrap(long, long, measure="procrustes", n_resamples=2)
    with pytest.raises(MemoryError, match=r"^jackknife: .*: use fewer samples"):
        ig.jackknife(long, long, measure="procrustes")
    with pytest.raises(MemoryError, match=r"^permutation_test: .*: draw fewer permutations"):
        ig.permutation_test(x, y, n_permutations=10**13)


@pytest.mark.parametrize("name", ["cka", "cka_biased", "rsa_pearson", "rsa_cosine"])
@pytest.mark.parametrize("exponent", [600, -600])
def test_the_unit_of_gram_matrices_does_not_matter(name, exponent):
    grams = [x @ x.T for x in layers()]
    options = {"measure": name, "kernel": "precomputed"}
    expected = ig.jackknife(*grams, **options)
    scaled = ig.jackknife(*(np.ldexp(k, exponent) for k in grams), **options)
    assert np.array_equal(scaled.left_out, expected.left_out)


@pytest.mark.parametrize("name", ["cka", "cka_biased", "rsa_pearson", "rsa_cosine"])
def test_gram_matrices_beyond_the_range_of_float64_have_no_value(name):
    with pytest.warns(RuntimeWarning, match="^jackknife: .* of `x`, `y` leaves the range of float"):
        result = ig.jackknife(*layers(), measure=name, kernel="polynomial", gamma=1e300)
    assert math.isnan(result.low)


@pytest.mark.parametrize("kernel", ["linear", "rbf", "polynomial", "precomputed"])
@pytest.mark.parametrize("estimator", ["biased", "debiased"])
def test_hsic_of_resamples_is_in_the_unit_of_the_layers(estimator, kernel):
    """HSIC without an input is that of the others; a measure on it has no scale of its own."""
    measure = ig.Measure(
        name="hsic_of_layers",
        summary="HSIC",
        kind="similarity",
        range=(-math.inf, math.inf),
        invariances=frozenset(),
        fewest=4,
        needs="cka_table",
        fixed={"estimator": estimator, "kernel": kernel, "bandwidth": 100.0},
        value=lambda xp, table: xp.asarray(table.hsic * table.self_x[:, None]),
        source="",
    )
    sides = [2.5 * x @ x.T if kernel == "precomputed" else 37.0 * x for x in layers()]
    result = ig.jackknife(*sides, measure=measure)
    for i in range(N):
        keep = np.delete(np.arange(N), i)
        few = [x[np.ix_(keep, keep)] if kernel == "precomputed" else x[keep] for x in sides]
        expected = ig.similarity(*few, measure=measure)
        assert result.left_out[i] == pytest.approx(expected, rel=1e-6)
