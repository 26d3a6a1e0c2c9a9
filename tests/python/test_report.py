"""Pages of reports: what they hold, that nothing in them is text of others, and how they behave."""

import html.parser
import json
import re
import sys

import isogram as ig
import numpy as np
import pytest
from browser import CHROMIUM, Browser
from click.testing import CliRunner
from isogram import io, report
from isogram.cli._commands import commands
from isogram.report._colours import MISSING, SHADES, Scale, palette, scale_of
from isogram.report._heat_maps import best_matches
from support import run_program

N = 30
NASTY = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "a\"b'c`d",
    "{{ 7 * 7 }}{% raw %}",
    "ünïcode 層 😀",
    "line\nend\x00\u202eright to left",
    "lone \udcff surrogate",
    "long" * 100,
    "&amp; ]]> <!-- -->",
)


def layers_of(names, seed=0, n=N):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((n, 5 + i % 4)) for i, name in enumerate(names)}


def similar(layers, seed=1):
    rng = np.random.default_rng(seed)
    return {name: x + 0.3 * rng.standard_normal(x.shape) for name, x in layers.items()}


A = layers_of(["conv1", "conv2", "head"])
B = similar(A)


class Elements(html.parser.HTMLParser):
    """All elements of a page, with their attributes, and the texts in them."""

    def __init__(self, text):
        super().__init__()
        self.found, self.texts = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.texts.append((tag, ""))

    def handle_data(self, data):
        if self.texts:
            tag, before = self.texts[-1]
            self.texts[-1] = tag, before + data

    def named(self, tag):
        return [attributes for found, attributes in self.found if found == tag]


def data_of(page):
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page.html)
    return json.loads(text)


# What a page holds ------------------------------------------------------------------------------


def test_values_are_those_of_the_measures():
    page = report.compare(A, B, measures=["cka", "mutual_knn"])
    data = data_of(page)
    assert data["rows"] == data["columns"] == list(A)
    for heat, measure in zip(data["heat"], ("cka", "mutual_knn"), strict=True):
        assert np.array_equal(heat, ig.similarity_matrix(A, B, measure=measure))


def test_options_of_measures():
    page = report.compare(A, B, measures={"mutual_knn": {"k": 3}})
    expected = ig.similarity_matrix(A, B, measure="mutual_knn", k=3)
    assert np.array_equal(data_of(page)["heat"][0], expected)
    assert "k = 3" in page.html


def test_layers_of_more_axes_are_flattened():
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((N, 2, 2, 3))
    values = data_of(report.compare({"map": maps}, [maps.reshape(N, -1)], measures="cka"))
    assert values["heat"][0] == [[pytest.approx(1)]]
    assert values["rows"] == ["map"]
    assert values["columns"] == ["0"]


def test_best_matches():
    values = np.array([[0.1, 0.9], [np.nan, 0.2], [np.nan, np.nan]])
    assert best_matches(values, False).tolist() == [1, 1, -1]
    assert best_matches(values, True).tolist() == [0, 1, -1]


def test_layers_of_one_name_come_with_the_least_alike_first():
    rng = np.random.default_rng(0)
    changed = {**A, "conv2": rng.standard_normal((N, 4)), "other": A["head"]}
    page = report.compare(A, changed, measures="cka").html
    section = page[page.index('id="same"') : page.index('id="samples"')]
    assert re.findall(r"<tr><td>(.*?)</td>", section)[0] == "conv2"
    assert "other" not in section
    assert 'id="same"' not in report.compare(A, layers_of(["x"]), measures="cka").html


@pytest.mark.parametrize("measure", ["cka", "procrustes"])
def test_layers_of_one_name_come_worst_first(measure):
    other = {"conv1": A["conv1"] * 0, "conv2": A["conv2"], "head": B["head"]}
    with pytest.warns(RuntimeWarning):
        page = report.compare(A, other, measures=measure)
    section = page.html.partition('<section id="same">')[2].partition("</section>")[0]
    names = re.findall("<td>(.*?)</td>", section)
    assert names == ["conv1", "head", "conv2"]  # NaN, noisy, the same


def test_provenance():
    page = report.compare(A, B, measures="cka_rbf", title="A title").html
    for text in (ig.__version__, io.fingerprint(A["head"])[:16], "kernel = rbf", "A title"):
        assert text in page


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (13, 2), (72, 24)])
def test_any_number_of_layers(rows, columns):
    a, b = layers_of(map(str, range(rows))), layers_of(map(str, range(columns)), seed=1)
    page = report.compare(a, b, measures="cka")
    cells = re.findall(r'<td class="(k\d+)(?: best)?">', page.html)
    assert len(cells) == rows * columns
    assert len(re.findall(r'class="k\d+ best"', page.html)) == rows


def test_what_is_not_defined():
    constant = {**A, "dead": np.zeros((N, 3))}
    with pytest.warns(RuntimeWarning, match="dead"):
        page = report.compare(constant, B, measures=["cka"])
    assert data_of(page)["heat"][0][-1] == [None] * len(B)
    assert len(re.findall(f'<td class="k{MISSING}">NaN', page.html)) == len(B)
    assert "Where a measure is not defined" in page.html


