using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Runtime.Intrinsics;

namespace Iba.Images;

/// <summary>
/// Decodes PNG (W3C PNG, third edition) row by row; Skia decodes it only as a whole. As in Pillow, alpha is dropped, of 16 bits the high byte is
/// kept, and an index without a palette entry is a grey. Of an animation it is the default image. Chunks that are not needed are not read.
/// </summary>
internal sealed class PngDecoder : PhotoDecoder
{
    private const int Grey = 0, Rgb = 2, Palette = 3, GreyAlpha = 4, RgbAlpha = 6;

    private const int Slack = 16;

    // Adam7: where each pass starts and how far apart its pixels are.
    private static readonly (int X, int Y, int Dx, int Dy)[] Passes =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    private readonly byte[] _file;
    private readonly string _source;
    private readonly int _depth, _kind, _data;
    private readonly bool _interlaced;
    private readonly byte[] _palette = [.. Enumerable.Range(0, 3 * 256).Select(i => (byte)(i / 3))];

    /// <exception cref="ImageException">The header is damaged or truncated.</exception>
    public PngDecoder(byte[] file, string source)
    {
        (_file, _source) = (file, source);
        int at = 8;
        if (Next(ref at) is not { } header || header.Is("IHDR"u8) && header.Data.Length < 13)
            throw Truncated(source, file.Length, "before its header does");
        ReadOnlySpan<byte> fields = header.Data.Span;
        if (!header.Is("IHDR"u8) || fields.Length != 13 || !header.Whole || fields[10] != 0 || fields[11] != 0 || fields[12] > 1)
            throw Damaged(source, "its header is not that of a PNG");
        (Width, Height) = (BinaryPrimitives.ReadInt32BigEndian(fields), BinaryPrimitives.ReadInt32BigEndian(fields[4..]));
        (_depth, _kind, _interlaced) = (fields[8], fields[9], fields[12] == 1);
        bool known = _kind switch
        {
            Grey => _depth is 1 or 2 or 4 or 8 or 16,
            Palette => _depth is 1 or 2 or 4 or 8,
            Rgb or GreyAlpha or RgbAlpha => _depth is 8 or 16,
            _ => false,
        };
        if (Width <= 0 || Height <= 0 || !known)
            throw Damaged(source, $"its header names {Width} x {Height} pixels of kind {_kind} with {_depth} bits");

        bool palette = false;
        for (int start = at; Next(ref at) is { } chunk; start = at)
        {
            if (chunk.Is("IDAT"u8))
                _data = _data == 0 ? start : _data;
            else if (chunk.Is("eXIf"u8) && chunk.Whole)
                Orientation = Exif.OrientationOf(chunk.Data.Span);
            else if (chunk.Is("PLTE"u8) && _data == 0)
            {
                if (palette || !chunk.Whole || chunk.Data.Length is 0 or > 3 * 256 || chunk.Data.Length % 3 != 0)
                    throw Damaged(source, "its palette is invalid");
                palette = true;
                if (_kind == Palette)
                    chunk.Data.Span.CopyTo(_palette);
            }
            else if (chunk.Is("IEND"u8))
                break;
            else if (chunk.Critical && _data == 0)
                throw Damaged(source, $"it has a critical chunk {chunk.Name}, which is not part of the standard");
        }
        if (_data == 0)
            throw Truncated(source, file.Length, "before its first pixel");
        if (_kind == Palette && !palette)
            throw Damaged(source, "it has no palette");
    }

    public override int Width { get; }

    public override int Height { get; }

    public override Orientation Orientation { get; } = Orientation.Upright;

    public override long HeldBytes => 2 * RowBytes(Width) + 3L * Width + (_interlaced ? 3L * Width * Height : 0);

    // Resizing and conversion to RGB, undoing the filters, decompression.
    public override long Nanoseconds => 10L * Width * Height + 2 * RowBytes(Width) * Height + 5L * _file.Length;

    private int BitsPerPixel => _depth * _kind switch { Rgb => 3, GreyAlpha => 2, RgbAlpha => 4, _ => 1 };

