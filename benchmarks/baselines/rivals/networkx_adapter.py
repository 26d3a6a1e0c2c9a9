"""networkx: measures of graphs by walking over nodes and edges."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np

from benchmarks.baselines.graph import cosine_graph, knn_graph


def gbs(x: Any, y: Any) -> float:
    """Return the graph-based similarity of two representations, over their full graphs."""
    first = nx.from_numpy_array(cosine_graph(x))
    second = nx.from_numpy_array(cosine_graph(y))
    total = 0.0
    for node in first:
        a = {other: edge["weight"] for other, edge in first[node].items()}
        b = {other: edge["weight"] for other, edge in second[node].items()}
        product = sum(weight * b.get(other, 0.0) for other, weight in a.items())
        norms = sum(w * w for w in a.values()) * sum(w * w for w in b.values())
        total += product / norms**0.5 if norms else 0.0
    return total / len(first)


def modularity(x: Any, labels: Any, k: int) -> float:
    """Return the weighted modularity of the classes in the k-NN graph."""
    graph = nx.from_numpy_array(knn_graph(x, k))
    classes = [set(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
    return float(nx.community.modularity(graph, classes))