def test_nothing_is_defined():
    with pytest.warns(RuntimeWarning):
        page = report.compare(
            [np.zeros((N, 3))], [np.zeros((N, 3))], measures=["cka", "procrustes"]
        )
    assert data_of(page)["heat"][0] == [[None]]


def test_a_distance_is_bright_where_it_is_small():
    scale = scale_of(np.array([0.0, 0.4]), is_distance=True)
    assert scale.shades(np.array([0.0, 0.4])).tolist() == [SHADES - 1, 0]


def test_files_are_aligned_by_their_identifiers(tmp_path):
    order = np.random.default_rng(3).permutation(N)
    ids = np.array([f"{i}.png" for i in range(N)])
    np.savez(tmp_path / "a.npz", **A, ids=ids)
    np.savez(tmp_path / "b.npz", **{k: x[order] for k, x in B.items()}, ids=ids[order])
    with io.open(tmp_path / "a.npz") as a, io.open(tmp_path / "b.npz") as b:
        page = report.compare(a, b, measures="cka")
    expected = ig.similarity_matrix(A, B)
    assert np.array_equal(data_of(page)["heat"][0], expected)
    assert "<h1>a.npz and b.npz</h1>" in page.html


def test_save(tmp_path):
    page = report.table("T", ["a"], [["é"]])
    page.save(tmp_path / "t.html")
    assert (tmp_path / "t.html").read_text("utf-8") == page.html
    with pytest.raises(OSError, match="nowhere"):
        page.save(tmp_path / "nowhere" / "t.html")


def test_a_notebook_shows_it_in_a_frame():
    page = report.table("<b>", ["a"], [[1]])
    [frame] = Elements(page._repr_html_()).named("iframe")
    assert frame["srcdoc"] == page.html
    assert "allow-same-origin" not in frame["sandbox"]
    assert repr(page).startswith("Report(")


def test_sizes_of_pages():
    a = layers_of([f"blocks.{i}.mlp.fc2" for i in range(24)])
    assert len(report.compare(a, similar(a)).html) < 300_000


# Samples ----------------------------------------------------------------------------------------

LABELS = [f"class {i % 3}" for i in range(N)]
PICTURES = np.random.default_rng(5).integers(0, 256, (N, 12, 12, 3), dtype=np.uint8)


def maps_of(seed, side=3, n=N):
    """Feature maps whose class stands somewhere in each."""
    rng = np.random.default_rng(seed)
    maps = 0.1 * rng.standard_normal((n, side, side, 4))
    for i, (row, column) in enumerate(rng.integers(0, side, (n, 2))):
        maps[i, row, column, i % 3] += 3
    return maps


def rsms_of(page):
    """Return the RSMs of a page as whole matrices."""
    triangles = [
        np.array([[*row, *[0] * n] for row in t for n in [len(t) - len(row)]])
        for t in data_of(page)["rsms"]
    ]
    return [np.tril(t) + np.tril(t, -1).T for t in triangles]


def test_rsms_of_vectors_are_cosines_of_centred_features():
    page = report.compare(A, B, measures="cka", labels=LABELS, pair=("conv2", "head"))
    order = np.argsort(np.array(LABELS), kind="stable")
    assert data_of(page)["samples"] == [str(i) for i in order]
    for rsm, layer in zip(rsms_of(page), (A["conv2"], B["head"]), strict=True):
        x = layer - layer.mean(axis=0)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        assert np.abs(rsm - (x @ x.T)[np.ix_(order, order)]).max() < 6e-4
    assert re.findall(r"<text .*?>(.*?)</text>", page.html)[:3] == ["class 0", "class 1", "class 2"]


@pytest.mark.parametrize("layout", ["nsc", "nhwc", "nchw"])
def test_rsms_of_tokens_are_semantic_and_spatial(layout):
    maps = maps_of(0)
    given = {"nsc": maps.reshape(N, 9, 4), "nhwc": maps, "nchw": maps.transpose(0, 3, 1, 2)}[layout]
    named = {} if layout == "nsc" else {"layout": layout}
    page = report.compare([given], [given], measures="cka", labels=["one"] * N, **named)
    semantic, spatial, *_ = rsms_of(page)
    assert np.abs(semantic - ig.semantic_rsm(maps, layout="nhwc")).max() < 6e-4
    assert np.abs(spatial - ig.spatial_rsm(maps, layout="nhwc")).max() < 6e-4


def test_maps_without_a_layout_are_vectors():
    maps = maps_of(0)
    assert len(rsms_of(report.compare([maps], [maps], measures="cka"))) == 2


def test_default_pair_is_the_last_layer_and_its_best_match():
    b = {"x": B["conv1"], "y": A["head"], "z": B["conv2"]}
    page = report.compare(A, b, measures="cka").html
    assert re.findall(r"<svg class=\"rsm\".*?aria-label=\"(.*?)\"", page) == [
        "RSM of head of A",
        "RSM of y of B",
    ]


def test_clusters_are_found_and_contiguous():
    rng = np.random.default_rng(0)
    centres = 10 * rng.standard_normal((4, 6))
    members = rng.permutation(np.repeat(np.arange(4), 25))
    x = centres[members] + 0.1 * rng.standard_normal((100, 6))
    samples = list(map(int, data_of(report.compare([x], [x], measures="cka"))["samples"]))
    assert sorted(samples) == list(range(100))
    assert np.count_nonzero(np.diff(members[samples])) == 3


