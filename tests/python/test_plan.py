"""Plans: results computed tile by tile, in any order and in other processes, with the same bits."""

import multiprocessing
import pickle
import random
import re
import sys
import typing
import weakref
from functools import cache

import isogram as ig
import numpy as np
import pytest
from isogram._memory import size
from isogram._walk.sources import ArraySource
from isogram.typing import OperationName
from support import DTYPES, ESTIMATORS, KERNELS, RSM_KERNELS, RSM_MATCHINGS, run_program


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
    result = ig.plan(operation, *map(of_file, paths), **options)
    while isinstance(result, ig.Plan):  # stage after stage
        tiles = list(result.tiles)
        random.Random(len(tiles)).shuffle(tiles)
        pickled = pickle.dumps(result)
        assert len(pickled) < 20_000
        tasks = [(pickled, tile, paths) for tile in tiles]
        result = result.reduce(dict(processes().starmap(part_of, tasks, chunksize=1)))
    return result


def assert_same(actual, expected):
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for name, result in expected.items():
            assert_same(actual[name], result)
    else:
        assert actual.dtype == expected.dtype
        assert np.array_equal(actual, expected, equal_nan=True)


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

    @pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
    @pytest.mark.parametrize("rank", [1, 3, "auto"])
    @pytest.mark.parametrize("name", ["one set", "two sets", "ragged", "lengths", "huge"])
    def test_tokens_along_axes(self, tmp_path, name, rank, precision):
        inputs, options = INPUTS[name]
        options = {"kernel": ("cosine", "rbf"), "precision": precision, "rank": rank} | options
        expected = ig.semantic_rsm(*inputs, **options)
        assert_same(tile_by_tile(tmp_path, "semantic_rsm", *inputs, tile=3, **options), expected)

    @pytest.mark.parametrize("other", [False, True], ids=["one set", "two sets"])
    def test_masks(self, tmp_path, other):
        """Of the first tokens, which are lengths, and of others."""
        mask = np.arange(42).reshape(7, 6) % 3 != 1
        first = np.arange(6) < np.arange(1, 8)[:, None]
        for of_rows, of_cols in ((mask, first), (first, mask)):
            inputs, options = [tokens_of((7, 6, 5))], {"mask": of_rows}
            if other:
                inputs, options = [*inputs, tokens_of((7, 6, 5))], options | {"other_mask": of_cols}
            options |= {"kernel": RSM_KERNELS, "normalize": "token"}
            expected = ig.semantic_rsm(*inputs, **options)
            assert_same(
                tile_by_tile(tmp_path, "semantic_rsm", *inputs, tile=3, **options), expected
            )
        plan = ig.plan("semantic_rsm", *inputs, **options)
        assert plan != ig.plan("semantic_rsm", *inputs, **options | {"mask": mask})

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
        assert str(plan).startswith(
            "spatial_rsm in tiles of 2 x 2: 6 tiles, 10 pairs; reads 360 bytes"
        )
        result = plan.reduce({tile: plan.compute(tile, inputs) for tile in plan.tiles})
        assert_same(result, ig.spatial_rsm(inputs))

    def test_a_plan_is_a_value(self):
        inputs = tokens_of((9, 6, 5), scale=0.1).astype(DTYPES["bfloat16"])
        plan = ig.plan("semantic_rsm", inputs, kernel="rbf", tile=4)
        again = pickle.loads(pickle.dumps(plan))
        assert again == plan
        assert hash(again) == hash(plan)
        assert plan.inputs[0].dtype == "bfloat16"
        assert plan != ig.plan("semantic_rsm", inputs, kernel="rbf", tile=5)
        result = again.reduce({tile: again.compute(tile, inputs) for tile in plan.tiles})
        assert_same(result, ig.semantic_rsm(inputs, kernel="rbf"))

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
        with pytest.raises(ValueError, match=r"`inputs` must be `tokens`, .* got 2 inputs$"):
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
            ({"mask": np.ones((4, 2), bool)}, "`mask` must be of shape"),
            ({"mask": np.ones((4, 3), bool), "lengths": [1, 2, 3, 3]}, "`mask` must be None with"),
            ({"other_mask": np.ones((4, 3), bool)}, "`other_mask` must be None without `other`"),
        ],
        ids=str,
    )
    def test_what_the_function_refuses(self, options, message):
        with pytest.raises(ValueError, match=f"^semantic_rsm: {message}"):
            ig.plan("semantic_rsm", tokens_of((4, 3, 2)), **options)

    @pytest.mark.parametrize("function", ["semantic_rsm", "spatial_rsm"])
    def test_lists_of_pairs(self, function):
        message = f"^plan: a plan of '{function}' does not take `pairs`: call `{function}` with a p"
        with pytest.raises(TypeError, match=message):
            ig.plan(function, tokens_of((4, 3, 2)), pairs=([0], [1]))
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


# Gram matrices and CKA ----------------------------------------------------------------------------


def samples_of(n, d, dtype="float32", seed=0, offset=2.0):
    """Return samples with an offset and near copies."""
    x = offset + np.random.default_rng([seed, n, d]).standard_normal((n, d))
    x[1::7] = x[0] * (1 + 1e-3 * np.arange(len(x[1::7]))[:, None])
    return x.astype(dtype)


def with_far_row(x, place=30, factor=1e4):
    """Return samples one of which is far from all others."""
    far = x.copy()
    far[place] *= factor
    return far


def in_this_process(plan, *inputs, **options):
    """Return the result of a plan whose tiles are computed in their order, from the last."""
    result = plan
    while isinstance(result, ig.Plan):
        tiles = reversed(result.tiles)
        result = result.reduce({t: result.compute(t, *inputs, **options) for t in tiles})
    return result


def all_of_it(operation, *inputs, **options):
    """Plan and compute in this process."""
    return in_this_process(ig.plan(operation, *inputs, **options), *inputs)


