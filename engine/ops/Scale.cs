using Iba.Engine.Autograd;
using Iba.Engine.Backends;

namespace Iba.Engine.Ops;

/// <summary>y = factor x;  dy/dx = factor</summary>
public readonly record struct Scale(float Factor) : IUnary
{
    /// <inheritdoc/>
    public V At<V>(V x) where V : struct, ILanes<V> => x * Factor;

    /// <inheritdoc/>
    public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => dy * Factor;
}

public static partial class Operations
{
    extension(Value)
    {
        /// <summary>Records factor x.</summary>
        public static Value operator *(Value x, float factor) => x.Map(new Scale(factor));
    }
}
