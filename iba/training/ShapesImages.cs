using Iba.Datasets;
using Iba.Images;
using Microsoft.Win32.SafeHandles;

namespace Iba.Training;

/// <summary>
/// Rendered images of the shapes data set, kept in one file of plain bytes, image after image, because rendering is slower than
/// training. The file grows block by block; cut short anywhere, it is completed from its last whole image on.
/// </summary>
public sealed class ShapesImages : IDisposable
{
    private const int Block = 64;

    private readonly SafeFileHandle _file;

    private ShapesImages(SafeFileHandle file, string name, int side, int count) => (_file, Description, Side, Count) = (file, $"{count} of {name}", side, count);

    /// <summary>What they are, in words.</summary>
    public string Description { get; }

    /// <summary>Rows and columns of an image.</summary>
    public int Side { get; }

    /// <summary>Images.</summary>
    public int Count { get; }

    /// <summary>Bytes of an image: Side x Side x 3.</summary>
    public int ImageBytes => Bytes(Side);

    /// <summary>Opens the file of a data set, rendering what it lacks on all cores.</summary>
    /// <param name="folder">Where the file is or will be.</param>
    /// <param name="dataset">What to render.</param>
    /// <param name="view">What to keep of every picture.</param>
    /// <param name="side">The size to which preprocessing resizes photos before it crops them.</param>
    /// <param name="count">Images wanted.</param>
    /// <param name="progress">Told how many are there.</param>
    /// <param name="cancellation">Stops between blocks; what was rendered is kept.</param>
    public static ShapesImages Open(
        string folder, ShapesDataset dataset, ShapesView view, int side, int count, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        Directory.CreateDirectory(folder);
        string name = $"shapes-v{ShapesDataset.Version}-seed{dataset.Seed}-{dataset.Size}-{view}-{side}".ToLowerInvariant();
        string path = Path.Combine(folder, $"{name}.rgb");
        if (!File.Exists(path) || new FileInfo(path).Length < (long)count * Bytes(side))
            Complete(path, dataset, view, side, count, progress, cancellation);
        return new ShapesImages(File.OpenHandle(path), name, side, count);
    }

    private static void Complete(
        string path, ShapesDataset dataset, ShapesView view, int side, int count, IProgress<double>? progress, CancellationToken cancellation)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        var resize = new Preprocessing { Resize = side, Crop = side };
        for (int done = (int)(RandomAccess.GetLength(file) / Bytes(side)), next; done < count; done = next)
        {
            next = Math.Min(done + Block, count);
            byte[] block = new byte[(next - done) * Bytes(side)];
            int first = done;
            Parallel.For(0, next - first, new ParallelOptions { CancellationToken = cancellation }, i =>
                resize.Apply(view.Render(dataset, first + i)).Crop.Pixels.CopyTo(block.AsSpan(i * Bytes(side))));
            RandomAccess.Write(file, block, (long)first * Bytes(side));
            progress?.Report(next);
        }
    }

    /// <summary>Reads an image: Side x Side x 3 bytes, R,G,B.</summary>
    public void Read(int index, Span<byte> to)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        long at = (long)index * ImageBytes;
        while (to.Length > 0)
        {
            int read = RandomAccess.Read(_file, to, at);
            if (read == 0)
                throw new EndOfStreamException("the file of rendered images was cut short while in use: run again");
            to = to[read..];
            at += read;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static int Bytes(int side) => side * side * 3;
}
