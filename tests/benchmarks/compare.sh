#!/usr/bin/env bash
# The engine's speed against PyTorch's and OpenBLAS's on the same work, turn by turn in one run on this machine: products, the networks' layers,
# whole attributions, passes of whole networks, and methods. Prints medians and ratios, and writes them with a description of the machine to
# results/, one file for each width of the registers.
#
# usage: compare.sh [--threads N] [--rounds N] [--width 256|512] [--only products|layers|attributions|passes|methods ...]
#
# --width 256 holds both sides to AVX2; the width that each side really uses is printed, and another one than asked for ends the run.
# Wants a quiet machine, about half an hour, and a Python with torch, torchvision and a numpy on OpenBLAS: Debian's python3-torch,
# python3-torchvision, python3-numpy and libopenblas0-pthread, or pip's. PYTHON names it; /usr/bin/python3 where it is not set.
# BENCHMARKS names a published benchmark program, for a machine without the .NET SDK; otherwise it is built here.
set -euo pipefail
cd "$(dirname "$0")"
if [ -z "${BENCHMARKS:-}" ]; then
    dotnet build --configuration Release --verbosity quiet --nologo
    BENCHMARKS=bin/Release/net10.0/Benchmarks
fi
mkdir -p results
"${PYTHON:-/usr/bin/python3}" ../pytorch/compare.py "$BENCHMARKS" results "$@"
