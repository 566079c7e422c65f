#!/usr/bin/env bash
# Runs every long or writing command of iba under every fault that a machine has to offer, and checks each cell of the table: how the command
# ended (never by an abort), what it kept, that no temporary file is left behind by the next run, and that a run that goes on after a kill
# comes to the bytes of an undisturbed one. Takes some minutes, so it is no part of the test suite.
#   tests/faults.sh [COMMAND...]      some rows only, by name: attribute, predict, compare, estimate, readout, patterns, demo, shapes, convert, run, tape, ...
# IBA_PROGRAM names the program (default: what the last build for Release made of iba/cli). A small disk and a read-only one are mounted where one
# may; elsewhere those cells say why they were skipped. It needs Linux.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
iba=${IBA_PROGRAM:-$root/iba/cli/bin/Release/net10.0/iba}
[ -x "$iba" ] || { echo "there is no $iba: build first, dotnet build -c Release" >&2; exit 2; }
work=$(mktemp -d)
export IBA_CACHE=$work/cache CUDA_VISIBLE_DEVICES=-1
ulimit -c 0
set -m                       # a job of its own for every command: a shell without job control starts them deaf to Ctrl-C
trap 'umount -q "$work/small" "$work/readonly" 2> /dev/null; [ -z "${proxy:-}" ] || kill "$proxy" 2> /dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1

