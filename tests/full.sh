#!/usr/bin/env bash
# The checks that take too long for every push, one named step each.
#   tests/full.sh [STEP...]        all steps, or those that are named
set -euo pipefail
cd "$(dirname "$0")/.."
tests() { tests/bin/Release/net10.0/Tests "$@" -noLogo -noColor; }

# Without tiered compilation a tensor is unreachable as soon as its address is taken, as in a program that has run for a while.
step_memory() { DOTNET_TieredCompilation=0 IBA_STRESS_ROUNDS=${IBA_STRESS_ROUNDS:-20} tests -class Tests.Engine.StressTests -class Tests.Engine.ForgottenTests; }

# Everything that reads files of strangers.
step_fuzz() { tests/fuzz.sh --minutes "${IBA_FUZZ_MINUTES:-60}" --cores 2; }

# Every command under every fault: killed, signalled, on a full or read-only disk, with closed and full streams.
step_faults() { tests/faults.sh; }

# An evaluation shared out by a real Slurm.
step_slurm() { tests/slurm.sh; }

# The native files of every processor family, the shared library and the service's, in a root with nothing but glibc.
step_native() { tests/native.sh; }

# Every method in batches of one and of eight: the same bytes.
step_methods() {
    local network
    for network in demo-resnet50 demo-vgg16; do
        rm -rf "out/methods/$network"
        tests/methods.sh "out/methods/$network" --model "$network" --device cpu
    done
}

# What a GPU is asked for, or where there is none, the dry run without one.
step_gpu() { if nvidia-smi > /dev/null 2>&1; then tests/gpu.sh; else tests/gpu.sh --cpu; fi; }

dotnet build tests --configuration Release --verbosity quiet
for step in ${*:-memory fuzz faults slurm native methods gpu}; do
    echo "== $step"
    "step_$step"
done