class TestGram:
    @pytest.mark.parametrize("kernel", KERNELS)
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_tile_by_tile(self, tmp_path, kernel, dtype):
        x = samples_of(101, 6, dtype)
        expected = ig.gram(x, kernel=kernel)
        assert_same(tile_by_tile(tmp_path, "gram", x, kernel=kernel, tile=40), expected)

    @pytest.mark.parametrize("kernel", KERNELS)
    def test_two_sets(self, tmp_path, kernel):
        x, y = with_far_row(samples_of(70, 5)), samples_of(45, 5, "float64", 1)
        expected = ig.gram(x, y, kernel=kernel)
        assert_same(tile_by_tile(tmp_path, "gram", x, y, kernel=kernel, tile=32), expected)

    @pytest.mark.parametrize("kernel", KERNELS)
    @pytest.mark.parametrize("tile", [1, 31, 96, 130, 6144])
    def test_any_tile(self, simd_level, kernel, tile):
        x = with_far_row(samples_of(130, 5))
        if tile == 1:
            x = x[:40]
        plan = ig.plan("gram", x, kernel=kernel, bandwidth=3.0, tile=tile)
        expected = ig.gram(x, kernel=kernel, bandwidth=3.0)
        assert_same(in_this_process(plan, x, num_threads=2), expected)

    @pytest.mark.parametrize("n", [90, 150, 200])
    @pytest.mark.parametrize("kernel", ["linear", "cosine", "correlation", "rbf"])
    def test_long_rows(self, simd_level, kernel, n):
        """Rows that are summed panel by panel: as a whole, and therefore in each tile too."""
        x = samples_of(n, 9000)
        plan = ig.plan("gram", x, kernel=kernel, bandwidth=100.0, tile=40)
        assert_same(in_this_process(plan, x), ig.gram(x, kernel=kernel, bandwidth=100.0))

    def test_says_how_much(self):
        plan = ig.plan("gram", samples_of(10, 3), tile=6)
        assert str(plan).startswith("gram in tiles of 6 x 6: 3 tiles, 55 pairs; ")

    def test_errors(self):
        x = samples_of(10, 3)
        bad = x.copy()
        bad[7, 1] = np.nan
        for kernel in KERNELS:
            with pytest.raises(ValueError, match=r"^gram: `x` must be finite.* \(7, 1\)$"):
                ig.plan("gram", bad, kernel=kernel, bandwidth=1.0)
            with pytest.raises(ValueError, match=r"^gram: `y` must be finite.* \(7, 1\)$"):
                ig.plan("gram", x, bad, kernel=kernel, bandwidth=1.0)
        plan = ig.plan("gram", x, tile=6)
        with pytest.raises(ValueError, match=r"^gram: `x` must be as planned"):
            plan.compute(plan.tiles[0], x[:9])
        with pytest.raises(ValueError, match="`tile` must be"):
            ig.plan("gram", x, tile=0)
        with pytest.raises(ValueError, match="one for every tile"):
            plan.reduce({})

    def test_entries_beyond_the_range(self):
        x = samples_of(10, 3) * np.float32(1e25)
        plan = ig.plan("gram", x, tile=6)
        with pytest.warns(RuntimeWarning, match="^gram: some entries are beyond the range"):
            result = in_this_process(plan, x)
        with pytest.warns(RuntimeWarning):
            assert_same(result, ig.gram(x))


LAYERS = {  # and options
    "narrow": ([samples_of(101, 3), samples_of(101, 5, seed=1)], {}),
    "wide": ([samples_of(41, 60), samples_of(41, 50, seed=1)], {}),
    "narrow and wide": ([samples_of(41, 3), samples_of(41, 60, seed=1)], {}),
    "rbf": ([samples_of(101, 3), samples_of(101, 5, seed=1)], {"kernel": "rbf"}),
    "laplacian": ([samples_of(101, 3), samples_of(101, 5)], {"kernel": "laplacian"}),
    "laplacian_l2": ([samples_of(101, 3), samples_of(101, 5)], {"kernel": "laplacian_l2"}),
    "cosine": ([samples_of(101, 3), samples_of(101, 5, seed=1)], {"kernel": "cosine"}),
    "correlation": ([samples_of(101, 9), samples_of(101, 5)], {"kernel": "correlation"}),
    "polynomial": ([samples_of(101, 3), samples_of(101, 5)], {"kernel": "polynomial"}),
    "a far row": ([with_far_row(samples_of(101, 3)), samples_of(101, 5, seed=1)], {}),
    "a far row, wide": ([with_far_row(samples_of(41, 60)), samples_of(41, 50, seed=1)], {}),
    "rows far apart": ([with_far_row(samples_of(101, 3), 7, 1e30), samples_of(101, 5)], {}),
    "constant": ([np.ones((101, 3), np.float32), samples_of(101, 5)], {}),
    "float16": ([samples_of(101, 3, "float16"), samples_of(101, 5, "float16", 1)], {}),
    "float64": ([samples_of(101, 3, "float64"), samples_of(101, 5, seed=1)], {}),
    "float64, wide": ([samples_of(41, 60, "float64"), samples_of(41, 50, seed=1)], {}),
}


def own_features():
    """Return samples of which two of huge norm have a feature of their own each."""
    x = samples_of(101, 6, "float64")
    x[:, 4:] = 0
    x[20], x[90] = [0, 0, 0, 0, 1e12, 0], [0, 0, 0, 0, 0, 1e12]
    return x


LAYERS["seemingly constant"] = ([own_features(), samples_of(101, 5)], {})


