using Iba.Engine.Backends;

namespace Tests.Readme;

/// <summary>y = tanh x = 2 / (1 + e^-2x) - 1;  dx = (1 - y²) dy</summary>
public readonly record struct Tanh : IUnary
{
    public V At<V>(V x) where V : struct, ILanes<V> => 2f / (1f + Lanes.Exp(-2f * x)) - 1f;
    public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => dy * (1f - y * y);
}
