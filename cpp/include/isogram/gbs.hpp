// How alike the cosine graphs of two representations are (Chen et al. 2021, "Graph-Based Similarity
// of Neural Network Representations", arXiv:2111.11165).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "isogram/gram_facts.hpp"
#include "isogram/graph.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "isogram/span.hpp"

namespace isogram {

// Similarities of the graphs of all layers, x.size() × y.size() row by row.
struct GbsTable {
  std::vector<double> gbs;
  // Nodes without an edge of weight other than 0, in the graph of each layer: rows of zeros, or
  // orthogonal to all others. They count 0.
  std::vector<std::size_t> isolated_x;
  std::vector<std::size_t> isolated_y;
};

// GBS(G1, G2) = (1/n) Σ_i cos(A1[i, :], A2[i, :]) between the graphs of every layer of x and of
// every layer of y (or of x again), row by row; a zero row gives 0. Only rounding can leave [−1,
// 1]: that is clamped, nothing else. k = 0 compares the full graphs, else the symmetrised k-NN
// graphs of knn_graph() (graph.hpp), whose edges differ from those of the paper's code where a row
// has fewer than k cosines above 0. Types: any → T → float64 sums, T = double if any layer is
// float64, else float. Cost: n²d/2 multiply-adds for every layer and, for full graphs, n² for every
// pair of them; memory: n float64 sums for every pair (twice those for full graphs), all layers
// packed once (k = 0; or the n²/2 cosines of a layer where that is less than half) or their sparse
// graphs (k > 0), and a tile of each per thread. Bit-identical for any number of threads. Throws
// std::invalid_argument: no layers, layers of different n, n < 2, an empty layer, a NaN or
// infinity, not k < n.
GbsTable gbs_table(std::span<const InputView> x, std::size_t k, bool center,
                   const Execution& execution = {});
GbsTable gbs_table(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                   bool center, const Execution& execution = {});

// The same in four steps, so that tiles can be computed in any order and anywhere: plan_gbs()
// surveys all samples, gbs_of_tile() reads one tile's samples alone, and gbs_of_parts() reduces in
// the order of the tiles. With the default edge the table has the bits of gbs_table(); with another
// it is equal but for the rounding of sums.

// Everything that decides a table, except the samples themselves.
struct GbsPlan {
  std::size_t samples = 0;
  std::size_t x_layers = 0;
  std::size_t y_layers = 0;
  bool is_symmetric = false;          // the layers of y are those of x
  std::size_t k = 0;                  // 0: full graphs
  bool is_float64 = false;            // cosines are computed in float64, else in float32
  std::size_t edge = 0;               // rows and columns of a tile
  std::vector<std::size_t> features;  // of every layer
  std::vector<GramFacts> layers;  // those of x first; those of y follow unless they are those of x
};

// The k nearest neighbours, in one layer, of each of some samples among others, in no order.
struct NearestSamples {
  std::vector<std::int32_t> indices;  // samples × k; −1 where there are fewer others
  std::vector<double> cosines;
  std::vector<double> closeness;  // ranks neighbours whose cosines are nearly equal
};

// The part of one tile. Full graphs: Σ_j A_ij B_ij of every pair of layers for its rows, and of a
// tile off the diagonal for its columns as those of the tile's mirror image. k-NN graphs:
// neighbours of its rows and of its columns, of every layer.
struct GbsPart {
  std::vector<double> row_products;
  std::vector<double> col_products;
  std::vector<NearestSamples> of_rows;
  std::vector<NearestSamples> of_cols;
};

// A pass over the samples of several tiles, and one or two more of centred graphs and of layers
// with more features than samples. Without layers of y those of x are compared with each other.
// `edge` 0 stands for 6144, or for 24576 with k-NN graphs, which have no sums. Throws as
// gbs_table().
GbsPlan plan_gbs(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                 bool center, std::size_t edge = 0, const Execution& execution = {});

// The tiles on and above the diagonal, in the order in which parts are reduced.
std::vector<SampleTile> tiles_of(const GbsPlan& plan);

// One tile, from views of its rows and columns in every layer and of no other samples. For a tile
// on the diagonal `cols` may be empty. Memory: these rows and columns packed, and a tile of each
// layer per thread.
GbsPart gbs_of_tile(const GbsPlan& plan, const SampleTile& tile, std::span<const InputView> rows,
                    std::span<const InputView> cols, const Execution& execution = {});

// The table that the parts of all tiles make, in the order of the tiles.
GbsTable gbs_of_parts(const GbsPlan& plan, std::span<const GbsPart> parts,
                      const Execution& execution = {});

// One of the k-NN graphs that the parts make, with the bits of knn_graph(); T is double if the plan
// is of float64, else float.
template <class T>
Csr<T> knn_graph_of_parts(const GbsPlan& plan, std::size_t layer, std::span<const GbsPart> parts,
                          bool symmetrize, const Execution& execution = {});

}  // namespace isogram
