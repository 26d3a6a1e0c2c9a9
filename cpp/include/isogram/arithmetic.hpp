// Floating-point arithmetic as IEEE 754 has it, whatever others set.
#pragma once

#include <cstdint>

namespace isogram {

// From here to the end of the scope, this thread rounds to nearest, keeps numbers below the
// smallest normal one, and traps nothing; then the former settings are back. Some libraries set the
// processor to read and write such numbers as 0, when they are loaded or for good: then a small
// float16 would be 0, and so would half of the features of a tiny scale. Every function of the core
// and every thread of its pool has one of these. Costs a few cycles where nothing was changed.
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
