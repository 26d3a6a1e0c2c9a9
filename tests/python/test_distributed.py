"""isogram.distributed: real worker processes give the bits of one call, whatever befalls them."""

import itertools
import json
import os
import pickle
import signal
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import isogram as ig
import numpy as np
import pytest
from isogram import io

pytest.importorskip("distributed")

import dask
import isogram.distributed as on_cluster
from distributed import Client, LocalCluster
from isogram._walk.matrices import ZarrMatrix
from isogram._walk.stored import StoredBlocks, Written
from isogram.distributed import _cluster
from isogram.distributed._cluster import Cluster
from isogram.distributed._job import Job

pytestmark = pytest.mark.usefixtures("same_environment")

N = 90


@pytest.fixture(scope="module")
def cluster(same_environment):
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as started:
        yield started


@pytest.fixture(scope="module")
def client(cluster):
    with Client(cluster, set_as_default=False) as connected:
        yield connected


@pytest.fixture
def tokens(rng):
    return rng.standard_normal((N, 9, 8)).astype(np.float32)


@pytest.fixture
def mapped(tokens, tmp_path):
    """The tokens in a file, which workers have to read."""
    np.save(tmp_path / "tokens.npy", tokens)
    return np.load(tmp_path / "tokens.npy", mmap_mode="r")


def assert_same_bits(got, want):
    if isinstance(want, dict):
        assert got.keys() == want.keys()
        for name, matrix in want.items():
            assert_same_bits(got[name], matrix)
    elif isinstance(want, ig.Csr):
        assert got.shape == want.shape
        for field in ("indptr", "indices", "data"):
            assert_same_bits(getattr(got, field), getattr(want, field))
    else:
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        assert got.tobytes() == want.tobytes()


def probabilities(tokens):
    positive = np.abs(tokens[:, 0]).astype(np.float64)
    return positive / positive.sum(axis=1, keepdims=True)


CALLS = {
    "semantic_rsm": (lambda t: (t,), {"tile": 25}),
    "semantic_rsm of two": (lambda t: (t[:50], t[40:]), {"tile": 25}),
    "semantic_rsm of kernels": (lambda t: (t,), {"tile": 40, "kernel": ("linear", "cosine")}),
    "semantic_rsm rbf": (lambda t: (t,), {"tile": 40, "kernel": "rbf"}),
    "spatial_rsm": (lambda t: (t,), {"tile": 25}),
    "gram": (lambda t: (t[:, 0],), {"tile": 25, "kernel": "rbf"}),
    "gram of two": (lambda t: (t[:50, 0], t[40:, 1]), {"tile": 25}),
    "jsd": (lambda t: (probabilities(t),), {"tile": 25}),
    "graph": (lambda t: (t[:, 0],), {"tile": 48}),
    "graph of neighbours": (lambda t: (t[:, 0],), {"tile": 48, "k": 4}),
    "cka_matrix": (lambda t: ({"a": t[:, 0], "b": t[:, 1]},), {}),
    "cka_matrix of two": (lambda t: ([t[:, 0]], [t[:, 1], t[:, 2]]), {"estimator": "biased"}),
    "gbs_matrix": (lambda t: ({"a": t[:, 0], "b": t[:, 1]},), {}),
    "gbs_matrix of neighbours": (lambda t: ([t[:, 0]], [t[:, 1]]), {"k": 3}),
}


@pytest.mark.parametrize("case", CALLS)
def test_the_bits_of_one_call(client, tokens, case):
    function, (inputs, options) = case.split()[0], CALLS[case]
    alone = {name: value for name, value in options.items() if name != "tile"}
    want = getattr(ig, function)(*inputs(tokens), **alone)
    assert_same_bits(getattr(on_cluster, function)(*inputs(tokens), client=client, **options), want)


def test_every_plan_has_its_function():
    from isogram._operations.plan import _PLANNERS

    assert set(on_cluster.__all__) == {*_PLANNERS, "run"}


