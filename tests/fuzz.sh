#!/usr/bin/env bash
# Fuzzes everything that reads files of strangers, guided by coverage, and prints figures: cases, edges, the worst processor time and memory of
# a case. Ends with 1 where a file cost too much or was not refused in plain words; it is kept under CORPUS/failures.
#   tests/fuzz.sh [--minutes 60] [--cores 2] [--seed 1] [--corpus DIR] [READER...]
# Readers: weights statistics patterns readout checkpoint photo annotation labels. Default: all, in turns.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
minutes=60 cores=2 seed=1 corpus=${TMPDIR:-/tmp}/iba-fuzz-corpus readers=()
while [ $# -gt 0 ]; do
    case $1 in
        --minutes) minutes=$2; shift 2 ;;
        --cores) cores=$2; shift 2 ;;
        --seed) seed=$2; shift 2 ;;
        --corpus) corpus=$2; shift 2 ;;
        -*) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2 ;;
        *) readers+=("$1"); shift ;;
    esac
done
[ "${NO_BUILD:-0}" = 1 ] || dotnet build "$root/tests/fuzz" -c Release -v q
# Every case is written to a file and read: in memory where it can be, so that the disk does not set the pace.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm
program=$(mktemp -d)
trap 'rm -rf "$program"' EXIT
cp -r "$root/tests/fuzz/bin/Release/net10.0/." "$program"
dotnet "$program/Fuzz.dll" instrument "$program"

# A small nursery of the garbage collector: memory is then what a file needs, not what was not given back yet.
export DOTNET_GCgen0size=0x400000 IBA_SOURCES=$root
jobs=()
for core in $(seq 1 "$cores"); do
    dotnet "$program/Fuzz.dll" run "$minutes" $((seed + core - 1)) "$corpus" "${readers[@]}" > "$program/$core.log" 2>&1 &
    jobs+=($!)
done
status=0
for job in "${jobs[@]}"; do wait "$job" || status=1; done
for core in $(seq 1 "$cores"); do
    echo "core $core, seed $((seed + core - 1)), $minutes minutes"
    cat "$program/$core.log"
done
exit "$status"
