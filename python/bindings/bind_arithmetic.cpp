#include <pybind11/pybind11.h>

#include <optional>

#include "isogram/arithmetic.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

// UsualArithmetic as a context manager, for NumPy's arithmetic.
class UsualArithmeticScope {
 public:
  void enter() { scope_.emplace(); }
  void exit(const pybind11::args&) { scope_.reset(); }

 private:
  std::optional<UsualArithmetic> scope_;
};

}  // namespace

void register_arithmetic(pybind11::module_& module) {
  pybind11::class_<UsualArithmeticScope>(module, "UsualArithmetic", ordinary_class())
      .def(pybind11::init<>())
      .def("__enter__", &UsualArithmeticScope::enter)
      .def("__exit__", &UsualArithmeticScope::exit);
}

}  // namespace isogram::bindings
