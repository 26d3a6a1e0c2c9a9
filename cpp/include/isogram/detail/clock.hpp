// The clock of checks that are made a few times a second.
#pragma once

#include <time.h>

#include <chrono>

namespace isogram::detail {

// The coarse clock, where the system has one, takes a sixth of the time to read and is accurate to
// a few milliseconds.
struct Clock {
  using time_point = std::chrono::steady_clock::time_point;

  static time_point now() {
#ifdef CLOCK_MONOTONIC_COARSE
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
#else
    return std::chrono::steady_clock::now();
#endif
  }
};

}  // namespace isogram::detail
