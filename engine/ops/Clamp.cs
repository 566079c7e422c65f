using Iba.Engine.Autograd;
using Iba.Engine.Backends;

namespace Iba.Engine.Ops;

/// <summary>y = min(max(x, Low), High);  dx = dy where Low &lt;= x &lt;= High, else 0</summary>
public readonly record struct Clamp(float Low, float High) : IUnary
{
    /// <inheritdoc/>
    public V At<V>(V x) where V : struct, ILanes<V> => V.Max(Low, V.Min(High, x));

    /// <inheritdoc/>
    public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => V.Select(V.Same(x, y), dy, 0f);
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records x clamped to [low, high].</summary>
        public Value Clamp(float low, float high) => x.Map(new Clamp(low, high));
    }
}
