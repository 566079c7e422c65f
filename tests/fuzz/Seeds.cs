using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Iba.Bottleneck;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Fuzz;

/// <summary>Seed files: small valid ones of every kind, and bombs, small files that demand large resources.</summary>
public static class Seeds
{
    private const string Box =
        "<object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>310</xmax><ymax>230</ymax></bndbox></object>";

    /// <summary>Good files of a reader's kind, in an order that does not change.</summary>
    public static IReadOnlyList<byte[]> Of(string reader) => reader switch
    {
        "weights" => [.. Fixtures("weights", ".pth"), Written(Safetensors)],
        "statistics" => [Written(path => Statistics("layer").Save(path))],
        "patterns" => [Written(Patterns)],
        "readout" => [Written(Readout)],
        "checkpoint" => [Written(Checkpoint)],
        "photo" => [.. ((string[])[".png", ".jpg", ".gif", ".webp", ".bmp"]).SelectMany(ending => Fixtures("images", ending))],
        "annotation" => [Utf8(Xml(Box)), Utf8("<?xml version=\"1.0\"?>\n" + Xml(Box + Box))],
        "labels" => [Utf8(string.Join('\n', Enumerable.Range(0, 10).Select(i => $"{i}\tclass {i}")))],
        _ => throw new ArgumentException($"no reader is called {reader}", nameof(reader)),
    };

    /// <summary>Files of a reader's kind that once cost minutes or gigabytes. They are not mutated.</summary>
    public static IEnumerable<(string Name, byte[] File)> Bombs(string reader) => reader switch
    {
        "weights" =>
        [
            ("shared tuple of empty tuples", Pickle(SharedTuple(500_000, 500))),
            ("tensors without strides", Pickle(ManyViews(200, 1_000_000))),
            ("shape of a million zeros", Header($"{{{Empty("a", new byte[1_000_000])}}}")),
            ("a hundred thousand entries", Header($"{{{string.Join(',', Enumerable.Range(0, 100_000).Select(i => Empty($"{i}", 0)))}}}")),
            ("nested lists", Pickle(new string(']', 1_000_000) + ".")),
            ("nested arrays", Header(new string('[', 1_000_000))),
        ],
        "annotation" =>
        [
            ("eight thousand boxes", Utf8(Xml(string.Concat(Enumerable.Repeat(Box, 8_000))))),
            ("nested elements", Utf8(string.Concat(Enumerable.Repeat("<a>", 300_000)))),
        ],
        "photo" =>
        [
            ("PNG of 13000 x 13000", Png(13_000, 13_000, 8, 2, new byte[13_000 * (1 + 3 * 13_000)])),
            ("JPEG of 90 scans", ProgressiveJpeg(8_000, 8_000, 90)),
            ("JPEG of 40 scans", ProgressiveJpeg(5_000, 5_000, 40)),
            ("progressive JPEG of 12000 x 12000", ProgressiveJpeg(12_000, 12_000, 1)),
            ("GIF of 12000 x 12000", Gif(12_000, 12_000)),
        ],
        "labels" => [("a million lines", Utf8(new string('\n', 1_000_000))), ("one long line", Utf8(new string('a', 1_000_000)))],
        _ => [("shape of a million zeros", Header($"{{{Empty("mean", new byte[1_000_000])}}}"))],
    };

