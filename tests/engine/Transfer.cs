using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Tests.Engine;

/// <summary>Numbers to a backend and back.</summary>
internal static class Transfer
{
    extension(IBackend on)
    {
        /// <summary>A tensor of those numbers.</summary>
        public Tensor Tensor(Shape shape, params float[] numbers)
        {
            Tensor x = on.Allocate(shape);
            on.Upload(numbers, x);
            return x;
        }

        /// <summary>What a tensor holds.</summary>
        public float[] Numbers(Tensor x) => on.Read(x);
    }
}
