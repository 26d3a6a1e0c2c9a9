"""The command line on files that nobody should have made.

Valid .npy and .npz files of every kind, the same with a broken member, and the same with bytes,
fields and headers replaced. A command ends with exit status 0 and the numbers that are in the file,
or with another one and one line that begins with "Error: "; what is known to be valid is read, and
what is known to be broken is not. Never a traceback, never a hang, never memory for numbers that
are not there.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import isogram as ig
import numpy as np
from click.testing import CliRunner
from isogram.cli._commands import commands

LONGEST = 20  # seconds for a command, on a machine that does other things too
PROCESSES = 200  # one case in 200 runs in a process of its own
ADDRESSES = 4 * 2**30  # bytes that it may have
RUN = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({ADDRESSES}, {ADDRESSES}))
from isogram.cli import main
main()
"""


class Hang(BaseException):
    """A command took too long; not an Exception, which the command would report."""


@dataclass
class Case:
    """A file, and what is known of it."""

    description: str
    make: Callable[[Path], object]
    layers: dict[str, np.ndarray] | None = None  # None: broken, or not known
    broken: bool = False


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


def fuzz(seconds: float, seed: int, keep_going: bool) -> int:
    """Check one case after another until the time is up; return the number of faults."""
    end, first, faults = time.monotonic() + seconds, seed, 0
    while True:
        case = draw(np.random.default_rng(seed))
        run = in_a_process if seed % PROCESSES == PROCESSES - 1 else in_this_process
        try:
            with tempfile.TemporaryDirectory() as folder:
                check(case, Path(folder), run)
        except (Exception, Hang):
            traceback.print_exc()
            print(f"files: {case.description}, --seed {seed}", flush=True)
            faults += 1
        seed += 1
        if time.monotonic() >= end or (faults and not keep_going):
            break
    print(f"files: {seed - first} files, {faults} faults")
    return faults


# What is checked ----------------------------------------------------------------------------


def check(case: Case, folder: Path, run: Callable[..., Outcome]) -> None:
    """Assert everything that is promised of a file."""
    source = folder / "case.npz"
    case.make(source)
    before = sorted(folder.iterdir())
    check_compare(case, source, folder / "out.csv", run)
    check_rsm(case, source, folder / "out.npy", run)
    check_layers(case, source, run)
    check_check(case, source, run)
    assert sorted(folder.iterdir()) == before, "files are left behind"


def by_numbers(name: str) -> tuple[list[str | int], str]:
    """Return the key of natural order; base 16 orders decimal digits too, however many they are."""
    parts = re.split("([0-9]+)", name)
    return [int(part, 16) if i % 2 else part for i, part in enumerate(parts)], name


def check_compare(case: Case, source: Path, target: Path, run: Callable[..., Outcome]) -> None:
    """Assert that `compare` gives the CKA of the file's layers, or one line."""
    outcome = run("compare", source, source, "--csv", target)
    layers = expected_layers(case, source, outcome)
    check_lines(outcome, source)
    if outcome.status:
        assert not target.exists()
        assert layers is None or refused(partial(ig.cka_matrix, layers)), "layers are refused"
        return
    assert layers, "broken, but read"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ig.cka_matrix(layers)
    with target.open(encoding="utf-8", newline="") as stream:
        header, *body = csv.reader(stream)
    target.unlink()
    names = header[1:]
    assert names in (list(layers), sorted(layers, key=by_numbers)), (
        "neither the file's order nor the natural one"
    )
    assert [line[0] for line in body] == names
    places = [list(layers).index(name) for name in names]
    values = np.array([line[1:] for line in body], float)
    np.testing.assert_array_equal(values, expected[np.ix_(places, places)])
    assert outcome.stdout.count("\n") == len(layers) + 1, "not one line a layer"


def check_rsm(case: Case, source: Path, target: Path, run: Callable[..., Outcome]) -> None:
    """Assert that `rsm` writes the RSM of the file's only layer, or one line."""
    outcome = run("rsm", source, "--matching", "none", "-o", target)
    check_lines(outcome, source)
    if outcome.status:
        assert not target.exists()
        return
    assert not case.broken, "broken, but read"
    tokens = read_by_numpy(source, flat=False)
    assert len(tokens) == 1, "one of several layers is taken"
    expected = ig.semantic_rsm(next(iter(tokens.values())), matching="none")
    np.testing.assert_array_equal(np.load(target, allow_pickle=False), expected)
    target.unlink()


