using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Iba.Engine.Files;

namespace Iba.Rendering;

/// <summary>
/// Writes 8-bit RGB and grey PNG files (W3C PNG, third edition). The same pixels and texts give the same bytes under one release of .NET. The
/// bytes, not the pixels, may differ between releases, because zlib compresses differently.
/// </summary>
public static class PngFile
{
    private static readonly uint[] CrcTable = [.. Enumerable.Range(0, 256).Select(n =>
    {
        uint c = (uint)n;
        for (int bit = 0; bit < 8; bit++)
            c = (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
        return c;
    })];

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1A, (byte)'\n'];

    private static ReadOnlySpan<byte> Drawn => "Software\0iba"u8;

    /// <summary>The keyword of the PNG standard for the program that made a file.</summary>
    public const string SoftwareKeyword = "Software";

    /// <summary>
    /// The text that <see cref="Write"/> stores under <see cref="SoftwareKeyword"/>; it distinguishes this program's pictures from photos.
    /// </summary>
    public const string Software = "iba";

    /// <summary>
    /// Writes a picture that this program drew, atomically. Its first text is <see cref="Software"/>, which distinguishes it from photos.
    /// </summary>
    /// <param name="path">The file. An existing file is replaced; missing folders are created.</param>
    /// <param name="canvas">The picture.</param>
    /// <param name="text">Further keywords and their texts, in this order: where the picture comes from.</param>
    /// <param name="cancel">Ends the wait for the reader of a pipe. A file is written in any case.</param>
    /// <exception cref="FileWriteException">The file cannot be written.</exception>
    public static void Write(
        string path, Canvas canvas, IEnumerable<KeyValuePair<string, string>>? text = null, CancellationToken cancel = default) =>
        AtomicFile.Write(path, Encode(canvas, text ?? []), cancel);

    /// <summary>The bytes of the file that <see cref="Write"/> writes.</summary>
    /// <param name="canvas">The picture.</param>
    /// <param name="text">Further keywords and their texts, in this order: where the picture comes from.</param>
    public static byte[] Encode(Canvas canvas, params IEnumerable<KeyValuePair<string, string>> text) =>
        Encode(canvas.Pixels, canvas.Width, canvas.Height, [new(SoftwareKeyword, Software), .. text]);

    /// <summary>
    /// Whether <see cref="Write"/> wrote a file. Earlier releases did not write <see cref="Software"/>; their pictures are recognised by the
    /// weights' hash among their texts.
    /// </summary>
    /// <returns>False also for a file that cannot be read.</returns>
    public static bool IsDrawn(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 512);
            Span<byte> head = stackalloc byte[8];
            if (file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length || !head.SequenceEqual(Signature))
                return false;
            // This program's texts precede the pixels.
            while (file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && !head[4..].SequenceEqual("IDAT"u8))
            {
                long length = BinaryPrimitives.ReadUInt32BigEndian(head), next = file.Position + length + sizeof(uint);
                byte[] text = new byte[head[4..].SequenceEqual("tEXt"u8) ? Math.Min(length, 80) : 0];
                file.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
                if (text.AsSpan().SequenceEqual(Drawn) || text.AsSpan().StartsWith("weights_sha256\0"u8))
                    return true;
                file.Position = next;
            }
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The bytes of a PNG file.</summary>
    /// <param name="pixels">H x W x 3 bytes, interleaved.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="text">Keywords (1 to 79 printable ASCII characters, no blank at the ends) and their texts.</param>
    /// <exception cref="ArgumentException">The pixels do not fill the extents, or a keyword is not allowed.</exception>
    public static byte[] Encode(
        ReadOnlySpan<byte> pixels, int width, int height, params IEnumerable<KeyValuePair<string, string>> text) =>
        Encode(pixels, width, height, channels: 3, text);

    /// <summary>The bytes of a grey PNG file; <paramref name="pixels"/> is H x W bytes.</summary>
    /// <exception cref="ArgumentException">The pixels do not fill the extents, or a keyword is not allowed.</exception>
    public static byte[] EncodeGrey(
        ReadOnlySpan<byte> pixels, int width, int height, params IEnumerable<KeyValuePair<string, string>> text) =>
        Encode(pixels, width, height, channels: 1, text);

