"""`regress_rsm` against NumPy and SciPy."""

import json

import isogram as ig
import numpy as np
import pytest
from isogram._operations.regress import nonnegative_least_squares
from scipy import optimize
from support import assert_close


def condensed(count, n, seed=0):
    """Return entries of RSMs, one in each row."""
    return np.random.default_rng([seed, n]).random((count, n * (n - 1) // 2))


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("nonnegative", [True, False])
def test_weights(nonnegative, intercept):
    for n, k in ((4, 1), (5, 3), (12, 6), (30, 9)):
        for seed in range(6):
            y, *models = condensed(k + 1, n, seed)
            y = y + 0.7 * models[0]
            result = ig.regress_rsm(y, models, nonnegative=nonnegative, intercept=intercept)
            x = np.stack(models, axis=1)
            mean = x.mean(axis=0) if intercept else np.zeros(k)
            middle = y.mean() if intercept else 0.0
            solve = optimize.nnls if nonnegative else lambda a, b: np.linalg.lstsq(a, b)[:2]
            expected = solve(x - mean, y - middle)[0]
            assert_close(result.weights, expected, 1e-10)
            assert result.intercept == pytest.approx(middle - mean @ expected, abs=1e-10)
            left = y - x @ result.weights - result.intercept
            total = ((y - middle) ** 2).sum()
            assert result.r2 == pytest.approx(1 - (left @ left) / total, abs=1e-12)
            assert (result.weights >= 0).all() or not nonnegative


@pytest.mark.parametrize("seed", range(40))
def test_nonnegative_least_squares(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((12, 8)) + (seed % 3)
    b = rng.standard_normal(12) * 10.0 ** rng.integers(-8, 8)
    expected = optimize.nnls(a, b)[0]
    assert nonnegative_least_squares(a, b) == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_a_sum_of_models_is_found():
    models = dict(zip("abc", condensed(3, 9), strict=True))
    rsm = 2 * models["a"] + 0.5 * models["c"] + 0.25
    result = ig.regress_rsm(rsm, models, nonnegative=True)
    assert_close(result.weights, np.array([2, 0, 0.5]), 1e-12)
    assert result.intercept == pytest.approx(0.25)
    assert result.r2 == pytest.approx(1)
    assert result.models == ["a", "b", "c"]
    assert repr(result).startswith("RsmRegression(")
    assert json.loads(result.to_json())["models"] == ["a", "b", "c"]


def test_square_and_missing():
    y, *models = condensed(3, 6)
    expected = ig.regress_rsm(np.delete(y, 3)[:10], [np.delete(m, 3)[:10] for m in models])
    for row in (y, *models):
        row[[3, *range(11, 15)]] = np.nan
    square = np.zeros((6, 6))
    square[np.triu_indices(6, 1)] = y
    assert_close(ig.regress_rsm(square, models).weights, expected.weights, 1e-12)
    models[1][0] = np.nan
    with pytest.raises(ValueError, match=r"`models\[1\]` must be finite, got nan at index \(0, 1"):
        ig.regress_rsm(y, models)


def test_a_constant_rsm():
    with pytest.warns(RuntimeWarning, match="^regress_rsm: r2 is NaN, because `rsm` is the same"):
        result = ig.regress_rsm(np.ones(15), condensed(2, 6))
    assert np.isnan(result.r2)
    assert_close(result.weights, np.zeros(2), 1e-12)


def test_what_is_refused():
    y, a, b = condensed(3, 6)
    with pytest.raises(ValueError, match=r"^regress_rsm: `models` must be linearly independent"):
        ig.regress_rsm(y, [a, b, a + b])
    with pytest.raises(ValueError, match="`models` must be linearly independent"):
        ig.regress_rsm(y, [a, np.ones(15)])
    with pytest.raises(ValueError, match="`models` must be linearly independent"):
        ig.regress_rsm(y[:3], condensed(4, 3))
    with pytest.raises(ValueError, match=r"`models\[0\]` must be of as many samples as `rsm` \(6"):
        ig.regress_rsm(y, [a[:10]])
    with pytest.raises(ValueError, match="`models` must have at least one RSM, got none"):
        ig.regress_rsm(y, [])
    with pytest.raises(ValueError, match="`rsm` must be square"):
        ig.regress_rsm(y[:4], [a])
    with pytest.raises(TypeError, match="`nonnegative` must be True or False, got 1"):
        ig.regress_rsm(y, [a], nonnegative=1)
    with pytest.raises(TypeError, match="`intercept` must be True or False, got None"):
        ig.regress_rsm(y, [a], intercept=None)


def test_constant_models_are_refused_up_to_rounding():
    y, a, b = condensed(3, 6)
    for constant in (np.full(15, 1 / 3), np.full(15, 0.1), np.full(15, 0.3) + 1e-17 * a,
                     np.where(np.arange(15) % 2, 0.3, 0.1 + 0.2)):  # fmt: skip
        for models in ([constant], [a, constant], [constant, b]):
            with pytest.raises(ValueError, match="`models` must be linearly independent"):
                ig.regress_rsm(y, models)
        assert np.isnan(_with_warning(constant, [a]).r2)


def _with_warning(y, models):
    with pytest.warns(RuntimeWarning, match="^regress_rsm: r2 is NaN"):
        return ig.regress_rsm(y, models)


@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("of_rsm", [-1000, 0, 1000])
@pytest.mark.parametrize("of_models", [(-1000, -1000), (0, 1000), (1000, -1000)])
def test_scales_of_entries(nonnegative, intercept, of_rsm, of_models):
    y, a, b = condensed(3, 6)
    options = {"nonnegative": nonnegative, "intercept": intercept}
    expected = ig.regress_rsm(y, [a, b], **options)
    models = [np.ldexp(m, power) for m, power in zip((a, b), of_models, strict=True)]
    found = ig.regress_rsm(np.ldexp(y, of_rsm), models, **options)
    with np.errstate(all="ignore"):
        weights = np.ldexp(expected.weights, of_rsm - np.array(of_models))
    np.testing.assert_allclose(found.weights, weights, rtol=1e-9)
    np.testing.assert_allclose(found.intercept, np.ldexp(expected.intercept, of_rsm), rtol=1e-9)
    assert abs(found.r2 - expected.r2) < 1e-12


def test_one_model_is_not_many():
    y, a, _ = condensed(3, 6)
    square = np.zeros((5, 5))
    for models in (a, square):
        with pytest.raises(ValueError, match=r"`models` must be RSMs, a stack .*: pass \[models\]"):
            ig.regress_rsm(y, models)


def test_a_frame_has_a_row_for_each_model():
    pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    rsm, *models = rng.random((3, 15))
    result = ig.regress_rsm(rsm, {"a": models[0], "b": models[1]})
    frame = result.to_pandas()
    assert frame.model.tolist() == ["a", "b"]
    assert frame.weight.tolist() == result.weights.tolist()
    assert frame.attrs == {"intercept": result.intercept, "r2": result.r2}
