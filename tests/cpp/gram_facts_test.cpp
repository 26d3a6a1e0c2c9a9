// Tiles of Gram matrices, from their own rows and the facts of all rows.
#include "tiles/gram_facts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "gram_expected.hpp"
#include "isogram/gram_facts.hpp"
#include "support.hpp"
#include "tiles/tile.hpp"

namespace {

using namespace isogram_test;
using isogram::Cell;
using isogram::Columns;
using isogram::GramFacts;
using isogram::GramTiles;
using isogram::kTileEdge;
using isogram::kTileSize;
using isogram::Span;

template <class T>
class GramOfSomeRows : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(GramOfSomeRows, Types);

// Rows of x in memory of their own.
Input rows_of(const Matrix& x, Span rows, ElementType type) {
  return Input(type, Order::c,
               Matrix(x.begin() + static_cast<std::ptrdiff_t>(rows.begin),
                      x.begin() + static_cast<std::ptrdiff_t>(rows.end)));
}

struct Part {
  Span rows;
  Input input;
};

// All rows of x, at most `edge` in a part.
std::vector<Part> parts_of(const Matrix& x, std::size_t edge, ElementType type) {
  std::vector<Part> parts;
  for (std::size_t r = 0; r < x.size(); r += edge) {
    const Span rows{r, std::min(x.size(), r + edge)};
    parts.push_back({rows, rows_of(x, rows, type)});
  }
  return parts;
}

// A matrix in one piece and in small and large parts: converted once for all kernels.
struct Pieces {
  ElementType type;
  Input all;
  std::vector<std::vector<Part>> parts;

  Pieces(const Matrix& x, ElementType of_type)
      : type(of_type),
        all(of_type, Order::c, x),
        parts{parts_of(x, x.size() > kTileEdge ? kTileEdge : kTileEdge / 4, of_type),
              parts_of(x, 2 * kTileEdge, of_type)} {}
};

// All entries, row by row; of a symmetric matrix, the tiles on and above the diagonal.
template <class T>
std::vector<T> entries_of(const GramTiles<T>& tiles, bool is_symmetric) {
  std::vector<T> entries(tiles.rows() * tiles.cols());
  std::vector<T> tile(kTileSize);
  for (std::size_t r = 0; r < isogram::tiles_in(tiles.rows()); ++r) {
    for (std::size_t c = is_symmetric ? r : 0; c < isogram::tiles_in(tiles.cols()); ++c) {
      const Span rows = isogram::tile_span(r, tiles.rows());
      const Span cols = isogram::tile_span(c, tiles.cols());
      tiles.compute({r, c}, tile.data());
      for (std::size_t i = rows.begin; i < rows.end; ++i) {
        for (std::size_t j = cols.begin; j < cols.end; ++j) {
          const T entry = tile[(i - rows.begin) * kTileEdge + j - cols.begin];
          entries[i * tiles.cols() + j] = entry;
          if (is_symmetric) entries[j * tiles.cols() + i] = entry;
        }
      }
    }
  }
  return entries;
}

// Expects the entries of the whole matrix from any parts of its rows and columns.
template <class T>
void expect_same_bits(const Pieces& x, const KernelOptions& options, Columns columns) {
  SCOPED_TRACE(name_of(options.kernel) + ", columns " + std::to_string(static_cast<int>(columns)) +
               ", " + isogram_test::name_of(x.type) +
               (sizeof(T) == 4 ? " in float" : " in double"));
  const GramTiles<T> whole(x.all.view(), options, columns, {});
  const std::vector<T> want = entries_of(whole, true);
  const GramFacts facts =
      isogram::survey_gram<T>(x.all.view(), nullptr, options, columns, isogram::Execution{});
  for (const std::vector<Part>& parts : x.parts) {
    for (std::size_t r = 0; r < parts.size(); ++r) {
      for (std::size_t c = r; c < parts.size(); ++c) {
        const isogram::InputView own = parts[r].input.view();
        const isogram::InputView other = parts[c].input.view();
        const auto tiles =
            r == c ? GramTiles<T>(own, facts, {}) : GramTiles<T>(own, other, facts, {});
        ASSERT_EQ(tiles.exponent(), whole.exponent());
        ASSERT_EQ(tiles.facts().may_overflow(), whole.facts().may_overflow());
        const std::vector<T> got = entries_of(tiles, r == c);
        const Span rows = parts[r].rows;
        const Span cols = parts[c].rows;
        for (std::size_t i = rows.begin; i < rows.end; ++i) {
          for (std::size_t j = cols.begin; j < cols.end; ++j) {
            ASSERT_EQ(got[(i - rows.begin) * cols.size() + j - cols.begin],
                      want[i * whole.cols() + j])
                << at(i, j);
          }
        }
      }
    }
  }
}

bool can_be_shifted(Kernel kernel) {
  return kernel == Kernel::linear || kernel == Kernel::cosine || kernel == Kernel::correlation;
}

template <class T>
void expect_same_bits_of_every_kernel(const Matrix& x, ElementType type) {
  const Pieces pieces(x, type);
  for (KernelOptions options : kKernels) {
    options.bandwidth *= std::sqrt(static_cast<double>(x[0].size()));
    expect_same_bits<T>(pieces, options, Columns::as_given);
    if (options.kernel == Kernel::cosine) expect_same_bits<T>(pieces, options, Columns::centered);
    if (!can_be_shifted(options.kernel)) continue;
    expect_same_bits<T>(pieces, options, Columns::shifted);
    expect_same_bits<T>(pieces, options, Columns::hollow);
  }
}

TYPED_TEST(GramOfSomeRows, HaveTheBitsOfAll) {
  at_every_level([] {
    for (const ElementType type : kTypes) {
      expect_same_bits_of_every_kernel<TypeParam>(normal_matrix(250, 7, 1), type);
    }
  });
}

// Matrices for which a survey of a part would find other facts: the origin, the exponents, the
// axis.
TYPED_TEST(GramOfSomeRows, HaveTheBitsOfAllWhereTheyDiffer) {
  Matrix far = normal_matrix(250, 5, 2, 1, 100);
  for (Real& value : far[3]) value *= 1e9;
  for (Real& value : far[200]) value = 0;
  Matrix scales = normal_matrix(250, 5, 3);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    for (Real& value : scales[i]) value *= i < 96 ? 1e-30 : i < 192 ? 1 : 1e30;
  }
  Matrix halves = normal_matrix(250, 5, 4);
  for (std::size_t i = 96; i < halves.size(); ++i) halves[i][2] += 1e6;
  at_every_level([&] {
    for (const Matrix& x : {far, scales, halves}) {
      for (const ElementType type : {ElementType::float32, ElementType::float64}) {
        expect_same_bits_of_every_kernel<TypeParam>(x, type);
      }
    }
  });
}