def test_many_samples_are_spread():
    x = np.random.default_rng(0).standard_normal((1000, 5))
    page = report.compare([x], [x], measures="cka", labels=np.arange(1000) // 100)
    samples = np.array(list(map(int, data_of(page)["samples"])))
    assert len(samples) == len(set(samples)) == 200
    assert set(np.bincount(samples // 100)) == {20}
    assert "200 of 1000 samples, evenly spread" in page.html
    assert len(page.html) < 600_000


def test_tokens_are_many():
    tokens = np.random.default_rng(0).standard_normal((60, 400, 3)).astype(np.float32)
    assert len(rsms_of(report.compare([tokens], [tokens], measures="cka"))[0]) == 40


def test_neighbours():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((12, 4))
    page = report.compare([x], [x], measures="cka", ids=[f"sample {i}" for i in range(12)])
    assert "5.0 of the 5 nearest neighbours" in page.html
    centred = x - x.mean(axis=0)
    cosines = ig.gram(centred, kernel="cosine")
    query = re.findall(r'<div class="query">.*?</div>\s*<div>.*?<ol>(.*?)</ol>', page.html, re.S)[0]
    name = re.findall(r'<div class="query">\s*<div>.*?title="sample (\d+)"', page.html, re.S)[0]
    found = [int(i) for i in re.findall(r'title="sample (\d+)"', query)]
    others = np.argsort(-cosines[int(name)], kind="stable")[1:6]
    assert found == others.tolist()


def test_names_are_the_identifiers_of_files(tmp_path):
    np.savez(tmp_path / "a.npz", **A, ids=[f"{i}.png" for i in range(N)])
    with io.open(tmp_path / "a.npz") as a:
        samples = data_of(report.compare(a, B, measures="cka"))["samples"]
    assert sorted(samples) == sorted(f"{i}.png" for i in range(N))


def test_frames_of_pandas_name_samples_and_must_agree():
    pandas = pytest.importorskip("pandas")
    index = [f"trial {i}" for i in range(N)]
    a, b = ({"x": pandas.DataFrame(x["head"], index=index)} for x in (A, B))
    assert sorted(data_of(report.compare(a, b, measures="cka"))["samples"]) == sorted(index)
    with pytest.raises(ValueError, match=r"compare: `b\['x'\]` must have its rows in the order of"):
        report.compare(a, {"x": b["x"][::-1]}, measures="cka")


def test_layers_of_whole_numbers():
    x = np.random.default_rng(0).integers(0, 256, (N, 2, 3), dtype=np.uint8)
    expected = ig.similarity_matrix([x.astype(float)])
    assert data_of(report.compare([x], [x], measures="cka"))["heat"][0] == expected.tolist()


def test_layers_of_bfloat16(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.random.default_rng(0).standard_normal((N, 4, 3)).astype(ml_dtypes.bfloat16)
    page, expected = (report.compare([each], [each[::-1]]) for each in (x, x.astype(np.float32)))
    assert data_of(page) == data_of(expected)  # not of the bits
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file({"0": x, "1": np.ascontiguousarray(x[::-1])}, tmp_path / "a.safetensors")
    with io.open(tmp_path / "a.safetensors") as layers:
        page = report.compare(layers, layers, measures="cka")
        assert data_of(page)["heat"][0] == ig.cka_matrix(layers).tolist()


def test_messages_name_the_arguments():
    a, b = {"x": A["head"] * 0}, {"y": np.where(B["head"] > 1, np.nan, B["head"])}
    with pytest.raises(ValueError, match=r"^compare: `b\['y'\]` must be finite, got nan at index"):
        report.compare(A, b)
    with pytest.warns(RuntimeWarning, match=r"^compare: `a\['x'\]` is constant") as caught:
        page = report.compare(a, {"y": B["head"]}, measures="cka")
    assert {warning.filename for warning in caught} == {__file__}
    assert "<li>`a[&#39;x&#39;]` is constant" in page.html


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pair": "head"}, "`pair` must be a layer of `a` and one of `b`, got 'head'"),
        ({"names": ("one",)}, r"`names` must be two, of `a` and of `b`, got \('one',\)"),
    ],
)
def test_pairs_are_of_two(options, message):
    with pytest.raises(ValueError, match=f"^compare: {message}"):
        report.compare(A, B, measures="cka", **options)


def test_other_numbers_of_samples():
    with pytest.raises(
        ValueError, match="compare: `a` must have layers of different names, got 'x'"
    ):
        report.compare([("x", A["head"]), ("x", A["conv1"])], B)
    with pytest.raises(ValueError, match="compare: `b` must have the 30 samples of `a`, got 29"):
        report.compare(A, {"x": A["head"][1:]})


NOT_ONE_EACH = {
    "ndarray without a length": np.array(3.0),
    "generator without a length": (letter for letter in "abc"),
    r"an array of shape \(30, 2\)": np.zeros((N, 2)),
}


@pytest.mark.parametrize(
    ("name", "got"),
    [(name, got) for name in ("labels", "ids") for got in NOT_ONE_EACH]
    + [("pictures", got) for got in [*NOT_ONE_EACH][:2]],  # pictures have axes of their own
)
def test_values_that_are_not_one_for_each_sample(name, got):
    message = f"^compare: `{name}` must be one for each of the 30 samples, got {got}"
    with pytest.raises(ValueError, match=message):
        report.compare(A, B, **{name: NOT_ONE_EACH[got]})


@pytest.mark.parametrize("layers", [{}, A["head"], "text"])
def test_what_are_no_layers(layers):
    with pytest.raises((TypeError, ValueError), match="compare: `b` must"):
        report.compare(A, layers)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_samples(n):
    x = np.random.default_rng(0).standard_normal((n, 4))
    with pytest.warns(RuntimeWarning):
        page = report.compare([x], [x], measures=["cka"])
    assert len(data_of(page)["samples"]) == n
    assert ('id="neighbours"' in page.html) == (n > 1)


def test_constant_samples_have_rsms_of_zeros():
    with pytest.warns(RuntimeWarning):
        page = report.compare([A["head"] * 0], [A["head"] * 0], measures=["cka"])
    assert (rsms_of(page)[0] == 0).all()


# Pictures ---------------------------------------------------------------------------------------


def test_pictures_and_matched_tokens():
    a, b = {"maps": maps_of(0)}, {"maps": maps_of(1)}
    page = report.compare(
        a, b, measures="cka", labels=LABELS, pictures=PICTURES, layout="nhwc", names=("A", "B")
    ).html
    pictures = re.findall(r'<img src="(.*?)"', page)
    assert len(pictures) == 6 * (1 + 5 + 5)
    assert all(picture.startswith("data:image/jpeg;base64,") for picture in pictures)
    assert page.count('<figure class="matched">') == 6
    [first, *_] = re.findall(r'<figure class="matched">.*?</figure>', page, re.S)
    shares = re.findall(
        r"<title>row (\d), column (\d) → row (\d), column (\d): (.*?)</title>", first
    )
    assert len(shares) == 9  # all tokens
    query, other = map(int, re.findall(r"<figcaption>(\d+) – (\d+): cosine", first)[0])
    tokens = a["maps"].reshape(N, 9, 4)
    i, j = tokens[query], tokens[other]
    for row, column, to_row, to_column, share in shares:
        product = i[3 * int(row) + int(column)] @ j[3 * int(to_row) + int(to_column)]
        expected = product / np.linalg.norm(i) / np.linalg.norm(j)
        assert float(share) == pytest.approx(expected, abs=6e-5)
    total = sum(float(share) for *_, share in shares)
    entry = ig.semantic_rsm(tokens)[query, other]
    assert total == pytest.approx(entry, abs=1e-3)


def test_facts_are_what_the_page_shows():
    a, b = {"maps": maps_of(0), "x\n": A["head"]}, {"maps": maps_of(1), "y": B["head"]}
    options = {"measures": {"procrustes": {}, "gbs_knn": {"k": 3}}, "names": ("A", "B")}
    page = report.compare(
        a, b, **options, labels=LABELS, pictures=PICTURES, layout="nhwc", pair=("maps", "maps")
    )
    facts = page.facts
    assert (facts["rows"], facts["columns"]) == (("maps", "x\n"), ("maps", "y"))
    distances, similarities = facts["measures"]
    for of, name in ((distances, "procrustes"), (similarities, "gbs_knn")):
        expected = ig.similarity_matrix(a, b, measure=name, **options["measures"][name])
        np.testing.assert_array_equal(of["values"], expected)
        best = expected if name == "gbs_knn" else -expected
        assert of["best_of_a"] == [list(b)[j] for j in best.argmax(axis=1)]
        assert of["best_of_b"] == [list(a)[i] for i in best.argmax(axis=0)]
    assert similarities["options"]["k"] == 3

    shown = np.array(list(map(int, facts["samples"])))
    assert [LABELS[i] for i in shown] == sorted(LABELS)
    for side, maps in (("a", a["maps"]), ("b", b["maps"])):
        semantic, _ = facts["rsms"][side]
        assert "semantic" in semantic["what"]
        expected = ig.semantic_rsm(maps, layout="nhwc")[np.ix_(shown, shown)]
        np.testing.assert_allclose(semantic["values"], expected, atol=1e-12)
        np.fill_diagonal(expected, np.nan)
        first = facts["groups"][0]
        assert first["samples"] == facts["samples"][:10]
        assert first["within"][side] == pytest.approx(np.nanmean(expected[:10, :10]))
        assert first["to_others"][side] == pytest.approx(expected[:10, 10:].mean())
        for query in facts["neighbours"]["queries"]:
            row = facts["samples"].index(query["sample"])
            order = np.argsort(-np.nan_to_num(expected[row], nan=-2), kind="stable")[:5]
            nearest = query["nearest"][side]
            assert [one["sample"] for one in nearest] == [facts["samples"][i] for i in order]
            found = [one["value"] for one in nearest]
            np.testing.assert_allclose(found, expected[row, order], atol=1e-12)
    of = facts["matched"][-1]
    i, j = (b["maps"].reshape(N, 9, 4)[int(sample)] for sample in of["samples"])
    norm = np.linalg.norm(i) * np.linalg.norm(j)
    assert len(of["tokens"]) == 9  # all of them
    for pair in of["tokens"]:
        added = i[pair["token"]] @ j[pair["other"]] / norm
        assert pair["contribution"] == pytest.approx(added, abs=1e-6)
    added = [pair["contribution"] for pair in of["tokens"]]
    assert of["total"] == pytest.approx(sum(added), abs=1e-6)
    assert (of["of"], of["share"]) == ("b", pytest.approx(1, abs=1e-6))
    assert facts["provenance"]["n"] == N


def test_facts_of_what_is_not_defined():
    constant = {"x": np.ones((N, 2))}
    with pytest.warns(RuntimeWarning):
        facts = report.compare(constant, A, measures=["cka"]).facts
    assert facts["measures"][0]["best_of_a"] == [None]
    assert facts["measures"][0]["best_of_b"] == 3 * [None]
    assert len(facts["remarks"]) == 1
    assert facts["matched"] == []


def test_tokens_that_lie_on_no_grid_are_not_drawn():
    tokens = np.random.default_rng(0).standard_normal((N, 7, 4))
    page = report.compare([tokens], [tokens], measures="cka", pictures=PICTURES).html
    assert "<img" in page
    assert 'class="matched"' not in page


@pytest.mark.parametrize("kind", ["path", "pillow", "float", "grey", "one channel", "alpha"])
def test_kinds_of_pictures(kind, tmp_path):
    from PIL import Image

    given = {
        "path": lambda p: str(tmp_path / "p.png"),
        "pillow": Image.fromarray,
        "float": lambda p: (p / 255).astype(np.float32),
        "grey": lambda p: p[:, :, 0],
        "one channel": lambda p: p[:, :, :1],
        "alpha": lambda p: np.dstack([p, p[:, :, 0]]),
    }[kind]
    Image.fromarray(PICTURES[0]).save(tmp_path / "p.png")
    page = report.compare(A, B, measures="cka", pictures=[given(p) for p in PICTURES]).html
    assert page.count("<img") == 66


@pytest.mark.parametrize(
    ("picture", "error", "expected"),
    [
        (
            np.zeros((3, 8, 8), np.uint8),
            ValueError,
            "be a picture of shape (h, w), (h, w, 3) or (h, w, 4), got shape (3, 8, 8): move the",
        ),
        (np.zeros((0, 8), np.uint8), ValueError, "not be empty, got shape (0, 8)"),
        (np.zeros((8, 8), np.int64), TypeError, "be uint8 or floating-point, got int64"),
        (np.full((8, 8), 2.0), ValueError, "have values from 0 to 1, got 2 to 2: undo the"),
        (np.full((8, 8), np.nan), ValueError, "have values from 0 to 1, got nan to nan"),
    ],
)
def test_what_is_no_picture(picture, error, expected):
    message = r"^compare: `pictures\[\d+\]` must " + re.escape(expected)
    with pytest.raises(error, match=message):
        report.compare(A, B, measures="cka", pictures=[picture] * N)


@pytest.mark.parametrize("argument", ["labels", "pictures", "ids"])
def test_one_for_each_sample(argument):
    message = f"compare: `{argument}` must be one for each of the {N} samples, got 2"
    with pytest.raises(ValueError, match=message):
        report.compare(A, B, measures="cka", **{argument: [1, 2]})


def test_a_pair_of_layers_that_are_there():
    with pytest.raises(
        ValueError, match="compare: `pair` must have names of layers, got 'x': B has"
    ):
        report.compare(A, B, measures="cka", pair=("head", "x"))


def test_an_unknown_layout():
    with pytest.raises(ValueError, match="compare: `layout` must be one of 'nhwc', 'nchw'"):
        report.compare(A, B, measures="cka", layout="nwhc")


# Tables -----------------------------------------------------------------------------------------


def test_table():
    rows = [["conv", 0.123456789, 3, True], ["head", np.float32("nan"), np.int64(4), None]]
    page = report.table("T", ["layer", "CKA", "n", "kept"], rows, marked=[1], about={"x": [1, "y"]})
    assert re.findall(r"<td.*?</td>", page.html) == [
        "<td>conv</td>",
        '<td class="number" data-key="0.123456789">0.1235</td>',
        '<td class="number" data-key="3.0">3</td>',
        "<td>yes</td>",
        "<td>head</td>",
        '<td class="number" data-key="nan">NaN</td>',
        '<td class="number" data-key="4.0">4</td>',
        "<td></td>",
    ]
    assert page.html.count('<tr class="marked">') == 1
    assert "<dt>x</dt><dd>1, y</dd>" in page.html


def test_rows_of_another_length_are_refused():
    with pytest.raises(ValueError, match=re.escape("table: `rows[1]` must have 2 cells")):
        report.table("T", ["a", "b"], [[1, 2], [1]])


def test_no_measures():
    with pytest.raises(ValueError, match="compare: `measures` must have at least one"):
        report.compare(A, B, measures=[])


def test_an_unknown_measure():
    with pytest.raises(ValueError, match="compare: `measure` must be one of"):
        report.compare(A, B, measures=["no"])


# Colours ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.1, 0.83], 0, 0.85),
        ([0.961, 0.999], 0.96, 1),
        ([-0.02, 0.7], -0.05, 0.7),
        ([1.0, 1.0], 0.99, 1.01),
        ([0.0, 0.0], 0, 0.01),
        ([np.nan, np.nan], 0, 1),
        ([np.nan, 0.6, 0.9], 0.6, 0.9),
    ],
)
def test_ends_of_colour_bars(values, low, high):
    scale = scale_of(np.array(values))
    assert (scale.low, scale.high) == pytest.approx((low, high))


