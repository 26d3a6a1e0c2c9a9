"""`SemanticIndex` against `retrieve`, the rows of the RSM, and SciPy; and its files."""

import pickle
import struct
import sys
import zlib

import isogram as ig
import numpy as np
import pytest
from isogram._tokens.ids import IdTable
from isogram._tokens.index_file import VERSION
from scipy.optimize import linear_sum_assignment
from support import clustered

S, C = 5, 128  # enough for bounds along 32 axes


def ragged(n, seed):
    rng = np.random.default_rng(seed)
    return [tokens[: rng.integers(1, S + 1)] for tokens in clustered(n, seed)]


def assert_finds(index, queries, inputs, k, **options):
    """The index, which has the inputs by their ids, finds what sorting the RSM finds."""
    ids = index.ids
    gallery = [inputs[id] for id in ids.tolist()]
    found = index.search(queries, k, **options)
    of_retrieve = ig.retrieve(list(queries), gallery, k, **options)
    rsm = ig.semantic_rsm(list(queries), gallery, **options)
    order = np.argsort(-rsm, axis=1, kind="stable")
    np.testing.assert_array_equal(found.ids, ids[order[:, :k]])
    np.testing.assert_array_equal(found.ids, ids[of_retrieve.indices])
    np.testing.assert_array_equal(found.scores, np.take_along_axis(rsm, order[:, :k], axis=1))
    np.testing.assert_array_equal(found.scores, of_retrieve.scores)
    if k < len(ids):
        next_best = np.take_along_axis(rsm, order[:, k : k + 1], axis=1)[:, 0]
        assert (found.others >= next_best).all()
        assert (found.others <= found.scores[:, -1]).all()
    else:
        assert (found.others == -np.inf).all()
    return found


