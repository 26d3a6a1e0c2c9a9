#include "context.hpp"

#include <algorithm>
#include <cstdint>

namespace cuda_on_host {

#if defined(__x86_64__)

namespace {

constexpr std::size_t kSavedRegisters = 6;

// Pushes the registers that a callee must preserve; the return address is on the stack already.
[[gnu::naked, gnu::noinline]] void switch_stacks(void*** /*left*/, void** /*entered*/) {
  asm("push %rbp\n\t"
      "push %rbx\n\t"
      "push %r12\n\t"
      "push %r13\n\t"
      "push %r14\n\t"
      "push %r15\n\t"
      "mov %rsp, (%rdi)\n\t"
      "mov %rsi, %rsp\n\t"
      "pop %r15\n\t"
      "pop %r14\n\t"
      "pop %r13\n\t"
      "pop %r12\n\t"
      "pop %rbx\n\t"
      "pop %rbp\n\t"
      "ret");
}

}  // namespace

Context::Context(unsigned char* stack, std::size_t size, void (*entry)()) {
  const auto end = reinterpret_cast<std::uintptr_t>(stack + size) & ~std::uintptr_t{15};
  top_ = reinterpret_cast<void**>(end);
  *--top_ = nullptr;  // the stack of a called `entry`: aligned, without a return address
  *--top_ = reinterpret_cast<void*>(entry);
  top_ -= kSavedRegisters;
  std::fill_n(top_, kSavedRegisters, nullptr);
}

void Context::switch_to(const Context& other) {
  switch_stacks(&top_, other.top_);
}

#else

Context::Context(unsigned char* stack, std::size_t size, void (*entry)()) {
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack;
  context_.uc_stack.ss_size = size;
  makecontext(&context_, entry, 0);
}

void Context::switch_to(const Context& other) {
  swapcontext(&context_, &other.context_);
}

#endif

}  // namespace cuda_on_host
