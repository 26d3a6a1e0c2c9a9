"""`memory_limit=` on the host: RSMs in bands of inputs, with the same bits."""

import isogram as ig
import numpy as np
import pytest
from isogram._host import rsm as on_host
from support import RSM_KERNELS, RSM_MATCHINGS, data, run_program

SETS = {
    "one set": lambda: [data((31, 20, 30), "float32")],
    "two sets": lambda: [data((17, 20, 30), "float32"), data((29, 18, 30), "float32", 1)],
    "ragged": lambda: [[*data((30, 20, 30), "float32"), data((7, 30), "float64")]],
}
PARAMETERS = {
    **{name: {"matching": name} | RSM_MATCHINGS[name] for name in ("exact", "window", "topk")},
    "greedy": {"matching": "greedy"},
    "bfloat16": {"precision": "bfloat16"},
}


def assert_same(actual, expected):
    assert actual.keys() == expected.keys()
    for kernel, rsm in expected.items():
        assert np.array_equal(actual[kernel], rsm)


@pytest.fixture
def edges(monkeypatch):
    """Return a list that the edges of bands under a limit are added to."""
    noted = []
    edge_of = on_host._edge

    def edge(job):
        found = edge_of(job)
        if job.memory_limit is not None:
            noted.append(found)
        return found

    monkeypatch.setattr(on_host, "_edge", edge)
    return noted


def least_limit(*inputs, **parameters):
    """Return the least limit that one input at a time fits in, as the error tells it."""
    with pytest.raises(MemoryError, match=r"^semantic_rsm: 1 x 1 inputs .* `memory_limit`") as end:
        ig.semantic_rsm(*inputs, **parameters, memory_limit=1)
    return int(str(end.value).split(" would take ")[1].split()[0])


@pytest.mark.parametrize("options", PARAMETERS)
@pytest.mark.parametrize("name", SETS)
def test_bits_do_not_depend_on_it(simd_level, edges, name, options):
    """The less memory, the more bands, and at last an error that says how much it takes."""
    inputs, parameters = SETS[name](), {"kernel": RSM_KERNELS, "num_threads": 1}
    if not (name == "ragged" and options == "bfloat16"):  # which has a float64 input
        parameters |= PARAMETERS[options]
    expected = ig.semantic_rsm(*inputs, **parameters)
    least = least_limit(*inputs, **parameters)
    for more in (0, 3_000, 9_000, 20_000, 40_000, 80_000, 160_000, 10_000_000):
        actual = ig.semantic_rsm(*inputs, **parameters, memory_limit=least + more)
        assert_same(actual, expected)
    assert edges == sorted(edges)
    assert edges[0] == 1
    assert len(set(edges)) > 2
    assert edges[-1] == max(map(len, inputs))
    with pytest.raises(MemoryError, match=f"take {least} bytes, more than the {least - 1} that"):
        ig.semantic_rsm(*inputs, **parameters, memory_limit=least - 1)


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_pictures_without_a_matching(simd_level, edges, layout):
    """Those that have to be copied are copied band by band."""
    tokens = data((450, 4, 6, 10), "float32").transpose(0, 2, 1, 3)
    parameters = {"layout": layout, "kernel": ("cosine", "rbf"), "num_threads": 1}
    expected = ig.spatial_rsm(tokens, **parameters)
    for limit in (10**7, 1_200_000, 800_000):
        assert_same(ig.spatial_rsm(tokens, **parameters, memory_limit=limit), expected)
    assert edges[0] == 450 > edges[1] > edges[2]


def test_rows_of_a_band_are_packed_once(edges, monkeypatch):
    packed, pack = [], on_host._core.PackedRows

    def noted(tokens, *lengths, **how):
        packed.append(len(tokens))
        return pack(tokens, *lengths, **how)

    monkeypatch.setattr(on_host._core, "PackedRows", noted)
    tokens = data((40, 15, 20), "float32")
    limit = least_limit(tokens, num_threads=1) + 5_000
    ig.semantic_rsm(tokens, memory_limit=limit, num_threads=1)
    assert 1 < edges[-1] < 40
    assert sum(packed) == 40


def test_loss_progress_and_threads(edges):
    tokens, losses, told = data((40, 15, 20), "float32"), np.empty((2, 40, 40), np.float32), []
    expected = ig.semantic_rsm(tokens, precision="int8", loss=losses[0], num_threads=1)
    actual = ig.semantic_rsm(
        tokens,
        precision="int8",
        loss=losses[1],
        memory_limit=least_limit(tokens, precision="int8", num_threads=2) + 20_000,
        num_threads=2,
        progress=lambda *now: told.append(now),
    )
    assert edges[-1] < 40
    assert np.array_equal(actual, expected)
    assert np.array_equal(*losses)
    assert told == sorted(told)
    assert told[-1] == (780, 780)
    assert {total for _, total in told} == {780}


