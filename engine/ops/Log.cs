using Engine.Autograd;
using Engine.Backends;

namespace Engine.Ops;

/// <summary>y = ln x;  dy/dx = 1 / x</summary>
public readonly record struct Log : IUnary
{
    /// <inheritdoc/>
    public float At(float x) => MathF.Log(x);

    /// <inheritdoc/>
    public float Slope(float x, float y) => 1f / x;
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records the natural logarithm.</summary>
        public Value Log() => x.Map(new Log());
    }
}
