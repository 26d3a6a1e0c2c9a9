#include "isogram/communities.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "flat.hpp"
#include "isogram_reference/communities.hpp"
#include "support.hpp"

namespace {

namespace reference = isogram_reference;
using isogram::Csr;
using isogram::InputView;
using namespace isogram_test;

using Labels = std::vector<std::int64_t>;
using Counts = std::array<std::int64_t, 3>;

// An undirected graph of edges of weight 1.
template <class T>
Csr<T> graph_of(std::size_t n, const std::vector<std::pair<std::size_t, std::size_t>>& edges) {
  std::vector<std::vector<T>> dense(n, std::vector<T>(n));
  for (const auto& [a, b] : edges) dense[a][b] = dense[b][a] = 1;
  Csr<T> graph{{0}, {}, {}};
  for (const auto& row : dense) {
    for (std::size_t j = 0; j < n; ++j) {
      if (row[j] == 0) continue;
      graph.indices.push_back(static_cast<std::int32_t>(j));
      graph.data.push_back(row[j]);
    }
    graph.indptr.push_back(static_cast<std::int64_t>(graph.indices.size()));
  }
  return graph;
}

// Two triangles with an edge between them: 3 of 7 edges lie inside each, and each has 7 of 14 ends.
template <class T>
Csr<T> two_triangles() {
  return graph_of<T>(6, {{0, 1}, {1, 2}, {0, 2}, {2, 3}, {3, 4}, {4, 5}, {3, 5}});
}

// ---- Of a graph ------------------------------------------------------------------------------

template <class T>
void expect_of_two_triangles() {
  const Csr<T> graph = two_triangles<T>();
  EXPECT_NEAR(isogram::modularity(graph, Labels{5, 5, 5, -1, -1, -1}), 6.0 / 7 - 0.5, 1e-15);
  EXPECT_EQ(isogram::modularity(graph, Labels(6)), 0.0);
  EXPECT_NEAR(isogram::modularity(graph, Labels{5, 5, 5, -1, -1, -1}, 3.0), 6.0 / 7 - 1.5, 1e-15);
  EXPECT_NEAR(isogram::modularity(graph, Labels(6), 0.25), 0.75, 1e-15);
  EXPECT_EQ(isogram::motifs(graph, Labels{5, 5, 5, -1, -1, -1}), (Counts{2, 0, 0}));
  EXPECT_EQ(isogram::motifs(graph, Labels{5, 5, -1, -1, -1, -1}), (Counts{1, 1, 0}));
  EXPECT_EQ(isogram::motifs(graph, Labels{1, 2, 3, 4, 5, 6}), (Counts{0, 0, 2}));
}

TEST(Communities, OfAGraphDrawnByHand) {
  expect_of_two_triangles<float>();
  expect_of_two_triangles<double>();
}

TEST(Communities, OfAGraphWithoutEdges) {
  const Csr<double> graph = graph_of<double>(3, {});
  EXPECT_TRUE(std::isnan(isogram::modularity(graph, Labels(3))));
  EXPECT_EQ(isogram::motifs(graph, Labels(3)), (Counts{}));
}

TEST(Communities, WhatIsOnTheDiagonalIsNoEdgeOfATriangle) {
  Csr<double> graph{{0, 2, 5, 7}, {0, 1, 0, 1, 2, 1, 2}, std::vector<double>(7, 1.0)};
  EXPECT_EQ(isogram::motifs(graph, Labels(3)), (Counts{}));
}

TEST(CommunitiesErrors, OfAGraphThatDoesNotFitTogether) {
  const auto modularity_of = [](const Csr<double>& graph) {
    return complaint([&] { isogram::modularity(graph, Labels(6)); });
  };
  const auto motifs_of = [](const Csr<double>& graph) {
    return complaint([&] { isogram::motifs(graph, Labels(6)); });
  };
  const auto expect_complaint = [&](const Csr<double>& graph, const std::string& text) {
    EXPECT_EQ(modularity_of(graph), text);
    EXPECT_EQ(motifs_of(graph), text);
  };
  const std::string shape =
      "`graph` must have nodes, an `indptr` that ascends from 0 to the number of `indices`, and as "
      "much `data`";
  Csr<double> graph = two_triangles<double>();
  graph.data.pop_back();
  expect_complaint(graph, shape);
  graph = two_triangles<double>();
  ++graph.indptr.back();
  expect_complaint(graph, shape);
  graph = two_triangles<double>();
  std::swap(graph.indptr[1], graph.indptr[2]);
  expect_complaint(graph, shape);
  expect_complaint({}, shape);

  const std::string columns = "`graph` must have columns that ascend within 0 to 5 in every row, ";
  graph = two_triangles<double>();
  graph.indices.back() = 6;
  expect_complaint(graph, columns + "got 6 in row 5");
  graph.indices.front() = -1;
  expect_complaint(graph, columns + "got -1 in row 0");
  graph = two_triangles<double>();
  std::swap(graph.indices[0], graph.indices[1]);
  expect_complaint(graph, columns + "got 1 in row 0");

  EXPECT_EQ(complaint([] { isogram::modularity(two_triangles<float>(), Labels(6), -1.0); }),
            "`resolution` must be a finite number of at least 0, got -1.000000");
  EXPECT_EQ(complaint([] { isogram::modularity(two_triangles<float>(), Labels(5)); }),
            "`labels` must have 6 entries, one for each node of `graph`, got 5");
  EXPECT_EQ(complaint([] { isogram::motifs(two_triangles<float>(), Labels(7)); }),
            "`labels` must have 6 entries, one for each node of `graph`, got 7");
}

// ---- Of features -----------------------------------------------------------------------------

// Clusters, so that some triangles have nodes of one class, and some of several.
template <class T>
Data<T> clusters(std::size_t n, std::vector<std::int64_t>& labels) {
  auto data = Data<T>::normal(n, 5, 21);
  labels.clear();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t cluster = i % 4;
    data.row(i)[cluster] += T(2);
    labels.push_back(static_cast<std::int64_t>(cluster) * 1000 - 7);
  }
  return data;
}

