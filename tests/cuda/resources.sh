#!/usr/bin/env bash
# resources.sh PATTERN <LOG: the registers of every kernel, and its bytes of stack and of spilled
# registers per thread, from what a build with CMAKE_CUDA_FLAGS=--resource-usage prints. Fails if
# there is no kernel whose name fits PATTERN, or one of them spills.
set -euo pipefail

c++filt | awk -v pattern="$1" '
  /Compiling entry function/ {
    split($0, quoted, "'\''"); kernel = quoted[2]; architecture = quoted[4]
    gsub(/isogram::|cuda::|\(anonymous namespace\)::/, "", kernel)
    sub(/^void /, "", kernel); sub(/\(.*/, "", kernel)
  }
  /stack frame/ { stack = $1; spilled = $5 }
  /Used [0-9]+ registers/ {
    if (!kernels++) printf "%12s %9s %6s %7s  kernel\n", "architecture", "registers", "stack", "spilled"
    match($0, /Used [0-9]+/)
    used = substr($0, RSTART + 5, RLENGTH - 5)
    printf "%12s %9d %6d %7d  %s\n", architecture, used, stack, spilled, kernel
    if (kernel ~ pattern) { watched++; spills += spilled > 0 }
  }
  END {
    printf "%d kernels, %d of %d named %s spill\n", kernels, spills, watched, pattern
    exit spills || !watched
  }'
