#include "arguments.hpp"

#include <algorithm>
#include <chrono>

#include "module.hpp"

namespace isogram::bindings {

namespace {

ElementType element_type(const py::dtype& dtype) {
  switch (dtype.char_()) {
    case 'e':
      return ElementType::float16;
    case 'H':
      return ElementType::bfloat16;
    case 'f':
      return ElementType::float32;
    case 'd':
      return ElementType::float64;
    default:
      throw py::type_error("expected an array of a floating-point type");
  }
}

void require_axes(const py::array& array, int axes) {
  if (array.ndim() != axes) {
    throw py::type_error("expected a " + std::to_string(axes) + "-D array");
  }
  if (array.dtype().byteorder() == '>') throw py::type_error("expected native byte order");
  for (int axis = 0; axis < axes; ++axis) {
    if (array.strides(axis) % array.itemsize() != 0) {
      throw py::type_error("expected strides of whole items");
    }
  }
}

std::ptrdiff_t stride(const py::array& array, int axis) {
  return array.strides(axis) / array.itemsize();
}

// The least time between two looks for signals, such as Ctrl-C.
constexpr auto kSignalInterval = std::chrono::milliseconds(50);

PyObject* place_error = nullptr;  // the class PlaceError; the module holds a reference

std::size_t extent(const py::array& array, int axis) {
  return static_cast<std::size_t>(array.shape(axis));
}

// Rows of a Python object that are in memory. Objects that are read one after another share a
// block, so that one is kept at a time.
struct RowBlock {
  const RowSource* owner = nullptr;
  py::object array = py::none();
  InputView view;
  std::size_t first = 0;
  std::ptrdiff_t itemsize = 1;
};

// The rows of a Python object, of which a block is kept.
class PythonRows : public RowSource {
 public:
  PythonRows(const py::handle& rows, std::shared_ptr<RowBlock> block)
      : rows_(py::reinterpret_borrow<py::object>(rows)),
        count_(py::len(rows)),
        at_once_(py::cast<std::size_t>(rows.attr("rows_at_once"))),
        block_(std::move(block)) {}

  InputView read(std::size_t begin, std::size_t end) override {
    const RowBlock& block = *block_;
    if (block.owner != this || begin < block.first || end > block.first + block.view.rows) {
      parked_at_exit([&] { read_block(begin, end); });
    }
    InputView part = block.view;
    const auto skipped = static_cast<std::ptrdiff_t>(begin - block.first) * part.row_stride;
    part.data = static_cast<const std::byte*>(part.data) + skipped * block.itemsize;
    part.rows = end - begin;
    return part;
  }

  std::size_t rows_at_once() const override { return at_once_; }

 private:
  void read_block(std::size_t begin, std::size_t end) {
    const py::gil_scoped_acquire with_gil;
    *block_ = {};                         // before others take its memory
    begin = begin / at_once_ * at_once_;  // so that blocks meet, whatever rows are asked for
    end = std::min(count_, std::max(end, begin + at_once_));
    const auto [first, last] =
        std::pair(static_cast<py::ssize_t>(begin), static_cast<py::ssize_t>(end));
    const auto array = py::cast<py::array>(rows_[py::slice(first, last, 1)]);
    const InputView view = input_view(array, "x");
    if (view.rows != end - begin) throw py::type_error("expected the rows that were asked for");
    *block_ = {this, array, view, begin, array.itemsize()};
  }