@pytest.mark.parametrize("seed", range(200))
def test_finds_what_sorting_finds(seed, tmp_path, monkeypatch):
    """After adding, deleting, saving and loading, in any order."""
    rng = np.random.default_rng(seed)
    monkeypatch.setattr("isogram._operations.index.SEGMENT", int(rng.choice([3, 16, 1024])))
    inputs, is_ragged = {}, seed % 3 == 0
    index = ig.SemanticIndex()
    for step in range(rng.integers(2, 8)):
        what = rng.choice(["add", "add", "delete", "save"])
        if what == "add" or not inputs:
            seed_of_step = 100 * seed + step
            n = int(rng.integers(1, 30))
            new = ragged(n, seed_of_step) if is_ragged else clustered(n, seed_of_step)
            if rng.random() < 0.3:
                new[-1] = new[0]  # equal scores
            inputs |= zip(index.add(new).tolist(), new, strict=True)
        elif what == "delete":
            gone = rng.permutation(index.ids)[: len(index) // 3]
            index.delete(gone)
            for id in gone.tolist():
                del inputs[id]
        else:
            index.save(tmp_path / "index")
            index = ig.SemanticIndex.load(tmp_path / "index")
        assert set(index.ids.tolist()) == inputs.keys()
    assert len(index) == len(inputs)
    queries = ragged(6, seed + 1) if is_ragged or seed % 7 == 0 else clustered(6, seed + 1)
    kernel = ("cosine", "linear")[seed % 2]
    assert_finds(index, queries, inputs, int(rng.integers(1, len(index) + 1)), kernel=kernel)
    assert_finds(index, queries, inputs, 1, kernel=kernel)


@pytest.mark.parametrize("others", [1, S + 3])
def test_inputs_nobody_wants_may_have_other_numbers_of_tokens(others):
    """Deleted, or not in the subset: bounds and entries are those of what is wanted."""
    rng = np.random.default_rng(0)
    # Along the leading axes tokens vary, along all others inputs differ by their means.
    spread = np.where(np.arange(C) < 32, 3, 0.05)
    centres = rng.standard_normal((8, 1, C)) * (spread < 1)

    def inputs(n):
        means = centres[rng.integers(0, 8, n)]
        means = means + 0.5 * rng.standard_normal((n, 1, C)) * (spread < 1)
        return (means + rng.standard_normal((n, S, C)) * spread).astype(np.float32)

    gallery, queries = inputs(80), inputs(40)
    index = ig.SemanticIndex()
    index.add(rng.standard_normal((1, others, C)).astype(np.float32), ids=[80])
    index.add(gallery, ids=range(80))
    of_subset = index.search(queries, 2, subset=range(80))
    index.delete([80])
    found = assert_finds(index, queries, gallery, 2)
    np.testing.assert_array_equal(of_subset.ids, found.ids)
    np.testing.assert_array_equal(of_subset.others, found.others)


def test_against_scipy():
    queries, gallery = clustered(4, 1), clustered(50)
    index = ig.SemanticIndex()
    index.add(gallery)
    found = index.search(queries, 3)
    assert found.reached[C] < 4 * 50 / 2  # bounds do something, of few queries too
    a, b = queries.astype(float), gallery.astype(float)
    for i in range(4):
        exact = np.empty(50)
        for j in range(50):
            affinity = a[i] @ b[j].T
            total = affinity[linear_sum_assignment(affinity, maximize=True)].sum()
            exact[j] = total / (np.linalg.norm(a[i]) * np.linalg.norm(b[j]))
        np.testing.assert_array_equal(found.ids[i], np.argsort(-exact)[:3])
        np.testing.assert_allclose(found.scores[i], -np.sort(-exact)[:3], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("normalize", ["input", "token"])
def test_types(dtype, normalize, tmp_path):
    queries, gallery = clustered(5, 1).astype(dtype), clustered(60).astype(dtype)
    index = ig.SemanticIndex(normalize=normalize)
    index.add(gallery[:30])
    index.add(gallery[30:])
    index.save(tmp_path / "index")
    of_retrieve = ig.retrieve(queries, gallery, 3, normalize=normalize)
    for which in (index, ig.SemanticIndex.load(tmp_path / "index")):
        found = which.search(queries, 3)
        np.testing.assert_array_equal(found.ids, of_retrieve.indices)
        np.testing.assert_array_equal(found.scores, of_retrieve.scores)
        assert found.scores.dtype == of_retrieve.scores.dtype


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_layouts(layout):
    maps = clustered(40, shape=(4, C)).reshape(40, 2, 2, C)
    maps = maps if layout == "nhwc" else maps.transpose(0, 3, 1, 2)
    index = ig.SemanticIndex(layout=layout)
    index.add(maps)
    found = index.search(maps[:3], 2, matching=True)
    np.testing.assert_array_equal(found.ids, ig.retrieve(maps[:3], maps, 2, layout=layout).indices)
    assert found.matching.columns[:, 0].tolist() == [[0, 1, 2, 3]] * 3


def test_masks_and_lengths():
    maps, mask = clustered(40), np.random.default_rng(0).random((40, S)) < 0.6
    mask[:, 0] = True
    index = ig.SemanticIndex()
    index.add(maps, mask=mask)
    found = index.search(maps[:4], 2, lengths=[1, 2, 3, 4])
    expected = ig.retrieve(maps[:4], maps, 2, lengths=[1, 2, 3, 4], gallery_mask=mask)
    np.testing.assert_array_equal(found.ids, expected.indices)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_few_channels():
    maps = clustered(40, shape=(S, 8))
    index = ig.SemanticIndex()
    index.add(maps)
    found = assert_finds(index, maps[:3], dict(enumerate(maps)), 2)
    assert found.reached == {8: 3 * 40}


def test_ids_are_kept_and_never_given_again():
    maps = clustered(20)
    index = ig.SemanticIndex()
    assert index.add(maps[:4]).tolist() == [0, 1, 2, 3]
    index.delete([3, 1])
    assert index.add(maps[4:6]).tolist() == [4, 5]
    assert index.add(maps[6:8], ids=[100, -7]).tolist() == [100, -7]
    assert index.add(maps[8:9]).tolist() == [101]
    assert index.ids.tolist() == [0, 2, 4, 5, 100, -7, 101]
    assert 2 in index
    assert 1 not in index
    assert len(index) == 7
    assert index.search(maps[6:7], 1).ids.tolist() == [[100]]
    index.add(maps[1:2], ids=[1])  # the caller may
    assert index.search(maps[1:2], 1).ids.tolist() == [[1]]


def test_ids_of_a_batch_that_was_not_added_in_the_end():
    table = IdTable().grown(np.array([5, 6]))
    table.grown(np.array([7, 8]))  # as where Ctrl-C ends the call that adds them
    assert [id in table for id in (5, 6, 7, 8)] == [True, True, False, False]
    table = table.grown(np.array([9, 7, 3]))
    assert [id in table for id in (5, 6, 7, 8, 9, 3)] == [True, True, True, False, True, True]
    assert table.columns_of("add", "ids", [3, 7, 9]).tolist() == [4, 3, 2]


def test_ids_are_kept_by_files(tmp_path):
    index = ig.SemanticIndex()
    index.add(clustered(20))
    index.delete([19, 0])
    index.save(tmp_path / "index")
    index = ig.SemanticIndex.load(tmp_path / "index")
    assert index.ids.tolist() == list(range(1, 19))
    assert index.add(clustered(1)).tolist() == [20]
    index.save(tmp_path / "index")  # the file that it reads
    assert ig.SemanticIndex.load(tmp_path / "index").ids.tolist() == [*range(1, 19), 20]
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_names(tmp_path):
    maps = clustered(12)
    index = ig.SemanticIndex()
    index.add(maps[:6], ids=["ä", "b", "c", "d", "e", "a longer one"])
    index.add(maps[6:], ids=np.array(list("uvwxyz")))
    index.delete(["b"])
    index.save(tmp_path / "index")
    index = ig.SemanticIndex.load(tmp_path / "index")
    assert index.ids.tolist() == ["ä", "c", "d", "e", "a longer one", *"uvwxyz"]
    assert index.search(maps[5:6], 1).ids.tolist() == [["a longer one"]]
    assert index.search(maps[5:6], 1, exclude=["a longer one"]).ids != [["a longer one"]]
    with pytest.raises(ValueError, match="`ids` must be given, as those of the index are str"):
        index.add(maps[:1])


@pytest.mark.parametrize("dtype", [object, np.dtypes.StringDType()])
def test_names_of_other_types(dtype, tmp_path):
    """Pandas keeps names in arrays of objects."""
    maps, names = clustered(3), np.array(["ä", "b", "a longer one"], dtype)
    index = ig.SemanticIndex.build(maps, ids=names, path=tmp_path / "index")
    index.add(maps, ids=names + "2")
    assert index.ids.tolist() == [*names, *(names + "2")]
    assert index.search(maps[:1], 1, subset=names[1:2]).ids.tolist() == [["b"]]
    index.delete(names[:1])
    assert names[0] not in index
    with pytest.raises(TypeError, match="must be all integers, or all str"):
        index.add(maps, ids=np.array(["x", None, "z"], object))


def test_subset_exclude_and_candidates():
    maps = clustered(60)
    index = ig.SemanticIndex()
    index.add(maps)
    index.delete([7])
    rsm = ig.semantic_rsm(maps)
    subset = np.array([50, 3, 9, 7 + 1, 20, 21, 22, 23, 24, 25, 26, 27, 30])
    found = index.search(maps[:5], 2, subset=subset)
    order = np.argsort(-rsm[:5][:, np.sort(subset)], axis=1, kind="stable")[:, :2]
    np.testing.assert_array_equal(found.ids, np.sort(subset)[order])
    among = index.search(maps[index.ids], 3, exclude=index.ids)
    others = ig.retrieve(maps[index.ids], None, 3)
    np.testing.assert_array_equal(among.ids, index.ids[others.indices])
    np.testing.assert_array_equal(among.scores, others.scores)
    of_some = index.search(maps[:5], 3, exclude=[0, 1, 99, 7, 4])  # 7 was deleted
    assert of_some.ids[[2, 3], 0].tolist() == [2, 3]
    assert not (of_some.ids == np.array([[0], [1], [99], [7], [4]])).any()
    candidates = np.tile([40, 2, 9, 2], (5, 1))
    chosen = index.search(maps[:5], 2, candidates=candidates)
    expected = ig.retrieve(maps[:5], maps, 2, candidates=candidates)
    np.testing.assert_array_equal(chosen.ids, expected.indices)
    assert chosen.reached == {C: 15}
    approximate = index.search(maps[:5], 2, candidates=10, checked=5)
    assert 0.5 < approximate.recall <= 1
    assert approximate.reached == {C: 50}
    assert index.search(maps[:5], 2, candidates=59).recall == 1


def test_matching():
    maps = ragged(30, 0)
    index = ig.SemanticIndex()
    index.add(maps)
    found = index.search(maps[:4], 3, matching=True, kernel="linear")
    i = np.repeat(np.arange(4), 3)
    expected = ig.semantic_matching(maps, pairs=(i, found.ids.ravel()), kernel="linear")
    longest = max(map(len, maps[:4]))
    for field, other in zip(found.matching, expected, strict=True):
        other = other[:, :longest] if other.ndim == 2 else other
        np.testing.assert_array_equal(field, other.reshape(4, 3, *other.shape[1:]))
    np.testing.assert_allclose(found.matching.total, found.scores, rtol=1e-5)


def test_same_bits_for_any_number_of_threads():
    maps = clustered(90)
    index = ig.SemanticIndex()
    index.add(maps)
    one, *more = (index.search(maps, 5, num_threads=threads) for threads in (1, 2, 5))
    for other in more:
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_array_equal(one.scores, other.scores)


def test_segments_stay_few(monkeypatch):
    monkeypatch.setattr("isogram._operations.index.SEGMENT", 64)
    maps = clustered(150)
    index = ig.SemanticIndex()
    for one in maps:
        index.add(one[None])
    sizes = list(map(len, index._inputs.segments.list))
    assert sum(sizes) == 150
    assert max(sizes) <= 64
    assert len(sizes) <= 6
    assert_finds(index, maps[:5], dict(enumerate(maps)), 3)


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize("source", ["array", "rows", "h5py", "batches", "ragged"])
def test_build(source, in_file, tmp_path, monkeypatch):
    monkeypatch.setattr("isogram._operations.index.SEGMENT", 32)
    maps = clustered(100)
    if source == "ragged":
        maps = ragged(100, 0)
    np.save(tmp_path / "maps.npy", clustered(100))

    def of_h5py():
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / "maps.h5", "w") as file:
            file["maps"] = maps
        return h5py.File(tmp_path / "maps.h5")["maps"]

    given = {
        "rows": lambda: ig.rows(lambda first, last: maps[first:last], maps.shape, maps.dtype),
        "h5py": of_h5py,
        "array": lambda: np.load(tmp_path / "maps.npy", mmap_mode="r"),
        "batches": lambda: (maps[start : start + 7] for start in range(0, 100, 7)),
        "ragged": lambda: (maps[start : start + 30] for start in range(0, 100, 30)),
    }[source]
    path = tmp_path / "index" if in_file else None
    names = (f"picture {i}" for i in range(100))
    index = ig.SemanticIndex.build(given(), ids=names, path=path)
    assert all(segment.is_mapped == in_file for segment in index._inputs.segments.list)
    inputs = {f"picture {i}": one for i, one in enumerate(maps)}
    found = assert_finds(index, maps[:4], inputs, 3)
    assert found.reached[C] < 4 * 100 / 2


def test_build_with_other_numbers_of_ids(tmp_path):
    maps = clustered(10)
    for count, how in ((9, "fewer"), (11, "more")):
        with pytest.raises(ValueError, match=f"`ids` must be as many as inputs, got {how}"):
            ig.SemanticIndex.build(maps, ids=range(count), path=tmp_path / "index")
    assert not list(tmp_path.iterdir())


def test_loaded_tokens_stay_in_the_file(tmp_path):
    index = ig.SemanticIndex.build(clustered(50), path=tmp_path / "index")
    [segment] = index._inputs.segments.list
    for array in (segment.tokens, segment.turned.coordinates, segment.turned.means):
        base = array
        while not isinstance(base, np.memmap):
            base = base.base.obj if isinstance(base.base, memoryview) else base.base
        assert not array.flags.writeable


# Files --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "index"
    index = ig.SemanticIndex()
    index.add(clustered(6, shape=(2, C)), ids=list("abcdef"))
    index.save(path)
    return path.read_bytes()


def load(path, content, **options):
    path.write_bytes(content)
    return ig.SemanticIndex.load(path, **options)


def test_every_flipped_bit_is_found(whole, tmp_path):
    rng = np.random.default_rng(0)
    padding = found = 0
    for at in rng.choice(len(whole), 400, replace=False).tolist() + list(range(28)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << rng.integers(8)
        try:
            load(tmp_path / "index", bytes(damaged))
            padding += 1
            assert whole[at] == 0
        except ValueError as error:
            found += 1
            assert str(error).startswith("SemanticIndex.load: ")  # noqa: PT017
    assert padding < 10 < found


def test_every_truncation_is_found(whole, tmp_path):
    for size in {0, 1, 27, 28, 50, 80, *range(100, len(whole), 997), len(whole) - 1}:
        with pytest.raises(ValueError, match=r"^SemanticIndex.load: .* (no index|it ends early)"):
            load(tmp_path / "index", whole[:size])
    with pytest.raises(ValueError, match="it ends early, or has more at its end"):
        load(tmp_path / "index", whole + b"\0")


def test_newer_versions_are_refused(whole, tmp_path):
    newer = bytearray(whole)
    newer[24:28] = struct.pack("<I", VERSION + 1)
    with pytest.raises(ValueError, match=r"of version 2, this isogram reads up to 1"):
        load(tmp_path / "index", bytes(newer))


@pytest.mark.parametrize(
    "content", [b"", b"PK\3\4" + bytes(99), pickle.dumps([1] * 99), bytes(1000), b"isogram" * 99]
)
def test_other_files_are_refused(content, tmp_path):
    with pytest.raises(ValueError, match=r"^SemanticIndex.load: .* is no index of isogram$"):
        load(tmp_path / "index", content)
    with pytest.raises(FileNotFoundError):
        ig.SemanticIndex.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"dtype": "<U1"', b'"dtype": "|O8"'),
        (b'"next_id"', b'"nexd_id"'),
        (b'"layout": "nsc"', b'"layout": "abc"'),
        (b'"channels": 128', b'"channels": 127'),
        (b'"shape": [6]', b'"shape": [5]'),
        (b'"shape": [12, 128]', b'"shape": [13, 128]'),
    ],
)
def test_directories_that_do_not_fit_are_refused(old, new, whole, tmp_path):
    """Whole files by their checksums, of another program's making."""
    at, count, _, end = struct.unpack("<QQI12s", whole[-32:])
    text = whole[at : at + count]
    assert old in text
    text = text.replace(old, new)
    trailer = struct.pack("<QQI12s", at, len(text), zlib.crc32(text), end)
    with pytest.raises(ValueError, match=r"^SemanticIndex.load: .* is a damaged index: "):
        load(tmp_path / "index", whole[:at] + text + trailer, verify=False)


