using SkiaSharp;

namespace Iba.Images;

/// <summary>
/// Decodes JPEG, PNG, WebP, BMP and GIF (first frame) to the bytes that Pillow's <c>Image.open(file).convert("RGB")</c> gives:
/// alpha is dropped and not blended, colour profiles are not applied, EXIF orientation is ignored unless asked for.
/// </summary>
/// <remarks>
/// Two deliberate differences: a 16-bit grey PNG is scaled to 8 bits (Pillow clips, so that nearly all becomes white), and
/// transparent pixels of a GIF are black (Pillow shows the palette's colour). Colour PNGs of 16 bits keep their high byte, in both.
/// </remarks>
public static class PhotoFile
{
    /// <summary>The most pixels that are decoded; Pillow, too, takes anything above for a decompression bomb.</summary>
    public const long MaxPixels = 178_956_970;

    /// <summary>The most bytes that are read from a file.</summary>
    public const int MaxBytes = 512 << 20;

    private const string TryAnother = "Name a JPEG, PNG, WebP, BMP or GIF file";

    /// <summary>Reads and decodes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rotate">Whether the EXIF orientation is carried out.</param>
    /// <exception cref="ImageException">The file cannot be read, is no image, is damaged or too large.</exception>
    public static Photo Read(string path, bool rotate = false) => Decode(ReadBytes(path), path, rotate);

    /// <summary>Decodes the bytes of an image file.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="source">What messages call it.</param>
    /// <param name="rotate">Whether the EXIF orientation is carried out.</param>
    /// <exception cref="ImageException">The bytes are no image, are damaged or too large.</exception>
    public static Photo Decode(byte[] file, string source, bool rotate = false)
    {
        if (file.Length == 0)
            throw new ImageException(source, "the file is empty", TryAnother);
        using var stream = new SKMemoryStream(file);
        using SKCodec? codec = SKCodec.Create(stream, out SKCodecResult result);
        if (codec is null && result == SKCodecResult.IncompleteInput)
            throw new ImageException(source, "the file ends before its header does", "Fetch or copy it again");
        // Skia knows more formats than these, some recognised by as little as two zero bytes.
        if (codec?.EncodedFormat is not (SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Png or SKEncodedImageFormat.Webp
            or SKEncodedImageFormat.Bmp or SKEncodedImageFormat.Gif))
            throw new ImageException(source, "the file is no image of a known format", TryAnother);

        (int width, int height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height > MaxPixels)
        {
            string reason = $"{width} x {height} pixels are more than the {MaxPixels / 1_000_000} million that are decoded";
            throw new ImageException(source, reason, "Make it smaller first");
        }
        var photo = new Photo(Pixels(codec, source), width, height, source, (Orientation)codec.EncodedOrigin);
        return rotate ? photo.Upright() : photo;
    }

    private static unsafe byte[] Pixels(SKCodec codec, string source)
    {
        (int width, int height) = (codec.Info.Width, codec.Info.Height);
        // Unpremul, and no colour space: anything else changes the bytes.
        var wanted = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        byte[] rgba = GC.AllocateUninitializedArray<byte>(4 * width * height);
        SKCodecResult result;
        fixed (byte* to = rgba)
            result = codec.GetPixels(wanted, (nint)to);
        if (result != SKCodecResult.Success)
        {
            throw result == SKCodecResult.IncompleteInput
                ? new ImageException(source, "the file is truncated: it ends before the picture does", "Fetch or copy it again")
                : new ImageException(source, $"the file is damaged ({result})", "Fetch it again, or save it anew with an image program");
        }
        byte[] rgb = GC.AllocateUninitializedArray<byte>(3 * width * height);
        for (int from = 0, to = 0; to < rgb.Length; from += 4, to += 3)
        {
            rgb[to] = rgba[from];
            rgb[to + 1] = rgba[from + 1];
            rgb[to + 2] = rgba[from + 2];
        }
        return rgb;
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            if (Directory.Exists(path))
                throw new ImageException(path, "this is a folder, not an image", "Name a file in it");
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (stream.CanSeek && stream.Length > MaxBytes)
                throw TooLarge(path);
            // The length of a pipe or a device says nothing, so the limit holds for what is read, too.
            using var bytes = new MemoryStream(stream.CanSeek ? (int)stream.Length : 0);
            byte[] part = new byte[1 << 16];
            for (int count = stream.Read(part); count > 0; count = stream.Read(part))
            {
                if (bytes.Length + count > MaxBytes)
                    throw TooLarge(path);
                bytes.Write(part, 0, count);
            }
            return bytes.ToArray();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ImageException(path, "there is no such file", "Check the name", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ImageException(path, $"the file cannot be read ({e.Message.TrimEnd('.')})", "Check its name and permissions", e);
        }
    }

    private static ImageException TooLarge(string path) =>
        new(path, $"the file is larger than the {MaxBytes >> 20} MiB that are read", "Make it smaller first");
}
