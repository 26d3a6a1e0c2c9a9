"""Layers in files of every format: what is read, in which order, of which samples, what is refused.

Each file is written by the library of its format, of which nothing here is shared with the reader.
"""

import contextlib
import gc
import hashlib
import json
import os
import pickle
import re
import sys
import warnings
import zipfile
from collections import namedtuple
from io import IOBase

import isogram as ig
import numpy as np
import pytest
from isogram import io
from support import run_program

# Zarr's own, of strings.
pytestmark = pytest.mark.filterwarnings("ignore:The data type .* Zarr V3 specification")

N = 12
SHAPES = {"block1": (N, 4), "block2": (N, 3, 5), "block10": (N, 2, 2, 3)}
LAYERS = {
    name: np.random.default_rng(i).standard_normal(shape).astype(np.float32)
    for i, (name, shape) in enumerate(SHAPES.items())
}
IDS = np.array([f"image {i}.png" for i in range(N)])
ORDER = np.random.default_rng(9).permutation(N)


# Writers: path, layers, identifiers of samples ----------------------------------------------


def write_npz(path, layers, ids=None):
    np.savez(path, **layers, **({} if ids is None else {"ids": ids}))


def write_packed_npz(path, layers, ids=None):
    np.savez_compressed(path, **layers, **({} if ids is None else {"sample_ids": ids}))


def write_pt(path, layers, ids=None):
    torch = pytest.importorskip("torch")
    tensors = {name: torch.from_numpy(layer) for name, layer in layers.items()}
    torch.save({"net": tensors} | ({} if ids is None else {"ids": ids.tolist()}), path)


def write_safetensors(path, layers, ids=None):
    safetensors = pytest.importorskip("safetensors.numpy")
    metadata = {"by": "a test"} | ({} if ids is None else {"ids": json.dumps(ids.tolist())})
    safetensors.save_file(layers, path, metadata)


def write_hdf5(path, layers, ids=None):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, layer in layers.items():
            file.create_dataset(f"net/{name}", data=layer, chunks=True)
        if ids is not None:
            file["image_ids"] = ids.astype(object) if ids.dtype.kind == "U" else ids


def write_zarr(path, layers, ids=None, version=3):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(path, mode="w", zarr_format=version)
    for name, layer in layers.items():
        group.create_array(f"net/{name}", data=layer, chunks=(5, *layer.shape[1:]))
    if ids is not None:
        group.create_array("ids", data=ids)


def write_zarr_2(path, layers, ids=None):
    write_zarr(path, layers, ids, version=2)


def table_of(layers, ids):
    arrow = pytest.importorskip("pyarrow")
    columns = {}
    for name, layer in layers.items():
        flat = arrow.array(layer.ravel())
        columns[name] = arrow.FixedSizeListArray.from_arrays(flat, layer[0].size)
    return arrow.table(columns | ({} if ids is None else {"ids": ids.tolist()}))


def write_parquet(path, layers, ids=None):
    table = table_of(layers, ids)
    pytest.importorskip("pyarrow.parquet").write_table(table, path, row_group_size=5)


def write_arrow(path, layers, ids=None):
    table = table_of(layers, ids)
    pytest.importorskip("pyarrow.feather").write_feather(table, path, chunksize=5)


def write_folder(path, layers, ids=None):
    path.mkdir()
    for name, layer in layers.items():
        np.save(path / f"{name}.npy", layer)
    if ids is not None:
        lines = "".join(f"{identifier}\n" for identifier in ids)
        (path / "file_names.txt").write_text(lines)


FORMATS = {
    "a.npz": write_npz,
    "packed.npz": write_packed_npz,
    "a.pt": write_pt,
    "a.safetensors": write_safetensors,
    "a.h5": write_hdf5,
    "a.zarr": write_zarr,
    "second.zarr": write_zarr_2,
    "a.parquet": write_parquet,
    "a.arrow": write_arrow,
    "folder": write_folder,
}


@pytest.fixture(params=FORMATS)
def written(request, tmp_path):
    """Write layers and identifiers in a format and return the path."""

    def write(layers=LAYERS, ids=None, folder=tmp_path):
        path = folder / request.param
        path.parent.mkdir(exist_ok=True)
        FORMATS[request.param](path, layers, ids)
        return path

    return write


def short(name):
    return name.rpartition("/")[2]


def flat(layer):
    return layer.reshape(len(layer), -1)


# Every format -------------------------------------------------------------------------------


def test_layers_of_every_format(written):
    shuffled = {name: LAYERS[name] for name in ("block10", "block1", "block2")}
    with io.open(written(shuffled, IDS)) as layers:
        assert [short(name) for name in layers] == list(SHAPES)  # natural, not alphabetical
        assert (len(layers), layers.samples, layers.skipped) == (3, N, {})
        np.testing.assert_array_equal(layers.ids, IDS)
        for name, layer in layers.items():
            expected = flat(LAYERS[short(name)])
            assert (layer.name, layer.shape, layer.ndim) == (name, expected.shape, 2)
            assert (layer.dtype, len(layer)) == (np.float32, N)
            np.testing.assert_array_equal(np.asarray(layer), expected)
            np.testing.assert_array_equal(layer.ids, IDS)
            assert name in repr(layers)
            assert str(layer.shape) in repr(layer)


def test_rows_of_every_format(written):
    with io.open(written()) as layers:
        assert layers.ids is None
        for name, layer in layers.items():
            expected = flat(LAYERS[short(name)])
            for span in (slice(0, 1), slice(3, 11), slice(N - 1, N), slice(4, 4), slice(None)):
                rows = layer.rows(span)
                np.testing.assert_array_equal(rows, expected[span])
                assert rows.dtype == layer.dtype


def test_functions_take_layers_of_every_format(written):
    with io.open(written(ids=IDS)) as layers:
        flattened = {name: flat(LAYERS[short(name)]) for name in layers}
        np.testing.assert_array_equal(ig.cka_matrix(layers), ig.cka_matrix(flattened))
        x, y, _ = layers.values()
        assert ig.cka(x, y) == ig.cka(*list(flattened.values())[:2])


def test_files_in_another_order_are_aligned(written, tmp_path):
    first = written(ids=IDS)
    moved = {name: layer[ORDER] for name, layer in LAYERS.items()}
    second = written(moved, IDS[ORDER], tmp_path / "other")
    with io.open(first) as a, io.open(second) as b:
        same, aligned = io.align(a, b)
        assert same is a
        np.testing.assert_array_equal(aligned.ids, IDS)
        for name, layer in aligned.items():
            np.testing.assert_array_equal(layer, a[name])
            np.testing.assert_array_equal(layer.rows(slice(3, 9)), a[name].rows(slice(3, 9)))
            np.testing.assert_array_equal(layer.rows(slice(3, 3)), a[name].rows(slice(3, 3)))
        twice = aligned.reordered(ORDER)
        np.testing.assert_array_equal(twice.ids, b.ids)
        for name, layer in twice.items():
            np.testing.assert_array_equal(layer, b[name])
        with pytest.raises(ValueError, match=r"^cka: `y` must have its rows in the order of `x`"):
            ig.cka(a[name], b[name])
        assert ig.cka(a[name], aligned[name]) == 1


