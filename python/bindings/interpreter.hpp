// The interpreter around a call: its lock, its end, and that it is the main one.
#pragma once

#include <pybind11/pybind11.h>

#ifdef __GLIBCXX__
#include <cxxabi.h>
#endif

namespace isogram::bindings {

// Whether the interpreter is exiting. A thread that has the GIL then is the one that ends it.
bool is_finalizing();

// Sleeps for ever: the end of a thread whose interpreter is gone.
[[noreturn]] void park();

// Runs body(), which may need the GIL. Up to Python 3.13, a thread that asks for it while the
// interpreter exits is ended by pthread_exit(), which unwinds the stack: through destructors that
// may not throw, past the threads of a loop that still use it, and into std::terminate(). Here the
// thread sleeps instead, as it does from Python 3.14 on, until the process ends.
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

// Gives up the GIL from here to the end of the scope, save where it is borrowed back.
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

  bool exits_here_;  // by a finalizer's call: this thread ends the interpreter
  PyThreadState* state_;
};

// Whether this is the main interpreter; if not, the ImportError is set.
bool is_main_interpreter(const char* module);

// Has pybind11 load NumPy's functions, which it would with the first array: once, in Python code
// that a signal handler may interrupt, whose own first array would wait for it for ever.
void load_numpy();

}  // namespace isogram::bindings

// PYBIND11_MODULE that refuses subinterpreters: before any code of pybind11's own, which would ask
// for the lock of the main interpreter there, and on Python 3.11 wait for it for ever.
#define ISOGRAM_MODULE(name, variable) ISOGRAM_MODULE_OF(name, variable)
#define ISOGRAM_MODULE_OF(name, variable)                                                 \
  PYBIND11_PLUGIN_DECL(name##_of_main)                                                    \
  PYBIND11_PLUGIN_IMPL(name) {                                                            \
    const bool is_main = isogram::bindings::is_main_interpreter(PYBIND11_TOSTRING(name)); \
    return is_main ? PyInit_##name##_of_main() : nullptr;                                 \
  }                                                                                       \
  PYBIND11_MODULE(name##_of_main, variable)
