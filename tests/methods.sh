#!/usr/bin/env bash
# Runs every method on eight of forty images, in batches of one and of eight, and holds the maps against each other. Takes minutes (full-size networks on
# the processor: most of an hour at 224 pixels), so it is no part of the test suite.
#   tests/methods.sh OUT [iba attribute's options that name network, size and device]
# What methods are made of (statistics, patterns, a readout) is fitted to forty images first, in OUT, which should be new.
# The processor promises the same bytes. IBA_BOUND=1e-3 allows maps to differ by so much of their norm, for a GPU, whose libraries choose their
# tiles by shape. IBA_PROGRAM and IBA_BENCHMARKS name the programs (default: what the last build for Release made of iba/cli and tests/benchmarks).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
out=$1
shift
iba() { ${IBA_PROGRAM:-dotnet "$root/iba/cli/bin/Release/net10.0/iba.dll"} "$@"; }
benchmarks() { ${IBA_BENCHMARKS:-dotnet "$root/tests/benchmarks/bin/Release/net10.0/Benchmarks.dll"} "$@"; }
methods=$(iba attribute --help | sed -nE 's/.*How to explain: ([a-z0-9, -]+)\..*/\1/p' | tr -d ' ' | tr ',' ' ')
[ -n "$methods" ] || { echo "iba attribute --help names no methods" >&2; exit 1; }

# quietly LOG COMMAND...: its error, where it fails.
quietly() {
    local log=$out/$1
    shift
    "$@" > "$log" 2>&1 || { grep error: "$log" || tail -n 3 "$log"; return 1; }
}

# compare FOLDER FOLDER
compare() {
    if [ -n "${IBA_BOUND:-}" ]; then
        benchmarks maps "$1" "$2" "$IBA_BOUND"
    elif [ "$(cd "$1" && sha256sum -- *)" = "$(cd "$2" && sha256sum -- *)" ]; then
        echo "the same bytes"
    else
        echo "other bytes"
        return 1
    fi
}

mkdir -p "$out"
quietly shapes.log iba dataset shapes --out "$out/shapes" --seed 6 --count 40
shopt -s globstar nullglob
photos=("$out"/shapes/images/**/*.png)
for i in "${!photos[@]}"; do [ $((i % 5)) -eq 0 ] || unset "photos[$i]"; done
quietly statistics.log iba estimate "$@" --images "$out/shapes/images" --out "$out/statistics.safetensors"
quietly patterns.log iba patterns fit "$@" --images "$out/shapes/images" --out "$out/patterns.safetensors"
quietly readout.log iba readout train "$@" --images "$out/shapes/images" --out "$out/readout.safetensors" --epochs 0.4 --batch 4

failed=0
for method in $methods; do
    given=()
    case $method in
        per-sample) given=(--statistics "$out/statistics.safetensors") ;;
        pattern) given=(--patterns "$out/patterns.safetensors") ;;
        readout) given=(--readout "$out/readout.safetensors") ;;
    esac
    for batch in 1 8; do
        quietly "$method.$batch.log" iba attribute "${photos[@]}" "$@" --method "$method" "${given[@]}" --batch "$batch" --no-report --out "$out/$method/$batch" \
            || { echo "$method, batch $batch: failed"; failed=1; continue 2; }
    done
    seconds=$(sed -nE 's/.*, ([0-9.]+) s -> .*/\1/p' "$out/$method.8.log" | sort -n | sed -n 4p)
    verdict=$(compare "$out/$method/1" "$out/$method/8") || failed=1
    echo "$method: ${#photos[@]} images in batches of 1 and 8: $verdict; $seconds s an image"
done
exit $failed
