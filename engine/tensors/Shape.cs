namespace Engine.Tensors;

/// <summary>
/// The extents of a tensor, outermost first. Images are (N, H, W, C), convolution weights (K, R, S, C), logits (N, K).
/// </summary>
/// <param name="Dims">One extent per axis, each at least 1.</param>
public readonly record struct Shape(params int[] Dims)
{
    /// <summary>How many numbers a tensor of this shape holds.</summary>
    /// <exception cref="OverflowException">The product does not fit an <see cref="int"/>: split the batch.</exception>
    public int Count
    {
        get
        {
            int product = 1;
            foreach (int dim in Dims)
                product = checked(product * dim);
            return product;
        }
    }

    /// <summary>The number of axes.</summary>
    public int Rank => Dims.Length;

    /// <summary>Images in a batch, or rows: the outermost extent.</summary>
    public int N => Dims[0];

    /// <summary>Height of an (N, H, W, C) tensor.</summary>
    public int H => Dims[1];

    /// <summary>Width of an (N, H, W, C) tensor.</summary>
    public int W => Dims[2];

    /// <summary>Channels, or columns: the innermost extent.</summary>
    public int C => Dims[^1];

    /// <summary>Numbers per image or row: everything but <see cref="N"/>.</summary>
    public int Row => Count / N;

    /// <summary>The same extents with another number of images or rows.</summary>
    public Shape WithN(int n) => new([n, .. Dims[1..]]);

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dims.AsSpan().SequenceEqual(other.Dims);

    /// <inheritdoc/>
    public override int GetHashCode() => Dims.Aggregate(17, HashCode.Combine);

    /// <inheritdoc/>
    public override string ToString() => $"({string.Join(", ", Dims)})";
}

/// <summary>Shapes met in an op that cannot join them.</summary>
/// <param name="op">The op, as it prints itself.</param>
/// <param name="shapes">The shapes it was given.</param>
/// <param name="wants">What the op takes, in words.</param>
public sealed class ShapeException(string op, IEnumerable<Shape> shapes, string wants)
    : ArgumentException($"{op}: cannot take {string.Join(" and ", shapes)}; it takes {wants}.");
