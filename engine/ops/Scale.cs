using Engine.Autograd;
using Engine.Backends;

namespace Engine.Ops;

/// <summary>y = factor x;  dy/dx = factor</summary>
public readonly record struct Scale(float Factor) : IUnary
{
    /// <inheritdoc/>
    public float At(float x) => x * Factor;

    /// <inheritdoc/>
    public float Slope(float x, float y) => Factor;
}

public static partial class Operations
{
    extension(Value)
    {
        /// <summary>Records factor x.</summary>
        public static Value operator *(Value x, float factor) => x.Map(new Scale(factor));
    }
}
