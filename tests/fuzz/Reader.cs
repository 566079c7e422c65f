using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Images;
using Iba.Labels;
using Iba.Relevance;
using Iba.Statistics;
using Iba.Weights;

namespace Fuzz;

/// <summary>A reader of untrusted files, and what a file may cost.</summary>
/// <param name="Name">What it reads.</param>
/// <param name="Read">Reads everything that a file holds.</param>
/// <param name="Refusals">The exceptions that its documentation names.</param>
/// <param name="Seconds">The most processor time of a file.</param>
/// <param name="Memory">The most bytes of memory, from the file's length.</param>
/// <param name="Words">Tokens of its files, as Latin-1: mutations insert them.</param>
public sealed record Reader(
    string Name, Action<string> Read, Type[] Refusals, double Seconds, Func<long, long> Memory, string[] Words)
{
    private static readonly CpuBackend Backend = new(1);

    private static readonly string[] SafetensorsWords =
    [
        "\"dtype\":\"F32\"", "\"shape\":[", "\"data_offsets\":[0,", "\"__metadata__\":{", "\"F64\"", "\"BF16\"", "\"I64\"", "\"BOOL\"",
        "\"F8_E4M3\"", "9223372036854775807",
        "4294967296", "-1", "1e9", "\\u0000", "[[[[", "},{", "null", "\"mean\":", "\"layers\":\"a b\"", "\"samples\":\"2\"",
        "\"step\":\"-1\"", "NaN",
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Reader> All { get; } =
    [
        new("weights", Weights, [typeof(FileFormatException)], 2, Metadata,
        [
            .. SafetensorsWords, "PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "PK\x06\x06", "\x80\x02", "ctorch._utils\n_rebuild_tensor_v2\n",
            "ccollections\nOrderedDict\n", "ctorch\nFloatStorage\n", "ctorch\ndevice\n", "X\x07\0\0\0storage", "X\x06\0\0\0module", "}(",
            ")\x85", "Q", "R", "h\0", "q\0", "tR", "u.", "\x8a\x0a",
            "archive/data.pkl", "archive/data/0", "\x95\xFF\xFF\xFF\xFF\0\0\0\0",
        ]),
        new("statistics", path => FeatureStatistics.Load(path), [typeof(FileFormatException), typeof(StatisticsException)], 2, Metadata,
            SafetensorsWords),
        new("patterns", path => Patterns.Load(path), [typeof(FileFormatException), typeof(PatternsException)], 2, Metadata,
            [.. SafetensorsWords, "\"estimator\":\"Linear\""]),
        new("readout", path => ReadoutFile.Read(path, Backend).Dispose(),
            [typeof(FileFormatException), typeof(StatisticsException)], 2, Metadata,
            [.. SafetensorsWords, "\"width\":\"A\"", "\"width\":\"B\"", "\"conv1.weight\""]),
        new("checkpoint", Checkpoint, [typeof(FileFormatException)], 2, Metadata, SafetensorsWords),
        new("photo", path => Preprocessing.ImageNet.Apply(PhotoFile.Open(path), rotate: true), [typeof(ImageException), typeof(ImageTooLargeException)], 5,
            _ => 600_000_000,
            [
                "\x89PNG\r\n\u001A\n", "IHDR", "IDAT", "PLTE", "tRNS", "eXIf", "acTL", "\xFF\xD8\xFF", "\xFF\xC0", "\xFF\xC2", "\xFF\xC4",
                "\xFF\xDA", "\xFF\xDD", "\xFF\xD9", "\xFF\xE1", "Exif\0\0MM\0*", "Adobe", "GIF89a", "!\xF9\x04\x01", ",\0\0\0\0",
                "RIFF", "WEBPVP8 ", "VP8L\0", "VP8X", "ALPH", "ANMF", "BM",
            ]),
        new("annotation", path => Annotation.Read(path).Mask(320, 240), [typeof(DatasetException)], 2, Metadata,
        [
            "<object>", "</object>", "<bndbox>", "</bndbox>", "<xmin>", "</xmin>", "<size>", "<width>0</width>", "<height>", "<name>",
            "<filename>", "<!DOCTYPE a [", "<!ENTITY b \"c\">", "&b;",
            "<![CDATA[", "<!--", "<?xml version=\"1.0\" encoding=\"UTF-16\"?>", "&#0;", "&#27;", "-1", "1e400", "99999999999",
        ]),
        new("labels", path => ClassLabels.Read(path, 10), [typeof(InvalidDataException)], 2, Metadata,
            ["\n", "\t", "0\t", "\r", "\x1B[2J", "\xEF\xBB\xBF", "n01440764"]),
    ];

    /// <summary>Whether an exception is one that the reader may throw.</summary>
    public bool Allows(Exception e) => Refusals.Contains(e.GetType());

    private static long Metadata(long length) => 100 * length + (64 << 20);

    private static void Weights(string path)
    {
        using StateDict weights = StateDict.Open(path);
        foreach (StateDictEntry entry in weights.Entries)
        {
            if (entry.Shape is [> 16, ..] && entry.Type.IsFloating)
            {
                // As networks are built: a large tensor goes through a small buffer.
                int rows = entry.Shape[0] / 16;
                for (int row = 0; row < entry.Shape[0]; row += rows)
                    entry.ReadRows(row, Math.Min(rows, entry.Shape[0] - row));
            }
            else
                entry.ReadBytes();
        }
    }

    private static void Checkpoint(string path)
    {
        Tensor weight = Backend.Allocate(new Shape(3, 4)), bias = Backend.Allocate(new Shape(3));
        try
        {
            var network = new Network("fuzz", Backend, [new LinearLayer("fc", new(new("fc.weight", weight), new("fc.bias", bias)))]);
            using var adam = new Adam(Backend, new AdamSettings(1e-3), weight, bias);
            new Checkpoint(network, adam).Load(path, ["settings"]);
        }
        finally
        {
            weight.Storage.Dispose();
            bias.Storage.Dispose();
        }
    }
}