def check_layers(case: Case, source: Path, run: Callable[..., Outcome]) -> None:
    """Assert that `layers` lists the file's layers, or says why other commands refuse it."""
    outcome = run("layers", source, "--json", "-")
    check_lines(outcome, source)
    if outcome.status:
        return
    found = json.loads(outcome.stdout)
    if found["refused"] is not None:
        return
    layers = expected_layers(case, source, outcome)
    assert layers, "broken, but listed"
    shapes = {layer["name"]: layer["shape"] for layer in found["layers"]}
    assert shapes.keys() == layers.keys()
    for name, (samples, *features) in shapes.items():
        assert (samples, int(np.prod(features))) == layers[name].shape


def check_check(case: Case, source: Path, run: Callable[..., Outcome]) -> None:
    """Assert that `check` gives the CKA of every layer with itself, which fails where undefined."""
    outcome = run("check", source, source, "--min", "-1", "--json", "-")
    has_failed = outcome.status == 3
    outcome = outcome._replace(status=0 if has_failed else outcome.status)
    check_lines(outcome, source)
    layers = expected_layers(case, source, outcome)
    if outcome.status:
        assert layers is None or refused(partial(ig.cka_matrix, layers)), "layers are refused"
        return
    assert layers, "broken, but read"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {name: ig.cka(layer, layer) for name, layer in layers.items()}
    values = {layer["name"]: layer["value"] for layer in json.loads(outcome.stdout)["layers"]}
    assert values.keys() == expected.keys()
    for name, value in values.items():
        assert value == (None if np.isnan(expected[name]) else expected[name])
    assert has_failed == (None in values.values())


def check_lines(outcome: Outcome, source: Path) -> None:
    """Assert that stderr holds notices, warnings and, after a failure, one error at the end."""
    assert not outcome.stderr or outcome.stderr.endswith("\n")
    lines = outcome.stderr.split("\n")[:-1]
    assert all(line.isprintable() for line in lines), outcome.stderr
    if outcome.status:
        assert lines[-1].startswith("Error: "), outcome.stderr
        assert len(lines[-1]) < 2000
        assert not re.search("memory|allocate", lines[-1]), lines[-1]
        assert outcome.stdout == ""
        lines.pop()
    for line in lines:
        assert line.startswith((f"{source}: not layers, ignored: ", "Warning: ")), outcome.stderr


def expected_layers(case: Case, source: Path, outcome: Outcome) -> dict[str, np.ndarray] | None:
    """Return the layers that the file is known to have, or that NumPy finds in what was read."""
    if case.layers is not None or case.broken:
        return case.layers
    return None if outcome.status else read_by_numpy(source, flat=True)


def read_by_numpy(source: Path, flat: bool) -> dict[str, np.ndarray]:
    """Return the layers of a file as np.load gives them."""
    with warnings.catch_warnings(), source.open("rb") as stream:
        warnings.simplefilter("ignore")
        loaded = np.load(stream, allow_pickle=False)
        arrays = {"case": loaded}
        if isinstance(loaded, np.lib.npyio.NpzFile):
            arrays = {}
            for name in loaded.files:
                try:
                    arrays[name] = loaded[name]
                except Exception:  # of objects, or broken where nobody looks
                    continue
    layers = {name: array for name, array in arrays.items() if is_layer(array)}
    return (
        {name: array.reshape(len(array), -1) for name, array in layers.items()} if flat else layers
    )


def is_layer(array) -> bool:
    """Return whether `compare` takes an array for a layer."""
    return (
        isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.ndim > 1 and array.size
    )


def refused(call: Callable[[], object]) -> bool:
    """Return whether the numbers, not the file, are to blame."""
    try:
        call()
    except (ValueError, TypeError):
        return True
    return False


# Running a command --------------------------------------------------------------------------


