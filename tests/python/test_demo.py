"""The demonstration: what it claims about the packaged data must hold."""

import sys
from pathlib import Path

import isogram as ig
import numpy as np
import pytest
from isogram import demo

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def features():
    return demo.load_features()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Run the demonstration once, with its picture."""
    return demo.run(tmp_path_factory.mktemp("demo"))


def hide_matplotlib(monkeypatch):
    """Let the next import of isogram.plot find no matplotlib."""
    for name in ("matplotlib", "matplotlib.axes"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "isogram.plot", raising=False)
    monkeypatch.delattr(ig, "plot", raising=False)


def test_features(features):
    samples = len(features.pictures)
    assert samples >= 120
    assert len(set(features.pictures)) >= 20
    assert features.pictures == [
        name for name in dict.fromkeys(features.pictures) for _ in range(6)
    ], "views must be sorted by picture"
    for network in ("lite0", "lite1"):
        assert sum(name.startswith(network) for name in features.layers) >= 3
    for maps in features.layers.values():
        assert maps.ndim == 4
        assert len(maps) == samples
        assert maps.dtype == np.float16
        assert np.isfinite(maps).all()
    assert features.probabilities.shape == (samples, 1000)


def test_drawn_views_are_those_of_the_features(features):
    """A view is a crop in a grey frame, and features are larger where the crop is."""
    maps = features.layers["lite0.stage6"].astype(np.float64)
    for pair, pixels in zip(features.drawn, features.pixels, strict=True):
        assert features.pictures[pair[0]] == features.pictures[pair[1]]
        for view, picture in zip(pair, pixels, strict=True):
            is_object = (picture != 127).any(axis=-1)
            share = is_object.reshape(7, 26, 7, 26).mean(axis=(1, 3))
            norms = np.linalg.norm(maps[view], axis=-1)
            assert norms[share > 0.9].mean() > 1.3 * norms[share == 0].mean()


def test_matched_tokens(drawn, features):
    main = drawn.layers[demo.MAIN_LAYER]
    for (a, b), columns, total in zip(features.drawn, *drawn.matched[::2], strict=True):
        assert sorted(columns) == list(range(49))
        np.testing.assert_allclose(total, main.semantic[a, b], atol=1e-5)


def test_file_is_small():
    path = Path(demo.__file__).parent / "data" / "demo.npz"
    assert path.stat().st_size <= 1_000_000


def test_semantic_rsm_finds_the_picture(drawn):
    for name, layer in drawn.layers.items():
        spatial, pooled, semantic = layer.same_picture
        assert min(pooled, semantic) > spatial, name
        assert min(pooled, semantic) > 0.95, name  # means know no places either
    # In the early layers position is all that a spatial RSM sees.
    assert drawn.layers["lite0.stage3"].same_picture[0] < 0.4


def test_semantic_rsm_follows_the_predictions(drawn):
    for name, layer in drawn.layers.items():
        spatial, pooled, semantic = layer.pearson
        assert semantic < spatial, name
        assert semantic < pooled - 0.05, name
    for name in ("lite0.stage6", "lite1.stage6"):
        layer = drawn.layers[name]
        assert layer.pearson[2] < layer.pearson[0] - 0.1
        assert layer.spearman[2] < layer.spearman[0] - 0.05


def test_rsms(drawn, features):
    samples = len(features.pictures)
    for layer in drawn.layers.values():
        assert layer.assignments == samples * (samples - 1) // 2
        for rsm in (layer.spatial, layer.pooled, layer.semantic):
            assert rsm.shape == (samples, samples)
        assert (layer.semantic >= layer.spatial - 1e-5).all()


def test_pooled_rsms_are_cosines_of_means(drawn, features):
    for name, layer in drawn.layers.items():
        maps = features.layers[name].astype(np.float64)
        means = maps.reshape(len(maps), -1, maps.shape[-1]).mean(axis=1)
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        np.testing.assert_allclose(layer.pooled, means @ means.T, atol=1e-5)


def test_printed_tables_name_the_pooled_rsm(capsys):
    demo.run(num_threads=1)
    lines = capsys.readouterr().out.splitlines()
    assert sum("spatial" in line and "pooled" in line for line in lines) == 4


def test_layer_matrices(drawn):
    layers = len(drawn.layers)
    for matrix in (drawn.cka, drawn.gbs):
        assert matrix.shape == (layers, layers)
        np.testing.assert_allclose(np.diag(matrix), 1, atol=1e-6)
    # The same depth of the two networks is more alike than two depths of one network.
    names = list(drawn.layers)
    deep, twin, early = map(names.index, ("lite0.stage6", "lite1.stage6", "lite0.stage3"))
    for matrix in (drawn.cka, drawn.gbs):
        assert matrix[deep, twin] > matrix[deep, early] + 0.1


def test_picture(drawn):
    assert drawn.picture is not None
    assert drawn.picture.name == "isogram-demo.png"
    assert drawn.picture.read_bytes().startswith(PNG)
    assert [path.name for path in drawn.picture.parent.iterdir()] == ["isogram-demo.png"]


def test_without_a_picture(capsys):
    result = demo.run(num_threads=1)
    assert result.picture is None
    out = capsys.readouterr().out
    assert "1 thread\n" in out
    assert "picture:" not in out


def test_without_matplotlib(tmp_path, monkeypatch, capsys):
    hide_matplotlib(monkeypatch)
    result = demo.run(tmp_path / "demo.png")
    assert result.picture is None
    assert "pip install 'isogram[plot]'" in capsys.readouterr().out.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_plot_says_what_to_install(monkeypatch):
    hide_matplotlib(monkeypatch)
    with pytest.raises(ImportError, match=r"pip install 'isogram\[plot\]'"):
        from isogram import plot  # noqa: F401


def test_rejected_outputs(tmp_path):
    with pytest.raises(ValueError, match=r"folder or end in \.png, got .*demo\.pdf"):
        demo.run(tmp_path / "demo.pdf")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        demo.run(tmp_path / "missing" / "demo.png")
    (tmp_path / "isogram-demo.png").mkdir()
    with pytest.raises(IsADirectoryError, match="is a directory"):
        demo.run(tmp_path)
