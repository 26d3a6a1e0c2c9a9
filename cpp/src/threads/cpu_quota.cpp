#include "threads/cpu_quota.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

namespace isogram {

namespace {

int affinity_cpus() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

// This process's cgroup v2, as a path below /sys/fs/cgroup: the line "0::/path".
std::string cgroup_path() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("0::", 0) == 0) return line.substr(3);
  }
  return "/";
}

// quota / period, or infinity without a limit.
double quota_of(double quota, double period) {
  return quota > 0 && period > 0 ? quota / period : INFINITY;
}

double cgroup_v2_quota(const std::string& path) {
  std::ifstream file("/sys/fs/cgroup" + path + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max") return INFINITY;
  return quota_of(std::atof(quota.c_str()), period);
}

double cgroup_v1_quota() {
  std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  if (!(quota_file >> quota) || !(period_file >> period)) return INFINITY;
  return quota_of(quota, period);
}

// The lowest quota of this cgroup and its ancestors.
double cgroup_quota() {
  double quota = std::min(cgroup_v1_quota(), cgroup_v2_quota(""));
  for (std::string path = cgroup_path(); path.size() > 1;
       path.resize(std::max<std::size_t>(path.rfind('/'), 0))) {
    quota = std::min(quota, cgroup_v2_quota(path));
  }
  return quota;
}

}  // namespace

int usable_cpus() {
  const double quota = std::ceil(cgroup_quota());
  const int cpus = std::max(1, affinity_cpus());
  return quota < cpus ? std::max(1, static_cast<int>(quota)) : cpus;
}

}  // namespace isogram