def test_nothing_is_unpickled(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(pickle, "loads", None)
    monkeypatch.setattr(pickle, "load", None)
    assert len(load(tmp_path / "index", whole)) == 6


def test_checksums_may_be_left_out(whole, tmp_path):
    damaged = bytearray(whole)
    damaged[64] ^= 1
    assert len(load(tmp_path / "index", bytes(damaged), verify=False)) == 6


def test_a_failed_save_leaves_the_file(whole, tmp_path, monkeypatch):
    path = tmp_path / "index"
    index = load(path, whole)
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        index.save(path)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


# Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layout": "abc"}, ValueError, "^SemanticIndex: `layout` must be"),
        ({"normalize": "all"}, ValueError, "^SemanticIndex: `normalize` must be"),
    ],
)
def test_refused_kinds(options, error, message):
    with pytest.raises(error, match=message):
        ig.SemanticIndex(**options)


@pytest.mark.parametrize(
    ("tokens", "options", "error", "message"),
    [
        (clustered(2)[0], {}, ValueError, r"`tokens` must be 3-D"),
        (clustered(2)[..., :9], {}, ValueError, r"as many channels as the index \(128\), got 9"),
        (clustered(2).astype(float), {}, TypeError, r"that of the index \(float32\), got float64"),
        (clustered(2), {"ids": [1]}, ValueError, r"one for each of the 2 inputs, got shape \(1,\)"),
        (clustered(2), {"ids": [11, 3]}, ValueError, "must be new, got 3 at index 1"),
        (clustered(2), {"ids": [11, 11]}, ValueError, "must be different, got 11 twice"),
        (clustered(2), {"ids": [1.5, 2]}, TypeError, "must be all integers, or all str"),
        (clustered(2), {"ids": ["a", 2]}, TypeError, "must be all integers, or all str"),
        (clustered(2), {"ids": ["a", "b"]}, TypeError, "must be of the kind of those of the index"),
        (clustered(2), {"ids": [[11], [12, 13]]}, ValueError, "`ids` must be an array, got nested"),
        (clustered(2), {"ids": np.uint64([2**63, 1])}, ValueError, f"must be up to {2**63 - 1}"),
        (clustered(2), {"lengths": [0, 1]}, ValueError, "`lengths` must be from 1 to 5"),
        (clustered(2), {"mask": [[1]]}, ValueError, "`mask` must be of shape"),
        (
            np.full((2, S, C), np.nan, np.float32),
            {},
            ValueError,
            r"^SemanticIndex.add: `tokens` must be finite, got nan at index \(0, 0, 0\)",
        ),
    ],
)
def test_refused_inputs(tokens, options, error, message):
    index = ig.SemanticIndex()
    index.add(clustered(10))
    with pytest.raises(error, match=message):
        index.add(tokens, **options)
    assert index.ids.tolist() == list(range(10))  # as it was
    assert len(index._inputs.segments) == 10


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, r"`k` must be an integer from 1 to 9 .*, got 0$"),
        ({"k": 10}, ValueError, r"`k` must be an integer from 1 to 9 .*, got 10$"),
        ({"k": 9, "exclude": [1, 2]}, ValueError, r"`k` must be an integer from 1 to 8 "),
        ({"k": 3, "subset": [1, 2]}, ValueError, r"`k` must be an integer from 1 to 2 "),
        ({"subset": []}, ValueError, "`subset` must have an id at least, got none"),
        ({"subset": [1, 99]}, ValueError, "`subset` must be in the index, got 99"),
        ({"subset": [5]}, ValueError, "`subset` must be in the index, got 5"),
        ({"exclude": [1]}, ValueError, r"one id for each of the 2 queries, got shape \(1,\)"),
        ({"exclude": [1.5, 2]}, TypeError, "`exclude` must be all integers, or all str"),
        ({"exclude": ["a", "b"]}, TypeError, "`exclude` must be of the kind of those of the index"),
        ({"subset": 1}, ValueError, r"`subset` must be a sequence of ids, got shape \(\)"),
        ({"subset": [[1, 2]]}, ValueError, r"`subset` must be a sequence of ids, got shape \(1, 2"),
        ({"candidates": 1}, ValueError, "`candidates` must be an integer from 2 to 9 "),
        ({"candidates": [[1, 2]]}, ValueError, r"`candidates` must be of shape \(2, c\)"),
        ({"candidates": [[1, 2], [3, 3]]}, ValueError, "at least 2 inputs .* got 1 at index 1"),
        ({"candidates": [[1, 2], [3, 5]]}, ValueError, "must be in the index, got 5"),
        ({"candidates": [[1, 2], [3]]}, ValueError, "`candidates` must be an array, got nested"),
        ({"checked": -1}, ValueError, "`checked` must be an integer of at least 0"),
        ({"kernel": "rbf"}, ValueError, "`kernel` must be"),
        ({"lengths": [1]}, ValueError, "`lengths` must be"),
        ({"mask": [[1]]}, ValueError, "`mask` must be"),
        ({"progress": 3}, TypeError, "`progress` must be"),
        ({"num_threads": -1}, ValueError, "`num_threads` must be"),
    ],
)
def test_refused_searches(options, error, message):
    index = ig.SemanticIndex()
    index.add(clustered(10))
    index.delete([5])
    with pytest.raises(error, match=f"SemanticIndex.search: .*{message}"):
        index.search(clustered(2), **{"k": 2} | options)


