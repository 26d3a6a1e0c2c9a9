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
  // The number of nodes without an edge of nonzero weight, per layer: zero rows, or rows orthogonal
  // to all others. Their cosine counts as 0.
  std::vector<std::size_t> isolated_x;
  std::vector<std::size_t> isolated_y;
};

// GBS(G1, G2) = (1/n) Σ_i cos(A1[i, :], A2[i, :]) between the graphs of every layer of x and every
// layer of y (or of x again); a zero row gives 0. k = 0 compares the full graphs of dense_graph(),
// k > 0 the symmetrised k-NN graphs of knn_graph() (graph.hpp). The edges of the paper's code
// differ where a row has fewer than k positive cosines. Only rounding can leave [−1, 1]: GBS is
// clamped to it. The same bits for any number of threads.
//
// Types: any → T → float64 sums, T = double if any layer is float64, else float.
// Cost: n²d/2 multiply-adds per layer; full graphs: n² more per pair of layers.
// Memory: a tile of each layer per thread, and n float64 sums per pair of layers. Full graphs:
// these twice, and all layers packed once, or the n²/2 cosines of a layer where that is less than
// half. k-NN graphs: the sparse graphs of all layers.
// Throws std::invalid_argument: no layers, layers of different n, n < 2, a layer without features,
// a NaN or infinity, k ≥ n.
GbsTable gbs_table(std::span<const InputView> x, std::size_t k, bool center,
                   const Execution& execution = {});
GbsTable gbs_table(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                   bool center, const Execution& execution = {});

// The same of Gram matrices K that are given in place of features. Edges are the cosines
// K_ij / √(K_ii K_jj), with `center` of H K H, H = I − 11ᵀ/n; with an empty y the matrices of x are
// compared with each other. Matrices are symmetric as for hsic_table_of_grams() (cka.hpp). Of equal
// cosines the smaller column is the nearer; a centred sample whose square is at most 64 roundings
// of float64 of the largest counts as 0.
//
// Types: any → float64. Cost: n² per matrix and per pair. Matrices are read twice where they lie.
// Memory: a tile of each matrix per thread, and n sums per pair; k-NN graphs: all of them.
// Throws std::invalid_argument: as gbs_table(), a matrix that is not square or not symmetric, or
// whose diagonal has an entry that is no squared norm.
GbsTable gbs_table_of_grams(std::span<const InputView> x, std::span<const InputView> y,
                            std::size_t k, bool center, const Execution& execution = {});

// ---- Tile by tile ----------------------------------------------------------------------------
//
// The same table in three steps, so that tiles can be computed in any order and on any machine:
// plan_gbs() surveys all samples, gbs_of_tile() reads one tile's samples alone, and gbs_of_parts()
// adds parts in the order of the tiles. With the default edge the table has the bits of
// gbs_table(); with another edge it differs by the rounding of sums.

// Everything that decides a table, except the samples themselves.
struct GbsPlan {
  std::size_t samples = 0;
  std::size_t x_layers = 0;
  std::size_t y_layers = 0;
  bool is_symmetric = false;          // the layers of x are compared with each other
  std::size_t k = 0;                  // 0: full graphs
  bool is_float64 = false;            // cosines are computed in float64, else in float32
  std::size_t edge = 0;               // rows and columns of a tile
  std::vector<std::size_t> features;  // of every layer
  std::vector<GramFacts> layers;      // x first; then y, unless is_symmetric
};

// The k nearest neighbours of each sample of a tile's rows (or columns) among its columns (or
// rows), in one layer, in no order.
struct NearestSamples {
  std::vector<std::int32_t> indices;  // samples × k; −1 where the tile has fewer than k
  std::vector<double> cosines;
  std::vector<double> closeness;  // ranks neighbours whose cosines are nearly equal
};

// The part of one tile. Full graphs: Σ_j A_ij B_ij for every pair of layers and every row of the
// tile, and off the diagonal for every column (the rows of the mirrored tile). k-NN graphs: the
// neighbours of the tile's rows and columns, in every layer.
struct GbsPart {
  std::vector<double> row_products;
  std::vector<double> col_products;
  std::vector<NearestSamples> of_rows;
  std::vector<NearestSamples> of_cols;
};

// Surveys all samples. With an empty y the layers of x are compared with each other. `edge` is the
// number of rows and columns of a tile; 0 stands for 6144, or for 24576 with k-NN graphs, which
// have no sums. With Kernel::correlation the edges are those, for knn_graph_of_parts() too.
// Types: any → float64. Cost: one pass over the samples where there are several tiles, and one or
// two more for centred graphs and for layers with more features than samples. Memory: rows as
// float64 per thread.
// Throws std::invalid_argument as gbs_table() does.
GbsPlan plan_gbs(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                 bool center, std::size_t edge = 0, Kernel kernel = Kernel::cosine,
                 const Execution& execution = {});

// The tiles on and above the diagonal, in the order of the parts.
std::vector<SampleTile> tiles_of(const GbsPlan& plan);

// The part of one tile. `rows` and `cols` are views of the tile's rows and columns in every layer;
// for a tile on the diagonal `cols` may be empty.
// Types and cost: the tile's share of gbs_table(). Memory: these rows and columns packed as T, and
// a tile of each layer per thread.
// Throws std::invalid_argument: views that do not have the tile's rows and the plan's features, a
// NaN or infinity.
GbsPart gbs_of_tile(const GbsPlan& plan, const SampleTile& tile, std::span<const InputView> rows,
                    std::span<const InputView> cols, const Execution& execution = {});

// The table from the parts of all tiles, in the order of tiles_of().
// Cost: n per pair of layers and tile; k-NN graphs: n·k per layer and tile, and per pair of layers.
// Memory: n float64 sums per pair of layers, or the sparse graphs.
// Throws std::invalid_argument: another number of parts than of tiles, a part whose sizes are not
// its tile's, a neighbour that is no sample of the plan, a NaN cosine.
GbsTable gbs_of_parts(const GbsPlan& plan, std::span<const GbsPart> parts,
                      const Execution& execution = {});

// The k-NN graph of one layer from the parts of all tiles, with the bits of knn_graph(). T must be
// double if the plan's is_float64 is set, else float.
// Cost and memory: n·k edges per tile. Throws std::invalid_argument: a plan of full graphs, no such
// layer, and as gbs_of_parts().
template <class T>
Csr<T> knn_graph_of_parts(const GbsPlan& plan, std::size_t layer, std::span<const GbsPart> parts,
                          bool symmetrize, const Execution& execution = {});

}  // namespace isogram