def test_a_schedulers_address(cluster, tokens):
    want = ig.semantic_rsm(tokens)
    got = on_cluster.semantic_rsm(tokens, client=cluster.scheduler_address, tile=50)
    assert_same_bits(got, want)


def test_generators(client, tokens, tmp_path):
    """Are gone through once, though they are planned, checked and computed."""
    want = ig.semantic_rsm(tokens)
    assert_same_bits(on_cluster.semantic_rsm(iter(tokens), client=client), want)
    assert_same_bits(np.asarray(ig.semantic_rsm(iter(tokens), out=tmp_path / "rsm.npy")), want)
    plan = ig.plan("semantic_rsm", iter(tokens))
    assert_same_bits(on_cluster.run(plan, iter(tokens), client=client, job=tmp_path / "job"), want)


def test_warnings_are_of_the_callers_file(client, tokens, tmp_path):
    huge = tokens[:, 0] * np.float32(1e30)
    plan = ig.plan("gram", huge)
    for call in (
        lambda: on_cluster.gram(huge, client=client),
        lambda: on_cluster.run(plan, huge, client=client),
        lambda: plan.run(huge),
        lambda: ig.gram(huge, out=tmp_path / "gram.npy"),
    ):
        with pytest.warns(RuntimeWarning, match="^gram: some entries are beyond") as caught:
            call()
        assert [warning.filename for warning in caught] == [__file__]


def test_a_plan_that_needs_a_second_stage(client, rng):
    """A layer that float32 cannot tell from a constant is computed once more."""
    constant = np.full((N, 3), 1e4, np.float32) + rng.standard_normal((N, 3)).astype(np.float32)
    layers = {"a": constant, "b": rng.standard_normal((N, 4)).astype(np.float32)}
    assert_same_bits(on_cluster.cka_matrix(layers, client=client), ig.cka_matrix(layers))


def test_progress_counts_the_pairs_of_tiles_that_are_done(client, tokens):
    told = []
    plan = ig.plan("semantic_rsm", tokens, tile=30)
    on_cluster.run(plan, tokens, client=client, progress=lambda *now: told.append(now))
    assert told == sorted(told)
    assert len(told) == len(plan.tiles)
    assert told[-1] == (plan.cost.pairs, plan.cost.pairs)


# Inputs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x,
        lambda x: x[3:, ::2],
        lambda x: x[::-1, :, ::-1],
        lambda x: np.asarray(x).transpose(0, 2, 1),
        lambda x: x.view(np.uint32).view(np.float32)[:, 1:4],
    ],
)
def test_memory_maps_travel_as_paths(mapped, view):
    plan = ig.plan("semantic_rsm", view(mapped))
    job = Job(plan, [view(mapped)])
    assert job.nbytes < 4000 < view(mapped).nbytes
    plan_there, checked, _ = pickle.loads(pickle.dumps(job)).opened()
    assert plan_there._digest == plan._digest
    assert plan_there.tiles == ()
    (there,) = checked.sources.values()
    assert_same_bits(there, view(mapped))


def test_what_lies_in_memory_only_travels_whole(tmp_path, tokens):
    np.save(tmp_path / "tokens.npy", tokens)
    private = np.load(tmp_path / "tokens.npy", mmap_mode="c")
    private[0] = 1  # not in the file
    job = Job(ig.plan("semantic_rsm", private), [private])
    assert job.nbytes > private.nbytes
    (there,) = pickle.loads(pickle.dumps(job)).opened().checked.sources.values()
    assert_same_bits(there, np.asarray(private))


def test_workers_read_memory_maps(client, mapped, tokens):
    want = ig.semantic_rsm(tokens)
    assert_same_bits(on_cluster.semantic_rsm(mapped, client=client, tile=30), want)


def test_workers_read_files_of_layers(client, tokens, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "layers.h5", "w") as file:
        file["block1"], file["block2"] = tokens[:, 0], tokens
        file["ids"] = np.arange(N)
    with io.open(tmp_path / "layers.h5") as layers:
        want = ig.cka_matrix(layers)
        assert Job(ig.plan("cka_matrix", layers), [layers]).nbytes < 20_000
        assert_same_bits(on_cluster.cka_matrix(layers, client=client), want)


