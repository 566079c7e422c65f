using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Fuzz;
using Iba.Engine.Files;
using Iba.Images;
using SkiaSharp;
using Xunit;

namespace Tests.Images;

public class PhotoFileTests
{
    private static string Fixture(string name) => Path.Combine(Golden.Root, "tests", "images", "fixtures", name);

    public static TheoryData<string> Fixtures =>
        [.. Directory.GetFiles(Fixture("")).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)
            .Where(file => !file.EndsWith(".py", StringComparison.Ordinal) && !file.Contains(".expected."))];

    // Beside each is Pillow's decoding, as plain RGB PNG (a kind that the golden crops prove).
    [Theory, MemberData(nameof(Fixtures))]
    public void Files_decode_to_the_bytes_that_Pillow_gives(string file)
    {
        Photo actual = PhotoFile.Read(Fixture(file), rotate: file.StartsWith("turned", StringComparison.Ordinal));
        Photo pillow = PhotoFile.Read(Fixture($"{file}.expected.png"));
        Assert.Equal((pillow.Width, pillow.Height), (actual.Width, actual.Height));
        Assert.Equal(pillow.Pixels, actual.Pixels);
    }

    [Theory, MemberData(nameof(Fixtures))]
    public void Rows_resized_as_they_come_give_the_bytes_of_the_whole_photo(string file)
    {
        PhotoFile photo = PhotoFile.Open(Fixture(file));
        // Enlarged, made smaller, and cut out.
        foreach (Preprocessing preprocessing in (Preprocessing[])[new() { Resize = 50, Crop = 44 }, new() { Resize = 9, Crop = 8 },
            new() { Resize = 7, Crop = 12, Order = CropOrder.CropThenResize }])
        {
            foreach (bool rotate in (bool[])[false, true])
            {
                NetworkInput whole = preprocessing.Apply(photo.Pixels(rotate)), rows = preprocessing.Apply(photo, rotate);
                Assert.Equal(whole.Window, rows.Window);
                Assert.Equal(whole.Values, rows.Values);
            }
        }
    }

    [Theory, InlineData("turned6.jpg"), InlineData("turned6.png"), InlineData("turned6.webp")]
    public void Every_format_that_has_EXIF_names_its_orientation(string file) =>
        Assert.Equal(Orientation.RotateClockwise, PhotoFile.Open(Fixture(file)).Orientation);

    [Fact]
    public void Sixteen_bit_grey_keeps_its_high_byte()
    {
        byte[] row = [0, 0x00, 0x00, 0x00, 0xFF, 0x01, 0x00, 0x80, 0x12, 0xFF, 0xFF];
        Photo photo = PhotoFile.Decode(Png(5, 1, 16, 0, row), "grey16.png");
        Assert.Equal([0, 0, 1, 0x80, 255], photo.Pixels.Where((_, i) => i % 3 == 0));
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(8)]
    public void The_EXIF_orientation_is_found_but_not_carried_out_unasked(int orientation)
    {
        byte[] jpeg = WithOrientation(Jpeg(24, 16), orientation);
        Photo stored = PhotoFile.Decode(jpeg, "a.jpg"), rotated = PhotoFile.Decode(jpeg, "a.jpg", rotate: true);
        Assert.Equal((Orientation)orientation, stored.Orientation);
        Assert.Equal(PhotoFile.Decode(Jpeg(24, 16), "plain.jpg").Pixels, stored.Pixels);
        Assert.Equal(stored.Upright().Pixels, rotated.Pixels);
        Assert.Equal(orientation < 5 ? 24 : 16, rotated.Width);
    }

    [Fact]
    public void A_JPEG_cut_anywhere_is_an_error()
    {
        byte[] jpeg = Jpeg(40, 30);
        for (int length = 0; length < jpeg.Length; length++)
            Assert.Throws<ImageException>(() => PhotoFile.Decode(jpeg[..length], "cut.jpg"));
    }

    [Theory, InlineData("alpha.png"), InlineData("rgb16.png"), InlineData("rgb.bmp"), InlineData("lossy.webp"), InlineData("palette.gif")]
    public void A_file_cut_anywhere_is_an_error_or_still_holds_every_pixel(string file)
    {
        byte[] whole = File.ReadAllBytes(Fixture(file));
        byte[] pixels = PhotoFile.Decode(whole, file).Pixels;
        int errors = 0;
        for (int length = 0; length < whole.Length; length++)
        {
            try
            {
                Assert.Equal(pixels, PhotoFile.Decode(whole[..length], file).Pixels);
            }
            catch (ImageException)
            {
                errors++;
            }
        }
        // Only checksums and end markers may be missing.
        Assert.InRange(errors, whole.Length - 24, whole.Length);
    }

    [Fact]
    public void Damaged_files_give_a_photo_or_an_image_error_and_nothing_else()
    {
        var random = new Random(3);
        IEnumerable<string> fixtures = Directory.GetFiles(Fixture("")).Where(file => !file.EndsWith(".py", StringComparison.Ordinal)).Order();
        byte[][] files = [Jpeg(40, 30), .. fixtures.Select(File.ReadAllBytes)];
        int errors = 0;
        for (int i = 0; i < 2000; i++)
        {
            byte[] file = [.. files[i % files.Length]];
            for (int n = random.Next(1, 6); n > 0; n--)
                file[random.Next(Math.Min(file.Length, i % 2 == 0 ? 64 : int.MaxValue))] = (byte)random.Next(256);
            try
            {
                PhotoFile.Decode(file, "damaged");
            }
            catch (ImageException e)
            {
                Assert.StartsWith("damaged: ", e.Message);
                errors++;
            }
        }
        Assert.True(errors > 0, "no damage was noticed");
    }

    [Fact]
    public void Bombs_are_refused_before_their_pixels_are_allocated()
    {
        byte[] gif = [.. "GIF89a"u8, 0xFF, 0x2F, 0xFF, 0x2F, 0, 0, 0, (byte)',', 0, 0, 0, 0, 0xFF, 0x2F, 0xFF, 0x2F, 0, 8, 1, 0, 0, (byte)';'];
        byte[] webp = [.. "RIFF"u8, 0x18, 0, 0, 0, .. "WEBPVP8L"u8, 0x0C, 0, 0, 0, 0x2F, 0xFF, 0xEF, 0xFF, 0x0B, 0, 0, 0, 0, 0, 0, 0];
        (byte[] File, string Message)[] bombs =
        [
            (Png(60_000, 60_000, 8, 2, []), "bomb: 60000 x 60000 pixels are more than the 178 million"),
            (Seeds.Png(12_000, 12_000, 8, 2, [], interlaced: true), "need 432 MB, more than the 400 MB"),
            // 12 000 x 12 000 x 3 components x 2 bytes.
            (Seeds.ProgressiveJpeg(12_000, 12_000, scans: 1), "need 864 MB, more than the 400 MB"),
            // 64 million pixels of 20 ns, and (3 + 90) million visits of 70 ns.
            (Seeds.ProgressiveJpeg(8_000, 8_000, scans: 90), "would take 8 s to decode, more than 5 s"),
            (webp, "need 1358 MB, more than the 400 MB"),
            (gif, "the file is damaged: row 0 of 12287"),
        ];
        foreach ((byte[] file, string message) in bombs)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Contains(message, Assert.ThrowsAny<ImageException>(() => Preprocessing.ImageNet.Apply(PhotoFile.Open(file, "bomb"))).Message);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
        }
    }

    [Fact]
    public void A_large_photo_is_resized_without_its_pixels_in_memory()
    {
        const int Side = 3000;
        byte[] png = Png(Side, Side, 8, 2, new byte[Side * (1 + 3 * Side)]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Preprocessing.ImageNet.Apply(PhotoFile.Open(png, "large.png"));
        // The photo has 27 MB; the network's input 0.75 MB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void Texts_and_profiles_beside_the_pixels_cost_nothing()
    {
        byte[] png = Png(2, 1, 8, 0, [0, 7, 9], ("iCCP", new byte[1 << 22]), ("zTXt", new byte[1 << 22]), ("tEXt", new byte[1 << 22]));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal([7, 7, 7, 9, 9, 9], PhotoFile.Decode(png, "texts.png").Pixels);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Blocks_that_unpack_to_nothing_are_not_read_without_end()
    {
        // Stored blocks of length 0 before the two pixels.
        byte[] blocks = [.. Enumerable.Repeat((byte[])[0, 0, 0, 0xFF, 0xFF], 40_000).SelectMany(block => block)];
        byte[] packed = [0x78, 0x9C, .. blocks, 1, 3, 0, 0xFC, 0xFF, 0, 7, 9, 0, 0x29, 0, 0x11];
        string error = Assert.Throws<ImageException>(() => PhotoFile.Decode(Png(2, 1, 8, 0, [], ("IDAT", packed)), "a.png")).Message;
        Assert.Contains("its picture does not end within 65555 packed bytes", error);

        // Less than the picture itself, and hidden before it.
        byte[] hidden = [0x78, 0x9C, .. blocks];
        Assert.Contains("does not end within 179636 packed bytes",
            Assert.Throws<ImageException>(() => PhotoFile.Decode(Png(999, 100, 8, 0, [], ("IDAT", hidden)), "a.png")).Message);

        byte[] gif = new byte[400_000_000];
        File.ReadAllBytes(Fixture("no-palette.gif")).CopyTo(gif, 0);
        Assert.Contains("would take 5 s to decode", Assert.Throws<ImageTooLargeException>(() => PhotoFile.Open(gif, "a.gif")).Message);
    }

    [Fact]
    public void A_damaged_PNG_says_what_is_wrong()
    {
        static string Error(byte[] file) => Assert.Throws<ImageException>(() => PhotoFile.Decode(file, "a.png")).Message;
        byte[] good = Png(2, 2, 8, 0, [0, 1, 2, 0, 3, 4]);
        Assert.Contains("row 1 of 2 has an unknown filter, 9", Error(Png(2, 2, 8, 0, [0, 1, 2, 9, 3, 4])));
        Assert.Contains("row 1 of 2 cannot be unpacked", Error(Png(2, 2, 8, 0, [0, 1, 2, 0, 3])));
        // A zlib header that asks for a preset dictionary.
        Assert.Contains("row 0 of 2 cannot be unpacked", Error(Png(2, 2, 8, 0, [0, 1, 2, 0, 3, 4], ("IDAT", [0x78, 0x20, 0, 0, 0, 1]))));
        Assert.Contains("it has no palette", Error(Png(2, 2, 8, 3, [0, 1, 2, 0, 3, 4])));
        Assert.Contains("kind 2 with 4 bits", Error(Png(2, 2, 4, 2, [])));
        Assert.Contains("it has a critical chunk CgBI", Error(Png(2, 2, 8, 0, [0, 1, 2, 0, 3, 4], ("CgBI", new byte[4]))));
        Assert.Contains("at row 0 of 2", Error(good[..45]));
        Assert.Contains("before its first pixel", Error(good[..33]));
        Assert.Contains("before its header does", Error(good[..20]));
        byte[] size = [.. good];
        size[18] = 1;
        Assert.Contains("its header is not that of a PNG", Error(size));
    }

    [Theory, InlineData(0), InlineData(12), InlineData(31), InlineData(255)]
    public void A_GIF_whose_codes_have_no_size_is_damaged(byte bits)
    {
        byte[] gif = File.ReadAllBytes(Fixture("no-palette.gif"));
        // Behind the header of 13 bytes and the frame's of 10.
        gif[23] = bits;
        Assert.Contains("row 0 of 1 cannot be unpacked", Assert.Throws<ImageException>(() => PhotoFile.Decode(gif, "a.gif")).Message);
    }

    [Theory, InlineData("progressive.jpg"), InlineData("alpha.webp"), InlineData("alpha.png"), InlineData("interlaced.gif"), InlineData("rgb.bmp")]
    public void Cancelling_stops_between_two_rows(string file)
    {
        using var stop = new CancellationTokenSource();
        var rows = new CancellingRows(stop, after: 17);
        Assert.Throws<OperationCanceledException>(() => PhotoFile.Open(Fixture(file)).Decode(rows, stop.Token));
        Assert.Equal(17, rows.Count);
    }

    private sealed class CancellingRows(CancellationTokenSource stop, int after) : IPhotoRows
    {
        public int Count { get; private set; }

        public void Add(int y, ReadOnlySpan<byte> row)
        {
            if (++Count == after)
                stop.Cancel();
        }
    }

    [Fact]
    public void What_is_decoded_is_what_was_hashed()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".png");
        File.Copy(Fixture("alpha.png"), path);
        PhotoFile photo = PhotoFile.Open(path);
        File.WriteAllText(path, "another file");
        File.Delete(path);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Fixture("alpha.png")))), photo.Sha256);
        Assert.Equal(PhotoFile.Read(Fixture("alpha.png.expected.png")).Pixels, photo.Pixels().Pixels);
    }

    [Fact]
    public async Task A_photo_comes_through_a_pipe()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "FIFOs are files on Unix only");
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".jpg");
        Process.Start("mkfifo", path).WaitForExit();
        try
        {
            byte[] bytes = File.ReadAllBytes(Fixture("alpha.png"));
            Task writer = Task.Run(() => File.WriteAllBytes(path, bytes), TestContext.Current.CancellationToken);
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), PhotoFile.Open(path, TestContext.Current.CancellationToken).Sha256);
            await writer;
            // Reading a FIFO without a writer can be cancelled.
            using var stop = new CancellationTokenSource(1);
            Assert.ThrowsAny<OperationCanceledException>(() => PhotoFile.Open(path, stop.Token));
            // Opening for both directions never blocks, and ends the abandoned reader.
            new FileStream(path, FileMode.Open, FileAccess.ReadWrite).Dispose();
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void An_endless_device_is_not_read_to_its_end()
    {
        Assert.SkipUnless(File.Exists("/dev/zero"), "this machine has no /dev/zero");
        Assert.Contains("contains only zeros", Assert.Throws<ImageException>(() => PhotoFile.Open("/dev/zero")).Message);
    }

    [Fact]
    public void A_huge_file_is_refused_before_it_is_read()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".jpg");
        try
        {
            using (var sparse = new FileStream(path, FileMode.CreateNew))
                sparse.SetLength(PhotoFile.MaxBytes + 1L);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Contains("larger than the 512 MiB", Assert.Throws<ImageException>(() => PhotoFile.Read(path)).Message);
            // The buffer is sized by the limit, not by the file; nothing beyond it may be read.
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
            using FileStream stream = File.OpenRead(path);
            Assert.Contains("at most 536870912 are read", Assert.Throws<ImageException>(() => PhotoFile.Open(FileSource.Of(stream))).Message);
            Assert.Equal(0, stream.Position);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void What_is_no_image_is_named_with_the_reason()
    {
        static string Error(Func<Photo> read) => Assert.Throws<ImageException>(read).Message;
        Assert.Contains("the file is empty", Error(() => PhotoFile.Decode([], "a")));
        // Two zero bytes and two sizes are a WBMP to Skia.
        Assert.Contains("not an image of a known format", Error(() => PhotoFile.Decode([0, 0, 8, 2, 255, 255], "a.wbmp")));
        Assert.Contains("this is a folder", Error(() => PhotoFile.Read(Path.GetTempPath())));
        Assert.Contains("there is no such file", Error(() => PhotoFile.Read(Path.Combine(Path.GetTempPath(), "no", "such", "file"))));
        Assert.Contains("cannot be read", Error(() => PhotoFile.Read("a\0b")));
    }

    [Theory]
    [InlineData("\0\0\0\u0018ftypheic\0\0\0\0", "a HEIC image. Convert it"), InlineData("\0\0\0\u0018ftypmif1\0\0\0\0", "a HEIF image")]
    [InlineData("\0\0\0\u001Cftypavif\0\0\0\0", "an AVIF image. Convert it"), InlineData("\0\0\0\u001Cftypisom", "a video")]
    [InlineData("II*\0\x08\0\0\0", "a TIFF image"), InlineData("MM\0*\0\0\0\x08", "a TIFF image"), InlineData("II+\0\x08\0\0\0", "a BigTIFF image")]
    [InlineData("II*\0\x10\0\0\0CR\x02\0", "raw file (CR2). Develop it"), InlineData("\0\0\0\u0018ftypcrx \0", "raw file (CR3)")]
    [InlineData("\u00FF\u000A\u00FA\u007F", "a JPEG XL image"), InlineData("\0\0\0\u000CJXL \r\n\u0087\n", "a JPEG XL image")]
    [InlineData("\0\0\0\u000CjP  \r\n\u0087\n", "a JPEG 2000 image"), InlineData("8BPS\0\x01", "a Photoshop file"), InlineData("%PDF-1.7", "a PDF document")]
    [InlineData("\0\0\x01\0\x01\0", "an icon (ICO)"), InlineData("\u001F\u008B\x08", "packed with gzip. Unpack it"), InlineData("PK\x03\x04", "a ZIP archive")]
    [InlineData("<?xml version=\"1.0\"?>\n<!-- a -->\n<svg>", "an SVG drawing"), InlineData("<svg xmlns=''>", "an SVG drawing")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:", "Run: git lfs pull")]
    [InlineData("\u00EF\u00BB\u00BF\r\n<!DOCTYPE html><html>", "a web page"), InlineData("<HTML><body>404", "a web page")]
    [InlineData("{\"message\": \"Not Found\"}", "JSON text"), InlineData("<?xml version=\"1.0\"?><Error>AccessDenied</Error>", "XML text")]
    [InlineData("hello, world", "a text"), InlineData("BM is how this text begins", "a text")]
    [InlineData("\0\0\0\0\0\0", "only zeros")]
    [InlineData("\u0089PNG\n\u001A\n", "line ends were converted"), InlineData("\u0089PN", "truncated: it ends after 3 bytes"),
        InlineData("\0\x05\x16\x07\0", "AppleDouble")]
    public void Other_formats_are_named_as_what_they_are_whatever_the_file_is_called(string bytes, string named) =>
        Assert.Contains(named, Assert.Throws<ImageException>(() => PhotoFile.Decode(Encoding.Latin1.GetBytes(bytes), "a.jpg")).Message);

    private static byte[] Jpeg(int width, int height)
    {
        using var bitmap = new SKBitmap(width, height);
        var random = new Random(1);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                bitmap.SetPixel(x, y, new SKColor((byte)(10 * x), (byte)(12 * y), (byte)random.Next(256)));
        }
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
        return data.ToArray();
    }

    /// <summary>Puts an APP1 segment with one big-endian TIFF entry, tag 0x0112 of type SHORT, behind the start of a JPEG.</summary>
    private static byte[] WithOrientation(byte[] jpeg, int orientation) =>
    [
        0xFF, 0xD8, 0xFF, 0xE1, 0, 34, .. "Exif\0\0MM\0*"u8, 0, 0, 0, 8, 0, 1,
        0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0, .. jpeg[2..],
    ];

    private static byte[] Png(
        int width, int height, byte depth, byte kind, byte[] rows, params (string Type, byte[] Data)[] more) =>
        Seeds.Png(width, height, depth, kind, rows, interlaced: false, more);
}