@contextmanager
def time_limit():
    """Raise Hang once a command has taken too long."""

    def give_up(*_):
        raise Hang(f"no end after {LONGEST} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def in_this_process(*arguments) -> Outcome:
    """Run a command by a call."""
    with time_limit():
        result = CliRunner().invoke(commands, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


def in_a_process(*arguments) -> Outcome:
    """Run a command as a user does, with little memory."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=LONGEST,
        check=False,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode >= 0, f"ended by signal {-done.returncode}"
    return Outcome(done.returncode, done.stdout, done.stderr)


# Members ------------------------------------------------------------------------------------


class Member(NamedTuple):
    """A part of an archive, or an .npy file."""

    content: bytes
    layer: np.ndarray | None = None
    broken: bool = False


def npy(array, *, pickled=False, version=None) -> bytes:
    """Return the bytes of an .npy file."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of later versions of the format
        np.lib.format.write_array(stream, array, version=version, allow_pickle=pickled)
    return stream.getvalue()


def layer(rng, samples) -> Member:
    """Draw an array that `compare` takes."""
    shape = (samples, *rng.integers(1, 5, rng.integers(1, 4)))
    array = rng.standard_normal(shape).astype(rng.choice(["f2", "f4", "f8", ">f2", ">f4", ">f8"]))
    if rng.random() < 0.3:
        array = np.asfortranarray(array)
    content = npy(array, version=pick(rng, [None, (1, 0), (2, 0), (3, 0)]))
    return Member(content, array)


def other(rng, samples) -> Member:
    """Draw an array that `compare` ignores."""
    numbers = rng.integers(0, 2, samples)
    array = pick(
        rng,
        [
            numbers,
            numbers.astype(bool),
            numbers.astype("U7"),
            numbers.astype("S3"),
            numbers.astype("M8[s]"),
            numbers.astype(">u2").reshape(-1, 1),
            numbers + 1j,
            numbers.astype(float),
            np.float32(numbers[0]),
            np.zeros((samples, 0)),
            np.zeros((0, 4), "f4"),
            np.zeros((samples, 2), "U0"),
            np.zeros((samples, 2), "f4,i2"),
            np.zeros((samples, 2), "V2"),  # what bfloat16 is stored as
            np.array([{"lr": 0.1}, None], dtype=object),
            np.zeros((samples, 2), "O,f4"),
        ],
    )
    return Member(npy(np.asarray(array), pickled=True))


HEADER_PIECES = (
    "", "(", ")", "{", "}", "[", "'", '"', "\\", "#", "\n", "\n  x\n y", "\0", "é", "L", "-", "~",
    ",", ":", "9" * 5000, "(" * 500, "-" * 3000, "1e9", "1_0", "True", "None", "...", "1j", "b'f4'",
    "__import__('os').abort()", "'shape': (2,), ", "'O'", "'<f16'", "'|O8'", "'>f4'", "'f4,f4'",
    "'(9999999999,)f8'", "('<f4', (3,))", "('<f4', -3)", "[('a', '<f4')]", "[('a', '<f4', (2,))]",
    "[(('t', 'a'), '<f4')]", "[('', '|V4'), ('a', 'O')]", "[()]", "[[]]", "{1: 2}", "'a'",
    "'M8[7D]'",
    "'U99999999999'", "'V0'", "'S0'", "'<f3'", "'e'", "'g'", "'G'", "'datetime64'", "'float'", "()",
    "(0, 3)", "(-1, 4)", "(-9, -4)", "(9,)", "(2, 3, 4)", "(True, 4)", "(1000000000000000, 4)",
    "(4294967296, 4294967296)", "(9223372036854775807, 2)", "(18446744073709551617, 1)", "(0.5, 2)",
    "(9, 0, 99999999999999999999)", "(1,) * 9", "(1, " + "1, " * 70 + ")", "nan", "'C'", "1", "0",
)  # fmt: skip


def changed_header(rng, samples) -> Member:
    """Draw an array with pieces of its header replaced; what that means, NumPy has to say."""
    valid = layer(rng, samples)
    start = valid.content.index(b"{")
    end = valid.content.index(b"\n", start)
    header = valid.content[start:end].decode()
    for _ in range(rng.integers(1, 4)):
        a, b = np.sort(rng.integers(0, len(header) + 1, 2))
        value = header.find(pick(rng, ["'<f", "'>f", "False", "True", "("]))
        if value >= 0 and rng.random() < 0.6:  # a whole value
            a, b = value, header.find(", ", value)
            b = header.find(")", value) + 1 if header[value] == "(" else b
        header = header[:a] + pick(rng, HEADER_PIECES) + header[b:]
    version = pick(rng, [1, 2, 3])
    encoded = header.encode("utf-8" if rng.random() < 0.9 else "utf-16")
    length = pick(rng, [len(encoded)] * 8 + [0, 65535, len(encoded) + 7])
    return Member(
        b"\x93NUMPY"
        + bytes([version, 0])
        + struct.pack("<H" if version == 1 else "<I", length)
        + encoded
        + valid.content[end + 1 :]
    )


def broken_member(rng, samples) -> Member:
    """Draw what no reader may take for an array."""
    valid = layer(rng, samples).content
    nested = archive(rng, {"x.npy": valid[:-1]})  # broken by itself too
    huge = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 4)}"
    huge %= pick(rng, [10**6, 10**9, 10**12, 10**15, 2**62, 2**63, 2**64 + 1])
    content = pick(
        rng,
        [
            b"",
            rng.bytes(rng.integers(1, 300)),
            b"\x80\x02ccollections\nOrderedDict\n.",
            b"\x93NUMPY",
            b"\x93NUMPY\x04\x00" + valid[8:],
            valid[: rng.integers(0, len(valid))],
            b"\x93NUMPY\x02\x00\xff\xff\xff" + rng.bytes(1) + valid[12:],
            b"\x93NUMPY\x01\x00" + struct.pack("<H", len(huge)) + huge + valid[-64:],
            nested,
        ],
    )
    return Member(content, broken=True)


