// A stack and where on it a thread of control stands. Like ucontext, whose switch costs two system
// calls, and which is used where nothing shorter is known.
#pragma once

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace cuda_on_host {

class Context {
 public:
  Context() = default;  // of the stack in use, once it is left

  // Starts at `entry`, which never returns.
  Context(unsigned char* stack, std::size_t size, void (*entry)());

  void switch_to(const Context& other);

 private:
#if defined(__x86_64__)
  void** top_ = nullptr;
#else
  ucontext_t context_{};
#endif
};

}  // namespace cuda_on_host
