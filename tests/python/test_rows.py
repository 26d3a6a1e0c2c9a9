"""Inputs that are read by rows: any source, the bits of one call on the same array in memory."""

import pickle
import sys

import isogram as ig
import numpy as np
import pytest
from isogram import io
from isogram._rows import Unread, unread
from isogram._walk.tiles import counted, cut
from support import KERNELS, run_program


def in_hdf5(folder, x):
    h5py = pytest.importorskip("h5py")
    file = h5py.File(folder / "x.h5", "w")
    return file.create_dataset("x", data=x, chunks=(min(7, len(x)), *x.shape[1:]))


def in_zarr(folder, x):
    zarr = pytest.importorskip("zarr")
    chunks = (min(10, len(x)), *x.shape[1:])
    array = zarr.create_array(folder / "x.zarr", shape=x.shape, chunks=chunks, dtype=x.dtype)
    array[:] = x
    return array


def in_dask(folder, x):
    dask_array = pytest.importorskip("dask.array")
    return dask_array.from_array(x, chunks=(13, *x.shape[1:]))


def in_safetensors(folder, x):
    pytest.importorskip("safetensors")
    from safetensors.numpy import save_file

    save_file({"x": x}, folder / "x.safetensors")
    return io.open(folder / "x.safetensors", reduce=None)["x"]


def in_npy(folder, x):
    np.save(folder / "x.npy", x)
    return np.load(folder / "x.npy", mmap_mode="r")


def by_callable(folder, x):
    return ig.rows(lambda start, stop: x[start:stop], x.shape, x.dtype)


SOURCES = [in_hdf5, in_zarr, in_dask, in_safetensors, in_npy, by_callable]
sources = pytest.mark.parametrize("source", SOURCES)


def samples(n=60, d=9, dtype=np.float32, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, d)) * 3 + 5
    x[3] *= 1000  # far from the others
    return x.astype(dtype)


def distributions(n=40, d=9):
    x = np.abs(samples(n, d, np.float64))
    return (x / x.sum(axis=1, keepdims=True)).astype(np.float32)


def tokens(n=20, s=5, c=6, dtype=np.float32):
    return np.random.default_rng(1).standard_normal((n, s, c)).astype(dtype)


def assert_same(actual, expected):
    if isinstance(expected, ig.Csr):
        for field in ("data", "indices", "indptr"):
            assert_same(getattr(actual, field), getattr(expected, field))
    elif isinstance(expected, dict):
        assert_same(list(actual.values()), list(expected.values()))
    elif isinstance(expected, list):
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
    else:
        assert actual.dtype == expected.dtype
        assert np.array_equal(actual, expected)


def check(operation, inputs, arrays, **options):
    """Compare a plan of some inputs, run and tile by tile, with one call on the arrays."""
    expected = getattr(ig, operation)(*arrays, **options)
    plan = ig.plan(operation, *inputs, tile=16, **options)
    assert_same(plan.run(*inputs), expected)
    parts = {tile: plan.compute(tile, *inputs) for tile in plan.tiles}
    reduced = plan.reduce(parts)
    if not isinstance(reduced, ig.Plan):
        assert_same(reduced, expected)
    assert plan == ig.plan(operation, *arrays, tile=16, **options)  # its parts are of both


