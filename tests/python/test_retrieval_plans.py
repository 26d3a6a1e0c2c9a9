"""Searches as plans: some queries after others, with the bits of one call."""

import pickle

import isogram as ig
import numpy as np
import pytest
from support import clustered, run_program

S = 5


def assert_same(found, expected):
    assert type(found) is type(expected)
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), value, err_msg=name)


def index_of(gallery, tmp_path):
    return ig.SemanticIndex.build(gallery, path=tmp_path / "gallery.index")


@pytest.mark.parametrize("kernel", ["cosine", "linear"])
@pytest.mark.parametrize("sets", [[clustered(80)], [clustered(50), clustered(60, 1)]])
def test_has_the_bits_of_one_call(sets, kernel):
    expected = ig.retrieve(*sets, k=3, kernel=kernel)
    plan = pickle.loads(pickle.dumps(ig.plan("retrieve", *sets, k=3, kernel=kernel, tile=17)))
    assert len(plan.tiles) > 2
    assert_same(plan.run(*sets), expected)
    parts = {tile: plan.compute(tile, *sets) for tile in reversed(plan.tiles)}
    assert_same(plan.reduce(parts), expected)
    assert_same(ig.plan("retrieve", *sets, k=3, kernel=kernel).run(*sets), expected)


def test_of_an_index(tmp_path):
    index, queries = index_of(clustered(60), tmp_path), clustered(50, 1)
    index.delete([3])
    options = {"k": 3, "subset": range(4, 50), "exclude": [7] * 50}
    plan = ig.plan("retrieve", queries, index, tile=20, **options)
    expected = index.search(queries, **options)
    assert_same(plan.run(queries, index), expected)
    for _ in range(2):
        assert_same(plan.run(queries, index, job=tmp_path / "job"), expected)
    index.delete([5])
    with pytest.raises(ValueError, match="`subset` must be in the index, got 5"):
        plan.run(queries, index)


def test_of_an_index_of_names(tmp_path):
    index, queries = ig.SemanticIndex(), clustered(40, 1)
    index.add(clustered(60), ids=[f"picture {i}" for i in range(60)])
    plan = ig.plan("retrieve", queries, index, k=2, tile=20)
    assert_same(plan.run(queries, index, job=tmp_path / "job"), index.search(queries, 2))


def test_a_job_is_of_the_ids_of_its_index(tmp_path):
    """Its parts have them: those of another index with the same inputs are no answer."""
    queries, gallery = clustered(40, 1), clustered(60, 0)
    index, renamed = ig.SemanticIndex(), ig.SemanticIndex()
    index.add(gallery)
    renamed.add(gallery, ids=range(1000, 1060))
    plan = ig.plan("retrieve", queries, index, k=2, tile=9)
    plan.run(queries, index, job=tmp_path / "job")
    with pytest.raises(ValueError, match="`ids` changed"):
        plan.run(queries, renamed, job=tmp_path / "job")
    assert_same(plan.run(queries, renamed), renamed.search(queries, 2))


def test_an_index_that_has_lost_inputs_since_it_was_planned():
    queries, index = clustered(40, 1), ig.SemanticIndex()
    index.add(clustered(60, 0))
    plan = ig.plan("retrieve", queries, index, k=3)
    index.delete(range(58))
    with pytest.raises(ValueError, match=r"`k` must be an integer from 1 to 2 .*, got 3"):
        plan.run(queries, index)


def test_of_inputs_that_are_read_by_rows():
    queries, gallery = clustered(50), clustered(60, 1)
    read = [
        ig.rows(lambda first, last, x=x: x[first:last], x.shape, x.dtype)
        for x in (queries, gallery)
    ]
    plan = ig.plan("retrieve", *read, k=3, tile=20)
    assert_same(plan.run(*read), ig.retrieve(queries, gallery, 3))


def test_of_masks_and_lengths():
    queries, gallery = clustered(40), clustered(60, 1)
    options = {
        "lengths": np.arange(40) % S + 1,
        "gallery_mask": np.arange(60 * S).reshape(60, S) % 3 > 0,
    }
    plan = ig.plan("retrieve", queries, gallery, k=2, tile=20, **options)
    assert_same(plan.run(queries, gallery), ig.retrieve(queries, gallery, 2, **options))


