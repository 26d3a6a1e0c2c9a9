"""The experiments: their frame, and small versions that assert what the papers claim."""

import ast
import json
import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import isogram as ig
import numpy as np
import pytest
from click.testing import CliRunner
from isogram import experiments
from isogram.cli._commands import commands
from isogram.experiments import Estimate, Findings, Table, transformer
from isogram.experiments._classifiers import Mlp, _drawn
from isogram.experiments._image_sets import image_set
from isogram.experiments._intervals import left_out_in_turn, mean_of, mean_over, mean_over_pairs
from isogram.experiments._networks import RandomTransformer
from isogram.experiments._pictures import GREY, composites, moved_views
from isogram.experiments._ranking import ranking
from isogram.experiments._rsms import rsms
from isogram.experiments._run import _PACKAGES
from isogram.experiments.adversarial_inputs import fgsm, noise, pgd
from isogram.experiments.layer_identification import correspondence, rates_of
from isogram.experiments.layers import _apart, _with_gaps
from isogram.experiments.pruning import by_block
from threadpoolctl import threadpool_limits

NAMES = list(experiments.names())


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results of size small, each run once, on networks that are trained here."""
    done = {}

    def result_of(name):
        if name not in done:
            done[name] = experiments.run(name, size="small")
        return done[name]

    # Products are so small that a second thread of NumPy's only waits, and the longer the busier.
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setenv("ISOGRAM_CACHE", str(tmp_path_factory.mktemp("networks")))
        yield result_of


def values(table, column, **where):
    """The numbers of a column, in the rows whose other columns are as `where` says."""
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    chosen = [row[column] for row in rows if all(row[name] == it for name, it in where.items())]
    assert chosen
    return [cell.value if isinstance(cell, Estimate) else cell for cell in chosen]


@pytest.mark.parametrize("name", NAMES)
def test_small_runs_print_tables_and_make_files(results, name, tmp_path):
    result = results(name)
    text = experiments.text_of(result)
    for table in result.findings.tables:
        assert table.rows
        assert table.title in text
    files = experiments.save(result, tmp_path / "new")
    assert [file.name for file in files] == [f"{name}.json", f"{name}.md", f"{name}.png"]
    read = json.loads(files[0].read_text())
    assert read["seeds"] == list(result.seeds)
    assert {"isogram", "Python", "NumPy"} <= read["versions"].keys()
    assert read["processor"]
    assert files[2].stat().st_size > 5000


def test_tables_show_numbers_and_estimates():
    table = Table("title", ["layer", "n", "rate"], [["a", 3, Estimate(0.5, 0.25, 1.0)]])
    findings = Findings([table], {"layers": ["a", "b"]})
    result = experiments.Result(
        "it", "What.", "small", (0, 1), findings, {"NumPy": "2"}, "chip", 2, 1.4, 2.6
    )
    assert "a      3  0.500 [0.250, 1.000]" in experiments.text_of(result)
    assert "Size small, seeds 0, 1; layers: a, b." in experiments.text_of(result)
    assert "threads: 2; 1 s, 3 s of processor time" in experiments.text_of(result)
    alone = replace(findings, tables=[Table("title", ["rate"], [[mean_of([0.5])]])])
    assert experiments.text_of(replace(result, findings=alone)).splitlines()[4] == "0.500"
    assert result.table("tit") is table
    assert replace(result, size="large").size == "large"


def test_lines_break_between_networks():
    places = _apart(["first.a", "first.b", "second.a"])
    assert places == [0, 1, 3]
    np.testing.assert_array_equal(_with_gaps([5, 6, 7], places), [5, 6, np.nan, 7])


def test_arguments():
    with pytest.raises(ValueError, match="run: `name` must be one of"):
        experiments.run("nothing")
    with pytest.raises(ValueError, match="run: `size` must be one of small, medium, large, got"):
        experiments.run(NAMES[0], size="huge")
    with pytest.raises(ValueError, match="run: `seeds` must be an integer of at least 1, got 0"):
        experiments.run(NAMES[0], seeds=0)
    for name in ("class_structure", "estimators", "layer_identification"):
        with pytest.raises(ValueError, match="`seeds` must be at least 2, whose networks"):
            experiments.run(name, size="small", seeds=1)


def test_packages_that_are_missing_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(
        ImportError, match=r"estimators of size medium needs mlxtend.*\[experiments"
    ):
        experiments.run("estimators")


def test_extra_names_all_packages_that_experiments_import():
    file = Path(__file__).parents[2] / "pyproject.toml"
    extras = tomllib.loads(file.read_text())["project"]["optional-dependencies"]
    wanted = [*extras["experiments"], *extras["cli"], *extras["plot"], *extras["torch"]]
    assert "isogram[cli,plot,torch]" in wanted
    named = {re.split("[^a-z0-9-]", one)[0].replace("-", "_") for one in wanted}
    renamed = {"skimage": "scikit_image", "sklearn": "scikit_learn", "PIL": "pillow"}
    for source in Path(experiments.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module]
            else:
                continue
            for package in {module.partition(".")[0] for module in modules}:
                if package not in sys.stdlib_module_names | {"isogram", "numpy"}:
                    assert renamed.get(package, package) in named, (source.name, package)


def test_results_tell_the_versions_of_all_packages_of_the_extra():
    file = Path(__file__).parents[2] / "pyproject.toml"
    extra = tomllib.loads(file.read_text())["project"]["optional-dependencies"]["experiments"]
    wanted = {re.split("[^a-z0-9-]", one)[0] for one in extra}
    assert wanted - {"isogram", "threadpoolctl"} <= set(_PACKAGES.values())


def test_command_lists_and_runs(tmp_path):
    runner = CliRunner()
    listed = runner.invoke(commands, ["experiment", "--list"])
    assert listed.exit_code == 0
    for name, summary in experiments.names().items():
        assert name in listed.output
        assert summary in listed.output
    arguments = ["experiment", "translation", "--size", "small", "--seeds", "1"]
    run = runner.invoke(commands, [*arguments, "--output", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert run.stderr.startswith("translation of size small: takes seconds")
    assert "Where shifted crops lie" in run.stdout
    assert (tmp_path / "translation.png").exists()


def test_rankings_are_scored_as_by_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.random((5, 6)) < 0.5, 3, axis=0)
    labels[:, 0] = True  # no empty set
    rsm = rng.standard_normal((15, 15))
    found = ranking(rsm, labels)
    for i in range(15):
        others = np.delete(np.arange(15), i)
        nearest = others[rsm[i, others].argmax()]
        same = (labels[others] == labels[i]).all(axis=1)
        expected = metrics.average_precision_score(same, rsm[i, others])
        assert found.precision[i] == pytest.approx(expected)
        assert found.f1[i] == pytest.approx(metrics.f1_score(labels[i], labels[nearest]))
        assert found.hit[i] == (labels[nearest] == labels[i]).all()


def test_intervals_are_of_groups_and_not_of_values():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(30)
    found = mean_over(values, np.arange(30))
    assert found.value == pytest.approx(values.mean())
    error = values.std(ddof=1) / 30**0.5
    for end, expected in ((found.low, -1.96 * error), (found.high, 1.96 * error)):
        assert end - found.value == pytest.approx(expected, rel=0.15)
    again = mean_over(np.repeat(values, 4), np.repeat(np.arange(30), 4))
    assert again == pytest.approx(found)  # views of one photograph tell nothing new
    left_out = (values.sum() - values) / 29
    jackknifed = left_out_in_turn(values.mean(), left_out)
    assert jackknifed.high - jackknifed.value == pytest.approx(1.96 * error)


def test_rsms_in_place_pooled_and_matched():
    rng = np.random.default_rng(0)
    tokens = rng.standard_normal((6, 9, 4)).astype(np.float32)
    found = rsms(tokens)
    means = tokens.mean(axis=1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(found["pooled", "cosine"], means @ means.T, atol=1e-6)
    shuffled = rng.permuted(np.tile(np.arange(9), (6, 1)), axis=1)
    moved = rsms(np.take_along_axis(tokens, shuffled[:, :, None], axis=1))
    for (way, kernel), rsm in found.items():
        change = np.abs(rsm - moved[way, kernel]).max()
        assert change > 0.05 if way == "spatial" else change < 1e-4
    gain = found["semantic", "linear"] - found["spatial", "linear"]
    assert (gain[~np.eye(6, dtype=bool)] > 0).all()


def test_objects_stand_at_other_places_in_every_view():
    views = moved_views(32, 3, np.random.default_rng(0))
    is_object = (views.pixels != GREY).any(axis=3)
    rows, columns = is_object.any(axis=2), is_object.any(axis=1)
    assert max(rows.sum(axis=1)) <= 16
    assert max(columns.sum(axis=1)) <= 16
    first = np.stack([rows.argmax(axis=1), columns.argmax(axis=1)], axis=1)
    for photograph in np.unique(views.photographs):
        assert len(np.unique(first[views.photographs == photograph], axis=0)) > 1


def test_composites_show_three_photographs_of_their_set():
    pixels, labels = composites(32, 10, 3, np.random.default_rng(0))
    assert pixels.shape == (30, 32, 32, 3)
    np.testing.assert_array_equal(labels.sum(axis=1), 3)
    np.testing.assert_array_equal(labels, np.repeat(labels[::3], 3, axis=0))
    assert len(np.unique(labels, axis=0)) == 10
    quarters = pixels.reshape(30, 2, 16, 2, 16, 3)
    is_grey = (quarters == GREY).all(axis=(2, 4, 5)).sum(axis=(1, 2))
    np.testing.assert_array_equal(is_grey, 1)


@pytest.mark.parametrize("arguments", [[], ["nothing"]])
def test_command_says_which_experiments_there_are(arguments):
    run = CliRunner().invoke(commands, ["experiment", *arguments])
    assert run.exit_code == 2
    assert "one of " + ", ".join(NAMES) in run.output


def test_semantic_rsms_see_shifted_crops_as_alike(results):
    lies = results("translation").table("Where shifted crops lie")
    for layer, margin in (("random.layer2", 0.12), ("random.layer3", 0.07)):
        for kernel in ("cosine", "rbf"):
            spatial, pooled, semantic = (
                values(lies, way, layer=layer, kernel=kernel)[0]
                for way in ("spatial", "pooled", "semantic")
            )
            assert semantic > spatial + margin
            assert pooled > spatial + 0.15  # no change of places alters means either
    where = {"layer": "random.layer2", "kernel": "cosine", "other parts of": "same photograph"}
    shares = results("translation").table("Share of crops")
    spatial, semantic = (values(shares, way, **where)[0] for way in ("spatial", "semantic"))
    assert semantic > spatial + 0.05


def test_semantic_rsms_tell_what_is_predicted(results):
    """By more than spatial ones; predictions here are made of pooled features, which tell more."""
    pearson = results("divergence").table("Pearson")
    for kernel in ("cosine", "rbf"):
        spatial, pooled, semantic = (
            values(pearson, way, kernel=kernel) for way in ("spatial", "pooled", "semantic")
        )
        for before, means, after in zip(spatial, pooled, semantic, strict=True):
            assert after < before - 0.06
            assert means < before - 0.1
    gains = [
        values(pearson, "semantic less spatial", kernel=kernel) for kernel in ("cosine", "rbf")
    ]
    assert min(map(min, gains)) < -0.2


def test_class_tokens_are_left_out_of_what_is_matched(results):
    tokens = np.arange(24.0).reshape(2, 4, 3)
    sets = transformer.token_sets(tokens)
    np.testing.assert_array_equal(sets["class token left out"], tokens[:, 1:])
    np.testing.assert_array_equal(sets["all tokens"], tokens)
    np.testing.assert_array_equal(sets["class token alone"], tokens[:, :1])
    pictures = np.random.default_rng(0).random((2, 16, 16), np.float32)
    for found in RandomTransformer(0).tokens(pictures).values():
        assert found.shape == (2, 1 + 64, 32)
    hits = results("transformer").table("hit@1")
    where = {"tokens": "class token alone", "kernel": "cosine", "same": "digit"}
    ways = [values(hits, way, **where) for way in ("spatial", "pooled", "semantic")]
    assert ways[0] == ways[1] == ways[2]  # of one token there is one RSM


def test_trained_transformers_predict_from_the_class_token_alone():
    torch = pytest.importorskip("torch")
    from isogram.experiments._torch_transformer import untrained

    images = image_set("digits").moved(20, 1, 0)
    model = untrained(images, 0).eval()
    *below, logits = model
    with torch.no_grad():
        tokens = torch.nn.Sequential(*below)(torch.from_numpy(images.test_pictures[:3, None]))
        assert tokens.shape == (3, 1 + 16, 64)
        others = tokens.clone()
        others[:, 1:] = 0
        torch.testing.assert_close(logits(others), logits(tokens))


def test_semantic_rsms_of_transformers_find_moved_digits(results):
    result = results("transformer")
    pearson, hits = result.table("Pearson"), result.table("hit@1")
    where = {"tokens": "class token left out", "kernel": "cosine"}
    for block, margin in (("seed 0, block1", 0.25), ("seed 0, block2", 0.2)):
        spatial, semantic = (
            values(pearson, way, block=block, **where)[0] for way in ("spatial", "semantic")
        )
        assert semantic < spatial - margin
    spatial, semantic = (
        values(hits, way, same="digit", **where) for way in ("spatial", "semantic")
    )
    for before, after in zip(spatial, semantic, strict=True):
        assert after > before + 0.2


@pytest.mark.parametrize("pictures", ["one object", "sets of three"])
def test_semantic_rsms_find_what_changed_places(results, pictures):
    hits = results("retrieval").table("hit@1")
    where = {"pictures": pictures, "kernel": "cosine"}
    spatial, pooled, semantic = (
        values(hits, way, **where) for way in ("spatial", "pooled", "semantic")
    )
    for before, means, after in zip(spatial, pooled, semantic, strict=True):
        assert after > before + 0.15
        assert means > before + 0.2  # no change of places alters means either
    assert semantic[0] > spatial[0] + 0.5
    assert semantic[0] >= pooled[0]  # in the finest layer
    for score, margin in (("mean average precision", 0.2), ("F1@1", 0.12)):
        table = results("retrieval").table(score)
        if score == "F1@1" and pictures == "one object":
            continue  # the same as hit@1
        spatial, semantic = (values(table, way, **where) for way in ("spatial", "semantic"))
        assert min(np.subtract(semantic, spatial)) > margin


def test_approximate_matchings_find_nearly_the_same(results):
    result = results("retrieval")
    exact = values(result.table("hit@1"), "semantic", pictures="one object", kernel="cosine")[0]
    approximate = result.table("Approximate")
    for matching in ("greedy", "window 16", "bfloat16", "int8"):
        where = {"pictures": "one object", "layer": "random.layer2", "matching": matching}
        assert values(approximate, "hit@1", **where)[0] > exact - 0.1


def test_layers_are_found_again_far_above_chance(results):
    result = results("layer_identification")
    (accuracy,) = values(result.table("Networks"), "lowest", architecture="mlp")
    assert accuracy > 0.95
    found = result.table("Layers whose most similar layer")
    (chance,) = values(found, "mlp, flatten", measure="by chance")
    for measure, least in (
        ("GBS, full graphs", 0.6),
        ("GBS, full, centred", 0.45),
        ("GBS, k = 10", 0.45),
        ("CKA, linear, debiased", 0.4),
        ("Procrustes", 0.55),
    ):
        (rate,) = values(found, "mlp, flatten", measure=measure)
        assert rate > least > 2.5 * chance
    assert min(values(found, "mlp, flatten")[:-1]) > 0.35  # of all measures
    apart = result.table("Whether the same layer")
    for measure in ("GBS, full, centred", "CKA, linear, debiased"):
        (gap,) = values(apart, "difference", measure=measure, layer="layer1")
        (p,) = values(apart, "p", measure=measure, layer="layer1")
        assert gap > 0.015
        assert p < 0.05
    for _, *rates in result.table("The same by the number of pictures").rows:
        assert all(rate.low <= rate.value <= rate.high for rate in rates if rate != "")
        assert "" in rates or rates[-1].value > rates[0].value  # more pictures, more layers found


def test_classes_become_communities_of_trained_networks_alone(results):
    table = results("class_structure").table("Class structure")
    for measure, margin in (("modularity", 0.2), ("one class", 0.3)):
        kinds = ("trained", "untrained", "random labels")
        trained, untrained, by_heart = (
            values(table, f"{measure}, {kind}", layer="layer6")[0] for kind in kinds
        )
        assert trained > untrained + margin > by_heart + 2 * margin
        (first,) = values(table, f"{measure}, trained", layer="layer1")
        assert trained > first
    learned = values(results("class_structure").table("Accuracy"), "of its pictures")
    assert min(learned[0], learned[2]) > 0.85  # labels drawn at random are learned by heart
    assert learned[1] < 0.3


def test_attacks_move_layers_more_than_noise_of_their_size(results):
    result = results("adversarial_inputs")
    rates = result.table("Accuracy")
    clean, fgsm, pgd, noise = (
        values(rates, "accuracy", pictures=pictures)[0]
        for pictures in ("clean", "FGSM 0.2", "PGD 0.2", "noise 0.2")
    )
    assert clean - noise < 0.15 < 0.8 < clean - fgsm < clean - pgd
    table = result.table("Similarity")
    for measure, margin in (
        ("GBS, full, centred", 0.4),
        ("GBS, k = 10", 0.25),
        ("CKA, linear, debiased", 0.4),
    ):
        fgsm, pgd, noise, between = (
            values(table, measure, pictures=pictures)[0]
            for pictures in (
                "clean and FGSM 0.2",
                "clean and PGD 0.2",
                "clean and noise 0.2",
                "FGSM 0.2 and PGD 0.2",
            )
        )
        assert noise > max(fgsm, pgd) + margin
        assert between > max(fgsm, pgd) + margin / 2  # both attacks go to the same place


def drawn_network():
    """An untrained network with some of its pictures."""
    images = image_set("digits")
    return Mlp(_drawn((64, 32, 32, images.classes), 0)), images


def test_gradients_of_networks_are_those_of_the_loss():
    network, images = drawn_network()
    pictures, labels = images.test_pictures[:3], images.test_labels[:3]

    def loss(x):
        scores = network.logits(x.astype(np.float64))
        return np.log(np.exp(scores).sum(axis=1)).sum() - scores[range(3), labels].sum()

    towards = np.random.default_rng(0).standard_normal(pictures.shape)
    slope = (loss(pictures + 1e-5 * towards) - loss(pictures - 1e-5 * towards)) / 2e-5
    found = np.sum(network.gradient(pictures, labels) * towards)
    assert found == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize("change", [fgsm, pgd, noise])
def test_attacks_stay_within_their_strength(change):
    network, images = drawn_network()
    pictures, labels = images.test_pictures[:20], images.test_labels[:20]
    changed = change(network, pictures, labels, 0.1)
    assert np.abs(changed - pictures).max() == pytest.approx(0.1, rel=1e-5)
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_layers_found_again_are_counted_by_pairs_of_networks():
    values = np.zeros((2, 3, 2, 3))
    values[0, :, 1], values[1, :, 0] = np.eye(3), np.eye(3)[[0, 2, 1]]
    np.testing.assert_allclose(rates_of(values), [[np.nan, 1], [1 / 3, np.nan]])
    layers = dict.fromkeys(("stem", "stage1_1", "stage1_2"))
    assert correspondence(np.eye(3), layers, layers) == (1, 1, 1)
    assert correspondence(np.eye(3)[[0, 2, 1]], layers, layers) == (
        pytest.approx(1 / 3),
        1,
        pytest.approx(0.5),
    )
    undefined = np.where(np.eye(3) == 1, 0.5, [np.nan, np.nan, -1])
    assert correspondence(undefined, layers, layers) == (1, 1, 1)


def test_intervals_of_pairs_draw_the_members_of_each_side():
    values = np.repeat([[0.0], [1.0], [2.0]], 3, axis=1)
    np.fill_diagonal(values, np.nan)
    mean, low, high = mean_over_pairs(values)
    assert mean == pytest.approx(1)
    assert 0 <= low < 1 < high <= 2
    for pairs in (np.repeat([[0.0], [2.0]], 5, axis=1), np.repeat([[0.0, 2.0]], 5, axis=0)):
        assert mean_over_pairs(pairs, groups=2) == pytest.approx((1, 0, 2))


def residual_network(images):
    """A network of two residual blocks in each stage, whose batch norms saw the pictures."""
    torch = pytest.importorskip("torch")
    from isogram.experiments import _torch_classifiers as of_torch

    torch.manual_seed(0)
    model = of_torch.untrained("resnet", images, 0, 2)
    of_torch.fit(model, images, 0, 0)
    return of_torch.TorchClassifier(model.eval().requires_grad_(False))


def test_blocks_that_do_nothing_can_be_removed():
    images = image_set("digits")
    network = residual_network(images)
    from isogram.experiments._torch_classifiers import removable, without

    assert removable(network) == ["stage1_1", "stage1_2", "stage2_2", "stage3_2"]
    for parameter in network.model.stage2_2.second.parameters():
        parameter.zero_()
    pictures = images.test_pictures[:20]
    rest = without(network, ["stage2_2"], images, 0, 0)
    assert list(rest.layers(pictures)) == [
        name for name in network.layers(pictures) if name != "stage2_2"
    ]
    np.testing.assert_allclose(rest.logits(pictures), network.logits(pictures), atol=1e-6)
    other = without(network, ["stage1_1"], images, 0, 0)
    assert np.abs(other.logits(pictures) - network.logits(pictures)).max() > 0.01


def test_blocks_are_counted_where_modularity_rises_least_and_most():
    rises = {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1, "e": 0.0, "f": -0.1}
    table = by_block([rises, rises | {"c": 0.05, "d": 0.25}])
    assert values(table, "rise of modularity")[:3] == pytest.approx([0.4, 0.3, 0.125])
    assert table.column("among the 3 least") == [0, 0, 1, 1, 2, 2]
    assert table.column("among the 3 largest") == [2, 2, 1, 1, 0, 0]


def test_networks_stitched_to_themselves_predict_as_before():
    images = image_set("digits")
    network = residual_network(images)
    from isogram.experiments._torch_classifiers import stitched_accuracies

    pictures = images.test_pictures[:100]
    predicted = network.logits(pictures).argmax(axis=1)
    rates = stitched_accuracies(network, network, images.pictures[:200], pictures, predicted)
    assert len(rates) == 8
    assert min(rates) > 0.98


def test_modularity_tells_how_features_transfer(results):
    table = results("pruning").table("The same")
    (rank,) = values(table, "modularity", layer="logits")
    (first,) = values(table, "modularity", layer="layer1")
    assert first > rank + 0.25
    (shallow,) = values(table, "accuracy of readout", layer="layer1")
    (last,) = values(table, "accuracy of readout", layer="logits")
    assert shallow > last + 0.2
    (both,) = values(table, "accuracy of readout", layer="Spearman's correlation of both")
    assert both > 0.8


def test_debiased_estimators_do_not_depend_on_the_number_of_pictures(results):
    result = results("estimators")
    related = result.table("CKA of related features by pictures")
    unrelated = result.table("CKA of unrelated features by pictures")
    few, many = related.header[1], related.header[-1]

    def of(table, name, pictures):
        return values(table, pictures, estimator=name)[0]

    assert of(unrelated, "biased", few) > 0.2 > 0.05 > of(unrelated, "biased", many)
    for name in ("debiased", "calibrated"):
        assert abs(of(unrelated, name, few)) < 0.1
    assert abs(of(related, "debiased", few) - of(related, "debiased", many)) < 0.03
    batches = result.table("CKA of unrelated features by size of batches")
    smallest = batches.header[1]
    assert of(batches, "mean of batches", smallest) > 0.5
    assert abs(of(batches, "sums of batches", smallest)) < 0.1
    features = result.table("CKA of related features by features")
    narrow, half, wide = features.header[1:]
    assert of(features, "debiased", wide) > of(features, "debiased", narrow) + 0.15
    gains = [
        of(features, it, wide) - of(features, it, half) for it in ("debiased", "feature-debiased")
    ]
    assert gains[0] > 0.1 > 0.05 > abs(gains[1])


def test_approximate_matchings_are_near_the_optimum(results):
    (table,) = results("approximations").findings.tables
    for column in ("of the optimum", "Spearman of RSMs"):
        for matching, least in (
            ("greedy", 0.95),
            ("rank 16", 0.98),
            ("bfloat16", 0.99),
            ("int8", 0.99),
            ("topk 16", 0.9),
            ("window 16", 0.8),
        ):
            assert min(values(table, column, matching=matching)) > least
    (in_place,) = values(table, "of the optimum", matching="in place", layer="random.layer2")
    assert in_place < 0.75
    assert max(values(table, "of the optimum")) <= 1 + 1e-6


def test_semantic_and_spatial_rsms_grow_alike_over_depth(results):
    result = results("layers")
    for network in ("first", "second"):
        first, last = (
            values(result.table("CKA between the semantic"), "CKA", layer=f"{network}.layer{depth}")
            for depth in (2, 4)
        )
        assert last[0] > first[0] + 0.05
    diagonal = result.table("CKA between the semantic")
    whole = result.table("CKA of semantic RSMs")
    for layer, cka in zip(diagonal.column("layer"), values(diagonal, "CKA"), strict=True):
        assert values(whole, layer, semantic=layer) == [pytest.approx(cka)]
    lies = result.table("Where similarity lies")
    for layer, margin in (("first.layer2", 0.3), ("second.layer2", 0.3), ("first.layer3", 0.25)):
        (in_place,) = values(lies, "object on object, in place", layer=layer)
        (matched,) = values(lies, "matched", layer=layer)
        assert matched > in_place + margin  # the object meets itself


def test_matching_does_not_see_the_order_of_words(results):
    table = results("text").table("Cosine similarity")
    where = {"layer": "drawn", "words": "matched"}
    assert values(table, "reordered", **where) == pytest.approx([1], abs=1e-6)
    assert values(table, "paraphrase", **where)[0] < 0.5  # vectors that know no synonyms
    assert values(table, "reordered", layer="drawn", words="in place")[0] < 0.8
    assert values(table, "reordered", layer="drawn", words="pooled") == pytest.approx([1], abs=1e-6)


def test_measures_keep_what_they_declare(results):
    (table,) = results("invariances").findings.tables
    for measure in ig.measures().values():
        for change in measure.invariances:
            assert values(table, change, measure=measure.name)[0] < 1e-6
    semantic, spatial = (
        values(table, "permutation of tokens", measure=f"RSA of {way} RSMs")[0]
        for way in ("semantic", "spatial")
    )
    assert semantic < 1e-6 < 0.1 < spatial
    assert values(table, "permutation of tokens", measure="cka")[0] > 0.1
    assert max(values(table, "float16")) < 0.05


def test_a_job_of_many_pictures_is_extrapolated(results):
    (table,) = results("scale").findings.tables
    done, whole = (values(table, column, what="pairs")[0] for column in ("computed", "of all"))
    assert whole == 5000 * 4999 // 2
    assert 0 < done <= whole
    (kept,) = values(table, "computed", what="of these kept from the first call")
    (tiles,) = values(table, "computed", what="tiles")
    assert 0 < kept <= tiles  # the second call went on where the first had stopped
    seconds, all_seconds = (
        values(table, column, what="seconds")[0] for column in ("computed", "of all")
    )
    assert all_seconds == pytest.approx(seconds * whole / done)
