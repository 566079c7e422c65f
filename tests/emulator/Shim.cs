using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Iba.Engine.Backends.Cuda;
using Xunit;

namespace Tests.Emulator;

/// <summary>
/// The kernels of cuda/ compiled for the CPU: each file unmodified through g++ and shim/shim.h into one library, which is stored
/// beside the tests under the hash of what it was made from.
/// </summary>
internal sealed unsafe class Shim
{
    private static readonly Lazy<Shim> Built = new(() => new Shim(Build()));

    private readonly nint _library;
    private readonly ConcurrentDictionary<string, KernelParameter[]> _parameters = new();
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

    /// <summary>Runs a kernel to its end.</summary>
    /// <param name="kernel">Its name.</param>
    /// <param name="arguments">The address of the list of its arguments' addresses, as cuLaunchKernel takes it.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block.</param>
    /// <param name="fromLast">Whether the threads of a block take their turns from the last to the first: no kernel may depend on it.</param>
    /// <exception cref="InvalidOperationException">The kernel does what a GPU leaves undefined: the message says what.</exception>
    public void Run(string kernel, nint arguments, Extent grid, Extent block, uint sharedBytes, bool fromLast)
    {
        byte* error;
        lock (this)
            error = _launch(Export("run_" + kernel), (nint*)arguments, grid.X, grid.Y, block.X, block.Y, sharedBytes, fromLast ? 1 : 0);
        if (error is not null)
            throw new InvalidOperationException($"{kernel}: {Marshal.PtrToStringUTF8((nint)error)}");
    }

    /// <summary>A kernel's parameters, as its source declares them.</summary>
    public KernelParameter[] Parameters(string kernel) => _parameters.GetOrAdd(kernel, name =>
    {
        var sizes = (delegate* unmanaged<int*>)Export("parameters_" + name);
        var all = new List<KernelParameter>();
        for (int* size = sizes(); *size != 0; size++)
            all.Add(new KernelParameter(Math.Abs(*size), IsWritten: *size < 0));
        return [.. all];
    });

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);

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
            // Contraction is off as --fmad=false is for the GPU; kernels read the same memory as float and as float4.
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

    /// <summary>A kernel file with an exported entry point for each of its kernels.</summary>
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