def test_refused_without_inputs(tmp_path):
    index = ig.SemanticIndex()
    with pytest.raises(ValueError, match=r"^SemanticIndex.search: the index has no inputs"):
        index.search(clustered(1), 1)
    with pytest.raises(ValueError, match=r"^SemanticIndex.save: the index has no inputs"):
        index.save(tmp_path / "index")
    with pytest.raises(ValueError, match=r"^SemanticIndex.build: there are no inputs"):
        ig.SemanticIndex.build([], path=tmp_path / "index")
    assert not list(tmp_path.iterdir())
    assert repr(index) == "<SemanticIndex: 0 inputs>"
    index.add(clustered(2))
    index.delete([0, 1])
    with pytest.raises(ValueError, match=r"^SemanticIndex.search: the index has no inputs"):
        index.search(clustered(1), 1)
    index.save(tmp_path / "index")
    index = ig.SemanticIndex.load(tmp_path / "index")
    assert index.add(clustered(1)).tolist() == [2]


def test_an_id_that_is_given_twice_among_many_is_found_at_once():
    ids = [*range(100_000), 99_999]
    with pytest.raises(ValueError, match="`ids` must be different, got 99999 twice"):
        ig.SemanticIndex().add(np.ones((len(ids), 1, 1), np.int8), ids=ids)


