using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Iba.Engine.Files;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests;

/// <summary>
/// The golden files with PyTorch's values: the folder that IBA_GOLDEN names, else shared/golden beside the project. A file that this folder does not have
/// is that of tests/golden. A file that neither has skips the test that opens it. The fields that were read are recorded, so that a last test can name
/// those that no test reads.
/// </summary>
public static class Golden
{
    private static readonly ConcurrentDictionary<string, GoldenFile> Opened = new();

    /// <summary>The folder in use.</summary>
    public static string Folder { get; } = FindFolder();

    /// <summary>The names of all .safetensors files.</summary>
    public static IEnumerable<string> Files => ((string[])[Folder, Committed]).Where(Directory.Exists)
        .SelectMany(folder => Directory.GetFiles(folder, "*.safetensors")).Select(file => System.IO.Path.GetFileName(file)).Distinct();

    /// <summary>The root of the project: the folder of Engine.sln.</summary>
    public static string Root => FindRoot();

    private static string Committed => System.IO.Path.Combine(Root, "tests", "golden");

    /// <summary>Opens a .safetensors file of the golden folder, or skips the running test. The file stays open for all tests.</summary>
    public static GoldenFile Open(string file)
    {
        string path = Path(file);
        return Opened.GetOrAdd(file, _ => new GoldenFile(SafetensorsFile.Open(path)));
    }

    /// <summary>The path of a file (or folder) of the golden folder, or skips the running test.</summary>
    public static string Path(string file)
    {
        string? path = ((string[])[Folder, Committed]).Select(folder => System.IO.Path.Combine(folder, file)).FirstOrDefault(Exists);
        Assert.SkipWhen(path is null, $"golden file {file} is neither in {Folder} nor in {Committed}");
        return path;
    }

    /// <summary>The fields of a golden file that tests of this run have read so far.</summary>
    public static IReadOnlyCollection<string> FieldsRead(string file) =>
        Opened.TryGetValue(file, out GoldenFile? golden) ? golden.FieldsRead : [];

    private static bool Exists(string path) => File.Exists(path) || Directory.Exists(path);

    private static string FindFolder()
    {
        if (Environment.GetEnvironmentVariable("IBA_GOLDEN") is { Length: > 0 } named)
            return Directory.Exists(named) ? named : throw new DirectoryNotFoundException($"IBA_GOLDEN names {named}, which is no folder");
        string shared = System.IO.Path.GetFullPath(System.IO.Path.Combine(FindRoot(), "..", "shared", "golden"));
        return Directory.Exists(shared) ? shared : Committed;
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Engine.sln")))
                return folder.FullName;
        }
        throw new DirectoryNotFoundException($"no folder above {AppContext.BaseDirectory} holds Engine.sln");
    }
}

/// <summary>A golden file that records which fields were read. Maps are N,C,H,W in the file; the engine wants N,H,W,C.</summary>
public sealed class GoldenFile(SafetensorsFile file) : IDisposable
{
    private readonly ConcurrentDictionary<string, bool> _read = new();

    public IReadOnlyCollection<string> FieldsRead => [.. _read.Keys];
    public IEnumerable<string> Fields => file.Entries.Select(entry => entry.Name);
    public IReadOnlyDictionary<string, string> Metadata => file.Metadata;

    /// <summary>Whether the file has the field. This does not count as a read.</summary>
    public bool Has(string name) => file.TryGet(name, out _);

    /// <summary>Extents as they are in the file. This does not count as a read.</summary>
    public int[] Shape(string name) => file[name].Shape;

    public float[] Floats(string name) => file.ReadFloats(Reading(name));
    public int[] Ints(string name) => file.ReadInt32(Reading(name));
    public long[] Longs(string name) => file.ReadInt64(Reading(name));
    public bool[] Bools(string name) => file.ReadBools(Reading(name));
    public byte[] Bytes(string name) => file.ReadBytes(Reading(name));

    /// <summary>A field of float64.</summary>
    public double[] Doubles(string name) => file[name].Type == ElementType.F64
        ? MemoryMarshal.Cast<byte, double>(file.ReadBytes(Reading(name))).ToArray()
        : throw new ArgumentException($"{file[name]} is not float64");

    /// <summary>The only value of a field of shape [1], whatever its type.</summary>
    public double Scalar(string name) => file[name] switch
    {
        { Count: not 1 } entry => throw new ArgumentException($"{entry} is no scalar"),
        { Type: ElementType.I64 } => Longs(name)[0],
        { Type: ElementType.I32 } => Ints(name)[0],
        { Type: ElementType.F64 } => Doubles(name)[0],
        { Type: ElementType.U8 or ElementType.BOOL } => Bytes(name)[0],
        _ => Floats(name)[0],
    };

    /// <summary>A parameter of the metadata: <c>param.{name}</c>.</summary>
    public string Param(string name) => Metadata[$"param.{name}"];

    /// <summary>The shape (1, H, W, C) of one image of a field (N, C, H, W).</summary>
    public Shape ImageShape(string name) => Shape(name) is [_, int channels, int height, int width]
        ? new Shape(1, height, width, channels)
        : throw new ArgumentException($"{file[name]} is not a batch of images");

    /// <summary>A field (..., C, H, W) transposed to (..., H, W, C); any number of leading extents, so (C, H, W) works too.</summary>
    public float[] NHWC(string name) => NHWC(name, Floats(name));

    /// <summary>The same for a field's values of another type.</summary>
    public T[] NHWC<T>(string name, T[] from)
    {
        if (Shape(name) is not [.., int channels, int height, int width])
            throw new ArgumentException($"{file[name]} has no channels, rows and columns");
        var to = new T[from.Length];
        int plane = height * width, image = channels * plane;
        for (int i = 0; i < from.Length; i++)
        {
            int n = i / image, c = i % image / plane, at = i % plane;
            to[n * image + at * channels + c] = from[i];
        }
        return to;
    }

    public void Dispose() => file.Dispose();

    private string Reading(string name)
    {
        _read[name] = true;
        return name;
    }
}