def test_integers_identify(written, tmp_path):
    with io.open(written(ids=np.arange(N))) as layers:
        np.testing.assert_array_equal(
            layers.ids, [*map(str, range(N))] if "folder" in str(layers.path.name) else np.arange(N)
        )


def check_layers_or_error(path):
    try:
        with io.open(path) as layers:
            for layer in layers.values():  # what is lost may be no part of them
                np.testing.assert_array_equal(layer, flat(LAYERS[short(layer.name)]))
    except ValueError as error:
        if not str(error).startswith((f"cannot read {path}: ", f"{path} has no layers")):
            raise


def test_truncated_files_of_every_format(written, run):
    path = written()
    if path.is_dir():
        pytest.skip("a folder has no end")
    content = path.read_bytes()
    for size in (len(content) // 2, len(content) - 1, 9):
        path.write_bytes(content[:size])
        check_layers_or_error(path)
        result = run("compare", path, path)
        assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("a.pt", "torch", "torch"),
        ("a.safetensors", "safetensors", "'isogram[io]'"),
        ("a.h5", "h5py", "'isogram[io]'"),
        ("a.zarr", "zarr", "'isogram[io]'"),
        ("a.parquet", "pyarrow.parquet", "'isogram[io]'"),
        ("a.arrow", "pyarrow", "'isogram[io]'"),
    ],
)
def test_a_library_that_is_missing(name, module, package, tmp_path, monkeypatch, run):
    path = tmp_path / name
    starts = {"a.h5": b"\x89HDF\r\n\x1a\n", "a.parquet": b"PAR1", "a.arrow": b"ARROW1"}
    if name == "a.zarr":
        path.mkdir()
        (path / "zarr.json").write_text("{}")
    else:
        path.write_bytes(starts.get(name, b"x"))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"needs \w+: pip install"):
        io.open(path)
    result = run("compare", path, path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith(f"needs {module.partition('.')[0]}: pip install {package}\n")


# Order and names ----------------------------------------------------------------------------


def test_the_order_of_a_network_is_kept(tmp_path):
    names = ["stem", "layer1.conv", "layer1.bn", "layer2.conv", "layer10.conv", "head"]
    np.savez(tmp_path / "a.npz", **{name: LAYERS["block1"] for name in names})
    assert list(io.open(tmp_path / "a.npz")) == names
    np.savez(tmp_path / "b.npz", **{name: LAYERS["block1"] for name in sorted(names)})
    assert list(io.open(tmp_path / "b.npz")) == [
        "head", "layer1.bn", "layer1.conv", "layer2.conv", "layer10.conv", "stem",
    ]  # fmt: skip


def test_numbers_that_python_does_not_convert(tmp_path):
    names = ["x" + "9" * 5000, "x1"]
    np.savez(tmp_path / "a.npz", **{name: LAYERS["block1"] for name in names})
    assert list(io.open(tmp_path / "a.npz")) == names[::-1]


def test_patterns_choose_layers_and_their_order(tmp_path, run):
    write_npz(tmp_path / "a.npz", LAYERS)
    assert list(io.open(tmp_path / "a.npz", layers="block1*")) == ["block1", "block10"]
    assert list(io.open(tmp_path / "a.npz", layers=["*2", "block*"])) == [
        "block2", "block1", "block10",
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"has no layer 'conv\*': block1, block2, block10"):
        io.open(tmp_path / "a.npz", layers="conv*")
    with pytest.raises(ValueError, match=r"`layers` must have at least one pattern, got none"):
        io.open(tmp_path / "a.npz", layers=[])
    for layers in (3, ["block1", 3], None):
        with pytest.raises(TypeError, match=r"^open: `layers` must be names or patterns, got"):
            io.open(tmp_path / "a.npz", layers=layers)
    options = "--layers", "block10", "--layers", "block1"
    result = run("compare", tmp_path / "a.npz", tmp_path / "a.npz", *options)
    assert result.stdout.splitlines()[0].split() == ["block10", "block1"]


# More than two axes -------------------------------------------------------------------------


def test_means_over_axes(tmp_path, run):
    write_npz(tmp_path / "a.npz", LAYERS)
    means = io.open(tmp_path / "a.npz", reduce="mean")
    assert means["block1"].shape == (N, 4)
    assert means["block2"].shape == (N, 5)
    assert means["block10"].shape == (N, 3)
    exact = LAYERS["block10"].astype(np.float64)
    np.testing.assert_allclose(means["block10"], exact.mean(axis=(1, 2)), rtol=1e-7)
    first = io.open(tmp_path / "a.npz", reduce="mean_nchw")
    np.testing.assert_allclose(first["block10"], exact.mean(axis=(2, 3)), rtol=1e-7)
    np.testing.assert_allclose(
        first["block10"].rows(slice(2, 5)), exact.mean(axis=(2, 3))[2:5], rtol=1e-7
    )
    result = run("compare", tmp_path / "a.npz", tmp_path / "a.npz", "--reduce", "mean_nchw")
    expected = ig.cka_matrix(first)
    rows = [line.split()[1:] for line in result.stdout.splitlines()[1:]]
    np.testing.assert_allclose(np.array(rows, float), expected, atol=5.1e-4)
    result = run(
        "compare",
        tmp_path / "a.npz",
        tmp_path / "a.npz",
        "--layers",
        "block10",
        "--reduce",
        "positions",
        "--json",
        "-",
    )
    found = json.loads(result.stdout)
    assert found["reduce"] == "positions"
    assert found["values"] == [[1.0]]
    io.save(expected, tmp_path / "result.json", inputs=first)
    [layers] = io.load(tmp_path / "result.json").provenance["inputs"]
    assert {layer["reduce"] for layer in layers["layers"].values()} == {"mean_nchw"}
    as_they_are = io.open(tmp_path / "a.npz", reduce=None)
    assert as_they_are["block10"].shape == SHAPES["block10"]
    np.testing.assert_array_equal(
        ig.spatial_rsm(as_they_are["block2"]), ig.spatial_rsm(LAYERS["block2"])
    )
    with pytest.raises(ValueError, match=r"^open: `reduce` must be one of 'flatten', 'mean', "):
        io.open(tmp_path / "a.npz", reduce="max")


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16"])
def test_types_of_means(tmp_path, dtype):
    safetensors = pytest.importorskip("safetensors.numpy")
    ml_dtypes = pytest.importorskip("ml_dtypes")
    wanted = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    layer = LAYERS["block2"].astype(wanted)
    safetensors.save_file({"x": layer}, tmp_path / "a.safetensors")
    with io.open(tmp_path / "a.safetensors") as layers:
        assert layers["x"].dtype == layer.dtype
        assert ig.cka(layers["x"], layers["x"]) == 1
    with io.open(tmp_path / "a.safetensors", reduce="mean") as layers:
        mean = np.asarray(layers["x"])
    assert mean.dtype == (np.float64 if dtype == "float64" else np.float32)
    np.testing.assert_allclose(mean, layer.astype(np.float64).mean(axis=1), rtol=1e-6)


# What is not a layer ------------------------------------------------------------------------


def test_what_is_not_a_layer(tmp_path):
    objects = np.array([{"lr": 0.1}, None], dtype=object)
    np.savez(tmp_path / "a.npz", conv=LAYERS["block1"], settings=objects, labels=np.arange(N))
    layers = io.open(tmp_path / "a.npz")
    assert list(layers) == ["conv"]
    assert layers.skipped == {"settings": "object of shape (2,)", "labels": "int64 of shape (12,)"}
    with pytest.raises(KeyError, match=r"'settings' of .*a.npz is no layer: object of shape"):
        layers["settings"]
    with pytest.raises(KeyError, match=r"'fc' of .*a.npz is not there; layers: conv"):
        layers["fc"]
    if np.dtype(np.longdouble).itemsize > 8:  # which nothing computes with
        np.savez(tmp_path / "b.npz", x=LAYERS["block1"], wide=np.ones((N, 2), np.longdouble))
        assert list(io.open(tmp_path / "b.npz")) == ["x"]
    np.savez(tmp_path / "b.npz", labels=np.arange(N))
    with pytest.raises(ValueError, match=r"b.npz has no layers, .*: labels \(int64"):
        io.open(tmp_path / "b.npz")


def test_layers_of_different_samples(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((4, 3)), y=np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"'x' of .* has 4, 'y' of .* has 5"):
        io.open(tmp_path / "a.npz")
    assert io.open(tmp_path / "a.npz", layers="y").samples == 5


def test_paths(tmp_path):
    with pytest.raises(FileNotFoundError):
        io.open(tmp_path / "absent.npy")
    (tmp_path / "a.csv").write_text("1,2\n")
    with pytest.raises(
        ValueError, match=r"cannot read .*a.csv: not of .* known: .npy, .npz, .pt, "
    ):
        io.open(str(tmp_path / "a.csv"))


def test_layers_outlive_the_mapping(tmp_path):
    write_npz(tmp_path / "a.npz", LAYERS)
    layer = io.open(tmp_path / "a.npz")["block1"]
    np.testing.assert_array_equal(layer, LAYERS["block1"])


def test_closed_files(written):
    with io.open(written()) as layers:
        pass
    for layer in layers.values():
        with contextlib.suppress(ValueError):
            np.testing.assert_array_equal(layer, flat(LAYERS[short(layer.name)]))


def test_files_that_are_never_closed_do_not_warn(written, monkeypatch):
    """A cycle of garbage, as a traceback makes one, may be finalized in any order."""
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    path = written()
    if path.suffix == "":
        write_npz(path / "more.npz", {"block3": LAYERS["block1"]})
    layers = io.open(path)
    cycle = [layers, *layers.values()]
    cycle.append(cycle)
    kept = cycle[-2]
    del layers
    move_streams_to_the_front()
    del cycle
    gc.collect()
    assert len(np.asarray(kept)) == N  # open as long as a layer of it is there
    knot = [kept]
    knot.append(knot)
    del kept
    move_streams_to_the_front()
    del knot
    gc.collect()
    assert not [str(error.exc_value) for error in unraisable]


def move_streams_to_the_front():
    """Let the collector finalize open streams before what holds them.

    It moves what it finds through other objects behind what is held from outside: by an array,
    which it does not follow.
    """
    # By its type: isinstance() would ask proxies of objects that are gone.
    streams = [found for found in gc.get_objects() if issubclass(type(found), IOBase)]
    held = np.empty(len(streams), dtype=object)
    held[:] = streams
    del streams
    gc.collect()
    assert len(held)


def test_closed_hdf5_files_say_so(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = LAYERS["block1"]
    with io.open(tmp_path / "a.h5") as layers:
        pass
    with pytest.raises(ValueError, match=r"cannot read .*a.h5: the file is closed"):
        np.asarray(layers["x"])


# Single formats -----------------------------------------------------------------------------


def test_rows_of_npy_files_are_mapped(tmp_path):
    np.save(tmp_path / "x.npy", LAYERS["block1"])
    layer = io.open(tmp_path / "x.npy")["x"]
    assert isinstance(layer.rows(slice(2, 4)), np.memmap)
    fortran = np.asfortranarray(LAYERS["block2"])
    np.save(tmp_path / "y.npy", fortran)
    np.testing.assert_array_equal(
        io.open(tmp_path / "y.npy")["y"].rows(slice(2, 4)), flat(LAYERS["block2"])[2:4]
    )


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")  # torch's own
def test_pickles_in_torch_files(tmp_path, run):
    torch = pytest.importorskip("torch")
    path = tmp_path / "a.pt"
    torch.save({"x": torch.ones(4, 3), "rng": np.random.default_rng(0)}, path)
    with pytest.raises(ValueError, match="nothing is unpickled"):
        io.open(path)
    assert run("compare", path, path).stderr.count("\n") == 1
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ValueError, match="cannot read"):
        io.open(path)
    torch.save({"x": np.ones((4, 3))}, path)
    with pytest.raises(
        ValueError, match=r"nothing is unpickled: numpy\..*_reconstruct; save a plain"
    ):
        io.open(path)


def test_torch_files_that_hold_no_tensors(tmp_path, run):
    torch = pytest.importorskip("torch")
    path = tmp_path / "a.pt"
    for content in (b"hello", b"a", b"<html>"):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match="it holds more than tensors and plain values, or none"
        ):
            io.open(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/constants.pkl", b"")
    refused = run("layers", path)
    message = "it is a TorchScript archive; save a plain dict of tensors"
    assert refused.stderr == f"Error: cannot read {path}: {message}\n"
    path.write_bytes(b"any")
    nested = torch.ones(4, 3)
    for _ in range(sys.getrecursionlimit()):
        nested = {"x": nested}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "load", lambda *_args, **_options: nested)
        with pytest.raises(ValueError, match=f"cannot read {path}: it is nested too deeply"):
            io.open(path)


