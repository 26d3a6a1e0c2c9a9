"""The public names, their signatures and docstrings, the stub and the typing marker."""

import ast
import importlib
import importlib.metadata
import importlib.resources
import inspect
import pickle
import re
import sys
import zlib
from pathlib import Path

import isogram as ig
import pytest
from support import needs_the_installed_package, run_program

KERNEL = 'kernel="linear"'
PARAMETERS = 'bandwidth="median", gamma=None, degree=3, coef0=1.0'
PRECISION = 'precision="float32"'
LAYOUT = 'layout="nsc", lengths=None, other_lengths=None'
MASKS = "mask=None, other_mask=None"
OUT = 'bandwidth="median", out=None'
MEASURE = 'measure="cka", reduce="flatten"'
END = "num_threads=None, progress=False"
GPUS = "gpus=None, memory_limit=None"
SIGNATURES = {
    "gram": f"(x, y=None, *, {KERNEL}, {PARAMETERS}, {PRECISION}, out=None, num_threads=None)",
    "bandwidth": '(x, *, rule="median", max_pairs=524288, seed=0, num_threads=None)',
    "center": '(k, *, estimator="biased", out=None, num_threads=None)',
    "hsic": f'(x, y, *, {KERNEL}, estimator="debiased", {PARAMETERS}, '
    f"{PRECISION}, num_threads=None)",
    "cka": f'(x, y, *, {KERNEL}, estimator="debiased", {PARAMETERS}, '
    f"{PRECISION}, given=None, num_threads=None)",
    "cka_matrix": f'(layers, other=None, *, {KERNEL}, estimator="debiased", {PARAMETERS}, '
    f"{PRECISION}, given=None, {END})",
    "graph": f"(x, *, k=None, metric='cosine', center=False, symmetrize=True, {PRECISION}, "
    "num_threads=None)",
    "gbs": f'(x, y, *, k=None, center=False, kernel="cosine", {PRECISION}, num_threads=None)',
    "gbs_matrix": '(layers, other=None, *, k=None, center=False, kernel="cosine", '
    f"{PRECISION}, {END})",
    "modularity": "(x, labels, *, k=3, resolution=1.0, num_threads=None)",
    "motifs": "(x, labels, *, k=5, num_threads=None)",
    "match": f"(similarity, *, maximize=True, {END})",
    "semantic_matching": '(tokens, other=None, *, pairs=None, kernel="cosine", normalize="input", '
    f"{LAYOUT}, {MASKS}, {END})",
    "retrieve": '(queries, gallery=None, k=10, *, candidates=None, checked=16, kernel="cosine", '
    'normalize="input", layout="nsc", lengths=None, gallery_lengths=None, mask=None, '
    f"gallery_mask=None, job=None, {END})",
    "semantic_rsm": '(tokens, other=None, *, pairs=None, kernel="cosine", normalize="input", '
    'matching="exact", window=None, topk=None, precision="float32", rank=None, mean_loss=None, '
    f"{LAYOUT}, {MASKS}, {OUT}, loss=None, {GPUS}, {END})",
    "spatial_rsm": '(tokens, other=None, *, pairs=None, kernel="cosine", normalize="input", '
    f"{LAYOUT}, {OUT}, {GPUS}, {END})",
    "bootstrap": '(x, y=None, *, measure="cka", reduce="flatten", n_resamples=1000, '
    'confidence=0.95, interval=None, groups=None, over="inputs", seed=0, num_threads=None, '
    "**options)",
    "jackknife": '(x, y=None, *, measure="cka", reduce="flatten", confidence=0.95, groups=None, '
    "num_threads=None, **options)",
    "noise_ceiling": '(subjects, *, method="spearman", kernel="precomputed", '
    f"{PARAMETERS}, num_threads=None)",
    "measures": "(kind=None)",
    "register_measure": "(measure)",
    "similarity": f"(x, y, *, {MEASURE}, num_threads=None, **options)",
    "similarity_matrix": f"(layers, other=None, *, {MEASURE}, {END}, **options)",
    "calibrate": f"(x, y=None, *, {MEASURE}, aggregate=None, alpha=0.05, n_permutations=1000, "
    f'groups=None, exchange="samples", seed=0, {END}, **options)',
    "permutation_test": f"(x, y=None, *, {MEASURE}, n_permutations=1000, "
    f'method="permutations", groups=None, exchange="samples", seed=0, {END}, **options)',
    "compare_rsms": '(rsm_a, rsm_b, *, method="pearson", kinds=None, sigma_k=None, '
    "given=None, num_threads=None)",
    "compare_rsms_matrix": '(rsms, other=None, *, method="pearson", kinds=None, '
    "sigma_k=None, given=None, num_threads=None)",
    "regress_rsm": "(rsm, models, *, nonnegative=False, intercept=True)",
    "rdm": '(x, *, metric="correlation", noise_covariance=None, condensed=False, num_threads=None)',
    "jsd": f"(probabilities, other=None, *, out=None, {END})",
    "plan": "(operation, /, *inputs, **options)",
    "rows": "(read, shape, dtype)",
    "set_num_threads": "(n)",
    "get_num_threads": "()",
    "show_config": "()",
    "config": "()",
    "get_include": "()",
    "get_cmake_dir": "()",
}
OTHER_NAMES = {
    "Bootstrap", "Calibration", "Csr", "CudaError", "Difference", "Hits", "Jackknife", "Matching",
    "Measure", "MinibatchCKA", "MinibatchGBS", "Motifs", "NoiseCeiling", "PermutationTest", "Plan",
    "Retrieval", "Rows", "RsmRegression", "SemanticIndex", "SemanticMatching", "Tile", "simd",
    "__version__",
}  # fmt: skip
EXTENSION_NAMES = {
    "gram", "distances", "center", "hsic_table", "dense_graph", "knn_graph", "gbs_table",
    "modularity", "motifs", "match", "semantic_rsm", "rbf_from_distances", "compare",
    "jsd", "simd_levels", "simd_level", "set_simd_level", "get_num_threads", "set_num_threads",
    "build_info",
}  # fmt: skip


