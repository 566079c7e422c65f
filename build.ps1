<#
.SYNOPSIS
    Checks formatting, builds program and documentation, tests and publishes the iba command: the same steps as .ci/run, for PowerShell.
.DESCRIPTION
    Needs the .NET SDK that global.json names, and nothing else. Works in Windows PowerShell 5.1 and in PowerShell 7 on any system.
.PARAMETER SkipTests
    Builds without running the tests.
.PARAMETER Publish
    Also publishes a self-contained iba command into out/<runtime>: a folder that runs on machines without .NET.
.PARAMETER Native
    With -Publish: one native file, compiled ahead of time for a processor family, which starts in some 25 ms. Needs a C compiler: clang on Linux,
    the Xcode command line tools on macOS, the C++ build tools on Windows.
.PARAMETER Family
    With -Native: avx512, avx2 or 128 for x64, neon for Arm. A file for one family says so on a processor that lacks it. Default: avx2 on x64.
.PARAMETER Gpu
    Instead of all that, packs the tests and benchmarks for a Linux machine with an NVIDIA GPU and without .NET into out/gpu/carry, and
    runs them where this machine is one. The steps are those of tests/gpu.sh, so bash is needed (on Windows, that of WSL with the SDK in it).
.PARAMETER Runtime
    What to publish for, such as win-x64 or linux-x64. Default: this machine.
.EXAMPLE
    ./build.ps1 -Publish
.EXAMPLE
    ./build.ps1 -SkipTests -Publish -Native
#>
[CmdletBinding()]
param(
    [switch] $SkipTests,
    [switch] $Publish,
    [switch] $Native,
    [ValidateSet('avx512', 'avx2', '128', 'neon')]
    [string] $Family,
    [switch] $Gpu,
    [string] $Runtime
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Set-Location -Path $PSScriptRoot

function Invoke-Step {
    param([string] $Name, [string[]] $Arguments)

    Write-Host "==> $Name"
    & dotnet @Arguments
    if ($LASTEXITCODE -ne 0) {
        throw "$Name failed with exit code $LASTEXITCODE (dotnet $($Arguments -join ' '))."
    }
}

if (-not (Get-Command -Name dotnet -ErrorAction SilentlyContinue)) {
    throw 'dotnet was not found. Install the .NET 10 SDK and open a new PowerShell window.'
}

if ($Gpu) {
    if (-not (Get-Command -Name bash -ErrorAction SilentlyContinue)) {
        throw 'bash was not found. The GPU bundle is packed by tests/gpu.sh: run build.ps1 -Gpu on Linux or inside WSL.'
    }
    & bash tests/gpu.sh
    if ($LASTEXITCODE -ne 0) {
        throw "The GPU run failed with exit code $LASTEXITCODE (tests/gpu.sh)."
    }
    return
}

# The steps of .ci/run. A line: name | arguments of dotnet
Select-String -Path '.ci/steps' -Pattern '^([^#|]+) \| (.+)$' | ForEach-Object {
    Invoke-Step $_.Matches[0].Groups[1].Value ($_.Matches[0].Groups[2].Value -split '\s+')
}

if (-not $SkipTests) {
    # The README's own command, so that what it promises is what is tested.
    $test = (Select-String -Path 'README.md' -Pattern '^dotnet (test .*)$' | Select-Object -First 1).Matches[0].Groups[1].Value
    Invoke-Step 'Tests' ($test -split '\s+')
    Invoke-Step 'Tests of the service' @('run', '--project', 'tests/service', '--no-build', '--configuration', 'Release')
}

if ($Publish) {
    if (-not $Runtime) {
        $Runtime = (& dotnet --info | Select-String -Pattern '^\s*RID:\s*(\S+)').Matches[0].Groups[1].Value
    }
    $folder = Join-Path -Path 'out' -ChildPath $Runtime
    $how = @('--self-contained')
    if ($Native) {
        if (-not $Family) {
            $Family = if ($Runtime -like '*arm64') { 'neon' } else { 'avx2' }
        }
        $folder = "$folder-$Family"
        $how = @("-p:Native=$Family")
    }
    Invoke-Step "Publish for $Runtime" (
        @('publish', 'iba/cli', '--configuration', 'Release', '--runtime', $Runtime, '--output', $folder) + $how)
    Write-Host "iba is in $folder"
}