    private long RowBytes(int width) => ((long)width * BitsPerPixel + 7) / 8;

    /// <summary>Columns and rows of every pass; of a picture without passes, its own.</summary>
    private IEnumerable<(int Width, int Height)> Extents => _interlaced
        ? Passes.Select(pass => ((Width - pass.X + pass.Dx - 1) / pass.Dx, (Height - pass.Y + pass.Dy - 1) / pass.Dy))
            .Where(pass => pass is { Item1: > 0, Item2: > 0 })
        : [(Width, Height)];

    private long Rows => Extents.Sum(pass => (long)pass.Height);

    /// <summary>Bytes of all rows, each with its filter.</summary>
    private long UnpackedBytes => Extents.Sum(pass => (1 + RowBytes(pass.Width)) * pass.Height);

    public override void Decode(IPhotoRows rows, CancellationToken cancel)
    {
        using var data = new DataStream(this, cancel);
        using var inflated = new ZLibStream(data, CompressionMode.Decompress);
        if (_interlaced)
            Interlaced(inflated, data, rows, cancel);
        else
            Pass(inflated, data, Width, Height, rows.Add, cancel);
    }

    private void Interlaced(Stream inflated, DataStream data, IPhotoRows rows, CancellationToken cancel)
    {
        byte[] pixels = GC.AllocateUninitializedArray<byte>(3 * Width * Height);
        foreach ((int startX, int startY, int dx, int dy) in Passes)
        {
            int width = (Width - startX + dx - 1) / dx, height = (Height - startY + dy - 1) / dy;
            if (width <= 0 || height <= 0)
                continue;
            Pass(inflated, data, width, height, (y, row) =>
            {
                Span<byte> to = pixels.AsSpan(3 * ((startY + y * dy) * Width + startX));
                for (int x = 0; x < width; x++)
                    row.Slice(3 * x, 3).CopyTo(to[(3 * x * dx)..]);
            }, cancel);
        }
        for (int y = 0; y < Height; y++)
        {
            cancel.ThrowIfCancellationRequested();
            rows.Add(y, pixels.AsSpan(3 * y * Width, 3 * Width));
        }
    }

    /// <summary>Decodes the rows of a pass, or of a picture without passes.</summary>
    private void Pass(
        Stream inflated, DataStream data, int width, int height, Action<int, ReadOnlySpan<byte>> add, CancellationToken cancel)
    {
        int bytes = (int)RowBytes(width), pixel = Math.Max(BitsPerPixel / 8, 1);
        // Before each row lies a pixel of zeros, the left neighbour of its first pixel; after it, padding to whole SIMD registers.
        byte[] filtered = new byte[1 + bytes + Slack], row = new byte[pixel + bytes + Slack], above = new byte[pixel + bytes + Slack];
        byte[] rgb = new byte[3 * width];
        for (int y = 0; y < height; y++)
        {
            cancel.ThrowIfCancellationRequested();
            Fill(inflated, data, filtered.AsSpan(0, 1 + bytes), y, height);
            if (!Unfilter(filtered[0], filtered.AsSpan(1), row, above, bytes, pixel))
                throw Damaged(_source, $"row {y} of {height} has an unknown filter, {filtered[0]}");
            ReadOnlySpan<byte> samples = row.AsSpan(pixel, bytes);
            if (_kind == Rgb && _depth == 8)
                add(y, samples);
            else
            {
                Expand(samples, rgb);
                add(y, rgb);
            }
            (row, above) = (above, row);
        }
    }