class TestBits:
    @sources
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("kernel", KERNELS)
    def test_gram(self, tmp_path, source, dtype, kernel):
        x = samples(dtype=dtype)
        check("gram", [source(tmp_path, x)], [x], kernel=kernel)

    @sources
    def test_gram_of_two_sets(self, tmp_path, source):
        x, y = samples(), samples(33, seed=1)
        check("gram", [source(tmp_path, x), y], [x, y], kernel="rbf")

    @sources
    @pytest.mark.parametrize(
        "options", [{}, {"center": True}, {"k": 3}, {"k": 3, "metric": "euclidean"}]
    )
    def test_graph(self, tmp_path, source, options):
        x = samples()
        check("graph", [source(tmp_path, x)], [x], **options)

    @sources
    def test_jsd(self, tmp_path, source):
        p = distributions()
        check("jsd", [source(tmp_path, p)], [p])

    @sources
    @pytest.mark.parametrize("kernel", ["linear", "cosine", "rbf", "laplacian", "polynomial"])
    @pytest.mark.parametrize("estimator", ["biased", "debiased"])
    def test_cka_matrix(self, tmp_path, source, kernel, estimator):
        x, y = samples(15), samples(15, 200, seed=1)
        layers, options = [source(tmp_path, x), y], {"kernel": kernel, "estimator": estimator}
        assert_same(
            ig.plan("cka_matrix", layers, **options).run(layers),
            ig.cka_matrix([x, y], **options),
        )

    @sources
    @pytest.mark.parametrize(
        ("operation", "options"),
        [("cka_matrix", {}), ("cka_matrix", {"kernel": "rbf"}), ("gbs_matrix", {"k": 3})],
    )
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_two_sets_of_layers(self, tmp_path, source, operation, options, dtype):
        """Of others, of both kinds, and of the same again."""
        x, y, z = (samples(15, 4, dtype, seed) for seed in range(3))
        (tmp_path / "x").mkdir()
        (tmp_path / "z").mkdir()
        read_x, read_z = source(tmp_path / "x", x), source(tmp_path / "z", z)
        for rows, cols, arrays in (
            ([read_x, y], [y, read_z], ([x, y], [y, z])),
            ([read_x], [read_z], ([x], [z])),
            ([read_x, y], [read_x, y], ([x, y], [x, y])),
        ):
            plan = ig.plan(operation, rows, cols, **options)
            assert_same(plan.run(rows, cols), getattr(ig, operation)(*arrays, **options))

    @sources
    @pytest.mark.parametrize("options", [{}, {"k": 3}])
    def test_gbs_matrix(self, tmp_path, source, options):
        x, y = samples(), samples(d=4, seed=1)
        layers = {"a": source(tmp_path, x), "b": y}
        assert_same(
            ig.plan("gbs_matrix", layers, **options).run(layers), ig.gbs_matrix([x, y], **options)
        )

    @sources
    @pytest.mark.parametrize("operation", ["semantic_rsm", "spatial_rsm"])
    @pytest.mark.parametrize("kernel", ["cosine", ("linear", "rbf")])
    def test_rsm(self, tmp_path, source, operation, kernel):
        x = tokens()
        check(operation, [source(tmp_path, x)], [x], kernel=kernel)

    @sources
    @pytest.mark.parametrize(
        "options",
        [
            {"rank": 3},
            {"rank": "auto"},
            {"normalize": "token"},
            {"mask": np.random.default_rng(0).random((20, 5)) < np.arange(5, 0, -1) / 5},
            {"precision": "int8"},
        ],
        ids=lambda options: next(iter(options)),
    )
    def test_options_of_rsm(self, tmp_path, source, options):
        x = tokens()
        check("semantic_rsm", [source(tmp_path, x)], [x], **options)

    @sources
    @pytest.mark.parametrize("layout", ["nhwc", "nchw"])
    def test_maps(self, tmp_path, source, layout):
        x = tokens(20, 12, 6).reshape(20, 3, 4, 6)
        inputs = [source(tmp_path, x)]
        check("semantic_rsm", inputs, [x], layout=layout)
        check("graph", inputs, [x])

    def test_inputs_one_by_one(self):
        x = list(tokens())
        inputs = [ig.rows(lambda a, b, one=one: one[a:b], one.shape, one.dtype) for one in x]
        check("semantic_rsm", [inputs], [x], kernel="rbf")

    @pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "int64", "bool", ">f4"])
    @pytest.mark.parametrize("source", [in_hdf5, in_zarr, by_callable])
    def test_types(self, tmp_path, source, dtype):
        x = np.random.default_rng(0).integers(0, 9, (20, 4)).astype(dtype)
        check("gram", [source(tmp_path, x)], [x])

    def test_bfloat16(self):
        ml_dtypes = pytest.importorskip("ml_dtypes")
        x = samples().astype(ml_dtypes.bfloat16)
        check("gram", [ig.rows(lambda a, b: x[a:b], x.shape, "bfloat16")], [x])

    def test_many_rows(self):
        """More than a survey reads at a time, and than all pairs that a median is taken of."""
        x = samples(1100, 8)
        source = unread("gram: `x`", ig.rows(lambda a, b: x[a:b], x.shape, x.dtype))
        for at_once in (1, 7, 100, 5000):
            source_of = type("Small", (Unread,), {"rows_at_once": at_once})
            small = source_of(source._read, x.shape, "float32", chunk=1)
            small.named = lambda where, to_array, small=small: (
                setattr(small, "_to_array", to_array) or small
            )
            for kernel in ("rbf", "linear"):
                plan = ig.plan("gram", small, kernel=kernel)
                assert plan == ig.plan("gram", x, kernel=kernel)

    def test_all_equal(self):
        x = np.ones((1100, 3), np.float32)
        layers = [ig.rows(lambda a, b: x[a:b], x.shape, x.dtype), samples(1100, 3)]
        with pytest.warns(RuntimeWarning, match="constant"):
            found = ig.plan("cka_matrix", layers, kernel="rbf").run(layers)
        assert np.isnan(found[0]).all()

    def test_what_is_zero(self):
        """Tokens that are all 0 have no norm, whatever the unit of the others."""
        x = tokens() * np.float32(1e-30)
        x[:10] = 0
        read = ig.rows(lambda a, b: x[a:b], x.shape, x.dtype)
        assert ig.plan("semantic_rsm", read, kernel="rbf", bandwidth=1e-30) == ig.plan(
            "semantic_rsm", x, kernel="rbf", bandwidth=1e-30
        )


