"""Files that nobody should have made: `isogram` reads them rightly or refuses them in one line."""

import os
import struct
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zipfile
from io import BytesIO

import isogram as ig
import numpy as np
import pytest
from isogram import io

PLAIN = "{'descr': '<f8', 'fortran_order': False, 'shape': (9, 4), }"
LAYER = np.random.default_rng(0).standard_normal((9, 4))
OTHER = np.random.default_rng(1).standard_normal((9, 3))


def npy(array, **options):
    stream = BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def with_header(header, version=1):
    """An .npy file of LAYER with a header of its own."""
    header = header if isinstance(header, bytes) else header.encode("utf-8")
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + LAYER.tobytes()


def npz(members, compression=zipfile.ZIP_STORED):
    """An .npz file of (name, bytes) pairs, whose names may be repeated."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def patched(archive, *patches):
    """The archive with bytes of the local header and of the directory's entry replaced alike."""
    archive = bytearray(archive)
    directory = archive.index(b"PK\x01\x02")
    for offset, content in patches:  # of the entry in the directory; the local one is 2 shorter
        archive[directory + offset : directory + offset + len(content)] = content
        archive[offset - 2 : offset - 2 + len(content)] = content
    return bytes(archive)


ONE = npz([("one.npy", npy(LAYER))])
DEFLATED = npz([("one.npy", npy(LAYER))], zipfile.ZIP_DEFLATED)
SHAPE = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }"
TORCH = [("net/data.pkl", b"\x80\x02ccollections\nOrderedDict\n."), ("net/data/0", b"\0" * 288)]

BY_PYTHON_2 = with_header(PLAIN.replace("(9, 4)", "(9L, 4L)"))

# What the file is: its content, and a word of the reason that is given.
BROKEN = {
    "empty": (b"", "empty"),
    "text": (b"1, 2, 3\n", "not of a format that is known"),
    "pickle": (b"\x80\x04]\x94.", "not of a format that is known"),
    "magic alone": (b"\x93NUMPY", "version"),
    "no header": (b"\x93NUMPY\x01\x00", "header"),
    "later version": (b"\x93NUMPY\x09\x00" + npy(LAYER)[8:], "version"),
    "half a header": (npy(LAYER)[:40], "header"),
    "no numbers": (npy(LAYER)[:128], "takes 288 bytes, 0 are there"),
    "truncated": (npy(LAYER)[:-1], "takes 288 bytes, 287 are there"),
    "unbalanced": (with_header(PLAIN.replace(")", "")), "cannot be parsed"),
    "unbalanced, 3.0": (with_header(PLAIN.replace(")", ""), version=3), "header"),
    "open string": (with_header(PLAIN[:20]), "header"),
    "indented": (with_header("  x\n y"), "cannot be parsed"),
    "nested": (with_header("(" * 5000), "cannot be parsed"),
    "nested signs": (with_header("-" * 9000 + "1"), "header"),
    "no literal": (with_header("__import__('os').abort()"), "malformed"),
    "not a dictionary": (with_header("[1, 2]"), "not a dictionary"),
    "keys of two types": (with_header("{1: 2, 'a': 3}"), "'<'"),
    "no keys": (with_header("{}"), "keys"),
    "long header": (with_header(PLAIN + " " * 20000), "Header info length"),
    "header of 4 GB": (with_header(b"", version=2)[:8] + b"\xff" * 4 + b"x", "header"),
    "not UTF-8": (with_header(b"\xff\xfe{", version=3), "header"),
    "many digits": (with_header(SHAPE % f"({'9' * 5000}, 4)"), "header"),
    "petabytes": (with_header(SHAPE % f"(9, {10**14})"), "takes"),
    "beyond 64 bits": (with_header(SHAPE % "(4294967296, 4294967296)"), "takes"),
    "negative": (with_header(SHAPE % "(-1, 4)"), "negative"),
    "two negatives": (with_header(SHAPE % "(-9, -4)"), "negative"),
    "extents of floats": (with_header(SHAPE % "(9.0, 4)"), "shape is not valid"),
    "unknown type": (with_header(PLAIN.replace("<f8", "<q9")), "descr"),
    "strange type": (with_header(PLAIN.replace("'<f8'", "[('a', 1, 2, 3)]")), "unpack"),
    "type of no type": (with_header(PLAIN.replace("'<f8'", "None")), "descr"),
    "archive without a directory": (ONE[:200], "zip"),
    "archive of nothing but its magic": (b"PK\x03\x04", "zip"),
    "encrypted": (patched(ONE, (8, b"\x01\x00")), "encrypted"),
    "unknown compression": (patched(ONE, (10, b"\x63\x00")), "compression"),
    "wrong checksum": (patched(ONE, (16, b"\0\0\0\0")), "CRC"),
    "flipped bit": (ONE[:300] + bytes([ONE[300] ^ 1]) + ONE[301:], "CRC"),
    "damaged deflate": (DEFLATED[:60] + b"\xff" * 20 + DEFLATED[80:], "'one'"),
    "declared longer": (patched(ONE, (24, b"\xff\xff\0\0"), (20, b"\xff\xff\0\0")), "'one'"),
    "declared shorter": (patched(ONE, (24, b"\x90\0\0\0")), "CRC"),
    "more than the array": (npz([("one.npy", npy(LAYER) + b"x")]), "289 are there"),
    "petabytes in an archive": (npz([("one.npy", with_header(SHAPE % f"(9, {10**14})"))]), "takes"),
    "no array beside one": (npz([("one.npy", npy(LAYER)), ("notes.txt", b"hi")]), "'notes.txt'"),
    "member that is empty": (npz([("one.npy", b"")]), "'one'"),
    "archive in an archive": (npz([("inner.npz", ONE)]), "'inner.npz': not an array"),
    "other archive": (npz(TORCH), "'net/data.pkl': not an array"),
    "twice the same name": (npz([("one.npy", npy(LAYER)), ("one", npy(OTHER))]), "'one'"),
    "lines in a name": (npz([("a\nError: b\x1b[2J.npy", b"no")]), r"a\nError: b\x1b[2J"),
    "name that is not UTF-8": (
        patched(ONE.replace(b"one.npy", b"\xff\xfe\xfd.npy"), (8, b"\0\x08")), "decode"),
}  # fmt: skip


