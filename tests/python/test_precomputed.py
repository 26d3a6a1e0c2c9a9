"""Gram matrices in place of features, against oracles of their own."""

import isogram as ig
import numpy as np
import pytest
from cases.precomputed import *  # noqa: F403
from cases.precomputed import FUNCTIONS, grams, refused


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bits_of_any_order_in_memory_and_threads(function, tmp_path):
    call, _ = refused(function)
    k, l, *_ = grams("float32")  # noqa: E741
    expected = np.asarray(call(k, l))
    mapped = np.memmap(tmp_path / "k", np.float32, "w+", shape=k.shape)
    mapped[...] = k
    wide = np.zeros((2 * len(k), 2 * len(k)), np.float32)
    wide[::2, ::2] = k
    for same in (np.asfortranarray(k), mapped, wide[::2, ::2], k[::-1][::-1]):
        assert (np.asarray(call(same, l)) == expected).all()
    sides = ([k], [l]) if function.endswith("_matrix") else (k, l)
    for num_threads in (1, 3):
        one = getattr(ig, function)(*sides, kernel="precomputed", num_threads=num_threads)
        assert (np.asarray(one) == expected).all()


def test_a_matrix_is_not_copied_nor_changed():
    k, l, *_ = grams()  # noqa: E741
    before = k.copy()
    for side in (k, l):
        side.flags.writeable = False
    for function in FUNCTIONS:
        refused(function)[0](k, l)
    assert (k == before).all()


def test_minibatches():
    k, l, *_ = grams()  # noqa: E741
    metric = ig.MinibatchCKA(kernel="precomputed")
    for some in (slice(0, 70), slice(70, 150)):
        metric.update([k[some, some]], [l[some, some]])
    parts = [
        [ig.hsic(a[s, s], b[s, s], kernel="precomputed") for s in (slice(0, 70), slice(70, 150))]
        for a, b in ((k, l), (k, k), (l, l))
    ]
    cross, of_k, of_l = map(sum, parts)
    assert metric.compute() == pytest.approx(cross / np.sqrt(of_k * of_l), rel=1e-12)


def test_progress():
    k, l, *_ = grams()  # noqa: E741
    for function in (ig.cka_matrix, ig.gbs_matrix):
        seen: list[tuple[int, int]] = []
        function([k, l], kernel="precomputed", progress=lambda *done, to=seen: to.append(done))
        assert seen[-1][0] == seen[-1][1]


def test_parameters_that_are_not_read_are_checked():
    k, l, *_ = grams()  # noqa: E741
    assert ig.cka(k, l, kernel="precomputed", bandwidth=(1.0, 2.0), gamma=3.0) == ig.cka(
        k, l, kernel="precomputed"
    )
    with pytest.raises(ValueError, match=r"^cka: `bandwidth` must be"):
        ig.cka(k, l, kernel="precomputed", bandwidth=-1.0)


def test_where_there_is_nothing_precomputed():
    k, *_ = grams()
    with pytest.raises(ValueError, match=r"^gram: `kernel` must be one of .*, got 'precomputed'"):
        ig.gram(k, kernel="precomputed")
    for function in ("cka_matrix", "gbs_matrix"):
        with pytest.raises(ValueError, match=rf"^{function}: a plan .* call `{function}`, which"):
            ig.plan(function, [k], kernel="precomputed")
    with pytest.raises(TypeError, match="does not take `kernel`"):
        ig.similarity(k, k, measure="mutual_knn", kernel="precomputed")
    for function in ("gbs", "gbs_matrix"):
        sides = ([k],) if function == "gbs_matrix" else (k, k)
        message = rf"^{function}: `kernel` must be one of 'cosine', 'precomputed', got 'rbf'"
        with pytest.raises(ValueError, match=message):
            getattr(ig, function)(*sides, kernel="rbf")