def test_zeros_have_no_sign():
    page = report.table("T", ["a"], [[-0.00001]]).html
    assert '<td class="number" data-key="-1e-05">0.0000</td>' in page


def test_ends_of_long_names_are_kept():
    names = [f"model.encoder.layers.{i}.mlp.fc2" for i in range(12)]
    page = report.compare(layers_of(names), layers_of(names), measures="cka").html
    shown = re.findall(r'<th scope="row" title="(.*?)">(.*?)</th>', page)
    assert [full for full, _ in shown] == names
    assert len({cut for _, cut in shown}) == 12
    assert shown[0][1] == "model….0.mlp.fc2"


def test_shades():
    values = np.array([-0.5, 0.0, 0.1, 1.0, np.nan])
    negative, zero, *above, missing = Scale(-0.5, 1.0).shades(values).tolist()
    assert SHADES < negative < zero == SHADES + SHADES // 2 < above[0] < above[1]
    assert above[1] == 2 * SHADES - 1
    assert missing == MISSING == len(palette()) - 1
    for low in (0.0, -0.05):
        assert Scale(low, 1.0).shades(np.array([-1.0, 0.5 + low / 2, 2.0])).tolist() == [0, 32, 64]


def test_palette_is_that_of_matplotlib():
    matplotlib = pytest.importorskip("matplotlib")
    for first, name in ((0, "magma"), (SHADES, "RdBu_r")):
        colours = matplotlib.colormaps[name](np.linspace(0, 1, SHADES))[:, :3]
        ours = [list(bytes.fromhex(c[1:])) for c in palette()[first : first + SHADES]]
        assert np.abs(np.array(ours) - 255 * colours).max() < 6