def test_exported_names():
    assert set(ig.__all__) == set(SIGNATURES) | OTHER_NAMES
    assert all(hasattr(ig, name) for name in ig.__all__)
    assert set(dir(ig)) >= set(ig.__all__)


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    expected = inspect.signature(eval(f"lambda {SIGNATURES[name][1:-1]}: None"))
    actual = inspect.signature(getattr(ig, name))
    assert [(p.name, p.default) for p in actual.parameters.values()] == [
        (p.name, p.default) for p in expected.parameters.values()
    ]
    for ours, theirs in zip(actual.parameters.values(), expected.parameters.values(), strict=True):
        by_keyword_only = inspect.Parameter.KEYWORD_ONLY
        assert (ours.kind == by_keyword_only) == (theirs.kind == by_keyword_only)
        assert ours.annotation is not inspect.Parameter.empty
    assert actual.return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("name", sorted(set(SIGNATURES) | (OTHER_NAMES - {"__version__"})))
def test_docstrings(name):
    documentation = inspect.getdoc(getattr(ig, name)) or ""
    assert len(documentation) > 20
    assert documentation.splitlines()[0].endswith(".")


@pytest.mark.parametrize("name", [n for n in SIGNATURES if len(SIGNATURES[n]) > 5])
def test_docstrings_name_every_parameter(name):
    documentation = inspect.getdoc(getattr(ig, name))
    for parameter in inspect.signature(getattr(ig, name)).parameters:
        assert parameter in documentation, f"{name} does not document {parameter}"


@pytest.mark.parametrize("name", ["available", "level", "set_level"])
def test_simd_docstrings(name):
    assert inspect.getdoc(getattr(ig.simd, name))


@pytest.mark.parametrize("name", sorted(set(ig.__all__) - {"simd", "__version__"}))
def test_public_names_are_of_the_package(name):
    value = getattr(ig, name)
    assert (value.__module__, value.__name__) == ("isogram", name)
    assert pickle.loads(pickle.dumps(value)) is value


@pytest.mark.parametrize("name", sorted({*SIGNATURES, "minibatch", "communities", "rsm"}))
def test_no_module_has_the_name_of_a_function(name):
    with pytest.raises(ModuleNotFoundError, match=f"isogram.{name}"):
        importlib.import_module(f"isogram.{name}")


def installed(name):
    """A file of the installed package."""
    return importlib.resources.files(ig) / name


def test_typing_marker():
    assert installed("py.typed").is_file()


def test_the_stub_names_what_the_extension_has():
    from isogram import _core

    tree = ast.parse(installed("_core.pyi").read_text())
    stubbed = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    stubbed |= {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}
    real = {name for name in dir(_core) if not name.startswith("_")}
    assert {name for name in stubbed if not name.startswith("_")} == real
    assert real >= EXTENSION_NAMES


