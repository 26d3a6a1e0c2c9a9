#!/usr/bin/env bash
# exports.sh NM LEVEL OBJECT
# The kernels of a level export their table and nothing else. Weak symbols above all: the linker
# keeps one of several equal ones, and another level's copy may be code that this processor cannot
# run.
set -euo pipefail
nm=$1 level=$2 object=$3

exported=$("$nm" --demangle --defined-only --extern-only "$object" |
  sed -E 's/^[0-9a-f]+ //; /^$/d; /:$/d')
table=kernels
[[ $level == *vnni ]] && table=byte_kernels
[[ $level == avx512bf16 ]] && table=pair_kernels
expected="T isogram::simd::$level::$table()"
if [[ $exported != "$expected" ]]; then
  printf 'expected %s to export only\n%s\ngot\n%s\n' "$object" "$expected" "$exported"
  exit 1
fi