def test_workers_read_datasets_of_hdf5(client, tokens, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "tokens.h5", "w") as file:
        file["tokens"] = tokens
    with h5py.File(tmp_path / "tokens.h5", "r") as file:
        want = ig.semantic_rsm(tokens)
        assert_same_bits(on_cluster.semantic_rsm(file["tokens"], client=client, tile=50), want)


def zarr_input(tokens, folder):
    zarr = pytest.importorskip("zarr")
    array = zarr.create_array(folder / "t.zarr", shape=tokens.shape, dtype="f4", chunks=(20, 9, 8))
    array[:] = tokens
    return array


def dask_input(tokens, folder):
    return 2 * pytest.importorskip("dask.array").from_zarr(zarr_input(tokens, folder)) / 2


def function_input(tokens, folder):
    np.save(folder / "t.npy", tokens)
    path = folder / "t.npy"
    return ig.rows(
        lambda start, stop: np.load(path, mmap_mode="r")[start:stop], tokens.shape, tokens.dtype
    )


@pytest.mark.parametrize("made", [zarr_input, dask_input, function_input])
def test_workers_read_rows(client, tokens, tmp_path, made):
    source = made(tokens, tmp_path)
    plan = ig.plan("semantic_rsm", source, tile=30)
    job = Job(plan, [source])
    assert tokens[:20].tobytes() not in b"".join([job._pickled, *job._buffers])
    assert_same_bits(on_cluster.run(plan, source, client=client), ig.semantic_rsm(tokens))


# The command line --------------------------------------------------------------------------------


def isogram(*args):
    pytest.importorskip("click")
    from click.testing import CliRunner
    from isogram.cli._commands import commands

    return CliRunner().invoke(commands, list(map(str, args)))


def test_rsm_by_a_scheduler(cluster, tokens, tmp_path):
    pytest.importorskip("zarr")
    np.save(tmp_path / "tokens.npy", tokens)
    for name in ("rsm.npy", "rsm.zarr"):
        path = tmp_path / name
        done = isogram(
            "rsm", tmp_path / "tokens.npy", "-o", path, "--scheduler", cluster.scheduler_address
        )
        assert done.exit_code == 0, done.output
    assert_same_bits(np.load(tmp_path / "rsm.npy"), ig.semantic_rsm(tokens))
    assert (tmp_path / "rsm.zarr" / "zarr.json").exists()


def test_retrieve_by_a_scheduler(cluster, tokens, tmp_path):
    """Of files that workers read, and of an index."""
    pytest.importorskip("click")
    path, index, found = (tmp_path / name for name in ("tokens.npy", "an.index", "found.json"))
    np.save(path, tokens)
    ig.SemanticIndex.build(tokens, path=index)
    for target in (path, index):
        call = ("retrieve", path, target, "--k", 2, "--json")
        expected = isogram(*call, "-")
        done = isogram(*call, found, "--scheduler", cluster.scheduler_address, "--resume")
        assert done.exit_code == 0, done.output
        assert json.loads(found.read_text()) == json.loads(expected.stdout)
        found.with_name("found.json.job").rename(tmp_path / f"done.{target.name}")


@pytest.mark.parametrize("measure", ["cka", "gbs_knn"])
def test_compare_by_a_scheduler(cluster, tokens, tmp_path, measure):
    np.savez(tmp_path / "a.npz", first=tokens[:, 0], second=tokens[:, 1])
    np.savez(tmp_path / "b.npz", third=tokens[:, 2])
    call = ("compare", tmp_path / "a.npz", tmp_path / "b.npz", "--measure", measure)
    alone = isogram(*call)
    done = isogram(*call, "--scheduler", cluster.scheduler_address)
    assert done.exit_code == alone.exit_code == 0, done.output
    assert done.output == alone.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--num-threads", 2), "--num-threads does not go with --scheduler: workers use all"),
        (("--measure", "mutual_knn"), "--scheduler goes with CKA and GBS of features only"),
        (("--reduce", "positions"), "--scheduler does not go with --reduce positions"),
    ],
)
def test_what_does_not_go_with_a_scheduler(tokens, tmp_path, options, message):
    np.savez(tmp_path / "a.npz", first=tokens[:, 0])
    call = ("compare", tmp_path / "a.npz", tmp_path / "a.npz", "--scheduler", "tcp://127.0.0.1:1")
    refused = isogram(*call, *options)
    assert refused.exit_code == 2
    assert message in refused.output.replace("\n", " ")


