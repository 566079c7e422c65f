#!/usr/bin/env bash
# The engine's speed against PyTorch's and OpenBLAS's on the same shapes, turn by turn in one run on this machine: products, the networks'
# layers, whole attributions. Prints medians and ratios, and writes them with a description of the machine to results/.
#
# usage: compare.sh [--threads N] [--rounds N] [--only attributions|layers|products]
#
# Wants Debian's python3-torch, python3-torchvision, python3-numpy and libopenblas0-pthread (apt-get install them), a quiet machine,
# and about a quarter of an hour. PYTHON names the Python that has them; /usr/bin/python3 where it is not set.
set -euo pipefail
cd "$(dirname "$0")"
dotnet build --configuration Release --verbosity quiet --nologo
mkdir -p results
processor=$(sed -nE 's/^model name\s*: //p' /proc/cpuinfo | head -n 1 | tr -cs '[:alnum:]' '-' | tr '[:upper:]' '[:lower:]')
"${PYTHON:-/usr/bin/python3}" ../pytorch/compare.py bin/Release/net10.0/Benchmarks "results/$(date +%F)-${processor%-}.json" "$@"
