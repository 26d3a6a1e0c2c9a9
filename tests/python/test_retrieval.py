"""`retrieve` against the sorted rows of the RSM, and of SciPy's assignments."""

import isogram as ig
import numpy as np
import pytest
from isogram._tokens import cascade
from isogram._tokens.arguments import Inputs
from isogram._tokens.search import Part, Search
from scipy.optimize import linear_sum_assignment
from support import clustered

Q, N, S, C = 40, 90, 5, 128  # enough for bounds along 32 axes


def best_of(rsm, k):
    indices = np.argsort(-rsm, axis=1, kind="stable")[:, :k]
    return indices, np.take_along_axis(rsm, indices, axis=1)


def assert_as_sorted(queries, gallery, k, **options):
    """The answer is that of the whole RSM, of the same bits."""
    lengths = {"lengths", "mask"} & options.keys()
    of_rsm = {name: value for name, value in options.items() if "gallery" not in name}
    of_rsm |= {
        f"other_{name}": options[f"gallery_{name}"] for name in lengths if gallery is not None
    }
    rsm = ig.semantic_rsm(queries, gallery, **of_rsm)
    if gallery is None:
        np.fill_diagonal(rsm, -np.inf)
    found = ig.retrieve(queries, gallery, k, **options)
    indices, scores = best_of(rsm, k)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.scores, scores)
    assert found.scores.dtype == found.others.dtype == rsm.dtype
    others = rsm.copy()
    np.put_along_axis(others, indices, -np.inf, axis=1)
    assert (found.others >= others.max(axis=1)).all()
    assert (found.others <= scores[:, -1]).all()
    return found


def test_against_scipy():
    queries, gallery = clustered(Q), clustered(N, 1)
    a, b = queries.astype(float), gallery.astype(float)
    exact = np.empty((Q, N))
    for i in range(Q):
        for j in range(N):
            affinity = a[i] @ b[j].T
            total = affinity[linear_sum_assignment(affinity, maximize=True)].sum()
            exact[i, j] = total / (np.linalg.norm(a[i]) * np.linalg.norm(b[j]))
    indices, scores = best_of(exact, 4)
    found = ig.retrieve(queries, gallery, 4)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.scores, scores, rtol=1e-5)
    assert list(found.reached) == [32, C]
    assert found.reached[C] < Q * N / 2  # bounds do something
    assert found.recall is None


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("kernel", ["cosine", "linear"])
@pytest.mark.parametrize("normalize", ["input", "token"])
def test_types_and_kernels(dtype, kernel, normalize):
    options = {"kernel": kernel, "normalize": normalize}
    queries, gallery = clustered(Q).astype(dtype), clustered(N, 1).astype(dtype)
    assert_as_sorted(queries, gallery, 3, **options)
    assert_as_sorted(gallery, None, 3, **options)


def duplicates(inputs):
    inputs[10:30] = inputs[5]
    return inputs


def ties(inputs):
    return np.sign(np.round(inputs))


def zeros(inputs):
    inputs[::3] = 0
    inputs[1::3, ::2] = 0
    return inputs


def constant(inputs):
    return np.ones_like(inputs)


def nearly_constant(inputs):
    return 1 + 1e-6 * inputs


def offset(inputs):
    return inputs + np.float32(1e4)


def tiny(inputs):
    return inputs * np.float32(1e-37)


def huge(inputs):
    return inputs * np.float32(1e36)


def every_scale(inputs):
    return inputs * np.geomspace(1e-36, 1e36, len(inputs), dtype=np.float32)[:, None, None]


def register(inputs):
    inputs[:, 0] = 1e4
    return inputs


def negative(inputs):
    return -np.abs(inputs)


@pytest.mark.filterwarnings("ignore:.*beyond the range:RuntimeWarning")
@pytest.mark.parametrize("kernel", ["cosine", "linear"])
@pytest.mark.parametrize(
    "change",
    [
        duplicates, ties, zeros, constant, nearly_constant, offset, tiny, huge, every_scale,
        register, negative,
    ],
)  # fmt: skip
def test_awkward_inputs(change, kernel):
    queries, gallery = change(clustered(Q)), change(clustered(N, 1))
    assert_as_sorted(queries, gallery, 5, kernel=kernel)
    assert_as_sorted(gallery, None, 5, kernel=kernel)
    assert_as_sorted(gallery[:Q], gallery, 1, kernel=kernel)


@pytest.mark.parametrize("power", [-300, 300])
@pytest.mark.parametrize("kernel", ["cosine", "linear"])
@pytest.mark.filterwarnings("ignore:.*beyond the range:RuntimeWarning")
def test_scales_of_float64(power, kernel):
    inputs = clustered(N).astype(float) * 10.0**power
    assert_as_sorted(inputs, None, 5, kernel=kernel)


