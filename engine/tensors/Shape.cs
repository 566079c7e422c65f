using System.Numerics;

namespace Iba.Engine.Tensors;

/// <summary>
/// The extents of a tensor, outermost first. Images are (N, H, W, C), convolution weights (K, R, S, C), logits (N, K).
/// Every shape that can be constructed is valid: each extent is at least 1, and <see cref="Count"/> fits an <see cref="int"/>.
/// </summary>
public readonly record struct Shape
{
    private readonly int[]? _dims;

    /// <param name="dims">One extent per axis, outermost first.</param>
    /// <exception cref="ShapeException">An extent is below 1.</exception>
    /// <exception cref="TensorSizeException">The product exceeds <see cref="int.MaxValue"/>.</exception>
    public Shape(params ReadOnlySpan<int> dims)
    {
        long count = 1;
        foreach (int dim in dims)
        {
            if (dim < 1)
                throw new ShapeException(Words(dims), "it is no shape", "Every extent must be at least 1.");
            // Two factors below 2^31 fit a long. A product above int.MaxValue is not multiplied further, so it cannot overflow.
            if (count <= int.MaxValue)
                count *= dim;
        }
        if (count > int.MaxValue)
            throw TooLarge(dims);
        (_dims, Count) = (dims.ToArray(), (int)count);
    }

    /// <summary>One extent per axis, each at least 1.</summary>
    public ReadOnlySpan<int> Dims => _dims;

    /// <summary>The number of elements; 0 for <c>default</c>, which has no axes.</summary>
    public int Count { get; }

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

    /// <summary>Elements per image or row: the product of all extents but <see cref="N"/>.</summary>
    public int Row => Count / N;

    /// <summary>The same extents with <paramref name="n"/> images or rows.</summary>
    /// <exception cref="ShapeException"><paramref name="n"/> is below 1.</exception>
    /// <exception cref="TensorSizeException">The element count exceeds <see cref="int.MaxValue"/>.</exception>
    public Shape WithN(long n) => n <= int.MaxValue
        ? new([(int)Math.Max(n, int.MinValue), .. Dims[1..]])
        : throw new TensorSizeException(
            $"{n} images or rows of {new Shape([1, .. Dims[1..]])}", "they are more than one tensor can hold", "Take fewer at a time.");

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dims.SequenceEqual(other.Dims);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        int hash = 17;
        foreach (int dim in Dims)
            hash = HashCode.Combine(hash, dim);
        return hash;
    }

    /// <inheritdoc/>
    public override string ToString() => Words(Dims);

    private static string Words(ReadOnlySpan<int> dims) => $"({string.Join(", ", dims.ToArray())})";

    private static TensorSizeException TooLarge(ReadOnlySpan<int> dims)
    {
        BigInteger count = 1;
        foreach (int dim in dims)
            count *= dim;
        return new TensorSizeException(
            $"a tensor {Words(dims)}",
            $"it would hold {count} elements, {count * sizeof(float) >> 20} MiB, and the upper bound is {int.MaxValue} elements",
            "Take fewer or smaller images at a time.");
    }
}

/// <summary>Extents that do not form a valid shape, or shapes that an op or a verb cannot combine.</summary>
/// <param name="subject">The shape, the op or the verb.</param>
/// <param name="reason">What is wrong with it.</param>
/// <param name="remedy">What is accepted.</param>
public class ShapeException(string subject, string reason, string remedy) : IbaException(subject, reason, remedy)
{
    /// <param name="op">The op, as it prints itself.</param>
    /// <param name="shapes">The shapes of its inputs.</param>
    /// <param name="wants">The shapes that the op accepts, in words.</param>
    public ShapeException(string op, IEnumerable<Shape> shapes, string wants)
        : this(op, $"cannot take {string.Join(" and ", shapes)}", $"It takes {wants}.")
    {
    }
}

/// <summary>A tensor would hold more elements than <see cref="int.MaxValue"/>. Fewer images or rows may fit.</summary>
/// <param name="subject">The shape.</param>
/// <param name="reason">The elements that it would hold.</param>
/// <param name="remedy">The next step.</param>
public sealed class TensorSizeException(string subject, string reason, string remedy) : ShapeException(subject, reason, remedy);
