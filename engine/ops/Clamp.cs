using Engine.Autograd;
using Engine.Backends;

namespace Engine.Ops;

/// <summary>y = x held in [Low, High];  dy/dx = 1 inside, bounds included</summary>
public readonly record struct Clamp(float Low, float High) : IUnary
{
    /// <inheritdoc/>
    public float At(float x) => Math.Clamp(x, Low, High);

    /// <inheritdoc/>
    public float Slope(float x, float y) => x >= Low && x <= High ? 1f : 0f;
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records x held in [low, high].</summary>
        public Value Clamp(float low, float high) => x.Map(new Clamp(low, high));
    }
}
