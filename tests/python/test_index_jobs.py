"""Indices whose file is written as they are built: stopped and gone on; and what that takes."""

import errno
import os
import signal
import subprocess
import sys
import time
import tracemalloc

import isogram as ig
import numpy as np
import pytest
import support
from isogram._tokens import segments
from isogram._tokens.index_file import Writer
from isogram._walk.journal import Journal
from support import clustered

N, C = 70, 128
SEGMENT = 16  # the last one has 6 inputs


class Stopped(Exception):
    """What interrupts a build."""


@pytest.fixture(autouse=True)
def small_segments(monkeypatch):
    monkeypatch.setattr("isogram._operations.index.SEGMENT", SEGMENT)


MAPS = clustered(N)


def array(maps, stop_at=None):
    """Read by rows."""

    def read(first, last):
        if stop_at is not None and last > stop_at:
            raise Stopped
        return maps[first:last]

    return ig.rows(read, maps.shape, maps.dtype)


def batches(maps, stop_at=None):
    """Batches that are no part of segments."""
    for start in range(0, N, 5):
        if stop_at is not None and start + 5 > stop_at:
            raise Stopped
        yield maps[start : start + 5]


def ragged(maps, stop_at=None):
    """Inputs of unequal lengths."""
    for batch in batches(maps, stop_at):
        yield [tokens[: 1 + i % 4] for i, tokens in enumerate(batch)]


def turned(monkeypatch):
    """Count the inputs that are turned."""
    done, turn = [], segments.turned
    monkeypatch.setattr(
        segments, "turned", lambda rows, *rest: done.append(len(rows)) or turn(rows, *rest)
    )
    return done


@pytest.mark.parametrize("given", [array, batches, ragged])
@pytest.mark.parametrize("options", [{}, {"normalize": "token"}, {"ids": list(map(str, range(N)))}])
def test_goes_on_after_every_segment(given, options, tmp_path, monkeypatch):
    whole, path, job = tmp_path / "whole", tmp_path / "path", tmp_path / "job"
    ig.SemanticIndex.build(given(MAPS), path=whole, **options)
    for stop_at in (10, 20, 40, 45, 60):
        with pytest.raises(Stopped):
            ig.SemanticIndex.build(given(MAPS, stop_at), path=path, job=job, **options)
        assert not path.exists()
    done = turned(monkeypatch)
    index = ig.SemanticIndex.build(given(MAPS), path=path, job=job, **options)
    assert sum(done) <= N - 3 * SEGMENT
    assert path.read_bytes() == whole.read_bytes()
    assert len(index) == N
    assert not (job / "index").exists()
    assert set(tmp_path.iterdir()) == {whole, path, job}
    del done[:]
    ig.SemanticIndex.build(given(MAPS), path=path, job=job, **options)  # it has nothing to do
    assert not done
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("place", [Writer.array, Writer.finish, Journal.record, Journal.finish])
@pytest.mark.parametrize("happens", ["before", "after"])
def test_goes_on_wherever_it_stopped(place, happens, tmp_path, monkeypatch):
    whole, path, job = tmp_path / "whole", tmp_path / "path", tmp_path / "job"
    ig.SemanticIndex.build(MAPS, path=whole)
    owner = Journal if place in (Journal.record, Journal.finish) else Writer
    for calls in range(1, 40, 3):
        left = [calls]

        def stop(self, *arguments, left=left):
            left[0] -= 1
            if not left[0] and happens == "before":
                raise KeyboardInterrupt
            result = place(self, *arguments)
            if not left[0]:
                raise KeyboardInterrupt
            return result

        with monkeypatch.context() as patch:
            patch.setattr(owner, place.__name__, stop)
            try:
                ig.SemanticIndex.build(MAPS, path=path, job=job)
            except KeyboardInterrupt as interrupt:
                [note] = interrupt.__notes__
                assert note.endswith(f"is finished is kept in {job}: the same call goes on")
    ig.SemanticIndex.build(MAPS, path=path, job=job)
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", ["index", "segment-1.npz"])
@pytest.mark.parametrize("how", ["cut", "changed", "gone"])
def test_what_is_damaged_is_made_again(name, how, tmp_path, monkeypatch):
    whole, path, job = tmp_path / "whole", tmp_path / "path", tmp_path / "job"
    ig.SemanticIndex.build(MAPS, path=whole)
    with pytest.raises(Stopped):
        ig.SemanticIndex.build(array(MAPS, 60), path=path, job=job)
    file, data = job / name, (job / name).read_bytes()
    if how == "gone":
        file.unlink()
    else:
        middle = len(data) // 2
        file.write_bytes(data[:middle] + (b"" if how == "cut" else b"\xff" + data[middle + 1 :]))
    done = turned(monkeypatch)
    ig.SemanticIndex.build(MAPS, path=path, job=job)
    assert sum(done) >= N - 2 * SEGMENT
    assert path.read_bytes() == whole.read_bytes()