// Rows so long that products are summed panel by panel: a part does so too, whatever its size.
TYPED_TEST(GramOfSomeRows, HaveTheBitsOfAllWhereRowsAreLong) {
  const Matrix x = normal_matrix(2 * kTileEdge + 8, 9000, 5);
  for (const ElementType type : {ElementType::float16, ElementType::float32}) {
    expect_same_bits_of_every_kernel<TypeParam>(x, type);
  }
}

// Few of them are surveyed while they are multiplied: with the facts that a survey finds.
TYPED_TEST(GramOfSomeRows, HaveTheBitsOfAllWhereFewRowsAreLong) {
  const Matrix x = normal_matrix(30, 9001, 5);
  const auto changed = [&](std::size_t row, Real factor, Real offset) {
    Matrix other = x;
    for (Real& value : other[row]) value = value * factor + offset;
    return other;
  };
  at_every_level([&] {
    for (const ElementType type : kTypes) expect_same_bits_of_every_kernel<TypeParam>(x, type);
    for (const Matrix& other :
         {normal_matrix(30, 9001, 6, 1e-30), normal_matrix(30, 9001, 7, 1, 1e4),
          normal_matrix(30, 8192, 8, 1, 2) /* whole pages apart */, changed(3, 1e6, 0),
          changed(4, 0, 0), changed(29, 1e-30, 0), changed(0, 1, 1e30)}) {
      for (const ElementType type : {ElementType::float32, ElementType::float64}) {
        expect_same_bits_of_every_kernel<TypeParam>(other, type);
      }
    }
  });
}

TYPED_TEST(GramOfSomeRows, HaveTheBitsOfAllWhereFewRowsOfTwoTilesAreLong) {
  const Matrix x = normal_matrix(kTileEdge + 14, 9001, 5, 1, 30);
  for (const ElementType type : {ElementType::bfloat16, ElementType::float64}) {
    expect_same_bits_of_every_kernel<TypeParam>(x, type);
  }
}

