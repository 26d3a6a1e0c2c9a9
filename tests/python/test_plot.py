"""Pictures: what is promised of them is in the figure, and every bad argument is refused."""

import dataclasses
import re
import sys
from collections import namedtuple
from pathlib import Path

import isogram as ig
import numpy as np
import pandas as pd
import pytest
from isogram import io
from support import run_program

matplotlib = pytest.importorskip("matplotlib")

from isogram import plot  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.colors import to_rgba  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

SIZES = [(1, 1), (3, 3), (19, 24), (72, 72), (2, 72), (72, 2)]
GREY, WHITE = to_rgba("#bfbfbf"), to_rgba("white")
DATA = np.random.default_rng(0).standard_normal((2, 20, 3))
INTERVAL, PAIRS = ig.jackknife(*DATA), ig.jackknife(list(DATA))
SQUARE = [[0.0, 3, 4], [3, 0, 5], [4, 5, 0]]
FUNCTIONS = {
    "heatmap": lambda **more: plot.heatmap(np.eye(3), **more),
    "rsm": lambda **more: plot.rsm(np.eye(3), **more),
    "matching": lambda **more: plot.matching([1, 0], ["a", "b"], ["c", "d"], **more),
    "neighbours": lambda **more: plot.neighbours([[0, 1]], pictures(1), pictures(2), **more),
    "trend": lambda **more: plot.trend([1, 2, 3], **more),
    "dendrogram": lambda **more: plot.dendrogram(SQUARE, **more),
    "mds": lambda **more: plot.mds(SQUARE, **more),
    "intervals": lambda **more: plot.intervals({"one": INTERVAL, "two": INTERVAL}, **more),
    "null": lambda **more: plot.null(0.5, [0.1, 0.2], **more),
}
MAGIC = {"png": b"\x89PNG\r\n", "pdf": b"%PDF-", "svg": b"<?xml", "PNG": b"\x89PNG\r\n"}


