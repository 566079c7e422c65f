using System.Diagnostics;
using Iba.Engine.Backends.Cuda.Native;
using Xunit;

namespace Tests.Cli;

/// <summary>
/// A libcuda.so.1 that a process can load: it has every entry point that the program needs, and all of them fail except the few that
/// describe a machine with one GPU. Made by the C++ compiler.
/// </summary>
internal static class FakeLibcuda
{
    /// <summary>Writes it into a folder, or skips the test.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="start">What cuInit answers.</param>
    public static void Make(string folder, int start = 0)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the stand-in for the driver is made for Linux");
        string source = Path.Combine(folder, "libcuda.cpp");
        string[] answers =
        [
            $"int cuInit(unsigned) {{ return {start}; }}",
            "int cuDriverGetVersion(int *version) { *version = 12060; return 0; }",
            "int cuDeviceGetCount(int *count) { *count = 1; return 0; }",
            "int cuDeviceGet(int *device, int) { *device = 0; return 0; }",
            "int cuDeviceGetName(char *name, int, int) { name[0] = 'G'; name[1] = 0; return 0; }",
            "int cuDeviceGetAttribute(int *value, int, int) { *value = 9; return 0; }",
            "int cuDeviceTotalMem_v2(unsigned long long *bytes, int) { *bytes = 1ull << 30; return 0; }",
            "int cuMemGetInfo_v2(unsigned long long *free, unsigned long long *all) { *free = 1ull << 29; *all = 1ull << 30; return 0; }",
        ];
        var names = new HashSet<string>();
        _ = new Driver(name =>
        {
            names.Add(name);
            return 1;
        });
        IEnumerable<string> others = names.Where(name => !answers.Any(line => line.StartsWith($"int {name}(", StringComparison.Ordinal)));
        File.WriteAllLines(source, ["extern \"C\" {", .. answers, .. others.Select(name => $"int {name}() {{ return 0; }}"), "}"]);
        try
        {
            using Process compiler = Process.Start("g++", ["-shared", "-fPIC", "-o", Path.Combine(folder, "libcuda.so.1"), source]);
            compiler.WaitForExit();
            Assert.Equal(0, compiler.ExitCode);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("the stand-in for the driver is made by g++, which is not installed here");
        }
    }
}
