"""Noise ceilings against loops over subjects: means of RSMs that are alike in scale."""

import json
import math

import isogram as ig
import numpy as np
import pytest
from scipy.spatial.distance import squareform
from scipy.stats import kendalltau, rankdata

METHODS = ["spearman", "rho_a", "kendall", "kendall_a", "kendall_b", "pearson", "cosine", "cka"]


def representations(subjects=5, n=12, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((n, 4))
    widths = rng.integers(4, 9, subjects)
    return [truth @ rng.standard_normal((4, d)) + rng.standard_normal((n, d)) for d in widths]


def rsms(**options):
    return np.array([np.corrcoef(x) for x in representations(**options)])


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def pearson(a, b):
    return np.corrcoef(a, b)[0, 1]


def rho_a(a, b):
    m = len(a)
    return 12 * rankdata(a) @ rankdata(b) / (m**3 - m) - 3 * (m + 1) / (m - 1)


def tau_a(a, b):
    signs = [np.sign(x[:, None] - x) for x in (a, b)]
    return (signs[0] * signs[1]).sum() / (len(a) * (len(a) - 1))


def z_scores(v):
    return (v - v.mean()) / v.std()


def upper(rsm):
    if isinstance(rsm, _Entries):
        return np.asarray(rsm)
    return rsm[np.triu_indices(len(rsm), 1)]


def u_centred(rsm):
    """Székely & Rizzo's U-centring, entry by entry, as a vector of norm 1."""
    n = len(rsm)
    hollow = rsm - np.diag(np.diag(rsm))
    centred = np.zeros_like(hollow)
    for i in range(n):
        for j in range(n):
            if i != j:
                centred[i, j] = (
                    hollow[i, j]
                    - hollow[i].sum() / (n - 2)
                    - hollow[:, j].sum() / (n - 2)
                    + hollow.sum() / ((n - 1) * (n - 2))
                )
    return upper(centred) / np.linalg.norm(upper(centred))


# How an RSM becomes the vector that is averaged, and how two such vectors are compared.
ORACLES = {
    "cosine": (lambda k: upper(k) / np.linalg.norm(upper(k)), cosine),
    "pearson": (lambda k: z_scores(upper(k)), pearson),
    "cka": (u_centred, cosine),
    "spearman": (lambda k: rankdata(upper(k)), lambda a, b: pearson(rankdata(a), rankdata(b))),
    "rho_a": (lambda k: rankdata(upper(k)), rho_a),
    "kendall": (lambda k: rankdata(upper(k)), lambda a, b: kendalltau(a, b)[0]),
    "kendall_b": (lambda k: rankdata(upper(k)), lambda a, b: kendalltau(a, b)[0]),
    "kendall_a": (lambda k: rankdata(upper(k)), tau_a),
}


def bounds(matrices, method):
    to_vector, compare = ORACLES[method]
    vectors = np.array([to_vector(k) for k in matrices])
    low = [compare(np.delete(vectors, s, 0).mean(axis=0), v) for s, v in enumerate(vectors)]
    high = [compare(vectors.mean(axis=0), v) for v in vectors]
    return np.array(low), np.array(high)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("subjects", [2, 5])
def test_bounds_are_those_of_loops(method, subjects):
    matrices = rsms(subjects=subjects)
    result = ig.noise_ceiling(matrices, method=method)
    low, high = bounds(matrices, method)
    np.testing.assert_allclose(result.low_of_each, low, rtol=1e-9)
    np.testing.assert_allclose(result.high_of_each, high, rtol=1e-9)
    assert result.low == pytest.approx(low.mean())
    assert result.high == pytest.approx(high.mean())
    assert (result.n, result.n_subjects, result.method) == (12, subjects, method)


@pytest.mark.parametrize("method", ["spearman", "kendall_a", "rho_a"])
def test_ties(method):
    matrices = np.round(rsms() * 2) / 2
    result = ig.noise_ceiling(matrices, method=method)
    low, high = bounds(matrices, method)
    np.testing.assert_allclose(result.low_of_each, low, rtol=1e-9)
    np.testing.assert_allclose(result.high_of_each, high, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_no_common_rsm_is_more_like_all_than_the_upper_bound(method):
    matrices = rsms()
    result = ig.noise_ceiling(matrices, method=method)
    assert result.low < result.high < 1
    if method.startswith("kendall"):
        return  # the mean of ranks need not be the best
    rng = np.random.default_rng(1)
    for _ in range(50):
        weights = rng.dirichlet(np.ones(len(matrices)))
        model = np.tensordot(weights, matrices, 1)
        scores = [ig.compare_rsms(model, k, method=method) for k in matrices]
        assert np.mean(scores) < result.high + 1e-3


def test_scales_of_subjects_do_not_matter():
    matrices = rsms()
    scaled = matrices * np.array([1e-150, 1e150, 1, 3, 5])[:, None, None]
    for method in ("pearson", "cosine", "cka", "spearman"):
        expected = ig.noise_ceiling(matrices, method=method)
        result = ig.noise_ceiling(scaled, method=method)
        np.testing.assert_allclose(result.low_of_each, expected.low_of_each, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_condensed_rsms_and_mappings(method):
    matrices = rsms()
    expected = ig.noise_ceiling(matrices, method=method)
    condensed = {f"s{i}": squareform(k, checks=False) for i, k in enumerate(matrices)}
    result = ig.noise_ceiling(condensed, method=method)
    np.testing.assert_allclose(result.low_of_each, expected.low_of_each, rtol=1e-12)


@pytest.mark.parametrize("method", ["spearman", "pearson", "cosine", "kendall_a"])
def test_pairs_without_a_value_are_left_out(method):
    matrices = rsms()
    matrices[:, 2, 7] = matrices[:, 7, 2] = np.nan
    to_vector, compare = ORACLES[method]
    of_pairs = [upper(k)[~np.isnan(upper(k))] for k in matrices]
    # A vector of known entries, as an RSM with these alone above the diagonal.
    vectors = [to_vector(_Entries(v)) for v in of_pairs]
    high = [compare(np.mean(vectors, axis=0), v) for v in vectors]
    result = ig.noise_ceiling(matrices, method=method)
    np.testing.assert_allclose(result.high_of_each, high, rtol=1e-9)
    matrices[0, 2, 7] = 0.5
    with pytest.raises(ValueError, match=r"`subjects\[1\]` must be NaN for the same pairs"):
        ig.noise_ceiling(matrices, method=method)


class _Entries(np.ndarray):
    """Entries above a diagonal, which `upper` returns as they are."""

    def __new__(cls, values):
        return np.asarray(values).view(cls)


@pytest.mark.parametrize("kernel", ["linear", "correlation", "rbf", "distance"])
def test_representations(kernel):
    subjects = representations()
    if kernel == "distance":
        matrices = [np.linalg.norm(x[:, None] - x, axis=2) for x in subjects]
    elif kernel == "rbf":
        matrices = [ig.gram(x, kernel="rbf", bandwidth=2.0) for x in subjects]
    else:
        matrices = [ig.gram(x, kernel=kernel) for x in subjects]
    for method in ("cka", "spearman", "pearson"):
        result = ig.noise_ceiling(subjects, method=method, kernel=kernel, bandwidth=2.0)
        expected = ig.noise_ceiling(matrices, method=method)
        np.testing.assert_allclose(result.low_of_each, expected.low_of_each, rtol=1e-6)
        np.testing.assert_allclose(result.high_of_each, expected.high_of_each, rtol=1e-6)


def test_of_two_subjects_the_lower_bound_is_their_similarity():
    x, y = representations(subjects=2)
    result = ig.noise_ceiling([x, y], method="cka", kernel="linear")
    assert result.low == pytest.approx(ig.cka(x, y))


def test_constant_rsms_are_named():
    matrices = rsms()
    matrices[1] = 1.0
    for method in ("pearson", "cka"):
        with pytest.warns(RuntimeWarning, match=r"subjects\[1\]"):
            result = ig.noise_ceiling(matrices, method=method)
        assert math.isnan(result.low)


def test_the_same_bits_for_any_number_of_threads():
    for method in METHODS:
        one, three = (ig.noise_ceiling(rsms(), method=method, num_threads=t) for t in (1, 3))
        assert np.array_equal(one.low_of_each, three.low_of_each)


def test_results_print_themselves():
    result = ig.noise_ceiling(rsms())
    assert repr(result).startswith("NoiseCeiling(low=0.")
    assert json.loads(result.to_json())["n_subjects"] == 5
    assert len(result.to_dict(full=True)["low_of_each"]) == 5


def test_a_frame_has_a_row_for_each_subject():
    pytest.importorskip("pandas")
    result = ig.noise_ceiling(rsms())
    frame = result.to_pandas()
    assert frame.subject.tolist() == [0, 1, 2, 3, 4] == result.subjects
    assert frame.low.tolist() == result.low_of_each.tolist()
    assert frame.high.tolist() == result.high_of_each.tolist()
    assert frame.attrs == {
        "low": result.low, "high": result.high, "method": "spearman", "n": result.n, "n_subjects": 5
    }  # fmt: skip
    rng = np.random.default_rng(0)
    named = {name: rng.standard_normal((9, 3)) for name in "ab"}
    result = ig.noise_ceiling(named, method="cka", kernel="linear")
    assert result.to_pandas().subject.tolist() == ["a", "b"] == result.to_dict()["subjects"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "gbs"}, ValueError, "`method` must be one of 'spearman'"),
        ({"kernel": "sigmoid"}, ValueError, "`kernel` must be one of 'linear'"),
        ({"num_threads": 0}, ValueError, "`num_threads` must be an integer"),
    ],
)
def test_arguments_that_are_refused(options, error, message):
    with pytest.raises(error, match=f"noise_ceiling: {message}"):
        ig.noise_ceiling(rsms(), **options)


