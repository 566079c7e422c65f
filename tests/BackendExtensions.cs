using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Tests;

/// <summary>New tensors with elements. Their memory is freed with the backend.</summary>
internal static class BackendExtensions
{
    extension(IBackend on)
    {
        /// <summary>A tensor with these elements.</summary>
        public Tensor Tensor(Shape shape, params float[] elements)
        {
            Tensor x = on.Allocate(shape);
            on.Upload(elements, x);
            return x;
        }

        /// <summary>A tensor of random elements between -1 and 1, the same for the same shape.</summary>
        public Tensor Random(Shape shape)
        {
            var random = new Random(shape.Count);
            return on.Tensor(shape, [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextSingle() * 2 - 1)]);
        }
    }
}
