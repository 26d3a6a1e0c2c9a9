#!/usr/bin/env bash
# instructions.sh OBJDUMP LEVEL OBJECT...
# The machine code of every object keeps to what LEVEL offers, and, if it is code of kernels,
# multiplies with the widest registers of that level, whole numbers too. LEVEL `none` stands for
# code that is not to be vectorised by hand: the ABI's floor, and no kernels in it.
set -euo pipefail
objdump=$1 level=$2
shift 2

# Vector extensions prefix their mnemonics with v, scalar instructions among them.
vex=':[[:space:]]+(\{e?vex\} )?v'
# 512-bit registers, mask registers, any of the 16 registers that AVX-512 adds.
evex='%zmm|%k[0-7]|%[xy]mm(1[6-9]|2[0-9]|3[01])'
fmla='fmla[[:space:]].*v[0-9]+\.4s'
mla='mla[[:space:]].*v[0-9]+\.4s'
case $level in
  none)       allowed_not="$vex|%[yz]mm" needed=() ;;
  baseline)   allowed_not="$vex|%[yz]mm" needed=("mulps.*%xmm|$fmla" "pmaddwd.*%xmm|$mla") ;;
  avx2)       allowed_not="$evex|vpdp" needed=('vfmadd.*ps.*%ymm' 'vpmaddwd.*%ymm') ;;
  avxvnni)    allowed_not="$evex" needed=('vpdpbusd.*%ymm') ;;
  avx512)     allowed_not='vpdp|vdpbf16' needed=('vfmadd.*ps.*%zmm' 'vpmaddwd.*%zmm') ;;
  avx512vnni) allowed_not='vdpbf16' needed=('vpdpbusd.*%zmm') ;;
  avx512bf16) allowed_not='vpdp' needed=('vdpbf16ps.*%zmm') ;;
  neon)       allowed_not='' needed=("$fmla" "$mla") ;;
  *)          echo "unknown level $level"; exit 2 ;;
esac

for object in "$@"; do
  code=$("$objdump" --disassemble --no-show-raw-insn "$object")
  if [[ -n $allowed_not ]] && grep --max-count=5 -E "$allowed_not" <<<"$code"; then
    echo "$object: these instructions are beyond $level"
    exit 1
  fi
  for pattern in "${needed[@]}"; do
    grep -q -E "$pattern" <<<"$code" && continue
    echo "$object: no instruction matches $pattern: are the $level kernels vectorised?"
    exit 1
  done
done
echo "$# objects checked"