def test_colours_are_those_of_pictures():
    """Of values whose negative ones are small, and of values of both signs."""
    pytest.importorskip("matplotlib")
    from isogram import plot

    for low, high in ((0, 1), (0.9, 1), (-0.15, 0.9), (-0.5, 1.0), (-2.0, -1.0)):
        values = np.linspace(low, high, 40).reshape(5, 8)
        image = plot.heatmap(values).images[0]
        colours = 255 * image.cmap(image.norm(values))[..., :3]
        shades = Scale(low, high).shades(values)
        ours = [list(bytes.fromhex(palette()[shade][1:])) for shade in shades.ravel()]
        assert np.abs(colours.reshape(-1, 3) - ours).max() < 9, (low, high)  # of 65 shades


# Text of others -----------------------------------------------------------------------------------


def nasty_pages():
    a = layers_of(NASTY)
    ids, labels = [NASTY[i % len(NASTY)] for i in range(N)], [NASTY[i % 4] for i in range(N)]
    names = NASTY[0], NASTY[1]
    pages = [
        report.compare(a, similar(a), names=names, title=title, ids=ids, labels=labels)
        for title in NASTY[:2]
    ]
    table = report.table(NASTY[1], NASTY, [NASTY], lead=NASTY[0], about={n: n for n in NASTY})
    return [*pages, table]


