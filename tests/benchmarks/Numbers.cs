using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Benchmarks;

/// <summary>Tensors to compute with.</summary>
internal static class Numbers
{
    /// <summary>Numbers between -1 and 1.</summary>
    public static Tensor Random(this IBackend backend, Shape shape)
    {
        var random = new Random(shape.Count);
        var numbers = new float[shape.Count];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = random.NextSingle() * 2 - 1;
        Tensor x = backend.Allocate(shape);
        backend.Upload(numbers, x);
        return x;
    }
}