def test_ragged():
    rng = np.random.default_rng(5)
    queries, gallery = clustered(Q), clustered(N, 1)
    a, b = rng.integers(1, S + 1, Q), rng.integers(1, S + 1, N)
    assert_as_sorted(queries, gallery, 5, lengths=a, gallery_lengths=b)
    masks = [rng.random((n, S)) < 0.6 for n in (Q, N)]
    for mask in masks:
        mask[:, 1] = True
    assert_as_sorted(queries, gallery, 5, mask=masks[0], gallery_mask=masks[1])
    assert_as_sorted([q[:n] for q, n in zip(queries, a, strict=True)], list(gallery), 5)
    assert_as_sorted(gallery, None, 5, lengths=b)


def test_more_axes_and_blocks(monkeypatch):
    """256 axes, blocks of some queries, and of one set."""
    inputs = clustered(N, shape=(4, 520))
    monkeypatch.setattr(cascade, "_PAIRS", 1)
    monkeypatch.setattr(cascade, "_ROWS", 17)
    reports = []
    found = assert_as_sorted(inputs, None, 2)
    assert list(found.reached) == [32, 128, 256, 520]
    again = ig.retrieve(inputs, None, 2, progress=lambda *report: reports.append(report))
    np.testing.assert_array_equal(again.indices, found.indices)
    assert reports[0] == (17 * N, N * N)
    assert reports[-1] == (N * N, N * N)


@pytest.mark.parametrize("k", [1, N - 1, N])
def test_every_k(k):
    found = assert_as_sorted(clustered(Q), clustered(N, 1), k)
    if k >= N - 1:
        assert found.reached == {C: Q * N}


def test_less_than_128_channels():
    """About half of them are axes."""
    inputs = clustered(N, shape=(S, 112))
    assert list(assert_as_sorted(inputs, None, 3).reached) == [48, 112]


def test_few_queries_and_few_channels():
    gallery = clustered(N)
    assert assert_as_sorted(gallery[:1, ::-1], gallery, 3).reached == {C: N}
    assert assert_as_sorted(gallery[..., :8], None, 3).reached == {8: N * (N - 1)}
    assert_as_sorted(gallery[:2], None, 1)


def test_layouts():
    maps = clustered(N, shape=(4, C)).reshape(N, 2, 2, C)
    assert_as_sorted(maps, None, 3, layout="nhwc")
    assert_as_sorted(np.ascontiguousarray(maps.transpose(0, 3, 1, 2)), None, 3, layout="nchw")


def test_same_bits_for_any_number_of_threads(simd_level):
    inputs = clustered(N)
    one, *more = (ig.retrieve(inputs, num_threads=threads) for threads in (1, 2, 5))
    for other in more:
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_array_equal(one.scores, other.scores)


def test_candidates_of_the_caller():
    queries, gallery = clustered(Q), clustered(N, 1)
    rng = np.random.default_rng(0)
    candidates = rng.permuted(np.tile(np.arange(N), (Q, 1)), axis=1)[:, :9]
    candidates[:, 8] = candidates[:, 0]  # counts once
    found = ig.retrieve(queries, gallery, 4, candidates=candidates)
    allowed = np.full((Q, N), -np.inf, np.float32)
    i = np.arange(Q)[:, None]
    allowed[i, candidates] = ig.semantic_rsm(queries, gallery)[i, candidates]
    indices, scores = best_of(allowed, 4)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.scores, scores)
    assert found.reached == {C: Q * 8}
    assert found.recall is None
    of_one_set = ig.retrieve(queries, k=2, candidates=np.tile([0, 1, 2], (Q, 1)))
    assert (of_one_set.indices != np.arange(Q)[:, None]).all()


@pytest.mark.parametrize("kernel", ["cosine", "linear"])
def test_candidates_by_mean_token(kernel):
    queries, gallery = clustered(Q), clustered(N, 1)
    true = ig.retrieve(queries, gallery, 3, kernel=kernel)
    found = ig.retrieve(queries, gallery, 3, kernel=kernel, candidates=6, checked=Q)
    assert found.reached == {C: Q * 6}
    assert found.recall == (found.scores >= true.scores[:, -1:]).mean() > 0.3
    every = ig.retrieve(queries, gallery, 3, kernel=kernel, candidates=N)
    np.testing.assert_array_equal(every.indices, true.indices)
    assert every.recall == 1
    assert np.isnan(ig.retrieve(queries, gallery, 3, candidates=6, checked=0).recall)
    means = queries.mean(axis=1, dtype=float), gallery.mean(axis=1, dtype=float)
    a, b = (mean / np.linalg.norm(mean, axis=1, keepdims=True) for mean in means)
    if kernel == "cosine":
        nearest = np.argsort(-(a @ b.T), axis=1)[:, :3]
        of_three = ig.retrieve(queries, gallery, 3, candidates=3, checked=0)
        np.testing.assert_array_equal(np.sort(of_three.indices), np.sort(nearest))


