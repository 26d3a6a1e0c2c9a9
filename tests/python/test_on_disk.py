"""Results on disk: paths as `out`, journals of what is finished, and calls that go on."""

import json
import os
import re
from pathlib import Path

import isogram as ig
import numpy as np
import pytest
from isogram._plans.gram import plan_gram
from support import RSM_KERNELS

TOKENS = np.random.default_rng(0).standard_normal((50, 6, 5)).astype(np.float32)
OTHER = np.random.default_rng(1).standard_normal((30, 6, 5)).astype(np.float32)
FEATURES = np.random.default_rng(2).standard_normal((50, 7)).astype(np.float32)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rsm_to(out, *inputs, tile=16, job=None, progress=False, **options):
    inputs = inputs or (TOKENS,)
    plan = ig.plan("semantic_rsm", *inputs, tile=tile, **options)
    return plan.run(*inputs, out=out, job=job, progress=progress)


def zarr_array(name, shape, chunks, **options):
    zarr = pytest.importorskip("zarr")
    return zarr.create_array(name, shape=shape, chunks=chunks, dtype="float32", **options)


class Counted:
    """A progress that counts the pairs that are computed, not those that are there already."""

    def __init__(self, stop_after=None):
        self.reports, self.stop_after = [], stop_after

    def __call__(self, done, total):
        self.reports.append(done)
        if self.stop_after is not None and len(self.reports) > self.stop_after:
            raise KeyboardInterrupt


