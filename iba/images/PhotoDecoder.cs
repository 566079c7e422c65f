namespace Iba.Images;

/// <summary>The decoder of one image file. Constructing it reads the header only.</summary>
internal abstract class PhotoDecoder
{
    /// <summary>Pixels per row.</summary>
    public abstract int Width { get; }

    /// <summary>Rows.</summary>
    public abstract int Height { get; }

    /// <summary>The EXIF orientation that the file names.</summary>
    public virtual Orientation Orientation => Orientation.Upright;

    /// <summary>Upper bound of the bytes that decoding holds at once, without the file itself.</summary>
    public abstract long HeldBytes { get; }

    /// <summary>
    /// An upper bound of the time that decoding and resizing take, in nanoseconds on one core of a server of 2025 (AMD EPYC, Zen 5): measured on
    /// noise, on flat pictures, and on files made to be slow.
    /// </summary>
    public abstract long Nanoseconds { get; }

    /// <summary>Decodes every pixel to 8-bit RGB, row by row.</summary>
    /// <exception cref="ImageException">The file is damaged or truncated.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public abstract void Decode(IPhotoRows rows, CancellationToken cancel);

    protected static ImageException Damaged(string source, string what) =>
        new(source, $"the file is damaged: {what}", "Fetch it again, or open and save it with an image program");

    protected static ImageException Truncated(string source, long bytes, string where) =>
        new(source, $"the file is truncated: it ends after {bytes} bytes, {where}", "Fetch or copy it again");
}
