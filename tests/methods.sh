#!/usr/bin/env bash
# Runs every method on eight images, in batches of one and of eight, and holds the maps against each other byte by byte. Takes minutes
# (full-size networks: most of an hour at 224 pixels), so it is no part of the test suite.
#   tests/methods.sh OUT [iba attribute's options that name network, size and device]
# What methods are made of (statistics, patterns, a readout) is fitted to the images first, in OUT.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$1
shift
iba() { dotnet "$root/iba/cli/bin/Release/net10.0/iba.dll" "$@"; }
methods=$(iba attribute --help | sed -nE 's/.*How to explain: ([a-z0-9, -]+)\..*/\1/p' | tr -d ' ' | tr ',' ' ')
[ -n "$methods" ] || { echo "iba attribute --help names no methods" >&2; exit 1; }

mkdir -p "$out"
iba dataset shapes --out "$out/shapes" --seed 6 --count 40 2> /dev/null
mapfile -t photos < <(find "$out/shapes/images" -name '*.png' | sort | awk 'NR % 5 == 1')
iba estimate "$@" --images "$out/shapes/images" --out "$out/statistics.safetensors" 2> /dev/null
[ -f "$out/patterns.safetensors" ] || iba patterns fit "$@" --images "$out/shapes/images" --out "$out/patterns.safetensors" 2> /dev/null
iba readout train "$@" --images "$out/shapes/images" --out "$out/readout.safetensors" --epochs 0.4 --batch 4 2> /dev/null

failed=0
for method in $methods; do
    given=()
    case $method in
        per-sample) given=(--statistics "$out/statistics.safetensors") ;;
        pattern) given=(--patterns "$out/patterns.safetensors") ;;
        readout) given=(--readout "$out/readout.safetensors") ;;
    esac
    for batch in 1 8; do
        iba attribute "${photos[@]}" "$@" --method "$method" "${given[@]}" --batch "$batch" --out "$out/$method/$batch" > "$out/$method.$batch.txt" 2> "$out/$method.$batch.log" \
            || { echo "$method, batch $batch: $(grep error: "$out/$method.$batch.log")"; failed=1; continue 2; }
    done
    seconds=$(sed -nE 's/.*, ([0-9.]+) s -> .*/\1/p' "$out/$method.8.txt" | sort -n | sed -n 4p)
    if diff -rq "$out/$method/1" "$out/$method/8" > "$out/$method.diff"; then
        echo "$method: 8 images, the same bytes in batches of 1 and 8; $seconds s an image"
    else
        echo "$method: $(wc -l < "$out/$method.diff") files differ between batches of 1 and 8"
        failed=1
    fi
done
exit $failed
