"""Moments as a value, and the formulas on them."""

import isogram as ig
import numpy as np
import pytest
from isogram._statistics.moments import Moments, cka, hsic, in_own_units
from support import ESTIMATORS

EXPONENTS = np.array([3, -2])


def gram_of(x):
    return x @ x.T


def moments_of(grams, estimator):
    """Sum the entries of Gram matrices, matrix by matrix."""
    samples, is_hollow = len(grams[0]), estimator == "debiased"
    if is_hollow:
        grams = [np.where(np.eye(samples, dtype=bool), 0.0, gram) for gram in grams]
    products = np.array([[(a * b).sum() for b in grams] for a in grams])
    squares, row_sums = products.diagonal(), np.array([k.sum(axis=1) for k in grams])
    rounding = np.zeros(len(grams))
    return Moments(
        samples, is_hollow, True, products, *[squares] * 2, *[row_sums] * 2, *[rounding] * 2,
        *[EXPONENTS] * 2,
    )  # fmt: skip


@pytest.fixture
def layers():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 5))
    return [x, np.tanh(x @ rng.standard_normal((5, 7)))]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_formulas(layers, estimator):
    grams = [np.ldexp(gram_of(x), -e) for x, e in zip(layers, EXPONENTS, strict=True)]
    m = moments_of(grams, estimator)
    values = in_own_units(np, hsic(np, m), m.exponents_x, m.exponents_y)
    for i, x in enumerate(layers):
        for j, y in enumerate(layers):
            expected = ig.hsic(x, y, estimator=estimator)
            assert np.isclose(values.cross[i, j], expected, rtol=1e-12)
            assert values.self_x[i] == values.cross[i, i]
            assert values.self_y[j] > 0
    result = cka(np, hsic(np, m))
    assert np.allclose(result, ig.cka_matrix(layers, estimator=estimator), rtol=0, atol=1e-13)
    assert (result.diagonal() == 1).all()


@pytest.mark.parametrize(("margin", "is_known"), [(2, False), (0.5, True)])
def test_what_may_be_rounding_is_zero(layers, margin, is_known):
    """HSIC of a layer with itself, and with others where it is no more than both may round."""
    m = moments_of([gram_of(x) for x in layers], "biased")
    certain = hsic(np, m)
    own, cross = certain.self_x[0], certain.cross[0, 1]
    n_squared = 30**2
    rounding = n_squared * np.array([8 * own, (margin * cross) ** 2 / (8 * own)])
    doubtful = m._replace(rounding_x=rounding, rounding_y=rounding)
    values = hsic(np, doubtful)
    assert values.self_x.tolist() == [0, certain.self_x[1]]
    expected = cross if is_known else 0
    assert values.cross.tolist() == [[0, expected], [expected, certain.cross[1, 1]]]
    result = cka(np, values)
    assert np.isnan(result[0]).all()
    assert np.isnan(result[:, 0]).all()
    assert result[1, 1] == 1
