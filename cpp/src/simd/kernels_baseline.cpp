// Kernels for every processor of the architecture.
#include "kernels.hpp"

namespace isogram::simd::baseline {

namespace {
inline constexpr Level kLevel = Level::baseline;
inline constexpr std::size_t kVectorBytes = 16;
inline constexpr std::size_t kRegisterRows = 4;  // rows of sums that a micro-kernel holds
}  // namespace

#include "vector-inl.hpp"
// Families, which build on the vectors above.
#include "exponential-inl.hpp"
#include "gram-inl.hpp"
#include "logarithm-inl.hpp"
#include "magnitude-inl.hpp"
#include "sinkhorn-inl.hpp"
#include "sum-inl.hpp"
#include "transpose-inl.hpp"
// Assignment starts from Sinkhorn's duals and widens as sums do; nearest neighbours take their
// masks from it.
#include "assign-inl.hpp"
#include "assign_paths-inl.hpp"
#include "assign_start-inl.hpp"
#include "nearest-inl.hpp"
// The table of them all comes last.
#include "table-inl.hpp"

}  // namespace isogram::simd::baseline
