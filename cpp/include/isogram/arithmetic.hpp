// Floating-point arithmetic as IEEE 754 defines it, whatever mode other libraries have set.
#pragma once

#include <cstdint>

namespace isogram {

// While this object lives, its thread rounds to nearest, keeps subnormal numbers, and traps
// nothing; its destructor restores the former mode. Some libraries make the processor read and
// write subnormal numbers as 0, for good or as soon as they are loaded: small float16 numbers would
// be 0, and so would half of the features of a tiny scale. Every function of the core and every
// thread of its pool has one of these objects. Cost: a few cycles where the mode was the usual one.
//
// x86: MXCSR; Arm: FPCR; elsewhere it does nothing.
class UsualArithmetic {
 public:
  UsualArithmetic() noexcept;
  ~UsualArithmetic();
  UsualArithmetic(const UsualArithmetic&) = delete;
  UsualArithmetic& operator=(const UsualArithmetic&) = delete;

 private:
  std::uint64_t before_;
};

}  // namespace isogram