def assert_one_line(result, message=""):
    assert result.exit_code != 0, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert result.stderr[:-1].isprintable()
    assert message in result.stderr


def written(path, content):
    path.write_bytes(content)
    return path


def names_in(table):
    return table.splitlines()[0].split()


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(run, tmp_path, name):
    content, reason = BROKEN[name]
    source = written(tmp_path / "broken.npz", content)
    good = written(tmp_path / "good.npy", npy(LAYER))
    for arguments in (
        ("compare", source, source),
        ("compare", good, source),
        ("rsm", source, "-o", tmp_path / "rsm.npy"),
    ):
        result = run(*arguments)
        assert_one_line(result, f"Error: cannot read {source}: ")
        assert reason in result.stderr
        assert len(result.stderr) < 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.npz", "good.npy"]


@pytest.mark.parametrize("cut", range(0, len(DEFLATED), 7))
def test_truncated_archives(run, tmp_path, cut):
    source = written(tmp_path / "cut.npz", DEFLATED[:cut])
    assert_one_line(run("compare", source, source), "cannot read")


def test_what_is_not_a_layer_is_skipped_with_a_word(run, tmp_path):
    source = tmp_path / "a.npz"
    np.savez(
        source,
        conv=LAYER,
        settings=np.array([{"lr": 0.1}, None], dtype=object),
        names=np.array(["x", "y"]),
        step=np.float64(3),
        labels=np.arange(9),
        mean=LAYER[0],
        none=LAYER[:0],
        pairs=np.zeros((9, 4), "f4,i4"),
    )
    result = run("compare", source, source)
    assert result.exit_code == 0, result.output
    assert names_in(result.stdout) == ["conv"]
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(
        f"{source}: not layers, ignored: settings (object of shape (2,))"
    )
    for name in ("names", "step", "labels", "mean", "none", "pairs"):
        assert f", {name} (" in result.stderr

    result = run("rsm", source, "-o", tmp_path / "rsm.npy")
    assert_one_line_after_notice(result)
    result = run("rsm", source, "-o", tmp_path / "rsm.npy", "--layer", "settings")
    assert_one_line(result, f"'settings' of {source} holds Python objects")


def assert_one_line_after_notice(result):
    """Two axes are too few for an RSM: the layer was found, and what was not taken was named."""
    notice, error = result.stderr.splitlines()
    assert "not layers, ignored: settings" in notice
    assert error.startswith("Error: TOKENS must be 3-D")


def test_rsm_takes_the_only_layer(run, tmp_path):
    tokens = np.random.default_rng(2).standard_normal((5, 4, 3))
    source, target = tmp_path / "a.npz", tmp_path / "rsm.npy"
    names = np.array([None, "x"], dtype=object)
    np.savez(source, tokens=tokens, names=names, labels=np.arange(5))
    result = run("rsm", source, "-o", target)
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith(f"{source}: not layers, ignored: names (object")
    np.testing.assert_array_equal(np.load(target), ig.semantic_rsm(tokens))
    assert run("rsm", source, "-o", target, "--layer", "tokens").stderr == ""


def test_nothing_but_objects(run, tmp_path):
    for name, save in (("a.npz", np.savez), ("a.npy", np.save)):
        save(tmp_path / name, np.array([{}, None], dtype=object))
        assert_one_line(run("compare", tmp_path / name, tmp_path / name), "has no layers")
        result = run("rsm", tmp_path / name, "-o", tmp_path / "rsm.npy")
        assert_one_line(result, "holds no plain numbers: ")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.png").write_bytes(b"\x89PNG")
    for arguments in (("compare", tmp_path / "pictures"), ("rsm", "-o", tmp_path / "rsm.npy")):
        result = run(*arguments, tmp_path / "pictures")
        assert_one_line(result, ": 0.png (not of a format that is known)")
    np.savez(tmp_path / "empty.npz")
    for arguments in (("compare", tmp_path / "a.npz"), ("rsm", "-o", tmp_path / "rsm.npy")):
        assert_one_line(run(*arguments, tmp_path / "empty.npz"))


