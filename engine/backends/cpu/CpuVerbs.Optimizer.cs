using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <inheritdoc/>
    public void Adam(Tensor p, Tensor dp, Tensor m, Tensor v, Tensor step, AdamSettings settings)
    {
        // As in PyTorch: the bias corrections in double precision, the rest in float32, in PyTorch's order.
        double t = *Read(step) + 1.0;
        double correction1 = 1 - Math.Pow(settings.Beta1, t);
        double correction2 = 1 - Math.Pow(settings.Beta2, t);
        Each(p, new AdamAt(
            Write(p), Read(dp), Write(m), Write(v),
            (float)settings.Beta1, (float)(1 - settings.Beta1), (float)settings.Beta2, (float)(1 - settings.Beta2),
            (float)Math.Sqrt(correction2), (float)settings.Epsilon, (float)-(settings.LearningRate / correction1)));
    }

    /// <inheritdoc/>
    public void SgdMomentum(Tensor p, Tensor dp, Tensor velocity, SgdSettings settings) => Each(p, new SgdAt(
        Write(p), Read(dp), Write(velocity), (float)settings.Momentum, (float)settings.WeightDecay, (float)-settings.LearningRate));

    /// <inheritdoc/>
    public void Append(Tensor x, Tensor step, Tensor history)
    {
        int count = x.Shape.Count, rows = history.Shape.Count / count;
        float row = *Read(step);
        if (!(row >= 0 && row < rows))
            throw new ArgumentOutOfRangeException(nameof(step), row, $"the history {history.Shape} has rows 0 to {rows - 1}: it is full.");
        new ReadOnlySpan<float>(Read(x), count).CopyTo(new Span<float>(Write(history) + (long)row * count, count));
    }

    /// <inheritdoc/>
    public void Advance(Tensor step) => *Write(step) += 1f;

    private readonly struct AdamAt(
        float* p, float* dp, float* m, float* v,
        float beta1, float rest1, float beta2, float rest2, float root, float epsilon, float rate) : IPointwise
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(int i, int feature) where V : struct, ILanes<V>
        {
            V g = V.Load(dp + i);
            V mean = V.Fma(g, rest1, V.Load(m + i) * beta1);
            V square = V.Fma(rest2 * g, g, V.Load(v + i) * beta2);
            V.Store(mean, m + i);
            V.Store(square, v + i);
            V.Store(V.Load(p + i) + rate * mean / (V.Sqrt(square) / root + epsilon), p + i);
        }
    }

    private readonly struct SgdAt(float* p, float* dp, float* velocity, float momentum, float decay, float rate) : IPointwise
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(int i, int feature) where V : struct, ILanes<V>
        {
            V x = V.Load(p + i);
            V v = V.Load(velocity + i) * momentum + V.Fma(x, decay, V.Load(dp + i));
            V.Store(v, velocity + i);
            V.Store(V.Fma(v, rate, x), p + i);
        }
    }
}
