namespace Iba.Images;

/// <summary>Decoded pixels: 8-bit RGB, H x W x 3, interleaved, rows from the top, no gaps.</summary>
public sealed class Photo
{
    /// <summary>Wraps pixels without copying them.</summary>
    /// <param name="pixels">H x W x 3 bytes.</param>
    /// <param name="width">Pixels per row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="source">Where the pixels come from, for messages: usually the path of the file.</param>
    /// <param name="orientation">The EXIF orientation that the pixels still carry.</param>
    /// <exception cref="ArgumentException">The extents are not positive, or the pixels do not fill them.</exception>
    public Photo(byte[] pixels, int width, int height, string source, Orientation orientation = Orientation.Upright)
    {
        if (width <= 0 || height <= 0 || pixels.Length != 3L * width * height)
            throw new ArgumentException($"{source}: {pixels.Length} bytes cannot be {width} x {height} RGB pixels");
        (Pixels, Width, Height, Source, Orientation) = (pixels, width, height, source, orientation);
    }

    /// <summary>H x W x 3 bytes.</summary>
    public byte[] Pixels { get; }

    /// <summary>Pixels per row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Where the pixels come from.</summary>
    public string Source { get; }

    /// <summary>The EXIF orientation that was not applied to <see cref="Pixels"/>; upright if the file has none.</summary>
    public Orientation Orientation { get; }

    /// <summary>The photo with its EXIF orientation applied; the same object if it is upright already.</summary>
    public Photo Upright()
    {
        if (Orientation == Orientation.Upright)
            return this;
        var upright = new PhotoPixels(Width, Height, Orientation);
        for (int y = 0; y < Height; y++)
            upright.Add(y, Pixels.AsSpan(3 * y * Width, 3 * Width));
        return new Photo(upright.Pixels, upright.Width, upright.Height, Source);
    }
}

/// <summary>The whole picture with an orientation applied.</summary>
internal sealed class PhotoPixels(int storedWidth, int storedHeight, Orientation orientation) : IPhotoRows
{
    private readonly Upright _upright = new(orientation);

    public int Width { get; } = new Upright(orientation).Extents(storedWidth, storedHeight).Width;

    public int Height { get; } = new Upright(orientation).Extents(storedWidth, storedHeight).Height;

    public byte[] Pixels { get; } = GC.AllocateUninitializedArray<byte>(3 * storedWidth * storedHeight);

    public void Add(int y, ReadOnlySpan<byte> row)
    {
        if (_upright.FromBottom)
            y = storedHeight - 1 - y;
        int at = _upright.Transposed ? y : y * storedWidth, step = _upright.Transposed ? storedHeight : 1;
        if (_upright.FromRight)
            (at, step) = (at + (storedWidth - 1) * step, -step);
        if (step == 1)
        {
            row.CopyTo(Pixels.AsSpan(3 * at));
            return;
        }
        for (int from = 0; from < row.Length; from += 3, at += step)
            row.Slice(from, 3).CopyTo(Pixels.AsSpan(3 * at));
    }
}
