// Facts and plans as dicts of numbers and arrays, which Python can pickle, and back.
#pragma once

#include <pybind11/pybind11.h>

#include <vector>

#include "isogram/gram_facts.hpp"

namespace isogram::bindings {

pybind11::dict to_dict(const GramFacts& facts);
GramFacts gram_facts_from(const pybind11::dict& dict);

// A vector as an array of doubles, and back.
pybind11::object to_doubles(const std::vector<double>& values);
std::vector<double> doubles_from(const pybind11::handle& array);

}  // namespace isogram::bindings
