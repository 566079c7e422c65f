#!/usr/bin/env bash
# Tests and measures a machine with an NVIDIA GPU. Runs in a copy of the sources, on the programs that tests/gpu.sh packs. Needs bash, tar, xz (or Python) and the
# driver; takes whatever of NVRTC, cuBLASLt, cuDNN (also those of pip's wheels), PyTorch, compute-sanitizer and g++ it finds.
#   run.sh [--cpu] [--within SECONDS] FROM TO [STEP...]
# FROM: the folder with iba-gpu.tar.xz, and perhaps photos.tar.xz, and cache.tgz of an earlier run. TO gets results.tgz (logs, figures, results.json; with those of earlier runs
# that it has) and cache.tgz (kernels and plans), both after every step. Steps, in the order of what they tell; default: all.
#   facts doctor kernels networks convolutions ops plans:PRECISION:BATCH probe bench:NETWORK:PRECISION:BATCH pytorch
#   golden precision methods sanitizer classes:PATTERN
# Every step has its own time limit, which a last :SECONDS replaces in plans, probe, pytorch and classes; one that fails stops none of the others. --within bounds
# the whole run. --cpu: without a GPU, each limit being eight times as many seconds of processor time. Exit code 1 if a step failed. IBA_PYTHON names a Python with torch and torchvision.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cpu= within=100000
while [ $# -gt 0 ]; do
    case "$1" in
        --cpu) cpu=1 ;;
        --within) within=$2; shift ;;
        *) break ;;
    esac
    shift
done
[ $# -ge 2 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$2"
from=$(cd "$1" && pwd) to=$(cd "$2" && pwd)
shift 2
steps=${*:-facts doctor kernels networks convolutions ops plans:fp32:10 plans:tf32:10 plans:bf16:160 probe bench:resnet50:bf16:16 bench:resnet50:tf32:16 pytorch
    golden precision methods sanitizer}

# The tests find the sources above their own folder.
work=$root/out/gpu/run
out=$work/results bin=$work/bin python=${IBA_PYTHON:-python3}
mkdir -p "$out" "$work/cache"
if [ ! -x "$bin/Tests" ]; then
    for archive in iba-gpu photos; do
        [ -f "$from/$archive.tar.xz" ] || continue
        tar -C "$work" -xJf "$from/$archive.tar.xz" 2> /dev/null || "$python" -m tarfile -e "$from/$archive.tar.xz" "$work" || exit 1
    done
    while IFS=$'\t' read -r assembly at file; do
        dd if="$root/$file" of="$bin/$assembly" bs=1M seek="$at" oflag=seek_bytes conv=notrunc status=none
    done < "$bin/holes.tsv"
    [ -f "$from/cache.tgz" ] && tar -C "$work" -xzf "$from/cache.tgz"
    [ -f "$to/results.tgz" ] && tar -C "$work" -xzf "$to/results.tgz"
fi
export IBA_CACHE=$work/cache TMPDIR=${TMPDIR:-/tmp} PYTHONUNBUFFERED=1
if [ -z "$cpu" ]; then export IBA_REQUIRE_GPU=1; device=OnCuda; else unset IBA_REQUIRE_GPU; device=OnCpu; fi

# note STEP OUTCOME SECONDS: one row for each step, the latest run's. What is there so far is packed.
failed=
note() {
    touch "$out/steps.tsv"
    { grep -v "^$1	" "$out/steps.tsv"; printf '%s\t%s\t%s\n' "$1" "$2" "$3"; } > "$out/steps.part"
    mv "$out/steps.part" "$out/steps.tsv"
    printf '== %-24s %s (%s s, at %s s)\n' "$1" "$2" "$3" "$SECONDS"
    case "$2" in passed | "not run:"*) ;; *) failed=1 ;; esac
    for kept in results cache; do tar -C "$work" -czf "$to/$kept.part" "$kept" && mv "$to/$kept.part" "$to/$kept.tgz"; done
}