class TestReading:
    def test_buffer_that_is_filled_again(self):
        """What a function reads into the same memory each time is copied."""
        x, buffer = samples(), np.empty_like(samples())

        def read(start, stop):
            buffer[: stop - start] = x[start:stop]
            return buffer[: stop - start]

        source = ig.rows(read, x.shape, x.dtype)
        assert np.array_equal(ig.plan("gram", source, tile=16).run(source), ig.gram(x))
        layers = {"a": source, "b": ig.rows(read, x.shape, x.dtype)}
        of_memory = {"a": x, "b": x}
        plan = ig.plan("cka_matrix", layers, kernel="rbf", tile=16)
        assert np.array_equal(plan.run(layers), plan.run(of_memory))

    def test_only_the_rows_of_a_tile(self):
        x, read = samples(), []

        def rows(start, stop):
            read.append((start, stop))
            return x[start:stop]

        source = ig.rows(rows, x.shape, x.dtype)
        plan = ig.plan("gram", source, tile=16)
        read.clear()
        plan.compute(plan.tiles[1], source)
        assert read == [(0, 16), (16, 32)]

    def test_a_survey_reads_every_row_once(self):
        x, read = samples(1000, 4), []

        def rows(start, stop):
            read.extend(range(start, stop))
            return x[start:stop]

        ig.plan("gram", ig.rows(rows, x.shape, x.dtype))
        assert read == list(range(1000))

    def test_other_functions_read_all(self):
        x = samples()
        source = ig.rows(lambda start, stop: x[start:stop], x.shape, x.dtype)
        assert_same(ig.gram(source), ig.gram(x))
        assert (len(source), source.ndim) == (60, 2)

    def test_errors_of_the_reader(self):
        def broken(start, stop):
            raise OSError("no such disk")

        with pytest.raises(OSError, match="no such disk") as info:
            ig.plan("gram", ig.rows(broken, (10, 3), np.float32))
        assert "while gram: `x` was read, rows 0 to 10" in info.value.__notes__
        with pytest.raises(ValueError, match="inhomogeneous") as info:
            ig.plan("gram", ig.rows(lambda start, stop: [[1.0], [1.0, 2.0]], (10, 3), np.float32))
        assert "while gram: `x` was read, rows 0 to 10" in info.value.__notes__

    def test_libraries_are_not_imported(self):
        run_program("""
            import sys
            import isogram as ig
            import numpy as np
            x = np.ones((9, 3))
            source = ig.rows(lambda a, b: x[a:b], x.shape, x.dtype)
            ig.plan("gram", source).run(source)
            assert not {"h5py", "zarr", "dask", "isogram.io"} & set(sys.modules)
            """)