# Results -----------------------------------------------------------------------------------------


def test_results_go_to_a_memory_map_and_are_not_kept(client, rng, tmp_path):
    x = rng.standard_normal((1500, 4)).astype(np.float32)
    plan = ig.plan("gram", x, tile=150)
    out = np.lib.format.open_memmap(tmp_path / "gram.npy", "w+", np.float32, plan.shape)
    tracemalloc.start()
    got = on_cluster.run(plan, x, client=client, out=out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert got is out
    assert_same_bits(np.asarray(out), ig.gram(x))
    assert peak < out.nbytes / 2


def zarr_array(path, n, tile):
    zarr = pytest.importorskip("zarr")
    return zarr.create_array(path, shape=(n, n), dtype="f4", chunks=(tile, tile), fill_value=-9)


@pytest.fixture
def puts(monkeypatch):
    """The types of all parts that came here for a matrix on disk."""
    came, put = [], StoredBlocks.put

    def noting(self, tile, part):
        came.append(type(part))
        return put(self, tile, part)

    monkeypatch.setattr(StoredBlocks, "put", noting)
    return came


def test_workers_write_chunks_of_zarr(client, tokens, tmp_path, monkeypatch, puts):
    monkeypatch.chdir(tmp_path)  # a path of this process, not of the workers
    out = zarr_array("rsm.zarr", N, 25)
    assert on_cluster.semantic_rsm(tokens, client=client, tile=25, out=out) is out
    assert_same_bits(out[:], ig.semantic_rsm(tokens))
    assert set(puts) == {Written}


def test_chunks_in_memory_are_written_here(client, tokens, puts):
    out = zarr_array({}, N, 25)
    on_cluster.semantic_rsm(tokens, client=client, tile=25, out=out)
    assert_same_bits(out[:], ig.semantic_rsm(tokens))
    assert set(puts) == {dict}


@pytest.mark.parametrize("kernel", ["cosine", "rbf"])  # rbf: of the median of all
@pytest.mark.parametrize("suffix", [".zarr", ".npy"])
def test_a_job_goes_on_here_and_on_a_cluster(client, tokens, tmp_path, suffix, kernel):
    pytest.importorskip("zarr")
    plan, path = ig.plan("semantic_rsm", tokens, kernel=kernel, tile=25), tmp_path / f"rsm{suffix}"

    def stop_after(tiles):
        def progress(done, total):
            if next(count) == tiles:
                raise KeyboardInterrupt

        count = itertools.count()
        return progress

    with pytest.raises(KeyboardInterrupt):
        plan.run(tokens, out=path, progress=stop_after(3))
    with pytest.raises(KeyboardInterrupt):
        on_cluster.run(plan, tokens, client=client, out=path, progress=stop_after(3))
    assert not path.exists()
    told = []
    got = on_cluster.run(
        plan, tokens, client=client, out=path, progress=lambda done, _: told.append(done)
    )
    assert told[0] > 0
    assert_same_bits(np.asarray(got[:]), ig.semantic_rsm(tokens, kernel=kernel))


def test_parts_of_a_job(client, tokens, tmp_path):
    layers = [tokens[:, 0], tokens[:, 1]]
    for _ in range(2):
        got = on_cluster.cka_matrix(layers, client=client, job=tmp_path / "cka")
        assert_same_bits(got, ig.cka_matrix(layers))


def test_workers_that_write_elsewhere(client, tokens, tmp_path):
    plan = ig.plan("semantic_rsm", tokens, tile=25)
    here, there = (ZarrMatrix(zarr_array(tmp_path / name, N, 25)) for name in ("here", "there"))
    cluster = Cluster(client, plan, Job(plan, [tokens], there), here)
    with pytest.raises(RuntimeError, match=r"semantic_rsm: workers must write to the `out` that"):
        list(cluster.compute(iter(plan.tiles), lambda _: None))


def test_few_tiles_are_on_their_way(client, tokens, monkeypatch):
    begin, most = Cluster._begin, []

    def noting(self, tile):
        begin(self, tile)
        most.append(len(self._begun))

    monkeypatch.setattr(Cluster, "_begin", noting)
    on_cluster.semantic_rsm(tokens, client=client, tile=10)
    assert max(most) == 4
    assert len(most) == 45


# What goes wrong ---------------------------------------------------------------------------------


def test_a_tile_that_no_worker_has_memory_for(tokens, monkeypatch, cluster, client):
    client.wait_for_workers(2)
    for worker in cluster.scheduler.workers.values():
        monkeypatch.setattr(worker, "memory_limit", 40_000)
    # As if Dask's own timer had just renewed what it keeps, which names no workers.
    monkeypatch.setattr(client, "scheduler_info", lambda: {"workers": {}})
    with pytest.raises(MemoryError, match=r"semantic_rsm: workers must have memory for a tile, ab"):
        on_cluster.semantic_rsm(tokens, client=client)


@pytest.mark.parametrize("options", [{}, {"tile": 25}])
def test_chunks_that_no_worker_has_memory_to_copy(
    tokens, tmp_path, monkeypatch, cluster, client, options
):
    """Tiles of the plan or of the caller: writing them to a Zarr array takes copies of chunks."""
    client.wait_for_workers(2)
    for worker in cluster.scheduler.workers.values():
        monkeypatch.setattr(worker, "memory_limit", 1_000_000)
    plan = ig.plan("semantic_rsm", tokens, **options)
    assert on_cluster.run(plan, tokens, client=client).shape == (N, N)
    out = zarr_array(tmp_path / "rsm.zarr", N, 25)
    with pytest.raises(MemoryError, match=r"semantic_rsm: workers must have memory for a tile, ab"):
        on_cluster.run(plan, tokens, out=out, client=client)


def test_what_a_worker_finds_is_isograms_own_error(client, rng, tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, rng.standard_normal((N, 3)))
    x = np.load(path, mmap_mode="r+")
    plan = ig.plan("gram", x, tile=30)
    x[70, 1] = np.nan  # which no worker saw when the plan was made
    with pytest.raises(ValueError, match=r"^gram: `x` must be finite, got nan at index \(70, 1\)"):
        on_cluster.run(plan, x, client=client)
    x[70, 1] = 0  # and the cluster is as good as before
    assert_same_bits(on_cluster.run(plan, x, client=client), ig.gram(x))


def test_other_inputs_than_planned_are_refused(client, tokens):
    plan = ig.plan("semantic_rsm", tokens)
    with pytest.raises(ValueError, match="semantic_rsm: `tokens` must be as planned"):
        on_cluster.run(plan, tokens[:5], client=client)
    with pytest.raises(ValueError, match=r"`inputs` must be `tokens`, .* got 2 inputs"):
        on_cluster.run(plan, tokens, tokens, client=client)


@pytest.mark.parametrize("wrong", [7, None, ["tcp://1.2.3.4:1"]])
def test_what_is_no_client(tokens, wrong):
    with pytest.raises(TypeError, match=r"gram: `client` must be a distributed\.Client, not an as"):
        on_cluster.gram(tokens[:, 0], client=wrong)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("nonsense", "missing port number"),
        ("", "missing port number"),
        ("carrier-pigeon://a:1", "unknown address scheme"),
        ("tcp://127.0.0.1:1", "Timed out"),
    ],
)
def test_addresses_without_a_scheduler(tokens, tmp_path, address, why):
    np.save(tmp_path / "tokens.npy", tokens)
    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}):
        with pytest.raises(
            ConnectionError, match=rf"semantic_rsm: `client` .* within 200ms.*{why}"
        ):
            on_cluster.semantic_rsm(tokens, client=address)
        call = ("rsm", tmp_path / "tokens.npy", "-o", tmp_path / "rsm.npy", "--scheduler", address)
        refused = isogram(*call)
    assert refused.exit_code == 1
    assert "Error: --scheduler must be the address of a scheduler that answers" in refused.output