def surplus(rng, samples) -> Member:
    """Draw an array that is not all there is of a member, so that no checksum would be compared."""
    return Member(layer(rng, samples).content + rng.bytes(rng.integers(1, 9)), broken=True)


# Files --------------------------------------------------------------------------------------

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
NAMES = (
    "layer", "a b", "conv/1", "../up", "été", "層", "$x_{1$", "=1+1", 'q"uote', "com,ma", "%s{0}",
    "line\nbreak", "re\rturn", "\x1b[31m", "‮right", "x" * 300, ".", "a.npz", "-o", "case",
)  # fmt: skip


def pick(rng, choices):
    """Draw one of a sequence whose entries NumPy would convert."""
    return choices[rng.integers(len(choices))]


def archive(rng, members: dict[str, bytes]) -> bytes:
    """Return the bytes of a .zip file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", pick(rng, METHODS)) as target:
        if rng.random() < 0.1:
            target.mkdir("folder")
        for name, content in members.items():
            with target.open(name, "w", force_zip64=bool(rng.random() < 0.2)) as member:
                member.write(content)
    return stream.getvalue()


def single(rng, kinds) -> Case:
    """Draw an .npy file."""
    member = pick(rng, kinds)(rng, rng.integers(4, 9))
    content = member.content
    if not member.broken and rng.random() < 0.1:
        content += rng.bytes(9)  # which nobody reads
    return Case("one array", writing(content), *known({"case": member}))


def several(rng, kinds) -> Case:
    """Draw an .npz file of arrays of these kinds."""
    samples = rng.integers(4, 9)
    names = [pick(rng, NAMES) + str(i) for i in range(rng.integers(1, 5))]
    members = {name: pick(rng, kinds)(rng, samples) for name in names}
    suffixes = [".npy" if rng.random() < 0.9 else "" for _ in names]
    files = {
        name + suffix: member.content
        for suffix, (name, member) in zip(suffixes, members.items(), strict=True)
    }
    return Case("an archive", writing(archive(rng, files)), *known(members))


def known(members: dict[str, Member]) -> tuple[dict[str, np.ndarray] | None, bool]:
    """Return the layers of a file of valid arrays, and whether it must be refused."""
    layers = {
        name: m.layer.reshape(len(m.layer), -1)
        for name, m in members.items()
        if m.layer is not None
    }
    broken = not layers or any(member.broken for member in members.values())
    return (None if broken else layers), broken


def writing(content: bytes) -> Callable[[Path], object]:
    """Return what makes a file of this content."""
    return partial(Path.write_bytes, data=content)


def valid(rng) -> Case:
    """Draw a file that has to be read, or that has no layers."""
    return pick(rng, [single, several, several])(rng, [layer, layer, other])


def broken(rng) -> Case:
    """Draw a file with at least one part that is no array."""
    kinds = [broken_member, broken_member, layer, other]
    return single(rng, kinds) if rng.random() < 0.3 else several(rng, [*kinds, surplus])


def headers(rng) -> Case:
    """Draw a file with changed headers, whose right outcome is NumPy's."""
    case = pick(rng, [single, several])(rng, [changed_header, changed_header, layer, other])
    return replace(case, description="changed headers", layers=None, broken=False)