    private static byte[] Encode(
        ReadOnlySpan<byte> pixels, int width, int height, int channels, IEnumerable<KeyValuePair<string, string>> text)
    {
        if (width <= 0 || height <= 0 || pixels.Length != (long)channels * width * height)
            throw new ArgumentException($"PngFile: {pixels.Length} bytes cannot be {width} x {height} pixels of {channels} channels");
        using var file = new MemoryStream();
        file.Write(Signature);
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, (byte)(channels == 3 ? 2 : 0)); // bits per channel; RGB or grey
        Chunk(file, "IHDR", header);
        foreach ((string keyword, string value) in text)
            TextChunk(file, keyword, value);
        Chunk(file, "IDAT", Compress(pixels, channels, width, height));
        Chunk(file, "IEND", []);
        return file.ToArray();
    }

    private static ReadOnlySpan<byte> Compress(ReadOnlySpan<byte> pixels, int channels, int width, int height)
    {
        int stride = channels * width;
        var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            byte[] nothing = new byte[stride];
            byte[] best = new byte[stride + 1], trial = new byte[stride + 1];
            for (int y = 0; y < height; y++)
            {
                ReadOnlySpan<byte> row = pixels.Slice(y * stride, stride);
                ReadOnlySpan<byte> above = y == 0 ? nothing : pixels.Slice((y - 1) * stride, stride);
                long least = long.MaxValue;
                for (byte filter = 0; filter < 5; filter++)
                {
                    long size = Filter(filter, channels, row, above, trial);
                    if (size < least)
                        (least, best, trial) = (size, trial, best);
                }
                zlib.Write(best);
            }
        }
        return packed.GetBuffer().AsSpan(0, (int)packed.Length);
    }

    /// <summary>
    /// Filters a row (PNG section 9) and returns the sum of the magnitudes of the results as signed bytes, the standard's heuristic for how well a
    /// row will compress.
    /// </summary>
    private static long Filter(byte filter, int pixel, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, Span<byte> to)
    {
        to[0] = filter;
        long size = 0;
        for (int i = 0; i < row.Length; i++)
        {
            int a = i < pixel ? 0 : row[i - pixel], b = above[i], c = i < pixel ? 0 : above[i - pixel];
            int predicted = filter switch { 0 => 0, 1 => a, 2 => b, 3 => (a + b) >> 1, _ => Paeth(a, b, c) };
            byte difference = (byte)(row[i] - predicted);
            to[i + 1] = difference;
            size += Math.Abs((int)(sbyte)difference);
        }
        return size;
    }

    private static int Paeth(int a, int b, int c)
    {
        int pa = Math.Abs(b - c), pb = Math.Abs(a - c), pc = Math.Abs(a + b - 2 * c);
        return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    }

    private static void TextChunk(Stream file, string keyword, string value)
    {
        if (keyword.Length is 0 or > 79 || keyword != keyword.Trim() || keyword.Any(c => c is < ' ' or > '~'))
            throw new ArgumentException(
                $"PngFile: \"{keyword}\" is not a PNG keyword, which is 1 to 79 printable ASCII characters without a blank at either end");
        value = value.Replace('\0', ' ').ReplaceLineEndings("\n");
        if (value.All(char.IsAscii))
            Chunk(file, "tEXt", Encoding.ASCII.GetBytes($"{keyword}\0{value}"));
        else // keyword, not compressed, no language, no translated keyword, UTF-8
            Chunk(file, "iTXt", Encoding.UTF8.GetBytes($"{keyword}\0\0\0\0\0{value}"));
    }

    private static void Chunk(Stream file, string type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4], name = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        Encoding.ASCII.GetBytes(type, name);
        file.Write(name);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(uint.MaxValue, name), data));
        file.Write(number);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
            crc = CrcTable[(crc ^ b) & 0xFF] ^ (crc >> 8);
        return crc;
    }
}