@pytest.mark.parametrize("page", nasty_pages())
def test_text_of_others_makes_no_elements(page):
    page.html.encode()
    elements = Elements(page.html)
    assert not elements.named("img")
    assert [s.get("type") for s in elements.named("script")] in (
        ["application/json", None],
        [None],
    )
    for _, attributes in elements.found:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    assert "49" not in re.findall(r"<h1>.*?</h1>", page.html)[0]
    assert "\u202e" not in page.html
    assert "\x00" not in page.html


def test_names_come_back_as_they_are():
    page = report.compare(layers_of(NASTY), B, measures="cka")
    assert data_of(page)["rows"][:5] == list(NASTY[:5])
    assert ("td", NASTY[0]) in Elements(page.html).texts


def test_no_address_in_a_page():
    page = report.compare([maps_of(0)], B, pictures=PICTURES, layout="nhwc").html
    page = re.sub(r'(?:src|href)="(?:data:image/(?:png|jpeg);base64,[\w+/=]+|#\w+)"', "", page)
    assert not re.findall(r"(?:https?:)?//\w|\burl\(|@import|\bsrc=|\bhref=|<link", page)
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)
    assert policy.startswith("default-src &#39;none&#39;; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("module", "name"), [("jinja2", "Jinja2"), ("PIL", "Pillow"), ("scipy.cluster", "SciPy")]
)
def test_what_to_install_is_named(module, name):
    code = f"""
        import sys
        sys.modules["{module}"] = None
        try:
            from isogram.report import compare
        except ImportError as error:
            print(error)
    """
    assert run_program(code) == f"isogram.report needs {name}: pip install 'isogram[report]'"


def test_a_table_needs_no_more_than_jinja():
    code = """
        import sys
        from isogram import report
        report.table("T", ["a"], [[1]])
        print(sorted({"PIL", "scipy"} & set(sys.modules)))
    """
    assert run_program(code) == "[]"


def test_what_is_not_there():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        report.nothing  # noqa: B018


