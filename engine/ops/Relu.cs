using Iba.Engine.Autograd;
using Iba.Engine.Backends;

namespace Iba.Engine.Ops;

/// <summary>y = max(x, 0);  dx = dy where y is positive, 0 where y is at most 0. NaN propagates.</summary>
public readonly record struct Relu : IUnary
{
    /// <inheritdoc/>
    public V At<V>(V x) where V : struct, ILanes<V> => V.Max(0f, x);

    /// <inheritdoc/>
    public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => V.Gated(dy, y);

    /// <inheritdoc/>
    public static bool IsRelu => true;
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records max(x, 0).</summary>
        public Value Relu() => x.Map(new Relu());
    }
}
