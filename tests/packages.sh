#!/usr/bin/env bash
# The packages as a user meets them: packed, installed from a folder into a new project, whose program is the sample of their readme; and the tool,
# installed and run. Everything was built in Release before.   tests/packages.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
# Paths as .NET reads them: Git's bash on Windows has its own.
native() { if command -v cygpath > /dev/null; then cygpath -m "$1"; else echo "$1"; fi; }
root=$(native "$PWD")
work=$(native "${1:-$(mktemp -d)}")
packages=$work/packages
rm -rf "$work/user" "$packages"
mkdir -p "$work/user"
export NUGET_PACKAGES=${NUGET_PACKAGES:-$HOME/.nuget/packages}

dotnet pack --no-build --configuration Release --output "$packages" --verbosity quiet
version=$(basename "$packages"/Iba.Engine.*.nupkg .nupkg)
version=${version#Iba.Engine.}

# At most 40 MB for the tool, and no package without its symbols.
bytes=$(wc -c < "$packages/Iba.Tool.$version.nupkg")
[ "$bytes" -le 40000000 ] || { echo "Iba.Tool has $bytes bytes, more than 40 MB" >&2; exit 1; }
for name in Iba.Engine Iba.Weights Iba.Attribution Iba.Explaining Iba.Shapes Iba.Tool; do
    [ -f "$packages/$name.$version.snupkg" ] || { echo "$name has no symbols" >&2; exit 1; }
done

# Only these packages come from the folder; a version of an earlier run must not be taken from the cache.
for name in iba.engine iba.weights iba.attribution iba.explaining iba.shapes iba.tool; do rm -rf "$NUGET_PACKAGES/$name/$version"; done
cat > "$work/user/NuGet.Config" << X
<configuration>
  <packageSources><add key="local" value="$packages" /></packageSources>
  <packageSourceMapping>
    <packageSource key="local"><package pattern="Iba.*" /></packageSource>
    <packageSource key="nuget.org"><package pattern="*" /></packageSource>
  </packageSourceMapping>
</configuration>
X
cat > "$work/user/User.csproj" << X
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Iba.Explaining" Version="$version" />
  </ItemGroup>
</Project>
X
{
    # The demo network, its statistics and its photo under the names of the sample.
    sed -n '/^```csharp/,/^```/p' docs/packages.md | grep -v '^```' |
        sed "s|\"resnet50.pth\"|\"$root/weights/demo/demo-resnet50.safetensors\"|; s|\"photo.jpg\"|\"$root/weights/demo/sample.png\"|;
             s|\"statistics.safetensors\"|\"$root/weights/demo/demo-resnet50.statistics.safetensors\"|"
} > "$work/user/Program.cs"

cd "$work/user"
out=$(dotnet run --configuration Release)
echo "$out"
grep -qE '^.+: p [0-9.]+, [0-9]+ bits, at most [0-9.]+ per pixel$' <<< "$out"
[ -s map.png ]
dotnet tool install Iba.Tool --version "$version" --tool-path "$work/tool" --configfile NuGet.Config > /dev/null
"$work/tool/iba" attribute --out "$work/user/maps" --json
