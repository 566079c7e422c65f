using Iba.Datasets;
using Iba.Shapes.Exact;
using Iba.Shapes.Forms;
using Iba.Shapes.Scenes;

namespace Iba.Shapes;

/// <summary>
/// Pictures made by rule, in which the evidence for the class is known: one to three objects of one form on cluttered ground, among
/// fragments of no class. The form alone decides the class; colour, texture, place, size, turn and number are drawn alike for all.
/// Image <c>index</c> of a seed is a function of (seed, index) in exact arithmetic: the same pixels on every machine, in every order and on
/// any number of threads; and its scene is the same at every size. The label is index mod 10. Train and test sets take different seeds.
/// </summary>
public sealed class ShapesDataset
{
    /// <summary>Changes with the pixels: two builds of one version draw the same pictures.</summary>
    public const int Version = 1;

    /// <summary>The width and height of pictures, pixels, unless another is asked for.</summary>
    public const int DefaultSize = 224;

    /// <summary>Lower bound of the size: a smaller object is not recognisable.</summary>
    public const int MinSize = 32;

    /// <summary>Above this a picture would take minutes.</summary>
    public const int MaxSize = 2048;

    /// <summary>The data set of a seed.</summary>
    /// <exception cref="DatasetException">The size is out of bounds.</exception>
    public ShapesDataset(ulong seed = 0, int size = DefaultSize)
    {
        if (size is < MinSize or > MaxSize)
        {
            throw new DatasetException(
                "shapes", $"pictures of {size} x {size} pixels cannot be made", $"Choose a size from {MinSize} to {MaxSize}");
        }
        (Seed, Size) = (seed, size);
    }

    /// <summary>The class names; a label is a position here, and the alphabetical order is that of class folders.</summary>
    public static IReadOnlyList<string> Classes { get; } = [.. FormClass.All.Select(c => c.Name)];

    /// <summary>What all pictures derive from.</summary>
    public ulong Seed { get; }

    /// <summary>Width and height of a picture, pixels.</summary>
    public int Size { get; }

    /// <summary>The class of an image: labels take turns, so every run of ten images holds every class once.</summary>
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
