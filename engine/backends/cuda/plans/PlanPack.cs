using System.Globalization;
using System.Text;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Files;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>
/// A file of finished plans: .safetensors with a checksum. Each plan is a tensor of bytes (<see cref="KeptPlan"/>) named by its rank among the plans of
/// its graph and the graph's key. The metadata name the version of cuDNN and the GPU, to which plans are bound.
/// </summary>
internal sealed class PlanPack
{
    private const string FormatKey = "format", Format = "iba plans 1", VersionKey = "cudnn", GpuKey = "gpu", LimitsKey = "limits";

    private const string Advice = "Make it again: iba plans build";

    private readonly Dictionary<string, byte[]> _plans = [];
    private readonly string _path;

    private PlanPack(string path, SafetensorsFile file)
    {
        _path = path;
        if (file.Metadata.GetValueOrDefault(FormatKey) != Format || !file.Metadata.ContainsKey(SafetensorsFile.ChecksumKey))
            throw new FileFormatException(path, "it is no file of plans", Advice);
        if (!long.TryParse(file.Metadata.GetValueOrDefault(VersionKey), NumberStyles.None, CultureInfo.InvariantCulture, out long version))
            throw new FileFormatException(path, "it names no version of cuDNN", Advice);
        Version = version;
        if (file.Metadata.GetValueOrDefault(GpuKey) is { } gpu)
            Gpu = GpuDescription.Parse(path, Encoding.UTF8.GetBytes(gpu));
        foreach (SafetensorsEntry entry in file.Entries)
            _plans[entry.Name] = file.ReadBytes(entry.Name);
    }

    /// <summary>The version of cuDNN that built it.</summary>
    public long Version { get; }

    /// <summary>The GPU that it is for; null if cuDNN could not describe it.</summary>
    public GpuDescription? Gpu { get; }

    /// <summary>Plans in it.</summary>
    public int Count => _plans.Count;

    /// <exception cref="FileFormatException">It is damaged, or no file of plans.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static PlanPack Read(string path) => Read(path, FileContents.Read(path));

    /// <param name="path">Where it comes from, for messages.</param>
    /// <param name="contents">Its bytes; disposed.</param>
    public static PlanPack Read(string path, FileContents contents)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path, contents);
        return new PlanPack(path, file);
    }

    /// <summary>The bytes of a file of plans.</summary>
    /// <param name="version">The version of cuDNN.</param>
    /// <param name="gpu">The GPU, or null if cuDNN cannot describe it.</param>
    /// <param name="limits">What its engines had to keep to; whether they suit a reader, their notes tell (<see cref="EngineChoice.Notes"/>).</param>
    /// <param name="plans">Keys and plans; of one key the first plan is the one to try first.</param>
    public static byte[] Print(long version, GpuDescription? gpu, string limits, IEnumerable<(string Key, KeptPlan Plan)> plans)
    {
        var facts = new Dictionary<string, string>
        {
            [FormatKey] = Format,
            [LimitsKey] = limits,
            [VersionKey] = version.ToString(CultureInfo.InvariantCulture),
            [SafetensorsFile.ChecksumKey] = SafetensorsChecksum.Blank,
        };
        if (gpu is not null)
            facts[GpuKey] = gpu.Json;
        var tensors = new List<SafetensorsTensor>();
        foreach (IGrouping<string, (string Key, KeptPlan Plan)> graph in plans.GroupBy(plan => plan.Key))
        {
            foreach ((int rank, (string key, KeptPlan plan)) in graph.Index())
            {
                byte[] bytes = plan.Print();
                tensors.Add(new SafetensorsTensor(Name(rank, key), [bytes.Length], bytes));
            }
        }
        using var stream = new MemoryStream();
        SafetensorsTensor.WriteAll(stream, tensors, facts);
        return stream.ToArray();
    }

    /// <summary>Why its plans do not fit, in one line; null if they do.</summary>
    public string? Misfit(long version, GpuDescription? gpu)
    {
        if (Version != version)
            return $"{_path}: passed over: it was built by cuDNN {Cudnn.Print((nuint)Version)}, and this is {Cudnn.Print((nuint)version)}";
        if (Gpu is null || gpu is null)
            return $"{_path}: passed over: {(gpu is null ? "this cuDNN does not describe its GPU" : "it names no GPU")}, so nobody knows whether it fits";
        return Gpu.Difference(gpu) is { } difference ? $"{_path}: passed over: {difference}" : null;
    }

    /// <summary>The plans of a graph, the first to try first.</summary>
    public IEnumerable<KeptPlan> Of(string key)
    {
        for (int rank = 0; _plans.TryGetValue(Name(rank, key), out byte[]? bytes); rank++)
        {
            if (KeptPlan.Parse(bytes) is { } plan)
                yield return plan;
        }
    }

    private static string Name(int rank, string key) => string.Create(CultureInfo.InvariantCulture, $"{rank}: {key}");
}