class TestMemoryLimit:
    @pytest.mark.parametrize("operation", ["gram", "jsd", "spatial_rsm"])
    def test_tiles_are_as_large_as_it_allows(self, operation):
        x = distributions(300, 64) if operation == "jsd" else samples(300, 64)
        x = x.reshape(300, 8, 8) if operation == "spatial_rsm" else x
        whole = ig.plan(operation, x)
        assert ig.plan(operation, x, memory_limit=10**9) == whole
        limit = whole.cost.working_memory * 3 // 4
        plan = ig.plan(operation, x, memory_limit=limit)
        assert 0.5 * limit < plan.cost.working_memory <= limit
        assert_same(plan.run(x), getattr(ig, operation)(x))

    @pytest.mark.parametrize(
        ("operation", "options"),
        [
            ("cka_matrix", {"kernel": "rbf"}),
            ("cka_matrix", {}),
            ("gbs_matrix", {}),
            ("gbs_matrix", {"k": 3}),
        ],
    )
    def test_tables(self, operation, options):
        """Sums of smaller tiles are rounded otherwise; all stages have them."""
        layers = [samples(300, 8), samples(300, 9, seed=1)]
        plan = ig.plan(operation, layers, **options)
        smaller = plan._with_tiles(100)
        assert smaller.cost.tiles == (
            3 if smaller.tiles[1] == ig.Tile(*[slice(100, 200)] * 2) else 6
        )
        np.testing.assert_allclose(smaller.run(layers), plan.run(layers), rtol=1e-6)

    @pytest.mark.parametrize("options", [{}, {"k": 3}, {"k": 3, "metric": "euclidean"}])
    def test_graph(self, options):
        x = samples(300, 8)
        plan = ig.plan("graph", x, **options)._with_tiles(100)
        assert plan.cost.tiles == 6
        assert_same(plan.run(x), ig.graph(x, **options))

    def test_counts(self):
        for n, m, edge, is_upper in ((10, 10, 3, True), (9, 9, 3, True), (10, 7, 4, False)):
            tiles = list(cut((n, m), (edge, edge), is_upper=is_upper))
            found = sorted((tile.shape, is_upper and tile.is_mirrored) for tile in tiles)
            expected = []
            for tile, count in counted((n, m), edge, is_upper=is_upper):
                expected += [(tile.shape, is_upper and tile.is_mirrored)] * count
            assert found == sorted(expected)

    def test_what_cannot_be(self):
        with pytest.raises(
            MemoryError,
            match=r"^gram: `memory_limit` must be at least \d+ bytes, which tiles of 1 x 1 take",
        ):
            ig.plan("gram", samples(), memory_limit=9)
        with pytest.raises(ValueError, match=r"^gram: `memory_limit` must be an integer of at le"):
            ig.plan("gram", samples(), memory_limit=0)
        with pytest.raises(ValueError, match=r"^gram: `tile` must be None with `memory_limit`.*9$"):
            ig.plan("gram", samples(), memory_limit=10**6, tile=9)

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    @pytest.mark.parametrize(
        ("operation", "shapes", "options", "limit"),
        [
            ("cka_matrix", [(4000, 2000)] * 2, "kernel='rbf', bandwidth=20.0", 16e6),
            ("gbs_matrix", [(4000, 3000)] * 2, "", 24e6),
            ("semantic_rsm", [(1000, 16, 1024)], "", 16e6),
        ],
    )
    def test_a_process_keeps_it(self, tmp_path, operation, shapes, options, limit):
        """Of a job four times as large, the plan included; once a small one has run."""
        pytest.importorskip("h5py")
        run_program(rf"""
            import ctypes, re
            from pathlib import Path
            import h5py
            import isogram as ig
            import numpy as np

            def peak(name="VmHWM"):
                status = Path("/proc/self/status").read_text()
                return 1024 * int(re.search(name + r":\s*(\d+) kB", status)[1])

            rng, limit = np.random.default_rng(0), int({limit})
            file = h5py.File("{tmp_path}/x.h5", "w")
            for i, shape in enumerate({shapes}):
                rows = file.create_dataset(str(i), shape, np.float32)
                for first in range(0, shape[0], 100):
                    rows[first : first + 100] = rng.random((100, *shape[1:]), np.float32)
            inputs = [file[str(i)] for i in range(len({shapes}))]
            assert sum(x.nbytes for x in inputs) >= 4 * limit

            def run(inputs):
                given = inputs if "{operation}".endswith("rsm") else [inputs]
                plan = ig.plan("{operation}", *given, memory_limit=limit, {options})
                return plan.run(*given, num_threads=1)

            run([ig.rows(lambda a, b, x=x: x[a:b], (9, *x.shape[1:]), x.dtype) for x in inputs])
            ctypes.CDLL(None).malloc_trim(0)
            before = peak("VmRSS")
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
            result = run(inputs)
            used = peak() - before - result.nbytes
            assert used <= 1.1 * limit, (used, limit)
            """)


