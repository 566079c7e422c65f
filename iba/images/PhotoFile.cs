using Iba.Engine.Files;
using SkiaSharp;

namespace Iba.Images;

/// <summary>
/// A JPEG, PNG, WebP, BMP or GIF (first frame). The file is read once, so the decoded bytes are those that were hashed. It is decoded row by row,
/// to the bytes that Pillow's <c>Image.open(file).convert("RGB")</c> gives: alpha is dropped and not blended, colour profiles are not applied,
/// and the EXIF orientation is ignored unless requested.
/// </summary>
/// <remarks>
/// One deliberate difference: a 16-bit grey PNG is scaled to 8 bits (Pillow clips, so that nearly all becomes white). Colour PNGs of 16
/// bits keep their high byte, in both.
/// <para>
/// Limits: 178 million pixels; 400 MB that the decoder holds at once (every pixel of a WebP and of an interlaced PNG, the coefficients of a
/// progressive JPEG; single rows of all others); 560 MB with the file itself; 5 s of processor time, estimated from pixels, bytes and scans. A
/// file above a limit is refused before it is decoded.
/// </para>
/// <para>
/// The estimate takes a PNG's data for those of an encoder. Data packed in tiny deflate blocks on purpose take up to 105 ns a byte: 47 MB take 5 s, and
/// <see cref="MaxBytes"/> take 56 s. The packed bytes are bounded by the pixels; how many blocks they are is known only after unpacking them. Decoding
/// can be cancelled at any time.
/// </para>
/// </remarks>
public sealed class PhotoFile
{
    /// <summary>Upper bound of the pixels of a photo; Pillow, too, treats anything above as a decompression bomb.</summary>
    public const long MaxPixels = 178_956_970;

    /// <summary>Upper bound of the bytes that a decoder holds at once, and of a whole <see cref="Photo"/>.</summary>
    public const long MaxDecodedBytes = 400_000_000;

    /// <summary>Upper bound of the bytes that a file and its decoder take together.</summary>
    public const long MaxTotalBytes = 560_000_000;

    /// <summary>Upper bound of the estimated processor time of decoding, seconds.</summary>
    public const int MaxSeconds = 5;

    /// <summary>Upper bound of the bytes that are read from a file.</summary>
    public const int MaxBytes = 512 << 20;

    /// <summary>Upper bound of the bytes that are read from a pipe or a device, whose length is unknown in advance.</summary>
    public const int MaxPipeBytes = 128 << 20;

    private readonly byte[] _file;
    private readonly PhotoDecoder _decoder;
    private string? _sha256;

    private PhotoFile(byte[] file, string source)
    {
        (_file, Source) = (file, source);
        SKEncodedImageFormat format = FileSignature.Of(file, source);
        _decoder = format switch
        {
            SKEncodedImageFormat.Png => new PngDecoder(file, source),
            SKEncodedImageFormat.Gif => new GifDecoder(file, source),
            _ => new SkiaDecoder(file, source, format),
        };
        if ((long)Width * Height > MaxPixels)
            throw Refused($"are more than the {MaxPixels / 1_000_000} million that are decoded");
        if (_decoder.HeldBytes > MaxDecodedBytes)
        {
            string held = $"{_decoder.HeldBytes / 1_000_000} MB, more than the {MaxDecodedBytes / 1_000_000} MB";
            throw Refused($"of this kind of file need {held} that are decoded at once");
        }
        if (_decoder.HeldBytes + file.Length > MaxTotalBytes)
        {
            long total = _decoder.HeldBytes + file.Length;
            throw Refused($"need {total / 1_000_000} MB together with their file, more than {MaxTotalBytes / 1_000_000} MB");
        }
        if (_decoder.Nanoseconds > MaxSeconds * 1_000_000_000L)
        {
            string time = $"{_decoder.Nanoseconds / 1e9:0} s to decode, more than {MaxSeconds} s";
            throw Refused($"in a file of {file.Length / 1_000_000} MB would take {time}");
        }
    }

    /// <summary>Where the bytes come from, for messages: usually the path of the file.</summary>
    public string Source { get; }

    /// <summary>Pixels per row, as the file stores them.</summary>
    public int Width => _decoder.Width;

    /// <summary>Rows, as the file stores them.</summary>
    public int Height => _decoder.Height;

    /// <summary>The EXIF orientation of the stored pixels; upright if the file has none.</summary>
    public Orientation Orientation => _decoder.Orientation;

    /// <summary>Width and height, pixels: as the file stores them, or with the EXIF orientation applied.</summary>
    public (int Width, int Height) Extents(bool rotate) => rotate ? new Upright(Orientation).Extents(Width, Height) : (Width, Height);

    /// <summary>The SHA-256 of the file's bytes, 64 hexadecimal digits in lower case.</summary>
    public string Sha256 => _sha256 ??= Sha256Hash.Hex(_file);

    /// <summary>Reads a file, pipe or device once, and parses the image header.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancel">Cancels the call.</param>
    /// <exception cref="ImageException">The file cannot be read, is not an image, has a damaged header, or exceeds a limit.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static PhotoFile Open(string path, CancellationToken cancel = default) =>
        new(Abandonable.Run(() => ReadBytes(path, cancel), cancel), path);

