#!/usr/bin/env bash
# The native files, compiled ahead of time: no warning, bounded sizes, the same results to the byte as the runtime's, and nothing needed but glibc.
#   tests/native.sh [STEP...]        all steps of this machine, or those that are named: avx512 avx2 128 arm64 library service speed
# Needs clang, gcc and binutils; what a step needs beside them, and is not there, is said. Files go to out/native.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 CUDA_VISIBLE_DEVICES=-1
out=$PWD/out/native
demo=$PWD/weights/demo
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true' EXIT
managed=$PWD/iba/cli/bin/Release/net10.0/iba

fail() { echo "native: $1" >&2; exit 1; }
bytes() { cat "$@" | wc -c; }

# publish PROJECT FAMILY RUNTIME FOLDER [PROPERTY...]
publish() {
    local log=$out/publish.log
    rm -rf "$4"
    dotnet publish "$1" --configuration Release --runtime "$3" -p:Native="$2" --output "$4" "${@:5}" > "$log" 2>&1 || { cat "$log" >&2; fail "$1 is not published"; }
    if grep -E '\b(warning|error)\b' "$log"; then fail "$1 is published with warnings"; fi
}

# The runtime's switch that makes the managed program compute at a family's width.
switch() { case $1 in avx512) echo _= ;; avx2) echo DOTNET_EnableAVX512=0 ;; 128) echo DOTNET_EnableAVX2=0 ;; esac; }

# Whether this processor can run a family's file, and what else can.
runner() {
    case $1 in
        avx512) grep -qw avx512vl /proc/cpuinfo || echo no ;;
        avx2) grep -qw avx2 /proc/cpuinfo || echo no ;;
        arm64) if command -v qemu-aarch64 > /dev/null; then echo qemu-aarch64 -L /usr/aarch64-linux-gnu; else echo no; fi ;;
    esac
}

# Explains the demo photo in a folder, and keeps what must be equal: map, picture and page.
explain() { (cd "$1" && shift && "$@" attribute --device cpu --threads 1 --out . > line.txt 2> progress.txt) || { cat "$1/progress.txt" >&2; fail "${*:2} fails"; }; }

# A folder with a program, the libraries that ldd names, and nothing else.
bare() {
    local root=$1 program
    rm -rf "$root" && mkdir -p "$root/tmp" "$root/out"
    for program in "${@:2}"; do
        cp "$program" "$root/"
        ldd "$program" | grep -o '/[^ ]*' | sort -u | while read -r library; do
            if [ -e "$library" ]; then mkdir -p "$root$(dirname "$library")" && cp -L "$library" "$root$library"; fi
        done
    done
    find "$root" -type f -printf '%P %s\n' | sort
}

x64() {
    local family=$1 folder=$out/$1 run root expected=$out/expected-$1 actual=$out/actual-$1
    publish iba/cli "$family" linux-x64 "$folder"
    local size; size=$(bytes "$folder/iba" "$folder/libSkiaSharp.so")
    echo "$family: iba $(bytes "$folder/iba") + libSkiaSharp.so $(bytes "$folder/libSkiaSharp.so") = $size bytes"
    [ "$size" -le 32000000 ] || fail "$family: more than 32 MB"

    # An older processor: one line, and no illegal instruction.
    if [ "$family" != 128 ]; then
        if command -v qemu-x86_64 > /dev/null; then
            local status=0 said
            said=$(qemu-x86_64 -cpu Nehalem "$folder/iba" --help 2>&1) || status=$?
            grep -q "instruction sets are not supported" <<< "$said" || fail "$family: an older processor is told: $said"
            [ "$status" -ne 132 ] || fail "$family: an older processor meets an illegal instruction"
            echo "$family: an older processor is told:$(grep instruction <<< "$said")"
        else
            echo "$family: no qemu-x86_64, an older processor is not tried"
        fi
    fi
    run=$(runner "$family")
    if [ "$run" = no ]; then echo "$family: compiled, but not run: this processor lacks it"; return; fi

    # The same results as the managed program's.
    rm -rf "$expected" "$actual" && mkdir -p "$expected" "$actual"
    explain "$expected" env "$(switch "$family")" "$managed"
    explain "$actual" "$folder/iba"
    for file in sample.iba.safetensors sample.iba.png; do cmp "$expected/$file" "$actual/$file" || fail "$family: $file differs"; done
    echo "$family: map and picture are the managed program's to the byte"

    # A root with the C library and nothing else.
    root=$out/root-$family
    bare "$root" "$folder/iba" "$folder/libSkiaSharp.so"
    if [ "$(id -u)" -eq 0 ]; then
        chroot "$root" /iba attribute --device cpu --threads 1 --out /out --json > "$out/line.json"
        for file in sample.iba.safetensors sample.iba.png; do cmp "$expected/$file" "$root/out/$file" || fail "$family: $file differs in the bare root"; done
        echo "$family: the same in a root with glibc and nothing else"
    else
        echo "$family: not root, so not run in a bare root"
    fi
    times "$folder/iba"
}

