// How many processors this process may really use.
#pragma once

namespace isogram {

// The processors of the affinity mask, no more than the cgroup's CPU quota (rounded up), ≥ 1.
int usable_cpus();

}  // namespace isogram
