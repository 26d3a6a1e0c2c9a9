#!/usr/bin/env bash
# distinct.sh OBJCOPY OBJECT...
# No two levels are the same machine code under two names.
set -euo pipefail
objcopy=$1
shift

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
for object in "$@"; do
  "$objcopy" --output-target=binary --only-section=.text "$object" "$folder/code"
  [[ -s $folder/code ]] || { echo "$object: no machine code"; exit 1; }
  sum=$(cksum <"$folder/code")
  if grep -F "$sum" "$folder/seen" 2>/dev/null; then
    echo "$object: the same machine code as the object above"
    exit 1
  fi
  echo "$sum $object" >>"$folder/seen"
done
echo "$# objects differ"
