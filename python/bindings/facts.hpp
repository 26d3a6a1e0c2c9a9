// Facts and plans as dicts of numbers and arrays, which Python can pickle, and back.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <tuple>
#include <vector>

#include "isogram/gram_facts.hpp"
#include "isogram/span.hpp"

namespace isogram::bindings {

pybind11::dict to_dict(const GramFacts& facts);
GramFacts gram_facts_from(const pybind11::dict& dict);

// A tile as a tuple (row_begin, row_end, col_begin, col_end), and back.
using TileTuple = std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>;
SampleTile tile_from(const TileTuple& tile);
std::vector<TileTuple> to_tuples(const std::vector<SampleTile>& tiles);

// A vector as an array of doubles, and back.
pybind11::object to_doubles(const std::vector<double>& values);
std::vector<double> doubles_from(const pybind11::handle& array);

}  // namespace isogram::bindings
