using System.Runtime.CompilerServices;

namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>The destination of a gradient's terms: they overwrite it, or are added to it.</summary>
internal readonly unsafe struct Sink(float* to, bool adds)
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put<V>(int i, V term) where V : struct, ILanes<V> => V.Store(adds ? V.Load(to + i) + term : term, to + i);
}
