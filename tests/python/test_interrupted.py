"""Jobs that are killed, stopped, or out of room: they go on, and end with the same bits."""

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import isogram as ig
import numpy as np
import pytest
from support import run_program

TOKENS = np.random.default_rng(0).standard_normal((60, 6, 5)).astype(np.float32)
LAYERS = [np.random.default_rng(i).standard_normal((60, 7)).astype(np.float32) for i in range(3)]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rsm_plan(**options):
    return ig.plan("semantic_rsm", TOKENS, tile=10, **options)


class Stopping:
    """A progress that ends a run, as Ctrl-C does, once some tiles are finished."""

    def __init__(self, after):
        self.after = after

    def __call__(self, done, total):
        pass

    def tiles(self, done, total):
        if done == self.after:
            raise KeyboardInterrupt


class Counting:
    """A progress that counts the tiles that a run computes."""

    def __init__(self):
        self.first = self.last = None

    def __call__(self, done, total):
        pass

    def tiles(self, done, total):
        self.first = done if self.first is None else self.first
        self.last = done

    @property
    def computed(self):
        return self.last - self.first


def stopped(plan, *inputs, after=4, **where):
    with pytest.raises(KeyboardInterrupt):
        plan.run(*inputs, progress=Stopping(after), **where)


def goes_on(plan, *inputs, **where):
    """Run a job to its end; return the result, and how many tiles were computed."""
    counting = Counting()
    return plan.run(*inputs, progress=counting, **where), counting.computed


KILLS = """
import os, random, signal, time, traceback
import numpy as np
import isogram as ig
try:
    import zarr
except ImportError:
    zarr = None

random.seed(0)
TOKENS = np.random.default_rng(0).standard_normal((60, 6, 5)).astype(np.float32)
KINDS = [
    ({"out": "{}.npy"}, {}),
    ({"out": "{}.npy"}, {"kernel": "rbf"}),  # entries are made of all distances together
    ({"job": "{}"}, {}),  # parts in files
    *([({"out": "{}.zarr"}, {})] if zarr else []),
]
TILES = 78

def compute(name, where, options):
    where = {key: value.format(name) for key, value in where.items()}
    plan = ig.plan("semantic_rsm", TOKENS, tile=5, num_threads=1, **options)
    part = type(plan)._part

    def logged(*arguments):
        with open(name + ".log", "a") as file:
            file.write(".")
        return part(*arguments)

    type(plan)._part = logged
    result = plan.run(TOKENS, num_threads=1, **where)
    assert np.array_equal(result[...], ig.semantic_rsm(TOKENS, num_threads=1, **options))

def is_killed(delay, *job):
    # Runs a job in a process that is killed, unless it is faster.
    child = os.fork()
    if child == 0:
        try:
            compute(*job)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    return code != 0

def computed(name):
    return os.path.getsize(name + ".log") if os.path.exists(name + ".log") else 0

total = job = 0
while total < 50 or job < len(KINDS):
    name, kills, longest, before = str(job), 0, 0.03, 0
    while is_killed(random.uniform(0, longest), name, *KINDS[job % len(KINDS)]):
        kills += 1
        if computed(name) == before:  # a machine that is busy
            longest *= 1.1
        before = computed(name)
    assert TILES <= computed(name) <= TILES + kills, (name, computed(name), kills)
    total, job = total + kills, job + 1
    print(computed(name) - TILES, kills)
"""


@pytest.fixture
def memory_folder():
    """Make a folder in memory, where there can be one, as a killed process does not lose pages."""
    has_memory = os.path.isdir("/dev/shm")
    with tempfile.TemporaryDirectory(dir="/dev/shm" if has_memory else None) as folder:
        yield folder


def test_killed_at_random_moments(memory_folder, monkeypatch):
    """A process that never computes, and so has no threads, forks others that do, and kills them.

    A kill costs the tile in flight at most.
    """
    monkeypatch.chdir(memory_folder)
    run_program(KILLS, timeout=300)


def test_ctrl_c_in_a_process():
    code = """
import os, signal, threading
import numpy as np
import isogram as ig
tokens = np.random.default_rng(0).standard_normal((60, 6, 5)).astype(np.float32)

class Interrupting:
    def __call__(self, done, total):
        pass
    def tiles(self, done, total):
        if done == 5:
            os.kill(os.getpid(), signal.SIGINT)

try:
    ig.plan("semantic_rsm", tokens, tile=10).run(tokens, out="rsm.npy", progress=Interrupting())
except KeyboardInterrupt:
    print("stopped")
"""
    assert run_program(code) == "stopped"
    result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.npy")
    assert 21 - 6 <= computed <= 21 - 5
    assert np.array_equal(result, ig.semantic_rsm(TOKENS))


