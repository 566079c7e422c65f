using Engine.Autograd;
using Engine.Backends;

namespace Engine.Ops;

/// <summary>y = max(x, 0);  dy/dx = 1 where y is positive</summary>
public readonly record struct Relu : IUnary
{
    /// <inheritdoc/>
    public V At<V>(V x) where V : struct, ILanes<V> => V.Max(x, 0f);

    /// <inheritdoc/>
    public V Slope<V>(V x, V y) where V : struct, ILanes<V> => V.Select(y > 0f, 1f, 0f);
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records max(x, 0).</summary>
        public Value Relu() => x.Map(new Relu());
    }
}
