#!/usr/bin/env bash
# resources.sh [ARCHITECTURE [SOURCE...]]: the registers of every kernel, and its bytes of stack and
# of spilled registers per thread, as the assembler reports them.
set -euo pipefail
cd "$(dirname "$0")/../.."
architecture=${1:-sm_90}
sources=("${@:2}")
((${#sources[@]})) || sources=(cuda/src/*.cu)

for source in "${sources[@]}"; do
  nvcc -std=c++20 -O3 -arch="$architecture" -cubin -o /dev/null --resource-usage \
    -Icuda/include -Icpp/include "$source" 2>&1
done | c++filt | awk '
  /Compiling entry function/ {
    split($0, quoted, "'\''"); kernel = quoted[2]
    gsub(/isogram::|cuda::|\(anonymous namespace\)::/, "", kernel)
    sub(/^void /, "", kernel); sub(/\(.*/, "", kernel)
  }
  /stack frame/ { stack = $1; spilled = $5 }
  /Used [0-9]+ registers/ {
    if (!kernels++) printf "%9s %6s %7s  kernel\n", "registers", "stack", "spilled"
    match($0, /Used [0-9]+/)
    printf "%9d %6d %7d  %s\n", substr($0, RSTART + 5, RLENGTH - 5), stack, spilled, kernel
  }
  END { printf "%d kernels\n", kernels; exit !kernels }'