    private void Fill(Stream inflated, DataStream data, Span<byte> row, int y, int height)
    {
        int count;
        try
        {
            count = inflated.ReadAtLeast(row, row.Length, throwOnEndOfStream: false);
        }
        // zlib's other errors, such as a stream that needs a preset dictionary, are an IOException.
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            count = 0;
        }
        if (count == row.Length)
            return;
        throw data.Truncated
            ? Truncated(_source, _file.Length, $"at row {y} of {height}")
            : Damaged(_source, $"row {y} of {height} cannot be unpacked");
    }

    /// <summary>Undoes a row's filter (PNG section 9).</summary>
    /// <returns>False if the filter is unknown.</returns>
    private static bool Unfilter(byte filter, ReadOnlySpan<byte> filtered, Span<byte> row, ReadOnlySpan<byte> above, int bytes, int pixel)
    {
        Span<byte> left = row, x = row.Slice(pixel, bytes);
        ReadOnlySpan<byte> corner = above, up = above.Slice(pixel, bytes);
        filtered = filtered[..(bytes + Slack)];
        switch (filter)
        {
            case 0:
                filtered[..bytes].CopyTo(x);
                return true;
            case 1:
                for (int i = 0; i < x.Length; i++)
                    x[i] = (byte)(filtered[i] + left[i]);
                return true;
            case 2:
                for (int i = 0; i < bytes; i += Vector128<byte>.Count)
                    (Vector128.Create(filtered[i..]) + Vector128.Create(above[(pixel + i)..])).CopyTo(row[(pixel + i)..]);
                return true;
            case 3:
                for (int i = 0; i < x.Length; i++)
                    x[i] = (byte)(filtered[i] + ((left[i] + up[i]) >> 1));
                return true;
            case 4 when pixel >= 3:
                PaethByPixels(filtered, row, above, bytes, pixel);
                return true;
            case 4:
                for (int i = 0; i < x.Length; i++)
                {
                    int a = left[i], b = up[i], c = corner[i];
                    int pa = Math.Abs(b - c), pb = Math.Abs(a - c), pc = Math.Abs(a + b - 2 * c);
                    x[i] = (byte)(filtered[i] + (pa <= pb && pa <= pc ? a : pb <= pc ? b : c));
                }
                return true;
            default:
                return false;
        }
    }

    /// <summary>
    /// The Paeth filter for pixels of 3 to 8 bytes, which do not depend on each other. Eight lanes are computed and written; those beyond
    /// the pixel are wrong, and the next pixel overwrites them.
    /// </summary>
    private static void PaethByPixels(ReadOnlySpan<byte> filtered, Span<byte> row, ReadOnlySpan<byte> above, int bytes, int pixel)
    {
        Vector128<short> a = default, c = default;
        for (int i = 0; i < bytes; i += pixel)
        {
            Vector128<short> b = Eight(above[(pixel + i)..]);
            Vector128<short> pa = Vector128.Abs(b - c), pb = Vector128.Abs(a - c), pc = Vector128.Abs(a + b - c - c);
            Vector128<short> best = Vector128.ConditionalSelect(
                Vector128.LessThanOrEqual(pa, Vector128.Min(pb, pc)), a,
                Vector128.ConditionalSelect(Vector128.LessThanOrEqual(pb, pc), b, c));
            a = (Eight(filtered[i..]) + best) & Vector128.Create((short)255);
            ulong packed = Vector128.Narrow(a.AsUInt16(), default).AsUInt64().ToScalar();
            BinaryPrimitives.WriteUInt64LittleEndian(row[(pixel + i)..], packed);
            c = b;
        }

        static Vector128<short> Eight(ReadOnlySpan<byte> from) =>
            Vector128.WidenLower(Vector128.CreateScalar(BinaryPrimitives.ReadUInt64LittleEndian(from)).AsByte()).AsInt16();
    }

    /// <summary>Converts a row of samples to RGB.</summary>
    private void Expand(ReadOnlySpan<byte> samples, Span<byte> rgb)
    {
        // The high byte of 16 bits, which comes first.
        int step = Math.Max(BitsPerPixel / 8, 1), channel = _depth / 8;
        if (_kind is Rgb or RgbAlpha)
        {
            for (int from = 0, to = 0; to < rgb.Length; from += step, to += 3)
                (rgb[to], rgb[to + 1], rgb[to + 2]) = (samples[from], samples[from + channel], samples[from + 2 * channel]);
        }
        else if (_kind == Palette || _depth < 8)
        {
            int perByte = 8 / _depth, most = (1 << _depth) - 1;
            for (int x = 0; x < rgb.Length / 3; x++)
            {
                int value = samples[x / perByte] >> (8 - _depth - x % perByte * _depth) & most;
                if (_kind == Palette)
                    _palette.AsSpan(3 * value, 3).CopyTo(rgb[(3 * x)..]);
                else
                    rgb.Slice(3 * x, 3).Fill((byte)(value * 255 / most));
            }
        }
        else
        {
            for (int from = 0, to = 0; to < rgb.Length; from += step, to += 3)
                rgb[to] = rgb[to + 1] = rgb[to + 2] = samples[from];
        }
    }

    /// <summary>Returns the chunk at an offset and moves the offset past it; null if no whole chunk header is left.</summary>
    private Chunk? Next(ref int at)
    {
        if (_file.Length - at < 8)
            return null;
        uint length = BinaryPrimitives.ReadUInt32BigEndian(_file.AsSpan(at));
        int there = (int)Math.Min(length, (uint)(_file.Length - at - 8));
        ReadOnlyMemory<byte> after = there == length ? _file.AsMemory(Math.Min(at + 8 + there, _file.Length)) : default;
        var chunk = new Chunk(_file.AsMemory(at + 4, 4 + there), after);
        at = (int)Math.Min((long)at + 12 + length, _file.Length);
        return chunk;
    }

    /// <summary>A chunk: its type and its data, as far as the file has them, and the bytes after them.</summary>
    private readonly record struct Chunk(ReadOnlyMemory<byte> Checked, ReadOnlyMemory<byte> After)
    {
        public ReadOnlyMemory<byte> Data => Checked[4..];

        public string Name => string.Concat(Checked.Span[..4].ToArray().Select(b => char.IsAsciiLetter((char)b) ? (char)b : '?'));

        /// <summary>Whether the chunk is critical: a decoder that does not know it must refuse the file.</summary>
        public bool Critical => (Checked.Span[0] & 0x20) == 0;

        public bool Is(ReadOnlySpan<byte> type) => Checked.Span.StartsWith(type);

        /// <summary>Whether all of it is there and its checksum is right.</summary>
        public bool Whole => After.Length >= 4 && Crc32.HashToUInt32(Checked.Span) == BinaryPrimitives.ReadUInt32BigEndian(After.Span);
    }

    /// <summary>The data of the IDAT chunks, one after the other.</summary>
    private sealed class DataStream(PngDecoder png, CancellationToken cancel) : Stream
    {
        // Deflate grows by an eighth at worst, and an encoder may flush after each row. More is a file of empty blocks: each costs a microsecond
        // and unpacks to nothing.
        private readonly long _most = png.UnpackedBytes * 9 / 8 + 16 * png.Rows + (1 << 16);
        private int _at = png._data;
        private long _count;
        private ReadOnlyMemory<byte> _left;
        private Chunk? _chunk;

        /// <summary>Whether the file ended before the compressed data.</summary>
        public bool Truncated { get; private set; }

        public override int Read(Span<byte> to)
        {
            while (_left.Length == 0)
            {
                // Checked once the chunk was read to its end: damage after the last pixel does not matter.
                if (_chunk is { After.Length: >= 4, Whole: false })
                    throw Damaged(png._source, "a checksum is wrong");
                _chunk = png.Next(ref _at);
                Truncated = _chunk is not { After.Length: > 0 };
                if (_chunk is not { } chunk || !chunk.Is("IDAT"u8))
                    return 0;
                _left = chunk.Data;
            }
            // Checked here, because one row may consume much input.
            cancel.ThrowIfCancellationRequested();
            int count = Math.Min(to.Length, _left.Length);
            if ((_count += count) > _most)
                throw Damaged(png._source, $"its picture does not end within {_most} packed bytes");
            _left.Span[..count].CopyTo(to);
            _left = _left[count..];
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
