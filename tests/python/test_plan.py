"""Plans: results computed tile by tile, in any order and in other processes, with the same bits."""

import multiprocessing
import pickle
import random
from functools import cache

import isogram as ig
import numpy as np
import pytest
from support import RSM_KERNELS, RSM_MATCHINGS


def of_file(path):
    """Return an array, or a list of arrays, as memory maps."""
    if isinstance(path, list):
        return [of_file(one) for one in path]
    return np.load(path, mmap_mode="r")


def in_files(folder, array):
    """Save an array, or a list of arrays, and return where."""
    if isinstance(array, list):
        return [in_files(folder, one) for one in array]
    path = folder / f"{len(list(folder.iterdir()))}.npy"
    np.save(path, array)
    return path


def part_of(pickled, tile, paths):
    """Compute a tile from files: all that another machine would need."""
    plan = pickle.loads(pickled)
    return tile, plan.compute(tile, *map(of_file, paths), num_threads=1)


@cache
def processes():
    """Return two processes that know nothing of this one."""
    return multiprocessing.get_context("spawn").Pool(2)


@pytest.fixture(scope="module", autouse=True)
def end_processes():
    yield
    if processes.cache_info().currsize:
        processes().terminate()


def tile_by_tile(folder, operation, *inputs, **options):
    """Return the result of a plan whose tiles two processes compute in shuffled order."""
    paths = [in_files(folder, array) for array in inputs]
    plan = ig.plan(operation, *map(of_file, paths), **options)
    tiles = list(plan.tiles)
    random.Random(len(tiles)).shuffle(tiles)
    pickled = pickle.dumps(plan)
    assert len(pickled) < 20_000
    parts = processes().starmap(part_of, [(pickled, tile, paths) for tile in tiles], chunksize=1)
    return plan.reduce(dict(parts))


def assert_same(actual, expected):
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for name, result in expected.items():
            assert_same(actual[name], result)
    else:
        assert actual.dtype == expected.dtype
        assert np.array_equal(actual, expected)


# RSMs ---------------------------------------------------------------------------------------------


def tokens_of(shape, dtype="float32", seed=0, scale=1.0):
    """Return tokens with an offset, near copies, a register of huge norm, and an input of zeros."""
    tokens = 2 + np.random.default_rng([seed, *shape]).standard_normal(shape)
    tokens[:, 1] *= 1e4
    tokens[1::4] = tokens[0] * (1 + 1e-6 * np.arange(shape[1])[:, None])
    tokens[2] = 0
    return (scale * tokens).astype(dtype)


def ragged(shape, dtype="float32", seed=0):
    tokens = tokens_of(shape, dtype, seed)
    return [tokens[i, : 2 + (3 * i + 1) % (shape[1] - 1)].copy() for i in range(len(tokens))]


LENGTHS = [6, 2, 4, 6, 1, 3, 5, 6, 2, 6, 4]
INPUTS = {  # and options
    "one set": ([tokens_of((11, 6, 5))], {}),
    "two sets": ([tokens_of((7, 6, 5)), tokens_of((9, 6, 5), seed=1)], {}),
    "two sets of different sizes": ([tokens_of((7, 6, 5)), tokens_of((9, 4, 5), seed=1)], {}),
    "ragged": ([ragged((11, 6, 5))], {}),
    "ragged sets": ([ragged((7, 6, 5)), ragged((9, 7, 5), seed=1)], {}),
    "lengths": ([tokens_of((11, 6, 5))], {"lengths": LENGTHS}),
    "a set with lengths and another": (
        [tokens_of((11, 6, 5)), ragged((5, 6, 5), seed=1)],
        {"lengths": LENGTHS},
    ),
    "pictures": ([tokens_of((11, 6, 5)).reshape(11, 2, 3, 5)], {"layout": "nhwc"}),
    "pictures, channels first": (
        [tokens_of((11, 5, 6)).reshape(11, 5, 2, 3)],
        {"layout": "nchw", "lengths": LENGTHS},
    ),
    "float16": ([tokens_of((11, 6, 5), scale=1e-3).astype(np.float16)], {}),
    "float64": ([tokens_of((11, 6, 5), "float64")], {}),
    "two types": ([tokens_of((7, 6, 5)), tokens_of((9, 6, 5), "float64", 1)], {}),
    "tiny": ([tokens_of((11, 6, 5), scale=1e-38)], {}),
    "huge": ([tokens_of((11, 6, 5), scale=1e33)], {}),
    "tiny float64": ([tokens_of((11, 6, 5), "float64", scale=1e-306)], {}),
    "huge float64": ([tokens_of((11, 6, 5), "float64", scale=1e302)], {}),
}


