"""Whitened layers: from Procrustes to CCA, ranks, want of room, and which way a measure goes."""

import warnings

import isogram as ig
import numpy as np
import pytest
from isogram._statistics.whitening import Whitening
from support import assert_close, data, oracle, quietly

OF_WHITENED = ("cca", "cca_squared", "svcca", "pwcca", "linear_regression", "eigenspace_overlap")


def layers(n=60, d1=9, d2=6, seed=0):
    x = data((n, d1), "float64", seed=seed)
    return x, x[:, :d2] + data((n, d2), "float64", seed=seed + 1)


@pytest.mark.parametrize("alpha", [0.0, 1e-3, 0.3, 0.9, 1.0])
def test_from_cca_to_procrustes(alpha):
    x, y = layers()
    for a, b in ((x, y), (30 * x, y / 7), (np.repeat(x, 9, axis=1), y)):
        expected = oracle.shape_metric(a, b, alpha)
        assert_close(ig.similarity(a, b, measure="shape_metric", alpha=alpha), expected, 1e-12)
    if alpha == 1:
        expected = ig.similarity(x, y, measure="procrustes")
        assert ig.similarity(x, y, measure="shape_metric", alpha=alpha) == expected


@pytest.mark.parametrize("exponent", [-1070, -1000, -300, 300, 1000])
def test_partly_whitened_layers_of_any_magnitude(exponent):
    """Tiny layers are whitened, and huge ones as they are."""
    x, y = (np.round(a * 16) / 16 for a in layers())
    end = 0.0 if exponent < 0 else 1.0
    scaled = np.ldexp(x, exponent)
    expected = oracle.angle_of(
        *oracle.aligned(*(whitened(a, alpha) for a, alpha in ((x, end), (y, 0.5))))
    )
    assert_close(ig.similarity(scaled, y, measure="shape_metric", alpha=0.5), expected, 1e-6)


def whitened(a, alpha):
    a = a - a.mean(axis=0)
    u, s, _ = np.linalg.svd(a, full_matrices=False)
    return u * (alpha * s + 1 - alpha)


@pytest.mark.parametrize("name", OF_WHITENED)
def test_features_that_depend_on_others_add_no_rank(name):
    x, y = layers()
    mixed = np.concatenate([x, x @ data((9, 4), "float64", seed=7), np.ones((60, 1))], axis=1)
    if name == "eigenspace_overlap":
        mixed = mixed[:, :-1]
    if name in ("svcca", "pwcca", "linear_regression"):  # of `x` they see more than its span
        assert_close(ig.similarity(y, mixed, measure=name), oracle.measure(name, y, mixed), 1e-12)
    else:
        for a, b in ((mixed, y), (y, mixed)):
            expected = ig.similarity(x, y, measure=name)
            assert_close(ig.similarity(a, b, measure=name), expected, 1e-12)


@pytest.mark.parametrize("variance", [0.3, 0.9, 0.99, 1.0])
def test_variance_of_svcca(variance):
    x, y = layers()
    x *= np.logspace(0, -2, 9)
    expected = oracle.svcca(x, y, variance)
    assert_close(ig.similarity(x, y, measure="svcca", variance=variance), expected, 1e-12)
    if variance == 1:
        assert_close(ig.similarity(x, y, measure="cca"), expected, 1e-12)


def test_whitening_keeps_what_is_no_rounding():
    values = np.array([3.0, 2.0, 1.0, 1e-15])
    for whitening, most, rank in (
        (Whitening(), 4, 3),
        (Whitening(), 2, 2),
        (Whitening(variance=9 / 14), 4, 1),
        (Whitening(variance=0.65), 4, 2),
        (Whitening(variance=0.999), 4, 3),
    ):
        assert whitening.rank(np, values, 1e-14, most) == rank


def test_which_way_a_regression_goes():
    """`x` is explained by `y`; a part of a layer is explained by all of it."""
    x = data((50, 8), "float64")
    assert_close(ig.similarity(x[:, :3], x, measure="linear_regression"), 1, 1e-14)
    part = ig.similarity(x, x[:, :3], measure="linear_regression")
    assert_close(part, oracle.linear_regression(x, x[:, :3]), 1e-13)
    assert part < 0.9
    for name in ("linear_regression", "pwcca"):
        of_all = {"a": x, "b": x[:, :3], "c": x[:, ::2] ** 3}
        matrix = ig.similarity_matrix(of_all, measure=name)
        for i, a in enumerate(of_all.values()):
            for j, b in enumerate(of_all.values()):
                assert_close(matrix[i, j], oracle.measure(name, a, b), 1e-12)
        assert not np.allclose(matrix, matrix.T, atol=1e-3)


