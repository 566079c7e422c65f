using Iba.Engine.Autograd;
using Iba.Engine.Backends;

namespace Iba.Engine.Ops;

/// <summary>y = ln x;  dy/dx = 1 / x</summary>
public readonly record struct Log : IUnary
{
    /// <inheritdoc/>
    public V At<V>(V x) where V : struct, ILanes<V> => Lanes.Log(x);

    /// <inheritdoc/>
    public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => dy * (1f / x);
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records the natural logarithm.</summary>
        public Value Log() => x.Map(new Log());
    }
}
