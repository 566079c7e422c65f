#!/usr/bin/env bash
# Runs on the machine with the GPU, from inside the bundle that tests/gpu.sh packs. Needs bash, coreutils and the NVIDIA driver; takes whatever of
# NVRTC, cuBLASLt, cuDNN (also those of pip's wheels), compute-sanitizer, g++ and PyTorch it finds.
#   run.sh [--cpu] [--out FOLDER] [STEP...]
# Steps, in this order (default: all): doctor suite precision golden sanitizer methods bench pytorch
#   --cpu    the part that needs no GPU: doctor suite golden methods bench
#   --out    where logs, figures and results.json go; default: results/ beside this file. Steps of an earlier run in it are kept unless run again.
# Every step has its own time limit and log; one that fails or is cut off hides nothing of the others. Exit code 1 if any failed.
# IBA_GOLDEN names a folder with the full set of golden files (default: golden/ beside this file, where it is), IBA_PYTHON a Python with torch and torchvision, IBA_BENCH_PYTHON another script to
# compare with, IBA_LIMIT a number of seconds for each step instead of its own.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$here/results
cpu=
steps=()
while [ $# -gt 0 ]; do
    case "$1" in
        --cpu) cpu=1 ;;
        --out) mkdir -p "$2" && out=$(cd "$2" && pwd); shift ;;
        doctor | suite | precision | golden | sanitizer | methods | bench | pytorch) steps+=("$1") ;;
        *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done
if [ ${#steps[@]} -eq 0 ]; then
    if [ -n "$cpu" ]; then steps=(doctor suite golden methods bench); else steps=(doctor suite precision golden sanitizer methods bench pytorch); fi
fi
mkdir -p "$out"
export IBA_CACHE=$out/cache TMPDIR=${TMPDIR:-/tmp}
if [ -z "$cpu" ]; then export IBA_REQUIRE_GPU=1; else unset IBA_REQUIRE_GPU; fi
tests=$here/bin/Tests
python=${IBA_PYTHON:-python3}
if [ -z "${IBA_GOLDEN:-}" ] && [ -d "$here/golden" ]; then export IBA_GOLDEN=$here/golden; fi

# note STEP OUTCOME SECONDS: one row for each step, the latest run's.
note() {
    touch "$out/steps.tsv"
    { grep -v "^$1	" "$out/steps.tsv"; printf '%s\t%s\t%s\n' "$1" "$2" "$3"; } > "$out/steps.part"
    mv "$out/steps.part" "$out/steps.tsv"
    printf '%-22s %s (%s s)\n' "$1" "$2" "$3"
    case "$2" in passed | "not run:"*) ;; *) failed=1 ;; esac
}

# step NAME SECONDS COMMAND...
step() {
    local name=$1 limit=${IBA_LIMIT:-$2} began=$SECONDS status=0 outcome
    shift 2
    rm -f "$out/$name.jsonl" "$out/$name.ctrf.json"
    timeout --kill-after=10 "$limit" "$@" > "$out/$name.log" 2>&1 || status=$?
    case $status in
        0) outcome=passed ;;
        124 | 137) outcome="cut off after $limit s" ;;
        *) outcome="failed with exit code $status" ;;
    esac
    note "$name" "$outcome" $((SECONDS - began))
    [ "$status" -eq 0 ] || tail -n 12 "$out/$name.log" | sed 's/^/    /'
}

# What the machine has; without CUDA a failure, unless only the processor's part was asked for.
doctor() {
    "$here/bin/Benchmarks" results "$out" "$out/results.json" && cat "$out/results.json" && { [ -n "$cpu" ] || ! grep -q '"severity": "Fatal"' "$out/results.json"; }
}
export -f doctor
export here out cpu