  py::object rows_;
  std::size_t count_;
  std::size_t at_once_;
  std::shared_ptr<RowBlock> block_;
};

InputView survey_view(const py::handle& rows, std::string name,
                      const std::shared_ptr<RowBlock>& block) {
  if (py::isinstance<py::array>(rows)) {
    return input_view(py::reinterpret_borrow<py::array>(rows), std::move(name));
  }
  const auto [n, d] = py::cast<std::pair<std::size_t, std::size_t>>(rows.attr("shape"));
  InputView view;
  view.type = element_type(py::cast<py::dtype>(rows.attr("dtype")));
  view.rows = n;
  view.cols = d;
  view.name = std::move(name);
  view.source = std::make_shared<PythonRows>(rows, block);
  return view;
}

}  // namespace

InputView input_view(const py::array& array, std::string name) {
  require_axes(array, 2);
  return {array.data(),     element_type(array.dtype()),
          extent(array, 0), extent(array, 1),
          stride(array, 0), stride(array, 1),
          std::move(name)};
}

std::vector<InputView> input_views(const py::list& arrays, const std::vector<std::string>& names) {
  if (names.size() != arrays.size()) throw py::value_error("expected one name for each array");
  std::vector<InputView> views;
  views.reserve(arrays.size());
  for (const py::handle array : arrays) {
    views.push_back(input_view(py::cast<py::array>(array), names[views.size()]));
  }
  return views;
}

InputView survey_view(const py::handle& rows, std::string name) {
  return survey_view(rows, std::move(name), std::make_shared<RowBlock>());
}

std::vector<InputView> survey_views(const py::list& layers, const std::vector<std::string>& names) {
  if (names.size() != layers.size()) throw py::value_error("expected one name for each array");
  std::vector<InputView> views;
  views.reserve(layers.size());
  const auto block = std::make_shared<RowBlock>();
  for (const py::handle rows : layers) {
    views.push_back(survey_view(rows, names[views.size()], block));
  }
  return views;
}

Tokens tokens_view(const py::array& array, const OptionalArray& lengths) {
  require_axes(array, 3);
  Tokens tokens{array.data(),     element_type(array.dtype()),
                array.shape(0),   array.shape(1),
                array.shape(2),   stride(array, 0),
                stride(array, 1), stride(array, 2)};
  if (lengths) {
    require_axes(*lengths, 1);
    if (!py::isinstance<py::array_t<std::int32_t, py::array::c_style>>(*lengths) ||
        lengths->shape(0) != tokens.inputs) {
      throw py::type_error("expected int32 lengths, one for each input");
    }
    tokens.lengths = static_cast<const std::int32_t*>(lengths->data());
  }
  return tokens;
}

bool is_float32(const py::array& array) {
  return array.dtype().char_() == 'f';
}

template <class T>
MatrixView<T> output_view(const OptionalArray& array) {
  if (!array) return {};
  require_axes(*array, 2);
  if (!py::isinstance<py::array_t<T>>(*array) || !array->writeable()) {
    throw py::type_error("expected a writeable array of the result's type");
  }
  // mutable_data() needs an array that is not const; `handle` is the caller's array.
  py::array handle = *array;
  return {static_cast<T*>(handle.mutable_data()), extent(handle, 0), extent(handle, 1),
          stride(handle, 0), stride(handle, 1)};
}

template MatrixView<float> output_view(const OptionalArray&);
template MatrixView<double> output_view(const OptionalArray&);

Call::Call(int num_threads, py::object progress, std::size_t pairs)
    : progress_(std::move(progress)),
      pairs_(pairs),
      execution_{num_threads,
                 [this](std::size_t done, std::size_t total) { return poll(done, total); }} {}

bool Call::poll(std::size_t done, std::size_t total) {
  // A small call is many loops, each shorter than the way to the GIL and back.
  const detail::Clock::time_point now = detail::Clock::now();
  if (progress_.is_none() && now - last_asked_ < kSignalInterval) return true;
  last_asked_ = now;
  return gil_->borrowed_back([&] { return ask_python(done, total); });
}

bool Call::ask_python(std::size_t done, std::size_t total) {
  try {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    // run() reports the end of the call, which may have several loops.
    if (done < total) {
      report(static_cast<std::size_t>(static_cast<double>(pairs_) * static_cast<double>(done) /
                                      static_cast<double>(total)));
    }
    return true;
  } catch (const py::error_already_set&) {
    // A Python exception cannot pass through the core's threads: run() rethrows it.
    raised_ = std::current_exception();
    return false;
  }
}

void Call::report(std::size_t pairs) {
  if (progress_.is_none()) return;
  reported_ = std::max(reported_, pairs);
  progress_(reported_, pairs_);
}

void Call::raise(PyObject* type, const char* message) {
  const py::tuple arguments = py::make_tuple(py::handle(type), message);
  PyErr_SetObject(place_error, arguments.ptr());
  throw py::error_already_set();
}

void register_errors(py::module_& module) {
  place_error = PyErr_NewExceptionWithDoc(
      "isogram._core.PlaceError",
      "An error whose function is not known yet: its type, and what its message says after that.",
      nullptr, nullptr);
  if (place_error == nullptr) throw py::error_already_set();
  module.add_object("PlaceError", place_error);
}

}  // namespace isogram::bindings
