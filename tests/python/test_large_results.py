"""Results of more than 2^31 entries, tile by tile: no index is a 32-bit number."""

import isogram as ig
import numpy as np
from isogram._walk.sinks import ArraySink

N = 46_400  # N² > 2³¹


def points():
    return np.random.default_rng(0).standard_normal((N, 2)).astype(np.float32)


def check(block, x, tile):
    rows, cols = (x[span].astype(np.float64) for span in tile)
    np.testing.assert_allclose(block, rows @ cols.T, rtol=1e-5, atol=1e-5)


def test_tiles_beyond_two_to_the_31():
    x = points()
    plan = ig.plan("gram", x, tile=400)
    assert plan.cost.result_bytes == 4 * N**2 > 4 * 2**31
    assert plan.cost.pairs == N * (N + 1) // 2
    for tile in (plan.tiles[0], plan.tiles[115], plan.tiles[-2], plan.tiles[-1]):
        check(plan.compute(tile, x)["gram"], x, tile)


def test_a_block_at_the_end_of_a_memory_map(tmp_path):
    """A file with holes: only some blocks of the result, of 8.6 GB, are written."""
    x = points()
    plan = ig.plan("gram", x, tile=400)
    out = np.lib.format.open_memmap(tmp_path / "gram.npy", "w+", np.float32, (N, N))
    sink = ArraySink({"gram": out}, is_symmetric=True)
    for tile in (plan.tiles[115], plan.tiles[-1]):
        sink.put(tile, plan.compute(tile, x))
        check(tile.of(out), x, tile)
        check(tile.mirrored.of(out), x, tile.mirrored)
    assert out[0, N // 2] == 0  # not written


def test_the_core_writes_to_the_end_of_a_large_result(tmp_path):
    """Rows of another matrix, so that only the last of many columns are computed."""
    x = points()
    out = np.lib.format.open_memmap(tmp_path / "gram.npy", "w+", np.float32, (N, N))
    first = N - 50
    ig.gram(x[first:], x, out=out[first:])
    expected = x[first:].astype(np.float64) @ x.T.astype(np.float64)
    np.testing.assert_allclose(out[first:], expected, rtol=1e-5, atol=1e-5)
    ig.gram(x, x[first:], out=out[:, first:])
    np.testing.assert_allclose(out[:, first:], expected.T, rtol=1e-5, atol=1e-5)
