#!/usr/bin/env bash
# Writes the public API of the packed projects into their PublicAPI.Unshipped.txt, less what PublicAPI.Shipped.txt lists: run it after a change of the API that is
# meant, and read the diff. At a release, its lines move to PublicAPI.Shipped.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 LC_ALL=C
log=$(mktemp)
trap 'rm -f "$log"' EXIT
projects=(engine/Engine weights/Weights iba/Iba iba/explaining/Iba.Explaining iba/shapes/Iba.Shapes)
for project in "${projects[@]}"; do echo '#nullable enable' > "$(dirname "$project")/PublicAPI.Unshipped.txt"; done
for project in iba/explaining iba/shapes; do
    dotnet build "$project" --configuration Release --no-incremental -p:RunAnalyzers=true -p:EnableNETAnalyzers=false -p:EnforceCodeStyleInBuild=false \
        -p:TreatWarningsAsErrors=false -verbosity:minimal >> "$log" || { cat "$log" >&2; exit 1; }
done
for project in "${projects[@]}"; do
    file=$(dirname "$project")/PublicAPI.Unshipped.txt
    sed -n "s|.*: warning RS0016: Symbol '\(.*\)' is not part of the declared public API.*\[.*/$project\.csproj\]\$|\1|p" "$log" | sort -u >> "$file"
    echo "$file: $(($(wc -l < "$file") - 1)) lines"
done