# The first compute-sanitizer on the path, in the toolkit's folders, or in a wheel.
sanitizer() {
    command -v compute-sanitizer && return
    local sites
    sites=$("$python" -c 'import site, sys; print("\n".join({*site.getsitepackages(), site.getusersitepackages(), *sys.path}))' 2> /dev/null)
    ls -d /usr/local/cuda*/bin/compute-sanitizer /usr/local/cuda*/compute-sanitizer/compute-sanitizer /opt/nvidia/*/compute-sanitizer 2> /dev/null
    while read -r site; do
        [ -d "$site/nvidia" ] && find "$site/nvidia" -name compute-sanitizer -type f 2> /dev/null
    done <<< "$sites"
}

failed=
{
    printf 'commit\t%s\n' "$(cat "$here/COMMIT")"
    if smi=$(nvidia-smi --query-gpu=name,driver_version,memory.total,power.limit,clocks.max.sm --format=csv,noheader 2> /dev/null); then
        printf 'gpu, driver, memory, power limit, clock\t%s\n' "$(head -1 <<< "$smi")"
    fi
    printf 'kernel\t%s\n' "$(uname -sr)"
} > "$out/facts.tsv"

for each in "${steps[@]}"; do
    case "$each" in
        doctor) step doctor 60 bash -c doctor ;;
        suite) step suite 540 "$tests" -noLogo -noColor -class- Tests.Devices.AgreementTests -class- Tests.Attribution.MethodAgreementTestsOnCuda -result-ctrf "$out/suite.ctrf.json" ;;
        golden) step golden 240 "$tests" -noLogo -noColor -class '*GoldenTests*' -class 'Tests.Networks.ExpectedTests*' -result-ctrf "$out/golden.ctrf.json" ;;
        precision)
            export IBA_FIGURES=$out/precision.jsonl
            step precision 480 "$tests" -noLogo -noColor -class Tests.Devices.AgreementTests -class Tests.Attribution.MethodAgreementTestsOnCuda -result-ctrf "$out/precision.ctrf.json"
            unset IBA_FIGURES ;;
        sanitizer)
            found=$(sanitizer | head -1)
            for tool in memcheck racecheck initcheck; do
                if [ -z "$found" ]; then
                    note "sanitizer-$tool" "not run: no compute-sanitizer found" 0
                else
                    step "sanitizer-$tool" 180 "$found" --tool "$tool" --error-exitcode 9 "$tests" -noLogo -noColor \
                        -class Tests.Engine.OpTestsOnCuda -class Tests.Engine.VerbTestsOnCuda -class Tests.Engine.AdamTestsOnCuda
                fi
            done ;;
        methods)
            # The processor promises the same bytes; on a GPU a flipped ReLU may move a map by so much of its norm.
            export IBA_PROGRAM=$here/bin/iba IBA_BENCHMARKS=$here/bin/Benchmarks
            device=(--device cpu)
            if [ -z "$cpu" ]; then export IBA_BOUND=1e-3; device=(--device cuda --precision fp32); fi
            for model in demo-resnet50 demo-vgg16; do
                rm -rf "$out/methods-$model"
                step "methods-$model" 300 bash "$here/tests/methods.sh" "$out/methods-$model" --model "$model" "${device[@]}"
            done
            # torchvision's networks at full size, on smaller photos; on a processor that takes most of an hour.
            for model in $([ -n "$cpu" ] || echo resnet50 vgg16); do
                rm -rf "$out/methods-$model"
                weights=$TMPDIR/iba-random-$model.safetensors
                "$IBA_BENCHMARKS" weights "$model" "$weights"
                step "methods-$model" 300 bash "$here/tests/methods.sh" "$out/methods-$model" --weights "$weights" --size 96 "${device[@]}"
                rm -f "$weights"
            done
            unset IBA_BOUND ;;
        bench)
            if [ -n "$cpu" ]; then
                step bench 300 "$here/bin/Benchmarks" attribution cpu "$out/bench.jsonl" resnet50 1
            else
                step bench 540 "$here/bin/Benchmarks" attribution cuda "$out/bench.jsonl"
            fi ;;
        pytorch)
            if "$python" -c 'import torch, torchvision' 2> /dev/null; then
                step pytorch 420 "$python" -u "${IBA_BENCH_PYTHON:-$here/tests/pytorch/attribution.py}"
                grep '^{' "$out/pytorch.log" > "$out/pytorch.jsonl"
            else
                note pytorch "not run: $python has no torch with torchvision" 0
            fi ;;
    esac
done

"$here/bin/Benchmarks" results "$out" "$out/results.json" || failed=1
[ -z "$failed" ]