def test_a_full_disk(tmp_path, monkeypatch):
    def full(self, array):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "array", full)
        with pytest.raises(OSError, match=r"kept in .*job; make room, and call again to go on"):
            ig.SemanticIndex.build(MAPS, path=tmp_path / "path", job=tmp_path / "job")
    ig.SemanticIndex.build(MAPS, path=tmp_path / "path", job=tmp_path / "job")


PROGRAM = """
import sys, time
sys.path.insert(0, {tests!r})
import isogram as ig
from support import clustered
import isogram._operations.index as index
index.SEGMENT = {segment}
maps = clustered({n})
def read(first, last):
    if last > {stop_at}:
        time.sleep(600)
    return maps[first:last]
ig.SemanticIndex.build(ig.rows(read, maps.shape, maps.dtype), path={path!r}, job={job!r})
"""


def test_a_process_that_is_killed(tmp_path):
    whole, path, job = tmp_path / "whole", tmp_path / "path", tmp_path / "job"
    ig.SemanticIndex.build(MAPS, path=whole)
    tests = os.path.dirname(support.__file__)
    for parts in (1, 2):
        program = PROGRAM.format(
            tests=tests,
            segment=SEGMENT,
            n=N,
            path=str(path),
            job=str(job),
            stop_at=(parts + 1) * SEGMENT,
        )
        process = subprocess.Popen([sys.executable, "-c", program])
        until = time.monotonic() + 60
        while not (job / f"segment-{parts}.npz").exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        if parts == 1:
            with pytest.raises(BlockingIOError, match="must be of one process at a time"):
                ig.SemanticIndex.build(MAPS, path=path, job=job)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    ig.SemanticIndex.build(MAPS, path=path, job=job)
    assert path.read_bytes() == whole.read_bytes()


CHANGED = MAPS.copy()
CHANGED[20, 1, 3] += 1
IDS = list(range(N))
LIMIT = ig.SemanticIndex.build_cost(MAPS[:8]).memory + 100_000


@pytest.mark.parametrize("stop_at", [40, None], ids=["stopped", "finished"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batches": CHANGED}, "`batches` changed, in the first 32 inputs"),
        ({"batches": MAPS[:20]}, "`batches` changed"),
        ({"batches": MAPS.astype("f8")}, "`batches` changed"),
        ({"batches": [MAPS]}, "`batches` changed, in the first 70 inputs"),
        ({"ids": IDS[::-1]}, "`ids` changed, in the first 16 inputs"),
        ({"normalize": "token"}, "option `normalize` was input, and is token"),
        ({"layout": "nhwc"}, "option `layout` was nsc, and is nhwc"),
        (
            {"memory_limit": LIMIT},
            "option `memory_limit` was segments of 16 inputs, and is segments of 8 inputs",
        ),
    ],
)
def test_another_build_is_refused(stop_at, options, message, tmp_path):
    path, job = tmp_path / "path", tmp_path / "job"
    try:
        ig.SemanticIndex.build(array(MAPS, stop_at), ids=IDS, path=path, job=job)
    except Stopped:
        assert stop_at
    given = {"batches": MAPS, "ids": IDS} | options
    given["ids"] = given["ids"][: len(given["batches"])] if len(given["batches"]) > 1 else IDS
    with pytest.raises(ValueError, match=f"the job in {job} must go on as it began, but {message}"):
        ig.SemanticIndex.build(**given, path=path, job=job)
    ig.SemanticIndex.build(MAPS, ids=IDS, path=path, job=job)


def test_more_inputs_than_a_finished_build_had(tmp_path):
    path, job = tmp_path / "path", tmp_path / "job"
    ig.SemanticIndex.build(MAPS[:40], path=path, job=job)
    with pytest.raises(ValueError, match="`batches` changed, in the first 70 inputs"):
        ig.SemanticIndex.build(MAPS, path=path, job=job)


def test_a_finished_build_of_one_segment(tmp_path):
    for _ in range(2):
        index = ig.SemanticIndex.build(MAPS[:9], path=tmp_path / "path", job=tmp_path / "job")
        assert len(index) == 9


def test_a_finished_file_that_changed(tmp_path):
    path, job = tmp_path / "path", tmp_path / "job"
    ig.SemanticIndex.build(MAPS, path=path, job=job)
    path.unlink()
    with pytest.raises(ValueError, match=r"`path` must be as the job left it, but .* or is gone"):
        ig.SemanticIndex.build(MAPS, path=path, job=job)