def test_progress_of_measures_that_are_not_symmetric():
    calls = []
    ig.similarity_matrix(
        [data((30, d), "float64") for d in (2, 3, 4)],
        measure="pwcca",
        progress=lambda *call: calls.append(call),
    )
    assert calls == [(k + 1, 9) for k in range(9)]


@pytest.mark.parametrize("name", ["cca", "cca_squared", "svcca", "pwcca", "shape_metric"])
def test_layers_without_room_are_said(name):
    """Spaces of 12 and 8 dimensions in the 19 of 20 samples share one, whatever the layers are."""
    x, y = (data((20, d), "float64", seed=d) for d in (12, 8))
    options = {"variance": 1.0} if name == "svcca" else {}
    said = (
        r"^similarity: `x` and `y` have ranks \(12 \+ 8\) that together exceed the 19 dimensions "
        "of 20 samples, so that they share directions whatever the data are: take more samples"
    )
    with pytest.warns(RuntimeWarning, match=said) as records:
        ig.similarity(x, y, measure=name, **options)
    assert [record.filename for record in records] == [__file__]
    with pytest.warns(RuntimeWarning, match="`b` and `c` have ranks|'b'.* and .*'c'.* have ranks"):
        ig.similarity_matrix({"b": x, "c": y}, measure=name, **options)
    with pytest.warns(RuntimeWarning, match=r"and 2 other pairs of layers have ranks \(12 \+ 12\)"):
        ig.similarity_matrix([x, x**2, y], measure=name, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ig.similarity(x, y[:, 1:], measure=name, **options)
        ig.similarity_matrix([x], measure=name, **options)


def test_room_of_layers_that_are_not_centred():
    x, y = (data((20, d), "float64", seed=d) for d in (12, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ig.similarity(x, y, measure="eigenspace_overlap")
    with pytest.warns(RuntimeWarning, match=r"\(13 \+ 8\) .* exceed the 20 dimensions"):
        ig.similarity(
            np.pad(x, ((0, 0), (0, 1)), constant_values=1), y, measure="eigenspace_overlap"
        )


def test_regressions_without_room_are_said():
    x = data((20, 4), "float64")
    for d in (19, 40):
        y = data((20, d), "float64", seed=1)
        said = (
            "^similarity: the features of `y` span all 19 dimensions of 20 samples, so that a "
            "regression on them is exact whatever the data are: take more samples"
        )
        with pytest.warns(RuntimeWarning, match=said):
            assert_close(ig.similarity(x, y, measure="linear_regression"), 1, 1e-13)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ig.similarity(y, x, measure="linear_regression")


@pytest.mark.parametrize("name", [*OF_WHITENED, "shape_metric", "bures", "procrustes_distance"])
def test_wide_layers_and_offsets(name):
    """More features than samples, of few dimensions, far from 0."""
    thin = data((40, 6), "float64")
    x = np.round(thin @ data((6, 300), "float64", seed=2) * 64) / 64
    y = np.round(data((40, 7), "float64", seed=3) * 64) / 64
    x = quietly(low_rank, x, 6)
    expected = oracle.measure(name, x, y)
    assert_close(quietly(ig.similarity, x, y, measure=name), expected, 1e-11)
    if "translation" in ig.measures()[name].invariances:
        assert_close(ig.similarity(x, y + 1e6, measure=name), expected, 1e-11)
        assert_close(ig.similarity(y + 1e6, y - 1e3, measure=name), best(name), 1e-7)


def low_rank(x, rank):
    u, s, v = np.linalg.svd(x, full_matrices=False)
    return u[:, :rank] * s[:rank] @ v[:rank]


def best(name):
    return 0.0 if ig.measures()[name].kind == "distance" else 1.0


def test_whitened_layers_are_made_once(monkeypatch):
    of_all = [data((20, d), "float64", seed=d) for d in (3, 4, 5)]
    calls, svd = [], np.linalg.svd

    def counted(a, **options):
        calls.append(a.shape)
        return svd(a, **options)

    monkeypatch.setattr(np.linalg, "svd", counted)
    ig.similarity_matrix(of_all, measure="cca")
    assert calls.count((20, 3)) == calls.count((20, 5)) == 1
    assert len(calls) == 3 + 3


def test_chance_is_said_by_theory():
    """R² of independent layers is about rank / (n - 1)."""
    x, y = data((4000, 20), "float64", seed=1), data((4000, 100), "float64", seed=2)
    assert abs(ig.similarity(x, y, measure="linear_regression") - 100 / 3999) < 2e-3
    assert abs(ig.similarity(x, y, measure="cca_squared") - 100 / 3999) < 2e-3
