"""`semantic_matching` of arrays on a GPU, which the host matches, against SciPy."""

import isogram as ig
import pytest
from cases.semantic_matching import *  # noqa: F403
from support import data


def test_results_lie_with_the_tokens(gpu):
    a, b = (gpu.put(data((5, 3), "float32", seed)) for seed in (1, 2))
    found = ig.semantic_matching(a, b)
    assert type(found.columns) is type(found.contributions) is type(a)
    assert type(found.total) is float


def test_inputs_apart_are_refused(gpu):
    a, b = data((5, 3), "float32", 1), gpu.put(data((5, 3), "float32", 2))
    with pytest.raises(ValueError, match=r"^semantic_matching: `other` must lie where `tokens`"):
        ig.semantic_matching(a, b)