@pytest.mark.filterwarnings("ignore:.*(constant|undefined)")
class TestCka:
    @pytest.mark.parametrize("estimator", ESTIMATORS)
    @pytest.mark.parametrize("name", LAYERS)
    def test_tile_by_tile(self, tmp_path, name, estimator):
        """Whole results from the plan's own tiles; from others, within rounding."""
        layers, options = LAYERS[name]
        options = {"estimator": estimator} | options
        expected = ig.cka_matrix(layers, **options)
        assert_same(tile_by_tile(tmp_path, "cka_matrix", layers, **options), expected)
        small = tile_by_tile(tmp_path, "cka_matrix", layers, tile=40, **options)
        assert np.allclose(small, expected, rtol=0, atol=1e-6, equal_nan=True)

    @pytest.mark.parametrize("name", ["narrow", "wide", "rbf", "a far row"])
    def test_two_models(self, simd_level, name):
        layers, options = LAYERS[name]
        other = [layers[1][::-1].copy(), layers[0], layers[1]]
        plan = ig.plan("cka_matrix", layers, other, **options)
        expected = ig.cka_matrix(layers, other, **options)
        assert_same(in_this_process(plan, layers, other, num_threads=2), expected)

    @pytest.mark.parametrize("name", ["wide", "cosine", "rbf"])
    def test_the_same_layers_again(self, name):
        layers, options = LAYERS[name]
        plan = ig.plan("cka_matrix", layers, layers, **options)
        expected = ig.cka_matrix(layers, **options)
        assert_same(in_this_process(plan, layers, layers), expected)

    @pytest.mark.parametrize(
        ("widths", "options"),
        [((2, 3), {}), ((2, 3), {"kernel": "rbf", "bandwidth": 2.0}), ((2,), {"kernel": "cosine"})],
    )
    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_many_samples(self, tmp_path, widths, options, estimator):
        """More than a tile has: several by default, with the bits of the one call."""
        layers = [samples_of(6200, d) for d in widths]
        options = {"estimator": estimator} | options
        expected = ig.cka_matrix(layers, **options)
        assert_same(tile_by_tile(tmp_path, "cka_matrix", layers, **options), expected)
        assert len(ig.plan("cka_matrix", layers, **options).tiles) > 1

    def test_mappings_and_progress(self):
        layers, told = dict(zip("ab", LAYERS["wide"][0], strict=True)), []
        plan = ig.plan("cka_matrix", layers, tile=30)
        assert plan.names == (("layers['a']", "layers['b']"), ())
        for tile in plan.tiles:
            plan.compute(tile, layers, progress=lambda *now: told.append(now))
            assert told[-1] == (plan.pairs(tile), plan.pairs(tile))

    def test_says_how_much(self):
        layers, _ = LAYERS["wide"]
        plan = ig.plan("cka_matrix", layers, tile=30)
        assert str(plan).startswith("cka_matrix in tiles of 30 x 30: 3 tiles, 820 pairs; ")
        part = plan.compute(plan.tiles[1], layers)
        assert part["row_sums"].nbytes + part["col_sums"].nbytes == plan.part_bytes(plan.tiles[1])
        layers, _ = LAYERS["narrow"]
        plan = ig.plan("cka_matrix", layers, layers[:1])
        part = plan.compute(plan.tiles[0], layers, layers[:1])
        size = sum(one.nbytes for one in (part["row_sums"], part["diagonal"], *part["cross"]))
        assert size == plan.part_bytes(plan.tiles[0])

    def test_stages(self):
        """A layer that float32 does not tell from a constant needs another stage."""
        layers, _ = LAYERS["a far row"]
        plan = ig.plan("cka_matrix", layers)
        following = plan.reduce({tile: plan.compute(tile, layers) for tile in plan.tiles})
        assert isinstance(following, ig.Plan)
        assert len(following.stages) < len(plan.stages)

    def test_few_samples(self):
        layers = [samples_of(3, 2), samples_of(3, 5)]
        plan = ig.plan("cka_matrix", layers)
        with pytest.warns(RuntimeWarning, match="needs at least 4 samples, got 3") as found:
            result = in_this_process(plan, layers)
        assert found[0].filename == __file__
        assert result.shape == (2, 2)
        assert np.isnan(result).all()

    def test_warnings_name_layers(self):
        layers, _ = LAYERS["constant"]
        plan = ig.plan("cka_matrix", layers)
        with pytest.warns(RuntimeWarning, match=r"^cka_matrix: `layers\[0\]` is constant"):
            in_this_process(plan, layers)

    def test_errors(self):
        layers = [samples_of(10, 3), samples_of(10, 40)]
        bad = [x.copy() for x in layers]
        bad[1][7, 2] = np.inf
        for kernel in KERNELS:
            for tile in (4, 6144):
                options = {"kernel": kernel, "bandwidth": 1.0, "tile": tile}
                with pytest.raises(
                    ValueError, match=r"^cka_matrix: `layers\[1\]` must be finite.* \(7, 2\)$"
                ):
                    all_of_it("cka_matrix", bad, **options)
        plan = ig.plan("cka_matrix", layers, tile=6)
        with pytest.raises(ValueError, match="must be as planned"):
            plan.compute(plan.tiles[0], layers[::-1])
        with pytest.raises(ValueError, match=r"`layers` must be as planned, of length 2, got 1$"):
            plan.compute(plan.tiles[0], layers[:1])
        with pytest.raises(ValueError, match="`tile` must be"):
            ig.plan("cka_matrix", layers, tile=0)
        with pytest.raises(ValueError, match="`estimator` must be one of"):
            ig.plan("cka_matrix", layers, estimator="unbiased")


# GBS ----------------------------------------------------------------------------------------------


def directions_of(n, d, dtype="float32", seed=0):
    """Return samples with an offset, no two of which have the same direction."""
    return (1 + np.random.default_rng([seed, n, d]).standard_normal((n, d))).astype(dtype)


def with_massive_channel(x, size=3e4):
    """Return samples of which one feature dwarfs the others: all cosines are nearly 1."""
    x = x.copy()
    x[:, 0] += size
    return x


def with_zero_rows(x):
    x = x.copy()
    x[::7] = 0
    return x


GRAPHS = {
    "float16": [directions_of(101, 30, "float16"), directions_of(101, 5, "float16", 1)],
    "float32": [directions_of(101, 30), directions_of(101, 5, seed=1)],
    "float64": [directions_of(101, 30, "float64"), directions_of(101, 5, seed=1)],
    "a massive channel": [
        with_massive_channel(directions_of(101, 9)),
        directions_of(101, 5, seed=1),
    ],
    "rows of zeros": [with_zero_rows(directions_of(101, 30)), directions_of(101, 5, seed=1)],
    "alike": [np.sign(directions_of(101, 4)), directions_of(101, 5, seed=1)],
}