TEST(GramFacts, AreOfFewLongRows) {
  const Input few(ElementType::float32, Order::c, normal_matrix(2 * kTileEdge, 9000, 6));
  const Input more(ElementType::float32, Order::c, normal_matrix(2 * kTileEdge + 1, 9000, 6));
  for (const Columns columns : {Columns::as_given, Columns::centered}) {
    const auto facts = [&](const Input& x) {
      return isogram::survey_gram<float>(x.view(), nullptr, {.kernel = Kernel::cosine}, columns,
                                         isogram::Execution{});
    };
    EXPECT_TRUE(facts(few).has_few_rows);
    EXPECT_FALSE(facts(few).unit_norm);
    EXPECT_FALSE(facts(more).has_few_rows);
  }
}

// The public functions, for one set and for two.
TYPED_TEST(GramOfSomeRows, AreTilesOfGram) {
  using T = TypeParam;
  const Matrix x = normal_matrix(130, 7, 8, 1, 3);
  const Input all(ElementType::float32, Order::c, x);
  const Input others(ElementType::float64, Order::c, normal_matrix(40, 7, 9), "y");
  const isogram::InputView y = others.view();
  const Span top{0, 70};
  const Span bottom{70, 130};
  const Input first = rows_of(x, top, ElementType::float32);
  const Input last = rows_of(x, bottom, ElementType::float32);
  const isogram::InputView cols = last.view();
  for (const KernelOptions& options : kKernels) {
    SCOPED_TRACE(name_of(options.kernel));
    Output<T> own(130, 130);
    Output<T> cross(130, 40);
    isogram::gram<T>(all.view(), options, own.view());
    isogram::gram<T>(all.view(), y, options, cross.view());
    const GramFacts of_own = isogram::gram_facts<T>(all.view(), nullptr, options);
    const GramFacts of_both = isogram::gram_facts<T>(all.view(), &y, options);
    Output<T> diagonal(60, 60);
    Output<T> corner(70, 60);
    Output<T> block(60, 40);
    Output<T> image(60, 70);
    const isogram::MatrixView<T> mirror = image.view();
    EXPECT_TRUE(isogram::gram_tile<T>(last.view(), nullptr, of_own, diagonal.view()));
    EXPECT_TRUE(isogram::gram_tile<T>(first.view(), &cols, of_own, corner.view(), {}, &mirror));
    EXPECT_TRUE(isogram::gram_tile<T>(last.view(), &y, of_both, block.view()));
    for (std::size_t i = 0; i < 60; ++i) {
      for (std::size_t j = 0; j < 60; ++j) ASSERT_EQ(diagonal(i, j), own(70 + i, 70 + j));
      for (std::size_t j = 0; j < 70; ++j) {
        ASSERT_EQ(corner(j, i), own(j, 70 + i));
        ASSERT_EQ(image(i, j), own(j, 70 + i));
      }
      for (std::size_t j = 0; j < 40; ++j) ASSERT_EQ(block(i, j), cross(70 + i, j));
    }
  }
}

TEST(GramFacts, AreOfAllRows) {
  const Input x(ElementType::float32, Order::c, normal_matrix(2 * kTileEdge + 8, 9000, 6));
  const GramFacts facts = isogram::survey_gram<float>(x.view(), nullptr, {.kernel = Kernel::cosine},
                                                      Columns::as_given, isogram::Execution{});
  EXPECT_TRUE(facts.is_deep);
  EXPECT_FALSE(facts.unit_norm);  // long rows are divided by their norms afterwards
  EXPECT_NE(complaint([&] {
              isogram::survey_gram<float>(x.view(), nullptr,
                                          {.kernel = Kernel::rbf, .bandwidth = 0},
                                          Columns::as_given, isogram::Execution{});
            }).find("`bandwidth`"),
            std::string::npos);
}