# The command --------------------------------------------------------------------------------------


@pytest.fixture
def run():
    """Call the command in this process."""

    def call(*arguments):
        return CliRunner().invoke(commands, ["report", *map(str, arguments)])

    return call


@pytest.fixture
def files(tmp_path):
    """Write two files of the same samples in different orders, and a folder of their pictures."""
    from PIL import Image

    order = np.random.default_rng(3).permutation(N)
    ids = np.array([f"photo {i}" for i in range(N)])
    maps = maps_of(0), maps_of(1)[order]
    np.savez(tmp_path / "a.npz", maps=maps[0], ids=ids, classes=np.array(LABELS))
    np.savez(tmp_path / "b.npz", maps=maps[1], ids=ids[order])
    (tmp_path / "photos").mkdir()
    for name, picture in zip(ids, PICTURES, strict=True):
        Image.fromarray(picture).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path


def test_command(run, files):
    given = ("--layout", "nhwc", "--images", files / "photos", "--labels", "classes")
    measures = ("--measure", "cka", "--measure", "procrustes")
    given += ("--json", files / "r.json")
    result = run(files / "a.npz", files / "b.npz", "-o", files / "r.html", *given, *measures)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "aligned by 'ids'" in result.stderr
    assert "classes" not in result.stderr
    with io.open(files / "a.npz", reduce=None) as a:
        page = report.compare(
            a,
            [maps_of(1)],
            measures=["cka", "procrustes"],
            layout="nhwc",
            labels=LABELS,
            pictures=PICTURES,
        )
    written = report.Report((files / "r.html").read_text("utf-8"), {})
    for part in ("heat", "samples", "rsms"):
        assert data_of(written)[part] == data_of(page)[part]
    assert written.html.count('<figure class="matched">') == 6
    found = json.loads((files / "r.json").read_text())
    assert found["output"] == str(files / "r.html")
    assert found["measures"][0]["values"] == page.facts["measures"][0]["values"].tolist()
    assert found["samples"] == page.facts["samples"]
    assert [len(of["tokens"]) for of in found["matched"]] == 6 * [9]
    assert found["provenance"]["n"] == N


def test_command_with_files_of_labels_and_pictures(run, files):
    (files / "labels.txt").write_text("\n".join(LABELS) + "\n")
    np.save(files / "labels.npy", LABELS)
    np.save(files / "photos.npy", PICTURES)
    pages = []
    for labels in ("labels.txt", "labels.npy"):
        given = ("--labels", files / labels, "--images", files / "photos.npy", "--title", "T")
        result = run(files / "a.npz", files / "a.npz", "-o", files / "r.html", *given)
        assert result.exit_code == 0, result.output
        pages.append((files / "r.html").read_text("utf-8"))
    without_dates = [re.sub(r"<dt>date</dt><dd>.*?</dd>", "", page) for page in pages]
    assert without_dates[0] == without_dates[1]
    assert "<h1>T</h1>" in pages[0]
    assert pages[0].count("<img") == 66


def test_command_takes_pictures_in_natural_order(run, files):
    for i in range(N):
        (files / "photos" / f"photo {i}.png").rename(files / "photos" / f"{i}.png")
    np.savez(files / "c.npz", maps=maps_of(0))
    given = ("--images", files / "photos", "--layout", "nhwc", "--measure", "cka")
    assert run(files / "c.npz", files / "c.npz", "-o", files / "r.html", *given).exit_code == 0
    page = report.compare(
        [maps_of(0)], [maps_of(0)], measures="cka", layout="nhwc", pictures=PICTURES
    )
    pictures = [
        re.findall(r'<img src="(.*?)"', text)
        for text in (page.html, (files / "r.html").read_text("utf-8"))
    ]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--measure", "no"), "--measure"),
        (("--pair", "maps", "x"), "Error: --pair must have names of layers, got 'x'"),
        (("--labels", "nothing"), "has no 'nothing': maps, ids, classes"),
        (("--images", "few"), "has no picture of 'photo 0', an identifier of"),
        (("--images", "few", "--ids", "none"), f"Error: --images must be one for each of the {N}"),
        (("--images", "two.npz"), "two.npz has several arrays, expected one, of pictures"),
        (("--images", "a.npz"), "--images["),
        (("--layout", "nsc"), "--layout"),
        (("-o", "nowhere/r.html"), "the folder"),
    ],
)
def test_command_fails_in_a_line(run, files, monkeypatch, given, message):
    monkeypatch.chdir(files)
    np.savez("two.npz", one=PICTURES, two=PICTURES)
    (files / "few").mkdir()
    (files / "few" / "1.png").write_bytes((files / "photos" / "photo 1.png").read_bytes())
    result = run("a.npz", "a.npz", "-o", "r.html", *given)
    assert result.exit_code in (1, 2)
    assert message in result.stderr.splitlines()[-1]
    assert not (files / "r.html").exists()


# In a browser -------------------------------------------------------------------------------------