@pytest.mark.filterwarnings("ignore:.*have no edges")
class TestGbs:
    @pytest.mark.parametrize("options", [{}, {"center": True}, {"k": 3}, {"k": 7, "center": True}])
    @pytest.mark.parametrize("name", GRAPHS)
    def test_tile_by_tile(self, tmp_path, name, options):
        """Whole results from the plan's own tiles; from others, within rounding."""
        layers = GRAPHS[name]
        expected = ig.gbs_matrix(layers, **options)
        assert_same(tile_by_tile(tmp_path, "gbs_matrix", layers, **options), expected)
        if name == "alike" and "k" in options:
            return  # among equal cosines, rounding chooses
        for tile in (40, 6):  # fewer samples than neighbours too
            plan = ig.plan("gbs_matrix", layers, tile=tile, **options)
            small = in_this_process(plan, layers)
            np.testing.assert_allclose(small, expected, rtol=0, atol=1e-6)
            backwards = {t: plan.compute(t, layers, num_threads=2) for t in plan.tiles[::-1]}
            assert_same(plan.reduce(backwards), small)

    @pytest.mark.parametrize("options", [{}, {"k": 3}])
    def test_long_rows(self, tmp_path, options):
        """Products of rows much longer than there are samples are summed part by part."""
        layers = [directions_of(41, 9000), directions_of(41, 5, seed=1)]
        expected = ig.gbs_matrix(layers, **options)
        assert_same(tile_by_tile(tmp_path, "gbs_matrix", layers, **options), expected)
        small = tile_by_tile(tmp_path, "gbs_matrix", layers, tile=20, **options)
        np.testing.assert_allclose(small, expected, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("options", [{}, {"k": 3}])
    def test_two_models(self, options):
        layers = GRAPHS["float32"]
        other = [layers[1][::-1].copy(), layers[0], layers[1]]
        plan = ig.plan("gbs_matrix", layers, other, **options)
        expected = ig.gbs_matrix(layers, other, **options)
        assert_same(in_this_process(plan, layers, other, num_threads=2), expected)
        small = ig.plan("gbs_matrix", layers, other, tile=30, **options)
        np.testing.assert_allclose(
            in_this_process(small, layers, other), expected, rtol=0, atol=1e-6
        )

    @pytest.mark.parametrize("center", [False, True])
    def test_many_samples(self, tmp_path, center):
        """More than a tile has: several by default, with the bits of the one call."""
        layers = [directions_of(6200, 2), directions_of(6200, 3, "float16")]
        expected = ig.gbs_matrix(layers, center=center)
        assert_same(tile_by_tile(tmp_path, "gbs_matrix", layers, center=center), expected)
        assert len(ig.plan("gbs_matrix", layers, center=center).tiles) == 3

    def test_mappings_and_progress(self):
        layers, told = dict(zip("ab", GRAPHS["float32"], strict=True)), []
        for k in (None, 3):
            plan = ig.plan("gbs_matrix", layers, tile=30, k=k)
            assert plan.names == (("layers['a']", "layers['b']"), ())
            for tile in plan.tiles:
                plan.compute(tile, layers, progress=lambda *now: told.append(now))
                assert told[-1] == (plan.pairs(tile), plan.pairs(tile))

    def test_says_how_much(self):
        layers = GRAPHS["float32"]
        plan = ig.plan("gbs_matrix", layers, tile=60)
        assert str(plan).startswith("gbs_matrix in tiles of 60 x 60: 3 tiles, 5,050 pairs; ")
        part = plan.compute(plan.tiles[1], layers)
        size = part["row_products"].nbytes + part["col_products"].nbytes
        assert size == plan.part_bytes(plan.tiles[1])
        plan = ig.plan("gbs_matrix", layers, layers[:1], k=4)
        part = plan.compute(plan.tiles[0], layers, layers[:1])
        size = sum(array.nbytes for layer in part["of_rows"] for array in layer)
        assert size == plan.part_bytes(plan.tiles[0])

    def test_warnings_name_layers(self):
        layers = GRAPHS["rows of zeros"]
        plan = ig.plan("gbs_matrix", layers, tile=30)
        with pytest.warns(RuntimeWarning, match="15 of `layers") as found:
            in_this_process(plan, layers)
        assert found[0].filename == __file__

    def test_errors(self):
        layers = [directions_of(10, 3), directions_of(10, 40)]
        bad = [x.copy() for x in layers]
        bad[1][7, 2] = np.inf
        for options in ({}, {"center": True}, {"k": 3}):
            for tile in (4, 6144):
                with pytest.raises(
                    ValueError, match=r"^gbs_matrix: `layers\[1\]` must be finite.* \(7, 2\)$"
                ):
                    all_of_it("gbs_matrix", bad, tile=tile, **options)
        plan = ig.plan("gbs_matrix", layers, tile=6)
        with pytest.raises(ValueError, match="must be as planned"):
            plan.compute(plan.tiles[0], layers[::-1])
        with pytest.raises(ValueError, match=r"`layers` must be as planned, of length 2, got 1$"):
            plan.compute(plan.tiles[0], layers[:1])
        with pytest.raises(ValueError, match="one for every tile"):
            plan.reduce({})
        with pytest.raises(ValueError, match="`tile` must be"):
            ig.plan("gbs_matrix", layers, tile=0)
        with pytest.raises(ValueError, match="`k` must be"):
            ig.plan("gbs_matrix", layers, k=10)


# Graphs -------------------------------------------------------------------------------------------


def assert_same_graph(actual, expected):
    if isinstance(expected, ig.Csr):
        assert actual.shape == expected.shape
        for name in ("indptr", "indices", "data"):
            assert_same(getattr(actual, name), getattr(expected, name))
    else:
        assert_same(actual, expected)


class TestGraph:
    @pytest.mark.parametrize("center", [False, True])
    @pytest.mark.parametrize("k", [None, 1, 7])
    @pytest.mark.parametrize("name", GRAPHS)
    def test_tile_by_tile(self, tmp_path, name, k, center):
        for x in GRAPHS[name]:
            expected = ig.graph(x, k=k, center=center)
            assert_same_graph(tile_by_tile(tmp_path, "graph", x, k=k, center=center), expected)
            for tile in (40, 6):
                small = in_this_process(ig.plan("graph", x, k=k, center=center, tile=tile), x)
                if k is None:
                    assert_same(small, expected)
                elif name != "alike":  # among equal cosines, rounding chooses
                    assert_same(small.indices, expected.indices)
                    np.testing.assert_allclose(small.data, expected.data, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("symmetrize", [False, True])
    @pytest.mark.parametrize("center", [False, True])
    @pytest.mark.parametrize("metric", ["correlation", "euclidean"])
    @pytest.mark.parametrize("name", ["float32", "float64"])
    def test_other_metrics(self, tmp_path, name, metric, center, symmetrize):
        options = {"metric": metric, "center": center, "symmetrize": symmetrize, "k": 3}
        for x in GRAPHS[name]:
            expected = ig.graph(x, **options)
            assert_same_graph(tile_by_tile(tmp_path, "graph", x, **options), expected)
            for tile in (40, 6):
                small = in_this_process(ig.plan("graph", x, tile=tile, **options), x)
                assert_same_graph(small, expected)
            if metric == "correlation":
                full = {"metric": metric, "center": center}
                assert_same(
                    in_this_process(ig.plan("graph", x, tile=6, **full), x), ig.graph(x, **full)
                )

    def test_directed(self):
        x = GRAPHS["float32"][0]
        plan = ig.plan("graph", x, k=3, symmetrize=False)
        assert_same_graph(in_this_process(plan, x), ig.graph(x, k=3, symmetrize=False))

    def test_says_how_much(self):
        x = directions_of(10, 3)
        plan = ig.plan("graph", x, tile=6)
        assert str(plan).startswith("graph in tiles of 6 x 6: 3 tiles, 45 pairs; ")
        plan = ig.plan("graph", x, tile=6, k=2)
        part = plan.compute(plan.tiles[1], x)
        size = sum(
            a.nbytes for side in (part["of_rows"], part["of_cols"]) for near in side for a in near
        )
        assert size == plan.part_bytes(plan.tiles[1])
        plan = ig.plan("graph", x, tile=6, k=2, metric="euclidean")
        part = plan.compute(plan.tiles[1], x)
        size = sum(a.nbytes for side in part["neighbours"] for a in side)
        assert size == plan.part_bytes(plan.tiles[1])

    def test_errors(self):
        x = directions_of(10, 3)
        bad = x.copy()
        bad[7, 1] = np.nan
        for options in ({}, {"center": True}, {"k": 3}, {"k": 3, "metric": "euclidean"}):
            for tile in (4, 6144):
                with pytest.raises(ValueError, match=r"^graph: `x` must be finite.* \(7, 1\)$"):
                    all_of_it("graph", bad, tile=tile, **options)
        plan = ig.plan("graph", x, tile=6)
        with pytest.raises(ValueError, match=r"^graph: `x` must be as planned"):
            plan.compute(plan.tiles[0], x[:9])
        with pytest.raises(ValueError, match="`tile` must be"):
            ig.plan("graph", x, tile=0)
        with pytest.raises(ValueError, match="`k` must be"):
            ig.plan("graph", x, k=10)
        with pytest.raises(ValueError, match=r"^graph: `k` must be given"):
            ig.plan("graph", x, metric="euclidean")


# JSD ----------------------------------------------------------------------------------------------


def distributions_of(n, classes, dtype="float32", seed=0):
    """Return distributions some of which are equal, and some of which are certain."""
    p = np.random.default_rng([seed, n, classes]).dirichlet(np.full(classes, 0.3), n)
    p[1::7] = p[0]
    p[2] = np.arange(classes) == classes // 2
    return p.astype(dtype)


class TestJsd:
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_tile_by_tile(self, tmp_path, dtype):
        """Every part has the bits of the whole, whatever the tiles."""
        p, q = distributions_of(101, 9, dtype), distributions_of(67, 9, dtype, 1)
        for tile in (6144, 40, 7):
            assert_same(tile_by_tile(tmp_path, "jsd", p, tile=tile), ig.jsd(p))
            assert_same(tile_by_tile(tmp_path, "jsd", p, q, tile=tile), ig.jsd(p, q))

    def test_says_how_much(self):
        told = []
        plan = ig.plan("jsd", distributions_of(10, 3), tile=6)
        assert str(plan).startswith("jsd in tiles of 6 x 6: 3 tiles, 45 pairs; ")
        for tile in plan.tiles:
            plan.compute(tile, distributions_of(10, 3), progress=lambda *now: told.append(now))
            assert told[-1] == (plan.pairs(tile), plan.pairs(tile))

    def test_errors(self):
        p = distributions_of(10, 3)
        for place, value, message in [
            ((7, 1), np.nan, r"must be finite, got nan at index \(7, 1\)$"),
            ((7, 1), -0.25, r"must not be negative, got -0.25 at index \(7, 1\): softmax "),
            ((7, slice(None)), 0.5, r"must have rows that sum to 1, got a sum of 1.5 in row 7"),
        ]:
            bad = p.copy()
            bad[place] = value
            with pytest.raises(ValueError, match="^jsd: `probabilities` " + message):
                ig.plan("jsd", bad, tile=4)
            with pytest.raises(ValueError, match="^jsd: `other` " + message):
                ig.plan("jsd", p, bad)
        with pytest.raises(ValueError, match="`other` must have as many columns"):
            ig.plan("jsd", p, p[:, :2])
        plan = ig.plan("jsd", p, tile=6)
        with pytest.raises(ValueError, match="must be as planned"):
            plan.compute(plan.tiles[0], p[:9])
        with pytest.raises(ValueError, match=r"`inputs` must be `probabilities`, .* got 2 inputs$"):
            plan.compute(plan.tiles[0], p, p)
        with pytest.raises(ValueError, match="`tile` must be"):
            ig.plan("jsd", p, tile=0)


# What is not the plan's ---------------------------------------------------------------------------


def all_plans():
    """Return every operation's inputs and options, the kinds of tiles and parts that there are."""
    x, y = samples_of(20, 3), samples_of(20, 5, seed=1)
    p, tokens = distributions_of(20, 3), tokens_of((20, 3, 2))
    return {
        "gram": ((x,), {}),
        "gram of rbf": ((x,), {"kernel": "rbf", "bandwidth": 2.0}),
        "cka_matrix of features": (([x, y],), {}),
        "cka_matrix": (([x, y],), {"kernel": "cosine"}),
        "gbs_matrix": (([x, y],), {}),
        "gbs_matrix of neighbours": (([x, y],), {"k": 2}),
        "graph": ((x,), {}),
        "graph of neighbours": ((x,), {"k": 2}),
        "jsd": ((p,), {}),
        "semantic_rsm": ((tokens,), {}),
        "spatial_rsm": ((tokens,), {"kernel": ("linear", "rbf")}),
    }


@pytest.fixture(params=all_plans())
def plan_and_inputs(request):
    inputs, options = all_plans()[request.param]
    return ig.plan(request.param.split()[0], *inputs, **options, tile=8), inputs


def first_array(inputs):
    """Return the first array of inputs, or of the first list of them."""
    return inputs[0][0] if isinstance(inputs[0], list) else inputs[0]


class TestCost:
    """What a plan says before it starts is what its tiles then take."""

    def test_every_operation(self, plan_and_inputs, monkeypatch):
        plan, inputs = plan_and_inputs
        cost, read = plan.cost, []
        rows = ArraySource.rows
        monkeypatch.setattr(
            ArraySource, "rows", lambda self, span: read.append(rows(self, span)) or read[-1]
        )
        parts = {tile: plan.compute(tile, *inputs) for tile in plan.tiles}
        assert cost.tiles == len(parts)
        assert cost.pairs == sum(map(plan.pairs, plan.tiles))
        if not plan.operation.endswith("rsm"):
            assert cost.read_bytes == sum(array.nbytes for array in read)
        assert cost.part_bytes == sum(map(plan.part_bytes, plan.tiles))
        result = plan.reduce(parts)
        if isinstance(result, ig.Csr):
            actual = result.indptr.nbytes + result.indices.nbytes + result.data.nbytes
            assert actual <= cost.result_bytes <= 2 * actual
        elif not isinstance(result, ig.Plan):
            matrices = result.values() if isinstance(result, dict) else [result]
            assert cost.result_bytes == sum(matrix.nbytes for matrix in matrices)
        assert cost.memory > cost.result_bytes
        for number in (f"{cost.tiles:,} tiles", f"{cost.pairs:,} pairs", size(cost.read_bytes)):
            assert f" {number}" in f"{plan}"
        assert f"makes {size(cost.result_bytes)}, and takes about {size(cost.memory)} " in f"{plan}"
        assert plan.cost == pickle.loads(pickle.dumps(cost))

    @pytest.mark.parametrize("operation", ["gram", "jsd", "spatial_rsm"])
    def test_two_sets(self, operation):
        """Rows are of one set and columns of the other; every tile reads its own."""
        shape = (4, 3) if operation == "spatial_rsm" else (12,)
        x, y = np.ones((20, *shape), np.float32), np.ones((13, *shape))
        if operation == "jsd":
            x, y = x / np.float32(12), y / 12
        cost = ig.plan(operation, x, y, tile=8).cost
        assert (cost.tiles, cost.pairs) == (3 * 2, 20 * 13)
        assert cost.read_bytes == 12 * (2 * 20 * 4 + 3 * 13 * 8)
        assert cost.part_bytes == cost.result_bytes == 20 * 13 * 8

    def test_tokens(self):
        """Of ragged inputs the tokens that they have, of several kernels a matrix each."""
        tokens = [np.ones((s, 3), np.float32) for s in (1, 2, 3, 4, 5)]
        cost = ig.plan("semantic_rsm", tokens, kernel=("linear", "cosine"), tile=3).cost
        assert (cost.tiles, cost.pairs) == (3, 10)
        assert cost.read_bytes == 4 * 3 * (6 + (6 + 9) + 9)
        assert cost.part_bytes == 4 * 2 * (9 + 6 + 4)
        assert cost.result_bytes == 4 * 2 * 25
        maps = np.ones((5, 3, 2, 2), np.float16)
        cost = ig.plan("semantic_rsm", maps, layout="nchw", lengths=[1, 2, 3, 4, 4], tile=5).cost
        assert cost.read_bytes == 2 * 3 * 14

    def test_types(self):
        ml_dtypes = pytest.importorskip("ml_dtypes")
        x = np.ones((4, 3), ml_dtypes.bfloat16)
        cost = ig.plan("gram", x, tile=4).cost
        assert (cost.read_bytes, cost.result_bytes) == (2 * 12, 4 * 16)

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    @pytest.mark.parametrize(
        ("operation", "shapes", "options"),
        [
            ("gram", [(5000, 256)], "tile=1700"),
            ("jsd", [(2500, 1000)], "tile=900"),
            ("spatial_rsm", [(4000, 8, 32)], "tile=512"),
            ("cka_matrix", [(3000, 1000)] * 4, "kernel='rbf', bandwidth=30.0"),
            ("gbs_matrix", [(3000, 1000)] * 4, ""),
        ],
    )
    def test_memory(self, operation, shapes, options):
        """Of a process that has run a small plan already, so that what is loaded once is there."""
        run_program(f"""
            import ctypes, re
            from pathlib import Path
            import isogram as ig
            import numpy as np

            def peak(name="VmHWM"):
                status = Path("/proc/self/status").read_text()
                return 1024 * int(re.search(name + ": *\\t*(.*) kB", status)[1])

            layers = [np.random.default_rng(0).random(s, np.float32) for s in {shapes}]
            if "{operation}" == "jsd":
                layers[0] /= layers[0].sum(axis=1, keepdims=True)
            inputs = layers if len(layers) == 1 else [layers]
            options = dict({options})
            few = [x[:9] for x in inputs] if len(layers) == 1 else [[x[:9] for x in layers]]
            ig.plan("{operation}", *few, **options).run(*few, num_threads=1)
            plan = ig.plan("{operation}", *inputs, **options, num_threads=1)
            expected = plan.cost.memory
            ctypes.CDLL(None).malloc_trim(0)
            before = peak("VmRSS")
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
            plan.run(*inputs, num_threads=1)
            used = peak() - before
            assert 0.9 * used - 4_000_000 < expected < 1.1 * used + 4_000_000, (used, expected)
            """)


class TestWhatIsNotThePlans:
    def test_parts_of_other_plans(self, plan_and_inputs):
        """Whatever their shapes: of other functions, options, types and layers."""
        plan, inputs = plan_and_inputs
        parts = {tile: plan.compute(tile, *inputs) for tile in plan.tiles}
        message = f"^{plan.operation}: `parts` must be what this plan's compute"
        for name, (others, options) in all_plans().items():
            other = ig.plan(name.split()[0], *others, **options, tile=8)
            if other == plan:
                continue
            tile = other.tiles[-1]
            assert tile == plan.tiles[-1]
            with pytest.raises(ValueError, match=message):
                plan.reduce(parts | {tile: other.compute(tile, *others)})
        with pytest.raises(ValueError, match=message):  # of another tile, as large
            plan.reduce(parts | {plan.tiles[0]: parts[plan.tiles[1]]})
        for part in (None, {}, list(parts[plan.tiles[0]].values())):
            with pytest.raises(ValueError, match=message):
                plan.reduce(parts | {plan.tiles[0]: part})
        with pytest.raises(TypeError, match=r"`parts` must be a mapping .*, got list$"):
            plan.reduce(list(parts.values()))
        again = pickle.loads(pickle.dumps(plan))
        assert again == plan
        assert hash(again) == hash(plan)
        assert plan != "a plan"
        surplus = {ig.Tile(slice(0, 1), slice(0, 1)): None}
        assert type(again.reduce(parts | surplus)) is type(plan.reduce(parts))

    def test_parts_that_are_damaged(self, plan_and_inputs):
        """What is missing, of another size or of another type is no matter of luck."""
        plan, inputs = plan_and_inputs
        parts = {tile: plan.compute(tile, *inputs) for tile in plan.tiles}
        tile = plan.tiles[-1]
        for name, value in parts[tile].items():
            if name == "part_of" or (isinstance(value, np.ndarray) and not value.size):
                continue
            for other in (None, "damaged", np.ones(77), value[:-1]):
                damaged = parts[tile] | {name: other}
                if isinstance(value, list) and not value:
                    continue
                with pytest.raises(ValueError, match=f"^{plan.operation}: `parts` must "):
                    plan.reduce(parts | {tile: damaged})
            missing = {key: one for key, one in parts[tile].items() if key != name}
            with pytest.raises(ValueError, match=f"^{plan.operation}: `parts` must "):
                plan.reduce(parts | {tile: missing})

    def test_tiles_of_another_kind(self, plan_and_inputs):
        plan, inputs = plan_and_inputs
        for tile in (None, tuple(plan.tiles[0]), 0, ig.Tile(slice(0, 3), slice(0, 3))):
            with pytest.raises(ValueError, match=f"^{plan.operation}: `tile` must be one of the"):
                plan.compute(tile, *inputs)

    @pytest.mark.parametrize("tile", [20, 2**63, 10**30])
    def test_a_tile_larger_than_all(self, plan_and_inputs, tile):
        inputs, options = all_plans()["cka_matrix"]
        assert len(ig.plan("cka_matrix", *inputs, **options, tile=tile).tiles) == 1
        plan, inputs = plan_and_inputs
        assert len(ig.plan(plan.operation, *inputs, tile=tile).tiles) == 1

    @pytest.mark.parametrize("place", [0, 7, 8, 19])
    def test_inputs_that_have_changed(self, plan_and_inputs, place):
        """An entry that is not finite has the caller's index, and is no matter to other tiles."""
        plan, inputs = plan_and_inputs
        entry = (place,) + (1,) * (first_array(inputs).ndim - 1)
        changed = pickle.loads(pickle.dumps(inputs))
        first_array(changed)[entry] = np.inf
        index = re.escape(str(entry))
        for tile in plan.tiles:
            if any(span.start <= place < span.stop for span in tile):
                with pytest.raises(ValueError, match=f"must be finite, got inf at index {index}$"):
                    plan.compute(tile, *changed)
            else:
                plan.compute(tile, *changed)

    @pytest.mark.parametrize("operation", ["cka_matrix", "gbs_matrix"])
    def test_layers_of_the_wrong_set(self, operation):
        x, y = samples_of(20, 3), samples_of(20, 5, seed=1)
        of_one, of_two = ig.plan(operation, [x, y]), ig.plan(operation, [x], [y])
        with pytest.raises(ValueError, match=r"`inputs` must be `layers`, .* got 2 inputs$"):
            of_one.compute(of_one.tiles[0], [x], [y])
        with pytest.raises(
            ValueError, match=r"`inputs` must be `layers` and `other`, .* got 1 inp"
        ):
            of_two.compute(of_two.tiles[0], [x, y])
        with pytest.raises(ValueError, match=r"`layers` must be as planned, of length 1, got 2$"):
            of_two.compute(of_two.tiles[0], [x, y], [y])


class TestRun:
    """All tiles here: what the parts of every tile make."""

    def test_every_operation(self, plan_and_inputs):
        plan, inputs = plan_and_inputs
        told = []
        result = plan.run(*inputs, num_threads=2, progress=lambda *now: told.append(now))
        expected = plan
        while isinstance(expected, ig.Plan):
            parts = {tile: expected.compute(tile, *inputs) for tile in expected.tiles}
            expected = expected.reduce(parts)
        assert_equal(result, expected)
        assert told[-1][0] == told[-1][1] > 0

    def test_memory_maps(self, tmp_path):
        x = samples_of(20, 3)
        np.save(tmp_path / "x.npy", x)
        mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
        assert (ig.plan("gram", mapped, tile=8).run(mapped) == ig.gram(x)).all()

    @pytest.mark.parametrize("operation", ["gram", "jsd", "graph", "spatial_rsm", "semantic_rsm"])
    @pytest.mark.parametrize("sets", [1, 2])
    def test_a_result_in_a_file(self, tmp_path, operation, sets):
        """Blocks are stored as they come; an `out` of any strides gets the bits of a new array."""
        if operation == "graph" and sets == 2:
            pytest.skip("of one set")
        shape = (20, 4, 3) if operation.endswith("rsm") else (20, 5)
        inputs = [samples_of(n, np.prod(shape[1:])).reshape(n, *shape[1:]) for n in (20, 13)][:sets]
        if operation == "jsd":
            inputs = [np.abs(x) / np.abs(x).sum(axis=1, keepdims=True) for x in inputs]
        options = {"kernel": "rbf"} if operation == "semantic_rsm" else {}
        expected = getattr(ig, operation)(*inputs, **options)
        plan = ig.plan(operation, *inputs, tile=8, **options)
        mapped = np.lib.format.open_memmap(
            tmp_path / "out.npy", "w+", expected.dtype, expected.shape
        )
        wide = np.ones((80, 30), expected.dtype)
        strided = wide[::4, : expected.shape[1]]
        for out in (mapped, strided, np.empty_like(expected, order="F")):
            assert plan.run(*inputs, out=out) is out
            assert_same(np.asarray(out), expected)
        assert (np.load(tmp_path / "out.npy") == expected).all()

    def test_no_parts_are_kept_of_a_matrix(self, monkeypatch):
        x, alive = tokens_of((20, 3, 2)), []

        class Block(dict):
            pass

        plan = ig.plan("spatial_rsm", x, tile=4)
        compute = type(plan)._named_part

        def watched(self, *arguments):
            block = Block(compute(self, *arguments))
            alive.append(weakref.ref(block))
            assert sum(one() is not None for one in alive) <= 2
            return block

        monkeypatch.setattr(type(plan), "_named_part", watched)
        assert_same(plan.run(x), ig.spatial_rsm(x))
        assert len(alive) == 15

    def test_blocks_are_written_where_the_result_is(self, monkeypatch):
        """In symmetric matrices with their mirror images, of more squares than one."""
        monkeypatch.setattr("isogram._walk.sinks._SQUARE", 3)
        x = samples_of(20, 3)
        shares = np.abs(x) / np.abs(x).sum(axis=1, keepdims=True)
        for function, rows in ((ig.gram, x), (ig.graph, x), (ig.jsd, shares)):
            plan = ig.plan(function.__name__, rows, tile=8)
            monkeypatch.setattr(type(plan), "_part", None)
            assert_same(plan.run(rows), function(rows))

    def test_results_that_cannot_be(self, monkeypatch):
        """They are refused before a tile is computed."""
        for module in ("_memory", "_host.place"):
            monkeypatch.setattr(f"isogram.{module}.usable_memory", lambda: 4000)
        x = samples_of(40, 3)
        plan = ig.plan("gram", x, tile=10)
        monkeypatch.setattr(type(plan), "_part", None)
        message = (
            r"^gram: a result of shape \(40, 40\) and type float32 would take 6400 .*pass `out`"
        )
        with pytest.raises(MemoryError, match=message):
            plan.run(x)
        tokens = samples_of(40, 6).reshape(40, 2, 3)
        plan = ig.plan("semantic_rsm", tokens, kernel=("cosine", "rbf"), tile=10)
        with pytest.raises(MemoryError, match=r"^semantic_rsm: 2 results .*: plan one kernel at a"):
            plan.run(tokens)

    def test_wrong_outs(self, plan_and_inputs):
        plan, inputs = plan_and_inputs
        if plan.operation in ("cka_matrix", "gbs_matrix") or not hasattr(plan, "dtype"):
            message = f"^{plan.operation}: `out` must be None for a plan whose parts are no blocks"
            with pytest.raises(ValueError, match=message):
                plan.run(*inputs, out=np.empty((20, 20)))
            return
        for wrong in (np.empty((3, 3), plan.dtype), np.empty(plan.shape, np.int8), [[1.0]]):
            with pytest.raises((TypeError, ValueError), match=f"^{plan.operation}: `out` must be "):
                plan.run(*inputs, out=wrong)
        tokens = samples_of(20, 6).reshape(20, 2, 3)
        plan = ig.plan("semantic_rsm", tokens, kernel=("cosine", "linear"))
        with pytest.raises(ValueError, match=r"^semantic_rsm: `out` must be None for several ker"):
            plan.run(tokens, out=np.empty((20, 20), np.float32))

    def test_an_out_on_an_input(self):
        x = samples_of(20, 20)
        plan = ig.plan("gram", x, tile=8)
        with pytest.raises(ValueError, match=r"^gram: `out` must not overlap"):
            plan.run(x, out=x)

    def test_stages(self):
        """A layer that float32 does not tell from a constant has another stage, or several."""
        x = samples_of(20, 3)
        layers = [x, x * np.float32(1e-6) + 1]
        plan = ig.plan("cka_matrix", layers, tile=20)
        assert not isinstance(plan.run(layers), ig.Plan)
        assert (plan.run(layers) == ig.cka_matrix(layers)).all()

    def test_warnings_are_the_callers(self):
        x = samples_of(20, 3) * np.float32(1e30)
        plan = ig.plan("gram", x, tile=8)
        with pytest.warns(RuntimeWarning, match="^gram: some entries are beyond") as found:
            plan.run(x)
        assert found[0].filename == __file__

    @pytest.mark.parametrize("operation", ["gram", "semantic_rsm"])
    def test_types_have_their_names(self, operation):
        ml_dtypes = pytest.importorskip("ml_dtypes")
        x = np.ones((4, 3, 2) if operation == "semantic_rsm" else (4, 3), ml_dtypes.bfloat16)
        plan = ig.plan(operation, x)
        assert plan.inputs[0].dtype == "bfloat16"
        with pytest.raises(ValueError, match=r"and type bfloat16, got .* and type float32"):
            plan.run(x.astype(np.float32))

    @pytest.mark.parametrize(
        ("operation", "option"),
        [("gram", "out"), ("graph", "precision"), ("gbs_matrix", "precision")]
        + [("semantic_rsm", name) for name in ("out", "loss", "progress")],
    )
    def test_options_that_plans_do_not_take(self, operation, option):
        message = f"^plan: a plan of '{operation}' does not take `{option}`: it takes `k"
        with pytest.raises(TypeError, match=message):
            ig.plan(operation, np.ones((4, 3)), **{option: None})

    @pytest.mark.parametrize("operation", ["semantic_rsm", "spatial_rsm"])
    def test_numbers_of_gpus(self, operation):
        """A machine that plans needs no GPU: only the form of the numbers is checked."""
        tokens = np.ones((4, 3, 2))
        for numbers in ([0, 1], (0, 1), range(2), np.arange(2).tolist()):
            assert ig.plan(operation, tokens, gpus=numbers).gpus == (0, 1)
        for none in ([], (), range(0)):
            message = f"^{operation}: `gpus` must be .* at least one, or None, got .*[0[(]"
            with pytest.raises(ValueError, match=message):
                ig.plan(operation, tokens, gpus=none)
        with pytest.raises(ValueError, match="`gpus` must be different numbers of GPUs, got"):
            ig.plan(operation, tokens, gpus=[0, 0])
        for wrong in ("", "0", b"0", [0.0], 0.0):
            with pytest.raises(TypeError, match="`gpus` must be an integer of at least 0, got"):
                ig.plan(operation, tokens, gpus=wrong)

    def test_other_inputs(self, plan_and_inputs):
        plan, inputs = plan_and_inputs
        with pytest.raises(ValueError, match=f"^{plan.operation}: `inputs` must be "):
            plan.run(*inputs, *inputs)
        with pytest.raises(TypeError, match=f"^{plan.operation}: `num_threads` must be "):
            plan.run(*inputs, num_threads="all")


def assert_equal(a, b):
    """Assert that two results of an operation have the same bits."""
    if isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for name, value in a.items():
            assert_equal(value, b[name])
    else:
        for name in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("operation", list(typing.get_args(OperationName)))
@pytest.mark.parametrize("count", [0, 3])
def test_so_many_inputs_has_no_operation(operation, count):
    with pytest.raises(
        TypeError, match=f"^plan: `inputs` of '{operation}' must be .*, got {count}"
    ):
        ig.plan(operation, *[np.ones((5, 3))] * count)


@pytest.mark.parametrize(
    ("operation", "options", "name"),
    [
        ("gram", {}, "gram"),
        ("jsd", {}, "jsd"),
        ("graph", {}, "graph"),
        ("semantic_rsm", {}, "cosine"),
        ("semantic_rsm", {"kernel": ("cosine", "rbf")}, "distance"),
        ("spatial_rsm", {}, "cosine"),
    ],
)
def test_parts_that_lack_something(operation, options, name):
    x = np.random.default_rng(0).dirichlet(np.ones(3), 6)
    rows = x[:, None] if operation.endswith("rsm") else x
    plan = ig.plan(operation, rows, tile=4, **options)
    parts = {tile: plan.compute(tile, rows) for tile in plan.tiles}
    first = plan.tiles[0]
    block = parts[first].pop(name)
    for wrong in ({}, {name: None}, {name: block[:1]}, {name: block.astype("float16")}):
        with pytest.raises(ValueError, match=rf"^{operation}: `parts` must have '{name}' of shape"):
            plan.reduce({**parts, first: {**parts[first], **wrong}})
