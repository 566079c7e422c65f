using System.Buffers.Binary;
using System.IO.Compression;
using Iba.Images;
using SkiaSharp;
using Xunit;

namespace Tests.Images;

public class PhotoFileTests
{
    private static string Fixture(string name) => Path.Combine(Golden.Root, "tests", "images", "fixtures", name);

    // Beside each lies what Pillow made of it, as plain RGB PNG (a kind that the golden crops prove).
    [Theory]
    [InlineData("cmyk.jpg"), InlineData("cmyk-progressive.jpg"), InlineData("ycck.jpg")]
    [InlineData("alpha.png"), InlineData("grey-alpha.png"), InlineData("palette-alpha.png"), InlineData("colour-key.png")]
    [InlineData("rgb16.png")]
    [InlineData("lossy.webp"), InlineData("alpha.webp"), InlineData("rgb.bmp"), InlineData("palette.gif")]
    public void Files_decode_to_the_bytes_that_Pillow_gives(string file)
    {
        Photo actual = PhotoFile.Read(Fixture(file)), pillow = PhotoFile.Read(Fixture($"{file}.expected.png"));
        Assert.Equal((pillow.Width, pillow.Height), (actual.Width, actual.Height));
        Assert.Equal(pillow.Pixels, actual.Pixels);
    }

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
    public void A_bomb_is_refused_before_its_pixels_are_allocated()
    {
        byte[] bomb = Png(60_000, 60_000, 8, 2, []);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ImageException error = Assert.Throws<ImageException>(() => PhotoFile.Decode(bomb, "bomb.png"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Contains("bomb.png: 60000 x 60000 pixels are more than the 178 million", error.Message);
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
            // The buffer is sized by the limit, not by the file; nothing beyond it may be taken.
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
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
        Assert.Contains("no image of a known format", Error(() => PhotoFile.Decode("hello, world, this is text"u8.ToArray(), "a.txt")));
        // Two zero bytes and two sizes are a WBMP to Skia.
        Assert.Contains("no image of a known format", Error(() => PhotoFile.Decode([0, 0, 8, 2, 255, 255], "a.wbmp")));
        Assert.Contains("this is a folder", Error(() => PhotoFile.Read(Path.GetTempPath())));
        Assert.Contains("there is no such file", Error(() => PhotoFile.Read(Path.Combine(Path.GetTempPath(), "no", "such", "file"))));
        Assert.Contains("cannot be read", Error(() => PhotoFile.Read("a\0b")));
    }

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

    private static byte[] Png(int width, int height, byte depth, byte kind, byte[] rows)
    {
        using var file = new MemoryStream();
        file.Write([0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n']);
        byte[] header = [0, 0, 0, 0, 0, 0, 0, 0, depth, kind, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        Chunk("IHDR"u8, header);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest))
            zlib.Write(rows);
        Chunk("IDAT"u8, packed.ToArray());
        Chunk("IEND"u8, []);
        return file.ToArray();

        void Chunk(ReadOnlySpan<byte> type, byte[] data)
        {
            byte[] number = new byte[4], checkedPart = [.. type, .. data];
            BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
            file.Write(number);
            file.Write(checkedPart);
            BinaryPrimitives.WriteUInt32BigEndian(number, PlainPng.Crc(checkedPart));
            file.Write(number);
        }
    }
}
