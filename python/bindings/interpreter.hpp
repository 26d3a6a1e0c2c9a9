// The interpreter around a call: the GIL, the interpreter's exit, and the check for
// subinterpreters.
#pragma once

#include <pybind11/pybind11.h>

#ifdef __GLIBCXX__
#include <cxxabi.h>
#endif

namespace isogram::bindings {

// Whether the interpreter is exiting. A thread that has the GIL then is the thread that ends it.
bool is_finalizing();

// Sleeps for ever, for threads whose interpreter has exited.
[[noreturn]] void park();

// Runs body(), which may take the GIL. Up to Python 3.13, a thread that takes the GIL while the
// interpreter exits is ended by pthread_exit(), which unwinds the stack: through destructors that
// must not throw, which would call std::terminate(), and out of loops that other threads still run.
// Here the thread sleeps until the process ends instead, as from Python 3.14 on.
template <class Body>
auto parked_at_exit(Body body) {
#ifdef __GLIBCXX__
  try {
    return body();
  } catch (abi::__forced_unwind&) {
    park();
  }
#else
  return body();
#endif
}

// While this object lives, the thread has given up the GIL, except within borrowed_back().
class WithoutGil {
 public:
  WithoutGil() : exits_here_(is_finalizing()), state_(PyEval_SaveThread()) {}
  ~WithoutGil() { acquire(); }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

  // Runs body() with the GIL, on the thread that gave it up.
  template <class Body>
  auto borrowed_back(Body body) {
    acquire();
    const auto result = parked_at_exit(body);
    state_ = PyEval_SaveThread();
    return result;
  }

 private:
  void acquire() noexcept;

  bool exits_here_;  // a finalizer's call: this thread ends the interpreter
  PyThreadState* state_;
};

// Whether this is the main interpreter; if not, sets an ImportError.
bool is_main_interpreter(const char* module);

// Makes pybind11 load NumPy's functions now rather than with the first array. That load runs Python
// code once, which a signal handler may interrupt; a first array in the handler would wait for it
// for ever.
void load_numpy();

}  // namespace isogram::bindings

// PYBIND11_MODULE that refuses subinterpreters before any code of pybind11 runs: that code would
// take the GIL of the main interpreter there, and on Python 3.11 wait for it for ever. A Python
// without a GIL stays without: what calls share (the pool of threads, the level of the kernels) is
// there for calls that give up the GIL.
#define ISOGRAM_MODULE(name, variable) ISOGRAM_MODULE_OF(name, variable)
#define ISOGRAM_MODULE_OF(name, variable)                                                 \
  PYBIND11_PLUGIN_DECL(name##_of_main)                                                    \
  PYBIND11_PLUGIN_IMPL(name) {                                                            \
    const bool is_main = isogram::bindings::is_main_interpreter(PYBIND11_TOSTRING(name)); \
    return is_main ? PyInit_##name##_of_main() : nullptr;                                 \
  }                                                                                       \
  PYBIND11_MODULE(name##_of_main, variable, pybind11::mod_gil_not_used())
