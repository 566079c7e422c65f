using Iba.Engine.Autograd;
using Iba.Engine.Backends;

namespace Iba.Engine.Ops;

/// <summary>y = 1 / (1 + e^-x);  dy/dx = y (1 - y)</summary>
public readonly record struct Sigmoid : IUnary
{
    /// <inheritdoc/>
    public V At<V>(V x) where V : struct, ILanes<V>
    {
        // e^-|x| cannot overflow. For x below 0, y = e^x / (1 + e^x): y is small there, and this form does not double its error.
        V small = Lanes.Exp(x | V.Bits(0x80000000));
        return V.Select(x < 0f, small, 1f) / (1f + small);
    }

    /// <inheritdoc/>
    public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => dy * (y * (1f - y));
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records 1 / (1 + e^-x).</summary>
        public Value Sigmoid() => x.Map(new Sigmoid());
    }
}