@pytest.mark.parametrize("when", ["before", "during", "while it waits"])
def test_a_client_that_is_closed(cluster, tokens, when):
    plan, own = ig.plan("semantic_rsm", tokens, tile=25), Client(cluster, set_as_default=False)
    inputs = tokens
    if when == "before":
        own.close()
    if when == "while it waits":
        inputs = ig.rows(slowly(tokens), tokens.shape, tokens.dtype)
        threading.Timer(0.3, own.close).start()
    with pytest.raises(RuntimeError, match=r"semantic_rsm: `client` must be open until the result"):
        on_cluster.run(plan, inputs, client=own, progress=lambda *_: own.close())


def slowly(tokens):
    """Return what reads rows, on a worker in a second."""
    here = os.getpid()
    return lambda start, stop: (time.sleep(os.getpid() != here), tokens[start:stop])[1]


def test_a_scheduler_that_goes(tokens):
    with LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as own:
        client = Client(own.scheduler_address, set_as_default=False)
        with pytest.raises(RuntimeError, match=r"semantic_rsm: .* the scheduler must be there u"):
            on_cluster.semantic_rsm(tokens, client=client, tile=10, progress=lambda *_: own.close())
        client.close()


def test_a_job_that_somebody_cancels(client, tokens):
    plan = ig.plan("semantic_rsm", tokens, tile=10)
    cluster = Cluster(client, plan, Job(plan, [tokens]))
    parts = cluster.compute(iter(plan.tiles), lambda _: None)
    next(parts)
    cluster._sent.cancel()
    with pytest.raises(
        RuntimeError, match="semantic_rsm: tiles must not be cancelled, and the sch"
    ):
        list(parts)