def test_all_of_one_set_are_candidates():
    inputs = clustered(N)
    found = ig.retrieve(inputs, k=3, candidates=N - 1, checked=5)
    np.testing.assert_array_equal(found.indices, ig.retrieve(inputs, k=3).indices)


def test_libraries():
    torch = pytest.importorskip("torch")
    inputs = clustered(N)
    found = ig.retrieve(torch.from_numpy(inputs))
    assert found.indices.dtype == torch.int64
    assert found.scores.dtype == torch.float32
    np.testing.assert_array_equal(found.indices.numpy(), ig.retrieve(inputs).indices)


@pytest.mark.parametrize("lengths", [None, np.arange(N) % 6 + 1])
def test_bounds_are_above_the_entries(lengths, monkeypatch):
    """Not by luck: every bound of every pair, at every number of axes."""
    inputs = clustered(N, shape=(6, 256))
    rsm = ig.semantic_rsm(inputs, lengths=lengths)
    samples = Inputs(inputs, None, lengths, None, "nsc").checked("retrieve").rows
    search = Search(samples, (Part(samples),), "cosine", rsm.dtype, 1, is_one_set=True)
    places = np.arange(N)
    bounds = cascade._Bounds(search, 5, places)
    assert bounds.depths == (32, 128)
    [part] = bounds._gallery.parts
    of_means = bounds._gallery.of_means(places)
    pairs = ~np.eye(N, dtype=bool)
    for stage in range(2):
        parts = bounds._bounds(stage, places, part, pairs)
        if lengths is None:
            parts += bounds._off_means(stage, places, part, of_means)
        for row, of_row in enumerate(parts):
            above = bounds.above(stage, row, part, places, of_row)
            assert (above - rsm[row])[pairs[row]].min() >= 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, r"^retrieve: `k` must be an integer from 1 to 9 .*, got 0$"),
        ({"k": 10}, ValueError, r"^retrieve: `k` must be an integer from 1 to 9 .*, got 10$"),
        ({"k": 2.5}, TypeError, "`k` must be an integer"),
        ({"kernel": "rbf"}, ValueError, "^retrieve: `kernel` must be"),
        ({"normalize": "all"}, ValueError, "`normalize` must be"),
        ({"layout": "nchw"}, ValueError, "^retrieve: `queries` must be 4-D"),
        ({"lengths": [1]}, ValueError, "^retrieve: `lengths` must be"),
        ({"gallery_lengths": [1]}, ValueError, "`gallery_lengths` must be None without `gallery`"),
        ({"gallery_mask": [[1]]}, ValueError, "`gallery_mask` must be None without `gallery`"),
        ({"candidates": 1}, ValueError, "^retrieve: `candidates` must be an integer from 2 to 9 "),
        ({"candidates": 10}, ValueError, "^retrieve: `candidates` must be an integer from 2 to 9 "),
        ({"candidates": [1, 2]}, ValueError, r"`candidates` must be of shape \(10, c\)"),
        (
            {"candidates": [[1]] * 9 + [[1, 2]]},
            ValueError,
            "^retrieve: `candidates` must be an array",
        ),
        ({"candidates": np.ones((10, 3))}, TypeError, "`candidates` must be of integers"),
        (
            {"candidates": np.full((10, 3), 10)},
            ValueError,
            r"`candidates` must be from 0 to 9, got 10 at index \(0, 0\)",
        ),
        (
            {"candidates": np.tile([0, 1, 2], (10, 1)), "k": 3},
            ValueError,
            "`candidates` must have at least 3 inputs for each query, .* got 2 at index 0",
        ),
        ({"checked": -1}, ValueError, "`checked` must be an integer of at least 0"),
        ({"progress": 3}, TypeError, "^retrieve: `progress` must be"),
        ({"num_threads": -1}, ValueError, "^retrieve: `num_threads` must be"),
    ],
)
def test_refused(options, error, message):
    with pytest.raises(error, match=message):
        ig.retrieve(clustered(10), **{"k": 2} | options)


@pytest.mark.parametrize("n", [10, N])
@pytest.mark.parametrize("candidates", [None, 8])
def test_names_what_is_not_finite(n, candidates):
    inputs = clustered(n)
    inputs[7, 2, 3] = np.nan
    with pytest.raises(ValueError, match=r"^retrieve: `queries` must be finite, .*\(7, 2, 3\)"):
        ig.retrieve(inputs, k=2, candidates=candidates)
    with pytest.raises(ValueError, match=r"^retrieve: `gallery` must be finite, .*\(7, 2, 3\)"):
        ig.retrieve(clustered(n), inputs, k=2, candidates=candidates)


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"^retrieve: `gallery` must have as many channels"):
        ig.retrieve(clustered(9), clustered(9)[..., :5], k=1)


def test_one_input_without_a_gallery():
    with pytest.raises(ValueError, match=r"^retrieve: `queries` must be at least two inputs"):
        ig.retrieve(clustered(10)[:1], k=1)