def test_subjects_that_are_refused():
    matrices = list(rsms())
    with pytest.raises(
        ValueError, match="noise_ceiling: `subjects` must have at least 2 RSMs, got 1"
    ):
        ig.noise_ceiling(matrices[:1])
    with pytest.raises(ValueError, match=r"`subjects\[1\]` must be of as many samples"):
        ig.noise_ceiling([matrices[0], matrices[1][:5, :5]])
    with pytest.raises(ValueError, match=r"`subjects\[0\]` must be square"):
        ig.noise_ceiling([np.ones((3, 4)), np.ones((3, 4))])
    matrices[1] = matrices[1].copy()
    matrices[1][0, 1] = np.inf
    with pytest.raises(ValueError, match=r"`subjects\[1\]` must be finite"):
        ig.noise_ceiling(matrices)
    with pytest.raises(ValueError, match=r"`subjects\[1\]` must have as many samples"):
        ig.noise_ceiling([np.ones((5, 2)), np.ones((6, 2))], kernel="linear")
    with pytest.raises(TypeError, match="noise_ceiling: `subjects` must be a sequence"):
        ig.noise_ceiling(3)


@pytest.mark.parametrize("method", METHODS)
def test_rsms_that_cancel_have_no_bounds_and_a_warning(method):
    a, b = rsms()[:2]
    if method in ("rho_a", "kendall_a"):  # of a constant mean: 0
        assert ig.noise_ceiling([a, -a], method=method).high == 0
        return
    with pytest.warns(RuntimeWarning, match=r"^noise_ceiling: `subjects\[2\]` is constant, or "):
        ceiling = ig.noise_ceiling([a, -a, b], method=method)
    assert np.isnan(ceiling.low_of_each).tolist() == [False, False, True]
    assert math.isnan(ceiling.low)
    with pytest.warns(RuntimeWarning, match=r"`subjects\[0\]`, `subjects\[1\]` are constant, or"):
        assert math.isnan(ig.noise_ceiling([a, -a], method=method).high)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("known", [0, 1, 2])
