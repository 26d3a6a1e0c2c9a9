"""Searches whose answers are kept as they are found: stopped, gone on, and refused."""

import isogram as ig
import numpy as np
import pytest
from isogram._tokens import cascade
from support import clustered

N = 90


class Stopped(Exception):
    """What interrupts a search."""


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(cascade, "_ROWS", 11)
    monkeypatch.setattr(cascade, "KEPT_PAIRS", 1)


def of_retrieve(maps, **options):
    found = ig.retrieve(maps, None, 3, **options)
    return found.indices, found


def of_index(maps, **options):
    index = ig.SemanticIndex()
    ids = index.add(maps)
    found = index.search(maps, 3, exclude=ids, **options)
    return found.ids, found


@pytest.mark.parametrize("search", [of_retrieve, of_index])
@pytest.mark.parametrize("candidates", [None, 8])
def test_goes_on(search, candidates, tmp_path, monkeypatch):
    maps, job = clustered(N), tmp_path / "job"
    expected, whole = search(maps, candidates=candidates)

    def stop(done, _):
        if done >= 44 * N:
            raise Stopped

    with pytest.raises(Stopped):
        search(maps, candidates=candidates, job=job, progress=stop)
    assert len(list(job.glob("*.npz"))) == 3  # of four blocks the last is lost
    reports = []
    found, answer = search(
        maps, candidates=candidates, job=job, progress=lambda *report: reports.append(report)
    )
    assert reports[0] == (33 * N, N * N)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(answer.scores, whole.scores)
    np.testing.assert_array_equal(answer.others, whole.others)
    assert answer.recall == whole.recall
    assert answer.reached == whole.reached
    monkeypatch.setattr(cascade, "_Bounds", None)  # nothing is searched again
    again, _ = search(
        maps, candidates=candidates, job=job, **({"checked": 0} if candidates else {})
    )
    np.testing.assert_array_equal(again, expected)


def test_ctrl_c_says_where_it_goes_on(tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        ig.retrieve(clustered(N), None, 3, job=tmp_path / "job", progress=stop)
    [note] = caught.value.__notes__
    assert (
        note == f"retrieve: what is finished is kept in {tmp_path / 'job'}: the same call goes on"
    )


@pytest.mark.parametrize("search", [of_retrieve, of_index])
def test_another_search_is_refused(search, tmp_path):
    maps, job = clustered(N), tmp_path / "job"
    search(maps, job=job)
    for options, what in (
        ({"kernel": "linear"}, "option `kernel` was cosine, and is linear"),
        ({"candidates": 9}, "option `candidates` was None, and is 9"),
    ):
        with pytest.raises(ValueError, match=f"must go on as it began, but {what}"):
            search(maps, job=job, **options)
    with pytest.raises(ValueError, match="must go on as it began, but `queries` changed"):
        search(clustered(N, 1), job=job)


def test_an_index_that_has_changed_is_refused(tmp_path):
    index = ig.SemanticIndex()
    index.add(clustered(N))
    index.search(clustered(N, 1), 3, job=tmp_path / "job")
    index.delete([4])
    with pytest.raises(ValueError, match="but `inputs to choose from` changed"):
        index.search(clustered(N, 1), 3, job=tmp_path / "job")
    with pytest.raises(ValueError, match="but `inputs to choose from` changed"):
        index.search(clustered(N, 1), 3, job=tmp_path / "job", subset=[1, 2, 3])
    index.add(clustered(N, 2)[:1])
    with pytest.raises(ValueError, match="but `index` changed"):
        index.search(clustered(N, 1), 3, job=tmp_path / "job")


def test_another_layout_is_refused(tmp_path):
    """Of the same array, whose axes have one length."""
    maps, job = np.random.default_rng(0).standard_normal((5, 4, 4, 4)), tmp_path / "job"
    ig.retrieve(maps, k=1, layout="nchw", job=job)
    with pytest.raises(ValueError, match="option `layout` was nchw, and is nhwc"):
        ig.retrieve(maps, k=1, layout="nhwc", job=job)


def test_the_same_tokens_in_other_indexes_are_refused(tmp_path):
    """Cut into other inputs, or normalized otherwise, which leaves tokens of norm 1 as they are."""
    tokens = np.eye(8)

    def search(gallery, job, **options):
        index = ig.SemanticIndex(**options)
        index.add(gallery)
        return index.search(np.random.default_rng(0).standard_normal((2, 3, 8)), 1, job=job)

    search([tokens[:3], tokens[3:]], tmp_path / "cut")
    with pytest.raises(ValueError, match="but `index` changed"):
        search([tokens[:5], tokens[5:]], tmp_path / "cut")
    with pytest.raises(ValueError, match="option `normalize` was input, and is token"):
        search([tokens[:3], tokens[3:]], tmp_path / "cut", normalize="token")


def test_damaged_parts_are_found_again(tmp_path):
    maps, job = clustered(N), tmp_path / "job"
    expected, _ = of_retrieve(maps, job=job)
    first, second, *_ = sorted(job.glob("*.npz"))
    first.write_bytes(first.read_bytes()[:-9])
    second.unlink()
    found, _ = of_retrieve(maps, job=job)
    np.testing.assert_array_equal(found, expected)


def test_refused_folders(tmp_path):
    with pytest.raises(TypeError, match=r"^retrieve: `job` must be"):
        of_retrieve(clustered(N), job=3)