@pytest.fixture(autouse=True)
def close_figures():
    """Close those of pyplot, which other tests may have imported."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def pictures(n, height=6, width=6):
    return np.linspace(0, 1, n * height * width * 3).reshape(n, height, width, 3)


def names(n, word="block"):
    return [f"{word}{i // 3}.conv{i % 3}" for i in range(n)]


def drawn(ax):
    """Draw a figure as it would be written, and return what measures texts."""
    canvas = FigureCanvasAgg(ax.figure.figure)
    canvas.draw()
    return canvas.get_renderer()


def labels(axis):
    """The labels that are shown: those with text, within the axes."""
    drawn(axis.axes)
    low, high = sorted(axis.get_view_interval())
    ticks = [t for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
    return [tick.label1 for tick in ticks if tick.label1.get_text()]


def texts(axis):
    return [label.get_text() for label in labels(axis)]


def colour_at(ax, row, column):
    image = ax.images[0]
    return tuple(image.to_rgba(image.get_array())[row, column])


def bar_of(ax):
    return ax.images[0].colorbar


# What holds for every picture


@pytest.mark.parametrize("name", FUNCTIONS)
def test_axes_of_mine_are_drawn_on_and_returned(name):
    ax = Figure().add_subplot()
    assert FUNCTIONS[name](ax=ax) is ax
    drawn(ax)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_not_axes_is_refused(name):
    with pytest.raises(TypeError, match=f"{name}: `ax` must be None or axes of matplotlib, got"):
        FUNCTIONS[name](ax=Figure())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_new_figures_are_as_wide_as_a_column(name):
    ax = FUNCTIONS[name](title="Heading")
    width, height = ax.get_figure().get_size_inches()
    assert width == pytest.approx(3.3)
    assert 0.5 < height < 9
    assert ax.get_title() == "Heading"
    drawn(ax)
    box = ax.get_figure().get_tightbbox()
    assert min(box.x0, box.y0) >= -0.02
    assert box.x1 <= width + 0.02
    assert box.y1 <= height + 0.02


@pytest.mark.parametrize("name", FUNCTIONS)
def test_axes_have_titles(name):
    ax = FUNCTIONS[name]()
    if name not in ("matching", "neighbours"):
        assert ax.get_xlabel()
        assert ax.get_ylabel() or name == "dendrogram"


def test_public_names_are_documented():
    for name in plot.__all__:
        function = getattr(plot, name)
        for parameter in function.__annotations__:
            assert parameter == "return" or parameter in function.__doc__, f"{name}: {parameter}"
    assert set(plot.__all__) == {*FUNCTIONS, "save"}


def test_a_program_without_pyplot_leaves_nothing_open():
    code = """
        import sys
        import numpy as np
        from isogram import plot
        for _ in range(30):  # more than pyplot warns of
            plot.save(plot.null(0.5, [0.1, 0.2]), sys.argv[1])
        print("matplotlib.pyplot" in sys.modules)
    """
    assert run_program(code.replace("sys.argv[1]", "'/dev/null'").replace("plot.save(", "(")) == (
        "False"
    )


def test_figures_are_pyplots_where_that_is_used():
    """Figures that `plt.show()` shows, and of which a refused argument leaves none."""
    from matplotlib import pyplot

    pyplot.close("all")
    ax = plot.heatmap(np.eye(3))
    assert [pyplot.figure(number) for number in pyplot.get_fignums()] == [ax.get_figure()]
    pyplot.close("all")
    for refused in ({"rows": ["a"]}, {"limits": (1, 0)}, {"ax": "?"}):
        with pytest.raises((TypeError, ValueError)):
            plot.heatmap(np.eye(3), **refused)
    assert pyplot.get_fignums() == []


def test_figures_show_in_a_notebook():
    """There pyplot is imported for them, outside any context that would undo its settings."""
    code = """
        import sys, types
        ipython = types.ModuleType("IPython")
        events = types.SimpleNamespace(register=lambda *_: None)
        ipython.get_ipython = lambda: types.SimpleNamespace(events=events)
        ipython.version_info = (9, 0)
        sys.modules["IPython"] = ipython
        from isogram import plot
        ax = plot.null(0.5, [0.1, 0.2])
        from matplotlib import pyplot
        print(pyplot.get_fignums() == [ax.get_figure().number])
    """
    assert run_program(code) == "True"


def test_settings_of_the_user_stay():
    before = dict(matplotlib.rcParams)
    plot.heatmap(np.eye(3))
    assert dict(matplotlib.rcParams) == before


# Files


@pytest.mark.parametrize("suffix", MAGIC)
def test_files_are_what_their_names_say(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    plot.save(plot.null(0.5, [0.1, 0.2]), path)
    assert path.read_bytes().startswith(MAGIC[suffix])
    assert list(tmp_path.iterdir()) == [path]


def test_files_without_an_ending_are_png(tmp_path):
    plot.save(plot.null(0.5, [0.1, 0.2]).get_figure(), tmp_path / "x")
    assert (tmp_path / "x").read_bytes().startswith(MAGIC["png"])


def test_save_refuses(tmp_path):
    ax = plot.null(0.5, [0.1, 0.2])
    with pytest.raises(TypeError, match="save: `path` must be a string or a path, got 3"):
        plot.save(plot.trend([1, 2]), 3)
    with pytest.raises(ValueError, match=r"save: `path` must end in one of .*\.pdf.*got .*x\.doc"):
        plot.save(ax, tmp_path / "x.doc")
    with pytest.raises(TypeError, match="save: `picture` must be axes or a figure of matplotlib"):
        plot.save("ax", tmp_path / "x.png")
    with pytest.raises(FileNotFoundError):
        plot.save(ax, tmp_path / "missing" / "x.png")
    assert list(tmp_path.iterdir()) == []


# Labels


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_labels_do_not_touch_at_a_columns_width(rows, columns):
    ax = plot.heatmap(
        np.linspace(0, 1, rows * columns).reshape(rows, columns),
        rows=names(rows),
        columns=names(columns, "layer"),
    )
    for axis in (ax.xaxis, ax.yaxis):
        shown = labels(axis)
        boxes = [label.get_window_extent(drawn(ax)) for label in shown]
        assert all(not a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        assert all(label.get_fontsize() >= 6 for label in shown)
    assert len(labels(ax.yaxis)) >= min(rows, 10) / (2 if rows < 3 else 1) // 1
    assert texts(ax.yaxis)[0] == "block0.conv0"
    assert all(text.get_fontsize() >= 4.5 for text in ax.texts)


def test_labels_are_at_their_rows():
    ax = plot.heatmap(np.zeros((72, 72)), rows=names(72), columns=names(72))
    for axis in (ax.xaxis, ax.yaxis):
        shown = [tick for tick in axis.get_major_ticks() if tick.label1.get_text()]
        drawn(ax)
        assert len(shown) > 5
        for tick in shown:
            assert tick.label1.get_text() == names(72)[round(tick.get_loc())]


@pytest.mark.parametrize(
    "odd",
    [
        ["$x_{1$", "a_b$c$", "\\alpha", "50%"],
        ["two\nlines", "\x1b[31mred", "tab\t", "nul\0"],
        ["שלום עולם", "مرحبا بالعالم", "été", "Ω"],
        ["x" * 300 + "1", "x" * 300 + "2", "a" * 999, ""],
    ],
)
def test_names_of_every_kind(odd):
    """Mathematics, lines, colours, right to left, and too long for any figure."""
    ax = plot.heatmap(np.eye(4), rows=odd, columns=odd, title=odd[0][:40], label=odd[1][:40])
    renderer = drawn(ax)
    shown = labels(ax.yaxis)
    for text, name in zip(shown, [name for name in odd if name], strict=True):
        read = text._preprocess_math(text.get_text())
        assert read[1] is False  # no mathematics
        if len(name) < 20 and name.isprintable():
            assert read[0] == name
        assert text.get_window_extent(renderer).width < 150 * 200 / 72


def test_long_names_lose_what_they_share():
    rows = [f"model.encoder.layers.{i}.attention.self.output" for i in range(12)]
    assert texts(plot.heatmap(np.zeros((12, 3)), rows=rows).yaxis)[:2] == ["…0…", "…1…"]
    rows = [f"{'a' * 30}{i}{'b' * 30}" for i in range(3)]
    assert len(set(texts(plot.heatmap(np.eye(3), rows=rows).yaxis))) == 3


# Heat maps


def test_limits_are_those_of_the_values():
    ax = plot.heatmap([[0.95, 0.97], [0.98, 1.0]], label="CKA")
    assert ax.images[0].get_clim() == (0.95, 1.0)
    assert (bar_of(ax).extend, bar_of(ax).ax.get_ylabel()) == ("neither", "CKA")


@pytest.mark.parametrize(
    ("limits", "extend"),
    [((0, 1), "neither"), ((0.3, 1), "min"), ((0, 0.5), "max"), ((0.3, 0.5), "both")],
)
def test_bars_are_pointed_where_values_lie_beyond(limits, extend):
    ax = plot.heatmap([[0.2, 0.4], [0.6, 0.8]], limits=limits)
    assert ax.images[0].get_clim() == limits
    assert bar_of(ax).extend == extend


def test_zero_is_neutral_where_values_are_negative():
    ax = plot.heatmap([[-0.5, 0.0], [0.5, 1.0]])
    image = ax.images[0]
    negative, zero, positive, largest = (
        np.array(image.cmap(image.norm(v))) for v in (-0.5, 0, 0.5, 1)
    )
    assert zero[:3].min() > 0.93
    assert negative[2] > negative[0]
    assert positive[0] > positive[2]
    assert largest[:3].sum() < positive[:3].sum()


def test_numbers_can_be_read_on_their_cells():
    values = np.linspace(0, 1, 16).reshape(4, 4)
    ax = plot.heatmap(values)
    image = ax.images[0]
    assert len(ax.texts) == 16
    for text, value in zip(ax.texts, values.ravel(), strict=True):
        channels = np.array(image.cmap(image.norm(value))[:3])
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        luminance = linear @ [0.2126, 0.7152, 0.0722] + 0.05
        contrast = luminance / 0.05 if text.get_color() == "black" else 1.05 / luminance
        assert contrast > 4.5, value


def test_colours_get_brighter_with_values():
    """So that pictures can be read in grey."""
    ax = plot.heatmap([[0.0, 1.0]])
    shades = ax.images[0].cmap(np.linspace(0, 1, 50))[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(shades) > 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_missing_values_are_grey(value):
    ax = plot.heatmap([[0.2, value], [0.6, 0.8]])
    assert colour_at(ax, 0, 1) == GREY
    assert colour_at(ax, 0, 0) != GREY
    assert ax.images[0].get_clim() == (0.2, 0.8)
    assert len(ax.texts) == 3


@pytest.mark.parametrize(
    "matrix", [[[1.0]], np.full((3, 4), 0.7), np.zeros((2, 2)), np.full((3, 4), np.nan)]
)
def test_constant_and_empty_scales(matrix):
    ax = plot.heatmap(matrix)
    low, high = ax.images[0].get_clim()
    assert low < high
    drawn(ax)


def test_diagonals_of_distances_are_empty():
    ax = plot.heatmap(SQUARE, kind="distance")
    mask = ax.images[1].get_array().mask
    np.testing.assert_array_equal(mask, ~np.eye(3, dtype=bool))
    assert tuple(ax.images[1].cmap(0.5)) == WHITE
    assert ax.images[0].get_clim() == (3, 5)
    assert len(ax.texts) == 6
    assert bar_of(ax).ax.get_ylabel() == "distance"


def test_diagonals_between_different_layers_stay():
    """Those of two models with the same names of layers too."""
    other = [[2.0, 3, 4], [1, 2, 5], [4, 5, 1]]
    for matrix, more in (
        (other, {}),
        (SQUARE, {"rows": "abc"[:3].split() * 3, "columns": list("def")}),
    ):
        ax = plot.heatmap(matrix, kind="distance", **more)
        assert len(ax.images) == 1


@pytest.mark.parametrize("origin", ["upper", "lower"])
def test_origin(origin):
    bottom, top = plot.heatmap(np.eye(3), origin=origin).get_ylim()
    assert (bottom < top) == (origin == "lower")


def test_small_matrices_have_numbers():
    ax = plot.heatmap([[-0.25, 0.5], [100.0, 1]])
    assert [text.get_text() for text in ax.texts] == ["\N{MINUS SIGN}0.25", "0.5", "100", "1"]
    ax = plot.heatmap([[-0.001, 1.0]])
    assert [text.get_text() for text in ax.texts] == ["0.00", "1.00"]
    assert plot.heatmap(np.ones((19, 24))).texts[:] == []


def test_labels_of_frames_and_results(tmp_path):
    frame = pd.DataFrame(np.eye(2), index=["a", "b"], columns=["c", "d"])
    ax = plot.heatmap(frame)
    assert (texts(ax.yaxis), texts(ax.xaxis)) == (["a", "b"], ["c", "d"])
    assert texts(plot.heatmap(pd.DataFrame(np.eye(2))).yaxis) == ["0", "1"]

    for name in ("procrustes", "angular_procrustes"):  # an alias
        matrix = np.array([[0.0, 1], [1, 0]])
        path = tmp_path / f"{name}.json"
        io.save(matrix, path, rows=["p", "q"], columns=["p", "q"], measure=name)
        ax = plot.heatmap(io.load(path))
        assert texts(ax.yaxis) == ["p", "q"]
        assert bar_of(ax).ax.get_ylabel() == name
        assert len(ax.images) == 2  # a distance, whose diagonal is empty

    comparison = namedtuple("Comparison", "values rows columns samples measure")
    found = comparison(1 - np.eye(2), ["a", "b"], ["a", "b"], 9, "procrustes")
    ax = plot.heatmap(found, rows=["x", "y"])
    assert (texts(ax.yaxis), texts(ax.xaxis)) == (["x", "y"], ["a", "b"])
    assert bar_of(ax).ax.get_ylabel() == "procrustes"


def test_integers_booleans_and_halves_are_numbers():
    for dtype in (bool, np.int8, np.float16):
        assert plot.heatmap(np.eye(3, dtype=dtype)).images[0].get_clim() == (0, 1)


# RSMs


def test_groups_are_marked_off_and_named():
    groups = ["cat"] * 2 + ["dog"] * 3 + ["owl"]
    ax = plot.rsm(np.eye(6) + 0.1, groups=groups)
    assert texts(ax.yaxis) == texts(ax.xaxis) == ["cat", "dog", "owl"]
    assert [tick.get_loc() for tick in ax.yaxis.get_major_ticks()][:3] == [0.5, 3, 5]
    assert sorted({line.get_ydata()[0] for line in ax.lines}) == [0, 1.5, 4.5]


def test_the_diagonal_of_an_rsm_does_not_take_the_scale():
    matrix = np.full((4, 4), 0.2)
    matrix[0, 1] = matrix[1, 0] = 0.4
    np.fill_diagonal(matrix, 1)
    ax = plot.rsm(matrix)
    assert ax.images[0].get_clim() == (0.2, 0.4)
    assert bar_of(ax).extend == "neither"
    assert plot.rsm([[0.5]]).images[0].get_clim()[0] < 0.5
    assert len(plot.rsm(SQUARE, kind="distance").images) == 2


@pytest.mark.parametrize("n", [3, 72, 300])
def test_rsms_without_groups_have_numbers(n):
    shown = texts(plot.rsm(np.eye(n)).xaxis)
    assert shown[0] == "0"
    assert 2 <= len(shown) <= 8


# Matchings


def ends(ax):
    return [(tuple(line[0]), tuple(line[-1])) for line in ax.collections[-1].get_segments()]


def test_words_are_joined():
    ax = plot.matching([2, -1, 0], ["car", "a", "bought"], ["purchased", "an", "auto"],
                       contributions=[0.5, 0.0, 0.9])  # fmt: skip
    assert ends(ax) == [((0, 0), (1, 2)), ((0, 2), (1, 0))]  # the strongest on top
    assert list(ax.collections[-1].get_array()) == [0.5, 0.9]
    assert texts(ax.yaxis) == ["car", "a", "bought"]
    assert ax.collections[-1].colorbar.ax.get_ylabel() == "contribution"


def test_patches_are_joined():
    a, b = pictures(2, 8, 8)
    ax = plot.matching([3, 2, 1, 0], a, b, contributions=[1, 2, 3, 4], strongest=2)
    # From the right of patch 3 of `a` to the left of patch 0 of `b`, which begins at 1.25.
    assert ends(ax) == [((0.5, 0.75), (1.75, 0.25)), ((1, 0.75), (1.25, 0.25))]
    assert len(ax.images) == 2
    assert len(ax.collections[0].get_paths()) == 4


def test_patches_of_different_grids():
    a, b = pictures(1, 6, 9)[0], np.zeros((12, 12), np.uint8)
    ax = plot.matching([5, 0, 1, 2, 3, 4], a, b, grid=((2, 3), (3, 3)))
    assert len(ends(ax)) == 6
    (_, start), (_, end) = ends(ax)[0]
    assert start == pytest.approx(1 / 6 + 1 / 6)  # a is two thirds as high as wide, in the middle
    assert end == pytest.approx(0.5)
    assert ax.collections[-1].colorbar is None


def test_twelve_patches_by_default():
    views = pictures(2, 14, 14)
    order = np.random.default_rng(0).permutation(49)
    worth = np.linspace(0, 1, 49)
    assert len(ends(plot.matching(order, *views, contributions=worth))) == 12
    ax = plot.matching(order, *views, contributions=worth, tokens=[1, 7])
    assert len(ends(ax)) == 2
    assert len(ends(plot.matching(order, *views))) == 49


def test_results_of_matchings_are_taken():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((4, 8)), rng.standard_normal((4, 8))
    words = list("abcd")
    result = ig.semantic_matching(a, b)
    ax = plot.matching(result, words, words)
    np.testing.assert_allclose(np.sort(result.contributions), ax.collections[-1].get_array())
    assert len(ends(plot.matching(ig.match(a @ b.T), words, words))) == 4
    assert ends(plot.matching([-1, -1], ["a", "b"], ["c"])) == []


# Neighbours


def test_galleries():
    ax = plot.neighbours(
        [[0, 1], [2, -1]],
        pictures(2),
        [np.zeros((4, 8)), np.zeros((8, 4), np.uint8), np.ones((3, 3, 1), bool)],
        scores=[[0.9, -0.8], [0.7, 0]],
        correct=[[True, False], [True, True]],
        names=["cat", "$dog$"],
    )
    assert len(ax.images) == 5
    assert [text.get_text() for text in ax.texts] == ["0.90", "\N{MINUS SIGN}0.80", "0.70"]
    assert texts(ax.yaxis) == ["cat", r"\$dog\$"]
    right, wrong, _ = ax.patches
    assert right.get_edgecolor() != wrong.get_edgecolor()
    assert (right.get_linestyle(), wrong.get_linestyle()) != ("solid", "solid")
    left, width = ax.images[1].get_extent()[0], np.ptp(ax.images[1].get_extent()[:2])
    assert (left, width) == pytest.approx((1.3, 1))  # twice as wide as high


# Trends


def test_series_of_every_kind():
    ax = plot.trend({"a": [1, 2, np.nan], "b": [2, 3, 4]}, x=["c1", "c2", "fc"],
                    spread={"a": [0.1] * 3, "b": [0.2] * 3}, limits=(0, 5), ylabel="$")  # fmt: skip
    assert texts(ax.xaxis) == ["c1", "c2", "fc"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert len(ax.collections) == 2
    assert ax.get_ylim() == (0, 5)
    frame = pd.DataFrame({"a": [1.0, 2], "b": [3.0, 4]}, index=[10, 20])
    ax = plot.trend(frame)
    assert [list(line.get_xdata()) for line in ax.lines] == [[10, 20]] * 2
    assert plot.trend([1, 2, 3]).get_legend() is None
    assert texts(plot.trend([1, 2, 3]).xaxis) == ["0", "1", "2"]
    drawn(plot.trend([5.0]))


def test_groups_differ_without_lines():
    ax = plot.mds(1 - np.eye(30), groups=list(range(30)))
    assert len({(line.get_marker(), line.get_color()) for line in ax.lines}) == 30
    drawn(ax)


def test_maps_of_huge_distances():
    small, huge = (plot.mds(np.multiply(SQUARE, scale)) for scale in (1.0, 2.0**1000))
    for a, b in zip(small.lines, huge.lines, strict=True):
        np.testing.assert_array_equal(a.get_xydata() * 2.0**1000, b.get_xydata())


def test_pictures_of_a_generator():
    gallery = {str(i): picture for i, picture in enumerate(pictures(3))}
    drawn(plot.neighbours([[0, 2]], iter(pictures(1)), gallery.values()))


def test_series_differ_without_colours():
    ax = plot.trend({str(i): [i, i + 1] for i in range(14)})
    styles = {(line.get_marker(), line.get_linestyle()) for line in ax.lines}
    assert len(styles) == 14


# Trees and maps


def test_trees_join_what_is_near():
    ax = plot.dendrogram([[0, 1, 4], [1, 0, 3], [4, 3, 0]], names=["a", "b", "c"])
    heights = sorted(segment[:, 0].max() for segment in ax.collections[0].get_segments())
    assert heights == [1, 3.5]  # c is 4 from a, 3 from b
    assert texts(ax.yaxis) in (["a", "b", "c"], ["c", "a", "b"])
    assert ax.get_xlabel() == "distance"


@pytest.mark.parametrize("n", [2, 24, 72])
def test_trees_of_many(n):
    points = np.random.default_rng(0).standard_normal((n, 3))
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    ax = plot.dendrogram(distances, names=names(n), method="ward")
    assert len(texts(ax.yaxis)) == n
    assert ax.get_figure().get_figheight() < 9


def test_trees_need_scipy(monkeypatch):
    for module in ("scipy", "scipy.cluster", "scipy.spatial.distance"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"dendrogram needs SciPy: pip install scipy"):
        plot.dendrogram(SQUARE)


def test_maps_have_the_distances_of_points_in_a_plane():
    points = np.random.default_rng(0).standard_normal((30, 2))
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    groups = ["a", "b", "c"] * 10
    ax = plot.mds(distances, groups=groups)
    found = np.empty((30, 2))
    for line, group in zip(ax.lines, "abc", strict=True):
        found[np.array(groups) == group] = line.get_xydata()
    np.testing.assert_allclose(
        np.linalg.norm(found[:, None] - found, axis=-1), distances, atol=1e-9
    )
    shares = [float(re.search(r"(\d+)%", title)[1]) for title in (ax.get_xlabel(), ax.get_ylabel())]
    assert sum(shares) == pytest.approx(100, abs=1)
    assert len({line.get_marker() for line in ax.lines}) == 3


@pytest.mark.parametrize("n", [1, 2, 3, 72])
def test_names_on_maps_do_not_touch(n):
    points = np.random.default_rng(0).standard_normal((n, 5))
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    ax = plot.mds(distances, names=names(n))
    renderer = drawn(ax)
    boxes = [text.get_window_extent(renderer) for text in ax.texts]
    assert len(boxes) >= min(n, 15)
    assert sum(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i]) <= 1


def test_a_tree_of_equal_things():
    drawn(plot.dendrogram(np.zeros((3, 3))))  # no warning


# Intervals


def test_intervals_of_all_pairs():
    x = np.random.default_rng(0).standard_normal((20, 6))
    result = ig.bootstrap({"a": x[:, :3], "b": x[:, 2:]}, n_resamples=40)
    ax = plot.intervals(result, ceiling=(0.2, 0.9))
    assert texts(ax.xaxis) == ["a, a", "a, b", "b, a", "b, b"]
    assert ax.lines[0].get_ydata().tolist() == result.value.ravel().tolist()
    ends = [segment[:, 1].tolist() for segment in ax.collections[0].get_segments()]
    assert ends == np.stack([result.low.ravel(), result.high.ravel()], axis=1).tolist()
    assert ax.get_ylabel() == "cka"
    drawn(ax)


def test_intervals_by_name_under_a_ceiling():
    rng = np.random.default_rng(1)
    subjects = [rng.standard_normal((12, 4)) for _ in range(3)]
    ceiling = ig.noise_ceiling(subjects, method="cka", kernel="linear")
    pairs = ig.bootstrap(subjects, n_resamples=40)
    difference = pairs.difference((0, 1), (0, 2))
    undefined = dataclasses.replace(INTERVAL, low=np.nan, high=np.nan)
    results = {"model": INTERVAL, "less": difference, "none": undefined}
    ax = plot.intervals(results, ceiling=ceiling, ylabel="debiased CKA")
    assert texts(ax.xaxis) == ["model", "less", "none"]
    assert len(ax.collections[0].get_segments()) == 2
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert np.allclose([band.y0, band.y1], [ceiling.low, ceiling.high])
    assert ax.get_ylabel() == "debiased CKA"
    assert texts(plot.intervals(INTERVAL).xaxis) == []
    both = {"model": INTERVAL, "other": dataclasses.replace(INTERVAL, measure="gbs_knn")}
    assert plot.intervals(both).get_ylabel() == f"{INTERVAL.measure}, gbs knn"


# Null distributions


@pytest.mark.parametrize(("kind", "p"), [("similarity", "0.33"), ("distance", "0.83")])
def test_p_values(kind, p):
    ax = plot.null(0.25, [0.1, 0.2, 0.3, 0.0, 0.2], kind=kind)
    assert ax.texts[0].get_text() == f"0.25, p = {p}"
    assert ax.lines[0].get_xdata()[0] == 0.25
    assert ax.get_xlabel() == kind
    drawn(plot.null(-1, [0.5, 0.5]))


@pytest.mark.parametrize("name", ["cka", "procrustes"])
def test_null_of_a_result(name):
    x = np.random.default_rng(0).standard_normal((20, 3))
    for result in (
        ig.permutation_test(x, x**2, measure=name, n_permutations=30),
        ig.calibrate(x, x**2, measure=name, n_permutations=30),
    ):
        ax = plot.null(result)
        text = f"{result.value:.3g}, p = {result.p:.2g}".replace("-", "\N{MINUS SIGN}")
        assert [t.get_text() for t in ax.texts] == [text]
        assert ax.get_xlabel() == name
        assert plot.null(result, label="of both").get_xlabel() == "of both"


def test_null_has_the_p_value_of_its_result():
    # With few different values many null values equal the value, but for rounding.
    signs = np.sign(np.random.default_rng(0).standard_normal((6, 2, 6, 3)))
    for x, y in signs:
        for result in (
            ig.permutation_test(x, y, measure="angular_cka", n_permutations=99),
            ig.calibrate(x, y, measure="rsa_pearson", n_permutations=99),
        ):
            if np.isfinite(result.value):
                text = plot.null(result).texts[0].get_text()
                assert text.endswith(f"p = {result.p:.2g}")


def test_null_of_no_such_result():
    x = np.random.default_rng(0).standard_normal((20, 3))
    pairs = ig.permutation_test([x, x**2], n_permutations=5)
    with pytest.raises(ValueError, match="null: `value` must be a result of two representations"):
        plot.null(pairs)
    for value in (0.5, ig.permutation_test(x, x**2, method="moments")):
        with pytest.raises(TypeError, match="null: `value` must be a result of permutations"):
            plot.null(value)


def test_null_values_that_are_nearly_equal():
    values = [1.0, np.nextafter(1.0, 0), np.nextafter(1.0, 2)] * 20
    ax = plot.null(1.0, values)
    assert sum(patch.get_height() for patch in ax.patches) == len(values)


# What is refused


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot.heatmap([]), ValueError, "heatmap: `matrix` must have 2 axes, none of them"),
        (lambda: plot.heatmap(np.zeros((0, 3))), ValueError, r"got shape \(0, 3\)"),
        (lambda: plot.heatmap(np.zeros((2, 2, 2))), ValueError, r"got shape \(2, 2, 2\)"),
        (lambda: plot.heatmap([["a"]]), TypeError, "must be an array of real numbers, got list"),
        (lambda: plot.heatmap(np.eye(2) + 1j), TypeError, "got an array of complex128"),
        (
            lambda: plot.heatmap(np.eye(3), rows=["a"]),
            ValueError,
            "`rows` must have 3 names, got 1",
        ),
        (lambda: plot.heatmap(np.eye(3), columns=[]), ValueError, "`columns` must have 3 names"),
        (lambda: plot.heatmap(np.eye(3), rows="abc"), TypeError, "`rows` must be a list of names"),
        (lambda: plot.heatmap(np.eye(3), rows=3), TypeError, "`rows` must be a list of names"),
        (lambda: plot.heatmap(np.eye(3), kind="cka"), ValueError, "`kind` must be one of 'simil"),
        (lambda: plot.heatmap(np.eye(3), origin="top"), ValueError, "`origin` must be one of"),
        (lambda: plot.heatmap(np.eye(3), limits=(1, 0)), ValueError, "`limits` must be two finite"),
        (lambda: plot.heatmap(np.eye(3), limits=(0, np.nan)), ValueError, "`limits` must be two"),
        (lambda: plot.heatmap(np.eye(3), limits=1), ValueError, "`limits` must be two finite"),
        (lambda: plot.rsm(np.zeros((2, 3))), ValueError, r"rsm: `matrix` must be square, got"),
        (lambda: plot.rsm(np.eye(3), groups="ab"), TypeError, "`groups` must be a list of names"),
        (
            lambda: plot.rsm(np.eye(3), groups=["a"]),
            ValueError,
            "`groups` must have 3 names, got 1",
        ),
        (lambda: plot.rsm(np.eye(3), groups=list("aba")), ValueError, "next to each other: sort"),
        (lambda: plot.rsm(np.eye(3), kind="x"), ValueError, "rsm: `kind` must be one of"),
        (lambda: plot.rsm(np.eye(3), origin="x"), ValueError, "rsm: `origin` must be one of"),
        (lambda: plot.rsm(np.eye(3), limits=()), ValueError, "rsm: `limits` must be two finite"),
        (lambda: plot.matching([0.5], ["a"], ["b"]), TypeError, "an array of integers"),
        (
            lambda: plot.matching([[0]], ["a"], ["b"]),
            ValueError,
            r"one pair of inputs, got .* of several pass matching\.columns\[k\]",
        ),
        (lambda: plot.matching([-2], ["a"], ["b"]), ValueError, "-1 or a token of `b`, got -2"),
        (lambda: plot.matching([1], ["a"], ["b"]), ValueError, "`b`, which has 1, got 1"),
        (lambda: plot.matching([0], ["a", "b"], ["c"]), ValueError, "`a` must have 1 words"),
        (lambda: plot.matching([0], ["a"], []), ValueError, "`b` must have at least one word"),
        (lambda: plot.matching([0], "a", ["b"]), TypeError, "`a` must be a list of names"),
        (lambda: plot.matching([0], ["a"], np.eye(2)), TypeError, "two lists of words or two pic"),
        (lambda: plot.matching([0], ["a"], ["b"], grid=(1, 1)), ValueError, "None for words"),
        (lambda: plot.matching([0, 1], *pictures(2)), ValueError, "how many rows and columns 2"),
        (lambda: plot.matching([0], *pictures(2), grid=(2, 2)), ValueError, "must have 1 patches"),
        (lambda: plot.matching([0], *pictures(2), grid=3), ValueError, "`grid` must be rows and"),
        (
            lambda: plot.matching([0], ["a"], ["b"], contributions=[1, 2]),
            ValueError,
            "must be 1, one",
        ),
        (
            lambda: plot.matching([0], ["a"], ["b"], tokens=[1]),
            ValueError,
            "`tokens` must be an int",
        ),
        (lambda: plot.matching([0], ["a"], ["b"], strongest=1), ValueError, "None without contrib"),
        (
            lambda: plot.matching([0], ["a"], ["b"], contributions=[1], strongest=0),
            ValueError,
            "`strongest` must be an integer of at least 1",
        ),
        (lambda: plot.matching([0], ["a"], ["b"], names="ab"), TypeError, "`names` must be a list"),
        (lambda: plot.matching([0], ["a"], ["b"], limits=3), ValueError, "`limits` must be two"),
        (
            lambda: plot.matching([0], np.zeros((3, 8, 8)), np.zeros((3, 8, 8))),
            ValueError,
            r"got shape \(3, 8, 8\): move the channels to the end",
        ),
        (lambda: plot.matching([0], *(2 * pictures(2))), ValueError, "undo the model's normal"),
        (
            lambda: plot.matching([0], *np.ones((2, 4, 4), int)),
            TypeError,
            "uint8 or floating-point",
        ),
        (lambda: plot.matching([0], *np.ones((2, 0, 4))), ValueError, "`a` must not be empty"),
        (lambda: plot.neighbours([[0.0]], [1], [1]), TypeError, "`indices` must be integers"),
        (lambda: plot.neighbours([[0], [0, 1]], [1], [1]), ValueError, "of different lengths"),
        (lambda: plot.neighbours([[0]], 3, [1]), TypeError, "`queries` must be a sequence of pic"),
        (lambda: plot.neighbours([0], [1], [1]), ValueError, r"\(q, k\), .*of one query pass \["),
        (
            lambda: plot.neighbours([[0]], pictures(2), pictures(1)),
            ValueError,
            "`queries` must be 1",
        ),
        (
            lambda: plot.neighbours([[1]], pictures(1), pictures(1)),
            ValueError,
            "below the 1 pictures",
        ),
        (lambda: plot.neighbours([[-2]], pictures(1), pictures(1)), ValueError, "got -2"),
        (lambda: plot.neighbours([[0]], [np.eye(2) * 9], pictures(1)), ValueError, r"queries\[0\]"),
        (
            lambda: plot.neighbours([[0]], pictures(1), pictures(1), scores=[[1, 2]]),
            ValueError,
            "`scores` must have the shape of `indices`",
        ),
        (
            lambda: plot.neighbours([[0]], pictures(1), pictures(1), correct=[[1]]),
            TypeError,
            "`correct` must be True or False",
        ),
        (
            lambda: plot.neighbours([[0]], pictures(1), pictures(1), names=[]),
            ValueError,
            "`names` must have 1 names",
        ),
        (
            lambda: plot.trend([]),
            ValueError,
            "trend: `values` must have 1 axis, none of them empty",
        ),
        (lambda: plot.trend({}), ValueError, "at least one series, got none"),
        (lambda: plot.trend(np.eye(2)), ValueError, r"got shape \(2, 2\)"),
        (lambda: plot.trend({"a": ["x"]}), TypeError, r"`values\['a'\]` must be an array of real"),
        (
            lambda: plot.trend({"a": [1], "b": [1, 2]}),
            ValueError,
            r"series of one length, got \[1, 2",
        ),
        (lambda: plot.trend([1, 2], x=[1]), ValueError, "`x` must be 2 numbers or names, got 1"),
        (lambda: plot.trend([1, 2], x=["a"]), ValueError, "`x` must have 2 names, got 1"),
        (lambda: plot.trend([1, 2], spread={"a": [1, 2]}), ValueError, "`spread` must have the"),
        (lambda: plot.trend([1, 2], limits=(2, 1)), ValueError, "trend: `limits` must be two"),
        (lambda: plot.dendrogram([[0.0]]), ValueError, "of at least 2 things, got 1"),
        (lambda: plot.dendrogram(np.eye(3)), ValueError, "pass 1 - similarities or take a measure"),
        (lambda: plot.dendrogram([[0, 1], [2, 0]]), ValueError, "`distances` must be symmetric"),
        (lambda: plot.dendrogram([[0, np.nan], [np.nan, 0]]), ValueError, "must be finite"),
        (lambda: plot.dendrogram(SQUARE, names=["a"]), ValueError, "`names` must have 3 names"),
        (lambda: plot.dendrogram(SQUARE, method="x"), ValueError, "`method` must be one of"),
        (lambda: plot.mds(np.eye(3)), ValueError, "mds: `distances` must not be negative"),
        (lambda: plot.mds([[0, -1], [-1, 0]]), ValueError, "`distances` must not be negative"),
        (lambda: plot.mds(np.zeros((2, 3))), ValueError, "`distances` must be square"),
        (lambda: plot.mds(SQUARE, names=["a"]), ValueError, "`names` must have 3 names"),
        (lambda: plot.mds(SQUARE, groups=["a"]), ValueError, "`groups` must have 3 names"),
        (lambda: plot.intervals({}), ValueError, "intervals: `results` must have at least one"),
        (lambda: plot.intervals(0.5), TypeError, "intervals: `results` must be a result of boot"),
        (
            lambda: plot.intervals({"a": 1}),
            TypeError,
            r"intervals: `results\['a'\]` must be a result",
        ),
        (
            lambda: plot.intervals({"a": PAIRS}),
            ValueError,
            r"intervals: `results\['a'\]` must be of two representations, got one of pairs",
        ),
        (
            lambda: plot.intervals(INTERVAL, ceiling=(1, 0)),
            ValueError,
            "intervals: `ceiling` must be two finite numbers, the smaller first, got",
        ),
        (lambda: plot.null("x", [1.0]), TypeError, "null: `value` must be a finite number"),
        (lambda: plot.null(np.nan, [1.0]), ValueError, "null: `value` must be a finite number"),
        (
            lambda: plot.null(0.5, []),
            ValueError,
            "null: `values` must have 1 axis, none of them empty",
        ),
        (lambda: plot.null(0.5, [np.nan]), ValueError, "`values` must be finite"),
        (lambda: plot.null(0.5, [1.0], kind="x"), ValueError, "null: `kind` must be one of"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_pages_examples_run(tmp_path, monkeypatch):
    """docs/pictures.md, block by block, in one namespace."""
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "pictures.md").read_text()
    found = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "docs/pictures.md", "exec"), found)