def test_too_few_pairs_are_refused(method, known):
    missing = np.full((3, 15), np.nan)
    missing[:, :known] = np.arange(known)
    message = "be finite, got NaN" if method == "cka" else f"have at least 3 pairs .*got {known}"
    with pytest.raises(ValueError, match=rf"^noise_ceiling: `subjects\[0\]` must {message}"):
        ig.noise_ceiling(missing, method=method)


@pytest.mark.parametrize("method", METHODS)
def test_too_few_samples_are_refused(method):
    least = 4 if method == "cka" else 3
    few = [x[: least - 1] for x in representations()]
    with pytest.raises(ValueError, match=f"^noise_ceiling: `subjects` must have at least {least} "):
        ig.noise_ceiling(few, method=method, kernel="linear")


def test_features_that_are_not_finite_are_refused():
    first, second = representations(subjects=2)
    first[2, 1] = np.nan
    message = r"^noise_ceiling: `subjects\[0\]` must be finite, got nan at index \(2, 1\)"
    with pytest.raises(ValueError, match=message):
        ig.noise_ceiling([first, second], kernel="rbf")


@pytest.mark.parametrize("method", METHODS)
def test_rsms_are_not_written_to_and_diagonals_do_not_matter(method):
    given = rsms()
    expected, kept = ig.noise_ceiling(given, method=method), given.copy()
    assert np.array_equal(given, kept)
    given[:, range(12), range(12)] = np.nan
    given.flags.writeable = False
    assert ig.noise_ceiling(list(given), method=method).low == expected.low


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("exponent", [1023, -1000])
def test_the_unit_of_rsms_does_not_matter(method, exponent):
    given = rsms()
    scaled = ig.noise_ceiling(np.ldexp(given, exponent), method=method)
    assert (
        scaled.high_of_each.tolist() == ig.noise_ceiling(given, method=method).high_of_each.tolist()
    )
