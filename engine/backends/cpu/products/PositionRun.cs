using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// A run of positions along one axis of a result that use the same taps of the kernel, all inside the operand. Position i (below Count) of
/// the run is position Out + i OutStep of the result. Its tap t (below Taps) is tap Tap + t TapStep of the kernel and reads position
/// In + i InStep + t InTapStep of the operand. The runs of both axes divide a convolution into matrix products without padding, and without
/// multiplications by zeros that padding or a stride would insert.
/// </summary>
internal readonly record struct PositionRun(
    int Out, int OutStep, int Count, int In, int InStep, int Tap, int TapStep, int InTapStep, int Taps)
{
    /// <summary>
    /// The runs of a convolution's output, for an input axis of <paramref name="extent"/> pixels: an edge, the middle, an edge.
    /// </summary>
    public static PositionRun[] Forward(ConvGeometry geometry, int extent)
    {
        var runs = new List<PositionRun>();
        for (int p = 0; p < geometry.Output(extent); p++)
        {
            int corner = p * geometry.Stride - geometry.Padding;
            int first = Math.Max(0, -corner);
            int taps = Math.Max(0, Math.Min(geometry.Kernel, extent - corner) - first);
            Append(runs, new(p, 1, 1, corner + first, geometry.Stride, first, 1, 1, taps));
        }
        return [.. runs];
    }

    /// <summary>
    /// The runs of the gradient of an input axis of <paramref name="extent"/> pixels. Pixel h was tap r of output p where
    /// h + padding = p stride + r: with r0 the remainder of h + padding by the stride, taps r0, r0 + stride, ... over p, p - 1, ...
    /// </summary>
    public static PositionRun[] Backward(ConvGeometry geometry, int extent)
    {
        (int kernel, int stride, int padding) = (geometry.Kernel, geometry.Stride, geometry.Padding);
        int outputs = geometry.Output(extent);
        var runs = new List<PositionRun>();
        for (int phase = 0; phase < stride; phase++)
        {
            for (int h = phase; h < extent; h += stride)
            {
                (int p, int r) = Math.DivRem(h + padding, stride);
                int first = Math.Max(0, p - (outputs - 1));
                int taps = Math.Max(0, Math.Min(p, (kernel - 1 - r + stride) / stride - 1) - first + 1);
                Append(runs, new(h, stride, 1, p - first, 1, r + first * stride, stride, -1, taps));
            }
        }
        return [.. runs];
    }

    private static void Append(List<PositionRun> runs, PositionRun next)
    {
        if (next.Taps == 0)
            next = next with { In = 0, InStep = 0, Tap = 0 };
        if (runs.Count > 0 && runs[^1] is var last && last with { Out = next.Out, Count = 1, In = next.In } == next
            && next.Out == last.Out + last.Count * last.OutStep && next.In == last.In + last.Count * last.InStep)
            runs[^1] = last with { Count = last.Count + 1 };
        else
            runs.Add(next);
    }
}
