// A stack and the place of execution on it. Like ucontext, which takes two system calls per switch
// and is used on other processors than x86-64.
#pragma once

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace cuda_on_host {

class Context {
 public:
  Context() = default;  // the current stack, after the first switch away from it

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