template <class T>
void expect_classes(std::size_t n, std::size_t k) {
  std::vector<std::int64_t> labels;
  const Data<T> data = clusters<T>(n, labels);
  EXPECT_NEAR(isogram::modularity(data.view(), labels, k),
              static_cast<double>(reference::modularity(data.rows(), labels, k)),
              32 * std::numeric_limits<T>::epsilon());
  EXPECT_EQ(isogram::motifs(data.view(), labels, k), reference::motifs(data.rows(), labels, k));
}

TEST(Communities, AgreeWithTheReference) {
  at_every_level([] {
    for (const std::size_t k : {1, 3, 9}) {
      expect_classes<float>(110, k);
      expect_classes<double>(60, k);
    }
    expect_classes<float>(20, 19);
  });
}

TEST(Communities, ModularityWithoutEdgesIsUndefined) {
  at_every_level([] {
    const Data<float> zero(5, 2);
    EXPECT_TRUE(std::isnan(isogram::modularity(zero.view(), std::vector<std::int64_t>(5), 2)));
  });
}

TEST(Communities, OneClassHasNoModularityAndOnlyMotifsOfOne) {
  at_every_level([] {
    const auto data = Data<double>::normal(40, 3, 2, 1);
    const std::vector<std::int64_t> labels(40, -3);
    EXPECT_NEAR(isogram::modularity(data.view(), labels, 4), 0.0, 1e-15);
    const auto counts = isogram::motifs(data.view(), labels, 39);
    EXPECT_EQ(counts, (std::array<std::int64_t, 3>{40 * 39 * 38 / 6, 0, 0}));
  });
}

TEST(Communities, MotifsAreTheSameForAnyNumberOfThreads) {
  at_every_level([] {
    const auto data = Data<float>::normal(500, 20, 1, 0.3);
    Labels labels(500);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i % 3);
    const Counts one = isogram::motifs(data.view(), labels, 5, on_threads(1));
    for (const int threads : {2, 3, 8}) {
      EXPECT_EQ(isogram::motifs(data.view(), labels, 5, on_threads(threads)), one);
    }
  });
}

TEST(CommunitiesErrors, OfLabels) {
  const auto data = Data<float>::normal(5, 3, 1);
  const InputView x(data.view(), "x");
  const Labels labels(4);
  EXPECT_EQ(complaint([&] { isogram::modularity(x, labels, 2); }),
            "`labels` must have 5 entries, one for each row of `x`, got 4");
  EXPECT_EQ(complaint([&] { isogram::motifs(x, labels, 2); }),
            "`labels` must have 5 entries, one for each row of `x`, got 4");
}

}  // namespace
