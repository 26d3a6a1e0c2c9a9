"""`compare_rsms_matrix` against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.compare_matrix import *  # noqa: F403
from cases.compare_matrix import ALL_METHODS, several


@pytest.mark.parametrize("method", ALL_METHODS)
def test_same_bits_for_any_number_of_threads(method):
    rows = several(5, 93, "float32")
    tables = {
        ig.compare_rsms_matrix(rows, method=method, num_threads=t).tobytes() for t in (1, 2, 3)
    }
    assert len(tables) == 1


@pytest.mark.parametrize("factor", [1e-200, 1e200])
@pytest.mark.parametrize("method", ["pearson", "cosine"])
def test_scale_does_not_matter(method, factor):
    rows = several(3, 9, "float64")
    scaled = [rows[0] * factor, *rows[1:]]
    actual = ig.compare_rsms_matrix(scaled, method=method)
    assert actual == pytest.approx(ig.compare_rsms_matrix(rows, method=method), abs=1e-14)


def test_an_offset_costs_no_digits():
    rows = several(3, 9, "float64")
    moved = [1e6 + k for k in rows]
    expected = [[np.corrcoef(a[np.triu_indices(9, 1)], b[np.triu_indices(9, 1)])[0, 1]
                 for b in rows] for a in rows]  # fmt: skip
    assert ig.compare_rsms_matrix(moved) == pytest.approx(np.array(expected), abs=1e-9)


def test_frames_give_their_labels():
    pandas = pytest.importorskip("pandas")
    names = list("abcde")
    rows = {s: pandas.DataFrame(k, names, names) for s, k in enumerate(several(2, 5, "float64"))}
    result = ig.compare_rsms_matrix(rows, {"model": next(iter(rows.values()))})
    assert list(result.index) == [0, 1]
    assert list(result.columns) == ["model"]
    turned = rows[1].iloc[::-1, ::-1]
    with pytest.raises(ValueError, match=r"`rsms\[1\]` must have its rows in the order of"):
        ig.compare_rsms_matrix([rows[0], turned])


@pytest.mark.parametrize(
    ("rsms", "other", "said"),
    [
        ([], None, r"`rsms` must have at least one RSM, got none"),
        (np.ones((0, 6)), None, r"`rsms` must have at least one RSM, got none"),
        (np.ones((2, 5)), None, r"`rsms` must be RSMs, a stack .* \(2, 5\): pass \[rsms\] for a"),
        (np.ones((2, 4, 5)), None, r"`rsms\[0\]` must be square .* got shape \(4, 5\)"),
        ([np.eye(4), np.ones((4, 5))], None, r"`rsms\[1\]` must be square .* got shape \(4, 5\)"),
        (
            [np.eye(4), np.eye(5)],
            None,
            r"`rsms\[1\]` must be of as many samples as `rsms\[0\]",
        ),
        ([np.eye(4)], {"m": np.ones(10)}, r"`other\['m'\]` must be of as many samples as `rsms\[0"),
        (np.ones(6), None, r"`rsms` must be RSMs, a stack .* got shape \(6,\): pass \[rsms\] for"),
        ([np.eye(2)], None, r"`rsms\[0\]` must be square and at least 3 x 3"),
    ],
)
def test_rsms_that_are_refused(rsms, other, said):
    with pytest.raises(ValueError, match=f"^compare_rsms_matrix: {said}"):
        ig.compare_rsms_matrix(rsms, other)


def test_no_rsms():
    with pytest.raises(TypeError, match="`rsms` must be a sequence or a mapping of"):
        ig.compare_rsms_matrix(3)
    with pytest.raises(ValueError, match="`method` must be one of"):
        ig.compare_rsms_matrix([np.eye(4)], method="manhattan")
    with pytest.raises(ValueError, match="`num_threads` must be"):
        ig.compare_rsms_matrix([np.eye(4)], num_threads=0)
