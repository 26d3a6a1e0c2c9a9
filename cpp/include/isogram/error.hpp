// The exceptions that isogram's C++ API throws.
//
//   std::invalid_argument   an argument is not what the function's header asks for; the message
//                           names the argument, what was expected and what came
//   isogram::OutOfMemory    an allocation failed; the message names the bytes asked for
//   isogram::Interrupted    the caller's Execution::poll asked to stop
//   isogram::InputChanged   another thread wrote to an argument during the call. Such a write may
//                           also go unnoticed; then the result is of no state of the argument
//   isogram::Forked         Execution::poll forked, and this is the child: the other threads of
//                           the call run in the parent only
#pragma once

#include <cstddef>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

namespace isogram {

class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(std::size_t bytes)
      : message_("could not allocate " + std::to_string(bytes) + " bytes of working memory") {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

class Forked : public std::exception {
 public:
  const char* what() const noexcept override {
    return "the process was forked during the call, whose threads stayed in the parent: end the "
           "child where it was forked, or fork before the call";
  }
};

class InputChanged : public std::runtime_error {
 public:
  explicit InputChanged(const char* argument)
      : std::runtime_error("`" + std::string(argument) +
                           "` must not change during the call, but another thread wrote to it: "
                           "pass a copy, or wait for that thread first") {}
};

// Throws std::invalid_argument with `message` unless `condition` holds. Callers build a message of
// several parts only after the condition failed, and throw it themselves.
inline void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

}  // namespace isogram
