#include "isogram/arithmetic.hpp"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace isogram {

namespace {

#if defined(__SSE__)

// MXCSR: the lowest bits are exception flags, the bits above them the mode.
constexpr std::uint64_t kFlags = 0x3f;
constexpr std::uint64_t kUsual = 0x1f80;  // every exception masked

std::uint64_t control() {
  return _mm_getcsr();
}

void set_control(std::uint64_t bits) {
  _mm_setcsr(static_cast<unsigned>(bits));
}

#elif defined(__aarch64__)

// FPCR
constexpr std::uint64_t kFlags = 0;
constexpr std::uint64_t kUsual = 0;

std::uint64_t control() {
  std::uint64_t bits;
  asm volatile("mrs %0, fpcr" : "=r"(bits));
  return bits;
}

void set_control(std::uint64_t bits) {
  asm volatile("msr fpcr, %0" : : "r"(bits));
}

#else

constexpr std::uint64_t kFlags = 0;
constexpr std::uint64_t kUsual = 0;

std::uint64_t control() {
  return kUsual;
}

void set_control(std::uint64_t) {}

#endif

bool is_usual(std::uint64_t bits) {
  return (bits & ~kFlags) == kUsual;
}

}  // namespace

UsualArithmetic::UsualArithmetic() noexcept : before_(control()) {
  if (!is_usual(before_)) set_control(kUsual);
}

UsualArithmetic::~UsualArithmetic() {
  if (!is_usual(before_)) set_control(before_);
}

}  // namespace isogram
