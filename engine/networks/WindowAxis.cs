using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>
/// Along one axis of a layer's output, for each of several patches of the image: the pixels that the patch can change, and the window in which they
/// are computed. All windows have one size, so that they form a batch. Pixels of a window that the patch cannot change may be wrong.
/// </summary>
internal sealed class WindowAxis
{
    private WindowAxis(int extent, (int From, int To)[] changed, int[] origins, int size) =>
        (Extent, Changed, Origins, Size) = (extent, changed, origins, size);

    /// <summary>Pixels of the whole image.</summary>
    public int Extent { get; }

    /// <summary>The pixels that a patch can change, from the first to the one after the last.</summary>
    public (int From, int To)[] Changed { get; }

    /// <summary>First pixels of the windows; below 0 where one begins before the image.</summary>
    public int[] Origins { get; }

    /// <summary>Pixels of a window.</summary>
    public int Size { get; }

    /// <summary>Adjacent patches of an image.</summary>
    /// <param name="extent">Pixels of the image.</param>
    /// <param name="patch">Pixels of a patch; the last one is cut off at the image's edge.</param>
    /// <param name="numbers">Which patches.</param>
    public static WindowAxis OfPatches(int extent, int patch, int[] numbers) => new(extent,
        [.. numbers.Select(i => (i * patch, Math.Min(extent - i * patch, patch) + i * patch))], [.. numbers.Select(i => i * patch)], Math.Min(patch, extent));

    /// <summary>The smallest windows with all that a patch can change.</summary>
    public WindowAxis Tight() => Around(Changed, Changed.Max(range => Math.Max(range.To - range.From, 1)));

    /// <summary>The whole image for each patch.</summary>
    public WindowAxis Whole() => new(Extent, Changed, new int[Origins.Length], Extent);

    /// <summary>The same windows, of which another input of the layer changes pixels too; null if these lie outside.</summary>
    public WindowAxis? With(WindowAxis other)
    {
        for (int i = 0; i < Origins.Length; i++)
        {
            (int from, int to) = other.Changed[i];
            if (from < to && (from < Origins[i] || to > Origins[i] + Size))
                return null;
        }
        return new WindowAxis(Extent, [.. Changed.Zip(other.Changed, Hull)], Origins, Size);
    }

    /// <summary>Whether the windows are the same, whatever may be changed in them.</summary>
    public bool IsLike(WindowAxis other) => Size == other.Size && Origins.AsSpan().SequenceEqual(other.Origins);

    /// <summary>The windows of a convolution's or a pooling's input and output.</summary>
    /// <param name="geometry">Its geometry.</param>
    /// <param name="tile">Side of the squares that it computes together: <see cref="IBackend.Tile"/>.</param>
    public (WindowAxis Input, WindowAxis Output) Through(ConvGeometry geometry, int tile)
    {
        (int kernel, int stride, int padding) = (geometry.Kernel, geometry.Stride, geometry.Padding);
        int extent = geometry.Output(Extent);
        (int From, int To)[] changed = [.. Changed.Select(Reached)];
        if (tile > 1)
        {
            int[] corners = [.. changed.Select(range => Math.Min(range.From, extent - 1) / tile * tile)];
            int size = tile * changed.Zip(corners, (range, corner) => (Math.Max(range.To - corner, 1) + tile - 1) / tile).Max();
            return (
                new WindowAxis(Extent, Changed, [.. corners.Select(corner => corner - padding)], size + 2 * padding),
                new WindowAxis(extent, changed, corners, size));
        }
        // An output is right if all that its kernel covers lies in the window, or beyond the image where window and image end together. Windows begin at
        // multiples of the stride; so the last window, which ends with the image, must.
        (int From, int To)[] read = [.. changed.Select(range =>
            (Math.Max(0, Math.Min(range.From, extent - 1) * stride - padding) / stride * stride,
            Math.Min(Extent, (Math.Max(range.To, 1) - 1) * stride - padding + kernel)))];
        int needed = Math.Min(Extent, read.Max(range => Math.Max(range.To - range.From, 1)));
        needed += (Extent - needed) % stride;
        WindowAxis input = Around(read, needed);
        return (input, new WindowAxis(extent, changed, [.. input.Origins.Select(origin => origin / stride)], geometry.Output(needed)));

        // An output o covers inputs o stride - padding to o stride - padding + kernel - 1.
        (int From, int To) Reached((int From, int To) range)
        {
            if (range.From >= range.To)
                return (0, 0);
            int first = Math.Max(0, (range.From + padding - kernel + stride) / stride), end = (range.To - 1 + padding) / stride + 1;
            if (tile > 1)
                (first, end) = (Math.Min(first, range.From / tile * tile), Math.Max(end, (range.To - 1) / tile * tile + tile));
            end = Math.Min(end, extent);
            return first < end ? (first, end) : (0, 0);
        }
    }

    /// <summary>Windows of that size that begin with the ranges, or earlier if they would exceed the image.</summary>
    private WindowAxis Around((int From, int To)[] ranges, int size) =>
        new(Extent, Changed, [.. ranges.Select(range => Math.Min(range.From, Extent - size))], size);

    private static (int From, int To) Hull((int From, int To) a, (int From, int To) b) =>
        a.From >= a.To ? b : b.From >= b.To ? a : (Math.Min(a.From, b.From), Math.Max(a.To, b.To));

    /// <summary>How these windows are inlaid into the image to give others, for one patch.</summary>
    public InlaySpan Inlaid(WindowAxis into, int number) => new(into.Origins[number], Changed[number].From, Changed[number].To, Origins[number]);
}