@pytest.mark.parametrize("later", [False, True])
def test_a_cluster_without_workers(tokens, monkeypatch, later):
    """From the start, or while tiles wait."""
    monkeypatch.setattr(_cluster, "_ALONE", 0.3)
    with (
        LocalCluster(
            n_workers=int(later), processes=False, dashboard_address=":0", silence_logs=50
        ) as own,
        Client(own, set_as_default=False) as client,
    ):
        gone = []

        def progress(done, _total):
            if later and not gone:
                gone.append(own.scale(0))
                timer.start()

        timer = threading.Timer(1.0, own.scale, (1,))
        if not later:
            timer.start()
        with pytest.warns(RuntimeWarning, match="^semantic_rsm: no worker is there, and the call"):
            got = on_cluster.semantic_rsm(tokens, client=client, tile=10, progress=progress)
    assert_same_bits(got, ig.semantic_rsm(tokens))


def test_what_is_finished_needs_no_worker(client, tokens, tmp_path):
    path = tmp_path / "rsm.npy"
    on_cluster.semantic_rsm(tokens, client=client, out=path)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as own,
        Client(own, set_as_default=False) as alone,
    ):
        assert_same_bits(
            np.asarray(on_cluster.semantic_rsm(tokens, client=alone, out=path)),
            ig.semantic_rsm(tokens),
        )


def test_what_is_no_plan(client, tokens):
    with pytest.raises(
        TypeError, match=r"^run: `plan` must be a plan of isogram\.plan, got ndarray"
    ):
        on_cluster.run(tokens, client=client)


def test_inputs_that_cannot_travel(client, tokens):
    lock = threading.Lock()
    source = ig.rows(lambda a, b: tokens[a:b] if lock else None, tokens.shape, tokens.dtype)
    with pytest.raises(TypeError, match=r"^semantic_rsm: `inputs` must be such as can be pickle"):
        on_cluster.semantic_rsm(source, client=client)


