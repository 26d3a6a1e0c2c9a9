"""Tables as text: in full where nobody says how wide, and never wider than somebody says."""

import unicodedata

import numpy as np
import pytest
from isogram._tables import cut, listing, matrix_table

LAYERS = [f"features.{i}.block.conv" for i in range(24)]


def numbers_of(text):
    """The numbers under each name, of all blocks of a table."""
    found = {}
    for block in text.split("\n\n"):
        head, *lines = block.splitlines()
        for line in lines:
            name, *values = line.split()
            found.setdefault(name, {}).update(zip(head.split(), values, strict=True))
    return found


def test_a_matrix_is_in_one_block_where_it_fits():
    matrix = np.array([[1, -0.25], [np.nan, -1e-9]])
    lines = ["        x    yyyy", "a   1.000  -0.250", "bb    nan   0.000"]
    for width in (None, 17, 1000):
        text = matrix_table(matrix, ["a", "bb"], ["x", "yyyy"], width)
        assert text.splitlines() == lines
    assert len(matrix_table(matrix, ["a", "bb"], ["x", "yyyy"], 16).split("\n\n")) == 2


@pytest.mark.parametrize("width", [20, 40, 60, 80, 1000])
@pytest.mark.parametrize("columns", [LAYERS, ["a", "b"], [f"b{i}" for i in range(72)]])
def test_a_matrix_is_folded(width, columns):
    matrix = np.random.default_rng(0).standard_normal((24, len(columns)))
    text = matrix_table(matrix, LAYERS, columns, width)
    assert max(map(len, text.splitlines())) <= width
    if width >= 80:
        found = numbers_of(text)
        assert list(found) == LAYERS
        for name, line in zip(LAYERS, matrix, strict=True):
            assert found[name] == {c: f"{v:.3f}" for c, v in zip(columns, line, strict=True)}
    assert numbers_of(matrix_table(matrix, LAYERS, columns)).keys() == set(LAYERS)


def test_cut_names():
    assert cut("features.10.conv", 16) == "features.10.conv"
    assert cut("features.10.conv", 9) == "fe…0.conv"
    assert len(cut("features.10.conv", 8)) == 8


def test_a_listing_cuts_names_and_becomes_paragraphs():
    header, lines = (
        ("layer", "cka", "verdict"),
        [(name, "0.123456", "below 0.9") for name in LAYERS],
    )
    full = listing(header, lines, right=[1])
    assert full.splitlines()[1] == f"{LAYERS[0]:<22}  0.123456  below 0.9"
    cells = [line.split() for line in listing(header, lines, right=[1], width=41).split("\n")]
    assert cells[2][1:] == ["0.123456", "below", "0.9"]
    assert cells[2][0] == "featur….1.block.conv"
    for width in (24, 40):  # where features.1 and features.11 would look alike
        narrow = listing(header, lines, right=[1], width=width).splitlines()
        assert narrow[:3] == ["features.0.block.conv", "  cka: 0.123456", "  verdict: below 0.9"]


@pytest.mark.parametrize("width", [20, 40])
def test_names_that_would_look_alike_are_what_tells_them_apart(width):
    names = [f"encoder.layers.{10 * i}.mlp.fc2.output" for i in range(1, 10)]
    lines = matrix_table(np.zeros((9, 9)), names, names, width).splitlines()
    assert max(map(len, lines)) <= width
    heads = {line.split()[0] for line in lines if line.endswith("0.000")}
    columns = {cell for line in lines if not line.endswith("0.000") for cell in line.split()}
    assert len(heads) == len(columns) == 9
    assert columns == {f"…{10 * i}…" for i in range(1, 10)}


def test_cells_are_printable():
    text = listing(["name"], [["two\nlines"], ["\x1b[31mred"]])
    assert text.splitlines() == ["name", r"two\nlines", r"\x1b[31mred"]


WIDE = [f"特徴.{i}.層" for i in range(9)]  # 11 columns of a terminal


def columns(text):
    """Return the width on a terminal: wide and full-width characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text)


def test_wide_characters_take_two_columns():
    matrix = np.zeros((2, 2))
    lines = matrix_table(matrix, ["層", "ab"], ["テンソル", "x"]).splitlines()
    assert lines == ["    テンソル      x", "層     0.000  0.000", "ab     0.000  0.000"]
    lines = listing(["layer", "cka"], [["層１", "0.5"], ["conv", "0.25"]], right=[1]).splitlines()
    assert lines == ["layer   cka", "層１    0.5", "conv   0.25"]
    assert listing(["n", "v"], [["e\u0301", "1"], ["e", "2"]]).splitlines()[1:] == [
        "e\u0301  1",
        "e  2",
    ]


@pytest.mark.parametrize("width", [20, 40, 60])
def test_wide_names_are_folded(width):
    matrix = np.zeros((9, 9))
    text = matrix_table(matrix, WIDE, WIDE, width)
    assert max(map(columns, text.splitlines())) <= width
    lines = [(name, "0.5", "說明 " * 9) for name in WIDE]
    for names in ([0], [0, 2]):
        text = listing(["layer", "cka", "what"], lines, names=names, width=width)
        assert max(map(columns, text.splitlines())) <= width
        assert "\0" not in text


def test_cut_wide_names():
    assert cut("特徴量の層", 10) == "特徴量の層"
    assert cut("特徴量の層", 9) == "特…量の層"
    assert cut("a特徴量の層", 9) == "a…量の層"
    for width in range(8, 14):
        assert columns(cut("畳み込み conv.1 層", width)) <= width
