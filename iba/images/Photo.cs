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

    /// <summary>The EXIF orientation that <see cref="Pixels"/> still carry; upright where the file names none.</summary>
    public Orientation Orientation { get; }

    /// <summary>The photo as it was meant to be seen: its orientation is carried out. Itself when there is nothing to do.</summary>
    public Photo Upright()
    {
        if (Orientation == Orientation.Upright)
            return this;
        bool transposed = Orientation >= Orientation.Transpose;
        bool fromRight = Orientation is Orientation.MirrorHorizontally or Orientation.RotateHalf
            or Orientation.Transverse or Orientation.RotateCounterclockwise;
        bool fromBottom = Orientation is Orientation.RotateHalf or Orientation.MirrorVertically
            or Orientation.RotateClockwise or Orientation.Transverse;
        (int width, int height) = transposed ? (Height, Width) : (Width, Height);
        byte[] upright = new byte[Pixels.Length];
        for (int y = 0, to = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++, to += 3)
            {
                (int column, int row) = transposed ? (y, x) : (x, y);
                if (fromRight)
                    column = Width - 1 - column;
                if (fromBottom)
                    row = Height - 1 - row;
                int from = 3 * (row * Width + column);
                upright[to] = Pixels[from];
                upright[to + 1] = Pixels[from + 1];
                upright[to + 2] = Pixels[from + 2];
            }
        }
        return new Photo(upright, width, height, Source);
    }
}