def test_lists_in_torch_files(tmp_path):
    torch = pytest.importorskip("torch")
    x, path = torch.ones(N, 3), tmp_path / "a.pt"
    torch.save({"x": x, "lr": [0.1, None], "step": [1, 2]}, path)
    assert io.open(path).skipped == {
        "lr": "a list of NoneType, float",
        "step": "int64 of shape (2,)",
    }
    for ids in ([1, "a"] * 6, [b"a"] * N):
        torch.save({"x": x, "ids": ids}, path)
        with pytest.raises(ValueError, match=r"'ids' of .*a.pt is a list of (bytes|int, str);"):
            io.open(path)


def test_arrays_of_torch_files_are_not_written_to(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.ones(N, 3), tmp_path / "a.pt")
    layer = io.open(tmp_path / "a.pt")["a"]
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(layer)[0, 0] = 9


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")  # torch's own
def test_tensors_of_every_kind(tmp_path):
    torch = pytest.importorskip("torch")
    x = torch.arange(12.0).reshape(4, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a prototype
        nested = torch.nested.nested_tensor([x, x[:2]])
    saved = {
        "deep": [{"x": x}, x.to(torch.bfloat16)],
        "grad": x.clone().requires_grad_(),
        "sparse": x.to_sparse(),
        "nested": nested,
        "meta": torch.empty(4, 3, device="meta"),
        "step": 3,
        "mask": x > 2,
        "eight": x.to(torch.float8_e4m3fn),
    }
    torch.save(saved, tmp_path / "a.pt")
    layers = io.open(tmp_path / "a.pt")
    assert list(layers) == ["deep/0/x", "deep/1", "grad"]
    for layer in layers.values():
        np.testing.assert_array_equal(np.asarray(layer).astype(float), x)
    assert set(layers.skipped) == {"sparse", "nested", "meta", "step", "mask", "eight"}
    assert layers.skipped["meta"] == "a tensor of torch.float32 without values"
    torch.save(x, tmp_path / "one.pt")
    assert list(io.open(tmp_path / "one.pt")) == ["one"]


def test_identifiers_in_safetensors_that_are_none(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    cases = {
        "imagenet": "metadata that is no JSON list",
        '{"0": 1}': "metadata that is no JSON list",
        json.dumps([1, "a"] * 6): "a list of int, str",
        json.dumps([[1]] * N): "a list of list",
        "[]": "an empty list",
        "[1, 2]": r"int64 of shape \(2,\)",
    }
    path = tmp_path / "a.safetensors"
    for ids, what in cases.items():
        safetensors.save_file({"x": flat(LAYERS["block1"])}, path, {"ids": ids})
        with pytest.raises(ValueError, match=f"'ids' of .*a.safetensors is {what}"):
            io.open(path)
        assert list(io.open(path, ids=None)) == ["x"]


def test_frames_in_parquet(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(LAYERS["block1"], index=pandas.Index(IDS, name="image"))
    frame.columns = [f"feature {i}" for i in range(4)]
    frame["label"] = np.arange(N)
    frame.to_parquet(tmp_path / "model.parquet", row_group_size=5)
    with io.open(tmp_path / "model.parquet") as layers:
        assert list(layers) == ["model"]
        assert layers.ids_name == "image"
        np.testing.assert_array_equal(layers.ids, IDS)
        np.testing.assert_array_equal(layers["model"], LAYERS["block1"])
        np.testing.assert_array_equal(layers["model"].rows(slice(4, 7)), LAYERS["block1"][4:7])
        assert set(layers.skipped) == {"label"}


def test_indices_of_frames_that_are_no_identifiers(tmp_path):
    """Nor features: an index of floats is a column of floats."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    indices = {
        "'trial'": pandas.Index(np.arange(N) / 2, name="trial"),
        "'__index_level_0__'": pandas.date_range("2020", periods=N),
        "'s, t'": pandas.MultiIndex.from_arrays([IDS, IDS], names=["s", "t"]),
    }
    x = flat(LAYERS["block1"])
    for name, index in indices.items():
        path = tmp_path / "x.parquet"
        pandas.DataFrame(x, index=index).rename(columns=str).to_parquet(path)
        with pytest.raises(ValueError, match=f"{name} of .*x.parquet is a"):
            io.open(path)
        np.testing.assert_array_equal(io.open(path, ids=None)["x"], x)
    np.testing.assert_array_equal(io.open(path, ids="t").ids, IDS)


def test_values_of_one_name(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table([arrow.array(np.ones(N))] * 2, names=["x", "x"])
    with arrow.ipc.new_file(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(ValueError, match="two columns have the same name"):
        io.open(tmp_path / "a.arrow")


def test_values_of_one_name_in_torch_files(tmp_path):
    torch = pytest.importorskip("torch")
    x = torch.ones(N, 3)
    for name, saved_ in {"a/b": {"a": {"b": x}, "a/b": x}, "1": {1: x, "1": x}}.items():
        torch.save(saved_, tmp_path / "a.pt")
        with pytest.raises(ValueError, match=f"two values are named '{name}'"):
            io.open(tmp_path / "a.pt")


@pytest.mark.parametrize(
    "rows", [[[1.0, 2.0], [3.0]], [[1.0, 2.0], None], [[1.0, 2.0], [3.0, None]]]
)
def test_lists_in_tables_that_are_no_layer(tmp_path, rows):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"x": rows}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"cannot read .*column 'x' has "):
        np.asarray(io.open(tmp_path / "a.parquet")["x"])


@pytest.mark.parametrize("first", [None, [], [None, 2.0]])
def test_lists_in_tables_that_cost_no_other_layer(tmp_path, first):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"x": [first, [1.0, 2.0]], "y": [[1.0, 2.0], [3.0, 4.0]]}
    parquet.write_table(arrow.table(columns), tmp_path / "a.parquet")
    with io.open(tmp_path / "a.parquet", layers="y") as layers:
        np.testing.assert_array_equal(layers["y"], columns["y"])


def test_columns_that_numpy_has_no_type_for(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "when": arrow.array([0, 1], arrow.timestamp("us", tz="UTC")),
        "words": arrow.array([["a", "b"], ["c"]]),
        "record": arrow.array([{"text": "a"}, {"text": "b"}]),
    }
    table = arrow.table({"f0": [1.0, 2.0], "f1": [3.0, 4.0], **columns})
    parquet.write_table(table, tmp_path / "a.parquet")
    with io.open(tmp_path / "a.parquet") as layers:
        assert list(layers) == ["a"]
        assert layers.skipped.keys() == columns.keys()
        assert all(what.startswith("a column of ") for what in layers.skipped.values())

    without_pandas = (
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'pandas':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from isogram import io\n"
        f"print(io.open({str(tmp_path / 'a.parquet')!r}).read()['a'].tolist())"
    )
    assert run_program(without_pandas) == "[[1.0, 3.0], [2.0, 4.0]]"

    parquet.write_table(table.rename_columns(["f0", "f1", "x", "ids", "y"]), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"'ids' of .*b.parquet is a column of list<"):
        io.open(tmp_path / "b.parquet")


def test_missing_values_in_tables(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"f0": [1.0, None]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"cannot read .*column 'f0' has missing values"):
        np.asarray(io.open(tmp_path / "a.parquet")["a"])


def test_types_in_hdf5_that_numpy_lacks(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = LAYERS["block1"]
        space = h5py.h5s.create_simple((N,))
        h5py.h5d.create(file.id, b"when", h5py.h5t.UNIX_D32LE, space)
    with io.open(tmp_path / "a.h5") as layers:
        assert list(layers) == ["x"]
        assert layers.skipped == {"when": "No NumPy equivalent for TypeTimeID exists"}


def test_links_in_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["net/x"] = LAYERS["block1"]
        file["again"] = file["net/x"]
        file["soft"] = h5py.SoftLink("/net/x")
        file["outer"] = h5py.ExternalLink("other.h5", "/x")
        file["net/up"] = file  # a circle
    with io.open(tmp_path / "a.h5") as layers:
        assert set(layers) == {"again", "net/x"}
        for layer in layers.values():
            np.testing.assert_array_equal(layer, LAYERS["block1"])
        assert layers.skipped == {"soft": "a link", "outer": "a link"}


def test_names_in_hdf5_that_are_not_utf8(tmp_path, run):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[b"\xff"] = LAYERS["block1"]
        file["kind"] = h5py.Empty("f4")
    with io.open(tmp_path / "a.h5") as layers:
        assert list(layers) == ["\udcff"]
        assert layers.skipped == {"kind": "an empty data set"}
    result = run("compare", tmp_path / "a.h5", tmp_path / "a.h5")
    assert result.stdout.split() == ["\\udcff", "\\udcff", "1.000"]


def test_bytes_in_hdf5_are_utf8(tmp_path):
    h5py = pytest.importorskip("h5py")
    names = np.array([f"é{i}" for i in range(N)])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["ids"] = LAYERS["block1"], np.strings.encode(names, "utf-8")
    with io.open(tmp_path / "a.h5") as layers:
        np.testing.assert_array_equal(layers.ids, names)


def test_offsets_that_lead_out_of_an_arrow_file(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    offsets = arrow.array([0, 2, 4], arrow.int32())
    lists = arrow.ListArray.from_arrays(offsets, arrow.array([1.0, 2.0, 3.0, 4.0]))
    feather = pytest.importorskip("pyarrow.feather")
    path = tmp_path / "a.arrow"
    feather.write_feather(arrow.table({"x": lists}), path, compression="uncompressed")
    there = np.array([0, 2, 4], np.int32).tobytes()
    content = path.read_bytes()
    assert content.count(there) == 1
    path.write_bytes(content.replace(there, np.array([0, 10**9, 2 * 10**9], np.int32).tobytes()))
    with pytest.raises(ValueError, match=r"^cannot read .*a.arrow: "):
        io.open(path)


def test_arrays_that_zarr_would_unpickle(tmp_path):
    pytest.importorskip("zarr")
    write_zarr_2(tmp_path / "a.zarr", {"x": LAYERS["block1"], "evil": LAYERS["block1"]})
    description = tmp_path / "a.zarr" / "net" / "evil" / ".zarray"
    metadata = json.loads(description.read_text())
    for codec in ("filters", "compressor"):
        pickled = {"id": "pickle", "protocol": 5}
        changed = metadata | {codec: [pickled] if codec == "filters" else pickled}
        description.write_text(json.dumps(changed))
        layers = io.open(tmp_path / "a.zarr")
        assert list(layers) == ["net/x"]
        assert layers.skipped.keys() == {"net/evil"}
        assert "pickle" in layers.skipped["net/evil"]


def test_folders(tmp_path, run):
    folder = tmp_path / "features"
    (folder / "layer2").mkdir(parents=True)
    (folder / "layer10").mkdir()
    for name in ("layer10", "layer2"):  # as thingsvision writes them
        np.save(folder / name / "features.npy", LAYERS["block1"])
        (folder / name / "file_names.txt").write_text("\n".join(IDS))
    np.savez(folder / "others.npz", x=LAYERS["block2"])
    (folder / "README.md").write_text("notes")
    (folder / ".hidden").write_text("notes")
    (folder / "again").symlink_to(folder)
    (folder / "cut.npy").touch()
    (folder / "recording.json").write_text('["of another program"]')
    with zipfile.ZipFile(folder / "slides.pptx", "w") as archive:
        archive.writestr("slide", "words")
    with io.open(folder) as layers:
        assert list(layers) == ["layer2/features", "layer10/features", "others/x"]
        np.testing.assert_array_equal(layers.ids, IDS)
        assert layers.skipped["README.md"] == "not of a format that is known"
        assert layers.skipped["slides.pptx"] == "not of a format that is known"
        assert layers.skipped["recording.json"] == "not of a format that is known"
        assert layers.skipped["again"] == "a link to a folder"
        assert layers.skipped["cut.npy"] == "the file is empty"
    assert run("compare", folder, folder).exit_code == 0
    lines = [f"{name}\u2028\x0c" for name in IDS]  # what str.splitlines takes for line ends
    for name in ("layer10", "layer2"):
        (folder / name / "file_names.txt").write_text("\n".join(lines), encoding="utf-8")
    with io.open(folder) as layers:
        assert layers.ids.tolist() == lines
    for name, ending, mark in (("layer10", "\r\n", b"\xef\xbb\xbf"), ("layer2", "\n", b"")):
        content = mark + ending.join([*IDS, ""]).encode()  # as Windows writes text
        (folder / name / "file_names.txt").write_bytes(content)
    with io.open(folder) as layers:
        np.testing.assert_array_equal(layers.ids, IDS)
    (folder / "layer2" / "file_names.txt").write_text("\n".join(IDS[ORDER]))
    with pytest.raises(ValueError, match=r"has samples in different orders: row \d+ is 'image"):
        io.open(folder)
    np.save(folder / "others.npy", LAYERS["block1"])
    np.savez(folder / "others.npz", others=LAYERS["block1"])
    with pytest.raises(ValueError, match=r"two arrays in .* are named 'others'"):
        io.open(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folders_that_may_not_be_read(tmp_path):
    zarr = pytest.importorskip("zarr")
    np.save(tmp_path / "x.npy", LAYERS["block1"])
    (tmp_path / "closed").mkdir()
    group = zarr.open_group(tmp_path / "a.zarr")
    for name in ("net", "closed"):
        group.create_array(f"{name}/x", data=LAYERS["block1"])
    closed = tmp_path / "closed", tmp_path / "a.zarr" / "closed"
    for folder in closed:
        folder.chmod(0)
    try:
        with io.open(tmp_path) as layers:
            assert set(layers) == {"a/net/x", "x"}
            denied = "Permission denied"
            assert layers.skipped == {"closed": denied, "a/closed": denied}
    finally:
        for folder in closed:
            folder.chmod(0o700)


# Identifiers --------------------------------------------------------------------------------


def saved(path, ids=None, name="ids", layer=LAYERS["block1"]):
    np.savez(path, x=layer, **({} if ids is None else {name: ids}))
    return path


def test_identifiers_by_name(tmp_path):
    path = saved(tmp_path / "a.npz", IDS, "trial")
    assert io.open(path).ids is None
    assert io.open(path).skipped.keys() == {"trial"}
    layers = io.open(path, ids="trial")
    assert (layers.ids_name, layers.skipped) == ("trial", {})
    np.testing.assert_array_equal(layers.ids, IDS)
    assert io.open(saved(path, IDS), ids=None).ids is None
    np.testing.assert_array_equal(io.open(saved(path, IDS.astype("S"))).ids, IDS)
    with pytest.raises(ValueError, match=r"a.npz has no identifiers 'trial': x, ids"):
        io.open(path, ids="trial")
    with pytest.raises(ValueError, match=r"one for each of the 12 samples: 'x' of .* is float32"):
        io.open(path, ids="x")


@pytest.mark.parametrize(
    ("unfit", "what"),
    [
        (IDS[:5], r"str\d+ of shape \(5,\)"),
        (IDS.reshape(3, 4), r"str\d+ of shape \(3, 4\)"),
        (np.ones(N), r"float64 of shape \(12,\)"),
        (IDS.astype(object), r"object of shape \(12,\)"),
    ],
)
def test_identifiers_that_cannot_be_used_are_not_passed_over(tmp_path, run, unfit, what):
    path = saved(tmp_path / "a.npz", unfit)
    message = rf"'ids' of .*a.npz is {what}; name others, or none to take rows as they are"
    with pytest.raises(ValueError, match=message):
        io.open(path)
    assert re.search(message, run("compare", path, path).stderr)
    assert run("compare", path, path, "--ids", "none").exit_code == 0
    layers = io.open(path, ids=None)
    assert layers.ids is None
    assert layers.skipped.keys() == {"ids"}


def test_identifiers_of_the_groups_that_are_opened(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for group, ids in (("first", np.arange(N)), ("second", ORDER)):
            file[f"{group}/x"] = LAYERS["block1"]
            file[f"{group}/ids"] = ids
        file["deep/er/x"] = LAYERS["block1"]
    for group, ids in (("first", np.arange(N)), ("second", ORDER)):
        with io.open(tmp_path / "a.h5", layers=f"{group}/*") as layers:
            np.testing.assert_array_equal(layers.ids, ids)
            assert layers.ids_name == f"{group}/ids"
    for several in ("*", "deep/*", ["first/x", "second/x"]):
        with pytest.raises(ValueError, match=r"has samples in different orders: row \d+ is \d+ in"):
            io.open(tmp_path / "a.h5", layers=several)


def saved_rows(path, ids):
    np.savez(path, x=np.ones((len(ids), 2)), ids=ids)
    return path


def test_identifiers_that_read_the_same(tmp_path):
    pairs = [
        (np.arange(N), np.arange(N).astype(str), "0, row 0 of .*, which has '0'"),
        (np.array(["é"]), np.array(["e\u0301"]), r"'é', row 0 of .*, which has 'e\\u0301'"),
        (np.array(["a"]), np.array(["a "]), "'a', row 0 of .*, which has 'a '"),
        (np.array(["a"]), np.array(["b"]), "'a', row 0 of .* is not in .*[^']$"),
    ]
    for wanted, there, message in pairs:
        a, b = (
            io.open(saved_rows(tmp_path / name, ids))
            for name, ids in (("a.npz", wanted), ("b.npz", there))
        )
        with pytest.raises(ValueError, match=message):
            io.align(a, b)


def test_spans_of_rows_only(tmp_path):
    layer = io.open(saved_rows(tmp_path / "a.npz", IDS))["x"]
    assert layer.rows(slice(-3, None, 1)).shape == (3, 2)
    for span in (slice(0, 4, 2), slice(None, None, -1), 3):
        with pytest.raises(ValueError, match=r"Layer.rows: `span` must be a slice of step 1, got"):
            layer.rows(span)


def test_arrays_of_layers_are_copies_where_asked_for(written):
    with io.open(written()) as layers:
        for layer in layers.values():
            np.array(layer)[...] = 0
            np.testing.assert_array_equal(layer, flat(LAYERS[short(layer.name)]))
            assert np.asarray(layer, np.float64).dtype == np.float64


def test_identifiers_that_do_not_match(tmp_path, run):
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    other = IDS[ORDER].copy()
    other[5] = "new"
    twice = IDS.copy()
    twice[3] = twice[1]
    for ids, message in (
        (other, f"'{IDS[ORDER[5]]}', row {ORDER[5]} of 'ids' of {a}, is not in 'ids' of {b}"),
        (twice, f"'image 1.png' is row 1 and row 3 of 'ids' of {b}"),
        (np.arange(N), f"'image 0.png', row 0 of 'ids' of {a}, is not in 'ids' of {b}"),
    ):
        files = io.open(saved(a, IDS)), io.open(saved(b, ids))
        with pytest.raises(ValueError, match="identifiers of samples do not match: ") as caught:
            io.align(*files)
        assert message in str(caught.value)
        result = run("compare", a, b)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr == f"Error: identifiers of samples do not match: {message}\n"
        assert run("compare", a, b, "--ids", "none").exit_code == 0
    saved(a, twice)
    same = io.open(a), io.open(saved(b, twice))
    assert io.align(*same) == same  # trials of one image, in the same order
    with pytest.raises(ValueError, match=r"align: .*a.npz has no identifiers; name them"):
        io.align(io.open(a, ids=None), io.open(b))
    more = io.open(saved(a, IDS)), io.open(saved(b, IDS[:5], layer=LAYERS["block1"][:5]))
    with pytest.raises(ValueError, match=r"'image 5.png', row 5 of .*, is not in "):
        io.align(*more)


def test_compare_aligns(tmp_path, run):
    """Without identifiers the same samples in another order have a similarity near 0."""
    a = saved(tmp_path / "a.npz", IDS, "names")
    b = saved(tmp_path / "b.npz", IDS[ORDER], "names", LAYERS["block1"][ORDER])
    result = run("compare", a, b, "--ids", "names")
    assert result.stdout.split() == ["x", "x", "1.000"]
    assert result.stderr == (f"{b}: samples are in another order than in {a}: aligned by 'names'\n")
    assert abs(float(run("compare", a, b).stdout.split()[-1])) < 0.5
    saved(a, IDS)
    result = run("compare", a, b)
    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"{b} has no identifiers of samples, {a} has 'ids': rows are compared as they are\n"
    )
    saved(b, IDS)
    assert run("compare", a, b).stderr == ""
    assert "has no identifiers 'trial'" in run("compare", a, b, "--ids", "trial").stderr


# Frames -------------------------------------------------------------------------------------


def test_frames_in_another_order():
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(LAYERS["block1"].astype(float), index=IDS)
    y = 2 * x
    for function in (ig.cka, ig.hsic, ig.gbs, ig.similarity):
        assert function(x, y) == function(x.to_numpy(), y.to_numpy())
        message = rf"^{function.__name__}: `y` must have its rows in the order of `x`, got "
        with pytest.raises(ValueError, match=message) as caught:
            function(x, y.iloc[ORDER])
        assert "row 0 is" in str(caught.value)
        with pytest.raises(ValueError, match=message) as caught:
            function(x, y.rename(index={IDS[2]: "new"}))
        assert "'new', row 2 of `y`, is not in `x`" in str(caught.value)
        function(x, y.iloc[ORDER].to_numpy())
    moved = y.iloc[ORDER]
    with pytest.raises(ValueError, match=r"^cka_matrix: `layers\['b'\]` must have its rows in the"):
        ig.cka_matrix({"a": x, "b": moved})
    with pytest.raises(ValueError, match=r"^gbs_matrix: `other\[0\]` must have its rows in the"):
        ig.gbs_matrix([x], [moved])
    assert ig.cka_matrix([x], [y]).iloc[0, 0] == 1
    labels = pandas.Series(np.arange(N) % 2, index=IDS)
    ig.modularity(x, labels)
    with pytest.raises(ValueError, match=r"^motifs: `labels` must have its rows in the order of"):
        ig.motifs(x, labels.iloc[ORDER])
    rsm = pandas.DataFrame(ig.gram(x.to_numpy()), index=IDS, columns=IDS)
    with pytest.raises(ValueError, match=r"^compare_rsms: `rsm_b` must have its rows in the order"):
        ig.compare_rsms(rsm, rsm.iloc[ORDER, ORDER])


@pytest.mark.parametrize("missing", ["NaN", "None", "NA", "NaT"])
def test_identifiers_that_are_missing(missing):
    """One is an identifier as others are, also where it is not equal to itself."""
    pandas = pytest.importorskip("pandas")
    index = {
        "NaN": pandas.Index([np.nan, *range(1, N)]),
        "None": pandas.Index([None, *IDS[1:]], dtype=object),
        "NA": pandas.Index([pandas.NA, *IDS[1:]], dtype="string"),
        "NaT": pandas.DatetimeIndex([pandas.NaT, *pandas.date_range("2020", periods=N - 1)]),
    }[missing]
    x = pandas.DataFrame(LAYERS["block1"].astype(float), index=index)
    assert ig.cka(x, x.copy()) == 1
    with pytest.raises(ValueError, match="cka: `y` must have its rows in the order of `x`"):
        ig.cka(x, x.iloc[ORDER])
    with pytest.raises(ValueError, match="None is row 0 and row 1 of `x`"):
        ig.cka(x.set_axis([None] * N), x)


def test_frames_of_several_identifiers():
    pandas = pytest.importorskip("pandas")
    index = pandas.MultiIndex.from_arrays([IDS, np.arange(N)])
    x = pandas.DataFrame(LAYERS["block1"].astype(float), index=index)
    assert ig.cka(x, x.copy()) == 1
    with pytest.raises(ValueError, match="cka: `y` must have its rows in the order of `x`"):
        ig.cka(x, x.iloc[ORDER])


def test_frames_without_identifiers():
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(LAYERS["block1"].astype(float))
    some = pandas.DataFrame(np.tile(x, (2, 1))).iloc[::2]  # rows 0, 2, …: of a larger table
    ig.cka(x, some)
    ig.cka(x, pandas.DataFrame(x.to_numpy(), index=IDS))
    with pytest.raises(ValueError, match="cka: `y` must have its rows in the order of `x`"):
        ig.cka(x, x.sample(frac=1, random_state=0))


def test_labelled_arrays_in_another_order():
    xarray = pytest.importorskip("xarray")
    x = xarray.DataArray(LAYERS["block1"], dims=("image", "unit"), coords={"image": IDS})
    assert ig.cka(x, 2 * x) == pytest.approx(1)
    with pytest.raises(ValueError, match=r"^cka: `y` must have its rows in the order of `x`"):
        ig.cka(x, x[ORDER])
    plain = xarray.DataArray(LAYERS["block1"], dims=("image", "unit"))
    assert ig.cka(plain, x[ORDER]) == ig.cka(LAYERS["block1"], LAYERS["block1"][ORDER])
    layers = xarray.Dataset({"a": x, "b": 2 * x})
    assert ig.cka_matrix(layers).shape == (2, 2)


# Results ------------------------------------------------------------------------------------

SPECIAL = np.array([[0.1, np.nan, np.inf], [-np.inf, -0.0, 5e-324]])


@pytest.mark.parametrize("ending", [".json", ".npz"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "bool"])
def test_results_come_back(tmp_path, ending, dtype):
    path = tmp_path / f"result{ending}"
    with np.errstate(all="ignore"):
        values = np.nan_to_num(SPECIAL) if dtype in ("int64", "bool") else SPECIAL
        values = values.clip(-1e9, 1e9) if dtype == "int64" else values
        values = values.astype(dtype)
    io.save(values, path, rows="ab", columns=["c", "d", "e"], measure="cka", k=None, sizes=(1, 2))
    result = io.load(path)
    assert result.values.dtype == values.dtype
    assert result.values.tobytes() == values.tobytes()
    assert (result.rows, result.columns) == (("a", "b"), ("c", "d", "e"))
    assert result.provenance["measure"] == "cka"
    assert result.provenance["k"] is None
    assert result.provenance["sizes"] == [1, 2]
    assert result.provenance["version"] == ig.__version__
    assert result.provenance["date"].endswith("+00:00")
    np.testing.assert_array_equal(result, values)
    with pytest.raises(AttributeError):
        result.values = values
    with pytest.raises(TypeError):
        result.provenance["measure"] = "gbs"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", [".json", ".npz"])
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0), (0,), (1, 1, 1), ()])
def test_shapes_of_results_come_back(tmp_path, ending, shape):
    io.save(np.ones(shape), tmp_path / f"a{ending}")
    assert io.load(tmp_path / f"a{ending}").values.shape == shape


def test_json_is_json(tmp_path):
    io.save(SPECIAL, tmp_path / "a.json")
    json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)


def test_a_number_and_its_inputs(tmp_path):
    write_npz(tmp_path / "a.npz", LAYERS, IDS)
    x, y = LAYERS["block1"], flat(LAYERS["block2"])
    value = ig.cka(x, y)
    io.save(value, tmp_path / "cka.json", inputs=(x, y), measure="cka", device="elsewhere")
    result = io.load(tmp_path / "cka.json")
    assert float(result) == value
    assert result.values.shape == ()
    assert (result.rows, result.columns) == ((), ())
    assert result.provenance["n"] == N
    assert result.provenance["device"] == "elsewhere"
    (one,) = result.provenance["inputs"][0]["layers"].values()
    assert one == {"shape": [N, 4], "dtype": "float32", "sha256": io.fingerprint(x)}

    with io.open(tmp_path / "a.npz") as layers:
        matrix = ig.cka_matrix(layers)
        io.save(matrix, tmp_path / "matrix.npz", inputs=layers)
        result = io.load(tmp_path / "matrix.npz")
        assert result.rows == result.columns == tuple(SHAPES)
        (inputs,) = result.provenance["inputs"]
        assert inputs["path"] == str(tmp_path / "a.npz")
        assert list(inputs["layers"]) == list(SHAPES)
    io.save(ig.cka_matrix([x], [y, y]), tmp_path / "matrix.json", inputs=([x], {1: y, 2: y}))
    result = io.load(tmp_path / "matrix.json")
    assert (result.rows, result.columns) == (("0",), ("1", "2"))
    assert result.provenance["device"] == f"cpu, {ig.simd.level()}"


def test_results_that_have_names(tmp_path):
    path = tmp_path / "a.json"
    comparison = namedtuple("Comparison", "values rows columns samples measure reduce")
    io.save(comparison(np.eye(2, 3), ["a", "b"], ["c", "d", "e"], 9, "gbs", "mean"), path)
    result = io.load(path)  # as of a comparison of models
    about = [result.provenance[name] for name in ("n", "measure", "reduce")]
    assert about == [9, "gbs", "mean"]
    assert (result.rows, result.columns) == (("a", "b"), ("c", "d", "e"))
    assert (result.values == np.eye(2, 3)).all()
    io.save(result, tmp_path / "b.npz", rows=["x", "y"])
    again = io.load(tmp_path / "b.npz")
    assert (again.rows, again.columns) == (("x", "y"), result.columns)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.eye(2), index=["rows", "y"], columns=["rows", "y"])
    io.save(frame, path)  # frame.rows is a column
    assert io.load(path).rows == ("rows", "y")
    io.save(io.Result(np.float64(2.0)), path)
    assert float(io.load(path)) == 2.0


def test_inputs_of_every_kind(tmp_path):
    x, y = LAYERS["block1"], flat(LAYERS["block2"])
    path = tmp_path / "a.json"
    named = {"one": x, "two": y}
    for layers in (named, list(named.items()), named.items()):
        io.save(np.eye(2), path, inputs=[layers])
        assert io.load(path).rows == ("one", "two")
    for layers in ([x, y], named.values(), (a for a in (x, y))):
        io.save(np.eye(2), path, inputs=[layers])
        assert io.load(path).rows == ("0", "1")
    io.save(1.0, path, inputs=[[[[1.0, 2.0], [3.0, 4.0]]]])
    [given] = io.load(path).provenance["inputs"]
    assert given["layers"]["0"]["sha256"] == io.fingerprint(np.array([[1.0, 2.0], [3.0, 4.0]]))
    pandas = pytest.importorskip("pandas")
    frames = {"one": pandas.DataFrame(x), "two": pandas.DataFrame(y)}
    io.save(ig.cka_matrix(frames), path, inputs=[frames])
    [given] = io.load(path).provenance["inputs"]
    assert given["layers"]["one"]["sha256"] == io.fingerprint(x)
    with pytest.raises(TypeError, match=r"^save: `inputs\[0\]` must be a sequence or a mapping"):
        io.save(1.0, path, inputs=["model.npz"])


def test_fingerprints(tmp_path, monkeypatch):
    x = LAYERS["block2"]
    expected = hashlib.sha256(b"(12, 3, 5) 4" + x.tobytes()).hexdigest()
    assert io.fingerprint(x) == expected
    assert io.fingerprint(np.asfortranarray(x)) == expected
    assert io.fingerprint(x.astype(">f4")) == expected
    assert io.fingerprint(np.tile(x, 2)[..., ::2]) != expected
    assert io.fingerprint(x.astype(float)) != expected
    assert io.fingerprint(x[ORDER]) != expected
    np.save(tmp_path / "x.npy", x)
    layer = io.open(tmp_path / "x.npy", reduce=None)["x"]
    assert io.fingerprint(layer) == expected
    monkeypatch.setattr("isogram._fingerprint._BLOCK", 100)
    assert io.fingerprint(x) == io.fingerprint(layer) == expected
    assert io.fingerprint(np.float64(2)) == io.fingerprint(2.0)
    assert io.fingerprint(np.ones((0, 3))) != io.fingerprint(np.ones((3, 0)))
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert len(io.fingerprint(x.astype(ml_dtypes.bfloat16))) == 64


def test_results_that_are_not_saved(tmp_path):
    for path in ("a.csv", "a"):
        with pytest.raises(ValueError, match=r"^save: `path` must end in .json or .npz, got '"):
            io.save(1.0, path)
    path = tmp_path / "a.json"
    with pytest.raises(TypeError, match=r"^save: `result` must be of numbers, got <U1"):
        io.save("x", path)
    with pytest.raises(ValueError, match=r"^save: `rows` must have 2 names, got 1"):
        io.save(np.eye(2), path, rows="x")
    with pytest.raises(TypeError, match=r"^save: what is saved must be numbers, text and lists"):
        io.save(1.0, path, measure=object())
    with pytest.raises(ValueError, match=r"^save: `provenance` must be what JSON holds: .* nan"):
        io.save(1.0, path, lr=np.nan)
    with pytest.raises(FileNotFoundError, match=r"does not exist"):
        io.save(1.0, tmp_path / "no" / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_results(tmp_path):
    path = tmp_path / "a.json"
    io.save(np.eye(2), path)
    good = json.loads(path.read_text())
    broken = {
        "": "empty",
        "{": "Expecting",
        "[1]": "not a result",
        "[" * 100_000: "nested too deeply",
        "{}": "not a result",
        json.dumps(good | {"format_version": 2}): "a later version",
        json.dumps(good | {"values": [[1], [1, 2]]}): "inhomogeneous",
        json.dumps(good | {"dtype": "object"}): "numbers of type object",
        json.dumps(good | {"values": ["x"]}): "could not convert",
        json.dumps(good | {"values": [[1, 2, 3]]}): "cannot reshape",
        json.dumps({name: good[name] for name in good if name != "rows"}): "'rows'",
    }
    for text, message in broken.items():
        path.write_text(text)
        with pytest.raises(ValueError, match=rf"(?i)^cannot read .*{message}"):
            io.load(path)
    np.savez(tmp_path / "a.npz", values=np.eye(2))
    with pytest.raises(ValueError, match=r"^cannot read .*a.npz: not a result"):
        io.load(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", values=np.array([{}]), about=np.array(json.dumps(good)))
    with pytest.raises(ValueError, match=r"^cannot read .*a.npz: "):
        io.load(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.eye(2))
    with pytest.raises(ValueError, match=r"^cannot read .*a.npy: not a result"):
        io.load(tmp_path / "a.npy")
    with pytest.raises(FileNotFoundError):
        io.load(tmp_path / "absent.json")


def test_compare_saves_its_matrix(tmp_path, run):
    a, b, target = (tmp_path / name for name in ("a.npz", "b.npz", "out.json"))
    saved(a, IDS)
    write_npz(b, LAYERS, IDS)
    result = run("compare", a, b, "--estimator", "biased", "--save", target)
    assert result.exit_code == 0, result.output
    loaded = io.load(target)
    flattened = {name: flat(layer) for name, layer in LAYERS.items()}
    expected = ig.cka_matrix([LAYERS["block1"]], flattened, estimator="biased")
    np.testing.assert_array_equal(loaded, expected)
    assert (loaded.rows, loaded.columns) == (("x",), tuple(SHAPES))
    told = {"measure": "cka", "estimator": "biased", "kernel": "linear", "n": N}
    assert told.items() <= loaded.provenance.items()
    assert loaded.provenance["files"] == [str(a), str(b)]
    assert run("compare", a, b, "--save", tmp_path / "out.txt").exit_code == 2
    same = run("compare", a, b, "--save", target, "--csv", target)
    assert "--csv and --save name the same file" in same.stderr


@pytest.mark.parametrize(
    ("function", "call"),
    [("open", io.open), ("load", io.load), ("save", lambda path: io.save(np.ones(3), path))],
)
def test_paths_that_are_none(function, call):
    with pytest.raises(TypeError, match=f"^{function}: `path` must be a string or a path, got 3"):
        call(3)