// Few long rows have little memory: more of them would be written beyond its end.
TEST(GramTile, RefusesMoreRowsThanTheFactsAreOf) {
  const Input few(ElementType::float32, Order::c, normal_matrix(30, 9000, 1));
  const Input many(ElementType::float32, Order::c, normal_matrix(2 * kTileEdge + 1, 9000, 2));
  const isogram::InputView more = many.view();
  const std::size_t n = more.rows;
  std::vector<float> entries(n * n);
  for (const Kernel kernel : {Kernel::linear, Kernel::cosine, Kernel::rbf}) {
    SCOPED_TRACE(name_of(kernel));
    const GramFacts facts = isogram::gram_facts<float>(few.view(), nullptr, {.kernel = kernel});
    ASSERT_TRUE(facts.has_few_rows);
    EXPECT_THROW(isogram::gram_tile<float>(more, nullptr, facts, {entries.data(), n, n}),
                 std::invalid_argument);
    EXPECT_THROW(isogram::gram_tile<float>(few.view(), &more, facts, {entries.data(), 30, n}),
                 std::invalid_argument);
  }
}

// Otherwise memory would be read, or written, beyond its end.
TEST(GramTile, RefusesWhatIsNotOfTheFacts) {
  const Matrix x = normal_matrix(20, 5, 1);
  const Input rows(ElementType::float32, Order::c, x);
  const Input narrow(ElementType::float32, Order::c, normal_matrix(20, 3, 2));
  const Input wide(ElementType::float32, Order::c, normal_matrix(20, 70, 2));
  isogram::InputView none = rows.view();
  none.rows = 0;
  std::vector<float> entries(20 * 20);
  const isogram::MatrixView<float> out(entries.data(), 20, 20);
  for (KernelOptions options : kKernels) {
    SCOPED_TRACE(name_of(options.kernel));
    const GramFacts facts = isogram::gram_facts<float>(rows.view(), nullptr, options);
    const auto refuses = [&](const isogram::InputView& a, const isogram::InputView* b,
                             const isogram::MatrixView<float>& block) {
      EXPECT_THROW(isogram::gram_tile<float>(a, b, facts, block), std::invalid_argument);
    };
    const isogram::InputView shorter = narrow.view();
    const isogram::InputView longer = wide.view();
    refuses(rows.view(), &shorter, out);
    refuses(rows.view(), &longer, out);
    refuses(rows.view(), nullptr, {entries.data(), 20, 4});
    refuses(none, nullptr, {entries.data(), 0, 0});
    if (!facts.origin.empty()) {
      refuses(shorter, nullptr, out);
      refuses(longer, nullptr, out);
    }
    const isogram::InputView cols = rows.view();
    const isogram::MatrixView<float> small(entries.data(), 20, 19);
    EXPECT_THROW(isogram::gram_tile<float>(cols, nullptr, facts, out, {}, &out),
                 std::invalid_argument);
    EXPECT_THROW(isogram::gram_tile<float>(cols, &cols, facts, out, {}, &small),
                 std::invalid_argument);
    EXPECT_TRUE(isogram::gram_tile<float>(cols, nullptr, facts, out));
  }
}

// Rows of an input that are read, each time into the same memory.
class ReadRows : public isogram::RowSource {
 public:
  ReadRows(const Matrix& values, std::size_t at_once) : values_(values), at_once_(at_once) {}

  isogram::InputView read(std::size_t begin, std::size_t end) override {
    read_.clear();
    for (std::size_t i = begin; i < end; ++i) {
      for (const auto value : values_[i]) read_.push_back(static_cast<float>(value));
    }
    return isogram::MatrixView<const float>(read_.data(), end - begin, values_[0].size());
  }

  std::size_t rows_at_once() const override { return at_once_; }

 private:
  const Matrix& values_;
  std::size_t at_once_;
  std::vector<float> read_;
};

TEST(GramFacts, OfRowsThatAreRead) {
  const Input x(ElementType::float32, Order::c, normal_matrix(700, 9, 3));
  const Matrix values = x.values();
  for (KernelOptions options : kKernels) {
    SCOPED_TRACE(name_of(options.kernel));
    const GramFacts expected = isogram::gram_facts<float>(x.view(), nullptr, options);
    for (const std::size_t at_once : {1, 7, 300, 700}) {
      isogram::InputView rows = x.view();
      rows.data = nullptr;
      rows.source = std::make_shared<ReadRows>(values, at_once);
      const GramFacts found = isogram::gram_facts<float>(rows, nullptr, options);
      EXPECT_EQ(found.origin, expected.origin);
      EXPECT_EQ(found.rest, expected.rest);
      EXPECT_EQ(found.exponent, expected.exponent);
    }
  }
}

}  // namespace