class TestOut:
    @pytest.mark.parametrize("ending", ["npy", "zarr"])
    @pytest.mark.parametrize("bandwidth", ["median", 2.0])
    @pytest.mark.parametrize("kernel", RSM_KERNELS)
    @pytest.mark.parametrize("inputs", [(TOKENS,), (TOKENS, OTHER)], ids=["one set", "two sets"])
    def test_path(self, inputs, kernel, bandwidth, ending):
        if ending == "zarr":
            pytest.importorskip("zarr")
        options = {"kernel": kernel, "bandwidth": bandwidth}
        expected = ig.semantic_rsm(*inputs, **options)
        for _ in range(2):  # the second time it is there already
            result = rsm_to(f"rsm.{ending}", *inputs, **options)
            assert result.dtype == np.float32
            assert np.array_equal(result[...], expected)
        assert sorted(os.listdir(f"rsm.{ending}.job")) == ["journal.jsonl", "lock"]

    def test_functions(self):
        pytest.importorskip("zarr")
        calls = {
            "gram": (ig.gram, (FEATURES,), {"kernel": "rbf"}),
            "gram of two sets": (ig.gram, (FEATURES, FEATURES[:7]), {}),
            "semantic_rsm": (ig.semantic_rsm, (TOKENS,), {"progress": Counted()}),
            "spatial_rsm": (ig.spatial_rsm, (TOKENS, OTHER), {"normalize": "token"}),
        }
        for name, (function, inputs, options) in calls.items():
            for ending in ("npy", "zarr"):
                result = function(*inputs, out=f"{name}.{ending}", **options)
                assert np.array_equal(result[...], function(*inputs, **options))
        assert np.array_equal(np.load("semantic_rsm.npy"), ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("chunks", [(16, 16), (8, 8)])
    @pytest.mark.parametrize("job", [None, "job"])
    def test_zarr_array(self, job, chunks):
        out = zarr_array("rsm.zarr", (50, 50), chunks)
        assert rsm_to(out, job=job) is out
        assert np.array_equal(out[...], ig.semantic_rsm(TOKENS))

    def test_shards(self):
        out = zarr_array("rsm.zarr", (50, 50), (8, 8), shards=(16, 16))
        rsm_to(out)
        assert np.array_equal(out[...], ig.semantic_rsm(TOKENS))

    def test_median_in_a_zarr_array(self):
        out = zarr_array("rsm.zarr", (50, 50), (16, 16))
        expected = ig.semantic_rsm(TOKENS, kernel="rbf")
        counts = []
        for damage in (None, None, out):
            if damage is not None:
                out[0, 3] = 9  # which is computed again, as all others that it was made of
            computed = Counted()
            assert rsm_to(out, kernel="rbf", job="job", progress=computed) is out
            assert np.array_equal(out[...], expected)
            counts.append(len(computed.reports))
        assert counts[1] <= 1 < counts[0] == counts[2]
        assert sorted(os.listdir("job")) == ["journal.jsonl", "lock"]

    @pytest.mark.parametrize("ending", ["npy", "zarr"])
    def test_inputs_read_by_rows(self, ending):
        if ending == "zarr":
            pytest.importorskip("zarr")
        for name, inputs, operation in (
            ("rsm", TOKENS, "semantic_rsm"),
            ("gram", FEATURES, "gram"),
        ):
            expected = ig.plan(operation, inputs).run(inputs)
            for source in (ig.rows(lambda a, b, x=inputs: x[a:b], inputs.shape, "float32"), inputs):
                plan = ig.plan(operation, source, tile=16)
                assert np.array_equal(plan.run(source, out=f"{name}.{ending}")[...], expected)

    def test_chunks_are_tiles(self):
        pytest.importorskip("zarr")
        assert rsm_to("rsm.zarr").chunks == (16, 16)

    @pytest.mark.parametrize(
        "setting",
        [
            {"default_zarr_format": 2},
            {"array.write_empty_chunks": False},
            {"array.order": "F"},
        ],
    )
    def test_settings_of_zarr_change_nothing(self, setting):
        zarr = pytest.importorskip("zarr")
        with zarr.config.set(setting):
            assert np.array_equal(rsm_to("rsm.zarr")[...], ig.semantic_rsm(TOKENS))
        assert np.array_equal(zarr.open_array("rsm.zarr")[...], ig.semantic_rsm(TOKENS))

    def test_nothing_is_at_the_path_before_it_is_whole(self):
        with pytest.raises(KeyboardInterrupt):
            rsm_to("rsm.npy", progress=Counted(stop_after=3))
        assert not os.path.exists("rsm.npy")

    def test_warnings_come_again(self):
        huge = TOKENS * 1e25
        for _ in range(2):
            with pytest.warns(RuntimeWarning, match="beyond the range"):
                rsm_to("rsm.npy", huge, kernel="linear")

    def test_a_file_is_replaced(self):
        np.save("rsm.npy", np.zeros(3))
        assert np.array_equal(rsm_to("rsm.npy"), ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"out": "rsm.txt"}, ValueError, "`out` must be a path that ends in .npy or .zarr"),
            ({"out": "rsm.npy", "job": "job"}, ValueError, "`job` must be None where `out` is a"),
            ({"out": "rsm.npy", "kernel": RSM_KERNELS}, ValueError, "`out` must be None for sev"),
            ({"out": "nowhere/rsm.npy"}, FileNotFoundError, "nowhere"),
            ({"out": None, "job": 3}, TypeError, "`job` must be a string or a path, got 3"),
        ],
    )
    def test_refused(self, options, error, message):
        with pytest.raises(error, match=re.escape(message)):
            rsm_to(**options)

    def test_memory_limit(self, monkeypatch):
        """Tiles that are smaller are other parts; with one thread they would take as much."""
        monkeypatch.setenv("ISOGRAM_NUM_THREADS", "2")
        expected = ig.semantic_rsm(TOKENS)
        taken = ig.plan("semantic_rsm", TOKENS).cost.working_memory
        limits = [3 * taken, taken]
        result = ig.semantic_rsm(TOKENS, out="rsm.npy", memory_limit=limits[0])
        assert np.array_equal(result, expected)
        with pytest.raises(ValueError, match=r"but tiles was \d+ of \d+ x \d+, and is \d+ of"):
            ig.semantic_rsm(TOKENS, out="rsm.npy", memory_limit=limits[1])

    def test_a_folder_is_not_replaced(self):
        pytest.importorskip("zarr")
        os.mkdir("rsm.zarr")
        with pytest.raises(ValueError, match=r"`out` must be a new path, but .*rsm\.zarr is there"):
            rsm_to("rsm.zarr")

    @pytest.mark.parametrize("make", [lambda path: path.touch(), lambda path: path.symlink_to("a")])
    def test_nor_is_a_file_or_a_link_by_a_zarr_array(self, make):
        pytest.importorskip("zarr")
        make(Path("rsm.zarr"))
        with pytest.raises(ValueError, match=r"`out` must be a new path, but .*rsm\.zarr is there"):
            rsm_to("rsm.zarr")
        assert os.listdir() == ["rsm.zarr"]

    @pytest.mark.parametrize("path", ["no/rsm.npy", "no/rsm.zarr"])
    def test_folder_that_is_not_there(self, path):
        pytest.importorskip("zarr")
        with pytest.raises(FileNotFoundError, match=r"the folder .*no does not exist"):
            rsm_to(path)

    @pytest.mark.parametrize("job", ["no/job", "file"])
    def test_folder_that_cannot_be_made(self, job):
        Path("file").touch()
        with pytest.raises(OSError, match=rf"semantic_rsm: the folder of the job, .*{job}, cannot"):
            rsm_to(None, job=job)

    @pytest.mark.parametrize("name", ["out", "job"])
    @pytest.mark.parametrize("path", ["", "a\0.npy"])
    def test_text_that_is_no_path(self, name, path):
        with pytest.raises(ValueError, match=f"semantic_rsm: `{name}` must be a path, got '"):
            rsm_to(**({"out": None} | {name: path}))

    @pytest.mark.parametrize("where", [{"out": "rsm.npy"}, {"out": "rsm.zarr"}, {"job": "job"}])
    def test_process_that_changes_its_folder(self, where, tmp_path, monkeypatch):
        pytest.importorskip("zarr")
        os.mkdir("elsewhere")
        result = rsm_to(
            **({"out": None} | where), progress=lambda *_: monkeypatch.chdir(tmp_path / "elsewhere")
        )
        assert np.array_equal(result[...], ig.semantic_rsm(TOKENS))
        assert os.listdir() == []
        assert all((tmp_path / place).exists() for place in where.values())

    @pytest.mark.parametrize(
        ("shape", "chunks", "options", "message"),
        [
            ((50, 49), (16, 16), {}, "`out` must be of shape"),
            (
                (50, 50),
                (12, 16),
                {},
                "`out` must have chunks that tiles are made of, got chunks of",
            ),
            ((50, 50), (16, 16), {"kernel": "rbf"}, "`job` must be a folder, or `out` a path"),
        ],
    )
    def test_zarr_array_that_is_refused(self, shape, chunks, options, message):
        with pytest.raises(ValueError, match=message):
            rsm_to(zarr_array("rsm.zarr", shape, chunks), **options)

    @pytest.mark.parametrize("chunks", [(50, 50), (12, 16), (7, 7), (64, 64), (1, 50)])
    def test_zarr_array_of_any_chunks(self, chunks):
        out = zarr_array("rsm.zarr", (50, 50), chunks)
        assert ig.semantic_rsm(TOKENS, out=out) is out
        assert np.array_equal(out[...], ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("limit", [None, 2_400_000])
    @pytest.mark.parametrize(
        ("rows", "chunks"), [(700, (35, 35)), (700, (24, 32)), (300, (20, 20)), (300, (100, 50))]
    )
    def test_tiles_are_made_of_chunks_of_a_zarr_array(self, rows, chunks, limit, monkeypatch):
        monkeypatch.setitem(plan_gram.__kwdefaults__, "tile", 500)
        x = np.random.default_rng(3).standard_normal((700, 3)).astype(np.float32)
        inputs = (x,) if rows == 700 else (x[:rows], x)
        out = zarr_array("gram.zarr", (rows, 700), chunks)
        plan = ig.plan("gram", *inputs, memory_limit=limit)
        with pytest.raises(KeyboardInterrupt):
            plan.run(*inputs, out=out, progress=Counted(stop_after=1), job="gram.job")
        again = Counted()
        plan.run(*inputs, out=out, progress=again, job="gram.job")
        assert np.array_equal(out[...], ig.gram(*inputs))
        assert 0 < again.reports[0] < again.reports[-1]  # it has the tiles of the first call

    def test_limit_that_copies_of_chunks_do_not_keep(self):
        x = np.random.default_rng(3).standard_normal((700, 3)).astype(np.float32)
        out = zarr_array("gram.zarr", (700, 700), (700, 700))
        plan = ig.plan("gram", x, memory_limit=4_000_000)
        message = r"with copies of chunks of `out`, take, got 4000000: smaller chunks"
        with pytest.raises(MemoryError, match=message) as no:
            plan.run(x, out=out)
        least = int(re.search(r"at least (\d+) bytes", str(no.value))[1])
        ig.plan("gram", x, memory_limit=least).run(x, out=out)
        assert np.array_equal(out[...], ig.gram(x))

    def test_zarr_array_of_another_type(self):
        out = pytest.importorskip("zarr").create_array("a.zarr", shape=(50, 50), dtype="float64")
        with pytest.raises(TypeError, match="`out` must be of float32, got float64"):
            rsm_to(out)

    @pytest.mark.parametrize("again", [False, True])
    def test_zarr_array_that_is_an_input(self, again):
        x = zarr_array("x.zarr", (50, 50), (16, 16))
        out = pytest.importorskip("zarr").open_array(os.path.abspath("x.zarr")) if again else x
        plan = ig.plan("gram", x, tile=16)
        with pytest.raises(ValueError, match=r"^gram: `out` must not be `x`, whose rows are read"):
            plan.run(x, out=out, job="job")

    def test_map_of_the_file_of_an_input(self):
        np.save("x.npy", np.eye(50, dtype=np.float32))
        x, out = (np.load("x.npy", mmap_mode=mode) for mode in ("r", "r+"))
        with pytest.raises(ValueError, match=r"^gram: `out` must not overlap `x`"):
            ig.plan("gram", x, tile=16).run(x, out=out)
        with pytest.raises(ValueError, match=r"^gram: `out` must not overlap `x`"):
            ig.gram(x, out=out)
        assert np.array_equal(x, np.eye(50))

    def test_maps_of_parts_of_a_file(self):
        both = np.lib.format.open_memmap("both.npy", "w+", np.float32, (57, 50))
        both[50:] = FEATURES.T
        both.flush()
        x = np.load("both.npy", mmap_mode="r")[50:].T
        assert np.array_equal(ig.gram(x, out=both[:50]), ig.gram(FEATURES))

    def test_data_set_of_hdf5(self, tmp_path):
        h5py = pytest.importorskip("h5py")
        out = h5py.File(tmp_path / "a.h5", "w").create_dataset("gram", shape=(50, 50), dtype="f4")
        for run in (ig.plan("gram", FEATURES).run, ig.gram):
            with pytest.raises(TypeError, match=r"^gram: `out` must be an array in memory, got"):
                run(FEATURES, out=out)

    def test_zarr_array_for_reading(self):
        zarr_array("rsm.zarr", (50, 50), (16, 16))
        out = pytest.importorskip("zarr").open_array("rsm.zarr", mode="r")
        with pytest.raises(ValueError, match="`out` must be writeable"):
            rsm_to(out)

    @pytest.mark.parametrize("options", [{"gpus": 1}, {"pairs": ([0], [1])}, {"loss": TOKENS}])
    def test_options_that_plans_do_not_take(self, options):
        [name] = options
        with pytest.raises(ValueError, match=f"semantic_rsm: `{name}` must be left out where"):
            ig.semantic_rsm(TOKENS, out="rsm.npy", **options)

    def test_precision_of_a_gpu(self):
        with pytest.raises(ValueError, match="gram: `precision` must be left out where `out`"):
            ig.gram(FEATURES, out="gram.npy", precision="tf32")

    def test_plan_without_blocks(self):
        plan = ig.plan("cka_matrix", [FEATURES])
        with pytest.raises(ValueError, match="`out` must be None for a plan whose parts"):
            plan.run([FEATURES], out="cka.npy")
        assert not os.path.exists("cka.npy.job")


class TestGoesOn:
    def stopped(self, stop_after=3, **options):
        """Stop a job in the midst of its tiles; return how many are finished."""
        with pytest.raises(KeyboardInterrupt):
            rsm_to("rsm.npy", progress=Counted(stop_after), **options)
        return len(self.journal()) - 1

    def journal(self):
        with open("rsm.npy.job/journal.jsonl", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_after_ctrl_c(self):
        finished = self.stopped()
        assert 0 < finished < 10
        computed = Counted()
        result = rsm_to("rsm.npy", progress=computed)
        assert np.array_equal(result, ig.semantic_rsm(TOKENS))
        assert len(self.journal()) == 1 + 10 + 1

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"inputs": TOKENS + 1}, "`tokens` changed"),
            ({"inputs": TOKENS[:40]}, "`tokens` changed"),
            ({"kernel": "linear"}, "option `kernel` was 'cosine', and is 'linear'"),
            ({"tile": 8}, "option `tile` was 16, and is 8"),
            ({"lengths": [6] * 49 + [5]}, "option `lengths` was None, and is int64 of shape"),
            (
                {"matching": "window", "window": 2},
                "option `matching` was 'exact', and is 'window', and option `window` was None, and",
            ),
        ],
    )
    def test_other_job(self, options, message):
        self.stopped()
        before = self.journal()
        options = dict(options)
        with pytest.raises(ValueError, match=re.escape(message)) as error:
            rsm_to("rsm.npy", options.pop("inputs", TOKENS), **options)
        assert "delete the folder to begin anew" in str(error.value)
        assert self.journal() == before

    def test_other_operation(self):
        self.stopped()
        with pytest.raises(ValueError, match="operation was semantic_rsm, and is spatial_rsm"):
            ig.spatial_rsm(TOKENS, out="rsm.npy")