    /// <summary>Reads a file, bytes or a stream once, and parses the image header.</summary>
    /// <param name="source">The file.</param>
    /// <param name="cancel">Cancels the call.</param>
    /// <exception cref="ImageException">It cannot be read, is not an image, has a damaged header, or exceeds a limit.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static PhotoFile Open(FileSource source, CancellationToken cancel = default)
    {
        if (source.Path is { } path)
            return Open(path, cancel);
        try
        {
            using FileContents contents = source.Read(start => FileSignature.Of(start, source.Name), MaxBytes, cancel);
            byte[] bytes = new byte[contents.Length];
            contents.Read(bytes, 0);
            return new PhotoFile(bytes, source.Name);
        }
        catch (Exception e) when (e is IOException or FileFormatException)
        {
            throw new ImageException(source.Name, $"it cannot be read ({e.Message.TrimEnd('.')})", "Check where it comes from", e);
        }
    }

    /// <summary>Reads the header of an image file in memory.</summary>
    /// <param name="file">The whole file. It must not change from now on.</param>
    /// <param name="source">Its name in messages.</param>
    /// <exception cref="ImageException">The bytes are not an image, the header is damaged, or a limit is exceeded.</exception>
    public static PhotoFile Open(byte[] file, string source) => new(file, source);

    /// <summary>Reads and decodes a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rotate">Whether the EXIF orientation is applied.</param>
    /// <exception cref="ImageException">The file cannot be read, is not an image, is damaged or too large.</exception>
    public static Photo Read(string path, bool rotate = false) => Open(path).Pixels(rotate);

    /// <summary>Decodes the bytes of a whole image file.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="source">Its name in messages.</param>
    /// <param name="rotate">Whether the EXIF orientation is applied.</param>
    /// <exception cref="ImageException">The bytes are not an image, are damaged or too large.</exception>
    public static Photo Decode(byte[] file, string source, bool rotate = false) => Open(file, source).Pixels(rotate);

    /// <summary>Decodes the picture row by row; each call starts from the first row.</summary>
    /// <param name="rows">Receives H rows of W x 3 bytes: 8-bit RGB, as the file stores them.</param>
    /// <param name="cancel">Cancels the call within 0.2 s.</param>
    /// <exception cref="ImageException">The file is damaged or truncated.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Decode(IPhotoRows rows, CancellationToken cancel = default) => _decoder.Decode(rows, cancel);

    /// <summary>Decodes the whole picture.</summary>
    /// <param name="rotate">Whether the EXIF orientation is applied.</param>
    /// <param name="cancel">Cancels the call within 0.2 s.</param>
    /// <exception cref="ImageException">
    /// The file is damaged, truncated, or has more than <see cref="MaxDecodedBytes"/> of pixels.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Photo Pixels(bool rotate = false, CancellationToken cancel = default)
    {
        if (3L * Width * Height > MaxDecodedBytes)
        {
            long whole = 3L * Width * Height / 1_000_000;
            throw Refused($"are {whole} MB as a whole, more than the {MaxDecodedBytes / 1_000_000} MB that are kept");
        }
        var pixels = new PhotoPixels(Width, Height, rotate ? Orientation : Orientation.Upright);
        Decode(pixels, cancel);
        return new Photo(pixels.Pixels, pixels.Width, pixels.Height, Source, rotate ? Orientation.Upright : Orientation);
    }

    /// <summary>The refusal of this photo.</summary>
    /// <param name="why">What follows its extents in the message.</param>
    internal ImageTooLargeException Refused(string why) => new(Source, $"{Width} x {Height} pixels {why}");

    private static byte[] ReadBytes(string path, CancellationToken cancel)
    {
        try
        {
            if (Directory.Exists(path))
                throw new ImageException(path, "this is a folder, not an image", "Name a file in it");
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return stream.CanSeek && stream.Length > 0 ? OfKnownLength(stream, path, cancel) : OfUnknownLength(stream, path, cancel);
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

    private static byte[] OfKnownLength(FileStream stream, string path, CancellationToken cancel)
    {
        if (stream.Length > MaxBytes)
            throw TooLarge(path, MaxBytes);
        byte[] file = GC.AllocateUninitializedArray<byte>((int)stream.Length);
        int length = 0;
        for (int count = -1; count != 0; length += count)
        {
            cancel.ThrowIfCancellationRequested();
            count = stream.Read(file, length, Math.Min(1 << 20, file.Length - length));
        }
        // A file that shrank while it was read ends where the read ended.
        return length == file.Length ? file : file[..length];
    }

    private static byte[] OfUnknownLength(FileStream stream, string path, CancellationToken cancel)
    {
        using var file = new MemoryStream();
        byte[] part = new byte[1 << 16];
        int count = stream.ReadAtLeast(part, FileSignature.Length, throwOnEndOfStream: false);
        // The signature is checked first: the message names the format, and an endless device is not read further.
        FileSignature.Of(part.AsSpan(0, count), path);
        for (; count > 0; count = stream.Read(part))
        {
            cancel.ThrowIfCancellationRequested();
            if (file.Length + count > MaxPipeBytes)
                throw TooLarge(path, MaxPipeBytes);
            file.Write(part, 0, count);
        }
        return file.ToArray();
    }

    private static ImageException TooLarge(string path, int most) =>
        new(path, $"the file is larger than the {most >> 20} MiB that are read", "Make it smaller first");
}