def test_long_and_many_names_are_cut_short(run, tmp_path):
    source = tmp_path / "a.npz"
    np.savez(source, **{"x" * 5000: np.zeros(3, [(f"field{i}", "f4") for i in range(400)])})
    assert_one_line(run("compare", source, source), "x" * 100 + " …\n")
    np.savez(source, **{f"label{i}": np.arange(3) for i in range(500)})
    result = run("compare", source, source)
    assert_one_line(result, "label9 (int64 of shape (3,)), … (490 more)")


@pytest.mark.parametrize(
    "content",
    [
        npy(np.asfortranarray(LAYER)),
        npy(LAYER.astype(">f8")),
        npy(LAYER, version=(2, 0)),
        npy(LAYER, version=(3, 0)),
        npy(LAYER) + b"what np.load does not read either",
        BY_PYTHON_2,
        *(
            npz([("folder/", b""), ("x.npy", npy(LAYER))], method)
            for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
        ),
        npz([("x.npy", npy(np.asfortranarray(LAYER)))], zipfile.ZIP_LZMA),
    ],
)
def test_unusual_files_are_read(run, tmp_path, monkeypatch, content):
    source = written(tmp_path / "x.npz", content)
    np.testing.assert_array_equal(io.open(source)["x"], LAYER)
    np.testing.assert_array_equal(io.open(source)["x"].rows(slice(2, 5)), LAYER[2:5])
    monkeypatch.setattr("isogram.io._numpy._CHUNK", 100)  # of archives, in parts
    np.testing.assert_array_equal(io.open(source)["x"], LAYER)
    result = run("compare", source, source)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.split() == ["x", "x", "1.000"]


def test_warnings_of_other_threads_are_not_touched(tmp_path):
    source = written(tmp_path / "x.npy", BY_PYTHON_2)
    filters = list(warnings.filters)

    def read():
        for _ in range(100):
            np.asarray(io.open(source)["x"])

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        count = 0
        while any(thread.is_alive() for thread in threads):
            warnings.warn("mine", UserWarning, stacklevel=1)
            count += 1
        for thread in threads:
            thread.join()
    assert [str(warning.message) for warning in caught] == count * ["mine"]
    assert warnings.filters == filters


def test_more_memory_than_there_is(run, tmp_path, monkeypatch):
    monkeypatch.setattr("isogram.io._contents.usable_memory", lambda: 500)
    source = tmp_path / "a.npz"
    np.savez(source, one=LAYER, two=LAYER)
    assert_one_line(run("compare", source, source), "take 576 bytes of memory, more than the 500")


def test_a_bomb_is_not_unpacked(run, tmp_path):
    """Many zeros follow what the header says."""
    content = npz([("one.npy", npy(LAYER) + bytes(10**8))], zipfile.ZIP_DEFLATED)
    assert len(content) < 200_000
    source = written(tmp_path / "a.npz", content)
    tracemalloc.start()
    assert_one_line(run("compare", source, source), f"takes 288 bytes, {10**8 + 288} are there")
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_what_is_no_file(run, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "pool")
    (tmp_path / "pool").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "absent")
    good = written(tmp_path / "good.npy", npy(LAYER))
    (tmp_path / "empty").mkdir()
    inputs = {
        tmp_path / "empty": "it is empty",
        tmp_path / "absent": "does not exist",
        tmp_path / "nowhere": "does not exist",
        tmp_path / "loop": "does not exist",
        good / "x": "does not exist",
        tmp_path / ("x" * 300): "does not exist",
        tmp_path / "fifo": "not a regular file",
        "/dev/null": "not a regular file",
        "/dev/zero": "not a regular file",
        "-": "does not exist",
    }
    for path, reason in inputs.items():
        assert_one_line(run("compare", path, good), reason)
        assert_one_line(run("compare", good, path), reason)
        assert_one_line(run("rsm", path, "-o", tmp_path / "rsm.npy"), reason)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(run, tmp_path):
    source = written(tmp_path / "a.npy", npy(LAYER))
    source.chmod(0)
    assert_one_line(run("compare", source, source), "not readable")


def test_the_file_changes_in_between(run, tmp_path, monkeypatch):
    source = tmp_path / "a.npy"
    opened = io.open

    def open_and_replace(path, **options):
        layers = opened(path, **options)
        np.save(source, OTHER)
        return layers

    monkeypatch.setattr(io, "open", open_and_replace)
    np.save(source, LAYER)
    assert_one_line(run("compare", source, source), "'a' is no longer float64 of shape (9, 4)")


def test_in_a_process_of_its_own_with_little_memory(tmp_path):
    """Nothing is allocated for numbers that are not there."""
    source = written(tmp_path / "a.npy", with_header(SHAPE % "(9, 1000000000)"))
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30,) * 2)\n"
        "from isogram.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "compare", source, source],
        capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    expected = f"{source}: float64 of shape (9, 1000000000) takes 72000000000 bytes, 288 are there"
    assert done.stderr == f"Error: cannot read {expected}\n"
    assert (done.returncode, done.stdout) == (1, "")