def test_results_in_a_file(edges, tmp_path):
    """Tokens and the result of a computation that none of them need fit in memory for."""
    np.save(tmp_path / "tokens.npy", data((50, 30, 20), "float64"))
    tokens = np.load(tmp_path / "tokens.npy", mmap_mode="r")
    out = np.lib.format.open_memmap(tmp_path / "rsm.npy", "w+", np.float64, (50, 50))
    limit = least_limit(tokens, num_threads=1) + 30_000
    assert ig.semantic_rsm(tokens, out=out, memory_limit=limit, num_threads=1) is out
    assert edges[-1] < 50
    assert np.array_equal(np.load(tmp_path / "rsm.npy"), ig.semantic_rsm(tokens))


@pytest.mark.parametrize("kernel", ["cosine", "rbf"])
def test_an_entry_that_is_not_finite_is_named(edges, kernel):
    tokens = data((40, 15, 20), "float32")
    tokens[33, 4, 5] = np.inf
    limit = least_limit(tokens, kernel=kernel, num_threads=1) + 10_000
    with pytest.raises(ValueError, match=r"^semantic_rsm: `tokens` must be .* \(33, 4, 5\)$"):
        ig.semantic_rsm(tokens, kernel=kernel, memory_limit=limit, num_threads=1)
    assert edges[-1] < 40


def test_a_limit_that_is_no_number_of_bytes():
    for limit in (0, -5, 1.5):
        with pytest.raises((TypeError, ValueError), match=r"^spatial_rsm: `memory_limit` must be"):
            ig.spatial_rsm(np.ones((3, 2, 2)), memory_limit=limit)


@pytest.mark.parametrize(
    ("function", "shape", "options", "limit"),
    [
        ("semantic_rsm", (60, 100, 2000), "", 12_000_000),
        ("semantic_rsm", (60, 100, 2000), "matching='window', window=10, kernel='rbf'", 24_000_000),
        ("semantic_rsm", (60, 100, 2000), "precision='bfloat16'", 12_000_000),
        ("spatial_rsm", (4000, 20, 100), "out=out", 12_000_000),
        ("semantic_rsm", (4, 1200, 900), "kernel=('cosine', 'rbf')", 120_000_000),
    ],
)
def test_no_more_memory_is_used(function, shape, options, limit):
    """Of a process that has done a small call already, so that what is loaded once is there."""
    run_program(f"""
        import re
        from pathlib import Path
        import isogram as ig
        import numpy as np

        def peak():
            status = Path("/proc/self/status").read_text()
            return 1024 * int(re.search("VmHWM: *\\t*(.*) kB", status)[1])

        tokens = np.random.default_rng(0).standard_normal({shape}, np.float32)
        ig.{function}(tokens[:3, :20], num_threads=1)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        out = np.ones({shape[:1] * 2}, np.float32)
        before = peak()
        ig.{function}(tokens, num_threads=1, memory_limit={limit}, {options})
        used = peak() - before
        assert used < {limit} + 2_000_000, used
        """)


@pytest.mark.parametrize(
    ("operation", "out"),
    [
        *[("gram", "npy"), ("gram", "zarr"), ("gram", "chunks"), ("gram", "shards")],
        *[("jsd", "npy"), ("jsd", "zarr"), ("jsd", "chunks")],
    ],
)
def test_results_on_disk_take_no_memory(operation, out, tmp_path):
    """A result of four times the limit, whose blocks are mirrored, in files and in small chunks."""
    if out != "npy":
        pytest.importorskip("zarr")
    stored = {
        "chunks": {"chunks": (128, 128)},
        "shards": {"shards": (128, 128), "chunks": (32, 32), "compressors": None},
    }.get(out)
    run_program(f"""
        import os
        import re
        from pathlib import Path
        import isogram as ig
        import numpy as np

        def resident(name):
            status = Path("/proc/self/status").read_text()
            return 1024 * int(re.search(name + ":\\\\s*(.*) kB", status)[1])

        def run(name, x, **options):
            plan, where = ig.plan("{operation}", x, num_threads=1, **options), {{}}
            if {stored}:
                import zarr

                where["out"] = zarr.create_array(
                    name, shape=plan.shape, dtype=np.float32, **{stored}
                )
                where["job"] = name + ".job"
            else:
                where["out"] = name + ".{out}"
            return plan.run(x, num_threads=1, **where)

        os.chdir({str(tmp_path)!r})
        limit = 24_000_000
        x = np.random.default_rng(0).random((5000, 16), np.float32)
        x /= x.sum(axis=1, keepdims=True)
        run("small", x[:40], tile=256)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = resident("VmRSS")
        result = run("large", x, memory_limit=limit)
        used = resident("VmHWM") - before
        assert 4 * limit < result.nbytes
        assert used < 1.1 * limit, used
        """)
