using System.Globalization;
using System.Text.Json;
using Iba.Engine.Files;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// A GPU in cuDNN's own words (DEVICEPROP, cuDNN 9.8 and newer): enough to build plans for it on a machine that has none. Descriptions of some GPUs
/// come with the program, made from public data; cuDNN gives that of a GPU that is there.
/// </summary>
public sealed class GpuDescription
{
    private const string Folder = "gpus/", Ending = ".json";

    private const string Advice = "Take the description that iba doctor prints on a machine with the GPU, or name one that comes with the program.";

    /// <summary>Upper bound of a description's bytes.</summary>
    private const int LongestFile = 1 << 16;

    /// <summary>What must be equal for code that was compiled for one GPU to be right for another.</summary>
    private static readonly string[] Deciding =
    [
        "deviceVer", "multiProcessorCount", "maxSharedMemoryPerBlock", "maxSharedMemoryPerBlockOptin", "reservedSharedMemoryPerBlock",
        "regsPerBlock", "maxRegistersPerSM",
    ];

    /// <summary>What cuDNN wants beside it. 9.28 wants memoryBusWidth too.</summary>
    private static readonly string[] Others =
    [
        "maxGridSize", "maxBlockSize", "smCountOrigin", "warpSize", "maxCtasPerSM", "maxThreadsPerBlock", "maxThreadsPerSM", "pciDeviceId", "isTccDriver",
        "supportCoopLaunch", "totalGlobalMem", "smClockRateKHz", "memClockRateKHz", "l2CacheSize", "cudaDeviceId", "driverVer",
    ];

    private readonly long[] _deciding;

    private GpuDescription(string name, string json, long[] deciding) => (Name, Json, _deciding) = (name, json, deciding);

    /// <summary>The GPU's name.</summary>
    public string Name { get; }

    /// <summary>The description as cuDNN reads it, in one line.</summary>
    public string Json { get; }

    /// <summary>The descriptions that come with the program: h200, h100, a100, l40s.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. typeof(GpuDescription).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Folder, StringComparison.Ordinal)).Select(name => name[Folder.Length..^Ending.Length]).Order()];

    /// <summary>The fields that decide whether plans fit, as text: equal for two GPUs exactly if plans for one fit the other.</summary>
    internal string Identity => string.Join(", ", Deciding.Zip(_deciding, (name, value) => $"{name} {value}"));

    /// <summary>Reads a description.</summary>
    /// <param name="word">A file, or one of <see cref="Names"/>, with or without .json.</param>
    /// <exception cref="FileFormatException">It is no description, or lacks something.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static GpuDescription Read(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        string name = word.EndsWith(Ending, StringComparison.Ordinal) ? word[..^Ending.Length] : word;
        if (File.Exists(word) || !Names.Contains(name))
        {
            if (!File.Exists(word))
            {
                throw new FileFormatException(
                    word, $"there is no such file, and none of the GPUs that come with the program ({string.Join(", ", Names)}) has that name", Advice);
            }
            using FileContents contents = FileContents.Read(word);
            if (contents.Length > LongestFile)
                throw new FileFormatException(word, "it is too long for the description of a GPU", Advice);
            var bytes = new byte[contents.Length];
            contents.Read(bytes, 0);
            return Parse(word, bytes);
        }
        return Parse(word, EmbeddedFile.Read(typeof(GpuDescription).Assembly, $"{Folder}{name}{Ending}")!);
    }

    /// <summary>A description from its text.</summary>
    /// <param name="source">Where it comes from, for messages.</param>
    /// <param name="json">A JSON object with every field that cuDNN wants.</param>
    /// <exception cref="FileFormatException">It is no such object.</exception>
    internal static GpuDescription Parse(string source, ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement fields = document.RootElement;
            if (fields.ValueKind != JsonValueKind.Object)
                throw new FileFormatException(source, "it is no JSON object", Advice);
            foreach (string key in (IEnumerable<string>)[.. Deciding, .. Others, "deviceName"])
            {
                if (!fields.TryGetProperty(key, out _))
                    throw new FileFormatException(source, $"it lacks \"{key}\", without which cuDNN takes no description of a GPU", Advice);
            }
            long[] deciding = [.. Deciding.Select(key => fields.GetProperty(key) is { ValueKind: JsonValueKind.Number } field
                && field.TryGetInt64(out long value) && value > 0
                ? value
                : throw new FileFormatException(source, $"its \"{key}\" is no whole number above 0", Advice))];
            if (fields.GetProperty("deviceName") is not { ValueKind: JsonValueKind.String } named || named.GetString() is not { Length: > 0 } name)
                throw new FileFormatException(source, "its \"deviceName\" is no name", Advice);
            return new GpuDescription(name, fields.GetRawText().ReplaceLineEndings(""), deciding);
        }
        catch (JsonException e)
        {
            throw new FileFormatException(source, string.Create(CultureInfo.InvariantCulture, $"it is no JSON (line {e.LineNumber + 1})"), Advice, e);
        }
    }

    /// <summary>A description from cuDNN's own text; null if it is none.</summary>
    internal static GpuDescription? TryParse(string json)
    {
        try
        {
            return Parse("", System.Text.Encoding.UTF8.GetBytes(json));
        }
        catch (FileFormatException)
        {
            return null;
        }
    }

    /// <summary>The first thing in which another GPU differs so that plans for this one do not fit it, in words; null if they fit.</summary>
    internal string? Difference(GpuDescription other)
    {
        for (int i = 0; i < Deciding.Length; i++)
        {
            if (_deciding[i] != other._deciding[i])
                return $"it is for {Name} ({Deciding[i]} {_deciding[i]}), and {other.Name} has {other._deciding[i]}";
        }
        return null;
    }
}