# step NAME SECONDS COMMAND...
step() {
    local name=$1 limit=$2 began=$SECONDS status=0 outcome
    shift 2
    rm -f "$out/$name.jsonl" "$out/$name.ctrf.json"
    if [ -n "$cpu" ]; then
        # The limits are a GPU's. A processor takes longer, and other work on it must not decide: seconds of processor time are counted, of all cores.
        # The clock ends only what waits for nothing.
        (ulimit -t $((8 * limit)) && exec timeout --kill-after=5 $((60 * limit)) "$@") > "$out/$name.log" 2>&1 || status=$?
    else
        [ "$limit" -le $((within - SECONDS)) ] || limit=$((within - SECONDS))
        if [ "$limit" -lt 5 ]; then note "$name" "not run: no time is left" 0; return; fi
        timeout --kill-after=5 "$limit" "$@" > "$out/$name.log" 2>&1 || status=$?
    fi
    case $status in
        0) outcome=passed ;;
        124 | 137 | 152) outcome="cut off after $([ -z "$cpu" ] && echo "$limit s" || echo "$((8 * limit)) s of processor time or $((60 * limit)) s")" ;;
        *) outcome="failed with exit code $status" ;;
    esac
    tail -n "${shown:-3}" "$out/$name.log" | cut -c1-220 | sed 's/^/    /'
    note "$name" "$outcome" $((SECONDS - began))
}

# A process of its own for each group of classes: a fault that a GPU does not survive ends that group alone.
# classes NAME SECONDS ARGUMENTS...
classes() { step "$1" "$2" "$bin/Tests" -noLogo -noColor -result-ctrf "$out/$1.ctrf.json" "${@:3}"; }

# gpu NAME: whether there is one; a step that needs it says so where there is none.
gpu() { [ -z "$cpu" ] || { note "$1" "not run: it needs a GPU" 0; false; }; }