def twice(rng) -> Case:
    """Draw an archive with two members of one name."""
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as target:
        warnings.simplefilter("ignore")
        for name in ("x.npy", pick(rng, ["x", "x.npy"])):
            target.writestr(name, layer(rng, 6).content)
    return Case("one name twice", writing(stream.getvalue()), broken=True)


INTERESTING = (0, 1, 2, 7, 99, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
SIGNATURES = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07")


def mutated(rng) -> Case:
    """Draw a file with bytes changed, lost or added; what it then is, nobody knows beforehand."""
    case = valid(rng)
    content = bytearray(case.make.keywords["data"])
    ways = [flip] * 4 + [set_field] * 4 + [cut, insert, repeat]
    for _ in range(rng.integers(1, 4)):
        pick(rng, ways)(rng, content)
    return replace(
        case, description="mutated", make=writing(bytes(content)), layers=None, broken=False
    )


def flip(rng, content: bytearray) -> None:
    """Change one bit."""
    if content:
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)


def cut(rng, content: bytearray) -> None:
    """Leave out a piece."""
    a = rng.integers(len(content) + 1)
    del content[a : a + rng.integers(1, pick(rng, [4, 40, 4000]))]


def insert(rng, content: bytearray) -> None:
    """Add random bytes."""
    a = rng.integers(len(content) + 1)
    content[a:a] = rng.bytes(rng.integers(1, 40))


def repeat(rng, content: bytearray) -> None:
    """Write a piece once more somewhere else."""
    a, b, c = rng.integers(0, len(content) + 1, 3)
    content[c:c] = content[min(a, b) : max(a, b)]


def set_field(rng, content: bytearray) -> None:
    """Set a number in a record of the archive to an awkward value."""
    places = [content.find(signature) for signature in SIGNATURES]
    place = pick(rng, [p for p in places if p >= 0] or [0]) + rng.integers(4, 60)
    size = pick(rng, [2, 4, 8])
    value = pick(rng, INTERESTING) % 256**size
    if rng.random() < 0.3:
        value = int(rng.integers(len(content) + 1)) % 256**size
    content[place : place + size] = value.to_bytes(size, "little")


def no_file(rng) -> Case:
    """Draw what a name can mean besides a regular file."""
    half = npy(np.ones((9, 4)))[:128]
    kinds = {
        "a folder": Path.mkdir,
        "a pipe": os.mkfifo,
        "a circle of links": lambda path: path.symlink_to(path),
        "a link to nothing": lambda path: path.symlink_to(path.with_name("absent")),
        "a device without end": lambda path: path.symlink_to("/dev/zero"),
        "a device without content": lambda path: path.symlink_to("/dev/null"),
        "nothing": lambda path: None,
        "an empty file": Path.touch,
        "a large file of zeros": lambda path: sparse(path, b""),
        "a large file of zeros after a header": lambda path: sparse(path, half),
    }
    name = pick(rng, list(kinds))
    return Case(name, kinds[name], broken="header" not in name)


def sparse(path: Path, start: bytes) -> None:
    """Write a file that takes no room on the disk."""
    with path.open("wb") as stream:
        stream.write(start)
        stream.truncate(2**40)


def draw(rng) -> Case:
    """Draw a case."""
    kinds = [valid] * 4 + [broken] * 3 + [headers] * 6 + [mutated] * 8 + [twice, no_file]
    return pick(rng, kinds)(rng)