class TestWhatIsOnDisk:
    """Only what is whole counts."""

    def journal(self, folder="rsm.npy.job"):
        return Path(folder, "journal.jsonl")

    def test_torn_line(self):
        stopped(rsm_plan(), TOKENS, out="rsm.npy")
        text = self.journal().read_bytes()
        self.journal().write_bytes(text[:-7])
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.npy")
        assert computed == 21 - 3
        assert np.array_equal(result, ig.semantic_rsm(TOKENS))
        assert all(json.loads(line) for line in self.journal().read_text().splitlines())

    def test_a_bit_of_the_last_line(self):
        """It is an error that says what to do, or the result is found again."""
        result = np.array(rsm_plan().run(TOKENS, out="rsm.npy"))
        shutil.copy2("rsm.npy", "kept.npy")  # with its time
        *before, last = self.journal().read_bytes().splitlines(keepends=True)
        for i in range(len(last)):
            shutil.copy2("kept.npy", "rsm.npy")
            line = last[:i] + bytes([last[i] ^ 1]) + last[i + 1 :]
            self.journal().write_bytes(b"".join([*before, line]))
            with suppress(ValueError):
                assert np.array_equal(rsm_plan().run(TOKENS, out="rsm.npy"), result)

    def test_a_line_that_no_parser_takes(self):
        stopped(rsm_plan(), TOKENS, out="rsm.npy")
        with self.journal().open("ab") as file:
            file.write(b"[" * 200_000 + b"\n")
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.npy")
        assert computed == 21 - 4
        assert np.array_equal(result, ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("rest", [b"", b'{"operation": "sem'])
    def test_torn_first_line(self, rest):
        os.mkdir("rsm.npy.job")
        self.journal().write_bytes(rest)
        assert np.array_equal(rsm_plan().run(TOKENS, out="rsm.npy"), ig.semantic_rsm(TOKENS))

    def test_block_that_is_not_whole(self):
        stopped(rsm_plan(), TOKENS, out="rsm.npy")
        blocks = np.load("rsm.npy.job/matrix.npy", mmap_mode="r+")
        blocks[3, 7] = 0  # of the first tile
        blocks.flush()
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.npy")
        assert computed == 21 - 3
        assert np.array_equal(result, ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("left", [None, b"", b"half", bytes(400)])
    def test_chunk_that_is_not_whole(self, left):
        pytest.importorskip("zarr")
        stopped(rsm_plan(), TOKENS, out="rsm.zarr")
        chunk = Path("rsm.zarr.job/matrix.zarr/c/0/1")
        chunk.unlink() if left is None else chunk.write_bytes(left)
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.zarr")
        assert computed == 21 - 3
        assert np.array_equal(result[...], ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("codec", ["GzipCodec", "ZstdCodec", "BloscCodec", "Crc32cCodec"])
    @pytest.mark.parametrize("left", [b"", b"half", bytes(400)])
    def test_compressed_chunk_that_is_not_whole(self, left, codec):
        zarr = pytest.importorskip("zarr")
        of_chunks = {"compressors": [getattr(zarr.codecs, codec)()], "chunks": (10, 10)}
        out = zarr.create_array("rsm.zarr", shape=(60, 60), dtype="float32", **of_chunks)
        stopped(rsm_plan(), TOKENS, out=out, job="job")
        Path("rsm.zarr/c/0/1").write_bytes(left)
        result, computed = goes_on(rsm_plan(), TOKENS, out=out, job="job")
        assert computed == 21 - 3
        assert np.array_equal(result[...], ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("first", [0, 60])
    def test_header_that_a_power_cut_took(self, first):
        stopped(rsm_plan(), TOKENS, out="rsm.npy")
        with open("rsm.npy.job/matrix.npy", "r+b") as file:
            file.seek(first)
            file.write(bytes(20))
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.npy")
        assert computed == 21 - 4
        assert np.array_equal(result, ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("left", [None, b"", b'{"half": '])
    def test_metadata_that_is_not_whole(self, left):
        pytest.importorskip("zarr")
        stopped(rsm_plan(), TOKENS, out="rsm.zarr")
        about = Path("rsm.zarr.job/matrix.zarr/zarr.json")
        about.unlink() if left is None else about.write_bytes(left)
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.zarr")
        assert computed == 21 - 4
        assert np.array_equal(result[...], ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize(
        "line",
        ["5", '"part"', "[1]", "{}", '{"part": "a"}', '{"part": [1], "crc32": 2}', '{"result": 3}'],
    )
    def test_line_that_no_journal_has(self, line):
        stopped(rsm_plan(), TOKENS, out="rsm.npy")
        with self.journal().open("a") as file:
            file.write(line + "\n")
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.npy")
        assert computed == 21 - 4
        assert np.array_equal(result, ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("text", ["5\n", "{}\n", "a line of somebody\nand another\n"])
    def test_file_of_somebody_else(self, text):
        os.mkdir("job")
        Path("job/journal.jsonl").write_text(text)
        with pytest.raises(ValueError, match=r"must be new or have a journal of isogram, but"):
            rsm_plan().run(TOKENS, job="job")
        assert Path("job/journal.jsonl").read_text() == text

    @pytest.mark.parametrize("ending", ["npy", "zarr"])
    def test_folder_that_is_deleted_meanwhile(self, ending):
        if ending == "zarr":
            pytest.importorskip("zarr")

        def delete(done, total):
            if done > total / 2 and not deleted:
                shutil.rmtree(f"rsm.{ending}.job")
                deleted.append(done)

        deleted = []
        with pytest.raises(FileNotFoundError, match=r"semantic_rsm: the folder .* was deleted"):
            rsm_plan().run(TOKENS, out=f"rsm.{ending}", progress=delete)
        result = rsm_plan().run(TOKENS, out=f"rsm.{ending}")
        assert np.array_equal(result[...], ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("name", ["journal.jsonl", "lock", "matrix.npy"])
    def test_folder_in_the_place_of_a_file(self, name):
        os.makedirs(f"rsm.npy.job/{name}")
        with pytest.raises(IsADirectoryError, match=rf"semantic_rsm: .* but .*/{name} is a folder"):
            rsm_plan().run(TOKENS, out="rsm.npy")
        os.rmdir(f"rsm.npy.job/{name}")
        assert np.array_equal(rsm_plan().run(TOKENS, out="rsm.npy"), ig.semantic_rsm(TOKENS))

    def test_folder_in_the_place_of_a_part(self):
        stopped(rsm_plan(), TOKENS, job="job")
        [part, *_] = [name for name in os.listdir("job") if name.endswith(".npz")]
        os.unlink(f"job/{part}")
        os.mkdir(f"job/{part}")
        with pytest.raises(IsADirectoryError, match=rf"semantic_rsm: .* but .*/{part} is a folder"):
            rsm_plan().run(TOKENS, job="job")

    def test_matrix_that_is_gone(self):
        stopped(rsm_plan(), TOKENS, out="rsm.npy")
        os.unlink("rsm.npy.job/matrix.npy")
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.npy")
        assert computed == 21
        assert np.array_equal(result, ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("harm", [lambda part: part[:100], lambda part: b"", lambda part: None])
    def test_part_that_is_not_whole(self, harm):
        plan = ig.plan("cka_matrix", LAYERS, kernel="rbf", tile=20)
        stopped(plan, LAYERS, job="job", after=3)
        part = sorted(Path("job").glob("*.npz"))[0]
        left = harm(part.read_bytes())
        part.unlink() if left is None else part.write_bytes(left)
        result, computed = goes_on(plan, LAYERS, job="job")
        assert computed == 6 - 2
        assert np.array_equal(result, plan.run(LAYERS))

    def test_result_that_is_gone(self):
        rsm_plan().run(TOKENS, out="rsm.npy")
        os.unlink("rsm.npy")
        with pytest.raises(
            ValueError, match=r"semantic_rsm: `out` must be as the job left it, but"
        ):
            rsm_plan().run(TOKENS, out="rsm.npy")

    def test_result_that_changed(self):
        rsm_plan().run(TOKENS, out="rsm.npy")
        np.save("rsm.npy", np.zeros((60, 60), np.float32))
        with pytest.raises(
            ValueError, match=r"rsm\.npy changed, or is gone: delete .*rsm\.npy\.job"
        ):
            rsm_plan().run(TOKENS, out="rsm.npy")

    def test_result_that_was_not_moved_yet(self):
        rsm_plan().run(TOKENS, out="rsm.npy")
        os.rename("rsm.npy", "rsm.npy.job/matrix.npy")
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.npy")
        assert computed == 0
        assert np.array_equal(result, np.load("rsm.npy"))

    @pytest.mark.parametrize("name", ["isogram", "instruction set"])
    def test_another_version(self, name):
        stopped(rsm_plan(), TOKENS, out="rsm.npy")
        first, *others = self.journal().read_text().splitlines(keepends=True)
        facts = json.loads(first) | {name: "another"}
        self.journal().write_text(json.dumps(facts) + "\n" + "".join(others))
        with pytest.raises(ValueError, match=f"but {name} was another, and is "):
            rsm_plan().run(TOKENS, out="rsm.npy")


PARTS = {
    "cka_matrix": (LAYERS, {"kernel": "rbf"}),
    "gbs_matrix": (LAYERS, {}),
    "gbs_matrix of neighbours": (LAYERS, {"k": 3}),
    "graph": (LAYERS[0], {"k": 3}),
    "jsd": (np.abs(LAYERS[0]) / np.abs(LAYERS[0]).sum(axis=1, keepdims=True), {}),
    "gram": (LAYERS[0], {}),
    "semantic_rsm": (TOKENS, {"kernel": ("cosine", "rbf")}),
}


class TestParts:
    """Results that are no matrix of blocks: `job` keeps their parts."""

    @pytest.mark.parametrize("name", PARTS)
    def test_goes_on(self, name):
        inputs, options = PARTS[name]
        plan = ig.plan(name.partition(" ")[0], inputs, tile=20, **options)
        expected = plan.run(inputs)
        stopped(plan, inputs, job="job", after=2)
        for missing in (4, 0):
            result, computed = goes_on(plan, inputs, job="job")
            assert computed == missing
            np.testing.assert_equal(as_arrays(result), as_arrays(expected))

    def test_stages(self):
        """A layer with a row far from all others has sums that are taken once more, in float64."""
        far = LAYERS[0].copy()
        far[30] *= 1e4
        layers = [far, LAYERS[1]]
        plan = ig.plan("cka_matrix", layers, tile=20)
        stopped(plan, layers, job="job", after=2)
        result = plan.run(layers, job="job")
        journal = Path("job/journal.jsonl").read_text()
        lines = map(json.loads, journal.splitlines()[1:])
        assert len({line["part"].partition(" ")[0] for line in lines}) == 2
        assert np.array_equal(plan.run(layers, job="job"), result)
        assert Path("job/journal.jsonl").read_text() == journal
        assert np.array_equal(result, plan.run(layers))

    def test_layer_that_changed(self):
        plan = ig.plan("cka_matrix", {"a": LAYERS[0], "b": LAYERS[1]})
        stopped(plan, {"a": LAYERS[0], "b": LAYERS[1]}, job="job", after=1)
        with pytest.raises(
            ValueError, match=r"cka_matrix: the job in .*job must .* but `layers\['b'\]"
        ):
            plan.run({"a": LAYERS[0], "b": LAYERS[2]}, job="job")


def as_arrays(result):
    if isinstance(result, dict):
        return list(result.values())
    if hasattr(result, "indptr"):
        return [result.data, result.indices, result.indptr]
    return [result]


class TestSecondProcess:
    def test_child_that_lives_on(self):
        """A child that was forked while the job ran, as by a loader of data, does not hold it."""
        code = """
import os, time
import numpy as np
import isogram as ig
x = np.random.default_rng(0).standard_normal((60, 6)).astype(np.float32)
plan, children = ig.plan("gram", x, tile=10), []

def fork(done, total):
    if not children:
        children.append(os.fork())
        if children[0] == 0:
            time.sleep(60)
            os._exit(0)

plan.run(x, out="gram.npy", progress=fork)
plan.run(x, out="gram.npy")
os.kill(children[0], 9)
print("went on")
"""
        assert run_program(code) == "went on"

    CODE = """
import sys
import numpy as np
import isogram as ig
tokens = np.random.default_rng(0).standard_normal((60, 6, 5)).astype(np.float32)

class Waiting:
    def __call__(self, done, total):
        pass
    def tiles(self, done, total):
        if done == 2:
            print("two", flush=True)
            sys.stdin.read()

ig.plan("semantic_rsm", tokens, tile=10).run(tokens, out="rsm.npy", progress=Waiting())
"""

    def test_refused_while_the_first_lives(self):
        first = subprocess.Popen(
            [sys.executable, "-c", self.CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with first:
            assert first.stdout.readline() == "two\n"
            message = rf"rsm\.npy\.job must be of one process .* beside process {first.pid} on "
            with pytest.raises(BlockingIOError, match=message):
                rsm_plan().run(TOKENS, out="rsm.npy")
            first.kill()
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.npy")
        assert computed == 21 - 2
        assert np.array_equal(result, ig.semantic_rsm(TOKENS))

    def test_refused_in_the_same_process(self):
        class Again(Counting):
            def tiles(self, done, total):
                if done == 2:
                    with pytest.raises(BlockingIOError, match=f"beside process {os.getpid()} on"):
                        rsm_plan().run(TOKENS, out="rsm.npy")

        rsm_plan().run(TOKENS, out="rsm.npy", progress=Again())


def fill(path):
    """Write a file that leaves no room on its disk."""
    with suppress(OSError), open(path, "wb", 0) as file:
        while file.write(bytes(4096)):
            pass


class TestFullDisk:
    MESSAGE = r"semantic_rsm: .*: what is finished is kept in .*job; make room, and call again"

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
    def test_write_that_fails(self, monkeypatch, number):
        write, calls = os.pwrite, []

        def on_a_full_disk(file, data, first):
            calls.append(first)
            if len(calls) > 45:  # in the midst of a block
                raise OSError(number, os.strerror(number))
            return write(file, data[:17], first)  # and never all at once

        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", on_a_full_disk)
            with pytest.raises(OSError, match=self.MESSAGE) as error:
                rsm_plan().run(TOKENS, out="rsm.npy")
            assert error.value.errno == number
        result, computed = goes_on(rsm_plan(), TOKENS, out="rsm.npy")
        assert computed == 21 - 1
        assert np.array_equal(result, ig.semantic_rsm(TOKENS))

    @pytest.mark.parametrize("where", [{"out": "rsm.npy"}, {"job": "rsm.job"}])
    def test_no_file_may_be_larger(self, where):
        """The journal cannot grow: a line is written whole, or not at all."""
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, most))
            stopped(rsm_plan(), TOKENS, after=2, **where)
            size = os.path.getsize(
                "rsm.npy.job/journal.jsonl" if "out" in where else "rsm.job/journal.jsonl"
            )
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, most))
            with pytest.raises(OSError, match=self.MESSAGE):
                rsm_plan().run(TOKENS, **where)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            signal.signal(signal.SIGXFSZ, was)
        result, computed = goes_on(rsm_plan(), TOKENS, **where)
        assert computed == 21 - 2
        assert np.array_equal(result, ig.semantic_rsm(TOKENS))

    def test_no_room_from_the_start(self, small_disk):
        tokens = np.tile(TOKENS, (5, 1, 1))
        with pytest.raises(
            OSError, match=r"matrix\.npy takes 360128 bytes, more than the \d+ that"
        ):
            ig.semantic_rsm(tokens, out="rsm.npy")

    @pytest.fixture
    def small_disk(self, tmp_path, monkeypatch):
        """Make a disk of 256 KiB, which takes the rights of root."""
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
        if not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
            pytest.skip("mounting a disk takes the rights of root")
        monkeypatch.chdir(disk)
        yield
        monkeypatch.chdir(tmp_path)
        subprocess.run(["umount", "-l", str(disk)], check=True)

    @pytest.mark.parametrize("where", [{"out": "rsm.zarr"}, {"job": "rsm.job"}])
    def test_disk_that_becomes_full(self, small_disk, where):
        if where.get("out") == "rsm.zarr":
            pytest.importorskip("zarr")

        class Filling(Counting):
            def tiles(self, done, total):
                if done == 5:
                    fill("other")

        with pytest.raises(OSError, match=self.MESSAGE):
            rsm_plan().run(TOKENS, progress=Filling(), **where)
        os.unlink("other")
        result, computed = goes_on(rsm_plan(), TOKENS, **where)
        assert computed <= 21 - 5
        assert np.array_equal(result[...], ig.semantic_rsm(TOKENS))

    def test_disk_that_is_full_at_the_end(self, small_disk):
        """Entries that depend on the median of all distances are written beside these."""

        class Filling(Counting):
            def tiles(self, done, total):
                if done == total:
                    fill("other")

        with pytest.raises(OSError, match=self.MESSAGE):
            rsm_plan(kernel="rbf").run(TOKENS, out="rsm.npy", progress=Filling())
        os.unlink("other")
        result, computed = goes_on(rsm_plan(kernel="rbf"), TOKENS, out="rsm.npy")
        assert computed == 0
        assert np.array_equal(result, ig.semantic_rsm(TOKENS, kernel="rbf"))
