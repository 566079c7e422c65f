#!/usr/bin/env bash
# Tests and measures the CUDA backend on a machine with an NVIDIA GPU (docs/gpu.md):
#   tests/gpu.sh pack [FOLDER]   packs the programs (tests, benchmarks, iba over one runtime) as FOLDER/iba-gpu.tar.xz, by default out/gpu/carry, and
#                                photos.tar.xz, which only the step methods needs. The sources and this folder are all that a Linux machine needs
#   tests/gpu.sh --cpu           the dry run: packs, copies the sources, unpacks there, and runs the steps of a first visit without a GPU
#   tests/gpu.sh [STEP...]       packs and runs the steps (default: all) here; results.json is kept in tests/benchmarks/results/
set -euo pipefail
cd "$(dirname "$0")/.."
# What may travel, sources and programs together, in bytes: some ways to a machine take at most 64 MiB at a time, and 7 MB of it are left for photos.tar.xz and
# cache.tgz. PayloadTests holds the sources to what the programs' share leaves.
limit=60000000
programs_limit=23200000
folder=$PWD/out/gpu
carry=$folder/carry
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

publish() {
    dotnet publish "$1" --configuration Release --runtime linux-x64 --self-contained --output "$folder/pack/bin" --artifacts-path "$folder/build" \
        -p:SatelliteResourceLanguages=en -p:DebugType=none -p:Compress=false -v quiet
}

# The x86 filter makes machine code smaller.
compress() {
    tar -C "$folder/pack" --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-01-01 00:00Z' "$@" | xz --x86 --lzma2=preset=9
}

pack() {
    rm -rf "$folder/pack" && mkdir -p "$folder/pack" "$1"
    for project in iba/cli tests tests/benchmarks; do publish "$project"; done
    # What nothing here loads: reference documentation, the debugger's and the tracer's halves of the runtime, garbage collectors but the default.
    (cd "$folder/pack/bin" && rm -f ./*.xml ./*.pdb createdump lib{mscordaccore,mscordbi,coreclrtraceptprovider,clrgc,clrgcexp}.so)
    dotnet run tests/gpu/thin.cs -- "$folder/pack/bin" "$PWD"
    git describe --always --dirty --abbrev=12 > "$folder/pack/COMMIT"
    # Only the iba command decodes photos: that library may stay behind.
    compress -cf - --exclude=libSkiaSharp.so COMMIT bin > "$1/iba-gpu.tar.xz"
    compress -cf - bin/libSkiaSharp.so > "$1/photos.tar.xz"
    local sources programs photos
    sources=$(git ls-files -z | xargs -0 cat | wc -c)
    programs=$(stat -c %s "$1/iba-gpu.tar.xz")
    photos=$(stat -c %s "$1/photos.tar.xz")
    echo "sources $sources + programs $programs = $((sources + programs)) bytes, limit $limit; with photos.tar.xz $((sources + programs + photos))"
    [ "$programs" -le "$programs_limit" ] || { echo "the programs are too large: at most $programs_limit bytes" >&2; exit 1; }
    [ $((sources + programs)) -le "$limit" ] || { echo "sources and programs are too large to travel together" >&2; exit 1; }
}

case "${1:-}" in
    pack) pack "${2:-$carry}" ;;
    --cpu)
        pack "$carry"
        copy=$(mktemp -d)
        trap 'rm -rf "$copy"' EXIT
        git ls-files -z | tar --null -T - -cf - | tar -C "$copy" -xf -
        status=0
        for visit in "facts doctor kernels plans:fp32:10 probe" "networks convolutions ops plans:tf32:10" "bench:resnet50:bf16:16 bench:resnet50:tf32:16 pytorch"; do
            echo "== $visit"
            bash "$copy/tests/gpu/run.sh" --cpu "$carry" "$folder/results" $visit || status=$?
        done
        ls -l "$carry" "$folder/results"
        exit "$status" ;;
    -*) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
    *)
        pack "$carry"
        if ! nvidia-smi -L > /dev/null 2>&1; then
            echo "no NVIDIA GPU here: take the sources and $carry to a machine that has one, and start tests/gpu/run.sh there"
            exit 0
        fi
        status=0
        bash tests/gpu/run.sh "$carry" "$folder/results" "$@" || status=$?
        mkdir -p tests/benchmarks/results
        tar -xzOf "$folder/results/results.tgz" results/results.json > "tests/benchmarks/results/$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1 | tr ' /' '--').json"
        exit "$status" ;;
esac
