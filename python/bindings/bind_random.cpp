// The integers of NumPy's `default_rng(seed)`, bit for bit, without the module numpy.random: its
// import takes longer than this package's, and must not happen later, when a signal handler could
// interrupt it.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "module.hpp"

namespace isogram::bindings {

namespace {

namespace py = pybind11;
using namespace py::literals;

__extension__ typedef unsigned __int128 Wide;

Wide wide(std::uint64_t high, std::uint64_t low) {
  return Wide{high} << 64 | low;
}

// Spreads a seed over all bits of a generator's state: O'Neill's seed_seq_fe, as in NumPy's
// SeedSequence.
class SeedSequence {
 public:
  // `words` are the seed's 32-bit words, the lowest first.
  explicit SeedSequence(const std::vector<std::uint32_t>& words) {
    for (std::size_t i = 0; i < pool_.size(); ++i)
      pool_[i] = hashed(i < words.size() ? words[i] : 0);
    for (std::size_t from = 0; from < pool_.size(); ++from) {
      for (std::size_t to = 0; to < pool_.size(); ++to) {
        if (from != to) pool_[to] = mixed(pool_[to], hashed(pool_[from]));
      }
    }
    for (std::size_t i = pool_.size(); i < words.size(); ++i) {
      for (std::uint32_t& entry : pool_) entry = mixed(entry, hashed(words[i]));
    }
  }

  std::array<std::uint64_t, 4> state() const {
    std::array<std::uint64_t, 4> result{};
    std::uint32_t constant = 0x8b51f9dd;
    for (std::size_t i = 0; i < 2 * result.size(); ++i) {
      const std::uint32_t half = hash(pool_[i % pool_.size()], constant, 0x58f38ded);
      result[i / 2] |= std::uint64_t{half} << (32 * (i % 2));
    }
    return result;
  }

 private:
  static std::uint32_t hash(std::uint32_t value, std::uint32_t& constant, std::uint32_t factor) {
    value ^= constant;
    constant *= factor;
    value *= constant;
    return value ^ value >> 16;
  }

  static std::uint32_t mixed(std::uint32_t x, std::uint32_t y) {
    const std::uint32_t sum = 0xca01f9ddU * x - 0x4973f715U * y;
    return sum ^ sum >> 16;
  }

  std::uint32_t hashed(std::uint32_t value) { return hash(value, constant_, 0x931e8875); }

  std::uint32_t constant_ = 0x43b0d7e5;
  std::array<std::uint32_t, 4> pool_{};
};

constexpr std::uint64_t kHalf = std::uint64_t{1} << 32;

// O'Neill's PCG64 (XSL RR 128/64).
class Pcg64 {
 public:
  explicit Pcg64(const std::vector<std::uint32_t>& words) {
    const auto [high, low, stream_high, stream_low] = SeedSequence(words).state();
    increment_ = wide(stream_high, stream_low) << 1 | 1;
    step();
    state_ += wide(high, low);
    step();
  }

  // Fills `out` with uniform integers from 0 to end - 1, by Lemire's method.
  void fill(std::uint64_t end, py::array_t<std::int64_t>& out) {
    if (end == 0) throw py::value_error("expected an end above 0");
    auto entries = out.mutable_unchecked<1>();
    for (py::ssize_t i = 0; i < entries.shape(0); ++i) {
      entries(i) =
          static_cast<std::int64_t>(end == 1       ? 0
                                    : end <= kHalf ? below<std::uint32_t, std::uint64_t>(end)
                                                   : below<std::uint64_t, Wide>(end));
    }
  }

 private:
  void step() { state_ = state_ * wide(0x2360ed051fc65da4, 0x4385df649fccf645) + increment_; }

  // The high word of a random word times `end`; `end` is at most the largest word plus one.
  template <class Word, class Product>
  std::uint64_t below(std::uint64_t end) {
    constexpr Word kMost = std::numeric_limits<Word>::max();
    while (true) {
      const Product product = static_cast<Product>(next<Word>()) * end;
      const auto low = static_cast<Word>(product);
      if (low >= end || low >= (kMost - (end - 1)) % end) {
        return static_cast<std::uint64_t>(product >> std::numeric_limits<Word>::digits);
      }
    }
  }

  template <class Word>
  Word next() {
    if constexpr (sizeof(Word) == 8) {
      step();
      const auto high = static_cast<std::uint64_t>(state_ >> 64);
      return std::rotr(high ^ static_cast<std::uint64_t>(state_), static_cast<int>(high >> 58));
    } else {  // the low half of a number, then its high half
      if (high_half_) {
        const std::uint32_t half = *high_half_;
        high_half_.reset();
        return half;
      }
      const auto number = next<std::uint64_t>();
      high_half_ = static_cast<std::uint32_t>(number >> 32);
      return static_cast<std::uint32_t>(number);
    }
  }

  Wide state_ = 0;
  Wide increment_ = 0;
  std::optional<std::uint32_t> high_half_;
};

}  // namespace

void register_random(py::module_& module) {
  py::class_<Pcg64>(module, "Pcg64", ordinary_class())
      .def(py::init<const std::vector<std::uint32_t>&>(), "seed_words"_a)
      .def("fill", &Pcg64::fill, "end"_a, "out"_a.noconvert());
}

}  // namespace isogram::bindings
