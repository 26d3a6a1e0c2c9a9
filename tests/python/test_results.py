"""What results of inference have in common: text, dictionaries, JSON and frames."""

import dataclasses
import json

import numpy as np
import pytest
from isogram._inference.results import MANY, Result

NAN = float("nan")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Test(Result):
    __test__ = False
    p: float | np.ndarray
    seed: int | None = None
    null: np.ndarray = dataclasses.field(metadata=MANY)


ONE = Test(value=0.25, measure="cka", method="permutation", n=9, p=NAN, null=np.arange(3.0))
PAIRS = Test(
    value=np.array([[0.5, 1.0], [NAN, 0.25]]),
    measure="gbs",
    method="permutation",
    n=9,
    layers=(["a", "b"], [0, 1]),
    p=np.array([[0.1, 0.2], [0.3, 0.4]]),
    seed=1,
    null=np.zeros((3, 2, 2)),
)


def test_one_line():
    assert repr(ONE) == "Test(value=0.25, measure='cka', method='permutation', n=9, p=nan)"
    assert repr(PAIRS) == (
        "Test(value=<2 × 2 from 0.25 to 1>, measure='gbs', method='permutation', n=9, "
        "p=<2 × 2 from 0.1 to 0.4>, seed=1)"
    )
    assert "n=9, reduce='mean', p=nan" in repr(dataclasses.replace(ONE, reduce="mean"))
    assert "value=<1 of NaN>" in repr(dataclasses.replace(ONE, value=np.array([NAN])))


def test_dictionaries_and_json():
    assert ONE.to_dict() == {
        "value": 0.25, "measure": "cka", "method": "permutation", "n": 9, "reduce": "flatten",
        "p": None,
    }  # fmt: skip
    assert ONE.to_dict(full=True)["null"] == [0.0, 1.0, 2.0]
    assert PAIRS.to_dict()["value"] == [[0.5, 1.0], [None, 0.25]]
    for result in (ONE, PAIRS):
        for full in (False, True):
            assert json.loads(result.to_json(full=full)) == result.to_dict(full=full)


def test_frames():
    pytest.importorskip("pandas")
    frame = PAIRS.to_pandas()
    assert list(frame.columns) == ["x", "y", "value", "p"]
    assert frame.x.tolist() == ["a", "a", "b", "b"]
    assert frame.y.tolist() == [0, 1, 0, 1]
    assert frame.p.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert frame.attrs == {
        "measure": "gbs", "method": "permutation", "n": 9, "reduce": "flatten", "seed": 1,
    }  # fmt: skip
    frame = ONE.to_pandas()
    assert frame.value.tolist() == [0.25]
    assert frame.p.isna().all()
    assert frame.attrs["n"] == 9


def test_frames_need_pandas(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="Test: `to_pandas` needs pandas: pip install pandas"):
        ONE.to_pandas()


def test_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ONE.p = 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (2, 3)])
def test_frames_of_two_sets_of_layers(shape):
    rows, cols = ([f"layer {i}" for i in range(count)] for count in shape)
    values = np.arange(float(shape[0] * shape[1])).reshape(shape)
    pairs = dataclasses.replace(PAIRS, value=values, p=values / 10, layers=(rows, cols))
    frame = pairs.to_pandas()
    assert list(frame.columns) == ["x", "y", "value", "p"]
    assert list(zip(frame.x, frame.y, strict=True)) == [(x, y) for x in rows for y in cols]
    assert frame.value.tolist() == values.ravel().tolist()
