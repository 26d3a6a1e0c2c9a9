"""CKA between the layers of two small CNNs, from the models and a loader to a picture.

    python -m pip install 'isogram[torch,plot]'
    python compare_models.py --plot cka.png

Both learn for a moment to tell striped pictures from checked ones, from different random weights.
"""

from __future__ import annotations

import argparse

import torch
from isogram import plot
from isogram.torch import compare_models
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def pictures(n: int) -> TensorDataset:
    """Stripes (0) and checks (1) of random widths, with noise."""
    labels = torch.randint(0, 2, (n,))
    width = torch.randint(1, 5, (n, 1, 1))
    stripes = torch.sin(torch.arange(16) / width) + torch.zeros(n, 16, 1)
    checks = stripes * stripes.transpose(1, 2)
    clean = torch.where(labels[:, None, None] == 0, stripes, checks)
    return TensorDataset((clean + 0.3 * torch.randn(n, 16, 16))[:, None], labels)


def trained(seed: int, loader: DataLoader) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential()
    for i, (channels, width) in enumerate([(1, 8), (8, 16), (16, 16)], start=1):
        model.add_module(f"conv{i}", nn.Conv2d(channels, width, 3, padding=1))
        model.add_module(f"norm{i}", nn.BatchNorm2d(width))
        model.add_module(f"relu{i}", nn.ReLU(inplace=True))
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flat", nn.Flatten())
    model.add_module("head", nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for images, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", default="cka.png", help="where to draw (default: cka.png)")
    target = parser.parse_args().plot

    torch.manual_seed(0)
    loader = DataLoader(pictures(1024), batch_size=64, shuffle=True)
    a, b = trained(1, loader), trained(2, loader)

    result = compare_models(a, b, loader, layers=["conv*", "relu*", "head"], limit=512)
    plot.save(plot.heatmap(result, ylabel="a", xlabel="b", label="CKA"), target)


if __name__ == "__main__":
    main()
