// Links isogram's kernels and the CUDA runtime, and needs no device.
#include <isogram/cuda/center.hpp>
#include <isogram/cuda/gram.hpp>

#include <cstdio>

int main() {
  const isogram::cuda::Matrix<float> empty;
  isogram::cuda::mirror_diagonal(nullptr, empty);  // nothing to launch
  const std::int64_t scratch = isogram::cuda::center_scratch(100);
  std::printf("centring 100 x 100 takes %lld doubles of scratch\n",
              static_cast<long long>(scratch));
  return scratch > 200 ? 0 : 1;
}
