#!/usr/bin/env bash
# Everything that a machine with an NVIDIA GPU must prove, in one command:
#   tests/gpu.sh           packs the bundle, and runs it here if this machine has a GPU; the results land in tests/benchmarks/results/
#   tests/gpu.sh bundle    packs out/gpu/iba-gpu.tar.xz, to be copied to a machine that has a GPU and needs neither .NET nor a network:
#                          tar xf iba-gpu.tar.xz && iba-gpu/run.sh        (iba-gpu/run.sh --help)
# The bundle holds the tests, the benchmarks and the iba command over one copy of the runtime, the sources and golden files that tests read,
# and the kernels (inside Iba.Engine.dll). Of the golden files it holds the committed subset. Where the full set is on this machine (IBA_GOLDEN, or
# ../shared/golden) it becomes a file of its own, out/gpu/iba-golden.tar.xz, to be unpacked beside run.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=50000000
folder=out/gpu
name=iba-gpu
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

publish() {
    dotnet publish "$1" --configuration Release --runtime linux-x64 --self-contained --output "$folder/$name/bin" --artifacts-path "$folder/build" \
        -p:SatelliteResourceLanguages=en -v quiet
}

bundle() {
    rm -rf "$folder/$name" "$folder/$name.tar.xz"
    mkdir -p "$folder/$name"
    publish iba/cli
    publish tests
    publish tests/benchmarks
    # What nothing here loads: reference documentation, the debugger's and the tracer's halves of the runtime, garbage collectors but the default.
    (cd "$folder/$name/bin" && rm -f ./*.xml createdump lib{mscordaccore,mscordbi,coreclrtraceptprovider,clrgc,clrgcexp}.so)

    # The window spans the whole archive: what occurs twice (weights in an assembly and in the sources) is packed once.
    # Sources stand above bin/: tests find the project by Engine.sln, and read sources, fixtures and golden files.
    git ls-files -z --cached -- ':!docs' ':!tests/benchmarks/results' | tar --null -T - -cf - | tar -C "$folder/$name" -xf -
    git describe --always --dirty --abbrev=12 > "$folder/$name/COMMIT"
    cp tests/gpu/run.sh "$folder/$name/run.sh"

    tar -C "$folder" --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-01-01 00:00Z' -cf - "$name" | xz --lzma2=preset=9,dict=192MiB > "$folder/$name.tar.xz"
    local bytes
    bytes=$(stat -c %s "$folder/$name.tar.xz")
    echo "$folder/$name.tar.xz: $bytes bytes, limit $limit"
    local full=${IBA_GOLDEN:-../shared/golden}
    if [ -d "$full" ]; then
        tar -C "$full" --transform "s,^\.,$name/golden," -cf - . | xz -1 > "$folder/iba-golden.tar.xz"
    fi
    [ "$bytes" -lt "$limit" ] || { echo "the bundle is too large to travel" >&2; exit 1; }
}

case "${1:-}" in
    bundle) bundle ;;
    "")
        bundle
        if ! nvidia-smi -L > /dev/null 2>&1; then
            echo "no NVIDIA GPU here: copy $folder/$name.tar.xz to a machine that has one, unpack it, and start $name/run.sh"
            exit 0
        fi
        status=0
        "$folder/$name/run.sh" --out "$folder/results" || status=$?
        mkdir -p tests/benchmarks/results
        cp "$folder/results/results.json" "tests/benchmarks/results/$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1 | tr ' /' '--').json"
        exit "$status" ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
