using Iba.Datasets;
using Iba.Shapes.Exact;
using Iba.Shapes.Forms;
using Iba.Shapes.Scenes;

namespace Iba.Shapes;

/// <summary>
/// Generated pictures in which the evidence for the class is known: one to three objects of one form on a cluttered background, among
/// fragments that belong to no class. Only the form decides the class; colour, texture, position, size, rotation and number have the same
/// distribution for all classes. Image <c>index</c> is a function of (seed, index) in exact arithmetic: the same pixels on every machine, in
/// every order and with any number of threads. Its scene is the same at every size. The label is index mod 10. Use different seeds for training
/// and test sets.
/// </summary>
public sealed class ShapesDataset
{
    /// <summary>Incremented when pixels change: equal versions draw equal pictures.</summary>
    public const int Version = 1;

    /// <summary>The default width and height of pictures, pixels.</summary>
    public const int DefaultSize = 224;

    /// <summary>Lower bound of the size: a smaller object is not recognisable.</summary>
    public const int MinSize = 32;

    /// <summary>Upper bound of the size: a larger picture would take minutes.</summary>
    public const int MaxSize = 2048;

    /// <summary>The data set of a seed.</summary>
    /// <exception cref="DatasetException">The size is out of bounds.</exception>
    public ShapesDataset(ulong seed = 0, int size = DefaultSize)
    {
        if (size is < MinSize or > MaxSize)
        {
            throw new DatasetException(
                "shapes", $"pictures of {size} x {size} pixels are out of range", $"Choose a size from {MinSize} to {MaxSize}");
        }
        (Seed, Size) = (seed, size);
    }

    /// <summary>The class names; a label is an index into them. They are in alphabetical order, like class folders.</summary>
    public static IReadOnlyList<string> Classes { get; } = [.. FormClass.All.Select(c => c.Name)];

    /// <summary>The seed of all pictures.</summary>
    public ulong Seed { get; }

    /// <summary>Width and height of a picture, pixels.</summary>
    public int Size { get; }

    /// <summary>The class of an image: any ten consecutive images contain every class once.</summary>
    public static int Label(long index) => (int)(index % FormClass.All.Count);

    /// <summary>Draws one image. Safe to call from many threads.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is negative.</exception>
    public ShapesSample Render(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        int label = Label(index);
        Scene scene = Scene.Draw(new RandomStream(Seed, index), FormClass.All[label]);
        var (rgb, owner) = Painter.Paint(scene, Size);
        return new ShapesSample
        {
            Label = label,
            Size = Size,
            Rgb = rgb,
            Mask = [.. owner.Select(o => (byte)(o > 0 ? 255 : 0))],
            Boxes = [.. Enumerable.Range(1, scene.Objects.Count).Select(o => Tight(owner, (byte)o))],
        };
    }

    private Box Tight(byte[] owner, byte number)
    {
        int left = Size, top = Size, right = 0, bottom = 0;
        for (int row = 0; row < Size; row++)
        {
            ReadOnlySpan<byte> pixels = owner.AsSpan(row * Size, Size);
            int first = pixels.IndexOf(number);
            if (first < 0)
                continue;
            (left, right) = (Math.Min(left, first), Math.Max(right, pixels.LastIndexOf(number) + 1));
            (top, bottom) = (Math.Min(top, row), row + 1);
        }
        return new Box(left, top, right, bottom);
    }
}