# The median of 21 starts, in milliseconds.
times() {
    for _ in $(seq 21); do
        local from; from=$(date +%s%N)
        "$1" --help > /dev/null
        echo $((($(date +%s%N) - from) / 10000))
    done | sort -n | sed -n 11p | sed 's/\(..\)$/.\1/; s/^/iba --help: /; s/$/ ms, median of 21/'
}

step_avx512() { x64 avx512; }
step_avx2() { x64 avx2; }
step_128() { x64 128; }

step_arm64() {
    if ! command -v aarch64-linux-gnu-gcc > /dev/null; then echo "arm64: no aarch64-linux-gnu-gcc, not compiled"; return; fi
    local folder=$out/arm64 run actual=$out/actual-arm64
    publish iba/cli neon linux-arm64 "$folder" -p:SysRoot=/ -p:ObjCopyName=aarch64-linux-gnu-objcopy
    echo "arm64: iba $(bytes "$folder/iba") + libSkiaSharp.so $(bytes "$folder/libSkiaSharp.so") = $(bytes "$folder/iba" "$folder/libSkiaSharp.so") bytes"
    run=$(runner arm64)
    if [ "$run" = no ]; then echo "arm64: no qemu-aarch64, not run"; return; fi
    rm -rf "$actual" && mkdir -p "$actual"
    # shellcheck disable=SC2086
    explain "$actual" $run "$folder/iba"
    cat "$actual/line.txt"
}

step_library() {
    local family=avx512 folder=$out/library work=$out/library-tests
    [ "$(runner avx512)" != no ] || family=avx2
    publish iba/library "$family" linux-x64 "$folder"
    echo "library: libiba.so $(bytes "$folder/libiba.so") + libSkiaSharp.so $(bytes "$folder/libSkiaSharp.so") = $(bytes "$folder"/*.so) bytes"
    [ "$(bytes "$folder"/*.so)" -le 25000000 ] || fail "the library has more than 25 MB"
    rm -rf "$work" && mkdir -p "$work"
    gcc -std=c11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -pedantic -fsanitize=address,undefined -fno-sanitize-recover=all -I "$folder" tests/native/library.c \
        -o "$work/library" "$folder/libiba.so" -Wl,-rpath,"$folder" -lpthread -lm
    # The runtime has signal handlers of its own, and keeps its heap until the end.
    ASAN_OPTIONS=handle_segv=0:detect_leaks=0:use_sigaltstack=0 "$work/library" \
        "$demo/demo-resnet50.safetensors" "$demo/demo-resnet50.statistics.safetensors" "$demo/sample.png" "$work/map"
    python3 tests/native/library.py "$folder/libiba.so" \
        "$demo/demo-resnet50.safetensors" "$demo/demo-resnet50.statistics.safetensors" "$demo/sample.png" "$work/map"
    # The command's map, whose values end its file.
    (cd "$work" && env "$(switch "$family")" "$managed" attribute --device cpu --no-report > line.txt 2> progress.txt)
    cmp "$work/map" <(tail -c "$(bytes "$work/map")" "$work/sample.iba.safetensors") || fail "the library's map is not the command's"
    echo "library: the map is the command's to the byte"
}