# What the commands work on.
prepare() {
    "$iba" dataset shapes --out shapes --seed 6 --count 40 && "$iba" estimate --model demo-resnet50 --images shapes/images --out statistics.safetensors --samples 8 &&
        "$iba" weights convert "$IBA_CACHE/demo/demo-resnet50.safetensors" --out weights.safetensors &&
        "$iba" evaluate run --images shapes/images --annotations shapes/annotations --measures boxes --methods gradient,per-sample --count 4 \
            --statistics statistics.safetensors --out evaluated
}
prepare > prepare.log 2>&1 || { cat prepare.log; exit 1; }
photos=(shapes/images/*/*_00001.png)

# A server that takes a connection and says nothing: what a download waits for.
if command -v python3 > /dev/null; then
    python3 -c '
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
held = []
while True: held.append(server.accept())' > port 2> /dev/null &
    proxy=$!
    disown $proxy
    until [ -s port ]; do sleep 0.05; done
    export https_proxy=http://127.0.0.1:$(cat port)
fi

# The rows: what runs, with results below $1. Each takes a second or two.
row() {
    local name=$1 out=$2
    case $name in
        attribute) command=(attribute "${photos[@]}" --model demo-resnet50 --steps 4 --copies 4 --batch 2 --out "$out/maps") ;;
        predict) command=(predict "${photos[@]}" "${photos[@]}" --model demo-resnet50 --json) ;;
        compare) command=(compare "${photos[0]}" --model demo-resnet50 --methods gradient,saliency,per-sample,grad-cam,occlusion-14 --out "$out/figure") ;;
        estimate) command=(estimate --model demo-resnet50 --images shapes/images --out "$out/statistics.safetensors") ;;
        readout) command=(readout train --model demo-resnet50 --images shapes/images --samples 4 --epochs 1 --batch 4 --out "$out/readout.safetensors") ;;
        patterns) command=(patterns fit --model demo-resnet50 --images shapes/images --samples 16 --out "$out/patterns.safetensors") ;;
        demo) command=(demo train --network resnet50 --images 64 --epochs 2 --large-epochs 1 --divisor 16 --test-images 10 --out "$out/demo.safetensors") ;;
        shapes) command=(dataset shapes --seed 7 --count 60 --out "$out/shapes") ;;
        convert) command=(weights convert weights.safetensors --out "$out/converted.safetensors") ;;
        fetch) command=(weights fetch resnet50 --out "$out/weights") ;;
        inspect) command=(weights inspect weights.safetensors) ;;
        boxes) command=(evaluate boxes --images shapes/images --annotations shapes/annotations --methods gradient,per-sample --statistics statistics.safetensors) ;;
        run) command=(evaluate run --images shapes/images --annotations shapes/annotations --measures boxes,degradation-14 --methods gradient,random
            --count 12 --batch 1 --size 112 --out "$out/run") ;;
        summary) command=(evaluate summary evaluated --report "$out/page.html") ;;
        tape) command=(tape "${photos[0]}" --model demo-resnet50 --rule guided --dump layer2 --out "$out/tape") ;;
        *) echo "there is no row $name" >&2; exit 2 ;;
    esac
}
rows=("$@")
[ $# -gt 0 ] || rows=(attribute predict compare estimate readout patterns demo shapes convert fetch inspect boxes run summary tape)
writes() { case $1 in predict | inspect | boxes) return 1 ;; esac; }
prints() { case $1 in estimate | readout | patterns | demo | shapes | fetch) return 1 ;; esac; }
# fetch waits for ever; a figure names the time that each of its maps took, and a tape that of each line.
same_bytes() { case $1 in fetch | compare | tape) return 1 ;; esac; }

# A page quotes the command, and with it the folder.
bytes() { (cd "$1" 2> /dev/null && find . -type f ! -name contact-sheet.png ! -name '*.iba.html' -print0 | LC_ALL=C sort -z | xargs -0r sha256sum); }
litter() { find "$@" -name '.*' -type f 2> /dev/null; }
now() { date +%s%N; }

failed=0 checked=0 skipped=0
declare -A cell
# note ROW FAULT WORD...: what a cell of the table says, and whether it is as it must be.
pass() { cell[$1.$2]=${*:3}; checked=$((checked + 1)); }
fail() { cell[$1.$2]="FAILED"; checked=$((checked + 1)); failed=$((failed + 1)); echo "$1, $2: ${*:3}"; sed 's/^/    /' error | tail -n 5; }
skip() { cell[$1.$2]="skipped"; skipped=$((skipped + 1)); }

# signalled ROW SIGNAL SHARE: the signal comes at a share of the time that an undisturbed run takes. Then the command runs again.
signalled() {
    local name=$1 signal=$2 share=$3 fault="$2 at $3 %" out code kept
    out=$work/out; rm -rf "$out"; mkdir "$out"
    row "$name" "$out"
    # A script that was itself started in the background ignores Ctrl-C, and what it starts would too.
    env --default-signal=INT,HUP,TERM "$iba" "${command[@]}" > output 2> error &
    local process=$!
    sleep "$(awk -v t="${took[$name]}" -v s="$share" 'BEGIN { print t * s / 100e9 }')"
    kill -s "$signal" $process 2> /dev/null
    wait $process 2> /dev/null; code=$?
    kept=$(find "$out" -type f ! -name '.*' | wc -l)
    case $signal.$code in
        KILL.137 | KILL.0 | TERM.0 | INT.0 | HUP.0) ;;
        TERM.4 | INT.4 | HUP.4)
            grep -q 'stopping after the current step' error || { fail "$name" "$fault" "the signal was not answered"; return; }
            [ -z "$(litter "$out" "$IBA_CACHE")" ] || { fail "$name" "$fault" "left behind: $(litter "$out" "$IBA_CACHE")"; return; } ;;
        *) fail "$name" "$fault" "exit code $code"; return ;;
    esac
    if [ "$name" != fetch ]; then
        "$iba" "${command[@]}" > output 2> error || { fail "$name" "$fault" "the next run ended in $?"; return; }
    fi
    [ -z "$(litter "$out" "$IBA_CACHE")" ] || { fail "$name" "$fault" "still there after the next run: $(litter "$out" "$IBA_CACHE")"; return; }
    if same_bytes "$name" && [ "$(bytes "$out")" != "$(bytes "$work/undisturbed.$name")" ]; then
        fail "$name" "$fault" "the next run came to other bytes"; return
    fi
    pass "$name" "$fault" "$code, kept $kept"
}

# full ROW: results go to a disk that has no room for them. readonly ROW: to one that cannot be written.
disk() {
    local name=$1 fault=$2 at=$3 reason=$4 code
    writes "$name" || return
    mountpoint -q "$at" || { skip "$name" "$fault"; return; }
    [ "$fault" = "read-only" ] || find "$at" -mindepth 1 -delete
    row "$name" "$at"
    "$iba" "${command[@]}" > output 2> error; code=$?
    # Nothing is downloaded here: the server is never heard.
    [ "$code" = 1 ] || [ "$code" = 2 ] || { fail "$name" "$fault" "exit code $code"; return; }
    grep -Eq "$reason" error || { fail "$name" "$fault" "the reason is not named"; return; }
    [ -z "$(litter "$at")" ] || { fail "$name" "$fault" "left behind: $(litter "$at")"; return; }
    pass "$name" "$fault" "$code"
}

# stream ROW FAULT REDIRECTION CODE...: one of the codes must be how it ends.
stream() {
    local name=$1 fault=$2 redirection=$3 code codes=${*:4}
    local out=$work/out; rm -rf "$out"; mkdir "$out"
    row "$name" "$out"
    : > error
    code=$(bash -c 'exec 9>&1; { "$0" "$@" 9>&-; echo $? >&9; } '"$redirection" "$iba" "${command[@]}" 2> error)
    [[ " $codes " == *" $code "* ]] || { fail "$name" "$fault" "exit code $code, not $codes"; return; }
    if [ "$code" = 0 ] && same_bytes "$name" && [ "$(bytes "$out")" != "$(bytes "$work/undisturbed.$name")" ]; then
        fail "$name" "$fault" "other bytes"; return
    fi
    [ -z "$(litter "$out" "$IBA_CACHE")" ] || { fail "$name" "$fault" "left behind: $(litter "$out" "$IBA_CACHE")"; return; }
    pass "$name" "$fault" "$code, kept $(find "$out" -type f | wc -l)"
}

mkdir small readonly
mount -t tmpfs -o size=24k none small 2> /dev/null && mount -t tmpfs -o ro none readonly 2> /dev/null ||
    echo "a full and a read-only disk: skipped, this user may not mount any"

declare -A took
for name in "${rows[@]}"; do
    if [ "$name" = fetch ]; then
        took[$name]=1000000000
        if [ -z "${proxy:-}" ]; then echo "fetch: skipped, there is no python3 for a server that keeps it waiting"; skipped=$((skipped + 1)); continue; fi
        for signal in KILL TERM INT HUP; do signalled fetch $signal 60; done
        disk fetch "read-only" "$work/readonly" 'Read-only|ead-only file system|cannot be written'
        continue
    fi
    mkdir -p "undisturbed.$name" out
    # Where results are named in the output or in the files, their place must be the same.
    row "$name" "$work/out"; rm -rf out; mkdir out
    start=$(now)
    "$iba" "${command[@]}" > output 2> error || { fail "$name" "undisturbed" "exit code $?"; continue; }
    took[$name]=$(($(now) - start))
    rm -rf "undisturbed.$name"; mv out "undisturbed.$name"
    pass "$name" undisturbed "0, $(find "undisturbed.$name" -type f | wc -l) files"
    for share in 30 60 90; do signalled "$name" KILL $share; done
    for signal in TERM INT HUP; do signalled "$name" $signal 60; done
    disk "$name" "full disk" "$work/small" 'No space left|no space|disk is full'
    disk "$name" "read-only" "$work/readonly" 'ead-only'
    stream "$name" "2>/dev/full" '2> /dev/full > /dev/null' 0
    stream "$name" "2>&-" '2>&- > /dev/null' 0
    if prints "$name"; then
        stream "$name" ">/dev/full" '> /dev/full' 1
        stream "$name" ">&-" '>&-' 1
        stream "$name" "| head -1" '| head -n 1 > /dev/null' 0 141
    else
        stream "$name" ">/dev/full" '> /dev/full' 0
        stream "$name" ">&-" '>&-' 0
    fi
done

faults=(undisturbed "KILL at 30 %" "KILL at 60 %" "KILL at 90 %" "TERM at 60 %" "INT at 60 %" "HUP at 60 %" "full disk" read-only "2>/dev/full" "2>&-" ">/dev/full" ">&-" "| head -1")
echo "exit code, files kept:"
for fault in "${faults[@]}"; do
    echo "$fault"
    for name in "${rows[@]}"; do
        [ -z "${cell[$name.$fault]:-}" ] || printf '    %-10s %s\n' "$name" "${cell[$name.$fault]}"
    done
done
echo "$checked cells: $((checked - failed)) as they must be, $failed failed; $skipped skipped"
[ "$failed" -eq 0 ]