class TestWhatIsRefused:
    def test_rows_that_are_others_later(self):
        x = samples()
        source = ig.rows(lambda a, b: x[a:b], x.shape, x.dtype)
        plan = ig.plan("gram", source, tile=16)
        for read, came in (
            (lambda a, b: x[a : b - 1], r"float32 of shape \(15, 9\)"),
            (lambda a, b: x[a:b].astype(np.float64), r"float64 of shape \(16, 9\)"),
            (lambda a, b: x[a:b, 1:], r"float32 of shape \(16, 8\)"),
        ):
            with pytest.raises(
                ValueError,
                match=rf"^gram: `x` must be read as float32 of shape \(16, 9\) for rows 16 to 32, "
                rf"got {came}$",
            ):
                plan.compute(
                    plan.tiles[1].__class__(slice(16, 32), slice(16, 32)),
                    ig.rows(read, x.shape, x.dtype),
                )

    @pytest.mark.parametrize("operation", ["gram", "graph", "jsd", "semantic_rsm"])
    def test_nan(self, operation):
        shape = (60, 3, 3) if operation == "semantic_rsm" else (60, 9)
        x = np.full(shape, 1 / 9, np.float32)
        source = ig.rows(lambda a, b: x[a:b], x.shape, x.dtype)
        plan = ig.plan(operation, source)
        name = {"jsd": "probabilities", "semantic_rsm": "tokens"}.get(operation, "x")
        message = f"^{operation}: `{name}` must be finite, got nan at index \\(41, "
        x[41] = np.nan
        with pytest.raises(ValueError, match=message):
            plan.run(source)
        if operation in ("gram", "jsd"):  # whose plans need the entries
            with pytest.raises(ValueError, match=message):
                ig.plan(operation, source)

    def test_no_distributions(self):
        p = distributions()
        p[31] *= 2
        with pytest.raises(
            ValueError, match=r"^jsd: `probabilities` .* a sum of 2.0\d* in row 31: softmax"
        ):
            ig.plan("jsd", ig.rows(lambda a, b: p[a:b], p.shape, p.dtype))

    def test_another_number_of_axes(self):
        with pytest.raises(ValueError, match=r"^gram: `x` must be 2-D, got 3-D of shape \(4, 3, 2"):
            ig.plan("gram", ig.rows(lambda a, b: None, (4, 3, 2), np.float32))

    def test_other_types(self):
        with pytest.raises(TypeError, match=r"^rows: `dtype` must be a type of real .*complex64$"):
            ig.rows(lambda a, b: None, (4, 3), np.complex64)

    def test_no_callable(self):
        with pytest.raises(TypeError, match=r"^rows: `read` must be callable, got ndarray$"):
            ig.rows(np.ones(3), (3,), np.float32)

    @pytest.mark.parametrize("dtype", [None, "nonsense", object, "longdouble"])
    def test_types_that_are_none(self, dtype):
        with pytest.raises(TypeError, match=r"^rows: `dtype` must be a type of real numbers"):
            ig.rows(lambda a, b: None, (4, 3), dtype)

    def test_data_set_of_a_closed_file(self, tmp_path):
        source = in_hdf5(tmp_path, samples())
        plan = ig.plan("gram", source)
        source.file.close()
        for call in (lambda: ig.plan("gram", source), lambda: plan.run(source)):
            with pytest.raises(ValueError, match=r"^gram: `x` must be readable, of real numbers"):
                call()

    @pytest.mark.parametrize("dtype", [[("a", "f4")], "S3"])
    def test_data_set_of_something_else(self, dtype, tmp_path):
        source = in_hdf5(tmp_path, np.zeros((5, 2), dtype))
        with pytest.raises(TypeError, match=r"^gram: `x` must be readable, of real numbers, got"):
            ig.plan("gram", source)

    def test_null_data_set(self, tmp_path):
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / "null.h5", "w") as file:
            source = file.create_dataset("x", data=h5py.Empty("f4"))
            with pytest.raises(ValueError, match=r"^gram: `x` must be an array, got a null data"):
                ig.gram(source)
            with pytest.raises(ValueError, match=r"^gram: `x` must be readable, .*a null data"):
                ig.plan("gram", source)

    @pytest.mark.parametrize("shape", [(), (0, 3), (2.5, 3), (-1, 3), 5, None, "ab"])
    def test_shapes(self, shape):
        with pytest.raises(ValueError, match=r"^rows: `shape` must be of positive integers, got"):
            ig.rows(lambda a, b: None, shape, np.float32)

    def test_layers_of_other_samples(self):
        x = samples()
        source = ig.rows(lambda a, b: x[a:b], x.shape, x.dtype)
        with pytest.raises(ValueError, match=r"must have as many samples as .* \(60\), got 50"):
            ig.plan("cka_matrix", [source, samples(50)])

    def test_a_plan_has_no_input(self):
        x = samples()
        plan = ig.plan("gram", ig.rows(lambda a, b: x[a:b], x.shape, x.dtype))
        assert len(pickle.dumps(plan)) < 2000
