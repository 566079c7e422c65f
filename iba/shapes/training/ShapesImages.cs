using Iba.Engine.Files;
using Iba.Images;
using Microsoft.Win32.SafeHandles;

namespace Iba.Shapes.Training;

/// <summary>
/// Rendered images of the shapes data set, kept in one file of plain bytes, image after image, because rendering is slower than
/// training. The file is written block by block; a second file beside it has the SHA-256 of every image. If a file was cut short or changed,
/// images are rendered again from the first damaged one on.
/// </summary>
public sealed class ShapesImages : IDisposable
{
    private const int Block = 64;

    private readonly SafeFileHandle _file;

    private ShapesImages(SafeFileHandle file, string name, int side, int count) =>
        (_file, Description, Side, Count) = (file, $"{count} of {name}", side, count);

    /// <summary>A description of the images.</summary>
    public string Description { get; }

    /// <summary>Rows and columns of an image.</summary>
    public int Side { get; }

    /// <summary>Images.</summary>
    public int Count { get; }

    /// <summary>Bytes of an image: Side x Side x 3.</summary>
    public int ImageBytes => Bytes(Side);

    /// <summary>Opens the file of a data set and renders missing images on all cores.</summary>
    /// <param name="folder">The folder of the file.</param>
    /// <param name="dataset">The data set to render.</param>
    /// <param name="view">The part of every picture to keep.</param>
    /// <param name="side">The size to which preprocessing resizes photos before it crops them.</param>
    /// <param name="count">The number of images.</param>
    /// <param name="progress">Called with the number of images in the file.</param>
    /// <param name="damaged">Called with a message if an image's hash is wrong; images are rendered again from there on.</param>
    /// <param name="cancellation">Stops between blocks; what was rendered is kept.</param>
    public static ShapesImages Open(
        string folder, ShapesDataset dataset, ShapesView view, int side, int count, IProgress<double>? progress = null, Action<string>? damaged = null,
        CancellationToken cancellation = default)
    {
        Directory.CreateDirectory(folder);
        string name = $"shapes-v{ShapesDataset.Version}-seed{dataset.Seed}-{dataset.Size}-{view}-{side}".ToLowerInvariant();
        string path = Path.Combine(folder, $"{name}.rgb");
        int whole = Whole(path, Bytes(side), count, damaged, cancellation);
        if (whole < count)
            Complete(path, dataset, view, side, whole, count, progress, cancellation);
        return new ShapesImages(File.OpenHandle(path), name, side, count);
    }

    /// <summary>The number of leading images whose hashes are right.</summary>
    private static int Whole(string path, int bytes, int count, Action<string>? damaged, CancellationToken cancellation)
    {
        if (!File.Exists(path) || !File.Exists(SumsOf(path)))
            return 0;
        using SafeFileHandle file = File.OpenHandle(path), sums = File.OpenHandle(SumsOf(path));
        int written = (int)Math.Min(count, RandomAccess.GetLength(sums) / Sha256Hash.Bytes);
        byte[] image = new byte[bytes], sum = new byte[Sha256Hash.Bytes];
        for (int i = 0; i < written; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (RandomAccess.Read(file, image, (long)i * bytes) < bytes || RandomAccess.Read(sums, sum, (long)i * sum.Length) < sum.Length
                || !Sha256Hash.Of(image).AsSpan().SequenceEqual(sum))
            {
                damaged?.Invoke($"{path}: image {i} is damaged; it and the images after it are rendered again");
                return i;
            }
        }
        return written;
    }

    private static void Complete(
        string path, ShapesDataset dataset, ShapesView view, int side, int whole, int count, IProgress<double>? progress, CancellationToken cancellation)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        using SafeFileHandle sums = File.OpenHandle(SumsOf(path), FileMode.OpenOrCreate, FileAccess.ReadWrite);
        // The images after the first damaged one are rendered again, too.
        RandomAccess.SetLength(sums, (long)whole * Sha256Hash.Bytes);
        var resize = new Preprocessing { Resize = side, Crop = side };
        int bytes = Bytes(side);
        for (int done = whole, next; done < count; done = next)
        {
            next = Math.Min(done + Block, count);
            byte[] block = new byte[(next - done) * bytes], hashes = new byte[(next - done) * Sha256Hash.Bytes];
            int first = done;
            Parallel.For(0, next - first, new ParallelOptions { CancellationToken = cancellation }, i =>
            {
                Span<byte> image = block.AsSpan(i * bytes, bytes);
                resize.Apply(view.Render(dataset, first + i)).Crop.Pixels.CopyTo(image);
                Sha256Hash.Of(image).CopyTo(hashes.AsSpan(i * Sha256Hash.Bytes));
            });
            RandomAccess.Write(file, block, (long)first * bytes);
            // The images reach the disk before their hashes do, so a hash never stands for an image that was not written.
            RandomAccess.FlushToDisk(file);
            RandomAccess.Write(sums, hashes, (long)first * Sha256Hash.Bytes);
            progress?.Report(next);
        }
        RandomAccess.FlushToDisk(sums);
    }

    private static string SumsOf(string path) => $"{path}.sha256";

    /// <summary>Reads an image: Side x Side x 3 bytes, R,G,B.</summary>
    public void Read(int index, Span<byte> to)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        long at = (long)index * ImageBytes;
        while (to.Length > 0)
        {
            int read = RandomAccess.Read(_file, to, at);
            if (read == 0)
                throw new EndOfStreamException("the file of rendered images was truncated while in use: run again");
            to = to[read..];
            at += read;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static int Bytes(int side) => side * side * 3;
}
