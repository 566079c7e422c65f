namespace Engine.Tensors;

/// <summary>
/// float32 numbers in a shape, contiguous, on a device. A tensor has no history: that is a <c>Value</c>.
/// Several tensors may lie in one storage (an arena), each at its own offset.
/// </summary>
/// <param name="Shape">The extents.</param>
/// <param name="Storage">The device's memory.</param>
/// <param name="Offset">Where in the storage the tensor begins, in numbers.</param>
public sealed record Tensor(Shape Shape, IStorage Storage, long Offset = 0)
{
    /// <summary>A tensor that is only asked for its shape: there is no memory behind it.</summary>
    public static Tensor WithoutData(Shape shape) => new(shape, NoStorage.Instance);

    /// <summary>The tensor of another shape that begins <paramref name="offset"/> numbers into this one and shares its memory.</summary>
    public Tensor View(long offset, Shape shape) => new(shape, Storage, Offset + offset);

    /// <summary>Images <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> of the batch, sharing memory.</summary>
    public Tensor Rows(int first, int count) => View((long)first * Shape.Row, Shape.WithN(count));

    private sealed class NoStorage : IStorage
    {
        public static readonly NoStorage Instance = new();

        public void Dispose()
        {
        }
    }
}

/// <summary>A device's memory behind tensors. Only the backend that made it can read it.</summary>
public interface IStorage : IDisposable;
