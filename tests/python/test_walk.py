"""The walk over tiles: cutting, plans, sinks, and the loop that joins them."""

import pickle
from dataclasses import dataclass
from functools import partial

import isogram as ig
import numpy as np
import pytest
from isogram._walk.description import InputSpec
from isogram._walk.plan import Plan
from isogram._walk.run import HostWorker, run, walk
from isogram._walk.sinks import ArraySink, Reduction
from isogram._walk.tiles import Tile, cut, full_tiles, row_of_tiles, spans, upper_tiles


@dataclass(frozen=True, eq=False, repr=False)
class Products(Plan):
    """A x Aᵀ: a plan as operations make them, of which nothing can be wrong but the walk."""

    def _checked(self, x):
        return x, [InputSpec.of("x", x)]

    def _part(self, tile, x, num_threads, progress):
        if progress:
            progress(self.pairs(tile) // 2, self.pairs(tile))
            progress(self.pairs(tile), self.pairs(tile))
        return {"products": x[tile.rows] @ x[tile.cols].T}

    def _reduced(self, parts):
        in_order = self._in_order(parts)
        n = self.inputs[0].shape[0]
        sink = ArraySink({"products": np.full((n, n), np.nan)}, is_symmetric=True)
        for tile, values in zip(self.tiles, in_order, strict=True):
            sink.put(tile, values)
        return sink.result()["products"], []

    def pairs(self, tile):
        return tile.shape[0] * tile.shape[1]

    def part_bytes(self, tile):
        return 8 * self.pairs(tile)

    def _with_tiles(self, edge):
        return products_plan(np.zeros(self.inputs[0].shape), edge)

    @property
    def _result_bytes(self):
        return 8 * self.inputs[0].shape[0] ** 2


def products_plan(x, edge):
    return Products("products", tuple(upper_tiles(len(x), edge)), (InputSpec.of("x", x),))


def compute(plan, x, tile, progress):
    return plan.compute(tile, x, progress=progress)


def host_worker(plan, x):
    return HostWorker(partial(compute, plan, x))


@pytest.fixture
def x(rng):
    return np.asarray(rng.integers(-9, 9, (10, 3)), float)


@pytest.mark.parametrize("is_upper", [False, True])
@pytest.mark.parametrize(("shape", "edges"), [((1, 1), (1, 1)), ((7, 7), (3, 3)), ((9, 9), (4, 4))])
def test_tiles_cover_every_entry_once(shape, edges, is_upper):
    count = np.zeros(shape, int)
    for tile in cut(shape, edges, is_upper=is_upper):
        tile.of(count)[...] += 1
        if is_upper and tile.is_mirrored:
            tile.mirrored.of(count)[...] += 1
        assert tile.of(count).shape == tile.shape
        assert tile.place == (tile.rows.start, tile.cols.start)
    assert (count == 1).all()


def test_tiles_of_two_sides_have_edges_of_their_own():
    tiles = list(cut((5, 7), (2, 4), is_upper=False))
    assert tiles[0] == Tile(slice(0, 2), slice(0, 4))
    assert tiles[-1] == Tile(slice(4, 5), slice(4, 7))
    assert len(tiles) == 6
    assert list(full_tiles(5, 7, 4)) == list(cut((5, 7), (4, 4), is_upper=False))
    assert list(row_of_tiles(slice(0, 4), 7, 4)) == list(full_tiles(5, 7, 4))[:2]
    assert spans(5, 2) == [slice(0, 2), slice(2, 4), slice(4, 5)]


def test_tiles_are_keys_and_can_be_pickled():
    tile = Tile(slice(0, 2), slice(2, 5))
    assert {tile: 1}[pickle.loads(pickle.dumps(tile))] == 1
    assert hash(tile) == hash(Tile(slice(0, 2), slice(2, 5)))
    assert tile != tile.mirrored


@pytest.mark.parametrize("edge", [1, 3, 10, 99])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_run_gives_what_the_whole_gives(x, edge, workers):
    plan = products_plan(x, edge)
    hands = [host_worker(plan, x) for _ in range(workers)]
    assert (run(plan, hands, Reduction(plan.reduce)) == x @ x.T).all()
    matrices = {"products": np.empty((10, 10))}
    assert run(plan, hands, ArraySink(matrices, is_symmetric=True)) is matrices
    assert (matrices["products"] == x @ x.T).all()


def test_run_reports_pairs_up_to_all(x):
    plan, told = products_plan(x, 4), []
    run(plan, [host_worker(plan, x)], Reduction(plan.reduce), lambda *now: told.append(now))
    total = sum(map(plan.pairs, plan.tiles))
    assert told == sorted(told)
    assert len(told) == 2 * len(plan.tiles)
    assert told[-1] == (total, total)


def test_run_leaves_out_what_the_sink_has(x):
    plan, told = products_plan(x, 4), []
    sink = Reduction(plan.reduce)
    kept = plan.tiles[::2]
    for tile in kept:
        sink.put(tile, plan.compute(tile, x))
    computed = []

    class Noting(HostWorker):
        def begin(self, tile, tell):
            computed.append(tile)
            return super().begin(tile, tell)

    result = run(plan, [Noting(partial(compute, plan, x))], sink, lambda *now: told.append(now))
    assert (result == x @ x.T).all()
    assert set(computed) == set(plan.tiles) - set(kept)
    total = sum(map(plan.pairs, plan.tiles))
    assert told[-1] == (total, total)


def test_workers_are_begun_at_most_one_tile_ahead(x):
    plan = products_plan(x, 2)
    open_tiles, most = [], 0

    class Ahead(HostWorker):
        def begin(self, tile, tell):
            nonlocal most
            open_tiles.append(tile)
            most = max(most, len(open_tiles))
            part = super().begin(tile, tell)

            def finish():
                open_tiles.remove(tile)
                return part()

            return finish

    run(plan, [Ahead(partial(compute, plan, x)) for _ in range(2)], Reduction(plan.reduce))
    assert most == 3
    assert not open_tiles


def test_walk_takes_parts_in_any_order(x):
    plan = products_plan(x, 4)

    def backwards(tiles, tell):
        for tile in reversed(list(tiles)):
            tell(plan.pairs(tile))
            yield tile, plan.compute(tile, x)

    assert (walk(plan, backwards, Reduction(plan.reduce)) == x @ x.T).all()


def test_walk_closes_what_computes_when_it_is_interrupted(x):
    plan, closed = products_plan(x, 4), []

    def compute(tiles, tell):
        try:
            for tile in tiles:
                yield tile, plan.compute(tile, x)
        finally:
            closed.append(True)

    class Full(Reduction):
        def put(self, tile, part):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk(plan, compute, Full(plan.reduce))
    assert closed == [True]


def test_plans_are_small_values(x):
    plan = products_plan(x, 4)
    again = pickle.loads(pickle.dumps(plan))
    assert again == plan
    assert len(pickle.dumps(plan)) < 1000
    assert str(plan) == repr(plan)
    assert str(plan).startswith("products in tiles of 4 x 4: 6 tiles, 68 pairs; reads 720 bytes")


def test_plans_refuse_other_inputs_tiles_and_parts(x):
    plan = products_plan(x, 4)
    first = plan.tiles[0]
    with pytest.raises(ValueError, match=r"products: `x` must be as planned, of shape \(10, 3\)"):
        plan.compute(first, x[:, :2])
    with pytest.raises(ValueError, match=r"type float64, got shape .* type float32"):
        plan.compute(first, x.astype(np.float32))
    with pytest.raises(ValueError, match="`tile` must be one of the plan's"):
        plan.compute(Tile(slice(0, 3), slice(0, 3)), x)
    with pytest.raises(ValueError, match=r"`inputs` must be `x`, .* got 2 inputs"):
        plan.compute(first, x, x)
    with pytest.raises(
        ValueError, match=r"`parts` must have one for every tile .* none for 5 of 6"
    ):
        plan.reduce({first: plan.compute(first, x)})


def test_planning_what_is_no_operation():
    with pytest.raises(ValueError, match="plan: `operation` must be one of"):
        ig.plan("nothing")
    with pytest.raises(TypeError, match="plan: `operation` must be one of"):
        ig.plan(7)
