"""Plans whose tiles GPUs compute: here, and on the workers of a cluster."""

import os
import pickle
from pathlib import Path

import isogram as ig
import numpy as np
import pytest

OPTIONS = {
    "matched": {},
    "rbf": {"kernel": "rbf"},
    "of several kernels": {"kernel": ("linear", "cosine", "rbf")},
    "window": {"matching": "window", "window": 3},
    "spatial": {},
}


@pytest.fixture
def tokens(rng):
    return rng.standard_normal((21, 6, 5)).astype(np.float32)


def matrices(result):
    return result if isinstance(result, dict) else {"": result}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_gpu_computes_the_tiles(gpu, tokens, name):
    """With the result of one call, but for the last digits, in whatever process."""
    operation = "spatial_rsm" if name == "spatial" else "semantic_rsm"
    options = OPTIONS[name]
    for inputs in ((tokens,), (tokens[:9], tokens[9:])):
        plan = ig.plan(operation, *inputs, gpus=0, tile=8, **options)
        found = plan.run(*inputs)
        parts = {tile: plan.compute(tile, *inputs) for tile in reversed(plan.tiles)}
        again = pickle.loads(pickle.dumps(plan)).reduce(parts)
        wanted = matrices(getattr(ig, operation)(*inputs, gpus=0, **options))
        for kernel, matrix in matrices(found).items():
            assert isinstance(matrix, np.ndarray)
            np.testing.assert_array_equal(matrix, matrices(again)[kernel])
            np.testing.assert_allclose(matrix, wanted[kernel], rtol=2e-5, atol=2e-5)


def test_plans_are_of_the_gpus(gpu, tokens):
    """GPUs round products otherwise than the host, so plans of both are different."""
    assert ig.plan("semantic_rsm", tokens, gpus=0) != ig.plan("semantic_rsm", tokens)
    assert ig.plan("semantic_rsm", tokens, gpus=0).options["gpus"] == "0"


@pytest.mark.parametrize("gpus", [(), (0, 0), -1])
def test_other_numbers_of_gpus(tokens, gpus):
    with pytest.raises(ValueError, match=r"^semantic_rsm: `gpus` must"):
        ig.plan("semantic_rsm", tokens, gpus=gpus)


def test_more_gpus_than_there_are(gpu, tokens):
    plan = ig.plan("semantic_rsm", tokens, gpus=99)
    with pytest.raises(ValueError, match=r"^semantic_rsm: `gpus` must be"):
        plan.run(tokens)


def test_a_nan(gpu, tokens):
    tokens[17, 2, 1] = np.nan
    with pytest.raises(ValueError, match=r"^semantic_rsm: `tokens` must be finite, .*\(17, 2, 1\)"):
        ig.plan("semantic_rsm", tokens, gpus=0, tile=8).run(tokens)


def test_workers_of_a_cluster(gpu, tokens):
    """Each with the GPU that is the first of its own; with the bits of one machine."""
    pytest.importorskip("distributed")
    import isogram.distributed as on_cluster
    from distributed import Client, LocalCluster

    folders = [os.environ.get("ISOGRAM_CUDA_EMULATED", ""), str(Path(__file__).parent)]

    def emulate():
        import sys

        from isogram import _place

        sys.path[:0] = folders
        from emulated import EmulatedDevice

        _place._load = lambda: EmulatedDevice

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        if type(gpu).__name__ == "Emulated":
            client.run(emulate)
        found = on_cluster.semantic_rsm(tokens, client=client, gpus=0, tile=8)
    np.testing.assert_array_equal(
        found, ig.plan("semantic_rsm", tokens, gpus=0, tile=8).run(tokens)
    )
