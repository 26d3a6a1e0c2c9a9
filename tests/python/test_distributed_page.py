"""docs/distributed.md: its code runs, and its numbers follow from its formulas."""

import re
from functools import partial
from pathlib import Path

import isogram as ig
import numpy as np
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "distributed.md").read_text()

pytestmark = pytest.mark.usefixtures("same_environment")

SECONDS_A_PAIR, OF_WORKER, OF_SCHEDULER = 12.15e-6, 8e-3, 6e-3
ROW, INPUTS, WORKERS = 49 * 320 * 4, 10**6, 1000


def rows_after(heading):
    table = PAGE.partition(heading)[2].partition("\n|---")[2].partition("\n\n")[0]
    return [
        [cell.strip().replace(",", "") for cell in line.split("|")[1:-1]]
        for line in table.splitlines()[1:]
    ]


def test_code(tmp_path, monkeypatch, rng):
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("zarr")
    monkeypatch.chdir(tmp_path)
    tokens = rng.standard_normal((30, 6, 8)).astype(np.float32)
    np.save("tokens.npy", tokens)
    started = partial(distributed.LocalCluster, dashboard_address=":0")
    monkeypatch.setattr(distributed, "LocalCluster", started)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block.replace("progress=True", ""), "docs/distributed.md", "exec"), names)
    import zarr

    rsm = zarr.open_array("rsm.zarr", mode="r")[:]
    assert (rsm == ig.semantic_rsm(tokens)).all()
    assert (names["cka"] == ig.cka_matrix([tokens[:, 0], tokens[:, 1]])).all()


def test_the_model_is_close_to_what_was_measured():
    rows = rows_after("Measured by")
    assert len(rows) > 4
    for *_, tasks, _, alone, together, modelled, _ in rows:
        expected = float(alone) + OF_WORKER * int(tasks)
        assert float(modelled) == pytest.approx(expected, abs=0.006)
        assert float(together) == pytest.approx(expected, rel=0.1)


def test_the_extrapolation():
    rows = rows_after("## 1,000 workers")
    assert len(rows) == 4
    of_all = INPUTS * (INPUTS - 1) / 2 * SECONDS_A_PAIR / WORKERS
    for edge, tasks, tile, rate, scheduler, read, reading, time in rows:
        edge, tasks, count = int(edge), int(tasks), -(-INPUTS // int(edge))
        assert tasks == count * (count + 1) // 2
        assert float(tile.split()[0]) == pytest.approx(edge**2 * SECONDS_A_PAIR, rel=0.02)
        assert float(rate) == pytest.approx(tasks / of_all, rel=0.03)
        assert float(scheduler.split()[0]) == pytest.approx(tasks * OF_SCHEDULER, rel=0.01)
        total = 2 * edge * ROW * tasks
        assert float(read.split()[0]) == pytest.approx(total / 1e12, rel=0.04)
        assert float(reading.split()[0]) == pytest.approx(total / of_all / 1e9, rel=0.04)
        seconds = max(of_all + OF_WORKER * tasks / WORKERS, tasks * OF_SCHEDULER)
        assert float(time.split()[0]) == pytest.approx(seconds / 3600, rel=0.03)
