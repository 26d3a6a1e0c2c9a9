#include "interpreter.hpp"

#include <pybind11/numpy.h>

#include <chrono>
#include <thread>

namespace isogram::bindings {

bool is_finalizing() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

void park() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

// The interpreter may begin to exit after is_finalizing(): then PyEval_RestoreThread() ends the
// thread, and parked_at_exit() parks it.
void WithoutGil::acquire() noexcept {
  parked_at_exit([this] {
    if (is_finalizing() && !exits_here_) park();
    PyEval_RestoreThread(state_);
  });
}

bool is_main_interpreter(const char* module) {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return true;
  PyErr_Format(PyExc_ImportError,
               "isogram.%s works in the main interpreter only, and this is a subinterpreter: "
               "use a process of its own instead",
               module);
  return false;
}

void load_numpy() {
  pybind11::dtype::of<double>();
}

}  // namespace isogram::bindings
