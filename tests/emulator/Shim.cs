using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Iba.Engine.Backends.Cuda;
using Xunit;

namespace Tests.Emulator;

/// <summary>
/// The kernels of cuda/ compiled for the CPU: each file unmodified through g++ and shim/shim.h into one library, which lies
/// beside the tests under the hash of what it was made from. Launches are taken as the driver takes them.
/// </summary>
internal sealed unsafe class Shim
{
    private static readonly Lazy<Shim> Built = new(() => new Shim(Build()));

    private readonly nint _library;
    private readonly delegate* unmanaged<nint, nint*, uint, uint, uint, uint, uint, int, byte*> _launch;

    private Shim(string path)
    {
        _library = NativeLibrary.Load(path);
        nint launch = NativeLibrary.GetExport(_library, "shim_launch");
        _launch = (delegate* unmanaged<nint, nint*, uint, uint, uint, uint, uint, int, byte*>)launch;
    }

    /// <summary>The one library of this run, or a skip that says why there is none.</summary>
    public static Shim Get()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || Compiler is null, "kernels run on the CPU through g++, which is not installed here");
        return Built.Value;
    }

    private static string? Compiler { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, "g++")).FirstOrDefault(File.Exists);

    /// <summary>Runs a launch to its end.</summary>
    /// <param name="launch">Which kernel, over what, with what.</param>
    /// <param name="fromLast">Whether the threads of a block take their turns from the last to the first: no kernel may care.</param>
    public void Run(ref readonly Launch launch, bool fromLast)
    {
        CheckArguments(launch);
        fixed (Argument* arguments = launch.Arguments)
        {
            nint* parameters = stackalloc nint[Launch.MaxArguments];
            for (int i = 0; i < launch.Arguments.Length; i++)
                parameters[i] = (nint)(arguments + i);
            Run(launch.Kernel, parameters, launch.Grid, launch.Block, launch.SharedBytes, fromLast);
        }
    }

    /// <summary>Runs a kernel to its end, told as a driver is.</summary>
    public void Run(string kernel, nint* parameters, Extent grid, Extent block, int sharedBytes, bool fromLast)
    {
        byte* error;
        lock (this)
        {
            error = _launch(NativeLibrary.GetExport(_library, "run_" + kernel), parameters,
                grid.X, grid.Y, block.X, block.Y, (uint)sharedBytes, fromLast ? 1 : 0);
        }
        Assert.True(error is null, $"{kernel}: {Marshal.PtrToStringUTF8((nint)error)}");
    }

    /// <summary>The bytes of each of a kernel's arguments.</summary>
    public int[] Sizes(string kernel)
    {
        var sizes = (delegate* unmanaged<int*>)NativeLibrary.GetExport(_library, "sizes_" + kernel);
        var all = new List<int>();
        for (int* size = sizes(); *size != 0; size++)
            all.Add(*size);
        return [.. all];
    }

    /// <summary>A driver would read what it is given without a word: count and sizes must be the kernel's own.</summary>
    private void CheckArguments(in Launch launch)
    {
        var given = new List<int>();
        foreach (ref readonly Argument argument in launch.Arguments)
            given.Add(argument.Size);
        Assert.Equal(Sizes(launch.Kernel), given);
        if (KernelSources.Files.Contains(launch.File))
            Assert.Contains(launch.Kernel, KernelSources.Kernels(KernelSources.Source(launch.File)));
    }

    private static string Build()
    {
        string shim = Path.Combine(Golden.Root, "tests", "emulator", "shim"), room = Path.Combine(Golden.Root, "cuda");
        string[] inputs = [.. Directory.GetFiles(shim).Concat(Directory.GetFiles(room, "*.cu*")).Order(StringComparer.Ordinal)];
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(inputs.Select(File.ReadAllText)));
        string digest = Convert.ToHexStringLower(SHA256.HashData(text))[..16];
        string library = Path.Combine(AppContext.BaseDirectory, $"kernels-{digest}.so");
        if (File.Exists(library))
            return library;

        DirectoryInfo work = Directory.CreateTempSubdirectory("iba-kernels-");
        try
        {
            IEnumerable<string> kernels = inputs.Where(input => input.EndsWith(".cu", StringComparison.Ordinal));
            string[] units = [.. kernels.Select(file => Unit(file, work)), Path.Combine(shim, "shim.cpp")];
            string[] objects = [.. units.Select(unit => Path.Combine(work.FullName, Path.GetFileNameWithoutExtension(unit) + ".o"))];
            // Contraction is off as --fmad=false is for the GPU; kernels look at the same numbers as float and as float4.
            Parallel.For(0, units.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i => Compile(
                "-std=c++17", "-O2", "-march=native", "-ffp-contract=off", "-fno-strict-aliasing", "-fPIC", "-Wall", "-Werror",
                "-I", shim, "-c", units[i], "-o", objects[i]));
            string built = Path.Combine(work.FullName, "kernels.so");
            Compile(["-shared", "-o", built, .. objects]);
            File.Move(built, library, overwrite: true);
        }
        finally
        {
            work.Delete(recursive: true);
        }
        return library;
    }

    /// <summary>A kernel file with a door to each of its kernels.</summary>
    private static string Unit(string file, DirectoryInfo work)
    {
        string unit = Path.Combine(work.FullName, Path.GetFileNameWithoutExtension(file) + ".cpp");
        IEnumerable<string> doors = KernelSources.Kernels(File.ReadAllText(file)).Select(kernel => $"EXPORT({kernel})");
        File.WriteAllLines(unit, ["#include \"shim.h\"", $"#include \"{file}\"", .. doors]);
        return unit;
    }

    private static void Compile(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(Compiler!, arguments) { RedirectStandardError = true })!;
        string messages = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"g++ refuses {string.Join(' ', arguments.TakeLast(3))}:\n{messages}");
    }
}