class Interrupt:
    """Ctrl-C at one line of the files that add inputs to an index, for `sys.settrace`."""

    files = ("_operations/index.py", "_tokens/indexed.py", "_tokens/ids.py", "_tokens/segments.py")

    def __init__(self, line):
        self.left = line  # until the one at which it comes

    def __call__(self, frame, event, _):
        if not frame.f_code.co_filename.endswith(self.files):
            return None
        self.left -= event == "line"
        if self.left < 0:
            sys.settrace(None)
            raise KeyboardInterrupt
        return self


def test_an_index_is_whole_after_ctrl_c_at_any_line_of_add():
    maps = clustered(6)
    for line in range(1000):
        index = ig.SemanticIndex()
        index.add(maps[:2], ids=["a", "b"])
        index.delete(["a"])
        sys.settrace(Interrupt(line))
        try:
            index.add(maps[2:4], ids=["a", "c"])
            break
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        assert list(index.ids) in (["b"], ["b", "a", "c"])
        assert len(index._inputs.segments) == (2 if len(index) == 1 else 4)
        if line % 10 == 0:
            index.add(maps[4:], ids=["d", "e"])
            assert index.search(maps[[1, 4, 5]], 1).ids.ravel().tolist() == ["b", "d", "e"]
    assert 20 < line < 999