# The folder of NVIDIA's wheels, and their libraries' folders, for those that are not found unaided.
nvidia() { "$python" -c 'import nvidia; print(list(nvidia.__path__)[0])' 2> /dev/null; }
wheels() { local in; in=$(nvidia) && printf '%s\n' "$in"/*/lib | paste -sd:; }

# The first compute-sanitizer on the path, in the toolkit's folders, or in a wheel.
sanitizer() {
    command -v compute-sanitizer && return
    ls -d /usr/local/cuda*/bin/compute-sanitizer /usr/local/cuda*/compute-sanitizer/compute-sanitizer /opt/nvidia/*/compute-sanitizer 2> /dev/null
    local in
    in=$(nvidia) && find "$in" -name compute-sanitizer -type f
}

{
    printf 'commit\t%s\n' "$(cat "$work/COMMIT")"
    if smi=$(nvidia-smi --query-gpu=name,driver_version,memory.total,power.limit,clocks.max.sm --format=csv,noheader 2> /dev/null); then
        printf 'gpu, driver, memory, power limit, clock\t%s\n' "$(head -1 <<< "$smi")"
    fi
    printf 'kernel\t%s\n' "$(uname -sr)"
} > "$out/facts.tsv"
if [ -z "$cpu" ] && [ -z "${IBA_CUDA_DIRS:-}" ] && ! timeout 30 "$bin/iba" doctor > "$out/unaided.log" 2>&1; then
    grep -A1 -E '^(missing|slower)' "$out/unaided.log" | cut -c1-220
    IBA_CUDA_DIRS=$(wheels) && export IBA_CUDA_DIRS && echo "IBA_CUDA_DIRS=$IBA_CUDA_DIRS"
fi

for each in $steps; do
    IFS=: read -r what a b c d <<< "$each"
    case "$what" in
        facts) shown=12 step facts 20 bash -c "nvidia-smi; env | grep -E '^(PATH|VIRTUAL_ENV|CONDA_PREFIX|LD_LIBRARY_PATH|CUDA)'; command -v python3 xz g++ nvcc compute-sanitizer
            '$python' -m pip list 2> /dev/null | grep -iE 'nvidia|torch'; ldd --version | head -1; nproc" ;;
        # cuDNN is required: the command exits with 3 without it.
        doctor) if [ -n "$cpu" ]; then shown=20 step doctor 30 bash -c "'$bin/iba' doctor; [ \$? -eq 3 ]"; else shown=20 step doctor 25 "$bin/iba" doctor; fi ;;
        kernels) classes kernels 50 -class "*VerbTests$device" -class "*AdamTests$device" ;;
        networks) classes networks 50 -class "*ExpectedTests$device" ;;
        # The networks' shapes first: random ones go where nobody went before.
        convolutions)
            classes convolutions 40 -class "*ConvolutionTests$device" -method '*Convolutions_of_networks*'
            classes convolutions-random 60 -class "*ConvolutionTests$device" -method- '*Convolutions_of_networks*' ;;
        ops) classes ops 70 -class "*OpTests$device" ;;
        classes) classes "classes-${a//[^A-Za-z0-9]/}" "${b:-300}" -class "$a" ;;
        plans)
            if gpu "plans-$a-$b"; then
                step "plans-$a-$b" "${c:-50}" "$bin/iba" doctor --plans --precision "$a" --batch "$b"
                grep -owE 'Fused|Single|Product|OwnKernel' "$out/plans-$a-$b.log" | sort | uniq -c
            fi ;;
        probe) if gpu probe; then shown=60 step probe "${a:-80}" "$python" "$root/tests/gpu/cudnn_probe.py" "$(nvidia)" "$((${a:-80} - 10))"; fi ;;
        bench)
            if [ -n "$cpu" ]; then target=(cpu) c=1; else target=(cuda); fi
            step "bench-$a-$b-$c" "${d:-75}" "$bin/Benchmarks" attribution "${target[@]}" "$out/bench-$a-$b-$c.jsonl" "$a" "$b" "$c" ;;
        pytorch)
            if "$python" -c 'import torch, torchvision' 2> /dev/null; then
                shown=12 step pytorch "${a:-60}" "$python" "$root/tests/pytorch/attribution.py"
                grep '^{' "$out/pytorch.log" > "$out/pytorch.jsonl"
            else
                note pytorch "not run: $python has no torch with torchvision" 0
            fi ;;
        golden) classes golden 240 -class "*GoldenTests*$device" ;;
        precision)
            if gpu precision; then
                export IBA_FIGURES=$out/precision.jsonl
                classes precision 480 -class Tests.Devices.AgreementTests -class Tests.Attribution.MethodAgreementTestsOnCuda
                unset IBA_FIGURES
            fi ;;
        sanitizer)
            if gpu sanitizer; then
                found=$(sanitizer | head -1)
                [ -n "$found" ] || note sanitizer "not run: no compute-sanitizer found" 0
                for tool in ${found:+memcheck racecheck initcheck}; do
                    step "sanitizer-$tool" 180 "$found" --tool "$tool" --error-exitcode 9 "$bin/Tests" -noLogo -noColor \
                        -class '*OpTestsOnCuda' -class '*VerbTestsOnCuda' -class '*AdamTestsOnCuda'
                done
            fi ;;
        methods)
            if [ ! -f "$bin/libSkiaSharp.so" ]; then note methods "not run: photos.tar.xz was not brought" 0; continue; fi
            # The processor promises the same bytes; on a GPU a flipped ReLU may move a map by so much of its norm.
            export IBA_PROGRAM=$bin/iba IBA_BENCHMARKS=$bin/Benchmarks
            target=(--device cpu)
            if [ -z "$cpu" ]; then export IBA_BOUND=1e-3; target=(--device cuda --precision fp32); fi
            for model in demo-resnet50 demo-vgg16; do
                rm -rf "$work/methods-$model"
                step "methods-$model" 300 bash "$root/tests/methods.sh" "$work/methods-$model" --model "$model" "${target[@]}"
            done
            # torchvision's networks at full size, on smaller photos; on a processor that takes most of an hour.
            for model in $([ -n "$cpu" ] || echo resnet50 vgg16); do
                rm -rf "$work/methods-$model"
                weights=$TMPDIR/iba-random-$model.safetensors
                "$IBA_BENCHMARKS" weights "$model" "$weights"
                step "methods-$model" 300 bash "$root/tests/methods.sh" "$work/methods-$model" --weights "$weights" --size 96 "${target[@]}"
                rm -f "$weights"
            done
            unset IBA_BOUND ;;
        *) note "$each" "unknown step" 0 ;;
    esac
done
"$bin/Benchmarks" results "$out" "$out/results.json" || failed=1
tar -C "$work" -czf "$to/results.tgz" results
[ -z "$failed" ]