def test_a_file_that_workers_do_not_reach(client, mapped, tmp_path):
    os.unlink(tmp_path / "tokens.npy")
    with pytest.raises(
        FileNotFoundError, match="semantic_rsm: workers must reach the files of all"
    ):
        on_cluster.semantic_rsm(mapped, client=client)


def test_jobs_at_the_same_time(client, tokens):
    """Of two threads, and of a callback in the midst of another."""
    with ThreadPoolExecutor(2) as pool:
        calls = [
            pool.submit(on_cluster.semantic_rsm, tokens[i:], client=client, tile=20) for i in (0, 1)
        ]
        for i, call in enumerate(calls):
            assert_same_bits(call.result(), ig.semantic_rsm(tokens[i:]))
    inner = []

    def progress(done, _total):
        inner.append(on_cluster.gram(tokens[:, 0], client=client))

    got = on_cluster.semantic_rsm(tokens, client=client, tile=50, progress=progress)
    assert_same_bits(got, ig.semantic_rsm(tokens))
    assert_same_bits(inner[0], ig.gram(tokens[:, 0]))


def test_ctrl_c_while_workers_compute(client, tokens):
    source = ig.rows(slowly(tokens), tokens.shape, tokens.dtype)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        on_cluster.semantic_rsm(source, client=client, tile=30)
    assert_same_bits(on_cluster.semantic_rsm(tokens, client=client), ig.semantic_rsm(tokens))


def test_another_version_on_a_worker(client, tokens):
    plan = ig.plan("semantic_rsm", tokens)
    job = Job(plan, [tokens])
    job._version = "0.0.1"
    with pytest.raises(RuntimeError, match=r"semantic_rsm: workers must have isogram 0\.0\.1, as"):
        list(Cluster(client, plan, job).compute(iter(plan.tiles), lambda _: None))


@pytest.mark.filterwarnings("ignore:.*no worker is there")  # for long, where a start takes long
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_worker_costs_its_tiles_only(tokens, workers):
    """Also where it was the last that had the inputs."""
    plan, told = ig.plan("semantic_rsm", tokens, kernel="linear", tile=10), []

    def kill_at_first(*now):
        told.append(now)
        if len(told) == 1:
            os.kill(victim, signal.SIGKILL)

    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as own,
        Client(own, set_as_default=False) as client,
    ):
        victim = next(iter(client.run(os.getpid).values()))
        got = on_cluster.run(plan, tokens, client=client, progress=kill_at_first)
    assert_same_bits(got, ig.semantic_rsm(tokens, kernel="linear"))
    assert len(told) == len(plan.tiles)


def test_an_interrupted_call_leaves_no_task_behind(client, tokens):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        on_cluster.semantic_rsm(tokens, client=client, tile=10, progress=interrupt)
    deadline = time.monotonic() + 20
    while any(client.processing().values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(client.processing().values())
    assert_same_bits(
        on_cluster.semantic_rsm(tokens, client=client, tile=50), ig.semantic_rsm(tokens)
    )


def test_retrieve(client, mapped, tokens, tmp_path):
    """A task is some queries; an index is read by its path."""
    expected = ig.retrieve(tokens[:40], tokens, 3)
    found = on_cluster.retrieve(mapped[:40], mapped, 3, client=client, tile=15)
    path = tmp_path / "gallery.index"
    index = ig.SemanticIndex.build(tokens, path=path)
    for gallery in (index, path):
        hits = on_cluster.retrieve(mapped[:40], gallery, 3, client=client, tile=15)
        np.testing.assert_array_equal(hits.ids, expected.indices)
        np.testing.assert_array_equal(hits.scores, expected.scores)
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), value)
    plan = ig.plan("retrieve", mapped[:40], index, k=3)
    assert Job(plan, [mapped[:40], index]).nbytes < 20_000 < path.stat().st_size
