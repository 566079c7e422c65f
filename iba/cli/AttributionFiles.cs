using System.Diagnostics;
using System.Text;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine.Files;
using Iba.Explaining;
using Iba.Images;
using Iba.Methods;
using Iba.Rendering;
using Iba.Reports;

namespace Iba.Cli;

/// <summary>Writes the result of a photo: the map as data with every setting and hash, and the picture.</summary>
internal sealed class AttributionFiles(LoadedNetwork loaded, MethodInputs inputs, MethodKind method, string folder, bool fullPhoto, double? scale)
{
    private const string LongestEnding = ".iba.safetensors";

    private ResultFacts? _facts;
    private ReportFile? _report;
    private string? _lastPage;
    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether the map is drawn on the whole photo.</summary>
    public bool FullPhoto => fullPhoto;

    /// <summary>Additional metadata of the files.</summary>
    public Dictionary<string, string> ExtraMetadata { get; init; } = [];

    /// <summary>Whether the map is also drawn alone, as NAME.iba.map.png.</summary>
    public bool MapOnly { get; init; }

    /// <summary>Whether the map is also written for NumPy, as NAME.iba.npy.</summary>
    public bool Npy { get; init; }

    /// <summary>Whether each photo gets a page, NAME.iba.html.</summary>
    public bool Pages { get; init; }

    /// <summary>The file of one page for all photos; null for none.</summary>
    public string? Report { get; init; }

    /// <summary>Writes the report of all photos, and says where the report is, or that of the last photo.</summary>
    public void Finish()
    {
        _report?.Finish();
        if (_lastPage is not null)
            ReportFile.Tell(_lastPage);
    }

    /// <summary>Writes a photo's files, and says what is in them and how long each part took.</summary>
    /// <param name="photo">The photo.</param>
    /// <param name="result">Its explanation.</param>
    /// <param name="reading">Seconds to read, decode and hash the photo.</param>
    /// <param name="seconds">Seconds of the attribution.</param>
    public AttributionLine Write(PreparedPhoto photo, Explanation result, double reading, double seconds)
    {
        var clock = Stopwatch.StartNew();
        string stem = Path.Combine(folder, Name(photo.Path));
        string map = $"{stem}.iba.safetensors", overlay = $"{stem}.iba.png";
        Dictionary<string, string> facts =
            (_facts ??= new ResultFacts(loaded, inputs, method) { Extra = ExtraMetadata }).Of(Path.GetFileName(photo.Path), photo.Sha256, result);
        var bits = result as BottleneckExplanation;
        int[] shape = [result.Heatmap.Height, result.Heatmap.Width];
        SafetensorsTensor[] deviation = result.Seeds is { } seeds ? [new("deviation", shape, seeds.Deviation)] : [];
        SafetensorsFile.Write(map, [new("map", shape, result.Heatmap.Values), .. deviation], facts, cancel: Interrupt.Token);
        Overlay picture = fullPhoto
            ? Picture.Of(photo.File!.Pixels(loaded.Rotate, Interrupt.Token), photo.Input.Window, result, loaded.Labels, method, inputs, scale)
            : Picture.Of(photo.Input.Crop, null, result, loaded.Labels, method, inputs, scale);
        PngFile.Write(overlay, picture.Draw(), facts, Interrupt.Token);
        string? alone = MapOnly ? $"{stem}.iba.map.png" : null, npy = Npy ? $"{stem}.iba.npy" : null;
        if (alone is not null)
            PngFile.Write(alone, (picture with { Photo = photo.Input.Crop, Window = null, MapOnly = true }).Draw(), facts, Interrupt.Token);
        if (npy is not null)
            NpyFile.Write(npy, result.Heatmap.Values, shape, Interrupt.Token);
        string? page = AddToReport(photo, result, facts, stem);
        return new AttributionLine(
            photo.Path, loaded.Network.Name, method.Name, inputs.Statistics?.Origin.Layer, result.Target, result.Loss.Words(result.Target, loaded.Labels),
            result.Predicted, loaded.Labels[result.Predicted], result.Probability, bits?.ProbabilityRestricted, bits?.TotalBits,
            bits is null ? null : result.Heatmap.Max, bits is null ? null : [.. bits.Losses.Select(loss => (double)loss.Total)],
            result.Seeds?.Count, result.Seeds?.TotalBitsDeviation, map, overlay, alone, npy, page, Math.Round(seconds, 3), Math.Round(reading, 3),
            Math.Round(clock.Elapsed.TotalSeconds, 3),
            Classes.Activation(loaded.Classes), loaded.Arithmetic.Device, loaded.Arithmetic.Precision, facts.GetValueOrDefault("objective"));
    }

    /// <summary>Writes the photo's page, or adds it to that of all photos, and returns the file.</summary>
    private string? AddToReport(PreparedPhoto photo, Explanation result, Dictionary<string, string> facts, string stem)
    {
        if (!Pages && Report is null)
            return null;
        MapReport report = ResultPage.Of(Path.GetFileName(photo.Path), photo.Input.Crop, result, loaded, method, inputs, facts) with
        {
            EndOfBits = result is BottleneckExplanation ? scale : null,
            Command = ReportFile.Command,
        };
        ReportRow row = report.Rows[0];
        if (Report is not null)
        {
            _report ??= new ReportFile(Report, report with { Facts = Common(facts) });
            _report.Add(row);
            return Report;
        }
        _lastPage = $"{stem}.iba.html";
        ReportFile.Write(_lastPage, report with { Title = $"{report.Title}: {row.Title}" });
        return _lastPage;
    }

    /// <summary>The facts that hold for every photo of a run.</summary>
    private static Dictionary<string, string> Common(Dictionary<string, string> facts)
    {
        string[] own = ["image", "image_sha256", "target", "predicted", "probability", "probability_restricted", "total_bits", "total_bits_deviation", "loss"];
        return facts.Where(fact => !own.Contains(fact.Key) && !fact.Key.StartsWith("check.", StringComparison.Ordinal)).ToDictionary();
    }

    /// <summary>
    /// The photo's own name, numbered where two photos of one run share it. A name of which nothing is left without its ending is kept whole; one that
    /// would pass the 255 bytes of a file name is cut, and ends in ~ and eight digits of the SHA-256 of the whole name.
    /// </summary>
    private string Name(string path)
    {
        string stem = Whole(path), name = Short(stem, "");
        for (int copy = 2; !_taken.Add(name); copy++)
            name = Short(stem, $"-{copy}");
        return name;
    }

    /// <summary>The name of a photo's files, if no other photo has it.</summary>
    public static string Stem(string path) => Short(Whole(path), "");

    private static string Whole(string path)
    {
        string stem = path == PhotoSet.StandardInput ? "stdin" : Path.GetFileNameWithoutExtension(path);
        return stem == "" ? Path.GetFileName(path).TrimStart('.') : stem;
    }

    private static string Short(string stem, string number)
    {
        const int Longest = 255;

        int room = Longest - LongestEnding.Length - number.Length;
        if (Encoding.UTF8.GetByteCount(stem) <= room)
            return stem + number;
        string hash = $"~{Sha256Hash.Hex(Encoding.UTF8.GetBytes(stem))[..8]}";
        var cut = new StringBuilder();
        int bytes = hash.Length;
        foreach (Rune rune in stem.EnumerateRunes())
        {
            if ((bytes += rune.Utf8SequenceLength) > room)
                break;
            cut.Append(rune);
        }
        return $"{cut}{hash}{number}";
    }
}
