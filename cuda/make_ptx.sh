#!/usr/bin/env bash
# Makes cuda/ptx again from cuda/*.cu with the NVRTC that the tests find (cuda/fetch_libraries.sh nvrtc). Commit what changes.
set -euo pipefail
cd "$(dirname "$0")/.."
cuda/fetch_libraries.sh nvrtc
rm -rf cuda/ptx
IBA_MAKE_PTX=1 dotnet run --project tests --configuration Release -- -method "*Compiles_to_the_PTX_that_is_committed"
