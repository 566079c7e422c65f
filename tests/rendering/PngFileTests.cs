using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using CsCheck;
using Iba.Images;
using Iba.Rendering;
using Xunit;

namespace Tests.Rendering;

public sealed class PngFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("iba-png").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_decodes_to_the_same_pixels() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[0, 3], Gen.Int).Sample((width, height, kind, seed) =>
        {
            byte[] pixels = Pixels(width, height, kind, seed);
            Photo read = PhotoFile.Decode(PngFile.Encode(pixels, width, height), "written.png");
            Assert.Equal((width, height), (read.Width, read.Height));
            Assert.Equal(pixels, read.Pixels);
        }, iter: 200);

    [Fact]
    public void Grey_decodes_to_three_equal_channels() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int).Sample((width, height, seed) =>
        {
            byte[] grey = Pixels(width, height, kind: 3, seed)[..(width * height)];
            Photo read = PhotoFile.Decode(PngFile.EncodeGrey(grey, width, height), "grey.png");
            Assert.Equal(grey.SelectMany(level => new[] { level, level, level }), read.Pixels);
        }, iter: 50);

    [Fact]
    public void Every_row_filter_is_used_somewhere()
    {
        // Rows for which the best filter is none, left, above, the mean of both, and Paeth.
        var filters = new HashSet<byte>();
        for (int kind = 0; kind < 4; kind++)
        {
            byte[] pixels = Pixels(32, 32, kind, 1);
            byte[] packed = Chunks(PngFile.Encode(pixels, 32, 32)).Single(chunk => chunk.Type == "IDAT").Data;
            using var zlib = new System.IO.Compression.ZLibStream(new MemoryStream(packed), System.IO.Compression.CompressionMode.Decompress);
            using var rows = new MemoryStream();
            zlib.CopyTo(rows);
            Assert.Equal((32 * 3 + 1) * 32, rows.Length);
            filters.UnionWith(rows.ToArray().Where((_, i) => i % (32 * 3 + 1) == 0));
        }
        Assert.Equal(new byte[] { 0, 1, 2, 3, 4 }, filters.Order());
    }

    [Fact]
    public void Chunks_are_whole_and_texts_can_be_read_back()
    {
        byte[] file = PngFile.Encode(Pixels(4, 3, 2, 1), 4, 3, Pair("Software", "iba 0.1"), Pair("Comment", "β = 10/k, λ"), Pair("Empty", ""));
        List<(string Type, byte[] Data)> chunks = Chunks(file);
        Assert.Equal(["IHDR", "tEXt", "iTXt", "tEXt", "IDAT", "IEND"], chunks.Select(chunk => chunk.Type));
        Assert.Equal("Software\0iba 0.1", Encoding.ASCII.GetString(chunks[1].Data));
        Assert.Equal("Comment\0\0\0\0\0β = 10/k, λ", Encoding.UTF8.GetString(chunks[2].Data));
        Assert.Equal("Empty\0", Encoding.ASCII.GetString(chunks[3].Data));
    }

    [Fact]
    public void A_picture_that_was_drawn_says_who_drew_it()
    {
        string path = Path.Combine(_folder, "drawn.png");
        PngFile.Write(path, new Canvas(2, 2, Rgb.White), [Pair("model", "demo")]);
        List<(string Type, byte[] Data)> chunks = Chunks(File.ReadAllBytes(path));
        Assert.Equal(["IHDR", "tEXt", "tEXt", "IDAT", "IEND"], chunks.Select(chunk => chunk.Type));
        Assert.Equal("Software\0iba", Encoding.ASCII.GetString(chunks[1].Data));
    }

    [Fact]
    public void The_same_picture_gives_the_same_bytes() =>
        Assert.Equal(PngFile.Encode(Pixels(30, 20, 3, 9), 30, 20, Pair("a", "b")), PngFile.Encode(Pixels(30, 20, 3, 9), 30, 20, Pair("a", "b")));

    [Fact]
    public void A_file_replaces_the_older_one_and_leaves_nothing_beside_it()
    {
        string path = Path.Combine(_folder, "new", "picture.png");
        PngFile.Write(path, new Canvas(2, 2, Rgb.Grey(1)));
        PngFile.Write(path, new Canvas(3, 2, Rgb.Grey(7)));
        Photo read = PhotoFile.Read(path);
        Assert.Equal(3, read.Width);
        Assert.All(read.Pixels, level => Assert.Equal(7, level));
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Theory, InlineData(""), InlineData(" blank"), InlineData("line\n"), InlineData("schlüssel")]
    public void A_keyword_that_PNG_forbids_is_refused(string keyword) =>
        Assert.Throws<ArgumentException>(() => PngFile.Encode(new byte[3], 1, 1, Pair(keyword, "text")));

    [Fact]
    public void Pixels_must_fill_the_extents() => Assert.Throws<ArgumentException>(() => PngFile.Encode(new byte[10], 2, 2));

    private static KeyValuePair<string, string> Pair(string keyword, string text) => new(keyword, text);

    // 0 noise, 1 columns, 2 a smooth gradient, 3 a rough one.
    private static byte[] Pixels(int width, int height, int kind, int seed)
    {
        var random = new Random(seed);
        byte[] pixels = new byte[3 * width * height];
        for (int i = 0; i < pixels.Length; i++)
        {
            (int x, int y) = (i / 3 % width, i / 3 / width);
            pixels[i] = (byte)(kind switch
            {
                0 => random.Next(256) * (y % 2) + random.Next(4),
                1 => 37 * x * x + y / 8 * 50,
                2 => 5 * x + (i % 3) * 40,
                _ => 3 * x + 2 * y + random.Next(24),
            });
        }
        return pixels;
    }

    private static List<(string Type, byte[] Data)> Chunks(byte[] file)
    {
        Assert.Equal([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], file[..8]);
        var chunks = new List<(string, byte[])>();
        for (int at = 8; at < file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            ReadOnlySpan<byte> typeAndData = file.AsSpan(at + 4, length + 4);
            Assert.Equal(Crc32.HashToUInt32(typeAndData), BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at + 8 + length)));
            chunks.Add((Encoding.ASCII.GetString(typeAndData[..4]), typeAndData[4..].ToArray()));
            at += 12 + length;
        }
        return chunks;
    }
}
