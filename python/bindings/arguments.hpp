// Shared by all bindings: views of Python's arguments, and calls without the GIL.
//
// The Python layer has checked types, ranks and sizes, with messages for users. The checks here
// only keep a wrong call from reading beyond an array.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interpreter.hpp"
#include "isogram/detail/clock.hpp"
#include "isogram/error.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "isogram/tokens.hpp"

namespace isogram::bindings {

namespace py = pybind11;
using namespace py::literals;

using OptionalArray = std::optional<py::array>;

// A 2-D array of float16, bfloat16 (bit patterns, as uint16), float32 or float64.
InputView input_view(const py::array& array, std::string name);

// The views of a list of such arrays, named by `names`.
std::vector<InputView> input_views(const py::list& arrays, const std::vector<std::string>& names);

// These arrays, or objects with `shape`, `dtype`, `rows_at_once` and rows [begin:end], which are
// read while a survey comes to them.
InputView survey_view(const py::handle& rows, std::string name);
std::vector<InputView> survey_views(const py::list& layers, const std::vector<std::string>& names);

// A 3-D array (inputs, tokens, channels) of a type as above; `lengths` are int32, one per input.
Tokens tokens_view(const py::array& array, const OptionalArray& lengths);

bool is_float32(const py::array& array);

// A writeable 2-D array of T; a view without data for none.
template <class T>
MatrixView<T> output_view(const OptionalArray& array);

// Calls body with `out` as a MatrixView<float> or a MatrixView<double>.
template <class Body>
void with_output(const py::array& out, Body body) {
  if (is_float32(out)) {
    body(output_view<float>(out));
  } else {
    body(output_view<double>(out));
  }
}

// The values of an enum and their names in Python.
template <class Enum>
using Names = std::span<const std::pair<std::string_view, Enum>>;

template <class Enum>
Enum from_name(Names<Enum> names, std::string_view name, const char* argument) {
  for (const auto& [known, value] : names) {
    if (known == name) return value;
  }
  throw std::invalid_argument("`" + std::string(argument) + "` must not be '" + std::string(name) +
                              "'");
}

// A vector's memory as a NumPy array, without a copy, unless a copy takes less time.
template <class T>
py::array_t<T> to_array(std::vector<T> values, std::vector<py::ssize_t> shape) {
  constexpr std::size_t few = 256;
  if (values.size() <= few) {
    py::array_t<T> copy(std::move(shape));
    std::copy(values.begin(), values.end(), copy.mutable_data());
    return copy;
  }
  auto owned = std::make_unique<std::vector<T>>(std::move(values));
  T* data = owned->data();
  py::capsule owner(owned.get(), [](void* p) { delete static_cast<std::vector<T>*>(p); });
  static_cast<void>(owned.release());
  return py::array_t<T>(std::move(shape), data, owner);
}

// An array of any shape and strides as a vector, in C order.
template <class T>
std::vector<T> vector_of(const py::handle& array) {
  const auto values = py::cast<py::array_t<T, py::array::c_style>>(array);
  return {values.data(), values.data() + values.size()};
}

// The pairs of x layers with y others, or with each other if there are none.
inline std::size_t pairs_of(std::size_t x, std::size_t y) {
  return y == 0 ? x * (x + 1) / 2 : x * y;
}

// One call of the core on behalf of Python. Errors of the core become a PlaceError, to which Python
// adds the name of the function that the user called.
class Call {
 public:
  // `progress` is None or a callable, which is called with the pairs done and with `pairs`.
  explicit Call(int num_threads, py::object progress = py::none(), std::size_t pairs = 0);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Runs body(execution), which must not touch Python objects.
  template <class Body>
  void run(Body body) {
    try {
      // Without the GIL, so that other Python threads run meanwhile. Views refer to arrays that the
      // caller's frame keeps alive.
      WithoutGil without_gil;
      gil_ = &without_gil;
      body(execution_);
    } catch (const Interrupted&) {
      std::rethrow_exception(raised_);
    } catch (const NotFiniteToken&) {
      throw;
    } catch (const std::invalid_argument& error) {
      raise(PyExc_ValueError, error.what());
    } catch (const Forked& error) {
      if (raised_) std::rethrow_exception(raised_);
      raise(PyExc_RuntimeError, error.what());
    } catch (const InputChanged& error) {
      raise(PyExc_RuntimeError, error.what());
    } catch (const OutOfMemory& error) {
      raise(PyExc_MemoryError, error.what());
    } catch (const std::bad_alloc&) {
      raise(PyExc_MemoryError, "could not allocate working memory");
    }
    parked_at_exit([this] { report(pairs_); });
  }

 private:
  // Execution::poll: called on this thread about ten times a second, and at the end of every loop
  // of the core; false stops the core.
  bool poll(std::size_t done, std::size_t total);
  bool ask_python(std::size_t done, std::size_t total);  // poll() with the GIL
  void report(std::size_t pairs);
  [[noreturn]] static void raise(PyObject* type, const char* message);

  py::object progress_;
  std::size_t pairs_;
  std::size_t reported_ = 0;
  WithoutGil* gil_ = nullptr;  // set inside run()
  std::exception_ptr raised_;  // the Python exception raised in poll()
  detail::Clock::time_point last_asked_ = detail::Clock::now();
  Execution execution_;
};

}  // namespace isogram::bindings