class TestProgress:
    @pytest.fixture
    def bars(self, monkeypatch):
        """Bars that are made, with what they were made with and what they show in the end."""
        tqdm = pytest.importorskip("tqdm.auto")
        made = []

        class Bar(tqdm.tqdm):
            def __init__(self, *args, **options):
                super().__init__(*args, **options)
                made.append((options, self))

        monkeypatch.setattr(tqdm, "tqdm", Bar)
        return made

    def test_bar_counts_pairs_and_tiles(self, bars, capsys):
        rsm_to("rsm.npy", progress=True)
        [(options, bar)] = bars
        assert options["initial"] == 0
        assert bar.n == bar.total == 50 * 49 // 2
        assert bar.postfix == "10/10 tiles"
        assert "10/10 tiles" in capsys.readouterr().err

    def test_what_is_there_does_not_count_into_the_rate(self, bars):
        with pytest.raises(KeyboardInterrupt):
            rsm_to("rsm.npy", progress=Counted(stop_after=3))
        there = Counted()
        rsm_to("rsm.npy", progress=there)
        os.rename("rsm.npy.job", "other")  # and once more, from the same tiles
        with pytest.raises(KeyboardInterrupt):
            rsm_to("rsm.npy", progress=Counted(stop_after=3))
        rsm_to("rsm.npy", progress=True)
        [(options, bar)] = bars
        assert options["initial"] == bar.initial == there.reports[0] > 0
        assert bar.n == bar.total

    def test_method_of_a_callable(self):
        class Embedder(Counted):
            def __init__(self):
                super().__init__()
                self.told = []

            def tiles(self, done, total):
                self.told.append((done, total))

        embedder = Embedder()
        rsm_to("rsm.npy", progress=embedder)
        assert embedder.told == [(i, 10) for i in range(11)]
        assert embedder.reports[-1] == 50 * 49 // 2
        again = Embedder()
        rsm_to("rsm.npy", progress=again)
        assert again.told == [(10, 10)]
        assert again.reports == [50 * 49 // 2]