ROUNDED = ["one set", "two sets", "ragged", "lengths", "huge", "float16"]


class TestRsm:
    @pytest.mark.filterwarnings("ignore:.*beyond the range")
    @pytest.mark.parametrize("matching", RSM_MATCHINGS)
    @pytest.mark.parametrize("name", INPUTS)
    def test_tile_by_tile(self, tmp_path, name, matching):
        inputs, options = INPUTS[name]
        options = {"kernel": RSM_KERNELS, "matching": matching} | RSM_MATCHINGS[matching] | options
        expected = ig.semantic_rsm(*inputs, **options)
        assert_same(tile_by_tile(tmp_path, "semantic_rsm", *inputs, tile=4, **options), expected)

    @pytest.mark.parametrize("precision", ["bfloat16", "int8"])
    @pytest.mark.parametrize(
        "name", ["one set", "two sets", "ragged", "lengths", "huge", "float16"]
    )
    def test_rounded_tokens(self, tmp_path, name, precision):
        inputs, options = INPUTS[name]
        options = {"kernel": ("cosine", "rbf"), "precision": precision} | options
        expected = ig.semantic_rsm(*inputs, **options)
        assert_same(tile_by_tile(tmp_path, "semantic_rsm", *inputs, tile=3, **options), expected)

    @pytest.mark.parametrize("tile", [1, 2, 5, 10, 11, 400])
    def test_any_tile(self, simd_level, tile):
        for inputs in ([ragged((11, 6, 5))], [tokens_of((7, 6, 5)), ragged((9, 6, 5), seed=1)]):
            plan = ig.plan("semantic_rsm", *inputs, kernel=RSM_KERNELS, tile=tile)
            parts = {one: plan.compute(one, *inputs) for one in reversed(plan.tiles)}
            assert_same(plan.reduce(parts), ig.semantic_rsm(*inputs, kernel=RSM_KERNELS))

    @pytest.mark.parametrize("tokens", [49, 196, 450])
    def test_sizes_of_networks(self, simd_level, tokens):
        """Groups of inputs, pairs that take turns, and affinities in strips."""
        inputs = tokens_of((9, tokens, 8))
        plan = ig.plan("semantic_rsm", inputs, kernel=RSM_KERNELS, tile=4)
        parts = {tile: plan.compute(tile, inputs, num_threads=2) for tile in plan.tiles}
        assert_same(plan.reduce(parts), ig.semantic_rsm(inputs, kernel=RSM_KERNELS, num_threads=1))

    @pytest.mark.parametrize("n", [5, 97, 900])
    def test_spatial(self, simd_level, n):
        inputs = tokens_of((n, 3, 4))
        plan = ig.plan("spatial_rsm", inputs, kernel=("cosine", "rbf"), bandwidth=3.0, tile=400)
        parts = {tile: plan.compute(tile, inputs) for tile in plan.tiles}
        expected = ig.spatial_rsm(inputs, kernel=("cosine", "rbf"), bandwidth=3.0)
        assert_same(plan.reduce(parts), expected)

    def test_one_kernel_is_one_matrix(self):
        inputs = tokens_of((5, 3, 2))
        plan = ig.plan("spatial_rsm", inputs, kernel="cosine", tile=2)
        assert str(plan) == "spatial_rsm: 6 tiles, 10 pairs, parts of up to 16 bytes"
        result = plan.reduce({tile: plan.compute(tile, inputs) for tile in plan.tiles})
        assert_same(result, ig.spatial_rsm(inputs))

    def test_progress_of_a_tile(self):
        inputs, told = tokens_of((20, 9, 4)), []
        plan = ig.plan("semantic_rsm", inputs, tile=12)
        for tile in plan.tiles:
            plan.compute(tile, inputs, progress=lambda *now: told.append(now))
            assert told[-1] == (plan.pairs(tile), plan.pairs(tile))

    def test_an_entry_that_is_not_finite_has_the_index_of_the_whole(self):
        inputs = tokens_of((9, 6, 5))
        plan = ig.plan("semantic_rsm", inputs, inputs, tile=4)
        bad = inputs.copy()
        bad[7, 2, 3] = np.nan
        tile = plan.tiles[1]
        with pytest.raises(ValueError, match=r"^semantic_rsm: `other` must be .* \(7, 2, 3\)$"):
            plan.compute(tile, inputs, bad)
        plan.compute(plan.tiles[0], bad, bad)  # does not read it
        with pytest.raises(ValueError, match=r"^semantic_rsm: `tokens\[7\]` must .* \(2, 3\)$"):
            ig.plan("semantic_rsm", list(bad), kernel="rbf")

    def test_other_inputs_are_refused(self):
        inputs, several = tokens_of((6, 4, 3)), ragged((6, 7, 3))
        plan, of_list = (ig.plan("semantic_rsm", of, tile=3) for of in (inputs, several))
        first = plan.tiles[0]
        with pytest.raises(ValueError, match=r"^semantic_rsm: `tokens` must be as planned, of sh"):
            plan.compute(first, inputs[:, :3])
        with pytest.raises(ValueError, match=r"type float32, got shape \(6, 4, 3\) .* float64"):
            plan.compute(first, inputs.astype(np.float64))
        with pytest.raises(ValueError, match="the plan is for 1 inputs, got 2"):
            plan.compute(first, inputs, inputs)
        with pytest.raises(ValueError, match="must have the numbers of tokens"):
            of_list.compute(first, several[::-1])
        with pytest.raises(ValueError, match="`tile` must be one of the plan's"):
            plan.compute(ig.Tile(slice(0, 2), slice(0, 3)), inputs)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"tile": 0}, "`tile` must be"),
            ({"matching": "none of these"}, "`matching` must be one of"),
            ({"matching": "window"}, "`window` must be an integer"),
            ({"layout": "nhwc"}, "`tokens` must be 4-D"),
            ({"lengths": [1]}, "`lengths` must be"),
            ({"precision": "int8", "matching": "greedy"}, "`precision` must be 'float32'"),
        ],
        ids=str,
    )
    def test_what_the_function_refuses(self, options, message):
        with pytest.raises(ValueError, match=f"^semantic_rsm: {message}"):
            ig.plan("semantic_rsm", tokens_of((4, 3, 2)), **options)
        with pytest.raises(TypeError, match="out"):
            ig.plan("semantic_rsm", tokens_of((4, 3, 2)), out=None)

    def test_warnings_and_errors_of_the_end(self):
        inputs = tokens_of((4, 3, 2), scale=1e30)
        plan = ig.plan("spatial_rsm", inputs, kernel="linear", tile=3)
        parts = {tile: plan.compute(tile, inputs) for tile in plan.tiles}
        with pytest.warns(RuntimeWarning, match="^spatial_rsm: some entries are beyond") as found:
            plan.reduce(parts)
        assert found[0].filename == __file__
        same = np.ones((4, 3, 2))
        plan = ig.plan("spatial_rsm", same, kernel="rbf", tile=3)
        parts = {tile: plan.compute(tile, same) for tile in plan.tiles}
        with pytest.raises(ValueError, match=r"^spatial_rsm: `bandwidth` must be a positive"):
            plan.reduce(parts)
        with pytest.raises(ValueError, match="one for every tile of the plan"):
            plan.reduce({})