    private static string Xml(string objects) =>
        $"<annotation><filename>a.jpg</filename><size><width>320</width><height>240</height><depth>3</depth></size>{objects}</annotation>";

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static IEnumerable<byte[]> Fixtures(string room, string ending) =>
        Directory.GetFiles(Path.Combine(Root(), "tests", room, "fixtures"), $"*{ending}")
            .Order(StringComparer.Ordinal).Select(File.ReadAllBytes);

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Engine.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? Environment.GetEnvironmentVariable("IBA_SOURCES")
            ?? throw new DirectoryNotFoundException("The sources are not above the program: name their folder in IBA_SOURCES.");
    }

    private static byte[] Written(Action<string> write)
    {
        string path = Path.GetTempFileName();
        try
        {
            write(path);
            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Safetensors(string path) => SafetensorsFile.Write(
        path, [new("a.weight", [2, 3], new float[6]), new("a.bias", [2], new float[2])],
        new Dictionary<string, string> { ["format"] = "pt" });

    private static void Checkpoint(string path) => SafetensorsFile.Write(
        path, [new("fc.weight", [3, 4], new float[12]), new("fc.bias", [3], new float[3]), .. Enumerable.Range(0, 4).Select(State)],
        new Dictionary<string, string> { ["step"] = "3", ["settings"] = "settings" });

    private static SafetensorsTensor State(int i) =>
        i % 2 == 0 ? new($"optimizer.{i}", [3, 4], new float[12]) : new($"optimizer.{i}", [3], new float[3]);

    private static FeatureStatistics Statistics(string layer)
    {
        float[] ones = [.. Enumerable.Repeat(1f, 2 * 2 * 8)];
        return new FeatureStatistics(new FeatureOrigin("resnet50", layer, new Shape(1, 2, 2, 8), ""), 100, ones, ones, ones, ones);
    }

    private static void Patterns(string path) => SafetensorsFile.Write(
        path, [new("a", [2, 3], new float[6]), new("b", [4], new float[4])],
        new Dictionary<string, string> { ["network"] = "vgg16", ["weights_sha256"] = "", ["estimator"] = "Linear", ["images"] = "10" });

    private static void Readout(string path)
    {
        using var backend = new CpuBackend(1);
        using var readout = new ReadoutNetwork(backend, new StatisticsSet([Statistics("layer1"), Statistics("layer2")]));
        ReadoutFile.Write(path, readout);
    }

    private static byte[] Gif(int width, int height)
    {
        byte[] size = [(byte)width, (byte)(width >> 8), (byte)height, (byte)(height >> 8)];
        return [.. "GIF89a"u8, .. size, 0, 0, 0, (byte)',', 0, 0, 0, 0, .. size, 0, 8, 1, 0, 0, (byte)';'];
    }

    /// <summary>An entry of a safetensors header for a tensor without elements.</summary>
    private static string Empty(string name, params byte[] shape) =>
        $"\"{name}\":{{\"dtype\":\"F32\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[0,0]}}";

    /// <summary>A dictionary of devices that are all made of one long tuple, which each of them would print as its name.</summary>
    private static string SharedTuple(int length, int uses) =>
        $"({new string(')', length)}tq\0" + string.Concat(Enumerable.Repeat("0ctorch\ndevice\nh\0\x85R", uses)) + "0}.";

    /// <summary>A PyTorch archive: this pickle, whose characters stand for their Latin-1 codes, and a storage of four bytes.</summary>
    private static byte[] Pickle(string pickle) => Zip([("bomb/data.pkl", Encoding.Latin1.GetBytes(pickle)), ("bomb/data/0", new byte[4])]);

    /// <summary>A zip archive.</summary>
    public static byte[] Zip(IEnumerable<(string Name, byte[] Data)> entries, CompressionLevel level = CompressionLevel.NoCompression)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] data) in entries)
            {
                using Stream entry = zip.CreateEntry(name, level).Open();
                entry.Write(data);
            }
        }
        return bytes.ToArray();
    }

    /// <summary>Tensors of many elements that are all the same one: their strides are 0.</summary>
    private static string ManyViews(int count, int elements)
    {
        string number = $"J{(char)(elements & 255)}{(char)(elements >> 8 & 255)}{(char)(elements >> 16 & 255)}{(char)(elements >> 24)}";
        string storage = "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" + "0X\x03\0\0\0cpuK\x01tQ";
        var pickle = new StringBuilder("\x80\x02}(");
        for (int i = 0; i < count; i++)
            pickle.Append($"X\x04\0\0\0{i:x4}ctorch._utils\n_rebuild_tensor_v2\n({storage}K\0{number}\x85K\0\x85\x89}}tR");
        // The padding makes the file as long as each tensor has elements.
        return pickle.Append("u.").Append('\0', elements).ToString();
    }

    /// <summary>A safetensors file that is a header only.</summary>
    public static byte[] Header(string json)
    {
        byte[] text = Utf8(json), file = new byte[8 + text.Length];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file, 8);
        return file;
    }

    /// <summary>A PNG with a zlib stream of rows and chunks before it.</summary>
    public static byte[] Png(
        int width, int height, byte depth, byte kind, byte[] rows, bool interlaced = false, params (string Type, byte[] Data)[] more)
    {
        byte[] header = [0, 0, 0, 0, 0, 0, 0, 0, depth, kind, 0, 0, (byte)(interlaced ? 1 : 0)];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest))
            zlib.Write(rows);
        return PngChunks.File([("IHDR", header), .. more, ("IDAT", packed.ToArray()), ("IEND", [])]);
    }

    /// <summary>A progressive JPEG of flat blocks: a scan of the means, then scans that touch every block and change nothing.</summary>
    public static byte[] ProgressiveJpeg(int width, int height, int scans)
    {
        // A code of one bit ends a run of 2^14 blocks plus the value of its 14 further bits.
        int runs = (width / 8 + 1) * (height / 8 + 1) / 32767 + 1;
        byte[] ones = [.. Enumerable.Repeat((byte)0xFF, 2 * runs).SelectMany(b => new byte[] { b, 0 })];
        byte[] scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 63, 0x10, 0x7F, .. ones];
        return
        [
            0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0, .. Enumerable.Repeat((byte)1, 64),
            0xFF, 0xC2, 0, 17, 8, (byte)(height >> 8), (byte)height, (byte)(width >> 8), (byte)width, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0,
            0xFF, 0xC4, 0, 20, 0x00, 1, .. new byte[15], 0, 0xFF, 0xC4, 0, 20, 0x10, 1, .. new byte[15], 0xE0,
            0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0, .. new byte[64],
            .. Enumerable.Repeat(scan, scans).SelectMany(bytes => bytes), 0xFF, 0xD9,
        ];
    }
}