def test_refused_jobs(tmp_path):
    for options in ({"job": tmp_path / "job"}, {"memory_limit": 10**9}):
        [name] = options
        with pytest.raises(ValueError, match=f"`{name}` must be None without `path`"):
            ig.SemanticIndex.build(MAPS, **options)
    with pytest.raises(TypeError, match=r"SemanticIndex.build: `job` must be a string or a path"):
        ig.SemanticIndex.build(MAPS, path=tmp_path / "path", job=3)
    if os.stat("/dev/shm").st_dev != os.stat(tmp_path).st_dev:
        with pytest.raises(ValueError, match="`job` must be on the disk of `path`"):
            ig.SemanticIndex.build(MAPS, path=f"/dev/shm/isogram-{os.getpid()}", job=tmp_path / "j")


# What it takes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "dtype", "options"),
    [
        ((300, 20, 320), "f4", {}),
        ((300, 20, 320), "f4", {"normalize": "token"}),
        ((3000, 1, 64), "f4", {}),
        ((300, 20, 70), "f8", {}),
        ((300, 20, 128), "i1", {}),
        ((300, 128, 4, 5), "f2", {"layout": "nchw"}),
        ((300, 4, 5, 20), "f4", {"layout": "nhwc"}),
        ((200, 9, 640), "f4", {"memory_limit": 20_000_000}),
    ],
)
@pytest.mark.parametrize("is_read", [True, False])
def test_cost(shape, dtype, options, is_read, tmp_path, monkeypatch):
    monkeypatch.setattr("isogram._operations.index.SEGMENT", 100)
    maps = (np.random.default_rng(0).standard_normal(shape) * 20).astype(dtype)
    rows = ig.rows(lambda first, last: maps[first:last].copy(), maps.shape, maps.dtype)
    given = rows if is_read else maps
    cost = ig.SemanticIndex.build_cost(given, **options)
    layout = options.get("layout", "nsc")
    ig.SemanticIndex.build(maps[:5], layout=layout, path=tmp_path / "index")  # modules are loaded
    tracemalloc.start()
    try:
        index = ig.SemanticIndex.build(given, path=tmp_path / "index", **options)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = (tmp_path / "index").stat().st_size
    assert abs(cost.file_bytes - size) < 0.01 * size + 4000
    assert peak < cost.memory < 1.5 * peak + 6e6
    assert cost.memory <= options.get("memory_limit", cost.memory)
    assert cost.inputs == len(index) == shape[0]
    assert cost.tokens * cost.channels == maps.size
    assert f"channels, {cost.dtype}>" in repr(index)
    assert max(map(len, index._inputs.segments.list)) == cost.segment


def test_cost_says_all(tmp_path):
    cost = ig.SemanticIndex.build_cost(MAPS, ids=[f"{i:03}" for i in range(N)])
    assert str(cost).startswith(
        "index of 70 inputs, 350 tokens of 128 channels, float32, 16 at a time; makes "
    )
    without = ig.SemanticIndex.build_cost(MAPS)
    assert cost.file_bytes - without.file_bytes == N * (3 * 4 - 8)


def test_a_memory_limit_finds_the_same(tmp_path):
    whole = ig.SemanticIndex.build(MAPS, path=tmp_path / "whole")
    least = ig.SemanticIndex.build_cost(MAPS).memory - 50_000
    limited = ig.SemanticIndex.build(MAPS, path=tmp_path / "limited", memory_limit=least)
    assert max(map(len, limited._inputs.segments.list)) < SEGMENT
    expected, found = whole.search(MAPS[:5], 3), limited.search(MAPS[:5], 3)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_refused_limits(tmp_path):
    for build, options in (
        (ig.SemanticIndex.build_cost, {}),
        (ig.SemanticIndex.build, {"path": tmp_path / "index"}),
    ):
        message = r"`memory_limit` must be at least (\d+) bytes, which segments of 1 input take, go"
        with pytest.raises(MemoryError, match=message) as caught:
            build(MAPS, memory_limit=1000, **options)
        least = int(str(caught.value).split("at least ")[1].split()[0])
        with pytest.raises(MemoryError):
            build(MAPS, memory_limit=least - 1, **options)
        build(MAPS, memory_limit=least, **options)
        with pytest.raises(ValueError, match="must be an array of inputs, 3-D, to say what it tak"):
            build([MAPS], memory_limit=10**9, **options)
        with pytest.raises(ValueError, match="must be an array of inputs, 4-D"):
            build(MAPS, layout="nchw", memory_limit=10**9, **options)
        with pytest.raises(ValueError, match="`memory_limit` must be"):
            build(MAPS, memory_limit=0, **options)
