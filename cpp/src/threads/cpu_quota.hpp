// The number of processors that this process may use.
#pragma once

namespace isogram {

// The number of processors in the affinity mask, limited by the cgroup's CPU quota (rounded
// up), ≥ 1.
int usable_cpus();

}  // namespace isogram