needs_a_browser = pytest.mark.skipif(
    CHROMIUM is None or sys.platform != "linux", reason="no Chromium: apt-get install chromium"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    running = Browser(tmp_path_factory.mktemp("browser"))
    yield running
    running.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page, and afterwards require that nothing was asked for and nothing went wrong."""

    def call(page):
        page.save(tmp_path / "page.html")
        browser.open(tmp_path / "page.html")
        return browser

    yield call
    assert browser.requests() == []
    assert browser.complaints() == []


@needs_a_browser
@pytest.mark.parametrize("page", nasty_pages())
def test_no_script_of_others_runs(opened, page):
    browser = opened(page)
    assert browser.run("[...document.images].length") == 0
    assert browser.run("document.documentElement.className") == "script"


@needs_a_browser
def test_other_scripts_are_refused(browser, tmp_path):
    """What would be asked for and run without the policy."""
    html = report.table("T", ["a"], [["PLACE"]]).html
    bad = '<script>document.title = "run"</script><img src="https://example.invalid/x.png">'
    (tmp_path / "page.html").write_text(html.replace("PLACE", bad))
    browser.open(tmp_path / "page.html")
    assert browser.run("document.title") == "T"
    assert len(browser.complaints()) == 2


def column(browser, index=0):
    cells = f"document.querySelectorAll('.sortable td:nth-child({index + 1})')"
    return browser.run(f"[...{cells}].map(cell => cell.textContent)")


@needs_a_browser
def test_tables_sort(opened):
    rows = [["layer10", 0.5], ["layer2", 0.9], ["layer1", float("nan")], ["layer3", -0.1]]
    browser = opened(report.table("T", ["layer", "value"], rows))
    press = "document.querySelectorAll('th button')[{}].click()"
    browser.run(press.format(1))
    assert column(browser) == ["layer2", "layer10", "layer3", "layer1"]
    browser.run(press.format(1))
    assert column(browser) == ["layer3", "layer10", "layer2", "layer1"]
    assert browser.run("document.querySelectorAll('th')[1].ariaSort") == "ascending"
    browser.run(press.format(0))
    assert column(browser) == ["layer1", "layer2", "layer3", "layer10"]
    assert browser.run("document.querySelectorAll('th[aria-sort]').length") == 1


@needs_a_browser
def test_tables_sort_by_keyboard(opened):
    browser = opened(report.table("T", ["layer", "value"], [["a", 1.0], ["b", 2.0]]))
    while browser.run("document.activeElement.tagName") != "BUTTON":
        browser.press("Tab")
    browser.press("Tab")
    browser.press("Enter", "\r")
    assert column(browser) == ["b", "a"]


@needs_a_browser
def test_the_cell_under_the_pointer_is_named(opened):
    browser = opened(report.compare(A, B, measures="cka"))
    browser.run("document.querySelector('.heat').scrollIntoView()")
    box = "document.querySelector('.heat').rows[2].cells[3].getBoundingClientRect()"
    browser.point_at(browser.run(f"{box}.x + 5"), browser.run(f"{box}.y + 5"))
    name, other, value = browser.run("document.getElementById('tip').textContent").split("\n")
    assert (name, other) == ("conv2", "head")
    assert float(value) == pytest.approx(ig.cka(A["conv2"], B["head"]), rel=1e-6)
    browser.point_at(0, 0)
    assert browser.run("document.getElementById('tip').hidden")


@needs_a_browser
def test_the_samples_under_the_pointer_are_named(opened):
    browser = opened(report.compare(A, B, measures="cka", labels=LABELS))
    browser.run("document.querySelector('.rsm').scrollIntoView()")
    box = "document.querySelector('.rsm image').getBoundingClientRect()"
    x, y, side = (browser.run(f"{box}.{name}") for name in ("x", "y", "width"))
    browser.point_at(x + side * 4.5 / N, y + side * 1.5 / N)
    name, other, value = browser.run("document.getElementById('tip').textContent").split("\n")
    samples = browser.run("data.samples")
    assert (name, other) == (samples[1], samples[4])
    x = A["head"] - A["head"].mean(axis=0)
    i, j = x[int(name)], x[int(other)]
    assert float(value) == pytest.approx(i @ j / np.linalg.norm(i) / np.linalg.norm(j), abs=6e-4)


@needs_a_browser
def test_pictures_are_shown(opened):
    maps = [maps_of(0)]
    browser = opened(report.compare(maps, maps, pictures=PICTURES, layout="nhwc", measures="cka"))
    assert browser.run("[...document.images].every(image => image.naturalWidth > 0)")
    assert browser.run("document.images.length") == 66


@needs_a_browser
def test_cells_are_named_by_keyboard(opened):
    browser = opened(report.compare(A, B, measures="cka"))
    browser.run("document.querySelector('.heat').parentNode.focus()")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        browser.press(key)
    text = browser.run("document.getElementById('tip').textContent")
    assert text.split("\n")[:2] == ["conv2", "conv2"]


@needs_a_browser
@pytest.mark.parametrize("layers", [3, 24, 72])
def test_a_phone_scrolls_down_alone(opened, browser, layers):
    """Wide maps and tables scroll by themselves."""
    a = layers_of([f"a.layer.of.a.long.name.{i}" for i in range(layers)])
    browser.resize(390, 844, mobile=True)
    browser = opened(report.compare(a, similar(a), measures=["cka"]))
    assert browser.run("document.documentElement.scrollWidth") == 390


@needs_a_browser
def test_a_page_is_printed(opened, tmp_path):
    browser = opened(report.compare(A, B))
    browser.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
