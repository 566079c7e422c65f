using Engine.Autograd;
using Engine.Backends;

namespace Engine.Ops;

/// <summary>y = 1 / (1 + e^-x);  dy/dx = y (1 - y)</summary>
public readonly record struct Sigmoid : IUnary
{
    /// <inheritdoc/>
    public float At(float x) => 1f / (1f + MathF.Exp(-x));

    /// <inheritdoc/>
    public float Slope(float x, float y) => y * (1f - y);
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records 1 / (1 + e^-x).</summary>
        public Value Sigmoid() => x.Map(new Sigmoid());
    }
}
