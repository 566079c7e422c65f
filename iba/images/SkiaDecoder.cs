using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Iba.Engine.Files;
using SkiaSharp;

namespace Iba.Images;

/// <summary>
/// Decodes JPEG, WebP and BMP with Skia, to the same bytes as Pillow: JPEG and BMP in scanlines, WebP as a whole. It never decodes at a reduced
/// scale, which gives other bytes.
/// </summary>
internal sealed class SkiaDecoder : PhotoDecoder
{
    private const int RowsAtOnce = 16;

    private readonly byte[] _file;
    private readonly string _source;

    /// <exception cref="ImageException">The header is damaged or truncated.</exception>
    public SkiaDecoder(byte[] file, string source, SKEncodedImageFormat format)
    {
        (_file, _source) = (file, source);
        using var codec = new Codec(file);
        if (codec.Opened?.EncodedFormat != format)
        {
            throw codec.Result == SKCodecResult.IncompleteInput
                ? Truncated(source, file.Length, "before its header does")
                : Damaged(source, $"its header is not that of a {format} ({codec.Result})");
        }
        (Width, Height) = (codec.Opened.Info.Width, codec.Opened.Info.Height);
        long pixels = (long)Width * Height;
        if (format == SKEncodedImageFormat.Jpeg)
        {
            JpegHeader header = JpegHeader.Read(file);
            (HeldBytes, Orientation) = (header.CoefficientBytes + 4L * Width * RowsAtOnce, header.Orientation);
            Nanoseconds = 20 * pixels + 8L * file.Length + 70 * header.BlockVisits;
        }
        else if (format == SKEncodedImageFormat.Webp)
        {
            // libwebp decodes a lossy picture directly into the result; for a lossless one, or one with alpha, it allocates a second buffer.
            bool lossy = file.AsSpan(12).StartsWith("VP8 "u8), lossless = file.AsSpan(12).StartsWith("VP8L"u8);
            HeldBytes = pixels * (lossy ? 4 : 9);
            Nanoseconds = 25 * pixels + (lossless ? 10L : 100L) * file.Length;
            Orientation = WebpOrientation(file);
        }
        else
        {
            HeldBytes = codec.Opened.StartScanlineDecode(Wanted) == SKCodecResult.Success ? 12L * Width * RowsAtOnce : pixels * 4;
            Nanoseconds = 20 * pixels;
        }
    }

    public override int Width { get; }

    public override int Height { get; }

    public override Orientation Orientation { get; }

    public override long HeldBytes { get; }

    public override long Nanoseconds { get; }

    // Unpremul, and no colour space: anything else changes the bytes.
    private SKImageInfo Wanted => new(Width, Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);

    public override void Decode(IPhotoRows rows, CancellationToken cancel)
    {
        // Native calls that may take seconds: starting a progressive JPEG reads all of its scans, and WebP has no scanlines.
        using Codec codec = Abandonable.Run(() => Begin(cancel), cancel);
        int stride = 4 * Width;
        byte[] rgb = new byte[3 * Width];
        for (int first = 0; first < Height; first += RowsAtOnce)
        {
            int count = Math.Min(RowsAtOnce, Height - first);
            ReadOnlySpan<byte> some = codec.Rows(first, count, stride, out int there);
            if (there < count)
                throw Truncated(_source, _file.Length, $"at row {first + there} of {Height}");
            // A BMP that begins with its last row gives the rows of each call in reverse order.
            int top = codec.BottomUp ? Height - first - count : first;
            for (int i = 0; i < count; i++)
            {
                cancel.ThrowIfCancellationRequested();
                ReadOnlySpan<byte> rgba = some.Slice(i * stride, stride);
                for (int from = 0, to = 0; to < rgb.Length; from += 4, to += 3)
                    (rgb[to], rgb[to + 1], rgb[to + 2]) = (rgba[from], rgba[from + 1], rgba[from + 2]);
                rows.Add(top + i, rgb);
            }
        }
    }

    private Codec Begin(CancellationToken cancel)
    {
        var codec = new Codec(_file);
        try
        {
            SKCodecResult result = codec.Begin(Wanted);
            cancel.ThrowIfCancellationRequested();
            return result switch
            {
                SKCodecResult.Success => codec,
                SKCodecResult.IncompleteInput => throw Truncated(_source, _file.Length, "before the picture does"),
                _ => throw Damaged(_source, $"{result}"),
            };
        }
        catch
        {
            codec.Dispose();
            throw;
        }
    }

    /// <summary>Skia's codec on the bytes of a file, which it does not copy.</summary>
    private sealed unsafe class Codec : IDisposable
    {
        private readonly SKData _data;
        private readonly SKMemoryStream _stream;
        private GCHandle _file;
        private byte[]? _whole, _some;

        public Codec(byte[] file)
        {
            _file = GCHandle.Alloc(file, GCHandleType.Pinned);
            _data = SKData.Create(_file.AddrOfPinnedObject(), file.Length);
            _stream = new SKMemoryStream(_data);
            Opened = SKCodec.Create(_stream, out SKCodecResult result);
            Result = result;
        }

        /// <summary>Null if the header could not be read.</summary>
        public SKCodec? Opened { get; }

        public SKCodecResult Result { get; }

        /// <summary>Starts decoding by scanlines, or decodes everything if the format has none.</summary>
        public SKCodecResult Begin(SKImageInfo wanted)
        {
            SKCodecResult result = Opened!.StartScanlineDecode(wanted);
            if (result == SKCodecResult.Success)
            {
                _some = GC.AllocateUninitializedArray<byte>(wanted.RowBytes * RowsAtOnce);
                return result;
            }
            _whole = GC.AllocateUninitializedArray<byte>(wanted.BytesSize);
            fixed (byte* to = _whole)
                return Opened.GetPixels(wanted, (nint)to);
        }

        /// <summary>The next rows, RGBA, and how many of them the file has.</summary>
        public ReadOnlySpan<byte> Rows(int first, int count, int stride, out int there)
        {
            if (_whole is not null)
            {
                there = count;
                return _whole.AsSpan(first * stride, count * stride);
            }
            fixed (byte* to = _some)
                there = Opened!.GetScanlines((nint)to, count, stride);
            return _some;
        }

        /// <summary>Whether the file stores its last row first.</summary>
        public bool BottomUp => _whole is null && Opened!.ScanlineOrder == SKCodecScanlineOrder.BottomUp;

        public void Dispose()
        {
            Opened?.Dispose();
            _stream.Dispose();
            _data.Dispose();
            if (_file.IsAllocated)
                _file.Free();
        }
    }

    /// <summary>The orientation of a WebP: its container is RIFF, chunks of a name, a length and data of even length.</summary>
    private static Orientation WebpOrientation(ReadOnlySpan<byte> file)
    {
        for (long at = 12; at + 8 <= file.Length;)
        {
            ReadOnlySpan<byte> chunk = file[(int)at..];
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            if (chunk.StartsWith("EXIF"u8) && length <= chunk.Length - 8)
                return Exif.OrientationOf(chunk.Slice(8, (int)length));
            at += 8 + length + length % 2;
        }
        return Orientation.Upright;
    }
}
