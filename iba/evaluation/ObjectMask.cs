using Iba.Datasets;
using Iba.Images;

namespace Iba.Evaluation;

/// <summary>
/// The objects in the network's crop of a photo: the union of their boxes (paper, section 4.5) or an exact mask, resized and cropped like the photo
/// itself, so that its edges are soft.
/// </summary>
public sealed class ObjectMask
{
    // With more coverage than this, a random map finds the object too often (paper, section 4.5).
    private const double LargestCoverage = 0.33;

    // More than half of the pixel belongs to a box.
    private const byte Half = 128;

    private readonly bool[] _inside;
    private readonly string? _nothing;

    /// <param name="soft">H x W: 255 inside, 0 outside, between them at the edges.</param>
    public ObjectMask(byte[] soft) : this(soft, null) { }

    private ObjectMask(byte[] soft, string? nothing)
    {
        _nothing = nothing;
        _inside = [.. soft.Select(value => value >= Half)];
        Pixels = _inside.Count(inside => inside);
        Coverage = soft.Average(value => value / 255.0);
    }

    /// <summary>n, the number of pixels inside: those whose soft mask is at least 128.</summary>
    public int Pixels { get; }

    /// <summary>
    /// The mean of the soft mask, 0 to 1, which decides whether the photo <see cref="Counts"/>. It differs by border pixels from the
    /// expected score of a random map, which is n / (H W).
    /// </summary>
    public double Coverage { get; }

    /// <summary>
    /// Whether the paper would evaluate the photo: the objects cover at most a third of it, and the crop contains some of them.
    /// </summary>
    public bool Counts => Pixels > 0 && Coverage <= LargestCoverage;

    /// <summary>Why the photo is not evaluated, worded to follow its name; null if it <see cref="Counts"/>.</summary>
    public string? LeftOut => Counts ? null
        : _nothing is not null ? _nothing
        : Pixels == 0 ? "the network's crop keeps none of its boxes"
        : FormattableString.Invariant($"its boxes cover {Coverage:0.000} of what the network sees, more than {LargestCoverage}");

    /// <summary>The mask of an annotated photo.</summary>
    /// <param name="annotation">The boxes.</param>
    /// <param name="extents">Width and height of the photo, pixels.</param>
    /// <param name="source">The photo's name in messages.</param>
    /// <param name="preprocessing">How the photo is resized and cropped.</param>
    public static ObjectMask Of(Annotation annotation, (int Width, int Height) extents, string source, Preprocessing preprocessing)
    {
        byte[] mask = annotation.Mask(extents.Width, extents.Height);
        string? nothing = annotation.Objects.Count == 0 ? "its annotation has no box"
            : !mask.AsSpan().Contains((byte)255) ? "none of its boxes covers a pixel of the photo: they are empty or lie outside"
            : null;
        return new ObjectMask(preprocessing.Apply(mask, extents.Width, extents.Height, source), nothing);
    }

    /// <summary>The mask in a grey picture of the photo's size: 255 where an object is, 0 elsewhere.</summary>
    /// <param name="path">The picture.</param>
    /// <param name="extents">Width and height of the photo, pixels.</param>
    /// <param name="preprocessing">How the photo is resized and cropped.</param>
    /// <param name="cancellation">Stops reading.</param>
    /// <exception cref="ImageException">The picture cannot be read.</exception>
    /// <exception cref="DatasetException">It has another size than the photo, or colours.</exception>
    public static ObjectMask Read(string path, (int Width, int Height) extents, Preprocessing preprocessing, CancellationToken cancellation = default)
    {
        Photo picture = PhotoFile.Open(path, cancellation).Pixels(cancel: cancellation);
        (int width, int height) = extents;
        if ((picture.Width, picture.Height) != extents)
        {
            throw new DatasetException(
                path, $"the mask has {picture.Width} x {picture.Height} pixels, its photo {width} x {height}", "Give it the photo's size");
        }
        var grey = new byte[width * height];
        for (int i = 0; i < grey.Length; i++)
        {
            ReadOnlySpan<byte> colour = picture.Pixels.AsSpan(3 * i, 3);
            grey[i] = colour[0];
            if (colour.ContainsAnyExcept(colour[0]))
            {
                throw new DatasetException(
                    path, $"the mask is coloured (row {i / width}, column {i % width})", "Make it white where the object is and black elsewhere");
            }
        }
        return new ObjectMask(preprocessing.Apply(grey, width, height, path));
    }

    /// <summary>
    /// The fraction of a map's n highest pixels that lies inside, 0 to 1 (paper, section 4.5). Pixels that tie for the last places share
    /// those places equally.
    /// </summary>
    /// <exception cref="ArgumentException">The map has another size or contains NaN.</exception>
    /// <exception cref="InvalidOperationException">The mask is empty.</exception>
    public double Score(Heatmap map)
    {
        Check(map);
        float[] sorted = [.. map.Values];
        Array.Sort(sorted);
        float last = sorted[^Pixels];
        int above = 0, tied = 0, insideAbove = 0, insideTied = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            if (map.Values[i] > last)
                (above, insideAbove) = (above + 1, insideAbove + (_inside[i] ? 1 : 0));
            else if (map.Values[i] == last)
                (tied, insideTied) = (tied + 1, insideTied + (_inside[i] ? 1 : 0));
        }
        return (insideAbove + (double)(Pixels - above) * insideTied / tied) / Pixels;
    }

    /// <summary>
    /// The share of a map's sum that lies inside. Unlike <see cref="Score"/> it depends on the map's values and not on their order alone, and a few
    /// extreme values can decide it. Of a signed map it may be any number, as the sum may be small. NaN where the sum is not positive, or is not more than
    /// the rounding of its terms.
    /// </summary>
    /// <exception cref="ArgumentException">The map has another size or contains NaN.</exception>
    /// <exception cref="InvalidOperationException">The mask is empty.</exception>
    public double MassInside(Heatmap map)
    {
        Check(map);
        // Each value is rounded to a float, by 2⁻²⁴ of its magnitude at most.
        const double Rounding = 1.0 / (1 << 24);
        double sum = 0, inside = 0, magnitudes = 0;
        for (int i = 0; i < _inside.Length; i++)
        {
            sum += map.Values[i];
            inside += _inside[i] ? map.Values[i] : 0;
            magnitudes += Math.Abs(map.Values[i]);
        }
        return sum > Rounding * magnitudes ? inside / sum : double.NaN;
    }

    /// <summary>
    /// The pointing game (Zhang et al. 2016): 1 if the map's highest pixel lies inside, 0 otherwise. Of several highest pixels, the share that lies inside.
    /// </summary>
    /// <exception cref="ArgumentException">The map has another size or contains NaN.</exception>
    /// <exception cref="InvalidOperationException">The mask is empty.</exception>
    public double Hits(Heatmap map)
    {
        Check(map);
        float highest = map.Max;
        int tied = 0, inside = 0;
        for (int i = 0; i < _inside.Length; i++)
        {
            if (map.Values[i] == highest)
                (tied, inside) = (tied + 1, inside + (_inside[i] ? 1 : 0));
        }
        return (double)inside / tied;
    }

    private void Check(Heatmap map)
    {
        if (map.Values.Length != _inside.Length)
            throw new ArgumentException($"a map of {map.Values.Length} pixels does not fit a mask of {_inside.Length} pixels", nameof(map));
        if (Array.Exists(map.Values, float.IsNaN))
            throw new ArgumentException("the map holds NaN: its pixels have no order", nameof(map));
        if (Pixels == 0)
            throw new InvalidOperationException("no box is left in the crop: there is nothing to find");
    }
}