def test_costs_and_limits():
    queries, gallery = clustered(300), clustered(400, 1)
    plan = ig.plan("retrieve", queries, gallery, k=3)
    cost = plan.cost
    assert (cost.tiles, cost.pairs) == (1, 300 * 400)
    assert cost.read_bytes == queries.nbytes + gallery.nbytes
    assert cost.result_bytes == 300 * (3 * 12 + 4)
    with pytest.raises(
        MemoryError, match=r"^retrieve: `memory_limit` must be at least \d+ bytes, which"
    ) as caught:
        ig.plan("retrieve", queries, gallery, k=3, memory_limit=1000)
    least = int(str(caught.value).split("least ")[1].split()[0])
    small = ig.plan("retrieve", queries, gallery, k=3, memory_limit=least)
    assert len(small.tiles) > 10
    half = ig.plan("retrieve", queries, gallery, k=3, memory_limit=least + 3_000_000)
    assert 1 < len(half.tiles) < len(small.tiles)
    assert half.cost.working_memory <= least + 3_000_000
    assert_same(half.run(queries, gallery), ig.retrieve(queries, gallery, 3))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 9}, ValueError, "`k` must be .*8"),
        ({"kernel": "rbf"}, ValueError, "`kernel` must be"),
        ({"layout": "xyz"}, ValueError, "`layout` must be"),
        ({"normalize": "all"}, ValueError, "`normalize` must be"),
        ({"tile": 0}, ValueError, "`tile` must be"),
        ({"subset": [1]}, ValueError, "`subset` must be None where `gallery` is no SemanticIndex"),
        ({"exclude": [1]}, ValueError, "`exclude` must be None where `gallery` is no"),
        ({"num_threads": -1}, ValueError, "`num_threads` must be"),
        ({"tile": 3, "memory_limit": 10**9}, ValueError, "`tile` must be None with `memory_limit`"),
    ],
)
def test_refused_options(options, error, message):
    with pytest.raises(error, match=f"^retrieve: {message}"):
        ig.plan("retrieve", clustered(4), clustered(8), **{"k": 2, **options})


@pytest.mark.parametrize("name", ["layout", "normalize", "gallery_lengths", "gallery_mask"])
def test_an_index_says_itself(name, tmp_path):
    value = {"layout": "nsc", "normalize": "input"}.get(name, [1] * 8)
    with pytest.raises(ValueError, match=f"^retrieve: `{name}` must be None where `gallery` is a"):
        ig.plan("retrieve", clustered(4), index_of(clustered(8), tmp_path), k=2, **{name: value})


def test_refused_inputs():
    with pytest.raises(ValueError, match=r"^retrieve: the index has no inputs"):
        ig.plan("retrieve", clustered(4), ig.SemanticIndex())
    with pytest.raises(ValueError, match=r"`queries` must be at least two inputs without a"):
        ig.plan("retrieve", clustered(1))
    with pytest.raises(TypeError, match="of 'retrieve' does not take `candidates`: it takes `k`"):
        ig.plan("retrieve", clustered(4), candidates=3)
    plan = ig.plan("retrieve", clustered(4), clustered(8), k=2)
    with pytest.raises(ValueError, match="`gallery` must be as planned"):
        plan.run(clustered(4), clustered(9))
    bad = clustered(8)
    bad[2, 1, 3] = np.nan
    with pytest.raises(ValueError, match=r"`gallery` must be finite, got nan at index \(2, 1, 3\)"):
        plan.run(clustered(4), bad)


def test_memory_stays_within_a_limit():
    """Of a process that has searched already, so that what is loaded once is there."""
    run_program("""
        import ctypes, re
        from pathlib import Path
        import isogram as ig
        import numpy as np

        def peak(name="VmHWM"):
            status = Path("/proc/self/status").read_text()
            return 1024 * int(re.search(name + ": *\\t*(.*) kB", status)[1])

        sets = [np.random.default_rng(n).standard_normal((n, 8, 64)) for n in (900, 1500)]
        sets = [x.astype("f4") for x in sets]
        few = [x[:50] for x in sets]
        ig.plan("retrieve", *few, k=3).run(*few, num_threads=1)
        limit = 45_000_000
        assert limit < ig.plan("retrieve", *sets, k=3).cost.memory / 3
        plan = ig.plan("retrieve", *sets, k=3, memory_limit=limit)
        ctypes.CDLL(None).malloc_trim(0)
        before = peak("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        plan.run(*sets, num_threads=1)
        used = peak() - before
        assert used < 1.1 * limit, (used, plan.cost)
        """)