def test_refused_deletions():
    index = ig.SemanticIndex()
    index.add(clustered(4))
    with pytest.raises(
        ValueError, match=r"SemanticIndex.delete: `ids` must be in the index, got 9"
    ):
        index.delete([1, 9])
    with pytest.raises(ValueError, match="`ids` must be different from each other"):
        index.delete([1, 1])
    with pytest.raises(TypeError, match="`ids` must be all integers, or all str"):
        index.delete([1.5])
    for ids in (1, [[0, 1], [2, 3]]):
        with pytest.raises(ValueError, match=r"delete: `ids` must be a sequence of ids, got shape"):
            index.delete(ids)
    assert index.ids.tolist() == list(range(4))


def test_ids_that_end():
    index = ig.SemanticIndex()
    index.add(clustered(1), ids=[2**63 - 1])
    with pytest.raises(ValueError, match="`ids` must be given, as the next integer"):
        index.add(clustered(1))
    assert index.ids.tolist() == [2**63 - 1]


def test_refused_batches_and_paths(tmp_path):
    for batches in (None, 3):
        with pytest.raises(TypeError, match=r"^SemanticIndex.build: `batches` must be iterable"):
            ig.SemanticIndex.build(batches)
    with pytest.raises(TypeError, match=r"^SemanticIndex.build: `ids` must be iterable, got int"):
        ig.SemanticIndex.build([clustered(2)], ids=2)
    with pytest.raises(ValueError, match=r"`tokens` must be 3-D, got 2-D of shape \(5, 128\)"):
        ig.SemanticIndex.build(clustered(1)[0])
    index = ig.SemanticIndex.build([clustered(2)])
    for function in (index.save, ig.SemanticIndex.load):
        with pytest.raises(TypeError, match=r"^SemanticIndex.\w+: `path` must be a string or a p"):
            function(None)
    with pytest.raises(OSError, match="is a directory, expected a file name"):
        index.save(tmp_path)


def test_queries_that_are_not_finite():
    index = ig.SemanticIndex()
    index.add(clustered(40))
    queries = clustered(3)
    queries[2, 1, 0] = np.inf
    message = r"^SemanticIndex.search: `queries` must be finite, got inf at index \(2, 1, 0\)"
    with pytest.raises(ValueError, match=message):
        index.search(queries, 2)