def test_the_stub_has_the_extensions_parameters():
    from isogram import _core

    tree = ast.parse(installed("_core.pyi").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            first_line = (getattr(_core, node.name).__doc__ or "").splitlines()[0]
            for argument in node.args.args + node.args.kwonlyargs:
                assert f"{argument.arg}:" in first_line, f"{node.name}: {argument.arg}"


def test_version():
    assert ig.__version__ == importlib.metadata.version("isogram")


def test_config(capsys):
    config = ig.config()
    assert config["version"] == ig.__version__
    ig.show_config()
    printed = capsys.readouterr().out
    for value in (ig.__version__, ig.simd.level(), *ig.simd.available()):
        assert value in printed
    for word in ("cuda", "compiler", "threads"):
        assert any(word in key.lower() for key in config)
        assert word in printed.lower()


def test_headers_and_cmake_files_are_installed():
    assert (Path(ig.get_include()) / "isogram" / "isogram.hpp").is_file()
    assert list(Path(ig.get_cmake_dir()).glob("isogram*onfig.cmake"))


@needs_the_installed_package
@pytest.mark.skipif(ig.config()["cuda"]["built"], reason="kernels of GPUs take more")
def test_a_wheel_is_at_most_3_mb():
    files = [path for root in ig.__path__ for path in Path(root).rglob("*") if path.is_file()]
    packed = [len(zlib.compress(path.read_bytes())) for path in files if path.suffix != ".pyc"]
    assert sum(packed) <= 3_000_000


def test_result_types():
    assert ig.Matching._fields == ("columns", "total", "gap")
    assert ig.Motifs._fields == ("one", "two", "three")
    assert list(inspect.signature(ig.Csr).parameters) == ["indptr", "indices", "data", "shape"]


def test_importing_needs_numpy_only():
    """SciPy, tqdm and every other extra are imported where they are used."""
    code = """
        import sys, isogram
        extras = {"scipy", "tqdm", "sklearn", "matplotlib", "torch", "ml_dtypes", "click", "typer"}
        extras |= {"PIL", "h5py", "jinja2", "pandas", "pyarrow", "safetensors", "xarray", "zarr"}
        extras |= {"dask", "distributed"}
        print(sorted(extras & set(sys.modules)))
    """
    assert run_program(code) == "[]"


@pytest.mark.parametrize(
    ("extra", "library", "called"),
    [("torch", "torch", "PyTorch"), ("distributed", "distributed", "Dask")],
)
def test_a_missing_extra_is_named(extra, library, called):
    code = f"""
        import sys
        sys.modules["{library}"] = None
        try:
            import isogram.{extra}
        except ImportError as error:
            print(error, error.name)
    """
    said = f"isogram.{extra} needs {called}: pip install 'isogram[{extra}]' {library}"
    assert run_program(code) == said


def test_python_version():
    assert sys.version_info >= (3, 11)


def test_what_import_does_not_load():
    """Modules that take milliseconds, and that few calls need."""
    code = """
        import sys
        import numpy
        before = set(sys.modules)
        import isogram
        slow = {"hashlib", "numpy.random", "pathlib", "inspect", "isogram._device"}
        slow |= {"isogram._measures._measure", "isogram._operations.minibatch"}
        slow |= {"isogram._inference"}
        print(sorted(slow & set(sys.modules) - before))
    """
    assert run_program(code) == "[]"


def parameters_of(name):
    """Return the text of a docstring on each parameter, by name."""
    text = inspect.getdoc(getattr(ig, name))
    section = re.search(r"Parameters\n-+\n(.*?)\n\n\w+\n-+\n", text, re.DOTALL)
    parts = re.split(r"^(\S.*)\n", section[1] + "\n", flags=re.MULTILINE)[1:] if section else []
    return {
        parameter.strip("* "): said
        for names, said in zip(parts[::2], parts[1::2], strict=True)
        for parameter in names.partition(" : ")[0].split(",")
    }


@pytest.mark.parametrize("name", SIGNATURES)
def test_docstrings_refer_to_one_that_says_it(name):
    """Where a parameter is as for another function, nobody has to look further than there."""
    for parameter, said in parameters_of(name).items():
        if refers := re.match(r"\s*As for `(\w+)`", said):
            there = parameters_of(refers[1])[parameter]
            assert "As for" not in there, f"{name}: {parameter} → {refers[1]}: {there}"