step_service() {
    local family=avx512 folder=$out/service work=$out/service-tests address size
    [ "$(runner avx512)" != no ] || family=avx2
    publish iba/service "$family" linux-x64 "$folder"
    size=$(bytes "$folder/iba-serve" "$folder/libSkiaSharp.so")
    echo "service: iba-serve $(bytes "$folder/iba-serve") + libSkiaSharp.so $(bytes "$folder/libSkiaSharp.so") = $size bytes"
    [ "$size" -le 47000000 ] || fail "the service has more than 47 MB"
    rm -rf "$work" && mkdir -p "$work"
    "$folder/iba-serve" --device cpu --listen 127.0.0.1:0 2> "$work/log" &
    server=$!
    for _ in $(seq 600); do
        address=$(grep -o 'listening on http://[^ ]*' "$work/log" | cut -d' ' -f3 || true)
        if [ -n "$address" ] || ! kill -0 "$server" 2> /dev/null; then break; fi
        sleep 0.1
    done
    [ -n "$address" ] || { cat "$work/log" >&2; fail "the service does not start"; }
    [ "$(curl -s --max-time 60 "${address%/}/healthz")" = ok ] || fail "the service is not well"
    curl -s --max-time 60 --data-binary @"$demo/sample.png" -H 'Content-Type: image/png' "${address%/}/explain?format=safetensors" > "$work/sample.safetensors"
    kill -TERM "$server"
    wait "$server" || fail "the service does not end with 0"
    server=
    (cd "$work" && env "$(switch "$family")" "$managed" attribute --device cpu --no-report > line.txt 2> progress.txt)
    cmp <(tail -c 200704 "$work/sample.safetensors") <(tail -c 200704 "$work/sample.iba.safetensors") || fail "the service's map is not the command's"
    echo "service: started, answered with the command's map to the byte, ended"
}

# Native and managed in turns: seconds of a photo, both warm, as medians.
step_speed() {
    local family=avx512 round photos=() work=$out/speed
    [ "$(runner avx512)" != no ] || family=avx2
    [ -x "$out/$family/iba" ] || publish iba/cli "$family" linux-x64 "$out/$family"
    rm -rf "$work" && mkdir -p "$work"
    for round in $(seq 12); do cp "$demo/sample.png" "$work/$round.png"; photos+=("$work/$round.png"); done
    # The first photos of a process meet code that is not compiled at its best yet.
    seconds() { "$@" attribute "${photos[@]}" --model demo-resnet50 --device cpu --batch 1 --no-report --json --out "$work" 2> /dev/null | tail -n 6 | grep -o '"seconds":[0-9.]*' | cut -d: -f2; }
    for round in $(seq "${IBA_ROUNDS:-7}"); do
        seconds "$out/$family/iba" >> "$work/native"
        seconds env "$(switch "$family")" "$managed" >> "$work/managed"
    done
    paste <(sort -n "$work/native") <(sort -n "$work/managed") |
        awk '{ n[NR] = $1; m[NR] = $2 } END { h = int((NR + 1) / 2); printf "speed: native %.3f s, managed %.3f s, ratio %.3f, medians of %d photos each\n", n[h], m[h], n[h] / m[h], NR }'
}

mkdir -p "$out"
dotnet build iba/cli --configuration Release --verbosity quiet
for step in ${*:-avx512 avx2 128 arm64 library service speed}; do
    echo "== $step"
    "step_$step"
done
